/* Limits for one guest, and the reason why a call of it failed:
 *
 *     embed_limits GUEST.wasm NAME MODEL.xml
 *
 * runs the guest in a store whose tensors may have two bytes, then in one that keeps the defaults. */
#include <err.h>
#include <stdio.h>

#include "wasinn/wasmtime.h"

typedef struct program {
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    wasmtime_linker_t *linker;
    wasinn_host *host;
    wasinn_wasmtime *glue;
} program;

static void check_nn(wasinn_status status) {
    if (status != WASINN_OK)
        errx(1, "%s", wasinn_host_last_error());
}

/* Ends the program with a reason where Wasmtime failed or the guest trapped. */
static void check(wasmtime_error_t *error, wasm_trap_t *trap) {
    wasm_byte_vec_t text;
    if (!error && !trap)
        return;
    error ? wasmtime_error_message(error, &text) : wasm_trap_message(trap, &text);
    errx(1, "%.*s", (int)text.size, text.data);
}

static wasmtime_module_t *compile(wasm_engine_t *engine, const char *path) {
    static uint8_t wasm[16 << 20];
    wasmtime_module_t *module;
    FILE *file = fopen(path, "rb");
    if (!file)
        err(1, "%s", path);
    check(wasmtime_module_new(engine, wasm, fread(wasm, 1, sizeof wasm, file), &module), NULL);
    fclose(file);
    return module;
}

/* Runs a WASI command in its store and returns the guest's exit code. */
static int run(const program *program, wasmtime_context_t *context, wasi_config_t *wasi) {
    wasmtime_instance_t instance;
    wasmtime_extern_t start;
    wasm_trap_t *trap = NULL;
    int code = 0;
    wasi_config_inherit_stdout(wasi);
    wasi_config_inherit_stderr(wasi);
    check(wasmtime_context_set_wasi(context, wasi), NULL);
    wasmtime_error_t *error =
        wasmtime_linker_instantiate(program->linker, context, program->module, &instance, &trap);
    check(error, trap);
    if (!wasmtime_instance_export_get(context, &instance, "_start", 6, &start) ||
        start.kind != WASMTIME_EXTERN_FUNC)
        errx(1, "the guest exports no function _start");
    error = wasmtime_func_call(context, &start.of.func, NULL, 0, NULL, 0, &trap);
    if (error && wasmtime_error_exit_status(error, &code)) {
        wasmtime_error_delete(error);
        error = NULL;
    }
    check(error, trap);
    return code;
}

/* The guest is told a number, the host the reason in words. */
static void log_failure(void *data, const wasinn_guest *guest, const char *line) {
    (void)data, (void)guest;
    printf("%s\n", line);
}

/* `limits` are set before any of the guest's code runs; NULL: the host's. */
static void run_within(const program *program, const wasinn_limits *limits) {
    wasmtime_store_t *store = wasmtime_store_new(program->engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasinn_guest *guest;
    check_nn(wasinn_wasmtime_guest(program->glue, context, &guest));
    if (limits)
        check_nn(wasinn_guest_set_limits(guest, limits));
    int code = run(program, context, wasi_config_new());
    printf("exit code %d\n", code);
    wasmtime_store_delete(store);
}

/* Everything that stores share. */
static void set_up(program *program, char **argv) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    program->engine = wasm_engine_new();
    program->module = compile(program->engine, argv[1]);
    program->linker = wasmtime_linker_new(program->engine);
    check_nn(wasinn_host_new(&program->host));
    check_nn(
        wasinn_host_add_model(program->host, argv[2], argv[3], WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU));
    check_nn(wasinn_wasmtime_new(program->host, &api, &program->glue));
    wasinn_host_set_log(program->host, log_failure, NULL);
    check_nn(wasinn_wasmtime_define(program->glue, program->linker));
    check(wasmtime_linker_define_wasi(program->linker), NULL);
}

static void tear_down(program *program) {
    wasmtime_linker_delete(program->linker);
    wasmtime_module_delete(program->module);
    wasm_engine_delete(program->engine);
    wasinn_wasmtime_free(program->glue);
    wasinn_host_free(program->host);
}

int main(int argc, char **argv) {
    program program;
    wasinn_limits limits;
    if (argc != 4)
        errx(2, "usage: embed_limits GUEST.wasm NAME MODEL.xml");
    setvbuf(stdout, NULL, _IONBF, 0); /* guests write to it too */
    set_up(&program, argv);
    wasinn_limits_default(&limits, sizeof limits);
    limits.tensor_bytes = 2;
    run_within(&program, &limits);
    run_within(&program, NULL);
    tear_down(&program);
    return 0;
}
