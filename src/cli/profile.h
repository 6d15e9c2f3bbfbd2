/* wasinn run --profile: what happened when, as Chrome's trace-event JSON, which Perfetto and chrome://tracing
 * show. Written as it goes, so that it takes no memory however long the guest runs. */
#ifndef WASINN_CLI_PROFILE_H
#define WASINN_CLI_PROFILE_H

#include <pthread.h>

#include "file.h"

/* How many spans of calls and layers a file has at most, and how many of all else; the rest is counted. */
enum { WASINN__PROFILE_SPANS = 1000000 };

typedef struct wasinn__profile {
    wasinn__draft draft;
    pthread_mutex_t lock; /* of all that follows, and of the file */
    uint64_t zero;        /* where its time begins, in nanoseconds of CLOCK_MONOTONIC */
    uint64_t most; /* of spans, and of frames: WASINN__PROFILE_SPANS, unless a test sets another number */
    uint64_t spans, frames, dropped;
    int reason;  /* errno of the first write that failed; 0 */
    bool begun;  /* something stands before the next event */
    bool closed; /* nothing is taken any more */
} wasinn__profile;

/* What a span says besides its name and time; NULL or "" is left out. */
typedef struct wasinn__span {
    const char *name, *category;
    int lane;
    bool framing; /* of the process or a whole guest: kept when calls and layers are too many */
    uint64_t begin, end;
    const char *key, *text; /* an argument of the kind's own */
    const char *status;
    bool has_bytes;
    uint64_t bytes;
    bool is_layer;
    uint64_t took; /* as the runtime says of a layer */
} wasinn__span;

/* The layers of a compute that has not been told yet: of one thread. */
typedef struct wasinn__laid {
    char *data; /* for each: how long it took, its name and its kind */
    size_t used, capacity;
    uint64_t begin; /* of the first */
    uint64_t total; /* how long all of them took */
} wasinn__laid;

/* Begins the file; `zero` is the least time that it will have. Returns an exit code. */
int wasinn__profile_open(wasinn__profile *profile, const char *path, uint64_t zero);
/* The name of a lane ("thread"). Any thread, as the next. */
void wasinn__profile_lane(wasinn__profile *profile, int lane, const char *name);
void wasinn__profile_span(wasinn__profile *profile, const wasinn__span *span);
/* Keeps a layer. */
void wasinn__profile_layer(wasinn__laid *laid, const char *name, const char *kind, uint64_t begin,
                           uint64_t took);
/* Writes those that are kept, end to end, and forgets them. Their compute ended at `end`: where together they
 * took longer than that leaves, all are drawn shorter alike. */
void wasinn__profile_layers(wasinn__profile *profile, wasinn__laid *laid, int lane, uint64_t end);
/* Ends the file, and says so where something was left out. Returns an exit code. */
int wasinn__profile_close(wasinn__profile *profile);

#endif
