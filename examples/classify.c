/* Classifies one picture. A guest for any wasi-nn host: it reads fixture/model.xml, fixture/model.bin and
 * fixture/tensor.f32 (f32, 1x3x224x224), and prints the five best of the model's 1000 probabilities.
 *
 *     classify.wasm [LABELS]
 *
 * LABELS is a file with a name on each line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasi_nn.h"

enum { CLASSES = 1000, BEST = 5, BAR = 40 };

typedef struct file {
    char *data;
    uint32_t size;
} file;

static file read_file(const char *path) {
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    file read = {NULL, (uint32_t)ftell(stream)};
    rewind(stream);
    read.data = malloc((size_t)read.size + 1);
    if (!read.data || fread(read.data, 1, read.size, stream) != read.size) {
        fprintf(stderr, "%s: could not be read\n", path);
        exit(1);
    }
    read.data[read.size] = '\0';
    fclose(stream);
    return read;
}

static void check(const char *call, wasi_nn_errno error) {
    char text[512];
    if (error == WASI_NN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", call, wasi_nn_last_error(error, text, sizeof text));
    exit(1);
}

static void infer(float probabilities[CLASSES]) {
    static const uint32_t dimensions[] = {1, 3, 224, 224};
    file xml = read_file("fixture/model.xml"), bin = read_file("fixture/model.bin");
    file pixels = read_file("fixture/tensor.f32");
    wasi_nn_graph_builder model[] = {{xml.data, xml.size}, {bin.data, bin.size}};
    wasi_nn_tensor input = {dimensions, 4, WASI_NN_TYPE_F32, pixels.data, pixels.size};
    wasi_nn_graph graph;
    wasi_nn_graph_execution_context context;
    uint32_t size = 0;
    check("load", wasi_nn_load(model, 2, WASI_NN_ENCODING_OPENVINO, WASI_NN_TARGET_CPU, &graph));
    check("init_execution_context", wasi_nn_init_execution_context(graph, &context));
    check("set_input", wasi_nn_set_input(context, 0, &input));
    check("compute", wasi_nn_compute(context));
    check("get_output",
          wasi_nn_get_output(context, 0, probabilities, CLASSES * sizeof *probabilities, &size));
    if (size != CLASSES * sizeof *probabilities) {
        fprintf(stderr, "the model has %u bytes of output, wanted %zu\n", (unsigned)size,
                CLASSES * sizeof *probabilities);
        exit(1);
    }
}

/* Splits the text into lines; classes without a line are shown by number. */
static void read_labels(const char *path, const char *labels[CLASSES]) {
    char *text = read_file(path).data;
    for (int i = 0; i < CLASSES && *text; i++) {
        char *end = text + strcspn(text, "\r\n");
        labels[i] = text;
        text = end + strspn(end, "\r\n");
        *end = '\0';
    }
}

static void print_line(int class, const char *label, float probability) {
    int length = (int)(probability * BAR + 0.5f);
    printf("%5.1f %% ", probability * 100);
    for (int i = 0; i < BAR; i++)
        fputs(i < length ? "█" : "·", stdout);
    if (label)
        printf(" %s\n", label);
    else
        printf(" class %d\n", class);
}

int main(int argc, char **argv) {
    static float probabilities[CLASSES];
    static const char *labels[CLASSES];
    static char shown[CLASSES];
    if (argc > 1)
        read_labels(argv[1], labels);
    infer(probabilities);
    for (int rank = 0; rank < BEST; rank++) {
        int best = -1;
        for (int i = 0; i < CLASSES; i++)
            if (!shown[i] && (best < 0 || probabilities[i] > probabilities[best]))
                best = i;
        shown[best] = 1;
        print_line(best, labels[best], probabilities[best]);
    }
    return 0;
}
