/* One call of an imported function: what all rows share. */
#ifndef WASINN_ABI_CALL_H
#define WASINN_ABI_CALL_H

#include "abi/guestmem.h"

typedef struct wasinn__call {
    wasinn_guest *guest;
    const wasinn_memory *memory;
    uint64_t *values;
    const char *name;
    const char *trap; /* set: the guest must end with this text */
    uint64_t bytes;   /* that were copied between guest and host; counts where the call succeeds */
} wasinn__call;

typedef wasinn_status (*wasinn__call_fn)(wasinn__call *call);

/* Runs `fn` unless there is no memory, reports a failure to the host's log, and writes the errno. */
const char *wasinn__call_run(wasinn_guest *guest, const wasinn_memory *memory, uint64_t *values,
                             const char *name, wasinn__call_fn fn);

/* A guest range as a pointer. False: `what` lies outside memory, and the call has a trap. */
bool wasinn__call_range(wasinn__call *call, const char *what, uint64_t address, uint64_t size,
                        uint8_t **pointer);

static inline uint32_t wasinn__parameter(const wasinn__call *call, int index) {
    return (uint32_t)call->values[index];
}

/* Defines name_row, the row's code, around a wasinn__call_fn of that name. */
#define WASINN__ROW(name)                                                                                    \
    static const char *name##_row(wasinn_guest *guest, const wasinn_memory *memory, uint64_t *values) {      \
        return wasinn__call_run(guest, memory, values, #name, name);                                         \
    }

#endif
