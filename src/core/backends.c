#include "core/backends.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/memory.h"
#include "core/options.h"

/* The table's layout is what separately built backends rely on: it only grows at its end. */
_Static_assert(offsetof(wasinn_backend, name) == 8, "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, open) == 8 + 6 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, load) == 8 + 9 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, create) == 8 + 13 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, output) == 8 + 18 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, probe) == 8 + 19 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, device) == 8 + 23 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, keeps_shapes) == 8 + 24 * sizeof(void *), "backend ABI 1");

static bool complete(const wasinn_backend *t) {
    return t->struct_size >= offsetof(wasinn_backend, probe) && t->name && t->package && t->encodings &&
           (t->option_keys || t->option_key_count == 0) && t->open && t->close && t->version && t->load &&
           t->unload && t->port_count && t->port && t->create && t->destroy && t->input && t->run &&
           t->cancel && t->output;
}

static wasinn__backend *make(const char *name, const char *file) {
    wasinn__backend *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return NULL;
    pthread_mutex_init(&made->lock, NULL);
    made->name = wasinn__copy_text(name, strlen(name));
    made->file = file ? wasinn__copy_text(file, strlen(file)) : NULL;
    if (made->name && (made->file || !file))
        return made;
    wasinn__backend_free(made);
    return NULL;
}

wasinn_status wasinn__backend_new(const wasinn_backend *table, const char *file, const wasinn__faults *faults,
                                  wasinn__backend **backend, wasinn_message *message) {
    if (table->abi_version != WASINN_BACKEND_ABI)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a backend of ABI version %u; wanted %u",
                             table->abi_version, WASINN_BACKEND_ABI);
    if (!complete(table))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a backend's table lacks a required entry");
    wasinn__backend *made = make(table->name, file);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a backend");
    made->table = table;
    made->faults = faults;
    *backend = made;
    return WASINN_OK;
}

wasinn__backend *wasinn__backend_broken(const char *name, const char *file, const char *problem) {
    wasinn__backend *made = make(name, file);
    if (made && !(made->problem = wasinn__copy_text(problem, strlen(problem)))) {
        wasinn__backend_free(made);
        return NULL;
    }
    return made;
}

void wasinn__backend_free(wasinn__backend *backend) {
    if (!backend)
        return;
    if (backend->opened)
        backend->table->close(backend->runtime);
    pthread_mutex_destroy(&backend->lock);
    wasinn__options_free(backend->options, backend->option_count);
    wasinn__free(backend->devices);
    wasinn__free(backend->library);
    wasinn__free(backend->problem);
    wasinn__free(backend->file);
    wasinn__free(backend->name);
    wasinn__free(backend);
}

/* Locked. */
static wasinn_status list_devices(wasinn__backend *backend, wasinn_message *message) {
    size_t count = 0;
    while (wasinn__dispatch_device(backend, count))
        count++;
    backend->devices = wasinn__alloc(count, sizeof *backend->devices);
    if (!backend->devices)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a list of %zu devices", count);
    for (size_t i = 0; i < count; i++)
        backend->devices[i] = wasinn__dispatch_device(backend, i);
    backend->device_count = count;
    return WASINN_OK;
}

/* Locked. */
static wasinn_status open_runtime(wasinn__backend *backend, const wasinn__cause *cause,
                                  wasinn_message *message) {
    uint64_t begin = wasinn__observe_begin(cause);
    wasinn_status status = wasinn__dispatch_open(backend, message);
    if (status != WASINN_OK)
        return status;
    backend->opened = true;
    backend->table->version(backend->runtime, &backend->version, &backend->path);
    wasinn__observe_runtime(cause, backend->name, backend->version, begin);
    return WASINN_OK;
}

wasinn_status wasinn__backend_open(wasinn__backend *backend, const wasinn__cause *cause,
                                   wasinn_message *message) {
    if (!backend->table)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "%s", backend->problem);
    pthread_mutex_lock(&backend->lock);
    wasinn_status status = backend->opened ? WASINN_OK : open_runtime(backend, cause, message);
    pthread_mutex_unlock(&backend->lock);
    return status;
}

wasinn_status wasinn__backend_list_devices(wasinn__backend *backend, wasinn_message *message) {
    pthread_mutex_lock(&backend->lock);
    wasinn_status status = backend->devices ? WASINN_OK : list_devices(backend, message);
    pthread_mutex_unlock(&backend->lock);
    return status;
}

bool wasinn__backend_serves(const wasinn__backend *backend, wasinn_encoding encoding) {
    for (size_t i = 0; backend->table && i < backend->table->encoding_count; i++)
        if (backend->table->encodings[i] == encoding)
            return true;
    return false;
}

wasinn_status wasinn__backend_check_option(wasinn__backend *backend, const wasinn_option *option,
                                           wasinn_message *message) {
    const wasinn_backend *table = backend->table;
    char known[512] = "";
    for (size_t i = 0; i < table->option_key_count; i++) {
        if (strcmp(table->option_keys[i], option->key) == 0)
            return wasinn__dispatch_check_option(backend, option->key, option->value, message);
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", table->option_keys[i]);
    }
    return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "backend '%s' has no option '%s'; it has %s",
                         backend->name, option->key, known[0] ? known : "none");
}

wasinn_status wasinn__backend_set_option(wasinn__backend *backend, const wasinn_option *option,
                                         wasinn_message *message) {
    wasinn_option *merged;
    size_t count;
    wasinn_status status = wasinn__backend_check_option(backend, option, message);
    if (status == WASINN_OK)
        status = wasinn__options_merge(option, 1, backend->options, backend->option_count, &merged, &count,
                                       message);
    if (status != WASINN_OK)
        return status;
    wasinn__options_free(backend->options, backend->option_count);
    backend->options = merged;
    backend->option_count = count;
    return WASINN_OK;
}
