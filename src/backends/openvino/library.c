#include "backends/openvino/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/find_library.h"

#define FILE_NAME "libopenvino_c.so"

#if defined __aarch64__
#define MACHINE "aarch64"
#else
#define MACHINE "intel64"
#endif

/* Element types are numbered anew now and then: 2025.4 dropped a number below f32, and a later year may move
 * them again. The table in openvino.c is that of 2025.4 to 2026. */
#define OLDEST_YEAR 2025
#define OLDEST_RELEASE 4
#define NEWEST_YEAR 2026

static wasinn_status check_version(wasinn__openvino *library, wasinn_message *message) {
    int year = 0, release = 0;
    ov_version_t version = {0};
    if (library->ov_get_openvino_version(&version) != OK)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "OpenVINO at '%s' does not tell its version",
                             library->path);
    snprintf(library->version, sizeof library->version, "%s", version.buildNumber);
    library->ov_version_free(&version);
    if (sscanf(library->version, "%d.%d", &year, &release) == 2 && year <= NEWEST_YEAR &&
        (year > OLDEST_YEAR || (year == OLDEST_YEAR && release >= OLDEST_RELEASE)))
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_INVALID_ENCODING,
                         "OpenVINO at '%s' is version %s; wanted %d.%d or newer, up to %d", library->path,
                         library->version, OLDEST_YEAR, OLDEST_RELEASE, NEWEST_YEAR);
}

static wasinn_status find_functions(wasinn__openvino *library, wasinn_message *message) {
    void *symbol;
#define FIND(name)                                                                                           \
    if (!(symbol = dlsym(library->handle, #name)))                                                           \
        return wasinn_refuse(message, WASINN_INVALID_ENCODING,                                               \
                             "'%s' is not OpenVINO %d.%d or newer: no " #name, library->path, OLDEST_YEAR,   \
                             OLDEST_RELEASE);                                                                \
    memcpy(&library->name, &symbol, sizeof symbol);
    WASINN__OPENVINO_FUNCTIONS(FIND)
#undef FIND
    return WASINN_OK;
}

/* Whether a library that was opened is one that can be used. */
static wasinn_status check(void *opaque, void *handle, const char *path, wasinn_message *message) {
    wasinn__openvino *library = opaque;
    library->handle = handle;
    snprintf(library->path, sizeof library->path, "%s", path);
    wasinn_status status = find_functions(library, message);
    if (status == WASINN_OK)
        status = check_version(library, message);
    if (status != WASINN_OK)
        library->handle = NULL;
    return status;
}

wasinn_status wasinn__openvino_open(const char *preferred, wasinn__openvino *library,
                                    wasinn_message *message) {
    char text[512] = "", folder[4096];
    const char *installed = getenv("INTEL_OPENVINO_DIR");
    wasinn__library_search search = {
        .runtime = "OpenVINO",
        .file = FILE_NAME,
        .symbol = "ov_core_create",
        .preferred = preferred,
        .variable = "WASINN_OPENVINO",
        .name = "openvino",
        .from_bin = WASINN__OPENVINO_FROM_BIN,
        .folder = WASINN__OPENVINO_FOLDER,
        .check = check,
        .data = library,
    };
    if (installed &&
        (size_t)snprintf(folder, sizeof folder, "%s/runtime/lib/" MACHINE, installed) < sizeof folder)
        search.installed = folder;
    wasinn_message problem = {text, sizeof text};
    wasinn_status status =
        wasinn__find_library(&search, &library->handle, library->path, sizeof library->path, &problem);
    if (status == WASINN_OK)
        return status;
    return wasinn_refuse(
        message, status,
        "%s; install OpenVINO %d.%d to %d (Python package openvino) and let WASINN_OPENVINO be the "
        "folder that has its " FILE_NAME,
        text, OLDEST_YEAR, OLDEST_RELEASE, NEWEST_YEAR);
}

void wasinn__openvino_close(wasinn__openvino *library) {
    if (library->handle)
        dlclose(library->handle);
    library->handle = NULL;
}
