#include "core/models.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/text.h"
#include "core/watchdog.h"

#define NAP_MS 20

wasinn_status wasinn__model_new(const char *name, const char *path, wasinn_encoding encoding,
                                wasinn_target target, wasinn__model **model, wasinn_message *message) {
    struct stat information;
    if (name[0] == '\0' || !wasinn__utf8_valid(name, strlen(name)))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "model name '%s' is empty or not UTF-8", name);
    if (stat(path, &information) != 0 || access(path, R_OK) != 0)
        return wasinn_refuse(message, WASINN_NOT_FOUND, "model '%s': cannot read '%s': %s", name, path,
                             strerror(errno));
    wasinn__model *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for model '%s'", name);
    made->name = wasinn__copy_text(name, strlen(name));
    made->path = wasinn__copy_text(path, strlen(path));
    made->encoding = encoding;
    made->target = target;
    pthread_mutex_init(&made->lock, NULL);
    wasinn__cond_init(&made->settled);
    if (!made->name || !made->path) {
        wasinn__model_free(made);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for model '%s'", name);
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
    wasinn__free(model);
}

wasinn__model *wasinn__models_find(wasinn__model *models, const char *name, size_t length) {
    for (wasinn__model *model = models; model; model = model->next)
        if (strlen(model->name) == length && memcmp(model->name, name, length) == 0)
            return model;
    return NULL;
}

/* Locked; unlocked while it waits. Short naps, because an interrupt sends no signal here. */
static wasinn_status wait_for_other(wasinn__model *model, const wasinn__attempt *attempt,
                                    wasinn_message *message) {
    while (model->loading) {
        struct timespec until = wasinn__timespec(wasinn__deadline(NAP_MS));
        pthread_cond_timedwait(&model->settled, &model->lock, &until);
        if (model->loading && wasinn__stopped(attempt))
            return wasinn__say_stopped(attempt, message);
    }
    return WASINN_OK;
}

static wasinn_status load(wasinn__model *model, wasinn__backend *backends, wasinn__attempt *attempt,
                          wasinn__graph **graph, wasinn_message *message) {
    wasinn_source source = {.kind = WASINN_SOURCE_PATH, .path = model->path};
    wasinn_encoding encoding = model->encoding;
    wasinn__backend *backend;
    wasinn_status status = wasinn__backends_find(backends, NULL, 0, &encoding, &backend, message);
    if (status != WASINN_OK)
        return status;
    return wasinn__graph_load(backend, &source, encoding, model->target, attempt, graph, message);
}

wasinn_status wasinn__model_graph(wasinn__model *model, wasinn__backend *backends, wasinn__attempt *attempt,
                                  wasinn__graph **graph, wasinn_message *message) {
    pthread_mutex_lock(&model->lock);
    wasinn_status status = wait_for_other(model, attempt, message);
    if (status == WASINN_OK && !model->graph) {
        wasinn__graph *loaded = NULL;
        model->loading = true;
        pthread_mutex_unlock(&model->lock);
        status = load(model, backends, attempt, &loaded, message);
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
    return status;
}
