/* wasinn.h - wasi-nn for programs that embed WebAssembly.
 *
 * A host owns the ML runtimes ("backends") and the named models; a guest owns what one WebAssembly
 * store loads and runs. Most embedders make a host, hand it to the glue of their engine
 * (wasinn/wasmtime.h) and never call the functions below that load or compute: those are what the
 * glue calls on behalf of WebAssembly code. They are public so that a host can also infer by itself.
 *
 * Rules that hold for every function, unless it says otherwise:
 *  - A function that can fail returns a wasinn_status and writes its results only on WASINN_OK.
 *  - Pointers that are passed in are borrowed for the call. `new` gives ownership, `free` takes it back
 *    and accepts NULL.
 *  - A wasinn_host may be used by any number of threads once it is settled: its setters are called
 *    before the first wasinn_guest_new. A wasinn_guest is used by one thread at a time.
 *  - Text is UTF-8 on one line: control characters and invalid bytes are escaped as \xNN, so that it can
 *    be shown on a terminal.
 *  - Nothing here prints, exits or aborts.
 *
 * Facts about wasi-nn are from the specification: wasi-nn.witx and wit/wasi-nn.wit of the repository
 * WebAssembly/wasi-nn at 71320d9. The enums below are wasinn's own, because each wasi-nn ABI numbers
 * these things differently.
 */
#ifndef WASINN_WASINN_H
#define WASINN_WASINN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports. */
#if defined(_WIN32)
#define WASINN_API
#else
#define WASINN_API __attribute__((visibility("default")))
#endif

/* The version that this header is of. */
#define WASINN_VERSION "0.1.0"

/* The version of the library that is loaded. */
WASINN_API const char *wasinn_version(void);

/* Writes `length` bytes of `text` so that a terminal can show them on one line: control characters and
 * bytes that are not UTF-8 become \xNN, each run of line breaks and tabs one space. The result is cut with
 * "..." where it does not fit into `capacity` bytes, and always ends with a NUL. Returns `out`. */
WASINN_API const char *wasinn_escape(const char *text, size_t length, char *out, size_t capacity);

/* What came of a call. */
typedef enum wasinn_status {
    WASINN_OK = 0,
    WASINN_INVALID_ARGUMENT,      /* a value, type, shape, index or name that does not fit */
    WASINN_INVALID_HANDLE,        /* a handle that is stale, forged or of another kind */
    WASINN_INVALID_ENCODING,      /* an encoding that is unknown or has no backend here */
    WASINN_MISSING_MEMORY,        /* the guest exports no memory, or a shared one */
    WASINN_BUSY,                  /* a limit on a count: graphs, executions */
    WASINN_RUNTIME_ERROR,         /* the ML runtime refused the model or failed */
    WASINN_UNSUPPORTED_OPERATION, /* an absent device, or an operation that the backend lacks */
    WASINN_TOO_LARGE,             /* a limit on a size, or the host's memory */
    WASINN_NOT_FOUND,             /* no model of that name */
    WASINN_TIMEOUT,               /* a deadline passed, or the guest was interrupted */
    WASINN_SECURITY               /* something that the host does not allow this guest */
} wasinn_status;

/* "invalid_argument" and so on. Never NULL. */
WASINN_API const char *wasinn_status_name(wasinn_status status);

/* Element types. The wasi-nn ABIs can name the first seven; models also have the others. */
typedef enum wasinn_type {
    WASINN_TYPE_F16 = 0,
    WASINN_TYPE_F32,
    WASINN_TYPE_F64,
    WASINN_TYPE_BF16,
    WASINN_TYPE_U8,
    WASINN_TYPE_I32,
    WASINN_TYPE_I64,
    WASINN_TYPE_I8,
    WASINN_TYPE_U16,
    WASINN_TYPE_I16,
    WASINN_TYPE_U32,
    WASINN_TYPE_U64,
    WASINN_TYPE_BOOL,  /* one byte, 0 or 1 */
    WASINN_TYPE_OTHER, /* one that has no whole number of bytes per element, or is a string */
    WASINN_TYPE_ANY    /* of a port only: it takes tensors of any of the types above OTHER */
} wasinn_type;

/* "f32" and so on. Never NULL. */
WASINN_API const char *wasinn_type_name(wasinn_type type);
/* Bytes per element; 0 for WASINN_TYPE_OTHER, WASINN_TYPE_ANY and values outside the enum. */
WASINN_API size_t wasinn_type_size(wasinn_type type);
/* From a name as wasinn_type_name gives it. False when there is no such type. */
WASINN_API bool wasinn_type_parse(const char *name, wasinn_type *type);

/* Formats of models, as wasi-nn names them. */
typedef enum wasinn_encoding {
    WASINN_ENCODING_OPENVINO = 0, /* two blobs or files: the xml, then the weights (bin) */
    WASINN_ENCODING_ONNX,
    WASINN_ENCODING_TENSORFLOW,
    WASINN_ENCODING_PYTORCH,
    WASINN_ENCODING_TENSORFLOWLITE,
    WASINN_ENCODING_GGML,
    WASINN_ENCODING_AUTODETECT /* the backends are asked whose the bytes are */
} wasinn_encoding;

/* "openvino" and so on. Never NULL. */
WASINN_API const char *wasinn_encoding_name(wasinn_encoding encoding);
/* From a name as wasinn_encoding_name gives it. False when there is no such encoding. */
WASINN_API bool wasinn_encoding_parse(const char *name, wasinn_encoding *encoding);

/* The devices that a model can be loaded for. */
typedef enum wasinn_target {
    WASINN_TARGET_CPU = 0,
    WASINN_TARGET_GPU,
    WASINN_TARGET_NPU, /* the specification's "tpu" */
    WASINN_TARGET_AUTO
} wasinn_target;

/* "cpu" and so on. Never NULL. */
WASINN_API const char *wasinn_target_name(wasinn_target target);

/* From a name as wasinn_target_name gives it. False when there is no such target. */
WASINN_API bool wasinn_target_parse(const char *name, wasinn_target *target);

/* The highest rank of a tensor. ML runtimes stop at 8 (OpenVINO's CPU plugin) or a little above. */
#define WASINN_MAX_RANK 16

/* The rank of a port that accepts any rank. */
#define WASINN_DYNAMIC_RANK UINT32_MAX

/* A borrowed run of bytes. */
typedef struct wasinn_blob {
    const void *data; /* may be NULL when there are none */
    size_t size;      /* bytes */
} wasinn_blob;

/* A borrowed view of a tensor: `size` is the product of dims[0..rank) times the element size. A rank of
 * 0 is a scalar: one element. Elements are in row-major order, in the host's byte order. */
typedef struct wasinn_tensor {
    wasinn_type type;              /* of each element */
    uint32_t rank;                 /* at most WASINN_MAX_RANK */
    int64_t dims[WASINN_MAX_RANK]; /* those below the rank count */
    const void *data;              /* the elements */
    size_t size;                   /* bytes */
} wasinn_tensor;

/* What a model's input or output takes or gives. */
typedef struct wasinn_port {
    const char *name;      /* lives as long as the graph; "" when the model has none */
    wasinn_type type;      /* of each element */
    uint32_t element_bits; /* in the runtime's memory; also for WASINN_TYPE_OTHER */
    uint32_t rank;         /* or WASINN_DYNAMIC_RANK */
    /* A dimension that the model fixes has the same number in all three. One that it leaves open has -1 in
     * dims, and may be from min_dims to max_dims; there, -1 is no bound. */
    int64_t dims[WASINN_MAX_RANK];
    int64_t min_dims[WASINN_MAX_RANK]; /* lower bounds */
    int64_t max_dims[WASINN_MAX_RANK]; /* upper bounds */
    uint64_t reserved[4];              /* 0 */
} wasinn_port;

/* Which of a graph's two lists of ports. */
typedef enum wasinn_direction { WASINN_INPUT = 0, WASINN_OUTPUT } wasinn_direction;

/* ---- Limits ------------------------------------------------------------------------------------- */

/* No limit. */
#define WASINN_UNLIMITED UINT64_MAX

/* What one guest may hold and how long one call may take. Each limit takes WASINN_UNLIMITED.
 *
 *     wasinn_limits limits;
 *     wasinn_limits_default(&limits, sizeof limits);
 *     limits.graphs = 1;
 *     wasinn_guest_set_limits(guest, &limits);
 */
typedef struct wasinn_limits {
    /* sizeof(wasinn_limits), as wasinn_limits_default sets it: limits that a later version adds at the end
     * keep their defaults for a program that was built before. */
    size_t struct_size;
    /* Graphs alive. Default 64: a pipeline of models, not a leak. Above: busy. */
    uint64_t graphs;
    /* Execution contexts alive. Default 256: a few for each graph. Above: busy. */
    uint64_t executions;
    /* Bytes of one model that a guest passes in. Default 2 GiB: a small language model, and half of what a
     * 32-bit guest can address. Above: too_large. With 0, guests load by name only: a model of a guest's own
     * runs in the ML runtime, which may not check everything that a model can ask of it. */
    uint64_t model_bytes;
    /* Bytes of one tensor. Default 256 MiB: a batch of large pictures. Above: too_large. */
    uint64_t tensor_bytes;
    /* Bytes that all graphs and executions of the guest hold together: models passed in, inputs and outputs.
     * Not counted are models that the host registered by name, and what a runtime uses within itself. Default
     * 4 GiB. Above: too_large. */
    uint64_t total_bytes;
    /* Milliseconds for loading one model. Default 300,000: a large model on a slow disk. It is looked at
     * between the steps of loading, since ML runtimes cannot be stopped within one. Above: timeout. */
    uint64_t load_ms;
    /* Milliseconds for one compute. Default 120,000: a large model on a busy machine. Above: timeout. */
    uint64_t compute_ms;
} wasinn_limits;

/* Fills in the defaults given above; `size` is sizeof(wasinn_limits). */
WASINN_API void wasinn_limits_default(wasinn_limits *limits, size_t size);

/* ---- Host --------------------------------------------------------------------------------------- */

/* What is process-wide: backends, named models, default limits. */
typedef struct wasinn_host wasinn_host;
/* What one WebAssembly store loads and runs. */
typedef struct wasinn_guest wasinn_guest;

/* Makes a host that has this library's own backends. Their ML runtimes are opened when a guest first
 * needs one. Fails with too_large only: no memory. */
WASINN_API wasinn_status wasinn_host_new(wasinn_host **host);

/* Gives up one hold: the one of wasinn_host_new, or of wasinn_host_retain. Each guest has a hold of its own.
 * The host goes with its last one. Any thread. */
WASINN_API void wasinn_host_free(wasinn_host *host);
/* Takes one hold more. Any thread. */
WASINN_API void wasinn_host_retain(wasinn_host *host);

/* Why the last host function of this thread failed; "" when none did. Lives until the next one fails. */
WASINN_API const char *wasinn_host_last_error(void);

/* Default limits of guests that are made later. invalid_argument: struct_size was not set, or the struct has
 * limits that this version does not know. */
WASINN_API wasinn_status wasinn_host_set_limits(wasinn_host *host, const wasinn_limits *limits);

/* Called on the guest's thread for each wasi-nn call that failed, with a line such as
 * "set_input: invalid_argument: input 0 'images' wants f32 [1,3,224,224], got u8 [1,224,224,3]". */
typedef void (*wasinn_log_fn)(void *data, const wasinn_guest *guest, const char *line);
/* Sets who is told; NULL for nobody. `data` is handed on. */
WASINN_API void wasinn_host_set_log(wasinn_host *host, wasinn_log_fn log, void *data);

/* ---- Backends ----------------------------------------------------------------------------------- */

/* A setting of an ML runtime. Both are text: "threads", "4". Which keys there are, and what they take, is the
 * backend's to say: wasinn_host_backend_info. */
typedef struct wasinn_option {
    const char *key;   /* one of the backend's */
    const char *value; /* "4", "f32", "yes" */
} wasinn_option;

/* Where more backends are: folders, with colons between them, whose files libwasinn-NAME.so are backends.
 * They come before those of the environment's WASINN_BACKENDS, which come before those that lie beside this
 * library; of two with one name the first counts. The folders are looked at when a backend is first needed.
 * invalid_argument: they have been looked at already; too_large: no memory. */
WASINN_API wasinn_status wasinn_host_set_backend_path(wasinn_host *host, const char *folders);

/* Where backend `backend` ("openvino") looks for its runtime's libraries, before any other place: a file
 * or a folder. invalid_argument: no such backend, or it has been opened already. */
WASINN_API wasinn_status wasinn_host_set_library(wasinn_host *host, const char *backend, const char *path);

/* Which backend loads models of an encoding that several serve. Without this call it is the first of
 * wasinn_host_backend_info that serves it and whose runtime can be opened.
 * invalid_argument: no such backend, or it does not serve the encoding. */
WASINN_API wasinn_status wasinn_host_prefer(wasinn_host *host, wasinn_encoding encoding, const char *backend);

/* An option for every model that a backend loads, those of guests too; a model's own options go before it.
 * invalid_argument: no such backend, a key that it does not know, or a value that the key does not take. */
WASINN_API wasinn_status wasinn_host_set_option(wasinn_host *host, const char *backend, const char *key,
                                                const char *value);

/* A backend as `wasinn backends` shows it. The strings that it points to live as long as the host. */
typedef struct wasinn_backend_info {
    const char *name;    /* "openvino" */
    const char *version; /* of the ML runtime; NULL when that could not be opened */
    const char *path;    /* of the library that was opened; NULL likewise */
    char problem[512];   /* why it could not be opened; "" when it could */
    /* Of the models that it takes. One that is autodetect stands for formats of the backend's own. */
    const wasinn_encoding *encodings;
    size_t encoding_count;          /* how many there are */
    const char *file;               /* that the backend itself is in; NULL: it is part of the program */
    const char *package;            /* what brings its ML runtime; NULL when the file is no backend */
    const char *const *devices;     /* "CPU" and so on, as the runtime calls them */
    size_t device_count;            /* 0 also when the runtime could not be opened */
    const char *const *option_keys; /* the options that it takes */
    size_t option_count;            /* how many there are */
    /* What each option takes, a line each; NULL when the backend does not say. */
    const char *const *option_texts;
} wasinn_backend_info;

/* Describes backend number `index`, opening its runtime; `size` is sizeof(wasinn_backend_info). A file that
 * should be a backend and is none is described too, by its problem. not_found: there are not so many. Any
 * thread. */
WASINN_API wasinn_status wasinn_host_backend_info(wasinn_host *host, size_t index, wasinn_backend_info *info,
                                                  size_t size);

/* ---- Models by name ----------------------------------------------------------------------------- */

/* A model that guests load by name.
 *
 *     wasinn_model_config config;
 *     wasinn_model_config_default(&config, sizeof config);
 *     config.path = "models/resnet50.onnx";
 *     wasinn_host_register(host, "resnet50", &config);
 */
typedef struct wasinn_model_config {
    size_t struct_size; /* sizeof(wasinn_model_config), as wasinn_model_config_default sets it */
    /* A file or folder that the encoding's backend understands. OpenVINO: an .xml with its .bin beside it, or
     * a folder with model.xml or just one .xml; ONNX: a file; TensorFlow: a SavedModel's folder or a frozen
     * graph's file; TensorFlow Lite: a file. */
    const char *path;
    const wasinn_blob *blobs;     /* or, where `path` is NULL, the bytes, as wasinn_load takes them */
    size_t blob_count;            /* how many there are */
    wasinn_encoding encoding;     /* default: autodetect, by what the file, folder or bytes are */
    wasinn_target target;         /* default: cpu */
    const char *backend;          /* default: NULL, the one that is preferred for the encoding */
    const wasinn_option *options; /* for the backend; default: none */
    size_t option_count;          /* how many there are */
} wasinn_model_config;

/* Fills in the defaults given above; `size` is sizeof(wasinn_model_config). */
WASINN_API void wasinn_model_config_default(wasinn_model_config *config, size_t size);

/* Registers a model that guests load by name. It is loaded at the first use, once, and shared by all guests;
 * a file that changes after that changes nothing. Everything is copied here, bytes too: that copy is the one
 * that the ML runtime uses, and stays for as long as it may.
 * invalid_argument: the name is taken, empty, or not UTF-8; neither path nor bytes; no backend of that name,
 * or one that does not serve the encoding; an option that is unknown, given twice, or has a value that it
 * does not take; not_found: the path cannot be read; invalid_encoding: no backend, or autodetect without a
 * match or with several; too_large: no memory. What is wrong with the model itself is found at each use, as
 * by wasinn_load.
 */
WASINN_API wasinn_status wasinn_host_register(wasinn_host *host, const char *name,
                                              const wasinn_model_config *config);

/* wasinn_host_register for a path, without options. */
WASINN_API wasinn_status wasinn_host_add_model(wasinn_host *host, const char *name, const char *path,
                                               wasinn_encoding encoding, wasinn_target target);

/* wasinn_host_register for bytes, without options. */
WASINN_API wasinn_status wasinn_host_add_model_blobs(wasinn_host *host, const char *name,
                                                     const wasinn_blob *blobs, size_t count,
                                                     wasinn_encoding encoding, wasinn_target target);

/* Loads a registered model now, where it would be loaded at its first use: on a thread of the embedder's own,
 * for example, while a guest is being compiled. A guest that asks for it meanwhile waits. not_found: none of
 * that name; else as wasinn_load. Any thread. */
WASINN_API wasinn_status wasinn_host_preload(wasinn_host *host, const char *name);

/* Opens the runtime of the backend that would load models of an encoding, likewise ahead of its use.
 * invalid_encoding: none does. Any thread. */
WASINN_API wasinn_status wasinn_host_open_runtime(wasinn_host *host, wasinn_encoding encoding);

/* ---- Models from bytes -------------------------------------------------------------------------- */

/* Guests that pass the same bytes, to the last one, for the same encoding and target get the same loaded
 * model, each with executions of its own; each is charged for the whole. How long a load takes then tells a
 * guest whether another one has that model. `share` false: each load is for itself. `keep_bytes`: models
 * that no guest uses any more stay for the next one, as many as hold no more host memory than this.
 * Default: true, 0. */
WASINN_API void wasinn_host_set_sharing(wasinn_host *host, bool share, uint64_t keep_bytes);

/* ---- What guests mean by their numbers ---------------------------------------------------------- */

/* The number of a tensor type or an encoding means one thing here and another there: wasi-nn was renumbered
 * more than once. */
typedef enum wasinn_numbering {
    WASINN_NUMBERING_AUTO = 0, /* the one that fits the port, the dimensions and the bytes */
    WASINN_NUMBERING_WITX,     /* wasi-nn.witx: f16 f32 f64 u8 i32 i64; encoding 5 is autodetect */
    WASINN_NUMBERING_WIT,      /* wit/wasi-nn.wit: f16 f32 f64 bf16 u8 i32 i64; 5 is ggml, 6 autodetect */
    WASINN_NUMBERING_OLD       /* before there was f64: f16 f32 u8 i32; 5 is autodetect, 6 ggml */
} wasinn_numbering;

/* What guests that are made later use; default: auto. invalid_argument: no such numbering. */
WASINN_API wasinn_status wasinn_host_set_numbering(wasinn_host *host, wasinn_numbering numbering);

/* ---- What happens, and how long it takes -------------------------------------------------------- */

/* What an event tells of. */
typedef enum wasinn_event_kind {
    WASINN_EVENT_RUNTIME = 0, /* an ML runtime was opened; name: of its backend; detail: its version */
    WASINN_EVENT_MODEL,       /* a model was loaded; name: as registered, or "" for bytes; detail: "compiled",
                                 "cached" (found compiled in the cache) or "shared" (the host had it);
                                 bytes: of host memory that it holds */
    WASINN_EVENT_CALL,        /* a guest's call returned, or trapped (invalid_argument); name: "set_input";
                                 bytes: copied between guest and host, 0 where it failed */
    WASINN_EVENT_LAYER        /* a layer ran within the compute that is told next; name and detail: its name
                                 and kind as the runtime calls them. Runtimes tell how long layers took, not
                                 when: each begins where the one before it ended */
} wasinn_event_kind;

/* Something that came to its end. The texts are borrowed for the call. */
typedef struct wasinn_event {
    size_t struct_size;        /* as the library knows it: only ever grows */
    wasinn_event_kind kind;    /* what it tells of */
    const char *name;          /* as the kind has it, escaped for a terminal */
    const char *detail;        /* likewise; "" where there is none */
    uint64_t begin_ns;         /* on the clock CLOCK_MONOTONIC, nanoseconds */
    uint64_t end_ns;           /* likewise */
    uint64_t bytes;            /* as the kind has it */
    wasinn_status status;      /* of what it tells of */
    const wasinn_guest *guest; /* whose doing it was; NULL: the host's own */
} wasinn_event;

/* Takes an event on the thread on which it happened; several threads may call at once. It must not call
 * wasinn. */
typedef void (*wasinn_observer_fn)(void *data, const wasinn_event *event);

/* Sets who is told of what happens; NULL for nobody, which costs nothing. */
WASINN_API void wasinn_host_set_observer(wasinn_host *host, wasinn_observer_fn observer, void *data);

/* Has models that are loaded from now on measure each of their layers, which the observer is told; that makes
 * them slower. Backends that cannot do so tell none. */
WASINN_API void wasinn_host_set_profiling(wasinn_host *host, bool profiling);

/* ---- Guest -------------------------------------------------------------------------------------- */

/* Makes a guest with the host's default limits; it keeps the host alive. too_large: no memory. */
WASINN_API wasinn_status wasinn_guest_new(wasinn_host *host, wasinn_guest **guest);

/* Gives up one hold: that of wasinn_guest_new, or of wasinn_guest_retain. With the last, the guest goes and
 * all that it held. Any thread, when no call is in progress. */
WASINN_API void wasinn_guest_free(wasinn_guest *guest);

/* Takes a hold, for example for a timer that may interrupt the guest when its store has already gone. Any
 * thread. */
WASINN_API void wasinn_guest_retain(wasinn_guest *guest);

/* Replaces the guest's limits. What it already holds stays. Errors as wasinn_host_set_limits. */
WASINN_API wasinn_status wasinn_guest_set_limits(wasinn_guest *guest, const wasinn_limits *limits);

/* What this guest's numbers mean, where the host's setting does not fit. invalid_argument: no such numbering.
 */
WASINN_API wasinn_status wasinn_guest_set_numbering(wasinn_guest *guest, wasinn_numbering numbering);

/* Why the last call that failed did so; "" when none did. Lives until the next call. */
WASINN_API const char *wasinn_guest_last_error(const wasinn_guest *guest);

/* Ends the load or compute in progress, and each later one, with timeout, until wasinn_guest_resume. Any
 * thread, while the guest lives. It ends as soon as the ML runtime lets it: OpenVINO stops a compute between
 * the layers of a model, but neither within a loop that is one layer, nor while it reads or compiles a model.
 */
WASINN_API void wasinn_guest_interrupt(wasinn_guest *guest);
/* Takes an interrupt back. */
WASINN_API void wasinn_guest_resume(wasinn_guest *guest);

/* ---- Inference ---------------------------------------------------------------------------------- */

/* Handles are never 0 and have bit 31 clear; one that was closed is not accepted again. */
typedef uint32_t wasinn_handle;

/* Loads a model from `count` blobs (OpenVINO: the xml, then the bin; others: one). They are copied once.
 * invalid_argument: wrong number of blobs; invalid_encoding: unknown, or without a backend, or autodetect
 * without a match or with several; security: the bytes name files of the host; unsupported_operation: the
 * target is not in this machine; runtime_error: the runtime refused the model; busy, too_large, timeout: a
 * limit. */
WASINN_API wasinn_status wasinn_load(wasinn_guest *guest, const wasinn_blob *blobs, size_t count,
                                     wasinn_encoding encoding, wasinn_target target, wasinn_handle *graph);

/* Loads a model by the name it was registered under; `name` has `length` bytes and needs no NUL.
 * not_found: there is none; invalid_argument: not UTF-8; the rest as wasinn_load. */
WASINN_API wasinn_status wasinn_load_by_name(wasinn_guest *guest, const char *name, size_t length,
                                             wasinn_handle *graph);

/* The number of inputs or outputs of a graph. invalid_handle: it is none. */
WASINN_API wasinn_status wasinn_graph_port_count(wasinn_guest *guest, wasinn_handle graph,
                                                 wasinn_direction direction, uint32_t *count);
/* What input or output `index` takes or gives. invalid_argument: `index` is not below the count. */
WASINN_API wasinn_status wasinn_graph_port(wasinn_guest *guest, wasinn_handle graph,
                                           wasinn_direction direction, uint32_t index, wasinn_port *port);

/* The input or output of a name: the one that is called so, else, where the name is a number in decimal
 * digits, the one of that index. `name` has `length` bytes and needs no NUL. invalid_argument: there is none;
 * the message lists those that there are. */
WASINN_API wasinn_status wasinn_graph_find_port(wasinn_guest *guest, wasinn_handle graph,
                                                wasinn_direction direction, const char *name, size_t length,
                                                uint32_t *index);

/* Makes an execution context ("execution"), which keeps its graph alive.
 * busy, too_large: a limit; runtime_error: the runtime failed. */
WASINN_API wasinn_status wasinn_init_execution_context(wasinn_guest *guest, wasinn_handle graph,
                                                       wasinn_handle *execution);

/* Sets input `index` to a copy of `tensor`. Inputs stay set until they are set again.
 * invalid_argument: index, type, shape, or a size that is not the shape's; too_large: a limit. */
WASINN_API wasinn_status wasinn_set_input(wasinn_guest *guest, wasinn_handle execution, uint32_t index,
                                          const wasinn_tensor *tensor);

/* Runs the model. runtime_error: an input was never set, or the runtime failed; timeout: the limit
 * compute_ms, or wasinn_guest_interrupt; too_large: an output of open size went beyond a limit, and the
 * execution is as new, its inputs unset. The runtime uses no memory of the call once this returns. */
WASINN_API wasinn_status wasinn_compute(wasinn_guest *guest, wasinn_handle execution);

/* Lends output `index` of the last compute, if that succeeded; the view lives until the next call that names
 * this execution. Where a model passes an input through, setting that input may change it.
 * runtime_error: nothing was computed; invalid_argument: index. */
WASINN_API wasinn_status wasinn_output(wasinn_guest *guest, wasinn_handle execution, uint32_t index,
                                       wasinn_tensor *view);

/* Where wasinn_infer puts an output. */
typedef struct wasinn_result {
    void *data;      /* memory of the caller's */
    size_t capacity; /* its bytes */
    size_t written;  /* set by the call: the size of the output, also where it did not fit */
} wasinn_result;

/* One inference in one call: sets inputs 0 to input_count - 1 and computes; outputs 0 to output_count - 1
 * are written to the caller's memory. Where the runtime can, it computes in that memory itself and nothing is
 * copied: the shapes are fixed by the model, data and capacity are as large as they must be and aligned to
 * the element, and no type is bool. Otherwise it is as wasinn_set_input, wasinn_compute and wasinn_output,
 * one after the other. Inputs beyond those given are as wasinn_set_input has set them. Afterwards the given
 * inputs are unset, and wasinn_output has nothing to lend until the next wasinn_compute. The runtime uses no
 * memory of the call once this returns. A call that is refused before it computes changes nothing; where it
 * fails later, the outputs' memory may have been written to.
 * invalid_argument: more inputs or outputs than the model has, or an output's memory overlaps other memory of
 * the call; too_large: an output does not fit; the rest as those three. */
WASINN_API wasinn_status wasinn_infer(wasinn_guest *guest, wasinn_handle execution,
                                      const wasinn_tensor *inputs, size_t input_count, wasinn_result *outputs,
                                      size_t output_count);

/* Closes a graph or an execution. invalid_handle: neither. */
WASINN_API wasinn_status wasinn_close(wasinn_guest *guest, wasinn_handle handle);

#ifdef __cplusplus
}
#endif

#endif
