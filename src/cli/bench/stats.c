#include "stats.h"

#include <stdlib.h>
#include <string.h>

enum { FINE = 1 << WASINN__HISTOGRAM_FINE, HALF = FINE / 2 };

void wasinn__histogram_clear(wasinn__histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
}

/* Above FINE each octave has HALF cells. */
static size_t cell_of(uint64_t time) {
    if (time < FINE)
        return (size_t)time;
    int octave = 63 - __builtin_clzll(time) - WASINN__HISTOGRAM_FINE + 1;
    if (octave > WASINN__HISTOGRAM_OCTAVES)
        return WASINN__HISTOGRAM_CELLS - 1;
    return FINE + (size_t)(octave - 1) * HALF + (size_t)(time >> octave) - HALF;
}

double wasinn__histogram_time(size_t cell) {
    if (cell < FINE)
        return (double)cell;
    size_t octave = (cell - FINE) / HALF + 1, step = (cell - FINE) % HALF + HALF;
    return ((double)step + 0.5) * (double)((uint64_t)1 << octave);
}

void wasinn__histogram_add(wasinn__histogram *histogram, uint64_t time) {
    if (histogram->count == 0 || time < histogram->least)
        histogram->least = time;
    if (time > histogram->most)
        histogram->most = time;
    histogram->count++;
    histogram->cells[cell_of(time)]++;
}

void wasinn__histogram_merge(wasinn__histogram *into, const wasinn__histogram *from) {
    if (from->count == 0)
        return;
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (from->most > into->most)
        into->most = from->most;
    into->count += from->count;
    for (size_t i = 0; i < WASINN__HISTOGRAM_CELLS; i++)
        into->cells[i] += from->cells[i];
}

double wasinn__histogram_quantile(const wasinn__histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), before = 0;
    size_t cell = 0;
    if (histogram->count == 0)
        return 0;
    if ((double)wanted < share * (double)histogram->count || wanted == 0)
        wanted++;
    while (before + histogram->cells[cell] < wanted)
        before += histogram->cells[cell++];
    double time = wasinn__histogram_time(cell);
    if (time < (double)histogram->least)
        return (double)histogram->least;
    return time > (double)histogram->most ? (double)histogram->most : time;
}

static int in_order(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Of numbers that lie on either side of their median by chance, fewer than `rank` lie below it with the
 * probability summed up here: the interval leaves out as many on each side as keep it within 5 % in all. */
wasinn__interval wasinn__median_interval(double *numbers, size_t count) {
    double term = 1, sum = 0;
    size_t rank = 0;
    qsort(numbers, count, sizeof *numbers, in_order);
    for (size_t i = 0; i < count; i++)
        term /= 2;
    while (rank < count / 2 && sum + term <= 0.025) {
        sum += term;
        term = term * (double)(count - rank) / (double)(rank + 1);
        rank++;
    }
    size_t first = rank > 0 ? rank - 1 : 0;
    return (wasinn__interval){(numbers[(count - 1) / 2] + numbers[count / 2]) / 2, numbers[first],
                              numbers[count - 1 - first]};
}
