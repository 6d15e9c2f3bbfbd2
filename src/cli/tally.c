#include "tally.h"

#include <stdlib.h>

wasinn__tally *wasinn__tally_new(void) {
    return calloc(1, sizeof(wasinn__tally));
}

/* The highest bit that is set; `number` is not 0. */
static unsigned highest(uint64_t number) {
    return 63 - (unsigned)__builtin_clzll(number);
}

static unsigned bucket_of(uint64_t number) {
    if (number < WASINN__TALLY_EXACT)
        return (unsigned)number;
    unsigned bit = highest(number), part = (unsigned)(number >> (bit - 7)) - WASINN__TALLY_BUCKETS;
    return WASINN__TALLY_EXACT + (bit - 8) * WASINN__TALLY_BUCKETS + part;
}

/* The middle of a bucket. */
static uint64_t number_of(unsigned bucket) {
    if (bucket < WASINN__TALLY_EXACT)
        return bucket;
    unsigned power = (bucket - WASINN__TALLY_EXACT) / WASINN__TALLY_BUCKETS, shift = power + 1;
    uint64_t part = (bucket - WASINN__TALLY_EXACT) % WASINN__TALLY_BUCKETS + WASINN__TALLY_BUCKETS;
    return (part << shift) + ((uint64_t)1 << shift) / 2;
}

static uint64_t get(const atomic_uint_fast64_t *number) {
    return atomic_load_explicit(number, memory_order_relaxed);
}

static void add(atomic_uint_fast64_t *number, uint64_t more) {
    atomic_fetch_add_explicit(number, more, memory_order_relaxed);
}

void wasinn__tally_add(wasinn__tally *tally, uint64_t nanoseconds, bool failed, uint64_t bytes) {
    uint_fast64_t least = get(&tally->least), most = get(&tally->most);
    uint64_t marked = nanoseconds < UINT64_MAX ? nanoseconds + 1 : UINT64_MAX;
    while ((least == 0 || marked < least) &&
           !atomic_compare_exchange_weak_explicit(&tally->least, &least, marked, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
    while (nanoseconds > most &&
           !atomic_compare_exchange_weak_explicit(&tally->most, &most, nanoseconds, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
    add(&tally->buckets[bucket_of(nanoseconds)], 1);
    add(&tally->total, nanoseconds);
    if (failed)
        add(&tally->failed, 1);
    if (bytes > 0)
        add(&tally->bytes, bytes);
    add(&tally->count, 1);
}

uint64_t wasinn__tally_least(const wasinn__tally *tally) {
    uint64_t marked = get(&tally->least);
    return marked > 0 ? marked - 1 : 0;
}

uint64_t wasinn__tally_most(const wasinn__tally *tally) {
    return get(&tally->most);
}

uint64_t wasinn__tally_percentile(const wasinn__tally *tally, unsigned percent) {
    uint64_t count = 0, seen = 0, least = wasinn__tally_least(tally), most = wasinn__tally_most(tally);
    for (unsigned i = 0; i < WASINN__TALLY_SIZE; i++)
        count += get(&tally->buckets[i]);
    if (count == 0)
        return 0;
    /* The number of those that are needed, rounded up, without overflow. */
    uint64_t wanted = count / 100 * percent + (count % 100 * percent + 99) / 100;
    for (unsigned i = 0; i < WASINN__TALLY_SIZE; i++) {
        seen += get(&tally->buckets[i]);
        if (seen >= wanted && seen > 0) {
            uint64_t middle = number_of(i);
            return middle < least ? least : middle > most ? most : middle;
        }
    }
    return most;
}
