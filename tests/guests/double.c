/* Has a model double 21: double [NAME [TIMES]]. NAME is what it looks the model up by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasi_nn.h"

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "scalar";
    long times = argc > 2 ? atol(argv[2]) : 1;
    float value = 21, twice = 0;
    wasi_nn_tensor input = {NULL, 0, WASI_NN_TYPE_F32, &value, sizeof value};
    wasi_nn_graph graph;
    wasi_nn_graph_execution_context context;
    uint32_t size;
    if (wasi_nn_load_by_name(name, (uint32_t)strlen(name), &graph) ||
        wasi_nn_init_execution_context(graph, &context) || wasi_nn_set_input(context, 0, &input))
        return 1;
    for (long i = 0; i < times; i++) {
        twice = 0;
        if (wasi_nn_compute(context) || wasi_nn_get_output(context, 0, &twice, sizeof twice, &size) ||
            twice != 2 * value)
            return 1;
    }
    /* By one write, at the end: another guest may be printing to the same place. */
    setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
    printf("%g\n", twice);
    return 0;
}
