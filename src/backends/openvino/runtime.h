/* An opened OpenVINO, and how its failures are told. */
#ifndef WASINN_BACKENDS_OPENVINO_RUNTIME_H
#define WASINN_BACKENDS_OPENVINO_RUNTIME_H

#include <pthread.h>

#include "backends/openvino/library.h"

typedef struct wasinn__openvino_runtime {
    wasinn__openvino library;
    ov_core_t *core;   /* reads models into memory */
    ov_core_t *mapper; /* maps their files; NULL until one is asked for, guarded by `lock` */
    pthread_mutex_t lock;
    ov_available_devices_t devices; /* as `device` lists them */
    bool listed;
} wasinn__openvino_runtime;

/* Describes a failed call with OpenVINO's own words; returns `status`. */
wasinn_status wasinn__openvino_failed(const wasinn__openvino *library, wasinn_status status, ov_status_e code,
                                      const char *doing, wasinn_message *message);

wasinn_status wasinn__openvino_start(const char *preferred, wasinn__openvino_runtime **runtime,
                                     wasinn_message *message);
void wasinn__openvino_stop(wasinn__openvino_runtime *runtime);
/* The core that maps files. */
wasinn_status wasinn__openvino_mapper(wasinn__openvino_runtime *runtime, ov_core_t **core,
                                      wasinn_message *message);
/* Refuses a target whose device is not in this machine; its name otherwise. */
wasinn_status wasinn__openvino_device(const wasinn__openvino_runtime *runtime, wasinn_target target,
                                      const char **device, wasinn_message *message);
/* Device number `index`, or NULL; not for several threads at once. */
const char *wasinn__openvino_device_at(wasinn__openvino_runtime *runtime, size_t index);

#endif
