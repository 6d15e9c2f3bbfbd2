/* at_once.c with the host's own call. */
#define WASI_NN_WASINN
#include "at_once.c"
