/* One backend: its table, and its runtime, opened when first needed. */
#ifndef WASINN_CORE_BACKENDS_H
#define WASINN_CORE_BACKENDS_H

#include <pthread.h>

#include "core/observe.h"

/* Tests only: asked before each call of a backend's entry; true makes the call fail without being made. */
typedef struct wasinn__faults {
    bool (*fails)(void *data, const char *entry);
    void *data;
} wasinn__faults;

typedef struct wasinn__backend {
    struct wasinn__backend *next;
    const wasinn_backend *table; /* NULL: the file is no backend, for the reason in `problem` */
    const wasinn__faults *faults;
    char *name, *file, *problem; /* file: NULL when it is part of the program */
    char *library;               /* where its runtime is looked for first, or NULL */
    wasinn_option *options;      /* for all its models */
    size_t option_count;
    pthread_mutex_t lock; /* of the fields below */
    bool opened;
    void *runtime;
    const char *version, *path;
    const char **devices;
    size_t device_count;
} wasinn__backend;

/* Checks the table, and makes a backend of it that is not opened yet. `file` may be NULL. */
wasinn_status wasinn__backend_new(const wasinn_backend *table, const char *file, const wasinn__faults *faults,
                                  wasinn__backend **backend, wasinn_message *message);
/* One that stands for a file that is none. NULL: no memory. */
wasinn__backend *wasinn__backend_broken(const char *name, const char *file, const char *problem);
void wasinn__backend_free(wasinn__backend *backend);

/* Opens the backend's runtime unless it is open. */
wasinn_status wasinn__backend_open(wasinn__backend *backend, const wasinn__cause *cause,
                                   wasinn_message *message);

/* Asks an open runtime for its devices, once: to look for them takes longer than to load a small model. */
wasinn_status wasinn__backend_list_devices(wasinn__backend *backend, wasinn_message *message);

bool wasinn__backend_serves(const wasinn__backend *backend, wasinn_encoding encoding);

/* Whether the backend knows an option's key, and the key takes the value. */
wasinn_status wasinn__backend_check_option(wasinn__backend *backend, const wasinn_option *option,
                                           wasinn_message *message);
/* Keeps an option for all models, in the place of one with the same key. */
wasinn_status wasinn__backend_set_option(wasinn__backend *backend, const wasinn_option *option,
                                         wasinn_message *message);

#endif
