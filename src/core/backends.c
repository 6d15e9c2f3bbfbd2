#include "core/backends.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/memory.h"
#include "core/names.h"

/* The table's layout is what separately built backends rely on: it only grows at its end. */
_Static_assert(offsetof(wasinn_backend, name) == 8, "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, open) == 8 + 6 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, load) == 8 + 9 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, create) == 8 + 13 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, output) == 8 + 18 * sizeof(void *), "backend ABI 1");
_Static_assert(offsetof(wasinn_backend, probe) == 8 + 19 * sizeof(void *), "backend ABI 1");

static bool complete(const wasinn_backend *t) {
    return t->struct_size >= offsetof(wasinn_backend, probe) && t->name && t->package && t->encodings &&
           t->open && t->close && t->version && t->load && t->unload && t->port_count && t->port &&
           t->create && t->destroy && t->input && t->run && t->cancel && t->output;
}

wasinn_status wasinn__backend_new(const wasinn_backend *table, const wasinn__faults *faults,
                                  wasinn__backend **backend, wasinn_message *message) {
    if (table->abi_version != WASINN_BACKEND_ABI)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a backend of ABI version %u; wanted %u",
                             table->abi_version, WASINN_BACKEND_ABI);
    if (!complete(table))
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "a backend's table lacks a required entry");
    wasinn__backend *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a backend");
    made->table = table;
    made->faults = faults;
    pthread_mutex_init(&made->lock, NULL);
    *backend = made;
    return WASINN_OK;
}

void wasinn__backend_free(wasinn__backend *backend) {
    if (!backend)
        return;
    if (backend->opened)
        backend->table->close(backend->runtime);
    pthread_mutex_destroy(&backend->lock);
    wasinn__free(backend->library);
    wasinn__free(backend);
}

wasinn_status wasinn__backend_open(wasinn__backend *backend, wasinn_message *message) {
    pthread_mutex_lock(&backend->lock);
    wasinn_status status = WASINN_OK;
    if (!backend->opened) {
        status = wasinn__dispatch_open(backend, message);
        backend->opened = status == WASINN_OK;
        if (backend->opened)
            backend->table->version(backend->runtime, &backend->version, &backend->path);
    }
    pthread_mutex_unlock(&backend->lock);
    return status;
}

static bool serves(const wasinn_backend *table, wasinn_encoding encoding) {
    for (size_t i = 0; i < table->encoding_count; i++)
        if (table->encodings[i] == encoding)
            return true;
    return false;
}

static wasinn_status detect(wasinn__backend *backends, const wasinn_blob *blobs, size_t count,
                            wasinn_encoding *encoding, wasinn__backend **found, wasinn_message *message) {
    wasinn__backend *first = NULL;
    wasinn_encoding seen = WASINN_ENCODING_AUTODETECT;
    for (wasinn__backend *backend = backends; backend; backend = backend->next) {
        wasinn_encoding one;
        if (!wasinn__dispatch_probe(backend, blobs, count, &one))
            continue;
        if (first && one != seen)
            return wasinn_refuse(message, WASINN_INVALID_ENCODING, "these bytes may be %s or %s: name one",
                                 wasinn_encoding_name(seen), wasinn_encoding_name(one));
        if (!first) {
            first = backend;
            seen = one;
        }
    }
    if (first) {
        *encoding = seen;
        *found = first;
        return WASINN_OK;
    }
    char start[8 * 3 + 1] = "";
    for (size_t i = 0; i < 8 && count > 0 && i < blobs[0].size; i++)
        snprintf(start + 3 * i, 4, " %02x", ((const uint8_t *)blobs[0].data)[i]);
    return wasinn_refuse(message, WASINN_INVALID_ENCODING,
                         "%zu blob%s beginning with bytes%s: no backend here knows them", count,
                         count == 1 ? "" : "s", start[0] ? start : " (none)");
}

wasinn_status wasinn__backends_find(wasinn__backend *backends, const wasinn_blob *blobs, size_t count,
                                    wasinn_encoding *encoding, wasinn__backend **found,
                                    wasinn_message *message) {
    if (*encoding == WASINN_ENCODING_AUTODETECT)
        return detect(backends, blobs, count, encoding, found, message);
    for (wasinn__backend *backend = backends; backend; backend = backend->next) {
        if (serves(backend->table, *encoding)) {
            *found = backend;
            return WASINN_OK;
        }
    }
    if ((unsigned)*encoding >= WASINN__ENCODINGS)
        return wasinn_refuse(message, WASINN_INVALID_ENCODING, "encoding %u is unknown", (unsigned)*encoding);
    return wasinn_refuse(message, WASINN_INVALID_ENCODING, "encoding '%s' has no backend in this build",
                         wasinn_encoding_name(*encoding));
}
