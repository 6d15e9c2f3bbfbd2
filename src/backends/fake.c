/* A backend for tests: no ML runtime, the same answer every time, and failure on command.
 *
 * Its models are text, in the first of two blobs or in a file or a folder's model.fake:
 *
 *     fake
 *     input a f32 2 2          name, type, dimensions; ? for a dynamic one
 *     output sum f32 2 2 = add a b
 *     bytes 1000000            what it says that the model holds
 *     slow 5000                a run takes that many milliseconds, or until it is cancelled
 *     deaf                     ... and is not stopped by a cancel
 *     fail run busy            the entry fails, saying "busy"
 *     copies                   it does not compute in a caller's memory
 *     fail hang .              loading never ends, until it is stopped
 *     fail linger .            loading takes a twentieth of a second
 *
 * Operations: add (any number of inputs), double, relu, increment, total, not, count (1, 2, 3 ...). */
#include "backends/fake.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_PORTS = 8, MAX_NAME = 32 };

atomic_uint wasinn__fake_loads, wasinn__fake_infers;

typedef struct fake_port {
    char name[MAX_NAME];
    wasinn_port port;
    char operation[MAX_NAME];
    uint32_t arguments[MAX_PORTS];
    uint32_t argument_count;
} fake_port;

typedef struct fake_model {
    fake_port ports[2][MAX_PORTS];
    uint32_t counts[2];
    uint64_t bytes;
    long slow_ms;
    bool deaf, copies, profiled;
    char fail_entry[MAX_NAME], fail_text[MAX_NAME];
} fake_model;

typedef struct fake_execution {
    const fake_model *model;
    wasinn_tensor tensors[2][MAX_PORTS];
    void *data[2][MAX_PORTS];
    atomic_bool cancelled;
} fake_execution;

static wasinn_status open_fake(const wasinn_backend_settings *settings, void **runtime,
                               wasinn_message *message) {
    static int opened;
    if (settings->library && strcmp(settings->library, "missing") == 0)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "fake: its library is missing");
    *runtime = &opened;
    return WASINN_OK;
}

static void close_fake(void *runtime) {
    (void)runtime;
}

static void version(void *runtime, const char **text, const char **path) {
    (void)runtime;
    *text = "1";
    *path = "built in";
}

/* ---- Reading a model ---------------------------------------------------------------------------- */

static bool find_input(const fake_model *model, const char *name, uint32_t *index) {
    for (*index = 0; *index < model->counts[WASINN_INPUT]; ++*index)
        if (strcmp(model->ports[WASINN_INPUT][*index].name, name) == 0)
            return true;
    return false;
}

static bool read_port(fake_model *model, wasinn_direction direction, char **rest) {
    const char *name = strtok_r(NULL, " ", rest), *type = strtok_r(NULL, " ", rest), *word;
    if (!name || !type || model->counts[direction] == MAX_PORTS)
        return false;
    fake_port *port = &model->ports[direction][model->counts[direction]++];
    snprintf(port->name, sizeof port->name, "%s", name);
    port->port.name = port->name;
    if (strcmp(type, "any") == 0)
        port->port.type = WASINN_TYPE_ANY;
    else if (!wasinn_type_parse(type, &port->port.type))
        port->port.type = WASINN_TYPE_OTHER;
    port->port.element_bits =
        port->port.type == WASINN_TYPE_OTHER ? 4 : 8 * (uint32_t)wasinn_type_size(port->port.type);
    while ((word = strtok_r(NULL, " ", rest)) && strcmp(word, "=") != 0) {
        uint32_t i = port->port.rank++;
        if (i >= WASINN_MAX_RANK)
            continue;
        port->port.dims[i] = strcmp(word, "?") == 0 ? -1 : atoll(word);
        port->port.min_dims[i] = port->port.dims[i] < 0 ? 0 : port->port.dims[i];
        port->port.max_dims[i] = port->port.dims[i];
    }
    if (direction == WASINN_INPUT)
        return word == NULL;
    if (!(word = strtok_r(NULL, " ", rest)))
        return false;
    snprintf(port->operation, sizeof port->operation, "%s", word);
    while ((word = strtok_r(NULL, " ", rest)) && port->argument_count < MAX_PORTS) {
        if (!find_input(model, word, &port->arguments[port->argument_count++]))
            return false;
    }
    return true;
}

static bool read_line(fake_model *model, char *line) {
    char *rest = NULL;
    const char *word = strtok_r(line, " ", &rest);
    if (!word)
        return true;
    if (strcmp(word, "input") == 0)
        return read_port(model, WASINN_INPUT, &rest);
    if (strcmp(word, "output") == 0)
        return read_port(model, WASINN_OUTPUT, &rest);
    const char *value = strtok_r(NULL, " ", &rest);
    if (strcmp(word, "bytes") == 0 && value) {
        model->bytes = strtoull(value, NULL, 10);
    } else if (strcmp(word, "slow") == 0 && value) {
        model->slow_ms = atol(value);
    } else if (strcmp(word, "fail") == 0 && value) {
        snprintf(model->fail_entry, sizeof model->fail_entry, "%s", value);
        snprintf(model->fail_text, sizeof model->fail_text, "%s", rest ? rest : "");
    } else if (strcmp(word, "deaf") == 0) {
        model->deaf = true;
    } else if (strcmp(word, "copies") == 0) {
        model->copies = true;
    } else {
        return false;
    }
    return true;
}

static wasinn_status fails(const fake_model *model, const char *entry, wasinn_message *message) {
    if (strcmp(model->fail_entry, entry) != 0)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: %s: %s", entry, model->fail_text);
}

static wasinn_status read_model(const char *text, fake_model *model, wasinn_message *message) {
    char line[256];
    int number = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length >= sizeof line)
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: line %d is too long", number + 1);
        memcpy(line, text, length);
        line[length] = '\0';
        bool good = number == 0 ? strcmp(line, "fake") == 0 : read_line(model, line);
        if (!good)
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: line %d is not understood",
                                 number + 1);
        number++;
        text += length + (text[length] == '\n');
    }
    if (number == 0)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: the model is empty");
    return WASINN_OK;
}

static wasinn_status read_file(const char *path, fake_model *model, wasinn_message *message) {
    char file[4096], text[4096];
    struct stat information;
    bool folder = stat(path, &information) == 0 && S_ISDIR(information.st_mode);
    snprintf(file, sizeof file, folder ? "%s/model.fake" : "%s", path);
    FILE *stream = fopen(file, "r");
    if (!stream)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: '%s' cannot be read", file);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    return read_model(text, model, message);
}

static wasinn_status load(void *runtime, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message) {
    (void)runtime;
    wasinn_status status;
    if (request->source->kind == WASINN_SOURCE_BLOBS && request->source->blob_count != 2)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "fake: wanted two builders, got %zu",
                             request->source->blob_count);
    if (request->target != WASINN_TARGET_CPU && request->target != WASINN_TARGET_AUTO)
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION, "fake: no device %s here",
                             wasinn_target_name(request->target));
    fake_model *model = calloc(1, sizeof *model);
    if (!model)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "fake: no memory");
    if (request->source->kind == WASINN_SOURCE_BLOBS)
        status = read_model(request->source->blobs[0].data, model, message);
    else
        status = read_file(request->source->path, model, message);
    if (status == WASINN_OK)
        status = fails(model, "load", message);
    while (strcmp(model->fail_entry, "hang") == 0 && !request->stopped(request->stopped_data))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (strcmp(model->fail_entry, "linger") == 0)
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    if (status == WASINN_OK && request->stopped(request->stopped_data))
        status = wasinn_refuse(message, WASINN_TIMEOUT, "fake: stopped");
    if (status != WASINN_OK) {
        free(model);
        return status;
    }
    atomic_fetch_add(&wasinn__fake_loads, 1);
    model->profiled = request->profile;
    loaded->model = model;
    loaded->bytes = model->bytes;
    loaded->keeps_blobs = true;
    return WASINN_OK;
}

static void unload(void *model) {
    free(model);
}

static uint32_t port_count(void *model, wasinn_direction direction) {
    return ((fake_model *)model)->counts[direction];
}

static wasinn_status port(void *opaque, wasinn_direction direction, uint32_t index, wasinn_port *result,
                          wasinn_message *message) {
    const fake_model *model = opaque;
    *result = model->ports[direction][index].port;
    return fails(model, "port", message);
}

/* ---- Execution ---------------------------------------------------------------------------------- */

static void destroy(void *opaque) {
    fake_execution *execution = opaque;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < MAX_PORTS; i++)
            free(execution->data[side][i]);
    free(execution);
}

static wasinn_status create(void *opaque, void **result, wasinn_message *message) {
    const fake_model *model = opaque;
    wasinn_status status = fails(model, "create", message);
    if (status != WASINN_OK)
        return status;
    fake_execution *execution = calloc(1, sizeof *execution);
    if (!execution)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "fake: no memory");
    execution->model = model;
    *result = execution;
    return WASINN_OK;
}

static bool resize(fake_execution *execution, wasinn_direction direction, uint32_t index,
                   const wasinn_tensor *shape) {
    void *data = realloc(execution->data[direction][index], shape->size ? shape->size : 1);
    if (!data)
        return false;
    execution->data[direction][index] = data;
    execution->tensors[direction][index] = *shape;
    execution->tensors[direction][index].data = data;
    return true;
}

static wasinn_status input(void *opaque, uint32_t index, const wasinn_tensor *shape, void **memory,
                           wasinn_message *message) {
    fake_execution *execution = opaque;
    wasinn_status status = fails(execution->model, "input", message);
    if (status == WASINN_OK && !resize(execution, WASINN_INPUT, index, shape))
        status = wasinn_refuse(message, WASINN_TOO_LARGE, "fake: no memory");
    if (status == WASINN_OK)
        *memory = execution->data[WASINN_INPUT][index];
    return status;
}

static double get(const wasinn_tensor *tensor, size_t i) {
    switch (tensor->type) {
    case WASINN_TYPE_F32:
        return ((const float *)tensor->data)[i];
    case WASINN_TYPE_F64:
        return ((const double *)tensor->data)[i];
    case WASINN_TYPE_I64:
    case WASINN_TYPE_U64:
        return (double)((const int64_t *)tensor->data)[i];
    case WASINN_TYPE_I32:
    case WASINN_TYPE_U32:
        return ((const int32_t *)tensor->data)[i];
    case WASINN_TYPE_I16:
    case WASINN_TYPE_U16:
    case WASINN_TYPE_F16:
    case WASINN_TYPE_BF16:
        return ((const uint16_t *)tensor->data)[i];
    default:
        return ((const uint8_t *)tensor->data)[i];
    }
}

static void set(wasinn_type type, void *data, size_t i, double value) {
    switch (type) {
    case WASINN_TYPE_F32:
        ((float *)data)[i] = (float)value;
        break;
    case WASINN_TYPE_F64:
        ((double *)data)[i] = value;
        break;
    case WASINN_TYPE_I64:
    case WASINN_TYPE_U64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    case WASINN_TYPE_I32:
    case WASINN_TYPE_U32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    case WASINN_TYPE_I16:
    case WASINN_TYPE_U16:
    case WASINN_TYPE_F16:
    case WASINN_TYPE_BF16:
        ((uint16_t *)data)[i] = (uint16_t)value;
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)value;
    }
}

/* The 16-bit floats are handled as bits: twice a normal number has an exponent that is one more. */
static double doubled(wasinn_type type, double value) {
    if (type == WASINN_TYPE_F16 || type == WASINN_TYPE_BF16)
        return value == 0 ? 0 : value + (type == WASINN_TYPE_F16 ? 0x400 : 0x80);
    return 2 * value;
}

static double element(const fake_execution *execution, const fake_port *port, size_t i) {
    const wasinn_tensor *inputs = execution->tensors[WASINN_INPUT];
    if (strcmp(port->operation, "count") == 0)
        return (double)i + 1;
    double first = get(&inputs[port->arguments[0]], i);
    if (strcmp(port->operation, "double") == 0)
        return doubled(inputs[port->arguments[0]].type, first);
    if (strcmp(port->operation, "relu") == 0)
        return first > 0 ? first : 0;
    if (strcmp(port->operation, "increment") == 0)
        return first + 1;
    if (strcmp(port->operation, "not") == 0)
        return first == 0;
    for (uint32_t k = 1; k < port->argument_count; k++)
        first += get(&inputs[port->arguments[k]], i);
    return first;
}

/* Of output `index`, now that the inputs have theirs. */
static wasinn_tensor output_shape(const fake_execution *execution, uint32_t index) {
    const fake_port *port = &execution->model->ports[WASINN_OUTPUT][index];
    wasinn_tensor shape = {.type = port->port.type, .rank = port->port.rank};
    const wasinn_tensor *source = &execution->tensors[WASINN_INPUT][port->arguments[0]];
    shape.size = wasinn_type_size(shape.type);
    for (uint32_t i = 0; i < shape.rank; i++) {
        shape.dims[i] = port->port.dims[i] < 0 ? source->dims[i] : port->port.dims[i];
        shape.size *= (size_t)shape.dims[i];
    }
    return shape;
}

static void compute_into(const fake_execution *execution, uint32_t index, void *data, size_t size) {
    const fake_port *port = &execution->model->ports[WASINN_OUTPUT][index];
    const wasinn_tensor *source = &execution->tensors[WASINN_INPUT][port->arguments[0]];
    size_t elements = size / wasinn_type_size(port->port.type), count;
    double sum = 0;
    if (strcmp(port->operation, "total") != 0) {
        for (size_t i = 0; i < elements; i++)
            set(port->port.type, data, i, element(execution, port, i));
        return;
    }
    count = source->size / wasinn_type_size(source->type);
    for (size_t i = 0; i < count; i++)
        sum += get(source, i);
    set(port->port.type, data, 0, sum);
}

static bool compute_port(fake_execution *execution, uint32_t index) {
    wasinn_tensor shape = output_shape(execution, index);
    if (wasinn_type_size(shape.type) == 0)
        return true;
    if (!resize(execution, WASINN_OUTPUT, index, &shape))
        return false;
    compute_into(execution, index, execution->data[WASINN_OUTPUT][index], shape.size);
    return true;
}

/* As real runtimes do, this forgets a cancel that came before the run. */
static wasinn_status take_time(fake_execution *execution, wasinn_message *message) {
    const fake_model *model = execution->model;
    atomic_store(&execution->cancelled, false);
    for (long i = 0; i < model->slow_ms; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        if (atomic_load(&execution->cancelled) && !model->deaf)
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: cancelled");
    }
    return WASINN_OK;
}

static wasinn_status run(void *opaque, wasinn_message *message) {
    fake_execution *execution = opaque;
    const fake_model *model = execution->model;
    wasinn_status status = fails(model, "run", message);
    if (status == WASINN_OK)
        status = take_time(execution, message);
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT] && status == WASINN_OK; i++)
        if (!compute_port(execution, i))
            status = wasinn_refuse(message, WASINN_TOO_LARGE, "fake: no memory");
    return status;
}

/* Nothing of the caller's is kept. */
static wasinn_status infer(void *opaque, const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                           wasinn_message *message) {
    fake_execution *execution = opaque;
    const fake_model *model = execution->model;
    wasinn_tensor kept[MAX_PORTS];
    if (model->copies)
        return WASINN_UNSUPPORTED_OPERATION;
    wasinn_status status = fails(model, "infer", message);
    if (status == WASINN_OK)
        status = take_time(execution, message);
    if (status != WASINN_OK)
        return status;
    memcpy(kept, execution->tensors[WASINN_INPUT], sizeof kept);
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++)
        if (inputs[i].data)
            execution->tensors[WASINN_INPUT][i] = inputs[i];
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++)
        if (outputs[i].data)
            compute_into(execution, i, outputs[i].data, outputs[i].size);
    memcpy(execution->tensors[WASINN_INPUT], kept, sizeof kept);
    atomic_fetch_add(&wasinn__fake_infers, 1);
    return WASINN_OK;
}

static void cancel(void *opaque) {
    atomic_store(&((fake_execution *)opaque)->cancelled, true);
}

static wasinn_status output(void *opaque, uint32_t index, wasinn_tensor *view, wasinn_message *message) {
    const fake_execution *execution = opaque;
    *view = execution->tensors[WASINN_OUTPUT][index];
    return fails(execution->model, "output", message);
}

/* Two for each output: one that reads, of a microsecond, and one that computes, of two. */
static wasinn_status layers(void *opaque, wasinn_layer_fn tell, void *data, wasinn_message *message) {
    const fake_execution *execution = opaque;
    const fake_model *model = execution->model;
    wasinn_status status = fails(model, "layers", message);
    if (status == WASINN_OK && !model->profiled)
        status = wasinn_refuse(message, WASINN_RUNTIME_ERROR, "fake: the model measures no layers");
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT] && status == WASINN_OK; i++) {
        tell(data, "read", "fake\nread", 1000);
        tell(data, model->ports[WASINN_OUTPUT][i].name, model->ports[WASINN_OUTPUT][i].operation, 2000);
    }
    return status;
}

static bool probe(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding) {
    if (count == 0 || blobs[0].size < 5 || memcmp(blobs[0].data, "fake\n", 5) != 0)
        return false;
    *encoding = WASINN_ENCODING_OPENVINO;
    return true;
}

static const wasinn_encoding encodings[] = {WASINN_ENCODING_OPENVINO};

const wasinn_backend wasinn__backend_fake = {
    .abi_version = WASINN_BACKEND_ABI,
    .struct_size = sizeof(wasinn_backend),
    .name = "fake",
    .package = "nothing: it is part of the tests",
    .encodings = encodings,
    .encoding_count = 1,
    .open = open_fake,
    .close = close_fake,
    .version = version,
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
    .keeps_shapes = true,
    .layers = layers,
    .infer = infer,
};
