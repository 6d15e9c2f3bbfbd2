/* Every allocation and every backend call fails once, in turn, until a whole session succeeds: each failure
 * is an error with a message, and nothing is lost. */
#include "check.h"
#include "core/memory.h"
#include "world.h"

#include <stdlib.h>

#include "backends/fake.h"

typedef struct fault {
    int at, seen;
    const char *entry; /* the one that failed */
} fault;

static bool fails(void *data, const char *entry) {
    fault *fault = data;
    if (++fault->seen != fault->at)
        return false;
    fault->entry = entry;
    return true;
}

static wasinn_status infer(wasinn_guest *guest, wasinn_handle graph) {
    const float ones[4] = {1, 1, 1, 1};
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {2, 2}, .data = ones, .size = 16},
                  output;
    wasinn_handle execution;
    wasinn_status status = wasinn_init_execution_context(guest, graph, &execution);
    for (uint32_t i = 0; i < 2 && status == WASINN_OK; i++)
        status = wasinn_set_input(guest, execution, i, &input);
    if (status == WASINN_OK)
        status = wasinn_compute(guest, execution);
    if (status == WASINN_OK)
        status = wasinn_output(guest, execution, 0, &output);
    if (status == WASINN_OK)
        CHECK(output.size == 16 && ((const float *)output.data)[3] == 2);
    if (status == WASINN_OK) {
        float sum[4] = {0};
        wasinn_result result = {sum, sizeof sum, 0};
        status = wasinn_infer(guest, execution, (wasinn_tensor[]){input, input}, 2, &result, 1);
        CHECK(status != WASINN_OK || (result.written == 16 && sum[3] == 2));
    }
    return status;
}

#define ADD "fake\ninput a f32 2 2\ninput b f32 2 2\noutput sum f32 2 2 = add a b\n"

static const wasinn_blob add[] = {{ADD, sizeof ADD - 1}, {"weights", 7}};

static wasinn_status use_guest(wasinn_guest *guest) {
    wasinn_handle graph, named, bytes;
    wasinn_status status = wasinn_load(guest, add, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &graph);
    if (status == WASINN_OK)
        status = wasinn_load_by_name(guest, "add", 3, &named);
    if (status == WASINN_OK)
        status = wasinn_load_by_name(guest, "bytes", 5, &bytes);
    if (status == WASINN_OK)
        status = infer(guest, graph);
    if (status == WASINN_OK)
        status = infer(guest, named);
    if (status == WASINN_OK)
        status = infer(guest, bytes);
    if (status == WASINN_OK)
        status = wasinn_close(guest, graph);
    if (status != WASINN_OK)
        CHECK(wasinn_guest_last_error(guest)[0] != '\0');
    return status;
}

static wasinn_status use_host(wasinn_host *host) {
    wasinn_guest *guest;
    wasinn_status status = wasinn_host_add_backend(host, &wasinn__backend_fake);
    if (status == WASINN_OK)
        status = wasinn_host_set_library(host, "fake", "anywhere");
    /* Else the next backend would be tried where this one fails. */
    if (status == WASINN_OK)
        status = wasinn_host_prefer(host, WASINN_ENCODING_OPENVINO, "fake");
    if (status == WASINN_OK)
        status = wasinn_host_add_model(host, "add", "faults_test.fake", WASINN_ENCODING_OPENVINO,
                                       WASINN_TARGET_CPU);
    if (status == WASINN_OK)
        status =
            wasinn_host_add_model_blobs(host, "bytes", add, 2, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU);
    if (status != WASINN_OK) {
        CHECK(wasinn_host_last_error()[0] != '\0');
        return status;
    }
    status = wasinn_guest_new(host, &guest);
    if (status != WASINN_OK)
        return status;
    status = use_guest(guest);
    wasinn_guest_free(guest);
    return status;
}

static bool observed;

static void observe(void *data, const wasinn_event *event) {
    (void)data;
    CHECK(event->name && event->detail && event->begin_ns <= event->end_ns);
}

static wasinn_status session(fault *fault) {
    wasinn_host *host;
    wasinn_status status = wasinn_host_new(&host);
    if (status != WASINN_OK)
        return status;
    if (fault)
        host->faults = (wasinn__faults){fails, fault};
    wasinn_host_set_observer(host, observed ? observe : NULL, NULL);
    wasinn_host_set_profiling(host, observed);
    status = use_host(host);
    wasinn_host_free(host);
    return status;
}

static void test_allocations(void) {
    wasinn_status status = WASINN_TOO_LARGE;
    uint64_t alive = wasinn__alloc_alive(), nth;
    check_case = observed ? "allocations, observed" : "allocations";
    for (nth = 1; status != WASINN_OK && nth < 1000; nth++) {
        wasinn__alloc_fail_at(nth);
        status = session(NULL);
        CHECK(status == WASINN_OK || status == WASINN_TOO_LARGE);
        CHECK_EQ(wasinn__alloc_alive(), alive);
    }
    wasinn__alloc_fail_at(0);
    CHECK_EQ(status, WASINN_OK);
    CHECK(nth > 15);
}

static void test_backend_calls(void) {
    wasinn_status status = WASINN_RUNTIME_ERROR;
    uint64_t alive = wasinn__alloc_alive();
    fault fault = {0};
    check_case = "backend calls";
    for (int at = 1; status != WASINN_OK && at < 1000; at++) {
        fault.at = at;
        fault.seen = 0;
        fault.entry = NULL;
        status = session(&fault);
        CHECK_EQ(wasinn__alloc_alive(), alive);
        CHECK_EQ(status, fault.entry ? WASINN_RUNTIME_ERROR : WASINN_OK);
    }
    CHECK_EQ(status, WASINN_OK);
    /* open, 3 x load, 3 x 3 ports, 3 x (create, 2 x input, run, output, infer) */
    CHECK_EQ(fault.seen, 1 + 3 + 9 + 18);
}

/* A failed compute leaves no output that could be read, and the next one works. */
static void test_recovery(void) {
    world w;
    fault fault = {0};
    uint32_t context;
    const uint32_t dims[] = {1};
    check_case = "recovery";
    world_new(&w, NULL);
    w.host->faults = (wasinn__faults){fails, &fault};
    CHECK_EQ(world_open(&w, "scalar", &context), 0);
    put_bytes(&w, 1024, (float[]){4}, 4);
    put_tensor(&w, 256, 1, 0, dims, 1024, 4);
    CHECK_EQ(CALL(&w, "set_input", context, 0, 256), 0);
    CHECK_EQ(CALL(&w, "compute", context), 0);
    fault.at = fault.seen + 1;
    CHECK_EQ(CALL(&w, "compute", context), 5);
    CHECK_TEXT(w.log, "compute: runtime_error: fake: a fault was injected into run");
    CHECK_EQ(CALL(&w, "get_output", context, 0, 2048, 4, 0), 5);
    CHECK_EQ(CALL(&w, "compute", context), 0);
    fault.at = fault.seen + 1;
    CHECK_EQ(CALL(&w, "get_output", context, 0, 2048, 4, 0), 5);
    CHECK_EQ(CALL(&w, "get_output", context, 0, 2048, 4, 0), 0);
    /* An input that could not be set is unset: the old value is gone. */
    fault.at = fault.seen + 1;
    CHECK_EQ(CALL(&w, "set_input", context, 0, 256), 5);
    CHECK_EQ(CALL(&w, "compute", context), 5);
    CHECK_TEXT(w.log, "has not been set");
    world_free(&w);
}

/* What fails leaves nothing to read, and the next call works, in a caller's memory and copying. */
static void test_infer_recovery(void) {
    world w;
    fault fault = {0};
    uint32_t context;
    check_case = "infer recovery";
    for (int copies = 0; copies < 2; copies++) {
        const char *const entries[2][4] = {{"infer", NULL}, {"infer", "input", "run", "output"}};
        model_bytes model = {.data = {copies
                                          ? (char *)"fake\ncopies\ninput x f32 4\noutput y f32 4 = double x\n"
                                          : (char *)"fake\ninput x f32 4\noutput y f32 4 = double x\n",
                                      (char *)"weights"},
                             .size = {0, 7},
                             .parts = 2};
        model.size[0] = strlen(model.data[0]);
        world_new(&w, NULL);
        w.host->faults = (wasinn__faults){fails, &fault};
        CHECK_EQ(world_load_parts(&w, &model, (uint32_t[]){0, 1}, 2, 0, 0), 0);
        CHECK_EQ(CALL(&w, "init_execution_context", get_u32(&w, 0), 0), 0);
        context = get_u32(&w, 0);
        put_bytes(&w, 1024, (float[]){1, 2, 3, 4}, 16);
        put_tensor(&w, 256, 1, 1, (uint32_t[]){4}, 1024, 16);
        put_u32(&w, 512, 2048), put_u32(&w, 516, 16), put_u32(&w, 520, 99);
        for (int at = 0; at < 4 && entries[copies][at]; at++) {
            fault.at = fault.seen + 1 + at;
            fault.entry = NULL;
            CHECK_EQ(CALL(&w, "infer", context, 256, 1, 512, 1), 5);
            CHECK(fault.entry && strcmp(fault.entry, entries[copies][at]) == 0);
            CHECK_TEXT(w.log, "infer: runtime_error: fake: a fault was injected into");
            CHECK_EQ(get_u32(&w, 520), 99);
            CHECK_EQ(CALL(&w, "get_output", context, 0, 2048, 16, 0), 5);
            CHECK_EQ(CALL(&w, "compute", context), 5);
            CHECK_TEXT(w.log, "has not been set");
        }
        fault.at = 0;
        unsigned before = atomic_load(&wasinn__fake_infers);
        CHECK_EQ(CALL(&w, "infer", context, 256, 1, 512, 1), 0);
        CHECK_EQ(atomic_load(&wasinn__fake_infers) - before, !copies);
        CHECK_EQ(get_u32(&w, 520), 16);
        CHECK(memcmp(w.memory.base + 2048, (float[]){2, 4, 6, 8}, 16) == 0);
        world_free(&w);
    }
}

/* A backend whose table ends before `infer` is one that copies. */
static void test_older_table(void) {
    static wasinn_backend older;
    const float ones[4] = {1, 1, 1, 1};
    float sum[4] = {0};
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {2, 2}, .data = ones, .size = 16};
    wasinn_result result = {sum, sizeof sum, 0};
    wasinn_host *host;
    wasinn_guest *guest;
    wasinn_handle graph, execution;
    unsigned before = atomic_load(&wasinn__fake_infers);
    check_case = "older table";
    older = wasinn__backend_fake;
    older.struct_size = offsetof(wasinn_backend, infer);
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    CHECK_EQ(wasinn_host_add_backend(host, &older), WASINN_OK);
    CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_OPENVINO, "fake"), WASINN_OK);
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    CHECK_EQ(wasinn_load(guest, add, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &graph), WASINN_OK);
    CHECK_EQ(wasinn_init_execution_context(guest, graph, &execution), WASINN_OK);
    CHECK_EQ(wasinn_infer(guest, execution, (wasinn_tensor[]){input, input}, 2, &result, 1), WASINN_OK);
    CHECK(result.written == 16 && sum[0] == 2 && sum[3] == 2);
    CHECK_EQ(atomic_load(&wasinn__fake_infers), before);
    wasinn_guest_free(guest);
    wasinn_host_free(host);
}

static wasinn_backend broken;

static void test_tables(void) {
    wasinn_host *host;
    wasinn_backend_info info;
    check_case = "tables";
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    broken = wasinn__backend_fake;
    broken.abi_version = 2;
    CHECK_EQ(wasinn_host_add_backend(host, &broken), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "ABI version 2; wanted 1");
    broken = wasinn__backend_fake;
    broken.run = NULL;
    CHECK_EQ(wasinn_host_add_backend(host, &broken), WASINN_INVALID_ARGUMENT);
    broken = wasinn__backend_fake;
    broken.struct_size = 64;
    CHECK_EQ(wasinn_host_add_backend(host, &broken), WASINN_INVALID_ARGUMENT);
    /* One that was built before `probe` existed is not asked to probe. */
    broken = wasinn__backend_fake;
    broken.struct_size = offsetof(wasinn_backend, probe);
    CHECK_EQ(wasinn_host_add_backend(host, &broken), WASINN_OK);
    wasinn_guest *guest;
    wasinn_handle graph;
    wasinn_blob blobs[] = {{"fake\n", 5}, {"", 0}};
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    CHECK_EQ(wasinn_load(guest, blobs, 2, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU, &graph),
             WASINN_INVALID_ENCODING);
    CHECK_EQ(wasinn_load(guest, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &graph), WASINN_OK);
    wasinn_guest_free(guest);
    CHECK_EQ(wasinn_host_backend_info(host, 0, &info, sizeof info), WASINN_OK);
    CHECK_TEXT(info.name, "fake");
    CHECK_EQ(wasinn_host_backend_info(host, 99, &info, sizeof info), WASINN_NOT_FOUND);
    wasinn_host_free(host);
}

/* The fake backend, watched: which bytes it was given, and whether it says that it keeps them. */
static wasinn_backend watched;
static bool keeps;
static const void *given[2];

static wasinn_status load_watched(void *runtime, const wasinn_load_request *request, wasinn_loaded *loaded,
                                  wasinn_message *message) {
    const wasinn_blob *blobs = request->source->blobs;
    CHECK_EQ(request->source->kind, WASINN_SOURCE_BLOBS);
    for (size_t i = 0; i < 2 && CHECK_EQ(request->source->blob_count, 2); i++) {
        given[i] = blobs[i].data;
        CHECK(blobs[i].data != add[i].data && blobs[i].size == add[i].size);
        CHECK(memcmp(blobs[i].data, add[i].data, add[i].size) == 0);
        CHECK_EQ(((const char *)blobs[i].data)[add[i].size], 0);
    }
    wasinn_status status = wasinn__backend_fake.load(runtime, request, loaded, message);
    loaded->keeps_blobs = keeps;
    return status;
}

/* A model that the host registered from memory is held once: the copy made then is what the backend gets. It
 * outlives attempts that fail, and goes with the first that succeeds if the backend does without. */
static void test_registered_bytes(void) {
    const void *held[2];
    uint64_t alive = wasinn__alloc_alive();
    watched = wasinn__backend_fake;
    watched.load = load_watched;
    for (int round = 0; round < 2; round++) {
        wasinn_host *host;
        wasinn_guest *guest;
        wasinn_handle graph;
        fault fault = {0};
        keeps = round == 0;
        check_case = keeps ? "registered bytes, kept" : "registered bytes, not kept";
        CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
        CHECK_EQ(wasinn_host_add_backend(host, &watched), WASINN_OK);
        CHECK_EQ(
            wasinn_host_add_model_blobs(host, "add", add, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
            WASINN_OK);
        for (int i = 0; i < 2; i++)
            held[i] = host->models->blobs.list[i].data;
        CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
        host->faults = (wasinn__faults){fails, &fault};
        /* With the table of handles, which the first attempt makes. */
        uint64_t before = wasinn__alloc_alive() + 1;
        /* First the load fails, then one of the ports, when the backend has already loaded. */
        for (int at = 2; at < 5; at++) {
            fault.at = at;
            fault.seen = at == 2 ? 0 : 1;
            CHECK_EQ(wasinn_load_by_name(guest, "add", 3, &graph), WASINN_RUNTIME_ERROR);
            CHECK(fault.entry && strcmp(fault.entry, at == 2 ? "load" : "port") == 0);
            CHECK_EQ(wasinn__alloc_alive(), before);
            CHECK_EQ(host->models->blobs.count, 2);
        }
        wasinn_guest_interrupt(guest);
        CHECK_EQ(wasinn_load_by_name(guest, "add", 3, &graph), WASINN_TIMEOUT);
        wasinn_guest_resume(guest);
        CHECK_EQ(wasinn_load_by_name(guest, "add", 3, &graph), WASINN_OK);
        CHECK(given[0] == held[0] && given[1] == held[1]);
        /* The graph with its two lists of ports came; three allocations of the copy went unless it is kept.
         */
        CHECK_EQ(wasinn__alloc_alive(), before + 3 - (keeps ? 0 : 3));
        CHECK_EQ(host->models->blobs.count, 0);
        CHECK_EQ(infer(guest, graph), WASINN_OK);
        CHECK_EQ(wasinn_load_by_name(guest, "add", 3, &graph), WASINN_OK);
        CHECK_EQ(infer(guest, graph), WASINN_OK);
        CHECK_EQ(guest->held_bytes, 2 * 48);
        wasinn_guest_free(guest);
        wasinn_host_free(host);
        CHECK_EQ(wasinn__alloc_alive(), alive);
    }
}

static void test_missing_library(void) {
    world w;
    uint32_t graph;
    wasinn_backend_info info;
    check_case = "missing library";
    world_new(&w, NULL);
    CHECK_EQ(wasinn_host_set_library(w.host, "fake", "missing"), WASINN_OK);
    CHECK_EQ(wasinn_host_set_library(w.host, "nothing", "x"), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(world_load(&w, "add", &graph), 2);
    CHECK_TEXT(w.log, "fake: its library is missing");
    CHECK_EQ(wasinn_host_backend_info(w.host, 0, &info, sizeof info), WASINN_OK);
    CHECK_EQ(info.encodings[0], wasinn__backend_fake.encodings[0]);
    CHECK_EQ(info.encoding_count, wasinn__backend_fake.encoding_count);
    CHECK(!info.version && strstr(info.problem, "missing"));
    CHECK_EQ(wasinn_host_set_library(w.host, "fake", "there"), WASINN_OK);
    CHECK_EQ(world_load(&w, "add", &graph), 0);
    CHECK_EQ(wasinn_host_set_library(w.host, "fake", "missing"), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "has been opened already");
    world_free(&w);
}

int main(void) {
    FILE *stream = fopen("faults_test.fake", "w");
    fputs("fake\ninput a f32 2 2\ninput b f32 2 2\noutput sum f32 2 2 = add a b\n", stream);
    fclose(stream);
    test_allocations();
    observed = true;
    test_allocations();
    observed = false;
    test_backend_calls();
    test_recovery();
    test_infer_recovery();
    test_older_table();
    test_tables();
    test_registered_bytes();
    test_missing_library();
    return check_result();
}
