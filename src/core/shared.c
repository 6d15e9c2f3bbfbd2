#include "core/shared.h"

#include <string.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/models.h"

/* Bytes that the runtime does without are kept to compare with only if they are not more than this. */
#define COMPARED_BYTES ((uint64_t)64 << 20)
#define TRIES 4

struct wasinn__shared {
    wasinn__shared_models *models;
    wasinn__model *model;
    wasinn__blobs bytes; /* the model's or its graph's */
    uint64_t hash;
    bool profiled;
    /* By the lock of the models: */
    wasinn__shared *next;
    uint64_t users, last_used;
    bool hidden; /* nobody else may have it */
};

void wasinn__shared_init(wasinn__shared_models *models) {
    pthread_mutex_init(&models->lock, NULL);
    models->seed = wasinn__random();
}

static void destroy(wasinn__shared *shared) {
    wasinn__model_free(shared->model);
    wasinn__free(shared);
}

void wasinn__shared_destroy(wasinn__shared_models *models) {
    while (models->first) {
        wasinn__shared *next = models->first->next;
        destroy(models->first);
        models->first = next;
    }
    pthread_mutex_destroy(&models->lock);
}

/* ---- Those that nobody uses any more, all by the lock ------------------------------------------------ */

static uint64_t held_by(const wasinn__shared *shared) {
    return shared->model->graph->bytes +
           wasinn__blobs_bytes(shared->model->blobs.list, shared->model->blobs.count);
}

static void unlink_one(wasinn__shared *shared) {
    wasinn__shared **link = &shared->models->first;
    while (*link != shared)
        link = &(*link)->next;
    *link = shared->next;
}

static wasinn__shared *least_used(const wasinn__shared_models *models) {
    wasinn__shared *found = NULL;
    for (wasinn__shared *one = models->first; one; one = one->next)
        if (one->users == 0 && (!found || one->last_used < found->last_used))
            found = one;
    return found;
}

/* Gives back a list of what has to go. */
static wasinn__shared *take_out(wasinn__shared_models *models) {
    wasinn__shared *out = NULL;
    while (models->kept_bytes > models->keep_bytes) {
        wasinn__shared *one = least_used(models);
        models->kept_bytes -= held_by(one);
        unlink_one(one);
        one->next = out;
        out = one;
    }
    return out;
}

void wasinn__shared_release(wasinn__shared *shared) {
    wasinn__shared_models *models = shared->models;
    wasinn__shared *out = NULL;
    pthread_mutex_lock(&models->lock);
    if (--shared->users == 0 && shared->model->graph && !shared->hidden) {
        models->kept_bytes += held_by(shared);
        shared->last_used = ++models->uses;
        out = take_out(models);
    } else if (shared->users == 0) {
        unlink_one(shared);
        shared->next = NULL;
        out = shared;
    }
    pthread_mutex_unlock(&models->lock);
    while (out) {
        wasinn__shared *next = out->next;
        destroy(out);
        out = next;
    }
}

/* ---- Finding ---------------------------------------------------------------------------------------- */

static bool may_be(const wasinn__shared *shared, uint64_t hash, const wasinn__wanted *wanted, bool profiled,
                   wasinn__shared *const *tried, size_t tries) {
    const wasinn__wanted *its = &shared->model->wanted;
    for (size_t i = 0; i < tries; i++)
        if (tried[i] == shared)
            return false;
    /* Two names of a backend are one only where they are the same text: it lives in the registry. */
    return shared->hash == hash && !shared->hidden && its->encoding == wanted->encoding &&
           its->target == wanted->target && shared->profiled == profiled &&
           (its->backend == wanted->backend ||
            (its->backend && wanted->backend && strcmp(its->backend, wanted->backend) == 0));
}

static bool equal(const wasinn__blobs *bytes, const wasinn_source *source) {
    if (bytes->count != source->blob_count)
        return false;
    for (size_t i = 0; i < bytes->count; i++)
        if (bytes->list[i].size != source->blobs[i].size)
            return false;
    for (size_t i = 0; i < bytes->count; i++)
        if (bytes->list[i].size > 0 &&
            memcmp(bytes->list[i].data, source->blobs[i].data, bytes->list[i].size) != 0)
            return false;
    return true;
}

/* One more user of it, or NULL. */
static wasinn__shared *candidate(wasinn__shared_models *models, uint64_t hash, const wasinn__wanted *wanted,
                                 bool profiled, wasinn__shared *const *tried, size_t tries) {
    wasinn__shared *one;
    pthread_mutex_lock(&models->lock);
    for (one = models->first; one && !may_be(one, hash, wanted, profiled, tried, tries); one = one->next)
        ;
    if (one && one->users++ == 0)
        models->kept_bytes -= held_by(one);
    pthread_mutex_unlock(&models->lock);
    return one;
}

static wasinn__shared *find(wasinn__shared_models *models, uint64_t hash, const wasinn_source *source,
                            const wasinn__wanted *wanted, bool profiled) {
    wasinn__shared *tried[TRIES];
    for (size_t tries = 0; tries < TRIES; tries++) {
        wasinn__shared *one = candidate(models, hash, wanted, profiled, tried, tries);
        if (!one || equal(&one->bytes, source))
            return one;
        tried[tries] = one;
        wasinn__shared_release(one);
    }
    return NULL;
}

/* ---- Loading ---------------------------------------------------------------------------------------- */

static wasinn_status make(wasinn__shared_models *models, uint64_t hash, const wasinn_source *source,
                          const wasinn__wanted *wanted, bool profiled, wasinn__shared **shared,
                          wasinn_message *message) {
    wasinn__shared *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a graph");
    wasinn_status status = wasinn__model_new(NULL, source, wanted, &made->model, message);
    if (status != WASINN_OK) {
        wasinn__free(made);
        return status;
    }
    made->models = models;
    made->bytes = made->model->blobs;
    made->hash = hash;
    made->profiled = profiled;
    made->users = 1;
    made->hidden = models->off;
    pthread_mutex_lock(&models->lock);
    made->next = models->first;
    models->first = made;
    pthread_mutex_unlock(&models->lock);
    *shared = made;
    return WASINN_OK;
}

/* After the first load: bytes that the runtime does without go, if they are many and nobody looks at them. */
static void settle(wasinn__shared *shared) {
    wasinn__blobs *bytes = &shared->model->blobs;
    pthread_mutex_lock(&shared->models->lock);
    if (bytes->count > 0 && !shared->hidden)
        shared->hidden = wasinn__blobs_bytes(bytes->list, bytes->count) > COMPARED_BYTES;
    bool unused = shared->hidden && shared->users == 1;
    pthread_mutex_unlock(&shared->models->lock);
    if (unused)
        wasinn__blobs_free(bytes);
}

/* A graph that stands for one of several guests'. */
static wasinn__graph *stand_for(wasinn__graph *graph, wasinn__shared *shared) {
    wasinn__graph *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return NULL;
    atomic_init(&made->references, 1);
    made->shared = shared;
    made->of = graph;
    made->backend = graph->backend;
    made->model = graph->model;
    made->profiled = graph->profiled;
    for (int side = 0; side < 2; side++) {
        made->ports[side] = graph->ports[side];
        made->port_counts[side] = graph->port_counts[side];
    }
    made->bytes = held_by(shared);
    return made;
}

wasinn_status wasinn__shared_load(wasinn__shared_models *models, wasinn__registry *registry,
                                  const wasinn_source *source, const wasinn__wanted *wanted,
                                  wasinn__attempt *attempt, wasinn__graph **graph, wasinn_message *message) {
    bool profiled = wasinn__profiled(&attempt->cause);
    uint64_t hash = models->off ? 0 : wasinn__sample(source->blobs, source->blob_count, models->seed);
    wasinn__shared *shared = models->off ? NULL : find(models, hash, source, wanted, profiled);
    wasinn__graph *loaded = NULL;
    bool first = !shared;
    wasinn_status status = first ? make(models, hash, source, wanted, profiled, &shared, message) : WASINN_OK;
    if (status != WASINN_OK)
        return status;
    status = wasinn__model_graph(shared->model, registry, attempt, &loaded, message);
    if (status == WASINN_OK && first)
        settle(shared);
    wasinn__graph *made = status == WASINN_OK ? stand_for(loaded, shared) : NULL;
    if (!made) {
        wasinn__graph_release(loaded);
        wasinn__shared_release(shared);
        return status == WASINN_OK ? wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a graph")
                                   : status;
    }
    *graph = made;
    return WASINN_OK;
}
