#include "core/graph.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/guest.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "core/watchdog.h"

bool wasinn__stopped(const wasinn__attempt *attempt) {
    return atomic_load(attempt->interrupted) ||
           (attempt->deadline != WASINN__NEVER && wasinn__now() >= attempt->deadline);
}

wasinn_status wasinn__say_stopped(const wasinn__attempt *attempt, wasinn_message *message) {
    message->text[0] = '\0';
    if (atomic_load(attempt->interrupted))
        return wasinn_refuse(message, WASINN_TIMEOUT, "interrupted by the host");
    return wasinn_refuse(message, WASINN_TIMEOUT, "loading took longer than the limit");
}

static bool stopped(void *data) {
    return wasinn__stopped(data);
}

static void free_blobs(wasinn__graph *graph) {
    for (size_t i = 0; i < graph->blob_count; i++)
        wasinn__free((void *)(uintptr_t)graph->blobs[i].data);
    wasinn__free(graph->blobs);
    graph->blobs = NULL;
    graph->blob_count = 0;
}

/* The one copy of what a guest passed in. The guest may change its memory at any time; a runtime may go on
 * reading weights after it has compiled them. */
static wasinn_status copy_blobs(wasinn__graph *graph, const wasinn_source *source, wasinn_message *message) {
    graph->blobs = wasinn__alloc(source->blob_count, sizeof *graph->blobs);
    if (!graph->blobs)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for %zu blobs", source->blob_count);
    for (size_t i = 0; i < source->blob_count; i++) {
        size_t size = source->blobs[i].size;
        char *copy = size < SIZE_MAX ? wasinn__alloc_raw(size + 1) : NULL;
        if (!copy)
            return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a copy of blob %zu: %zu bytes", i,
                                 size);
        if (size > 0)
            memcpy(copy, source->blobs[i].data, size);
        copy[size] = '\0';
        graph->blobs[i] = (wasinn_blob){copy, size};
        graph->blob_count = i + 1;
    }
    return WASINN_OK;
}

static wasinn_status load_model(wasinn__graph *graph, const wasinn_source *source, wasinn_encoding encoding,
                                wasinn_target target, wasinn__attempt *attempt, wasinn_message *message) {
    wasinn_loaded loaded = {.struct_size = sizeof loaded};
    wasinn_source copied = *source;
    wasinn_load_request request = {sizeof request, &copied, encoding, target, stopped, attempt};
    copied.struct_size = sizeof copied;
    copied.blobs = graph->blobs;
    wasinn_status status = wasinn__dispatch_load(graph->backend, &request, &loaded, message);
    if (status != WASINN_OK)
        return status;
    graph->model = loaded.model;
    if (!loaded.keeps_blobs)
        free_blobs(graph);
    graph->bytes = loaded.bytes;
    for (size_t i = 0; i < graph->blob_count; i++)
        graph->bytes += graph->blobs[i].size;
    return WASINN_OK;
}

static wasinn_status read_ports(wasinn__graph *graph, wasinn_direction direction, wasinn_message *message) {
    uint32_t count = graph->backend->table->port_count(graph->model, direction);
    graph->ports[direction] = wasinn__alloc(count, sizeof **graph->ports);
    if (!graph->ports[direction])
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for %u ports", count);
    graph->port_counts[direction] = count;
    for (uint32_t i = 0; i < count; i++) {
        wasinn_port *port = &graph->ports[direction][i];
        wasinn_status status =
            wasinn__dispatch_port(graph->backend, graph->model, direction, i, port, message);
        if (status != WASINN_OK)
            return status;
        if (port->rank > WASINN_MAX_RANK && port->rank != WASINN_DYNAMIC_RANK)
            return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                                 "%s %u '%s' has rank %u; at most %d fit", wasinn__side_name(direction), i,
                                 port->name, port->rank, WASINN_MAX_RANK);
    }
    return WASINN_OK;
}

wasinn_status wasinn__graph_load(wasinn__backend *backend, const wasinn_source *source,
                                 wasinn_encoding encoding, wasinn_target target, wasinn__attempt *attempt,
                                 wasinn__graph **graph, wasinn_message *message) {
    attempt->saw_host = true;
    wasinn_status status = wasinn__backend_open(backend, message);
    if (status != WASINN_OK)
        return status;
    attempt->saw_host = source->kind == WASINN_SOURCE_PATH;
    wasinn__graph *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a graph");
    atomic_init(&made->references, 1);
    made->backend = backend;
    if (source->kind == WASINN_SOURCE_BLOBS)
        status = copy_blobs(made, source, message);
    if (status == WASINN_OK)
        status = load_model(made, source, encoding, target, attempt, message);
    if (status == WASINN_OK)
        status = read_ports(made, WASINN_INPUT, message);
    if (status == WASINN_OK)
        status = read_ports(made, WASINN_OUTPUT, message);
    if (status == WASINN_OK && wasinn__stopped(attempt))
        status = WASINN_TIMEOUT;
    if (status == WASINN_TIMEOUT)
        wasinn__say_stopped(attempt, message);
    if (status == WASINN_OK)
        *graph = made;
    else
        wasinn__graph_release(made);
    return status;
}

void wasinn__graph_retain(wasinn__graph *graph) {
    atomic_fetch_add(&graph->references, 1);
}

void wasinn__graph_release(wasinn__graph *graph) {
    if (!graph || atomic_fetch_sub(&graph->references, 1) != 1)
        return;
    if (graph->owner)
        graph->owner->held_bytes -= graph->bytes;
    wasinn__free(graph->ports[WASINN_INPUT]);
    wasinn__free(graph->ports[WASINN_OUTPUT]);
    if (graph->model)
        graph->backend->table->unload(graph->model);
    free_blobs(graph);
    wasinn__free(graph);
}
