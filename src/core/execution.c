#include "core/execution.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/guest.h"
#include "core/memory.h"
#include "core/tensor.h"

void wasinn__execution_free(wasinn_guest *guest, wasinn__execution *execution) {
    if (!execution)
        return;
    if (execution->state)
        execution->graph->backend->table->destroy(execution->state);
    guest->held_bytes -= execution->bytes;
    wasinn__free(execution->inputs_set);
    wasinn__free(execution->input_bytes);
    wasinn__graph_release(execution->graph);
    wasinn__free(execution);
}

/* Charges the guest for `bytes` of tensors more. */
static wasinn_status charge(wasinn_guest *guest, wasinn__execution *execution, uint64_t bytes,
                            wasinn_message *message) {
    if (guest->held_bytes > guest->limits.total_bytes ||
        bytes > guest->limits.total_bytes - guest->held_bytes)
        return wasinn_refuse(
            message, WASINN_TOO_LARGE,
            "the guest holds %llu bytes and asks for %llu of tensors more; the limit is %llu",
            (unsigned long long)guest->held_bytes, (unsigned long long)bytes,
            (unsigned long long)guest->limits.total_bytes);
    guest->held_bytes += bytes;
    execution->bytes += bytes;
    return WASINN_OK;
}

static wasinn_status within_tensor_limit(wasinn_guest *guest, const char *side, uint32_t index,
                                         const wasinn_port *port, uint32_t rank, const int64_t *dims,
                                         uint64_t *bytes, wasinn_message *message) {
    char text[WASINN__SHAPE_TEXT];
    if (!wasinn__bytes(port->type, rank, dims, bytes) || *bytes > guest->limits.tensor_bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "%s %u '%s' is %s; the limit is %llu bytes", side,
                             index, port->name, wasinn__shape_text(port->type, rank, dims, text),
                             (unsigned long long)guest->limits.tensor_bytes);
    return WASINN_OK;
}

/* Tensors whose size the model fixes are paid for when the execution is made. */
static wasinn_status charge_static(wasinn_guest *guest, wasinn__execution *execution,
                                   wasinn_direction direction, wasinn_message *message) {
    const wasinn__graph *graph = execution->graph;
    for (uint32_t i = 0; i < graph->port_counts[direction]; i++) {
        const wasinn_port *port = &graph->ports[direction][i];
        uint64_t bytes;
        if (!wasinn__port_is_static(port) || port->type == WASINN_TYPE_OTHER)
            continue;
        wasinn_status status = within_tensor_limit(guest, direction == WASINN_INPUT ? "input" : "output", i,
                                                   port, port->rank, port->dims, &bytes, message);
        if (status == WASINN_OK)
            status = charge(guest, execution, bytes, message);
        if (status != WASINN_OK)
            return status;
    }
    return WASINN_OK;
}

static wasinn_status make(wasinn_guest *guest, wasinn__execution *execution, wasinn_message *message) {
    wasinn__graph *graph = execution->graph;
    execution->inputs_set = wasinn__alloc(graph->port_counts[WASINN_INPUT], sizeof *execution->inputs_set);
    execution->input_bytes = wasinn__alloc(graph->port_counts[WASINN_INPUT], sizeof *execution->input_bytes);
    if (!execution->inputs_set || !execution->input_bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for an execution context");
    wasinn_status status = charge_static(guest, execution, WASINN_INPUT, message);
    if (status == WASINN_OK)
        status = charge_static(guest, execution, WASINN_OUTPUT, message);
    if (status == WASINN_OK)
        status = wasinn__dispatch_create(graph->backend, graph->model, &execution->state, message);
    return status;
}

static wasinn_status init(wasinn_guest *guest, wasinn_handle handle, wasinn_handle *result,
                          wasinn_message *message) {
    wasinn__graph *graph = wasinn__handles_get(&guest->handles, handle, WASINN__KIND_GRAPH);
    if (!graph)
        return wasinn_refuse(message, WASINN_INVALID_HANDLE, "%u is not a graph of this guest", handle);
    if (guest->executions >= guest->limits.executions)
        return wasinn_refuse(message, WASINN_BUSY,
                             "%llu execution contexts are open, the limit; close one first",
                             (unsigned long long)guest->executions);
    wasinn_status status = wasinn__handles_reserve(&guest->handles);
    if (status != WASINN_OK)
        return wasinn_refuse(message, status, "no room for another handle");
    wasinn__execution *execution = wasinn__alloc(1, sizeof *execution);
    if (!execution)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for an execution context");
    execution->graph = graph;
    wasinn__graph_retain(graph);
    status = make(guest, execution, message);
    if (status != WASINN_OK) {
        wasinn__execution_free(guest, execution);
        return status;
    }
    *result = wasinn__handles_put(&guest->handles, WASINN__KIND_EXECUTION, execution);
    guest->executions++;
    return WASINN_OK;
}

wasinn_status wasinn_init_execution_context(wasinn_guest *guest, wasinn_handle graph,
                                            wasinn_handle *execution) {
    wasinn_message message = wasinn__guest_begin(guest);
    return wasinn__guest_end(guest, init(guest, graph, execution, &message));
}

static wasinn_status find(wasinn_guest *guest, wasinn_handle handle, wasinn__execution **execution,
                          wasinn_message *message) {
    *execution = wasinn__handles_get(&guest->handles, handle, WASINN__KIND_EXECUTION);
    if (!*execution)
        return wasinn_refuse(message, WASINN_INVALID_HANDLE, "%u is not an execution context of this guest",
                             handle);
    return WASINN_OK;
}

static wasinn_status find_port(const wasinn__graph *graph, wasinn_direction direction, uint32_t index,
                               const wasinn_port **port, wasinn_message *message) {
    uint32_t count = graph->port_counts[direction];
    const char *side = direction == WASINN_INPUT ? "input" : "output";
    if (index >= count)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "there is no %s %u: the model has %u %s%s",
                             side, index, count, side, count == 1 ? "" : "s");
    *port = &graph->ports[direction][index];
    return WASINN_OK;
}

static wasinn_status check_tensor(const wasinn_port *port, uint32_t index, const wasinn_tensor *tensor,
                                  wasinn_message *message) {
    char wanted[WASINN__SHAPE_TEXT], given[WASINN__SHAPE_TEXT];
    uint64_t bytes;
    if (tensor->rank > WASINN_MAX_RANK)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                             "input %u '%s': rank %u; at most %d is possible", index, port->name,
                             tensor->rank, WASINN_MAX_RANK);
    wasinn__shape_text(tensor->type, tensor->rank, tensor->dims, given);
    if (!wasinn__port_accepts(port, tensor))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s' wants %s, got %s", index,
                             port->name, wasinn__shape_text(port->type, port->rank, port->dims, wanted),
                             given);
    if (!wasinn__bytes(tensor->type, tensor->rank, tensor->dims, &bytes))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s': %s has too many elements",
                             index, port->name, given);
    if (bytes != tensor->size)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s': %s takes %llu bytes, got %zu",
                             index, port->name, given, (unsigned long long)bytes, tensor->size);
    return WASINN_OK;
}

static wasinn_status charge_dynamic(wasinn_guest *guest, wasinn__execution *execution, uint32_t index,
                                    const wasinn_port *port, const wasinn_tensor *tensor,
                                    wasinn_message *message) {
    uint64_t bytes, before = execution->input_bytes[index];
    wasinn_status status =
        within_tensor_limit(guest, "input", index, port, tensor->rank, tensor->dims, &bytes, message);
    if (status == WASINN_OK && bytes > before) {
        status = charge(guest, execution, bytes - before, message);
        if (status == WASINN_OK)
            execution->input_bytes[index] = bytes;
    }
    return status;
}

static void copy_in(void *memory, wasinn_type type, const wasinn_tensor *tensor) {
    if (tensor->size > 0)
        memcpy(memory, tensor->data, tensor->size);
    if (type != WASINN_TYPE_BOOL)
        return;
    uint8_t *values = memory;
    for (size_t i = 0; i < tensor->size; i++)
        values[i] = values[i] != 0;
}

static wasinn_status set_input(wasinn_guest *guest, wasinn_handle handle, uint32_t index,
                               const wasinn_tensor *tensor, wasinn_message *message) {
    wasinn__execution *execution;
    const wasinn_port *port = NULL;
    void *memory;
    wasinn_status status = find(guest, handle, &execution, message);
    if (status == WASINN_OK)
        status = find_port(execution->graph, WASINN_INPUT, index, &port, message);
    if (status == WASINN_OK)
        status = check_tensor(port, index, tensor, message);
    if (status == WASINN_OK && !wasinn__port_is_static(port))
        status = charge_dynamic(guest, execution, index, port, tensor, message);
    if (status != WASINN_OK)
        return status;
    wasinn_tensor shape = *tensor;
    shape.type = port->type;
    shape.data = NULL;
    status =
        wasinn__dispatch_input(execution->graph->backend, execution->state, index, &shape, &memory, message);
    execution->inputs_set[index] = status == WASINN_OK;
    if (status == WASINN_OK)
        copy_in(memory, port->type, tensor);
    return status;
}

wasinn_status wasinn_set_input(wasinn_guest *guest, wasinn_handle execution, uint32_t index,
                               const wasinn_tensor *tensor) {
    wasinn_message message = wasinn__guest_begin(guest);
    return wasinn__guest_end(guest, set_input(guest, execution, index, tensor, &message));
}

/* What the watchdog calls when time is up. */
static void cancel(void *data) {
    wasinn__execution *execution = data;
    execution->graph->backend->table->cancel(execution->state);
}

static wasinn_status run_watched(wasinn_guest *guest, wasinn__execution *execution, wasinn_message *message) {
    wasinn__watchdog *watchdog = &guest->host->watchdog;
    wasinn__watch watch = {
        .deadline = wasinn__deadline(guest->limits.compute_ms), .cancel = cancel, .data = execution};
    if (!wasinn__watchdog_begin(watchdog, &watch, &guest->watch))
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no thread for the watchdog");
    if (atomic_load(&guest->interrupted))
        wasinn__watchdog_fire(watchdog, &guest->watch);
    wasinn_status status = wasinn__dispatch_run(execution->graph->backend, execution->state, message);
    wasinn__watchdog_end(watchdog, &watch, &guest->watch);
    if (status == WASINN_OK || !watch.fired)
        return status;
    message->text[0] = '\0';
    if (atomic_load(&guest->interrupted))
        return wasinn_refuse(message, WASINN_TIMEOUT, "interrupted by the host");
    return wasinn_refuse(message, WASINN_TIMEOUT, "not finished within %llu ms, the limit",
                         (unsigned long long)guest->limits.compute_ms);
}

static wasinn_status compute(wasinn_guest *guest, wasinn_handle handle, wasinn_message *message) {
    wasinn__execution *execution;
    wasinn_status status = find(guest, handle, &execution, message);
    if (status != WASINN_OK)
        return status;
    const wasinn__graph *graph = execution->graph;
    for (uint32_t i = 0; i < graph->port_counts[WASINN_INPUT]; i++)
        if (!execution->inputs_set[i])
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "input %u '%s' has not been set", i,
                                 graph->ports[WASINN_INPUT][i].name);
    if (atomic_load(&guest->interrupted))
        return wasinn_refuse(message, WASINN_TIMEOUT, "the guest was interrupted");
    execution->computed = false;
    status = run_watched(guest, execution, message);
    execution->computed = status == WASINN_OK;
    return status;
}

wasinn_status wasinn_compute(wasinn_guest *guest, wasinn_handle execution) {
    wasinn_message message = wasinn__guest_begin(guest);
    return wasinn__guest_end(guest, compute(guest, execution, &message));
}

static wasinn_status output(wasinn_guest *guest, wasinn_handle handle, uint32_t index, wasinn_tensor *view,
                            wasinn_message *message) {
    wasinn__execution *execution;
    const wasinn_port *port = NULL;
    wasinn_status status = find(guest, handle, &execution, message);
    if (status == WASINN_OK)
        status = find_port(execution->graph, WASINN_OUTPUT, index, &port, message);
    if (status != WASINN_OK)
        return status;
    if (!execution->computed)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "output %u '%s' is not there: no compute has succeeded", index, port->name);
    if (port->type == WASINN_TYPE_OTHER)
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                             "output %u '%s' has a type without a whole number of bytes", index, port->name);
    status = wasinn__dispatch_output(execution->graph->backend, execution->state, index, view, message);
    if (status == WASINN_OK && view->size > guest->limits.tensor_bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "output %u '%s' has %zu bytes; the limit is %llu",
                             index, port->name, view->size, (unsigned long long)guest->limits.tensor_bytes);
    return status;
}

wasinn_status wasinn_output(wasinn_guest *guest, wasinn_handle execution, uint32_t index,
                            wasinn_tensor *view) {
    wasinn_message message = wasinn__guest_begin(guest);
    return wasinn__guest_end(guest, output(guest, execution, index, view, &message));
}
