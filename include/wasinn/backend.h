/* backend.h - for those who put an ML runtime behind wasinn.
 *
 * A backend is a constant table of functions, in a shared object libwasinn-NAME.so that has the function
 * wasinn_backend_table, or handed to wasinn_host_add_backend. It never sees a guest, a guest's address or a
 * handle: wasinn's core checks types, shapes, limits and order of calls first, and copies guest data into
 * memory that the backend lends. The table is versioned and only ever grows at its end; an optional entry
 * that is NULL, or lies beyond struct_size, is an operation that the backend does not have. The structs that
 * begin with struct_size grow at their end too; wasinn_port and wasinn_tensor stay as they are within an ABI
 * version.
 *
 * Threads: open, close, version, device: one at a time. probe, probe_path and check_option: any number at
 * once, before open too. load, unload and ports: any number of threads at once. Calls on one execution: one
 * thread at a time, except cancel, which may come from any thread between the return of create and the call
 * of destroy.
 *
 * A backend in a shared object calls nothing of libwasinn, which may not be there as a library: all that it
 * needs is in this header. Its file stays loaded until the process ends.
 *
 * Errors: return a status and describe it with wasinn_refuse: what was wrong, with what, what was wanted,
 * and the ML runtime's own words. Text need not be escaped; the core does that.
 */
#ifndef WASINN_BACKEND_H
#define WASINN_BACKEND_H

#include <stdarg.h>
#include <stdio.h>

#include "wasinn/wasinn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the table below; another number is another layout. */
#define WASINN_BACKEND_ABI 1

/* Where a failing call puts its text. */
typedef struct wasinn_message {
    char *text;      /* NUL-terminated */
    size_t capacity; /* bytes */
} wasinn_message;

/* Writes the text unless there is one already (the first, nearest the cause, wins) and returns `status`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static inline wasinn_status wasinn_refuse(wasinn_message *message, wasinn_status status, const char *format,
                                          ...) {
    if (message->capacity > 0 && message->text[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message->text, message->capacity, format, arguments);
        va_end(arguments);
    }
    return status;
}

/* What the host was told about this backend. Lives until close. */
typedef struct wasinn_backend_settings {
    uint32_t struct_size; /* as the core knows it */
    const char *library;  /* file or folder to look in first for the runtime's libraries, or NULL */
} wasinn_backend_settings;

/* Where a model comes from. */
typedef enum wasinn_source_kind {
    WASINN_SOURCE_BLOBS = 0, /* blobs[0..blob_count) */
    WASINN_SOURCE_PATH       /* path: a file or a folder */
} wasinn_source_kind;

/* A model to load. Each blob is followed by a byte 0 that its size does not count. When load sets
 * keeps_blobs, blobs live, unchanged, until unload returns, so that the runtime may keep using them. */
typedef struct wasinn_source {
    uint32_t struct_size;     /* as the core knows it */
    wasinn_source_kind kind;  /* which of the following count */
    const wasinn_blob *blobs; /* the parts of the model */
    size_t blob_count;        /* how many there are */
    const char *path;         /* of the model's file or folder */
} wasinn_source;

/* Where a backend finds models that it has compiled before, during one load. The key is text that says all
 * that the compiled model depends on and only the backend knows: the identity of each file, as it is before
 * it is read, and the settings. The core adds the backend, its runtime's version and the processor. */
typedef struct wasinn_model_store {
    uint32_t struct_size; /* as the core knows it */
    void *data;           /* for find */
    /* What `save` wrote under this key; it begins at a page, is read-only, and stays until unload returns, or
     * load, if that fails. False: nothing. One key for each load. It has been checked; the inner part of a
     * large one is while load runs, and if it is damaged, the model is unloaded and loaded again, with
     * nothing to be found. */
    bool (*find)(void *data, const char *key, wasinn_blob *content);
} wasinn_model_store;

/* What load is asked for. */
typedef struct wasinn_load_request {
    uint32_t struct_size;        /* as the core knows it */
    const wasinn_source *source; /* the model */
    wasinn_encoding encoding;    /* one of the table's encodings */
    wasinn_target target;        /* the device */
    /* True once the deadline passed or the guest was interrupted: to be asked between long steps, which
     * then give up with WASINN_TIMEOUT. */
    bool (*stopped)(void *data);
    void *stopped_data; /* for stopped */
    /* What the operator asked for: each key is one of the table's, none comes twice, and check_option has
     * accepted the values. They live until load returns. */
    const wasinn_option *options;
    size_t option_count;             /* how many there are */
    const wasinn_model_store *store; /* NULL: compiled models are not kept */
    bool profile;                    /* the layers of each run will be asked for */
} wasinn_load_request;

/* Filled in field by field: an older core has a shorter one. */
typedef struct wasinn_loaded {
    uint32_t struct_size; /* set by the core */
    void *model;          /* the backend's own, for the other entries */
    uint64_t bytes;       /* host memory that the model holds beyond the blobs, as well as can be told */
    bool keeps_blobs;     /* the runtime goes on using the source's blobs */
    bool from_store;      /* it was found compiled, in the request's store */
    bool may_be_saved;    /* it was not, and what it was made of is still what the key said */
} wasinn_loaded;

/* Memory to write to. */
typedef struct wasinn_buffer {
    void *data;  /* NULL: none */
    size_t size; /* bytes */
} wasinn_buffer;

/* Takes one layer of a run: its name and kind as the runtime calls them, and how long it took. The texts are
 * borrowed for the call. */
typedef void (*wasinn_layer_fn)(void *data, const char *name, const char *kind, uint64_t nanoseconds);

/* The table. Entries are required, unless they are said to be optional. */
typedef struct wasinn_backend {
    uint32_t abi_version; /* WASINN_BACKEND_ABI */
    uint32_t struct_size; /* sizeof(wasinn_backend) */
    const char *name;     /* "openvino" */
    const char *package;  /* what brings the runtime, for the message when it is missing */
    /* Of the models that it takes. WASINN_ENCODING_AUTODETECT stands for formats that the specification does
     * not name: they are loaded by autodetect, if probe or probe_path gives that encoding, or by the
     * backend's name. */
    const wasinn_encoding *encodings;
    size_t encoding_count;          /* how many there are */
    const char *const *option_keys; /* runtime options that it knows: "threads" */
    size_t option_key_count;        /* how many there are */

    /* Finds and opens the ML runtime. Called at the first need; again at the next need if it failed. */
    wasinn_status (*open)(const wasinn_backend_settings *settings, void **runtime, wasinn_message *message);
    /* Closes the runtime; all models have been unloaded. */
    void (*close)(void *runtime);
    /* The runtime's version and the path of its library; they live until close. */
    void (*version)(void *runtime, const char **version, const char **path);

    /* Makes a model ready to compute. */
    wasinn_status (*load)(void *runtime, const wasinn_load_request *request, wasinn_loaded *loaded,
                          wasinn_message *message);
    /* Frees a model that has no execution any more. */
    void (*unload)(void *model);
    /* How many inputs or outputs the model has. */
    uint32_t (*port_count)(void *model, wasinn_direction direction);
    /* `index` is below port_count. The name lives until unload. */
    wasinn_status (*port)(void *model, wasinn_direction direction, uint32_t index, wasinn_port *port,
                          wasinn_message *message);

    /* Makes an execution, which is destroyed before its model is unloaded. */
    wasinn_status (*create)(void *model, void **execution, wasinn_message *message);
    /* Frees an execution. */
    void (*destroy)(void *execution);
    /* Lends memory of the runtime's own input tensor, `shape->size` bytes of it, for the caller to fill
     * before the next call on the execution. `shape` fits the port; its data is NULL. */
    wasinn_status (*input)(void *execution, uint32_t index, const wasinn_tensor *shape, void **memory,
                           wasinn_message *message);
    /* Runs the model and returns when the runtime has let go of all memory. Every input has been set. */
    wasinn_status (*run)(void *execution, wasinn_message *message);
    /* Asks a run in progress to end soon; harmless when there is none. It may be called repeatedly. */
    void (*cancel)(void *execution);
    /* A view of an output of the last run, valid until the next call on the execution. */
    wasinn_status (*output)(void *execution, uint32_t index, wasinn_tensor *view, wasinn_message *message);

    /* Optional. Whether these blobs are a model of one of this backend's encodings. Cheap; no runtime
     * needed: it may be called before open. */
    bool (*probe)(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding);
    /* Optional. The same for a file or folder that a host has named. */
    bool (*probe_path)(const char *path, wasinn_encoding *encoding);
    /* Optional. Whether an option, whose key is one of option_keys, may have this value; if not, says what
     * was wanted. No runtime needed. */
    wasinn_status (*check_option)(const char *key, const char *value, wasinn_message *message);
    /* Optional. One line for each of option_keys: what it takes, and what it is without: "a number of
     * threads; default: one for each core". */
    const char *const *option_texts;
    /* Optional. Device number `index`, as the runtime calls it; NULL: there are not so many. The text lives
     * until close. */
    const char *(*device)(void *runtime, size_t index);
    /* Optional. An output all of whose dimensions the port fixes comes in that shape always. Where this is
     * false, the core asks for every output after each run, so that none is larger than the guest may have.
     */
    bool keeps_shapes;
    /* Optional. One inference in the caller's memory, without copies, and of one call: run's threads and
     * `cancel` hold. inputs[i] is a tensor that fits input i, or its data is NULL: that input is the one that
     * was set by `input`. outputs[i] is memory of just the size of output i, or NULL: that output is not
     * wanted. No output overlaps anything else. The runtime has let go of all of it on return.
     * unsupported_operation: not with these ports or this memory; nothing was done, and the caller copies. */
    wasinn_status (*infer)(void *execution, const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                           wasinn_message *message);
    /* Optional. Tells the layers of the last run of a model that was loaded to be profiled, in the order in
     * which they ran. */
    wasinn_status (*layers)(void *execution, wasinn_layer_fn tell, void *data, wasinn_message *message);
    /* Optional. Writes a model that may be saved to a file that is there already and empty, for load to find
     * in the request's store. Called once, on a thread of its own, while others use the model. */
    wasinn_status (*save)(void *model, const char *path, wasinn_message *message);
    /* Optional. Host memory that each execution holds besides its tensors, as well as can be told. */
    uint64_t (*execution_bytes)(void *model);
} wasinn_backend;

/* What a shared object that is a backend has to have, under this name: its table, which lives as long as the
 * object is loaded. */
WASINN_API const wasinn_backend *wasinn_backend_table(void);

/* Adds a backend to a host that has no guest yet; the table must outlive the host. It is asked before those
 * that the host already has. invalid_argument: its abi_version is another one, or a name is missing. */
WASINN_API wasinn_status wasinn_host_add_backend(wasinn_host *host, const wasinn_backend *backend);

#ifdef __cplusplus
}
#endif

#endif
