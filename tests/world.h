/* A host, a guest and a memory without any engine: what the rows of an ABI see. */
#ifndef WASINN_TESTS_WORLD_H
#define WASINN_TESTS_WORLD_H

#include <stdint.h>

#include "core/guest.h"
#include "wasinn/engine.h"

#define TRAP 0xFFFFFFFFu

typedef struct world {
    wasinn_host *host;
    wasinn_guest *guest;
    wasinn_memory memory; /* malloc'ed, so that a sanitizer sees its end */
    const char *fixtures; /* of OpenVINO; NULL: the backend is `fake` */
    const char *trap;     /* of the last call */
    char log[1200];       /* the last line */
    int log_lines;
} world;

/* A host with backend `fake`, or with OpenVINO and its models in a folder, and a guest of 256 KiB of memory.
 */
void world_new(world *world, const char *fixtures);
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

/* The two blobs of a model, to be freed with free(). */
typedef struct model_bytes {
    char *data[2];
    size_t size[2];
} model_bytes;
model_bytes model_read(const world *world, const char *name);
void model_free(model_bytes *model);

/* Puts a model into guest memory and loads it as the guest would; returns the errno. */
uint32_t world_load(world *world, const char *name, uint32_t *graph);
/* Loads, and makes an execution context; the errno of whatever failed first. */
uint32_t world_open(world *world, const char *name, uint32_t *context);

#endif
