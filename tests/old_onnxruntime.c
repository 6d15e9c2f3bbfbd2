/* A library that has ONNX Runtime's one function, and is older than what is wanted. */
#include <stddef.h>
#include <stdint.h>

#include "backends/onnxruntime/api.h"

static const void *get_api(uint32_t version) {
    return version <= 17 ? &get_api : NULL;
}

static const char *get_version(void) {
    return "1.17.3";
}

__attribute__((visibility("default"))) const wasinn__ort_base *OrtGetApiBase(void);
const wasinn__ort_base *OrtGetApiBase(void) {
    static const wasinn__ort_base base = {get_api, get_version};
    return &base;
}
