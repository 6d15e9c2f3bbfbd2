/* A host's backends: which serve what, opened when first needed. */
#ifndef WASINN_CORE_BACKENDS_H
#define WASINN_CORE_BACKENDS_H

#include <pthread.h>

#include "wasinn/backend.h"

/* Tests only: asked before each call of a backend's entry; true makes the call fail without being made. */
typedef struct wasinn__faults {
    bool (*fails)(void *data, const char *entry);
    void *data;
} wasinn__faults;

typedef struct wasinn__backend {
    struct wasinn__backend *next;
    const wasinn_backend *table;
    const wasinn__faults *faults;
    char *library;        /* where to look first, or NULL */
    pthread_mutex_t lock; /* of the fields below */
    bool opened;
    void *runtime;
    const char *version, *path;
} wasinn__backend;

/* Checks the table, and makes a backend of it that is not opened yet. */
wasinn_status wasinn__backend_new(const wasinn_backend *table, const wasinn__faults *faults,
                                  wasinn__backend **backend, wasinn_message *message);
void wasinn__backend_free(wasinn__backend *backend);

/* Opens the backend's runtime unless it is open. */
wasinn_status wasinn__backend_open(wasinn__backend *backend, wasinn_message *message);

/* The backend that serves an encoding; where several do, the first. For autodetect, `encoding` becomes what
 * the blobs are. */
wasinn_status wasinn__backends_find(wasinn__backend *backends, const wasinn_blob *blobs, size_t count,
                                    wasinn_encoding *encoding, wasinn__backend **found,
                                    wasinn_message *message);

#endif
