/* One thread per host that ends calls whose time is up. */
#ifndef WASINN_CORE_WATCHDOG_H
#define WASINN_CORE_WATCHDOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define WASINN__NEVER UINT64_MAX

/* A call being watched; it lives on the caller's stack from begin to end. */
typedef struct wasinn__watch {
    struct wasinn__watch *next, **link;
    uint64_t deadline; /* nanoseconds of wasinn__now, or WASINN__NEVER */
    bool fired;        /* read it after end */
    void (*cancel)(void *data);
    void *data;
} wasinn__watch;

typedef struct wasinn__watchdog {
    pthread_mutex_t lock;
    pthread_cond_t wake;  /* to the thread: something is due earlier than it expects */
    pthread_cond_t quiet; /* from the thread: it is not in a cancel any more */
    pthread_t thread;
    bool started, stopping;
    uint64_t next_wake;
    wasinn__watch *watches;
    wasinn__watch *cancelling;
} wasinn__watchdog;

/* Monotonic time in nanoseconds. */
uint64_t wasinn__now(void);
/* Now plus milliseconds; WASINN__NEVER where that is unlimited or out of range. */
uint64_t wasinn__deadline(uint64_t milliseconds);

/* A condition whose timed waits are in monotonic time, which nobody can set back. False: no memory. */
bool wasinn__cond_init(pthread_cond_t *condition);
/* Waits for such a condition, locked, but not for long: an interrupt sends it no signal. */
void wasinn__nap(pthread_cond_t *condition, pthread_mutex_t *lock);

bool wasinn__watchdog_init(wasinn__watchdog *watchdog);
void wasinn__watchdog_destroy(wasinn__watchdog *watchdog);

/* From here on, cancel(data) is called when the deadline passes, again and again until end: a runtime may
 * not have begun when it is first told to stop. `current` is where others find the watch: it is set here,
 * cleared by end, and read by fire. False: the thread could not be started. */
bool wasinn__watchdog_begin(wasinn__watchdog *watchdog, wasinn__watch *watch, wasinn__watch **current);
/* Returns when no cancel of this watch is in progress or will come. */
void wasinn__watchdog_end(wasinn__watchdog *watchdog, wasinn__watch *watch, wasinn__watch **current);

/* Makes the watch that *current names, if any, due at once. Any thread. */
void wasinn__watchdog_fire(wasinn__watchdog *watchdog, wasinn__watch **current);

#endif
