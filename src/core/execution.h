/* One inference session on a graph ("execution context"). */
#ifndef WASINN_CORE_EXECUTION_H
#define WASINN_CORE_EXECUTION_H

#include "core/graph.h"

typedef struct wasinn__execution {
    wasinn__graph *graph;
    void *state;           /* the backend's */
    uint64_t *input_bytes; /* what each input of unknown size was last set to; charged to the guest */
    bool *inputs_set;
    bool computed; /* the outputs are those of a compute that succeeded */
    uint64_t bytes;
} wasinn__execution;

void wasinn__execution_free(wasinn_guest *guest, wasinn__execution *execution);

#endif
