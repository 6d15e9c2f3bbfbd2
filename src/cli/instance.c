#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* What a deep recursion may put on stderr. */
enum { TRAP_FRAMES = 16 };

typedef wasinn__run_options options;

/* ---- Its rights --------------------------------------------------------------------------------- */

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
            problem = "cannot be opened";
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

int wasinn__instance_open(wasinn__instance *instance, const wasinn__program *program) {
    *instance = (wasinn__instance){.program = program};
    instance->store = wasmtime_store_new(program->engine, instance, NULL);
    wasmtime_context_t *context = wasmtime_store_context(instance->store);
    wasmtime_context_set_epoch_deadline(context, 1);
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
}

/* ---- What came of it ---------------------------------------------------------------------------- */

/* Wasmtime's text has the way through the guest first and the reason last; a reader wants it first. */
static int refuse_trap(const char *path, wasm_byte_vec_t *text, wasm_frame_vec_t *frames) {
    static const char marker[] = "Caused by:";
    char *whole = wasinn__checked(strndup(text->data, text->size));
    const char *reason = whole, *caused;
    while ((caused = strstr(reason, marker)))
        reason = caused + strlen(marker);
    wasinn__fail(WASINN__EXIT_TRAP, "guest '%s' trapped: %s", path, reason + strspn(reason, " \n"));
    for (size_t i = 0; i < frames->size && i < TRAP_FRAMES; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(frames->data[i]);
        char shown[256];
        if (name)
            fprintf(stderr, "    in %s\n", wasinn_escape(name->data, name->size, shown, sizeof shown));
        else
            fprintf(stderr, "    in function %u\n", wasm_frame_func_index(frames->data[i]));
    }
    free(whole);
    wasm_byte_vec_delete(text);
    wasm_frame_vec_delete(frames);
    return WASINN__EXIT_TRAP;
}

/* An error after the guest has begun: a trap that a host function made. */
static int outcome_of_error(const char *path, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    wasm_frame_vec_t frames;
    wasmtime_error_message(error, &text);
    wasmtime_error_wasm_trace(error, &frames);
    int code = refuse_trap(path, &text, &frames);
    wasmtime_error_delete(error);
    return code;
}

static int outcome_of_trap(const char *path, wasm_trap_t *trap) {
    wasmtime_trap_code_t reason;
    wasm_byte_vec_t text;
    wasm_frame_vec_t frames;
    int code = WASINN__EXIT_TIMEOUT;
    /* Nothing but --timeout moves the epoch. */
    if (!wasmtime_trap_code(trap, &reason) || reason != WASMTIME_TRAP_CODE_INTERRUPT) {
        wasm_trap_message(trap, &text);
        wasm_trap_trace(trap, &frames);
        code = refuse_trap(path, &text, &frames);
    }
    wasm_trap_delete(trap);
    return code;
}

/* Whether an error came from within the guest's code. */
static bool has_begun(const wasmtime_error_t *error) {
    wasm_frame_vec_t frames;
    wasmtime_error_wasm_trace(error, &frames);
    bool begun = frames.size > 0;
    wasm_frame_vec_delete(&frames);
    return begun;
}

/* ---- Running ------------------------------------------------------------------------------------ */

wasm_trap_t *wasinn__instance_exit(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                   size_t count) {
    wasinn__instance *instance = wasmtime_context_get_data(wasmtime_caller_context(caller));
    (void)env, (void)count;
    instance->exited = true;
    instance->exit_code = values[0].i32 & 0xFF;
    return wasmtime_trap_new("exit", 4);
}

int wasinn__instance_run(wasinn__instance *instance) {
    const options *options = instance->program->options;
    wasmtime_context_t *context = wasmtime_store_context(instance->store);
    wasmtime_instance_t linked;
    wasmtime_extern_t entry;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_instance_pre_instantiate(instance->program->linked, context, &linked, &trap);
    if (error && !has_begun(error))
        return wasinn__refuse_error(options->guest, "cannot be linked", error);
    if (!error && !trap) {
        if (!wasmtime_instance_export_get(context, &linked, "_start", 6, &entry) ||
            entry.kind != WASMTIME_EXTERN_FUNC)
            return wasinn__fail(WASINN__EXIT_NOT_STARTED,
                                "guest '%s': exports no function _start: not a WASI command", options->guest);
        error = wasmtime_func_call(context, &entry.of.func, NULL, 0, NULL, 0, &trap);
        if (error && !has_begun(error))
            return wasinn__refuse_error(options->guest, "its _start cannot be called", error);
    }
    if (instance->exited) {
        if (error)
            wasmtime_error_delete(error);
        if (trap)
            wasm_trap_delete(trap);
        return instance->exit_code;
    }
    if (error)
        return outcome_of_error(options->guest, error);
    return trap ? outcome_of_trap(options->guest, trap) : WASINN__EXIT_OK;
}
