/* Functions that an ONNX model brings along: runtimes replace each call by the function's nodes, and a few
 * lines of functions that call each other make more nodes than there is memory for. */
#ifndef WASINN_BACKENDS_ONNX_FUNCTIONS_H
#define WASINN_BACKENDS_ONNX_FUNCTIONS_H

#include "wasinn/backend.h"

/* runtime_error: with the calls replaced, the model would have more than `most` nodes of functions, functions
 * call each other in a circle or too deep, or the bytes are no protobuf; too_large: no memory. */
wasinn_status wasinn__onnx_check_functions(const wasinn_blob *model, uint64_t most, wasinn_message *message);

#endif
