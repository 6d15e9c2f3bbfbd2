/* engine.h - for those who connect wasinn to a WebAssembly engine.
 *
 * The functions that a guest imports, as rows that any engine's glue can walk: module, name, signature
 * and code. wasinn/wasmtime.h is the glue for Wasmtime; it uses nothing of wasinn but this.
 */
#ifndef WASINN_ENGINE_H
#define WASINN_ENGINE_H

#include "wasinn/wasinn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The guest's exported memory "memory", as it is during one call; it may move between calls. A base of
 * NULL says that there is none, or that it is shared between threads, which wasi-nn cannot use. */
typedef struct wasinn_memory {
    uint8_t *base; /* where it begins */
    uint64_t size; /* bytes */
} wasinn_memory;

/* Of the functions below. */
#define WASINN_MAX_PARAMETERS 8

/* Runs one imported function. `values` holds the parameters, each i32 zero-extended; the result is
 * written to values[0]. Returns NULL, or the text of a trap that must end the guest: it lives until the
 * guest's next call. Threads: those of the guest. */
typedef const char *(*wasinn_import_fn)(wasinn_guest *guest, const wasinn_memory *memory, uint64_t *values);

/* A function that guests import. */
typedef struct wasinn_import {
    const char *module;    /* "wasi_ephemeral_nn" or "wasinn" */
    const char *name;      /* "load" */
    const char *signature; /* "(iiiii)i": an i for each i32 parameter, then the result */
    wasinn_import_fn call; /* runs it */
} wasinn_import;

/* Row number `index`; NULL when there are not so many. Rows live as long as the process. */
WASINN_API const wasinn_import *wasinn_import_at(size_t index);

/* A guest's read or write that asks for more bytes than an engine can move in one call. */
typedef struct wasinn_short_io {
    uint32_t count;   /* of buffers, to pass on */
    uint32_t address; /* of the buffer whose size was lowered in place */
    uint32_t whole;   /* what its size was; 0: none was lowered */
} wasinn_short_io;

/* Cuts the `count` buffers (WASI's iovec: address, size) at guest address `address` to at most `most` bytes
 * in all. Buffers outside memory are left for the engine to refuse. */
WASINN_API wasinn_short_io wasinn_shorten_io(const wasinn_memory *memory, uint32_t address, uint32_t count,
                                             uint32_t most);
/* Puts back what was lowered. */
WASINN_API void wasinn_restore_io(const wasinn_memory *memory, const wasinn_short_io *shortened);

/* Sets the text of wasinn_host_last_error and returns `status`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
WASINN_API wasinn_status wasinn_host_fail(wasinn_status status, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
