/* ONNX Runtime's C API, opened when it is first needed. */
#ifndef WASINN_BACKENDS_ONNXRUNTIME_LIBRARY_H
#define WASINN_BACKENDS_ONNXRUNTIME_LIBRARY_H

#include "backends/onnxruntime/api.h"
#include "wasinn/backend.h"

typedef struct wasinn__ort_library {
    void *handle; /* of dlopen */
    char path[4096];
    char version[64];
    wasinn__ort api;
} wasinn__ort_library;

/* Looks for it as backends/find_library.h says; `preferred` is a file, a folder or NULL, the variable is
 * WASINN_ONNXRUNTIME, and nothing is known of installations. */
wasinn_status wasinn__ort_open(const char *preferred, wasinn__ort_library *library, wasinn_message *message);
void wasinn__ort_close(wasinn__ort_library *library);

#endif
