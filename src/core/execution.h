/* One inference session on a graph ("execution context"). */
#ifndef WASINN_CORE_EXECUTION_H
#define WASINN_CORE_EXECUTION_H

#include "core/graph.h"

typedef struct wasinn__room wasinn__room;

typedef struct wasinn__execution {
    wasinn__graph *graph;
    void *state;          /* the backend's; NULL when it could not be made anew */
    uint64_t *charged[2]; /* by wasinn_direction and index: bytes that the guest is charged for */
    uint64_t own_bytes;   /* likewise, besides tensors */
    bool *inputs_set;
    bool computed;      /* the outputs are those of a compute that succeeded */
    wasinn__room *room; /* what wasinn_infer needs; NULL until then */
} wasinn__execution;

/* What input `index` of an execution takes; NULL: there is none. */
const wasinn_port *wasinn__execution_input(const wasinn_guest *guest, wasinn_handle execution,
                                           uint32_t index);

void wasinn__execution_free(wasinn_guest *guest, wasinn__execution *execution);

/* What the calls on an execution are made of. */

wasinn_status wasinn__execution_find(wasinn_guest *guest, wasinn_handle handle, wasinn__execution **execution,
                                     wasinn_message *message);
/* invalid_argument: the model has no such input or output. */
wasinn_status wasinn__execution_port(const wasinn__graph *graph, wasinn_direction direction, uint32_t index,
                                     const wasinn_port **port, wasinn_message *message);
/* Whether input `index`, which there is, takes this tensor. */
wasinn_status wasinn__execution_check(const wasinn__execution *execution, uint32_t index,
                                      const wasinn_tensor *tensor, wasinn_message *message);
/* Copies a tensor that was checked. */
wasinn_status wasinn__execution_set(wasinn_guest *guest, wasinn__execution *execution, uint32_t index,
                                    const wasinn_tensor *tensor, wasinn_message *message);
/* Whether all inputs from number `given` on have been set, and nobody has interrupted the guest. */
wasinn_status wasinn__execution_ready(const wasinn_guest *guest, const wasinn__execution *execution,
                                      size_t given, wasinn_message *message);
/* Has the backend run the model under the watchdog's eyes: in the memory given, or, where that is NULL, in
 * its own. */
wasinn_status wasinn__execution_run(wasinn_guest *guest, wasinn__execution *execution,
                                    const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                                    wasinn_message *message);
wasinn_status wasinn__execution_compute(wasinn_guest *guest, wasinn__execution *execution,
                                        wasinn_message *message);
/* Whether output `index`, which there is, has a type that can be handed out. */
wasinn_status wasinn__execution_can_give(const wasinn__execution *execution, uint32_t index,
                                         wasinn_message *message);

#endif
