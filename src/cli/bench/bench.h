/* The parts of `wasinn bench`. */
#ifndef WASINN_CLI_BENCH_BENCH_H
#define WASINN_CLI_BENCH_BENCH_H

#include <signal.h>
#include <stdio.h>

#include "cli/models.h"
#include "stats.h"
#include "wasinn/backend.h"
#include "wasinn/cache.h"

/* How many figures a list of --instances may ask for, and guests each of them. */
enum { WASINN__BENCH_COUNTS = 16, WASINN__BENCH_INSTANCES = 1024, WASINN__BENCH_PROBLEM = 1024 };

/* ---- The command line --------------------------------------------------------------------------- */

typedef struct wasinn__bench_options {
    wasinn__models models; /* backends, their options, and MODEL, which comes last */
    char *name;            /* under which MODEL is registered */
    unsigned counts[WASINN__BENCH_COUNTS];
    size_t count_count;
    double seconds;
    const char **shapes, **inputs; /* --shape and --input, as they were given */
    size_t shape_count, input_count;
    const char *cache, *plot; /* or NULL */
    bool json;
} wasinn__bench_options;

/* Returns an exit code; `helped` is set when the help was asked for, and printed. Free the options in any
 * case. */
int wasinn__bench_parse(wasinn__bench_options *options, int argc, char **argv, bool *helped);
void wasinn__bench_options_free(wasinn__bench_options *options);

/* ---- The model ---------------------------------------------------------------------------------- */

/* A model that a host has loaded, and the same model as its backend has it. */
typedef struct wasinn__bench_model {
    wasinn_host *host;
    wasinn_cache *cache;         /* or NULL */
    const wasinn_backend *table; /* the backend's own */
    void *model;                 /* the backend's own */
    char *version;               /* of the runtime */
    wasinn_option *options;      /* as the backend got them; owned */
    size_t option_count;
    wasinn_encoding encoding;
    wasinn_target target;
    bool from_cache;
    double seconds;        /* that loading took, within the backend */
    int64_t added, mapped; /* bytes of memory that loading added to the process: its own, and of files */
    wasinn_port *ports[2]; /* owned; their names are the backend's */
    uint32_t counts[2];
} wasinn__bench_model;

/* Finds the backends. Returns an exit code. */
int wasinn__bench_find_backends(const wasinn__bench_options *options);
/* Loads the model for so many guests at once. Returns an exit code; free the model in any case. */
int wasinn__bench_load(const wasinn__bench_options *options, unsigned instances, wasinn__bench_model *model);
void wasinn__bench_unload(wasinn__bench_model *model);
/* What an option is set to; NULL: the backend's default. */
const char *wasinn__bench_option(const wasinn__bench_model *model, const char *key);
bool wasinn__bench_has_option(const wasinn__bench_model *model, const char *key);

/* ---- Shapes ------------------------------------------------------------------------------------- */

/* Room for two bounds of 20 digits for each dimension of the highest rank. */
enum { WASINN__BENCH_SHAPE = 800 };

/* The size of its elements together; false: it leaves 63 bits. */
bool wasinn__bench_bytes(const wasinn_tensor *tensor, uint64_t *bytes);
/* Whether a shape is one that the port takes. */
bool wasinn__bench_fits(const wasinn_port *port, const wasinn_tensor *tensor);
/* "f32 [1,3,224,224]"; of a port also "f32 [?,3]", "f32 [1..4,3]", "f32 [...]". Each returns `text`. */
const char *wasinn__bench_shape(const wasinn_tensor *tensor, char text[WASINN__BENCH_SHAPE]);
const char *wasinn__bench_port_shape(const wasinn_port *port, char text[WASINN__BENCH_SHAPE]);

/* ---- What goes in, and what comes out ----------------------------------------------------------- */

typedef struct wasinn__bench_input {
    wasinn_tensor tensor; /* its data is owned */
    const char *file;     /* NULL: its values are made up */
    bool assumed;         /* dimensions that the model leaves open were taken to be 1 */
} wasinn__bench_input;

/* Makes a tensor for each input. Returns an exit code; the list is the caller's to free in any case. */
int wasinn__bench_make_inputs(const wasinn__bench_options *options, const wasinn__bench_model *model,
                              wasinn__bench_input **inputs);
void wasinn__bench_free_inputs(wasinn__bench_input *inputs, size_t count);

/* The outputs of an inference: copies, in memory that begins at a line of the processor's cache. */
typedef struct wasinn__bench_output {
    wasinn_tensor tensor; /* without data */
    wasinn_buffer memory; /* of just its size, owned */
} wasinn__bench_output;

void *wasinn__bench_memory(size_t size);

/* ---- One inference after the other -------------------------------------------------------------- */

typedef enum wasinn__bench_arm {
    WASINN__ARM_NATIVE,       /* the backend's table, in memory of the runtime's own tensors */
    WASINN__ARM_GUEST,        /* WebAssembly: set_input, compute, get_output */
    WASINN__ARM_NATIVE_INFER, /* the backend's table, in the caller's memory */
    WASINN__ARM_GUEST_INFER,  /* WebAssembly: wasinn.infer */
    WASINN__ARMS
} wasinn__bench_arm;

const char *wasinn__bench_arm_name(wasinn__bench_arm arm);

/* Set by SIGINT and SIGTERM. */
extern volatile sig_atomic_t wasinn__bench_interrupted;

/* The clock of one thread's loop. */
typedef struct wasinn__bench_clock {
    uint64_t last, until; /* nanoseconds */
    wasinn__histogram times;
} wasinn__bench_clock;

/* Begins to count. */
void wasinn__bench_start(wasinn__bench_clock *clock);
/* Counts the time since the last call as an inference. False: it is time to stop. */
bool wasinn__bench_tick(wasinn__bench_clock *clock);

typedef struct wasinn__bench_native {
    const wasinn_backend *table;
    void *execution;
    const wasinn__bench_input *inputs;
    uint32_t input_count, output_count;
    wasinn__bench_output *outputs;
    wasinn_tensor *tensors;  /* of infer */
    wasinn_buffer *memories; /* of infer */
} wasinn__bench_native;

/* Makes an execution and does a first inference. The problem has WASINN__BENCH_PROBLEM bytes. With `infer`,
 * the outputs are like `first`'s; unsupported_operation: the backend cannot do so with this model. */
wasinn_status wasinn__bench_native_new(const wasinn__bench_model *model, const wasinn__bench_input *inputs,
                                       wasinn__bench_native *native, char *problem);
wasinn_status wasinn__bench_native_infer_new(const wasinn__bench_model *model,
                                             const wasinn__bench_input *inputs,
                                             const wasinn__bench_native *first, wasinn__bench_native *native,
                                             char *problem);
void wasinn__bench_native_free(wasinn__bench_native *native);
wasinn_status wasinn__bench_native_run(wasinn__bench_native *native, wasinn__bench_clock *clock,
                                       char *problem);

/* What all guests share. */
typedef struct wasinn__bench_engine wasinn__bench_engine;
/* One store with its guest. */
typedef struct wasinn__bench_guest wasinn__bench_guest;

/* Each returns false after writing the problem. */
bool wasinn__bench_engine_new(wasinn_host *host, wasinn__bench_engine **engine, char *problem);
void wasinn__bench_engine_free(wasinn__bench_engine *engine);
/* Whether this build of wasinn has the import `infer`. */
bool wasinn__bench_has_infer(void);
/* `outputs` are like those that the guest is going to have. */
bool wasinn__bench_guest_new(wasinn__bench_engine *engine, const char *name, wasinn__bench_clock *clock,
                             const wasinn__bench_input *inputs, size_t input_count,
                             const wasinn__bench_output *outputs, size_t output_count,
                             wasinn__bench_guest **guest, char *problem);
void wasinn__bench_guest_free(wasinn__bench_guest *guest);
bool wasinn__bench_guest_run(wasinn__bench_guest *guest, bool infer, char *problem);
/* Output `index` as it lies in the guest's memory. */
const uint8_t *wasinn__bench_guest_output(const wasinn__bench_guest *guest, size_t index);

/* ---- Figures ------------------------------------------------------------------------------------ */

enum { WASINN__BENCH_ROUNDS = 20, WASINN__BENCH_LEAST_ROUNDS = 6 };

typedef struct wasinn__bench_figure {
    bool there;
    wasinn__histogram times;
    double seconds;                       /* that it took */
    double medians[WASINN__BENCH_ROUNDS]; /* of each round: nanoseconds */
    double rates[WASINN__BENCH_ROUNDS];   /* of each round: inferences a second */
} wasinn__bench_figure;

/* So many guests at once. */
typedef struct wasinn__bench_block {
    unsigned instances;
    size_t rounds;
    double round_seconds;
    bool equal[WASINN__ARMS];      /* the arm's outputs are the native ones, bit for bit */
    wasinn__bench_figure *figures; /* of each arm; owned */
} wasinn__bench_block;

/* Measures. Returns an exit code; the figures are the caller's to free in any case. `outputs` gets the shapes
 * of the outputs. */
int wasinn__bench_measure(const wasinn__bench_options *options, const wasinn__bench_model *model,
                          const wasinn__bench_input *inputs, wasinn_tensor *outputs,
                          wasinn__bench_block *block);

/* Compares two arms of a block: which, and by what. False: one of them was not measured. */
typedef struct wasinn__bench_pair {
    wasinn__bench_arm one, other;
    wasinn__interval time, rate; /* `one` by `other` */
} wasinn__bench_pair;

enum { WASINN__BENCH_PAIRS = 3 };
bool wasinn__bench_compare(const wasinn__bench_block *block, size_t index, wasinn__bench_pair *pair);

/* ---- Telling ------------------------------------------------------------------------------------ */

/* All that is told of one set-up of the model: for one guest, or for several. */
typedef struct wasinn__bench_report {
    const wasinn__bench_options *options;
    const wasinn__bench_model *model;
    const wasinn__bench_input *inputs;
    const wasinn_tensor *outputs;
    bool first; /* of several set-ups */
} wasinn__bench_report;

/* For people. */
void wasinn__bench_print_model(const wasinn__bench_report *report);
void wasinn__bench_print_block(const wasinn__bench_block *block);

/* For programs: a document to which set-ups and their blocks are added. */
typedef struct wasinn__bench_json wasinn__bench_json;
wasinn__bench_json *wasinn__bench_json_new(const wasinn__bench_options *options);
void wasinn__bench_json_model(wasinn__bench_json *json, const wasinn__bench_report *report);
void wasinn__bench_json_block(wasinn__bench_json *json, const wasinn__bench_block *block);
/* Prints it and frees it. */
void wasinn__bench_json_end(wasinn__bench_json *json, bool print);

/* A picture. False on an error of `file`. */
bool wasinn__bench_plot(FILE *file, const wasinn__bench_options *options, const wasinn__bench_block *blocks,
                        size_t count);

#endif
