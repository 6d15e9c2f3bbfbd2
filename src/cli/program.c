#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "file.h"
#include "instance.h"
#include "module.h"

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

/* What there is to know of a module before it is linked. */
typedef struct facts {
    uint64_t memory_bytes; /* to begin with */
    bool plain_memory;     /* 32-bit, and not shared */
    bool reads_or_writes;  /* imports fd_read or its like */
} facts;

static bool is(const wasm_name_t *name, const char *text) {
    return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

/* Of the memory by the name that WASI looks for. */
static void look_at_exports(const wasmtime_module_t *module, facts *facts) {
    wasm_exporttype_vec_t exports;
    wasmtime_module_exports(module, &exports);
    for (size_t i = 0; i < exports.size; i++) {
        const wasm_memorytype_t *type =
            wasm_externtype_as_memorytype_const(wasm_exporttype_type(exports.data[i]));
        if (type && is(wasm_exporttype_name(exports.data[i]), "memory")) {
            facts->memory_bytes = wasmtime_memorytype_minimum(type) * wasmtime_memorytype_page_size(type);
            facts->plain_memory = !wasmtime_memorytype_is64(type) && !wasmtime_memorytype_isshared(type);
        }
    }
    wasm_exporttype_vec_delete(&exports);
}

static void look_at_imports(const wasmtime_module_t *module, facts *facts) {
    wasm_importtype_vec_t imports;
    wasmtime_module_imports(module, &imports);
    for (size_t i = 0; i < imports.size; i++) {
        const wasm_name_t *name = wasm_importtype_name(imports.data[i]);
        if (is(name, "fd_read") || is(name, "fd_pread") || is(name, "fd_write") || is(name, "fd_pwrite"))
            facts->reads_or_writes = true;
    }
    wasm_importtype_vec_delete(&imports);
}

/* They go through a memory of the guest's own; one with another kind of memory does without. */
static int define_short_io(wasinn__program *program, const wasinn__compiler *compiler) {
    wasinn_blob wasm = wasinn_wasmtime_short_io_wasm();
    wasmtime_module_t *module;
    bool cached;
    wasmtime_error_t *error =
        wasinn__module_make(compiler, "short reads and writes", &wasm, &module, &cached);
    if (error)
        return wasinn__refuse_error(program->options->guest, "short reads and writes", error);
    if (wasinn_wasmtime_define_short_io_module(program->glue, program->linker, module) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    return WASINN__EXIT_OK;
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

static int link_guest(wasinn__program *program, const wasinn__compiler *compiler) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    const char *path = program->options->guest;
    uint64_t began = wasinn__stats_begin(program->stats, WASINN__PHASE_LINK);
    facts facts = {0};
    int code = WASINN__EXIT_OK;
    look_at_exports(program->module, &facts);
    look_at_imports(program->module, &facts);
    program->memory_bytes = facts.memory_bytes;
    program->linker = wasmtime_linker_new(program->engine);
    wasmtime_error_t *error = define_wasi(program);
    if (error)
        return wasinn__refuse_error(path, "WASI", error);
    if (wasinn_wasmtime_new(program->host, &api, &program->glue) != WASINN_OK ||
        wasinn_wasmtime_define(program->glue, program->linker) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    if (facts.plain_memory && facts.reads_or_writes)
        code = define_short_io(program, compiler);
    if (code != WASINN__EXIT_OK)
        return code;
    error = wasmtime_linker_instantiate_pre(program->linker, program->module, &program->linked);
    wasinn__stats_end(program->stats, WASINN__PHASE_LINK, began, "");
    return error ? wasinn__refuse_error(path, "cannot be linked", error) : WASINN__EXIT_OK;
}

/* ---- The whole ---------------------------------------------------------------------------------- */

int wasinn__program_read(wasinn__program *program, const wasinn__run_options *options, wasinn__stats *stats) {
    uint64_t began = wasinn__stats_begin(stats, WASINN__PHASE_PREPARE);
    *program = (wasinn__program){.options = options, .stats = stats};
    int code = read_guest(options->guest, &program->wasm, &program->wasm_size);
    wasinn__stats_end(stats, WASINN__PHASE_PREPARE, began, "");
    return code;
}

int wasinn__program_make(wasinn__program *program, wasinn_host *host, wasinn_cache *cache) {
    const wasinn__run_options *options = program->options;
    uint64_t began = wasinn__stats_begin(program->stats, WASINN__PHASE_ENGINE);
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, options->timeout_ms != 0);
    program->host = host;
    program->engine = wasm_engine_new_with_config(config);
    wasinn__stats_end(program->stats, WASINN__PHASE_ENGINE, began, "");
    began = wasinn__stats_begin(program->stats, WASINN__PHASE_MODULE);
    wasinn__compiler compiler = {program->engine, options->timeout_ms ? "epochs" : "", cache};
    wasinn_blob wasm = {program->wasm, program->wasm_size};
    wasmtime_error_t *error =
        wasinn__module_make(&compiler, options->guest, &wasm, &program->module, &program->module_cached);
    wasinn__stats_end(program->stats, WASINN__PHASE_MODULE, began,
                      program->module_cached ? "cached" : "compiled");
    free(program->wasm);
    program->wasm = NULL;
    if (error)
        return wasinn__refuse_error(options->guest, "not valid WebAssembly", error);
    return link_guest(program, &compiler);
}

void wasinn__program_free(wasinn__program *program) {
    free(program->wasm);
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
