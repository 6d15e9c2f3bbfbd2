/* One inference session on a graph ("execution context"). */
#ifndef WASINN_CORE_EXECUTION_H
#define WASINN_CORE_EXECUTION_H

#include "core/graph.h"

typedef struct wasinn__execution {
    wasinn__graph *graph;
    void *state;          /* the backend's; NULL when it could not be made anew */
    uint64_t *charged[2]; /* by wasinn_direction and index: bytes that the guest is charged for */
    bool *inputs_set;
    bool computed; /* the outputs are those of a compute that succeeded */
} wasinn__execution;

/* What input `index` of an execution takes; NULL: there is none. */
const wasinn_port *wasinn__execution_input(const wasinn_guest *guest, wasinn_handle execution,
                                           uint32_t index);

void wasinn__execution_free(wasinn_guest *guest, wasinn__execution *execution);

#endif
