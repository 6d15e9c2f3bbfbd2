#include "core/host.h"

#include <stdarg.h>
#include <string.h>

#include "core/memory.h"
#include "core/names.h"
#include "wasinn/engine.h"

/* Made by the build: the backends that are part of this library, ended by NULL. */
extern const wasinn_backend *const wasinn__builtin_backends[];

static _Thread_local char raw_error[1024];
static _Thread_local char last_error[1024];

static wasinn_message begin(void) {
    raw_error[0] = '\0';
    return (wasinn_message){raw_error, sizeof raw_error};
}

static wasinn_status end(wasinn_status status) {
    if (status != WASINN_OK)
        wasinn_escape(raw_error, strlen(raw_error), last_error, sizeof last_error);
    return status;
}

const char *wasinn_host_last_error(void) {
    return last_error;
}

wasinn_status wasinn_host_fail(wasinn_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw_error, sizeof raw_error, format, arguments);
    va_end(arguments);
    return end(status);
}

static const wasinn_limits defaults = {
    .struct_size = sizeof(wasinn_limits),
    .graphs = 64,
    .executions = 256,
    .model_bytes = (uint64_t)2 << 30,
    .tensor_bytes = (uint64_t)256 << 20,
    .total_bytes = (uint64_t)4 << 30,
    .load_ms = 300000,
    .compute_ms = 120000,
};

/* Copies as much of a struct as both sides know; what only the caller knows becomes zero. */
static void copy_known(void *to, size_t to_size, const void *from, size_t from_size) {
    memcpy(to, from, to_size < from_size ? to_size : from_size);
    if (to_size > from_size)
        memset((char *)to + from_size, 0, to_size - from_size);
}

void wasinn_limits_default(wasinn_limits *limits, size_t size) {
    copy_known(limits, size, &defaults, sizeof defaults);
    limits->struct_size = size;
}

wasinn_status wasinn__limits_set(wasinn_limits *limits, const wasinn_limits *wanted) {
    const char *bytes = (const char *)wanted;
    size_t size = wanted->struct_size, known = size < sizeof *limits ? size : sizeof *limits;
    if (size < offsetof(wasinn_limits, graphs) + sizeof wanted->graphs)
        return wasinn_host_fail(WASINN_INVALID_ARGUMENT,
                                "limits with a struct_size of %zu: begin with wasinn_limits_default", size);
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return wasinn_host_fail(WASINN_INVALID_ARGUMENT,
                                    "limits of %zu bytes: this version knows %zu of them", size,
                                    sizeof *limits);
    *limits = defaults;
    memcpy(limits, wanted, known);
    limits->struct_size = sizeof *limits;
    return WASINN_OK;
}

static void destroy(wasinn_host *host) {
    while (host->models) {
        wasinn__model *next = host->models->next;
        wasinn__model_free(host->models);
        host->models = next;
    }
    while (host->backends) {
        wasinn__backend *next = host->backends->next;
        wasinn__backend_free(host->backends);
        host->backends = next;
    }
    wasinn__watchdog_destroy(&host->watchdog);
    wasinn__free(host);
}

static wasinn_status add_backend(wasinn_host *host, const wasinn_backend *table, wasinn_message *message) {
    wasinn__backend *backend;
    wasinn_status status = wasinn__backend_new(table, &host->faults, &backend, message);
    if (status != WASINN_OK)
        return status;
    backend->next = host->backends;
    host->backends = backend;
    return WASINN_OK;
}

wasinn_status wasinn_host_new(wasinn_host **host) {
    wasinn_message message = begin();
    wasinn_host *made = wasinn__alloc(1, sizeof *made);
    if (!made || !wasinn__watchdog_init(&made->watchdog)) {
        wasinn__free(made);
        return end(wasinn_refuse(&message, WASINN_TOO_LARGE, "no memory for a host"));
    }
    atomic_init(&made->references, 1);
    made->limits = defaults;
    for (size_t i = 0; wasinn__builtin_backends[i]; i++) {
        wasinn_status status = add_backend(made, wasinn__builtin_backends[i], &message);
        if (status != WASINN_OK) {
            destroy(made);
            return end(status);
        }
    }
    *host = made;
    return WASINN_OK;
}

void wasinn_host_retain(wasinn_host *host) {
    atomic_fetch_add(&host->references, 1);
}

void wasinn_host_free(wasinn_host *host) {
    if (host && atomic_fetch_sub(&host->references, 1) == 1)
        destroy(host);
}

wasinn_status wasinn_host_set_limits(wasinn_host *host, const wasinn_limits *limits) {
    return wasinn__limits_set(&host->limits, limits);
}

void wasinn_host_set_log(wasinn_host *host, wasinn_log_fn log, void *data) {
    host->log = log;
    host->log_data = data;
}

wasinn_status wasinn_host_add_backend(wasinn_host *host, const wasinn_backend *backend) {
    wasinn_message message = begin();
    return end(add_backend(host, backend, &message));
}

wasinn_status wasinn_host_set_library(wasinn_host *host, const char *backend, const char *path) {
    wasinn_message message = begin();
    if (!backend || !path)
        return end(wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "a backend's name or path is NULL"));
    for (wasinn__backend *one = host->backends; one; one = one->next) {
        if (strcmp(one->table->name, backend) != 0)
            continue;
        if (one->opened)
            return end(wasinn_refuse(&message, WASINN_INVALID_ARGUMENT,
                                     "backend '%s' has been opened already", backend));
        char *copy = wasinn__copy_text(path, strlen(path));
        if (!copy)
            return end(wasinn_refuse(&message, WASINN_TOO_LARGE, "no memory for a path"));
        wasinn__free(one->library);
        one->library = copy;
        return WASINN_OK;
    }
    return end(wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "there is no backend '%s'", backend));
}

static wasinn_status add_model(wasinn_host *host, const char *name, const wasinn_source *source,
                               wasinn_encoding encoding, wasinn_target target, wasinn_message *message) {
    wasinn__model *model;
    wasinn__backend *backend;
    if (wasinn__models_find(host->models, name, strlen(name)))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "model '%s' is already registered", name);
    if ((unsigned)target >= WASINN__TARGETS)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "target %u is unknown", (unsigned)target);
    wasinn_status status = wasinn__backends_find(host->backends, source->blobs, source->blob_count, &encoding,
                                                 &backend, message);
    if (status == WASINN_OK)
        status = wasinn__model_new(name, source, encoding, target, &model, message);
    if (status != WASINN_OK)
        return status;
    model->next = host->models;
    host->models = model;
    return WASINN_OK;
}

wasinn_status wasinn_host_add_model(wasinn_host *host, const char *name, const char *path,
                                    wasinn_encoding encoding, wasinn_target target) {
    wasinn_message message = begin();
    wasinn_source source = {.kind = WASINN_SOURCE_PATH, .path = path};
    if (!name || !path)
        return end(wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "a model's name or path is NULL"));
    if (encoding == WASINN_ENCODING_AUTODETECT)
        return end(wasinn_refuse(&message, WASINN_INVALID_ENCODING, "model '%s': name its encoding", name));
    return end(add_model(host, name, &source, encoding, target, &message));
}

wasinn_status wasinn_host_add_model_blobs(wasinn_host *host, const char *name, const wasinn_blob *blobs,
                                          size_t count, wasinn_encoding encoding, wasinn_target target) {
    wasinn_message message = begin();
    wasinn_source source = {.kind = WASINN_SOURCE_BLOBS, .blobs = blobs, .blob_count = count};
    if (!name)
        return end(wasinn_refuse(&message, WASINN_INVALID_ARGUMENT, "a model's name is NULL"));
    wasinn_status status = wasinn__blobs_check(blobs, count, &message);
    if (status == WASINN_OK)
        status = add_model(host, name, &source, encoding, target, &message);
    return end(status);
}

wasinn_status wasinn_host_backend_info(wasinn_host *host, size_t index, wasinn_backend_info *info,
                                       size_t size) {
    wasinn_message message = begin();
    wasinn__backend *backend = host->backends;
    for (size_t i = 0; backend && i < index; i++)
        backend = backend->next;
    if (!backend)
        return end(wasinn_refuse(&message, WASINN_NOT_FOUND, "there is no backend number %zu", index));
    wasinn_backend_info known = {.name = backend->table->name,
                                 .encodings = backend->table->encodings,
                                 .encoding_count = backend->table->encoding_count};
    if (wasinn__backend_open(backend, &message) == WASINN_OK) {
        known.version = backend->version;
        known.path = backend->path;
    } else {
        wasinn_escape(raw_error, strlen(raw_error), known.problem, sizeof known.problem);
    }
    copy_known(info, size, &known, sizeof known);
    return WASINN_OK;
}
