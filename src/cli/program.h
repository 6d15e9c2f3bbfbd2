/* A guest that is ready to run any number of times: what its runs share. */
#ifndef WASINN_CLI_PROGRAM_H
#define WASINN_CLI_PROGRAM_H

#include "run_options.h"
#include "wasinn/cache.h"
#include "wasinn/wasmtime.h"

typedef struct wasinn__program {
    const wasinn__run_options *options;
    uint8_t *wasm; /* as read, until it is compiled */
    size_t wasm_size;
    wasinn_host *host;
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    bool module_cached; /* it was found in the cache */
    wasmtime_linker_t *linker;
    wasmtime_instance_pre_t *linked; /* the module with all that it imports */
    wasinn_wasmtime *glue;
    wasinn__stats *stats;  /* what is measured; NULL: nothing */
    uint64_t memory_bytes; /* that each run has to begin with */
} wasinn__program;

/* Reads the guest of the options. Free the program in any case. `stats` may be NULL. Returns an
 * exit code. */
int wasinn__program_read(wasinn__program *program, const wasinn__run_options *options, wasinn__stats *stats);
/* Compiles and links it. The host and the cache, which may be NULL, are borrowed. Returns an exit code. */
int wasinn__program_make(wasinn__program *program, wasinn_host *host, wasinn_cache *cache);
/* Before its host. */
void wasinn__program_free(wasinn__program *program);

/* Prints what Wasmtime says about the guest of a path, frees the error, and returns the exit code for a guest
 * that could not be started. */
int wasinn__refuse_error(const char *path, const char *what, wasmtime_error_t *error);

#endif
