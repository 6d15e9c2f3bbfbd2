/* What this build makes of a model or guest. */
#include <stdlib.h>
#include <string.h>

#include <wasmtime.h>

#include "cli/cli.h"
#include "subject.h"
#include "wasinn/engine.h"

/* ---- A model ------------------------------------------------------------------------------------- */

static bool serves(const wasinn_backend_info *info, wasinn_encoding encoding) {
    for (size_t i = 0; i < info->encoding_count; i++)
        if (info->encodings[i] == encoding)
            return true;
    return false;
}

/* What a model of OpenVINO asks for that its devices, or wasi-nn for core modules, do not have. */
static void judge_inputs(struct wasinn__subject *subject) {
    struct wasinn__model_facts *model = &subject->model;
    for (size_t i = 0; i < model->port_counts[WASINN_INPUT]; i++) {
        const struct wasinn__model_port *port = &model->ports[WASINN_INPUT][i];
        if (port->rank == WASINN_DYNAMIC_RANK && !subject->verdict.reason[0])
            snprintf(subject->verdict.reason, sizeof subject->verdict.reason,
                     "input %zu is of any rank, which OpenVINO's devices do not take", i);
        if (port->type == WASINN_TYPE_BF16 || port->type == WASINN_TYPE_U16 ||
            port->type == WASINN_TYPE_I16 || port->type == WASINN_TYPE_OTHER) {
            wasinn__facts_note(model, "input %zu is %s, which a guest cannot set: wasi-nn has no such type",
                               i, port->type_text ? port->type_text : wasinn_type_name(port->type));
            return;
        }
    }
}

void wasinn__judge_model(struct wasinn__subject *subject) {
    struct wasinn__verdict *verdict = &subject->verdict;
    wasinn_backend_info info;
    wasinn_host *host;
    if (wasinn_host_new(&host) != WASINN_OK) {
        snprintf(verdict->reason, sizeof verdict->reason, "%s", wasinn_host_last_error());
        return;
    }
    bool known = false;
    for (size_t i = 0; !known && wasinn_host_backend_info(host, i, &info, sizeof info) == WASINN_OK; i++)
        known = serves(&info, subject->model.encoding);
    if (!known) {
        snprintf(verdict->reason, sizeof verdict->reason, "this build has no backend for the encoding %s",
                 wasinn_encoding_name(subject->model.encoding));
    } else if (!info.version) {
        snprintf(verdict->reason, sizeof verdict->reason, "%s", info.problem);
    } else {
        snprintf(verdict->backend, sizeof verdict->backend, "%s %s", info.name, info.version);
        snprintf(verdict->reason, sizeof verdict->reason, "%s", subject->warning);
        judge_inputs(subject);
        verdict->served = !verdict->reason[0];
    }
    wasinn_host_free(host);
}

bool wasinn__port_size(const struct wasinn__model_port *port, uint64_t *bytes) {
    *bytes = wasinn_type_size(port->type);
    if (*bytes == 0 || port->rank == WASINN_DYNAMIC_RANK)
        return false;
    for (uint32_t i = 0; i < port->rank; i++)
        if (port->dims[i] < 0 || __builtin_mul_overflow(*bytes, (uint64_t)port->dims[i], bytes))
            return false;
    return true;
}

/* ---- A guest ------------------------------------------------------------------------------------- */

/* The last version of wasi-nn's ABIs, by the module that a guest imports. */
static const char *abi_of(const struct wasinn__guest_import *import) {
    static const char *const specified[] = {"load",      "load_by_name", "init_execution_context",
                                            "set_input", "compute",      "get_output"};
    static const char *const of_wasmedge[] = {
        "load_by_name_with_config",   "compute_single",    "fini_single",
        "finalize_execution_context", "get_output_single", "unload"};
    if (strcmp(import->module, "wasi_ephemeral_nn") == 0) {
        for (size_t i = 0; i < sizeof specified / sizeof *specified; i++)
            if (strcmp(import->name, specified[i]) == 0)
                return "wasi-nn for core modules (witx)";
        for (size_t i = 0; i < sizeof of_wasmedge / sizeof *of_wasmedge; i++)
            if (strcmp(import->name, of_wasmedge[i]) == 0)
                return "additions of WasmEdge to wasi-nn for core modules";
        return "functions that no wasi-nn is known to have";
    }
    if (strcmp(import->module, "wasi_nn") == 0)
        return "WAMR's older wasi-nn";
    if (strcmp(import->module, "wasinn") == 0)
        return "additions of wasinn";
    if (strncmp(import->module, "wasi:nn/", 8) == 0)
        return "wasi-nn for components (WIT)";
    return NULL;
}

static const wasinn_import *find_row(const struct wasinn__guest_import *import) {
    const wasinn_import *row;
    for (size_t i = 0; (row = wasinn_import_at(i)); i++)
        if (strcmp(row->module, import->module) == 0 && strcmp(row->name, import->name) == 0)
            return row;
    return NULL;
}

static void judge_nn_import(const struct wasinn__guest_import *import,
                            struct wasinn__import_verdict *verdict) {
    const wasinn_import *row = find_row(import);
    if (!row)
        snprintf(verdict->reason, sizeof verdict->reason, "not in this build");
    else if (!import->function)
        snprintf(verdict->reason, sizeof verdict->reason, "a %s; this build has a function", import->kind);
    else if (strcmp(import->function, row->signature) != 0)
        snprintf(verdict->reason, sizeof verdict->reason, "this build has it as %s", row->signature);
    else
        verdict->served = true;
}

/* What `wasinn run` offers besides wasi-nn is what Wasmtime defines for WASI. */
static void judge_other_import(const struct wasinn__guest_import *import,
                               struct wasinn__import_verdict *verdict, wasmtime_linker_t *linker,
                               wasmtime_context_t *context) {
    wasmtime_extern_t found;
    verdict->served = wasmtime_linker_get(linker, context, import->module, strlen(import->module),
                                          import->name, strlen(import->name), &found);
    if (verdict->served)
        wasmtime_extern_delete(&found);
    else
        snprintf(verdict->reason, sizeof verdict->reason, "`wasinn run` offers none of this name");
}

static void judge_imports(struct wasinn__subject *subject, wasm_engine_t *engine) {
    const struct wasinn__guest_facts *guest = &subject->guest;
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_error_t *error = wasmtime_linker_define_wasi(linker);
    if (error)
        wasmtime_error_delete(error);
    subject->imports = wasinn__checked(calloc(guest->import_count + 1, sizeof *subject->imports));
    for (size_t i = 0; i < guest->import_count; i++) {
        struct wasinn__import_verdict *verdict = &subject->imports[i];
        verdict->abi = abi_of(&guest->imports[i]);
        if (guest->component)
            snprintf(verdict->reason, sizeof verdict->reason, "this version runs core modules only");
        else if (verdict->abi)
            judge_nn_import(&guest->imports[i], verdict);
        else
            judge_other_import(&guest->imports[i], verdict, linker, wasmtime_store_context(store));
    }
    wasmtime_store_delete(store);
    wasmtime_linker_delete(linker);
}

static void conclude(struct wasinn__subject *subject) {
    struct wasinn__verdict *verdict = &subject->verdict;
    const struct wasinn__guest_facts *guest = &subject->guest;
    size_t missing = 0, first = 0;
    bool uses_nn = false;
    for (size_t i = guest->import_count; i-- > 0;) {
        uses_nn = uses_nn || subject->imports[i].abi;
        if (!subject->imports[i].served) {
            missing++;
            first = i;
        }
    }
    if (guest->component)
        snprintf(verdict->reason, sizeof verdict->reason, "a component; this version runs core modules only");
    else if (missing == 1)
        snprintf(verdict->reason, sizeof verdict->reason, "its import %.100s.%.100s: %s",
                 guest->imports[first].module, guest->imports[first].name, subject->imports[first].reason);
    else if (missing > 1)
        snprintf(verdict->reason, sizeof verdict->reason,
                 "%zu of its imports are not served, such as %.100s.%.100s: %s", missing,
                 guest->imports[first].module, guest->imports[first].name, subject->imports[first].reason);
    else if (!guest->has_start)
        snprintf(verdict->reason, sizeof verdict->reason,
                 "it exports no function _start without parameters and results: not a WASI command");
    else if (uses_nn && (!guest->exports_memory || guest->memory_shared || guest->memory_64))
        snprintf(verdict->reason, sizeof verdict->reason,
                 "wasi-nn needs a memory of 32 bits, not shared, that is "
                 "exported as \"memory\"");
    verdict->served = !verdict->reason[0];
}

/* Wasmtime wants the whole; what is larger than anybody's guest is not looked into. */
static bool validate(wasm_engine_t *engine, struct wasinn__reader *reader, char *problem) {
    enum { MOST = 256 << 20, STEP = 1 << 16 };
    uint64_t size = wasinn__reader_size(reader);
    if (size > MOST) {
        snprintf(problem, WASINN__FILE_PROBLEM, "WebAssembly of %llu bytes; at most %d are looked into",
                 (unsigned long long)size, MOST);
        return false;
    }
    uint8_t *bytes = wasinn__checked(malloc((size_t)size));
    for (size_t at = 0, step; at < size; at += step) {
        step = size - at < STEP ? (size_t)size - at : STEP;
        const uint8_t *part = wasinn__reader_at(reader, at, step);
        if (!part) {
            snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read, or has become shorter");
            free(bytes);
            return false;
        }
        memcpy(bytes + at, part, step);
    }
    wasmtime_error_t *error = wasmtime_module_validate(engine, bytes, (size_t)size);
    free(bytes);
    if (!error)
        return true;
    wasm_byte_vec_t text;
    wasmtime_error_message(error, &text);
    snprintf(problem, WASINN__FILE_PROBLEM, "not valid WebAssembly: %.*s", (int)text.size, text.data);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
    return false;
}

bool wasinn__judge_guest(struct wasinn__subject *subject, struct wasinn__reader *reader, char *problem) {
    wasm_engine_t *engine = wasm_engine_new();
    bool valid = subject->guest.component || validate(engine, reader, problem);
    if (valid) {
        judge_imports(subject, engine);
        conclude(subject);
    }
    wasm_engine_delete(engine);
    return valid;
}
