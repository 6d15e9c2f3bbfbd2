/* Models from bytes that guests pass. The same bytes are loaded once, for whichever guests: found by a hash
 * that guests cannot foresee, and taken only if they are equal to the last byte. */
#ifndef WASINN_CORE_SHARED_H
#define WASINN_CORE_SHARED_H

#include "core/graph.h"

/* One model, and how many graphs of guests stand for it. */
typedef struct wasinn__shared wasinn__shared;

/* Those of a host. */
typedef struct wasinn__shared_models {
    bool off;            /* each load is for itself */
    uint64_t keep_bytes; /* what models that nobody uses may hold */
    uint64_t seed;
    pthread_mutex_t lock; /* of the fields below */
    pthread_cond_t copied;
    uint64_t kept_bytes, uses;
    wasinn__shared *first;
} wasinn__shared_models;

void wasinn__shared_init(wasinn__shared_models *models);
/* No guest is left. */
void wasinn__shared_destroy(wasinn__shared_models *models);

/* Gives a graph of its own for these bytes, which a guest may change when this has returned. */
wasinn_status wasinn__shared_load(wasinn__shared_models *models, wasinn__registry *registry,
                                  const wasinn_source *source, const wasinn__wanted *wanted,
                                  wasinn__attempt *attempt, wasinn__graph **graph, wasinn_message *message);
/* The graph has gone. */
void wasinn__shared_release(wasinn__shared *shared);

#endif
