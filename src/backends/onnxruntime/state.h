/* What a runtime, a model and an execution are, for the files of this backend. */
#ifndef WASINN_BACKENDS_ONNXRUNTIME_STATE_H
#define WASINN_BACKENDS_ONNXRUNTIME_STATE_H

#include "backends/onnxruntime/library.h"

typedef struct wasinn__ort_runtime {
    wasinn__ort_library library;
    OrtEnv *env; /* one for the process, however many there are of these */
    OrtMemoryInfo *memory;
    OrtAllocator *allocator; /* the default one, which nobody frees */
    char **providers;
    int provider_count;
} wasinn__ort_runtime;

/* An input or output of a model. */
typedef struct wasinn__ort_port {
    char *name; /* the allocator's */
    wasinn_port port;
    int type;   /* of its elements, as the runtime numbers them */
    bool fixed; /* every dimension is known */
} wasinn__ort_port;

typedef struct wasinn__ort_model {
    wasinn__ort_runtime *runtime;
    OrtSession *session;
    uint32_t counts[2];
    wasinn__ort_port *ports[2]; /* by direction and index */
    const char **names[2];
} wasinn__ort_model;

/* What the operator asked for. */
typedef struct wasinn__ort_settings {
    int threads, interop_threads; /* 0: as the runtime thinks best */
    int optimization;
    bool spinning, arena;
} wasinn__ort_settings;

/* The bytes of a model and of its weights, while it is loaded. */
typedef struct wasinn__ort_files {
    void *model; /* NULL: they are the source's */
    size_t count;
    char **names; /* as the model gives them */
    char **data;
    size_t *sizes;
    uint64_t bytes; /* of all the weights */
} wasinn__ort_files;

/* Turns what a function of the API returned into a status, with the runtime's own words, and frees it. */
wasinn_status wasinn__ort_check(const wasinn__ort_runtime *runtime, OrtStatus *returned, const char *doing,
                                wasinn_message *message);

/* What wasinn calls a type of elements, and its bits in memory. Types that it has no name for but whose
 * elements are one byte are passed as that byte; a string is an object of the runtime. */
wasinn_type wasinn__ort_type(int type, uint32_t *bits);

/* Describes the ports of a session. `bytes` are the model's: the runtime does not tell a scalar from a tensor
 * of unknown rank, they do. */
wasinn_status wasinn__ort_read_ports(wasinn__ort_model *model, const wasinn_blob *bytes,
                                     wasinn_message *message);
void wasinn__ort_free_ports(wasinn__ort_model *model);

/* Reads a model's file into memory, and every file of weights that it names. Nothing stays mapped: who cuts a
 * file off later does no harm. */
wasinn_status wasinn__ort_read_files(const char *path, wasinn_blob *model, wasinn__ort_files *files,
                                     wasinn_message *message);
void wasinn__ort_free_files(wasinn__ort_files *files);

/* The options; the entries of the backend's table. */
extern const char *const wasinn__ort_option_keys[6];
extern const char *const wasinn__ort_option_texts[6];
wasinn_status wasinn__ort_check_option(const char *key, const char *value, wasinn_message *message);
void wasinn__ort_read_options(const wasinn_load_request *request, wasinn__ort_settings *settings);

/* Entries of the backend's table. */
wasinn_status wasinn__ort_create(void *model, void **execution, wasinn_message *message);
void wasinn__ort_destroy(void *execution);
wasinn_status wasinn__ort_input(void *execution, uint32_t index, const wasinn_tensor *shape, void **memory,
                                wasinn_message *message);
wasinn_status wasinn__ort_run(void *execution, wasinn_message *message);
void wasinn__ort_cancel(void *execution);
wasinn_status wasinn__ort_output(void *execution, uint32_t index, wasinn_tensor *view,
                                 wasinn_message *message);
wasinn_status wasinn__ort_infer(void *execution, const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                                wasinn_message *message);

#endif
