#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/onnx_files.h"
#include "backends/onnxruntime/state.h"

/* Of a model's path: the folder, with a slash, or nothing. */
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path + 1) : 0;
}

static wasinn_status read_file(const char *path, const char *what, char **data, size_t *size,
                               wasinn_message *message) {
    struct stat information;
    size_t done = 0;
    ssize_t got = 1;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &information) != 0) {
        wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s': %s", what, path, strerror(errno));
        if (file >= 0)
            close(file);
        return WASINN_RUNTIME_ERROR;
    }
    if (!S_ISREG(information.st_mode)) {
        close(file);
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s' is not a file", what, path);
    }
    size_t wanted = (size_t)information.st_size;
    char *bytes = malloc(wanted + 1);
    while (bytes && done < wanted && got > 0) {
        got = read(file, bytes + done, wanted - done);
        if (got > 0)
            done += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    int problem = got < 0 ? errno : 0;
    close(file);
    if (bytes && done == wanted) {
        bytes[wanted] = '\0';
        *data = bytes;
        *size = wanted;
        return WASINN_OK;
    }
    free(bytes);
    if (!bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for the %zu bytes of the %s '%s'", wanted,
                             what, path);
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s': %s", what, path,
                         problem ? strerror(problem) : "it became shorter while it was read");
}

/* In a folder: model.onnx, else the only .onnx that there is. */
static wasinn_status find_model(const char *path, char *model, size_t capacity, wasinn_message *message) {
    struct stat information;
    int count = 0;
    snprintf(model, capacity, "%s", path);
    if (stat(path, &information) != 0 || !S_ISDIR(information.st_mode))
        return WASINN_OK;
    snprintf(model, capacity, "%s/model.onnx", path);
    if (stat(model, &information) == 0)
        return WASINN_OK;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (length > 5 && strcmp(entry->d_name + length - 5, ".onnx") == 0) {
            snprintf(model, capacity, "%s/%s", path, entry->d_name);
            count++;
        }
    }
    if (directory)
        closedir(directory);
    if (count == 1)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                         "the folder '%s' has no model.onnx and %s .onnx besides", path,
                         count == 0 ? "no" : "more than one");
}

/* ---- Weights in files of their own ------------------------------------------------------------------ */

typedef struct reading {
    const char *path; /* of the model */
    wasinn__ort_files *files;
} reading;

/* Whether a name stays within the folder that it starts from. */
static bool stays_within(const char *name, size_t length) {
    if (length == 0 || name[0] == '/' || memchr(name, '\0', length))
        return false;
    for (size_t from = 0; from < length;) {
        const char *slash = memchr(name + from, '/', length - from);
        size_t part = slash ? (size_t)(slash - name) - from : length - from;
        if (part == 2 && memcmp(name + from, "..", 2) == 0)
            return false;
        from += part + 1;
    }
    return true;
}

static bool has_read(const wasinn__ort_files *files, const wasinn__onnx_file *file) {
    for (size_t i = 0; i < files->count; i++)
        if (strlen(files->names[i]) == file->length && memcmp(files->names[i], file->name, file->length) == 0)
            return true;
    return false;
}

/* Room for one more. */
static bool grow(wasinn__ort_files *files) {
    size_t room = files->count + 1;
    char **names = realloc(files->names, room * sizeof *names);
    if (names)
        files->names = names;
    char **data = realloc(files->data, room * sizeof *data);
    if (data)
        files->data = data;
    size_t *sizes = realloc(files->sizes, room * sizeof *sizes);
    if (sizes)
        files->sizes = sizes;
    return names && data && sizes;
}

static wasinn_status read_weights(void *data, const wasinn__onnx_file *file, wasinn_message *message) {
    const reading *reading = data;
    wasinn__ort_files *files = reading->files;
    char path[8192];
    int shown = file->length < 200 ? (int)file->length : 200, folder = folder_length(reading->path);
    if (!stays_within(file->name, file->length))
        return wasinn_refuse(message, WASINN_SECURITY,
                             "the model '%s' keeps weights in '%.*s', which is outside of its folder",
                             reading->path, shown, file->name);
    if (!file->weights)
        return wasinn_refuse(
            message, WASINN_UNSUPPORTED_OPERATION,
            "the model '%s' keeps a tensor that is no weight of its main graph in the file '%.*s'; "
            "put it into the model",
            reading->path, shown, file->name);
    if (has_read(files, file))
        return WASINN_OK;
    if ((size_t)folder + file->length >= sizeof path)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the name of the weights '%.*s...' is too long",
                             shown, file->name);
    snprintf(path, sizeof path, "%.*s%.*s", folder, reading->path, (int)file->length, file->name);
    char *name = strndup(file->name, file->length);
    if (!name || !grow(files)) {
        free(name);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for the name of the weights");
    }
    wasinn_status status =
        read_file(path, "weights", &files->data[files->count], &files->sizes[files->count], message);
    if (status != WASINN_OK) {
        free(name);
        return status;
    }
    files->names[files->count] = name;
    files->bytes += files->sizes[files->count];
    files->count++;
    return WASINN_OK;
}

wasinn_status wasinn__ort_read_files(const char *path, wasinn_blob *model, wasinn__ort_files *files,
                                     wasinn_message *message) {
    char found[4096], *bytes = NULL;
    reading reading = {found, files};
    wasinn_status status = find_model(path, found, sizeof found, message);
    if (status == WASINN_OK)
        status = read_file(found, "model", &bytes, &model->size, message);
    if (status != WASINN_OK)
        return status;
    model->data = files->model = bytes;
    return wasinn__onnx_each_file(model, read_weights, &reading, message);
}

void wasinn__ort_free_files(wasinn__ort_files *files) {
    for (size_t i = 0; i < files->count; i++) {
        free(files->names[i]);
        free(files->data[i]);
    }
    free(files->names);
    free(files->data);
    free(files->sizes);
    free(files->model);
    *files = (wasinn__ort_files){0};
}
