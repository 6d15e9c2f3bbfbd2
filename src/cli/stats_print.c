/* What was measured, as text for people and as JSON for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "cli.h"
#include "stats_facts.h"

/* ---- For people --------------------------------------------------------------------------------- */

enum { NAME = 24, CELL = 9, NOTE = 80 - 2 - NAME - CELL - 2, TEXT = 32 };

/* Three digits and a unit: "12.3 ms". */
static const char *show(double value, const char *unit, char text[TEXT]) {
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(text, TEXT, "%.*f %s", decimals, value, unit);
    return text;
}

static const char *show_time(uint64_t nanoseconds, char text[TEXT]) {
    if (nanoseconds < 1000)
        snprintf(text, TEXT, "%u ns", (unsigned)nanoseconds);
    else if (nanoseconds < 999500)
        return show((double)nanoseconds / 1e3, "µs", text);
    else if (nanoseconds < 999500000)
        return show((double)nanoseconds / 1e6, "ms", text);
    else
        return show((double)nanoseconds / 1e9, "s", text);
    return text;
}

static const char *show_bytes(uint64_t bytes, char text[TEXT]) {
    if (bytes < 10000)
        snprintf(text, TEXT, "%u B", (unsigned)bytes);
    else if (bytes < 999500)
        return show((double)bytes / 1e3, "kB", text);
    else if (bytes < 999500000)
        return show((double)bytes / 1e6, "MB", text);
    else
        return show((double)bytes / 1e9, "GB", text);
    return text;
}

/* Columns of a text, of which each character takes one. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text; text++)
        width += (*text & 0xC0) != 0x80;
    return width;
}

static void put_right(FILE *file, int width, const char *text) {
    int fill = width - width_of(text);
    fprintf(file, "%*s%s", fill > 0 ? fill : 0, "", text);
}

static void put_left(FILE *file, int width, const char *text) {
    int fill = width - width_of(text);
    fprintf(file, "%s%*s", text, fill > 0 ? fill : 0, "");
}

static void put_time(FILE *file, uint64_t nanoseconds) {
    char text[TEXT];
    put_right(file, CELL, show_time(nanoseconds, text));
}

/* A line of something that took its time; what did not happen has none. */
static void put_line(FILE *file, const char *name, uint64_t nanoseconds, const char *note) {
    if (nanoseconds == 0)
        return;
    fputs("  ", file);
    put_left(file, NAME, name);
    put_time(file, nanoseconds);
    fprintf(file, "%s%s\n", note[0] ? "  " : "", note);
}

/* Once a guest has begun, that line and what it is made of. */
static void put_guests(FILE *file, const wasinn__facts *facts) {
    uint64_t count = facts->guests->count + facts->running;
    char note[128], running[48] = "";
    if (facts->instantiations->count == 0 && count == 0)
        return;
    if (facts->running > 0)
        snprintf(running, sizeof running, ", %" PRIu64 " still running", facts->running);
    snprintf(note, sizeof note, "%" PRIu64 " guest%s%s", count, count == 1 ? "" : "s", running);
    put_line(file, "guests", facts->guests_wall, note);
    const char *sum = facts->instantiations->count > 1 ? "of all guests together" : "";
    put_line(file, "  instantiation", facts->instantiations->total, sum);
    put_line(file, "  their own code", facts->own_time, sum);
    put_line(file, "  wasi-nn", facts->calls_time, sum);
}

static void put_phases(FILE *file, const wasinn__facts *facts) {
    fprintf(file, "wasinn: where the time went%s\n",
            facts->profiled ? ", slowed by --profile, which measures every layer" : "");
    put_line(file, "before main", facts->before_main, "processor time of the process until then");
    put_line(file, "preparation", facts->phases[0], "options, models named, the guest's file");
    put_line(file, "engine", facts->phases[1], "");
    put_line(file, "module", facts->phases[2], facts->module);
    put_line(file, "imports", facts->phases[3], "");
    put_guests(file, facts);
    put_line(file, "end", facts->phases[4], "");
    put_line(file, "other", facts->other, "");
    put_line(file, "together", facts->together, "");
}

static void put_opened(FILE *file, const char *what, const wasinn__opened *opened) {
    char name[2048], note[640], size[TEXT], times[48] = "";
    bool model = strcmp(what, "model") == 0;
    for (; opened; opened = opened->next) {
        snprintf(name, sizeof name, "%s %s", what, opened->name[0] ? opened->name : "from bytes");
        if (opened->count > 1)
            snprintf(times, sizeof times, " %" PRIu64 " times", opened->count);
        if (model)
            snprintf(note, sizeof note, "%s%s%s%s", opened->detail, times, opened->bytes ? ", holds " : "",
                     opened->bytes ? show_bytes(opened->bytes, size) : "");
        else
            wasinn_escape(opened->detail, strlen(opened->detail), note, NOTE + 1);
        if (width_of(name) > NAME) {
            fprintf(file, "  %s\n", name);
            name[0] = '\0';
        }
        put_line(file, name, opened->total, note);
        times[0] = '\0';
    }
}

static void put_calls(FILE *file, const wasinn__facts *facts) {
    static const char *const heads[] = {"min", "p50", "p90", "p99", "max"};
    static const unsigned percents[] = {50, 90, 99};
    char text[TEXT];
    if (facts->call_count == 0)
        return;
    fprintf(file, "  %-*s%*s%*s%*s%*s\n", NAME, "wasi-nn calls", CELL, "count", CELL, "failed", CELL + 1,
            "total", CELL + 2, "copied");
    for (size_t i = 0; i < facts->call_count; i++) {
        const wasinn__tally *tally = facts->calls[i].tally;
        fprintf(file, "    %-*s%*" PRIu64 "%*" PRIu64 " ", NAME - 2, facts->calls[i].name, CELL,
                (uint64_t)tally->count, CELL, (uint64_t)tally->failed);
        put_time(file, tally->total);
        put_right(file, CELL + 2, show_bytes(tally->bytes, text));
        putc('\n', file);
    }
    fprintf(file, "  %-*s", NAME, "each of them");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        fprintf(file, "%*s", CELL, heads[i]);
    putc('\n', file);
    for (size_t i = 0; i < facts->call_count; i++) {
        const wasinn__tally *tally = facts->calls[i].tally;
        fprintf(file, "    %-*s", NAME - 2, facts->calls[i].name);
        put_time(file, wasinn__tally_least(tally));
        for (size_t p = 0; p < sizeof percents / sizeof *percents; p++)
            put_time(file, wasinn__tally_percentile(tally, percents[p]));
        put_time(file, wasinn__tally_most(tally));
        putc('\n', file);
    }
}

static void put_memory(FILE *file, const wasinn__facts *facts) {
    char one[TEXT], other[TEXT];
    fprintf(file, "  copied: %s into the host, %s out of it", show_bytes(facts->copied_in, one),
            show_bytes(facts->copied_out, other));
    if (facts->copied_both > 0)
        fprintf(file, ", %s both ways by infer", show_bytes(facts->copied_both, one));
    putc('\n', file);
    if (facts->peak_memory > 0)
        fprintf(file, "  memory: %s at most", show_bytes(facts->peak_memory, one));
    if (facts->peak_memory > 0 && facts->anonymous_memory > 0)
        fprintf(file, "; anonymous at the end: %s", show_bytes(facts->anonymous_memory, one));
    if (facts->peak_memory > 0)
        putc('\n', file);
}

void wasinn__print_stats(FILE *file, const wasinn__facts *facts) {
    put_phases(file, facts);
    if (facts->runtimes || facts->models)
        fputs("  runtimes and models, within the calls or beside them\n", file);
    put_opened(file, "runtime", facts->runtimes);
    put_opened(file, "model", facts->models);
    put_calls(file, facts);
    put_memory(file, facts);
}

/* ---- As JSON ------------------------------------------------------------------------------------ */

static yyjson_mut_val *json_of_runtimes(yyjson_mut_doc *json, const wasinn__facts *facts) {
    yyjson_mut_val *list = yyjson_mut_arr(json);
    for (const wasinn__opened *opened = facts->runtimes; opened; opened = opened->next) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(json, list);
        yyjson_mut_obj_add_str(json, object, "backend", opened->name);
        yyjson_mut_obj_add_str(json, object, "version", opened->detail);
        yyjson_mut_obj_add_uint(json, object, "open_ns", opened->total);
    }
    return list;
}

static yyjson_mut_val *json_of_models(yyjson_mut_doc *json, const wasinn__facts *facts) {
    yyjson_mut_val *list = yyjson_mut_arr(json);
    for (const wasinn__opened *opened = facts->models; opened; opened = opened->next) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(json, list);
        yyjson_mut_obj_add_str(json, object, "name", opened->name);
        yyjson_mut_obj_add_str(json, object, "how", opened->detail);
        yyjson_mut_obj_add_uint(json, object, "count", opened->count);
        yyjson_mut_obj_add_uint(json, object, "total_ns", opened->total);
        yyjson_mut_obj_add_uint(json, object, "max_ns", opened->most);
        yyjson_mut_obj_add_uint(json, object, "held_bytes", opened->bytes);
    }
    return list;
}

static void add_times(yyjson_mut_doc *json, yyjson_mut_val *object, const wasinn__tally *tally) {
    yyjson_mut_obj_add_uint(json, object, "total_ns", tally->total);
    yyjson_mut_obj_add_uint(json, object, "min_ns", wasinn__tally_least(tally));
    yyjson_mut_obj_add_uint(json, object, "p50_ns", wasinn__tally_percentile(tally, 50));
    yyjson_mut_obj_add_uint(json, object, "p90_ns", wasinn__tally_percentile(tally, 90));
    yyjson_mut_obj_add_uint(json, object, "p99_ns", wasinn__tally_percentile(tally, 99));
    yyjson_mut_obj_add_uint(json, object, "max_ns", wasinn__tally_most(tally));
}

static yyjson_mut_val *json_of_calls(yyjson_mut_doc *json, const wasinn__facts *facts) {
    yyjson_mut_val *list = yyjson_mut_arr(json);
    for (size_t i = 0; i < facts->call_count; i++) {
        const wasinn__tally *tally = facts->calls[i].tally;
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(json, list);
        yyjson_mut_obj_add_str(json, object, "name", facts->calls[i].name);
        yyjson_mut_obj_add_uint(json, object, "count", tally->count);
        yyjson_mut_obj_add_uint(json, object, "failed", tally->failed);
        add_times(json, object, tally);
        yyjson_mut_obj_add_uint(json, object, "copied_bytes", tally->bytes);
    }
    return list;
}

static yyjson_mut_val *json_of_guests(yyjson_mut_doc *json, const wasinn__facts *facts) {
    yyjson_mut_val *object = yyjson_mut_obj(json);
    yyjson_mut_obj_add_uint(json, object, "count", facts->guests->count + facts->running);
    yyjson_mut_obj_add_uint(json, object, "running", facts->running);
    yyjson_mut_obj_add_uint(json, object, "wall_ns", facts->guests_wall);
    yyjson_mut_obj_add_uint(json, object, "instantiate_ns", facts->instantiations->total);
    yyjson_mut_obj_add_uint(json, object, "own_ns", facts->own_time);
    yyjson_mut_obj_add_uint(json, object, "calls_ns", facts->calls_time);
    yyjson_mut_obj_add_uint(json, object, "p50_ns", wasinn__tally_percentile(facts->guests, 50));
    yyjson_mut_obj_add_uint(json, object, "p99_ns", wasinn__tally_percentile(facts->guests, 99));
    yyjson_mut_obj_add_uint(json, object, "max_ns", wasinn__tally_most(facts->guests));
    return object;
}

/* A number that is not known is null. */
static void add_known(yyjson_mut_doc *json, yyjson_mut_val *object, const char *key, uint64_t number) {
    yyjson_mut_obj_add_val(json, object, key,
                           number > 0 ? yyjson_mut_uint(json, number) : yyjson_mut_null(json));
}

void wasinn__print_stats_json(FILE *file, const wasinn__facts *facts) {
    yyjson_mut_doc *json = wasinn__checked(yyjson_mut_doc_new(NULL));
    yyjson_mut_val *root = yyjson_mut_obj(json);
    yyjson_mut_doc_set_root(json, root);
    yyjson_mut_obj_add_str(json, root, "version", wasinn_version());
    yyjson_mut_obj_add_int(json, root, "exit_code", facts->exit_code);
    yyjson_mut_obj_add_bool(json, root, "profiled", facts->profiled);
    yyjson_mut_obj_add_uint(json, root, "total_ns", facts->together);
    yyjson_mut_obj_add_uint(json, root, "before_main_ns", facts->before_main);
    yyjson_mut_obj_add_uint(json, root, "prepare_ns", facts->phases[0]);
    yyjson_mut_obj_add_uint(json, root, "engine_ns", facts->phases[1]);
    yyjson_mut_obj_add_uint(json, root, "module_ns", facts->phases[2]);
    yyjson_mut_obj_add_str(json, root, "module", facts->module);
    yyjson_mut_obj_add_uint(json, root, "link_ns", facts->phases[3]);
    yyjson_mut_obj_add_uint(json, root, "end_ns", facts->phases[4]);
    yyjson_mut_obj_add_uint(json, root, "other_ns", facts->other);
    yyjson_mut_obj_add_val(json, root, "guests", json_of_guests(json, facts));
    yyjson_mut_obj_add_val(json, root, "runtimes", json_of_runtimes(json, facts));
    yyjson_mut_obj_add_val(json, root, "models", json_of_models(json, facts));
    yyjson_mut_obj_add_val(json, root, "calls", json_of_calls(json, facts));
    yyjson_mut_obj_add_uint(json, root, "copied_in_bytes", facts->copied_in);
    yyjson_mut_obj_add_uint(json, root, "copied_out_bytes", facts->copied_out);
    yyjson_mut_obj_add_uint(json, root, "copied_both_ways_bytes", facts->copied_both);
    add_known(json, root, "peak_memory_bytes", facts->peak_memory);
    add_known(json, root, "anonymous_memory_bytes", facts->anonymous_memory);
    char *text = wasinn__checked(yyjson_mut_write(json, 0, NULL));
    fprintf(file, "%s\n", text);
    free(text);
    yyjson_mut_doc_free(json);
}
