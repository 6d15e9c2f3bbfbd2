/* An inference in the caller's memory: entry `infer` of the backend's table. */
#ifndef WASINN_BACKENDS_OPENVINO_INFER_H
#define WASINN_BACKENDS_OPENVINO_INFER_H

#include "backends/openvino/execution.h"

wasinn_status wasinn__openvino_infer(void *execution, const wasinn_tensor *inputs,
                                     const wasinn_buffer *outputs, wasinn_message *message);

/* Gives the request its own tensors back, where it has others. What could not be given back is tried again at
 * the next call. */
wasinn_status wasinn__openvino_take_back(wasinn__openvino_execution *execution, wasinn_message *message);

/* Frees what infer has made, before the request is freed. */
void wasinn__openvino_free_bound(wasinn__openvino_execution *execution);

#endif
