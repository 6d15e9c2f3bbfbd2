/* An inference request, and what is known of it. */
#ifndef WASINN_BACKENDS_OPENVINO_EXECUTION_H
#define WASINN_BACKENDS_OPENVINO_EXECUTION_H

#include "backends/openvino/model.h"

/* A tensor over a caller's memory that a request has in place of its own. */
typedef struct wasinn__openvino_bound {
    ov_tensor_t *tensor; /* NULL: the request has its own */
    const void *data;
} wasinn__openvino_bound;

typedef struct wasinn__openvino_execution {
    wasinn__openvino_model *model;
    ov_infer_request_t *request;
    ov_compiled_model_t *own;         /* of a model with states; NULL: the model's */
    ov_tensor_t **tensors[2];         /* the request's own; NULL until first asked for */
    void **memory;                    /* of inputs of fixed shape */
    wasinn_tensor *views;             /* of outputs of fixed shape, once they were asked for */
    wasinn__openvino_bound *bound[2]; /* NULL until the first infer */
    size_t bound_count;               /* of those that have a tensor */
    bool apart;                       /* known once there is `bound`: no two ports share memory */
} wasinn__openvino_execution;

#endif
