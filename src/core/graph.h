/* A loaded model. */
#ifndef WASINN_CORE_GRAPH_H
#define WASINN_CORE_GRAPH_H

#include <stdatomic.h>

#include "core/blobs.h"
#include "core/registry.h"
#include "core/store.h"

typedef struct wasinn__graph {
    atomic_uint references;
    wasinn__backend *backend;
    void *model;
    wasinn__blobs blobs;          /* while the backend keeps using them */
    wasinn_cache_entry *compiled; /* that it was found as, or NULL */
    wasinn__saving *saving;       /* into the cache, or NULL */
    wasinn_port *ports[2];        /* by wasinn_direction */
    uint32_t port_counts[2];
    uint64_t bytes; /* blobs and model */
    bool profiled;  /* it measures its layers */
    /* The guest that the bytes are charged to; NULL for a named model, which belongs to the host. */
    wasinn_guest *owner;
    /* The graph that this one stands for, because several guests have passed the same bytes, or NULL.
     * Backend, model and ports are then that one's. */
    struct wasinn__graph *of;
    struct wasinn__shared *shared;
} wasinn__graph;

/* One attempt to load: when to give up, and what is to be known when it has failed. */
typedef struct wasinn__attempt {
    uint64_t deadline;
    const atomic_bool *interrupted;
    bool saw_host;       /* the message may name files of the host */
    wasinn__cause cause; /* of what is told of it */
} wasinn__attempt;

bool wasinn__stopped(const wasinn__attempt *attempt);
/* Replaces the message by which of the two it was; returns timeout. */
wasinn_status wasinn__say_stopped(const wasinn__attempt *attempt, wasinn_message *message);

/* Where a graph comes from: a path, or bytes. */
typedef struct wasinn__origin {
    const char *name; /* that it is registered under; NULL: it is from a guest's bytes */
    const char *path;
    /* Copies, used where they are. Once a graph has been loaded they are its own, or, if the backend does
     * without, freed where the model has a name; until then they stay, for another attempt. */
    wasinn__blobs *held;
} wasinn__origin;

/* Opens the backend for what was settled (wasinn__registry_settle), and loads a model. */
wasinn_status wasinn__graph_load(wasinn__registry *registry, const wasinn__origin *origin,
                                 const wasinn__wanted *wanted, wasinn__attempt *attempt,
                                 wasinn__graph **graph, wasinn_message *message);
void wasinn__graph_retain(wasinn__graph *graph);
void wasinn__graph_release(wasinn__graph *graph);

#endif
