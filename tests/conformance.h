/* The conformance cases, by theme, and what they share. */
#ifndef WASINN_TESTS_CONFORMANCE_H
#define WASINN_TESTS_CONFORMANCE_H

#define CHECK_SHARED
#include "check.h"
#include "world.h"

/* Addresses in the test guest's memory. */
enum { OUT = 0, BUILDERS = 64, TENSOR = 256, DATA = 1024, NAME = 2048, MODEL = 4096, OUTPUT = 200 * 1024 };

typedef struct conformance_case {
    const char *name;
    void (*run)(world *w);
} conformance_case;

/* Each ends with a name of NULL. */
extern const conformance_case session_cases[], shape_cases[], name_cases[], limit_cases[], format_cases[],
    path_cases[], option_cases[], onnx_cases[], infer_cases[];

extern const uint32_t two_by_two[2];
extern const uint32_t straight[2]; /* the parts of a model in their order */

/* Says what was not tried, and why. */
void skipped(const world *w, const char *what, const char *why);
/* Whether the flavour has a model; if not, that is said. */
bool has(const world *w, const char *model);

uint32_t set_f32(world *w, uint32_t context, uint32_t index, uint32_t rank, const uint32_t *dims,
                 const float *values, uint32_t count);
float output_f32(const world *w, uint32_t index);
/* get_output into OUTPUT; OUT has the number of bytes. */
uint32_t get(world *w, uint32_t context, uint32_t index, uint32_t capacity);
/* An execution of a graph; 0 when that failed. */
uint32_t open_graph(world *w, uint32_t graph);
/* load_by_name; the graph is in OUT. */
uint32_t by_name(world *w, const char *name, uint32_t length);

/* Whether an execution of `add` adds. */
void check_adds(world *w, uint32_t context);
/* A whole session on `add`: proof that whatever went before has lost nothing. */
void still_works(world *w);
/* Whether a registered `add` is loaded and adds. */
void check_named_adds(world *w, const char *name);

/* The picture of shape 0 to 4, of 64 x 64 x 3 values, into MODEL, and as input 0. */
enum { SHAPES = 5 };
uint32_t set_picture(world *w, uint32_t context, uint32_t shape);
/* Whether an execution of `shapes` knows the pictures from each other. */
void check_sees_shapes(world *w, uint32_t context);

/* CHECK_TEXT of the last log line, for text with the name of a port. */
#define CHECK_LOG(w, ...) check_log((w), __FILE__, __LINE__, __VA_ARGS__)
void check_log(const world *w, const char *file, int line, const char *format, ...);

#endif
