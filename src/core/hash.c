#include "core/hash.h"

#include <sys/random.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/crew.h"

void wasinn__digest_of(const wasinn_blob *runs, size_t count, wasinn__digest *digest) {
    XXH3_state_t state;
    XXH128_canonical_t hash;
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < count; i++)
        XXH3_128bits_update(&state, runs[i].data, runs[i].size);
    XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(&state));
    memcpy(digest, &hash, sizeof *digest);
}

/* ---- Slices ----------------------------------------------------------------------------------------- */

typedef struct slices {
    const wasinn_blob *bytes;
    size_t first;
    wasinn__digest *digests;
} slices;

size_t wasinn__slices(size_t size) {
    return size == 0 ? 1 : (size - 1) / WASINN__SLICE + 1;
}

static void digest_one(void *data, size_t i) {
    const slices *slices = data;
    size_t at = (slices->first + i) * WASINN__SLICE, left = slices->bytes->size - at;
    wasinn_blob slice = {(const char *)slices->bytes->data + at, left < WASINN__SLICE ? left : WASINN__SLICE};
    wasinn__digest_of(&slice, 1, &slices->digests[i]);
}

void wasinn__digest_slices(const wasinn_blob *bytes, size_t first, size_t count, unsigned threads,
                           wasinn__digest *digests) {
    wasinn__crew_run(count, threads, digest_one, &(slices){bytes, first, digests});
}

/* ---- Samples ---------------------------------------------------------------------------------------- */

enum { SMALL = 1 << 20, SAMPLES = 64, SAMPLE = 256 };

uint64_t wasinn__random(void) {
    uint64_t number;
    struct timespec now;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) == (ssize_t)sizeof number)
        return number;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return XXH3_64bits(&now, sizeof now) ^ (uint64_t)(uintptr_t)&number;
}

/* The whole of a small blob; of a large one its ends, and places between that the seed decides. */
static uint64_t sample_one(const wasinn_blob *blob, uint64_t hash) {
    const char *bytes = blob->data;
    size_t size = blob->size;
    if (size <= SMALL)
        return XXH3_64bits_withSeed(bytes, size, hash);
    uint64_t found = XXH3_64bits_withSeed(bytes, SAMPLE, hash);
    found = XXH3_64bits_withSeed(bytes + size - SAMPLE, SAMPLE, found);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        uint64_t place = XXH3_64bits_withSeed(&i, sizeof i, hash);
        found = XXH3_64bits_withSeed(bytes + place % (size - SAMPLE), SAMPLE, found);
    }
    return found;
}

uint64_t wasinn__sample(const wasinn_blob *blobs, size_t count, uint64_t seed) {
    uint64_t hash = seed;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = blobs[i].size;
        hash = XXH3_64bits_withSeed(&size, sizeof size, hash);
        hash = sample_one(&blobs[i], hash);
    }
    return hash;
}
