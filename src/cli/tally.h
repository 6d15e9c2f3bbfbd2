/* How often something happened and how long it took, in memory of a fixed size. Any number of threads add;
 * who reads meanwhile sees some moment or other. */
#ifndef WASINN_CLI_TALLY_H
#define WASINN_CLI_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Numbers below EXACT have a bucket each. From there on each power of two is cut into BUCKETS of equal width,
 * and the middle of a bucket stands for what is in it: it is off by at most half a bucket, 1 / EXACT of the
 * number. */
enum {
    WASINN__TALLY_EXACT = 256,
    WASINN__TALLY_BUCKETS = WASINN__TALLY_EXACT / 2,
    WASINN__TALLY_SIZE = WASINN__TALLY_EXACT + (64 - 8) * WASINN__TALLY_BUCKETS
};

typedef struct wasinn__tally {
    atomic_uint_fast64_t count, failed, total, bytes;
    atomic_uint_fast64_t least, most; /* least: plus 1, so that 0 is none */
    atomic_uint_fast64_t buckets[WASINN__TALLY_SIZE];
} wasinn__tally;

/* NULL: no memory. Free it with free(). */
wasinn__tally *wasinn__tally_new(void);
void wasinn__tally_add(wasinn__tally *tally, uint64_t nanoseconds, bool failed, uint64_t bytes);

/* The least and the greatest, exactly; 0 where there is none. */
uint64_t wasinn__tally_least(const wasinn__tally *tally);
uint64_t wasinn__tally_most(const wasinn__tally *tally);
/* The least number that `percent` of all do not exceed, within 1 / EXACT of it; 0 where there is none. */
uint64_t wasinn__tally_percentile(const wasinn__tally *tally, unsigned percent);

#endif
