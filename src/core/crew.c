#include "core/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "os/thread.h"

enum { THREADS = 4 };

typedef struct work {
    size_t count;
    void (*piece)(void *data, size_t i);
    void *data;
    atomic_size_t next;
} work;

static void *do_some(void *data) {
    work *work = data;
    for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;)
        work->piece(work->data, i);
    return NULL;
}

static size_t helpers_for(size_t count, unsigned threads) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = threads ? threads : cores < 1 ? 1 : (size_t)cores;
    most = most > THREADS ? THREADS : most;
    return (count < most ? count : most) - 1;
}

void wasinn__crew_run(size_t count, unsigned threads, void (*piece)(void *data, size_t i), void *data) {
    pthread_t started[THREADS];
    size_t helpers = 0;
    work work = {.count = count, .piece = piece, .data = data};
    atomic_init(&work.next, 0);
    if (count == 0)
        return;
    while (helpers < helpers_for(count, threads) && wasinn__thread_start(&started[helpers], do_some, &work))
        helpers++;
    do_some(&work);
    while (helpers > 0)
        pthread_join(started[--helpers], NULL);
}
