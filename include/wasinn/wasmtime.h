/* wasmtime.h - wasi-nn for programs that embed Wasmtime through its C API.
 *
 *     wasinn_host *host;
 *     wasinn_wasmtime *glue;
 *     static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
 *     wasinn_host_new(&host);
 *     wasinn_wasmtime_new(host, &api, &glue);
 *     wasinn_wasmtime_define(glue, linker);
 *
 * From then on every module that is instantiated with the linker can import wasi-nn. Each store gets a guest
 * of its own at its first wasi-nn call, and gives it back when the store is deleted. One linker may serve any
 * number of stores on any number of threads.
 *
 * The glue calls Wasmtime through a table that the caller fills, and links no Wasmtime itself: a program in
 * another language passes the addresses of the library that its binding has loaded, so that there is never a
 * second copy. Wasmtime 48 or newer; core modules only.
 *
 * Errors: wasinn_host_last_error has the text when a function here fails.
 */
#ifndef WASINN_WASMTIME_H
#define WASINN_WASMTIME_H

#include <wasm.h>
#include <wasmtime.h>

#include "wasinn/wasinn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The functions of Wasmtime's C API that the glue calls, each under its own name. `size` comes first so that
 * the table can grow. Those in the second group may be NULL: only wasinn_wasmtime_define_short_io needs
 * them. */
typedef struct wasinn_wasmtime_api {
    size_t size; /* sizeof(wasinn_wasmtime_api); a shorter table lacks the functions at the end */
    wasm_valtype_t *(*wasm_valtype_new)(wasm_valkind_t);
    void (*wasm_valtype_vec_new)(wasm_valtype_vec_t *, size_t, wasm_valtype_t *const[]);
    wasm_functype_t *(*wasm_functype_new)(wasm_valtype_vec_t *, wasm_valtype_vec_t *);
    void (*wasm_functype_delete)(wasm_functype_t *);
    void (*wasm_byte_vec_delete)(wasm_byte_vec_t *);
    void (*wasmtime_error_message)(const wasmtime_error_t *, wasm_name_t *);
    void (*wasmtime_error_delete)(wasmtime_error_t *);
    wasm_trap_t *(*wasmtime_trap_new)(const char *, size_t);
    wasmtime_error_t *(*wasmtime_linker_define_func_unchecked)(wasmtime_linker_t *, const char *, size_t,
                                                               const char *, size_t, const wasm_functype_t *,
                                                               wasmtime_func_unchecked_callback_t, void *,
                                                               void (*)(void *));
    void (*wasmtime_func_new_unchecked)(wasmtime_context_t *, const wasm_functype_t *,
                                        wasmtime_func_unchecked_callback_t, void *, void (*)(void *),
                                        wasmtime_func_t *);
    wasmtime_context_t *(*wasmtime_caller_context)(wasmtime_caller_t *);
    bool (*wasmtime_caller_export_get)(wasmtime_caller_t *, const char *, size_t, wasmtime_extern_t *);
    void (*wasmtime_extern_delete)(wasmtime_extern_t *);
    uint8_t *(*wasmtime_memory_data)(wasmtime_context_t *, const wasmtime_memory_t *);
    size_t (*wasmtime_memory_data_size)(const wasmtime_context_t *, const wasmtime_memory_t *);

    wasmtime_linker_t *(*wasmtime_linker_clone)(const wasmtime_linker_t *);
    void (*wasmtime_linker_delete)(wasmtime_linker_t *);
    bool (*wasmtime_linker_get)(const wasmtime_linker_t *, wasmtime_context_t *, const char *, size_t,
                                const char *, size_t, wasmtime_extern_t *);
    void (*wasmtime_linker_allow_shadowing)(wasmtime_linker_t *, bool);
    wasmtime_error_t *(*wasmtime_module_new)(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
    void (*wasmtime_module_delete)(wasmtime_module_t *);
    wasmtime_error_t *(*wasmtime_instance_new)(wasmtime_context_t *, const wasmtime_module_t *,
                                               const wasmtime_extern_t *, size_t, wasmtime_instance_t *,
                                               wasm_trap_t **);
    bool (*wasmtime_instance_export_get)(wasmtime_context_t *, const wasmtime_instance_t *, const char *,
                                         size_t, wasmtime_extern_t *);
    wasmtime_error_t *(*wasmtime_func_call_unchecked)(wasmtime_context_t *, const wasmtime_func_t *,
                                                      wasmtime_val_raw_t *, size_t, wasm_trap_t **);
} wasinn_wasmtime_api;

/* The table of a program that links Wasmtime. */
#define WASINN_WASMTIME_API                                                                                  \
    {sizeof(wasinn_wasmtime_api), wasm_valtype_new,                                                          \
     wasm_valtype_vec_new,        wasm_functype_new,                                                         \
     wasm_functype_delete,        wasm_byte_vec_delete,                                                      \
     wasmtime_error_message,      wasmtime_error_delete,                                                     \
     wasmtime_trap_new,           wasmtime_linker_define_func_unchecked,                                     \
     wasmtime_func_new_unchecked, wasmtime_caller_context,                                                   \
     wasmtime_caller_export_get,  wasmtime_extern_delete,                                                    \
     wasmtime_memory_data,        wasmtime_memory_data_size,                                                 \
     wasmtime_linker_clone,       wasmtime_linker_delete,                                                    \
     wasmtime_linker_get,         wasmtime_linker_allow_shadowing,                                           \
     wasmtime_module_new,         wasmtime_module_delete,                                                    \
     wasmtime_instance_new,       wasmtime_instance_export_get,                                              \
     wasmtime_func_call_unchecked}

/* The names of the table's functions, in its order, ended by NULL: for a host that looks them up in the
 * library that it has loaded. The table is then a size_t, the size of it all in bytes, and one pointer for
 * each name. */
WASINN_API const char *const *wasinn_wasmtime_api_names(void);

/* The glue between a host and one copy of Wasmtime. */
typedef struct wasinn_wasmtime wasinn_wasmtime;

/* Makes the glue. It keeps the host alive; the table is copied.
 * invalid_argument: the table is too short or lacks a function; too_large: no memory. */
WASINN_API wasinn_status wasinn_wasmtime_new(wasinn_host *host, const wasinn_wasmtime_api *api,
                                             wasinn_wasmtime **glue);

/* Gives up the caller's hold; linkers and stores that use the glue keep it alive. Any thread. */
WASINN_API void wasinn_wasmtime_free(wasinn_wasmtime *glue);

/* Defines the modules wasi_ephemeral_nn and wasinn in a linker. invalid_argument: Wasmtime refused, for
 * instance because they are defined already. Thread: that of the linker. */
WASINN_API wasinn_status wasinn_wasmtime_define(wasinn_wasmtime *glue, wasmtime_linker_t *linker);

/* The guest of a store, made if it has none yet: to set its limits before its code runs, to interrupt it, to
 * read its last error. It belongs to the store and goes with it. Thread: that of the store. */
WASINN_API wasinn_status wasinn_wasmtime_guest(wasinn_wasmtime *glue, wasmtime_context_t *store,
                                               wasinn_guest **guest);

/* Lets the host say which guest a store's calls belong to, for example from the store's data. It is called at
 * every wasi-nn call, on the store's thread; NULL from it makes the call trap. The guests are then the
 * host's to free, after their stores. Before the first define. */
typedef wasinn_guest *(*wasinn_wasmtime_lookup_fn)(void *data, wasmtime_context_t *store);
/* Sets the look-up; `data` is handed on. */
WASINN_API void wasinn_wasmtime_set_lookup(wasinn_wasmtime *glue, wasinn_wasmtime_lookup_fn lookup,
                                           void *data);

/* Replaces fd_read, fd_pread, fd_write and fd_pwrite of wasi_snapshot_preview1, which must be in the linker,
 * by ones that ask Wasmtime for at most 64 MiB at a time. Wasmtime itself fails one of more than 128 MiB with
 * ENOMEM (seen in 49 and 50); moving less than was asked for is legal, and the libraries of C and Rust go on
 * where a call stopped. After this the linker allows shadowing. Each memory that is read into or written
 * from takes one of the store's instances (wasmtime_store_limiter), and one that is shared or 64-bit cannot
 * be used by these four any more: such guests want a linker without this. unsupported_operation: the table
 * lacks functions. */
WASINN_API wasinn_status wasinn_wasmtime_define_short_io(wasinn_wasmtime *glue, wasm_engine_t *engine,
                                                         wasmtime_linker_t *linker);

/* The WebAssembly that it compiles for that, which takes milliseconds: for a host that keeps compiled
 * modules. */
WASINN_API wasinn_blob wasinn_wasmtime_short_io_wasm(void);
/* wasinn_wasmtime_define_short_io with that WebAssembly as a module of the linker's engine, which is taken
 * over unless the result is unsupported_operation. */
WASINN_API wasinn_status wasinn_wasmtime_define_short_io_module(wasinn_wasmtime *glue,
                                                                wasmtime_linker_t *linker,
                                                                wasmtime_module_t *module);

#ifdef __cplusplus
}
#endif

#endif
