#include "backends/openvino/library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_NAME "libopenvino_c.so"

/* Element types are numbered anew now and then: 2025.4 dropped a number below f32, and a later year may move
 * them again. The table in openvino.c is that of 2025.4 to 2026. */
#define OLDEST_YEAR 2025
#define OLDEST_RELEASE 4
#define NEWEST_YEAR 2026

/* In a folder: the unversioned name, else the one that sorts last, such as libopenvino_c.so.2641: the wheels
 * have no unversioned links. */
static bool find_in_folder(const char *folder, char *path, size_t capacity) {
    char best[256] = "";
    DIR *directory = opendir(folder);
    if (!directory)
        return false;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, FILE_NAME, strlen(FILE_NAME)) != 0)
            continue;
        if (strcmp(entry->d_name, FILE_NAME) == 0 || strcmp(best, FILE_NAME) == 0)
            strcpy(best, FILE_NAME);
        else if (strcmp(entry->d_name, best) > 0)
            snprintf(best, sizeof best, "%s", entry->d_name);
    }
    closedir(directory);
    return best[0] && (size_t)snprintf(path, capacity, "%s/%s", folder, best) < capacity;
}

static wasinn_status open_path(const char *path, wasinn__openvino *library, wasinn_message *message) {
    struct stat information;
    snprintf(library->path, sizeof library->path, "%s", path);
    if (stat(path, &information) == 0 && S_ISDIR(information.st_mode) &&
        !find_in_folder(path, library->path, sizeof library->path))
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "OpenVINO: there is no " FILE_NAME " in '%s'",
                             path);
    /* A name without a slash would be looked for elsewhere, also when there is a file of that name here. */
    if (stat(library->path, &information) == 0 && !strchr(library->path, '/'))
        snprintf(library->path, sizeof library->path, "./%s", path);
    library->handle = dlopen(library->path, RTLD_NOW | RTLD_LOCAL);
    if (!library->handle)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "OpenVINO could not be opened: %s", dlerror());
    return WASINN_OK;
}

static wasinn_status search(wasinn__openvino *library, wasinn_message *message) {
    char folder[4096], problem[512] = "", ignored_text[512] = "";
    const char *installed = getenv("INTEL_OPENVINO_DIR");
    if (installed &&
        (size_t)snprintf(folder, sizeof folder, "%s/runtime/lib/intel64", installed) < sizeof folder) {
        wasinn_message ignored = {ignored_text, sizeof ignored_text};
        if (open_path(folder, library, &ignored) == WASINN_OK)
            return WASINN_OK;
    }
    wasinn_message first = {problem, sizeof problem};
    if (open_path(FILE_NAME, library, &first) == WASINN_OK)
        return WASINN_OK;
    if (WASINN__OPENVINO_FOLDER[0]) {
        wasinn_message ignored = {ignored_text, sizeof ignored_text};
        if (open_path(WASINN__OPENVINO_FOLDER, library, &ignored) == WASINN_OK)
            return WASINN_OK;
    }
    return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s", problem);
}

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

/* The full path of what the loader found by a bare name. */
static void resolve_path(wasinn__openvino *library) {
    Dl_info information;
    void *symbol;
    memcpy(&symbol, &library->ov_core_create, sizeof symbol);
    if (dladdr(symbol, &information) && information.dli_fname)
        snprintf(library->path, sizeof library->path, "%s", information.dli_fname);
}

static wasinn_status find(const char *preferred, wasinn__openvino *library, wasinn_message *message) {
    const char *chosen = preferred ? preferred : getenv("WASINN_OPENVINO");
    wasinn_status status =
        chosen && chosen[0] ? open_path(chosen, library, message) : search(library, message);
    if (status == WASINN_OK)
        status = find_functions(library, message);
    if (status == WASINN_OK) {
        resolve_path(library);
        status = check_version(library, message);
    }
    return status;
}

wasinn_status wasinn__openvino_open(const char *preferred, wasinn__openvino *library,
                                    wasinn_message *message) {
    char text[512] = "";
    wasinn_message problem = {text, sizeof text};
    wasinn_status status = find(preferred, library, &problem);
    if (status == WASINN_OK)
        return status;
    wasinn__openvino_close(library);
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
