/* What a guest will want of wasi-nn, opened on a thread of its own while the guest is being made ready. */
#ifndef WASINN_CLI_AHEAD_H
#define WASINN_CLI_AHEAD_H

#include "models.h"

typedef struct wasinn__ahead wasinn__ahead;

/* Begins, if the guest's WebAssembly imports wasi-nn. NULL: there is nothing to do, or no thread. What fails
 * is left for the guest to meet. The host and what is named have to stay until the end. `beside` false: it is
 * done at once, on the caller's thread. */
wasinn__ahead *wasinn__ahead_start(wasinn_host *host, const wasinn__named *named, const wasinn_blob *wasm,
                                   bool beside);

/* Waits for it to come to its end. Accepts NULL. */
void wasinn__ahead_free(wasinn__ahead *ahead);

#endif
