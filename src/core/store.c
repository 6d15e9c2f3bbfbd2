#include "core/store.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/dispatch.h"
#include "core/memory.h"
#include "os/library.h"
#include "os/processor.h"
#include "os/thread.h"

#define KIND "model"
#define NICE 10
#define LARGE ((size_t)32 << 20)

struct wasinn__saving {
    pthread_t thread;
    wasinn_cache *cache;
    wasinn_cache_writer *writer;
    wasinn__backend *backend;
    void *model;
};

/* All that a compiled model depends on; a version alone does not tell one build of a runtime from another. */
static char *whole_key(const wasinn__backend *backend, const char *key) {
    char processor[640], file[128];
    if (!wasinn__processor(processor, sizeof processor) ||
        !wasinn__library_file(backend->path, file, sizeof file))
        return NULL;
    size_t capacity = strlen(key) + strlen(processor) + strlen(backend->version) + strlen(backend->path) +
                      strlen(backend->name) + strlen(file) + 64;
    char *text = wasinn__alloc_raw(capacity);
    if (text)
        snprintf(text, capacity, "%s\n%s\n%s\n%s\n%s\n%s\n%s", WASINN_VERSION, backend->name,
                 backend->version, backend->path, file, processor, key);
    return text;
}

/* Its result is NULL for what is whole. */
static void *check(void *data) {
    wasinn__store *store = data;
    return wasinn__cache_check(store->cache, store->found) ? NULL : store;
}

/* A large model is checked to its end while the runtime takes it apart, which takes much longer. */
bool wasinn__store_find(void *data, const char *key, wasinn_blob *content) {
    wasinn__store *store = data;
    if (store->key)
        return false;
    store->key = whole_key(store->backend, key);
    if (!store->key || !wasinn__cache_find_ends(store->cache, KIND, store->key, strlen(store->key), LARGE,
                                                &store->found, content))
        return false;
    store->checking = content->size > LARGE && wasinn__thread_start(&store->checker, check, store);
    if (content->size <= LARGE || store->checking || !check(store))
        return true;
    wasinn_cache_release(store->found);
    store->found = NULL;
    return false;
}

bool wasinn__store_confirm(wasinn__store *store) {
    void *damaged = NULL;
    if (store->checking)
        pthread_join(store->checker, &damaged);
    store->checking = false;
    return !damaged;
}

void wasinn__store_clear(wasinn__store *store) {
    wasinn__store_confirm(store);
    wasinn__free(store->key);
    wasinn_cache_release(store->found);
    *store = (wasinn__store){0};
}

static void *save(void *data) {
    wasinn__saving *saving = data;
    char text[512] = "";
    wasinn_message problem = {text, sizeof text};
    /* The guest computes meanwhile. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    wasinn_status status =
        wasinn__dispatch_save(saving->backend, saving->model, wasinn_cache_path(saving->writer), &problem);
    if (status != WASINN_OK)
        wasinn__cache_tell(saving->cache, "cache '%s': a compiled model is not kept: %s",
                           wasinn_cache_folder(saving->cache), text);
    wasinn_cache_end(saving->writer, status == WASINN_OK);
    return NULL;
}

wasinn__saving *wasinn__store_save(const wasinn__store *store, wasinn__backend *backend, void *model) {
    wasinn__saving *saving = store->key ? wasinn__alloc(1, sizeof *saving) : NULL;
    if (!saving)
        return NULL;
    *saving = (wasinn__saving){.cache = store->cache, .backend = backend, .model = model};
    saving->writer = wasinn_cache_begin(store->cache, KIND, store->key, strlen(store->key), store->label);
    if (!saving->writer) {
        wasinn__free(saving);
        return NULL;
    }
    wasinn_cache_retain(saving->cache);
    if (wasinn__thread_start(&saving->thread, save, saving))
        return saving;
    wasinn_cache_end(saving->writer, false);
    wasinn_cache_free(saving->cache);
    wasinn__free(saving);
    return NULL;
}

void wasinn__saving_end(wasinn__saving *saving) {
    if (!saving)
        return;
    pthread_join(saving->thread, NULL);
    wasinn_cache_free(saving->cache);
    wasinn__free(saving);
}
