/* Whether a TensorFlow Lite model is one that OpenVINO can be given. */
#ifndef WASINN_BACKENDS_OPENVINO_TENSORFLOWLITE_CHECK_H
#define WASINN_BACKENDS_OPENVINO_TENSORFLOWLITE_CHECK_H

#include "wasinn/backend.h"

/* Follows every offset that the frontend follows, and looks at the numbers that it takes for places in lists:
 * OpenVINO before 2026 believes them, and none looks at a convolution's shapes before it divides by them.
 * WASINN_RUNTIME_ERROR says what is wrong and where. */
wasinn_status wasinn__tensorflowlite_check(const wasinn_blob *model, wasinn_message *message);
/* Whether a model that was checked sets variables. */
bool wasinn__tensorflowlite_has_states(const wasinn_blob *model);

#endif
