/* The models that an embedder gives names. */
#include <string.h>

#include "core/host.h"
#include "wasinn/engine.h"

static const wasinn_model_config defaults = {
    .struct_size = sizeof(wasinn_model_config),
    .encoding = WASINN_ENCODING_AUTODETECT,
    .target = WASINN_TARGET_CPU,
};

void wasinn_model_config_default(wasinn_model_config *config, size_t size) {
    wasinn__copy_known(config, size, &defaults, sizeof defaults);
    config->struct_size = size;
}

/* The caller's config, with defaults for what it does not know. */
static wasinn_status read_config(const wasinn_model_config *given, wasinn_model_config *config,
                                 wasinn_message *message) {
    size_t size = given->struct_size, least = offsetof(wasinn_model_config, option_count) + sizeof(size_t);
    wasinn_status status = wasinn__check_struct("a model's config", "wasinn_model_config_default", given,
                                                size, least, sizeof *config, message);
    if (status != WASINN_OK)
        return status;
    *config = defaults;
    memcpy(config, given, size < sizeof *config ? size : sizeof *config);
    return WASINN_OK;
}

static wasinn_status add(wasinn_host *host, const char *name, const wasinn_model_config *config,
                         wasinn_message *message) {
    wasinn__wanted wanted = {config->encoding, config->target, config->backend, config->options,
                             config->option_count};
    wasinn_source source = {.kind = config->path ? WASINN_SOURCE_PATH : WASINN_SOURCE_BLOBS,
                            .blobs = config->blobs,
                            .blob_count = config->blob_count,
                            .path = config->path};
    wasinn__model *model;
    wasinn_status status = WASINN_OK;
    if (config->path && config->blob_count > 0)
        status = wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "both a path and bytes were given");
    if (status == WASINN_OK && source.kind == WASINN_SOURCE_BLOBS)
        status = wasinn__blobs_check(config->blobs, config->blob_count, message);
    if (status == WASINN_OK && wasinn__models_find(host->models, name, strlen(name)))
        status =
            wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a model of that name is already registered");
    if (status == WASINN_OK)
        status = wasinn__model_check(name, &source, message);
    if (status == WASINN_OK)
        status = wasinn__registry_settle(&host->registry, &source, &wanted, message);
    if (status == WASINN_OK)
        status = wasinn__model_new(name, &source, &wanted, &model, message);
    if (status != WASINN_OK)
        return status;
    model->next = host->models;
    host->models = model;
    return WASINN_OK;
}

/* Every message says which model it is about. */
static wasinn_status add_and_say(wasinn_host *host, const char *name, const wasinn_model_config *config,
                                 wasinn_message *message) {
    char text[1024] = "";
    wasinn_message problem = {text, sizeof text};
    wasinn_status status = add(host, name, config, &problem);
    return status == WASINN_OK ? WASINN_OK : wasinn_refuse(message, status, "model '%s': %s", name, text);
}

wasinn_status wasinn_host_register(wasinn_host *host, const char *name, const wasinn_model_config *config) {
    wasinn_message message = wasinn__host_begin();
    wasinn_model_config known;
    if (!name || !config)
        return wasinn__host_end(
            wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "a model's name or config is NULL"));
    wasinn_status status = read_config(config, &known, &message);
    if (status == WASINN_OK)
        status = add_and_say(host, name, &known, &message);
    return wasinn__host_end(status);
}

wasinn_status wasinn_host_add_model(wasinn_host *host, const char *name, const char *path,
                                    wasinn_encoding encoding, wasinn_target target) {
    wasinn_model_config config = defaults;
    config.path = path;
    config.encoding = encoding;
    config.target = target;
    if (!path)
        return wasinn_host_fail(WASINN_INVALID_ARGUMENT, "a model's path is NULL");
    return wasinn_host_register(host, name, &config);
}

wasinn_status wasinn_host_add_model_blobs(wasinn_host *host, const char *name, const wasinn_blob *blobs,
                                          size_t count, wasinn_encoding encoding, wasinn_target target) {
    wasinn_model_config config = defaults;
    config.blobs = blobs;
    config.blob_count = count;
    config.encoding = encoding;
    config.target = target;
    return wasinn_host_register(host, name, &config);
}

static wasinn_status preload(wasinn_host *host, const char *name, wasinn_message *message) {
    static const atomic_bool never;
    wasinn__attempt attempt = {.deadline = wasinn__deadline(host->limits.load_ms),
                               .interrupted = &never,
                               .cause = {&host->observer, NULL}};
    wasinn__model *model = name ? wasinn__models_find(host->models, name, strlen(name)) : NULL;
    wasinn__graph *graph;
    if (!model)
        return wasinn_refuse(message, WASINN_NOT_FOUND, "no model is registered as '%s'", name ? name : "");
    wasinn_status status = wasinn__model_graph(model, &host->registry, &attempt, &graph, message);
    if (status == WASINN_OK)
        wasinn__graph_release(graph);
    return status;
}

wasinn_status wasinn_host_preload(wasinn_host *host, const char *name) {
    wasinn_message message = wasinn__host_begin();
    return wasinn__host_end(preload(host, name, &message));
}
