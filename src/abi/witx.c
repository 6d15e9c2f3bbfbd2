/* Module `wasi_ephemeral_nn`: the functions of wasi-nn.witx (WebAssembly/wasi-nn at 71320d9). */
#include <string.h>

#include "abi/numbering.h"
#include "abi/tables.h"
#include "abi/tensor.h"
#include "core/guest.h"

enum {
    BUILDER_SIZE = 8, /* $graph_builder: address, length */
    MAX_BUILDERS = 16 /* far more than any encoding's files */
};

/* A call that has a trap returns this; nobody looks at it. */
#define TRAPPED WASINN_INVALID_ARGUMENT

static wasinn_status load(wasinn__call *call) {
    uint32_t count = wasinn__parameter(call, 1), number = wasinn__parameter(call, 2);
    uint8_t *builders, *result, *bytes;
    wasinn_blob blobs[MAX_BUILDERS];
    wasinn_encoding encoding;
    wasinn_handle graph;
    if (count > MAX_BUILDERS)
        return wasinn__guest_fail(call->guest, WASINN_INVALID_ARGUMENT,
                                  "%u builders; at most %d are possible", count, MAX_BUILDERS);
    if (!wasinn__call_range(call, "the builders", wasinn__parameter(call, 0), (uint64_t)count * BUILDER_SIZE,
                            &builders) ||
        !wasinn__call_range(call, "the graph's handle", wasinn__parameter(call, 4), 4, &result))
        return TRAPPED;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t address = wasinn__read_u32(builders + i * BUILDER_SIZE);
        uint32_t size = wasinn__read_u32(builders + i * BUILDER_SIZE + 4);
        if (!wasinn__call_range(call, "a builder's bytes", address, size, &bytes))
            return TRAPPED;
        blobs[i] = (wasinn_blob){bytes, size};
        call->bytes += size;
    }
    if (!wasinn__number_encoding(call, number, blobs, count, &encoding))
        return wasinn__guest_fail(call->guest, WASINN_INVALID_ENCODING, "encoding %u is unknown", number);
    /* The specification's targets are cpu, gpu and tpu; a guest library adds auto as 3. */
    wasinn_status status =
        wasinn_load(call->guest, blobs, count, encoding, (wasinn_target)wasinn__parameter(call, 3), &graph);
    if (status == WASINN_OK)
        wasinn__write_u32(result, graph);
    return status;
}

static wasinn_status load_by_name(wasinn__call *call) {
    uint32_t length = wasinn__parameter(call, 1);
    uint8_t *name, *result;
    wasinn_handle graph;
    if (!wasinn__call_range(call, "the name", wasinn__parameter(call, 0), length, &name) ||
        !wasinn__call_range(call, "the graph's handle", wasinn__parameter(call, 2), 4, &result))
        return TRAPPED;
    call->bytes = length;
    wasinn_status status = wasinn_load_by_name(call->guest, (const char *)name, length, &graph);
    if (status == WASINN_OK)
        wasinn__write_u32(result, graph);
    return status;
}

static wasinn_status init_execution_context(wasinn__call *call) {
    uint8_t *result;
    wasinn_handle execution;
    if (!wasinn__call_range(call, "the context's handle", wasinn__parameter(call, 1), 4, &result))
        return TRAPPED;
    wasinn_status status = wasinn_init_execution_context(call->guest, wasinn__parameter(call, 0), &execution);
    if (status == WASINN_OK)
        wasinn__write_u32(result, execution);
    return status;
}

static wasinn_status set_input(wasinn__call *call) {
    uint32_t execution = wasinn__parameter(call, 0), index = wasinn__parameter(call, 1);
    uint8_t *at;
    wasinn_tensor tensor;
    if (!wasinn__call_range(call, "the tensor", wasinn__parameter(call, 2), WASINN__TENSOR_SIZE, &at))
        return TRAPPED;
    wasinn_status status = wasinn__read_tensor(call, at, execution, index, &tensor);
    if (status != WASINN_OK || call->trap)
        return status;
    call->bytes = tensor.size;
    return wasinn_set_input(call->guest, execution, index, &tensor);
}

static wasinn_status compute(wasinn__call *call) {
    return wasinn_compute(call->guest, wasinn__parameter(call, 0));
}

static wasinn_status get_output(wasinn__call *call) {
    uint32_t index = wasinn__parameter(call, 1), capacity = wasinn__parameter(call, 3);
    uint8_t *buffer, *written;
    wasinn_tensor view;
    if (!wasinn__call_range(call, "the buffer", wasinn__parameter(call, 2), capacity, &buffer) ||
        !wasinn__call_range(call, "the size written", wasinn__parameter(call, 4), 4, &written))
        return TRAPPED;
    wasinn_status status = wasinn_output(call->guest, wasinn__parameter(call, 0), index, &view);
    if (status != WASINN_OK)
        return status;
    if (view.size > UINT32_MAX)
        return wasinn__guest_fail(call->guest, WASINN_TOO_LARGE,
                                  "output %u has %zu bytes, more than a 32-bit guest can take", index,
                                  view.size);
    if (view.size > capacity)
        status = wasinn__guest_fail(call->guest, WASINN_TOO_LARGE, "output %u has %zu bytes, the buffer %u",
                                    index, view.size, capacity);
    else if (view.size > 0)
        memcpy(buffer, view.data, view.size);
    call->bytes = view.size;
    wasinn__write_u32(written, (uint32_t)view.size);
    return status;
}

WASINN__ROW(load)
WASINN__ROW(load_by_name)
WASINN__ROW(init_execution_context)
WASINN__ROW(set_input)
WASINN__ROW(compute)
WASINN__ROW(get_output)

#define MODULE "wasi_ephemeral_nn"
static const wasinn_import rows[] = {
    {MODULE, "load", "(iiiii)i", load_row},
    {MODULE, "load_by_name", "(iii)i", load_by_name_row},
    {MODULE, "init_execution_context", "(ii)i", init_execution_context_row},
    {MODULE, "set_input", "(iii)i", set_input_row},
    {MODULE, "compute", "(i)i", compute_row},
    {MODULE, "get_output", "(iiiii)i", get_output_row},
};

const wasinn__table wasinn__witx_table = {rows, sizeof rows / sizeof *rows};
