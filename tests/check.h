/* The smallest test harness: CHECK says what was wrong and where, and goes on; main returns check_result().
 */
#ifndef WASINN_TESTS_CHECK_H
#define WASINN_TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A test of several files defines CHECK_SHARED, and these in one of them. */
#ifdef CHECK_SHARED
extern int check_failures, check_count;
extern const char *check_case;
#else
static int check_failures, check_count;
static const char *check_case = "";
#endif

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQ(actual, wanted)                                                                             \
    check_numbers((long long)(actual), (long long)(wanted), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(text, part) check_text((text), (part), __FILE__, __LINE__)

static inline bool check_that(bool good, const char *what, const char *file, int line) {
    check_count++;
    if (!good) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s: not so: %s\n", file, line, check_case, what);
    }
    return good;
}

static inline bool check_numbers(long long actual, long long wanted, const char *what, const char *file,
                                 int line) {
    check_count++;
    if (actual != wanted) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s: %s is %lld, wanted %lld\n", file, line, check_case, what, actual, wanted);
    }
    return actual == wanted;
}

static inline bool check_text(const char *text, const char *part, const char *file, int line) {
    check_count++;
    if (!text || !strstr(text, part)) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s: wanted '%s' in '%s'\n", file, line, check_case, part,
                text ? text : "(null)");
        return false;
    }
    return true;
}

static inline int check_result(void) {
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures || check_count == 0;
}

#endif
