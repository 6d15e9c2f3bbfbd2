#include "backends/openvino/compiled.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/formats.h"
#include "backends/openvino/options.h"
#include "backends/openvino/read.h"

#define DEVICE "CPU"
#define SETTLED_SECONDS 2 /* longer than the steps of any file system's clock */

/* ---- What a model comes from ---------------------------------------------------------------------- */

static bool find_parts(const wasinn_load_request *request, wasinn__openvino_identity *identity) {
    const char *path = request->source->path;
    char text[1] = "", folder[4096];
    wasinn_message nobody = {text, 0};
    size_t capacity = sizeof identity->paths[0];
    switch (request->encoding) {
    case WASINN_ENCODING_OPENVINO:
        identity->count = 2;
        return wasinn__openvino_find_ir(path, identity->paths[0], identity->paths[1], capacity, &nobody) ==
               WASINN_OK;
    case WASINN_ENCODING_TENSORFLOW:
    case WASINN_ENCODING_TENSORFLOWLITE:
        /* A SavedModel's weights are in other files, also where its path is that of its saved_model.pb. */
        if (request->encoding == WASINN_ENCODING_TENSORFLOW &&
            wasinn__format_find_saved_model(path, folder, sizeof folder))
            return false;
        identity->count = 1;
        return (size_t)snprintf(identity->paths[0], capacity, "%s", path) < capacity;
    default:
        return false; /* an ONNX file may name others */
    }
}

/* A time to come is as little to be relied on as one that has just been. */
static bool settled(const struct timespec *time, const struct timespec *now) {
    return time->tv_sec + SETTLED_SECONDS < now->tv_sec;
}

static size_t add_part(const struct stat *part, char *text, size_t capacity) {
    return (size_t)snprintf(text, capacity, "file %llu %llu %lld %lld.%09ld %lld.%09ld\n",
                            (unsigned long long)part->st_dev, (unsigned long long)part->st_ino,
                            (long long)part->st_size, (long long)part->st_mtim.tv_sec, part->st_mtim.tv_nsec,
                            (long long)part->st_ctim.tv_sec, part->st_ctim.tv_nsec);
}

static bool look_at_parts(wasinn__openvino_identity *identity) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < identity->count; i++) {
        struct stat *part = &identity->parts[i];
        if (stat(identity->paths[i], part) != 0 || !S_ISREG(part->st_mode) ||
            !settled(&part->st_mtim, &now) || !settled(&part->st_ctim, &now))
            return false;
    }
    return true;
}

void wasinn__openvino_identify(const wasinn_load_request *request, const char *device,
                               wasinn__openvino_identity *identity) {
    size_t used, capacity = sizeof identity->key;
    bool kept = request->store && !request->profile && request->source->kind == WASINN_SOURCE_PATH &&
                strcmp(device, DEVICE) == 0 && find_parts(request, identity) && look_at_parts(identity);
    if (!kept) {
        identity->count = 0;
        return;
    }
    used = (size_t)snprintf(identity->key, capacity, "encoding %d\n", (int)request->encoding);
    for (size_t i = 0; i < identity->count; i++)
        used += add_part(&identity->parts[i], identity->key + used, capacity - used);
    for (size_t i = 0; i < request->option_count && used < capacity; i++)
        used += (size_t)snprintf(identity->key + used, capacity - used, "%s=%s\n", request->options[i].key,
                                 request->options[i].value);
    if (used >= capacity)
        identity->count = 0;
}

static bool same_time(const struct timespec *one, const struct timespec *other) {
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

bool wasinn__openvino_unchanged(const wasinn__openvino_identity *identity) {
    for (size_t i = 0; i < identity->count; i++) {
        const struct stat *was = &identity->parts[i];
        struct stat is;
        if (stat(identity->paths[i], &is) != 0 || is.st_dev != was->st_dev || is.st_ino != was->st_ino ||
            is.st_size != was->st_size || !same_time(&is.st_mtim, &was->st_mtim) ||
            !same_time(&is.st_ctim, &was->st_ctim))
            return false;
    }
    return identity->count > 0;
}

/* ---- The file: OpenVINO's bytes, then the names of the ports, then a tail ---------------------------- */

typedef struct tail {
    uint64_t names_size, bytes;
    uint32_t counts[2];
} tail;

/* Each name with the NUL at its end; one that is not there is the single byte 1. */
static size_t put_names(const wasinn__openvino_model *model, char *text) {
    size_t used = 0;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < model->counts[side]; i++) {
            const char *name = model->names[side][i] ? model->names[side][i] : "\1";
            size_t size = strlen(name) + 1;
            if (text)
                memcpy(text + used, name, size);
            used += size;
        }
    }
    return used;
}

static bool get_names(wasinn__openvino_model *model, const char *text, size_t size) {
    size_t at = 0;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < model->counts[side]; i++) {
            const char *end = at < size ? memchr(text + at, '\0', size - at) : NULL;
            if (!end)
                return false;
            if (strcmp(text + at, "\1") != 0 && !(model->names[side][i] = strdup(text + at)))
                return false;
            at = (size_t)(end - text) + 1;
        }
    }
    return at == size;
}

static wasinn_status append(const char *path, const char *bytes, size_t size, wasinn_message *message) {
    int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    ssize_t wrote = file < 0 ? -1 : write(file, bytes, size);
    int problem = wrote < 0 ? errno : ENOSPC;
    bool closed = file >= 0 && close(file) == 0;
    if (closed && wrote >= 0 && (size_t)wrote == size)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "'%s' cannot be written: %s", path,
                         strerror(problem));
}

wasinn_status wasinn__openvino_save(void *opaque, const char *path, wasinn_message *message) {
    const wasinn__openvino_model *model = opaque;
    const wasinn__openvino *library = &model->runtime->library;
    tail end = {.names_size = put_names(model, NULL),
                .bytes = model->bytes,
                .counts = {model->counts[0], model->counts[1]}};
    ov_status_e code = library->ov_compiled_model_export_model(model->compiled, path);
    if (code != OK)
        return wasinn__openvino_failed(library, WASINN_RUNTIME_ERROR, code, "writing a compiled model",
                                       message);
    char *bytes = malloc(end.names_size + sizeof end);
    if (!bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    put_names(model, bytes);
    memcpy(bytes + end.names_size, &end, sizeof end);
    wasinn_status status = append(path, bytes, end.names_size + sizeof end, message);
    free(bytes);
    return status;
}

/* What a compiled model is set to is not in its file, but what its core is set to. */
static bool core_for(wasinn__openvino_model *model, const wasinn_load_request *request) {
    const wasinn__openvino *library = &model->runtime->library;
    wasinn__openvino_settings_of(request, &model->settings);
    if (model->settings.count == 0)
        return true;
    return library->ov_core_create(&model->core) == OK &&
           wasinn__openvino_set_core(library, model->core, DEVICE, &model->settings) == OK;
}

static void forget(wasinn__openvino_model *model) {
    const wasinn__openvino *library = &model->runtime->library;
    wasinn__openvino_free_ports(model);
    if (model->compiled)
        library->ov_compiled_model_free(model->compiled);
    if (model->core)
        library->ov_core_free(model->core);
    *model = (wasinn__openvino_model){.runtime = model->runtime};
}

static bool import(wasinn__openvino_model *model, const wasinn_load_request *request,
                   const wasinn_blob *content) {
    const wasinn__openvino *library = &model->runtime->library;
    const char *bytes = content->data;
    char text[1] = "";
    wasinn_message nobody = {text, 0};
    tail end;
    if (content->size < sizeof end)
        return false;
    size_t left = content->size - sizeof end;
    memcpy(&end, bytes + left, sizeof end);
    if (end.names_size > left || !core_for(model, request) ||
        library->ov_core_import_model(model->core ? model->core : model->runtime->core, bytes,
                                      left - end.names_size, DEVICE, &model->compiled) != OK ||
        wasinn__openvino_count_ports(model, &nobody) != WASINN_OK)
        return false;
    model->bytes = end.bytes;
    return end.counts[0] == model->counts[0] && end.counts[1] == model->counts[1] &&
           get_names(model, bytes + left - end.names_size, end.names_size);
}

bool wasinn__openvino_import(wasinn__openvino_model *model, const wasinn_load_request *request,
                             const wasinn__openvino_identity *identity) {
    wasinn_blob content;
    if (identity->count == 0 || !request->store->find(request->store->data, identity->key, &content))
        return false;
    if (import(model, request, &content))
        return true;
    forget(model);
    return false;
}
