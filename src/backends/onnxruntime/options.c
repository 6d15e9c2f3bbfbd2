#include <stdlib.h>
#include <string.h>

#include "backends/onnxruntime/state.h"

#define MOST_THREADS 1024

enum { THREADS, INTEROP_THREADS, OPTIMIZATION, PRECISION, SPINNING, ARENA };

const char *const wasinn__ort_option_keys[6] = {
    [THREADS] = "threads",           [INTEROP_THREADS] = "interop_threads",
    [OPTIMIZATION] = "optimization", [PRECISION] = "precision",
    [SPINNING] = "spinning",         [ARENA] = "arena",
};

const char *const wasinn__ort_option_texts[6] = {
    [THREADS] = "threads for one layer, 1 to 1024; default: one for each core",
    [INTEROP_THREADS] = "layers that may run at once, 1 to 1024; default: 1",
    [OPTIMIZATION] = "none, basic, extended or all: how far the graph is rewritten; default: all",
    [PRECISION] = "f32, what f32 models are computed in; default: f32",
    [SPINNING] = "yes or no: idle threads wait busily, which is faster; default: yes",
    [ARENA] = "yes or no: memory is kept from one compute to the next; default: yes",
};

static const struct {
    const char *name;
    int level;
} optimizations[] = {
    {"none", WASINN__ORT_OPTIMIZE_NONE},
    {"basic", WASINN__ORT_OPTIMIZE_BASIC},
    {"extended", WASINN__ORT_OPTIMIZE_EXTENDED},
    {"all", WASINN__ORT_OPTIMIZE_ALL},
};

static int key_of(const char *key) {
    for (int i = 0; i < (int)(sizeof wasinn__ort_option_keys / sizeof *wasinn__ort_option_keys); i++)
        if (strcmp(wasinn__ort_option_keys[i], key) == 0)
            return i;
    return -1;
}

static bool parse_threads(const char *value, int *threads) {
    if (value[0] < '1' || value[0] > '9' || strlen(value) > 4 ||
        strspn(value, "0123456789") != strlen(value) || atoi(value) > MOST_THREADS)
        return false;
    *threads = atoi(value);
    return true;
}

static bool parse_optimization(const char *value, int *level) {
    for (size_t i = 0; i < sizeof optimizations / sizeof *optimizations; i++) {
        if (strcmp(optimizations[i].name, value) == 0) {
            *level = optimizations[i].level;
            return true;
        }
    }
    return false;
}

static bool parse_yes(const char *value, bool *yes) {
    *yes = strcmp(value, "yes") == 0;
    return *yes || strcmp(value, "no") == 0;
}

/* Puts one option into the settings; otherwise says what was wanted. */
static bool parse(const char *key, const char *value, wasinn__ort_settings *settings, const char **wanted) {
    switch (key_of(key)) {
    case THREADS:
        *wanted = "a number from 1 to 1024";
        return parse_threads(value, &settings->threads);
    case INTEROP_THREADS:
        *wanted = "a number from 1 to 1024";
        return parse_threads(value, &settings->interop_threads);
    case OPTIMIZATION:
        *wanted = "none, basic, extended or all";
        return parse_optimization(value, &settings->optimization);
    case PRECISION:
        *wanted = "f32, which ONNX Runtime computes f32 models in";
        return strcmp(value, "f32") == 0;
    case SPINNING:
        *wanted = "yes or no";
        return parse_yes(value, &settings->spinning);
    case ARENA:
        *wanted = "yes or no";
        return parse_yes(value, &settings->arena);
    default:
        *wanted = "an option that there is";
        return false;
    }
}

wasinn_status wasinn__ort_check_option(const char *key, const char *value, wasinn_message *message) {
    wasinn__ort_settings ignored;
    const char *wanted;
    if (parse(key, value, &ignored, &wanted))
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "option '%s' wants %s, got '%s'", key, wanted,
                         value);
}

void wasinn__ort_read_options(const wasinn_load_request *request, wasinn__ort_settings *settings) {
    const char *wanted;
    *settings =
        (wasinn__ort_settings){.optimization = WASINN__ORT_OPTIMIZE_ALL, .spinning = true, .arena = true};
    for (size_t i = 0; i < request->option_count; i++)
        parse(request->options[i].key, request->options[i].value, settings, &wanted);
}
