/* Counting times, and what can be said of them. */
#ifndef WASINN_CLI_BENCH_STATS_H
#define WASINN_CLI_BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Times up to 2^FINE nanoseconds are counted each for itself, longer ones with 0.1 %. */
    WASINN__HISTOGRAM_FINE = 11,
    WASINN__HISTOGRAM_OCTAVES = 33,
    WASINN__HISTOGRAM_CELLS = (1 << WASINN__HISTOGRAM_FINE) +
        WASINN__HISTOGRAM_OCTAVES * (1 << (WASINN__HISTOGRAM_FINE - 1))
};

/* Times in nanoseconds. It has one size however many there are. */
typedef struct wasinn__histogram {
    uint64_t count, least, most;
    uint32_t cells[WASINN__HISTOGRAM_CELLS];
} wasinn__histogram;

void wasinn__histogram_clear(wasinn__histogram *histogram);
void wasinn__histogram_add(wasinn__histogram *histogram, uint64_t time);
void wasinn__histogram_merge(wasinn__histogram *into, const wasinn__histogram *from);
/* The time that this share of all is at most, from 0 to 1; 0 of an empty one. */
double wasinn__histogram_quantile(const wasinn__histogram *histogram, double share);
/* The middle of a cell. */
double wasinn__histogram_time(size_t cell);

/* The middle of a distribution and where it lies with a confidence of 95 %. */
typedef struct wasinn__interval {
    double middle, low, high;
} wasinn__interval;

/* Of the median of `count` numbers, of which there must be 6 at least; they are put in order. It takes
 * nothing for granted of how they are distributed. */
wasinn__interval wasinn__median_interval(double *numbers, size_t count);

#endif
