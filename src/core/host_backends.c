/* What an embedder says and asks about backends. */
#include <string.h>

#include "core/dispatch.h"
#include "core/host.h"
#include "core/memory.h"

wasinn_status wasinn_host_add_backend(wasinn_host *host, const wasinn_backend *backend) {
    wasinn_message message = wasinn__host_begin();
    return wasinn__host_end(wasinn__registry_add(&host->registry, backend, &message));
}

wasinn_status wasinn_host_set_backend_path(wasinn_host *host, const char *folders) {
    wasinn_message message = wasinn__host_begin();
    if (!folders)
        return wasinn__host_end(
            wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "the list of folders is NULL"));
    return wasinn__host_end(wasinn__registry_set_folders(&host->registry, folders, &message));
}

static wasinn_status set_library(wasinn_host *host, const char *name, const char *path,
                                 wasinn_message *message) {
    wasinn__backend *backend;
    if (!name || !path)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a backend's name or path is NULL");
    wasinn_status status = wasinn__registry_find(&host->registry, name, &backend, message);
    if (status != WASINN_OK)
        return status;
    if (backend->opened)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "backend '%s' has been opened already", name);
    char *copy = wasinn__copy_text(path, strlen(path));
    if (!copy)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a path");
    wasinn__free(backend->library);
    backend->library = copy;
    return WASINN_OK;
}

wasinn_status wasinn_host_set_library(wasinn_host *host, const char *backend, const char *path) {
    wasinn_message message = wasinn__host_begin();
    return wasinn__host_end(set_library(host, backend, path, &message));
}

wasinn_status wasinn_host_prefer(wasinn_host *host, wasinn_encoding encoding, const char *backend) {
    wasinn_message message = wasinn__host_begin();
    if (!backend)
        return wasinn__host_end(wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "a backend's name is NULL"));
    return wasinn__host_end(wasinn__registry_prefer(&host->registry, encoding, backend, &message));
}

static wasinn_status set_option(wasinn_host *host, const char *name, const wasinn_option *option,
                                wasinn_message *message) {
    wasinn__backend *backend;
    if (!name || !option->key || !option->value)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a backend's name, a key or a value is NULL");
    wasinn_status status = wasinn__registry_find(&host->registry, name, &backend, message);
    if (status == WASINN_OK)
        status = wasinn__backend_set_option(backend, option, message);
    return status;
}

wasinn_status wasinn_host_set_option(wasinn_host *host, const char *backend, const char *key,
                                     const char *value) {
    wasinn_message message = wasinn__host_begin();
    return wasinn__host_end(set_option(host, backend, &(wasinn_option){key, value}, &message));
}

/* What a backend's table says. */
static wasinn_backend_info describe(const wasinn__backend *backend) {
    const wasinn_backend *table = backend->table;
    wasinn_backend_info info = {.name = backend->name, .file = backend->file};
    if (!table)
        return info;
    info.encodings = table->encodings;
    info.encoding_count = table->encoding_count;
    info.package = table->package;
    info.option_keys = table->option_keys;
    info.option_count = table->option_key_count;
    info.option_texts = wasinn__dispatch_option_texts(backend);
    return info;
}

wasinn_status wasinn_host_backend_info(wasinn_host *host, size_t index, wasinn_backend_info *info,
                                       size_t size) {
    wasinn_message message = wasinn__host_begin();
    wasinn_status status = wasinn__registry_search(&host->registry, &message);
    if (status != WASINN_OK)
        return wasinn__host_end(status);
    wasinn__backend *backend = host->registry.first;
    for (size_t i = 0; backend && i < index; i++)
        backend = backend->next;
    if (!backend)
        return wasinn__host_end(
            wasinn_refuse(&message, WASINN_NOT_FOUND, "there is no backend number %zu", index));
    wasinn_backend_info known = describe(backend);
    status = wasinn__backend_open(backend, &(wasinn__cause){&host->observer, NULL}, &message);
    if (status == WASINN_OK)
        status = wasinn__backend_list_devices(backend, &message);
    if (status == WASINN_OK) {
        known.version = backend->version;
        known.path = backend->path;
        known.devices = backend->devices;
        known.device_count = backend->device_count;
    } else {
        wasinn_escape(message.text, strlen(message.text), known.problem, sizeof known.problem);
    }
    wasinn__copy_known(info, size, &known, sizeof known);
    return WASINN_OK;
}

wasinn_status wasinn_host_open_runtime(wasinn_host *host, wasinn_encoding encoding) {
    wasinn_message message = wasinn__host_begin();
    wasinn__wanted wanted = {.encoding = encoding};
    wasinn__backend *backend;
    wasinn_status status;
    if (encoding == WASINN_ENCODING_AUTODETECT)
        return wasinn__host_end(
            wasinn_refuse(&message, WASINN_INVALID_ENCODING, "autodetect is no encoding of a model"));
    status = wasinn__registry_settle(&host->registry, NULL, &wanted, &message);
    if (status == WASINN_OK)
        status = wasinn__registry_open(&host->registry, &wanted, &(wasinn__cause){&host->observer, NULL},
                                       &backend, &message);
    return wasinn__host_end(status);
}
