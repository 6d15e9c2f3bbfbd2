/* Compiled models in the host's cache: found while a model is loaded, saved in the background afterwards. */
#ifndef WASINN_CORE_STORE_H
#define WASINN_CORE_STORE_H

#include "core/backends.h"
#include "core/cache.h"

/* Of one load. All zero: none. */
typedef struct wasinn__store {
    wasinn_cache *cache;
    const wasinn__backend *backend;
    const char *label;
    char *key; /* that was looked for, or NULL */
    wasinn_cache_entry *found;
    pthread_t checker; /* of what was found, if that is large */
    bool checking;
} wasinn__store;

/* One model that is being written by a thread of its own. */
typedef struct wasinn__saving wasinn__saving;

/* What find of a wasinn_model_store is; `data` is a wasinn__store. */
bool wasinn__store_find(void *data, const char *key, wasinn_blob *content);
/* Waits until what was found has been checked whole. False: it was damaged; it may be let go of, and nothing
 * is found again. */
bool wasinn__store_confirm(wasinn__store *store);
/* Lets go of all that a load has left in it. */
void wasinn__store_clear(wasinn__store *store);

/* Begins to write a model that was loaded with the store; NULL: it is not written. */
wasinn__saving *wasinn__store_save(const wasinn__store *store, wasinn__backend *backend, void *model);
/* Waits until it is written. Accepts NULL. */
void wasinn__saving_end(wasinn__saving *saving);

#endif
