/* What this build makes of a model or guest. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wasmtime.h>

#include "cli/cli.h"
#include "subject.h"
#include "wasinn/engine.h"

/* ---- A model ------------------------------------------------------------------------------------- */

/* Adds to why a model is not served; reasons are joined by "; ". */
__attribute__((format(printf, 2, 3))) static void add_reason(struct wasinn__verdict *verdict,
                                                             const char *format, ...) {
    size_t used = strlen(verdict->reason);
    va_list arguments;
    if (used > 0)
        used += (size_t)snprintf(verdict->reason + used, sizeof verdict->reason - used, "; ");
    if (used >= sizeof verdict->reason)
        return;
    va_start(arguments, format);
    vsnprintf(verdict->reason + used, sizeof verdict->reason - used, format, arguments);
    va_end(arguments);
}

/* An input that is of any rank; false: there is none. */
static bool find_open_rank(const struct wasinn__model_facts *model, size_t *index) {
    for (*index = 0; *index < model->port_counts[WASINN_INPUT]; ++*index)
        if (model->ports[WASINN_INPUT][*index].rank == WASINN_DYNAMIC_RANK)
            return true;
    return false;
}

/* What a model asks for that wasi-nn for core modules does not have. */
static void note_inputs(struct wasinn__model_facts *model) {
    for (size_t i = 0; i < model->port_counts[WASINN_INPUT]; i++) {
        const struct wasinn__model_port *port = &model->ports[WASINN_INPUT][i];
        if (port->type == WASINN_TYPE_OTHER) {
            wasinn__facts_note(model, "input %zu is %s, which a guest cannot set: wasi-nn has no such type",
                               i, port->type_text ? port->type_text : wasinn_type_name(port->type));
            return;
        }
    }
}

/* Whether one backend, which is for the encoding, can be opened, and has what the model asks for. */
static void judge_by(struct wasinn__subject *subject, const wasinn_backend_info *info) {
    struct wasinn__verdict *verdict = &subject->verdict;
    char text[sizeof verdict->backend];
    size_t index;
    if (!info->version) {
        add_reason(verdict, "%s", info->problem);
        return;
    }
    snprintf(text, sizeof text, "%s %s", info->name, info->version);
    if (!verdict->backend[0])
        memcpy(verdict->backend, text, sizeof text);
    if (strcmp(info->name, "openvino") == 0 && find_open_rank(&subject->model, &index))
        add_reason(verdict, "input %zu is of any rank, which OpenVINO's devices do not take", index);
    else if (verdict->backend_count < WASINN__SERVING_BACKENDS)
        memcpy(verdict->backends[verdict->backend_count++], text, sizeof text);
}

static void say_unserved(struct wasinn__verdict *verdict, wasinn_encoding encoding) {
    const char *name = wasinn_encoding_name(encoding);
    if (encoding == WASINN_ENCODING_PYTORCH)
        add_reason(verdict,
                   "this version has no backend for the encoding %s: convert the model to ONNX or OpenVINO "
                   "(docs/models.md)",
                   name);
    else if (encoding == WASINN_ENCODING_GGML)
        add_reason(verdict, "this version has no backend for the encoding %s", name);
    else
        add_reason(verdict, "there is no backend for the encoding %s here: see `wasinn backends`", name);
}

void wasinn__judge_model(struct wasinn__subject *subject) {
    struct wasinn__verdict *verdict = &subject->verdict;
    wasinn_backend_info info;
    wasinn_host *host = NULL;
    bool known = false;
    if (wasinn_host_new(&host) != WASINN_OK ||
        (subject->backend_folders &&
         wasinn_host_set_backend_path(host, subject->backend_folders) != WASINN_OK)) {
        add_reason(verdict, "%s", wasinn_host_last_error());
        wasinn_host_free(host);
        return;
    }
    for (size_t i = 0; wasinn_host_backend_info(host, i, &info, sizeof info) == WASINN_OK; i++)
        if (wasinn__info_serves(&info, subject->model.encoding)) {
            known = true;
            judge_by(subject, &info);
        }
    wasinn_host_free(host);
    if (!known)
        say_unserved(verdict, subject->model.encoding);
    if (verdict->backend_count > 0) {
        snprintf(verdict->reason, sizeof verdict->reason, "%s", subject->warning);
        memcpy(verdict->backend, verdict->backends[0], sizeof verdict->backend);
    }
    if (verdict->backend[0])
        note_inputs(&subject->model);
    verdict->served = !verdict->reason[0];
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

/* As wasinn__guest_import.function has it. */
static void put_types(const wasm_valtype_vec_t *types, char *text, size_t capacity) {
    size_t used = strlen(text);
    for (size_t i = 0; i < types->size && used + 2 < capacity; i++) {
        wasm_valkind_t kind = wasm_valtype_kind(types->data[i]);
        text[used++] = kind == WASM_I32   ? 'i'
                       : kind == WASM_I64 ? 'I'
                       : kind == WASM_F32 ? 'f'
                       : kind == WASM_F64 ? 'F'
                                          : 'r';
    }
    text[used] = '\0';
}

static void describe_function(wasmtime_context_t *context, const wasmtime_func_t *function, char text[64]) {
    wasm_functype_t *type = wasmtime_func_type(context, function);
    strcpy(text, "(");
    put_types(wasm_functype_params(type), text, 62);
    strcat(text, ")");
    put_types(wasm_functype_results(type), text, 64);
    wasm_functype_delete(type);
}

/* What `wasinn run` offers besides wasi-nn is what Wasmtime defines for WASI: functions. */
static void judge_other_import(const struct wasinn__guest_import *import,
                               struct wasinn__import_verdict *verdict, wasmtime_linker_t *linker,
                               wasmtime_context_t *context) {
    wasmtime_extern_t found;
    char type[64] = "";
    if (!wasmtime_linker_get(linker, context, import->module, strlen(import->module), import->name,
                             strlen(import->name), &found)) {
        snprintf(verdict->reason, sizeof verdict->reason, "`wasinn run` offers none of this name");
        return;
    }
    if (found.kind == WASMTIME_EXTERN_FUNC)
        describe_function(context, &found.of.func, type);
    wasmtime_extern_delete(&found);
    verdict->served = import->function && strcmp(import->function, type) == 0;
    if (!verdict->served)
        snprintf(verdict->reason, sizeof verdict->reason, "a %s; `wasinn run` has a function %s",
                 import->kind, type);
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
    else if (guest->memory_shared)
        snprintf(verdict->reason, sizeof verdict->reason,
                 "its memory is shared, which `wasinn run` does not offer");
    else if (uses_nn && (!guest->exports_memory || guest->memory_64))
        snprintf(verdict->reason, sizeof verdict->reason,
                 "wasi-nn needs a memory of 32 bits that is "
                 "exported as \"memory\"");
    verdict->served = !verdict->reason[0];
}

/* All of the file; NULL: `problem` says why. */
static uint8_t *read_whole(struct wasinn__reader *reader, char *problem) {
    enum { MOST = 256 << 20, STEP = 1 << 16 };
    uint64_t size = wasinn__reader_size(reader);
    if (size > MOST) {
        snprintf(problem, WASINN__FILE_PROBLEM, "WebAssembly of %llu bytes; at most %d are looked into",
                 (unsigned long long)size, MOST);
        return NULL;
    }
    uint8_t *bytes = wasinn__checked(malloc((size_t)size));
    for (size_t at = 0, step; at < size; at += step) {
        step = size - at < STEP ? (size_t)size - at : STEP;
        const uint8_t *part = wasinn__reader_at(reader, at, step);
        if (!part) {
            snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read, or has become shorter");
            free(bytes);
            return NULL;
        }
        memcpy(bytes + at, part, step);
    }
    return bytes;
}

/* What Wasmtime finds wrong; "" when it finds nothing. */
static void find_fault(const uint8_t *bytes, size_t size, char *fault) {
    wasm_engine_t *engine = wasm_engine_new();
    wasmtime_error_t *error = wasmtime_module_validate(engine, bytes, size);
    fault[0] = '\0';
    if (error) {
        wasm_byte_vec_t text;
        wasmtime_error_message(error, &text);
        snprintf(fault, WASINN__FILE_PROBLEM, "not valid WebAssembly: %.*s", (int)text.size, text.data);
        wasm_byte_vec_delete(&text);
        wasmtime_error_delete(error);
    }
    wasm_engine_delete(engine);
}

/* Waits for what a child writes, or for the time to be over. */
static bool wait_for_child(int from, pid_t child, char *fault) {
    struct pollfd waiting = {from, POLLIN, 0};
    int ready;
    while ((ready = poll(&waiting, 1, 1000 * WASINN__VALIDATION_SECONDS)) < 0 && errno == EINTR)
        ;
    ssize_t got = ready > 0 ? read(from, fault, WASINN__FILE_PROBLEM) : 0;
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (got == WASINN__FILE_PROBLEM)
        return true;
    if (ready == 0)
        snprintf(fault, WASINN__FILE_PROBLEM,
                 "WebAssembly that takes more than %d s to be validated; it is not looked into",
                 WASINN__VALIDATION_SECONDS);
    else
        snprintf(fault, WASINN__FILE_PROBLEM, "Wasmtime could not validate it, and ended");
    return false;
}

/* Validation has no end that a caller could set, and its time can be far beyond the size: it is a child's. */
static bool validate(struct wasinn__reader *reader, char *problem) {
    int ends[2];
    uint8_t *bytes = read_whole(reader, problem);
    if (!bytes)
        return false;
    pid_t child = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
    if (child == 0) {
        char fault[WASINN__FILE_PROBLEM] = "";
        find_fault(bytes, (size_t)wasinn__reader_size(reader), fault);
        _exit(write(ends[1], fault, sizeof fault) != sizeof fault);
    }
    free(bytes);
    if (child < 0) {
        snprintf(problem, WASINN__FILE_PROBLEM, "no process to validate it: %s", strerror(errno));
        return false;
    }
    close(ends[1]);
    bool answered = wait_for_child(ends[0], child, problem);
    close(ends[0]);
    return answered && !problem[0];
}

bool wasinn__judge_guest(struct wasinn__subject *subject, struct wasinn__reader *reader, char *problem) {
    if (!subject->guest.component && !validate(reader, problem))
        return false;
    wasm_engine_t *engine = wasm_engine_new();
    judge_imports(subject, engine);
    conclude(subject);
    wasm_engine_delete(engine);
    return true;
}
