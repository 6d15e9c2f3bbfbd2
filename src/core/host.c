#include "core/host.h"

#include <stdarg.h>
#include <string.h>

#include "core/memory.h"
#include "core/names.h"
#include "wasinn/engine.h"

static _Thread_local char raw_error[1024];
static _Thread_local char last_error[1024];

wasinn_message wasinn__host_begin(void) {
    raw_error[0] = '\0';
    return (wasinn_message){raw_error, sizeof raw_error};
}

wasinn_status wasinn__host_end(wasinn_status status) {
    if (status != WASINN_OK)
        wasinn_escape(raw_error, strlen(raw_error), last_error, sizeof last_error);
    return status;
}

const char *wasinn_host_last_error(void) {
    return last_error;
}

wasinn_status wasinn_host_fail(wasinn_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw_error, sizeof raw_error, format, arguments);
    va_end(arguments);
    return wasinn__host_end(status);
}

static const wasinn_limits defaults = {
    .struct_size = sizeof(wasinn_limits),
    .graphs = 64,
    .executions = 256,
    .model_bytes = (uint64_t)2 << 30,
    .tensor_bytes = (uint64_t)256 << 20,
    .total_bytes = (uint64_t)4 << 30,
    .load_ms = 300000,
    .compute_ms = 120000,
};

void wasinn__copy_known(void *to, size_t to_size, const void *from, size_t from_size) {
    memcpy(to, from, to_size < from_size ? to_size : from_size);
    if (to_size > from_size)
        memset((char *)to + from_size, 0, to_size - from_size);
}

void wasinn_limits_default(wasinn_limits *limits, size_t size) {
    wasinn__copy_known(limits, size, &defaults, sizeof defaults);
    limits->struct_size = size;
}

wasinn_status wasinn__check_struct(const char *what, const char *begin, const void *given, size_t size,
                                   size_t least, size_t known, wasinn_message *message) {
    const char *bytes = given;
    if (size < least)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "%s with a struct_size of %zu: begin with %s",
                             what, size, begin);
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                                 "%s of %zu bytes: this version knows %zu of them", what, size, known);
    return WASINN_OK;
}

wasinn_status wasinn__limits_set(wasinn_limits *limits, const wasinn_limits *wanted) {
    wasinn_message message = wasinn__host_begin();
    size_t size = wanted->struct_size;
    wasinn_status status = wasinn__check_struct("limits", "wasinn_limits_default", wanted, size,
                                                offsetof(wasinn_limits, graphs) + sizeof wanted->graphs,
                                                sizeof *limits, &message);
    if (status != WASINN_OK)
        return wasinn__host_end(status);
    *limits = defaults;
    memcpy(limits, wanted, size < sizeof *limits ? size : sizeof *limits);
    limits->struct_size = sizeof *limits;
    return WASINN_OK;
}

static void destroy(wasinn_host *host) {
    while (host->models) {
        wasinn__model *next = host->models->next;
        wasinn__model_free(host->models);
        host->models = next;
    }
    wasinn__shared_destroy(&host->shared);
    wasinn__registry_free(&host->registry);
    wasinn_cache_free(host->registry.cache);
    wasinn__watchdog_destroy(&host->watchdog);
    wasinn__free(host);
}

wasinn_status wasinn_host_new(wasinn_host **host) {
    wasinn_message message = wasinn__host_begin();
    wasinn_host *made = wasinn__alloc(1, sizeof *made);
    if (!made || !wasinn__watchdog_init(&made->watchdog)) {
        wasinn__free(made);
        return wasinn__host_end(wasinn_refuse(&message, WASINN_TOO_LARGE, "no memory for a host"));
    }
    atomic_init(&made->references, 1);
    made->limits = defaults;
    wasinn__shared_init(&made->shared);
    wasinn__registry_init(&made->registry, &made->faults);
    *host = made;
    return WASINN_OK;
}

void wasinn_host_retain(wasinn_host *host) {
    atomic_fetch_add(&host->references, 1);
}

void wasinn_host_free(wasinn_host *host) {
    if (host && atomic_fetch_sub(&host->references, 1) == 1)
        destroy(host);
}

wasinn_status wasinn_host_set_limits(wasinn_host *host, const wasinn_limits *limits) {
    return wasinn__limits_set(&host->limits, limits);
}

void wasinn_host_set_cache(wasinn_host *host, wasinn_cache *cache) {
    if (cache)
        wasinn_cache_retain(cache);
    wasinn_cache_free(host->registry.cache);
    host->registry.cache = cache;
}

void wasinn_host_set_sharing(wasinn_host *host, bool share, uint64_t keep_bytes) {
    host->shared.off = !share;
    host->shared.keep_bytes = share ? keep_bytes : 0;
}

void wasinn_host_set_log(wasinn_host *host, wasinn_log_fn log, void *data) {
    host->log = log;
    host->log_data = data;
}

void wasinn_host_set_observer(wasinn_host *host, wasinn_observer_fn observer, void *data) {
    host->observer.tell = observer;
    host->observer.data = data;
}

void wasinn_host_set_profiling(wasinn_host *host, bool profiling) {
    host->observer.profiling = profiling;
}

wasinn_status wasinn_host_set_numbering(wasinn_host *host, wasinn_numbering numbering) {
    if ((unsigned)numbering >= WASINN__NUMBERINGS)
        return wasinn_host_fail(WASINN_INVALID_ARGUMENT, "numbering %u is unknown", (unsigned)numbering);
    host->numbering = numbering;
    return WASINN_OK;
}
