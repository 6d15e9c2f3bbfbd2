/* The one door to the backends: each of their entries is called here and nowhere else, so that this is where
 * tests make any of them fail and where optional entries are looked for. */
#ifndef WASINN_CORE_DISPATCH_H
#define WASINN_CORE_DISPATCH_H

#include "core/backends.h"

wasinn_status wasinn__dispatch_open(wasinn__backend *backend, wasinn_message *message);
wasinn_status wasinn__dispatch_load(wasinn__backend *backend, const wasinn_load_request *request,
                                    wasinn_loaded *loaded, wasinn_message *message);
wasinn_status wasinn__dispatch_port(wasinn__backend *backend, void *model, wasinn_direction direction,
                                    uint32_t index, wasinn_port *port, wasinn_message *message);
wasinn_status wasinn__dispatch_create(wasinn__backend *backend, void *model, void **execution,
                                      wasinn_message *message);
wasinn_status wasinn__dispatch_input(wasinn__backend *backend, void *execution, uint32_t index,
                                     const wasinn_tensor *shape, void **memory, wasinn_message *message);
wasinn_status wasinn__dispatch_run(wasinn__backend *backend, void *execution, wasinn_message *message);
/* unsupported_operation also where the backend has no such entry. */
wasinn_status wasinn__dispatch_infer(wasinn__backend *backend, void *execution, const wasinn_tensor *inputs,
                                     const wasinn_buffer *outputs, wasinn_message *message);
wasinn_status wasinn__dispatch_output(wasinn__backend *backend, void *execution, uint32_t index,
                                      wasinn_tensor *view, wasinn_message *message);
/* Unsupported where the backend has none. */
wasinn_status wasinn__dispatch_layers(wasinn__backend *backend, void *execution, wasinn_layer_fn tell,
                                      void *data, wasinn_message *message);
bool wasinn__dispatch_probe(wasinn__backend *backend, const wasinn_blob *blobs, size_t count,
                            wasinn_encoding *encoding);
bool wasinn__dispatch_probe_path(wasinn__backend *backend, const char *path, wasinn_encoding *encoding);
wasinn_status wasinn__dispatch_check_option(wasinn__backend *backend, const char *key, const char *value,
                                            wasinn_message *message);
/* NULL: there are not so many. */
const char *wasinn__dispatch_device(wasinn__backend *backend, size_t index);
/* NULL: the backend has none. */
const char *const *wasinn__dispatch_option_texts(const wasinn__backend *backend);
/* Whether compiled models can be saved. */
bool wasinn__dispatch_saves(const wasinn__backend *backend);
wasinn_status wasinn__dispatch_save(wasinn__backend *backend, void *model, const char *path,
                                    wasinn_message *message);
uint64_t wasinn__dispatch_execution_bytes(const wasinn__backend *backend, void *model);
bool wasinn__dispatch_keeps_shapes(const wasinn__backend *backend);
bool wasinn__dispatch_infers(const wasinn__backend *backend);

#endif
