/* What the observer is told: in which order, by which names, of how many bytes, also of calls that fail, and
 * from several threads.
 *
 *     observer_test [FLAVOUR]   default: fake */
#include "check.h"
#include "world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MOST = 256, THREADS = 6, ROUNDS = 30 };

/* An event, with copies of its texts. */
typedef struct seen {
    wasinn_event event;
    char name[64], detail[128];
} seen;

typedef struct record {
    seen list[MOST];
    size_t count;
    size_t read; /* how many the test has looked at */
} record;

static const flavour *used;

static void keep(void *data, const wasinn_event *event) {
    record *record = data;
    CHECK_EQ(event->struct_size, sizeof *event);
    CHECK(event->begin_ns > 0 && event->begin_ns <= event->end_ns);
    if (!CHECK(record->count < MOST))
        return;
    seen *kept = &record->list[record->count++];
    kept->event = *event;
    snprintf(kept->name, sizeof kept->name, "%s", event->name);
    snprintf(kept->detail, sizeof kept->detail, "%s", event->detail);
}

/* The next event, if it is of this kind and name; else one that is like nothing. */
static const seen *next(record *record, wasinn_event_kind kind, const char *name) {
    static const seen none = {.event = {.kind = (wasinn_event_kind)99}};
    if (!CHECK(record->read < record->count))
        return &none;
    const seen *found = &record->list[record->read++];
    bool fits = CHECK_EQ(found->event.kind, kind);
    CHECK_TEXT(found->name, name);
    CHECK_EQ(strlen(found->name), strlen(name));
    return fits ? found : &none;
}

static void expect_call(record *record, const char *name, uint64_t bytes, wasinn_status status) {
    const seen *call = next(record, WASINN_EVENT_CALL, name);
    CHECK_EQ(call->event.bytes, bytes);
    CHECK_EQ(call->event.status, status);
    CHECK_TEXT(call->detail, "");
}

static void expect_end(record *record) {
    CHECK_EQ(record->read, record->count);
    record->read = record->count = 0;
}

static void begin(world *world, record *record, const char *what) {
    check_case = what;
    *record = (struct record){0};
    world_new(world, used);
    wasinn_host_set_observer(world->host, keep, record);
}

static size_t size_of(const char *name) {
    model_bytes model = model_read(used, name);
    size_t size = model_size(&model);
    model_free(&model);
    return size;
}

enum { TENSOR = 300000, DATA = 301024, BUFFER = 302048 };

static void put_pair(world *w) {
    put_bytes(w, DATA, (float[]){1, 2, 3, 4}, 16);
    put_tensor(w, TENSOR, 1, 2, (uint32_t[]){2, 2}, DATA, 16);
}

static void add_pair(world *w, uint32_t context) {
    put_pair(w);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
    CHECK_EQ(CALL(w, "set_input", context, 1, TENSOR), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(CALL(w, "get_output", context, 0, BUFFER, 64, 0), 0);
}

/* A session from bytes: the runtime within the load, the model after it, then call by call. */
static void test_session(void) {
    world w;
    record record;
    uint32_t context = 0;
    begin(&w, &record, "session");
    CHECK_EQ(world_open(&w, "add", &context), 0);
    add_pair(&w, context);
    const seen *runtime = next(&record, WASINN_EVENT_RUNTIME, used->backend);
    wasinn_backend_info info = {0};
    for (size_t i = 0; wasinn_host_backend_info(w.host, i, &info, sizeof info) == WASINN_OK; i++)
        if (strcmp(info.name, used->backend) == 0)
            break;
    CHECK_TEXT(info.version, runtime->detail);
    CHECK(runtime->detail[0] != '\0');
    const seen *model = next(&record, WASINN_EVENT_MODEL, "");
    CHECK_TEXT(model->detail, "compiled");
    CHECK(model->event.bytes > 0);
    CHECK(model->event.begin_ns >= runtime->event.end_ns);
    const seen *load = &record.list[record.read];
    CHECK(load->event.begin_ns <= runtime->event.begin_ns && load->event.end_ns >= model->event.end_ns);
    expect_call(&record, "load", size_of("add"), WASINN_OK);
    expect_call(&record, "init_execution_context", 0, WASINN_OK);
    expect_call(&record, "set_input", 16, WASINN_OK);
    expect_call(&record, "set_input", 16, WASINN_OK);
    expect_call(&record, "compute", 0, WASINN_OK);
    expect_call(&record, "get_output", 16, WASINN_OK);
    for (size_t i = 0; i < record.read; i++) {
        CHECK(record.list[i].event.guest == w.guest);
        CHECK(i == 0 || record.list[i].event.end_ns >= record.list[i - 1].event.end_ns);
    }
    record.count = record.read; /* the other backends may have been opened */
    CHECK_EQ(CALL(&w, "close", context), 0);
    expect_call(&record, "close", 0, WASINN_OK);
    expect_end(&record);
    world_free(&w);
}

/* A named model is loaded once; a second guest finds it. Its name is escaped. */
static void test_named(void) {
    static const char name[] = "a\033dd";
    world w;
    record record;
    char path[PATH];
    begin(&w, &record, "named");
    CHECK_EQ(
        wasinn_host_add_model(w.host, name, model_path(used, "add", path), used->encoding, WASINN_TARGET_CPU),
        WASINN_OK);
    put_bytes(&w, DATA, name, strlen(name));
    CHECK_EQ(CALL(&w, "load_by_name", DATA, 4, 0), 0);
    next(&record, WASINN_EVENT_RUNTIME, used->backend);
    const seen *model = next(&record, WASINN_EVENT_MODEL, "a\\x1bdd");
    uint64_t bytes = model->event.bytes;
    CHECK_TEXT(model->detail, "compiled");
    expect_call(&record, "load_by_name", 4, WASINN_OK);
    expect_end(&record);
    world_renew_guest(&w);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(CALL(&w, "load_by_name", DATA, 4, 0), 0);
        model = next(&record, WASINN_EVENT_MODEL, "a\\x1bdd");
        CHECK_TEXT(model->detail, "shared");
        CHECK_EQ(model->event.bytes, bytes);
        CHECK(model->event.guest == w.guest);
        expect_call(&record, "load_by_name", 4, WASINN_OK);
    }
    CHECK_EQ(CALL(&w, "load_by_name", DATA, 3, 0), 8);
    expect_call(&record, "load_by_name", 0, WASINN_NOT_FOUND);
    expect_end(&record);
    world_free(&w);
}

/* What fails is told with its status and no bytes. */
static void test_failures(void) {
    world w;
    record record;
    uint32_t context = 0;
    begin(&w, &record, "failures");
    CHECK_EQ(world_open(&w, "add", &context), 0);
    add_pair(&w, context);
    record.count = 0;
    put_tensor(&w, TENSOR, 1, 2, (uint32_t[]){2, 3}, DATA, 24);
    CHECK_EQ(CALL(&w, "set_input", context, 0, TENSOR), 1);
    expect_call(&record, "set_input", 0, WASINN_INVALID_ARGUMENT);
    CHECK_EQ(CALL(&w, "get_output", context, 0, BUFFER, 15, 0), 7);
    expect_call(&record, "get_output", 0, WASINN_TOO_LARGE);
    CHECK_EQ(CALL(&w, "compute", 12345), 1);
    expect_call(&record, "compute", 0, WASINN_INVALID_HANDLE);
    CHECK_EQ(CALL(&w, "get_output", context, 0, 0xFFFFFFF0u, 64, 0), TRAP);
    expect_call(&record, "get_output", 0, WASINN_INVALID_ARGUMENT);
    wasinn_memory memory = w.memory;
    w.memory = (wasinn_memory){NULL, 0};
    CHECK_EQ(CALL(&w, "compute", context), 3);
    expect_call(&record, "compute", 0, WASINN_MISSING_MEMORY);
    w.memory = memory;
    /* A model that is refused is no model that was loaded. */
    model_bytes broken = {
        .data = {(char *)"no model", (char *)"at all"}, .size = {8, 6}, .parts = used->parts};
    static const uint32_t order[] = {0, 1};
    CHECK(world_load_parts(&w, &broken, order, broken.parts, used->number, 0) != 0);
    const seen *call = next(&record, WASINN_EVENT_CALL, "load");
    CHECK(call->event.status != WASINN_OK && call->event.bytes == 0);
    /* The text of that, and a port by its name. */
    CHECK_EQ(CALL(&w, "last_error", BUFFER, 10, 0), 0);
    expect_call(&record, "last_error", 10, WASINN_OK);
    CHECK_EQ(CALL(&w, "close", context), 0);
    expect_call(&record, "close", 0, WASINN_OK);
    expect_end(&record);
    world_free(&w);
}

static bool fail_layers(void *data, const char *entry) {
    (void)data;
    return strcmp(entry, "layers") == 0;
}

/* Sets the inputs of "add", or the one of "shapes", which is zeros. */
static void set_inputs(world *w, uint32_t context) {
    put_pair(w);
    if (used->folder)
        put_tensor(w, TENSOR, 1, 4, (uint32_t[]){1, 64, 64, 3}, BUFFER, 64 * 64 * 3 * 4);
    for (uint32_t i = 0; i < (used->folder ? 1 : 2); i++)
        CHECK_EQ(CALL(w, "set_input", context, i, TENSOR), 0);
}

/* Layers come before the compute that they are of, end to end from its beginning. */
static void test_layers(void) {
    world w;
    record record;
    uint32_t plain = 0, profiled = 0;
    const char *model = used->folder ? "shapes" : "add";
    begin(&w, &record, "layers");
    CHECK_EQ(world_open(&w, model, &plain), 0);
    wasinn_host_set_profiling(w.host, true);
    CHECK_EQ(world_open(&w, model, &profiled), 0);
    set_inputs(&w, plain);
    set_inputs(&w, profiled);
    record.count = 0;
    CHECK_EQ(CALL(&w, "compute", plain), 0);
    expect_call(&record, "compute", 0, WASINN_OK);
    expect_end(&record);
    CHECK_EQ(CALL(&w, "compute", profiled), 0);
    size_t layers = record.count - 1;
    CHECK(record.count > 1 && record.list[layers].event.kind == WASINN_EVENT_CALL);
    uint64_t at = record.list[0].event.begin_ns;
    CHECK(at >= record.list[layers].event.begin_ns);
    for (size_t i = 0; i < layers; i++) {
        const seen *layer = &record.list[i];
        CHECK_EQ(layer->event.kind, WASINN_EVENT_LAYER);
        CHECK_EQ(layer->event.begin_ns, at);
        CHECK(layer->event.guest == w.guest && layer->name[0] && layer->detail[0]);
        at = layer->event.end_ns;
    }
    if (!used->folder) {
        CHECK_EQ(layers, 2);
        CHECK_TEXT(next(&record, WASINN_EVENT_LAYER, "read")->detail, "fake read");
        CHECK_TEXT(next(&record, WASINN_EVENT_LAYER, "sum")->detail, "add");
        CHECK_EQ(record.list[1].event.end_ns - record.list[0].event.begin_ns, 3000);
    } else {
        CHECK(layers >= 5);
        CHECK_TEXT(record.list[0].name, "c0");
        CHECK_TEXT(record.list[0].detail, "Convolution, ");
        record.read = layers;
    }
    expect_call(&record, "compute", 0, WASINN_OK);
    expect_end(&record);
    /* Layers that cannot be told are no failure of the compute. */
    w.host->faults = (wasinn__faults){fail_layers, NULL};
    CHECK_EQ(CALL(&w, "compute", profiled), 0);
    expect_call(&record, "compute", 0, WASINN_OK);
    expect_end(&record);
    world_free(&w);
}

/* A runtime that the host opens for itself is nobody's doing. */
static void test_host(void) {
    world w;
    record record;
    wasinn_backend_info info;
    bool found = false;
    begin(&w, &record, "host");
    for (size_t i = 0; wasinn_host_backend_info(w.host, i, &info, sizeof info) == WASINN_OK; i++)
        if (strcmp(info.name, used->backend) == 0)
            break;
    for (size_t i = 0; i < record.count; i++) {
        CHECK_EQ(record.list[i].event.kind, WASINN_EVENT_RUNTIME);
        CHECK(!record.list[i].event.guest);
        found = found || strcmp(record.list[i].name, used->backend) == 0;
    }
    CHECK(found);
    size_t opened = record.count;
    char path[PATH];
    CHECK_EQ(wasinn_host_backend_info(w.host, 0, &info, sizeof info), WASINN_OK);
    CHECK_EQ(wasinn_host_open_runtime(w.host, used->encoding), WASINN_OK);
    CHECK_EQ(record.count, opened);
    CHECK_EQ(wasinn_host_add_model(w.host, "add", model_path(used, "add", path), used->encoding,
                                   WASINN_TARGET_CPU),
             WASINN_OK);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(wasinn_host_preload(w.host, "add"), WASINN_OK);
        record.read = opened + (size_t)i;
        const seen *model = next(&record, WASINN_EVENT_MODEL, "add");
        CHECK_TEXT(model->detail, i == 0 ? "compiled" : "shared");
        CHECK(!model->event.guest);
    }
    opened = record.count;
    wasinn_host_set_observer(w.host, NULL, NULL);
    uint32_t graph;
    CHECK_EQ(world_load(&w, "add", &graph), 0);
    CHECK_EQ(record.count, opened);
    world_free(&w);
}

/* ---- Several threads ------------------------------------------------------------------------------ */

typedef struct totals {
    atomic_uint calls, failed, models[2], runtimes, layers; /* models: compiled, shared */
    atomic_ullong bytes;
} totals;

static void count(void *data, const wasinn_event *event) {
    totals *totals = data;
    switch (event->kind) {
    case WASINN_EVENT_RUNTIME:
        atomic_fetch_add(&totals->runtimes, 1);
        break;
    case WASINN_EVENT_MODEL:
        atomic_fetch_add(&totals->models[strcmp(event->detail, "shared") == 0], 1);
        break;
    case WASINN_EVENT_CALL:
        atomic_fetch_add(&totals->calls, 1);
        atomic_fetch_add(&totals->failed, event->status != WASINN_OK);
        atomic_fetch_add(&totals->bytes, event->bytes);
        break;
    case WASINN_EVENT_LAYER:
        atomic_fetch_add(&totals->layers, 1);
    }
}

static void *work(void *data) {
    world w = *(world *)data; /* the host is everybody's */
    wasinn_memory memory = {calloc(1, w.memory.size), w.memory.size};
    w.memory = memory;
    if (wasinn_guest_new(w.host, &w.guest) != WASINN_OK)
        exit(2);
    put_bytes(&w, DATA, "add", 3);
    CALL(&w, "load_by_name", DATA, 3, 0);
    CALL(&w, "init_execution_context", get_u32(&w, 0), 4);
    put_pair(&w);
    for (int i = 0; i < ROUNDS; i++) {
        CALL(&w, "set_input", get_u32(&w, 4), 0, TENSOR);
        CALL(&w, "set_input", get_u32(&w, 4), 1, TENSOR);
        CALL(&w, "set_input", get_u32(&w, 4), 2, TENSOR); /* there is no such input */
        CALL(&w, "compute", get_u32(&w, 4));
        CALL(&w, "get_output", get_u32(&w, 4), 0, BUFFER, 64, 0);
    }
    wasinn_guest_free(w.guest);
    free(memory.base);
    return NULL;
}

static void test_threads(void) {
    world w;
    totals totals = {0};
    pthread_t threads[THREADS];
    char path[PATH];
    check_case = "threads";
    world_new(&w, used);
    wasinn_host_set_log(w.host, NULL, NULL);
    wasinn_host_set_observer(w.host, count, &totals);
    wasinn_host_set_profiling(w.host, true);
    CHECK_EQ(wasinn_host_add_model(w.host, "add", model_path(used, "add", path), used->encoding,
                                   WASINN_TARGET_CPU),
             WASINN_OK);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &w) != 0)
            exit(2);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(totals.runtimes, 1);
    CHECK_EQ(totals.models[0], 1);
    CHECK_EQ(totals.models[1], THREADS - 1);
    CHECK_EQ(totals.calls, THREADS * (2 + 5 * ROUNDS));
    CHECK_EQ(totals.failed, THREADS * ROUNDS);
    CHECK_EQ(totals.bytes, THREADS * (3 + 48 * ROUNDS));
    /* A layer that is faster than a microsecond is none to OpenVINO. */
    if (used->folder)
        CHECK(totals.layers > 0 && totals.layers <= THREADS * ROUNDS);
    else
        CHECK_EQ(totals.layers, 2 * THREADS * ROUNDS);
    world_free(&w);
}

int main(int argc, char **argv) {
    used = flavour_find(argc > 1 ? argv[1] : "fake");
    if (!used)
        return 2;
    const char *problem = flavour_problem(used);
    if (problem[0]) {
        printf("skipped: %s\n", problem);
        return 77;
    }
    test_session();
    test_named();
    test_failures();
    test_layers();
    test_host();
    test_threads();
    return check_result();
}
