#include "backends/onnxruntime/library.h"

#include <dlfcn.h>
#include <string.h>

#include "backends/find_library.h"

#define FILE_NAME "libonnxruntime.so"

/* Whether it is new enough, and takes its functions. */
static wasinn_status check(void *data, void *handle, const char *path, wasinn_message *message) {
    wasinn__ort_library *library = data;
    const wasinn__ort_base *(*get_base)(void);
    void *symbol = dlsym(handle, "OrtGetApiBase");
    if (!symbol)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "'%s' is not ONNX Runtime: no OrtGetApiBase",
                             path);
    memcpy(&get_base, &symbol, sizeof symbol);
    const wasinn__ort_base *base = get_base();
    snprintf(library->version, sizeof library->version, "%s", base->GetVersionString());
    const char *table = base->GetApi(WASINN__ORT_API);
    if (!table)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING,
                             "ONNX Runtime at '%s' is version %s; wanted " WASINN__ORT_RELEASE
                             " or newer, which has version %d of its C API",
                             path, library->version, WASINN__ORT_API);
#define TAKE(place, result, name, parameters)                                                                \
    memcpy(&library->api.name, table + (place) * sizeof(void (*)(void)), sizeof library->api.name);
    WASINN__ORT_FUNCTIONS(TAKE)
#undef TAKE
    return WASINN_OK;
}

wasinn_status wasinn__ort_open(const char *preferred, wasinn__ort_library *library, wasinn_message *message) {
    char text[512] = "";
    wasinn_message problem = {text, sizeof text};
    const wasinn__library_search search = {
        .runtime = "ONNX Runtime",
        .file = FILE_NAME,
        .symbol = "OrtGetApiBase",
        .preferred = preferred,
        .variable = "WASINN_ONNXRUNTIME",
        .name = "onnxruntime",
        .from_bin = WASINN__ONNXRUNTIME_FROM_BIN,
        .folder = WASINN__ONNXRUNTIME_FOLDER,
        .check = check,
        .data = library,
    };
    wasinn_status status =
        wasinn__find_library(&search, &library->handle, library->path, sizeof library->path, &problem);
    if (status == WASINN_OK)
        return status;
    return wasinn_refuse(message, status,
                         "%s; install ONNX Runtime " WASINN__ORT_RELEASE
                         " or newer (Python package onnxruntime, Debian package libonnxruntime1.21) and let "
                         "WASINN_ONNXRUNTIME be the folder that has its " FILE_NAME,
                         text);
}

void wasinn__ort_close(wasinn__ort_library *library) {
    if (library->handle)
        dlclose(library->handle);
    library->handle = NULL;
}
