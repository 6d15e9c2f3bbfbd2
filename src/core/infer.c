/* wasinn_infer: in the caller's memory where the backend can, else as the three calls that it stands for. */
#include "core/infer.h"

#include <stdlib.h>
#include <string.h>

#include "core/dispatch.h"
#include "core/execution.h"
#include "core/guest.h"
#include "core/memory.h"
#include "core/tensor.h"

typedef struct inference {
    wasinn_guest *guest;
    wasinn__execution *execution;
    const wasinn__graph *graph;
    const wasinn_tensor *inputs;
    size_t input_count;
    wasinn_result *outputs;
    size_t output_count;
} inference;

/* Memory of the caller's. */
typedef struct span {
    uintptr_t begin, end;
    wasinn_direction direction;
    uint32_t index;
} span;

/* Room for one call, with an element for each port. */
struct wasinn__room {
    wasinn_tensor *inputs;
    wasinn_buffer *outputs;
    span *spans;
};

/* It stays with the execution: an inference allocates nothing. */
static wasinn_status make_room(wasinn__execution *execution, wasinn_message *message) {
    size_t inputs = execution->graph->port_counts[WASINN_INPUT];
    size_t outputs = execution->graph->port_counts[WASINN_OUTPUT];
    if (execution->room)
        return WASINN_OK;
    wasinn__room *room = wasinn__alloc(1, sizeof *room + (inputs + 1) * sizeof *room->inputs +
                                              (outputs + 1) * sizeof *room->outputs +
                                              (inputs + outputs) * sizeof *room->spans);
    if (!room)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for an inference");
    room->inputs = (wasinn_tensor *)(room + 1);
    room->outputs = (wasinn_buffer *)(room->inputs + inputs + 1);
    room->spans = (span *)(room->outputs + outputs + 1);
    execution->room = room;
    return WASINN_OK;
}

/* ---- Checks ------------------------------------------------------------------------------------------ */

static int by_begin(const void *left, const void *right) {
    const span *one = left, *other = right;
    return one->begin < other->begin ? -1 : one->begin > other->begin;
}

static size_t add_span(span *spans, size_t count, wasinn_direction direction, size_t index, const void *data,
                       size_t size) {
    uintptr_t begin = (uintptr_t)data, end = size > UINTPTR_MAX - begin ? UINTPTR_MAX : begin + size;
    if (size > 0)
        spans[count++] = (span){begin, end, direction, (uint32_t)index};
    return count;
}

/* A runtime reads inputs while it writes outputs, and may have checked what it reads. */
static wasinn_status check_apart(const inference *call, wasinn_message *message) {
    span *spans = call->execution->room->spans;
    const span *last = NULL, *last_output = NULL; /* those that reach furthest */
    size_t count = 0;
    for (size_t i = 0; i < call->input_count; i++)
        count = add_span(spans, count, WASINN_INPUT, i, call->inputs[i].data, call->inputs[i].size);
    for (size_t i = 0; i < call->output_count; i++)
        count = add_span(spans, count, WASINN_OUTPUT, i, call->outputs[i].data, call->outputs[i].capacity);
    if (count > 1)
        qsort(spans, count, sizeof *spans, by_begin);
    for (size_t i = 0; i < count; i++) {
        const span *one = &spans[i], *other = one->direction == WASINN_OUTPUT ? last : last_output;
        if (other && one->begin < other->end)
            return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                                 "the memory of %s %u overlaps that of %s %u",
                                 wasinn__side_name(other->direction), other->index,
                                 wasinn__side_name(one->direction), one->index);
        if (!last || one->end > last->end)
            last = one;
        if (one->direction == WASINN_OUTPUT && (!last_output || one->end > last_output->end))
            last_output = one;
    }
    return WASINN_OK;
}

static wasinn_status check_counts(const inference *call, wasinn_message *message) {
    const uint32_t *counts = call->graph->port_counts;
    const wasinn_port *port;
    wasinn_status status = WASINN_OK;
    if (call->input_count > counts[WASINN_INPUT])
        status = wasinn__execution_port(call->graph, WASINN_INPUT, counts[WASINN_INPUT], &port, message);
    if (status == WASINN_OK && call->output_count > counts[WASINN_OUTPUT])
        status = wasinn__execution_port(call->graph, WASINN_OUTPUT, counts[WASINN_OUTPUT], &port, message);
    return status;
}

static wasinn_status refuse_small(size_t index, uint64_t bytes, size_t capacity, wasinn_message *message) {
    return wasinn_refuse(message, WASINN_TOO_LARGE, "output %zu has %llu bytes, the buffer %zu", index,
                         (unsigned long long)bytes, capacity);
}

/* Whether the size of an output is known before the model runs. */
static bool known_size(const inference *call, size_t index, uint64_t *bytes) {
    const wasinn_port *port = &call->graph->ports[WASINN_OUTPUT][index];
    return wasinn__port_is_static(port) && wasinn__port_bytes(port, port->rank, port->dims, bytes);
}

/* What is certain not to fit is told without running the model. */
static wasinn_status check_outputs(const inference *call, wasinn_message *message) {
    bool certain = wasinn__dispatch_keeps_shapes(call->graph->backend);
    wasinn_status status = WASINN_OK, one;
    uint64_t bytes;
    for (size_t i = 0; i < call->output_count; i++) {
        const wasinn_result *output = &call->outputs[i];
        one = wasinn__execution_can_give(call->execution, (uint32_t)i, message);
        if (one == WASINN_OK && !output->data && output->capacity > 0)
            one = wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "output %zu '%s': data is NULL", i,
                                call->graph->ports[WASINN_OUTPUT][i].name);
        if (one != WASINN_OK)
            return one;
    }
    for (size_t i = 0; certain && i < call->output_count; i++)
        if (known_size(call, i, &bytes) && bytes > call->outputs[i].capacity)
            status = refuse_small(i, bytes, call->outputs[i].capacity, message);
    for (size_t i = 0; status == WASINN_TOO_LARGE && i < call->output_count; i++)
        if (known_size(call, i, &bytes))
            call->outputs[i].written = (size_t)bytes;
    return status;
}

static wasinn_status check(const inference *call, wasinn_message *message) {
    wasinn_status status = check_counts(call, message);
    for (size_t i = 0; i < call->input_count && status == WASINN_OK; i++)
        status = wasinn__execution_check(call->execution, (uint32_t)i, &call->inputs[i], message);
    if (status == WASINN_OK)
        status = wasinn__execution_ready(call->guest, call->execution, call->input_count, message);
    if (status == WASINN_OK)
        status = make_room(call->execution, message);
    if (status == WASINN_OK)
        status = check_apart(call, message);
    if (status == WASINN_OK)
        status = check_outputs(call, message);
    return status;
}

/* ---- Two ways ---------------------------------------------------------------------------------------- */

/* A bool is made 0 or 1 when it is copied. */
static bool can_lie_at(const wasinn_port *port, const void *data) {
    return wasinn__port_is_static(port) && port->type != WASINN_TYPE_BOOL &&
           (uintptr_t)data % wasinn_type_size(port->type) == 0;
}

/* Fills the room with what the backend is given. False: some of it has to be copied. */
static bool in_place(const inference *call) {
    const wasinn__room *room = call->execution->room;
    const uint32_t *counts = call->graph->port_counts;
    uint64_t bytes;
    if (!wasinn__dispatch_infers(call->graph->backend))
        return false;
    for (size_t i = 0; i < call->input_count; i++) {
        const wasinn_port *port = &call->graph->ports[WASINN_INPUT][i];
        if (call->inputs[i].size == 0 || !can_lie_at(port, call->inputs[i].data))
            return false;
        room->inputs[i] = call->inputs[i];
        room->inputs[i].type = port->type;
    }
    for (size_t i = 0; i < call->output_count; i++) {
        const wasinn_result *output = &call->outputs[i];
        if (!can_lie_at(&call->graph->ports[WASINN_OUTPUT][i], output->data) ||
            !known_size(call, i, &bytes) || bytes == 0 || bytes > output->capacity)
            return false;
        room->outputs[i] = (wasinn_buffer){output->data, (size_t)bytes};
    }
    for (size_t i = call->input_count; i < counts[WASINN_INPUT]; i++)
        room->inputs[i].data = NULL;
    for (size_t i = call->output_count; i < counts[WASINN_OUTPUT]; i++)
        room->outputs[i] = (wasinn_buffer){NULL, 0};
    return true;
}

static wasinn_status run_in_place(const inference *call, wasinn_message *message) {
    const wasinn__room *room = call->execution->room;
    call->execution->computed = false;
    wasinn_status status =
        wasinn__execution_run(call->guest, call->execution, room->inputs, room->outputs, message);
    for (size_t i = 0; i < call->output_count && status == WASINN_OK; i++)
        call->outputs[i].written = room->outputs[i].size;
    return status;
}

static wasinn_status copy_out(const inference *call, size_t index, wasinn_message *message) {
    wasinn_result *output = &call->outputs[index];
    wasinn_tensor view;
    wasinn_status status = wasinn__dispatch_output(call->graph->backend, call->execution->state,
                                                   (uint32_t)index, &view, message);
    if (status != WASINN_OK)
        return status;
    output->written = view.size;
    if (view.size > output->capacity)
        return refuse_small(index, view.size, output->capacity, message);
    if (view.size > 0)
        memcpy(output->data, view.data, view.size);
    return WASINN_OK;
}

static wasinn_status run_copying(const inference *call, wasinn_message *message) {
    wasinn_status status = WASINN_OK, worst = WASINN_OK;
    for (size_t i = 0; i < call->input_count && status == WASINN_OK; i++)
        status = wasinn__execution_set(call->guest, call->execution, (uint32_t)i, &call->inputs[i], message);
    if (status == WASINN_OK)
        status = wasinn__execution_compute(call->guest, call->execution, message);
    /* Of each output the size is told, whichever of them does not fit. */
    for (size_t i = 0; i < call->output_count && (status == WASINN_OK || status == WASINN_TOO_LARGE); i++) {
        if (!call->execution->computed)
            break;
        status = copy_out(call, i, message);
        worst = worst == WASINN_OK ? status : worst;
    }
    return worst == WASINN_OK ? status : worst;
}

static uint64_t bytes_of(const inference *call) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < call->input_count; i++)
        bytes += call->inputs[i].size;
    for (size_t i = 0; i < call->output_count; i++)
        bytes += call->outputs[i].written;
    return bytes;
}

static wasinn_status infer(wasinn_guest *guest, wasinn_handle handle, inference *call, uint64_t *copied,
                           wasinn_message *message) {
    wasinn_status status = wasinn__execution_find(guest, handle, &call->execution, message);
    if (status != WASINN_OK)
        return status;
    call->graph = call->execution->graph;
    status = check(call, message);
    if (status != WASINN_OK)
        return status;
    status = WASINN_UNSUPPORTED_OPERATION;
    if (in_place(call))
        status = run_in_place(call, message);
    if (status == WASINN_UNSUPPORTED_OPERATION) {
        if (message->capacity > 0)
            message->text[0] = '\0';
        status = run_copying(call, message);
        *copied = status == WASINN_OK ? bytes_of(call) : 0;
    }
    for (size_t i = 0; i < call->input_count; i++)
        call->execution->inputs_set[i] = false;
    call->execution->computed = false;
    return status;
}

wasinn_status wasinn__infer_takes(wasinn_guest *guest, wasinn_handle execution, size_t input_count,
                                  size_t output_count) {
    wasinn_message message = wasinn__guest_begin(guest);
    inference call = {.input_count = input_count, .output_count = output_count};
    wasinn_status status = wasinn__execution_find(guest, execution, &call.execution, &message);
    if (status == WASINN_OK) {
        call.graph = call.execution->graph;
        status = check_counts(&call, &message);
    }
    return wasinn__guest_end(guest, status);
}

wasinn_status wasinn__infer(wasinn_guest *guest, wasinn_handle execution, const wasinn_tensor *inputs,
                            size_t input_count, wasinn_result *outputs, size_t output_count,
                            uint64_t *copied) {
    wasinn_message message = wasinn__guest_begin(guest);
    inference call = {.guest = guest,
                      .inputs = inputs,
                      .input_count = input_count,
                      .outputs = outputs,
                      .output_count = output_count};
    *copied = 0;
    return wasinn__guest_end(guest, infer(guest, execution, &call, copied, &message));
}

wasinn_status wasinn_infer(wasinn_guest *guest, wasinn_handle execution, const wasinn_tensor *inputs,
                           size_t input_count, wasinn_result *outputs, size_t output_count) {
    uint64_t copied;
    return wasinn__infer(guest, execution, inputs, input_count, outputs, output_count, &copied);
}
