#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "file.h"
#include "instance.h"

/* ---- The guest's file --------------------------------------------------------------------------- */

static int refuse_file(const char *path, const char *why) {
    return wasinn__fail(WASINN__EXIT_NOT_STARTED, "guest '%s': %s", path, why);
}

/* Wasmtime takes no module beyond this size. */
static const size_t most_bytes = (size_t)1 << 30;

static const char *not_a_module(const uint8_t *bytes, size_t size) {
    static const uint8_t module[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    static const uint8_t component[] = {0, 'a', 's', 'm', 0x0D, 0, 1, 0};
    if (size == 0)
        return "the file is empty";
    if (size >= sizeof component && memcmp(bytes, component, sizeof component) == 0)
        return "a component; this version of wasinn runs core modules only";
    if (size >= 4 && size < sizeof module && memcmp(bytes, module, 4) == 0)
        return "not valid WebAssembly: it ends within its first 8 bytes";
    if (size < sizeof module || memcmp(bytes, module, 4) != 0)
        return size > 0 && (bytes[0] == '(' || bytes[0] == ';')
                   ? "WebAssembly's text format, not a binary: convert it with wat2wasm"
                   : "not a WebAssembly file: it does not begin with \\0asm";
    if (memcmp(bytes, module, sizeof module) != 0)
        return "WebAssembly of an unknown version; wanted version 1";
    return NULL;
}

static int read_guest(const char *path, uint8_t **bytes, size_t *size) {
    char text[WASINN__FILE_PROBLEM];
    if (!wasinn__file_read(path, most_bytes, NULL, bytes, size, text))
        return refuse_file(path, text);
    const char *problem = not_a_module(*bytes, *size);
    if (!problem)
        return WASINN__EXIT_OK;
    free(*bytes);
    *bytes = NULL;
    return refuse_file(path, problem);
}

int wasinn__refuse_error(const char *path, const char *what, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    wasmtime_error_message(error, &text);
    int code =
        wasinn__fail(WASINN__EXIT_NOT_STARTED, "guest '%s': %s: %.*s", path, what, (int)text.size, text.data);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
    return code;
}

/* ---- Its imports -------------------------------------------------------------------------------- */

/* What a module says of its memory, by the name that WASI looks for. */
typedef struct memory {
    uint64_t bytes; /* to begin with */
    bool plain;     /* 32-bit, and not shared */
} memory;

static memory memory_of(const wasmtime_module_t *module) {
    wasm_exporttype_vec_t exports;
    memory found = {0, false};
    wasmtime_module_exports(module, &exports);
    for (size_t i = 0; i < exports.size; i++) {
        const wasm_name_t *name = wasm_exporttype_name(exports.data[i]);
        const wasm_memorytype_t *type =
            wasm_externtype_as_memorytype_const(wasm_exporttype_type(exports.data[i]));
        if (type && name->size == 6 && memcmp(name->data, "memory", 6) == 0) {
            found.bytes = wasmtime_memorytype_minimum(type) * wasmtime_memorytype_page_size(type);
            found.plain = !wasmtime_memorytype_is64(type) && !wasmtime_memorytype_isshared(type);
        }
    }
    wasm_exporttype_vec_delete(&exports);
    return found;
}

static wasmtime_error_t *define_wasi(wasinn__program *program) {
    wasmtime_error_t *error = wasmtime_linker_define_wasi(program->linker);
    if (error)
        return error;
    wasm_functype_t *type = wasm_functype_new_1_0(wasm_valtype_new(WASM_I32));
    wasmtime_linker_allow_shadowing(program->linker, true);
    error = wasmtime_linker_define_func_unchecked(program->linker, "wasi_snapshot_preview1", 22, "proc_exit",
                                                  9, type, wasinn__instance_exit, NULL, NULL);
    wasm_functype_delete(type);
    return error;
}

static int link_guest(wasinn__program *program) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    const char *path = program->options->guest;
    uint64_t began = wasinn__stats_begin(program->stats, WASINN__PHASE_LINK);
    memory memory = memory_of(program->module);
    program->memory_bytes = memory.bytes;
    program->linker = wasmtime_linker_new(program->engine);
    wasmtime_error_t *error = define_wasi(program);
    if (error)
        return wasinn__refuse_error(path, "WASI", error);
    wasinn_status status = wasinn_wasmtime_new(program->host, &api, &program->glue);
    if (status == WASINN_OK)
        status = wasinn_wasmtime_define(program->glue, program->linker);
    /* They go through a memory of the guest's own; one with another kind of memory does without. */
    if (status == WASINN_OK && memory.plain)
        status = wasinn_wasmtime_define_short_io(program->glue, program->engine, program->linker);
    if (status != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    error = wasmtime_linker_instantiate_pre(program->linker, program->module, &program->linked);
    wasinn__stats_end(program->stats, WASINN__PHASE_LINK, began, "");
    return error ? wasinn__refuse_error(path, "cannot be linked", error) : WASINN__EXIT_OK;
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static int compile(wasinn__program *program, const uint8_t *bytes, size_t size) {
    uint64_t began = wasinn__stats_begin(program->stats, WASINN__PHASE_ENGINE);
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, program->options->timeout_ms != 0);
    program->engine = wasm_engine_new_with_config(config);
    wasinn__stats_end(program->stats, WASINN__PHASE_ENGINE, began, "");
    began = wasinn__stats_begin(program->stats, WASINN__PHASE_MODULE);
    wasmtime_error_t *error = wasmtime_module_new(program->engine, bytes, size, &program->module);
    wasinn__stats_end(program->stats, WASINN__PHASE_MODULE, began, "compiled");
    if (error)
        return wasinn__refuse_error(program->options->guest, "not valid WebAssembly", error);
    return WASINN__EXIT_OK;
}

int wasinn__program_open(wasinn__program *program, const wasinn__run_options *options, wasinn_host *host,
                         wasinn__stats *stats) {
    uint8_t *bytes;
    size_t size;
    uint64_t began = wasinn__stats_begin(stats, WASINN__PHASE_PREPARE);
    *program = (wasinn__program){.options = options, .host = host, .stats = stats};
    int code = read_guest(options->guest, &bytes, &size);
    wasinn__stats_end(stats, WASINN__PHASE_PREPARE, began, "");
    if (code != WASINN__EXIT_OK)
        return code;
    code = compile(program, bytes, size);
    free(bytes);
    return code == WASINN__EXIT_OK ? link_guest(program) : code;
}

void wasinn__program_close(wasinn__program *program) {
    if (program->linked)
        wasmtime_instance_pre_delete(program->linked);
    if (program->module)
        wasmtime_module_delete(program->module);
    if (program->linker)
        wasmtime_linker_delete(program->linker);
    wasinn_wasmtime_free(program->glue);
    if (program->engine)
        wasm_engine_delete(program->engine);
}
