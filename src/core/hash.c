#include "core/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/memory.h"

void wasinn__digest_of(const wasinn_blob *runs, size_t count, wasinn__digest *digest) {
    XXH3_state_t state;
    XXH128_canonical_t hash;
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < count; i++)
        XXH3_128bits_update(&state, runs[i].data, runs[i].size);
    XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(&state));
    memcpy(digest, &hash, sizeof *digest);
}

/* ---- Large ones: the digest of the digests of their slices ------------------------------------------ */

enum { SLICE = 8 << 20, THREADS = 4 };

typedef struct work {
    const wasinn_blob *bytes;
    size_t slices;
    wasinn__digest *digests;
    atomic_size_t next;
} work;

static void *digest_slices(void *data) {
    work *work = data;
    for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->slices;) {
        size_t at = i * SLICE, left = work->bytes->size - at;
        wasinn_blob slice = {(const char *)work->bytes->data + at, left < SLICE ? left : SLICE};
        wasinn__digest_of(&slice, 1, &work->digests[i]);
    }
    return NULL;
}

static size_t helpers_for(size_t slices) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = cores < 1 ? 1 : cores > THREADS ? THREADS : (size_t)cores;
    return (slices < most ? slices : most) - 1;
}

bool wasinn__digest_of_large(const wasinn_blob *bytes, wasinn__digest *digest) {
    pthread_t threads[THREADS];
    size_t started = 0;
    work work = {.bytes = bytes, .slices = bytes->size / SLICE + 1};
    work.digests = wasinn__alloc(work.slices, sizeof *work.digests);
    if (!work.digests)
        return false;
    atomic_init(&work.next, 0);
    size_t helpers = helpers_for(work.slices);
    while (started < helpers && pthread_create(&threads[started], NULL, digest_slices, &work) == 0)
        started++;
    digest_slices(&work);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    wasinn_blob all = {work.digests, work.slices * sizeof *work.digests};
    wasinn__digest_of(&all, 1, digest);
    wasinn__free(work.digests);
    return true;
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
