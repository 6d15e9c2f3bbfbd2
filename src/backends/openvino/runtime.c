#include "backends/openvino/runtime.h"

#include <stdlib.h>
#include <string.h>

/* The text of the last error is one for the whole process, so another thread's may come between. */
wasinn_status wasinn__openvino_failed(const wasinn__openvino *library, wasinn_status status, ov_status_e code,
                                      const char *doing, wasinn_message *message) {
    const char *text = library->ov_get_last_err_msg();
    if (text && text[0])
        wasinn_refuse(message, status, "OpenVINO, %s: %s", doing, text);
    else
        wasinn_refuse(message, status, "OpenVINO, %s: status %d", doing, (int)code);
    if (text)
        library->ov_free(text);
    return status;
}

/* A file that is mapped and then cut short ends the process that looks at it, so files are mapped only for
 * those who ask for it. It is a property of the whole core. */
static wasinn_status new_core(const wasinn__openvino *library, const char *maps, ov_core_t **core,
                              wasinn_message *message) {
    ov_status_e code = library->ov_core_create(core);
    if (code != OK)
        return wasinn__openvino_failed(library, WASINN_RUNTIME_ERROR, code, "starting", message);
    code = library->ov_core_set_property(*core, "", "ENABLE_MMAP", maps);
    if (code == OK)
        return WASINN_OK;
    library->ov_core_free(*core);
    *core = NULL;
    return wasinn__openvino_failed(library, WASINN_RUNTIME_ERROR, code, "setting ENABLE_MMAP", message);
}

wasinn_status wasinn__openvino_start(const char *preferred, wasinn__openvino_runtime **runtime,
                                     wasinn_message *message) {
    wasinn__openvino_runtime *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "OpenVINO: no memory");
    wasinn_status status = wasinn__openvino_open(preferred, &made->library, message);
    if (status == WASINN_OK)
        status = new_core(&made->library, "NO", &made->core, message);
    if (status != WASINN_OK) {
        free(made);
        return status;
    }
    pthread_mutex_init(&made->lock, NULL);
    *runtime = made;
    return WASINN_OK;
}

/* The library stays: its threads end with the process, and it cannot be unloaded under them. */
void wasinn__openvino_stop(wasinn__openvino_runtime *runtime) {
    if (runtime->listed)
        runtime->library.ov_available_devices_free(&runtime->devices);
    if (runtime->mapper)
        runtime->library.ov_core_free(runtime->mapper);
    runtime->library.ov_core_free(runtime->core);
    pthread_mutex_destroy(&runtime->lock);
    free(runtime);
}

wasinn_status wasinn__openvino_mapper(wasinn__openvino_runtime *runtime, ov_core_t **core,
                                      wasinn_message *message) {
    wasinn_status status = WASINN_OK;
    pthread_mutex_lock(&runtime->lock);
    if (!runtime->mapper)
        status = new_core(&runtime->library, "YES", &runtime->mapper, message);
    *core = runtime->mapper;
    pthread_mutex_unlock(&runtime->lock);
    return status;
}

/* ---- Devices ------------------------------------------------------------------------------------ */

static const char *name_of(wasinn_target target) {
    switch (target) {
    case WASINN_TARGET_GPU:
        return "GPU";
    case WASINN_TARGET_NPU:
        return "NPU";
    case WASINN_TARGET_AUTO:
        return "AUTO";
    default:
        return "CPU";
    }
}

/* AUTO chooses among the devices that there are, and is not one of them. Of two GPUs one is "GPU.0". */
wasinn_status wasinn__openvino_device(const wasinn__openvino_runtime *runtime, wasinn_target target,
                                      const char **device, wasinn_message *message) {
    const wasinn__openvino *library = &runtime->library;
    ov_available_devices_t devices = {0};
    char seen[256] = "";
    const char *wanted = name_of(target);
    size_t length = strlen(wanted);
    bool found = false;
    *device = wanted;
    /* Listing the devices opens them all, which takes longer than to load a small model on one. */
    if (target == WASINN_TARGET_AUTO || target == WASINN_TARGET_CPU)
        return WASINN_OK;
    ov_status_e code = library->ov_core_get_available_devices(runtime->core, &devices);
    if (code != OK)
        return wasinn__openvino_failed(library, WASINN_RUNTIME_ERROR, code, "listing devices", message);
    for (size_t i = 0; i < devices.size; i++) {
        const char *one = devices.devices[i];
        if (strncmp(one, wanted, length) == 0 && (one[length] == '\0' || one[length] == '.'))
            found = true;
        size_t used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%s%s", used ? ", " : "", one);
    }
    library->ov_available_devices_free(&devices);
    if (found)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                         "OpenVINO finds no device %s in this machine, only %s", wanted,
                         seen[0] ? seen : "none");
}

const char *wasinn__openvino_device_at(wasinn__openvino_runtime *runtime, size_t index) {
    const wasinn__openvino *library = &runtime->library;
    if (!runtime->listed)
        runtime->listed = library->ov_core_get_available_devices(runtime->core, &runtime->devices) == OK;
    return runtime->listed && index < runtime->devices.size ? runtime->devices.devices[index] : NULL;
}
