/* What was measured, for those who print it. */
#ifndef WASINN_CLI_STATS_FACTS_H
#define WASINN_CLI_STATS_FACTS_H

#include <stddef.h>
#include <stdio.h>

#include "tally.h"

enum { WASINN__STATS_CALLS = 32 };

/* How often a model was loaded in one way, or a runtime opened. */
typedef struct wasinn__opened {
    struct wasinn__opened *next;
    char *name, *detail;
    uint64_t count, total, most;
    uint64_t bytes; /* that the model holds */
} wasinn__opened;

typedef struct wasinn__facts {
    uint64_t before_main; /* processor time until the command began */
    uint64_t phases[5];   /* by wasinn__phase: those that happen once */
    const char *module;   /* "compiled", "cached"; "" where there was none */
    uint64_t guests_wall; /* from the first guest's beginning to the last one's end */
    uint64_t other, together;
    const wasinn__tally *instantiations, *guests; /* NULL: none; of guests that ended */
    uint64_t running, running_time;               /* guests that have not ended */
    uint64_t calls_time, own_time;                /* of all guests */
    const wasinn__opened *runtimes, *models;
    struct {
        const char *name;
        const wasinn__tally *tally;
    } calls[WASINN__STATS_CALLS];
    size_t call_count;
    uint64_t copied_in, copied_out, copied_both; /* both: by calls that copy in and out */
    uint64_t peak_memory, anonymous_memory;      /* 0: not known */
    bool profiled;
    int exit_code;
} wasinn__facts;

void wasinn__print_stats(FILE *file, const wasinn__facts *facts);
/* On one line. */
void wasinn__print_stats_json(FILE *file, const wasinn__facts *facts);

#endif
