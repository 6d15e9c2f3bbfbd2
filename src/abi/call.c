#include "abi/call.h"

#include "core/guest.h"

/* The errno of wasi-nn.witx ($nn_errno). */
static uint32_t errno_of(wasinn_status status) {
    switch (status) {
    case WASINN_OK:
        return 0;
    case WASINN_INVALID_ARGUMENT:
    case WASINN_INVALID_HANDLE:
    case WASINN_SECURITY:
        return 1;
    case WASINN_INVALID_ENCODING:
        return 2;
    case WASINN_MISSING_MEMORY:
        return 3;
    case WASINN_BUSY:
        return 4;
    case WASINN_RUNTIME_ERROR:
    case WASINN_TIMEOUT:
        return 5;
    case WASINN_UNSUPPORTED_OPERATION:
        return 6;
    case WASINN_TOO_LARGE:
        return 7;
    case WASINN_NOT_FOUND:
        return 8;
    }
    return 5;
}

static wasinn_status run(wasinn__call *call, wasinn__call_fn fn) {
    wasinn_status status;
    if (call->memory->base)
        status = fn(call);
    else
        status =
            wasinn__guest_fail(call->guest, WASINN_MISSING_MEMORY,
                               "the guest exports no memory named 'memory', or shares it between threads");
    if (call->trap)
        return WASINN_INVALID_ARGUMENT;
    if (status != WASINN_OK)
        wasinn__guest_report(call->guest, call->name, status);
    call->values[0] = errno_of(status);
    return status;
}

static void run_observed(wasinn__call *call, wasinn__call_fn fn) {
    const wasinn__cause cause = {&call->guest->host->observer, call->guest};
    uint64_t begin = wasinn__observe_begin(&cause);
    wasinn_status status = run(call, fn);
    wasinn__observe_call(&cause, call->name, status, status == WASINN_OK ? call->bytes : 0, begin);
}

const char *wasinn__call_run(wasinn_guest *guest, const wasinn_memory *memory, uint64_t *values,
                             const char *name, wasinn__call_fn fn) {
    wasinn__call call = {guest, memory, values, name, NULL, 0};
    if (guest->host->observer.tell)
        run_observed(&call, fn);
    else
        run(&call, fn);
    return call.trap;
}

bool wasinn__call_range(wasinn__call *call, const char *what, uint64_t address, uint64_t size,
                        uint8_t **pointer) {
    if (wasinn__guest_range(call->memory, address, size, pointer))
        return true;
    wasinn__guest_fail(call->guest, WASINN_INVALID_ARGUMENT,
                       "%s: %s at address %llu, %llu bytes, outside the guest's memory of %llu bytes",
                       call->name, what, (unsigned long long)address, (unsigned long long)size,
                       (unsigned long long)call->memory->size);
    call->trap = wasinn_guest_last_error(call->guest);
    return false;
}
