#include "core/plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "os/library.h"
#include "os/own_folder.h"

#define PREFIX "libwasinn-"
#define SUFFIX ".so"
#define SYMBOL "wasinn_backend_table"

typedef const wasinn_backend *(*table_function)(void);

/* "openvino" of "libwasinn-openvino.so"; false: not the name of a backend's file. */
static bool name_of(const char *file, char *name, size_t capacity) {
    size_t length = strlen(file), around = strlen(PREFIX) + strlen(SUFFIX);
    if (length <= around || length - around >= capacity || strncmp(file, PREFIX, strlen(PREFIX)) != 0 ||
        strcmp(file + length - strlen(SUFFIX), SUFFIX) != 0)
        return false;
    snprintf(name, capacity, "%.*s", (int)(length - around), file + strlen(PREFIX));
    /* The glue to Wasmtime is called like one, and may be in a folder that somebody names. */
    return strcmp(name, "wasmtime") != 0;
}

/* Never closed again: a runtime may keep threads and functions of it to the end of the process. */
static const wasinn_backend *open_table(const char *path, char *problem, size_t capacity) {
    table_function table;
    void *library = wasinn__library_open(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE, problem, capacity),
         *symbol;
    if (!library)
        return NULL;
    symbol = dlsym(library, SYMBOL);
    if (!symbol) {
        snprintf(problem, capacity, "'%.900s' is not a backend: it has no function " SYMBOL, path);
        dlclose(library);
        return NULL;
    }
    memcpy(&table, &symbol, sizeof table);
    const wasinn_backend *found = table();
    if (!found)
        snprintf(problem, capacity, "'%.900s': its " SYMBOL " returns NULL", path);
    return found;
}

static wasinn_status add_file(const wasinn__plugins *plugins, const char *folder, const char *file,
                              wasinn_message *message) {
    char name[256], path[4096], reason[600] = "", problem[1024] = "";
    wasinn__backend *backend = NULL;
    if (!name_of(file, name, sizeof name) ||
        (size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path)
        return WASINN_OK;
    const wasinn_backend *table = open_table(path, problem, sizeof problem);
    if (table) {
        wasinn_message refused = {reason, sizeof reason};
        wasinn_status status = wasinn__backend_new(table, path, plugins->faults, &backend, &refused);
        if (status == WASINN_TOO_LARGE)
            return wasinn_refuse(message, status, "%s", reason);
        if (status != WASINN_OK)
            snprintf(problem, sizeof problem, "'%.400s': %s", path, reason);
    }
    if (!backend)
        backend = wasinn__backend_broken(name, path, problem);
    if (!backend)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for backend '%s'", name);
    return plugins->found(plugins->data, backend);
}

static int is_backend(const struct dirent *entry) {
    char name[256];
    return name_of(entry->d_name, name, sizeof name);
}

/* In the order of their names, so that the same one is first everywhere. */
static wasinn_status add_folder(const wasinn__plugins *plugins, const char *folder, wasinn_message *message) {
    struct dirent **entries;
    wasinn_status status = WASINN_OK;
    int count = scandir(folder, &entries, is_backend, alphasort);
    for (int i = 0; i < count; i++) {
        if (status == WASINN_OK)
            status = add_file(plugins, folder, entries[i]->d_name, message);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return status;
}

static wasinn_status add_list(const wasinn__plugins *plugins, const char *folders, wasinn_message *message) {
    wasinn_status status = WASINN_OK;
    char folder[4096];
    while (folders && folders[0] && status == WASINN_OK) {
        size_t length = strcspn(folders, ":");
        if (length > 0 && length < sizeof folder) {
            snprintf(folder, sizeof folder, "%.*s", (int)length, folders);
            status = add_folder(plugins, folder, message);
        }
        folders += length + (folders[length] == ':');
    }
    return status;
}

wasinn_status wasinn__plugins_chosen(const wasinn__plugins *plugins, const char *folders,
                                     wasinn_message *message) {
    wasinn_status status = add_list(plugins, folders, message);
    return status == WASINN_OK ? add_list(plugins, secure_getenv("WASINN_BACKENDS"), message) : status;
}

wasinn_status wasinn__plugins_own(const wasinn__plugins *plugins, wasinn_message *message) {
    static const char *const beside[] = {"wasinn-backends", "wasinn/backends", WASINN__BACKENDS_FROM_BIN};
    char own[4096], folder[4096];
    wasinn_status status = WASINN_OK;
    if (!wasinn__own_folder(own, sizeof own))
        return WASINN_OK;
    for (size_t i = 0; status == WASINN_OK && i < sizeof beside / sizeof *beside; i++)
        if ((size_t)snprintf(folder, sizeof folder, "%s/%s", own, beside[i]) < sizeof folder)
            status = add_folder(plugins, folder, message);
    return status;
}
