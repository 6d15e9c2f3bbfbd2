/* Two guests that infer at the same time, each on a thread and in a store of its own, with one linker, one
 * module that was compiled once, and one model that is loaded once:
 *
 *     embed_threads GUEST.wasm NAME MODEL.xml [ARGUMENT...]
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>

#include "wasinn/wasmtime.h"

enum { GUESTS = 2 };

/* What the threads share. None of them changes it. */
typedef struct program {
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    wasmtime_linker_t *linker;
    wasinn_host *host;
    wasinn_wasmtime *glue;
    const char **arguments; /* of the guests */
    size_t argument_count;
    pthread_barrier_t start;
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

/* A thread. The store is its own, and the wasinn guest, which comes and goes with the store. */
static void *work(void *data) {
    program *program = data;
    wasmtime_store_t *store = wasmtime_store_new(program->engine, NULL, NULL);
    wasi_config_t *wasi = wasi_config_new();
    wasi_config_set_argv(wasi, program->argument_count, program->arguments);
    pthread_barrier_wait(&program->start);
    int code = run(program, wasmtime_store_context(store), wasi);
    wasmtime_store_delete(store);
    return (void *)(intptr_t)code;
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
    pthread_t threads[GUESTS];
    void *code, *worst = NULL;
    if (argc < 4)
        errx(2, "usage: embed_threads GUEST.wasm NAME MODEL.xml [ARGUMENT...]");
    set_up(&program, argv);
    argv[3] = argv[1]; /* a program's own name comes before its arguments */
    program.arguments = (const char **)argv + 3;
    program.argument_count = (size_t)argc - 3;
    pthread_barrier_init(&program.start, NULL, GUESTS);
    for (int i = 0; i < GUESTS; i++)
        if (pthread_create(&threads[i], NULL, work, &program) != 0)
            errx(1, "no thread for guest %d", i);
    for (int i = 0; i < GUESTS; i++) {
        pthread_join(threads[i], &code);
        worst = code ? code : worst;
    }
    pthread_barrier_destroy(&program.start);
    tear_down(&program);
    return (int)(intptr_t)worst;
}
