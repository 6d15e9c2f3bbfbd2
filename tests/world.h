/* A host, a guest and a memory without any engine: what the rows of an ABI see. */
#ifndef WASINN_TESTS_WORLD_H
#define WASINN_TESTS_WORLD_H

#include <stdint.h>

#include "core/guest.h"
#include "wasinn/engine.h"

#define TRAP 0xFFFFFFFFu

/* A backend, a format, and the models that the tests have in it. */
typedef struct flavour {
    const char *name; /* "openvino-onnx" */
    const char *backend;
    wasinn_encoding encoding;
    uint32_t number;         /* of the encoding in wasi-nn.witx */
    uint32_t parts;          /* how many builders a model is */
    const char *folder;      /* of the models, within the fixtures; NULL: texts of the fake backend */
    const char *suffixes[2]; /* of the files of a model, one for each part */
    const char *shapes;      /* the classifier of shapes, within the fixtures, without suffix; NULL: none */
} flavour;

/* The first is that of the backend `fake`; the last has a name of NULL. */
extern const flavour flavours[];
/* NULL: there is none of that name. */
const flavour *flavour_find(const char *name);
/* Why the runtime of a flavour cannot be had; "" when it can, and when the backend itself is broken, which is
 * no reason to skip its tests. Lives until the next call. */
const char *flavour_problem(const flavour *flavour);
/* Why the tests do not have a model in a flavour; NULL when they do. */
const char *flavour_lacks(const flavour *flavour, const char *model);

typedef struct world {
    wasinn_host *host;
    wasinn_guest *guest;
    wasinn_memory memory; /* malloc'ed, so that a sanitizer sees its end */
    const flavour *flavour;
    const char *trap; /* of the last call */
    char log[1200];   /* the last line */
    int log_lines;
} world;

/* A host whose models of the flavour's format go to its backend, and a guest of 512 KiB of memory. NULL: the
 * first flavour. */
void world_new(world *world, const flavour *flavour);
/* A new guest in the same host. */
void world_renew_guest(world *world);
void world_free(world *world);

/* Calls a row; returns its errno, or TRAP. */
uint32_t world_call(world *world, const char *name, const uint32_t *arguments, size_t count);
#define CALL(world, name, ...)                                                                               \
    world_call(world, name, (uint32_t[]){__VA_ARGS__}, sizeof (uint32_t[]){__VA_ARGS__} / sizeof(uint32_t))

uint32_t get_u32(const world *world, uint32_t address);
void put_u32(world *world, uint32_t address, uint32_t value);
void put_bytes(world *world, uint32_t address, const void *bytes, size_t size);
/* A descriptor at `address`; the dimensions are put right behind it. Returns `address`. */
uint32_t put_tensor(world *world, uint32_t address, uint8_t type, uint32_t rank, const uint32_t *dims,
                    uint32_t data, uint32_t size);

/* The parts of a model, to be freed with model_free. */
typedef struct model_bytes {
    char *data[2];
    size_t size[2];
    uint32_t parts;
} model_bytes;
model_bytes model_read(const flavour *flavour, const char *name);
void model_free(model_bytes *model);
/* Of all parts. */
size_t model_size(const model_bytes *model);
/* Where a model lies: its first part. A model of the fake backend is written there. Returns `path`. */
enum { PATH = 4096 };
const char *model_path(const flavour *flavour, const char *name, char path[PATH]);
/* A file of the fixtures, whole; NUL-terminated, to be freed with free(). */
char *file_read(const char *path, size_t *size);

/* Puts parts of a model into guest memory, the number of them and in the order that `order` says, and loads
 * them as a guest would; returns the errno. The graph is at address 0, which keeps its value when that fails.
 */
uint32_t world_load_parts(world *world, const model_bytes *model, const uint32_t *order, uint32_t count,
                          uint32_t encoding, uint32_t target);
/* The same for all parts of a model of the flavour. */
uint32_t world_load(world *world, const char *name, uint32_t *graph);
/* Loads, and makes an execution context; the errno of whatever failed first. */
uint32_t world_open(world *world, const char *name, uint32_t *context);

#endif
