/* A model that OpenVINO has compiled. */
#ifndef WASINN_BACKENDS_OPENVINO_MODEL_H
#define WASINN_BACKENDS_OPENVINO_MODEL_H

#include "backends/openvino/options.h"

typedef struct wasinn__openvino_model {
    wasinn__openvino_runtime *runtime;
    ov_core_t *core; /* of its own, or NULL: the runtime's */
    ov_compiled_model_t *compiled;
    uint32_t counts[2];
    char **names[2]; /* by direction and index; NULL: it has none */
    bool *fixed[2];  /* likewise: every dimension is known */
    uint64_t bytes;  /* that OpenVINO holds of it */
    /* A model with states is compiled anew for each execution, from what was read: OpenVINO (seen with
     * 2026.4.1) keeps a state that is an input unchanged in memory that all requests of a compiled model have
     * in common. */
    ov_model_t *stateful; /* NULL: it has none */
    const char *device;
    wasinn__openvino_settings settings;
    uint64_t weights; /* bytes of them, of a model with states */
    bool binds;       /* its device is one that was seen to compute rightly in a caller's memory */
} wasinn__openvino_model;

/* Frees what is known of the ports. */
void wasinn__openvino_free_ports(wasinn__openvino_model *model);
/* How many ports the compiled model has, and room for what is known of each. */
wasinn_status wasinn__openvino_count_ports(wasinn__openvino_model *model, wasinn_message *message);

#endif
