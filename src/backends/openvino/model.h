/* A model that OpenVINO has compiled. */
#ifndef WASINN_BACKENDS_OPENVINO_MODEL_H
#define WASINN_BACKENDS_OPENVINO_MODEL_H

#include "backends/openvino/runtime.h"

typedef struct wasinn__openvino_model {
    wasinn__openvino_runtime *runtime;
    ov_core_t *core; /* of its own, or NULL: the runtime's */
    ov_compiled_model_t *compiled;
    uint32_t counts[2];
    char **names[2]; /* by direction and index; NULL: it has none */
    bool *fixed[2];  /* likewise: every dimension is known */
    uint64_t bytes;  /* that OpenVINO holds of it */
    bool binds;      /* its device is one that was seen to compute rightly in a caller's memory */
} wasinn__openvino_model;

/* Frees what is known of the ports. */
void wasinn__openvino_free_ports(wasinn__openvino_model *model);
/* How many ports the compiled model has, and room for what is known of each. */
wasinn_status wasinn__openvino_count_ports(wasinn__openvino_model *model, wasinn_message *message);

#endif
