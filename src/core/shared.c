#include "core/shared.h"

#include <string.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/models.h"
#include "core/watchdog.h"

/* Bytes that the runtime does without are kept to compare with only if they are not more than this. */
#define COMPARED_BYTES ((uint64_t)64 << 20)
enum { TRIES = 4 };

struct wasinn__shared {
    wasinn__shared_models *models;
    /* What is looked for. */
    uint64_t hash;
    wasinn_encoding encoding;
    wasinn_target target;
    const char *backend; /* a text of the registry's, or NULL */
    bool profiled;
    /* By the lock of the models: */
    wasinn__shared *next;
    uint64_t users, last_used;
    bool hidden; /* nobody else may have it */
    /* Once it is there; NULL while the bytes are being copied. */
    wasinn__model *model;
    wasinn__blobs bytes; /* the model's or its graph's */
};

void wasinn__shared_init(wasinn__shared_models *models) {
    pthread_mutex_init(&models->lock, NULL);
    wasinn__cond_init(&models->copied);
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
    pthread_cond_destroy(&models->copied);
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
    if (--shared->users == 0 && !shared->hidden && shared->model->graph) {
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

/* One that is looked for, and those that were found to have other bytes. */
typedef struct search {
    const wasinn_source *source;
    const wasinn__wanted *wanted;
    wasinn__shared *made; /* to be put in where there is none */
    wasinn__shared *tried[TRIES];
    size_t tries;
} search;

static bool may_be(const wasinn__shared *shared, const search *search) {
    const wasinn__shared *like = search->made;
    for (size_t i = 0; i < search->tries; i++)
        if (search->tried[i] == shared)
            return false;
    return !like->hidden && !shared->hidden && shared->hash == like->hash &&
           shared->encoding == like->encoding && shared->target == like->target &&
           shared->profiled == like->profiled && shared->backend == like->backend;
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

/* One more user of one that may be it; where there is none, the new one, which others wait for from now on.
 */
static wasinn__shared *candidate(wasinn__shared_models *models, const search *search) {
    wasinn__shared *one;
    pthread_mutex_lock(&models->lock);
    for (one = models->first; one && !may_be(one, search); one = one->next)
        ;
    if (!one) {
        one = search->made;
        one->next = models->first;
        models->first = one;
    }
    if (one->users++ == 0 && one != search->made)
        models->kept_bytes -= held_by(one);
    pthread_mutex_unlock(&models->lock);
    return one;
}

/* Whether another guest has copied its bytes. */
static wasinn_status wait_for_bytes(wasinn__shared *shared, const wasinn__attempt *attempt,
                                    wasinn_message *message) {
    wasinn__shared_models *models = shared->models;
    wasinn_status status = WASINN_OK;
    pthread_mutex_lock(&models->lock);
    while (!shared->model && !shared->hidden && status == WASINN_OK) {
        wasinn__nap(&models->copied, &models->lock);
        if (!shared->model && wasinn__stopped(attempt))
            status = wasinn__say_stopped(attempt, message);
    }
    pthread_mutex_unlock(&models->lock);
    return status;
}

/* The one that has these bytes, or the new one. */
static wasinn_status find(wasinn__shared_models *models, search *search, const wasinn__attempt *attempt,
                          wasinn__shared **shared, wasinn_message *message) {
    for (;;) {
        wasinn__shared *one = candidate(models, search);
        *shared = one;
        if (one == search->made)
            return WASINN_OK;
        wasinn_status status = wait_for_bytes(one, attempt, message);
        if (status == WASINN_OK && one->model && equal(&one->bytes, search->source))
            return WASINN_OK;
        wasinn__shared_release(one);
        if (status != WASINN_OK)
            return status;
        if (search->tries < TRIES)
            search->tried[search->tries++] = one;
        else
            search->made->hidden = true; /* so that it is like no other */
    }
}

/* ---- Loading ---------------------------------------------------------------------------------------- */

static wasinn__shared *new_one(wasinn__shared_models *models, const search *search, bool profiled) {
    wasinn__shared *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->models = models;
    made->encoding = search->wanted->encoding;
    made->target = search->wanted->target;
    made->backend = search->wanted->backend;
    made->profiled = profiled;
    made->hidden = models->off;
    if (!models->off)
        made->hash = wasinn__sample(search->source->blobs, search->source->blob_count, models->seed);
    return made;
}

static wasinn_status copy_bytes(wasinn__shared *shared, const search *search, wasinn_message *message) {
    wasinn__model *model = NULL;
    wasinn_status status = wasinn__model_new(NULL, search->source, search->wanted, &model, message);
    pthread_mutex_lock(&shared->models->lock);
    shared->model = model;
    if (model)
        shared->bytes = model->blobs;
    else
        shared->hidden = true;
    pthread_cond_broadcast(&shared->models->copied);
    pthread_mutex_unlock(&shared->models->lock);
    return status;
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

static wasinn_status load(wasinn__shared *shared, bool first, wasinn__registry *registry,
                          wasinn__attempt *attempt, wasinn__graph **graph, wasinn_message *message) {
    wasinn__graph *loaded = NULL;
    wasinn_status status = wasinn__model_graph(shared->model, registry, attempt, &loaded, message);
    if (status != WASINN_OK)
        return status;
    if (first)
        settle(shared);
    *graph = stand_for(loaded, shared);
    if (*graph)
        return WASINN_OK;
    wasinn__graph_release(loaded);
    return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a graph");
}

wasinn_status wasinn__shared_load(wasinn__shared_models *models, wasinn__registry *registry,
                                  const wasinn_source *source, const wasinn__wanted *wanted,
                                  wasinn__attempt *attempt, wasinn__graph **graph, wasinn_message *message) {
    search search = {.source = source, .wanted = wanted};
    wasinn__shared *shared;
    search.made = new_one(models, &search, wasinn__profiled(&attempt->cause));
    if (!search.made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a graph");
    wasinn_status status = find(models, &search, attempt, &shared, message);
    bool first = shared == search.made;
    if (!first)
        wasinn__free(search.made);
    if (status != WASINN_OK)
        return status;
    if (first)
        status = copy_bytes(shared, &search, message);
    if (status == WASINN_OK)
        status = load(shared, first, registry, attempt, graph, message);
    if (status != WASINN_OK)
        wasinn__shared_release(shared);
    return status;
}
