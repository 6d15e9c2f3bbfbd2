/* Binding is by port: ov_infer_request_set_..._tensor over the caller's memory, in place of the request's own
 * tensor, which is kept and given back before the request's own memory is used again. A steady loop over the
 * same memory binds nothing anew.
 *
 * The CPU plugin looks for itself where it can compute in memory that was bound, and copies where it cannot:
 * for an input that an operation would change, or that is a part of a larger tensor; for an output that is a
 * constant, a view of another tensor, or comes from the same operation as another output. It does so wrongly
 * in one case (seen with 2026.4.1): where an input goes straight to an output, memory that is bound to that
 * output is never written, and that of the input may be. Input and output have one tensor there, by which it
 * is told. */
#include "backends/openvino/infer.h"

#include <stdlib.h>

typedef wasinn__openvino_execution execution;
typedef wasinn__openvino_bound bound;

static wasinn_status failed(const execution *used, ov_status_e code, const char *doing,
                            wasinn_message *message) {
    return wasinn__openvino_failed(&used->model->runtime->library, WASINN_RUNTIME_ERROR, code, doing,
                                   message);
}

static ov_status_e give(execution *used, int side, uint32_t index, const ov_tensor_t *tensor) {
    const wasinn__openvino *library = &used->model->runtime->library;
    return side == WASINN_INPUT
               ? library->ov_infer_request_set_input_tensor_by_index(used->request, index, tensor)
               : library->ov_infer_request_set_output_tensor_by_index(used->request, index, tensor);
}

static ov_status_e take_one_back(execution *used, int side, uint32_t index) {
    bound *one = &used->bound[side][index];
    ov_status_e code = give(used, side, index, used->tensors[side][index]);
    if (code != OK)
        return code;
    used->model->runtime->library.ov_tensor_free(one->tensor);
    *one = (bound){NULL, NULL};
    used->bound_count--;
    return OK;
}

wasinn_status wasinn__openvino_take_back(wasinn__openvino_execution *used, wasinn_message *message) {
    ov_status_e worst = OK;
    for (int side = 0; side < 2 && used->bound_count > 0; side++) {
        for (uint32_t i = 0; i < used->model->counts[side]; i++) {
            ov_status_e code = used->bound[side][i].tensor ? take_one_back(used, side, i) : OK;
            worst = code != OK ? code : worst;
        }
    }
    return worst == OK ? WASINN_OK : failed(used, worst, "giving a request its own tensors back", message);
}

void wasinn__openvino_free_bound(wasinn__openvino_execution *used) {
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; used->bound[side] && i < used->model->counts[side]; i++)
            if (used->bound[side][i].tensor)
                used->model->runtime->library.ov_tensor_free(used->bound[side][i].tensor);
        free(used->bound[side]);
    }
}

/* ---- What can be bound -------------------------------------------------------------------------- */

static int by_address(const void *left, const void *right) {
    const char *one = *(void *const *)left, *other = *(void *const *)right;
    return one < other ? -1 : one > other;
}

/* The request's own tensor, and where its elements are; NULL: it has none. */
static ov_status_e own_tensor(execution *used, int side, uint32_t index, void **data) {
    const wasinn__openvino *library = &used->model->runtime->library;
    ov_tensor_t **own = &used->tensors[side][index];
    size_t size = 0;
    ov_status_e code = OK;
    *data = NULL;
    if (!*own)
        code = side == WASINN_INPUT
                   ? library->ov_infer_request_get_input_tensor_by_index(used->request, index, own)
                   : library->ov_infer_request_get_output_tensor_by_index(used->request, index, own);
    if (code == OK)
        code = library->ov_tensor_get_byte_size(*own, &size);
    if (code == OK && size > 0)
        code = library->ov_tensor_data(*own, data);
    return code;
}

/* Gets the request's own tensors of fixed shape, which are given back later, and compares where they are. */
static wasinn_status look(execution *used, void **addresses, wasinn_message *message) {
    size_t count = 0;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < used->model->counts[side]; i++) {
            ov_status_e code =
                used->model->fixed[side][i] ? own_tensor(used, side, i, &addresses[count]) : OK;
            if (code != OK)
                return failed(used, code, "looking at a request's tensors", message);
            count += used->model->fixed[side][i] && addresses[count];
        }
    }
    if (count > 1)
        qsort(addresses, count, sizeof *addresses, by_address);
    used->apart = true;
    for (size_t i = 1; i < count; i++)
        used->apart = used->apart && addresses[i] != addresses[i - 1];
    return WASINN_OK;
}

static wasinn_status prepare(execution *used, wasinn_message *message) {
    const uint32_t *counts = used->model->counts;
    if (used->bound[WASINN_OUTPUT])
        return WASINN_OK;
    void **addresses = calloc((size_t)counts[0] + counts[1] + 1, sizeof *addresses);
    bound *inputs = calloc((size_t)counts[WASINN_INPUT] + 1, sizeof *inputs);
    bound *outputs = calloc((size_t)counts[WASINN_OUTPUT] + 1, sizeof *outputs);
    wasinn_status status = WASINN_OK;
    if (!addresses || !inputs || !outputs)
        status = wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    if (status == WASINN_OK)
        status = look(used, addresses, message);
    free(addresses);
    if (status != WASINN_OK) {
        free(inputs);
        free(outputs);
        return status;
    }
    used->bound[WASINN_INPUT] = inputs;
    used->bound[WASINN_OUTPUT] = outputs;
    return WASINN_OK;
}

static bool has_fixed_shapes(const execution *used, const wasinn_tensor *inputs,
                             const wasinn_buffer *outputs) {
    const wasinn__openvino_model *model = used->model;
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++)
        if (inputs[i].data && !model->fixed[WASINN_INPUT][i])
            return false;
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++)
        if (outputs[i].data && !model->fixed[WASINN_OUTPUT][i])
            return false;
    return true;
}

/* ---- Binding and running ------------------------------------------------------------------------ */

/* A tensor like the request's own, over other memory. The C API makes no shape of rank 0, but takes one. */
static ov_status_e tensor_over(execution *used, int side, uint32_t index, void *data, ov_tensor_t **tensor) {
    const wasinn__openvino *library = &used->model->runtime->library;
    const ov_tensor_t *own = used->tensors[side][index];
    ov_element_type_e type = DYNAMIC;
    ov_shape_t shape = {0};
    ov_status_e code = library->ov_tensor_get_element_type(own, &type);
    if (code != OK)
        return code;
    if (library->ov_tensor_get_shape(own, &shape) != OK)
        shape = (ov_shape_t){0};
    code = library->ov_tensor_create_from_host_ptr(type, shape, data, tensor);
    if (shape.dims)
        library->ov_shape_free(&shape);
    return code;
}

/* NULL: the request's own memory. */
static ov_status_e place(execution *used, int side, uint32_t index, void *data) {
    bound *one = &used->bound[side][index];
    ov_tensor_t *tensor = NULL;
    if (one->data == data)
        return OK;
    if (!data)
        return take_one_back(used, side, index);
    ov_status_e code = tensor_over(used, side, index, data, &tensor);
    if (code == OK)
        code = give(used, side, index, tensor);
    if (code != OK) {
        if (tensor)
            used->model->runtime->library.ov_tensor_free(tensor);
        return code;
    }
    if (one->tensor)
        used->model->runtime->library.ov_tensor_free(one->tensor);
    else
        used->bound_count++;
    *one = (bound){tensor, data};
    return OK;
}

wasinn_status wasinn__openvino_infer(void *opaque, const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                                     wasinn_message *message) {
    execution *used = opaque;
    const wasinn__openvino_model *model = used->model;
    const char *doing = "binding an input";
    ov_status_e code = OK;
    if (!model->binds || !has_fixed_shapes(used, inputs, outputs))
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                             "OpenVINO: not in the caller's memory: an open shape, or not the CPU");
    wasinn_status status = prepare(used, message);
    if (status != WASINN_OK)
        return status;
    if (!used->apart)
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                             "OpenVINO: not in the caller's memory: two ports share theirs");
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT] && code == OK; i++)
        code = place(used, WASINN_INPUT, i, (void *)inputs[i].data);
    if (code == OK)
        doing = "binding an output";
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT] && code == OK; i++)
        code = place(used, WASINN_OUTPUT, i, outputs[i].data);
    if (code == OK) {
        doing = "computing";
        code = model->runtime->library.ov_infer_request_infer(used->request);
    }
    if (code == OK)
        return WASINN_OK;
    /* What is said of the failure comes first: OpenVINO keeps its last words only. */
    status = failed(used, code, doing, message);
    wasinn__openvino_take_back(used, message);
    return status;
}
