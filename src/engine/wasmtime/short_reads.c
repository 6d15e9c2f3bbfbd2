/* Reads that are too large for Wasmtime, made smaller.
 *
 * Wasmtime's fd_read wants a WebAssembly caller that exports the memory, so a host function cannot call it
 * directly: a small module that stands between, made on the guest's own memory, does. */
#include <stdlib.h>
#include <string.h>

#include "engine/wasmtime/glue.h"

#define WASI "wasi_snapshot_preview1"
#define MOST (64u << 20)

static const struct {
    const char *name, *signature;
    int count; /* parameters */
} calls[WASINN__READ_COUNT] = {
    [WASINN__FD_READ] = {"fd_read", "(iiii)i", 4},
    [WASINN__FD_PREAD] = {"fd_pread", "(iiiji)i", 5},
};

/* (module
 *   (type (func (param i32 i32 i32 i32) (result i32)))
 *   (type (func (param i32 i32 i32 i64 i32) (result i32)))
 *   (import "" "m" (memory 0)) (import "" "r" (func (type 0))) (import "" "p" (func (type 1)))
 *   (func (type 0) local.get 0 local.get 1 local.get 2 local.get 3 call 0)
 *   (func (type 1) local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 call 1)
 *   (export "memory" (memory 0)) (export "r" (func 2)) (export "p" (func 3))) */
static const uint8_t between[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00,                               /* magic, version */
    0x01, 0x12, 0x02,                                                             /* types */
    0x60, 0x04, 0x7F, 0x7F, 0x7F, 0x7F, 0x01, 0x7F,                               /*   fd_read */
    0x60, 0x05, 0x7F, 0x7F, 0x7F, 0x7E, 0x7F, 0x01, 0x7F,                         /*   fd_pread */
    0x02, 0x11, 0x03,                                                             /* imports */
    0x00, 0x01, 0x6D, 0x02, 0x00, 0x00,                                           /*   memory */
    0x00, 0x01, 0x72, 0x00, 0x00, 0x00, 0x01, 0x70, 0x00, 0x01,                   /*   r, p */
    0x03, 0x03, 0x02, 0x00, 0x01,                                                 /* functions */
    0x07, 0x12, 0x03, 0x06, 0x6D, 0x65, 0x6D, 0x6F, 0x72, 0x79, 0x02, 0x00,       /* exports: memory */
    0x01, 0x72, 0x00, 0x02, 0x01, 0x70, 0x00, 0x03,                               /*   r, p */
    0x0A, 0x1D, 0x02,                                                             /* code */
    0x0C, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x10, 0x00, 0x0B, /*   r */
    0x0E, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x20, 0x04, 0x10, 0x01, 0x0B, /* p */
};

static const char problem[] = "fd_read: the guest has no memory of its own to read into";

typedef struct reader {
    atomic_uint references; /* one for each of the functions defined */
    wasinn_wasmtime *glue;
    wasmtime_linker_t *original; /* the linker as it was before */
    wasmtime_module_t *between;
} reader;

typedef struct definition {
    reader *reader;
    wasinn__read read;
} definition;

static void reader_release(reader *reader) {
    if (atomic_fetch_sub(&reader->references, 1) != 1)
        return;
    if (reader->between)
        reader->glue->api.wasmtime_module_delete(reader->between);
    reader->glue->api.wasmtime_linker_delete(reader->original);
    wasinn_wasmtime_free(reader->glue);
    free(reader);
}

static void definition_ended(void *env) {
    definition *ended = env;
    reader_release(ended->reader);
    free(ended);
}

static wasm_trap_t *trap_from(const wasinn_wasmtime_api *api, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    api->wasmtime_error_message(error, &text);
    wasm_trap_t *trap = api->wasmtime_trap_new(text.data, text.size);
    api->wasm_byte_vec_delete(&text);
    api->wasmtime_error_delete(error);
    return trap;
}

/* Makes the module between, on this store's memory and its original functions. */
static wasm_trap_t *set_up(const reader *reader, wasinn__store *store, wasmtime_caller_t *caller) {
    const wasinn_wasmtime_api *api = &reader->glue->api;
    wasmtime_context_t *context = store->context;
    static const char *const exports[WASINN__READ_COUNT] = {"r", "p"};
    wasmtime_extern_t imports[1 + WASINN__READ_COUNT];
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasinn__extern item;
    if (!wasinn__caller_memory(api, caller, &item))
        return api->wasmtime_trap_new(problem, sizeof problem - 1);
    imports[0] = item.item;
    for (int i = 0; i < WASINN__READ_COUNT; i++) {
        if (!api->wasmtime_linker_get(reader->original, context, WASI, strlen(WASI), calls[i].name,
                                      strlen(calls[i].name), &item.item))
            return api->wasmtime_trap_new(problem, sizeof problem - 1);
        imports[1 + i] = item.item;
    }
    wasmtime_error_t *error = api->wasmtime_instance_new(context, reader->between, imports,
                                                         sizeof imports / sizeof *imports, &instance, &trap);
    if (error)
        return trap_from(api, error);
    if (trap)
        return trap;
    for (int i = 0; i < WASINN__READ_COUNT; i++) {
        if (!api->wasmtime_instance_export_get(context, &instance, exports[i], 1, &item.item))
            return api->wasmtime_trap_new(problem, sizeof problem - 1);
        store->reads[i] = item.item.of.func;
    }
    store->has_reads = true;
    return NULL;
}

static wasm_trap_t *call_read(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t room) {
    const definition *called = env;
    wasinn_wasmtime *glue = called->reader->glue;
    const wasinn_wasmtime_api *api = &glue->api;
    wasmtime_context_t *context = api->wasmtime_caller_context(caller);
    wasinn__store *store = wasinn__store_of(glue, context);
    wasinn__extern exported;
    wasm_trap_t *trap = NULL;
    if (!store || !wasinn__caller_memory(api, caller, &exported))
        return api->wasmtime_trap_new(problem, sizeof problem - 1);
    if (!store->has_reads && (trap = set_up(called->reader, store, caller)))
        return trap;
    wasinn_memory memory = wasinn__memory_now(api, context, &exported);
    wasinn_short_read shortened =
        wasinn_shorten_read(&memory, (uint32_t)values[1].i32, (uint32_t)values[2].i32, MOST);
    values[2].i32 = (int32_t)shortened.count;
    wasmtime_error_t *error =
        api->wasmtime_func_call_unchecked(context, &store->reads[called->read], values, room, &trap);
    memory = wasinn__memory_now(api, context, &exported);
    wasinn_restore_read(&memory, &shortened);
    return error ? trap_from(api, error) : trap;
}

static wasinn_status define(reader *reader, wasmtime_linker_t *linker, wasinn__read read) {
    definition *made = malloc(sizeof *made);
    if (!made)
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory to define %s", calls[read].name);
    *made = (definition){reader, read};
    atomic_fetch_add(&reader->references, 1);
    return wasinn__define(reader->glue, linker, WASI, calls[read].name, calls[read].signature, call_read,
                          made, definition_ended);
}

wasinn_status wasinn_wasmtime_define_short_reads(wasinn_wasmtime *glue, wasm_engine_t *engine,
                                                 wasmtime_linker_t *linker) {
    const wasinn_wasmtime_api *api = &glue->api;
    if (!api->wasmtime_linker_clone || !api->wasmtime_linker_delete || !api->wasmtime_linker_get ||
        !api->wasmtime_linker_allow_shadowing || !api->wasmtime_module_new || !api->wasmtime_module_delete ||
        !api->wasmtime_instance_new || !api->wasmtime_instance_export_get ||
        !api->wasmtime_func_call_unchecked)
        return wasinn_host_fail(WASINN_UNSUPPORTED_OPERATION,
                                "the table of Wasmtime's functions lacks some of its second group");
    reader *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory for short reads");
    atomic_init(&made->references, 1);
    made->glue = glue;
    wasinn__glue_retain(glue);
    made->original = api->wasmtime_linker_clone(linker);
    wasinn_status status = WASINN_OK;
    wasmtime_error_t *error = api->wasmtime_module_new(engine, between, sizeof between, &made->between);
    if (error) {
        api->wasmtime_error_delete(error);
        status = wasinn_host_fail(WASINN_RUNTIME_ERROR, "Wasmtime refused the module for short reads");
    }
    api->wasmtime_linker_allow_shadowing(linker, true);
    for (int i = 0; i < WASINN__READ_COUNT && status == WASINN_OK; i++)
        status = define(made, linker, (wasinn__read)i);
    reader_release(made);
    return status;
}
