/* What `wasinn run --stats=json` and `--profile` make of several guests at once, with the fake backend: for
 * the thread sanitizer, and for what a command cannot show at will. */
#include "check.h"
#include "world.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <yyjson.h>

#include "cli/profile.h"
#include "cli/stats.h"

enum { GUESTS = 5, ROUNDS = 20, TENSOR = 300000, DATA = 301024, BUFFER = 302048 };

static const char profile_path[] = "stats_test.json";

typedef struct worker {
    pthread_t thread;
    wasinn_host *host;
    wasinn__stats *stats;
    unsigned number;
    pthread_barrier_t *hold; /* of the guest that goes on until it is told; else NULL */
} worker;

static void *work(void *data) {
    worker *worker = data;
    world w = {.host = worker->host, .memory = {calloc(1, 512 * 1024), 512 * 1024}};
    wasinn__stats_guest(worker->stats, worker->number);
    uint64_t began = wasinn__stats_begin(worker->stats, WASINN__PHASE_INSTANTIATE);
    if (wasinn_guest_new(w.host, &w.guest) != WASINN_OK)
        exit(2);
    wasinn__stats_end(worker->stats, WASINN__PHASE_INSTANTIATE, began, "");
    began = wasinn__stats_begin(worker->stats, WASINN__PHASE_GUEST);
    put_bytes(&w, DATA, "add", 3);
    CALL(&w, "load_by_name", DATA, 3, 0);
    CALL(&w, "init_execution_context", get_u32(&w, 0), 4);
    put_bytes(&w, DATA, (float[]){1, 2, 3, 4}, 16);
    put_tensor(&w, TENSOR, 1, 2, (uint32_t[]){2, 2}, DATA, 16);
    for (int i = 0; i < ROUNDS; i++) {
        CALL(&w, "set_input", get_u32(&w, 4), 0, TENSOR);
        CALL(&w, "set_input", get_u32(&w, 4), 1, TENSOR);
        CALL(&w, "compute", get_u32(&w, 4));
        CALL(&w, "get_output", get_u32(&w, 4), 0, BUFFER, 64, 0);
        CALL(&w, "get_output", get_u32(&w, 4), 0, BUFFER, 3, 0);
    }
    if (worker->hold) {
        pthread_barrier_wait(worker->hold);
        pthread_barrier_wait(worker->hold);
        CALL(&w, "compute", get_u32(&w, 4)); /* nobody counts it any more */
    }
    wasinn__stats_end(worker->stats, WASINN__PHASE_GUEST, began, "");
    wasinn_guest_free(w.guest);
    free(w.memory.base);
    return NULL;
}

/* What the end prints to stderr. */
static char *finish(wasinn__stats *stats, int code) {
    size_t size;
    fflush(stderr);
    int before = dup(STDERR_FILENO);
    FILE *file = fopen("stats_test.txt", "w");
    if (before < 0 || !file || dup2(fileno(file), STDERR_FILENO) < 0)
        exit(2);
    CHECK_EQ(wasinn__stats_finish(stats, code), code);
    CHECK_EQ(wasinn__stats_finish(stats, code), code);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    fclose(file);
    return file_read("stats_test.txt", &size);
}

static uint64_t number(yyjson_val *object, const char *key) {
    yyjson_val *value = yyjson_obj_get(object, key);
    CHECK(yyjson_is_uint(value));
    return yyjson_get_uint(value);
}

static void check_call(yyjson_val *root, const char *name, uint64_t count, uint64_t failed, uint64_t bytes) {
    size_t i, most, found = 0;
    yyjson_val *call;
    yyjson_arr_foreach(yyjson_obj_get(root, "calls"), i, most, call) {
        if (strcmp(yyjson_get_str(yyjson_obj_get(call, "name")), name) != 0)
            continue;
        found++;
        CHECK_EQ(number(call, "count"), count);
        CHECK_EQ(number(call, "failed"), failed);
        CHECK_EQ(number(call, "copied_bytes"), bytes);
        CHECK(number(call, "min_ns") <= number(call, "p50_ns"));
        CHECK(number(call, "p50_ns") <= number(call, "p90_ns"));
        CHECK(number(call, "p90_ns") <= number(call, "p99_ns"));
        CHECK(number(call, "p99_ns") <= number(call, "max_ns"));
    }
    CHECK_EQ(found, 1);
}

static void check_figures(const char *text, bool held) {
    yyjson_doc *json = yyjson_read(text, strlen(text), 0);
    yyjson_val *root = yyjson_doc_get_root(json), *guests = yyjson_obj_get(root, "guests");
    CHECK(json && strchr(text, '\n') == text + strlen(text) - 1);
    CHECK_EQ(number(root, "exit_code"), 7);
    CHECK_EQ(number(guests, "count"), GUESTS);
    CHECK_EQ(number(guests, "running"), held);
    check_call(root, "load_by_name", GUESTS, 0, 3 * GUESTS);
    check_call(root, "init_execution_context", GUESTS, 0, 0);
    check_call(root, "set_input", 2 * GUESTS * ROUNDS, 0, 32 * GUESTS * ROUNDS);
    check_call(root, "compute", GUESTS * ROUNDS, 0, 0);
    check_call(root, "get_output", 2 * GUESTS * ROUNDS, GUESTS * ROUNDS, 16 * GUESTS * ROUNDS);
    CHECK_EQ(number(root, "copied_in_bytes"), 3 * GUESTS + 32 * GUESTS * ROUNDS);
    CHECK_EQ(number(root, "copied_out_bytes"), 16 * GUESTS * ROUNDS);
    CHECK_EQ(number(yyjson_arr_get(yyjson_obj_get(root, "models"), 0), "count"), 1);
    CHECK_EQ(number(yyjson_arr_get(yyjson_obj_get(root, "models"), 1), "count"), GUESTS - 1);
    yyjson_doc_free(json);
}

/* How many spans of a category the profile has; of layers, each lies within a compute that is told next. */
static size_t count_spans(const char *category) {
    size_t size, i, most, count = 0;
    char *text = file_read(profile_path, &size);
    yyjson_doc *json = yyjson_read(text, size, 0);
    yyjson_val *event;
    if (!CHECK(json))
        exit(2);
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(json), "traceEvents"), i, most, event) {
        const char *of = yyjson_get_str(yyjson_obj_get(event, "cat"));
        count += of && strcmp(of, category) == 0;
    }
    yyjson_doc_free(json);
    free(text);
    return count;
}

/* Guests side by side; with `held`, one of them has not ended when the figures are printed. */
static void test_guests(bool held) {
    world w;
    worker workers[GUESTS];
    wasinn__stats *stats;
    pthread_barrier_t hold;
    char path[PATH];
    check_case = held ? "guests, one held" : "guests";
    wasinn__stats_clock();
    world_new(&w, NULL);
    wasinn_host_set_log(w.host, NULL, NULL);
    CHECK_EQ(wasinn__stats_open(&stats, WASINN__STATS_JSON, profile_path, w.host), 0);
    pthread_barrier_init(&hold, NULL, 2);
    CHECK_EQ(wasinn_host_add_model(w.host, "add", model_path(w.flavour, "add", path),
                                   WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_OK);
    for (int i = 0; i < GUESTS; i++) {
        workers[i] = (worker){
            .host = w.host, .stats = stats, .number = (unsigned)i + 1, .hold = held && i == 0 ? &hold : NULL};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(2);
    }
    for (int i = held; i < GUESTS; i++)
        pthread_join(workers[i].thread, NULL);
    if (held)
        pthread_barrier_wait(&hold);
    char *text = finish(stats, 7);
    check_figures(text, held);
    free(text);
    if (held) {
        pthread_barrier_wait(&hold);
        pthread_join(workers[0].thread, NULL);
    }
    pthread_barrier_destroy(&hold);
    CHECK_EQ(count_spans("guest"), 2 * GUESTS);
    CHECK_EQ(count_spans("call"), GUESTS * (2 + 5 * ROUNDS));
    CHECK_EQ(count_spans("layer"), 2 * GUESTS * ROUNDS);
    CHECK_EQ(count_spans("model"), GUESTS);
    world_free(&w);
    wasinn__stats_free(stats);
}

/* Beyond its number of spans a profile goes on without, and says so. */
static void test_cut(void) {
    wasinn__profile profile;
    check_case = "cut";
    CHECK_EQ(wasinn__profile_open(&profile, profile_path, 1000), 0);
    profile.most = 10;
    for (uint64_t i = 0; i < 15; i++) {
        wasinn__profile_span(&profile, &(wasinn__span){.name = "\"a\\b\"", .category = "call", .begin = i});
        if (i < 3)
            wasinn__profile_span(&profile,
                                 &(wasinn__span){.name = "x", .category = "frame", .framing = true});
    }
    CHECK_EQ(profile.dropped, 5);
    CHECK_EQ(wasinn__profile_close(&profile), 0);
    CHECK_EQ(count_spans("call"), 10);
    CHECK_EQ(count_spans("frame"), 3);
    size_t size;
    char *text = file_read(profile_path, &size);
    CHECK_TEXT(text, "\"dropped_spans\":5");
    free(text);
}

/* Layers that took longer than their compute leaves are drawn shorter alike, and say how long they took. */
static void test_layers(void) {
    wasinn__profile profile;
    wasinn__laid laid = {0};
    check_case = "layers";
    CHECK_EQ(wasinn__profile_open(&profile, profile_path, 0), 0);
    wasinn__profile_layer(&laid, "one", "kind", 5000, 4000);
    wasinn__profile_layer(&laid, "two", "", 9000, 12000);
    wasinn__profile_layers(&profile, &laid, 3, 13000);
    wasinn__profile_layer(&laid, "three", "kind", 20000, 1001);
    wasinn__profile_layers(&profile, &laid, 3, 30000);
    wasinn__profile_layers(&profile, &laid, 3, 40000);
    CHECK_EQ(wasinn__profile_close(&profile), 0);
    free(laid.data);
    CHECK_EQ(count_spans("layer"), 3);
    size_t size;
    char *text = file_read(profile_path, &size);
    CHECK_TEXT(text, "\"name\":\"one\",\"cat\":\"layer\",\"ts\":5.000,\"dur\":2.000,"
                     "\"args\":{\"kind\":\"kind\",\"duration_ns\":4000}}");
    CHECK_TEXT(text, "\"name\":\"two\",\"cat\":\"layer\",\"ts\":7.000,\"dur\":6.000,"
                     "\"args\":{\"duration_ns\":12000}}");
    CHECK_TEXT(text, "\"name\":\"three\",\"cat\":\"layer\",\"ts\":20.000,\"dur\":1.001,");
    free(text);
}

int main(void) {
    test_guests(false);
    test_guests(true);
    test_cut();
    test_layers();
    remove(profile_path);
    return check_result();
}
