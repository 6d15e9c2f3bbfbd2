/* wasinn top: the highest values of a model's output. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "cli.h"
#include "elements.h"
#include "file.h"
#include "labels.h"
#include "wasinn/wasinn.h"

enum { BAR = 40, VALUE_TEXT = 32 };

struct options {
    const char *in;
    const char *labels; /* NULL: classes are shown by number */
    wasinn_type type;
    size_t count;
    bool softmax, json;
};

struct output {
    wasinn_type type;
    uint8_t *data;
    size_t count, nans;
    double least, greatest; /* of all but NaN */
    double least_finite;
    double sum; /* of exp(value - greatest) */
    size_t greatest_count;
};

/* What is to be shown. */
struct result {
    const struct options *options;
    const struct output *output;
    const struct wasinn__labels *labels;
    const size_t *best; /* classes, the best one first */
    size_t count;
};

static const char help[] =
    "usage: wasinn top IN [--type TYPE] [--labels FILE] [--count N] [--softmax] [--json]\n"
    "\n"
    "Shows the highest values of a model's output, a file of raw numbers in the machine's byte order, as\n"
    "bars. IN may be - for stdin.\n"
    "\n"
    "A classifier's probabilities, with the names of the classes:\n"
    "\n"
    "  wasinn top output.f32 --labels labels.txt\n"
    "\n"
    "Scores in f16 as probabilities, the best three, for another program:\n"
    "\n"
    "  wasinn top scores.f16 --type f16 --softmax --count 3 --json\n"
    "\n"
    "options:\n"
    "  --type TYPE      f32 (default), f64, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64, bool\n"
    "  --labels FILE    names of the classes in UTF-8, one a line, as many as there are values; - for\n"
    "                   stdin\n"
    "  --count N        how many to show; default 5; all if there are fewer\n"
    "  --softmax        turns scores into probabilities first\n"
    "  --json           an array of objects with rank (from 1), class (from 0), label (null without\n"
    "                   --labels) and value (null if it is infinite)\n"
    "  -h, --help       shows this\n"
    "\n"
    "Where all values are from 0 to 1, they are shown in per cent. Others are shown as they are, with bars\n"
    "relative to the best; if that is 0 or less, from the least finite value to the best.\n"
    "Of equal values, the lower class comes first. NaN is left out, and its number told on stderr.\n"
    "Limits: 67108864 values, 64 MiB of labels.\n";

/* ---- Options ------------------------------------------------------------------------------------- */

#define fail_usage(...) wasinn__fail_usage("top", __VA_ARGS__)

static int parse_count(const char *text, size_t *count) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (errno != 0 || value < 1 || value > WASINN__MAX_ELEMENTS || *end != '\0')
        return fail_usage("--count %.100s: expected a number from 1 to %d", text, WASINN__MAX_ELEMENTS);
    *count = (size_t)value;
    return WASINN__EXIT_OK;
}

static int apply_option(struct options *options, int option, const char *text) {
    switch (option) {
    case 't':
        if (wasinn_type_parse(text, &options->type))
            return WASINN__EXIT_OK;
        return fail_usage("--type %.100s: expected f32, f64, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64 "
                          "or bool",
                          text);
    case 'l':
        options->labels = text;
        return WASINN__EXIT_OK;
    case 'n':
        return parse_count(text, &options->count);
    case 's':
        options->softmax = true;
        return WASINN__EXIT_OK;
    default:
        options->json = true;
        return WASINN__EXIT_OK;
    }
}

static int parse_options(struct options *options, int argc, char **argv, bool *helped) {
    static const struct option known[] = {
        {"type", required_argument, NULL, 't'},
        {"labels", required_argument, NULL, 'l'},
        {"count", required_argument, NULL, 'n'},
        {"softmax", no_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct options){.type = WASINN_TYPE_F32, .count = 5};
    *helped = false;
    optind = 0;
    opterr = 0;
    int option, code = WASINN__EXIT_OK;
    while (code == WASINN__EXIT_OK && (option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            *helped = true;
            return WASINN__EXIT_OK;
        }
        if (option == ':' || option == '?')
            return wasinn__fail_option("top", option, argv);
        code = apply_option(options, option, optarg);
    }
    if (code != WASINN__EXIT_OK)
        return code;
    if (argc - optind > 1)
        return fail_usage("expected IN, got %.100s besides", argv[optind + 1]);
    if (argc - optind < 1)
        return fail_usage("expected IN");
    options->in = argv[optind];
    if (options->labels && strcmp(options->labels, "-") == 0 && strcmp(options->in, "-") == 0)
        return fail_usage("expected only one of IN and --labels to be -");
    return WASINN__EXIT_OK;
}

/* ---- The values ---------------------------------------------------------------------------------- */

static double value_at(const struct output *output, size_t class) {
    return wasinn__element_load(output->type, output->data, class);
}

static int read_output(const struct options *options, struct output *output) {
    char problem[WASINN__FILE_PROBLEM];
    const char *name = wasinn__in_name(options->in), *type = wasinn_type_name(options->type);
    size_t element = wasinn_type_size(options->type), size = 0;
    *output = (struct output){
        .type = options->type, .least = HUGE_VAL, .greatest = -HUGE_VAL, .least_finite = HUGE_VAL};
    if (!wasinn__file_read(options->in, element * WASINN__MAX_ELEMENTS, NULL, &output->data, &size, problem))
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: %s", name, problem);
    if (size == 0)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: empty, expected values of %s", name, type);
    if (size % element != 0)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: %zu bytes, expected values of %s, %zu bytes each", name,
                            size, type, element);
    output->count = size / element;
    for (size_t i = 0; i < output->count; i++) {
        double value = value_at(output, i);
        output->nans += isnan(value) != 0;
        output->least = fmin(output->least, value);
        if (isfinite(value))
            output->least_finite = fmin(output->least_finite, value);
        output->greatest = fmax(output->greatest, value);
    }
    if (output->nans == output->count)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: expected numbers, got NaN for each of %zu values", name,
                            output->count);
    return WASINN__EXIT_OK;
}

/* Whether class `one` comes before class `other`. */
static bool is_better(const struct output *output, size_t one, size_t other) {
    if (wasinn__element_less(output->type, output->data, other, one))
        return true;
    return one < other && !wasinn__element_less(output->type, output->data, one, other);
}

/* Lets the class at `at` of a heap, whose first one is the worst, sink to its place. */
static void sink(const struct output *output, size_t *heap, size_t count, size_t at) {
    size_t class = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_better(output, heap[child], heap[child + 1]))
            child++;
        if (!is_better(output, class, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = class;
}

/* Fills `best` with the best classes, the best one first. There must be as many that are not NaN. */
static void find_best(const struct output *output, size_t *best, size_t count) {
    size_t filled = 0;
    for (size_t class = 0; class < output->count; class++) {
        if (output->nans > 0 && isnan(value_at(output, class)))
            continue;
        if (filled < count) {
            best[filled++] = class;
            if (filled == count)
                for (size_t i = count / 2; i-- > 0;)
                    sink(output, best, count, i);
        } else if (is_better(output, class, best[0])) {
            best[0] = class;
            sink(output, best, count, 0);
        }
    }
    for (size_t end = count - 1; end > 0; end--) {
        size_t worst = best[0];
        best[0] = best[end];
        best[end] = worst;
        sink(output, best, end, 0);
    }
}

/* What softmax divides by. Measured from the greatest, no exponential is above 1. */
static void sum_exponentials(struct output *output) {
    for (size_t i = 0; i < output->count; i++) {
        double value = value_at(output, i);
        if (isnan(value))
            continue;
        output->greatest_count += value == output->greatest;
        output->sum += isfinite(output->greatest) ? exp(value - output->greatest) : 0;
    }
}

/* Where the greatest is infinite, those that are equal to it share the probability. */
static double softmax(const struct output *output, double value) {
    if (isfinite(output->greatest))
        return exp(value - output->greatest) / output->sum;
    return value == output->greatest ? 1.0 / (double)output->greatest_count : 0;
}

static double shown_value(const struct result *result, size_t class) {
    double value = value_at(result->output, class);
    return result->options->softmax ? softmax(result->output, value) : value;
}

/* ---- Showing ------------------------------------------------------------------------------------- */

static bool are_probabilities(const struct result *result) {
    return result->options->softmax || (result->output->least >= 0 && result->output->greatest <= 1);
}

/* The length of a bar relative to the best, from 0 to 1. */
static double relative(const struct output *output, double value) {
    double greatest = output->greatest, base = greatest > 0 ? 0 : output->least_finite;
    if (value == greatest)
        return 1;
    if (!isfinite(greatest) || value <= base)
        return 0;
    return (value / 2 - base / 2) / (greatest / 2 - base / 2);
}

static void value_text(const struct result *result, size_t class, char text[VALUE_TEXT]) {
    const struct output *output = result->output;
    if (are_probabilities(result))
        snprintf(text, VALUE_TEXT, "%5.1f %%", 100 * shown_value(result, class));
    else if (!wasinn__element_integer(output->type, output->data, class, text, VALUE_TEXT))
        snprintf(text, VALUE_TEXT, "%.6g", value_at(output, class));
}

static void print_bars(const struct result *result) {
    bool probabilities = are_probabilities(result);
    char text[VALUE_TEXT], label[1024];
    size_t width = 0;
    for (size_t i = 0; i < result->count; i++) {
        value_text(result, result->best[i], text);
        width = strlen(text) > width ? strlen(text) : width;
    }
    for (size_t i = 0; i < result->count; i++) {
        size_t class = result->best[i], length = 0;
        double value = shown_value(result, class);
        int bar = (int)((probabilities ? value : relative(result->output, value)) * BAR + 0.5);
        value_text(result, class, text);
        printf("%*s ", (int)width, text);
        for (int j = 0; j < BAR; j++)
            fputs(j < bar ? "█" : "·", stdout);
        if (result->labels->text) {
            const char *name = wasinn__label(result->labels, class, &length);
            printf(" %s\n", wasinn_escape(name, length, label, sizeof label));
        } else {
            printf(" class %zu\n", class);
        }
    }
}

/* A label that is not UTF-8 is escaped as it is for people. NULL: no memory. */
static yyjson_mut_val *label_json(yyjson_mut_doc *document, const struct result *result, size_t class) {
    char shown[4096];
    size_t length = 0;
    if (!result->labels->text)
        return yyjson_mut_null(document);
    const char *name = wasinn__label(result->labels, class, &length);
    yyjson_mut_val *label = yyjson_mut_strn(document, name, length);
    char *written = label ? yyjson_mut_val_write(label, 0, NULL) : NULL;
    free(written);
    if (label && !written)
        label = yyjson_mut_strcpy(document, wasinn_escape(name, length, shown, sizeof shown));
    return label;
}

static yyjson_mut_val *value_json(yyjson_mut_doc *document, const struct result *result, size_t class) {
    const struct output *output = result->output;
    char text[VALUE_TEXT];
    if (!result->options->softmax &&
        wasinn__element_integer(output->type, output->data, class, text, VALUE_TEXT))
        return yyjson_mut_rawcpy(document, text);
    return yyjson_mut_real(document, shown_value(result, class));
}

static bool add_json(yyjson_mut_doc *document, yyjson_mut_val *ranks, const struct result *result, size_t i) {
    yyjson_mut_val *rank = yyjson_mut_arr_add_obj(document, ranks);
    size_t class = result->best[i];
    return rank && yyjson_mut_obj_add_uint(document, rank, "rank", i + 1) &&
           yyjson_mut_obj_add_uint(document, rank, "class", class) &&
           yyjson_mut_obj_add_val(document, rank, "label", label_json(document, result, class)) &&
           yyjson_mut_obj_add_val(document, rank, "value", value_json(document, result, class));
}

static int print_json(const struct result *result) {
    /* Only ASCII, so that no character can play tricks on a terminal. */
    const yyjson_write_flag flags =
        YYJSON_WRITE_PRETTY | YYJSON_WRITE_INF_AND_NAN_AS_NULL | YYJSON_WRITE_ESCAPE_UNICODE;
    yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *ranks = document ? yyjson_mut_arr(document) : NULL;
    bool done = ranks != NULL;
    for (size_t i = 0; done && i < result->count; i++)
        done = add_json(document, ranks, result, i);
    char *text = NULL;
    if (done) {
        yyjson_mut_doc_set_root(document, ranks);
        text = yyjson_mut_write(document, flags, NULL);
    }
    if (text)
        puts(text);
    free(text);
    yyjson_mut_doc_free(document);
    return text ? WASINN__EXIT_OK : wasinn__fail(WASINN__EXIT_FAILED, "no memory for JSON");
}

static int show(const struct options *options, struct output *output, const struct wasinn__labels *labels) {
    size_t numbers = output->count - output->nans;
    size_t count = options->count < numbers ? options->count : numbers;
    size_t *best = malloc(count * sizeof *best);
    if (!best)
        return wasinn__fail(WASINN__EXIT_FAILED, "no memory for %zu values", count);
    find_best(output, best, count);
    if (options->softmax)
        sum_exponentials(output);
    struct result result = {options, output, labels, best, count};
    int code = WASINN__EXIT_OK;
    if (options->json)
        code = print_json(&result);
    else
        print_bars(&result);
    free(best);
    if (code == WASINN__EXIT_OK)
        code = wasinn__flush_stdout();
    if (code == WASINN__EXIT_OK && output->nans > 0)
        wasinn__fail(code, "%s: %zu of %zu values are NaN, and left out", wasinn__in_name(options->in),
                     output->nans, output->count);
    return code;
}

int wasinn__top_command(int argc, char **argv) {
    struct options options;
    struct output output;
    struct wasinn__labels labels = {NULL, NULL, 0};
    bool helped;
    int code = parse_options(&options, argc, argv, &helped);
    if (code != WASINN__EXIT_OK)
        return code;
    if (helped)
        return wasinn__print_help(help);
    code = read_output(&options, &output);
    if (code == WASINN__EXIT_OK && options.labels)
        code = wasinn__labels_read(options.labels, &labels);
    if (code == WASINN__EXIT_OK && options.labels && labels.count != output.count)
        code = wasinn__fail(WASINN__EXIT_FAILED, "%s: %zu lines, expected %zu, one for each value of %s",
                            wasinn__in_name(options.labels), labels.count, output.count,
                            wasinn__in_name(options.in));
    if (code == WASINN__EXIT_OK)
        code = show(&options, &output, &labels);
    wasinn__labels_free(&labels);
    free(output.data);
    return code;
}
