#include "core/registry.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "core/dispatch.h"
#include "core/memory.h"
#include "core/options.h"
#include "core/plugins.h"

/* Made by the build: the backends that are part of this library, ended by NULL. */
extern const wasinn_backend *const wasinn__builtin_backends[];

void wasinn__registry_init(wasinn__registry *registry, const wasinn__faults *faults) {
    *registry = (wasinn__registry){.faults = faults};
    pthread_mutex_init(&registry->lock, NULL);
}

void wasinn__registry_free(wasinn__registry *registry) {
    while (registry->first) {
        wasinn__backend *next = registry->first->next;
        wasinn__backend_free(registry->first);
        registry->first = next;
    }
    wasinn__free(registry->folders);
    pthread_mutex_destroy(&registry->lock);
}

/* ---- Which there are ----------------------------------------------------------------------------- */

static wasinn__backend *named(wasinn__registry *registry, const char *name) {
    wasinn__backend *backend = registry->first;
    while (backend && strcmp(backend->name, name) != 0)
        backend = backend->next;
    return backend;
}

wasinn_status wasinn__registry_add(wasinn__registry *registry, const wasinn_backend *table,
                                   wasinn_message *message) {
    wasinn__backend *backend;
    wasinn_status status = wasinn__backend_new(table, NULL, registry->faults, &backend, message);
    if (status != WASINN_OK)
        return status;
    backend->next = registry->first;
    registry->first = backend;
    return WASINN_OK;
}

wasinn_status wasinn__registry_set_folders(wasinn__registry *registry, const char *folders,
                                           wasinn_message *message) {
    if (registry->searched)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                             "the backends have been looked for already; set their folders before");
    char *copy = wasinn__copy_text(folders, strlen(folders));
    if (!copy)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a list of folders");
    wasinn__free(registry->folders);
    registry->folders = copy;
    return WASINN_OK;
}

/* Behind the others, unless its name is taken. */
static wasinn_status found(void *data, wasinn__backend *backend) {
    wasinn__registry *registry = data;
    wasinn__backend **end = &registry->first;
    if (named(registry, backend->name)) {
        wasinn__backend_free(backend);
        return WASINN_OK;
    }
    while (*end)
        end = &(*end)->next;
    *end = backend;
    return WASINN_OK;
}

static wasinn_status add_builtin(wasinn__registry *registry, wasinn_message *message) {
    for (size_t i = 0; wasinn__builtin_backends[i]; i++) {
        wasinn__backend *backend;
        wasinn_status status =
            wasinn__backend_new(wasinn__builtin_backends[i], NULL, registry->faults, &backend, message);
        if (status != WASINN_OK)
            return status;
        found(registry, backend);
    }
    return WASINN_OK;
}

/* Locked. What was found stays when the search fails for want of memory: the next one finds the rest. */
static wasinn_status search(wasinn__registry *registry, wasinn_message *message) {
    wasinn__plugins plugins = {registry->faults, found, registry};
    wasinn_status status = wasinn__plugins_chosen(&plugins, registry->folders, message);
    if (status == WASINN_OK)
        status = add_builtin(registry, message);
    if (status == WASINN_OK)
        status = wasinn__plugins_own(&plugins, message);
    registry->searched = status == WASINN_OK;
    return status;
}

wasinn_status wasinn__registry_search(wasinn__registry *registry, wasinn_message *message) {
    pthread_mutex_lock(&registry->lock);
    wasinn_status status = registry->searched ? WASINN_OK : search(registry, message);
    pthread_mutex_unlock(&registry->lock);
    return status;
}

wasinn_status wasinn__registry_find(wasinn__registry *registry, const char *name, wasinn__backend **backend,
                                    wasinn_message *message) {
    char known[512] = "";
    wasinn_status status = wasinn__registry_search(registry, message);
    if (status != WASINN_OK)
        return status;
    wasinn__backend *one = named(registry, name);
    if (one && !one->table)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "backend '%s' cannot be used: %s", name,
                             one->problem);
    if (one) {
        *backend = one;
        return WASINN_OK;
    }
    for (one = registry->first; one; one = one->next) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", one->name);
    }
    return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "there is no backend '%s'; there is %s", name,
                         known[0] ? known : "none");
}

static wasinn_status check_serves(const wasinn__backend *backend, wasinn_encoding encoding,
                                  wasinn_message *message) {
    if (wasinn__backend_serves(backend, encoding))
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "backend '%s' does not load models of encoding %s",
                         backend->name, wasinn_encoding_name(encoding));
}

wasinn_status wasinn__registry_prefer(wasinn__registry *registry, wasinn_encoding encoding, const char *name,
                                      wasinn_message *message) {
    wasinn__backend *backend;
    if ((unsigned)encoding >= WASINN__ENCODINGS)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "encoding %u is unknown", (unsigned)encoding);
    wasinn_status status = wasinn__registry_find(registry, name, &backend, message);
    if (status == WASINN_OK)
        status = check_serves(backend, encoding, message);
    if (status == WASINN_OK)
        registry->preferred[encoding] = backend;
    return status;
}

/* ---- What a source is ---------------------------------------------------------------------------- */

static bool recognises(wasinn__backend *backend, const wasinn_source *source, wasinn_encoding *encoding) {
    if (!backend->table)
        return false;
    if (source->kind == WASINN_SOURCE_PATH)
        return wasinn__dispatch_probe_path(backend, source->path, encoding);
    return wasinn__dispatch_probe(backend, source->blobs, source->blob_count, encoding);
}

static size_t first_bytes(const wasinn_source *source, uint8_t *bytes, size_t most) {
    if (source->kind == WASINN_SOURCE_BLOBS) {
        size_t size = source->blob_count == 0        ? 0
                      : source->blobs[0].size < most ? source->blobs[0].size
                                                     : most;
        if (size > 0)
            memcpy(bytes, source->blobs[0].data, size);
        return size;
    }
    struct stat status;
    bool regular = stat(source->path, &status) == 0 && S_ISREG(status.st_mode);
    FILE *stream = regular ? fopen(source->path, "rbe") : NULL;
    size_t size = stream ? fread(bytes, 1, most, stream) : 0;
    if (stream)
        fclose(stream);
    return size;
}

/* What is wrong with a path from which no first bytes came. */
static const char *without_bytes(const char *path) {
    struct stat status = {0};
    stat(path, &status);
    if (S_ISDIR(status.st_mode))
        return "a folder in which no backend here finds a model; wanted one, or a model's file";
    if (S_ISREG(status.st_mode) && status.st_size == 0)
        return "the file is empty; wanted a model";
    return "no backend here knows what model that is";
}

static wasinn_status refuse_unserved(const wasinn__registry *registry, wasinn_encoding encoding,
                                     wasinn_message *message);

static wasinn_status refuse_unknown(const wasinn__registry *registry, const wasinn_source *source,
                                    wasinn_message *message) {
    uint8_t bytes[8];
    char what[512], hex[3 * sizeof bytes + 1] = "", text[sizeof bytes + 1] = "";
    size_t size = first_bytes(source, bytes, sizeof bytes);
    if (size >= 4 && memcmp(bytes, "GGUF", 4) == 0)
        return refuse_unserved(registry, WASINN_ENCODING_GGML, message);
    for (size_t i = 0; i < size; i++) {
        snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
        text[i] = isprint(bytes[i]) ? (char)bytes[i] : '.';
    }
    if (source->kind == WASINN_SOURCE_PATH)
        snprintf(what, sizeof what, "'%.400s'", source->path);
    else
        snprintf(what, sizeof what, "%zu builder%s", source->blob_count, source->blob_count == 1 ? "" : "s");
    if (size == 0 && source->kind == WASINN_SOURCE_PATH)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s: %s", what, without_bytes(source->path));
    if (size == 0)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING,
                             "%s without bytes: no backend here knows what model that is", what);
    return wasinn_refuse(message, WASINN_INVALID_ENCODING,
                         "%s beginning with the bytes%s ('%s'): no backend here knows what model that is",
                         what, hex, text);
}

static wasinn_status detect(wasinn__registry *registry, const wasinn_source *source, wasinn__wanted *wanted,
                            wasinn_message *message) {
    const wasinn__backend *first = NULL;
    wasinn_encoding seen = WASINN_ENCODING_AUTODETECT;
    for (wasinn__backend *backend = registry->first; backend; backend = backend->next) {
        wasinn_encoding one;
        if ((wanted->backend && strcmp(wanted->backend, backend->name) != 0) ||
            !recognises(backend, source, &one))
            continue;
        if (first && one != seen)
            return wasinn_refuse(
                message, WASINN_INVALID_ENCODING, "this may be %s (says %s) or %s (says %s): name one",
                wasinn_encoding_name(seen), first->name, wasinn_encoding_name(one), backend->name);
        if (first && seen == WASINN_ENCODING_AUTODETECT)
            return wasinn_refuse(message, WASINN_INVALID_ENCODING,
                                 "this may be a format of %s's or of %s's: name the backend", first->name,
                                 backend->name);
        if (!first) {
            first = backend;
            seen = one;
        }
    }
    if (!first)
        return refuse_unknown(registry, source, message);
    wanted->encoding = seen;
    if (seen == WASINN_ENCODING_AUTODETECT)
        wanted->backend = first->name;
    return WASINN_OK;
}

/* A backend that is named and has one encoding only leaves nothing to be found out. */
static wasinn_status detect_for(wasinn__registry *registry, const wasinn__backend *backend,
                                const wasinn_source *source, wasinn__wanted *wanted,
                                wasinn_message *message) {
    if (backend && backend->table->encoding_count == 1) {
        wanted->encoding = backend->table->encodings[0];
        return WASINN_OK;
    }
    return detect(registry, source, wanted, message);
}

/* ---- Which one takes it -------------------------------------------------------------------------- */

/* What brings a backend for an encoding that none serves. */
static const char *remedy(wasinn_encoding encoding) {
    switch (encoding) {
    case WASINN_ENCODING_ONNX:
        return "libwasinn-onnxruntime.so or libwasinn-openvino.so, which come with wasinn, are not there";
    case WASINN_ENCODING_OPENVINO:
    case WASINN_ENCODING_TENSORFLOW:
    case WASINN_ENCODING_TENSORFLOWLITE:
        return "libwasinn-openvino.so, which comes with wasinn, is not there";
    case WASINN_ENCODING_PYTORCH:
        return "this version of wasinn has none for PyTorch; convert the model to ONNX or OpenVINO";
    case WASINN_ENCODING_GGML:
        return "this version of wasinn has none for llama.cpp's models";
    default:
        return "none has formats of its own";
    }
}

static wasinn_status refuse_unserved(const wasinn__registry *registry, wasinn_encoding encoding,
                                     wasinn_message *message) {
    char broken[512] = "";
    for (const wasinn__backend *backend = registry->first; backend && !broken[0]; backend = backend->next)
        if (!backend->table)
            snprintf(broken, sizeof broken, "; %s", backend->problem);
    return wasinn_refuse(message, WASINN_INVALID_ENCODING, "encoding '%s' has no backend here: %s%s",
                         wasinn_encoding_name(encoding), remedy(encoding), broken);
}

/* The next backend that may load what is wanted, after `previous` (NULL: the first). NULL: there is none. */
static wasinn__backend *candidate(wasinn__registry *registry, const wasinn__wanted *wanted,
                                  const wasinn__backend *previous) {
    wasinn__backend *preferred = registry->preferred[wanted->encoding];
    if (wanted->backend || preferred)
        return previous ? NULL : wanted->backend ? named(registry, wanted->backend) : preferred;
    wasinn__backend *next = previous ? previous->next : registry->first;
    while (next && !wasinn__backend_serves(next, wanted->encoding))
        next = next->next;
    return next;
}

static wasinn_status check_options(wasinn__backend *backend, const wasinn__wanted *wanted,
                                   wasinn_message *message) {
    wasinn_status status = wasinn__options_check(wanted->options, wanted->option_count, message);
    for (size_t i = 0; status == WASINN_OK && i < wanted->option_count; i++)
        status = wasinn__backend_check_option(backend, &wanted->options[i], message);
    return status;
}

wasinn_status wasinn__registry_settle(wasinn__registry *registry, const wasinn_source *source,
                                      wasinn__wanted *wanted, wasinn_message *message) {
    wasinn__backend *backend = NULL;
    wasinn_status status = wasinn__registry_search(registry, message);
    if (status == WASINN_OK && (unsigned)wanted->encoding >= WASINN__ENCODINGS)
        status = wasinn_refuse(message, WASINN_INVALID_ENCODING, "encoding %u is unknown",
                               (unsigned)wanted->encoding);
    if (status == WASINN_OK && (unsigned)wanted->target >= WASINN__TARGETS)
        status =
            wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "target %u is unknown", (unsigned)wanted->target);
    if (status == WASINN_OK && wanted->backend)
        status = wasinn__registry_find(registry, wanted->backend, &backend, message);
    if (status == WASINN_OK && wanted->encoding == WASINN_ENCODING_AUTODETECT)
        status = detect_for(registry, backend, source, wanted, message);
    if (status == WASINN_OK && backend)
        status = check_serves(backend, wanted->encoding, message);
    if (status != WASINN_OK)
        return status;
    backend = candidate(registry, wanted, NULL);
    return backend ? check_options(backend, wanted, message)
                   : refuse_unserved(registry, wanted->encoding, message);
}

wasinn_status wasinn__registry_open(wasinn__registry *registry, const wasinn__wanted *wanted,
                                    const wasinn__cause *cause, wasinn__backend **backend,
                                    wasinn_message *message) {
    wasinn_status first = WASINN_OK;
    wasinn__backend *one = NULL;
    while ((one = candidate(registry, wanted, one))) {
        char text[1024] = "";
        wasinn_message problem = {text, sizeof text};
        wasinn_status status = check_options(one, wanted, &problem);
        if (status == WASINN_OK)
            status = wasinn__backend_open(one, cause, &problem);
        if (status == WASINN_OK) {
            message->text[0] = '\0';
            *backend = one;
            return WASINN_OK;
        }
        if (first == WASINN_OK)
            first = wasinn_refuse(message, status, "%s", text);
        if (status == WASINN_TOO_LARGE)
            return status;
    }
    return first != WASINN_OK ? first : refuse_unserved(registry, wanted->encoding, message);
}
