#include "core/blobs.h"

#include <string.h>

#include "core/crew.h"
#include "core/memory.h"

wasinn_status wasinn__blobs_check(const wasinn_blob *blobs, size_t count, wasinn_message *message) {
    if (count == 0)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "no bytes of a model were given");
    if (!blobs)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "the list of %zu blobs is NULL", count);
    for (size_t i = 0; i < count; i++)
        if (!blobs[i].data && blobs[i].size > 0)
            return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "blob %zu of %zu bytes is NULL", i,
                                 blobs[i].size);
    return WASINN_OK;
}

uint64_t wasinn__blobs_bytes(const wasinn_blob *blobs, size_t count) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += blobs[i].size;
    return bytes;
}

/* Most of a large copy is the page faults of fresh memory, which several threads take at once. */
enum { PIECE = 2 << 20 };

typedef struct copying {
    char *to;
    const char *from;
    size_t size;
} copying;

static void copy_piece(void *data, size_t i) {
    const copying *copying = data;
    size_t at = i * PIECE, left = copying->size - at;
    memcpy(copying->to + at, copying->from + at, left < PIECE ? left : PIECE);
}

static void copy_bytes(char *to, const char *from, size_t size) {
    wasinn__crew_run((size - 1) / PIECE + 1, 0, copy_piece, &(copying){to, from, size});
}

wasinn_status wasinn__blobs_copy(const wasinn_blob *blobs, size_t count, wasinn__blobs *copies,
                                 wasinn_message *message) {
    wasinn__blobs made = {wasinn__alloc(count, sizeof *made.list), 0};
    if (!made.list)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for %zu blobs", count);
    for (size_t i = 0; i < count; i++) {
        size_t size = blobs[i].size;
        char *copy = size < SIZE_MAX ? wasinn__alloc_raw(size + 1) : NULL;
        if (!copy) {
            wasinn__blobs_free(&made);
            return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a copy of blob %zu: %zu bytes", i,
                                 size);
        }
        if (size > 0)
            copy_bytes(copy, blobs[i].data, size);
        copy[size] = '\0';
        made.list[i] = (wasinn_blob){copy, size};
        made.count = i + 1;
    }
    *copies = made;
    return WASINN_OK;
}

void wasinn__blobs_free(wasinn__blobs *copies) {
    for (size_t i = 0; i < copies->count; i++)
        wasinn__free((void *)(uintptr_t)copies->list[i].data);
    wasinn__free(copies->list);
    *copies = (wasinn__blobs){0};
}
