/* Runs a model that the host knows by name on one tensor. A guest for any wasi-nn host:
 *
 *     infer.wasm NAME SHAPE < input > output
 *
 * The input is f32 of that shape, such as 1x3x224x224; output 0 is written as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasi_nn.h"

enum { MOST_DIMENSIONS = 8 };

static void check(const char *call, wasi_nn_errno error) {
    char text[512];
    if (error == WASI_NN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", call, wasi_nn_last_error(error, text, sizeof text));
    exit(1);
}

/* "1x3x224x224"; returns how many there are, 0 where that is not a shape. */
static uint32_t parse_shape(const char *text, uint32_t dimensions[MOST_DIMENSIONS]) {
    uint32_t count = 0;
    for (char *end; count < MOST_DIMENSIONS; text = end + 1) {
        dimensions[count++] = (uint32_t)strtoul(text, &end, 10);
        if (end == text || (*end != 'x' && *end != '\0'))
            return 0;
        if (*end == '\0')
            return count;
    }
    return 0;
}

static char *grown(char *memory, size_t size) {
    memory = realloc(memory, size);
    if (!memory)
        exit((fputs("no memory\n", stderr), 1));
    return memory;
}

static char *read_input(uint32_t *size) {
    size_t capacity = 1 << 16, used = 0, got;
    char *data = grown(NULL, capacity);
    while ((got = fread(data + used, 1, capacity - used, stdin)) > 0) {
        used += got;
        if (used == capacity)
            data = grown(data, capacity *= 2);
    }
    *size = (uint32_t)used;
    return data;
}

/* A host need not say how large an output is, so a buffer that is too small is doubled. */
static char *read_output(wasi_nn_graph_execution_context context, uint32_t *size) {
    char *data = NULL;
    for (uint32_t capacity = 4096;; capacity *= 2) {
        data = grown(data, capacity);
        wasi_nn_errno error = wasi_nn_get_output(context, 0, data, capacity, size);
        if (error != WASI_NN_TOO_LARGE || capacity >= 1u << 30) {
            check("get_output", error);
            return data;
        }
    }
}

int main(int argc, char **argv) {
    uint32_t dimensions[MOST_DIMENSIONS], size;
    uint32_t rank = argc == 3 ? parse_shape(argv[2], dimensions) : 0;
    if (rank == 0) {
        fputs("usage: infer.wasm NAME SHAPE < input > output\n", stderr);
        return 2;
    }
    wasi_nn_graph graph;
    wasi_nn_graph_execution_context context;
    check("load_by_name", wasi_nn_load_by_name(argv[1], (uint32_t)strlen(argv[1]), &graph));
    check("init_execution_context", wasi_nn_init_execution_context(graph, &context));
    wasi_nn_tensor input = {dimensions, rank, WASI_NN_TYPE_F32, read_input(&size), 0};
    input.size = size;
    check("set_input", wasi_nn_set_input(context, 0, &input));
    check("compute", wasi_nn_compute(context));
    char *output = read_output(context, &size);
    if (fwrite(output, 1, size, stdout) != size || fflush(stdout) != 0) {
        perror("stdout");
        return 1;
    }
    return 0;
}
