#include "core/graph.h"

#include "core/dispatch.h"
#include "core/guest.h"
#include "core/memory.h"
#include "core/options.h"
#include "core/shared.h"
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

/* What load_model passes on. */
typedef struct order {
    const char *path; /* or NULL: it comes from the blobs */
    const wasinn__blobs *blobs;
    const wasinn__wanted *wanted;
    wasinn__attempt *attempt;
    wasinn__store *store;
} order;

/* What was compiled before is looked for, and what is compiled now is kept. */
static void keep_compiled(wasinn__graph *graph, wasinn__store *store, const wasinn_loaded *loaded) {
    if (loaded->from_store) {
        graph->compiled = store->found;
        store->found = NULL;
    } else if (loaded->may_be_saved) {
        graph->saving = wasinn__store_save(store, graph->backend, graph->model);
    }
}

static wasinn_status load_model(wasinn__graph *graph, const order *order, wasinn_loaded *loaded,
                                wasinn_message *message) {
    const wasinn__backend *backend = graph->backend;
    const wasinn__wanted *wanted = order->wanted;
    wasinn_source source = {sizeof source, order->path ? WASINN_SOURCE_PATH : WASINN_SOURCE_BLOBS,
                            order->blobs->list, order->blobs->count, order->path};
    wasinn_load_request request = {.struct_size = sizeof request,
                                   .source = &source,
                                   .encoding = wanted->encoding,
                                   .target = wanted->target,
                                   .stopped = stopped,
                                   .stopped_data = order->attempt,
                                   .profile = graph->profiled};
    wasinn_model_store store = {sizeof store, order->store, wasinn__store_find};
    wasinn_option *options;
    wasinn_status status =
        wasinn__options_merge(wanted->options, wanted->option_count, backend->options, backend->option_count,
                              &options, &request.option_count, message);
    if (status != WASINN_OK)
        return status;
    request.options = options;
    if (order->store->cache)
        request.store = &store;
    status = wasinn__dispatch_load(graph->backend, &request, loaded, message);
    if (!wasinn__store_confirm(order->store)) {
        if (status == WASINN_OK)
            backend->table->unload(loaded->model);
        message->text[0] = '\0';
        *loaded = (wasinn_loaded){.struct_size = sizeof *loaded};
        status = wasinn__dispatch_load(graph->backend, &request, loaded, message);
    }
    wasinn__options_free(options, request.option_count);
    if (status != WASINN_OK)
        return status;
    graph->model = loaded->model;
    graph->bytes = loaded->bytes;
    if (loaded->keeps_blobs)
        graph->bytes += wasinn__blobs_bytes(order->blobs->list, order->blobs->count);
    keep_compiled(graph, order->store, loaded);
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

static wasinn_status load_and_describe(wasinn__graph *graph, const order *order, wasinn_loaded *loaded,
                                       wasinn_message *message) {
    wasinn_status status = load_model(graph, order, loaded, message);
    if (status == WASINN_OK)
        status = read_ports(graph, WASINN_INPUT, message);
    if (status == WASINN_OK)
        status = read_ports(graph, WASINN_OUTPUT, message);
    if (status == WASINN_OK && wasinn__stopped(order->attempt))
        status = WASINN_TIMEOUT;
    return status;
}

wasinn_status wasinn__graph_load(wasinn__registry *registry, const wasinn__origin *origin,
                                 const wasinn__wanted *wanted, wasinn__attempt *attempt,
                                 wasinn__graph **graph, wasinn_message *message) {
    wasinn__blobs none = {0}, *blobs = origin->held ? origin->held : &none;
    wasinn__store store = {0};
    const order order = {origin->path, blobs, wanted, attempt, &store};
    wasinn__backend *backend;
    wasinn_loaded loaded = {.struct_size = sizeof loaded};
    attempt->saw_host = true;
    wasinn_status status = wasinn__registry_open(registry, wanted, &attempt->cause, &backend, message);
    if (status != WASINN_OK)
        return status;
    uint64_t begin = wasinn__observe_begin(&attempt->cause);
    attempt->saw_host = origin->name != NULL;
    wasinn__graph *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a graph");
    atomic_init(&made->references, 1);
    made->backend = backend;
    made->profiled = wasinn__profiled(&attempt->cause);
    if (origin->path && registry->cache && wasinn__dispatch_saves(backend))
        store = (wasinn__store){.cache = registry->cache, .backend = backend, .label = origin->path};
    status = load_and_describe(made, &order, &loaded, message);
    if (status == WASINN_TIMEOUT)
        wasinn__say_stopped(attempt, message);
    if (status != WASINN_OK) {
        wasinn__graph_release(made);
        wasinn__store_clear(&store);
        return status;
    }
    wasinn__store_clear(&store);
    if (loaded.keeps_blobs) {
        made->blobs = *blobs;
        *blobs = (wasinn__blobs){0};
    } else if (origin->name) {
        wasinn__blobs_free(blobs);
    }
    wasinn__observe_model(&attempt->cause, origin->name,
                          loaded.from_store ? WASINN__CACHED : WASINN__COMPILED, made->bytes, begin);
    *graph = made;
    return WASINN_OK;
}

void wasinn__graph_retain(wasinn__graph *graph) {
    atomic_fetch_add(&graph->references, 1);
}

void wasinn__graph_release(wasinn__graph *graph) {
    if (!graph || atomic_fetch_sub(&graph->references, 1) != 1)
        return;
    if (graph->owner)
        graph->owner->held_bytes -= graph->bytes;
    if (graph->of) {
        wasinn__graph_release(graph->of);
        wasinn__shared_release(graph->shared);
        wasinn__free(graph);
        return;
    }
    wasinn__free(graph->ports[WASINN_INPUT]);
    wasinn__free(graph->ports[WASINN_OUTPUT]);
    wasinn__saving_end(graph->saving);
    if (graph->model)
        graph->backend->table->unload(graph->model);
    wasinn_cache_release(graph->compiled);
    wasinn__blobs_free(&graph->blobs);
    wasinn__free(graph);
}
