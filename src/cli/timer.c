#include "timer.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* Locked. True when the guest has finished before the time is over. */
static bool wait_for(wasinn__timer *timer, uint64_t milliseconds) {
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

static void print_timeout(const wasinn__timer *timer) {
    wasinn__fail(0, "the guest was ended: --timeout of %g s", (double)timer->milliseconds / 1000);
}

/* WebAssembly code ends at the next loop or call, a compute is cancelled; a guest that waits for input or
 * sleeps in a system call is not reached by either, and goes with the process. */
static void *watch_time(void *data) {
    wasinn__timer *timer = data;
    pthread_mutex_lock(&timer->lock);
    if (!wait_for(timer, timer->milliseconds)) {
        timer->fired = true;
        wasinn_guest_interrupt(timer->instance->guest);
        wasmtime_engine_increment_epoch(timer->instance->program->engine);
        if (!wait_for(timer, 2000)) {
            print_timeout(timer);
            _exit(WASINN__EXIT_TIMEOUT);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

bool wasinn__timer_start(wasinn__timer *timer, wasinn__instance *instance, uint64_t milliseconds) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timer->finished, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&timer->lock, NULL);
    timer->instance = instance;
    timer->milliseconds = milliseconds;
    return pthread_create(&timer->thread, NULL, watch_time, timer) == 0;
}

void wasinn__timer_stop(wasinn__timer *timer, int code) {
    pthread_mutex_lock(&timer->lock);
    timer->stop = true;
    pthread_cond_signal(&timer->finished);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(timer->thread, NULL);
    if (code == WASINN__EXIT_TIMEOUT && timer->fired)
        print_timeout(timer);
}
