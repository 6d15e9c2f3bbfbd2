/* wasinn run: a guest, its folders, its models. */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "instance.h"
#include "program.h"
#include "run_options.h"
#include "stats.h"
#include "workers.h"

/* What a flood of failed calls may put on stderr. */
enum { LOG_LINES = 100 };

static void log_failure(void *data, const wasinn_guest *guest, const char *line) {
    const wasinn__run_options *options = data;
    static atomic_int logged;
    int before = atomic_load(&logged);
    (void)guest;
    while (before <= LOG_LINES && !atomic_compare_exchange_weak(&logged, &before, before + 1))
        ;
    if (before == LOG_LINES)
        fprintf(stderr, "wasinn: more than %d wasi-nn calls failed; the rest is not shown\n", LOG_LINES);
    if (before >= LOG_LINES)
        return;
    const wasinn__instance *instance = wasinn__instance_current();
    if (instance && (options->instances > 1 || options->repeat > 1))
        fprintf(stderr, "wasinn: %s: %s\n", instance->name, line);
    else
        fprintf(stderr, "wasinn: %s\n", line);
}

/* What the options say of the host beyond its models. */
static int set_up_host(wasinn_host *host, wasinn__run_options *options) {
    /* There may be no OpenVINO. */
    if (options->instances > 1 && !wasinn__models_sets(&options->models, "openvino", "hint"))
        wasinn_host_set_option(host, "openvino", "hint", "throughput");
    if (!options->quiet)
        wasinn_host_set_log(host, log_failure, options);
    if (wasinn_host_set_limits(host, &options->limits) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    return WASINN__EXIT_OK;
}

/* Frees the host and what was measured. */
static int run(wasinn_host *host, wasinn__run_options *options, wasinn__stats *stats) {
    wasinn__workers *workers = NULL;
    wasinn__program program = {0};
    int code = set_up_host(host, options);
    if (code == WASINN__EXIT_OK)
        code = wasinn__workers_new(options, &workers);
    if (code == WASINN__EXIT_OK)
        code = wasinn__program_open(&program, options, host, stats);
    if (code == WASINN__EXIT_OK)
        code = wasinn__workers_run(workers, &program);
    uint64_t began = wasinn__stats_begin(stats, WASINN__PHASE_END);
    if (!wasinn__workers_free(workers)) {
        code = wasinn__stats_finish(stats, code);
        fflush(NULL);
        _exit(code);
    }
    wasinn__program_close(&program);
    wasinn_host_free(host);
    wasinn__stats_end(stats, WASINN__PHASE_END, began, "");
    code = wasinn__stats_finish(stats, code);
    wasinn__stats_free(stats);
    return code;
}

int wasinn__run_command(int argc, char **argv) {
    wasinn__run_options options = {0};
    wasinn__stats *stats;
    wasinn_host *host;
    bool helped = false;
    wasinn__stats_clock();
    if (wasinn_host_new(&host) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    int code = wasinn__parse_run(&options, host, argc, argv, &helped);
    bool ready = code == WASINN__EXIT_OK && !helped;
    if (ready)
        code = wasinn__stats_open(&stats, options.stats, options.profile, host);
    if (ready && code == WASINN__EXIT_OK)
        code = run(host, &options, stats);
    else
        wasinn_host_free(host);
    wasinn__free_run(&options);
    return code;
}
