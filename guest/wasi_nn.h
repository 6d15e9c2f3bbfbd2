/* wasi_nn.h - wasi-nn for guests in C, in one header.
 *
 * Compile with a clang that has the C library for WebAssembly (wasi-libc); there is nothing more to link:
 *
 *     zig cc -target wasm32-wasi -O2 -s -Iguest -o guest.wasm guest.c
 *     clang --target=wasm32-wasi -O2 -s -Iguest -o guest.wasm guest.c
 *
 * The functions are those of wasi-nn.witx (WebAssembly/wasi-nn at 71320d9), imported from module
 * wasi_ephemeral_nn, so the guest runs on every host that follows it. A session is: load,
 * init_execution_context, and then set_input, compute, get_output as often as wanted.
 *
 *     wasi_nn_graph_builder parts[] = {{xml, xml_size}, {bin, bin_size}};
 *     wasi_nn_load(parts, 2, WASI_NN_ENCODING_OPENVINO, WASI_NN_TARGET_CPU, &graph);
 *     wasi_nn_init_execution_context(graph, &context);
 *     uint32_t dimensions[] = {1, 3, 224, 224};
 *     wasi_nn_tensor input = {dimensions, 4, WASI_NN_TYPE_F32, pixels, sizeof pixels};
 *     wasi_nn_set_input(context, 0, &input);
 *     wasi_nn_compute(context);
 *     wasi_nn_get_output(context, 0, probabilities, sizeof probabilities, &written);
 *
 * Each function returns an errno, 0 for success. Define WASI_NN_WASINN before including this header to ask
 * the host wasinn for the reason in words (wasi_nn_last_error), to close handles (wasi_nn_close) and to find
 * inputs and outputs by name (wasi_nn_find_port): the guest then runs on wasinn only, because a WebAssembly
 * module cannot be started on a host that lacks one of its imports. Without it wasi_nn_last_error describes
 * the errno.
 *
 * wasi_nn_infer makes an inference in one call. With WASI_NN_WASINN the model computes in the guest's own
 * memory where it can, so that large tensors are not copied; without, it is the three calls.
 */
#ifndef WASI_NN_H
#define WASI_NN_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* $nn_errno */
typedef uint32_t wasi_nn_errno;
enum {
    WASI_NN_SUCCESS = 0,
    WASI_NN_INVALID_ARGUMENT = 1,
    WASI_NN_INVALID_ENCODING = 2,
    WASI_NN_MISSING_MEMORY = 3,
    WASI_NN_BUSY = 4,
    WASI_NN_RUNTIME_ERROR = 5,
    WASI_NN_UNSUPPORTED_OPERATION = 6,
    WASI_NN_TOO_LARGE = 7,
    WASI_NN_NOT_FOUND = 8
};

/* $graph_encoding */
typedef uint32_t wasi_nn_graph_encoding;
enum {
    WASI_NN_ENCODING_OPENVINO = 0, /* two builders: the xml, then the weights (bin) */
    WASI_NN_ENCODING_ONNX = 1,
    WASI_NN_ENCODING_TENSORFLOW = 2,
    WASI_NN_ENCODING_PYTORCH = 3,
    WASI_NN_ENCODING_TENSORFLOWLITE = 4,
    WASI_NN_ENCODING_AUTODETECT = 5
};

/* $execution_target */
typedef uint32_t wasi_nn_execution_target;
enum { WASI_NN_TARGET_CPU = 0, WASI_NN_TARGET_GPU = 1, WASI_NN_TARGET_TPU = 2 };

/* $tensor_type */
typedef uint8_t wasi_nn_tensor_type;
enum {
    WASI_NN_TYPE_F16 = 0,
    WASI_NN_TYPE_F32 = 1,
    WASI_NN_TYPE_F64 = 2,
    WASI_NN_TYPE_U8 = 3,
    WASI_NN_TYPE_I32 = 4,
    WASI_NN_TYPE_I64 = 5
};

/* $graph_builder: some bytes of a model. They may be freed after load. */
typedef struct wasi_nn_graph_builder {
    const void *data; /* the bytes */
    uint32_t size;    /* bytes */
} wasi_nn_graph_builder;

/* $tensor. Elements are in row-major order; a scalar has a dimension_count of 0. The data may be freed after
 * set_input. */
typedef struct wasi_nn_tensor {
    const uint32_t *dimensions; /* the shape */
    uint32_t dimension_count;   /* the rank */
    wasi_nn_tensor_type type;   /* of each element */
    const void *data;           /* the elements */
    uint32_t size;              /* bytes: the product of the dimensions times the element size */
} wasi_nn_tensor;

/* $graph: a model that was loaded. */
typedef uint32_t wasi_nn_graph;
/* $graph_execution_context: a session on a graph. */
typedef uint32_t wasi_nn_graph_execution_context;

_Static_assert(sizeof(wasi_nn_graph_builder) == 8, "wasi-nn is a 32-bit ABI: compile for wasm32");
_Static_assert(sizeof(wasi_nn_tensor) == 20, "wasi-nn is a 32-bit ABI: compile for wasm32");

/* Declares a function that the host has. */
#define WASI_NN_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

/* Loads a model from bytes. invalid_encoding: the host has no backend for the encoding. */
WASI_NN_IMPORT("wasi_ephemeral_nn", "load")
wasi_nn_errno wasi_nn_load(const wasi_nn_graph_builder *builders, uint32_t count,
                           wasi_nn_graph_encoding encoding, wasi_nn_execution_target target,
                           wasi_nn_graph *graph);

/* Loads a model that the host knows by name; the name has `length` bytes. not_found: it knows none of it. */
WASI_NN_IMPORT("wasi_ephemeral_nn", "load_by_name")
wasi_nn_errno wasi_nn_load_by_name(const char *name, uint32_t length, wasi_nn_graph *graph);

/* Makes a session on a graph. */
WASI_NN_IMPORT("wasi_ephemeral_nn", "init_execution_context")
wasi_nn_errno wasi_nn_init_execution_context(wasi_nn_graph graph, wasi_nn_graph_execution_context *context);

/* Copies a tensor to input `index`. It stays set for later computes. */
WASI_NN_IMPORT("wasi_ephemeral_nn", "set_input")
wasi_nn_errno wasi_nn_set_input(wasi_nn_graph_execution_context context, uint32_t index,
                                const wasi_nn_tensor *tensor);

/* Runs the model on its inputs. */
WASI_NN_IMPORT("wasi_ephemeral_nn", "compute")
wasi_nn_errno wasi_nn_compute(wasi_nn_graph_execution_context context);

/* Copies output `index` to a buffer of `capacity` bytes and writes its size in bytes. too_large: the buffer
 * is too small; the size needed is written (by wasinn; other hosts may not write it). */
WASI_NN_IMPORT("wasi_ephemeral_nn", "get_output")
wasi_nn_errno wasi_nn_get_output(wasi_nn_graph_execution_context context, uint32_t index, void *buffer,
                                 uint32_t capacity, uint32_t *size);

/* Where wasi_nn_infer puts an output. */
typedef struct wasi_nn_result {
    void *buffer;      /* memory for it */
    uint32_t capacity; /* bytes of the buffer */
    uint32_t size;     /* written: bytes of the output */
} wasi_nn_result;

_Static_assert(sizeof(wasi_nn_result) == 12, "wasi-nn is a 32-bit ABI: compile for wasm32");

/* One inference: sets inputs 0 to input_count - 1, computes, and copies outputs 0 to result_count - 1 to
 * their buffers. A buffer must not overlap another one or an input. Inputs beyond those given stay as
 * set_input has set them. Afterwards, set the given inputs again before the next compute, and compute before
 * the next get_output. too_large: a buffer is too small; the sizes are written (by wasinn). After any failure
 * the buffers may have been written to. */
#ifdef WASI_NN_WASINN
WASI_NN_IMPORT("wasinn", "infer")
wasi_nn_errno wasi_nn_infer(wasi_nn_graph_execution_context context, const wasi_nn_tensor *inputs,
                            uint32_t input_count, wasi_nn_result *results, uint32_t result_count);
#else
static inline wasi_nn_errno wasi_nn_infer(wasi_nn_graph_execution_context context,
                                          const wasi_nn_tensor *inputs, uint32_t input_count,
                                          wasi_nn_result *results, uint32_t result_count) {
    wasi_nn_errno error = WASI_NN_SUCCESS, first = WASI_NN_SUCCESS;
    for (uint32_t i = 0; i < input_count && error == WASI_NN_SUCCESS; i++)
        error = wasi_nn_set_input(context, i, &inputs[i]);
    if (error == WASI_NN_SUCCESS)
        error = wasi_nn_compute(context);
    if (error != WASI_NN_SUCCESS)
        return error;
    /* A buffer that is too small does not keep the other sizes from being told. */
    for (uint32_t i = 0; i < result_count && (error == WASI_NN_SUCCESS || error == WASI_NN_TOO_LARGE); i++) {
        error = wasi_nn_get_output(context, i, results[i].buffer, results[i].capacity, &results[i].size);
        first = first == WASI_NN_SUCCESS ? error : first;
    }
    return first;
}
#endif

/* The errno's name and meaning. Never NULL. */
static inline const char *wasi_nn_errno_text(wasi_nn_errno error) {
    static const char *const texts[] = {
        "success",
        "invalid argument",
        "invalid encoding: the host has no backend for the model's format",
        "missing memory: the guest must export its memory",
        "busy: too many graphs or execution contexts",
        "runtime error: the model could not be loaded or computed, or a call before is missing",
        "unsupported operation: the host lacks the device or the function",
        "too large: a buffer, a tensor or the model",
        "not found: the host knows no model of that name"};
    return error < sizeof texts / sizeof *texts ? texts[error] : "unknown error";
}

#ifdef WASI_NN_WASINN
/* Copies as much of the last error's text as fits, without a NUL, and writes the length of the whole text. */
WASI_NN_IMPORT("wasinn", "last_error")
wasi_nn_errno wasi_nn_host_last_error(char *buffer, uint32_t capacity, uint32_t *length);

/* Closes a graph or an execution context; the specification has no such call. */
WASI_NN_IMPORT("wasinn", "close")
wasi_nn_errno wasi_nn_close(uint32_t handle);

/* Which of a graph's two lists of ports. */
enum { WASI_NN_INPUT = 0, WASI_NN_OUTPUT = 1 };

/* The index of the input (WASI_NN_INPUT) or output (WASI_NN_OUTPUT) that the model has under a name of
 * `length` bytes, for set_input and get_output; a number in decimal digits is taken as an index.
 * invalid_argument: there is none; the text of the error lists those that there are. */
WASI_NN_IMPORT("wasinn", "find_port")
wasi_nn_errno wasi_nn_find_port(wasi_nn_graph graph, uint32_t direction, const char *name, uint32_t length,
                                uint32_t *index);
#endif

/* Why the call that returned `error` failed, as a NUL-terminated text of at most `capacity` bytes, which must
 * not be 0. Returns `buffer`. */
static inline const char *wasi_nn_last_error(wasi_nn_errno error, char *buffer, uint32_t capacity) {
    const char *text = wasi_nn_errno_text(error);
    uint32_t length = (uint32_t)strlen(text);
#ifdef WASI_NN_WASINN
    if (error != WASI_NN_SUCCESS &&
        wasi_nn_host_last_error(buffer, capacity - 1, &length) == WASI_NN_SUCCESS && length > 0) {
        buffer[length < capacity - 1 ? length : capacity - 1] = '\0';
        return buffer;
    }
    length = (uint32_t)strlen(text);
#endif
    if (length > capacity - 1)
        length = capacity - 1;
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    return buffer;
}

#ifdef __cplusplus
}
#endif

#endif
