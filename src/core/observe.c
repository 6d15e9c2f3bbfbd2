#include "core/observe.h"

#include <string.h>

#include "core/watchdog.h"

/* Names of layers may be long: those of fused operations are put together. */
enum { NAME = 1024, DETAIL = 256 };

uint64_t wasinn__observe_begin(const wasinn__cause *cause) {
    return wasinn__observed(cause) ? wasinn__now() : 0;
}

static void tell(const wasinn__cause *cause, wasinn_event event) {
    event.struct_size = sizeof event;
    event.guest = cause->guest;
    cause->observer->tell(cause->observer->data, &event);
}

static const char *escape(const char *text, char *out, size_t capacity) {
    return text ? wasinn_escape(text, strlen(text), out, capacity) : "";
}

void wasinn__observe_runtime(const wasinn__cause *cause, const char *backend, const char *version,
                             uint64_t begin) {
    char name[NAME], detail[DETAIL];
    if (!wasinn__observed(cause))
        return;
    tell(cause, (wasinn_event){.kind = WASINN_EVENT_RUNTIME,
                               .name = escape(backend, name, sizeof name),
                               .detail = escape(version, detail, sizeof detail),
                               .begin_ns = begin,
                               .end_ns = wasinn__now()});
}

void wasinn__observe_model(const wasinn__cause *cause, const char *name, wasinn__found found, uint64_t bytes,
                           uint64_t begin) {
    static const char *const words[] = {"compiled", "cached", "shared"};
    char shown[NAME];
    if (!wasinn__observed(cause))
        return;
    tell(cause, (wasinn_event){.kind = WASINN_EVENT_MODEL,
                               .name = escape(name, shown, sizeof shown),
                               .detail = words[found],
                               .begin_ns = begin,
                               .end_ns = wasinn__now(),
                               .bytes = bytes});
}

void wasinn__observe_call(const wasinn__cause *cause, const char *name, wasinn_status status, uint64_t bytes,
                          uint64_t begin) {
    tell(cause, (wasinn_event){.kind = WASINN_EVENT_CALL,
                               .name = name,
                               .detail = "",
                               .begin_ns = begin,
                               .end_ns = wasinn__now(),
                               .bytes = bytes,
                               .status = status});
}

void wasinn__observe_layer(void *data, const char *name, const char *kind, uint64_t nanoseconds) {
    wasinn__layers *layers = data;
    char shown[NAME], detail[DETAIL];
    uint64_t begin = layers->at;
    layers->at += nanoseconds;
    tell(layers->cause, (wasinn_event){.kind = WASINN_EVENT_LAYER,
                                       .name = escape(name, shown, sizeof shown),
                                       .detail = escape(kind, detail, sizeof detail),
                                       .begin_ns = begin,
                                       .end_ns = layers->at});
}
