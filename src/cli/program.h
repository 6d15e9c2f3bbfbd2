/* A guest that is ready to run any number of times: what its runs share. */
#ifndef WASINN_CLI_PROGRAM_H
#define WASINN_CLI_PROGRAM_H

#include "run_options.h"
#include "wasinn/wasmtime.h"

typedef struct wasinn__program {
    const wasinn__run_options *options;
    wasinn_host *host; /* has the models of the options */
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    wasmtime_linker_t *linker;
    wasmtime_instance_pre_t *linked; /* the module with all that it imports */
    wasinn_wasmtime *glue;
    wasinn__stats *stats;  /* what is measured; NULL: nothing */
    uint64_t memory_bytes; /* that each run has to begin with */
} wasinn__program;

/* Reads, compiles and links the guest of the options. Close the program in any case, before the host is
 * freed. `stats` may be NULL. Returns an exit code. */
int wasinn__program_open(wasinn__program *program, const wasinn__run_options *options, wasinn_host *host,
                         wasinn__stats *stats);
void wasinn__program_close(wasinn__program *program);

/* Prints what Wasmtime says about the guest of a path, frees the error, and returns the exit code for a guest
 * that could not be started. */
int wasinn__refuse_error(const char *path, const char *what, wasmtime_error_t *error);

#endif
