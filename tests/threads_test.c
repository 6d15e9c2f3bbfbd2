/* Many guests on many threads, in one host, with the fake backend: for the thread sanitizer. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "backends/fake.h"

enum { THREADS = 8, ROUNDS = 40 };

typedef struct worker {
    pthread_t thread;
    wasinn_host *host;
    const char *model;
    wasinn_guest *guest; /* for another thread to free */
    int good, interrupted;
    bool at_once;
} worker;

static const char add[] = "fake\ninput a f32 2 2\ninput b f32 2 2\noutput sum f32 2 2 = add a b\nslow 1\n";
static const char slow[] = "fake\ninput x f32 1\noutput y f32 1 = double x\nslow 20000\n";

static wasinn_handle open_named(wasinn_guest *guest, const char *name) {
    wasinn_handle graph, execution;
    if (wasinn_load_by_name(guest, name, strlen(name), &graph) != WASINN_OK ||
        wasinn_init_execution_context(guest, graph, &execution) != WASINN_OK)
        return 0;
    wasinn_close(guest, graph);
    return execution;
}

static bool infer(wasinn_guest *guest, wasinn_handle execution, float value) {
    float values[4] = {value, value, value, value};
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {2, 2}, .data = values, .size = 16},
                  output;
    return wasinn_set_input(guest, execution, 0, &input) == WASINN_OK &&
           wasinn_set_input(guest, execution, 1, &input) == WASINN_OK &&
           wasinn_compute(guest, execution) == WASINN_OK &&
           wasinn_output(guest, execution, 0, &output) == WASINN_OK &&
           ((const float *)output.data)[3] == 2 * value;
}

/* The same in one call, in memory of this thread's. */
static bool infer_at_once(wasinn_guest *guest, wasinn_handle execution, float value) {
    float values[4] = {value, value, value, value}, sum[4] = {0};
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {2, 2}, .data = values, .size = 16};
    wasinn_result result = {sum, sizeof sum, 0};
    return wasinn_infer(guest, execution, (wasinn_tensor[]){input, input}, 2, &result, 1) == WASINN_OK &&
           result.written == 16 && sum[0] == 2 * value && sum[3] == 2 * value;
}

static void *work(void *data) {
    worker *worker = data;
    for (int round = 0; round < ROUNDS; round++) {
        wasinn_guest *guest;
        if (wasinn_guest_new(worker->host, &guest) != WASINN_OK)
            return NULL;
        wasinn_handle execution = open_named(guest, worker->model);
        for (int i = 0; i < 5; i++)
            worker->good += i % 2 ? infer_at_once(guest, execution, (float)(round + i))
                                  : infer(guest, execution, (float)(round + i));
        wasinn_guest_free(worker->guest);
        worker->guest = guest;
    }
    return NULL;
}

/* All load one named model at the same time: it is loaded once, and all get the right answer. */
static void test_workers(wasinn_host *host, const char *model) {
    worker workers[THREADS] = {0};
    unsigned loads = atomic_load(&wasinn__fake_loads);
    check_case = "workers";
    for (int i = 0; i < THREADS; i++) {
        workers[i].host = host;
        workers[i].model = model;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK_EQ(workers[i].good, ROUNDS * 5);
        wasinn_guest_free(workers[i].guest);
    }
    CHECK_EQ(atomic_load(&wasinn__fake_loads), loads + 1);
}

static void *compute_long(void *data) {
    worker *worker = data;
    const wasinn_blob blobs[] = {{slow, sizeof slow - 1}, {"", 0}};
    float one = 1;
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 1, .dims = {1}, .data = &one, .size = 4};
    wasinn_handle graph, execution;
    if (wasinn_load(worker->guest, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &graph) ==
            WASINN_OK &&
        wasinn_init_execution_context(worker->guest, graph, &execution) == WASINN_OK &&
        wasinn_set_input(worker->guest, execution, 0, &input) == WASINN_OK) {
        wasinn_result result = {&(float){0}, 4, 0};
        wasinn_status status = worker->at_once ? wasinn_infer(worker->guest, execution, &input, 1, &result, 1)
                                               : wasinn_compute(worker->guest, execution);
        worker->interrupted = status == WASINN_TIMEOUT;
    }
    return NULL;
}

/* An interrupt reaches a guest wherever it is: before it loads, while it computes, between the two. */
static void test_interrupt(wasinn_host *host, bool at_once) {
    check_case = at_once ? "interrupt of an infer" : "interrupt";
    for (long delay_us = 0; delay_us < 20000; delay_us = delay_us * 3 + 100) {
        worker worker = {.host = host, .at_once = at_once};
        CHECK_EQ(wasinn_guest_new(host, &worker.guest), WASINN_OK);
        CHECK(pthread_create(&worker.thread, NULL, compute_long, &worker) == 0);
        nanosleep(&(struct timespec){0, delay_us * 1000}, NULL);
        wasinn_guest_interrupt(worker.guest);
        pthread_join(worker.thread, NULL);
        CHECK_TEXT(wasinn_guest_last_error(worker.guest), "interrupted");
        wasinn_guest_free(worker.guest);
    }
}

static void *load_hanging(void *data) {
    worker *worker = data;
    worker->interrupted = open_named(worker->guest, "hang") == 0;
    return NULL;
}

/* A guest that waits for a model which another one is loading still keeps to its own limits. */
static void test_waiting(wasinn_host *host) {
    worker first = {.host = host}, second = {.host = host};
    wasinn_limits limits;
    check_case = "waiting";
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_new(host, &first.guest), WASINN_OK);
    CHECK_EQ(wasinn_guest_new(host, &second.guest), WASINN_OK);
    limits.load_ms = 100;
    wasinn_guest_set_limits(second.guest, &limits);
    CHECK(pthread_create(&first.thread, NULL, load_hanging, &first) == 0);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    CHECK(pthread_create(&second.thread, NULL, load_hanging, &second) == 0);
    pthread_join(second.thread, NULL);
    CHECK(second.interrupted);
    wasinn_guest_interrupt(first.guest);
    pthread_join(first.thread, NULL);
    CHECK(first.interrupted);
    wasinn_guest_free(first.guest);
    wasinn_guest_free(second.guest);
}

static void *load_first(void *data) {
    worker *worker = data;
    const wasinn_blob blobs[] = {{add, sizeof add - 1}, {"", 0}};
    wasinn_handle graph, execution;
    wasinn_backend_info info;
    if (wasinn_load(worker->guest, blobs, 2, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU, &graph) ==
            WASINN_OK &&
        wasinn_init_execution_context(worker->guest, graph, &execution) == WASINN_OK)
        worker->good = infer(worker->guest, execution, 3) &&
                       wasinn_host_backend_info(worker->host, 0, &info, sizeof info) == WASINN_OK;
    return NULL;
}

/* The first guests of a host come at once, when its backends have not been looked for. */
static void test_first(void) {
    worker workers[THREADS] = {0};
    wasinn_host *host;
    check_case = "first";
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    CHECK_EQ(wasinn_host_add_backend(host, &wasinn__backend_fake), WASINN_OK);
    for (int i = 0; i < THREADS; i++) {
        workers[i].host = host;
        CHECK_EQ(wasinn_guest_new(host, &workers[i].guest), WASINN_OK);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&workers[i].thread, NULL, load_first, &workers[i]) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK(workers[i].good);
        wasinn_guest_free(workers[i].guest);
    }
    wasinn_host_free(host);
}

static void write_file(const char *path, const char *text) {
    FILE *stream = fopen(path, "w");
    fputs(text, stream);
    fclose(stream);
}

int main(void) {
    wasinn_host *host;
    const wasinn_blob blobs[] = {{add, sizeof add - 1}, {"", 0}};
    write_file("threads_test.fake", add);
    write_file("threads_test_hang.fake", "fake\nfail hang x\n");
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    CHECK_EQ(wasinn_host_add_backend(host, &wasinn__backend_fake), WASINN_OK);
    CHECK_EQ(
        wasinn_host_add_model(host, "add", "threads_test.fake", WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
        WASINN_OK);
    CHECK_EQ(wasinn_host_add_model(host, "hang", "threads_test_hang.fake", WASINN_ENCODING_OPENVINO,
                                   WASINN_TARGET_CPU),
             WASINN_OK);
    CHECK_EQ(
        wasinn_host_add_model_blobs(host, "bytes", blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
        WASINN_OK);
    test_first();
    test_workers(host, "add");
    test_workers(host, "bytes");
    test_interrupt(host, false);
    test_interrupt(host, true);
    test_waiting(host);
    wasinn_host_free(host);
    return check_result();
}
