#include "core/handle.h"

#include <string.h>

#include "core/memory.h"

#define SLOT(handle) ((handle) & (WASINN__SLOT_LIMIT - 1))
#define GENERATION(handle) (((handle) >> WASINN__SLOT_BITS) & (WASINN__GENERATION_LIMIT - 1))
#define KIND(handle) ((wasinn__kind)((handle) >> (WASINN__SLOT_BITS + WASINN__GENERATION_BITS)))

wasinn_status wasinn__handles_reserve(wasinn__handles *handles) {
    if (handles->first_free != 0 || handles->count < handles->capacity)
        return WASINN_OK;
    if (handles->capacity == WASINN__SLOT_LIMIT)
        return WASINN_BUSY;
    uint32_t capacity = handles->capacity ? 2 * handles->capacity : 16;
    wasinn__slot *slots = wasinn__alloc(capacity, sizeof *slots);
    if (!slots)
        return WASINN_TOO_LARGE;
    if (handles->count > 0)
        memcpy(slots, handles->slots, handles->count * sizeof *slots);
    wasinn__free(handles->slots);
    handles->slots = slots;
    handles->capacity = capacity;
    return WASINN_OK;
}

wasinn_handle wasinn__handles_put(wasinn__handles *handles, wasinn__kind kind, void *object) {
    uint32_t number;
    if (handles->first_free != 0) {
        number = handles->first_free - 1;
        handles->first_free = handles->slots[number].next_free;
    } else {
        number = handles->count++;
    }
    wasinn__slot *slot = &handles->slots[number];
    slot->object = object;
    slot->kind = kind;
    return number | slot->generation << WASINN__SLOT_BITS |
           (uint32_t)kind << (WASINN__SLOT_BITS + WASINN__GENERATION_BITS);
}

wasinn__kind wasinn__handles_kind(const wasinn__handles *handles, wasinn_handle handle) {
    uint32_t number = SLOT(handle);
    if (number >= handles->count)
        return WASINN__KIND_NONE;
    const wasinn__slot *slot = &handles->slots[number];
    if (!slot->object || slot->generation != GENERATION(handle) || slot->kind != KIND(handle))
        return WASINN__KIND_NONE;
    return slot->kind;
}

void *wasinn__handles_get(const wasinn__handles *handles, wasinn_handle handle, wasinn__kind kind) {
    return wasinn__handles_kind(handles, handle) == kind ? handles->slots[SLOT(handle)].object : NULL;
}

wasinn__slot wasinn__handles_remove(wasinn__handles *handles, wasinn_handle handle) {
    uint32_t number = SLOT(handle);
    wasinn__slot *slot = &handles->slots[number], removed = *slot;
    slot->object = NULL;
    slot->generation++;
    if (slot->generation < WASINN__GENERATION_LIMIT) {
        slot->next_free = handles->first_free;
        handles->first_free = number + 1;
    }
    return removed;
}

void wasinn__handles_free(wasinn__handles *handles) {
    wasinn__free(handles->slots);
    memset(handles, 0, sizeof *handles);
}
