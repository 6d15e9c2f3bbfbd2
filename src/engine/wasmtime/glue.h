/* What the files of the Wasmtime glue share. */
#ifndef WASINN_ENGINE_WASMTIME_GLUE_H
#define WASINN_ENGINE_WASMTIME_GLUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "wasinn/engine.h"
#include "wasinn/wasmtime.h"

/* Releases differ in the size of wasmtime_extern_t (24 bytes, later 32): this has room for either. */
typedef union wasinn__extern {
    wasmtime_extern_t item;
    unsigned char room[256];
} wasinn__extern;

typedef enum wasinn__io {
    WASINN__FD_READ = 0,
    WASINN__FD_PREAD,
    WASINN__FD_WRITE,
    WASINN__FD_PWRITE,
    WASINN__IO_COUNT
} wasinn__io;

/* The original functions, as seen from one of a store's memories. */
typedef struct wasinn__bridge {
    struct wasinn__bridge *next;
    const void *owner; /* whose originals these are: a store may meet more than one linker */
    wasmtime_memory_t memory;
    wasmtime_func_t io[WASINN__IO_COUNT];
} wasinn__bridge;

/* A store that has called in, or whose guest was asked for. It ends with the store. */
typedef struct wasinn__store {
    struct wasinn__store *next;
    wasinn_wasmtime *glue;
    wasmtime_context_t *context;
    wasinn_guest *guest;
    wasinn__bridge *bridges;
} wasinn__store;

#define WASINN__STORE_BUCKETS 256

struct wasinn_wasmtime {
    atomic_uint references; /* the embedder's, and one for each definition and store */
    uint64_t identity;      /* no other glue in this process had or will have it */
    wasinn_host *host;
    wasinn_wasmtime_api api;
    wasinn_wasmtime_lookup_fn lookup;
    void *lookup_data;
    /* Grows whenever a store ends. A thread's memory of its last store is void when it has: the address may
     * be another store's by now. */
    atomic_uint_fast64_t generation;
    pthread_mutex_t lock; /* of the buckets */
    wasinn__store *buckets[WASINN__STORE_BUCKETS];
};

void wasinn__glue_retain(wasinn_wasmtime *glue);

/* The store's entry, made if there is none. NULL: no memory. Thread: that of the store. */
wasinn__store *wasinn__store_of(wasinn_wasmtime *glue, wasmtime_context_t *context);

/* A function type from a signature such as "(iij)i". */
wasm_functype_t *wasinn__functype(const wasinn_wasmtime_api *api, const char *signature);

/* The caller's memory; false: none, or a shared one. */
bool wasinn__caller_memory(const wasinn_wasmtime_api *api, wasmtime_caller_t *caller, wasinn__extern *memory);

/* Where that memory is at this moment. */
wasinn_memory wasinn__memory_now(const wasinn_wasmtime_api *api, wasmtime_context_t *context,
                                 const wasinn__extern *memory);

/* Defines one function; `env` is given to `finalizer` when Wasmtime is done with it, also when this fails. */
wasinn_status wasinn__define(wasinn_wasmtime *glue, wasmtime_linker_t *linker, const char *module,
                             const char *name, const char *signature,
                             wasmtime_func_unchecked_callback_t callback, void *env,
                             void (*finalizer)(void *));

#endif
