#include "core/dispatch.h"

#define HAS(table, entry)                                                                                    \
    ((table)->struct_size >= offsetof(wasinn_backend, entry) + sizeof((table)->entry) && (table)->entry)

static bool fails(wasinn__backend *backend, const char *entry, wasinn_message *message) {
    const wasinn__faults *faults = backend->faults;
    if (!faults->fails || !faults->fails(faults->data, entry))
        return false;
    wasinn_refuse(message, WASINN_RUNTIME_ERROR, "%s: a fault was injected into %s", backend->table->name,
                  entry);
    return true;
}

/* A backend that fails without a word still gets a message. */
static wasinn_status checked(wasinn__backend *backend, const char *entry, wasinn_status status,
                             wasinn_message *message) {
    if (status == WASINN_OK)
        return WASINN_OK;
    return wasinn_refuse(message, status, "%s: %s failed", backend->table->name, entry);
}

#define CALL(backend, entry, message, ...)                                                                   \
    (fails(backend, #entry, message)                                                                         \
         ? WASINN_RUNTIME_ERROR                                                                              \
         : checked(backend, #entry, (backend)->table->entry(__VA_ARGS__, message), message))

wasinn_status wasinn__dispatch_open(wasinn__backend *backend, wasinn_message *message) {
    wasinn_backend_settings settings = {sizeof settings, backend->library};
    return CALL(backend, open, message, &settings, &backend->runtime);
}

wasinn_status wasinn__dispatch_load(wasinn__backend *backend, const wasinn_load_request *request,
                                    wasinn_loaded *loaded, wasinn_message *message) {
    return CALL(backend, load, message, backend->runtime, request, loaded);
}

wasinn_status wasinn__dispatch_port(wasinn__backend *backend, void *model, wasinn_direction direction,
                                    uint32_t index, wasinn_port *port, wasinn_message *message) {
    return CALL(backend, port, message, model, direction, index, port);
}

wasinn_status wasinn__dispatch_create(wasinn__backend *backend, void *model, void **execution,
                                      wasinn_message *message) {
    return CALL(backend, create, message, model, execution);
}

wasinn_status wasinn__dispatch_input(wasinn__backend *backend, void *execution, uint32_t index,
                                     const wasinn_tensor *shape, void **memory, wasinn_message *message) {
    return CALL(backend, input, message, execution, index, shape, memory);
}

wasinn_status wasinn__dispatch_run(wasinn__backend *backend, void *execution, wasinn_message *message) {
    return CALL(backend, run, message, execution);
}

wasinn_status wasinn__dispatch_infer(wasinn__backend *backend, void *execution, const wasinn_tensor *inputs,
                                     const wasinn_buffer *outputs, wasinn_message *message) {
    if (!wasinn__dispatch_infers(backend))
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION, "%s cannot compute in a caller's memory",
                             backend->table->name);
    return CALL(backend, infer, message, execution, inputs, outputs);
}

wasinn_status wasinn__dispatch_output(wasinn__backend *backend, void *execution, uint32_t index,
                                      wasinn_tensor *view, wasinn_message *message) {
    return CALL(backend, output, message, execution, index, view);
}

wasinn_status wasinn__dispatch_layers(wasinn__backend *backend, void *execution, wasinn_layer_fn tell,
                                      void *data, wasinn_message *message) {
    if (!HAS(backend->table, layers))
        return WASINN_UNSUPPORTED_OPERATION;
    return CALL(backend, layers, message, execution, tell, data);
}

bool wasinn__dispatch_probe(wasinn__backend *backend, const wasinn_blob *blobs, size_t count,
                            wasinn_encoding *encoding) {
    return HAS(backend->table, probe) && backend->table->probe(blobs, count, encoding);
}

bool wasinn__dispatch_probe_path(wasinn__backend *backend, const char *path, wasinn_encoding *encoding) {
    return HAS(backend->table, probe_path) && backend->table->probe_path(path, encoding);
}

wasinn_status wasinn__dispatch_check_option(wasinn__backend *backend, const char *key, const char *value,
                                            wasinn_message *message) {
    if (!HAS(backend->table, check_option))
        return WASINN_OK;
    return CALL(backend, check_option, message, key, value);
}

const char *wasinn__dispatch_device(wasinn__backend *backend, size_t index) {
    return HAS(backend->table, device) ? backend->table->device(backend->runtime, index) : NULL;
}

const char *const *wasinn__dispatch_option_texts(const wasinn__backend *backend) {
    return HAS(backend->table, option_texts) ? backend->table->option_texts : NULL;
}

bool wasinn__dispatch_saves(const wasinn__backend *backend) {
    return HAS(backend->table, save);
}

wasinn_status wasinn__dispatch_save(wasinn__backend *backend, void *model, const char *path,
                                    wasinn_message *message) {
    return CALL(backend, save, message, model, path);
}

uint64_t wasinn__dispatch_execution_bytes(const wasinn__backend *backend, void *model) {
    return HAS(backend->table, execution_bytes) ? backend->table->execution_bytes(model) : 0;
}

bool wasinn__dispatch_keeps_shapes(const wasinn__backend *backend) {
    return HAS(backend->table, keeps_shapes);
}

bool wasinn__dispatch_infers(const wasinn__backend *backend) {
    return HAS(backend->table, infer);
}
