#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "instance.h"
#include "machine.h"

/* How long a guest whose time is over may take to come out of a call. */
static const uint64_t grace_ns = 2000000000;
/* As the main thread has it: a guest may have a runtime load a model on this stack. */
static const size_t stack_bytes = (size_t)8 << 20;

typedef enum phase {
    WAITING, /* for the program */
    OPENING, /* the first guest of each thread is being started, one at a time */
    RUNNING, /* all could be */
    REFUSED  /* one could not: nobody begins */
} phase;

typedef enum state {
    OUTSIDE, /* of any guest */
    INSIDE,  /* in a guest that has time until `deadline` */
    OVERDUE, /* it was told to end, until `deadline` */
    LOST     /* it did not */
} state;

typedef struct worker {
    wasinn__workers *all;
    pthread_t thread;
    unsigned number; /* from 1 */
    wasinn__instance instance;
    state state;
    uint64_t deadline;
    int code; /* of its first guest that did not end with 0 */
} worker;

struct wasinn__workers {
    const wasinn__run_options *options;
    const wasinn__program *program;
    pthread_mutex_t opening; /* held while a guest is started before all run */
    pthread_mutex_t lock;    /* of all below */
    pthread_cond_t moved;    /* the phase */
    pthread_cond_t ended;    /* a worker; or there is a deadline before the next */
    phase phase;
    uint64_t next; /* of the deadlines that the watch knows of */
    size_t threads, ready, running;
    bool lost;
    worker *list;
};

/* ---- Time --------------------------------------------------------------------------------------- */

static void enter(worker *worker, uint64_t nanoseconds) {
    wasinn__workers *all = worker->all;
    if (all->options->timeout_ms == 0)
        return;
    pthread_mutex_lock(&all->lock);
    worker->state = INSIDE;
    worker->deadline = wasinn__clock() + nanoseconds;
    if (worker->deadline < all->next)
        pthread_cond_signal(&all->ended);
    pthread_mutex_unlock(&all->lock);
}

/* Locked. */
static void note(worker *worker, int code) {
    if (worker->code == WASINN__EXIT_OK)
        worker->code = code;
}

/* Takes note of how the guest ended, and of what is left of its time. False: it was given up, and somebody
 * else has taken note of it. */
static bool leave(worker *worker, int code, uint64_t *nanoseconds) {
    wasinn__workers *all = worker->all;
    pthread_mutex_lock(&all->lock);
    bool lost = worker->state == LOST;
    if (all->options->timeout_ms > 0) {
        uint64_t time = wasinn__clock();
        *nanoseconds = worker->state == INSIDE && worker->deadline > time ? worker->deadline - time : 0;
    }
    if (!lost) {
        worker->state = OUTSIDE;
        note(worker, code);
    }
    pthread_mutex_unlock(&all->lock);
    return !lost;
}

/* Locked. WebAssembly code ends at the next loop or call, a compute is cancelled; a guest that waits for
 * input or sleeps in a system call is reached by neither. */
static void expire(worker *worker, uint64_t time) {
    wasinn__workers *all = worker->all;
    if (worker->state == INSIDE) {
        worker->state = OVERDUE;
        worker->deadline = time + grace_ns;
        atomic_store(&worker->instance.overdue, true);
        wasinn_guest_interrupt(worker->instance.guest);
        wasmtime_engine_increment_epoch(all->program->engine);
        return;
    }
    wasinn__instance_print_timeout(&worker->instance);
    worker->state = LOST;
    note(worker, WASINN__EXIT_TIMEOUT);
    all->lost = true;
    all->running--;
    /* It holds up those that have not begun. */
    if (all->phase == OPENING)
        all->running = 0;
}

/* Locked. Waits for a worker to end or to be out of time. */
static void watch(wasinn__workers *all) {
    uint64_t time = wasinn__clock();
    all->next = UINT64_MAX;
    for (size_t i = 0; i < all->threads; i++) {
        worker *one = &all->list[i];
        if (one->state != INSIDE && one->state != OVERDUE)
            continue;
        if (one->deadline <= time)
            expire(one, time);
        if (one->state != LOST && one->deadline < all->next)
            all->next = one->deadline;
    }
    if (all->running == 0)
        return;
    struct timespec until = {(time_t)(all->next / 1000000000), (long)(all->next % 1000000000)};
    if (all->next == UINT64_MAX)
        pthread_cond_wait(&all->ended, &all->lock);
    else
        pthread_cond_timedwait(&all->ended, &all->lock, &until);
}

/* ---- A thread ----------------------------------------------------------------------------------- */

/* Makes a guest that has not begun. False: it could not be, or was given up. */
static bool open_guest(worker *worker, unsigned run, uint64_t *left) {
    wasinn__instance *instance = &worker->instance;
    int code = wasinn__instance_open(instance, worker->all->program, worker->number, run);
    if (code == WASINN__EXIT_OK) {
        enter(worker, *left);
        code = wasinn__instance_link(instance);
    }
    return leave(worker, code, left) && code == WASINN__EXIT_OK;
}

/* Makes the first guest, and waits until all threads have theirs. False: nobody begins. */
static bool open_first(worker *worker, uint64_t *left) {
    wasinn__workers *all = worker->all;
    pthread_mutex_lock(&all->opening);
    pthread_mutex_lock(&all->lock);
    bool refused = all->phase == REFUSED;
    pthread_mutex_unlock(&all->lock);
    bool opened = !refused && open_guest(worker, 1, left);
    pthread_mutex_lock(&all->lock);
    if (!opened)
        all->phase = REFUSED;
    else if (++all->ready == all->options->instances)
        all->phase = RUNNING;
    if (all->phase != OPENING)
        pthread_cond_broadcast(&all->moved);
    pthread_mutex_unlock(&all->opening);
    while (all->phase == OPENING)
        pthread_cond_wait(&all->moved, &all->lock);
    bool running = all->phase == RUNNING;
    pthread_mutex_unlock(&all->lock);
    return running;
}

static bool run_guest(worker *worker, uint64_t *left) {
    enter(worker, *left);
    int code = wasinn__instance_run(&worker->instance);
    if (!leave(worker, code, left))
        return false;
    if (worker->instance.ended_by_epoch)
        wasinn__instance_print_timeout(&worker->instance);
    wasinn__instance_close(&worker->instance);
    return true;
}

/* A guest that was given up keeps what it has. */
static void run_guests(worker *worker) {
    const wasinn__run_options *options = worker->all->options;
    uint64_t whole = options->timeout_ms * 1000000, left = whole;
    bool open = open_first(worker, &left);
    for (unsigned run = 1; open && run_guest(worker, &left) && run < options->repeat; run++) {
        left = whole;
        open = open_guest(worker, run + 1, &left);
    }
    if (worker->state != LOST)
        wasinn__instance_close(&worker->instance);
}

static void *work(void *data) {
    worker *worker = data;
    wasinn__workers *all = worker->all;
    pthread_mutex_lock(&all->lock);
    while (all->phase == WAITING)
        pthread_cond_wait(&all->moved, &all->lock);
    bool refused = all->phase == REFUSED;
    pthread_mutex_unlock(&all->lock);
    if (!refused)
        run_guests(worker);
    pthread_mutex_lock(&all->lock);
    if (worker->state != LOST && all->running > 0 && --all->running == 0)
        pthread_cond_signal(&all->ended);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- All of them -------------------------------------------------------------------------------- */

/* Wasmtime and the runtimes have threads, too, and may not survive without. */
enum { SPARE = 16, SPARE_PER_CORE = 4, OTHER_FILES = 256 };

static void *pass(void *data) {
    wasinn__workers *all = data;
    pthread_mutex_lock(&all->opening);
    pthread_mutex_unlock(&all->opening);
    return NULL;
}

/* An errno: whether there could be some threads more, all at once. */
static int try_spare(wasinn__workers *all) {
    size_t wanted = SPARE + SPARE_PER_CORE * (size_t)sysconf(_SC_NPROCESSORS_ONLN), made = 0;
    pthread_t *spare = wasinn__checked(calloc(wanted, sizeof *spare));
    int error = 0;
    pthread_mutex_lock(&all->opening);
    while (made < wanted && (error = pthread_create(&spare[made], NULL, pass, all)) == 0)
        made++;
    pthread_mutex_unlock(&all->opening);
    while (made > 0)
        pthread_join(spare[--made], NULL);
    free(spare);
    return error;
}

static void move(wasinn__workers *all, phase phase) {
    pthread_mutex_lock(&all->lock);
    all->phase = phase;
    pthread_cond_broadcast(&all->moved);
    pthread_mutex_unlock(&all->lock);
}

static int start_threads(wasinn__workers *all) {
    size_t wanted = all->options->instances;
    pthread_attr_t attributes;
    int error = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    while (all->threads < wanted && (error = pthread_create(&all->list[all->threads].thread, &attributes,
                                                            work, &all->list[all->threads])) == 0)
        all->threads++;
    pthread_attr_destroy(&attributes);
    if (error == 0 && wanted > 1)
        error = try_spare(all);
    if (error == 0)
        return WASINN__EXIT_OK;
    if (wanted == 1)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "no thread for --timeout: %s", strerror(error));
    return wasinn__fail(WASINN__EXIT_NOT_STARTED,
                        "--instances %zu: not enough threads for the guests and the runtimes: %s", wanted,
                        strerror(error));
}

/* Each guest holds its folders open. */
static void raise_open_files(const wasinn__run_options *options) {
    struct rlimit files;
    rlim_t wanted = (rlim_t)options->instances * (options->folder_count + 1) + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &files);
}

static wasinn__workers *make(const wasinn__run_options *options) {
    pthread_condattr_t monotonic;
    wasinn__workers *made = wasinn__checked(calloc(1, sizeof *made));
    made->options = options;
    made->list = wasinn__checked(calloc(options->instances, sizeof *made->list));
    for (unsigned i = 0; i < options->instances; i++) {
        made->list[i].all = made;
        made->list[i].number = i + 1;
    }
    pthread_mutex_init(&made->opening, NULL);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->moved, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return made;
}

int wasinn__workers_new(const wasinn__run_options *options, wasinn__workers **workers) {
    wasinn__workers *made = make(options);
    *workers = made;
    if (options->instances > 1)
        raise_open_files(options);
    /* One alone runs on the caller's thread, unless that has to watch the time. */
    return options->instances > 1 || options->timeout_ms > 0 ? start_threads(made) : WASINN__EXIT_OK;
}

/* The system gives memory that it does not have, and ends a process that uses it. */
static int check_memory(const wasinn__run_options *options, const wasinn__program *program) {
    uint64_t most = wasinn__machine_memory(), each = program->memory_bytes;
    if (options->instances == 1 || each <= most / options->instances)
        return WASINN__EXIT_OK;
    return wasinn__fail(WASINN__EXIT_NOT_STARTED,
                        "--instances %u: each guest wants %llu bytes of memory to begin with, and there are "
                        "%llu for all of them",
                        options->instances, (unsigned long long)each, (unsigned long long)most);
}

int wasinn__workers_run(wasinn__workers *workers, const wasinn__program *program) {
    int refused = check_memory(workers->options, program);
    if (refused != WASINN__EXIT_OK)
        return refused;
    workers->program = program;
    workers->running = workers->options->instances;
    move(workers, OPENING);
    if (workers->threads == 0)
        work(&workers->list[0]);
    pthread_mutex_lock(&workers->lock);
    while (workers->running > 0)
        watch(workers);
    int code = WASINN__EXIT_OK;
    for (size_t i = 0; i < workers->options->instances && code == WASINN__EXIT_OK; i++)
        code = workers->list[i].code;
    pthread_mutex_unlock(&workers->lock);
    return code;
}

bool wasinn__workers_free(wasinn__workers *workers) {
    if (!workers)
        return true;
    if (workers->lost)
        return false;
    move(workers, REFUSED);
    for (size_t i = 0; i < workers->threads; i++)
        pthread_join(workers->list[i].thread, NULL);
    pthread_mutex_destroy(&workers->opening);
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->moved);
    pthread_cond_destroy(&workers->ended);
    free(workers->list);
    free(workers);
    return true;
}
