/* What operators may set for OpenVINO: our keys and values, and its properties. */
#ifndef WASINN_BACKENDS_OPENVINO_OPTIONS_H
#define WASINN_BACKENDS_OPENVINO_OPTIONS_H

#include "backends/openvino/runtime.h"

enum { WASINN__OPENVINO_OPTIONS = 7 };

extern const char *const wasinn__openvino_option_keys[WASINN__OPENVINO_OPTIONS];
extern const char *const wasinn__openvino_option_texts[WASINN__OPENVINO_OPTIONS];

wasinn_status wasinn__openvino_check_option(const char *key, const char *value, wasinn_message *message);
/* Whether option mmap was set to yes. */
bool wasinn__openvino_maps(const wasinn_load_request *request);
/* OpenVINO's properties for what a load asks for, to compile with more than once. */
typedef struct wasinn__openvino_settings {
    size_t count;
    const char *keys[WASINN__OPENVINO_OPTIONS + 1];
    char values[WASINN__OPENVINO_OPTIONS + 1][16];
} wasinn__openvino_settings;
void wasinn__openvino_settings_of(const wasinn_load_request *request, wasinn__openvino_settings *settings);
/* Sets a core's device to them. */
ov_status_e wasinn__openvino_set_core(const wasinn__openvino *library, ov_core_t *core, const char *device,
                                      const wasinn__openvino_settings *settings);
ov_status_e wasinn__openvino_compile(const wasinn__openvino_runtime *runtime, const ov_model_t *model,
                                     const char *device, const wasinn__openvino_settings *settings,
                                     ov_compiled_model_t **compiled);

#endif
