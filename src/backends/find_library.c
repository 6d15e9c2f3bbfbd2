#include "backends/find_library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "os/library.h"
#include "os/own_folder.h"

/* A library that was opened. */
typedef struct opened {
    void *handle;
    char path[4096];
} opened;

/* In a folder: the unversioned name, else the one of the highest version, such as libopenvino_c.so.2641:
 * Python packages have no unversioned links. */
static bool find_in_folder(const char *name, const char *folder, char *path, size_t capacity) {
    char best[256] = "";
    DIR *directory = opendir(folder);
    if (!directory)
        return false;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, name, strlen(name)) != 0)
            continue;
        const char *version = entry->d_name + strlen(name);
        if (version[0] && (version[0] != '.' || strspn(version, ".0123456789") != strlen(version)))
            continue;
        if (strcmp(entry->d_name, name) == 0 || strcmp(best, name) == 0)
            snprintf(best, sizeof best, "%s", name);
        else if (strverscmp(entry->d_name, best) > 0)
            snprintf(best, sizeof best, "%s", entry->d_name);
    }
    closedir(directory);
    return best[0] && (size_t)snprintf(path, capacity, "%s/%s", folder, best) < capacity;
}

static wasinn_status open_path(const wasinn__library_search *search, const char *path, opened *library,
                               wasinn_message *message) {
    struct stat information;
    snprintf(library->path, sizeof library->path, "%s", path);
    if (stat(path, &information) == 0 && S_ISDIR(information.st_mode) &&
        !find_in_folder(search->file, path, library->path, sizeof library->path))
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s: there is no %s in '%s'", search->runtime,
                             search->file, path);
    /* A name without a slash would be looked for elsewhere, also when there is a file of that name here. */
    if (stat(library->path, &information) == 0 && !strchr(library->path, '/'))
        snprintf(library->path, sizeof library->path, "./%s", path);
    char problem[1024] = "";
    library->handle = wasinn__library_open(library->path, RTLD_NOW | RTLD_LOCAL, problem, sizeof problem);
    if (!library->handle)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s could not be opened: %s", search->runtime,
                             problem);
    return WASINN_OK;
}

/* The full path of what the loader found by a bare name. */
static void resolve_path(const wasinn__library_search *search, opened *library) {
    Dl_info information;
    void *symbol = dlsym(library->handle, search->symbol);
    if (symbol && dladdr(symbol, &information) && information.dli_fname)
        snprintf(library->path, sizeof library->path, "%s", information.dli_fname);
}

/* Whether a library that was opened is one that can be used; if not, it is closed. */
static wasinn_status check(const wasinn__library_search *search, opened *library, wasinn_message *message) {
    resolve_path(search, library);
    wasinn_status status = search->check(search->data, library->handle, library->path, message);
    if (status != WASINN_OK)
        dlclose(library->handle);
    return status;
}

/* Tries one folder, if there is a library in it; keeps the first reason against one. */
static bool use_folder(const wasinn__library_search *search, const char *folder, opened *library,
                       wasinn_message *problem) {
    char path[4096];
    return find_in_folder(search->file, folder, path, sizeof path) &&
           open_path(search, path, library, problem) == WASINN_OK &&
           check(search, library, problem) == WASINN_OK;
}

/* The folders that the system's loader looks into: it knows the unversioned name only, which comes with the
 * files for developing. */
static bool use_system(const wasinn__library_search *search, opened *library, wasinn_message *problem) {
    bool found = false;
#ifdef __GLIBC__
    Dl_serinfo size, *list = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    if (program && dlinfo(program, RTLD_DI_SERINFOSIZE, &size) == 0 && (list = malloc(size.dls_size))) {
        list->dls_size = size.dls_size;
        list->dls_cnt = size.dls_cnt;
        if (dlinfo(program, RTLD_DI_SERINFO, list) == 0)
            for (unsigned i = 0; !found && i < list->dls_cnt; i++)
                found = use_folder(search, list->dls_serpath[i].dls_name, library, problem);
    }
    free(list);
    if (program)
        dlclose(program);
#endif
    return found;
}

/* The one that wasinn came with. */
static bool use_own(const wasinn__library_search *search, opened *library, wasinn_message *problem) {
    static const char *const beside[] = {"/wasinn-", "/wasinn/", "/../wasinn-", "/../"};
    char own[2048], folder[4096];
    if (wasinn__own_folder(own, sizeof own)) {
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            snprintf(folder, sizeof folder, "%s%s%s", own, beside[i], search->name);
            if (use_folder(search, folder, library, problem))
                return true;
        }
        snprintf(folder, sizeof folder, "%s/%s", own, search->from_bin);
        if (use_folder(search, folder, library, problem))
            return true;
    }
    return search->folder[0] && use_folder(search, search->folder, library, problem);
}

static wasinn_status look_around(const wasinn__library_search *search, opened *library,
                                 wasinn_message *message) {
    char problem[512] = "", missing[512] = "", ignored_text[512] = "";
    wasinn_message ignored = {ignored_text, sizeof ignored_text}, absent = {missing, sizeof missing},
                   refused = {problem, sizeof problem};
    if (search->installed && open_path(search, search->installed, library, &ignored) == WASINN_OK)
        return check(search, library, message);
    if (open_path(search, search->file, library, &absent) == WASINN_OK &&
        check(search, library, &refused) == WASINN_OK)
        return WASINN_OK;
    if (use_system(search, library, &refused) || use_own(search, library, &refused))
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s", problem[0] ? problem : missing);
}

wasinn_status wasinn__find_library(const wasinn__library_search *search, void **handle, char *path,
                                   size_t capacity, wasinn_message *message) {
    const char *chosen = search->preferred ? search->preferred : getenv(search->variable);
    opened library = {0};
    wasinn_status status;
    if (!chosen || !chosen[0]) {
        status = look_around(search, &library, message);
    } else {
        status = open_path(search, chosen, &library, message);
        if (status == WASINN_OK)
            status = check(search, &library, message);
    }
    if (status != WASINN_OK)
        return status;
    *handle = library.handle;
    snprintf(path, capacity, "%s", library.path);
    return WASINN_OK;
}
