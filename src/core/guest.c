#include "core/guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/execution.h"
#include "core/memory.h"
#include "core/names.h"
#include "wasinn/engine.h"

wasinn_status wasinn_guest_new(wasinn_host *host, wasinn_guest **guest) {
    wasinn_guest *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory for a guest");
    atomic_init(&made->references, 1);
    made->host = host;
    made->limits = host->limits;
    made->numbering = host->numbering;
    atomic_init(&made->interrupted, false);
    wasinn_host_retain(host);
    *guest = made;
    return WASINN_OK;
}

static void close_slot(wasinn_guest *guest, wasinn__slot *slot) {
    if (slot->kind == WASINN__KIND_EXECUTION) {
        wasinn__execution_free(guest, slot->object);
        guest->executions--;
    } else {
        wasinn__graph_release(slot->object);
        guest->graphs--;
    }
}

void wasinn_guest_retain(wasinn_guest *guest) {
    atomic_fetch_add(&guest->references, 1);
}

void wasinn_guest_free(wasinn_guest *guest) {
    if (!guest || atomic_fetch_sub(&guest->references, 1) != 1)
        return;
    for (uint32_t i = 0; i < guest->handles.count; i++)
        if (guest->handles.slots[i].object)
            close_slot(guest, &guest->handles.slots[i]);
    wasinn__handles_free(&guest->handles);
    wasinn_host_free(guest->host);
    wasinn__free(guest);
}

wasinn_status wasinn_close(wasinn_guest *guest, wasinn_handle handle) {
    wasinn__guest_begin(guest);
    if (wasinn__handles_kind(&guest->handles, handle) == WASINN__KIND_NONE)
        return wasinn__guest_fail(guest, WASINN_INVALID_HANDLE, "%u is not a handle of this guest", handle);
    wasinn__slot slot = wasinn__handles_remove(&guest->handles, handle);
    close_slot(guest, &slot);
    return WASINN_OK;
}

wasinn_status wasinn_guest_set_limits(wasinn_guest *guest, const wasinn_limits *limits) {
    return wasinn__limits_set(&guest->limits, limits);
}

wasinn_status wasinn_guest_set_numbering(wasinn_guest *guest, wasinn_numbering numbering) {
    if ((unsigned)numbering >= WASINN__NUMBERINGS)
        return wasinn_host_fail(WASINN_INVALID_ARGUMENT, "numbering %u is unknown", (unsigned)numbering);
    guest->numbering = numbering;
    return WASINN_OK;
}

const char *wasinn_guest_last_error(const wasinn_guest *guest) {
    return guest->error;
}

const char *wasinn__guest_shown_error(const wasinn_guest *guest) {
    return guest->error_is_hosts ? "the host could not load it; the host's log says why" : guest->error;
}

void wasinn_guest_interrupt(wasinn_guest *guest) {
    atomic_store(&guest->interrupted, true);
    wasinn__watchdog_fire(&guest->host->watchdog, &guest->watch);
}

void wasinn_guest_resume(wasinn_guest *guest) {
    atomic_store(&guest->interrupted, false);
}

wasinn_message wasinn__guest_begin(wasinn_guest *guest) {
    guest->raw[0] = '\0';
    return (wasinn_message){guest->raw, sizeof guest->raw};
}

wasinn_status wasinn__guest_end(wasinn_guest *guest, wasinn_status status) {
    if (status != WASINN_OK) {
        wasinn_escape(guest->raw, strlen(guest->raw), guest->error, sizeof guest->error);
        guest->error_is_hosts = false;
    }
    return status;
}

wasinn_status wasinn__guest_fail(wasinn_guest *guest, wasinn_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(guest->raw, sizeof guest->raw, format, arguments);
    va_end(arguments);
    return wasinn__guest_end(guest, status);
}

wasinn_status wasinn__guest_room(wasinn_guest *guest, const char *what, uint64_t open, uint64_t limit,
                                 wasinn_message *message) {
    if (limit == 0)
        return wasinn_refuse(message, WASINN_BUSY, "%s: the limit is 0, none is allowed", what);
    if (open >= limit)
        return wasinn_refuse(message, WASINN_BUSY, "%s: %llu, the limit; use one that is, or close one", what,
                             (unsigned long long)open);
    wasinn_status status = wasinn__handles_reserve(&guest->handles);
    if (status != WASINN_OK)
        return wasinn_refuse(message, status, "no room for another handle");
    return WASINN_OK;
}

void wasinn__guest_report(wasinn_guest *guest, const char *call, wasinn_status status) {
    char line[sizeof guest->error + 64];
    if (!guest->host->log)
        return;
    snprintf(line, sizeof line, "%s: %s: %s", call, wasinn_status_name(status), guest->error);
    guest->host->log(guest->host->log_data, guest, line);
}

wasinn__attempt wasinn__guest_attempt(const wasinn_guest *guest) {
    return (wasinn__attempt){.deadline = wasinn__deadline(guest->limits.load_ms),
                             .interrupted = &guest->interrupted,
                             .cause = {&guest->host->observer, guest}};
}
