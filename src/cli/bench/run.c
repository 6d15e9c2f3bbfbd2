/* Threads that infer, arm by arm, in rounds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cli/cli.h"
#include "cli/machine.h"

typedef struct crew crew;

/* One thread: what it infers with in each arm. */
typedef struct worker {
    crew *crew;
    pthread_t thread;
    wasinn__bench_native native, native_infer;
    wasinn__bench_guest *guest;
    bool there[WASINN__ARMS], equal[WASINN__ARMS];
    wasinn__bench_clock clock;
    uint64_t began;
    unsigned last; /* number of the task that it did last */
    bool ready, failed;
    char problem[WASINN__BENCH_PROBLEM];
} worker;

typedef enum task { TASK_SET_UP, TASK_RUN, TASK_END } task;

struct crew {
    const wasinn__bench_options *options;
    const wasinn__bench_model *model;
    const wasinn__bench_input *inputs;
    wasinn__bench_engine *engine;
    worker *workers;
    unsigned count;
    pthread_mutex_t lock;
    pthread_cond_t told, done;
    /* By the lock: */
    unsigned number; /* of the task */
    unsigned busy;   /* how many work on it */
    task task;
    wasinn__bench_arm arm;
    double seconds; /* how long to run; at least one inference */
};

const char *wasinn__bench_arm_name(wasinn__bench_arm arm) {
    static const char *const names[] = {"native", "guest", "native infer", "guest infer"};
    return names[arm];
}

/* ---- A worker ----------------------------------------------------------------------------------- */

static bool run_arm(worker *worker, wasinn__bench_arm arm) {
    switch (arm) {
    case WASINN__ARM_NATIVE:
        return wasinn__bench_native_run(&worker->native, &worker->clock, worker->problem) == WASINN_OK;
    case WASINN__ARM_NATIVE_INFER:
        return wasinn__bench_native_run(&worker->native_infer, &worker->clock, worker->problem) == WASINN_OK;
    default:
        return wasinn__bench_guest_run(worker->guest, arm == WASINN__ARM_GUEST_INFER, worker->problem);
    }
}

/* Whether outputs are the first native ones. */
static bool is_equal(const worker *worker, wasinn__bench_arm arm) {
    for (uint32_t i = 0; i < worker->native.output_count; i++) {
        const wasinn_buffer *wanted = &worker->native.outputs[i].memory;
        const void *got = arm == WASINN__ARM_NATIVE_INFER ? worker->native_infer.outputs[i].memory.data
                                                          : wasinn__bench_guest_output(worker->guest, i);
        if (memcmp(got, wanted->data, wanted->size) != 0)
            return false;
    }
    return true;
}

/* A first inference in each arm, whose outputs are compared. */
static bool set_up(worker *worker) {
    const crew *crew = worker->crew;
    const wasinn__bench_model *model = crew->model;
    const char *name = crew->options->models.list[crew->options->models.count - 1].name;
    if (worker->ready)
        return true;
    if (wasinn__bench_native_new(model, crew->inputs, &worker->native, worker->problem) != WASINN_OK)
        return false;
    worker->there[WASINN__ARM_NATIVE] = worker->equal[WASINN__ARM_NATIVE] = true;
    if (!wasinn__bench_guest_new(crew->engine, name, &worker->clock, crew->inputs,
                                 model->counts[WASINN_INPUT], worker->native.outputs,
                                 model->counts[WASINN_OUTPUT], &worker->guest, worker->problem))
        return false;
    for (wasinn__bench_arm arm = WASINN__ARM_GUEST; arm < WASINN__ARMS; arm++) {
        bool there = arm == WASINN__ARM_GUEST || wasinn__bench_has_infer();
        if (arm == WASINN__ARM_NATIVE_INFER) {
            wasinn_status status = wasinn__bench_native_infer_new(model, crew->inputs, &worker->native,
                                                                  &worker->native_infer, worker->problem);
            there = status == WASINN_OK;
            if (!there && status != WASINN_UNSUPPORTED_OPERATION)
                return false;
        } else if (there && !run_arm(worker, arm)) {
            return false;
        }
        worker->there[arm] = there;
        worker->equal[arm] = there && is_equal(worker, arm);
    }
    worker->ready = true;
    return true;
}

static void *work(void *data) {
    worker *worker = data;
    crew *crew = worker->crew;
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        while (crew->number == worker->last)
            pthread_cond_wait(&crew->told, &crew->lock);
        worker->last = crew->number;
        task task = crew->task;
        wasinn__bench_arm arm = crew->arm;
        double seconds = crew->seconds;
        pthread_mutex_unlock(&crew->lock);
        if (task == TASK_END)
            return NULL;
        wasinn__histogram_clear(&worker->clock.times);
        worker->began = wasinn__clock();
        worker->clock.until = worker->began + (uint64_t)(seconds * 1e9);
        worker->failed = task == TASK_SET_UP ? !set_up(worker) : !run_arm(worker, arm);
        pthread_mutex_lock(&crew->lock);
        if (--crew->busy == 0)
            pthread_cond_signal(&crew->done);
        pthread_mutex_unlock(&crew->lock);
    }
}

/* ---- The crew ----------------------------------------------------------------------------------- */

/* Has all workers do something, and waits until they have. False: one failed, whose problem is told. */
static bool tell(crew *crew, task task, wasinn__bench_arm arm, double seconds, const char **problem) {
    pthread_mutex_lock(&crew->lock);
    crew->task = task;
    crew->arm = arm;
    crew->seconds = seconds;
    crew->busy = task == TASK_END ? 0 : crew->count;
    crew->number++;
    pthread_cond_broadcast(&crew->told);
    while (crew->busy > 0)
        pthread_cond_wait(&crew->done, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < crew->count && task != TASK_END; i++) {
        if (crew->workers[i].failed) {
            *problem = crew->workers[i].problem;
            return false;
        }
    }
    return true;
}

/* Up to `count` of them. */
static bool start(crew *crew, unsigned count) {
    while (crew->count < count) {
        worker *worker = &crew->workers[crew->count];
        worker->crew = crew;
        worker->last = crew->number;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            return false;
        crew->count++;
    }
    return true;
}

static void end(crew *crew) {
    const char *problem;
    tell(crew, TASK_END, WASINN__ARM_NATIVE, 0, &problem);
    for (unsigned i = 0; i < crew->count; i++) {
        worker *worker = &crew->workers[i];
        pthread_join(worker->thread, NULL);
        wasinn__bench_guest_free(worker->guest);
        wasinn__bench_native_free(&worker->native_infer);
        wasinn__bench_native_free(&worker->native);
    }
    free(crew->workers);
    wasinn__bench_engine_free(crew->engine);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->told);
    pthread_cond_destroy(&crew->done);
}

/* ---- Rounds ------------------------------------------------------------------------------------- */

/* One round of one arm: the times of all workers, and how long it took in all. */
static bool run_round(crew *crew, wasinn__bench_arm arm, double seconds, wasinn__histogram *times,
                      double *took, const char **problem) {
    uint64_t first = UINT64_MAX, last = 0;
    if (!tell(crew, TASK_RUN, arm, seconds, problem))
        return false;
    wasinn__histogram_clear(times);
    for (unsigned i = 0; i < crew->count; i++) {
        const worker *worker = &crew->workers[i];
        wasinn__histogram_merge(times, &worker->clock.times);
        first = worker->began < first ? worker->began : first;
        last = worker->clock.last > last ? worker->clock.last : last;
    }
    *took = (double)(last - first) / 1e9;
    return true;
}

/* So many rounds as there is time for; the slower arm of a first round, which does not count, says how much
 * that is. Where the inferences of the set-up took longer than a round is to be, they will do. */
static bool warm_up(crew *crew, wasinn__bench_block *block, wasinn__histogram *times, double set_up_seconds,
                    const char **problem) {
    double seconds = crew->options->seconds, slowest = 0, took;
    bool slow = set_up_seconds / WASINN__ARMS > seconds / WASINN__BENCH_LEAST_ROUNDS;
    slowest = slow ? seconds : 0;
    for (wasinn__bench_arm arm = 0; arm < WASINN__ARMS && !slow && !wasinn__bench_interrupted; arm++) {
        if (!block->figures[arm].there)
            continue;
        if (!run_round(crew, arm, seconds / WASINN__BENCH_ROUNDS, times, &took, problem))
            return false;
        double median = wasinn__histogram_quantile(times, 0.5) / 1e9;
        slowest = median > slowest ? median : slowest;
    }
    double rounds = slowest > 0 ? seconds / slowest : WASINN__BENCH_ROUNDS;
    block->rounds = rounds >= WASINN__BENCH_ROUNDS         ? WASINN__BENCH_ROUNDS
                    : rounds >= WASINN__BENCH_LEAST_ROUNDS ? (size_t)rounds
                                                           : WASINN__BENCH_LEAST_ROUNDS;
    block->round_seconds = seconds / (double)block->rounds;
    return true;
}

/* The arms take turns; each round begins with another one, and every other round goes backwards. */
static wasinn__bench_arm turn(size_t round, int place) {
    int from = (int)(round % WASINN__ARMS), step = round / WASINN__ARMS % 2 ? WASINN__ARMS - 1 : 1;
    return (wasinn__bench_arm)((from + place * step) % WASINN__ARMS);
}

static bool run_rounds(crew *crew, wasinn__bench_block *block, wasinn__histogram *times,
                       const char **problem) {
    for (size_t round = 0; round < block->rounds; round++) {
        for (int place = 0; place < WASINN__ARMS && !wasinn__bench_interrupted; place++) {
            wasinn__bench_arm arm = turn(round, place);
            wasinn__bench_figure *figure = &block->figures[arm];
            double took;
            if (!figure->there)
                continue;
            if (!run_round(crew, arm, block->round_seconds, times, &took, problem))
                return false;
            wasinn__histogram_merge(&figure->times, times);
            figure->seconds += took;
            figure->medians[round] = wasinn__histogram_quantile(times, 0.5);
            figure->rates[round] = (double)times->count / took;
        }
    }
    return true;
}

/* Makes guests until there are `count`; `seconds` is how long that took. */
static bool set_up_some(crew *crew, unsigned count, double *seconds, char *text, const char **problem) {
    uint64_t began = wasinn__clock();
    if (!start(crew, count)) {
        snprintf(text, WASINN__BENCH_PROBLEM, "no thread for guest number %u", crew->count + 1);
        return false;
    }
    bool done = tell(crew, TASK_SET_UP, WASINN__ARM_NATIVE, 0, problem);
    *seconds = (double)(wasinn__clock() - began) / 1e9;
    return done;
}

/* The system gives memory that it does not have, and ends a process that uses it: the second guest tells what
 * each of the others takes; the first has what all share besides. `seconds` is of those made last. */
static bool set_up_all(crew *crew, unsigned count, double *seconds, char *text, const char **problem) {
    uint64_t most = wasinn__machine_memory();
    if (!set_up_some(crew, 1, seconds, text, problem))
        return false;
    uint64_t before = wasinn__memory_status("RssAnon:");
    if (count > 1 && !set_up_some(crew, 2, seconds, text, problem))
        return false;
    if (count <= 2)
        return true;
    uint64_t after = wasinn__memory_status("RssAnon:");
    uint64_t each = after > before ? after - before : 0, left = most > after ? most - after : 0;
    if (each <= left / (count - 2))
        return set_up_some(crew, count, seconds, text, problem);
    snprintf(text, WASINN__BENCH_PROBLEM,
             "--instances %u: each guest takes %llu bytes of memory with its tensors, and there are %llu for "
             "all of them",
             count, (unsigned long long)each, (unsigned long long)most);
    return false;
}

static bool measure(crew *crew, wasinn__bench_block *block, wasinn_tensor *outputs, char *text,
                    const char **problem) {
    double set_up_seconds;
    if (!set_up_all(crew, block->instances, &set_up_seconds, text, problem))
        return false;
    for (uint32_t i = 0; i < crew->model->counts[WASINN_OUTPUT]; i++)
        outputs[i] = crew->workers[0].native.outputs[i].tensor;
    for (int arm = 0; arm < WASINN__ARMS; arm++) {
        block->figures[arm].there = crew->workers[0].there[arm];
        block->equal[arm] = true;
        for (unsigned i = 0; i < crew->count; i++)
            block->equal[arm] = block->equal[arm] && crew->workers[i].equal[arm];
    }
    wasinn__histogram *times = wasinn__checked(calloc(1, sizeof *times));
    bool done =
        warm_up(crew, block, times, set_up_seconds, problem) && run_rounds(crew, block, times, problem);
    free(times);
    return done;
}

/* Why nothing could be computed: with shapes that were assumed, that may be the reason. */
static int refuse(const crew *crew, const char *problem) {
    for (uint32_t i = 0; i < crew->model->counts[WASINN_INPUT]; i++)
        if (crew->inputs[i].assumed)
            return wasinn__fail(WASINN__EXIT_FAILED,
                                "%s (dimensions of input %u '%s' that the model leaves open were taken to be "
                                "the least: give them with --shape)",
                                problem, i, crew->model->ports[WASINN_INPUT][i].name);
    return wasinn__fail(WASINN__EXIT_FAILED, "%s", problem);
}

int wasinn__bench_measure(const wasinn__bench_options *options, const wasinn__bench_model *model,
                          const wasinn__bench_input *inputs, wasinn_tensor *outputs,
                          wasinn__bench_block *block) {
    crew crew = {.options = options, .model = model, .inputs = inputs};
    char text[WASINN__BENCH_PROBLEM];
    const char *problem = text;
    int code = WASINN__EXIT_OK;
    block->figures = wasinn__checked(calloc(WASINN__ARMS, sizeof *block->figures));
    crew.workers = wasinn__checked(calloc(block->instances, sizeof *crew.workers));
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.told, NULL);
    pthread_cond_init(&crew.done, NULL);
    if (!wasinn__bench_engine_new(model->host, &crew.engine, text))
        code = wasinn__fail(WASINN__EXIT_FAILED, "%s", text);
    else if (!measure(&crew, block, outputs, text, &problem))
        code = refuse(&crew, problem);
    end(&crew);
    return code;
}

bool wasinn__bench_compare(const wasinn__bench_block *block, size_t index, wasinn__bench_pair *pair) {
    static const wasinn__bench_arm pairs[WASINN__BENCH_PAIRS][2] = {
        {WASINN__ARM_GUEST, WASINN__ARM_NATIVE},
        {WASINN__ARM_GUEST_INFER, WASINN__ARM_NATIVE_INFER},
        {WASINN__ARM_GUEST_INFER, WASINN__ARM_NATIVE},
    };
    double ratios[WASINN__BENCH_ROUNDS];
    *pair = (wasinn__bench_pair){.one = pairs[index][0], .other = pairs[index][1]};
    const wasinn__bench_figure *one = &block->figures[pair->one], *other = &block->figures[pair->other];
    if (!one->there || !other->there)
        return false;
    for (size_t i = 0; i < block->rounds; i++)
        ratios[i] = one->medians[i] / (other->medians[i] > 0 ? other->medians[i] : 1);
    pair->time = wasinn__median_interval(ratios, block->rounds);
    for (size_t i = 0; i < block->rounds; i++)
        ratios[i] = one->rates[i] / other->rates[i];
    pair->rate = wasinn__median_interval(ratios, block->rounds);
    return true;
}
