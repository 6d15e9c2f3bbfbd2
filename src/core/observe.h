/* Tells the embedder's observer what happens. Where there is none, nothing is measured: no clock is read. */
#ifndef WASINN_CORE_OBSERVE_H
#define WASINN_CORE_OBSERVE_H

#include "wasinn/backend.h"

typedef struct wasinn__observer {
    wasinn_observer_fn tell; /* NULL: nobody is told */
    void *data;
    bool profiling; /* models that are loaded measure their layers */
} wasinn__observer;

/* Who is told of something, and whose doing it is. One of zeros: nobody is told. */
typedef struct wasinn__cause {
    const wasinn__observer *observer;
    const wasinn_guest *guest; /* NULL: the host's own */
} wasinn__cause;

/* How a model came to be there. */
typedef enum wasinn__found { WASINN__COMPILED = 0, WASINN__CACHED, WASINN__SHARED } wasinn__found;

/* Whether anybody is told. */
static inline bool wasinn__observed(const wasinn__cause *cause) {
    return cause->observer && cause->observer->tell;
}

/* Whether a model that is loaded now measures its layers. */
static inline bool wasinn__profiled(const wasinn__cause *cause) {
    return wasinn__observed(cause) && cause->observer->profiling;
}

/* When something begins that may be told of: nanoseconds of wasinn__now, or 0 when nobody is told. */
uint64_t wasinn__observe_begin(const wasinn__cause *cause);

/* Each of these tells of what began then and ends now. */
void wasinn__observe_runtime(const wasinn__cause *cause, const char *backend, const char *version,
                             uint64_t begin);
/* `name`: as registered, or NULL for bytes. */
void wasinn__observe_model(const wasinn__cause *cause, const char *name, wasinn__found found, uint64_t bytes,
                           uint64_t begin);
/* `name` is the function's, which needs no escape. Only where there is an observer. */
void wasinn__observe_call(const wasinn__cause *cause, const char *name, wasinn_status status, uint64_t bytes,
                          uint64_t begin);

/* Takes one layer after the other of a run that began at `at`: a wasinn_layer_fn. */
typedef struct wasinn__layers {
    const wasinn__cause *cause;
    uint64_t at; /* where the next layer begins */
} wasinn__layers;
void wasinn__observe_layer(void *layers, const char *name, const char *kind, uint64_t nanoseconds);

#endif
