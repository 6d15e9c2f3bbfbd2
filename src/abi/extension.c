/* Module `wasinn`: what this host offers beyond the specification. */
#include <string.h>

#include "abi/infer.h"
#include "abi/tables.h"
#include "core/guest.h"

/* last_error(buffer, capacity, length_out): copies as much of the last error's text as fits, without a NUL,
 * and writes the length of the whole text; 0 when no call has failed. */
static wasinn_status last_error(wasinn__call *call) {
    const char *text = wasinn__guest_shown_error(call->guest);
    size_t length = strlen(text), capacity = wasinn__parameter(call, 1);
    uint8_t *buffer, *result;
    if (!wasinn__call_range(call, "the buffer", wasinn__parameter(call, 0), capacity, &buffer) ||
        !wasinn__call_range(call, "the length", wasinn__parameter(call, 2), 4, &result))
        return WASINN_INVALID_ARGUMENT;
    call->bytes = length < capacity ? length : capacity;
    if (call->bytes > 0)
        memcpy(buffer, text, call->bytes);
    wasinn__write_u32(result, (uint32_t)length);
    return WASINN_OK;
}

/* close(handle): closes a graph or an execution context. */
static wasinn_status close(wasinn__call *call) {
    return wasinn_close(call->guest, wasinn__parameter(call, 0));
}

/* find_port(graph, direction, name, length, index_out): the index of an input (direction 0) or output (1), by
 * its name or by its number in decimal digits. */
static wasinn_status find_port(wasinn__call *call) {
    uint32_t length = wasinn__parameter(call, 3), index;
    uint8_t *name, *result;
    if (!wasinn__call_range(call, "the name", wasinn__parameter(call, 2), length, &name) ||
        !wasinn__call_range(call, "the index", wasinn__parameter(call, 4), 4, &result))
        return WASINN_INVALID_ARGUMENT;
    wasinn_status status = wasinn_graph_find_port(call->guest, wasinn__parameter(call, 0),
                                                  (wasinn_direction)wasinn__parameter(call, 1),
                                                  (const char *)name, length, &index);
    call->bytes = length;
    if (status == WASINN_OK)
        wasinn__write_u32(result, index);
    return status;
}

static wasinn_status infer(wasinn__call *call) {
    return wasinn__infer_call(call);
}

WASINN__ROW(last_error)
WASINN__ROW(close)
WASINN__ROW(find_port)
WASINN__ROW(infer)

static const wasinn_import rows[] = {
    {"wasinn", "last_error", "(iii)i", last_error_row},
    {"wasinn", "close", "(i)i", close_row},
    {"wasinn", "find_port", "(iiiii)i", find_port_row},
    {"wasinn", "infer", "(iiiii)i", infer_row},
};

const wasinn__table wasinn__extension_table = {rows, sizeof rows / sizeof *rows};
