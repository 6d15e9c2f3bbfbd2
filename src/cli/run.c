/* wasinn run: a guest, its folders, its models. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "ahead.h"
#include "cli.h"
#include "instance.h"
#include "program.h"
#include "run_cache.h"
#include "run_options.h"
#include "stats.h"
#include "wasinn/cache.h"
#include "workers.h"

/* What a flood of failed calls may put on stderr. */
enum { LOG_LINES = 100 };
/* What models may hold that a guest has brought and left, for the next one. */
#define KEPT_BYTES ((uint64_t)1 << 30)

static void log_failure(void *data, const wasinn_guest *guest, const char *line) {
    static atomic_int logged;
    int before = atomic_load(&logged);
    (void)data, (void)guest;
    while (before <= LOG_LINES && !atomic_compare_exchange_weak(&logged, &before, before + 1))
        ;
    if (before == LOG_LINES)
        fprintf(stderr, "wasinn: more than %d wasi-nn calls failed; the rest is not shown\n", LOG_LINES);
    if (before >= LOG_LINES)
        return;
    const wasinn__instance *instance = wasinn__instance_current();
    fprintf(stderr, "wasinn: %s%s\n", instance ? instance->prefix : "", line);
}

/* What the options say of the host beyond its models. */
static int set_up_host(wasinn_host *host, const wasinn__run_options *options, wasinn_cache *cache) {
    if (cache)
        wasinn_host_set_cache(host, cache);
    /* There may be no OpenVINO. */
    if (options->instances > 1 && !wasinn__models_sets(&options->models, "openvino", "hint"))
        wasinn_host_set_option(host, "openvino", "hint", "throughput");
    if (options->repeat > 1)
        wasinn_host_set_sharing(host, true, KEPT_BYTES);
    if (!options->quiet)
        wasinn_host_set_log(host, log_failure, NULL);
    if (wasinn_host_set_limits(host, &options->limits) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    return WASINN__EXIT_OK;
}

/* What a run of the command holds. */
typedef struct session {
    wasinn_host *host;
    wasinn_cache *cache;
    wasinn__stats *stats;
    wasinn__workers *workers;
    wasinn__ahead *ahead;
    wasinn__program program;
} session;

/* Only a checker of memory wants all to be given back: it takes the runtimes milliseconds, and one that is
 * still being opened, or a guest that does not come out of a system call, may take any time. The one for
 * leaks crashes where OpenVINO was opened on another thread than the first. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GIVES_BACK true
#elif defined(__has_feature)
#define GIVES_BACK (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define GIVES_BACK false
#endif

static int run(session *session, const wasinn__run_options *options) {
    wasinn__program *program = &session->program;
    int code = wasinn__run_cache_open(options, &session->cache);
    if (code == WASINN__EXIT_OK)
        code = set_up_host(session->host, options, session->cache);
    if (code == WASINN__EXIT_OK)
        code = wasinn__program_read(program, options, session->stats);
    if (code == WASINN__EXIT_OK)
        code = wasinn__workers_new(options, &session->workers);
    if (code != WASINN__EXIT_OK)
        return code;
    wasinn_blob wasm = {program->wasm, program->wasm_size};
    session->ahead = wasinn__ahead_start(session->host, &options->named, &wasm, !GIVES_BACK);
    code = wasinn__program_make(program, session->host, session->cache);
    return code == WASINN__EXIT_OK ? wasinn__workers_run(session->workers, program) : code;
}

/* The cache's problems are told when all that was begun has been kept. */
static int leave(session *session, const wasinn__run_options *options, int code) {
    uint64_t began = wasinn__stats_begin(session->stats, WASINN__PHASE_END);
    bool all = GIVES_BACK && wasinn__workers_free(session->workers);
    if (all) {
        wasinn__ahead_free(session->ahead);
        wasinn__program_free(&session->program);
        wasinn_host_free(session->host);
    } else if (session->cache) {
        wasinn_cache_wait(session->cache);
    }
    wasinn__run_cache_report(options, session->cache);
    wasinn__stats_end(session->stats, WASINN__PHASE_END, began, "");
    code = wasinn__stats_finish(session->stats, code);
    fflush(NULL);
    if (!all)
        _exit(code);
    wasinn_cache_free(session->cache);
    wasinn__stats_free(session->stats);
    return code;
}

int wasinn__run_command(int argc, char **argv) {
    wasinn__run_options options = {0};
    session session = {0};
    bool helped = false;
    wasinn__stats_clock();
    if (wasinn_host_new(&session.host) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    int code = wasinn__parse_run(&options, session.host, argc, argv, &helped);
    bool ready = code == WASINN__EXIT_OK && !helped;
    if (ready)
        code = wasinn__stats_open(&session.stats, options.stats, options.profile, session.host);
    if (ready && code == WASINN__EXIT_OK)
        code = run(&session, &options);
    code = leave(&session, &options, code);
    wasinn__free_run(&options);
    return code;
}
