/* The parts of a model as bytes: looked at as they came from outside, and copied, once. */
#ifndef WASINN_CORE_BLOBS_H
#define WASINN_CORE_BLOBS_H

#include "wasinn/backend.h"

/* Our own copies, each followed by a byte 0. All zero: none. */
typedef struct wasinn__blobs {
    wasinn_blob *list;
    size_t count;
} wasinn__blobs;

/* Whether there is anything at all, and nothing of it is NULL. */
wasinn_status wasinn__blobs_check(const wasinn_blob *blobs, size_t count, wasinn_message *message);
uint64_t wasinn__blobs_bytes(const wasinn_blob *blobs, size_t count);

wasinn_status wasinn__blobs_copy(const wasinn_blob *blobs, size_t count, wasinn__blobs *copies,
                                 wasinn_message *message);
/* Leaves none. */
void wasinn__blobs_free(wasinn__blobs *copies);

#endif
