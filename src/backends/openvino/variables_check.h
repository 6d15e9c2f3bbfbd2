/* Whether the list of a SavedModel's weights, variables/variables.index, is whole. */
#ifndef WASINN_BACKENDS_OPENVINO_VARIABLES_CHECK_H
#define WASINN_BACKENDS_OPENVINO_VARIABLES_CHECK_H

#include "wasinn/backend.h"

/* It is a table of blocks, each with a checksum, which OpenVINO's frontend does not look at: it follows what
 * a damaged one says to places outside it. WASINN_RUNTIME_ERROR says which block is damaged. */
wasinn_status wasinn__variables_check(const wasinn_blob *index, wasinn_message *message);

#endif
