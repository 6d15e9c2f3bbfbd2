/* The glue to Wasmtime, with the fake backend: stores, threads, linkers and guests that come and go. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>

#include "backends/fake.h"
#include "core/memory.h"
#include "wasinn/wasmtime.h"

#include <wasi.h>

static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;

/* open() loads `add` by name and makes a context; infer(x) adds two tensors of x, after the memory has grown;
 * use(h) computes with a handle from elsewhere. Each returns an errno, infer the sum. */
static const char guest_text[] =
    "(module"
    " (import \"wasi_ephemeral_nn\" \"load_by_name\" (func $load (param i32 i32 i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"init_execution_context\" (func $init (param i32 i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"set_input\" (func $set (param i32 i32 i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"compute\" (func $compute (param i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"get_output\" (func $get (param i32 i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (data (i32.const 16) \"add\")"
    " (data (i32.const 32) \"\\02\\00\\00\\00\\02\\00\\00\\00\")"
    " (data (i32.const 48) "
    "\"\\20\\00\\00\\00\\02\\00\\00\\00\\01\\00\\00\\00\\60\\00\\00\\00\\10\\00\\00\\00\")"
    " (func (export \"open\") (result i32)"
    "  (if (call $load (i32.const 16) (i32.const 3) (i32.const 0)) (then (return (i32.const 99))))"
    "  (call $init (i32.load (i32.const 0)) (i32.const 4)))"
    " (func (export \"handle\") (result i32) (i32.load (i32.const 4)))"
    " (func (export \"use\") (param i32) (result i32) (call $compute (local.get 0)))"
    " (func (export \"outside\") (result i32) (call $load (i32.const 65535) (i32.const 200000000) (i32.const "
    "0)))"
    " (func (export \"infer\") (param f32) (result f32)"
    "  (drop (memory.grow (i32.const 1)))"
    "  (f32.store (i32.const 96) (local.get 0)) (f32.store (i32.const 100) (local.get 0))"
    "  (f32.store (i32.const 104) (local.get 0)) (f32.store (i32.const 108) (local.get 0))"
    "  (drop (call $set (i32.load (i32.const 4)) (i32.const 0) (i32.const 48)))"
    "  (drop (call $set (i32.load (i32.const 4)) (i32.const 1) (i32.const 48)))"
    "  (drop (call $compute (i32.load (i32.const 4))))"
    "  (drop (call $get (i32.load (i32.const 4)) (i32.const 0) (i32.const 128) (i32.const 16) (i32.const 8)))"
    "  (f32.load (i32.const 140))))";

static const char bare_text[] =
    "(module (import \"wasi_ephemeral_nn\" \"compute\" (func $compute (param i32) (result i32)))"
    " (func (export \"use\") (param i32) (result i32) (call $compute (local.get 0))))";

static const char shared_text[] =
    "(module (import \"wasi_ephemeral_nn\" \"compute\" (func $compute (param i32) (result i32)))"
    " (memory (export \"memory\") 1 1 shared)"
    " (func (export \"use\") (param i32) (result i32) (call $compute (local.get 0))))";

static const char global_text[] =
    "(module (import \"wasi_ephemeral_nn\" \"compute\" (func $compute (param i32) (result i32)))"
    " (global (export \"memory\") i32 (i32.const 1))"
    " (func (export \"use\") (param i32) (result i32) (call $compute (local.get 0))))";

/* ---- Set-up ------------------------------------------------------------------------------------- */

typedef struct stage {
    wasinn_host *host;
    wasm_engine_t *engine;
    wasinn_wasmtime *glue;
    wasmtime_linker_t *linker;
    wasmtime_module_t *module;
} stage;

typedef struct actor {
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
} actor;

static wasmtime_module_t *compile(wasm_engine_t *engine, const char *text) {
    wasm_byte_vec_t bytes;
    wasmtime_module_t *module = NULL;
    wasmtime_error_t *error = wasmtime_wat2wasm(text, strlen(text), &bytes);
    if (!error) {
        error = wasmtime_module_new(engine, (uint8_t *)bytes.data, bytes.size, &module);
        wasm_byte_vec_delete(&bytes);
    }
    if (error) {
        wasmtime_error_message(error, &bytes);
        fprintf(stderr, "%.*s\n", (int)bytes.size, bytes.data);
        exit(2);
    }
    return module;
}

static void stage_new(stage *stage) {
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_wasm_threads_set(config, true);
    wasmtime_config_shared_memory_set(config, true);
    stage->engine = wasm_engine_new_with_config(config);
    CHECK_EQ(wasinn_host_new(&stage->host), WASINN_OK);
    CHECK_EQ(wasinn_host_add_backend(stage->host, &wasinn__backend_fake), WASINN_OK);
    CHECK_EQ(wasinn_host_add_model(stage->host, "add", "glue_test.fake", WASINN_ENCODING_OPENVINO,
                                   WASINN_TARGET_CPU),
             WASINN_OK);
    CHECK_EQ(wasinn_wasmtime_new(stage->host, &api, &stage->glue), WASINN_OK);
    stage->linker = wasmtime_linker_new(stage->engine);
    stage->module = compile(stage->engine, guest_text);
}

static void stage_free(stage *stage) {
    wasmtime_module_delete(stage->module);
    if (stage->linker)
        wasmtime_linker_delete(stage->linker);
    wasinn_wasmtime_free(stage->glue);
    wasinn_host_free(stage->host);
    wasm_engine_delete(stage->engine);
}

static bool instantiate(const stage *stage, wasmtime_context_t *context, const wasmtime_module_t *module,
                        wasmtime_instance_t *instance) {
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_linker_instantiate(stage->linker, context, module, instance, &trap);
    return CHECK(!error && !trap);
}

static void actor_new(const stage *stage, actor *actor) {
    actor->store = wasmtime_store_new(stage->engine, NULL, NULL);
    actor->context = wasmtime_store_context(actor->store);
    instantiate(stage, actor->context, stage->module, &actor->instance);
}

/* -1: it trapped, and the trap's text is in `last_trap`. */
static _Thread_local char last_trap[1024];

static int64_t call(wasmtime_context_t *context, const wasmtime_instance_t *instance, const char *name,
                    const wasmtime_val_t *argument, wasmtime_val_t *result) {
    wasmtime_extern_t found;
    wasm_trap_t *trap = NULL;
    wasm_byte_vec_t text;
    if (!CHECK(wasmtime_instance_export_get(context, instance, name, strlen(name), &found)))
        return -2;
    wasmtime_error_t *error =
        wasmtime_func_call(context, &found.of.func, argument, argument ? 1 : 0, result, 1, &trap);
    if (!error && !trap)
        return result->of.i32;
    /* A trap that a host function made comes as an error. */
    if (error)
        wasmtime_error_message(error, &text);
    else
        wasm_trap_message(trap, &text);
    snprintf(last_trap, sizeof last_trap, "%.*s", (int)text.size, text.data);
    wasm_byte_vec_delete(&text);
    if (error)
        wasmtime_error_delete(error);
    else
        wasm_trap_delete(trap);
    return -1;
}

static int64_t call_number(const actor *actor, const char *name) {
    wasmtime_val_t result;
    return call(actor->context, &actor->instance, name, NULL, &result);
}

static int64_t call_use(wasmtime_context_t *context, const wasmtime_instance_t *instance, int32_t handle) {
    wasmtime_val_t argument = {.kind = WASMTIME_I32, .of.i32 = handle}, result;
    return call(context, instance, "use", &argument, &result);
}

static float infer(const actor *actor, float x) {
    wasmtime_val_t argument = {.kind = WASMTIME_F32, .of.f32 = x}, result;
    call(actor->context, &actor->instance, "infer", &argument, &result);
    return result.of.f32;
}

/* ---- Cases -------------------------------------------------------------------------------------- */

static void test_basics(void) {
    stage stage;
    actor actor;
    check_case = "basics";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &actor);
    CHECK_EQ(call_number(&actor, "open"), 0);
    for (int i = 0; i < 40; i++)
        CHECK(infer(&actor, (float)i) == 2.0f * (float)i);
    CHECK_EQ(call_number(&actor, "outside"), -1);
    CHECK_TEXT(last_trap, "load_by_name: the name at address 65535, 200000000 bytes, outside");
    CHECK(infer(&actor, 4) == 8);
    wasmtime_store_delete(actor.store);
    stage_free(&stage);
}

static void test_memories(void) {
    stage stage;
    actor actor;
    static const char *const texts[] = {bare_text, shared_text, global_text};
    check_case = "memories";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &actor);
    for (int i = 0; i < 3; i++) {
        wasmtime_module_t *module = compile(stage.engine, texts[i]);
        wasmtime_instance_t instance;
        if (instantiate(&stage, actor.context, module, &instance))
            CHECK_EQ(call_use(actor.context, &instance, 5), 3);
        wasmtime_module_delete(module);
    }
    CHECK_EQ(call_number(&actor, "open"), 0);
    wasmtime_store_delete(actor.store);
    stage_free(&stage);
}

/* Two instances in a store are one guest; another store is another. */
static void test_guests(void) {
    stage stage;
    actor one, two;
    wasmtime_instance_t second;
    check_case = "guests";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &one);
    actor_new(&stage, &two);
    CHECK_EQ(call_number(&one, "open"), 0);
    int32_t handle = (int32_t)call_number(&one, "handle");
    CHECK_EQ(call_use(two.context, &two.instance, handle), 1);
    if (instantiate(&stage, one.context, stage.module, &second))
        CHECK_EQ(call_use(one.context, &second, handle), 5); /* its own, with no inputs set */
    wasmtime_store_delete(one.store);
    wasmtime_store_delete(two.store);
    stage_free(&stage);
}

/* Stores that come and go, at addresses that come again: no guest sees another's handles, none is left over.
 */
static void test_stores(void) {
    stage stage;
    actor actor;
    uint64_t alive = wasinn__alloc_alive();
    check_case = "stores";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    uint64_t before = 0;
    int32_t handle = 0;
    for (int i = 0; i < 200; i++) {
        actor_new(&stage, &actor);
        CHECK_EQ(call_use(actor.context, &actor.instance, handle), 1);
        CHECK_EQ(call_number(&actor, "open"), 0);
        handle = (int32_t)call_number(&actor, "handle");
        CHECK(infer(&actor, 2) == 4);
        wasmtime_store_delete(actor.store);
        if (i == 0)
            before = wasinn__alloc_alive();
    }
    CHECK_EQ(wasinn__alloc_alive(), before);
    stage_free(&stage);
    CHECK_EQ(wasinn__alloc_alive(), alive);
}

/* Linker, glue and host are let go while a store still runs. */
static void test_survivors(void) {
    stage stage;
    actor actor, unused;
    uint64_t alive = wasinn__alloc_alive();
    check_case = "survivors";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &actor);
    actor_new(&stage, &unused);
    stage_free(&stage);
    CHECK_EQ(call_number(&actor, "open"), 0);
    CHECK(infer(&actor, 3) == 6);
    wasmtime_store_delete(unused.store);
    wasmtime_store_delete(actor.store);
    CHECK_EQ(wasinn__alloc_alive(), alive);
}

static void test_definitions(void) {
    stage stage;
    check_case = "definitions";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "Wasmtime refused to define wasi_ephemeral_nn.load");
    CHECK_EQ(wasinn_wasmtime_define_short_io(stage.glue, stage.engine, stage.linker), WASINN_OK);
    stage_free(&stage);

    wasinn_wasmtime_api part = api;
    wasinn_host *host;
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    part.wasmtime_trap_new = NULL;
    CHECK_EQ(wasinn_wasmtime_new(host, &part, &stage.glue), WASINN_INVALID_ARGUMENT);
    part = api;
    part.size = 8;
    CHECK_EQ(wasinn_wasmtime_new(host, &part, &stage.glue), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "8 bytes, lacks some of its first group");
    part = api;
    part.wasmtime_linker_get = NULL;
    CHECK_EQ(wasinn_wasmtime_new(host, &part, &stage.glue), WASINN_OK);
    CHECK_EQ(wasinn_wasmtime_define_short_io(stage.glue, NULL, NULL), WASINN_UNSUPPORTED_OPERATION);
    CHECK_EQ(wasinn_wasmtime_define_short_io_module(stage.glue, NULL, NULL), WASINN_UNSUPPORTED_OPERATION);
    wasinn_wasmtime_free(stage.glue);
    wasinn_host_free(host);
}

/* A host sets a store's limits before its code runs. */
static void test_limits(void) {
    stage stage;
    actor actor;
    wasinn_guest *guest;
    wasinn_limits limits;
    check_case = "limits";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &actor);
    CHECK_EQ(wasinn_wasmtime_guest(stage.glue, actor.context, &guest), WASINN_OK);
    wasinn_limits_default(&limits, sizeof limits);
    limits.executions = 1;
    wasinn_guest_set_limits(guest, &limits);
    CHECK_EQ(call_number(&actor, "open"), 0);
    CHECK_EQ(call_number(&actor, "open"), 4);
    CHECK_TEXT(wasinn_guest_last_error(guest), "execution contexts open: 1");
    wasmtime_store_delete(actor.store);
    stage_free(&stage);
}

static wasinn_guest *guest_of_store(void *data, wasmtime_context_t *store) {
    ++*(int *)data;
    return wasmtime_context_get_data(store);
}

/* Two glues, each with a host of its own, on one store. */
static void test_two_glues(void) {
    stage stage, other;
    wasmtime_instance_t instance;
    actor actor;
    check_case = "two glues";
    stage_new(&stage);
    stage_new(&other);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    wasmtime_linker_delete(other.linker);
    other.linker = wasmtime_linker_new(stage.engine);
    CHECK_EQ(wasinn_wasmtime_define(other.glue, other.linker), WASINN_OK);
    actor_new(&stage, &actor);
    CHECK_EQ(call_number(&actor, "open"), 0);
    int32_t handle = (int32_t)call_number(&actor, "handle");
    if (instantiate(&other, actor.context, stage.module, &instance)) {
        CHECK_EQ(call_use(actor.context, &instance, handle), 1);
        CHECK_EQ(call_use(actor.context, &actor.instance, handle), 5);
    }
    wasmtime_store_delete(actor.store);
    stage_free(&other);
    stage_free(&stage);
}

/* A hold on a guest outlives its store: an interrupt that comes late does no harm. */
static void test_retain(void) {
    stage stage;
    actor actor;
    wasinn_guest *guest;
    check_case = "retain";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &actor);
    CHECK_EQ(wasinn_wasmtime_guest(stage.glue, actor.context, &guest), WASINN_OK);
    wasinn_guest_retain(guest);
    CHECK_EQ(call_number(&actor, "open"), 0);
    wasmtime_store_delete(actor.store);
    stage_free(&stage);
    wasinn_guest_interrupt(guest);
    wasinn_guest_free(guest);
}

static void test_lookup(void) {
    stage stage;
    actor actor;
    wasinn_guest *guest;
    int lookups = 0;
    check_case = "lookup";
    stage_new(&stage);
    wasinn_wasmtime_set_lookup(stage.glue, guest_of_store, &lookups);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    actor_new(&stage, &actor);
    CHECK_EQ(call_number(&actor, "open"), -1);
    CHECK_TEXT(last_trap, "this store has no guest");
    CHECK_EQ(wasinn_guest_new(stage.host, &guest), WASINN_OK);
    wasmtime_context_set_data(actor.context, guest);
    CHECK_EQ(call_number(&actor, "open"), 0);
    CHECK(infer(&actor, 5) == 10);
    CHECK_EQ(lookups, 1 + 2 + 4);
    wasmtime_store_delete(actor.store);
    wasinn_guest_free(guest);
    stage_free(&stage);
}

/* Reads two bytes of standard input to address 8; first() gives what is there. */
static const char reader_text[] = "(module (import \"wasi_snapshot_preview1\" \"fd_read\""
                                  "  (func $read (param i32 i32 i32 i32) (result i32)))"
                                  " (memory (export \"memory\") 1)"
                                  " (data (i32.const 32) \"\\08\\00\\00\\00\\02\\00\\00\\00\")"
                                  " (func (export \"use\") (param i32) (result i32)"
                                  "  (call $read (i32.const 0) (local.get 0) (i32.const 1) (i32.const 0)))"
                                  " (func (export \"first\") (result i32) (i32.load16_u (i32.const 8))))";

/* Two instances of one store read each into its own memory. */
static void test_short_io(void) {
    stage stage;
    actor actor;
    wasmtime_instance_t one, two;
    wasmtime_val_t result;
    wasm_byte_vec_t input;
    check_case = "short io";
    stage_new(&stage);
    wasmtime_error_t *error = wasmtime_linker_define_wasi(stage.linker);
    CHECK(!error);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    /* Twice: the second, whose module the host has compiled, goes through the first. */
    CHECK_EQ(wasinn_wasmtime_define_short_io(stage.glue, stage.engine, stage.linker), WASINN_OK);
    wasinn_blob wasm = wasinn_wasmtime_short_io_wasm();
    wasmtime_module_t *between;
    error = wasmtime_module_new(stage.engine, wasm.data, wasm.size, &between);
    CHECK(!error);
    CHECK_EQ(wasinn_wasmtime_define_short_io_module(stage.glue, stage.linker, between), WASINN_OK);
    actor_new(&stage, &actor);
    wasi_config_t *wasi = wasi_config_new();
    wasm_byte_vec_new(&input, 6, "abcdef");
    wasi_config_set_stdin_bytes(wasi, &input);
    error = wasmtime_context_set_wasi(actor.context, wasi);
    CHECK(!error);
    wasmtime_module_t *module = compile(stage.engine, reader_text);
    if (instantiate(&stage, actor.context, module, &one) &&
        instantiate(&stage, actor.context, module, &two)) {
        CHECK_EQ(call_use(actor.context, &one, 32), 0);
        CHECK_EQ(call_use(actor.context, &two, 32), 0);
        CHECK_EQ(call(actor.context, &one, "first", NULL, &result), 'a' | 'b' << 8);
        CHECK_EQ(call(actor.context, &two, "first", NULL, &result), 'c' | 'd' << 8);
        CHECK_EQ(call_use(actor.context, &one, 32), 0);
        CHECK_EQ(call(actor.context, &one, "first", NULL, &result), 'e' | 'f' << 8);
        /* Buffers outside memory: Wasmtime's own refusal. */
        CHECK(call_use(actor.context, &one, -4) != 0);
        CHECK_EQ(call(actor.context, &two, "first", NULL, &result), 'c' | 'd' << 8);
    }
    wasmtime_module_delete(module);
    wasmtime_store_delete(actor.store);
    stage_free(&stage);
}

/* ---- Threads ------------------------------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 30 };

typedef struct worker {
    pthread_t thread;
    const stage *stage;
    actor actor;
    int good;
} worker;

static void *work(void *data) {
    worker *worker = data;
    for (int round = 0; round < ROUNDS; round++) {
        if (worker->actor.store)
            wasmtime_store_delete(worker->actor.store);
        actor_new(worker->stage, &worker->actor);
        if (call_number(&worker->actor, "open") == 0)
            worker->good += infer(&worker->actor, (float)round) == 2.0f * (float)round;
    }
    return NULL;
}

/* One linker, many threads with stores of their own; the last store of each ends on another thread. */
static void test_threads(void) {
    stage stage;
    worker workers[THREADS] = {0};
    uint64_t alive = wasinn__alloc_alive();
    check_case = "threads";
    stage_new(&stage);
    CHECK_EQ(wasinn_wasmtime_define(stage.glue, stage.linker), WASINN_OK);
    for (int i = 0; i < THREADS; i++) {
        workers[i].stage = &stage;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK_EQ(workers[i].good, ROUNDS);
        wasmtime_store_delete(workers[i].actor.store);
    }
    stage_free(&stage);
    CHECK_EQ(wasinn__alloc_alive(), alive);
}

int main(void) {
    FILE *stream = fopen("glue_test.fake", "w");
    fputs("fake\ninput a f32 2 2\ninput b f32 2 2\noutput sum f32 2 2 = add a b\n", stream);
    fclose(stream);
    test_basics();
    test_memories();
    test_guests();
    test_stores();
    test_survivors();
    test_definitions();
    test_limits();
    test_two_glues();
    test_retain();
    test_lookup();
    test_short_io();
    test_threads();
    return check_result();
}
