/* Loads the model that its argument names and has it double 21. */
#include <stdio.h>
#include <string.h>

#include "wasi_nn.h"

int main(int argc, char **argv) {
    float value = 21, twice = 0;
    wasi_nn_tensor input = {NULL, 0, WASI_NN_TYPE_F32, &value, sizeof value};
    wasi_nn_graph graph;
    wasi_nn_graph_execution_context context;
    uint32_t size;
    if (argc != 2 || wasi_nn_load_by_name(argv[1], (uint32_t)strlen(argv[1]), &graph) ||
        wasi_nn_init_execution_context(graph, &context) || wasi_nn_set_input(context, 0, &input) ||
        wasi_nn_compute(context) || wasi_nn_get_output(context, 0, &twice, sizeof twice, &size))
        return 1;
    printf("%g\n", twice);
    return 0;
}
