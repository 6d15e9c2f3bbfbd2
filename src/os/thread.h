/* Threads of our own in somebody else's process. */
#ifndef WASINN_OS_THREAD_H
#define WASINN_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* pthread_create; signals are the embedder's, so none is handled on the new thread. */
bool wasinn__thread_start(pthread_t *thread, void *(*run)(void *), void *data);

#endif
