#include "core/watchdog.h"

#include "os/thread.h"

#define NANOSECONDS 1000000000u
#define NAP_MS 20
#define CANCEL_AGAIN 5000000u /* a cancel that came too early is repeated after 5 ms */

uint64_t wasinn__now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

static struct timespec timespec_of(uint64_t nanoseconds) {
    return (struct timespec){(time_t)(nanoseconds / NANOSECONDS), (long)(nanoseconds % NANOSECONDS)};
}

uint64_t wasinn__deadline(uint64_t milliseconds) {
    uint64_t now = wasinn__now();
    if (milliseconds > (WASINN__NEVER - 1 - now) / 1000000u)
        return WASINN__NEVER;
    return now + milliseconds * 1000000u;
}

bool wasinn__cond_init(pthread_cond_t *condition) {
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    bool made = pthread_cond_init(condition, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return made;
}

void wasinn__nap(pthread_cond_t *condition, pthread_mutex_t *lock) {
    struct timespec until = timespec_of(wasinn__deadline(NAP_MS));
    pthread_cond_timedwait(condition, lock, &until);
}

bool wasinn__watchdog_init(wasinn__watchdog *watchdog) {
    *watchdog = (wasinn__watchdog){.next_wake = WASINN__NEVER};
    if (!wasinn__cond_init(&watchdog->wake))
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

/* Locked. The watch whose deadline is the earliest. */
static wasinn__watch *earliest(const wasinn__watchdog *watchdog) {
    wasinn__watch *found = NULL;
    for (wasinn__watch *watch = watchdog->watches; watch; watch = watch->next)
        if (!found || watch->deadline < found->deadline)
            found = watch;
    return found;
}

/* Locked, but not while the runtime is told to stop: that may take its time, and others have their turn
 * before this one is told again. The watch lives on until nobody is cancelling it. */
static void cancel(wasinn__watchdog *watchdog, wasinn__watch *watch) {
    watch->fired = true;
    watchdog->cancelling = watch;
    pthread_mutex_unlock(&watchdog->lock);
    watch->cancel(watch->data);
    pthread_mutex_lock(&watchdog->lock);
    watch->deadline = wasinn__now() + CANCEL_AGAIN;
    watchdog->cancelling = NULL;
    pthread_cond_broadcast(&watchdog->quiet);
}

static void *watch_over(void *data) {
    wasinn__watchdog *watchdog = data;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stopping) {
        wasinn__watch *next = earliest(watchdog);
        if (next && next->deadline <= wasinn__now()) {
            cancel(watchdog, next);
            continue;
        }
        watchdog->next_wake = next ? next->deadline : WASINN__NEVER;
        if (watchdog->next_wake == WASINN__NEVER) {
            pthread_cond_wait(&watchdog->wake, &watchdog->lock);
        } else {
            struct timespec until = timespec_of(next->deadline);
            pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &until);
        }
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

/* Locked. */
static bool start(wasinn__watchdog *watchdog) {
    if (!watchdog->started)
        watchdog->started = wasinn__thread_start(&watchdog->thread, watch_over, watchdog);
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
