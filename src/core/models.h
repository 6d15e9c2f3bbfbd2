/* Models that the host registered by name: loaded at first use, shared by all guests. */
#ifndef WASINN_CORE_MODELS_H
#define WASINN_CORE_MODELS_H

#include "core/graph.h"

typedef struct wasinn__model {
    struct wasinn__model *next;
    char *name;            /* NULL: from bytes that a guest passed */
    char *path;            /* or NULL: it comes from the blobs */
    wasinn__blobs blobs;   /* until it has been loaded; of whoever loads it, while that is so */
    wasinn__wanted wanted; /* settled */
    char *backend;         /* that wanted names, or NULL */
    wasinn_option *options;
    pthread_mutex_t lock; /* of the fields below */
    pthread_cond_t settled;
    bool loading;
    wasinn__graph *graph;
} wasinn__model;

/* `name` may be NULL. `source`, a path or blobs, and what is wanted, which is settled, are copied. */
wasinn_status wasinn__model_new(const char *name, const wasinn_source *source, const wasinn__wanted *wanted,
                                wasinn__model **model, wasinn_message *message);
/* Whether a model may have this name and come from there. */
wasinn_status wasinn__model_check(const char *name, const wasinn_source *source, wasinn_message *message);
void wasinn__model_free(wasinn__model *model);

/* NULL: none of that name. */
wasinn__model *wasinn__models_find(wasinn__model *models, const char *name, size_t length);

/* Gives a reference to the model's graph, loading it if nobody has. A guest that comes while another one
 * loads it waits, within its own limits. */
wasinn_status wasinn__model_graph(wasinn__model *model, wasinn__registry *registry, wasinn__attempt *attempt,
                                  wasinn__graph **graph, wasinn_message *message);

#endif
