#include "engine/wasmtime/glue.h"

#include <stdlib.h>
#include <string.h>

/* ---- The glue object ---------------------------------------------------------------------------- */

static bool complete(const wasinn_wasmtime_api *api) {
    return api->wasm_valtype_new && api->wasm_valtype_vec_new && api->wasm_functype_new &&
           api->wasm_functype_delete && api->wasm_byte_vec_delete && api->wasmtime_error_message &&
           api->wasmtime_error_delete && api->wasmtime_trap_new &&
           api->wasmtime_linker_define_func_unchecked && api->wasmtime_func_new_unchecked &&
           api->wasmtime_caller_context && api->wasmtime_caller_export_get && api->wasmtime_extern_delete &&
           api->wasmtime_memory_data && api->wasmtime_memory_data_size;
}

const char *const *wasinn_wasmtime_api_names(void) {
    static const char *const names[] = {
        "wasm_valtype_new",
        "wasm_valtype_vec_new",
        "wasm_functype_new",
        "wasm_functype_delete",
        "wasm_byte_vec_delete",
        "wasmtime_error_message",
        "wasmtime_error_delete",
        "wasmtime_trap_new",
        "wasmtime_linker_define_func_unchecked",
        "wasmtime_func_new_unchecked",
        "wasmtime_caller_context",
        "wasmtime_caller_export_get",
        "wasmtime_extern_delete",
        "wasmtime_memory_data",
        "wasmtime_memory_data_size",
        "wasmtime_linker_clone",
        "wasmtime_linker_delete",
        "wasmtime_linker_get",
        "wasmtime_linker_allow_shadowing",
        "wasmtime_module_new",
        "wasmtime_module_delete",
        "wasmtime_instance_new",
        "wasmtime_instance_export_get",
        "wasmtime_func_call_unchecked",
        NULL,
    };
    _Static_assert(sizeof names + sizeof(size_t) == sizeof(wasinn_wasmtime_api) + sizeof *names,
                   "a name for each function of the table");
    return names;
}

wasinn_status wasinn_wasmtime_new(wasinn_host *host, const wasinn_wasmtime_api *api, wasinn_wasmtime **glue) {
    static atomic_uint_fast64_t identities;
    wasinn_wasmtime_api known = {0};
    memcpy(&known, api, api->size < sizeof known ? api->size : sizeof known);
    if (!complete(&known))
        return wasinn_host_fail(WASINN_INVALID_ARGUMENT,
                                "the table of Wasmtime's functions, %zu bytes, lacks some of its first group",
                                api->size);
    wasinn_wasmtime *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory for the glue to Wasmtime");
    wasinn_host_retain(host);
    atomic_init(&made->references, 1);
    made->identity = atomic_fetch_add(&identities, 1) + 1;
    made->host = host;
    made->api = known;
    pthread_mutex_init(&made->lock, NULL);
    *glue = made;
    return WASINN_OK;
}

void wasinn__glue_retain(wasinn_wasmtime *glue) {
    atomic_fetch_add(&glue->references, 1);
}

void wasinn_wasmtime_free(wasinn_wasmtime *glue) {
    if (!glue || atomic_fetch_sub(&glue->references, 1) != 1)
        return;
    pthread_mutex_destroy(&glue->lock);
    wasinn_host_free(glue->host);
    free(glue);
}

void wasinn_wasmtime_set_lookup(wasinn_wasmtime *glue, wasinn_wasmtime_lookup_fn lookup, void *data) {
    glue->lookup = lookup;
    glue->lookup_data = data;
}

/* ---- Stores ------------------------------------------------------------------------------------- */

static _Thread_local struct {
    uint64_t identity, generation;
    wasmtime_context_t *context;
    wasinn__store *store;
} latest;

static wasinn__store **bucket_of(wasinn_wasmtime *glue, const wasmtime_context_t *context) {
    uintptr_t key = (uintptr_t)context;
    return &glue->buckets[(key >> 4 ^ key >> 12) % WASINN__STORE_BUCKETS];
}

/* The finalizer of a function that lives in the store: the store is being deleted, on any thread. */
static void store_ended(void *env) {
    wasinn__store *store = env;
    wasinn_wasmtime *glue = store->glue;
    pthread_mutex_lock(&glue->lock);
    wasinn__store **link = bucket_of(glue, store->context);
    while (*link != store)
        link = &(*link)->next;
    *link = store->next;
    atomic_fetch_add(&glue->generation, 1);
    pthread_mutex_unlock(&glue->lock);
    wasinn_guest_free(store->guest);
    while (store->bridges) {
        wasinn__bridge *next = store->bridges->next;
        free(store->bridges);
        store->bridges = next;
    }
    free(store);
    wasinn_wasmtime_free(glue);
}

static wasm_trap_t *never_called(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                 size_t count) {
    (void)env, (void)caller, (void)values, (void)count;
    return NULL;
}

static wasinn__store *new_store(wasinn_wasmtime *glue, wasmtime_context_t *context) {
    wasm_functype_t *type = wasinn__functype(&glue->api, "()");
    wasinn__store *store = calloc(1, sizeof *store);
    wasmtime_func_t anchor;
    if (!type || !store || (!glue->lookup && wasinn_guest_new(glue->host, &store->guest) != WASINN_OK)) {
        free(store);
        if (type)
            glue->api.wasm_functype_delete(type);
        return NULL;
    }
    store->glue = glue;
    store->context = context;
    wasinn__glue_retain(glue);
    pthread_mutex_lock(&glue->lock);
    wasinn__store **bucket = bucket_of(glue, context);
    store->next = *bucket;
    *bucket = store;
    pthread_mutex_unlock(&glue->lock);
    glue->api.wasmtime_func_new_unchecked(context, type, never_called, store, store_ended, &anchor);
    glue->api.wasm_functype_delete(type);
    return store;
}

wasinn__store *wasinn__store_of(wasinn_wasmtime *glue, wasmtime_context_t *context) {
    uint64_t generation = atomic_load(&glue->generation);
    if (latest.identity == glue->identity && latest.generation == generation && latest.context == context)
        return latest.store;
    pthread_mutex_lock(&glue->lock);
    wasinn__store *store = *bucket_of(glue, context);
    while (store && store->context != context)
        store = store->next;
    pthread_mutex_unlock(&glue->lock);
    if (!store)
        store = new_store(glue, context);
    if (store) {
        latest.identity = glue->identity;
        latest.generation = generation;
        latest.context = context;
        latest.store = store;
    }
    return store;
}

wasinn_status wasinn_wasmtime_guest(wasinn_wasmtime *glue, wasmtime_context_t *context,
                                    wasinn_guest **guest) {
    wasinn__store *store;
    if (glue->lookup)
        *guest = glue->lookup(glue->lookup_data, context);
    else
        *guest = (store = wasinn__store_of(glue, context)) ? store->guest : NULL;
    return *guest ? WASINN_OK : wasinn_host_fail(WASINN_TOO_LARGE, "there is no guest for this store");
}

/* ---- Definitions -------------------------------------------------------------------------------- */

typedef struct definition {
    wasinn_wasmtime *glue;
    const wasinn_import *row;
} definition;

wasm_functype_t *wasinn__functype(const wasinn_wasmtime_api *api, const char *signature) {
    wasm_valtype_t *types[2][WASINN_MAX_PARAMETERS];
    wasm_valtype_vec_t vectors[2];
    size_t counts[2] = {0, 0};
    int side = 0;
    for (const char *c = signature + 1; *c; c++) {
        if (*c == ')')
            side = 1;
        else
            types[side][counts[side]++] = api->wasm_valtype_new(*c == 'j' ? WASM_I64 : WASM_I32);
    }
    api->wasm_valtype_vec_new(&vectors[0], counts[0], types[0]);
    api->wasm_valtype_vec_new(&vectors[1], counts[1], types[1]);
    return api->wasm_functype_new(&vectors[0], &vectors[1]);
}

bool wasinn__caller_memory(const wasinn_wasmtime_api *api, wasmtime_caller_t *caller,
                           wasinn__extern *memory) {
    if (!api->wasmtime_caller_export_get(caller, "memory", 6, &memory->item))
        return false;
    if (memory->item.kind == WASMTIME_EXTERN_MEMORY)
        return true;
    api->wasmtime_extern_delete(&memory->item);
    return false;
}

wasinn_memory wasinn__memory_now(const wasinn_wasmtime_api *api, wasmtime_context_t *context,
                                 const wasinn__extern *memory) {
    return (wasinn_memory){api->wasmtime_memory_data(context, &memory->item.of.memory),
                           api->wasmtime_memory_data_size(context, &memory->item.of.memory)};
}

static wasm_trap_t *trap(const wasinn_wasmtime_api *api, const char *text) {
    return api->wasmtime_trap_new(text, strlen(text));
}

static wasm_trap_t *call_row(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t count) {
    const definition *called = env;
    const wasinn_wasmtime_api *api = &called->glue->api;
    wasmtime_context_t *context = api->wasmtime_caller_context(caller);
    wasinn_memory memory = {NULL, 0};
    uint64_t values[WASINN_MAX_PARAMETERS];
    wasinn__extern exported;
    wasinn_guest *guest;
    if (wasinn_wasmtime_guest(called->glue, context, &guest) != WASINN_OK)
        return trap(api, "wasi-nn: this store has no guest");
    if (wasinn__caller_memory(api, caller, &exported))
        memory = wasinn__memory_now(api, context, &exported);
    for (size_t i = 0; i < count && i < WASINN_MAX_PARAMETERS; i++)
        values[i] = (uint32_t)raw[i].i32;
    const char *text = called->row->call(guest, &memory, values);
    if (text)
        return trap(api, text);
    raw[0].i32 = (int32_t)values[0];
    return NULL;
}

static void definition_ended(void *env) {
    definition *ended = env;
    wasinn_wasmtime_free(ended->glue);
    free(ended);
}

wasinn_status wasinn__define(wasinn_wasmtime *glue, wasmtime_linker_t *linker, const char *module,
                             const char *name, const char *signature,
                             wasmtime_func_unchecked_callback_t callback, void *env,
                             void (*finalizer)(void *)) {
    const wasinn_wasmtime_api *api = &glue->api;
    wasm_functype_t *type = wasinn__functype(api, signature);
    wasmtime_error_t *error = api->wasmtime_linker_define_func_unchecked(
        linker, module, strlen(module), name, strlen(name), type, callback, env, finalizer);
    api->wasm_functype_delete(type);
    if (!error)
        return WASINN_OK;
    wasm_byte_vec_t text;
    api->wasmtime_error_message(error, &text);
    wasinn_status status = wasinn_host_fail(WASINN_INVALID_ARGUMENT, "Wasmtime refused to define %s.%s: %.*s",
                                            module, name, (int)text.size, text.data);
    api->wasm_byte_vec_delete(&text);
    api->wasmtime_error_delete(error);
    return status;
}

static wasinn_status define_row(wasinn_wasmtime *glue, wasmtime_linker_t *linker, const wasinn_import *row) {
    definition *made = malloc(sizeof *made);
    if (!made)
        return wasinn_host_fail(WASINN_TOO_LARGE, "no memory to define %s.%s", row->module, row->name);
    *made = (definition){glue, row};
    wasinn__glue_retain(glue);
    return wasinn__define(glue, linker, row->module, row->name, row->signature, call_row, made,
                          definition_ended);
}

wasinn_status wasinn_wasmtime_define(wasinn_wasmtime *glue, wasmtime_linker_t *linker) {
    const wasinn_import *row;
    for (size_t i = 0; (row = wasinn_import_at(i)); i++) {
        wasinn_status status = define_row(glue, linker, row);
        if (status != WASINN_OK)
            return status;
    }
    return WASINN_OK;
}
