/* Guests that pass the same bytes share one model, and nothing else. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "backends/fake.h"
#include "check.h"
#include "core/guest.h"
#include "core/memory.h"

static const char text[] = "fake\ninput x f32 1\noutput y f32 1 = double x\nbytes 1000\n";
static const char slow_load[] = "fake\ninput x f32 1\noutput y f32 1 = double x\nbytes 1000\nfail linger .\n";

static wasinn_status load(wasinn_guest *guest, const char *model, wasinn_target target,
                          wasinn_handle *graph) {
    const wasinn_blob blobs[] = {{model, strlen(model)}, {"w", 1}};
    return wasinn_load(guest, blobs, 2, WASINN_ENCODING_OPENVINO, target, graph);
}

static wasinn_handle open_on(wasinn_guest *guest, wasinn_handle graph) {
    wasinn_handle execution = 0;
    CHECK_EQ(wasinn_init_execution_context(guest, graph, &execution), WASINN_OK);
    return execution;
}

static float doubled(wasinn_guest *guest, wasinn_handle execution, float value) {
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 1, .dims = {1}, .data = &value, .size = 4}, view;
    if (wasinn_set_input(guest, execution, 0, &input) != WASINN_OK ||
        wasinn_compute(guest, execution) != WASINN_OK ||
        wasinn_output(guest, execution, 0, &view) != WASINN_OK)
        return -1;
    return *(const float *)view.data;
}

static wasinn_host *new_host(void) {
    wasinn_host *host = NULL;
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    CHECK_EQ(wasinn_host_add_backend(host, &wasinn__backend_fake), WASINN_OK);
    return host;
}

static unsigned loads(void) {
    return atomic_load(&wasinn__fake_loads);
}

static void test_two_guests(void) {
    wasinn_host *host = new_host();
    wasinn_guest *one, *two;
    wasinn_handle first, second, again;
    check_case = "two guests";
    wasinn_guest_new(host, &one);
    wasinn_guest_new(host, &two);
    unsigned before = loads();
    CHECK_EQ(load(one, text, WASINN_TARGET_CPU, &first), WASINN_OK);
    CHECK_EQ(load(two, text, WASINN_TARGET_CPU, &second), WASINN_OK);
    CHECK_EQ(load(one, text, WASINN_TARGET_CPU, &again), WASINN_OK);
    CHECK(first != again);
    CHECK_EQ(loads(), before + 1);
    /* Each is charged for each. */
    CHECK_EQ(one->held_bytes, 2 * two->held_bytes);
    CHECK(two->held_bytes >= 1000);

    wasinn_handle a = open_on(one, first), b = open_on(two, second);
    CHECK_EQ(doubled(one, a, 3), 6);
    CHECK_EQ(doubled(two, b, 5), 10);
    wasinn_tensor view;
    CHECK_EQ(wasinn_output(one, a, 0, &view), WASINN_OK);
    CHECK_EQ(*(const float *)view.data, 6); /* untouched by the other guest's */
    /* The first to load it goes first; an execution outlives its graph's handle. */
    wasinn_guest_free(one);
    CHECK_EQ(wasinn_close(two, second), WASINN_OK);
    CHECK_EQ(doubled(two, b, 7), 14);
    CHECK(two->held_bytes >= 1000);
    CHECK_EQ(wasinn_close(two, b), WASINN_OK);
    CHECK_EQ(two->held_bytes, 0);
    /* Nobody has it any more. */
    CHECK_EQ(load(two, text, WASINN_TARGET_CPU, &second), WASINN_OK);
    CHECK_EQ(loads(), before + 2);
    wasinn_guest_free(two);
    wasinn_host_free(host);
}

static void test_differences(void) {
    wasinn_host *host = new_host();
    wasinn_guest *guest;
    wasinn_handle graph;
    char other[4096], large[40000];
    check_case = "differences";
    wasinn_guest_new(host, &guest);
    unsigned before = loads();
    snprintf(other, sizeof other, "%s ", text);
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &graph), WASINN_OK);
    CHECK_EQ(load(guest, other, WASINN_TARGET_CPU, &graph), WASINN_OK);
    CHECK_EQ(loads(), before + 2);
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &graph), WASINN_OK);
    CHECK_EQ(loads(), before + 2);
    /* Too large to be hashed whole, and equal where it is looked at: no more is lost than the sharing. */
    size_t huge = 3 << 20;
    char *bytes = calloc(1, huge);
    for (size_t i = 0; i < 10; i++) {
        const wasinn_blob blobs[] = {{text, sizeof text - 1}, {bytes, huge}};
        bytes[(i + 1) * 250001] ^= 1;
        before = loads();
        CHECK_EQ(wasinn_load(guest, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &graph),
                 WASINN_OK);
        CHECK_EQ(loads(), before + 1);
        bytes[(i + 1) * 250001] ^= 1;
    }
    free(bytes);
    /* Other weights, of which just one byte is another one: whatever the hash looks at, it is found. */
    for (size_t i = 0; i < sizeof large; i += 1999) {
        const wasinn_blob blobs[] = {{text, sizeof text - 1}, {large, sizeof large}};
        memset(large, 0, sizeof large);
        large[i] = 1;
        before = loads();
        CHECK_EQ(wasinn_load(guest, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &graph),
                 WASINN_OK);
        CHECK_EQ(loads(), before + 1);
        wasinn_handle same;
        CHECK_EQ(wasinn_load(guest, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &same), WASINN_OK);
        CHECK_EQ(loads(), before + 1);
        wasinn_close(guest, same);
    }
    wasinn_guest_free(guest);
    wasinn_host_free(host);
}

/* The bytes are the guest's: what it does to them afterwards changes nothing. */
static void test_changed_afterwards(void) {
    wasinn_host *host = new_host();
    wasinn_guest *guest;
    wasinn_handle one, two;
    char model[sizeof text];
    check_case = "changed afterwards";
    memcpy(model, text, sizeof text);
    wasinn_guest_new(host, &guest);
    unsigned before = loads();
    CHECK_EQ(load(guest, model, WASINN_TARGET_CPU, &one), WASINN_OK);
    memset(model, 'x', sizeof model - 1);
    CHECK(load(guest, model, WASINN_TARGET_CPU, &two) != WASINN_OK);
    before = loads();
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &two), WASINN_OK);
    CHECK_EQ(loads(), before);
    CHECK_EQ(doubled(guest, open_on(guest, one), 2), 4);
    wasinn_guest_free(guest);
    wasinn_host_free(host);
}

static void test_settings(void) {
    wasinn_host *host = new_host();
    wasinn_guest *guest;
    wasinn_handle one, two;
    char other[128];
    check_case = "settings";
    wasinn_host_set_sharing(host, false, 1000000);
    wasinn_guest_new(host, &guest);
    unsigned before = loads();
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &one), WASINN_OK);
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &two), WASINN_OK);
    CHECK_EQ(loads(), before + 2);
    wasinn_guest_free(guest);
    wasinn_host_free(host);

    /* One that nobody uses stays while there is room; the one that was used the longest ago goes first. */
    host = new_host();
    wasinn_host_set_sharing(host, true, 1500);
    wasinn_guest_new(host, &guest);
    before = loads();
    snprintf(other, sizeof other, "%s ", text);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &one), WASINN_OK);
        CHECK_EQ(wasinn_close(guest, one), WASINN_OK);
    }
    CHECK_EQ(loads(), before + 1);
    CHECK_EQ(guest->held_bytes, 0);
    CHECK_EQ(load(guest, other, WASINN_TARGET_CPU, &one), WASINN_OK);
    CHECK_EQ(wasinn_close(guest, one), WASINN_OK);
    CHECK_EQ(load(guest, other, WASINN_TARGET_CPU, &one), WASINN_OK);
    CHECK_EQ(loads(), before + 2);
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &two), WASINN_OK);
    CHECK_EQ(loads(), before + 3);
    wasinn_guest_free(guest);
    wasinn_host_free(host);
}

enum { THREADS = 8, ROUNDS = 20 };

typedef struct worker {
    pthread_t thread;
    wasinn_host *host;
    const char *model;
    int good;
} worker;

static void *work(void *data) {
    worker *worker = data;
    for (int i = 0; i < ROUNDS; i++) {
        wasinn_guest *guest;
        wasinn_handle graph, execution;
        if (wasinn_guest_new(worker->host, &guest) != WASINN_OK)
            return NULL;
        if (load(guest, worker->model, WASINN_TARGET_CPU, &graph) == WASINN_OK &&
            wasinn_init_execution_context(guest, graph, &execution) == WASINN_OK)
            worker->good += doubled(guest, execution, (float)i) == (float)(2 * i);
        wasinn_guest_free(guest);
    }
    return NULL;
}

/* However they come, each gets its answer; those that come at once wait for one load. */
static void test_threads(const char *model, uint64_t keep_bytes) {
    worker workers[THREADS] = {0};
    wasinn_host *host = new_host();
    check_case = "threads";
    wasinn_host_set_sharing(host, true, keep_bytes);
    unsigned before = loads();
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.host = host, .model = model};
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK_EQ(workers[i].good, ROUNDS);
    }
    if (keep_bytes > 0)
        CHECK_EQ(loads(), before + 1);
    wasinn_host_free(host);
}

/* A load that fails, while others wait for it, fails for each in turn, and leaves nothing. */
static void test_failures(void) {
    static const char bad[] = "fake\ninput x f32 1\noutput y f32 1 = double x\nfail load refused\n";
    wasinn_host *host = new_host();
    wasinn_guest *guest;
    wasinn_handle graph;
    check_case = "failures";
    wasinn_guest_new(host, &guest);
    CHECK_EQ(load(guest, text, WASINN_TARGET_CPU, &graph), WASINN_OK);
    uint64_t alive = wasinn__alloc_alive();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(load(guest, bad, WASINN_TARGET_CPU, &graph), WASINN_RUNTIME_ERROR);
        CHECK_TEXT(wasinn_guest_last_error(guest), "refused");
        CHECK_EQ(wasinn__alloc_alive(), alive);
    }
    wasinn_guest_free(guest);
    wasinn_host_free(host);
}

int main(void) {
    test_two_guests();
    test_differences();
    test_changed_afterwards();
    test_settings();
    test_threads(text, 0);
    test_threads(text, 1000000);
    test_threads(slow_load, 1000000);
    test_failures();
    return check_result();
}
