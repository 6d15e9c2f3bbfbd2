/* One run of a guest: a store of its own, its folders, and what came of it. */
#ifndef WASINN_CLI_INSTANCE_H
#define WASINN_CLI_INSTANCE_H

#include <stdatomic.h>

#include "program.h"

typedef struct wasinn__instance {
    const wasinn__program *program;
    char prefix[64]; /* of messages: "guest 3, run 2: ", or "" if there is but one */
    wasmtime_store_t *store;
    wasmtime_instance_t linked;
    wasmtime_func_t entry;
    wasinn_guest *guest; /* the store's */
    uint64_t began;      /* as wasinn__stats_begin says */
    atomic_bool overdue; /* set by another thread: it has to end, as soon as its engine's epoch moves on */
    bool ended_by_epoch; /* and so it did */
    bool ended, exited;  /* the guest has come to its end; by proc_exit */
    int code;            /* then: its exit code */
} wasinn__instance;

/* Makes the store, with the rights that the options give, for guest `number`, run `run`, both from 1. Close
 * it in any case, on the same thread. Returns an exit code. */
int wasinn__instance_open(wasinn__instance *instance, const wasinn__program *program, unsigned number,
                          unsigned run);
/* Makes the guest's memory, which may run code of the guest's. Returns an exit code other than 0 if it cannot
 * be started; if it then came to its end already, only `ended` tells. */
int wasinn__instance_link(wasinn__instance *instance);
/* Runs the guest to its end, and says why if it trapped. Returns its exit code. */
int wasinn__instance_run(wasinn__instance *instance);
void wasinn__instance_close(wasinn__instance *instance);

/* The one that is open on this thread, or NULL. */
const wasinn__instance *wasinn__instance_current(void);

/* Says that --timeout ended it. */
void wasinn__instance_print_timeout(const wasinn__instance *instance);

/* proc_exit for any instance, which is found by the store that calls. Wasmtime's own refuses codes above 125,
 * which C programs use: exit(-1) is 255. */
wasm_trap_t *wasinn__instance_exit(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                   size_t count);

#endif
