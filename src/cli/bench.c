/* wasinn bench: how fast a model is, from a guest and natively. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "cli.h"
#include "file.h"

/* What was set up for one guest, or for several: a runtime is given another hint then. */
typedef struct set_up {
    wasinn__bench_model model;
    wasinn__bench_input *inputs;
    wasinn_tensor *outputs;
} set_up;

static void free_set_up(set_up *used) {
    wasinn__bench_free_inputs(used->inputs, used->model.counts[WASINN_INPUT]);
    free(used->outputs);
    wasinn__bench_unload(&used->model);
    *used = (set_up){0};
}

static int make_set_up(const wasinn__bench_options *options, unsigned instances, set_up *made) {
    int code = wasinn__bench_load(options, instances, &made->model);
    if (code == WASINN__EXIT_OK)
        code = wasinn__bench_make_inputs(options, &made->model, &made->inputs);
    if (code == WASINN__EXIT_OK)
        made->outputs =
            wasinn__checked(calloc((size_t)made->model.counts[WASINN_OUTPUT] + 1, sizeof *made->outputs));
    return code;
}

/* What is done at a signal while nothing is measured. */
static struct sigaction on_interrupt, on_end;

static void unwatch_signals(void) {
    sigaction(SIGINT, &on_interrupt, NULL);
    sigaction(SIGTERM, &on_end, NULL);
}

static void stop(int number) {
    wasinn__bench_interrupted = number;
    unwatch_signals();
}

/* The first ends the figure in progress; the second ends the process. */
static void watch_signals(void) {
    struct sigaction action = {.sa_handler = stop};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGINT, &action, &on_interrupt);
    sigaction(SIGTERM, &action, &on_end);
}

/* The figures so far. */
typedef struct session {
    const wasinn__bench_options *options;
    wasinn__bench_block *blocks;
    size_t done;
    wasinn__bench_json *json;
} session;

static void tell(session *session, const set_up *used, bool first) {
    const wasinn__bench_block *block = &session->blocks[session->done];
    const wasinn__bench_report report = {session->options, &used->model, used->inputs, used->outputs,
                                         session->done == 0};
    if (first)
        wasinn__bench_json_model(session->json, &report);
    wasinn__bench_json_block(session->json, block);
    if (session->options->json)
        return;
    if (first)
        wasinn__bench_print_model(&report);
    wasinn__bench_print_block(block);
    fflush(stdout);
}

/* Measures those of what was asked for that have one set-up. */
static int measure_with(session *session, bool several, set_up *used) {
    const wasinn__bench_options *options = session->options;
    bool first = true;
    for (size_t i = 0; i < options->count_count; i++) {
        if ((options->counts[i] > 1) != several)
            continue;
        int code = first ? make_set_up(options, options->counts[i], used) : WASINN__EXIT_OK;
        if (code != WASINN__EXIT_OK)
            return code;
        session->blocks[session->done].instances = options->counts[i];
        watch_signals();
        code = wasinn__bench_measure(options, &used->model, used->inputs, used->outputs,
                                     &session->blocks[session->done]);
        if (code != WASINN__EXIT_OK || wasinn__bench_interrupted)
            return code;
        unwatch_signals();
        tell(session, used, first);
        session->done++;
        first = false;
    }
    return WASINN__EXIT_OK;
}

static int measure_all(session *session) {
    set_up used = {0};
    int code = wasinn__bench_find_backends(session->options);
    for (int several = 0; several < 2 && code == WASINN__EXIT_OK && !wasinn__bench_interrupted; several++) {
        code = measure_with(session, several, &used);
        free_set_up(&used);
    }
    return code;
}

/* Ends as the signal would have ended it, for whoever waits for this process. */
static int end_by_signal(void) {
    int number = wasinn__bench_interrupted;
    int code = wasinn__fail(WASINN__EXIT_FAILED, "bench: interrupted");
    signal(number, SIG_DFL);
    raise(number);
    return code;
}

static int measure_and_tell(const wasinn__bench_options *options, wasinn__draft *plot) {
    session session = {.options = options};
    session.blocks = wasinn__checked(calloc(options->count_count, sizeof *session.blocks));
    session.json = wasinn__bench_json_new(options);
    int code = measure_all(&session);
    bool done = code == WASINN__EXIT_OK && !wasinn__bench_interrupted;
    wasinn__bench_json_end(session.json, done && options->json);
    if (done)
        code = wasinn__flush_stdout();
    if (done && code == WASINN__EXIT_OK && options->plot)
        code = wasinn__draft_end(plot, wasinn__bench_plot(plot->file, options, session.blocks, session.done));
    else if (options->plot)
        wasinn__draft_drop(plot);
    for (size_t i = 0; i < options->count_count; i++)
        free(session.blocks[i].figures);
    free(session.blocks);
    return code == WASINN__EXIT_OK && wasinn__bench_interrupted ? end_by_signal() : code;
}

/* What cannot be written is told before anything is measured. */
static int run(const wasinn__bench_options *options) {
    wasinn__draft plot = {0};
    int code = options->plot ? wasinn__draft_begin(&plot, options->plot, "picture") : WASINN__EXIT_OK;
    return code == WASINN__EXIT_OK ? measure_and_tell(options, &plot) : code;
}

int wasinn__bench_command(int argc, char **argv) {
    wasinn__bench_options options;
    bool helped = false;
    int code = wasinn__bench_parse(&options, argc, argv, &helped);
    if (code == WASINN__EXIT_OK && !helped)
        code = run(&options);
    wasinn__bench_options_free(&options);
    return code;
}
