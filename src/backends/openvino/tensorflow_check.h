/* Whether a TensorFlow graph is one that OpenVINO can be given. */
#ifndef WASINN_BACKENDS_OPENVINO_TENSORFLOW_CHECK_H
#define WASINN_BACKENDS_OPENVINO_TENSORFLOW_CHECK_H

#include "wasinn/backend.h"

/* For a GraphDef that is a whole protobuf. Its frontend ends the process when a function does not say where
 * an output comes from, when functions call each other without end, and when it divides by the channels of a
 * filter that has none. WASINN_RUNTIME_ERROR says what is wrong. */
wasinn_status wasinn__tensorflow_check(const wasinn_blob *graph, wasinn_message *message);
/* The same for the graphs of a saved_model.pb. */
wasinn_status wasinn__tensorflow_check_saved(const wasinn_blob *model, wasinn_message *message);

#endif
