/* What `wasinn bench` prints for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* Columns of a terminal. */
enum { WIDTH = 80, TITLE = 10 };

static const char *shown(const char *text, char *out, size_t capacity) {
    return wasinn_escape(text, strlen(text), out, capacity);
}

/* Words, with line breaks so that they keep to the width, behind a title. */
static void print_line(const char *title, const char *text) {
    int at = printf("%-*s", TITLE, title);
    bool begun = false;
    for (const char *word = text; *word; word += strspn(word, " ")) {
        int length = (int)strcspn(word, " ");
        if (begun && at + 1 + length > WIDTH)
            at = printf("\n%*s", TITLE, "") - 1;
        else if (begun)
            at += printf(" ");
        at += printf("%.*s", length, word);
        word += length;
        begun = true;
    }
    putchar('\n');
}

/* ---- The model ---------------------------------------------------------------------------------- */

static void print_settings(const wasinn__bench_model *model) {
    static const char *const keys[] = {"precision", "hint", "threads", "streams"};
    char text[4096] = "", value[512];
    size_t used = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!wasinn__bench_option(model, keys[i]) && wasinn__bench_has_option(model, keys[i]))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", keys[i]);
    if (used > 0)
        used += (size_t)snprintf(text + used, sizeof text - used, ": the runtime's default");
    for (size_t i = 0; i < model->option_count && used < sizeof text / 2; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s: ", used ? "; " : "",
                                 model->options[i].key);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                 shown(model->options[i].value, value, sizeof value));
    }
    print_line("settings", used > 0 ? text : "the runtime's defaults");
}

static void print_port(const char *side, uint32_t index, const char *name, const wasinn_tensor *tensor,
                       const char *origin) {
    char title[32], text[2048], shape[WASINN__BENCH_SHAPE], escaped[512];
    snprintf(title, sizeof title, "%s %u ", side, index);
    snprintf(text, sizeof text, "'%s' %s, %zu bytes%s", shown(name, escaped, sizeof escaped),
             wasinn__bench_shape(tensor, shape), tensor->size, origin);
    print_line(title, text);
}

static void print_ports(const wasinn__bench_report *report) {
    const wasinn__bench_model *model = report->model;
    char origin[1024], file[512];
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++) {
        const wasinn__bench_input *input = &report->inputs[i];
        snprintf(origin, sizeof origin, ", %s%s%s", input->file ? "from " : "made up",
                 input->file ? shown(input->file, file, sizeof file) : "",
                 input->assumed ? "; open dimensions are the least" : "");
        print_port("input", i, model->ports[WASINN_INPUT][i].name, &input->tensor, origin);
    }
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++)
        print_port("output", i, model->ports[WASINN_OUTPUT][i].name, &report->outputs[i], "");
}

void wasinn__bench_print_model(const wasinn__bench_report *report) {
    const wasinn__bench_options *options = report->options;
    const wasinn__bench_model *model = report->model;
    const char *path = options->models.list[options->models.count - 1].config.path;
    char text[2048], escaped[1024], version[256];
    if (report->first) {
        snprintf(text, sizeof text, "%s, %s", shown(path, escaped, sizeof escaped),
                 wasinn_encoding_name(model->encoding));
        print_line("model", text);
        snprintf(text, sizeof text, "%s %s, device %s", shown(model->table->name, escaped, sizeof escaped),
                 shown(model->version, version, sizeof version), wasinn_target_name(model->target));
        print_line("runtime", text);
    }
    print_settings(model);
    snprintf(text, sizeof text, "%.1f ms%s, %+.1f MB of memory, %+.1f MB of mapped files%s",
             model->seconds * 1000, model->from_cache ? ", compiled before" : "", (double)model->added / 1e6,
             (double)model->mapped / 1e6, options->cache ? "" : "; no cache");
    print_line("load", text);
    if (report->first)
        print_ports(report);
    putchar('\n');
}

/* ---- Figures ------------------------------------------------------------------------------------ */

typedef struct unit {
    const char *name;
    double nanoseconds;
} unit;

static unit unit_of(double nanoseconds) {
    if (nanoseconds < 1e6)
        return (unit){"microseconds", 1e3};
    return nanoseconds < 1e9 ? (unit){"milliseconds", 1e6} : (unit){"seconds", 1e9};
}

/* Four digits or more, right-aligned. */
static void print_number(double value, int width) {
    int before = value < 1 ? 1 : (int)log10(value) + 1;
    printf(" %*.*f", width - 1, before < 4 ? 4 - before : 0, value);
}

static void print_figure(wasinn__bench_arm arm, const wasinn__bench_figure *figure, const unit *unit) {
    const wasinn__histogram *times = &figure->times;
    static const double shares[] = {0.5, 0.9, 0.99};
    printf("%-14s", wasinn__bench_arm_name(arm));
    print_number((double)times->least / unit->nanoseconds, 10);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        print_number(wasinn__histogram_quantile(times, shares[i]) / unit->nanoseconds, 10);
    print_number((double)times->most / unit->nanoseconds, 11);
    print_number((double)times->count / figure->seconds, 14);
    putchar('\n');
}

static bool has_one(const wasinn__interval *interval) {
    return interval->low <= 1 && interval->high >= 1;
}

static void print_pairs(const wasinn__bench_block *block) {
    wasinn__bench_pair pair;
    char name[64], time[64], rate[64];
    printf("\n%-32s%-24s%s\n", "ratio (95 % interval)", "median time", "inferences a second");
    for (size_t i = 0; i < WASINN__BENCH_PAIRS; i++) {
        if (!wasinn__bench_compare(block, i, &pair))
            continue;
        snprintf(name, sizeof name, "%s / %s", wasinn__bench_arm_name(pair.one),
                 wasinn__bench_arm_name(pair.other));
        snprintf(time, sizeof time, "%.3f (%.3f to %.3f)", pair.time.middle, pair.time.low, pair.time.high);
        snprintf(rate, sizeof rate, "%.3f (%.3f to %.3f)", pair.rate.middle, pair.rate.low, pair.rate.high);
        printf("%-32s%-24s%s\n", name, time, rate);
    }
    for (size_t i = 0; i < WASINN__BENCH_PAIRS; i++)
        if (wasinn__bench_compare(block, i, &pair) && has_one(&pair.time))
            printf("%s and %s cannot be told apart by their times\n", wasinn__bench_arm_name(pair.one),
                   wasinn__bench_arm_name(pair.other));
}

void wasinn__bench_print_block(const wasinn__bench_block *block) {
    const wasinn__bench_figure *native = &block->figures[WASINN__ARM_NATIVE];
    unit unit = unit_of(wasinn__histogram_quantile(&native->times, 0.5));
    bool equal = true;
    printf("%u %s: %s for one inference; %zu rounds of %.3g s", block->instances,
           block->instances == 1 ? "guest" : "guests at once", unit.name, block->rounds,
           block->round_seconds);
    puts(wasinn__histogram_quantile(&native->times, 0.5) > block->round_seconds * 1e9 ? " or one inference"
                                                                                      : "");
    printf("%-14s%10s%10s%10s%10s%11s%14s\n", "", "min", "p50", "p90", "p99", "max", "per second");
    for (wasinn__bench_arm arm = 0; arm < WASINN__ARMS; arm++)
        if (block->figures[arm].there)
            print_figure(arm, &block->figures[arm], &unit);
    print_pairs(block);
    for (wasinn__bench_arm arm = 0; arm < WASINN__ARMS; arm++) {
        if (!block->figures[arm].there || block->equal[arm])
            continue;
        printf("%s: its first outputs are not those of native\n", wasinn__bench_arm_name(arm));
        equal = false;
    }
    if (equal)
        puts("outputs are the same in all, bit for bit");
    putchar('\n');
}
