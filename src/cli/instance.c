#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* What a deep recursion may put on stderr. */
enum { TRAP_FRAMES = 16 };

typedef wasinn__run_options options;

static _Thread_local const wasinn__instance *current;

/* ---- Its rights --------------------------------------------------------------------------------- */

/* Wasmtime does not tell. */
static const char *why_not_opened(const char *folder) {
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return strerror(errno);
    close(opened);
    return "cannot be opened";
}

static int set_up_folders(wasi_config_t *wasi, const options *options) {
    for (size_t i = 0; i < options->folder_count; i++) {
        const wasinn__folder *one = &options->folders[i];
        struct stat information;
        const char *problem = NULL;
        if (stat(one->host, &information) != 0)
            problem = strerror(errno);
        else if (!S_ISDIR(information.st_mode))
            problem = "not a folder";
        else if (!wasi_config_preopen_dir(wasi, one->host, one->guest, one->writable))
            problem = why_not_opened(one->host);
        if (problem)
            return wasinn__fail(WASINN__EXIT_NOT_STARTED, "folder '%s' for the guest's '%s': %s", one->host,
                                one->guest, problem);
    }
    return WASINN__EXIT_OK;
}

static int set_up_wasi(wasinn__instance *instance, const options *options) {
    wasi_config_t *wasi = wasi_config_new();
    wasi_config_inherit_stdin(wasi);
    wasi_config_inherit_stdout(wasi);
    wasi_config_inherit_stderr(wasi);
    int code = WASINN__EXIT_OK;
    if (!wasi_config_set_argv(wasi, options->argument_count, options->arguments))
        code = wasinn__fail(WASINN__EXIT_USAGE, "an argument for the guest is not UTF-8");
    else if (!wasi_config_set_env(wasi, options->variable_count, options->names, options->values))
        code = wasinn__fail(WASINN__EXIT_USAGE, "a variable for the guest is not UTF-8");
    else
        code = set_up_folders(wasi, options);
    if (code != WASINN__EXIT_OK) {
        wasi_config_delete(wasi);
        return code;
    }
    wasmtime_error_t *error = wasmtime_context_set_wasi(wasmtime_store_context(instance->store), wasi);
    return error ? wasinn__refuse_error(options->guest, "WASI", error) : WASINN__EXIT_OK;
}

/* Others' time may be over, too: the epoch is that of all. */
static wasmtime_error_t *epoch_moved(const wasmtime_context_t *context, void *data, uint64_t *delta,
                                     wasmtime_update_deadline_kind_t *kind) {
    wasinn__instance *instance = data;
    (void)context;
    if (atomic_load(&instance->overdue)) {
        instance->ended_by_epoch = true;
        return wasmtime_error_new("--timeout passed");
    }
    *delta = 1;
    *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    return NULL;
}

static void name(wasinn__instance *instance, unsigned number, unsigned run) {
    const options *options = instance->program->options;
    char *prefix = instance->prefix;
    size_t capacity = sizeof instance->prefix;
    if (options->instances > 1 && options->repeat > 1)
        snprintf(prefix, capacity, "guest %u, run %u: ", number, run);
    else if (options->instances > 1)
        snprintf(prefix, capacity, "guest %u: ", number);
    else if (options->repeat > 1)
        snprintf(prefix, capacity, "run %u: ", run);
}

int wasinn__instance_open(wasinn__instance *instance, const wasinn__program *program, unsigned number,
                          unsigned run) {
    wasinn__stats_guest(program->stats, number);
    *instance = (wasinn__instance){.program = program,
                                   .began = wasinn__stats_begin(program->stats, WASINN__PHASE_INSTANTIATE)};
    name(instance, number, run);
    current = instance;
    instance->store = wasmtime_store_new(program->engine, instance, NULL);
    wasmtime_context_t *context = wasmtime_store_context(instance->store);
    if (program->options->timeout_ms > 0) {
        wasmtime_context_set_epoch_deadline(context, 1);
        wasmtime_store_epoch_deadline_callback(instance->store, epoch_moved, instance, NULL);
    }
    int code = set_up_wasi(instance, program->options);
    if (code == WASINN__EXIT_OK &&
        wasinn_wasmtime_guest(program->glue, context, &instance->guest) != WASINN_OK)
        code = wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    return code;
}

void wasinn__instance_close(wasinn__instance *instance) {
    if (instance->store)
        wasmtime_store_delete(instance->store);
    instance->store = NULL;
    current = NULL;
}

const wasinn__instance *wasinn__instance_current(void) {
    return current;
}

/* ---- What came of it ---------------------------------------------------------------------------- */

void wasinn__instance_print_timeout(const wasinn__instance *instance) {
    wasinn__fail(0, "%sthe guest was ended: --timeout of %g s", instance->prefix,
                 (double)instance->program->options->timeout_ms / 1000);
}

/* Wasmtime's text has the way through the guest first and the reason last; a reader wants it first. */
static int print_trap(const wasinn__instance *instance, wasm_byte_vec_t *text, wasm_frame_vec_t *frames) {
    static const char marker[] = "Caused by:";
    char *whole = wasinn__checked(strndup(text->data, text->size));
    const char *reason = whole, *caused;
    while ((caused = strstr(reason, marker)))
        reason = caused + strlen(marker);
    flockfile(stderr);
    wasinn__fail(0, "%sguest '%s' trapped: %s", instance->prefix, instance->program->options->guest,
                 reason + strspn(reason, " \n"));
    for (size_t i = 0; i < frames->size && i < TRAP_FRAMES; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(frames->data[i]);
        char shown[256];
        if (name)
            fprintf(stderr, "    in %s\n", wasinn_escape(name->data, name->size, shown, sizeof shown));
        else
            fprintf(stderr, "    in function %u\n", wasm_frame_func_index(frames->data[i]));
    }
    funlockfile(stderr);
    free(whole);
    wasm_byte_vec_delete(text);
    wasm_frame_vec_delete(frames);
    return WASINN__EXIT_TRAP;
}

static int code_of_error(const wasinn__instance *instance, const wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    wasm_frame_vec_t frames;
    wasmtime_error_message(error, &text);
    wasmtime_error_wasm_trace(error, &frames);
    return print_trap(instance, &text, &frames);
}

static int code_of_trap(const wasinn__instance *instance, const wasm_trap_t *trap) {
    wasm_byte_vec_t text;
    wasm_frame_vec_t frames;
    wasm_trap_message(trap, &text);
    wasm_trap_trace(trap, &frames);
    return print_trap(instance, &text, &frames);
}

/* Takes what Wasmtime says of code of the guest's that did not return. */
static void end(wasinn__instance *instance, wasmtime_error_t *error, wasm_trap_t *trap) {
    instance->ended = true;
    if (instance->ended_by_epoch) {
        instance->code = WASINN__EXIT_TIMEOUT;
    } else if (!instance->exited) {
        instance->code = error ? code_of_error(instance, error) : code_of_trap(instance, trap);
    }
    if (error)
        wasmtime_error_delete(error);
    if (trap)
        wasm_trap_delete(trap);
}

/* Whether an error came from within the guest's code. */
static bool has_begun(const wasinn__instance *instance, const wasmtime_error_t *error) {
    wasm_frame_vec_t frames;
    wasmtime_error_wasm_trace(error, &frames);
    bool begun = frames.size > 0 || instance->exited || instance->ended_by_epoch;
    wasm_frame_vec_delete(&frames);
    return begun;
}

/* ---- Running ------------------------------------------------------------------------------------ */

wasm_trap_t *wasinn__instance_exit(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                   size_t count) {
    wasinn__instance *instance = wasmtime_context_get_data(wasmtime_caller_context(caller));
    (void)env, (void)count;
    instance->exited = true;
    instance->code = values[0].i32 & 0xFF;
    return wasmtime_trap_new("exit", 4);
}

/* Takes the guest's entry, or says why it has none. */
static int find_entry(wasinn__instance *instance) {
    wasmtime_context_t *context = wasmtime_store_context(instance->store);
    const char *path = instance->program->options->guest;
    wasmtime_extern_t entry;
    if (!wasmtime_instance_export_get(context, &instance->linked, "_start", 6, &entry) ||
        entry.kind != WASMTIME_EXTERN_FUNC)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED,
                            "guest '%s': exports no function _start: not a WASI command", path);
    wasm_functype_t *type = wasmtime_func_type(context, &entry.of.func);
    bool plain = wasm_functype_params(type)->size == 0 && wasm_functype_results(type)->size == 0;
    wasm_functype_delete(type);
    if (!plain)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED,
                            "guest '%s': its _start cannot be called: it has parameters or results", path);
    instance->entry = entry.of.func;
    return WASINN__EXIT_OK;
}

int wasinn__instance_link(wasinn__instance *instance) {
    wasmtime_context_t *context = wasmtime_store_context(instance->store);
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_instance_pre_instantiate(instance->program->linked, context, &instance->linked, &trap);
    wasinn__stats_end(instance->program->stats, WASINN__PHASE_INSTANTIATE, instance->began, "");
    if (error && !has_begun(instance, error))
        return wasinn__refuse_error(instance->program->options->guest, "cannot be started", error);
    if (!error && !trap)
        return find_entry(instance);
    end(instance, error, trap);
    return WASINN__EXIT_OK;
}

int wasinn__instance_run(wasinn__instance *instance) {
    wasinn__stats *stats = instance->program->stats;
    wasmtime_context_t *context = wasmtime_store_context(instance->store);
    wasm_trap_t *trap = NULL;
    if (instance->ended)
        return instance->code;
    uint64_t began = wasinn__stats_begin(stats, WASINN__PHASE_GUEST);
    wasmtime_error_t *error = wasmtime_func_call(context, &instance->entry, NULL, 0, NULL, 0, &trap);
    wasinn__stats_end(stats, WASINN__PHASE_GUEST, began, "");
    if (error || trap)
        end(instance, error, trap);
    return instance->code;
}
