#include "backends/openvino/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/formats.h"
#include "backends/onnx_files.h"
#include "backends/openvino/carrier.h"
#include "backends/openvino/options.h"
#include "backends/openvino/tensorflow_check.h"
#include "backends/openvino/tensorflowlite_check.h"
#include "backends/openvino/variables_check.h"
#include "backends/tensorflow_files.h"

/* ---- Files -------------------------------------------------------------------------------------- */

static wasinn_status open_file(const char *path, const char *what, int *file, size_t *size,
                               wasinn_message *message) {
    struct stat status;
    /* Without O_NONBLOCK, opening a pipe waits for somebody who writes. */
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*file < 0 || fstat(*file, &status) != 0)
        wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s': %s", what, path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s' is not a file", what, path);
    else {
        *size = (size_t)status.st_size;
        return WASINN_OK;
    }
    if (*file >= 0)
        close(*file);
    return WASINN_RUNTIME_ERROR;
}

static wasinn_status read_all(int file, const char *path, const char *what, void *memory, size_t size,
                              wasinn_message *message) {
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(file, (char *)memory + done, size - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s': %s", what, path,
                                 strerror(errno));
        if (got == 0)
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s' was cut short while it was read",
                                 what, path);
        done += (size_t)got;
    }
    return WASINN_OK;
}

/* Reads a file, and puts a byte 0 behind it. */
static wasinn_status read_file(const char *path, const char *what, wasinn_blob *blob,
                               wasinn_message *message) {
    int file;
    size_t size;
    wasinn_status status = open_file(path, what, &file, &size, message);
    if (status != WASINN_OK)
        return status;
    char *memory = malloc(size + 1);
    status =
        memory ? read_all(file, path, what, memory, size, message)
               : wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for the %zu bytes of '%s'", size, path);
    close(file);
    if (status != WASINN_OK) {
        free(memory);
        return status;
    }
    memory[size] = '\0';
    *blob = (wasinn_blob){memory, size};
    return WASINN_OK;
}

/* Weights, in a tensor of OpenVINO's, which frees it when no model uses it any more. */
static wasinn_status read_weights(const wasinn__openvino *library, const char *path, ov_tensor_t **weights,
                                  size_t *size, wasinn_message *message) {
    int file;
    void *memory;
    *weights = NULL;
    wasinn_status status = open_file(path, "weights", &file, size, message);
    if (status != WASINN_OK)
        return status;
    if (*size > 0) {
        int64_t dimension = (int64_t)*size;
        ov_shape_t shape = {1, &dimension};
        ov_status_e code = library->ov_tensor_create(U8, shape, weights);
        if (code == OK)
            code = library->ov_tensor_data(*weights, &memory);
        if (code != OK)
            status = wasinn__openvino_failed(library, WASINN_TOO_LARGE, code, "making room for the weights",
                                             message);
        else
            status = read_all(file, path, "weights", memory, *size, message);
    }
    close(file);
    if (status != WASINN_OK && *weights) {
        library->ov_tensor_free(*weights);
        *weights = NULL;
    }
    return status;
}

/* ---- OpenVINO's own format ---------------------------------------------------------------------- */

static wasinn_status read_ir(const wasinn__openvino_runtime *runtime, const wasinn_blob *xml,
                             const ov_tensor_t *weights, const char *doing, ov_model_t **model,
                             wasinn_message *message) {
    ov_status_e code = runtime->library.ov_core_read_model_from_memory_buffer(runtime->core, xml->data,
                                                                              xml->size, weights, model);
    return code == OK
               ? WASINN_OK
               : wasinn__openvino_failed(&runtime->library, WASINN_RUNTIME_ERROR, code, doing, message);
}

/* Whether the operation that sets a state is named. */
static bool names_assign(const wasinn_blob *bytes) {
    return bytes->size > 0 && memmem(bytes->data, bytes->size, "Assign", 6) != NULL;
}

/* What stands in a refusal behind what the bytes are not: what they are, if that is known. */
static void tell_format(wasinn__format format, char *text, size_t capacity) {
    text[0] = '\0';
    if (format != WASINN__FORMAT_UNKNOWN)
        snprintf(text, capacity, "; it is %s", wasinn__format_text(format));
}

/* The runtime keeps using the weights where they are: the core keeps its copy as long as the model. */
static wasinn_status read_ir_blobs(const wasinn__openvino_runtime *runtime, const wasinn_source *source,
                                   wasinn__openvino_read *read, wasinn_message *message) {
    const wasinn__openvino *library = &runtime->library;
    ov_tensor_t *weights = NULL;
    char seen[96];
    if (source->blob_count != 2)
        return wasinn_refuse(
            message, WASINN_INVALID_ARGUMENT,
            "a model of encoding openvino is two builders, the xml and then the bin; got %zu",
            source->blob_count);
    const wasinn_blob *xml = &source->blobs[0], *bin = &source->blobs[1];
    wasinn__format format = wasinn__format_of_bytes(xml);
    if (format != WASINN__FORMAT_XML) {
        tell_format(format, seen, sizeof seen);
        if (wasinn__format_of_bytes(bin) == WASINN__FORMAT_XML)
            snprintf(seen, sizeof seen, "; builder 1 is: the xml comes first, then the bin");
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "builder 0, %zu bytes, is not the xml of an OpenVINO model%s", xml->size, seen);
    }
    if (bin->size > 0) {
        int64_t size = (int64_t)bin->size;
        ov_shape_t shape = {1, &size};
        ov_status_e code =
            library->ov_tensor_create_from_host_ptr(U8, shape, (void *)(uintptr_t)bin->data, &weights);
        if (code != OK)
            return wasinn__openvino_failed(library, WASINN_RUNTIME_ERROR, code, "reading the weights",
                                           message);
    }
    wasinn_status status = read_ir(runtime, xml, weights, "reading the model", &read->model, message);
    read->stateful = names_assign(xml);
    read->weights = bin->size;
    if (weights)
        library->ov_tensor_free(weights);
    read->keeps_blobs = true;
    return status;
}

wasinn_status wasinn__openvino_find_ir(const char *path, char *xml, char *bin, size_t capacity,
                                       wasinn_message *message) {
    size_t found;
    if (!wasinn__format_find_xml(path, xml, capacity, &found))
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             found == 1 ? "the path '%.64s…' is too long"
                                        : "the folder '%s' has no model.xml and %s .xml besides",
                             path, found == 0 ? "no" : "more than one");
    size_t length = strlen(xml);
    if (length < 4 || strcmp(xml + length - 4, ".xml") != 0)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "'%s' is not the .xml of an OpenVINO model", xml);
    snprintf(bin, capacity, "%.*s.bin", (int)(length - 4), xml);
    return WASINN_OK;
}

/* With its files mapped. OpenVINO would offer what is no xml to its other frontends. */
static wasinn_status map_ir(wasinn__openvino_runtime *runtime, const char *xml, const char *bin,
                            const char *doing, ov_model_t **model, wasinn_message *message) {
    ov_core_t *core;
    wasinn_status status = wasinn__openvino_mapper(runtime, &core, message);
    if (status != WASINN_OK)
        return status;
    ov_status_e code = runtime->library.ov_core_read_model(core, xml, bin, model);
    return code == OK
               ? WASINN_OK
               : wasinn__openvino_failed(&runtime->library, WASINN_RUNTIME_ERROR, code, doing, message);
}

static wasinn_status read_ir_path(wasinn__openvino_runtime *runtime, const char *path, bool maps,
                                  wasinn__openvino_read *read, wasinn_message *message) {
    char xml[4096], bin[4096], doing[8400], seen[96];
    ov_tensor_t *weights = NULL;
    size_t size = 0;
    wasinn_blob text = {0};
    wasinn_status status = wasinn__openvino_find_ir(path, xml, bin, sizeof xml, message);
    if (status == WASINN_OK)
        status = read_file(xml, "xml", &text, message);
    if (status != WASINN_OK)
        return status;
    wasinn__format format = wasinn__format_of_bytes(&text);
    if (format != WASINN__FORMAT_XML) {
        tell_format(format, seen, sizeof seen);
        status = wasinn_refuse(message, WASINN_RUNTIME_ERROR, "'%s' is not the xml of an OpenVINO model%s",
                               xml, text.size == 0 ? ": it is empty" : seen);
    } else if (maps) {
        int file;
        status = open_file(bin, "weights", &file, &size, message);
        if (status == WASINN_OK)
            close(file);
    } else {
        status = read_weights(&runtime->library, bin, &weights, &size, message);
    }
    snprintf(doing, sizeof doing, "reading '%s' with the %zu bytes of its .bin", xml, size);
    if (status == WASINN_OK && maps)
        status = map_ir(runtime, xml, bin, doing, &read->model, message);
    else if (status == WASINN_OK)
        status = read_ir(runtime, &text, weights, doing, &read->model, message);
    if (weights)
        runtime->library.ov_tensor_free(weights);
    read->stateful = names_assign(&text);
    read->weights = size;
    free((void *)(uintptr_t)text.data);
    read->bytes = maps ? 0 : size;
    return status;
}

/* ---- The other formats -------------------------------------------------------------------------- */

static wasinn__format format_for(wasinn_encoding encoding) {
    switch (encoding) {
    case WASINN_ENCODING_ONNX:
        return WASINN__FORMAT_ONNX;
    case WASINN_ENCODING_TENSORFLOW:
        return WASINN__FORMAT_GRAPH;
    default:
        return WASINN__FORMAT_TENSORFLOWLITE;
    }
}

/* wasinn_encoding_name is the program's, not a backend's. */
static const char *name_of(wasinn_encoding encoding) {
    switch (encoding) {
    case WASINN_ENCODING_ONNX:
        return "onnx";
    case WASINN_ENCODING_TENSORFLOW:
        return "tensorflow";
    default:
        return "tensorflowlite";
    }
}

/* `name` is "these bytes are" or "'model.onnx' is". */
static wasinn_status check_format(wasinn__format format, wasinn_encoding encoding, const char *name,
                                  wasinn_message *message) {
    wasinn__format wanted = format_for(encoding);
    if (format == wanted)
        return WASINN_OK;
    if (format == WASINN__FORMAT_SAVED_MODEL && wanted == WASINN__FORMAT_GRAPH)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "%s %s, whose weights lie in other files of its folder: a frozen graph can be "
                             "loaded from bytes, a SavedModel by a name that the host gave its folder",
                             name, wasinn__format_text(format));
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "%s %s; encoding %s wants %s", name,
                         wasinn__format_text(format), name_of(encoding), wasinn__format_text(wanted));
}

static wasinn_status read_path(const wasinn__openvino_runtime *runtime, const ov_core_t *core,
                               const char *path, const char *doing, ov_model_t **model,
                               wasinn_message *message) {
    ov_status_e code = runtime->library.ov_core_read_model(core, path, NULL, model);
    return code == OK
               ? WASINN_OK
               : wasinn__openvino_failed(&runtime->library, WASINN_RUNTIME_ERROR, code, doing, message);
}

/* Through a file in memory: the frontend for TensorFlow Lite goes by the ending of its path. */
static wasinn_status read_carried(const wasinn__openvino_runtime *runtime, const wasinn_blob *blob,
                                  wasinn_encoding encoding, const char *doing, ov_model_t **model,
                                  wasinn_message *message) {
    wasinn__carrier carrier;
    const char *ending = encoding == WASINN_ENCODING_TENSORFLOWLITE ? ".tflite" : NULL;
    wasinn_status status = wasinn__carrier_open(blob, ending, &carrier, message);
    if (status != WASINN_OK)
        return status;
    status = read_path(runtime, runtime->core, carrier.path, doing, model, message);
    if (status == WASINN_OK && !wasinn__carrier_untouched(&carrier))
        status = wasinn_refuse(message, WASINN_SECURITY,
                               "somebody changed the folder '%s' while the model was read from it",
                               carrier.folder);
    wasinn__carrier_close(&carrier);
    return status;
}

static wasinn_status read_bytes(const wasinn__openvino_runtime *runtime, const wasinn_blob *blob,
                                wasinn_encoding encoding, const char *doing, wasinn__openvino_read *read,
                                wasinn_message *message) {
    wasinn_status status = WASINN_OK;
    if (encoding == WASINN_ENCODING_ONNX)
        return read_ir(runtime, blob, NULL, doing, &read->model, message);
    if (encoding == WASINN_ENCODING_TENSORFLOW)
        status = wasinn__tensorflow_check(blob, message);
    else
        status = wasinn__tensorflowlite_check(blob, message);
    if (status != WASINN_OK)
        return status;
    read->stateful = encoding == WASINN_ENCODING_TENSORFLOWLITE && wasinn__tensorflowlite_has_states(blob);
    read->weights = blob->size;
    return read_carried(runtime, blob, encoding, doing, &read->model, message);
}

/* No frontend keeps the bytes: each makes its own model of them. */
static wasinn_status read_blob(const wasinn__openvino_runtime *runtime, const wasinn_source *source,
                               wasinn_encoding encoding, wasinn__openvino_read *read,
                               wasinn_message *message) {
    if (source->blob_count != 1)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                             "a model of encoding %s is one builder; got %zu", name_of(encoding),
                             source->blob_count);
    const wasinn_blob *blob = source->blobs;
    wasinn_status status = check_format(wasinn__format_of_bytes(blob), encoding, "these bytes are", message);
    if (status == WASINN_OK && encoding == WASINN_ENCODING_ONNX)
        status = wasinn__onnx_refuse_files(blob, message);
    if (status == WASINN_OK && encoding == WASINN_ENCODING_TENSORFLOW)
        status = wasinn__tensorflow_refuse_files(blob, message);
    if (status == WASINN_OK)
        status = read_bytes(runtime, blob, encoding, "reading the model", read, message);
    read->bytes = blob->size;
    return status;
}

/* A file of one's own choice is read once, and then it may change. That of ONNX is left to OpenVINO, which
 * finds the files of weights that it names beside it. */
static wasinn_status read_one_file(const wasinn__openvino_runtime *runtime, const ov_core_t *core,
                                   const char *path, wasinn_encoding encoding, wasinn__openvino_read *read,
                                   wasinn_message *message) {
    char name[4200], doing[4200];
    wasinn_blob blob = {0};
    int file;
    wasinn_status status = open_file(path, "model", &file, &blob.size, message);
    if (status != WASINN_OK)
        return status;
    close(file);
    snprintf(name, sizeof name, "'%s' is", path);
    snprintf(doing, sizeof doing, "reading '%s'", path);
    if (blob.size == 0)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the model '%s' is empty", path);
    status = check_format(wasinn__format_of_file(path), encoding, name, message);
    read->bytes = blob.size;
    if (status != WASINN_OK || encoding == WASINN_ENCODING_ONNX)
        return status == WASINN_OK ? read_path(runtime, core, path, doing, &read->model, message) : status;
    status = read_file(path, "model", &blob, message);
    if (status != WASINN_OK)
        return status;
    status = check_format(wasinn__format_of_bytes(&blob), encoding, name, message);
    if (status == WASINN_OK)
        status = read_bytes(runtime, &blob, encoding, doing, read, message);
    free((void *)(uintptr_t)blob.data);
    return status;
}

/* What a SavedModel says of itself; its weights are left to OpenVINO. One without weights has no list of
 * them. */
static wasinn_status check_saved_model(const char *folder, wasinn_message *message) {
    char path[4200];
    struct stat information;
    wasinn_blob blob;
    snprintf(path, sizeof path, "%s/saved_model.pb", folder);
    wasinn__format format = wasinn__format_of_file(path);
    if (format != WASINN__FORMAT_SAVED_MODEL)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "'%s' is %s; wanted that of a TensorFlow SavedModel", path,
                             wasinn__format_text(format));
    wasinn_status status = read_file(path, "model", &blob, message);
    if (status != WASINN_OK)
        return status;
    status = wasinn__tensorflow_check_saved(&blob, message);
    free((void *)(uintptr_t)blob.data);
    snprintf(path, sizeof path, "%s/variables/variables.index", folder);
    if (status != WASINN_OK || stat(path, &information) != 0)
        return status;
    status = read_file(path, "list of weights", &blob, message);
    if (status != WASINN_OK)
        return status;
    status = wasinn__variables_check(&blob, message);
    free((void *)(uintptr_t)blob.data);
    return status;
}

static wasinn_status read_saved_model(const wasinn__openvino_runtime *runtime, const ov_core_t *core,
                                      const char *folder, ov_model_t **model, wasinn_message *message) {
    char doing[4200];
    wasinn_status status = check_saved_model(folder, message);
    snprintf(doing, sizeof doing, "reading the SavedModel '%s'", folder);
    return status == WASINN_OK ? read_path(runtime, core, folder, doing, model, message) : status;
}

static wasinn_status read_file_or_folder(wasinn__openvino_runtime *runtime, const char *path,
                                         wasinn_encoding encoding, bool maps, wasinn__openvino_read *read,
                                         wasinn_message *message) {
    char folder[4096];
    ov_core_t *core = runtime->core;
    wasinn_status status = maps ? wasinn__openvino_mapper(runtime, &core, message) : WASINN_OK;
    if (status != WASINN_OK)
        return status;
    if (encoding == WASINN_ENCODING_TENSORFLOW &&
        wasinn__format_find_saved_model(path, folder, sizeof folder))
        return read_saved_model(runtime, core, folder, &read->model, message);
    return read_one_file(runtime, core, path, encoding, read, message);
}

wasinn_status wasinn__openvino_read_model(wasinn__openvino_runtime *runtime,
                                          const wasinn_load_request *request, wasinn__openvino_read *read,
                                          wasinn_message *message) {
    const wasinn_source *source = request->source;
    wasinn__openvino_read made = {0};
    bool blobs = source->kind == WASINN_SOURCE_BLOBS, maps = wasinn__openvino_maps(request);
    wasinn_status status;
    if (request->encoding == WASINN_ENCODING_OPENVINO)
        status = blobs ? read_ir_blobs(runtime, source, &made, message)
                       : read_ir_path(runtime, source->path, maps, &made, message);
    else
        status = blobs ? read_blob(runtime, source, request->encoding, &made, message)
                       : read_file_or_folder(runtime, source->path, request->encoding, maps, &made, message);
    if (status != WASINN_OK && made.model)
        runtime->library.ov_model_free(made.model);
    if (status == WASINN_OK)
        *read = made;
    return status;
}
