/* The tallies of `wasinn run --stats`: counts are exact, percentiles within what is stated, on several
 * threads too. */
#include "check.h"
#include "cli/tally.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4, EACH = 20000 };

static int compare(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

static void check_percentile(const wasinn__tally *tally, const uint64_t *sorted, uint64_t count,
                             unsigned percent) {
    uint64_t rank = (count * percent + 99) / 100;
    uint64_t exact = sorted[rank > 0 ? rank - 1 : 0], told = wasinn__tally_percentile(tally, percent);
    uint64_t off = told > exact ? told - exact : exact - told;
    if (!CHECK(off <= exact / WASINN__TALLY_EXACT))
        fprintf(stderr, "p%u of %llu: %llu, wanted %llu\n", percent, (unsigned long long)count,
                (unsigned long long)told, (unsigned long long)exact);
}

/* Numbers over the whole range, small ones too. */
static uint64_t number(uint64_t *state, unsigned bits) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> (64 - 1 - *state % bits);
}

static void test_percentiles(void) {
    static const size_t counts[] = {1, 2, 3, 10, 99, 100, 101, 5000};
    uint64_t state = 0x9E3779B97F4A7C15u;
    check_case = "percentiles";
    for (unsigned bits = 1; bits <= 63; bits += 2) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            wasinn__tally *tally = wasinn__tally_new();
            uint64_t *numbers = calloc(counts[c], sizeof *numbers), total = 0;
            for (size_t i = 0; i < counts[c]; i++) {
                numbers[i] = number(&state, bits);
                total += numbers[i];
                wasinn__tally_add(tally, numbers[i], i % 3 == 0, i);
            }
            qsort(numbers, counts[c], sizeof *numbers, compare);
            CHECK_EQ(tally->count, counts[c]);
            CHECK_EQ(tally->failed, (counts[c] + 2) / 3);
            CHECK_EQ(tally->total, total);
            CHECK_EQ(tally->bytes, counts[c] * (counts[c] - 1) / 2);
            CHECK_EQ(wasinn__tally_least(tally), numbers[0]);
            CHECK_EQ(wasinn__tally_most(tally), numbers[counts[c] - 1]);
            for (unsigned percent = 0; percent <= 100; percent += percent < 90 ? 10 : 1)
                check_percentile(tally, numbers, counts[c], percent);
            free(numbers);
            free(tally);
        }
    }
}

static void test_edges(void) {
    wasinn__tally *tally = wasinn__tally_new();
    check_case = "edges";
    CHECK_EQ(wasinn__tally_percentile(tally, 50), 0);
    CHECK_EQ(wasinn__tally_least(tally), 0);
    CHECK_EQ(wasinn__tally_most(tally), 0);
    wasinn__tally_add(tally, 0, false, 0);
    CHECK_EQ(wasinn__tally_percentile(tally, 99), 0);
    wasinn__tally_add(tally, UINT64_MAX, false, 0);
    CHECK_EQ(wasinn__tally_least(tally), 0);
    CHECK(wasinn__tally_most(tally) == UINT64_MAX);
    CHECK(wasinn__tally_percentile(tally, 99) >= UINT64_MAX - (UINT64_MAX >> 8));
    CHECK_EQ(wasinn__tally_percentile(tally, 50), 0);
    free(tally);
}

static void *add_many(void *data) {
    for (uint64_t i = 0; i < EACH; i++)
        wasinn__tally_add(data, i, i % 2 == 0, 1);
    return NULL;
}

static void test_threads(void) {
    wasinn__tally *tally = wasinn__tally_new();
    pthread_t threads[THREADS];
    check_case = "threads";
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, add_many, tally) != 0)
            exit(2);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(tally->count, THREADS * EACH);
    CHECK_EQ(tally->failed, THREADS * EACH / 2);
    CHECK_EQ(tally->bytes, THREADS * EACH);
    CHECK_EQ(tally->total, (uint64_t)THREADS * EACH * (EACH - 1) / 2);
    CHECK_EQ(wasinn__tally_most(tally), EACH - 1);
    uint64_t half = wasinn__tally_percentile(tally, 50);
    CHECK(half >= EACH / 2 - EACH / 2 / 256 - 1 && half <= EACH / 2 + EACH / 2 / 256);
    free(tally);
}

int main(void) {
    test_percentiles();
    test_edges();
    test_threads();
    return check_result();
}
