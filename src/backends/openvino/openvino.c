/* The OpenVINO backend: IR (an xml and its weights) on CPU, GPU, NPU or AUTO. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/openvino/library.h"

typedef struct runtime {
    wasinn__openvino library;
    ov_core_t *core;
} runtime;

typedef struct model {
    runtime *runtime;
    ov_compiled_model_t *compiled;
    uint32_t counts[2];
    char **names[2];
    bool *fixed[2]; /* by direction and index: every dimension is known */
} model;

typedef struct execution {
    model *model;
    ov_infer_request_t *request;
    ov_tensor_t **tensors[2]; /* the request's own; NULL until first asked for */
    void **memory;            /* of inputs of fixed shape */
} execution;

/* The text of the last error is one for the whole process, so another thread's may come between. */
static wasinn_status failed(const wasinn__openvino *library, wasinn_status status, ov_status_e code,
                            const char *doing, wasinn_message *message) {
    const char *text = library->ov_get_last_err_msg();
    if (text && text[0])
        wasinn_refuse(message, status, "OpenVINO, %s: %s", doing, text);
    else
        wasinn_refuse(message, status, "OpenVINO, %s: status %d", doing, (int)code);
    if (text)
        library->ov_free(text);
    return status;
}

/* ---- Runtime ------------------------------------------------------------------------------------ */

static wasinn_status open_runtime(const wasinn_backend_settings *settings, void **result,
                                  wasinn_message *message) {
    runtime *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    wasinn_status status = wasinn__openvino_open(settings->library, &made->library, message);
    if (status == WASINN_OK) {
        ov_status_e code = made->library.ov_core_create(&made->core);
        if (code != OK)
            status = failed(&made->library, WASINN_RUNTIME_ERROR, code, "starting", message);
    }
    if (status != WASINN_OK) {
        free(made);
        return status;
    }
    *result = made;
    return WASINN_OK;
}

/* The library stays: its threads end with the process, and it cannot be unloaded under them. */
static void close_runtime(void *opaque) {
    runtime *closed = opaque;
    closed->library.ov_core_free(closed->core);
    free(closed);
}

static void version_of(void *opaque, const char **version, const char **path) {
    const runtime *opened = opaque;
    *version = opened->library.version;
    *path = opened->library.path;
}

/* ---- Devices ------------------------------------------------------------------------------------ */

static const char *device_of(wasinn_target target) {
    switch (target) {
    case WASINN_TARGET_GPU:
        return "GPU";
    case WASINN_TARGET_NPU:
        return "NPU";
    case WASINN_TARGET_AUTO:
        return "AUTO";
    default:
        return "CPU";
    }
}

/* AUTO chooses among the devices that there are, and is not one of them. Of two GPUs one is "GPU.0". */
static wasinn_status check_device(const runtime *runtime, const char *device, wasinn_message *message) {
    const wasinn__openvino *library = &runtime->library;
    ov_available_devices_t devices = {0};
    char seen[256] = "";
    size_t length = strlen(device);
    bool found = strcmp(device, "AUTO") == 0;
    if (found)
        return WASINN_OK;
    ov_status_e code = library->ov_core_get_available_devices(runtime->core, &devices);
    if (code != OK)
        return failed(library, WASINN_RUNTIME_ERROR, code, "listing devices", message);
    for (size_t i = 0; i < devices.size; i++) {
        const char *one = devices.devices[i];
        if (strncmp(one, device, length) == 0 && (one[length] == '\0' || one[length] == '.'))
            found = true;
        size_t used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%s%s", used ? ", " : "", one);
    }
    library->ov_available_devices_free(&devices);
    if (found)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                         "OpenVINO finds no device %s in this machine, only %s", device,
                         seen[0] ? seen : "none");
}

/* ---- Loading ------------------------------------------------------------------------------------ */

/* Whether bytes begin as an XML document does, after a byte-order mark and white space. */
static bool is_xml(const wasinn_blob *blob) {
    const char *text = blob->data;
    size_t i = blob->size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (i < blob->size && isspace((unsigned char)text[i]))
        i++;
    return i < blob->size && text[i] == '<';
}

static bool probe(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding) {
    if (count != 2 || !is_xml(&blobs[0]))
        return false;
    *encoding = WASINN_ENCODING_OPENVINO;
    return true;
}

/* The runtime keeps using the weights where they are: the core keeps its copy as long as the model. */
static wasinn_status read_blobs(const runtime *runtime, const wasinn_source *source, ov_model_t **read,
                                wasinn_message *message) {
    const wasinn__openvino *library = &runtime->library;
    ov_tensor_t *weights = NULL;
    ov_status_e code = OK;
    if (source->blob_count != 2)
        return wasinn_refuse(
            message, WASINN_INVALID_ARGUMENT,
            "a model of encoding openvino is two builders, the xml and then the bin; got %zu",
            source->blob_count);
    const wasinn_blob *xml = &source->blobs[0], *bin = &source->blobs[1];
    if (!is_xml(xml))
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "builder 0, %zu bytes, is not the xml of an OpenVINO model%s", xml->size,
                             is_xml(bin) ? "; builder 1 is: the xml comes first, then the bin" : "");
    if (bin->size > 0) {
        int64_t size = (int64_t)bin->size;
        ov_shape_t shape = {1, &size};
        code = library->ov_tensor_create_from_host_ptr(U8, shape, (void *)(uintptr_t)bin->data, &weights);
    }
    if (code == OK)
        code = library->ov_core_read_model_from_memory_buffer(runtime->core, xml->data, xml->size, weights,
                                                              read);
    wasinn_status status =
        code == OK ? WASINN_OK : failed(library, WASINN_RUNTIME_ERROR, code, "reading the model", message);
    if (weights)
        library->ov_tensor_free(weights);
    return status;
}

/* In a folder: model.xml, else the only .xml that there is. */
static wasinn_status find_xml(const char *path, char *xml, size_t capacity, wasinn_message *message) {
    struct stat information;
    int count = 0;
    snprintf(xml, capacity, "%s", path);
    if (stat(path, &information) != 0 || !S_ISDIR(information.st_mode))
        return WASINN_OK;
    snprintf(xml, capacity, "%s/model.xml", path);
    if (stat(xml, &information) == 0)
        return WASINN_OK;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".xml") == 0) {
            snprintf(xml, capacity, "%s/%s", path, entry->d_name);
            count++;
        }
    }
    if (directory)
        closedir(directory);
    if (count == 1)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                         "the folder '%s' has no model.xml and %s .xml besides", path,
                         count == 0 ? "no" : "more than one");
}

static wasinn_status check_file(const char *path, const char *what, struct stat *information,
                                wasinn_message *message) {
    if (stat(path, information) != 0)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s': %s", what, path, strerror(errno));
    if (!S_ISREG(information->st_mode))
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the %s '%s' is not a file", what, path);
    return WASINN_OK;
}

/* OpenVINO would offer what is no xml to its other frontends. */
static wasinn_status check_is_xml(const char *path, wasinn_message *message) {
    char start[256];
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "the xml '%s': %s", path, strerror(errno));
    wasinn_blob blob = {start, fread(start, 1, sizeof start, stream)};
    fclose(stream);
    if (is_xml(&blob))
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "'%s' is not the xml of an OpenVINO model%s", path,
                         blob.size == 0 ? ": it is empty" : "");
}

/* OpenVINO maps the weights of a model that it reads from files. */
static wasinn_status read_path(const runtime *runtime, const char *path, ov_model_t **read,
                               wasinn_message *message) {
    char xml[4096], bin[4096], doing[8400];
    struct stat information;
    wasinn_status status = find_xml(path, xml, sizeof xml, message);
    if (status != WASINN_OK)
        return status;
    size_t length = strlen(xml);
    if (length < 4 || strcmp(xml + length - 4, ".xml") != 0)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "'%s' is not the .xml of an OpenVINO model", xml);
    snprintf(bin, sizeof bin, "%.*s.bin", (int)(length - 4), xml);
    status = check_file(xml, "xml", &information, message);
    if (status == WASINN_OK)
        status = check_is_xml(xml, message);
    if (status == WASINN_OK)
        status = check_file(bin, "weights", &information, message);
    if (status != WASINN_OK)
        return status;
    ov_status_e code = runtime->library.ov_core_read_model(runtime->core, xml, bin, read);
    snprintf(doing, sizeof doing, "reading '%s' with the %lld bytes of its .bin", xml,
             (long long)information.st_size);
    return code == OK ? WASINN_OK : failed(&runtime->library, WASINN_RUNTIME_ERROR, code, doing, message);
}

static void unload(void *opaque) {
    model *unloaded = opaque;
    const wasinn__openvino *library = &unloaded->runtime->library;
    if (unloaded->compiled)
        library->ov_compiled_model_free(unloaded->compiled);
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; unloaded->names[side] && i < unloaded->counts[side]; i++)
            library->ov_free(unloaded->names[side][i]);
        free(unloaded->names[side]);
        free(unloaded->fixed[side]);
    }
    free(unloaded);
}

static wasinn_status compile(model *made, ov_model_t *read, const char *device, wasinn_message *message) {
    const wasinn__openvino *library = &made->runtime->library;
    size_t inputs = 0, outputs = 0;
    ov_status_e code = library->ov_core_compile_model(made->runtime->core, read, device, 0, &made->compiled);
    if (code == OK)
        code = library->ov_compiled_model_inputs_size(made->compiled, &inputs);
    if (code == OK)
        code = library->ov_compiled_model_outputs_size(made->compiled, &outputs);
    if (code != OK)
        return failed(library, WASINN_RUNTIME_ERROR, code, "compiling the model", message);
    made->counts[WASINN_INPUT] = (uint32_t)inputs;
    made->counts[WASINN_OUTPUT] = (uint32_t)outputs;
    for (int side = 0; side < 2; side++) {
        made->names[side] = calloc(made->counts[side] + 1, sizeof **made->names);
        made->fixed[side] = calloc(made->counts[side] + 1, sizeof **made->fixed);
        if (!made->names[side] || !made->fixed[side])
            return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    }
    return WASINN_OK;
}

static wasinn_status load(void *opaque, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message) {
    runtime *opened = opaque;
    const char *device = device_of(request->target);
    ov_model_t *read = NULL;
    wasinn_status status = check_device(opened, device, message);
    if (status != WASINN_OK)
        return status;
    model *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    made->runtime = opened;
    if (request->source->kind == WASINN_SOURCE_BLOBS)
        status = read_blobs(opened, request->source, &read, message);
    else
        status = read_path(opened, request->source->path, &read, message);
    if (status == WASINN_OK && request->stopped(request->stopped_data))
        status = wasinn_refuse(message, WASINN_TIMEOUT, "stopped before the model was compiled");
    if (status == WASINN_OK)
        status = compile(made, read, device, message);
    if (read)
        opened->library.ov_model_free(read);
    if (status != WASINN_OK) {
        unload(made);
        return status;
    }
    loaded->model = made;
    loaded->keeps_blobs = true;
    return WASINN_OK;
}

/* ---- Ports -------------------------------------------------------------------------------------- */

/* What wasinn calls an element type, and its bits in memory. Types that it has no name for but whose elements
 * are whole bytes are passed as those bytes; a string is an object of the runtime. */
static wasinn_type type_of(ov_element_type_e type, uint32_t *bits) {
    static const struct {
        wasinn_type type;
        uint32_t bits;
    } known[] = {
        [BOOLEAN] = {WASINN_TYPE_BOOL, 8},   [BF16] = {WASINN_TYPE_BF16, 16},
        [F16] = {WASINN_TYPE_F16, 16},       [F32] = {WASINN_TYPE_F32, 32},
        [F64] = {WASINN_TYPE_F64, 64},       [I4] = {WASINN_TYPE_OTHER, 4},
        [I8] = {WASINN_TYPE_I8, 8},          [I16] = {WASINN_TYPE_I16, 16},
        [I32] = {WASINN_TYPE_I32, 32},       [I64] = {WASINN_TYPE_I64, 64},
        [U1] = {WASINN_TYPE_OTHER, 1},       [U2] = {WASINN_TYPE_OTHER, 2},
        [U3] = {WASINN_TYPE_OTHER, 3},       [U4] = {WASINN_TYPE_OTHER, 4},
        [U6] = {WASINN_TYPE_OTHER, 6},       [U8] = {WASINN_TYPE_U8, 8},
        [U16] = {WASINN_TYPE_U16, 16},       [U32] = {WASINN_TYPE_U32, 32},
        [U64] = {WASINN_TYPE_U64, 64},       [NF4] = {WASINN_TYPE_OTHER, 4},
        [F8E4M3] = {WASINN_TYPE_U8, 8},      [F8E5M3] = {WASINN_TYPE_U8, 8},
        [STRING] = {WASINN_TYPE_OTHER, 256}, [F4E2M1] = {WASINN_TYPE_OTHER, 4},
        [F8E8M0] = {WASINN_TYPE_U8, 8},
    };
    if ((unsigned)type >= sizeof known / sizeof *known || known[type].bits == 0) {
        *bits = 64;
        return WASINN_TYPE_OTHER;
    }
    *bits = known[type].bits;
    return known[type].type;
}

static uint32_t port_count(void *opaque, wasinn_direction direction) {
    return ((const model *)opaque)->counts[direction];
}

static void copy_shape(const ov_partial_shape_t *shape, wasinn_port *port, bool *fixed) {
    *fixed = shape->rank.min == shape->rank.max;
    port->rank = *fixed ? (uint32_t)shape->rank.max : WASINN_DYNAMIC_RANK;
    for (uint32_t i = 0; i < port->rank && port->rank <= WASINN_MAX_RANK; i++) {
        int64_t least = shape->dims[i].min, most = shape->dims[i].max;
        port->min_dims[i] = least;
        port->max_dims[i] = most;
        port->dims[i] = least == most ? most : -1;
        *fixed = *fixed && least == most;
    }
}

static wasinn_status port(void *opaque, wasinn_direction direction, uint32_t index, wasinn_port *result,
                          wasinn_message *message) {
    model *loaded = opaque;
    const wasinn__openvino *library = &loaded->runtime->library;
    char **name = &loaded->names[direction][index];
    ov_output_const_port_t *found = NULL;
    ov_partial_shape_t shape = {0};
    ov_element_type_e type = DYNAMIC;
    ov_status_e code = direction == WASINN_INPUT
                           ? library->ov_compiled_model_input_by_index(loaded->compiled, index, &found)
                           : library->ov_compiled_model_output_by_index(loaded->compiled, index, &found);
    if (code == OK)
        code = library->ov_port_get_element_type(found, &type);
    if (code == OK)
        code = library->ov_port_get_partial_shape(found, &shape);
    if (code == OK) {
        /* A port without a name is legal. */
        if (!*name && library->ov_port_get_any_name(found, name) != OK)
            *name = NULL;
        *result = (wasinn_port){.name = *name ? *name : ""};
        result->type = type_of(type, &result->element_bits);
        copy_shape(&shape, result, &loaded->fixed[direction][index]);
        library->ov_partial_shape_free(&shape);
    }
    if (found)
        library->ov_output_const_port_free(found);
    return code == OK ? WASINN_OK : failed(library, WASINN_RUNTIME_ERROR, code, "describing a port", message);
}

/* ---- Execution ---------------------------------------------------------------------------------- */

static void destroy(void *opaque) {
    execution *destroyed = opaque;
    const wasinn__openvino *library = &destroyed->model->runtime->library;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; destroyed->tensors[side] && i < destroyed->model->counts[side]; i++)
            if (destroyed->tensors[side][i])
                library->ov_tensor_free(destroyed->tensors[side][i]);
        free(destroyed->tensors[side]);
    }
    free(destroyed->memory);
    if (destroyed->request)
        library->ov_infer_request_free(destroyed->request);
    free(destroyed);
}

static wasinn_status create(void *opaque, void **result, wasinn_message *message) {
    model *loaded = opaque;
    const wasinn__openvino *library = &loaded->runtime->library;
    execution *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    made->model = loaded;
    made->memory = calloc(loaded->counts[WASINN_INPUT] + 1, sizeof *made->memory);
    for (int side = 0; side < 2; side++)
        made->tensors[side] = calloc(loaded->counts[side] + 1, sizeof **made->tensors);
    if (!made->memory || !made->tensors[0] || !made->tensors[1]) {
        destroy(made);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    }
    ov_status_e code = library->ov_compiled_model_create_infer_request(loaded->compiled, &made->request);
    if (code != OK) {
        destroy(made);
        return failed(library, WASINN_RUNTIME_ERROR, code, "creating an inference request", message);
    }
    *result = made;
    return WASINN_OK;
}

/* A tensor of a rank of 0 has no shape to set or get: the C API refuses one. */
static ov_status_e reshape(const wasinn__openvino *library, ov_tensor_t *tensor,
                           const wasinn_tensor *wanted) {
    ov_shape_t shape = {0};
    if (wanted->rank == 0)
        return OK;
    ov_status_e code = library->ov_shape_create(wanted->rank, wanted->dims, &shape);
    if (code == OK)
        code = library->ov_tensor_set_shape(tensor, shape);
    library->ov_shape_free(&shape);
    return code;
}

static wasinn_status input(void *opaque, uint32_t index, const wasinn_tensor *shape, void **memory,
                           wasinn_message *message) {
    static uint64_t nothing; /* where the elements of an empty tensor would be */
    execution *used = opaque;
    const wasinn__openvino *library = &used->model->runtime->library;
    ov_tensor_t **tensor = &used->tensors[WASINN_INPUT][index];
    bool fixed = used->model->fixed[WASINN_INPUT][index];
    ov_status_e code = OK;
    if (used->memory[index]) {
        *memory = used->memory[index];
        return WASINN_OK;
    }
    if (!*tensor)
        code = library->ov_infer_request_get_input_tensor_by_index(used->request, index, tensor);
    if (code == OK && !fixed)
        code = reshape(library, *tensor, shape);
    *memory = &nothing;
    if (code == OK && shape->size > 0)
        code = library->ov_tensor_data(*tensor, memory);
    if (code != OK)
        return failed(library, WASINN_RUNTIME_ERROR, code, "preparing an input", message);
    if (fixed)
        used->memory[index] = *memory;
    return WASINN_OK;
}

static wasinn_status run(void *opaque, wasinn_message *message) {
    execution *used = opaque;
    const wasinn__openvino *library = &used->model->runtime->library;
    ov_status_e code = library->ov_infer_request_infer(used->request);
    return code == OK ? WASINN_OK : failed(library, WASINN_RUNTIME_ERROR, code, "computing", message);
}

static void cancel(void *opaque) {
    execution *used = opaque;
    used->model->runtime->library.ov_infer_request_cancel(used->request);
}

static wasinn_status output(void *opaque, uint32_t index, wasinn_tensor *view, wasinn_message *message) {
    execution *used = opaque;
    const wasinn__openvino *library = &used->model->runtime->library;
    ov_tensor_t **tensor = &used->tensors[WASINN_OUTPUT][index];
    ov_element_type_e type = DYNAMIC;
    uint32_t bits;
    ov_shape_t shape = {0};
    void *data = NULL;
    wasinn_tensor seen = {0};
    ov_status_e code = OK;
    /* The tensor of a dynamic output may be another one after each run. */
    if (*tensor && !used->model->fixed[WASINN_OUTPUT][index]) {
        library->ov_tensor_free(*tensor);
        *tensor = NULL;
    }
    if (!*tensor)
        code = library->ov_infer_request_get_output_tensor_by_index(used->request, index, tensor);
    if (code == OK)
        code = library->ov_tensor_get_byte_size(*tensor, &seen.size);
    if (code == OK)
        code = library->ov_tensor_get_element_type(*tensor, &type);
    if (code == OK && seen.size > 0)
        code = library->ov_tensor_data(*tensor, &data);
    if (code != OK)
        return failed(library, WASINN_RUNTIME_ERROR, code, "reading an output", message);
    seen.type = type_of(type, &bits);
    seen.data = data;
    if (library->ov_tensor_get_shape(*tensor, &shape) == OK) {
        seen.rank = shape.rank <= WASINN_MAX_RANK ? (uint32_t)shape.rank : 0;
        for (uint32_t i = 0; i < seen.rank; i++)
            seen.dims[i] = shape.dims[i];
        library->ov_shape_free(&shape);
    }
    *view = seen;
    return WASINN_OK;
}

static const wasinn_encoding encodings[] = {WASINN_ENCODING_OPENVINO};

const wasinn_backend wasinn__backend_openvino = {
    .abi_version = WASINN_BACKEND_ABI,
    .struct_size = sizeof(wasinn_backend),
    .name = "openvino",
    .package = "OpenVINO 2026 (Python package openvino)",
    .encodings = encodings,
    .encoding_count = sizeof encodings / sizeof *encodings,
    .open = open_runtime,
    .close = close_runtime,
    .version = version_of,
    .load = load,
    .unload = unload,
    .port_count = port_count,
    .port = port,
    .create = create,
    .destroy = destroy,
    .input = input,
    .run = run,
    .cancel = cancel,
    .output = output,
    .probe = probe,
};
