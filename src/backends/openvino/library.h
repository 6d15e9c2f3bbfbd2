/* OpenVINO's C API, opened when it is first needed. */
#ifndef WASINN_BACKENDS_OPENVINO_LIBRARY_H
#define WASINN_BACKENDS_OPENVINO_LIBRARY_H

#include <openvino/c/openvino.h>

#include "wasinn/backend.h"

#define WASINN__OPENVINO_FUNCTIONS(X)                                                                        \
    X(ov_get_openvino_version)                                                                               \
    X(ov_version_free)                                                                                       \
    X(ov_get_last_err_msg)                                                                                   \
    X(ov_free)                                                                                               \
    X(ov_core_create)                                                                                        \
    X(ov_core_free)                                                                                          \
    X(ov_core_set_property)                                                                                  \
    X(ov_core_get_available_devices)                                                                         \
    X(ov_available_devices_free)                                                                             \
    X(ov_core_import_model)                                                                                  \
    X(ov_core_read_model)                                                                                    \
    X(ov_core_read_model_from_memory_buffer)                                                                 \
    X(ov_model_const_input_by_index)                                                                         \
    X(ov_model_const_output_by_index)                                                                        \
    X(ov_model_free)                                                                                         \
    X(ov_core_compile_model)                                                                                 \
    X(ov_compiled_model_export_model)                                                                        \
    X(ov_compiled_model_free)                                                                                \
    X(ov_compiled_model_inputs_size)                                                                         \
    X(ov_compiled_model_outputs_size)                                                                        \
    X(ov_compiled_model_input_by_index)                                                                      \
    X(ov_compiled_model_output_by_index)                                                                     \
    X(ov_compiled_model_create_infer_request)                                                                \
    X(ov_output_const_port_free)                                                                             \
    X(ov_port_get_any_name)                                                                                  \
    X(ov_port_get_element_type)                                                                              \
    X(ov_port_get_partial_shape)                                                                             \
    X(ov_partial_shape_free)                                                                                 \
    X(ov_infer_request_free)                                                                                 \
    X(ov_infer_request_get_input_tensor_by_index)                                                            \
    X(ov_infer_request_get_output_tensor_by_index)                                                           \
    X(ov_infer_request_set_input_tensor_by_index)                                                            \
    X(ov_infer_request_set_output_tensor_by_index)                                                           \
    X(ov_infer_request_infer)                                                                                \
    X(ov_infer_request_cancel)                                                                               \
    X(ov_infer_request_get_profiling_info)                                                                   \
    X(ov_profiling_info_list_free)                                                                           \
    X(ov_tensor_create)                                                                                      \
    X(ov_tensor_create_from_host_ptr)                                                                        \
    X(ov_tensor_free)                                                                                        \
    X(ov_tensor_data)                                                                                        \
    X(ov_tensor_get_byte_size)                                                                               \
    X(ov_tensor_get_element_type)                                                                            \
    X(ov_tensor_get_shape)                                                                                   \
    X(ov_tensor_set_shape)                                                                                   \
    X(ov_shape_create)                                                                                       \
    X(ov_shape_free)

typedef struct wasinn__openvino {
    void *handle; /* of dlopen */
    char path[4096];
    char version[128];
#define FIELD(name) __typeof__(name) *name;
    WASINN__OPENVINO_FUNCTIONS(FIELD)
#undef FIELD
} wasinn__openvino;

/* Looks in this order: `preferred` (a file or a folder), then the environment's WASINN_OPENVINO (likewise);
 * where one of these is given, nowhere else. Otherwise $INTEL_OPENVINO_DIR/runtime/lib/intel64 (or aarch64),
 * as OpenVINO's own setupvars.sh leaves it; what the system's loader finds, also by a name with a version
 * only; and the one that wasinn came with: beside the library or program that has this code (wasinn-openvino
 * there, wasinn/openvino in the folder of installed libraries), then the folder named to the build. From the
 * loader's on, one that is unfit is passed over. */
wasinn_status wasinn__openvino_open(const char *preferred, wasinn__openvino *library,
                                    wasinn_message *message);
void wasinn__openvino_close(wasinn__openvino *library);

#endif
