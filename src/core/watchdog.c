#include "core/watchdog.h"

#include <time.h>

#define NANOSECONDS 1000000000u
#define CANCEL_AGAIN 5000000u /* a cancel that came too early is repeated after 5 ms */

uint64_t wasinn__now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

uint64_t wasinn__deadline(uint64_t milliseconds) {
    uint64_t now = wasinn__now();
    if (milliseconds > (WASINN__NEVER - 1 - now) / 1000000u)
        return WASINN__NEVER;
    return now + milliseconds * 1000000u;
}

bool wasinn__watchdog_init(wasinn__watchdog *watchdog) {
    pthread_condattr_t monotonic;
    *watchdog = (wasinn__watchdog){.next_wake = WASINN__NEVER};
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&watchdog->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (failed)
        return false;
    pthread_cond_init(&watchdog->quiet, NULL);
    pthread_mutex_init(&watchdog->lock, NULL);
    return true;
}

void wasinn__watchdog_destroy(wasinn__watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    watchdog->stopping = true;
    bool started = watchdog->started;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
    if (started)
        pthread_join(watchdog->thread, NULL);
    pthread_mutex_destroy(&watchdog->lock);
    pthread_cond_destroy(&watchdog->wake);
    pthread_cond_destroy(&watchdog->quiet);
}

/* Locked. The first watch that is due, else NULL and the time at which one will be. */
static wasinn__watch *due(wasinn__watchdog *watchdog, uint64_t now, uint64_t *earliest) {
    *earliest = WASINN__NEVER;
    for (wasinn__watch *watch = watchdog->watches; watch; watch = watch->next) {
        if (watch->deadline <= now)
            return watch;
        if (watch->deadline < *earliest)
            *earliest = watch->deadline;
    }
    return NULL;
}

/* Locked, but not while the runtime is told to stop: that may take its time. */
static void cancel(wasinn__watchdog *watchdog, wasinn__watch *watch, uint64_t now) {
    watch->fired = true;
    watch->deadline = now + CANCEL_AGAIN;
    watchdog->cancelling = watch;
    pthread_mutex_unlock(&watchdog->lock);
    watch->cancel(watch->data);
    pthread_mutex_lock(&watchdog->lock);
    watchdog->cancelling = NULL;
    pthread_cond_broadcast(&watchdog->quiet);
}

static void *watch_over(void *data) {
    wasinn__watchdog *watchdog = data;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stopping) {
        uint64_t now = wasinn__now(), earliest;
        wasinn__watch *watch = due(watchdog, now, &earliest);
        if (watch) {
            cancel(watchdog, watch, now);
            continue;
        }
        watchdog->next_wake = earliest;
        if (earliest == WASINN__NEVER) {
            pthread_cond_wait(&watchdog->wake, &watchdog->lock);
        } else {
            struct timespec until = {(time_t)(earliest / NANOSECONDS), (long)(earliest % NANOSECONDS)};
            pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &until);
        }
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

/* Locked. */
static bool start(wasinn__watchdog *watchdog) {
    if (!watchdog->started)
        watchdog->started = pthread_create(&watchdog->thread, NULL, watch_over, watchdog) == 0;
    return watchdog->started;
}

/* Locked. A wake-up is only sent when the thread would otherwise sleep too long: usually it would not. */
static void expect(wasinn__watchdog *watchdog, uint64_t deadline) {
    if (deadline < watchdog->next_wake) {
        watchdog->next_wake = deadline;
        pthread_cond_signal(&watchdog->wake);
    }
}

bool wasinn__watchdog_begin(wasinn__watchdog *watchdog, wasinn__watch *watch, wasinn__watch **current) {
    pthread_mutex_lock(&watchdog->lock);
    bool ready = watch->deadline == WASINN__NEVER || start(watchdog);
    if (ready) {
        watch->fired = false;
        watch->next = watchdog->watches;
        watch->link = &watchdog->watches;
        if (watch->next)
            watch->next->link = &watch->next;
        watchdog->watches = watch;
        *current = watch;
        expect(watchdog, watch->deadline);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return ready;
}

void wasinn__watchdog_end(wasinn__watchdog *watchdog, wasinn__watch *watch, wasinn__watch **current) {
    pthread_mutex_lock(&watchdog->lock);
    *current = NULL;
    *watch->link = watch->next;
    if (watch->next)
        watch->next->link = watch->link;
    while (watchdog->cancelling == watch)
        pthread_cond_wait(&watchdog->quiet, &watchdog->lock);
    pthread_mutex_unlock(&watchdog->lock);
}

void wasinn__watchdog_fire(wasinn__watchdog *watchdog, wasinn__watch **current) {
    pthread_mutex_lock(&watchdog->lock);
    if (*current && start(watchdog)) {
        (*current)->deadline = 0;
        expect(watchdog, 0);
    }
    pthread_mutex_unlock(&watchdog->lock);
}
