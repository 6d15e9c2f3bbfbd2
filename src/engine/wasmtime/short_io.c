/* Reads and writes that are too large for Wasmtime, made smaller.
 *
 * Wasmtime's fd_read and its like want a WebAssembly caller that exports the memory, so a host function
 * cannot call them directly: a small module that stands between, made on the guest's own memory, does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/wasmtime/glue.h"

#define WASI "wasi_snapshot_preview1"
#define MOST (64u << 20)

static const struct {
    const char *name, *signature;
    const char *export; /* of the module between */
} calls[WASINN__IO_COUNT] = {
    [WASINN__FD_READ] = {"fd_read", "(iiii)i", "r"},
    [WASINN__FD_PREAD] = {"fd_pread", "(iiiji)i", "p"},
    [WASINN__FD_WRITE] = {"fd_write", "(iiii)i", "w"},
    [WASINN__FD_PWRITE] = {"fd_pwrite", "(iiiji)i", "q"},
};

/* (module
 *   (type (func (param i32 i32 i32 i32) (result i32)))
 *   (type (func (param i32 i32 i32 i64 i32) (result i32)))
 *   (import "" "m" (memory 0))
 *   (import "" "r" (func (type 0))) (import "" "p" (func (type 1)))
 *   (import "" "w" (func (type 0))) (import "" "q" (func (type 1)))
 *   (func (export "r") (type 0) local.get 0 local.get 1 local.get 2 local.get 3 call 0)
 *   (func (export "p") (type 1) local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 call 1)
 *   (func (export "w") ... call 2) (func (export "q") ... call 3)
 *   (export "memory" (memory 0))) */
/* clang-format off */
static const uint8_t between[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00,                                     /* magic, version */
    0x01, 0x12, 0x02,                                                                   /* types */
    0x60, 0x04, 0x7F, 0x7F, 0x7F, 0x7F, 0x01, 0x7F,
    0x60, 0x05, 0x7F, 0x7F, 0x7F, 0x7E, 0x7F, 0x01, 0x7F,
    0x02, 0x1B, 0x05,                                                                   /* imports */
    0x00, 0x01, 0x6D, 0x02, 0x00, 0x00,
    0x00, 0x01, 0x72, 0x00, 0x00, 0x00, 0x01, 0x70, 0x00, 0x01,
    0x00, 0x01, 0x77, 0x00, 0x00, 0x00, 0x01, 0x71, 0x00, 0x01,
    0x03, 0x05, 0x04, 0x00, 0x01, 0x00, 0x01,                                           /* functions */
    0x07, 0x1A, 0x05,                                                                   /* exports */
    0x06, 0x6D, 0x65, 0x6D, 0x6F, 0x72, 0x79, 0x02, 0x00,
    0x01, 0x72, 0x00, 0x04, 0x01, 0x70, 0x00, 0x05, 0x01, 0x77, 0x00, 0x06, 0x01, 0x71, 0x00, 0x07,
    0x0A, 0x39, 0x04,                                                                   /* code */
    0x0C, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x10, 0x00, 0x0B,
    0x0E, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x20, 0x04, 0x10, 0x01, 0x0B,
    0x0C, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x10, 0x02, 0x0B,
    0x0E, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x20, 0x04, 0x10, 0x03, 0x0B,
};
/* clang-format on */

typedef struct mover {
    atomic_uint references; /* one for each of the functions defined */
    wasinn_wasmtime *glue;
    wasmtime_linker_t *original; /* the linker as it was before */
    wasmtime_module_t *between;
} mover;

typedef struct definition {
    mover *mover;
    wasinn__io io;
} definition;

static void mover_release(mover *mover) {
    if (atomic_fetch_sub(&mover->references, 1) != 1)
        return;
    mover->glue->api.wasmtime_module_delete(mover->between);
    mover->glue->api.wasmtime_linker_delete(mover->original);
    wasinn_wasmtime_free(mover->glue);
    free(mover);
}

static void definition_ended(void *env) {
    definition *ended = env;
    mover_release(ended->mover);
    free(ended);
}

static wasm_trap_t *trap_saying(const wasinn_wasmtime_api *api, wasinn__io io, const char *why) {
    char text[128];
    int length = snprintf(text, sizeof text, "%s: %s", calls[io].name, why);
    return api->wasmtime_trap_new(text, (size_t)length);
}

static wasm_trap_t *trap_from(const wasinn_wasmtime_api *api, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    api->wasmtime_error_message(error, &text);
    wasm_trap_t *trap = api->wasmtime_trap_new(text.data, text.size);
    api->wasm_byte_vec_delete(&text);
    api->wasmtime_error_delete(error);
    return trap;
}

/* Makes the module between, on this memory and the store's original functions. */
static wasm_trap_t *build(const mover *mover, wasmtime_context_t *context, wasinn__bridge *bridge) {
    const wasinn_wasmtime_api *api = &mover->glue->api;
    wasmtime_extern_t imports[1 + WASINN__IO_COUNT];
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasinn__extern item;
    imports[0] = (wasmtime_extern_t){.kind = WASMTIME_EXTERN_MEMORY, .of.memory = bridge->memory};
    for (int i = 0; i < WASINN__IO_COUNT; i++) {
        if (!api->wasmtime_linker_get(mover->original, context, WASI, strlen(WASI), calls[i].name,
                                      strlen(calls[i].name), &item.item))
            return trap_saying(api, (wasinn__io)i, "the linker has no such function");
        imports[1 + i] = item.item;
    }
    wasmtime_error_t *error = api->wasmtime_instance_new(context, mover->between, imports,
                                                         sizeof imports / sizeof *imports, &instance, &trap);
    if (error)
        return trap_from(api, error);
    for (int i = 0; i < WASINN__IO_COUNT && !trap; i++) {
        if (!api->wasmtime_instance_export_get(context, &instance, calls[i].export, 1, &item.item))
            return trap_saying(api, (wasinn__io)i, "the module between does not export it");
        bridge->io[i] = item.item.of.func;
    }
    return trap;
}

static bool same_memory(const wasmtime_memory_t *one, const wasmtime_memory_t *two) {
    return one->store_id == two->store_id && one->__private1 == two->__private1 &&
           one->__private2 == two->__private2;
}

/* The bridge for the caller's memory: instances of one store each have their own. */
static wasm_trap_t *find_bridge(const mover *mover, wasinn__store *store, const wasmtime_memory_t *memory,
                                wasinn__bridge **found) {
    const wasinn_wasmtime_api *api = &mover->glue->api;
    for (*found = store->bridges; *found; *found = (*found)->next)
        if ((*found)->owner == mover && same_memory(&(*found)->memory, memory))
            return NULL;
    wasinn__bridge *made = calloc(1, sizeof *made);
    if (!made)
        return trap_saying(api, WASINN__FD_READ, "no memory in the host");
    made->owner = mover;
    made->memory = *memory;
    wasm_trap_t *trap = build(mover, store->context, made);
    if (trap) {
        free(made);
        return trap;
    }
    made->next = store->bridges;
    store->bridges = made;
    *found = made;
    return NULL;
}

static wasm_trap_t *call_io(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t room) {
    const definition *called = env;
    wasinn_wasmtime *glue = called->mover->glue;
    const wasinn_wasmtime_api *api = &glue->api;
    wasmtime_context_t *context = api->wasmtime_caller_context(caller);
    wasinn__store *store = wasinn__store_of(glue, context);
    wasinn__bridge *bridge;
    wasinn__extern exported;
    if (!store)
        return trap_saying(api, called->io, "no memory in the host");
    if (!wasinn__caller_memory(api, caller, &exported))
        return trap_saying(api, called->io, "the guest exports no memory, or a shared one");
    wasm_trap_t *trap = find_bridge(called->mover, store, &exported.item.of.memory, &bridge);
    if (trap)
        return trap;
    wasinn_memory memory = wasinn__memory_now(api, context, &exported);
    wasinn_short_io shortened =
        wasinn_shorten_io(&memory, (uint32_t)values[1].i32, (uint32_t)values[2].i32, MOST);
    values[2].i32 = (int32_t)shortened.count;
    wasmtime_error_t *error =
        api->wasmtime_func_call_unchecked(context, &bridge->io[called->io], values, room, &trap);
    memory = wasinn__memory_now(api, context, &exported);
    wasinn_restore_io(&memory, &shortened);
    return error ? trap_from(api, error) : trap;
}

static wasinn_status define(mover *mover, wasmtime_linker_t *linker, wasinn__io io) {
    definition *made = malloc(sizeof *made);
    if (!made)
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory to define %s", calls[io].name);
    *made = (definition){mover, io};
    atomic_fetch_add(&mover->references, 1);
    return wasinn__define(mover->glue, linker, WASI, calls[io].name, calls[io].signature, call_io, made,
                          definition_ended);
}

wasinn_blob wasinn_wasmtime_short_io_wasm(void) {
    return (wasinn_blob){between, sizeof between};
}

static wasinn_status check_table(const wasinn_wasmtime_api *api) {
    if (api->wasmtime_linker_clone && api->wasmtime_linker_delete && api->wasmtime_linker_get &&
        api->wasmtime_linker_allow_shadowing && api->wasmtime_module_new && api->wasmtime_module_delete &&
        api->wasmtime_instance_new && api->wasmtime_instance_export_get && api->wasmtime_func_call_unchecked)
        return WASINN_OK;
    return wasinn_host_fail(WASINN_UNSUPPORTED_OPERATION,
                            "the table of Wasmtime's functions lacks some of its second group");
}

wasinn_status wasinn_wasmtime_define_short_io_module(wasinn_wasmtime *glue, wasmtime_linker_t *linker,
                                                     wasmtime_module_t *module) {
    const wasinn_wasmtime_api *api = &glue->api;
    wasinn_status status = check_table(api);
    if (status != WASINN_OK)
        return status;
    mover *made = calloc(1, sizeof *made);
    if (!made) {
        api->wasmtime_module_delete(module);
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory for short reads and writes");
    }
    atomic_init(&made->references, 1);
    made->glue = glue;
    wasinn__glue_retain(glue);
    made->between = module;
    made->original = api->wasmtime_linker_clone(linker);
    api->wasmtime_linker_allow_shadowing(linker, true);
    for (int i = 0; i < WASINN__IO_COUNT && status == WASINN_OK; i++)
        status = define(made, linker, (wasinn__io)i);
    mover_release(made);
    return status;
}

wasinn_status wasinn_wasmtime_define_short_io(wasinn_wasmtime *glue, wasm_engine_t *engine,
                                              wasmtime_linker_t *linker) {
    const wasinn_wasmtime_api *api = &glue->api;
    wasmtime_module_t *module;
    wasinn_status status = check_table(api);
    if (status != WASINN_OK)
        return status;
    wasmtime_error_t *error = api->wasmtime_module_new(engine, between, sizeof between, &module);
    if (!error)
        return wasinn_wasmtime_define_short_io_module(glue, linker, module);
    api->wasmtime_error_delete(error);
    return wasinn_host_fail(WASINN_RUNTIME_ERROR, "Wasmtime refused the module for short reads and writes");
}
