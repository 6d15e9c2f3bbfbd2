/* --timeout: ends a guest when its time is over. */
#ifndef WASINN_CLI_TIMER_H
#define WASINN_CLI_TIMER_H

#include <pthread.h>

#include "instance.h"

typedef struct wasinn__timer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool stop, fired;
    uint64_t milliseconds;
    wasinn__instance *instance;
} wasinn__timer;

/* False: there is no thread for it. */
bool wasinn__timer_start(wasinn__timer *timer, wasinn__instance *instance, uint64_t milliseconds);
/* Stops it, and says so if the guest, which ended with this exit code, was ended by it. */
void wasinn__timer_stop(wasinn__timer *timer, int code);

#endif
