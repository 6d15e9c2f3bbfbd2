/* The OpenVINO backend: models of OpenVINO's own format, ONNX, TensorFlow and TensorFlow Lite on CPU, GPU,
 * NPU or AUTO. */
#include <stdlib.h>
#include <string.h>

#include "backends/formats.h"
#include "backends/openvino/compiled.h"
#include "backends/openvino/infer.h"
#include "backends/openvino/options.h"
#include "backends/openvino/read.h"

typedef wasinn__openvino_runtime runtime;
typedef wasinn__openvino_model model;
typedef wasinn__openvino_execution execution;

static wasinn_status failed(const wasinn__openvino *library, ov_status_e code, const char *doing,
                            wasinn_message *message) {
    return wasinn__openvino_failed(library, WASINN_RUNTIME_ERROR, code, doing, message);
}

/* ---- Runtime ------------------------------------------------------------------------------------ */

static wasinn_status open_runtime(const wasinn_backend_settings *settings, void **result,
                                  wasinn_message *message) {
    runtime *made;
    wasinn_status status = wasinn__openvino_start(settings->library, &made, message);
    if (status == WASINN_OK)
        *result = made;
    return status;
}

static void close_runtime(void *opaque) {
    wasinn__openvino_stop(opaque);
}

static void version_of(void *opaque, const char **version, const char **path) {
    const runtime *opened = opaque;
    *version = opened->library.version;
    *path = opened->library.path;
}

static const char *device(void *opaque, size_t index) {
    return wasinn__openvino_device_at(opaque, index);
}

/* ---- Loading ------------------------------------------------------------------------------------ */

static const wasinn_encoding encodings[] = {WASINN_ENCODING_OPENVINO, WASINN_ENCODING_ONNX,
                                            WASINN_ENCODING_TENSORFLOW, WASINN_ENCODING_TENSORFLOWLITE};

static bool serves(wasinn_encoding encoding) {
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        if (encodings[i] == encoding)
            return true;
    return false;
}

static bool probe(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding) {
    wasinn_encoding found;
    if (!wasinn__format_of_blobs(blobs, count, &found) || !serves(found))
        return false;
    *encoding = found;
    return true;
}

static bool probe_path(const char *path, wasinn_encoding *encoding) {
    wasinn_encoding found;
    if (!wasinn__format_of_path(path, &found) || !serves(found))
        return false;
    *encoding = found;
    return true;
}

void wasinn__openvino_free_ports(model *model) {
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; model->names[side] && i < model->counts[side]; i++)
            free(model->names[side][i]);
        free(model->names[side]);
        free(model->fixed[side]);
    }
}

static void unload(void *opaque) {
    model *unloaded = opaque;
    const wasinn__openvino *library = &unloaded->runtime->library;
    if (unloaded->compiled)
        library->ov_compiled_model_free(unloaded->compiled);
    if (unloaded->stateful)
        library->ov_model_free(unloaded->stateful);
    if (unloaded->core)
        library->ov_core_free(unloaded->core);
    wasinn__openvino_free_ports(unloaded);
    free(unloaded);
}

/* TensorFlow calls the first output of node x "x:0", and "x" means the same. */
static void shorten(char *name) {
    size_t length = strlen(name);
    if (length > 2 && strcmp(name + length - 2, ":0") == 0)
        name[length - 2] = '\0';
}

/* As the model that was read calls it; NULL: it has no name, which is legal, or there is no memory. */
static char *name_of_port(const wasinn__openvino *library, const ov_output_const_port_t *port,
                          wasinn_encoding encoding) {
    char *theirs = NULL, *name;
    if (library->ov_port_get_any_name(port, &theirs) != OK)
        return NULL;
    name = strdup(theirs);
    library->ov_free(theirs);
    if (name && encoding == WASINN_ENCODING_TENSORFLOW)
        shorten(name);
    return name;
}

/* A compiled port has besides the names of what was merged with it, and tells only the first of all. */
static void name_ports(model *made, const ov_model_t *read, wasinn_encoding encoding) {
    const wasinn__openvino *library = &made->runtime->library;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < made->counts[side]; i++) {
            ov_output_const_port_t *found = NULL;
            ov_status_e code = side == WASINN_INPUT
                                   ? library->ov_model_const_input_by_index(read, i, &found)
                                   : library->ov_model_const_output_by_index(read, i, &found);
            if (code != OK)
                continue;
            made->names[side][i] = name_of_port(library, found, encoding);
            library->ov_output_const_port_free(found);
        }
    }
}

wasinn_status wasinn__openvino_count_ports(model *made, wasinn_message *message) {
    const wasinn__openvino *library = &made->runtime->library;
    size_t inputs = 0, outputs = 0;
    ov_status_e code = library->ov_compiled_model_inputs_size(made->compiled, &inputs);
    if (code == OK)
        code = library->ov_compiled_model_outputs_size(made->compiled, &outputs);
    if (code != OK)
        return failed(library, code, "counting the ports", message);
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

static wasinn_status compile(model *made, const ov_model_t *read, const char *device,
                             const wasinn_load_request *request, wasinn_message *message) {
    wasinn__openvino_settings_of(request, &made->settings);
    made->device = device;
    ov_status_e code =
        wasinn__openvino_compile(made->runtime, read, device, &made->settings, &made->compiled);
    if (code != OK)
        return failed(&made->runtime->library, code, "compiling the model", message);
    wasinn_status status = wasinn__openvino_count_ports(made, message);
    if (status == WASINN_OK)
        name_ports(made, read, request->encoding);
    return status;
}

static wasinn_status read_and_compile(model *made, const char *device, const wasinn_load_request *request,
                                      wasinn_loaded *loaded, wasinn_message *message) {
    wasinn__openvino_read read = {0};
    wasinn_status status = wasinn__openvino_read_model(made->runtime, request, &read, message);
    if (status == WASINN_OK && request->stopped(request->stopped_data))
        status = wasinn_refuse(message, WASINN_TIMEOUT, "stopped before the model was compiled");
    if (status == WASINN_OK)
        status = compile(made, read.model, device, request, message);
    if (read.stateful) {
        made->stateful = read.model;
        made->weights = read.weights;
    } else if (read.model) {
        made->runtime->library.ov_model_free(read.model);
    }
    made->bytes = read.bytes;
    loaded->keeps_blobs = read.keeps_blobs;
    return status;
}

static wasinn_status load(void *opaque, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message) {
    runtime *opened = opaque;
    const char *device;
    wasinn__openvino_identity identity;
    wasinn_status status = wasinn__openvino_device(opened, request->target, &device, message);
    if (status != WASINN_OK)
        return status;
    model *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    made->runtime = opened;
    wasinn__openvino_identify(request, device, &identity);
    loaded->from_store = wasinn__openvino_import(made, request, &identity);
    if (!loaded->from_store)
        status = read_and_compile(made, device, request, loaded, message);
    if (status != WASINN_OK) {
        unload(made);
        return status;
    }
    loaded->may_be_saved = !loaded->from_store && !made->stateful && wasinn__openvino_unchanged(&identity);
    /* A state may be kept where an input is. */
    made->binds = request->target == WASINN_TARGET_CPU && !made->stateful;
    loaded->model = made;
    loaded->bytes = made->bytes;
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
    const char *name = loaded->names[direction][index];
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
        *result = (wasinn_port){.name = name ? name : ""};
        result->type = type_of(type, &result->element_bits);
        copy_shape(&shape, result, &loaded->fixed[direction][index]);
        library->ov_partial_shape_free(&shape);
    }
    if (found)
        library->ov_output_const_port_free(found);
    return code == OK ? WASINN_OK : failed(library, code, "describing a port", message);
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
    wasinn__openvino_free_bound(destroyed);
    free(destroyed->memory);
    free(destroyed->views);
    if (destroyed->request)
        library->ov_infer_request_free(destroyed->request);
    if (destroyed->own)
        library->ov_compiled_model_free(destroyed->own);
    free(destroyed);
}

static uint64_t execution_bytes(void *opaque) {
    const model *loaded = opaque;
    return loaded->stateful ? loaded->weights : 0;
}

static ov_status_e create_request(execution *made) {
    const model *loaded = made->model;
    const wasinn__openvino *library = &loaded->runtime->library;
    ov_status_e code = OK;
    if (loaded->stateful)
        code = wasinn__openvino_compile(loaded->runtime, loaded->stateful, loaded->device, &loaded->settings,
                                        &made->own);
    if (code != OK)
        return code;
    return library->ov_compiled_model_create_infer_request(made->own ? made->own : loaded->compiled,
                                                           &made->request);
}

static wasinn_status create(void *opaque, void **result, wasinn_message *message) {
    model *loaded = opaque;
    const wasinn__openvino *library = &loaded->runtime->library;
    execution *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    made->model = loaded;
    made->memory = calloc(loaded->counts[WASINN_INPUT] + 1, sizeof *made->memory);
    made->views = calloc(loaded->counts[WASINN_OUTPUT] + 1, sizeof *made->views);
    for (int side = 0; side < 2; side++)
        made->tensors[side] = calloc(loaded->counts[side] + 1, sizeof **made->tensors);
    if (!made->memory || !made->views || !made->tensors[0] || !made->tensors[1]) {
        destroy(made);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    }
    ov_status_e code = create_request(made);
    if (code != OK) {
        destroy(made);
        return failed(library, code, "creating an inference request", message);
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
        return failed(library, code, "preparing an input", message);
    if (fixed)
        used->memory[index] = *memory;
    return WASINN_OK;
}

static wasinn_status run(void *opaque, wasinn_message *message) {
    execution *used = opaque;
    const wasinn__openvino *library = &used->model->runtime->library;
    wasinn_status status = wasinn__openvino_take_back(used, message);
    if (status != WASINN_OK)
        return status;
    ov_status_e code = library->ov_infer_request_infer(used->request);
    return code == OK ? WASINN_OK : failed(library, code, "computing", message);
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
    if (used->views[index].data) {
        *view = used->views[index];
        return WASINN_OK;
    }
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
        return failed(library, code, "reading an output", message);
    seen.type = type_of(type, &bits);
    seen.data = data;
    if (library->ov_tensor_get_shape(*tensor, &shape) == OK) {
        seen.rank = shape.rank <= WASINN_MAX_RANK ? (uint32_t)shape.rank : 0;
        for (uint32_t i = 0; i < seen.rank; i++)
            seen.dims[i] = shape.dims[i];
        library->ov_shape_free(&shape);
    }
    if (used->model->fixed[WASINN_OUTPUT][index])
        used->views[index] = seen;
    *view = seen;
    return WASINN_OK;
}

/* What the CPU plugin tells is, for each layer, the mean of all runs of the model so far; one of less than a
 * microsecond it says was not run. */
static wasinn_status layers(void *opaque, wasinn_layer_fn tell, void *data, wasinn_message *message) {
    const execution *used = opaque;
    const wasinn__openvino *library = &used->model->runtime->library;
    ov_profiling_info_list_t list = {0};
    ov_status_e code = library->ov_infer_request_get_profiling_info(used->request, &list);
    if (code != OK)
        return failed(library, code, "reading how long the layers took", message);
    for (size_t i = 0; i < list.size; i++) {
        const ov_profiling_info_t *layer = &list.profiling_infos[i];
        char kind[128];
        if (layer->status != EXECUTED)
            continue;
        snprintf(kind, sizeof kind, "%s, %s", layer->node_type, layer->exec_type);
        tell(data, layer->node_name, kind, layer->real_time > 0 ? (uint64_t)layer->real_time * 1000 : 0);
    }
    library->ov_profiling_info_list_free(&list);
    return WASINN_OK;
}

const wasinn_backend wasinn__backend_openvino = {
    .abi_version = WASINN_BACKEND_ABI,
    .struct_size = sizeof(wasinn_backend),
    .name = "openvino",
    .package = "OpenVINO 2025.4 to 2026 (Python package openvino)",
    .encodings = encodings,
    .encoding_count = sizeof encodings / sizeof *encodings,
    .option_keys = wasinn__openvino_option_keys,
    .option_key_count = WASINN__OPENVINO_OPTIONS,
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
    .probe_path = probe_path,
    .keeps_shapes = true,
    .check_option = wasinn__openvino_check_option,
    .option_texts = wasinn__openvino_option_texts,
    .device = device,
    .infer = wasinn__openvino_infer,
    .layers = layers,
    .save = wasinn__openvino_save,
    .execution_bytes = execution_bytes,
};
