/* Module `wasinn`, function `infer`: one inference in one call, in the guest's own memory where that can be.
 */
#include "abi/infer.h"

#include <string.h>

#include "abi/tensor.h"
#include "core/guest.h"
#include "core/infer.h"
#include "core/memory.h"

enum {
    RESULT_SIZE = 12, /* address of a buffer @0, its capacity @4, the size of the output @8 */
    FEW = 8           /* inputs or outputs that take no allocation */
};

/* What the guest has described, read once. */
typedef struct described {
    uint32_t execution;
    uint32_t input_count, output_count;
    const uint8_t *input_bytes;
    uint8_t *output_bytes;
    wasinn_tensor *inputs;
    wasinn_result *outputs;
} described;

static wasinn_status read_all(wasinn__call *call, described *wanted) {
    wasinn_status status = WASINN_OK;
    uint8_t *buffer, descriptor[RESULT_SIZE];
    for (uint32_t i = 0; i < wanted->input_count && status == WASINN_OK; i++)
        status = wasinn__read_tensor(call, wanted->input_bytes + (size_t)i * WASINN__TENSOR_SIZE,
                                     wanted->execution, i, &wanted->inputs[i]);
    for (uint32_t i = 0; i < wanted->output_count && status == WASINN_OK; i++) {
        memcpy(descriptor, wanted->output_bytes + (size_t)i * RESULT_SIZE, sizeof descriptor);
        uint32_t capacity = wasinn__read_u32(descriptor + 4);
        if (!wasinn__call_range(call, "the buffer", wasinn__read_u32(descriptor), capacity, &buffer))
            return WASINN_INVALID_ARGUMENT;
        wanted->outputs[i] = (wasinn_result){buffer, capacity, SIZE_MAX};
    }
    return status;
}

/* Sizes that are not known yet leave the guest's words as they are. */
static void write_sizes(const described *wanted) {
    for (uint32_t i = 0; i < wanted->output_count; i++) {
        size_t size = wanted->outputs[i].written;
        if (size != SIZE_MAX)
            wasinn__write_u32(wanted->output_bytes + (size_t)i * RESULT_SIZE + 8,
                              size > UINT32_MAX ? UINT32_MAX : (uint32_t)size);
    }
}

/* A count is first compared with what the model has: no guest's number says how much is allocated. */
static wasinn_status run(wasinn__call *call, described *wanted) {
    wasinn_tensor few_inputs[FEW], *many_inputs = NULL;
    wasinn_result few_outputs[FEW], *many_outputs = NULL;
    wasinn_status status =
        wasinn__infer_takes(call->guest, wanted->execution, wanted->input_count, wanted->output_count);
    if (status != WASINN_OK)
        return status;
    if (wanted->input_count > FEW)
        many_inputs = wasinn__alloc(wanted->input_count, sizeof *many_inputs);
    if (wanted->output_count > FEW)
        many_outputs = wasinn__alloc(wanted->output_count, sizeof *many_outputs);
    wanted->inputs = wanted->input_count > FEW ? many_inputs : few_inputs;
    wanted->outputs = wanted->output_count > FEW ? many_outputs : few_outputs;
    if (wanted->inputs && wanted->outputs)
        status = read_all(call, wanted);
    else
        status = wasinn__guest_fail(call->guest, WASINN_TOO_LARGE, "no memory for an inference");
    if (status == WASINN_OK && !call->trap) {
        status = wasinn__infer(call->guest, wanted->execution, wanted->inputs, wanted->input_count,
                               wanted->outputs, wanted->output_count, &call->bytes);
        if (status == WASINN_OK || status == WASINN_TOO_LARGE)
            write_sizes(wanted);
    }
    wasinn__free(many_inputs);
    wasinn__free(many_outputs);
    return status;
}

wasinn_status wasinn__infer_call(wasinn__call *call) {
    described wanted = {.execution = wasinn__parameter(call, 0),
                        .input_count = wasinn__parameter(call, 2),
                        .output_count = wasinn__parameter(call, 4)};
    uint8_t *inputs;
    if (!wasinn__call_range(call, "the inputs", wasinn__parameter(call, 1),
                            (uint64_t)wanted.input_count * WASINN__TENSOR_SIZE, &inputs) ||
        !wasinn__call_range(call, "the outputs", wasinn__parameter(call, 3),
                            (uint64_t)wanted.output_count * RESULT_SIZE, &wanted.output_bytes))
        return WASINN_INVALID_ARGUMENT;
    wanted.input_bytes = inputs;
    return run(call, &wanted);
}
