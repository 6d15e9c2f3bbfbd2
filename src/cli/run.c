/* wasinn run: a guest, its folders, its models. */
#include <stdio.h>

#include "cli.h"
#include "instance.h"
#include "program.h"
#include "run_options.h"
#include "timer.h"

/* What a flood of failed calls may put on stderr. */
enum { LOG_LINES = 100 };

static void log_failure(void *data, const wasinn_guest *guest, const char *line) {
    int *logged = data;
    (void)guest;
    if (*logged < LOG_LINES)
        fprintf(stderr, "wasinn: %s\n", line);
    else if (*logged == LOG_LINES)
        fprintf(stderr, "wasinn: more than %d wasi-nn calls failed; the rest is not shown\n", LOG_LINES);
    if (*logged <= LOG_LINES)
        ++*logged;
}

static int run(const wasinn__program *program) {
    wasinn__instance instance;
    wasinn__timer timer = {0};
    uint64_t milliseconds = program->options->timeout_ms;
    int code = wasinn__instance_open(&instance, program);
    if (code == WASINN__EXIT_OK && milliseconds > 0 && !wasinn__timer_start(&timer, &instance, milliseconds))
        code = wasinn__fail(WASINN__EXIT_NOT_STARTED, "no thread for --timeout");
    else if (code == WASINN__EXIT_OK) {
        code = wasinn__instance_run(&instance);
        if (milliseconds > 0)
            wasinn__timer_stop(&timer, code);
    }
    wasinn__instance_close(&instance);
    return code;
}

int wasinn__run_command(int argc, char **argv) {
    wasinn__run_options options = {0};
    wasinn__program program = {0};
    wasinn_host *host;
    bool helped = false;
    int logged = 0;
    if (wasinn_host_new(&host) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
    int code = wasinn__parse_run(&options, host, argc, argv, &helped);
    if (code != WASINN__EXIT_OK || helped) {
        wasinn_host_free(host);
    } else {
        if (!options.quiet)
            wasinn_host_set_log(host, log_failure, &logged);
        code = wasinn__program_open(&program, &options, host);
        if (code == WASINN__EXIT_OK)
            code = run(&program);
        wasinn__program_close(&program);
    }
    wasinn__free_run(&options);
    return code;
}
