/* Module `wasinn`: what this host offers beyond the specification. */
#include <string.h>

#include "abi/call.h"
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
    if (length > 0 && capacity > 0)
        memcpy(buffer, text, length < capacity ? length : capacity);
    wasinn__write_u32(result, (uint32_t)length);
    return WASINN_OK;
}

/* close(handle): closes a graph or an execution context. */
static wasinn_status close(wasinn__call *call) {
    return wasinn_close(call->guest, wasinn__parameter(call, 0));
}

WASINN__ROW(last_error)
WASINN__ROW(close)

static const wasinn_import rows[] = {
    {"wasinn", "last_error", "(iii)i", last_error_row},
    {"wasinn", "close", "(i)i", close_row},
};

const wasinn__table wasinn__extension_table = {rows, sizeof rows / sizeof *rows};
