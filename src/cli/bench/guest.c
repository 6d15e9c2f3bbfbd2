/* The guest of `wasinn bench`: a module whose loop calls wasi-nn as any other guest does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cli/cli.h"
#include "wasinn/engine.h"
#include "wasinn/wasmtime.h"

/* ---- Its code ----------------------------------------------------------------------------------- */

/* `more` is the host's: it notes the time of the inference that ends, and says whether there is to be another
 * one. An input is a $tensor of wasi-nn, 20 bytes; an output is address, capacity and the size written, 12.
 */
static const char head[] =
    "(module\n"
    "  (type $i_i (func (param i32) (result i32)))\n"
    "  (type $iii_i (func (param i32 i32 i32) (result i32)))\n"
    "  (type $iiiii_i (func (param i32 i32 i32 i32 i32) (result i32)))\n"
    "  (import \"wasi_ephemeral_nn\" \"load_by_name\" (func $load_by_name (type $iii_i)))\n"
    "  (import \"wasi_ephemeral_nn\" \"init_execution_context\"\n"
    "    (func $init_execution_context (param i32 i32) (result i32)))\n"
    "  (import \"wasi_ephemeral_nn\" \"set_input\" (func $set_input (type $iii_i)))\n"
    "  (import \"wasi_ephemeral_nn\" \"compute\" (func $compute (type $i_i)))\n"
    "  (import \"wasi_ephemeral_nn\" \"get_output\" (func $get_output (type $iiiii_i)))\n"
    "  (import \"bench\" \"more\" (func $more (result i32)))\n";

static const char infer_import[] = "  (import \"wasinn\" \"infer\" (func $infer (type $iiiii_i)))\n";

/* `open` puts the graph's handle at 0, those of two execution contexts at 4 and 8. */
static const char body[] =
    "  (memory (export \"memory\") 1)\n"
    "  (func (export \"open\") (param $name i32) (param $length i32) (result i32)\n"
    "    (local $error i32)\n"
    "    (local.set $error (call $load_by_name (local.get $name) (local.get $length) (i32.const 0)))\n"
    "    (if (i32.eqz (local.get $error)) (then\n"
    "      (local.set $error (call $init_execution_context (i32.load (i32.const 0)) (i32.const 4)))))\n"
    "    (local.get $error))\n"
    "  (func $once (param $inputs i32) (param $input_count i32) (param $outputs i32) (param $output_count "
    "i32)\n"
    "      (result i32)\n"
    "    (local $context i32) (local $i i32) (local $error i32)\n"
    "    (local.set $context (i32.load (i32.const 4)))\n"
    "    (block $failed\n"
    "      (block $all_set (loop $next\n"
    "        (br_if $all_set (i32.eq (local.get $i) (local.get $input_count)))\n"
    "        (br_if $failed (local.tee $error (call $set_input (local.get $context) (local.get $i)\n"
    "          (i32.add (local.get $inputs) (i32.mul (local.get $i) (i32.const 20))))))\n"
    "        (local.set $i (i32.add (local.get $i) (i32.const 1)))\n"
    "        (br $next)))\n"
    "      (br_if $failed (local.tee $error (call $compute (local.get $context))))\n"
    "      (local.set $i (i32.const 0))\n"
    "      (loop $next\n"
    "        (br_if $failed (i32.eq (local.get $i) (local.get $output_count)))\n"
    "        (br_if $failed (local.tee $error (call $get_output (local.get $context) (local.get $i)\n"
    "          (i32.load (local.get $outputs)) (i32.load offset=4 (local.get $outputs))\n"
    "          (i32.add (local.get $outputs) (i32.const 8)))))\n"
    "        (local.set $outputs (i32.add (local.get $outputs) (i32.const 12)))\n"
    "        (local.set $i (i32.add (local.get $i) (i32.const 1)))\n"
    "        (br $next)))\n"
    "    (local.get $error))\n"
    "  (func (export \"run\") (param $inputs i32) (param $input_count i32) (param $outputs i32)\n"
    "      (param $output_count i32) (result i32)\n"
    "    (local $error i32)\n"
    "    (loop $again\n"
    "      (local.set $error (call $once (local.get $inputs) (local.get $input_count) (local.get $outputs)\n"
    "        (local.get $output_count)))\n"
    "      (if (i32.eqz (local.get $error)) (then (br_if $again (call $more)))))\n"
    "    (local.get $error))\n";

static const char infer_body[] =
    "  (func (export \"open_infer\") (result i32)\n"
    "    (call $init_execution_context (i32.load (i32.const 0)) (i32.const 8)))\n"
    "  (func (export \"run_infer\") (param $inputs i32) (param $input_count i32) (param $outputs i32)\n"
    "      (param $output_count i32) (result i32)\n"
    "    (local $error i32)\n"
    "    (loop $again\n"
    "      (local.set $error (call $infer (i32.load (i32.const 8)) (local.get $inputs)\n"
    "        (local.get $input_count) (local.get $outputs) (local.get $output_count)))\n"
    "      (if (i32.eqz (local.get $error)) (then (br_if $again (call $more)))))\n"
    "    (local.get $error))\n";

bool wasinn__bench_has_infer(void) {
    const wasinn_import *row;
    for (size_t i = 0; (row = wasinn_import_at(i)); i++)
        if (strcmp(row->module, "wasinn") == 0 && strcmp(row->name, "infer") == 0)
            return true;
    return false;
}

/* ---- The engine --------------------------------------------------------------------------------- */

struct wasinn__bench_engine {
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    wasmtime_linker_t *linker;
    wasinn_wasmtime *glue;
};

static bool refuse(char *problem, const char *text) {
    snprintf(problem, WASINN__BENCH_PROBLEM, "%s", text);
    return false;
}

static bool refuse_error(char *problem, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    wasmtime_error_message(error, &text);
    snprintf(problem, WASINN__BENCH_PROBLEM, "Wasmtime: %.*s", (int)text.size, text.data);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
    return false;
}

/* Of code of the guest's that did not return: one of the two. */
static bool refuse_outcome(char *problem, wasmtime_error_t *error, wasm_trap_t *trap) {
    wasm_byte_vec_t text;
    if (error)
        return refuse_error(problem, error);
    wasm_trap_message(trap, &text);
    snprintf(problem, WASINN__BENCH_PROBLEM, "the guest trapped: %s", text.data);
    wasm_byte_vec_delete(&text);
    wasm_trap_delete(trap);
    return false;
}

static wasm_trap_t *more(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
    (void)env, (void)count;
    values[0].i32 = wasinn__bench_tick(wasmtime_context_get_data(wasmtime_caller_context(caller)));
    return NULL;
}

static bool compile(wasinn__bench_engine *made, char *problem) {
#ifdef WASMTIME_FEATURE_WAT
    char text[sizeof head + sizeof infer_import + sizeof body + sizeof infer_body];
    bool infer = wasinn__bench_has_infer();
    wasm_byte_vec_t bytes;
    int length = snprintf(text, sizeof text, "%s%s%s%s)\n", head, infer ? infer_import : "", body,
                          infer ? infer_body : "");
    wasmtime_error_t *error = wasmtime_wat2wasm(text, (size_t)length, &bytes);
    if (error)
        return refuse_error(problem, error);
    error = wasmtime_module_new(made->engine, (const uint8_t *)bytes.data, bytes.size, &made->module);
    wasm_byte_vec_delete(&bytes);
    return error ? refuse_error(problem, error) : true;
#else
    (void)made;
    return refuse(problem,
                  "this Wasmtime was built without WebAssembly's text format, which the guest is in");
#endif
}

bool wasinn__bench_engine_new(wasinn_host *host, wasinn__bench_engine **engine, char *problem) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    wasinn__bench_engine *made = *engine = wasinn__checked(calloc(1, sizeof *made));
    made->engine = wasm_engine_new();
    if (!compile(made, problem))
        return false;
    made->linker = wasmtime_linker_new(made->engine);
    wasm_functype_t *type = wasm_functype_new_0_1(wasm_valtype_new(WASM_I32));
    wasmtime_error_t *error =
        wasmtime_linker_define_func_unchecked(made->linker, "bench", 5, "more", 4, type, more, NULL, NULL);
    wasm_functype_delete(type);
    if (error)
        return refuse_error(problem, error);
    if (wasinn_wasmtime_new(host, &api, &made->glue) != WASINN_OK ||
        wasinn_wasmtime_define(made->glue, made->linker) != WASINN_OK)
        return refuse(problem, wasinn_host_last_error());
    return true;
}

void wasinn__bench_engine_free(wasinn__bench_engine *engine) {
    if (!engine)
        return;
    if (engine->linker)
        wasmtime_linker_delete(engine->linker);
    if (engine->module)
        wasmtime_module_delete(engine->module);
    wasinn_wasmtime_free(engine->glue);
    wasm_engine_delete(engine->engine);
    free(engine);
}

/* ---- Its memory --------------------------------------------------------------------------------- */

enum { PAGE = 65536, LINE = 64, NAME = 64, TENSOR = 20, OUTPUT = 12 };

struct wasinn__bench_guest {
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasinn_guest *guest;
    wasmtime_instance_t instance;
    wasmtime_memory_t memory;
    wasmtime_func_t run, run_infer;
    wasinn__bench_clock *clock;
    uint32_t inputs, outputs; /* addresses of the lists */
    uint32_t input_count, output_count;
};

static void put(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Gives out the guest's memory from its beginning, by lines of the processor's cache. */
static uint32_t place(uint64_t *end, uint64_t size) {
    uint64_t at = (*end + LINE - 1) / LINE * LINE;
    *end = at + size;
    return (uint32_t)at;
}

/* The specification's number, or that of the type that carries one which has none. */
static uint8_t number_of(wasinn_type type) {
    switch (type) {
    case WASINN_TYPE_F16:
    case WASINN_TYPE_I16:
    case WASINN_TYPE_U16:
        return 0;
    case WASINN_TYPE_F32:
        return 1;
    case WASINN_TYPE_F64:
        return 2;
    case WASINN_TYPE_I32:
    case WASINN_TYPE_U32:
        return 4;
    case WASINN_TYPE_I64:
    case WASINN_TYPE_U64:
        return 5;
    default: /* of one byte, and bf16, which another numbering of wasi-nn has here */
        return 3;
    }
}

/* Once to find out how much memory is needed (NULL), and once to fill it. */
static uint64_t lay_out(wasinn__bench_guest *guest, const wasinn__bench_input *inputs,
                        const wasinn__bench_output *outputs, size_t name_length, uint8_t *memory) {
    uint64_t end = NAME + name_length;
    guest->inputs = place(&end, (uint64_t)guest->input_count * TENSOR);
    guest->outputs = place(&end, (uint64_t)guest->output_count * OUTPUT);
    for (uint32_t i = 0; i < guest->input_count; i++) {
        const wasinn_tensor *tensor = &inputs[i].tensor;
        uint32_t dims = place(&end, 4 * (uint64_t)tensor->rank), data = place(&end, tensor->size);
        uint8_t *record = memory + guest->inputs + i * TENSOR;
        if (!memory)
            continue;
        for (uint32_t j = 0; j < tensor->rank; j++)
            put(memory + dims + 4 * j, (uint32_t)tensor->dims[j]);
        put(record, dims);
        put(record + 4, tensor->rank);
        put(record + 8, number_of(tensor->type));
        put(record + 12, data);
        put(record + 16, (uint32_t)tensor->size);
        if (tensor->size > 0)
            memcpy(memory + data, tensor->data, tensor->size);
    }
    for (uint32_t i = 0; i < guest->output_count; i++) {
        uint32_t data = place(&end, outputs[i].memory.size);
        uint8_t *record = memory + guest->outputs + i * OUTPUT;
        if (!memory)
            continue;
        put(record, data);
        put(record + 4, (uint32_t)outputs[i].memory.size);
        memset(memory + data, 0, outputs[i].memory.size);
    }
    return end;
}

const uint8_t *wasinn__bench_guest_output(const wasinn__bench_guest *guest, size_t index) {
    const uint8_t *memory = wasmtime_memory_data(guest->context, &guest->memory);
    return memory + get(memory + guest->outputs + index * OUTPUT);
}

static bool fill(wasinn__bench_guest *guest, const char *name, const wasinn__bench_input *inputs,
                 const wasinn__bench_output *outputs, char *problem) {
    uint64_t pages = (lay_out(guest, inputs, outputs, strlen(name), NULL) + PAGE - 1) / PAGE, before;
    if (pages > 65535)
        return refuse(problem, "the inputs and outputs are more than a guest can have, 4 GiB");
    wasmtime_error_t *error =
        pages > 1 ? wasmtime_memory_grow(guest->context, &guest->memory, pages - 1, &before) : NULL;
    if (error)
        return refuse_error(problem, error);
    uint8_t *memory = wasmtime_memory_data(guest->context, &guest->memory);
    memcpy(memory + NAME, name, strlen(name));
    lay_out(guest, inputs, outputs, strlen(name), memory);
    return true;
}

/* ---- Calling it --------------------------------------------------------------------------------- */

static bool call(const wasinn__bench_guest *guest, const wasmtime_func_t *function,
                 wasmtime_val_raw_t *values, size_t count, char *problem) {
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_func_call_unchecked(guest->context, function, values, count, &trap);
    if (error || trap)
        return refuse_outcome(problem, error, trap);
    return values[0].i32 == 0 || refuse(problem, wasinn_guest_last_error(guest->guest));
}

bool wasinn__bench_guest_run(wasinn__bench_guest *guest, bool infer, char *problem) {
    wasmtime_val_raw_t values[4] = {{.i32 = (int32_t)guest->inputs},
                                    {.i32 = (int32_t)guest->input_count},
                                    {.i32 = (int32_t)guest->outputs},
                                    {.i32 = (int32_t)guest->output_count}};
    wasinn__bench_start(guest->clock);
    return call(guest, infer ? &guest->run_infer : &guest->run, values, 4, problem);
}

static bool find_function(const wasinn__bench_guest *guest, const char *name, wasmtime_func_t *function) {
    wasmtime_extern_t found;
    if (!wasmtime_instance_export_get(guest->context, &guest->instance, name, strlen(name), &found))
        return false;
    *function = found.of.func;
    return true;
}

static bool open_model(wasinn__bench_guest *guest, const char *name, char *problem) {
    wasmtime_func_t function;
    wasmtime_val_raw_t values[2] = {{.i32 = NAME}, {.i32 = (int32_t)strlen(name)}};
    find_function(guest, "run", &guest->run);
    find_function(guest, "open", &function);
    if (!call(guest, &function, values, 2, problem))
        return false;
    if (!find_function(guest, "open_infer", &function))
        return true;
    find_function(guest, "run_infer", &guest->run_infer);
    return call(guest, &function, values, 1, problem);
}

static bool instantiate(wasinn__bench_guest *guest, const wasinn__bench_engine *engine, char *problem) {
    wasm_trap_t *trap = NULL;
    wasmtime_extern_t memory;
    wasmtime_error_t *error =
        wasmtime_linker_instantiate(engine->linker, guest->context, engine->module, &guest->instance, &trap);
    if (error || trap)
        return refuse_outcome(problem, error, trap);
    wasmtime_instance_export_get(guest->context, &guest->instance, "memory", 6, &memory);
    guest->memory = memory.of.memory;
    return true;
}

bool wasinn__bench_guest_new(wasinn__bench_engine *engine, const char *name, wasinn__bench_clock *clock,
                             const wasinn__bench_input *inputs, size_t input_count,
                             const wasinn__bench_output *outputs, size_t output_count,
                             wasinn__bench_guest **guest, char *problem) {
    wasinn__bench_guest *made = *guest = wasinn__checked(calloc(1, sizeof *made));
    made->input_count = (uint32_t)input_count;
    made->output_count = (uint32_t)output_count;
    made->clock = clock;
    made->store = wasmtime_store_new(engine->engine, clock, NULL);
    made->context = wasmtime_store_context(made->store);
    if (wasinn_wasmtime_guest(engine->glue, made->context, &made->guest) != WASINN_OK)
        return refuse(problem, wasinn_host_last_error());
    return instantiate(made, engine, problem) && fill(made, name, inputs, outputs, problem) &&
           open_model(made, name, problem);
}

void wasinn__bench_guest_free(wasinn__bench_guest *guest) {
    if (!guest)
        return;
    wasmtime_store_delete(guest->store);
    free(guest);
}
