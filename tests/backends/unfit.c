/* Shared objects that are not the backends that they should be; UNFIT says in which way. */
#include "wasinn/backend.h"

#define OTHER_ABI 1
#define INCOMPLETE 2
#define NO_TABLE 3
#define NO_FUNCTION 4
#define SHORT 5

#if UNFIT == NO_FUNCTION
const wasinn_backend *another_table(void);
const wasinn_backend *another_table(void) {
    return NULL;
}
#else
const wasinn_backend *wasinn_backend_table(void) {
    static const wasinn_encoding encodings[] = {WASINN_ENCODING_ONNX};
    static const wasinn_backend table = {
        .abi_version = UNFIT == OTHER_ABI ? WASINN_BACKEND_ABI + 1 : WASINN_BACKEND_ABI,
        /* As far as a table of another layout can be known. */
        .struct_size = UNFIT == SHORT ? 16 : sizeof(wasinn_backend),
        .name = "unfit",
        .package = "nothing",
        .encodings = encodings,
        .encoding_count = 1,
    };
    return UNFIT == NO_TABLE ? NULL : &table;
}
#endif
