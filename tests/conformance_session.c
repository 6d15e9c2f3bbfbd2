/* The calls of wasi_ephemeral_nn, in and out of order. */
#include "conformance.h"

#include "core/memory.h"

static void test_session(world *w) {
    uint32_t context;
    still_works(w);
    CHECK_EQ(world_open(w, "add", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, (float[]){1, 1, 1, 1}, 4), 0);
    CHECK_EQ(set_f32(w, context, 1, 2, two_by_two, (float[]){5, 5, 5, 5}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    /* Inputs stay set; outputs stay until the next compute. */
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, (float[]){2, 2, 2, 2}, 4), 0);
    CHECK_EQ(get(w, context, 0, 4096), 0);
    CHECK(output_f32(w, 3) == 6);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK(output_f32(w, 3) == 7);
    /* Two contexts on one graph do not mix. */
    uint32_t graph, one, two;
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    one = get_u32(w, OUT);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    two = get_u32(w, OUT);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(set_f32(w, one, i, 2, two_by_two, (float[]){1, 1, 1, 1}, 4), 0);
        CHECK_EQ(set_f32(w, two, i, 2, two_by_two, (float[]){9, 9, 9, 9}, 4), 0);
    }
    CHECK_EQ(CALL(w, "compute", one), 0);
    CHECK_EQ(CALL(w, "compute", two), 0);
    CHECK_EQ(get(w, one, 0, 16), 0);
    CHECK(output_f32(w, 0) == 2);
    CHECK_EQ(get(w, two, 0, 16), 0);
    CHECK(output_f32(w, 0) == 18);
}

static void test_handles(world *w) {
    uint32_t context, graph;
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    context = get_u32(w, OUT);
    put_tensor(w, TENSOR, 1, 2, two_by_two, DATA, 16);
    const uint32_t wrong[] = {
        0, 1, graph, context ^ 1, context ^ 1u << 16, context ^ 3u << 29, 0x7FFFFFFF, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_EQ(CALL(w, "set_input", wrong[i], 0, TENSOR), 1);
        CHECK_EQ(CALL(w, "compute", wrong[i]), 1);
        CHECK_EQ(get(w, wrong[i], 0, 16), 1);
    }
    CHECK_EQ(CALL(w, "init_execution_context", context, OUT), 1);
    CHECK_EQ(CALL(w, "init_execution_context", 0, OUT), 1);
    CHECK_TEXT(w->log, "init_execution_context: invalid_handle: 0 is not a graph of this guest");
    /* Another guest's handle is not ours. */
    world_renew_guest(w);
    CHECK_EQ(CALL(w, "compute", context), 1);
    /* A closed one is not accepted again, even when its slot is in use. */
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    context = get_u32(w, OUT);
    CHECK_EQ(wasinn_close(w->guest, context), WASINN_OK);
    CHECK_EQ(wasinn_close(w->guest, context), WASINN_INVALID_HANDLE);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    CHECK(get_u32(w, OUT) != context);
    CHECK_EQ(CALL(w, "compute", context), 1);
    /* A context keeps its graph alive. */
    context = get_u32(w, OUT);
    CHECK_EQ(wasinn_close(w->guest, graph), WASINN_OK);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 1);
    for (uint32_t i = 0; i < 2; i++)
        CHECK_EQ(set_f32(w, context, i, 2, two_by_two, (float[]){3, 3, 3, 3}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK(output_f32(w, 0) == 6);
}

static void test_memory(world *w) {
    uint32_t context, end = (uint32_t)w->memory.size;
    CHECK_EQ(world_open(w, "add", &context), 0);
    put_tensor(w, TENSOR, 1, 2, two_by_two, DATA, 16);

    CHECK_EQ(CALL(w, "load", end - 8, 2, 0, 0, OUT), TRAP);
    CHECK_TEXT(w->trap, "load: the builders at address 524280, 16 bytes, outside the guest's memory");
    CHECK_EQ(CALL(w, "load", 0xFFFFFFFF, 2, 0, 0, OUT), TRAP);
    CHECK_EQ(CALL(w, "load", end + 1, 0, 0, 0, OUT), TRAP);
    put_u32(w, BUILDERS, DATA), put_u32(w, BUILDERS + 4, end);
    CHECK_EQ(CALL(w, "load", BUILDERS, 1, 0, 0, OUT), TRAP);
    put_u32(w, BUILDERS, end + 1), put_u32(w, BUILDERS + 4, 0);
    CHECK_EQ(CALL(w, "load", BUILDERS, 1, 0, 0, OUT), TRAP);
    CHECK_EQ(CALL(w, "load", BUILDERS, 0, 0, 0, end - 3), TRAP);

    CHECK_EQ(CALL(w, "load_by_name", end - 1, 2, OUT), TRAP);
    CHECK_EQ(CALL(w, "load_by_name", end + 1, 0, OUT), TRAP);
    CHECK_EQ(CALL(w, "load_by_name", 0, 0xFFFFFFFF, OUT), TRAP);
    CHECK_EQ(CALL(w, "load_by_name", NAME, 1, 0xFFFFFFFE), TRAP);
    CHECK_EQ(CALL(w, "init_execution_context", 0, end), TRAP);

    CHECK_EQ(CALL(w, "set_input", context, 0, end - 19), TRAP);
    put_u32(w, TENSOR, end - 4);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), TRAP);
    put_u32(w, TENSOR, end + 1), put_u32(w, TENSOR + 4, 0);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), TRAP);
    put_tensor(w, TENSOR, 1, 2, two_by_two, end - 15, 16);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), TRAP);
    put_tensor(w, TENSOR, 1, 2, two_by_two, 0xFFFFFFF0, 16);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), TRAP);

    CHECK_EQ(CALL(w, "get_output", context, 0, end - 15, 16, OUT), TRAP);
    CHECK_EQ(CALL(w, "get_output", context, 0, end + 1, 0, OUT), TRAP);
    CHECK_EQ(CALL(w, "get_output", context, 0, OUTPUT, 16, end - 2), TRAP);
    CHECK_EQ(CALL(w, "get_output", context, 0, OUTPUT, 0xFFFFFFFF, OUT), TRAP);
    CHECK_EQ(CALL(w, "last_error", end - 1, 2, OUT), TRAP);

    /* The very last bytes are the guest's own. */
    put_bytes(w, end - 16, (float[]){1, 2, 3, 4}, 16);
    put_tensor(w, TENSOR, 1, 2, two_by_two, end - 16, 16);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
    CHECK_EQ(CALL(w, "set_input", context, 1, TENSOR), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(CALL(w, "get_output", context, 0, end - 16, 16, OUT), 0);
    /* Buffer and size written may overlap: the guest's own affair. */
    CHECK_EQ(CALL(w, "get_output", context, 0, OUTPUT, 16, OUTPUT + 4), 0);
    CHECK_EQ(CALL(w, "get_output", context, 0, end, 0, OUT), 7);
    CHECK_EQ(get_u32(w, OUT), 16);

    wasinn_memory real = w->memory;
    w->memory = (wasinn_memory){NULL, 0};
    CHECK_EQ(CALL(w, "load", BUILDERS, 2, 0, 0, OUT), 3);
    CHECK_EQ(CALL(w, "load_by_name", NAME, 3, OUT), 3);
    CHECK_EQ(CALL(w, "init_execution_context", 0, OUT), 3);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 3);
    CHECK_EQ(CALL(w, "compute", context), 3);
    CHECK_EQ(CALL(w, "get_output", context, 0, OUTPUT, 16, OUT), 3);
    w->memory = real;
}

/* A guest that goes on and on holds no more than one that has just begun. */
static void test_leaks(world *w) {
    uint32_t graph, context;
    uint64_t alive = 0, held = 0;
    CHECK_EQ(world_load(w, "add", &graph), 0);
    for (int round = 0; round < 300; round++) {
        if (round == 1) {
            alive = wasinn__alloc_alive();
            held = w->guest->held_bytes;
        }
        CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
        context = get_u32(w, OUT);
        for (uint32_t i = 0; i < 2; i++)
            CHECK_EQ(set_f32(w, context, i, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(get(w, context, 0, 16), 0);
        CHECK_EQ(wasinn_close(w->guest, context), WASINN_OK);
        CHECK_EQ(CALL(w, "compute", context), 1);
    }
    CHECK_EQ(wasinn__alloc_alive(), alive);
    CHECK_EQ(w->guest->held_bytes, held);
    CHECK_EQ(wasinn_close(w->guest, graph), WASINN_OK);
    CHECK_EQ(w->guest->held_bytes, 0);
}

static void test_tensors(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "add", &context), 0);
    const float ones[16] = {1, 1, 1, 1};
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){4}, ones, 4), 1);
    CHECK_LOG(w, "set_input: invalid_argument: input 0 '%s' wants f32 [2,2], got f32 [4]", "a");
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){4, 1}, ones, 4), 1);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){0, 0}, ones, 0), 1);
    CHECK_EQ(set_f32(w, context, 0, 0, NULL, ones, 1), 1);
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, ones, 3), 1);
    CHECK_TEXT(w->log, "f32 [2,2] takes 16 bytes, got 12");
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, ones, 5), 1);
    CHECK_EQ(set_f32(w, context, 2, 2, two_by_two, ones, 4), 1);
    CHECK_TEXT(w->log, "there is no input 2: the model has 2 inputs");
    CHECK_EQ(set_f32(w, context, 0xFFFFFFFF, 2, two_by_two, ones, 4), 1);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){0xFFFFFFFF, 0xFFFFFFFF}, ones, 4), 1);
    uint32_t many[17];
    for (int i = 0; i < 17; i++)
        many[i] = 65536;
    CHECK_EQ(set_f32(w, context, 0, 16, many, ones, 4), 1);
    CHECK_EQ(set_f32(w, context, 0, 17, many, ones, 4), 1);
    put_tensor(w, TENSOR, 1, 2, two_by_two, DATA, 16);
    put_u32(w, TENSOR + 4, 0xFFFFFFFF);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 1);
    for (uint8_t type = 0; type < 255; type++) {
        put_tensor(w, TENSOR, type, 2, two_by_two, DATA, 16);
        if (type != 1)
            CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 1);
    }
    put_tensor(w, TENSOR, 255, 2, two_by_two, DATA, 16);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 1);
    CHECK_TEXT(w->log, "tensor type 255 is unknown");
    still_works(w);
}

static void test_order(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "add", &context), 0);
    memset(w->memory.base + OUTPUT, 0x5A, 16);
    CHECK_EQ(get(w, context, 0, 16), 5);
    CHECK_TEXT(w->log, "no compute has succeeded");
    CHECK_EQ(get_u32(w, OUT), 0xDEAD);
    CHECK_EQ(get_u32(w, OUTPUT), 0x5A5A5A5A);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_LOG(w, "input 0 '%s' has not been set", "a");
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_LOG(w, "input 1 '%s' has not been set", "b");
    CHECK_EQ(get(w, context, 0, 16), 5);
    CHECK_EQ(set_f32(w, context, 1, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 1, 16), 1);
    CHECK_TEXT(w->log, "there is no output 1: the model has 1 output");
    CHECK_EQ(get(w, context, 0xFFFFFFFF, 16), 1);
    CHECK_EQ(get(w, context, 0, 15), 7);
    CHECK_EQ(get_u32(w, OUT), 16);
    CHECK_TEXT(w->log, "output 0 has 16 bytes, the buffer 15");
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK(output_f32(w, 3) == 8);
}

static void test_last_error(world *w) {
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 64, OUT), 0);
    CHECK_EQ(get_u32(w, OUT), 0);
    CHECK_EQ(CALL(w, "compute", 5), 1);
    const char *wanted = wasinn_guest_last_error(w->guest);
    CHECK_TEXT(wanted, "5 is not an execution context of this guest");
    memset(w->memory.base + OUTPUT, '#', 64);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 4, OUT), 0);
    CHECK_EQ(get_u32(w, OUT), strlen(wanted));
    CHECK(memcmp(w->memory.base + OUTPUT, "5 is#", 5) == 0);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 1024, OUT), 0);
    CHECK(memcmp(w->memory.base + OUTPUT, wanted, strlen(wanted)) == 0);
}

const conformance_case session_cases[] = {
    {"session", test_session}, {"handles", test_handles},
    {"memory", test_memory},   {"tensors", test_tensors},
    {"order", test_order},     {"last_error", test_last_error},
    {"leaks", test_leaks},     {NULL, NULL},
};
