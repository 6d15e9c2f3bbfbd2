/* Backends, called NAME, that refuse each model with all that they were asked for, so that a test can read
 * it. */
#define wasinn_backend_table linear_table
#include "../../examples/backend.c"
#undef wasinn_backend_table

WASINN_API const wasinn_backend *wasinn_backend_table(void);

static wasinn_status tell(void *runtime, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message) {
    static const char *const encodings[] = {"openvino", "onnx",           "tensorflow",
                                            "pytorch",  "tensorflowlite", "ggml"};
    static const char *const targets[] = {"cpu", "gpu", "npu", "auto"};
    char text[512];
    (void)runtime, (void)loaded;
    snprintf(text, sizeof text, "[%s %s %s]", NAME, encodings[request->encoding], targets[request->target]);
    for (size_t i = 0; i < request->option_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "[%s=%s]", request->options[i].key,
                 request->options[i].value);
    }
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "%s %s", text,
                         request->source->kind == WASINN_SOURCE_PATH ? request->source->path : "bytes");
}

static wasinn_status check(const char *key, const char *value, wasinn_message *message) {
    if (strcmp(key, "threads") == 0 && (!value[0] || strspn(value, "0123456789") != strlen(value)))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "option '%s' is '%s'; wanted a number", key,
                             value);
    return WASINN_OK;
}

const wasinn_backend *wasinn_backend_table(void) {
    static const wasinn_encoding known[] = {WASINN_ENCODING_ONNX, WASINN_ENCODING_TENSORFLOW,
                                            WASINN_ENCODING_PYTORCH, WASINN_ENCODING_TENSORFLOWLITE,
                                            WASINN_ENCODING_GGML};
    static const char *const keys[] = {"threads", "precision", "mmap", "hint"};
    static wasinn_backend table;
    table = *linear_table();
    table.name = NAME;
    table.encodings = known;
    table.encoding_count = sizeof known / sizeof *known;
    table.option_keys = keys;
    table.option_key_count = sizeof keys / sizeof *keys;
    table.load = tell;
    table.check_option = check;
    table.probe = NULL;
    table.probe_path = NULL;
    return &table;
}
