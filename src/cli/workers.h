/* Guests that run at once, each on a thread of its own. */
#ifndef WASINN_CLI_WORKERS_H
#define WASINN_CLI_WORKERS_H

#include "program.h"

typedef struct wasinn__workers wasinn__workers;

/* Makes the threads that the options ask for, before anything else needs threads or memory. They wait for the
 * program. Free the workers in any case. Returns an exit code. */
int wasinn__workers_new(const wasinn__run_options *options, wasinn__workers **workers);

/* Has each run its guests: none begins before all could be started. Returns the exit code of the command. */
int wasinn__workers_run(wasinn__workers *workers, const wasinn__program *program);

/* Waits for the threads to end, and frees them. False, and nothing is done: one is in a system call of its
 * guest's, which --timeout cannot end, and goes with the process only. Accepts NULL. */
bool wasinn__workers_free(wasinn__workers *workers);

#endif
