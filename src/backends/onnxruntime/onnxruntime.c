/* The ONNX Runtime backend: ONNX models on the CPU. */
#include <stdlib.h>
#include <string.h>

#include "backends/formats.h"
#include "backends/onnx_files.h"
#include "backends/onnx_functions.h"
#include "backends/onnxruntime/state.h"

wasinn_status wasinn__ort_check(const wasinn__ort_runtime *runtime, OrtStatus *returned, const char *doing,
                                wasinn_message *message) {
    const wasinn__ort *api = &runtime->library.api;
    if (!returned)
        return WASINN_OK;
    wasinn_refuse(message, WASINN_RUNTIME_ERROR, "ONNX Runtime, %s: %s", doing,
                  api->GetErrorMessage(returned));
    api->ReleaseStatus(returned);
    return WASINN_RUNTIME_ERROR;
}

/* ---- Runtime ------------------------------------------------------------------------------------ */

/* What the runtime would tell a log is in its errors too. */
static void drop_log(void *data, int severity, const char *category, const char *id, const char *location,
                     const char *text) {
    (void)data, (void)severity, (void)category, (void)id, (void)location, (void)text;
}

/* The library stays: its threads end with the process, and it cannot be unloaded under them. */
static void close_runtime(void *opaque) {
    wasinn__ort_runtime *closed = opaque;
    const wasinn__ort *api = &closed->library.api;
    if (closed->providers)
        wasinn__ort_check(closed, api->ReleaseAvailableProviders(closed->providers, closed->provider_count),
                          "closing", &(wasinn_message){NULL, 0});
    if (closed->memory)
        api->ReleaseMemoryInfo(closed->memory);
    if (closed->env)
        api->ReleaseEnv(closed->env);
    free(closed);
}

static wasinn_status start(wasinn__ort_runtime *made, wasinn_message *message) {
    const wasinn__ort *api = &made->library.api;
    wasinn_status status = wasinn__ort_check(
        made, api->CreateEnvWithCustomLogger(drop_log, NULL, WASINN__ORT_LOG_FATAL, "wasinn", &made->env),
        "starting", message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(
            made,
            api->CreateCpuMemoryInfo(WASINN__ORT_DEVICE_ALLOCATOR, WASINN__ORT_MEMORY_DEFAULT, &made->memory),
            "starting", message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(made, api->GetAllocatorWithDefaultOptions(&made->allocator), "starting",
                                   message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(made, api->GetAvailableProviders(&made->providers, &made->provider_count),
                                   "starting", message);
    return status;
}

static wasinn_status open_runtime(const wasinn_backend_settings *settings, void **result,
                                  wasinn_message *message) {
    wasinn__ort_runtime *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "ONNX Runtime: no memory");
    wasinn_status status = wasinn__ort_open(settings->library, &made->library, message);
    if (status != WASINN_OK) {
        free(made);
        return status;
    }
    status = start(made, message);
    if (status != WASINN_OK) {
        close_runtime(made);
        return status;
    }
    *result = made;
    return WASINN_OK;
}

static void version_of(void *opaque, const char **version, const char **path) {
    const wasinn__ort_runtime *opened = opaque;
    *version = opened->library.version;
    *path = opened->library.path;
}

/* ---- Devices ------------------------------------------------------------------------------------ */

/* Models run on the CPU, whatever else the library could use. */
static const char *device(void *opaque, size_t index) {
    (void)opaque;
    return index == 0 ? "CPU" : NULL;
}

static wasinn_status check_target(const wasinn__ort_runtime *runtime, wasinn_target target,
                                  wasinn_message *message) {
    char seen[256] = "";
    if (target == WASINN_TARGET_CPU || target == WASINN_TARGET_AUTO)
        return WASINN_OK;
    for (int i = 0; i < runtime->provider_count; i++) {
        size_t used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%s%s", used ? ", " : "", runtime->providers[i]);
    }
    return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                         "backend onnxruntime has the targets cpu and auto, not %s (this library has %s)",
                         target == WASINN_TARGET_GPU ? "gpu" : "npu", seen);
}

/* ---- Loading ------------------------------------------------------------------------------------ */

static bool probe(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding) {
    return wasinn__format_of_blobs(blobs, count, encoding) && *encoding == WASINN_ENCODING_ONNX;
}

static bool probe_path(const char *path, wasinn_encoding *encoding) {
    return wasinn__format_of_path(path, encoding) && *encoding == WASINN_ENCODING_ONNX;
}

/* The runtime has a format of its own, which it checks less. */
static wasinn_status check_format(const wasinn_blob *model, const char *what, wasinn_message *message) {
    wasinn__format format = wasinn__format_of_bytes(model);
    if (format == WASINN__FORMAT_ONNX)
        return WASINN_OK;
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "%s, %zu bytes, is no ONNX model but %s", what,
                         model->size, wasinn__format_text(format));
}

/* The runtime replaces calls of functions one by one, in a time that grows with the square of their number:
 * some seconds for the first of these. An operator's own model may take longer. */
#define MOST_FUNCTION_NODES_OF_GUESTS (UINT64_C(1) << 14)
#define MOST_FUNCTION_NODES (UINT64_C(1) << 20)

/* The model's bytes, which may be the source's, and the files that they name. */
static wasinn_status read_source(const wasinn_source *source, wasinn_blob *model, wasinn__ort_files *files,
                                 wasinn_message *message) {
    wasinn_status status;
    if (source->kind == WASINN_SOURCE_PATH) {
        status = wasinn__ort_read_files(source->path, model, files, message);
        if (status != WASINN_OK)
            return status;
        status = check_format(model, source->path, message);
        return status == WASINN_OK ? wasinn__onnx_check_functions(model, MOST_FUNCTION_NODES, message)
                                   : status;
    }
    if (source->blob_count != 1)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT,
                             "a model of encoding onnx is one builder; got %zu", source->blob_count);
    *model = source->blobs[0];
    status = check_format(model, "builder 0", message);
    if (status == WASINN_OK)
        status = wasinn__onnx_refuse_files(model, message);
    if (status == WASINN_OK)
        status = wasinn__onnx_check_functions(model, MOST_FUNCTION_NODES_OF_GUESTS, message);
    return status;
}

static void unload(void *opaque) {
    wasinn__ort_model *unloaded = opaque;
    wasinn__ort_free_ports(unloaded);
    if (unloaded->session)
        unloaded->runtime->library.api.ReleaseSession(unloaded->session);
    free(unloaded);
}

static wasinn_status configure(const wasinn__ort_runtime *runtime, const wasinn__ort_settings *settings,
                               const wasinn__ort_files *files, OrtSessionOptions *options,
                               wasinn_message *message) {
    const wasinn__ort *api = &runtime->library.api;
    OrtStatus *failed = api->SetSessionLogSeverityLevel(options, WASINN__ORT_LOG_FATAL);
    if (!failed)
        failed = api->AddSessionConfigEntry(options, "session.load_model_format", "ONNX");
    if (!failed)
        failed = api->SetSessionGraphOptimizationLevel(options, settings->optimization);
    if (!failed)
        failed = api->SetIntraOpNumThreads(options, settings->threads);
    if (!failed && settings->interop_threads > 1)
        failed = api->SetSessionExecutionMode(options, WASINN__ORT_PARALLEL);
    if (!failed && settings->interop_threads > 1)
        failed = api->SetInterOpNumThreads(options, settings->interop_threads);
    if (!failed && !settings->spinning)
        failed = api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0");
    if (!failed && !settings->spinning)
        failed = api->AddSessionConfigEntry(options, "session.inter_op.allow_spinning", "0");
    if (!failed && !settings->arena)
        failed = api->DisableCpuMemArena(options);
    if (!failed && files->count > 0)
        failed = api->AddExternalInitializersFromFilesInMemory(options, (const char *const *)files->names,
                                                               files->data, files->sizes, files->count);
    return wasinn__ort_check(runtime, failed, "setting options", message);
}

static wasinn_status make_session(wasinn__ort_model *made, const wasinn_load_request *request,
                                  const wasinn_blob *model, const wasinn__ort_files *files,
                                  wasinn_message *message) {
    const wasinn__ort *api = &made->runtime->library.api;
    wasinn__ort_settings settings;
    OrtSessionOptions *options = NULL;
    wasinn__ort_read_options(request, &settings);
    wasinn_status status =
        wasinn__ort_check(made->runtime, api->CreateSessionOptions(&options), "setting options", message);
    if (status == WASINN_OK)
        status = configure(made->runtime, &settings, files, options, message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(made->runtime,
                                   api->CreateSessionFromArray(made->runtime->env, model->data, model->size,
                                                               options, &made->session),
                                   "loading the model", message);
    if (options)
        api->ReleaseSessionOptions(options);
    return status;
}

static wasinn_status load(void *opaque, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message) {
    wasinn__ort_runtime *opened = opaque;
    wasinn__ort_files files = {0};
    wasinn_blob model = {0};
    wasinn_status status = check_target(opened, request->target, message);
    if (status != WASINN_OK)
        return status;
    wasinn__ort_model *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "ONNX Runtime: no memory");
    made->runtime = opened;
    status = read_source(request->source, &model, &files, message);
    if (status == WASINN_OK && request->stopped(request->stopped_data))
        status = wasinn_refuse(message, WASINN_TIMEOUT, "stopped before the model was loaded");
    if (status == WASINN_OK)
        status = make_session(made, request, &model, &files, message);
    if (status == WASINN_OK)
        status = wasinn__ort_read_ports(made, &model, message);
    uint64_t bytes = model.size + files.bytes;
    wasinn__ort_free_files(&files);
    if (status != WASINN_OK) {
        unload(made);
        return status;
    }
    loaded->model = made;
    loaded->bytes = bytes;
    loaded->keeps_blobs = false;
    return WASINN_OK;
}

static uint32_t port_count(void *opaque, wasinn_direction direction) {
    return ((const wasinn__ort_model *)opaque)->counts[direction];
}

static wasinn_status port(void *opaque, wasinn_direction direction, uint32_t index, wasinn_port *result,
                          wasinn_message *message) {
    (void)message;
    *result = ((const wasinn__ort_model *)opaque)->ports[direction][index].port;
    return WASINN_OK;
}

static const wasinn_encoding encodings[] = {WASINN_ENCODING_ONNX};

const wasinn_backend wasinn__backend_onnxruntime = {
    .abi_version = WASINN_BACKEND_ABI,
    .struct_size = sizeof(wasinn_backend),
    .name = "onnxruntime",
    .package = "ONNX Runtime " WASINN__ORT_RELEASE " or newer (Python package onnxruntime)",
    .encodings = encodings,
    .encoding_count = sizeof encodings / sizeof *encodings,
    .option_keys = wasinn__ort_option_keys,
    .option_key_count = sizeof wasinn__ort_option_keys / sizeof *wasinn__ort_option_keys,
    .open = open_runtime,
    .close = close_runtime,
    .version = version_of,
    .load = load,
    .unload = unload,
    .port_count = port_count,
    .port = port,
    .create = wasinn__ort_create,
    .destroy = wasinn__ort_destroy,
    .input = wasinn__ort_input,
    .run = wasinn__ort_run,
    .cancel = wasinn__ort_cancel,
    .output = wasinn__ort_output,
    .infer = wasinn__ort_infer,
    .probe = probe,
    .probe_path = probe_path,
    .check_option = wasinn__ort_check_option,
    .option_texts = wasinn__ort_option_texts,
    .device = device,
};
