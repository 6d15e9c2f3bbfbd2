/* The ONNX Runtime backend, on the real library.
 *
 *     onnxruntime_test FIXTURES                     the tests
 *     onnxruntime_test compute MODEL INPUT OUTPUT   sets input 0 to the bytes of a file, writes those of
 * output 0
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "wasinn/wasinn.h"

static const char *fixtures;
static wasinn_host *host;
static wasinn_guest *guest;

static void start(void) {
    if (wasinn_host_new(&host) != WASINN_OK)
        abort();
    CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_ONNX, "onnxruntime"), WASINN_OK);
}

static void stop(void) {
    wasinn_guest_free(guest);
    wasinn_host_free(host);
    guest = NULL;
}

static const char *path_of(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/onnxruntime/%s.onnx", fixtures, name);
    return path;
}

static wasinn_status register_path(const char *path, const wasinn_option *options, size_t count) {
    wasinn_model_config config;
    wasinn_model_config_default(&config, sizeof config);
    config.path = path;
    config.backend = "onnxruntime";
    config.options = options;
    config.option_count = count;
    return wasinn_host_register(host, "model", &config);
}

/* A host with one model of a path, and a guest that loads it. */
static wasinn_status open_path(const char *path, wasinn_handle *graph) {
    start();
    CHECK_EQ(register_path(path, NULL, 0), WASINN_OK);
    if (wasinn_guest_new(host, &guest) != WASINN_OK)
        abort();
    return wasinn_load_by_name(guest, "model", 5, graph);
}

static bool open_context(const char *name, wasinn_handle *graph, wasinn_handle *context) {
    bool good = CHECK_EQ(open_path(path_of(name), graph), WASINN_OK) &&
                CHECK_EQ(wasinn_init_execution_context(guest, *graph, context), WASINN_OK);
    if (!good)
        fprintf(stderr, "  %s\n", wasinn_guest_last_error(guest));
    return good;
}

static wasinn_blob read_file(const char *path) {
    wasinn_blob blob = {NULL, 0};
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END) != 0)
        abort();
    blob.size = (size_t)ftell(stream);
    rewind(stream);
    char *data = malloc(blob.size + 1);
    if (!data || fread(data, 1, blob.size, stream) != blob.size)
        abort();
    fclose(stream);
    blob.data = data;
    return blob;
}

static wasinn_status load_bytes(const void *data, size_t size, wasinn_target target, wasinn_handle *graph) {
    const wasinn_blob blob = {data, size};
    return wasinn_load(guest, &blob, 1, WASINN_ENCODING_ONNX, target, graph);
}

static wasinn_status set(wasinn_handle context, uint32_t index, wasinn_type type, uint32_t rank,
                         const int64_t *dims, const void *data, size_t size) {
    wasinn_tensor tensor = {.type = type, .rank = rank, .data = data, .size = size};
    memcpy(tensor.dims, dims, rank * sizeof *dims);
    return wasinn_set_input(guest, context, index, &tensor);
}
#define SET(context, index, type, data, ...)                                                                 \
    CHECK_EQ(set((context), (index), (type), sizeof (int64_t[]){__VA_ARGS__} / sizeof(int64_t),              \
                 (int64_t[]){__VA_ARGS__}, (data), sizeof(data)),                                            \
             WASINN_OK)
static const int64_t no_dims[1];

static void computes(wasinn_handle context) {
    if (!CHECK_EQ(wasinn_compute(guest, context), WASINN_OK))
        fprintf(stderr, "  %s\n", wasinn_guest_last_error(guest));
}

static void gives(wasinn_handle context, uint32_t index, const void *wanted, size_t size) {
    wasinn_tensor view = {0};
    CHECK_EQ(wasinn_output(guest, context, index, &view), WASINN_OK);
    if (CHECK_EQ(view.size, size) && size > 0)
        CHECK(memcmp(view.data, wanted, size) == 0);
}
#define GIVES(context, index, ...)                                                                           \
    gives((context), (index), (const float[]){__VA_ARGS__}, sizeof (const float[]){__VA_ARGS__})

/* ---- What it says of itself ------------------------------------------------------------------------ */

static void test_description(void) {
    wasinn_backend_info info;
    bool found = false;
    check_case = "description";
    start();
    for (size_t i = 0; !found && wasinn_host_backend_info(host, i, &info, sizeof info) == WASINN_OK; i++)
        found = strcmp(info.name, "onnxruntime") == 0;
    if (CHECK(found)) {
        CHECK_EQ(strlen(info.problem), 0);
        CHECK_TEXT(info.version, "1.");
        CHECK_TEXT(info.path, "libonnxruntime.so");
        CHECK(info.encoding_count == 1 && info.encodings[0] == WASINN_ENCODING_ONNX);
        CHECK(info.device_count == 1 && strcmp(info.devices[0], "CPU") == 0);
        for (size_t i = 0; i < info.option_count; i++)
            CHECK_TEXT(info.option_texts[i], "default: ");
    }
    stop();
}

static void test_options(void) {
    static const struct {
        const char *key, *value;
        bool good;
    } cases[] = {
        {"threads", "1", true},          {"threads", "1024", true},      {"threads", "0", false},
        {"threads", "1025", false},      {"threads", "-1", false},       {"threads", "2x", false},
        {"threads", "", false},          {"interop_threads", "2", true}, {"optimization", "none", true},
        {"optimization", "basic", true}, {"optimization", "all", true},  {"optimization", "extended", true},
        {"optimization", "most", false}, {"precision", "f32", true},     {"precision", "bf16", false},
        {"spinning", "no", true},        {"spinning", "maybe", false},   {"arena", "no", true},
        {"arena", "1", false},           {"colour", "red", false},
    };
    check_case = "options";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const float a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40};
        const wasinn_option option = {cases[i].key, cases[i].value};
        wasinn_handle graph, context;
        start();
        wasinn_status status = register_path(path_of("add"), &option, 1);
        if (!CHECK_EQ(status, cases[i].good ? WASINN_OK : WASINN_INVALID_ARGUMENT))
            fprintf(stderr, "  %s=%s: %s\n", option.key, option.value, wasinn_host_last_error());
        /* So many threads would be in the way of other tests. */
        if (status == WASINN_OK && strcmp(option.value, "1024") != 0) {
            CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
            CHECK_EQ(wasinn_load_by_name(guest, "model", 5, &graph), WASINN_OK);
            CHECK_EQ(wasinn_init_execution_context(guest, graph, &context), WASINN_OK);
            SET(context, 0, WASINN_TYPE_F32, a, 2, 2);
            SET(context, 1, WASINN_TYPE_F32, b, 2, 2);
            computes(context);
            GIVES(context, 0, 11, 22, 33, 44);
        }
        stop();
    }
}

/* ---- Computing -------------------------------------------------------------------------------------- */

static void test_add(void) {
    const float a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40}, c[] = {0, 0, 0, 1};
    wasinn_handle graph, context, other;
    check_case = "add";
    if (open_context("add", &graph, &context)) {
        CHECK_EQ(wasinn_compute(guest, context), WASINN_RUNTIME_ERROR);
        for (int i = 0; i < 3; i++) {
            SET(context, 0, WASINN_TYPE_F32, a, 2, 2);
            SET(context, 1, WASINN_TYPE_F32, b, 2, 2);
            computes(context);
            GIVES(context, 0, 11, 22, 33, 44);
            GIVES(context, 1, -9, -18, -27, -36);
            SET(context, 1, WASINN_TYPE_F32, c, 2, 2);
            computes(context);
            GIVES(context, 0, 1, 2, 3, 5);
        }
        /* Executions of one model keep apart. */
        CHECK_EQ(wasinn_init_execution_context(guest, graph, &other), WASINN_OK);
        SET(other, 0, WASINN_TYPE_F32, b, 2, 2);
        SET(other, 1, WASINN_TYPE_F32, b, 2, 2);
        computes(other);
        GIVES(other, 0, 20, 40, 60, 80);
        GIVES(context, 0, 1, 2, 3, 5);
        CHECK_EQ(set(context, 0, WASINN_TYPE_F32, 1, (int64_t[]){4}, a, sizeof a), WASINN_INVALID_ARGUMENT);
        CHECK_TEXT(wasinn_guest_last_error(guest), "input 0 'a' wants f32 [2,2], got f32 [4]");
    }
    stop();
}

static void test_dynamic(void) {
    const float six[] = {1, 0, 3, 0, 0, 6}, three[] = {7, 8, 0};
    const int64_t where_six[] = {0, 0, 1, 0, 2, 2}, where_three[] = {0, 0, 0, 1};
    wasinn_handle graph, context;
    wasinn_port port;
    wasinn_tensor view;
    check_case = "dynamic";
    if (open_context("dynamic", &graph, &context)) {
        CHECK_EQ(wasinn_graph_port(guest, graph, WASINN_INPUT, 0, &port), WASINN_OK);
        CHECK(port.rank == 2 && port.dims[0] == -1 && port.min_dims[0] == 0 && port.max_dims[0] == -1 &&
              port.dims[1] == 3);
        for (int i = 0; i < 3; i++) {
            SET(context, 0, WASINN_TYPE_F32, six, 2, 3);
            computes(context);
            GIVES(context, 0, 2, 0, 6, 0, 0, 12);
            gives(context, 1, where_six, sizeof where_six);
            SET(context, 0, WASINN_TYPE_F32, three, 1, 3);
            computes(context);
            GIVES(context, 0, 14, 16, 0);
            gives(context, 1, where_three, sizeof where_three);
            CHECK_EQ(wasinn_output(guest, context, 1, &view), WASINN_OK);
            CHECK(view.type == WASINN_TYPE_I64 && view.rank == 2 && view.dims[0] == 2 && view.dims[1] == 2);
        }
        CHECK_EQ(set(context, 0, WASINN_TYPE_F32, 2, (int64_t[]){0, 3}, NULL, 0), WASINN_OK);
        computes(context);
        gives(context, 0, NULL, 0);
    }
    stop();
}

static void test_types(void) {
    static const wasinn_type types[] = {
        WASINN_TYPE_F32, WASINN_TYPE_F64, WASINN_TYPE_F16,  WASINN_TYPE_BF16, WASINN_TYPE_I8,
        WASINN_TYPE_U8,  WASINN_TYPE_I16, WASINN_TYPE_U16,  WASINN_TYPE_I32,  WASINN_TYPE_U32,
        WASINN_TYPE_I64, WASINN_TYPE_U64, WASINN_TYPE_BOOL,
    };
    enum { COUNT = sizeof types / sizeof *types };
    wasinn_handle graph, context;
    wasinn_port port;
    uint32_t count = 0;
    check_case = "types";
    if (!open_context("types", &graph, &context)) {
        stop();
        return;
    }
    CHECK_EQ(wasinn_graph_port_count(guest, graph, WASINN_INPUT, &count), WASINN_OK);
    CHECK_EQ(count, COUNT + 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        for (int side = 0; side < 2; side++) {
            CHECK_EQ(wasinn_graph_port(guest, graph, (wasinn_direction)side, i, &port), WASINN_OK);
            CHECK_EQ(port.type, types[i]);
            CHECK_EQ(port.element_bits, 8 * wasinn_type_size(types[i]));
        }
    }
    /* A string is nothing that has bytes: it can neither be set nor read; the rest stays of use. */
    CHECK_EQ(wasinn_graph_port(guest, graph, WASINN_INPUT, COUNT, &port), WASINN_OK);
    CHECK_EQ(port.type, WASINN_TYPE_OTHER);
    CHECK_EQ(set(context, COUNT, WASINN_TYPE_U8, 1, (int64_t[]){2}, "ab", 2), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_graph_port(guest, graph, WASINN_OUTPUT, COUNT + 1, &port), WASINN_OK);
    CHECK(port.type == WASINN_TYPE_U8 && port.element_bits == 8);
    CHECK_EQ(wasinn_graph_port(guest, graph, WASINN_OUTPUT, COUNT + 2, &port), WASINN_OK);
    CHECK(port.type == WASINN_TYPE_OTHER && port.element_bits == 4);
    stop();
}

static void test_ranks(void) {
    const float one[] = {41}, many[] = {1, 2, 3, 4};
    wasinn_handle graph, context;
    wasinn_port port;
    wasinn_tensor view;
    uint32_t count = 0;
    check_case = "ranks";
    if (open_context("ranks", &graph, &context)) {
        CHECK_EQ(wasinn_graph_port_count(guest, graph, WASINN_INPUT, &count), WASINN_OK);
        CHECK_EQ(count, 2);
        CHECK_EQ(wasinn_graph_port(guest, graph, WASINN_INPUT, 0, &port), WASINN_OK);
        CHECK_EQ(port.rank, 0);
        CHECK_EQ(wasinn_graph_port(guest, graph, WASINN_INPUT, 1, &port), WASINN_OK);
        CHECK_EQ(port.rank, WASINN_DYNAMIC_RANK);
        CHECK_EQ(set(context, 0, WASINN_TYPE_F32, 0, no_dims, one, sizeof one), WASINN_OK);
        SET(context, 1, WASINN_TYPE_F32, many, 1, 2, 2);
        computes(context);
        GIVES(context, 0, 42);
        GIVES(context, 1, 1, 2, 3, 4);
        CHECK_EQ(wasinn_output(guest, context, 1, &view), WASINN_OK);
        CHECK(view.rank == 3 && view.dims[0] == 1 && view.dims[2] == 2);
        SET(context, 1, WASINN_TYPE_F32, many, 4);
        computes(context);
        CHECK_EQ(wasinn_output(guest, context, 1, &view), WASINN_OK);
        CHECK(view.rank == 1 && view.dims[0] == 4);
    }
    stop();
}

/* The shape that a model gives an output need not be the one that it has; results of the last run are used
 * again only where that is so. */
static void test_lies(void) {
    const float x[] = {1, 2, 3, 4};
    const int64_t square[] = {2, 2}, line[] = {1, 4};
    wasinn_handle graph, context;
    wasinn_tensor view;
    check_case = "lies";
    if (open_context("lies", &graph, &context)) {
        SET(context, 0, WASINN_TYPE_F32, x, 4);
        for (int i = 0; i < 6; i++) {
            const int64_t *shape = i % 3 == 1 ? line : square;
            CHECK_EQ(set(context, 1, WASINN_TYPE_I64, 1, (int64_t[]){2}, shape, sizeof square), WASINN_OK);
            computes(context);
            GIVES(context, 0, 1, 2, 3, 4);
            CHECK_EQ(wasinn_output(guest, context, 0, &view), WASINN_OK);
            CHECK(view.rank == 2 && view.dims[0] == shape[0] && view.dims[1] == shape[1]);
        }
    }
    stop();
}

/* A result that is the input itself stays readable while that is given more room for the next run. */
static void test_passed(void) {
    static float many[300000];
    const float x[] = {1, 2, 3, 4}, y[] = {5};
    wasinn_handle graph, context;
    check_case = "passed";
    if (open_context("passed", &graph, &context)) {
        for (int i = 0; i < 3; i++) {
            SET(context, 0, WASINN_TYPE_F32, x, 4);
            computes(context);
            SET(context, 0, WASINN_TYPE_F32, many, 300000);
            GIVES(context, 1, -1, -2, -3, -4);
            /* Later there is room enough where it is. */
            if (i == 0)
                gives(context, 0, x, sizeof x);
            SET(context, 0, WASINN_TYPE_F32, y, 1);
            computes(context);
            GIVES(context, 0, 5);
        }
    }
    stop();
}

/* Limits are for what there is, not for what a model says. */
static void test_larger(void) {
    wasinn_limits limits;
    wasinn_handle graph, context;
    wasinn_tensor view;
    check_case = "larger";
    if (open_context("larger", &graph, &context)) {
        SET(context, 0, WASINN_TYPE_I64, (int64_t[]){1000}, 1);
        computes(context);
        CHECK_EQ(wasinn_output(guest, context, 0, &view), WASINN_OK);
        CHECK_EQ(view.size, 4000);
        wasinn_limits_default(&limits, sizeof limits);
        limits.tensor_bytes = 4000;
        CHECK_EQ(wasinn_guest_set_limits(guest, &limits), WASINN_OK);
        SET(context, 0, WASINN_TYPE_I64, (int64_t[]){1001}, 1);
        CHECK_EQ(wasinn_compute(guest, context), WASINN_TOO_LARGE);
        CHECK_TEXT(wasinn_guest_last_error(guest),
                   "output 0 'y' is f32 [1001], 4004 bytes; the limit is 4000");
        SET(context, 0, WASINN_TYPE_I64, (int64_t[]){10}, 1);
        computes(context);
    }
    stop();
}

/* A result that is the input itself must not be written into by a run that makes a new one. */
static void test_branches(void) {
    const float x[] = {1, 2, 3, 4};
    wasinn_handle graph, context;
    check_case = "branches";
    if (open_context("branches", &graph, &context)) {
        SET(context, 0, WASINN_TYPE_F32, x, 4);
        for (int i = 0; i < 6; i++) {
            const uint8_t passed = i % 2 == 0;
            CHECK_EQ(set(context, 1, WASINN_TYPE_BOOL, 0, no_dims, &passed, 1), WASINN_OK);
            computes(context);
            if (passed)
                GIVES(context, 0, 1, 2, 3, 4);
            else
                GIVES(context, 0, 2, 4, 6, 8);
            GIVES(context, 1, 1, 2, 3, 4);
        }
    }
    stop();
}

static void test_sequences(void) {
    const float x[] = {1, 2, 3, 4};
    wasinn_handle graph, context;
    wasinn_tensor view;
    check_case = "sequences";
    if (open_context("sequence_output", &graph, &context)) {
        SET(context, 0, WASINN_TYPE_F32, x, 2, 2);
        computes(context);
        GIVES(context, 1, -1, -2, -3, -4);
        CHECK_EQ(wasinn_output(guest, context, 0, &view), WASINN_UNSUPPORTED_OPERATION);
    }
    stop();
    CHECK_EQ(open_path(path_of("sequence_input"), &graph), WASINN_UNSUPPORTED_OPERATION);
    CHECK_TEXT(wasinn_guest_last_error(guest), "input 0 'parts' is a sequence; only tensors can be set");
    stop();
    check_case = "nothing";
    if (open_context("nothing", &graph, &context)) {
        CHECK_EQ(set(context, 0, WASINN_TYPE_F32, 1, (int64_t[]){2}, x, 2 * sizeof *x), WASINN_OK);
        computes(context);
        GIVES(context, 1, -1, -2);
        CHECK_EQ(wasinn_output(guest, context, 0, &view), WASINN_UNSUPPORTED_OPERATION);
    }
    stop();
}

/* ---- Time ------------------------------------------------------------------------------------------- */

static void *interrupt(void *data) {
    (void)data;
    usleep(100000);
    wasinn_guest_interrupt(guest);
    return NULL;
}

static void test_cancel(void) {
    const float x[] = {0, 0};
    const int64_t endless = INT64_MAX, few = 2;
    wasinn_handle graph, context;
    wasinn_limits limits;
    pthread_t thread;
    check_case = "cancel";
    if (open_context("loop", &graph, &context)) {
        wasinn_limits_default(&limits, sizeof limits);
        limits.compute_ms = 100;
        CHECK_EQ(wasinn_guest_set_limits(guest, &limits), WASINN_OK);
        SET(context, 0, WASINN_TYPE_F32, x, 2);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(set(context, 1, WASINN_TYPE_I64, 0, no_dims, &endless, sizeof endless), WASINN_OK);
            CHECK_EQ(wasinn_compute(guest, context), WASINN_TIMEOUT);
            CHECK_TEXT(wasinn_guest_last_error(guest), "not finished within 100 ms");
            CHECK_EQ(set(context, 1, WASINN_TYPE_I64, 0, no_dims, &few, sizeof few), WASINN_OK);
            limits.compute_ms = WASINN_UNLIMITED;
            CHECK_EQ(wasinn_guest_set_limits(guest, &limits), WASINN_OK);
            computes(context);
            GIVES(context, 0, 1.5, 1.5);
            limits.compute_ms = 100;
            CHECK_EQ(wasinn_guest_set_limits(guest, &limits), WASINN_OK);
        }
        limits.compute_ms = WASINN_UNLIMITED;
        CHECK_EQ(wasinn_guest_set_limits(guest, &limits), WASINN_OK);
        CHECK_EQ(set(context, 1, WASINN_TYPE_I64, 0, no_dims, &endless, sizeof endless), WASINN_OK);
        CHECK_EQ(pthread_create(&thread, NULL, interrupt, NULL), 0);
        CHECK_EQ(wasinn_compute(guest, context), WASINN_TIMEOUT);
        pthread_join(thread, NULL);
    }
    stop();
}

/* ---- Models that are refused ------------------------------------------------------------------------ */

static void refuses_path(const char *path, wasinn_status status, const char *part) {
    wasinn_handle graph;
    CHECK_EQ(open_path(path, &graph), status);
    CHECK_TEXT(wasinn_guest_last_error(guest), part);
    stop();
}

static void test_files(void) {
    const float x[] = {1, 2};
    wasinn_handle graph, context;
    wasinn_blob blob;
    check_case = "files";
    if (open_context("outside", &graph, &context)) {
        SET(context, 0, WASINN_TYPE_F32, x, 2);
        computes(context);
        GIVES(context, 0, 11, 22);
    }
    stop();
    refuses_path(path_of("outside_parent"), WASINN_SECURITY,
                 "'../onnxruntime/weights.bin', which is outside");
    refuses_path(path_of("outside_root"), WASINN_SECURITY, "'/etc/hostname', which is outside");
    refuses_path(path_of("outside_missing"), WASINN_RUNTIME_ERROR, "no.bin': No such file");
    refuses_path(path_of("outside_memory"), WASINN_RUNTIME_ERROR, "No such file");
    refuses_path(path_of("outside_end"), WASINN_RUNTIME_ERROR, "out of bounds");
    refuses_path(path_of("outside_node"), WASINN_UNSUPPORTED_OPERATION, "the file 'weights.bin'");
    refuses_path(path_of("outside_branch"), WASINN_UNSUPPORTED_OPERATION, "the file 'weights.bin'");
    static const char *const names[] = {"outside",         "outside_parent", "outside_root",
                                        "outside_missing", "outside_memory", "outside_node",
                                        "outside_branch"};
    start();
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        blob = read_file(path_of(names[i]));
        CHECK_EQ(load_bytes(blob.data, blob.size, WASINN_TARGET_CPU, &graph), WASINN_SECURITY);
        CHECK_TEXT(wasinn_guest_last_error(guest), "the model keeps weights in the file '");
        free((void *)(uintptr_t)blob.data);
    }
    stop();
}

static void test_paths(void) {
    char folder[] = "onnxruntime_test_XXXXXX", path[64], command[9000];
    const float x[] = {1, 2};
    wasinn_handle graph, context;
    check_case = "paths";
    CHECK_EQ(open_path(path_of("../models/shapes"), &graph), WASINN_OK);
    stop();
    refuses_path(fixtures, WASINN_RUNTIME_ERROR, "has no model.onnx and no .onnx besides");
    start();
    CHECK_EQ(register_path("/nowhere/at/all", NULL, 0), WASINN_NOT_FOUND);
    stop();
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    snprintf(command, sizeof command, "cp '%s' '%s'", path_of("add"), path);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(open_path(folder, &graph), WASINN_OK);
    stop();
    snprintf(command, sizeof command,
             "cp '%s/onnxruntime/outside.onnx' '%s' && cp '%s/onnxruntime/weights.bin' '%s'", fixtures, path,
             fixtures, folder);
    CHECK_EQ(system(command), 0);
    /* Files that become shorter under a model that is loaded are no files of its any more. */
    CHECK_EQ(open_path(path, &graph), WASINN_OK);
    CHECK_EQ(wasinn_init_execution_context(guest, graph, &context), WASINN_OK);
    snprintf(command, sizeof command, "truncate -s 0 '%s' '%s/weights.bin'", path, folder);
    CHECK_EQ(system(command), 0);
    SET(context, 0, WASINN_TYPE_F32, x, 2);
    computes(context);
    GIVES(context, 0, 11, 22);
    stop();
    refuses_path(path, WASINN_RUNTIME_ERROR, "is no ONNX model");
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_EQ(system(command), 0);
}

static void test_refused(void) {
    wasinn_handle graph;
    wasinn_blob blob = read_file(path_of("add"));
    const wasinn_blob two[] = {blob, blob};
    static const char ort[] = "\x18\0\0\0ORTM\0\0\0\0\0\0\0\0\0\0\0\0";
    check_case = "refused";
    start();
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    CHECK_EQ(wasinn_load(guest, two, 2, WASINN_ENCODING_ONNX, WASINN_TARGET_CPU, &graph),
             WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_guest_last_error(guest), "a model of encoding onnx is one builder; got 2");
    CHECK_EQ(load_bytes(ort, sizeof ort, WASINN_TARGET_CPU, &graph), WASINN_RUNTIME_ERROR);
    CHECK_TEXT(wasinn_guest_last_error(guest), "is no ONNX model");
    CHECK_EQ(load_bytes(blob.data, blob.size, WASINN_TARGET_GPU, &graph), WASINN_UNSUPPORTED_OPERATION);
    CHECK_TEXT(wasinn_guest_last_error(guest), "CPUExecutionProvider");
    CHECK_EQ(load_bytes(blob.data, blob.size, WASINN_TARGET_NPU, &graph), WASINN_UNSUPPORTED_OPERATION);
    CHECK_EQ(load_bytes(blob.data, blob.size, WASINN_TARGET_AUTO, &graph), WASINN_OK);
    CHECK_EQ(wasinn_load(guest, &blob, 1, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU, &graph), WASINN_OK);
    free((void *)(uintptr_t)blob.data);
    static const char *const names[] = {"function_circle", "function_bomb"};
    static const char *const parts[] = {"call each other more than 100 deep", "more than 16384 nodes"};
    for (int i = 0; i < 2; i++) {
        blob = read_file(path_of(names[i]));
        CHECK_EQ(load_bytes(blob.data, blob.size, WASINN_TARGET_CPU, &graph), WASINN_RUNTIME_ERROR);
        CHECK_TEXT(wasinn_guest_last_error(guest), parts[i]);
        free((void *)(uintptr_t)blob.data);
    }
    blob = read_file(path_of("function"));
    CHECK_EQ(load_bytes(blob.data, blob.size, WASINN_TARGET_CPU, &graph), WASINN_OK);
    free((void *)(uintptr_t)blob.data);
    stop();
}

/* Models that end early, and that have one byte changed: a status, whatever it is. */
static void test_damage(void) {
    wasinn_handle graph;
    wasinn_blob blob = read_file(path_of("loop"));
    char *copy = malloc(blob.size);
    if (!copy)
        abort();
    check_case = "damage";
    start();
    CHECK_EQ(wasinn_host_set_option(host, "onnxruntime", "threads", "1"), WASINN_OK);
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    for (size_t size = 0; size < blob.size; size++) {
        memcpy(copy, blob.data, size);
        CHECK(load_bytes(copy, size, WASINN_TARGET_CPU, &graph) != WASINN_OK);
    }
    for (size_t i = 0; i < blob.size; i++) {
        memcpy(copy, blob.data, blob.size);
        copy[i] = (char)(copy[i] ^ (1 << i % 8));
        if (load_bytes(copy, blob.size, WASINN_TARGET_CPU, &graph) == WASINN_OK)
            CHECK_EQ(wasinn_close(guest, graph), WASINN_OK);
        else
            CHECK(wasinn_guest_last_error(guest)[0] != '\0');
    }
    free(copy);
    free((void *)(uintptr_t)blob.data);
    stop();
}

/* Two hosts share the runtime's one environment. */
static void test_hosts(void) {
    const float a[] = {1, 2, 3, 4};
    wasinn_handle graph, context;
    check_case = "hosts";
    if (open_context("add", &graph, &context)) {
        wasinn_host *first = host;
        wasinn_guest *first_guest = guest;
        wasinn_handle other;
        CHECK_EQ(open_path(path_of("dynamic"), &other), WASINN_OK);
        stop();
        host = first;
        guest = first_guest;
        SET(context, 0, WASINN_TYPE_F32, a, 2, 2);
        SET(context, 1, WASINN_TYPE_F32, a, 2, 2);
        computes(context);
        GIVES(context, 0, 2, 4, 6, 8);
    }
    stop();
}

static int compute_file(const char *model, const char *input, const char *output) {
    wasinn_handle graph, context;
    wasinn_port port;
    wasinn_tensor view, tensor = {0};
    if (open_path(model, &graph) != WASINN_OK ||
        wasinn_init_execution_context(guest, graph, &context) != WASINN_OK ||
        wasinn_graph_port(guest, graph, WASINN_INPUT, 0, &port) != WASINN_OK) {
        fprintf(stderr, "%s\n", wasinn_guest_last_error(guest));
        return 1;
    }
    wasinn_blob bytes = read_file(input);
    tensor.type = port.type;
    tensor.rank = port.rank;
    memcpy(tensor.dims, port.dims, sizeof tensor.dims);
    tensor.data = bytes.data;
    tensor.size = bytes.size;
    if (wasinn_set_input(guest, context, 0, &tensor) != WASINN_OK ||
        wasinn_compute(guest, context) != WASINN_OK || wasinn_compute(guest, context) != WASINN_OK ||
        wasinn_output(guest, context, 0, &view) != WASINN_OK) {
        fprintf(stderr, "%s\n", wasinn_guest_last_error(guest));
        return 1;
    }
    FILE *stream = fopen(output, "wb");
    if (!stream || fwrite(view.data, 1, view.size, stream) != view.size || fclose(stream) != 0)
        return 1;
    free((void *)(uintptr_t)bytes.data);
    stop();
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "compute") == 0)
        return compute_file(argv[2], argv[3], argv[4]);
    if (argc != 2)
        return 2;
    fixtures = argv[1];
    test_description();
    test_options();
    test_add();
    test_dynamic();
    test_types();
    test_ranks();
    test_lies();
    test_passed();
    test_larger();
    test_branches();
    test_sequences();
    test_cancel();
    test_files();
    test_paths();
    test_refused();
    test_damage();
    test_hosts();
    return check_result();
}
