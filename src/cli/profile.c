#include "profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Texts have been escaped for a terminal: no control characters, and valid UTF-8. */
static void put_string(FILE *file, const char *text) {
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', file);
        putc(*text, file);
    }
    putc('"', file);
}

static void put_member(FILE *file, const char *separator, const char *key, const char *text) {
    fprintf(file, "%s\"%s\":", separator, key);
    put_string(file, text);
}

/* Microseconds with all their nanoseconds. */
static void put_time(FILE *file, const char *key, uint64_t nanoseconds) {
    fprintf(file, ",\"%s\":%" PRIu64 ".%03u", key, nanoseconds / 1000, (unsigned)(nanoseconds % 1000));
}

/* Locked. Begins an event. */
static FILE *begin(wasinn__profile *profile, const char *phase, int lane, const char *name) {
    FILE *file = profile->draft.file;
    fputs(profile->begun ? ",\n{" : "\n{", file);
    profile->begun = true;
    put_member(file, "", "ph", phase);
    fprintf(file, ",\"pid\":%d,\"tid\":%d", (int)getpid(), lane);
    put_member(file, ",", "name", name);
    return file;
}

/* Locked. A disk that is full stays so: what is written after that is not tried. */
static bool fails(wasinn__profile *profile) {
    if (profile->closed)
        return true;
    if (profile->reason == 0 && ferror(profile->draft.file))
        profile->reason = errno ? errno : EIO;
    return profile->reason != 0;
}

static void put_lane(wasinn__profile *profile, const char *what, int lane, const char *name) {
    FILE *file = begin(profile, "M", lane, what);
    put_member(file, ",\"args\":{", "name", name);
    fputs("}}", file);
}

int wasinn__profile_open(wasinn__profile *profile, const char *path, uint64_t zero) {
    *profile = (wasinn__profile){.zero = zero, .most = WASINN__PROFILE_SPANS};
    if (path[0] == '\0' || strcmp(path, "-") == 0)
        return wasinn__fail(WASINN__EXIT_USAGE, "--profile %s: expected a file; stdout is the guest's", path);
    if (wasinn__draft_begin(&profile->draft, path, "profile") != WASINN__EXIT_OK)
        return WASINN__EXIT_NOT_STARTED;
    pthread_mutex_init(&profile->lock, NULL);
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", profile->draft.file);
    put_lane(profile, "process_name", 0, "wasinn");
    put_lane(profile, "thread_name", 0, "process");
    return WASINN__EXIT_OK;
}

void wasinn__profile_lane(wasinn__profile *profile, int lane, const char *name) {
    pthread_mutex_lock(&profile->lock);
    if (!fails(profile))
        put_lane(profile, "thread_name", lane, name);
    pthread_mutex_unlock(&profile->lock);
}

static void put_arguments(FILE *file, const wasinn__span *span) {
    const char *separator = ",\"args\":{";
    if (span->key && span->text && span->text[0]) {
        put_member(file, separator, span->key, span->text);
        separator = ",";
    }
    if (span->status) {
        put_member(file, separator, "status", span->status);
        separator = ",";
    }
    if (span->has_bytes) {
        fprintf(file, "%s\"bytes\":%" PRIu64, separator, span->bytes);
        separator = ",";
    }
    if (span->is_layer) {
        fprintf(file, "%s\"duration_ns\":%" PRIu64, separator, span->took);
        separator = ",";
    }
    if (separator[1] == '\0')
        putc('}', file);
}

void wasinn__profile_span(wasinn__profile *profile, const wasinn__span *span) {
    uint64_t begins = span->begin > profile->zero ? span->begin - profile->zero : 0;
    uint64_t ends = span->end > profile->zero ? span->end - profile->zero : 0;
    pthread_mutex_lock(&profile->lock);
    uint64_t *count = span->framing ? &profile->frames : &profile->spans;
    if (*count >= profile->most) {
        profile->dropped++;
    } else if (!fails(profile)) {
        ++*count;
        FILE *file = begin(profile, "X", span->lane, span->name);
        put_member(file, ",", "cat", span->category);
        put_time(file, "ts", begins);
        put_time(file, "dur", ends > begins ? ends - begins : 0);
        put_arguments(file, span);
        putc('}', file);
    }
    pthread_mutex_unlock(&profile->lock);
}

void wasinn__profile_layer(wasinn__laid *laid, const char *name, const char *kind, uint64_t begin,
                           uint64_t took) {
    size_t sizes[2] = {strlen(name) + 1, strlen(kind) + 1}, wanted = sizeof took + sizes[0] + sizes[1];
    if (laid->capacity - laid->used < wanted) {
        laid->capacity = 2 * laid->capacity + wanted;
        laid->data = wasinn__checked(realloc(laid->data, laid->capacity));
    }
    if (laid->used == 0)
        laid->begin = begin;
    char *at = laid->data + laid->used;
    memcpy(at, &took, sizeof took);
    memcpy(at + sizeof took, name, sizes[0]);
    memcpy(at + sizeof took + sizes[0], kind, sizes[1]);
    laid->used += wanted;
    laid->total += took;
}

void wasinn__profile_layers(wasinn__profile *profile, wasinn__laid *laid, int lane, uint64_t end) {
    uint64_t room = end > laid->begin ? end - laid->begin : 0, before = 0;
    double scale = laid->total > room ? (double)room / (double)laid->total : 1;
    for (size_t at = 0; at < laid->used;) {
        wasinn__span span = {.category = "layer", .key = "kind", .lane = lane, .is_layer = true};
        memcpy(&span.took, laid->data + at, sizeof span.took);
        span.name = laid->data + at + sizeof span.took;
        span.text = span.name + strlen(span.name) + 1;
        at = (size_t)(span.text + strlen(span.text) + 1 - laid->data);
        span.begin = laid->begin + (uint64_t)((double)before * scale);
        before += span.took;
        span.end = laid->begin + (uint64_t)((double)before * scale);
        wasinn__profile_span(profile, &span);
    }
    laid->used = 0;
    laid->total = 0;
}

int wasinn__profile_close(wasinn__profile *profile) {
    pthread_mutex_lock(&profile->lock);
    uint64_t dropped = profile->dropped;
    FILE *file = profile->draft.file;
    if (!fails(profile))
        fprintf(
            file,
            "\n],\"otherData\":{\"version\":\"wasinn %s\",\"dropped_spans\":%" PRIu64
            ",\"layers\":\"end to end from the beginning of their compute, and shortened alike where they "
            "would not fit into it: runtimes tell how long layers took, not when they ran\"}}\n",
            wasinn_version(), dropped);
    bool good = !fails(profile);
    errno = profile->reason;
    int code = wasinn__draft_end(&profile->draft, good);
    profile->closed = true;
    pthread_mutex_unlock(&profile->lock);
    if (code == WASINN__EXIT_OK && dropped > 0)
        wasinn__fail(0,
                     "the profile has the first %" PRIu64 " calls and layers; %" PRIu64 " more are left out",
                     profile->most, dropped);
    return code;
}
