/* wasinn run: one guest, its folders, its models. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"
#include "run_options.h"
#include "wasinn/wasmtime.h"

/* What a flood of failed calls, or a deep recursion, may put on stderr. */
enum { LOG_LINES = 100, TRAP_FRAMES = 16 };

typedef wasinn__run_options options;

typedef struct session {
    wasinn_host *host;
    wasm_engine_t *engine;
    wasinn_wasmtime *glue;
    wasmtime_linker_t *linker;
    wasmtime_module_t *module;
    wasmtime_store_t *store;
    wasinn_guest *guest; /* the store's */
    int logged;
    bool exited; /* by proc_exit, with this code */
    int exit_code;
} session;

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

/* ---- Setting up --------------------------------------------------------------------------------- */

static int refuse_error(const char *path, const char *what, wasmtime_error_t *error) {
    wasm_byte_vec_t text;
    wasmtime_error_message(error, &text);
    int code =
        wasinn__fail(WASINN__EXIT_NOT_STARTED, "guest '%s': %s: %.*s", path, what, (int)text.size, text.data);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
    return code;
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
            problem = "cannot be opened";
        if (problem)
            return wasinn__fail(WASINN__EXIT_NOT_STARTED, "folder '%s' for the guest's '%s': %s", one->host,
                                one->guest, problem);
    }
    return WASINN__EXIT_OK;
}

static int set_up_wasi(session *session, const options *options) {
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
    wasmtime_error_t *error = wasmtime_context_set_wasi(wasmtime_store_context(session->store), wasi);
    return error ? refuse_error(options->guest, "WASI", error) : WASINN__EXIT_OK;
}

static void log_failure(void *data, const wasinn_guest *guest, const char *line) {
    session *session = data;
    (void)guest;
    if (session->logged < LOG_LINES)
        fprintf(stderr, "wasinn: %s\n", line);
    else if (session->logged == LOG_LINES)
        fprintf(stderr, "wasinn: more than %d wasi-nn calls failed; the rest is not shown\n", LOG_LINES);
    if (session->logged <= LOG_LINES)
        session->logged++;
}

/* Short reads and writes go through a 32-bit memory of the guest's own; others do without. */
static bool wants_short_io(const wasmtime_module_t *module) {
    wasm_exporttype_vec_t exports;
    bool wanted = false;
    wasmtime_module_exports(module, &exports);
    for (size_t i = 0; i < exports.size; i++) {
        const wasm_name_t *name = wasm_exporttype_name(exports.data[i]);
        const wasm_memorytype_t *memory =
            wasm_externtype_as_memorytype_const(wasm_exporttype_type(exports.data[i]));
        if (memory && name->size == 6 && memcmp(name->data, "memory", 6) == 0)
            wanted = !wasmtime_memorytype_is64(memory) && !wasmtime_memorytype_isshared(memory);
    }
    wasm_exporttype_vec_delete(&exports);
    return wanted;
}

/* Wasmtime's own proc_exit refuses codes above 125, which C programs use: exit(-1) is 255. */
static wasm_trap_t *exit_guest(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                               size_t count) {
    session *session = env;
    (void)caller, (void)count;
    session->exited = true;
    session->exit_code = values[0].i32 & 0xFF;
    return wasmtime_trap_new("exit", 4);
}

static wasmtime_error_t *define_exit(session *session) {
    wasm_functype_t *type = wasm_functype_new_1_0(wasm_valtype_new(WASM_I32));
    wasmtime_linker_allow_shadowing(session->linker, true);
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        session->linker, "wasi_snapshot_preview1", 22, "proc_exit", 9, type, exit_guest, session, NULL);
    wasm_functype_delete(type);
    return error;
}

static int set_up_imports(session *session, const options *options) {
    static const wasinn_wasmtime_api api = WASINN_WASMTIME_API;
    wasmtime_context_t *context = wasmtime_store_context(session->store);
    session->linker = wasmtime_linker_new(session->engine);
    wasmtime_error_t *error = wasmtime_linker_define_wasi(session->linker);
    if (!error)
        error = define_exit(session);
    if (error)
        return refuse_error(options->guest, "WASI", error);
    wasinn_status status = wasinn_wasmtime_new(session->host, &api, &session->glue);
    if (status == WASINN_OK)
        status = wasinn_wasmtime_define(session->glue, session->linker);
    if (status == WASINN_OK && wants_short_io(session->module))
        status = wasinn_wasmtime_define_short_io(session->glue, session->engine, session->linker);
    if (status == WASINN_OK)
        status = wasinn_wasmtime_guest(session->glue, context, &session->guest);
    if (status != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    return WASINN__EXIT_OK;
}

static int set_up(session *session, const options *options, const uint8_t *bytes, size_t size) {
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, options->timeout_ms != 0);
    session->engine = wasm_engine_new_with_config(config);
    wasmtime_error_t *error = wasmtime_module_new(session->engine, bytes, size, &session->module);
    if (error)
        return refuse_error(options->guest, "not valid WebAssembly", error);
    session->store = wasmtime_store_new(session->engine, NULL, NULL);
    wasmtime_context_set_epoch_deadline(wasmtime_store_context(session->store), 1);
    if (!options->quiet)
        wasinn_host_set_log(session->host, log_failure, session);
    if (wasinn_host_set_limits(session->host, &options->limits) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    int code = set_up_wasi(session, options);
    return code == WASINN__EXIT_OK ? set_up_imports(session, options) : code;
}

static void tear_down(session *session) {
    if (session->module)
        wasmtime_module_delete(session->module);
    if (session->linker)
        wasmtime_linker_delete(session->linker);
    if (session->store)
        wasmtime_store_delete(session->store);
    wasinn_wasmtime_free(session->glue);
    if (session->engine)
        wasm_engine_delete(session->engine);
    wasinn_host_free(session->host);
}

/* ---- Timeout ------------------------------------------------------------------------------------ */

typedef struct timer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool stop, fired;
    uint64_t milliseconds;
    session *session;
} timer;

/* Locked. True when the guest has finished before the time is over. */
static bool wait_for(timer *timer, uint64_t milliseconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(milliseconds / 1000);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (!timer->stop)
        if (pthread_cond_timedwait(&timer->finished, &timer->lock, &until) == ETIMEDOUT)
            break;
    return timer->stop;
}

static void print_timeout(const timer *timer) {
    wasinn__fail(0, "the guest was ended: --timeout of %g s", (double)timer->milliseconds / 1000);
}

/* WebAssembly code ends at the next loop or call, a compute is cancelled; a guest that waits for input or
 * sleeps in a system call is not reached by either, and goes with the process. */
static void *watch_time(void *data) {
    timer *timer = data;
    pthread_mutex_lock(&timer->lock);
    if (!wait_for(timer, timer->milliseconds)) {
        timer->fired = true;
        wasinn_guest_interrupt(timer->session->guest);
        wasmtime_engine_increment_epoch(timer->session->engine);
        if (!wait_for(timer, 2000)) {
            print_timeout(timer);
            _exit(WASINN__EXIT_TIMEOUT);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

static bool start_timer(timer *timer, session *session, uint64_t milliseconds) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timer->finished, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&timer->lock, NULL);
    timer->session = session;
    timer->milliseconds = milliseconds;
    return pthread_create(&timer->thread, NULL, watch_time, timer) == 0;
}

static void stop_timer(timer *timer) {
    pthread_mutex_lock(&timer->lock);
    timer->stop = true;
    pthread_cond_signal(&timer->finished);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(timer->thread, NULL);
}

/* ---- Running ------------------------------------------------------------------------------------ */

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

static int start(session *session, const options *options) {
    wasmtime_context_t *context = wasmtime_store_context(session->store);
    wasmtime_instance_t instance;
    wasmtime_extern_t entry;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_linker_instantiate(session->linker, context, session->module, &instance, &trap);
    if (error && !has_begun(error))
        return refuse_error(options->guest, "cannot be linked", error);
    if (!error && !trap) {
        if (!wasmtime_instance_export_get(context, &instance, "_start", 6, &entry) ||
            entry.kind != WASMTIME_EXTERN_FUNC)
            return refuse_file(options->guest, "exports no function _start: not a WASI command");
        error = wasmtime_func_call(context, &entry.of.func, NULL, 0, NULL, 0, &trap);
        if (error && !has_begun(error))
            return refuse_error(options->guest, "its _start cannot be called", error);
    }
    if (session->exited) {
        if (error)
            wasmtime_error_delete(error);
        if (trap)
            wasm_trap_delete(trap);
        return session->exit_code;
    }
    if (error)
        return outcome_of_error(options->guest, error);
    return trap ? outcome_of_trap(options->guest, trap) : WASINN__EXIT_OK;
}

static int run(session *session, const options *options) {
    timer timer = {0};
    if (options->timeout_ms == 0)
        return start(session, options);
    if (!start_timer(&timer, session, options->timeout_ms))
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "no thread for --timeout");
    int code = start(session, options);
    stop_timer(&timer);
    if (code == WASINN__EXIT_TIMEOUT && timer.fired)
        print_timeout(&timer);
    return code;
}

int wasinn__run_command(int argc, char **argv) {
    options options = {0};
    session session = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool helped = false;
    if (wasinn_host_new(&session.host) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    int code = wasinn__parse_run(&options, session.host, argc, argv, &helped);
    if (code == WASINN__EXIT_OK && !helped) {
        code = read_guest(options.guest, &bytes, &size);
        if (code == WASINN__EXIT_OK)
            code = set_up(&session, &options, bytes, size);
        if (code == WASINN__EXIT_OK)
            code = run(&session, &options);
    }
    tear_down(&session);
    free(bytes);
    wasinn__free_run(&options);
    return code;
}
