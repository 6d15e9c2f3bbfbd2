/* wasinn run --stats and --profile: where the time went. The command times its own phases; the rest the
 * host's observer tells. Every function takes NULL, which measures nothing. Any thread, unless it says
 * otherwise. */
#ifndef WASINN_CLI_STATS_H
#define WASINN_CLI_STATS_H

#include "wasinn/wasinn.h"

typedef struct wasinn__stats wasinn__stats;

/* Which form is printed at the end. */
typedef enum wasinn__stats_form {
    WASINN__STATS_NONE = 0,
    WASINN__STATS_TEXT,
    WASINN__STATS_JSON
} wasinn__stats_form;

/* What the command does itself. The first five happen once. */
typedef enum wasinn__phase {
    WASINN__PHASE_PREPARE = 0, /* options, models registered, the guest's file read */
    WASINN__PHASE_ENGINE,
    WASINN__PHASE_MODULE, /* detail: "compiled" or "cached" */
    WASINN__PHASE_LINK,
    WASINN__PHASE_END,         /* everything freed */
    WASINN__PHASE_INSTANTIATE, /* of each guest: store, folders, memory */
    WASINN__PHASE_GUEST,       /* of each guest: its code, with the calls that it makes */
    WASINN__PHASES
} wasinn__phase;

/* Remembers when the command began; the first thing that it does. Main thread. */
void wasinn__stats_clock(void);

/* Begins to measure, where a form or a profile's path is given; else *stats is NULL. The host tells what
 * happens from now on, and has no guest yet. Returns an exit code. Main thread. */
int wasinn__stats_open(wasinn__stats **stats, wasinn__stats_form form, const char *profile,
                       wasinn_host *host);

/* This thread has the guests of a number, from 1, from now on. */
void wasinn__stats_guest(wasinn__stats *stats, unsigned number);

/* When something begins. A guest that has begun and not ended is a running one. */
uint64_t wasinn__stats_begin(wasinn__stats *stats, wasinn__phase phase);
/* It ends, on the same thread. `detail` is "" or a constant. */
void wasinn__stats_end(wasinn__stats *stats, wasinn__phase phase, uint64_t begin, const char *detail);

/* Prints, and completes the profile; what happens later is not counted. `code` is that with which the process
 * is going to end. Returns that, or another one where the profile could not be written. Once; guests may be
 * running still. */
int wasinn__stats_finish(wasinn__stats *stats, int code);
/* When all that could tell something is gone. */
void wasinn__stats_free(wasinn__stats *stats);

#endif
