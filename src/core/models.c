#include "core/models.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/options.h"
#include "core/text.h"
#include "core/watchdog.h"

wasinn_status wasinn__model_check(const char *name, const wasinn_source *source, wasinn_message *message) {
    struct stat information;
    if (name[0] == '\0' || !wasinn__utf8_valid(name, strlen(name)))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "the name is %s",
                             name[0] ? "not UTF-8" : "empty");
    if (source->kind == WASINN_SOURCE_PATH &&
        (stat(source->path, &information) != 0 || access(source->path, R_OK) != 0))
        return wasinn_refuse(message, WASINN_NOT_FOUND, "cannot read '%s': %s", source->path,
                             strerror(errno));
    return WASINN_OK;
}

static wasinn_status copy_source(wasinn__model *model, const wasinn_source *source, wasinn_message *message) {
    if (source->kind == WASINN_SOURCE_BLOBS)
        return wasinn__blobs_copy(source->blobs, source->blob_count, &model->blobs, message);
    model->path = wasinn__copy_text(source->path, strlen(source->path));
    return model->path ? WASINN_OK : wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a model");
}

static wasinn_status copy_wanted(wasinn__model *model, const wasinn__wanted *wanted,
                                 wasinn_message *message) {
    size_t count;
    if (wanted->backend && !(model->backend = wasinn__copy_text(wanted->backend, strlen(wanted->backend))))
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a model");
    wasinn_status status = wasinn__options_merge(wanted->options, wanted->option_count, NULL, 0,
                                                 &model->options, &count, message);
    if (status == WASINN_OK)
        model->wanted =
            (wasinn__wanted){wanted->encoding, wanted->target, model->backend, model->options, count};
    return status;
}

wasinn_status wasinn__model_new(const char *name, const wasinn_source *source, const wasinn__wanted *wanted,
                                wasinn__model **model, wasinn_message *message) {
    char *copy = name ? wasinn__copy_text(name, strlen(name)) : NULL;
    wasinn__model *made = copy || !name ? wasinn__alloc(1, sizeof *made) : NULL;
    if (!made) {
        wasinn__free(copy);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a model");
    }
    made->name = copy;
    pthread_mutex_init(&made->lock, NULL);
    wasinn__cond_init(&made->settled);
    wasinn_status status = copy_source(made, source, message);
    if (status == WASINN_OK)
        status = copy_wanted(made, wanted, message);
    if (status != WASINN_OK) {
        wasinn__model_free(made);
        return status;
    }
    *model = made;
    return WASINN_OK;
}

void wasinn__model_free(wasinn__model *model) {
    if (!model)
        return;
    wasinn__graph_release(model->graph);
    pthread_mutex_destroy(&model->lock);
    pthread_cond_destroy(&model->settled);
    wasinn__free(model->name);
    wasinn__free(model->path);
    wasinn__free(model->backend);
    wasinn__options_free(model->options, model->wanted.option_count);
    wasinn__blobs_free(&model->blobs);
    wasinn__free(model);
}

wasinn__model *wasinn__models_find(wasinn__model *models, const char *name, size_t length) {
    for (wasinn__model *model = models; model; model = model->next)
        if (strlen(model->name) == length && memcmp(model->name, name, length) == 0)
            return model;
    return NULL;
}

/* Locked; unlocked while it waits. */
static wasinn_status wait_for_other(wasinn__model *model, const wasinn__attempt *attempt,
                                    wasinn_message *message) {
    while (model->loading) {
        wasinn__nap(&model->settled, &model->lock);
        if (model->loading && wasinn__stopped(attempt))
            return wasinn__say_stopped(attempt, message);
    }
    return WASINN_OK;
}

static wasinn_status load(wasinn__model *model, wasinn__registry *registry, wasinn__attempt *attempt,
                          wasinn__graph **graph, wasinn_message *message) {
    wasinn__origin origin = {
        .name = model->name, .path = model->path, .held = model->path ? NULL : &model->blobs};
    return wasinn__graph_load(registry, &origin, &model->wanted, attempt, graph, message);
}

wasinn_status wasinn__model_graph(wasinn__model *model, wasinn__registry *registry, wasinn__attempt *attempt,
                                  wasinn__graph **graph, wasinn_message *message) {
    uint64_t begin = wasinn__observe_begin(&attempt->cause);
    pthread_mutex_lock(&model->lock);
    wasinn_status status = wait_for_other(model, attempt, message);
    bool shared = status == WASINN_OK && model->graph;
    if (status == WASINN_OK && !shared) {
        wasinn__graph *loaded = NULL;
        model->loading = true;
        pthread_mutex_unlock(&model->lock);
        status = load(model, registry, attempt, &loaded, message);
        pthread_mutex_lock(&model->lock);
        model->loading = false;
        model->graph = loaded;
        pthread_cond_broadcast(&model->settled);
    }
    if (status == WASINN_OK) {
        wasinn__graph_retain(model->graph);
        *graph = model->graph;
    }
    pthread_mutex_unlock(&model->lock);
    if (shared)
        wasinn__observe_model(&attempt->cause, model->name, WASINN__SHARED, (*graph)->bytes, begin);
    return status;
}
