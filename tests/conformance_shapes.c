/* Shapes, types and numbers of inputs and outputs. */
#include "conformance.h"

static void test_scalar(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "scalar", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){1}, (float[]){21}, 1), 1);
    CHECK_TEXT(w->log, "wants f32 [], got f32 [1]");
    CHECK_EQ(set_f32(w, context, 0, 0, NULL, (float[]){21}, 1), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 4), 0);
    CHECK_EQ(get_u32(w, OUT), 4);
    CHECK(output_f32(w, 0) == 42);
}

static void test_dynamic(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "dynamic", &context), 0);
    for (uint32_t rows = 1; rows < 6; rows += 2) {
        float values[15];
        for (uint32_t i = 0; i < 3 * rows; i++)
            values[i] = (float)i - 2;
        CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){rows, 3}, values, 3 * rows), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(get(w, context, 0, 4096), 0);
        CHECK_EQ(get_u32(w, OUT), 12 * rows);
        CHECK(output_f32(w, 0) == 0 &&
              output_f32(w, 3 * rows - 1) == (float)(3 * rows - 3 > 0 ? 3 * rows - 3 : 0));
    }
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){2, 4}, (float[8]){0}, 8), 1);
    CHECK_TEXT(w->log, "wants f32 [?,3], got f32 [2,4]");
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){0x10000000, 3}, (float[3]){0}, 3), 1);
    /* Back to a smaller one. */
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){1, 3}, (float[]){7, 8, 9}, 3), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 12), 0);
    CHECK(output_f32(w, 2) == 9);
}

static void test_outputs(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "two_outputs", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){4}, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 1, 64), 0);
    CHECK_EQ(get_u32(w, OUT), 4);
    CHECK(output_f32(w, 0) == 10);
    CHECK_EQ(get(w, context, 0, 64), 0);
    CHECK_EQ(get_u32(w, OUT), 16);
    CHECK(output_f32(w, 3) == 5);
    CHECK_EQ(world_open(w, "no_inputs", &context), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 64), 0);
    CHECK(output_f32(w, 3) == 4);
    CHECK_EQ(world_open(w, "empty", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){0, 3}, NULL, 0), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 0), 0);
    CHECK_EQ(get_u32(w, OUT), 0);
}

/* Four elements, 3 each, doubled; the type is the ABI's number for the type that carries it. */
static void test_type(world *w, const char *name, uint8_t type, uint32_t size, uint64_t three, uint64_t six) {
    uint32_t context;
    uint8_t data[32];
    for (int i = 0; i < 4; i++)
        memcpy(data + (uint32_t)i * size, &three, size);
    if (!CHECK_EQ(world_open(w, name, &context), 0))
        return;
    put_bytes(w, DATA, data, 4 * size);
    put_tensor(w, TENSOR, type, 1, (uint32_t[]){4}, DATA, 4 * size);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 64), 0);
    CHECK_EQ(get_u32(w, OUT), 4 * size);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t value = 0;
        memcpy(&value, w->memory.base + OUTPUT + i * size, size);
        CHECK_EQ(value, six);
    }
    put_tensor(w, TENSOR, type == 1 ? 5 : 1, 1, (uint32_t[]){4}, DATA, type == 1 ? 32 : 16);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 1);
}

static uint64_t bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void test_types(world *w) {
    test_type(w, "types_f16", 0, 2, 0x4200, 0x4600);
    test_type(w, "types_f32", 1, 4, 0x40400000, 0x40C00000);
    test_type(w, "types_f64", 2, 8, bits_of_double(3), bits_of_double(6));
    test_type(w, "types_u8", 3, 1, 3, 6);
    test_type(w, "types_i32", 4, 4, 3, 6);
    test_type(w, "types_i64", 5, 8, 3, 6);
    /* Types that this ABI cannot name, in those of the same width that it can. */
    test_type(w, "types_i8", 3, 1, 3, 6);
    test_type(w, "types_u32", 4, 4, 3, 6);
    test_type(w, "types_u64", 5, 8, 3, 6);
    test_type(w, "types_boolean", 3, 1, 3, 0);
    /* Nothing here carries these. */
    uint32_t context;
    if (!has(w, "types_bf16"))
        return;
    CHECK_EQ(world_open(w, "types_bf16", &context), 0);
    put_tensor(w, TENSOR, 0, 1, (uint32_t[]){4}, DATA, 8);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 1);
    CHECK_TEXT(w->log, "wants bf16 [4], got f16 [4]");
}

/* OpenVINO's dynamic outputs move: what is read is that of the last compute. */
static void test_moving_output(world *w) {
    uint32_t context;
    const int64_t counts[] = {4, 30000, 5, 0, 2};
    if (!has(w, "expand"))
        return;
    CHECK_EQ(world_open(w, "expand", &context), 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        put_bytes(w, DATA, &counts[i], 8);
        put_tensor(w, TENSOR, 5, 1, (uint32_t[]){1}, DATA, 8);
        CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(CALL(w, "get_output", context, 0, MODEL, 150000, OUT), 0);
        CHECK_EQ(get_u32(w, OUT), 4 * counts[i]);
        CHECK_EQ(get_u32(w, MODEL), 0);
    }
}

/* A model with weights, whose bytes in guest memory are overwritten after load: the runtime has its own copy.
 */
static void test_own_weights(world *w) {
    uint32_t context;
    if (has(w, "shapes") && CHECK_EQ(world_open(w, "shapes", &context), 0))
        check_sees_shapes(w, context);
}

/* Each input reaches its own output. */
static void test_many(world *w) {
    uint32_t graph, context, inputs, outputs;
    CHECK_EQ(world_load(w, "many", &graph), 0);
    CHECK_EQ(wasinn_graph_port_count(w->guest, graph, WASINN_INPUT, &inputs), WASINN_OK);
    CHECK_EQ(wasinn_graph_port_count(w->guest, graph, WASINN_OUTPUT, &outputs), WASINN_OK);
    CHECK_EQ(inputs, w->flavour->folder ? 8 : 4);
    CHECK_EQ(inputs, outputs);
    context = open_graph(w, graph);
    for (uint32_t i = 0; i < inputs; i++)
        CHECK_EQ(set_f32(w, context, i, 1, (uint32_t[]){2}, (float[]){1 + (float)i, 100}, 2), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    for (uint32_t i = 0; i < outputs; i++) {
        CHECK_EQ(get(w, context, i, 8), 0);
        CHECK(output_f32(w, 0) == (float)((i + 1) * (i + 1)) && output_f32(w, 1) == (float)(100 * (i + 1)));
    }
}

/* Some runtimes take a model whose input may be of any rank, OpenVINO's CPU plugin does not. */
static void test_dynamic_rank(world *w) {
    uint32_t graph, context;
    wasinn_port port;
    if (!has(w, "dynamic_rank"))
        return;
    if (strcmp(w->flavour->backend, "openvino") == 0) {
        CHECK_EQ(world_load(w, "dynamic_rank", &graph), 5);
        CHECK_TEXT(w->log, "dynamic rank");
        return;
    }
    CHECK_EQ(world_load(w, "dynamic_rank", &graph), 0);
    CHECK_EQ(wasinn_graph_port(w->guest, graph, WASINN_INPUT, 0, &port), WASINN_OK);
    CHECK_EQ(port.rank, WASINN_DYNAMIC_RANK);
    context = open_graph(w, graph);
    for (uint32_t rank = 0; rank <= 3; rank++) {
        CHECK_EQ(set_f32(w, context, 0, rank, (uint32_t[]){1, 1, 1}, (float[]){(float)rank - 1}, 1), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(get(w, context, 0, 4), 0);
        CHECK_EQ(get_u32(w, OUT), 4);
        CHECK(output_f32(w, 0) == (rank > 1 ? (float)rank - 1 : 0));
    }
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){2, 3}, (float[]){-1, 2, -3, 4, -5, 6}, 6), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 24), 0);
    CHECK(output_f32(w, 4) == 0 && output_f32(w, 5) == 6);
}

/* Every element type as the library has it, in and out; the bits of 3 and of 6, of `not` those of 0 and 1. */
static void test_library_types(world *w) {
    const struct {
        const char *model;
        wasinn_type type;
        uint64_t in, out;
    } types[] = {
        {"types_f16", WASINN_TYPE_F16, 0x4200, 0x4600},
        {"types_f32", WASINN_TYPE_F32, 0x40400000, 0x40C00000},
        {"types_f64", WASINN_TYPE_F64, bits_of_double(3), bits_of_double(6)},
        {"types_bf16", WASINN_TYPE_BF16, 0x4040, 0x40C0},
        {"types_u8", WASINN_TYPE_U8, 100, 200},
        {"types_i8", WASINN_TYPE_I8, 0xFD, 0xFA},
        {"types_u16", WASINN_TYPE_U16, 30000, 60000},
        {"types_i16", WASINN_TYPE_I16, 0xFFFD, 0xFFFA},
        {"types_u32", WASINN_TYPE_U32, 3, 6},
        {"types_i32", WASINN_TYPE_I32, 0xFFFFFFFD, 0xFFFFFFFA},
        {"types_u64", WASINN_TYPE_U64, 3, 6},
        {"types_i64", WASINN_TYPE_I64, (uint64_t)-3, (uint64_t)-6},
        {"types_boolean", WASINN_TYPE_BOOL, 0, 1},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t size = wasinn_type_size(types[i].type);
        uint8_t data[32];
        wasinn_tensor given = {types[i].type, 1, {4}, data, 4 * size}, view;
        uint32_t graph;
        wasinn_port port;
        wasinn_handle context;
        if (!has(w, types[i].model) || !CHECK_EQ(world_load(w, types[i].model, &graph), 0))
            continue;
        for (int side = 0; side < 2; side++) {
            CHECK_EQ(wasinn_graph_port(w->guest, graph, (wasinn_direction)side, 0, &port), WASINN_OK);
            CHECK_EQ(port.type, types[i].type);
            CHECK_EQ(port.element_bits, 8 * size);
        }
        CHECK_EQ(wasinn_init_execution_context(w->guest, graph, &context), WASINN_OK);
        for (size_t at = 0; at < 4; at++)
            memcpy(data + at * size, &types[i].in, size);
        CHECK_EQ(wasinn_set_input(w->guest, context, 0, &given), WASINN_OK);
        CHECK_EQ(wasinn_compute(w->guest, context), WASINN_OK);
        if (!CHECK_EQ(wasinn_output(w->guest, context, 0, &view), WASINN_OK))
            continue;
        CHECK(view.type == types[i].type && view.rank == 1 && view.dims[0] == 4 && view.size == 4 * size);
        for (size_t at = 0; at < 4; at++)
            CHECK(memcmp((const uint8_t *)view.data + at * size, &types[i].out, size) == 0);
    }
}

const conformance_case shape_cases[] = {
    {"scalar", test_scalar},
    {"dynamic", test_dynamic},
    {"outputs", test_outputs},
    {"types", test_types},
    {"moving output", test_moving_output},
    {"own weights", test_own_weights},
    {"many", test_many},
    {"dynamic rank", test_dynamic_rank},
    {"library types", test_library_types},
    {NULL, NULL},
};
