/* A model of any encoding that OpenVINO takes, read from bytes or from files. */
#ifndef WASINN_BACKENDS_OPENVINO_READ_H
#define WASINN_BACKENDS_OPENVINO_READ_H

#include "backends/openvino/runtime.h"

typedef struct wasinn__openvino_read {
    ov_model_t *model;
    uint64_t bytes;   /* that OpenVINO holds of it, beyond the blobs that it keeps */
    bool keeps_blobs; /* it goes on using them */
    bool stateful;    /* it has states that outlive a run */
    uint64_t weights; /* bytes of them, wherever they are, as well as can be told */
} wasinn__openvino_read;

/* The xml and the bin that a path means. */
wasinn_status wasinn__openvino_find_ir(const char *path, char *xml, char *bin, size_t capacity,
                                       wasinn_message *message);

/* What was asked for is what is read: anything else is refused before OpenVINO sees it. */
wasinn_status wasinn__openvino_read_model(wasinn__openvino_runtime *runtime,
                                          const wasinn_load_request *request, wasinn__openvino_read *read,
                                          wasinn_message *message);

#endif
