/* The smallest host: embed GUEST.wasm NAME=MODEL.xml
 *
 * Runs a WASI guest that finds the model by its name. From the checkout's root:
 *
 *     cc -Iinclude -Ideps/wasmtime/include -o embed examples/embed.c build/libwasinn-wasmtime.a
 * build/libwasinn.a \ -Ldeps/wasmtime/lib -Wl,-rpath,$PWD/deps/wasmtime/lib -lwasmtime -ldl -lpthread */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wasi.h>
#include <wasmtime.h>

#include "wasinn/wasmtime.h"

static void check(wasinn_status status) {
    if (status != WASINN_OK)
        exit((fprintf(stderr, "embed: %s\n", wasinn_host_last_error()), 1));
}

static void check_engine(wasmtime_error_t *error, wasm_trap_t *trap) {
    wasm_byte_vec_t text;
    int code = 1;
    if (!error && !trap)
        return;
    if (error && wasmtime_error_exit_status(error, &code))
        exit(code);
    error ? wasmtime_error_message(error, &text) : wasm_trap_message(trap, &text);
    exit((fprintf(stderr, "embed: %.*s\n", (int)text.size, text.data), 1));
}

int main(int argc, char **argv) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    static char wasm[16 << 20];
    char *path = argc == 3 ? strchr(argv[2], '=') : NULL;
    FILE *file = path ? fopen(argv[1], "rb") : NULL;
    if (!file)
        exit((fprintf(stderr, "usage: embed GUEST.wasm NAME=MODEL.xml\n"), 2));
    size_t size = fread(wasm, 1, sizeof wasm, file);
    *path++ = '\0';

    wasinn_host *host;
    wasinn_wasmtime *glue;
    wasm_engine_t *engine = wasm_engine_new();
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    check(wasinn_host_new(&host));
    check(wasinn_host_add_model(host, argv[2], path, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU));
    check(wasinn_wasmtime_new(host, &api, &glue));
    check(wasinn_wasmtime_define(glue, linker));
    check_engine(wasmtime_linker_define_wasi(linker), NULL);

    wasmtime_module_t *module;
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasi_config_t *wasi = wasi_config_new();
    wasi_config_set_argv(wasi, 2, (const char *[]){argv[1], argv[2]});
    wasi_config_inherit_stdout(wasi);
    check_engine(wasmtime_context_set_wasi(wasmtime_store_context(store), wasi), NULL);
    check_engine(wasmtime_module_new(engine, (uint8_t *)wasm, size, &module), NULL);

    wasmtime_func_t start;
    wasm_trap_t *trap = NULL;
    check_engine(wasmtime_linker_module(linker, wasmtime_store_context(store), "", 0, module), NULL);
    check_engine(wasmtime_linker_get_default(linker, wasmtime_store_context(store), "", 0, &start), NULL);
    check_engine(wasmtime_func_call(wasmtime_store_context(store), &start, NULL, 0, NULL, 0, &trap), trap);

    wasmtime_store_delete(store); /* and with it the guest, on whatever thread */
    wasmtime_module_delete(module);
    wasmtime_linker_delete(linker);
    wasinn_wasmtime_free(glue);
    wasinn_host_free(host);
    wasm_engine_delete(engine);
    return 0;
}
