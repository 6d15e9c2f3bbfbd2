/* Loading: from a guest's bytes, or by a registered name; and what a graph takes and gives. */
#include <stdio.h>
#include <string.h>

#include "core/guest.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "core/text.h"

static wasinn_status end(wasinn_guest *guest, const wasinn__attempt *attempt, wasinn_status status) {
    wasinn__guest_end(guest, status);
    if (status != WASINN_OK && status != WASINN_TIMEOUT)
        guest->error_is_hosts = attempt->saw_host;
    return status;
}

static wasinn_status room_for_graph(wasinn_guest *guest, wasinn_message *message) {
    if (atomic_load(&guest->interrupted))
        return wasinn_refuse(message, WASINN_TIMEOUT, "the guest was interrupted");
    return wasinn__guest_room(guest, "graphs loaded", guest->graphs, guest->limits.graphs, message);
}

static wasinn_status within_limits(wasinn_guest *guest, uint64_t bytes, wasinn_message *message) {
    const wasinn_limits *limits = &guest->limits;
    if (limits->model_bytes == 0)
        return wasinn_refuse(message, WASINN_SECURITY, "this host takes no models from guests, only names");
    if (bytes > limits->model_bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "the model has %llu bytes; the limit is %llu",
                             (unsigned long long)bytes, (unsigned long long)limits->model_bytes);
    if (guest->held_bytes > limits->total_bytes || bytes > limits->total_bytes - guest->held_bytes)
        return wasinn_refuse(message, WASINN_TOO_LARGE,
                             "the guest holds %llu bytes and asks for %llu more; the limit is %llu",
                             (unsigned long long)guest->held_bytes, (unsigned long long)bytes,
                             (unsigned long long)limits->total_bytes);
    return WASINN_OK;
}

static void put_graph(wasinn_guest *guest, wasinn__graph *made, wasinn_handle *graph) {
    *graph = wasinn__handles_put(&guest->handles, WASINN__KIND_GRAPH, made);
    guest->graphs++;
}

static wasinn_status load(wasinn_guest *guest, const wasinn_blob *blobs, size_t count,
                          wasinn_encoding encoding, wasinn_target target, wasinn__attempt *attempt,
                          wasinn_handle *graph, wasinn_message *message) {
    wasinn_source source = {.kind = WASINN_SOURCE_BLOBS, .blobs = blobs, .blob_count = count};
    wasinn__wanted wanted = {.encoding = encoding, .target = target};
    wasinn__registry *registry = &guest->host->registry;
    wasinn__graph *made;
    wasinn_status status = wasinn__blobs_check(blobs, count, message);
    if (status != WASINN_OK)
        return status;
    status = room_for_graph(guest, message);
    if (status == WASINN_OK)
        status = wasinn__registry_settle(registry, &source, &wanted, message);
    if (status == WASINN_OK)
        status = within_limits(guest, wasinn__blobs_bytes(blobs, count), message);
    if (status == WASINN_OK)
        status =
            wasinn__shared_load(&guest->host->shared, registry, &source, &wanted, attempt, &made, message);
    if (status != WASINN_OK)
        return status;
    status = within_limits(guest, made->bytes, message);
    if (status != WASINN_OK) {
        wasinn__graph_release(made);
        return status;
    }
    made->owner = guest;
    guest->held_bytes += made->bytes;
    put_graph(guest, made, graph);
    return WASINN_OK;
}

wasinn_status wasinn_load(wasinn_guest *guest, const wasinn_blob *blobs, size_t count,
                          wasinn_encoding encoding, wasinn_target target, wasinn_handle *graph) {
    wasinn_message message = wasinn__guest_begin(guest);
    wasinn__attempt attempt = wasinn__guest_attempt(guest);
    return end(guest, &attempt, load(guest, blobs, count, encoding, target, &attempt, graph, &message));
}

static wasinn_status load_by_name(wasinn_guest *guest, const char *name, size_t length,
                                  wasinn__attempt *attempt, wasinn_handle *graph, wasinn_message *message) {
    wasinn__graph *shared;
    char shown[256];
    if (!name)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "the model name is NULL");
    wasinn_escape(name, length, shown, sizeof shown);
    if (!wasinn__utf8_valid(name, length))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "the model name '%s' is not UTF-8", shown);
    wasinn__model *model = wasinn__models_find(guest->host->models, name, length);
    if (!model)
        return wasinn_refuse(message, WASINN_NOT_FOUND, "no model is registered as '%s'", shown);
    wasinn_status status = room_for_graph(guest, message);
    if (status == WASINN_OK)
        status = wasinn__model_graph(model, &guest->host->registry, attempt, &shared, message);
    if (status != WASINN_OK)
        return status;
    put_graph(guest, shared, graph);
    return WASINN_OK;
}

wasinn_status wasinn_load_by_name(wasinn_guest *guest, const char *name, size_t length,
                                  wasinn_handle *graph) {
    wasinn_message message = wasinn__guest_begin(guest);
    wasinn__attempt attempt = wasinn__guest_attempt(guest);
    return end(guest, &attempt, load_by_name(guest, name, length, &attempt, graph, &message));
}

/* The graph, and which of its two lists of ports: a number that is neither may come from another language. */
static wasinn_status find_graph(wasinn_guest *guest, wasinn_handle handle, wasinn_direction direction,
                                wasinn__graph **graph, int *side) {
    *graph = wasinn__handles_get(&guest->handles, handle, WASINN__KIND_GRAPH);
    *side = direction == WASINN_OUTPUT ? WASINN_OUTPUT : WASINN_INPUT;
    if (!*graph)
        return wasinn__guest_fail(guest, WASINN_INVALID_HANDLE, "%u is not a graph of this guest", handle);
    if (*side != (int)direction)
        return wasinn__guest_fail(guest, WASINN_INVALID_ARGUMENT, "direction %u is unknown",
                                  (unsigned)direction);
    return WASINN_OK;
}

wasinn_status wasinn_graph_port_count(wasinn_guest *guest, wasinn_handle handle, wasinn_direction direction,
                                      uint32_t *count) {
    wasinn__graph *graph;
    int side;
    wasinn_status status = find_graph(guest, handle, direction, &graph, &side);
    if (status == WASINN_OK)
        *count = graph->port_counts[side];
    return status;
}

wasinn_status wasinn_graph_port(wasinn_guest *guest, wasinn_handle handle, wasinn_direction direction,
                                uint32_t index, wasinn_port *port) {
    wasinn__graph *graph;
    int side;
    wasinn_status status = find_graph(guest, handle, direction, &graph, &side);
    if (status != WASINN_OK)
        return status;
    if (index >= graph->port_counts[side])
        return wasinn__guest_fail(guest, WASINN_INVALID_ARGUMENT,
                                  "the graph has %u %ss, there is no number %u", graph->port_counts[side],
                                  wasinn__side_name(direction), index);
    *port = graph->ports[side][index];
    return WASINN_OK;
}

/* The names of a graph's ports, as many as fit. */
static void list_ports(const wasinn__graph *graph, int side, char *text, size_t capacity) {
    size_t used = 0;
    for (uint32_t i = 0; i < graph->port_counts[side] && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%u '%s'", i ? ", " : "", i,
                                 graph->ports[side][i].name);
}

static bool parse_index(const char *name, size_t length, uint32_t *index) {
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (name[i] < '0' || name[i] > '9' || i >= 10)
            return false;
        number = 10 * number + (uint64_t)(name[i] - '0');
    }
    *index = (uint32_t)number;
    return length > 0 && number < UINT32_MAX;
}

wasinn_status wasinn_graph_find_port(wasinn_guest *guest, wasinn_handle handle, wasinn_direction direction,
                                     const char *name, size_t length, uint32_t *index) {
    wasinn__graph *graph;
    uint32_t number;
    int side;
    char shown[256], known[512] = "none";
    wasinn_status status = find_graph(guest, handle, direction, &graph, &side);
    if (status == WASINN_OK && !name)
        status = wasinn__guest_fail(guest, WASINN_INVALID_ARGUMENT, "the name of the %s is NULL",
                                    wasinn__side_name(direction));
    if (status != WASINN_OK)
        return status;
    for (uint32_t i = 0; i < graph->port_counts[side]; i++) {
        const char *one = graph->ports[side][i].name;
        if (strlen(one) == length && length > 0 && memcmp(one, name, length) == 0) {
            *index = i;
            return WASINN_OK;
        }
    }
    if (parse_index(name, length, &number) && number < graph->port_counts[side]) {
        *index = number;
        return WASINN_OK;
    }
    list_ports(graph, side, known, sizeof known);
    return wasinn__guest_fail(guest, WASINN_INVALID_ARGUMENT, "there is no %s '%s'; there is %s",
                              wasinn__side_name(direction), wasinn_escape(name, length, shown, sizeof shown),
                              known);
}
