/* No files: guest, model and weights are in the program. The guest finds the model by its name, and the host
 * infers with the same model by itself, without any WebAssembly.
 *
 *     embed_memory NUMBER
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasinn/wasmtime.h"

/* y = x * 3, with the 3 in the weights: what OpenVINO's save_model writes, less what it can do without. */
static const char xml[] =
    "<?xml version='1.0'?>"
    "<net name='triple' version='11'><layers>"
    "<layer id='0' name='x' type='Parameter' version='opset1'><data shape='' element_type='f32'/>"
    "<output><port id='0' precision='FP32' names='x'/></output></layer>"
    "<layer id='1' name='factor' type='Const' version='opset1'>"
    "<data element_type='f32' shape='' offset='0' size='4'/>"
    "<output><port id='0' precision='FP32'/></output></layer>"
    "<layer id='2' name='product' type='Multiply' version='opset1'><data auto_broadcast='numpy'/>"
    "<input><port id='0' precision='FP32'/><port id='1' precision='FP32'/></input>"
    "<output><port id='2' precision='FP32' names='y'/></output></layer>"
    "<layer id='3' name='y' type='Result' version='opset1'>"
    "<input><port id='0' precision='FP32'/></input></layer>"
    "</layers><edges>"
    "<edge from-layer='0' from-port='0' to-layer='2' to-port='0'/>"
    "<edge from-layer='1' from-port='0' to-layer='2' to-port='1'/>"
    "<edge from-layer='2' from-port='2' to-layer='3' to-port='0'/>"
    "</edges></net>";
static const float weights[] = {3};

/* triple(x) has the model's answer, or ends in a trap. Its memory: at 0 the graph, at 4 the context, at 8 the
 * size of the output, at 16 the name, at 32 a tensor of type f32 (1) that has no dimensions and 4 bytes
 * at 64. */
static const char wat[] =
    "(module"
    " (import \"wasi_ephemeral_nn\" \"load_by_name\" (func $load_by_name (param i32 i32 i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"init_execution_context\" (func $init (param i32 i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"set_input\" (func $set_input (param i32 i32 i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"compute\" (func $compute (param i32) (result i32)))"
    " (import \"wasi_ephemeral_nn\" \"get_output\" (func $get (param i32 i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (data (i32.const 16) \"triple\")"
    " (data (i32.const 32) \"\\00\\00\\00\\00\" \"\\00\\00\\00\\00\" \"\\01\\00\\00\\00\""
    "  \"\\40\\00\\00\\00\" \"\\04\\00\\00\\00\")"
    " (func $must (param $errno i32) (if (local.get $errno) (then (unreachable))))"
    " (func (export \"triple\") (param $x f32) (result f32)"
    "  (call $must (call $load_by_name (i32.const 16) (i32.const 6) (i32.const 0)))"
    "  (call $must (call $init (i32.load (i32.const 0)) (i32.const 4)))"
    "  (f32.store (i32.const 64) (local.get $x))"
    "  (call $must (call $set_input (i32.load (i32.const 4)) (i32.const 0) (i32.const 32)))"
    "  (call $must (call $compute (i32.load (i32.const 4))))"
    "  (call $must (call $get (i32.load (i32.const 4)) (i32.const 0) (i32.const 64) (i32.const 4)"
    "   (i32.const 8)))"
    "  (f32.load (i32.const 64))))";

static void check_host(wasinn_status status) {
    if (status != WASINN_OK)
        errx(1, "%s", wasinn_host_last_error());
}

static void check_guest(wasinn_guest *guest, wasinn_status status) {
    if (status != WASINN_OK)
        errx(1, "%s", wasinn_guest_last_error(guest));
}

/* Ends the program with a reason where Wasmtime failed or the guest trapped. */
static void check(wasmtime_error_t *error, wasm_trap_t *trap) {
    wasm_byte_vec_t text;
    if (!error && !trap)
        return;
    error ? wasmtime_error_message(error, &text) : wasm_trap_message(trap, &text);
    errx(1, "%.*s", (int)text.size, text.data);
}

/* The guest ends in a trap when a call fails; this says which, and why. */
static void log_failure(void *data, const wasinn_guest *guest, const char *line) {
    (void)data, (void)guest;
    fprintf(stderr, "%s\n", line);
}

/* By the guest, which finds the model by its name. */
static float triple_in_guest(wasinn_host *host, float x) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    wasinn_wasmtime *glue;
    wasm_byte_vec_t wasm;
    wasmtime_module_t *module;
    wasmtime_instance_t instance;
    wasmtime_extern_t triple;
    wasmtime_val_t argument = {.kind = WASMTIME_F32, .of.f32 = x}, result;
    wasm_trap_t *trap = NULL;
    wasm_engine_t *engine = wasm_engine_new();
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    check_host(wasinn_wasmtime_new(host, &api, &glue));
    check_host(wasinn_wasmtime_define(glue, linker));
    check(wasmtime_wat2wasm(wat, sizeof wat - 1, &wasm), NULL);
    check(wasmtime_module_new(engine, (const uint8_t *)wasm.data, wasm.size, &module), NULL);
    wasmtime_error_t *error = wasmtime_linker_instantiate(linker, context, module, &instance, &trap);
    check(error, trap);
    if (!wasmtime_instance_export_get(context, &instance, "triple", 6, &triple))
        errx(1, "the guest exports no function triple");
    error = wasmtime_func_call(context, &triple.of.func, &argument, 1, &result, 1, &trap);
    check(error, trap);
    wasmtime_store_delete(store);
    wasmtime_module_delete(module);
    wasm_byte_vec_delete(&wasm);
    wasmtime_linker_delete(linker);
    wasinn_wasmtime_free(glue);
    wasm_engine_delete(engine);
    return result.of.f32;
}

/* By the host itself: it has a wasinn guest, but no WebAssembly. */
static float triple_in_host(wasinn_host *host, float x) {
    wasinn_guest *guest;
    wasinn_handle graph, execution;
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .data = &x, .size = sizeof x}, output;
    float result;
    check_host(wasinn_guest_new(host, &guest));
    check_guest(guest, wasinn_load_by_name(guest, "triple", 6, &graph));
    check_guest(guest, wasinn_init_execution_context(guest, graph, &execution));
    check_guest(guest, wasinn_set_input(guest, execution, 0, &input));
    check_guest(guest, wasinn_compute(guest, execution));
    check_guest(guest, wasinn_output(guest, execution, 0, &output));
    if (output.type != WASINN_TYPE_F32 || output.size != sizeof result)
        errx(1, "the model's output is no f32");
    memcpy(&result, output.data, sizeof result);
    wasinn_guest_free(guest);
    return result;
}

int main(int argc, char **argv) {
    wasinn_host *host;
    const wasinn_blob model[] = {{xml, sizeof xml - 1}, {weights, sizeof weights}};
    char *end;
    float x = argc == 2 ? strtof(argv[1], &end) : 0;
    if (argc != 2 || end == argv[1] || *end)
        errx(2, "usage: embed_memory NUMBER");
    check_host(wasinn_host_new(&host));
    wasinn_host_set_log(host, log_failure, NULL);
    check_host(
        wasinn_host_add_model_blobs(host, "triple", model, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU));
    printf("guest: %g\n", triple_in_guest(host, x));
    printf("host: %g\n", triple_in_host(host, x));
    wasinn_host_free(host);
    return 0;
}
