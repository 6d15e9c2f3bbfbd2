/* The command line of `wasinn bench`. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "cli/cli.h"

static const char help[] =
    "usage: wasinn bench MODEL[,KEY=VALUE]... [options]\n"
    "\n"
    "Measures a model: how long one inference takes, and how many there are in a second, from a guest in\n"
    "WebAssembly and natively, which is the ML runtime called without WebAssembly. MODEL is a file or "
    "folder,\n"
    "with the keys that `wasinn run --model` takes; a comma in a path is written ,,\n"
    "\n"
    "An inference is: all inputs copied to the runtime, the model computed, all outputs copied back. Arms "
    "take\n"
    "turns in rounds, on one loaded model, and are compared round by round. Arms called infer leave the "
    "copies\n"
    "out, where this build and the runtime can do so.\n"
    "\n"
    "  wasinn bench net.onnx\n"
    "  wasinn bench net.xml,precision=f32 --instances 1,2,8 --seconds 5 --plot net.svg\n"
    "  wasinn bench text.onnx --shape ids=1,128 --shape mask=1,128 --input ids=ids.i64\n"
    "\n"
    "options:\n"
    "  --instances N[,N]...  how many guests at once, each with a thread of its own; default: 1, and one "
    "for\n"
    "                        each core. For several, the runtime is set up for throughput, if it has an "
    "option\n"
    "                        `hint` and none was given\n"
    "  --seconds S           how long each figure is measured, from 0.01 to 3600, and longer where that does "
    "not do\n"
    "                        for six inferences of each guest; default 2\n"
    "  --shape NAME=DIMS     the shape of an input that the model leaves open, such as 1,3,224,224; default: "
    "the\n"
    "                        least that the model takes, and at least 1\n"
    "  --input [NAME=]FILE   the values of an input, raw; without a name, of the first, the second, and so "
    "on;\n"
    "                        default: made up, from 0 to 1\n"
    "  --backend ENC=NAME    lets backend NAME load models of encoding ENC\n"
    "  --option NAME:KEY=VALUE\n"
    "                        an option for the models of backend NAME\n"
    "  --backends FOLDERS    more folders with backends, with colons between them\n"
    "  --cache DIR           uses the cache of compiled models in DIR\n"
    "  --no-cache            uses none, so that loading is measured: the default\n"
    "  --plot FILE.svg       makes a picture of the figures\n"
    "  --json                the same for programs\n"
    "  -h, --help            shows this\n"
    "\n"
    "Exit codes: 0; 1 it failed: one line says why; 2 wrong usage. SIGINT ends it.\n";

#define fail_usage(...) wasinn__fail_usage("bench", __VA_ARGS__)

enum { BACKEND = 1, OPTION, BACKENDS, INSTANCES, SECONDS, SHAPE, INPUT, CACHE, NO_CACHE, PLOT, JSON };

static const struct option known[] = {
    {"backend", required_argument, NULL, BACKEND},
    {"option", required_argument, NULL, OPTION},
    {"backends", required_argument, NULL, BACKENDS},
    {"instances", required_argument, NULL, INSTANCES},
    {"seconds", required_argument, NULL, SECONDS},
    {"shape", required_argument, NULL, SHAPE},
    {"input", required_argument, NULL, INPUT},
    {"cache", required_argument, NULL, CACHE},
    {"no-cache", no_argument, NULL, NO_CACHE},
    {"plot", required_argument, NULL, PLOT},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_instances(wasinn__bench_options *options, const char *text) {
    options->count_count = 0;
    for (const char *at = text;; at++) {
        size_t digits = strspn(at, "0123456789");
        unsigned long number = digits > 0 && digits < 6 ? strtoul(at, NULL, 10) : 0;
        if (number < 1 || number > WASINN__BENCH_INSTANCES || (at[digits] != ',' && at[digits] != '\0'))
            return fail_usage("--instances %.100s: expected numbers from 1 to %d with commas between them",
                              text, WASINN__BENCH_INSTANCES);
        if (options->count_count == WASINN__BENCH_COUNTS)
            return fail_usage("--instances: expected at most %d numbers", WASINN__BENCH_COUNTS);
        for (size_t i = 0; i < options->count_count; i++)
            if (options->counts[i] == number)
                return fail_usage("--instances %.100s: %lu is given twice", text, number);
        options->counts[options->count_count++] = (unsigned)number;
        at += digits;
        if (*at == '\0')
            return WASINN__EXIT_OK;
    }
}

static int take_seconds(wasinn__bench_options *options, const char *text) {
    char *end;
    options->seconds = strtod(text, &end);
    if (end == text || *end || !(options->seconds >= 0.01 && options->seconds <= 3600))
        return fail_usage("--seconds %.100s: expected a number from 0.01 to 3600", text);
    return WASINN__EXIT_OK;
}

static int take(wasinn__bench_options *options, int option, char *value) {
    switch (option) {
    case BACKEND:
        return wasinn__models_add(&options->models, WASINN__PREFER, value);
    case OPTION:
        return wasinn__models_add(&options->models, WASINN__OPTION, value);
    case BACKENDS:
        return wasinn__models_add(&options->models, WASINN__BACKENDS, value);
    case INSTANCES:
        return take_instances(options, value);
    case SECONDS:
        return take_seconds(options, value);
    case SHAPE:
        options->shapes[options->shape_count++] = value;
        return strchr(value, '=') && value[0] != '='
                   ? WASINN__EXIT_OK
                   : fail_usage("--shape %.100s: expected NAME=DIMS, such as image=1,3,224,224", value);
    case INPUT:
        options->inputs[options->input_count++] = value;
        return value[0] ? WASINN__EXIT_OK : fail_usage("--input: expected FILE or NAME=FILE");
    case CACHE:
        options->cache = value;
        return WASINN__EXIT_OK;
    case NO_CACHE:
        options->cache = NULL;
        return WASINN__EXIT_OK;
    case PLOT:
        options->plot = value;
        return value[0] && strcmp(value, "-") != 0
                   ? WASINN__EXIT_OK
                   : fail_usage("--plot %s: expected a file; stdout has the figures", value);
    default:
        options->json = true;
        return WASINN__EXIT_OK;
    }
}

/* MODEL as the value of a --model would be, under the name of its file. */
static int take_model(wasinn__bench_options *options, const char *text) {
    size_t length = strcspn(text, ",");
    while (length > 1 && text[length - 1] == '/')
        length--;
    size_t from = length;
    while (from > 0 && text[from - 1] != '/' && text[from - 1] != '=')
        from--;
    if (from == length)
        return fail_usage("'%.100s': expected a model's file or folder", text);
    if (asprintf(&options->name, "%.*s=%s", (int)(length - from), text + from, text) < 0)
        options->name = wasinn__checked(NULL);
    return wasinn__models_add(&options->models, WASINN__MODEL, options->name);
}

/* One guest, and one for each core. */
static void default_instances(wasinn__bench_options *options) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->counts[options->count_count++] = 1;
    if (cores > 1)
        options->counts[options->count_count++] =
            (unsigned)(cores < WASINN__BENCH_INSTANCES ? cores : WASINN__BENCH_INSTANCES);
}

int wasinn__bench_parse(wasinn__bench_options *options, int argc, char **argv, bool *helped) {
    int option, code = WASINN__EXIT_OK;
    *options = (wasinn__bench_options){.seconds = 2};
    options->shapes = wasinn__checked(calloc((size_t)argc, sizeof *options->shapes));
    options->inputs = wasinn__checked(calloc((size_t)argc, sizeof *options->inputs));
    options->models.list = wasinn__checked(calloc((size_t)argc + 1, sizeof *options->models.list));
    optind = 0;
    opterr = 0;
    while (code == WASINN__EXIT_OK && (option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            *helped = true;
            return wasinn__print_help(help);
        }
        code = option == ':' || option == '?' ? wasinn__fail_option("bench", option, argv)
                                              : take(options, option, optarg);
    }
    if (code != WASINN__EXIT_OK)
        return code;
    if (argc - optind > 1)
        return fail_usage("expected MODEL, got '%.100s' besides", argv[optind + 1]);
    if (argc - optind < 1)
        return fail_usage("expected MODEL");
    if (options->count_count == 0)
        default_instances(options);
    return take_model(options, argv[optind]);
}

void wasinn__bench_options_free(wasinn__bench_options *options) {
    wasinn__models_free(&options->models);
    free(options->name);
    free(options->shapes);
    free(options->inputs);
}
