/* The names of statuses, encodings and targets, as the specification spells them. */
#include "core/names.h"

#include <string.h>

const char *wasinn_version(void) {
    return WASINN_VERSION;
}

const char *wasinn_status_name(wasinn_status status) {
    switch (status) {
    case WASINN_OK:
        return "success";
    case WASINN_INVALID_ARGUMENT:
        return "invalid_argument";
    case WASINN_INVALID_HANDLE:
        return "invalid_handle";
    case WASINN_INVALID_ENCODING:
        return "invalid_encoding";
    case WASINN_MISSING_MEMORY:
        return "missing_memory";
    case WASINN_BUSY:
        return "busy";
    case WASINN_RUNTIME_ERROR:
        return "runtime_error";
    case WASINN_UNSUPPORTED_OPERATION:
        return "unsupported_operation";
    case WASINN_TOO_LARGE:
        return "too_large";
    case WASINN_NOT_FOUND:
        return "not_found";
    case WASINN_TIMEOUT:
        return "timeout";
    case WASINN_SECURITY:
        return "security";
    }
    return "unknown";
}

static const char *const encodings[WASINN__ENCODINGS] = {
    [WASINN_ENCODING_OPENVINO] = "openvino",
    [WASINN_ENCODING_ONNX] = "onnx",
    [WASINN_ENCODING_TENSORFLOW] = "tensorflow",
    [WASINN_ENCODING_PYTORCH] = "pytorch",
    [WASINN_ENCODING_TENSORFLOWLITE] = "tensorflowlite",
    [WASINN_ENCODING_GGML] = "ggml",
    [WASINN_ENCODING_AUTODETECT] = "autodetect",
};

const char *wasinn_encoding_name(wasinn_encoding encoding) {
    return (unsigned)encoding < WASINN__ENCODINGS ? encodings[encoding] : "unknown";
}

bool wasinn_encoding_parse(const char *name, wasinn_encoding *encoding) {
    for (int i = 0; i < WASINN__ENCODINGS; i++) {
        if (strcmp(name, encodings[i]) == 0) {
            *encoding = (wasinn_encoding)i;
            return true;
        }
    }
    return false;
}

static const char *const targets[WASINN__TARGETS] = {
    [WASINN_TARGET_CPU] = "cpu",
    [WASINN_TARGET_GPU] = "gpu",
    [WASINN_TARGET_NPU] = "npu",
    [WASINN_TARGET_AUTO] = "auto",
};

const char *wasinn_target_name(wasinn_target target) {
    return (unsigned)target < WASINN__TARGETS ? targets[target] : "unknown";
}

bool wasinn_target_parse(const char *name, wasinn_target *target) {
    for (int i = 0; i < WASINN__TARGETS; i++) {
        if (strcmp(name, targets[i]) == 0) {
            *target = (wasinn_target)i;
            return true;
        }
    }
    return false;
}
