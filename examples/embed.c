/* The smallest host: runs a WASI guest that finds a model by its name. With wasinn installed:
 *
 *     cc -o embed embed.c -I$WASMTIME/include $(pkg-config --cflags --libs wasinn-wasmtime) \
 *         -L$WASMTIME/lib -Wl,-rpath,$WASMTIME/lib -lwasmtime */
#include "wasinn/wasmtime.h"
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program where Wasmtime or the guest failed, and where the guest called exit. */
static void check(wasmtime_error_t *error, wasm_trap_t **trap) {
    wasm_byte_vec_t text;
    int code;
    if (!error && (!trap || !*trap))
        return;
    if (error && wasmtime_error_exit_status(error, &code))
        exit(code);
    error ? wasmtime_error_message(error, &text) : wasm_trap_message(*trap, &text);
    errx(1, "%.*s", (int)text.size, text.data);
}

int main(int argc, char **argv) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    static uint8_t wasm[16 << 20];
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    if (!file)
        errx(2, "wanted a guest that can be read: embed GUEST.wasm NAME MODEL.xml");

    wasm_engine_t *engine = wasm_engine_new();
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    wasinn_host *host;
    wasinn_wasmtime *glue;
    if (wasinn_host_new(&host) ||
        wasinn_host_add_model(host, argv[2], argv[3], WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU) ||
        wasinn_wasmtime_new(host, &api, &glue) || wasinn_wasmtime_define(glue, linker))
        errx(1, "%s", wasinn_host_last_error());
    check(wasmtime_linker_define_wasi(linker), NULL);
    wasmtime_module_t *module;
    wasmtime_func_t start;
    wasm_trap_t *trap = NULL;
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasi_config_t *wasi = wasi_config_new();
    wasi_config_inherit_stdout(wasi);
    wasi_config_inherit_stderr(wasi);
    check(wasmtime_context_set_wasi(context, wasi), NULL);
    check(wasmtime_module_new(engine, wasm, fread(wasm, 1, sizeof wasm, file), &module), NULL);
    check(wasmtime_linker_module(linker, context, "", 0, module), NULL);
    check(wasmtime_linker_get_default(linker, context, "", 0, &start), NULL);
    check(wasmtime_func_call(context, &start, NULL, 0, NULL, 0, &trap), &trap);

    wasmtime_store_delete(store); /* and with it the guest, on whatever thread */
    wasmtime_module_delete(module);
    wasmtime_linker_delete(linker);
    wasinn_wasmtime_free(glue);
    wasinn_host_free(host);
    wasm_engine_delete(engine);
    return 0;
}
