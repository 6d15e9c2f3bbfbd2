#include "backends/openvino/library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
        const char *version = entry->d_name + strlen(FILE_NAME);
        if (version[0] && (version[0] != '.' || strspn(version, ".0123456789") != strlen(version)))
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

/* Whether a library that was opened is one that can be used; if not, it is closed. */
static wasinn_status check(wasinn__openvino *library, wasinn_message *message) {
    wasinn_status status = find_functions(library, message);
    if (status == WASINN_OK) {
        resolve_path(library);
        status = check_version(library, message);
    }
    if (status != WASINN_OK)
        wasinn__openvino_close(library);
    return status;
}

/* ---- Where to look ------------------------------------------------------------------------------ */

/* Tries one folder, if there is a library in it; keeps the first reason against one. */
static bool use_folder(const char *folder, wasinn__openvino *library, char *problem, size_t capacity) {
    char path[4096], text[512] = "";
    wasinn_message message = {text, sizeof text};
    if (!find_in_folder(folder, path, sizeof path))
        return false;
    if (open_path(path, library, &message) == WASINN_OK && check(library, &message) == WASINN_OK)
        return true;
    if (!problem[0])
        snprintf(problem, capacity, "%s", text);
    return false;
}

/* The folders that the system's loader looks into: it knows the unversioned name only, which comes with the
 * files for developing. */
static bool use_system(wasinn__openvino *library, char *problem, size_t capacity) {
    bool found = false;
#ifdef __GLIBC__
    Dl_serinfo size, *list = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    if (program && dlinfo(program, RTLD_DI_SERINFOSIZE, &size) == 0 && (list = malloc(size.dls_size))) {
        list->dls_size = size.dls_size;
        list->dls_cnt = size.dls_cnt;
        if (dlinfo(program, RTLD_DI_SERINFO, list) == 0)
            for (unsigned i = 0; !found && i < list->dls_cnt; i++)
                found = use_folder(list->dls_serpath[i].dls_name, library, problem, capacity);
    }
    free(list);
    if (program)
        dlclose(program);
#endif
    return found;
}

/* The folder of the file, library or program, that this code was loaded from, links resolved. Not by dladdr:
 * for a program it gives argv[0], and for a library the name it was opened by, from another folder maybe. */
static bool own_folder(char *folder, size_t capacity) {
    FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t here = (uintptr_t)own_folder, first, last;
    char *line = NULL, *slash;
    size_t room = 0;
    bool found = false;
    while (maps && !found && getline(&line, &room, maps) > 0) {
        char *path = strchr(line, '/');
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &last) != 2 || here < first || here >= last)
            continue;
        if (!path || !(slash = strrchr(path, '/')))
            break;
        *slash = '\0';
        found = (size_t)snprintf(folder, capacity, "%s", path) < capacity;
    }
    free(line);
    if (maps)
        fclose(maps);
    return found;
}

/* The one that wasinn came with. */
static bool use_own(wasinn__openvino *library, char *problem, size_t capacity) {
    static const char *const beside[] = {"wasinn-openvino", "wasinn/openvino", WASINN__OPENVINO_FROM_BIN,
                                         "../wasinn-openvino", "../openvino"};
    char own[4096], folder[4096];
    if (own_folder(own, sizeof own))
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
            if ((size_t)snprintf(folder, sizeof folder, "%s/%s", own, beside[i]) < sizeof folder &&
                use_folder(folder, library, problem, capacity))
                return true;
    return WASINN__OPENVINO_FOLDER[0] && use_folder(WASINN__OPENVINO_FOLDER, library, problem, capacity);
}

static wasinn_status search(wasinn__openvino *library, wasinn_message *message) {
    char folder[4096], problem[512] = "", missing[512] = "", ignored_text[512] = "";
    const char *installed = getenv("INTEL_OPENVINO_DIR");
    if (installed &&
        (size_t)snprintf(folder, sizeof folder, "%s/runtime/lib/" MACHINE, installed) < sizeof folder) {
        wasinn_message ignored = {ignored_text, sizeof ignored_text};
        if (open_path(folder, library, &ignored) == WASINN_OK)
            return check(library, message);
    }
    wasinn_message absent = {missing, sizeof missing}, refused = {problem, sizeof problem};
    if (open_path(FILE_NAME, library, &absent) == WASINN_OK && check(library, &refused) == WASINN_OK)
        return WASINN_OK;
    if (use_system(library, problem, sizeof problem) || use_own(library, problem, sizeof problem))
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s", problem[0] ? problem : missing);
}

static wasinn_status find(const char *preferred, wasinn__openvino *library, wasinn_message *message) {
    const char *chosen = preferred ? preferred : getenv("WASINN_OPENVINO");
    if (!chosen || !chosen[0])
        return search(library, message);
    wasinn_status status = open_path(chosen, library, message);
    return status == WASINN_OK ? check(library, message) : status;
}

wasinn_status wasinn__openvino_open(const char *preferred, wasinn__openvino *library,
                                    wasinn_message *message) {
    char text[512] = "";
    wasinn_message problem = {text, sizeof text};
    wasinn_status status = find(preferred, library, &problem);
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
