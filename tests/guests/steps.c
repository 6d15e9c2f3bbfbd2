/* Runs a model once or step by step; inputs and outputs are found by their names:
 *
 *     steps.wasm MODEL COUNT [in NAME TYPE DIMS FILE | next NAME TYPE DIMS FILE | back NAME TYPE DIMS FROM |
 *                             out NAME BYTES FILE]...
 *
 * MODEL is name=NAME, or ENCODING=FILE[,FILE] for one from bytes, with wasi-nn.witx's number of the encoding.
 *
 *     in     the same tensor at each step, which is the whole file
 *     next   the file's tensors one after the other, one for each step
 *     back   zeros at the first step, later what the output FROM gave at the step before
 *     out    an output of each step, at most so many bytes, written to the file one after the other
 *
 * DIMS are as in 2x3, or - for a scalar. When all is done, one line tells microseconds: of the load, of the
 * first step and the median of the rest; a step is set_input, compute and get_output. Then the guest waits
 * for the end of its standard input, so that the memory of its process can be looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WASI_NN_WASINN
#include "wasi_nn.h"

enum { PORTS = 16, RANK = 8 };

typedef struct port {
    char kind; /* the first letter of in, next, back, out */
    const char *name, *file;
    uint32_t index, dims[RANK];
    wasi_nn_tensor tensor; /* of inputs */
    char *data;            /* `in`: the tensor; `back`: the state; `out`: the latest output */
    uint32_t capacity, from;
    FILE *stream; /* `next`, `out` */
} port;

static port ports[PORTS];
static uint32_t port_count;

static void fail(const char *what, const char *word) {
    fprintf(stderr, "steps: %s: '%s'\n", what, word);
    exit(99);
}

static void check(const char *call, const char *name, wasi_nn_errno error) {
    char text[1024];
    if (error == WASI_NN_SUCCESS)
        return;
    fprintf(stderr, "steps: %s %s: %s\n", call, name, wasi_nn_last_error(error, text, sizeof text));
    exit(1);
}

static void *memory(void *old, size_t size) {
    void *made = realloc(old, size + 1);
    if (!made)
        fail("no memory", "");
    return made;
}

static uint64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static FILE *opened(const char *path, const char *mode) {
    FILE *stream = fopen(path, mode);
    if (!stream)
        fail("cannot be opened", path);
    return stream;
}

static char *read_file(const char *path, uint32_t *size) {
    FILE *stream = opened(path, "rb");
    if (fseek(stream, 0, SEEK_END) != 0)
        fail("cannot be read", path);
    *size = (uint32_t)ftell(stream);
    char *bytes = memory(NULL, *size);
    rewind(stream);
    if (fread(bytes, 1, *size, stream) != *size)
        fail("cannot be read", path);
    fclose(stream);
    return bytes;
}

/* ---- Arguments ---------------------------------------------------------------------------------- */

static uint32_t element_size(const char *name, wasi_nn_tensor_type *type) {
    static const struct {
        const char *name;
        uint32_t size;
    } types[] = {{"f16", 2}, {"f32", 4}, {"f64", 8}, {"u8", 1}, {"i32", 4}, {"i64", 8}};
    for (uint32_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *type = (wasi_nn_tensor_type)i;
            return types[i].size;
        }
    }
    fail("not a type", name);
    return 0;
}

static void parse_tensor(port *made, char **words) {
    uint32_t rank = 0, size = element_size(words[0], &made->tensor.type);
    for (char *text = words[1]; *text != '-' && *text; text += *text == 'x') {
        if (rank == RANK || *text < '0' || *text > '9')
            fail("not a shape", words[1]);
        made->dims[rank] = (uint32_t)strtoul(text, &text, 10);
        size *= made->dims[rank++];
    }
    made->tensor.dimensions = made->dims;
    made->tensor.dimension_count = rank;
    made->tensor.size = size;
    made->file = words[2];
}

static void parse(int count, char **words) {
    while (count > 0) {
        port *made = &ports[port_count++];
        int used = strcmp(words[0], "out") == 0 ? 4 : 5;
        if (port_count == PORTS || count < used || !strchr("inbo", words[0][0]))
            fail("not understood", words[0]);
        made->kind = words[0][0];
        made->name = words[1];
        if (made->kind == 'o') {
            made->capacity = (uint32_t)strtoul(words[2], NULL, 10);
            made->file = words[3];
        } else {
            parse_tensor(made, words + 2);
        }
        words += used;
        count -= used;
    }
}

/* ---- Steps -------------------------------------------------------------------------------------- */

static wasi_nn_graph load(char *model) {
    wasi_nn_graph graph = 0;
    char *rest = strchr(model, '=');
    if (!rest)
        fail("not a model", model);
    *rest++ = '\0';
    if (strcmp(model, "name") == 0) {
        check("load_by_name", rest, wasi_nn_load_by_name(rest, (uint32_t)strlen(rest), &graph));
        return graph;
    }
    wasi_nn_graph_builder parts[2];
    uint32_t count = 0;
    for (char *file = strtok(rest, ","); file && count < 2; file = strtok(NULL, ","), count++)
        parts[count].data = read_file(file, &parts[count].size);
    check("load", rest,
          wasi_nn_load(parts, count, (uint32_t)strtoul(model, NULL, 10), WASI_NN_TARGET_CPU, &graph));
    while (count > 0)
        free((void *)parts[--count].data);
    return graph;
}

static void prepare(wasi_nn_graph graph, port *made) {
    uint32_t direction = made->kind == 'o' ? WASI_NN_OUTPUT : WASI_NN_INPUT, size;
    check("find_port", made->name,
          wasi_nn_find_port(graph, direction, made->name, (uint32_t)strlen(made->name), &made->index));
    if (made->kind == 'o') {
        made->stream = opened(made->file, "wb");
        made->data = memory(NULL, made->capacity);
    } else if (made->kind == 'i') {
        made->data = read_file(made->file, &size);
        if (size != made->tensor.size)
            fail("is not as long as the tensor", made->file);
    } else {
        made->data = memset(memory(NULL, made->tensor.size), 0, made->tensor.size);
        if (made->kind == 'n')
            made->stream = opened(made->file, "rb");
        else
            check("find_port", made->file,
                  wasi_nn_find_port(graph, WASI_NN_OUTPUT, made->file, (uint32_t)strlen(made->file),
                                    &made->from));
    }
    made->tensor.data = made->data;
}

static void set(wasi_nn_graph_execution_context context, port *made, int first) {
    if (made->kind == 'n' && fread(made->data, 1, made->tensor.size, made->stream) != made->tensor.size)
        fail("has too few tensors", made->file);
    if (made->kind != 'o' && (made->kind != 'i' || first))
        check("set_input", made->name, wasi_nn_set_input(context, made->index, &made->tensor));
}

static void get(wasi_nn_graph_execution_context context, port *made) {
    uint32_t size = 0;
    if (made->kind == 'b') {
        check("get_output", made->file,
              wasi_nn_get_output(context, made->from, made->data, made->tensor.size, &size));
        if (size != made->tensor.size)
            fail("is not as large as the input that it goes back to", made->file);
    }
    if (made->kind != 'o')
        return;
    check("get_output", made->name,
          wasi_nn_get_output(context, made->index, made->data, made->capacity, &size));
    if (fwrite(made->data, 1, size, made->stream) != size)
        fail("cannot be written", made->file);
}

static int earlier(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    if (argc < 3)
        fail("MODEL and COUNT are needed", argv[0]);
    uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
    parse(argc - 3, argv + 3);
    if (count == 0)
        fail("not a number of steps", argv[2]);
    uint64_t *taken = memory(NULL, count * sizeof *taken), began = microseconds();
    wasi_nn_graph graph = load(argv[1]);
    uint64_t loaded = microseconds() - began;
    wasi_nn_graph_execution_context context;
    check("init_execution_context", "", wasi_nn_init_execution_context(graph, &context));
    for (uint32_t i = 0; i < port_count; i++)
        prepare(graph, &ports[i]);
    for (uint32_t step = 0; step < count; step++) {
        began = microseconds();
        for (uint32_t i = 0; i < port_count; i++)
            set(context, &ports[i], step == 0);
        check("compute", "", wasi_nn_compute(context));
        for (uint32_t i = 0; i < port_count; i++)
            get(context, &ports[i]);
        taken[step] = microseconds() - began;
    }
    for (uint32_t i = 0; i < port_count; i++) {
        if (ports[i].kind == 'n' && fgetc(ports[i].stream) != EOF)
            fail("has more tensors than there are steps", ports[i].file);
        if (ports[i].stream && fclose(ports[i].stream) != 0)
            fail("cannot be written", ports[i].file);
    }
    uint64_t first = taken[0];
    if (count > 1)
        qsort(taken + 1, count - 1, sizeof *taken, earlier);
    printf("load %llu first %llu median %llu\n", (unsigned long long)loaded, (unsigned long long)first,
           (unsigned long long)taken[count / 2]);
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    return 0;
}
