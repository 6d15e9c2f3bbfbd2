/* WebAssembly made code of this machine's, or found so in the cache. */
#ifndef WASINN_CLI_MODULE_H
#define WASINN_CLI_MODULE_H

#include <stdbool.h>

#include "wasinn/cache.h"
#include "wasinn/wasmtime.h"

typedef struct wasinn__compiler {
    wasm_engine_t *engine;
    const char *settings; /* all of the engine's that differ from Wasmtime's defaults, as text */
    wasinn_cache *cache;  /* or NULL */
} wasinn__compiler;

/* `label` is what a list of the cache shows. `cached` tells whether it was found there. The error, and the
 * module, are the caller's to free. */
wasmtime_error_t *wasinn__module_make(const wasinn__compiler *compiler, const char *label,
                                      const wasinn_blob *wasm, wasmtime_module_t **module, bool *cached);

#endif
