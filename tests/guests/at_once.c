/* Inferences in one call on `add`, right and wrong, with what came of each: the same whether the host has the
 * call or the header makes it of three. */
#include <stdio.h>

#include "wasi_nn.h"

static wasi_nn_graph_execution_context context;

static void tell(const char *what, wasi_nn_errno error, const wasi_nn_result *result) {
    const float *values = result->buffer;
    printf("%s: %u", what, (unsigned)error);
    if (error == WASI_NN_SUCCESS)
        printf(", %u bytes: %g %g %g %g", (unsigned)result->size, values[0], values[1], values[2], values[3]);
    if (error == WASI_NN_TOO_LARGE)
        printf(", %u bytes", (unsigned)result->size);
    putchar('\n');
}

int main(void) {
    static const uint32_t dimensions[] = {2, 2}, flat[] = {4};
    static const float a[4] = {1, 2, 3, 4}, b[4] = {10, 20, 30, 40};
    static float sum[8];
    wasi_nn_tensor inputs[] = {{dimensions, 2, WASI_NN_TYPE_F32, a, sizeof a},
                               {dimensions, 2, WASI_NN_TYPE_F32, b, sizeof b}};
    wasi_nn_result result = {sum, sizeof a, 0};
    wasi_nn_graph graph;
    if (wasi_nn_load_by_name("add", 3, &graph) != WASI_NN_SUCCESS ||
        wasi_nn_init_execution_context(graph, &context) != WASI_NN_SUCCESS)
        return 1;
    tell("both", wasi_nn_infer(context, inputs, 2, &result, 1), &result);
    result.capacity = sizeof sum;
    tell("larger buffer", wasi_nn_infer(context, inputs, 2, &result, 1), &result);
    result.capacity = 15;
    tell("smaller buffer", wasi_nn_infer(context, inputs, 2, &result, 1), &result);
    result.capacity = sizeof a;
    wasi_nn_set_input(context, 1, &inputs[0]);
    tell("one", wasi_nn_infer(context, inputs, 1, &result, 1), &result);
    inputs[0].dimensions = flat, inputs[0].dimension_count = 1;
    tell("shape", wasi_nn_infer(context, inputs, 2, &result, 1), &result);
    inputs[0].dimensions = dimensions, inputs[0].dimension_count = 2;
    inputs[0].type = WASI_NN_TYPE_I32;
    tell("type", wasi_nn_infer(context, inputs, 2, &result, 1), &result);
    inputs[0].type = WASI_NN_TYPE_F32;
    tell("context", wasi_nn_infer(context + 1, inputs, 2, &result, 1), &result);
    tell("again", wasi_nn_infer(context, inputs, 2, &result, 1), &result);
    return 0;
}
