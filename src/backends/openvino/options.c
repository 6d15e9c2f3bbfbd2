#include "backends/openvino/options.h"

#include <string.h>

enum { MOST = 1024, CHOICES = 3 };

typedef struct choice {
    const char *ours, *theirs;
} choice;

/* In the order of the keys; a property of NULL is an option of our own. */
static const struct {
    const char *property;
    bool number; /* from 1 to MOST, besides the choices */
    choice choices[CHOICES];
} options[WASINN__OPENVINO_OPTIONS] = {
    {"INFERENCE_NUM_THREADS", true, {{0}}},
    {"NUM_STREAMS", true, {{"auto", "AUTO"}}},
    {"INFERENCE_PRECISION_HINT", false, {{"f32", "f32"}, {"f16", "f16"}, {"bf16", "bf16"}}},
    {"PERFORMANCE_HINT", false, {{"latency", "LATENCY"}, {"throughput", "THROUGHPUT"}}},
    {"EXECUTION_MODE_HINT", false, {{"performance", "PERFORMANCE"}, {"accuracy", "ACCURACY"}}},
    {"ENABLE_CPU_PINNING", false, {{"yes", "YES"}, {"no", "NO"}}},
    {NULL, false, {{"yes", "YES"}, {"no", "NO"}}},
};

const char *const wasinn__openvino_option_keys[] = {"threads", "streams", "precision", "hint",
                                                    "mode",    "pinning", "mmap"};

const char *const wasinn__openvino_option_texts[] = {
    "a number of threads from 1 to 1024; default: one for each core",
    "how many inferences run side by side, from 1 to 1024 or auto; default: as hint has it",
    "f32, f16 or bf16, in which the device computes; default: its fastest, as mode has it",
    "latency or throughput, what the device is set up for; default: latency",
    "performance or accuracy, whether fewer bits than the model's will do; default: performance",
    "yes or no, whether threads stay on their cores; default: as the machine and hint have it",
    "yes or no, whether files are mapped, which must stay whole then; not for bytes; default: no",
};

static bool is_number(const char *value) {
    size_t length = strspn(value, "0123456789");
    unsigned number = 0;
    if (length == 0 || length > 4 || value[length] != '\0' || value[0] == '0')
        return false;
    for (size_t i = 0; i < length; i++)
        number = number * 10 + (unsigned)(value[i] - '0');
    return number <= MOST;
}

/* OpenVINO's value for ours; NULL: the option does not take it. */
static const char *value_for(size_t option, const char *value) {
    if (options[option].number && is_number(value))
        return value;
    for (size_t i = 0; i < CHOICES && options[option].choices[i].ours; i++)
        if (strcmp(options[option].choices[i].ours, value) == 0)
            return options[option].choices[i].theirs;
    return NULL;
}

static size_t index_of(const char *key) {
    size_t i = 0;
    while (i < WASINN__OPENVINO_OPTIONS && strcmp(wasinn__openvino_option_keys[i], key) != 0)
        i++;
    return i;
}

wasinn_status wasinn__openvino_check_option(const char *key, const char *value, wasinn_message *message) {
    char wanted[128] = "";
    size_t option = index_of(key);
    if (option == WASINN__OPENVINO_OPTIONS)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "OpenVINO has no option '%s'", key);
    if (value_for(option, value))
        return WASINN_OK;
    if (options[option].number)
        snprintf(wanted, sizeof wanted, "a number from 1 to %d", MOST);
    for (size_t i = 0; i < CHOICES && options[option].choices[i].ours; i++) {
        bool last = i + 1 == CHOICES || !options[option].choices[i + 1].ours;
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, "%s%s",
                 used == 0 ? ""
                 : last    ? " or "
                           : ", ",
                 options[option].choices[i].ours);
    }
    return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "option '%s' wants %s, got '%s'", key, wanted,
                         value);
}

bool wasinn__openvino_maps(const wasinn_load_request *request) {
    for (size_t i = 0; i < request->option_count; i++)
        if (strcmp(request->options[i].key, "mmap") == 0)
            return strcmp(request->options[i].value, "yes") == 0;
    return false;
}

static void set(wasinn__openvino_settings *settings, const char *key, const char *value) {
    settings->keys[settings->count] = key;
    snprintf(settings->values[settings->count], sizeof *settings->values, "%s", value);
    settings->count++;
}

void wasinn__openvino_settings_of(const wasinn_load_request *request, wasinn__openvino_settings *settings) {
    settings->count = 0;
    for (size_t i = 0; i < request->option_count; i++) {
        size_t option = index_of(request->options[i].key);
        if (option < WASINN__OPENVINO_OPTIONS && options[option].property)
            set(settings, options[option].property, value_for(option, request->options[i].value));
    }
    if (request->profile)
        set(settings, "PERF_COUNT", "YES");
}

ov_status_e wasinn__openvino_set_core(const wasinn__openvino *library, ov_core_t *core, const char *device,
                                      const wasinn__openvino_settings *settings) {
    ov_status_e code = OK;
    for (size_t i = 0; i < settings->count && code == OK; i++)
        code = library->ov_core_set_property(core, device, settings->keys[i], settings->values[i]);
    return code;
}

ov_status_e wasinn__openvino_compile(const wasinn__openvino_runtime *runtime, const ov_model_t *model,
                                     const char *device, const wasinn__openvino_settings *settings,
                                     ov_compiled_model_t **compiled) {
    const char *p[2 * (WASINN__OPENVINO_OPTIONS + 1)] = {0};
    size_t count = 0;
    for (size_t i = 0; i < settings->count; i++) {
        p[count++] = settings->keys[i];
        p[count++] = settings->values[i];
    }
    /* It reads as many as it is told. */
    return runtime->library.ov_core_compile_model(runtime->core, model, device, count, compiled, p[0], p[1],
                                                  p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10],
                                                  p[11], p[12], p[13]);
}
