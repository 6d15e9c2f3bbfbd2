/* Hashes: to tell whether bytes are what they were, and to find bytes that may be the same. */
#ifndef WASINN_CORE_HASH_H
#define WASINN_CORE_HASH_H

#include <stdint.h>

#include "wasinn/wasinn.h"

/* Of 128 bits; not a secret, and none is needed: nobody but the user writes what it is compared with. */
typedef struct wasinn__digest {
    uint8_t bytes[16];
} wasinn__digest;

/* Of several runs of bytes, one after the other. */
void wasinn__digest_of(const wasinn_blob *runs, size_t count, wasinn__digest *digest);
/* What may be large is digested in slices, so that several threads share the work, and some can be looked at
 * before the others. */
enum { WASINN__SLICE = 8 << 20 };
/* At least one. */
size_t wasinn__slices(size_t size);
/* Of slices first to first + count - 1; `digests` is that of the first of them. With `threads` of 0, of as
 * many as there are cores. */
void wasinn__digest_slices(const wasinn_blob *bytes, size_t first, size_t count, unsigned threads,
                           wasinn__digest *digests);

/* A number that is hard to guess. */
uint64_t wasinn__random(void);
/* Of sizes and of some bytes here and there, which nobody can foresee who does not know the seed: the same
 * for what is the same, and most likely another one for what is not. */
uint64_t wasinn__sample(const wasinn_blob *blobs, size_t count, uint64_t seed);

#endif
