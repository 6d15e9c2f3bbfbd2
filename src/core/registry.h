/* A host's backends: which there are, and which of them loads what. */
#ifndef WASINN_CORE_REGISTRY_H
#define WASINN_CORE_REGISTRY_H

#include "core/backends.h"
#include "core/names.h"
#include "wasinn/cache.h"

typedef struct wasinn__registry {
    const wasinn__faults *faults;
    wasinn_cache *cache;  /* of compiled models, or NULL */
    pthread_mutex_t lock; /* of the search */
    bool searched;
    char *folders; /* to be searched before the others, or NULL */
    wasinn__backend *first;
    wasinn__backend *preferred[WASINN__ENCODINGS];
} wasinn__registry;

/* How a model is to be loaded. */
typedef struct wasinn__wanted {
    wasinn_encoding encoding;
    wasinn_target target;
    const char *backend; /* or NULL */
    const wasinn_option *options;
    size_t option_count;
} wasinn__wanted;

void wasinn__registry_init(wasinn__registry *registry, const wasinn__faults *faults);
void wasinn__registry_free(wasinn__registry *registry);

/* Adds a backend that is part of the program, before those that there are. */
wasinn_status wasinn__registry_add(wasinn__registry *registry, const wasinn_backend *table,
                                   wasinn_message *message);
/* Folders to search first. Fails once they have been searched. */
wasinn_status wasinn__registry_set_folders(wasinn__registry *registry, const char *folders,
                                           wasinn_message *message);
/* Looks for the backends that are files of their own, unless that has been done. */
wasinn_status wasinn__registry_search(wasinn__registry *registry, wasinn_message *message);
/* By name, after a search; refuses a name that no backend has. */
wasinn_status wasinn__registry_find(wasinn__registry *registry, const char *name, wasinn__backend **backend,
                                    wasinn_message *message);
wasinn_status wasinn__registry_prefer(wasinn__registry *registry, wasinn_encoding encoding, const char *name,
                                      wasinn_message *message);

/* Settles what is wanted, without opening a runtime: an encoding of autodetect becomes what the source is, or
 * stays and the backend is named whose own format that is, by a text that lives as long as the registry.
 * Fails when no backend serves it, the one that is named does not, or the one to be taken refuses an option.
 */
wasinn_status wasinn__registry_settle(wasinn__registry *registry, const wasinn_source *source,
                                      wasinn__wanted *wanted, wasinn_message *message);

/* Opens the backend that is to load what was settled: the one that is named, else the one that is preferred,
 * else the first that serves the encoding and can be opened. */
wasinn_status wasinn__registry_open(wasinn__registry *registry, const wasinn__wanted *wanted,
                                    const wasinn__cause *cause, wasinn__backend **backend,
                                    wasinn_message *message);

#endif
