/* One run of a guest: a store of its own, its folders, and what came of it. */
#ifndef WASINN_CLI_INSTANCE_H
#define WASINN_CLI_INSTANCE_H

#include "program.h"

typedef struct wasinn__instance {
    const wasinn__program *program;
    wasmtime_store_t *store;
    wasinn_guest *guest; /* the store's */
    bool exited;         /* by proc_exit, with this code */
    int exit_code;
} wasinn__instance;

/* Makes the store, with the rights that the options give. Close it in any case. Returns an exit code. */
int wasinn__instance_open(wasinn__instance *instance, const wasinn__program *program);
/* Runs the guest to its end, and says why where that is not a good one. Returns an exit code. */
int wasinn__instance_run(wasinn__instance *instance);
void wasinn__instance_close(wasinn__instance *instance);

/* proc_exit for any instance, which is found by the store that calls. Wasmtime's own refuses codes above 125,
 * which C programs use: exit(-1) is 255. */
wasm_trap_t *wasinn__instance_exit(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                   size_t count);

#endif
