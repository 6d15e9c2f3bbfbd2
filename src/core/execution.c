#include "core/execution.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/guest.h"
#include "core/memory.h"
#include "core/tensor.h"

/* ---- What the guest is charged for ---------------------------------------------------------------- */

/* Raises what the guest is charged for one port to a tensor of this shape and size. Nothing is given back for
 * smaller ones: runtimes keep what they have allocated. */
static wasinn_status charge(wasinn_guest *guest, wasinn__execution *execution, wasinn_direction direction,
                            uint32_t index, uint32_t rank, const int64_t *dims, uint64_t bytes,
                            wasinn_message *message) {
    const wasinn_limits *limits = &guest->limits;
    const wasinn_port *port = &execution->graph->ports[direction][index];
    uint64_t *charged = &execution->charged[direction][index];
    char shape[WASINN__SHAPE_TEXT];
    if (bytes > limits->tensor_bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "%s %u '%s' is %s, %llu bytes; the limit is %llu",
                             wasinn__side_name(direction), index, port->name,
                             wasinn__shape_text(port->type, rank, dims, shape), (unsigned long long)bytes,
                             (unsigned long long)limits->tensor_bytes);
    if (bytes <= *charged)
        return WASINN_OK;
    uint64_t more = bytes - *charged;
    if (guest->held_bytes > limits->total_bytes || more > limits->total_bytes - guest->held_bytes)
        return wasinn_refuse(
            message, WASINN_TOO_LARGE,
            "%s %u '%s' is %s: the guest holds %llu bytes and asks for %llu more; the limit is %llu",
            wasinn__side_name(direction), index, port->name,
            wasinn__shape_text(port->type, rank, dims, shape), (unsigned long long)guest->held_bytes,
            (unsigned long long)more, (unsigned long long)limits->total_bytes);
    guest->held_bytes += more;
    *charged = bytes;
    return WASINN_OK;
}

static wasinn_status charge_shape(wasinn_guest *guest, wasinn__execution *execution,
                                  wasinn_direction direction, uint32_t index, uint32_t rank,
                                  const int64_t *dims, wasinn_message *message) {
    uint64_t bytes;
    if (!wasinn__port_bytes(&execution->graph->ports[direction][index], rank, dims, &bytes))
        bytes = UINT64_MAX;
    return charge(guest, execution, direction, index, rank, dims, bytes, message);
}

/* Tensors whose size the model fixes are paid for when the execution is made. */
static wasinn_status charge_static(wasinn_guest *guest, wasinn__execution *execution,
                                   wasinn_direction direction, wasinn_message *message) {
    const wasinn__graph *graph = execution->graph;
    for (uint32_t i = 0; i < graph->port_counts[direction]; i++) {
        const wasinn_port *port = &graph->ports[direction][i];
        if (!wasinn__port_is_static(port))
            continue;
        wasinn_status status = charge_shape(guest, execution, direction, i, port->rank, port->dims, message);
        if (status != WASINN_OK)
            return status;
    }
    return WASINN_OK;
}

/* The others, when a compute has given them their size; and all, where the model may have said one size and
 * made another. */
static wasinn_status charge_outputs(wasinn_guest *guest, wasinn__execution *execution,
                                    wasinn_message *message) {
    const wasinn__graph *graph = execution->graph;
    bool look_at_all = !wasinn__dispatch_keeps_shapes(graph->backend);
    for (uint32_t i = 0; i < graph->port_counts[WASINN_OUTPUT]; i++) {
        bool fixed = wasinn__port_is_static(&graph->ports[WASINN_OUTPUT][i]);
        wasinn_tensor view;
        if (fixed && !look_at_all)
            continue;
        wasinn_status status = wasinn__dispatch_output(graph->backend, execution->state, i, &view, message);
        /* One that cannot be read is whoever's who reads it. */
        if (fixed && status != WASINN_OK) {
            message->text[0] = '\0';
            continue;
        }
        if (status == WASINN_OK)
            status = charge(guest, execution, WASINN_OUTPUT, i, view.rank, view.dims, view.size, message);
        if (status != WASINN_OK)
            return status;
    }
    return WASINN_OK;
}

/* What the backend holds for each execution besides its tensors. */
static wasinn_status charge_own(wasinn_guest *guest, wasinn__execution *execution, wasinn_message *message) {
    const wasinn__graph *graph = execution->graph;
    uint64_t bytes = wasinn__dispatch_execution_bytes(graph->backend, graph->model);
    uint64_t most = guest->limits.total_bytes;
    if (bytes == 0)
        return WASINN_OK;
    if (guest->held_bytes > most || bytes > most - guest->held_bytes)
        return wasinn_refuse(
            message, WASINN_TOO_LARGE,
            "an execution context of this model: the guest holds %llu bytes and asks for %llu more; the "
            "limit is %llu",
            (unsigned long long)guest->held_bytes, (unsigned long long)bytes, (unsigned long long)most);
    guest->held_bytes += bytes;
    execution->own_bytes = bytes;
    return WASINN_OK;
}

/* ---- Making and freeing ----------------------------------------------------------------------------- */

static void release_state(wasinn_guest *guest, wasinn__execution *execution) {
    const wasinn__graph *graph = execution->graph;
    if (execution->state)
        graph->backend->table->destroy(execution->state);
    execution->state = NULL;
    execution->computed = false;
    guest->held_bytes -= execution->own_bytes;
    execution->own_bytes = 0;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; execution->charged[side] && i < graph->port_counts[side]; i++) {
            guest->held_bytes -= execution->charged[side][i];
            execution->charged[side][i] = 0;
        }
    }
    for (uint32_t i = 0; execution->inputs_set && i < graph->port_counts[WASINN_INPUT]; i++)
        execution->inputs_set[i] = false;
}

static wasinn_status make_state(wasinn_guest *guest, wasinn__execution *execution, wasinn_message *message) {
    const wasinn__graph *graph = execution->graph;
    wasinn_status status = charge_static(guest, execution, WASINN_INPUT, message);
    if (status == WASINN_OK)
        status = charge_static(guest, execution, WASINN_OUTPUT, message);
    if (status == WASINN_OK)
        status = charge_own(guest, execution, message);
    if (status == WASINN_OK)
        status = wasinn__dispatch_create(graph->backend, graph->model, &execution->state, message);
    return status;
}

void wasinn__execution_free(wasinn_guest *guest, wasinn__execution *execution) {
    if (!execution)
        return;
    release_state(guest, execution);
    wasinn__free(execution->room);
    wasinn__free(execution->inputs_set);
    wasinn__free(execution->charged[WASINN_INPUT]);
    wasinn__free(execution->charged[WASINN_OUTPUT]);
    wasinn__graph_release(execution->graph);
    wasinn__free(execution);
}

static wasinn_status make(wasinn_guest *guest, wasinn__execution *execution, wasinn_message *message) {
    wasinn__graph *graph = execution->graph;
    execution->inputs_set = wasinn__alloc(graph->port_counts[WASINN_INPUT], sizeof *execution->inputs_set);
    for (int side = 0; side < 2; side++)
        execution->charged[side] = wasinn__alloc(graph->port_counts[side], sizeof **execution->charged);
    if (!execution->inputs_set || !execution->charged[WASINN_INPUT] || !execution->charged[WASINN_OUTPUT])
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for an execution context");
    return make_state(guest, execution, message);
}

static wasinn_status init(wasinn_guest *guest, wasinn_handle handle, wasinn_handle *result,
                          wasinn_message *message) {
    wasinn__graph *graph = wasinn__handles_get(&guest->handles, handle, WASINN__KIND_GRAPH);
    if (!graph)
        return wasinn_refuse(message, WASINN_INVALID_HANDLE, "%u is not a graph of this guest", handle);
    wasinn_status status = wasinn__guest_room(guest, "execution contexts open", guest->executions,
                                              guest->limits.executions, message);
    if (status != WASINN_OK)
        return status;
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

wasinn_status wasinn__execution_find(wasinn_guest *guest, wasinn_handle handle, wasinn__execution **execution,
                                     wasinn_message *message) {
    *execution = wasinn__handles_get(&guest->handles, handle, WASINN__KIND_EXECUTION);
    if (!*execution && wasinn__handles_kind(&guest->handles, handle) == WASINN__KIND_GRAPH)
        return wasinn_refuse(message, WASINN_INVALID_HANDLE,
                             "%u is a graph, not an execution context made on one", handle);
    if (!*execution)
        return wasinn_refuse(message, WASINN_INVALID_HANDLE, "%u is not an execution context of this guest",
                             handle);
    if (!(*execution)->state)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "this execution context went beyond a limit and could not be made anew");
    return WASINN_OK;
}

wasinn_status wasinn__execution_port(const wasinn__graph *graph, wasinn_direction direction, uint32_t index,
                                     const wasinn_port **port, wasinn_message *message) {
    uint32_t count = graph->port_counts[direction];
    const char *side = wasinn__side_name(direction);
    if (index >= count)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "there is no %s %u: the model has %u %s%s",
                             side, index, count, side, count == 1 ? "" : "s");
    *port = &graph->ports[direction][index];
    return WASINN_OK;
}

const wasinn_port *wasinn__execution_input(const wasinn_guest *guest, wasinn_handle handle, uint32_t index) {
    const wasinn__execution *execution = wasinn__handles_get(&guest->handles, handle, WASINN__KIND_EXECUTION);
    if (!execution || index >= execution->graph->port_counts[WASINN_INPUT])
        return NULL;
    return &execution->graph->ports[WASINN_INPUT][index];
}

static wasinn_status refuse_shape(const wasinn_port *port, uint32_t index, const wasinn_tensor *tensor,
                                  wasinn_message *message) {
    char wanted[WASINN__SHAPE_TEXT], given[WASINN__SHAPE_TEXT];
    uint64_t bytes;
    wasinn__shape_text(tensor->type, tensor->rank, tensor->dims, given);
    if (!wasinn__port_accepts(port, tensor))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s' wants %s, got %s", index,
                             port->name, wasinn__port_text(port, wanted), given);
    if (!wasinn__bytes(tensor->type, tensor->rank, tensor->dims, &bytes))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s': %s has too many elements",
                             index, port->name, given);
    return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s': %s takes %llu bytes, got %zu",
                         index, port->name, given, (unsigned long long)bytes, tensor->size);
}

wasinn_status wasinn__execution_check(const wasinn__execution *execution, uint32_t index,
                                      const wasinn_tensor *tensor, wasinn_message *message) {
    const wasinn_port *port = &execution->graph->ports[WASINN_INPUT][index];
    uint64_t bytes;
    if (!tensor->data && tensor->size > 0)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "input %u '%s': data is NULL", index,
                             port->name);
    if (tensor->rank > WASINN_MAX_RANK)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                             "input %u '%s': rank %u; at most %d is possible", index, port->name,
                             tensor->rank, WASINN_MAX_RANK);
    if (wasinn__port_accepts(port, tensor) &&
        wasinn__bytes(tensor->type, tensor->rank, tensor->dims, &bytes) && bytes == tensor->size)
        return WASINN_OK;
    return refuse_shape(port, index, tensor, message);
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

wasinn_status wasinn__execution_set(wasinn_guest *guest, wasinn__execution *execution, uint32_t index,
                                    const wasinn_tensor *tensor, wasinn_message *message) {
    const wasinn_port *port = &execution->graph->ports[WASINN_INPUT][index];
    void *memory;
    wasinn_status status = WASINN_OK;
    if (!wasinn__port_is_static(port))
        status =
            charge(guest, execution, WASINN_INPUT, index, tensor->rank, tensor->dims, tensor->size, message);
    if (status != WASINN_OK)
        return status;
    wasinn_tensor shape = *tensor;
    if (port->type != WASINN_TYPE_ANY)
        shape.type = port->type;
    shape.data = NULL;
    status =
        wasinn__dispatch_input(execution->graph->backend, execution->state, index, &shape, &memory, message);
    execution->inputs_set[index] = status == WASINN_OK;
    if (status == WASINN_OK)
        copy_in(memory, port->type, tensor);
    return status;
}

static wasinn_status set_input(wasinn_guest *guest, wasinn_handle handle, uint32_t index,
                               const wasinn_tensor *tensor, wasinn_message *message) {
    wasinn__execution *execution;
    const wasinn_port *port;
    wasinn_status status = wasinn__execution_find(guest, handle, &execution, message);
    if (status == WASINN_OK)
        status = wasinn__execution_port(execution->graph, WASINN_INPUT, index, &port, message);
    if (status == WASINN_OK)
        status = wasinn__execution_check(execution, index, tensor, message);
    if (status == WASINN_OK)
        status = wasinn__execution_set(guest, execution, index, tensor, message);
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

static wasinn_status run_watched(wasinn_guest *guest, wasinn__execution *execution,
                                 const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                                 wasinn_message *message) {
    wasinn__backend *backend = execution->graph->backend;
    wasinn_status status;
    wasinn__watchdog *watchdog = &guest->host->watchdog;
    wasinn__watch watch = {
        .deadline = wasinn__deadline(guest->limits.compute_ms), .cancel = cancel, .data = execution};
    if (!wasinn__watchdog_begin(watchdog, &watch, &guest->watch))
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no thread for the watchdog");
    if (atomic_load(&guest->interrupted))
        wasinn__watchdog_fire(watchdog, &guest->watch);
    if (inputs)
        status = wasinn__dispatch_infer(backend, execution->state, inputs, outputs, message);
    else
        status = wasinn__dispatch_run(backend, execution->state, message);
    wasinn__watchdog_end(watchdog, &watch, &guest->watch);
    if (status == WASINN_OK || !watch.fired)
        return status;
    message->text[0] = '\0';
    if (atomic_load(&guest->interrupted))
        return wasinn_refuse(message, WASINN_TIMEOUT, "interrupted by the host");
    return wasinn_refuse(message, WASINN_TIMEOUT, "not finished within %llu ms, the limit",
                         (unsigned long long)guest->limits.compute_ms);
}

/* Whoever computes has its outputs, whether or not the layers can be told. */
static void tell_layers(wasinn_guest *guest, const wasinn__execution *execution, uint64_t begin,
                        wasinn_message *message) {
    const wasinn__cause cause = {&guest->host->observer, guest};
    wasinn__layers layers = {&cause, begin};
    if (wasinn__dispatch_layers(execution->graph->backend, execution->state, wasinn__observe_layer, &layers,
                                message) != WASINN_OK)
        message->text[0] = '\0';
}

wasinn_status wasinn__execution_run(wasinn_guest *guest, wasinn__execution *execution,
                                    const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                                    wasinn_message *message) {
    bool profiled = execution->graph->profiled && guest->host->observer.tell;
    uint64_t begin = profiled ? wasinn__now() : 0;
    wasinn_status status = run_watched(guest, execution, inputs, outputs, message);
    if (status == WASINN_OK && profiled)
        tell_layers(guest, execution, begin, message);
    return status;
}

wasinn_status wasinn__execution_ready(const wasinn_guest *guest, const wasinn__execution *execution,
                                      size_t given, wasinn_message *message) {
    const wasinn__graph *graph = execution->graph;
    for (size_t i = given; i < graph->port_counts[WASINN_INPUT]; i++)
        if (!execution->inputs_set[i])
            return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "input %zu '%s' has not been set", i,
                                 graph->ports[WASINN_INPUT][i].name);
    if (atomic_load(&guest->interrupted))
        return wasinn_refuse(message, WASINN_TIMEOUT, "the guest was interrupted");
    return WASINN_OK;
}

wasinn_status wasinn__execution_compute(wasinn_guest *guest, wasinn__execution *execution,
                                        wasinn_message *message) {
    wasinn_status status = wasinn__execution_ready(guest, execution, 0, message);
    if (status != WASINN_OK)
        return status;
    execution->computed = false;
    status = wasinn__execution_run(guest, execution, NULL, NULL, message);
    if (status != WASINN_OK)
        return status;
    status = charge_outputs(guest, execution, message);
    execution->computed = status == WASINN_OK;
    if (status == WASINN_TOO_LARGE) {
        /* What the runtime has allocated goes only with its request; the first message, the reason, stays. */
        release_state(guest, execution);
        make_state(guest, execution, message);
    }
    return status;
}

static wasinn_status compute(wasinn_guest *guest, wasinn_handle handle, wasinn_message *message) {
    wasinn__execution *execution;
    wasinn_status status = wasinn__execution_find(guest, handle, &execution, message);
    if (status == WASINN_OK)
        status = wasinn__execution_compute(guest, execution, message);
    return status;
}

wasinn_status wasinn_compute(wasinn_guest *guest, wasinn_handle execution) {
    wasinn_message message = wasinn__guest_begin(guest);
    return wasinn__guest_end(guest, compute(guest, execution, &message));
}

wasinn_status wasinn__execution_can_give(const wasinn__execution *execution, uint32_t index,
                                         wasinn_message *message) {
    const wasinn_port *port = &execution->graph->ports[WASINN_OUTPUT][index];
    if (port->type == WASINN_TYPE_OTHER)
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                             "output %u '%s' has a type without a whole number of bytes", index, port->name);
    return WASINN_OK;
}

static wasinn_status output(wasinn_guest *guest, wasinn_handle handle, uint32_t index, wasinn_tensor *view,
                            wasinn_message *message) {
    wasinn__execution *execution;
    const wasinn_port *port = NULL;
    wasinn_status status = wasinn__execution_find(guest, handle, &execution, message);
    if (status == WASINN_OK)
        status = wasinn__execution_port(execution->graph, WASINN_OUTPUT, index, &port, message);
    if (status != WASINN_OK)
        return status;
    if (!execution->computed)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "output %u '%s' is not there: no compute has succeeded", index, port->name);
    status = wasinn__execution_can_give(execution, index, message);
    if (status != WASINN_OK)
        return status;
    return wasinn__dispatch_output(execution->graph->backend, execution->state, index, view, message);
}

wasinn_status wasinn_output(wasinn_guest *guest, wasinn_handle execution, uint32_t index,
                            wasinn_tensor *view) {
    wasinn_message message = wasinn__guest_begin(guest);
    return wasinn__guest_end(guest, output(guest, execution, index, view, &message));
}
