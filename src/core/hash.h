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
/* Of one that may be large: several threads share the work. Another value than that of the above. False: no
 * memory. */
bool wasinn__digest_of_large(const wasinn_blob *bytes, wasinn__digest *digest);

/* A number that is hard to guess. */
uint64_t wasinn__random(void);
/* Of sizes and of some bytes here and there, which nobody can foresee who does not know the seed: the same
 * for what is the same, and most likely another one for what is not. */
uint64_t wasinn__sample(const wasinn_blob *blobs, size_t count, uint64_t seed);

#endif
