/* A backend of one's own, built with nothing but wasinn's headers: y = W x + b, read from a text file such as
 *
 *     linear 2 3          two outputs, three inputs
 *     1 0 0.5   10        a row of W and an element of b for each output
 *     0 1 0.5   20
 *
 * Where wasinn is installed:
 *
 *     cc -shared -fPIC -o backends/libwasinn-linear.so backend.c $(pkg-config --cflags wasinn)
 *     WASINN_BACKENDS=backends wasinn run --model line=line.txt guest.wasm
 *
 * Inputs are lent memory of this backend's own: `input` gives it, wasinn copies the guest's numbers into it,
 * and `run` finds them there. */
#include <stdlib.h>
#include <string.h>

#include <wasinn/backend.h>

typedef struct model {
    uint32_t outputs, inputs;
    float *numbers; /* each row of W, followed by its element of b */
} model;

typedef struct execution {
    const model *model;
    float *x, *y;
} execution;

/* ---- The runtime: there is none to be opened ------------------------------------------------------ */

static wasinn_status open_runtime(const wasinn_backend_settings *settings, void **runtime,
                                  wasinn_message *message) {
    (void)settings, (void)message;
    *runtime = NULL;
    return WASINN_OK;
}

static void close_runtime(void *runtime) {
    (void)runtime;
}

static void version(void *runtime, const char **version, const char **path) {
    (void)runtime;
    *version = "1.0";
    *path = "itself";
}

static const char *device(void *runtime, size_t index) {
    (void)runtime;
    return index == 0 ? "CPU" : NULL;
}

/* ---- Models --------------------------------------------------------------------------------------- */

static void unload(void *opaque) {
    model *unloaded = opaque;
    free(unloaded->numbers);
    free(unloaded);
}

/* The next number of a text, which moves on. */
static bool read_number(const char **text, float *number) {
    char *end;
    *number = strtof(*text, &end);
    bool found = end != *text;
    *text = end;
    return found;
}

static wasinn_status parse(const char *text, size_t size, model *made, wasinn_message *message) {
    float outputs, inputs;
    if (size < 7 || memcmp(text, "linear ", 7) != 0)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "linear: the model does not begin with 'linear'");
    text += 7;
    if (!read_number(&text, &outputs) || !read_number(&text, &inputs) ||
        !(outputs >= 1 && outputs <= 65536) || !(inputs >= 1 && inputs <= 65536))
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "linear: wanted the numbers of outputs and inputs, 1 to 65536 each");
    made->outputs = (uint32_t)outputs;
    made->inputs = (uint32_t)inputs;
    size_t count = (size_t)made->outputs * (made->inputs + 1);
    /* Each number takes a digit and a space: do not believe a size that the text cannot have. */
    if (count > size)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "linear: %zu numbers do not fit into %zu bytes",
                             count, size);
    if (!(made->numbers = calloc(count, sizeof *made->numbers)))
        return wasinn_refuse(message, WASINN_TOO_LARGE, "linear: no memory for %zu numbers", count);
    for (size_t i = 0; i < count; i++)
        if (!read_number(&text, &made->numbers[i]))
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "linear: number %zu of %zu is missing", i + 1,
                                 count);
    return WASINN_OK;
}

static wasinn_status parse_file(const char *path, model *made, wasinn_message *message) {
    enum { MOST = 64 << 20 };
    FILE *stream = fopen(path, "rb");
    char *text = malloc(MOST + 1);
    wasinn_status status = WASINN_OK;
    if (!stream || !text) {
        status = wasinn_refuse(message, WASINN_RUNTIME_ERROR, "linear: '%s' cannot be read", path);
    } else {
        size_t size = fread(text, 1, MOST, stream);
        text[size] = '\0';
        status = parse(text, size, made, message);
    }
    if (stream)
        fclose(stream);
    free(text);
    return status;
}

static wasinn_status load(void *runtime, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message) {
    const wasinn_source *source = request->source;
    wasinn_status status;
    (void)runtime;
    if (request->target != WASINN_TARGET_CPU && request->target != WASINN_TARGET_AUTO)
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION, "linear: computes on the CPU only");
    if (source->kind == WASINN_SOURCE_BLOBS && source->blob_count != 1)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "linear: a model is one builder, got %zu",
                             source->blob_count);
    model *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "linear: no memory");
    /* A blob is followed by a byte 0, so it is a string. */
    if (source->kind == WASINN_SOURCE_BLOBS)
        status = parse(source->blobs[0].data, source->blobs[0].size, made, message);
    else
        status = parse_file(source->path, made, message);
    if (status != WASINN_OK) {
        unload(made);
        return status;
    }
    loaded->model = made;
    loaded->bytes = (uint64_t)made->outputs * (made->inputs + 1) * sizeof(float);
    return WASINN_OK;
}

static uint32_t port_count(void *loaded, wasinn_direction direction) {
    (void)loaded, (void)direction;
    return 1;
}

static wasinn_status port(void *opaque, wasinn_direction direction, uint32_t index, wasinn_port *port,
                          wasinn_message *message) {
    const model *loaded = opaque;
    uint32_t count = direction == WASINN_INPUT ? loaded->inputs : loaded->outputs;
    (void)index, (void)message;
    *port = (wasinn_port){.name = direction == WASINN_INPUT ? "x" : "y",
                          .type = WASINN_TYPE_F32,
                          .element_bits = 32,
                          .rank = 1,
                          .dims = {count},
                          .min_dims = {count},
                          .max_dims = {count}};
    return WASINN_OK;
}

/* Our own format has a first word; wasinn asks with the bytes of guests, and with the files of hosts. */
static bool probe(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding) {
    *encoding = WASINN_ENCODING_AUTODETECT;
    return count == 1 && blobs[0].size >= 7 && memcmp(blobs[0].data, "linear ", 7) == 0;
}

static bool probe_path(const char *path, wasinn_encoding *encoding) {
    char start[7];
    FILE *stream = fopen(path, "rb");
    wasinn_blob blob = {start, stream ? fread(start, 1, sizeof start, stream) : 0};
    if (stream)
        fclose(stream);
    return probe(&blob, 1, encoding);
}

/* ---- Execution ------------------------------------------------------------------------------------ */

static void destroy(void *opaque) {
    execution *destroyed = opaque;
    free(destroyed->x);
    free(destroyed->y);
    free(destroyed);
}

static wasinn_status create(void *loaded, void **result, wasinn_message *message) {
    execution *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "linear: no memory");
    made->model = loaded;
    made->x = calloc(made->model->inputs, sizeof(float));
    made->y = calloc(made->model->outputs, sizeof(float));
    if (!made->x || !made->y) {
        destroy(made);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "linear: no memory");
    }
    *result = made;
    return WASINN_OK;
}

static wasinn_status input(void *opaque, uint32_t index, const wasinn_tensor *shape, void **memory,
                           wasinn_message *message) {
    (void)index, (void)shape, (void)message;
    *memory = ((execution *)opaque)->x;
    return WASINN_OK;
}

static wasinn_status run(void *opaque, wasinn_message *message) {
    execution *used = opaque;
    const float *row = used->model->numbers;
    uint32_t inputs = used->model->inputs;
    (void)message;
    for (uint32_t i = 0; i < used->model->outputs; i++, row += inputs + 1) {
        used->y[i] = row[inputs];
        for (uint32_t k = 0; k < inputs; k++)
            used->y[i] += row[k] * used->x[k];
    }
    return WASINN_OK;
}

static void cancel(void *opaque) {
    (void)opaque; /* a run takes no time worth a word */
}

static wasinn_status output(void *opaque, uint32_t index, wasinn_tensor *view, wasinn_message *message) {
    const execution *used = opaque;
    (void)index, (void)message;
    *view = (wasinn_tensor){.type = WASINN_TYPE_F32,
                            .rank = 1,
                            .dims = {used->model->outputs},
                            .data = used->y,
                            .size = used->model->outputs * sizeof(float)};
    return WASINN_OK;
}

static const wasinn_encoding encodings[] = {WASINN_ENCODING_AUTODETECT};

static const wasinn_backend backend = {
    .abi_version = WASINN_BACKEND_ABI,
    .struct_size = sizeof(wasinn_backend),
    .name = "linear",
    .package = "nothing: it computes by itself",
    .encodings = encodings,
    .encoding_count = 1,
    .open = open_runtime,
    .close = close_runtime,
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
    .probe_path = probe_path,
    .keeps_shapes = true,
    .device = device,
};

const wasinn_backend *wasinn_backend_table(void) {
    return &backend;
}
