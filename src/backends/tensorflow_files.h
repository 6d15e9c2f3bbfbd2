/* Whether a TensorFlow graph reaches for files of the host. */
#ifndef WASINN_BACKENDS_TENSORFLOW_FILES_H
#define WASINN_BACKENDS_TENSORFLOW_FILES_H

#include "wasinn/backend.h"

/* For the bytes of a GraphDef that a guest passes in: WASINN_OK; or WASINN_SECURITY with the name of the
 * first operation, in the graph or in a function of it, that reads or writes files; or WASINN_RUNTIME_ERROR
 * when the bytes are no protobuf. */
wasinn_status wasinn__tensorflow_refuse_files(const wasinn_blob *graph, wasinn_message *message);

#endif
