/* Files that an ONNX model names: its weights may be outside of it. */
#ifndef WASINN_BACKENDS_ONNX_FILES_H
#define WASINN_BACKENDS_ONNX_FILES_H

#include "wasinn/backend.h"

/* A tensor whose data is in a file. */
typedef struct wasinn__onnx_file {
    const char *name; /* as the model gives it; `length` bytes, anything may be in them */
    size_t length;
    bool weights; /* of the model's graph itself, not of a node's attribute, a subgraph or a function */
} wasinn__onnx_file;

/* Called for each such tensor, in the order of the bytes. Another status than WASINN_OK ends the search. */
typedef wasinn_status (*wasinn__onnx_file_fn)(void *data, const wasinn__onnx_file *file,
                                              wasinn_message *message);

/* Calls `visit` for each tensor whose data is in a file, wherever in the model it stands: initializers,
 * sparse ones, attributes of nodes in any subgraph, functions, training info. runtime_error: the bytes are no
 * protobuf, or nested deeper than any runtime reads; the visitor's own status. Nothing is allocated. */
wasinn_status wasinn__onnx_each_file(const wasinn_blob *model, wasinn__onnx_file_fn visit, void *data,
                                     wasinn_message *message);

/* security, with the name of the first file, when the model names any; runtime_error as above. */
wasinn_status wasinn__onnx_refuse_files(const wasinn_blob *model, wasinn_message *message);

#endif
