/* A guest's handles: small numbers that stand for its graphs and executions.
 *
 * A handle is slot | generation << 16 | kind << 29, bit 31 clear. No kind is 0, so neither is a handle. A
 * slot whose generation would wrap is retired, so a closed handle is never accepted again. */
#ifndef WASINN_CORE_HANDLE_H
#define WASINN_CORE_HANDLE_H

#include "wasinn/wasinn.h"

typedef enum wasinn__kind { WASINN__KIND_NONE = 0, WASINN__KIND_GRAPH, WASINN__KIND_EXECUTION } wasinn__kind;

#define WASINN__SLOT_BITS 16
#define WASINN__GENERATION_BITS 13
#define WASINN__SLOT_LIMIT (1u << WASINN__SLOT_BITS)
#define WASINN__GENERATION_LIMIT (1u << WASINN__GENERATION_BITS)

typedef struct wasinn__slot {
    void *object; /* NULL: free or retired */
    uint32_t generation;
    uint32_t next_free; /* slot number + 1; 0 ends the list */
    wasinn__kind kind;
} wasinn__slot;

typedef struct wasinn__handles {
    wasinn__slot *slots;
    uint32_t count, capacity;
    uint32_t first_free; /* slot number + 1 */
} wasinn__handles;

/* Makes sure that the next put succeeds. busy: every slot is in use or retired; too_large: no memory. */
wasinn_status wasinn__handles_reserve(wasinn__handles *handles);
/* After a reserve that succeeded. `object` is not NULL. */
wasinn_handle wasinn__handles_put(wasinn__handles *handles, wasinn__kind kind, void *object);
/* NULL: stale, forged or of another kind. */
void *wasinn__handles_get(const wasinn__handles *handles, wasinn_handle handle, wasinn__kind kind);
/* WASINN__KIND_NONE: stale or forged. */
wasinn__kind wasinn__handles_kind(const wasinn__handles *handles, wasinn_handle handle);
/* Frees the slot of a valid handle and returns it as it was. */
wasinn__slot wasinn__handles_remove(wasinn__handles *handles, wasinn_handle handle);
void wasinn__handles_free(wasinn__handles *handles);

#endif
