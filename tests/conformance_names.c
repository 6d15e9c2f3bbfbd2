/* Models that the host registers, and ports by their names. */
#include "conformance.h"

static wasinn_status add_path(const world *w, const char *name, const char *path, wasinn_encoding encoding) {
    return wasinn_host_add_model(w->host, name, path, encoding, WASINN_TARGET_CPU);
}

static void add_named(const world *w, const char *name, const char *model) {
    char path[PATH];
    CHECK_EQ(add_path(w, name, model_path(w->flavour, model, path), w->flavour->encoding), WASINN_OK);
}

static void test_names(world *w) {
    uint32_t graph, again;
    add_named(w, "add", "add");
    add_named(w, "n\xC3\xA4me", "add");
    CHECK_EQ(by_name(w, "add", 3), 0);
    graph = get_u32(w, OUT);
    CHECK_EQ(by_name(w, "add", 3), 0);
    again = get_u32(w, OUT);
    CHECK(graph != again);
    CHECK_EQ(wasinn_close(w->guest, graph), WASINN_OK);
    CHECK_EQ(CALL(w, "init_execution_context", again, OUT), 0);
    uint32_t context = get_u32(w, OUT);
    for (uint32_t i = 0; i < 2; i++)
        CHECK_EQ(set_f32(w, context, i, 2, two_by_two, (float[]){4, 4, 4, 4}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK(output_f32(w, 2) == 8);
    CHECK_EQ(by_name(w, "n\xC3\xA4me", 5), 0);

    CHECK_EQ(by_name(w, "ad", 2), 8);
    CHECK_EQ(by_name(w, "add\0", 4), 8);
    CHECK_TEXT(w->log, "no model is registered as 'add");
    CHECK_EQ(by_name(w, "", 0), 8);
    CHECK_EQ(by_name(w, "\xFF\xFE", 2), 1);
    CHECK_TEXT(w->log, "'\\xff\\xfe' is not UTF-8");
    CHECK_EQ(by_name(w, "/etc/passwd", 11), 8);
    CHECK_EQ(by_name(w, "../add", 6), 8);
    CHECK_EQ(by_name(w, "evil\x1B[2Jname", 12), 8);
    CHECK_TEXT(w->log, "evil\\x1b[2Jname");
    CHECK_EQ(add_path(w, "add", ".", w->flavour->encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "already");
    CHECK_EQ(add_path(w, "x", "/nowhere", w->flavour->encoding), WASINN_NOT_FOUND);
    CHECK_EQ(add_path(w, "x", ".", WASINN_ENCODING_PYTORCH), WASINN_INVALID_ENCODING);
    CHECK_EQ(add_path(w, "\xFF", ".", w->flavour->encoding), WASINN_INVALID_ARGUMENT);
}

static wasinn_status add_bytes(world *w, const char *name, const wasinn_blob *blobs, size_t count,
                               wasinn_encoding encoding) {
    return wasinn_host_add_model_blobs(w->host, name, blobs, count, encoding, WASINN_TARGET_CPU);
}

/* A named model from the host's memory, which may change at once. */
static void test_named_bytes(world *w) {
    model_bytes add = model_read(w->flavour, "add");
    wasinn_blob blobs[] = {{add.data[0], add.size[0]}, {add.data[1], add.size[1]}};
    const wasinn_blob nothing[] = {{NULL, 5}, {NULL, 0}}, text[] = {{"no model", 8}, {"", 0}};
    const wasinn_encoding encoding = w->flavour->encoding;
    const uint32_t parts = w->flavour->parts;
    CHECK_EQ(add_bytes(w, "bytes", blobs, parts, encoding), WASINN_OK);
    CHECK_EQ(add_bytes(w, "detected", blobs, parts, WASINN_ENCODING_AUTODETECT), WASINN_OK);
    CHECK_EQ(add_bytes(w, "wrong count", blobs, 3 - parts, encoding), WASINN_OK);
    CHECK_EQ(add_bytes(w, "text", text, parts, encoding), WASINN_OK);

    CHECK_EQ(add_bytes(w, "bytes", blobs, parts, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "model 'bytes': a model of that name is already registered");
    CHECK_EQ(add_bytes(w, NULL, blobs, parts, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "a model's name or config is NULL");
    CHECK_EQ(add_bytes(w, "", blobs, parts, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(add_bytes(w, "\xFF", blobs, parts, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "model '\\xff': the name is not UTF-8");
    CHECK_EQ(add_bytes(w, "x", blobs, 0, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "no bytes of a model were given");
    CHECK_EQ(add_bytes(w, "x", NULL, 2, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "the list of 2 blobs is NULL");
    CHECK_EQ(add_bytes(w, "x", nothing, parts, encoding), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "blob 0 of 5 bytes is NULL");
    CHECK_EQ(add_bytes(w, "x", blobs, parts, WASINN_ENCODING_PYTORCH), WASINN_INVALID_ENCODING);
    CHECK_EQ(add_bytes(w, "x", blobs, parts, (wasinn_encoding)77), WASINN_INVALID_ENCODING);
    CHECK_EQ(add_bytes(w, "x", text, parts, WASINN_ENCODING_AUTODETECT), WASINN_INVALID_ENCODING);
    CHECK_TEXT(wasinn_host_last_error(), "beginning with the bytes 6e 6f 20 6d");
    CHECK_EQ(wasinn_host_add_model_blobs(w->host, "x", blobs, parts, encoding, (wasinn_target)9),
             WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "target 9 is unknown");
    memset(add.data[0], 0xA5, add.size[0]);
    if (parts == 2)
        memset(add.data[1], 0xA5, add.size[1]);
    model_free(&add);

    check_named_adds(w, "bytes");
    check_named_adds(w, "detected");
    /* What is no model fails at each use; a guest does not learn what the host has. */
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(by_name(w, "wrong count", 11), 1);
        CHECK_TEXT(w->log, "load_by_name: invalid_argument: ");
        CHECK_EQ(by_name(w, "text", 4), 5);
        CHECK_TEXT(w->log, "load_by_name: runtime_error: ");
    }
    memset(w->memory.base + OUTPUT, 0, 256);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 255, OUT), 0);
    CHECK_TEXT((const char *)w->memory.base + OUTPUT, "the host's log says why");
}

/* A guest learns what it did wrong, not where the host keeps its files. */
static void test_host_paths(world *w) {
    CHECK_EQ(add_path(w, "broken", ".", w->flavour->encoding), WASINN_OK);
    CHECK_EQ(by_name(w, "broken", 6), 5);
    CHECK(strstr(w->log, "'.") != NULL);
    memset(w->memory.base + OUTPUT, 0, 256);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 255, OUT), 0);
    CHECK_TEXT((const char *)w->memory.base + OUTPUT, "the host's log says why");
    CHECK_EQ(by_name(w, "absent", 6), 8);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 255, OUT), 0);
    CHECK_TEXT((const char *)w->memory.base + OUTPUT, "no model is registered as 'absent'");
}

static void test_ports(world *w) {
    uint32_t graph, count;
    wasinn_port port;
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(wasinn_graph_port_count(w->guest, graph, WASINN_INPUT, &count), WASINN_OK);
    CHECK_EQ(count, 2);
    CHECK_EQ(wasinn_graph_port(w->guest, graph, WASINN_INPUT, 1, &port), WASINN_OK);
    CHECK(strcmp(port.name, "b") == 0 && port.type == WASINN_TYPE_F32 && port.rank == 2 && port.dims[1] == 2);
    CHECK_EQ(wasinn_graph_port(w->guest, graph, WASINN_INPUT, 2, &port), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_graph_port(w->guest, graph + 1, WASINN_INPUT, 0, &port), WASINN_INVALID_HANDLE);
    CHECK_EQ(wasinn_graph_port(w->guest, graph, WASINN_OUTPUT, 0, &port), WASINN_OK);
    CHECK(strcmp(port.name, "sum") == 0);
    CHECK_EQ(wasinn_graph_port(w->guest, graph, (wasinn_direction)7, 0, &port), WASINN_INVALID_ARGUMENT);

    /* What an embedder may pass by mistake. */
    const wasinn_blob nothing[] = {{NULL, 5}, {NULL, 0}};
    const wasinn_tensor no_data = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {2, 2}, .size = 16};
    wasinn_handle context;
    CHECK_EQ(wasinn_load(w->guest, nothing, 2, w->flavour->encoding, WASINN_TARGET_CPU, &context),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_load(w->guest, NULL, 2, w->flavour->encoding, WASINN_TARGET_CPU, &context),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_load_by_name(w->guest, NULL, 3, &context), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_init_execution_context(w->guest, graph, &context), WASINN_OK);
    CHECK_EQ(wasinn_set_input(w->guest, context, 0, &no_data), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_guest_last_error(w->guest), "data is NULL");
    CHECK_EQ(add_path(w, NULL, ".", w->flavour->encoding), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_library(w->host, w->flavour->backend, NULL), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_library(w->host, w->flavour->backend, "late"), WASINN_INVALID_ARGUMENT);
}

/* ---- Ports by their names ----------------------------------------------------------------------- */

static wasinn_status find(world *w, uint32_t graph, wasinn_direction direction, const char *name,
                          uint32_t *index) {
    *index = 77;
    return wasinn_graph_find_port(w->guest, graph, direction, name, strlen(name), index);
}

static void test_find_port(world *w) {
    static const char *const strange[] = {
        "",    "c",   "A",   "2",   "-1", "+1", " 1", "1 ", "0x1", "4294967296", "18446744073709551616",
        "1.0", "sum", "a b", "\xFF"};
    uint32_t graph, index;
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(find(w, graph, WASINN_INPUT, "a", &index), WASINN_OK);
    CHECK_EQ(index, 0);
    CHECK_EQ(find(w, graph, WASINN_INPUT, "b", &index), WASINN_OK);
    CHECK_EQ(index, 1);
    CHECK_EQ(find(w, graph, WASINN_OUTPUT, "sum", &index), WASINN_OK);
    CHECK_EQ(index, 0);
    CHECK_EQ(find(w, graph, WASINN_INPUT, "0", &index), WASINN_OK);
    CHECK_EQ(index, 0);
    CHECK_EQ(find(w, graph, WASINN_INPUT, "1", &index), WASINN_OK);
    CHECK_EQ(index, 1);
    CHECK_EQ(find(w, graph, WASINN_OUTPUT, "0", &index), WASINN_OK);
    CHECK_EQ(index, 0);
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        CHECK_EQ(find(w, graph, WASINN_INPUT, strange[i], &index), WASINN_INVALID_ARGUMENT);
        CHECK_EQ(index, 77);
        CHECK_TEXT(wasinn_guest_last_error(w->guest), "a");
        CHECK_TEXT(wasinn_guest_last_error(w->guest), "b");
    }
    CHECK_EQ(find(w, graph, WASINN_OUTPUT, "1", &index), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_guest_last_error(w->guest), "sum");
    /* The length counts, not a NUL. */
    const char *long_name = "b";
    CHECK_EQ(wasinn_graph_find_port(w->guest, graph, WASINN_INPUT, "1234", 1, &index), WASINN_OK);
    CHECK_EQ(index, 1);
    CHECK_EQ(wasinn_graph_find_port(w->guest, graph, WASINN_INPUT, long_name, strlen(long_name) + 1, &index),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_graph_find_port(w->guest, graph + 1, WASINN_INPUT, "a", 1, &index),
             WASINN_INVALID_HANDLE);
    CHECK_EQ(wasinn_graph_find_port(w->guest, graph, (wasinn_direction)7, "a", 1, &index),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_graph_find_port(w->guest, graph, WASINN_INPUT, NULL, 1, &index), WASINN_INVALID_ARGUMENT);
}

/* The inputs of `digits` are called "1" and "0": a name goes before a number. */
static void test_digits(world *w) {
    uint32_t graph, context, first, second;
    CHECK_EQ(world_load(w, "digits", &graph), 0);
    CHECK_EQ(find(w, graph, WASINN_INPUT, "1", &first), WASINN_OK);
    CHECK_EQ(first, 0);
    CHECK_EQ(find(w, graph, WASINN_INPUT, "0", &second), WASINN_OK);
    CHECK_EQ(second, 1);
    context = open_graph(w, graph);
    CHECK_EQ(set_f32(w, context, first, 1, (uint32_t[]){2}, (float[]){4, 5}, 2), 0);
    CHECK_EQ(set_f32(w, context, second, 1, (uint32_t[]){2}, (float[]){7, 9}, 2), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(find(w, graph, WASINN_OUTPUT, "first", &first), WASINN_OK);
    CHECK_EQ(get(w, context, first, 8), 0);
    CHECK(output_f32(w, 0) == 8 && output_f32(w, 1) == 10);
    CHECK_EQ(find(w, graph, WASINN_OUTPUT, "second", &second), WASINN_OK);
    CHECK_EQ(get(w, context, second, 8), 0);
    CHECK(output_f32(w, 0) == 7 && output_f32(w, 1) == 9);
}

const conformance_case name_cases[] = {
    {"names", test_names}, {"named bytes", test_named_bytes}, {"host paths", test_host_paths},
    {"ports", test_ports}, {"find port", test_find_port},     {"digits", test_digits},
    {NULL, NULL},
};
