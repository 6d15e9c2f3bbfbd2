/* The functions of wasi_ephemeral_nn, each condition with its errno, on one backend:
 *
 *     conformance_test              the fake one
 *     conformance_test FIXTURES     OpenVINO, with the models in that folder
 */
#include <stdlib.h>

#include "check.h"
#include "core/memory.h"
#include "world.h"

/* Addresses in the test guest's memory. */
enum { OUT = 0, BUILDERS = 64, TENSOR = 256, DATA = 1024, NAME = 2048, MODEL = 4096, OUTPUT = 200 * 1024 };

static const uint32_t two_by_two[] = {2, 2};

static uint32_t set_f32(world *w, uint32_t context, uint32_t index, uint32_t rank, const uint32_t *dims,
                        const float *values, uint32_t count) {
    put_bytes(w, DATA, values, count * 4);
    put_tensor(w, TENSOR, 1, rank, dims, DATA, count * 4);
    return CALL(w, "set_input", context, index, TENSOR);
}

static float output_f32(const world *w, uint32_t index) {
    float value;
    memcpy(&value, w->memory.base + OUTPUT + 4 * index, sizeof value);
    return value;
}

static uint32_t get(world *w, uint32_t context, uint32_t index, uint32_t capacity) {
    put_u32(w, OUT, 0xDEAD);
    return CALL(w, "get_output", context, index, OUTPUT, capacity, OUT);
}

/* A whole session on `add`: proof that whatever went before has lost nothing. */
static void still_works(world *w) {
    uint32_t context;
    if (!CHECK_EQ(world_open(w, "add", &context), 0))
        return;
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(set_f32(w, context, 1, 2, two_by_two, (float[]){10, 20, 30, 40}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK_EQ(get_u32(w, OUT), 16);
    CHECK(output_f32(w, 0) == 11 && output_f32(w, 1) == 22 && output_f32(w, 2) == 33 &&
          output_f32(w, 3) == 44);
}

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
    CHECK_TEXT(w->trap, "load: the builders at address 262136, 16 bytes, outside the guest's memory");
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

static uint32_t load_parts(world *w, const model_bytes *model, const int *order, uint32_t count,
                           uint32_t encoding, uint32_t target) {
    uint32_t at = MODEL;
    for (uint32_t i = 0; i < count; i++) {
        put_bytes(w, at, model->data[order[i]], model->size[order[i]]);
        put_u32(w, BUILDERS + 8 * i, at);
        put_u32(w, BUILDERS + 8 * i + 4, (uint32_t)model->size[order[i]]);
        at += (uint32_t)model->size[order[i]];
    }
    put_u32(w, OUT, 0xDEAD);
    uint32_t error = CALL(w, "load", BUILDERS, count, encoding, target, OUT);
    if (error != 0)
        CHECK_EQ(get_u32(w, OUT), 0xDEAD);
    return error;
}

static void test_load(world *w) {
    static const int straight[] = {0, 1, 1, 1}, swapped[] = {1, 0};
    model_bytes add = model_read(w, "add"), cut = add;
    CHECK_EQ(load_parts(w, &add, straight, 2, 0, 0), 0);
    CHECK_EQ(load_parts(w, &add, straight, 2, 5, 0), 0);
    CHECK_EQ(load_parts(w, &add, straight, 2, 6, 0), 0);
    CHECK_EQ(load_parts(w, &add, straight, 2, 0, 3), 0);

    CHECK_EQ(load_parts(w, &add, straight, 0, 0, 0), 1);
    CHECK_EQ(load_parts(w, &add, straight, 1, 0, 0), 1);
    CHECK_EQ(load_parts(w, &add, straight, 3, 0, 0), 1);
    CHECK_EQ(CALL(w, "load", BUILDERS, 0xFFFFFFFF, 0, 0, OUT), 1);
    CHECK_EQ(load_parts(w, &add, straight, 2, 0, 4), 1);
    CHECK_EQ(load_parts(w, &add, straight, 2, 0, 0x80000000), 1);
    CHECK_TEXT(w->log, "load: invalid_argument: target 2147483648 is unknown");
    CHECK_EQ(load_parts(w, &add, straight, 2, 0, 1), 6);
    CHECK_TEXT(w->log, "device");
    CHECK_EQ(load_parts(w, &add, straight, 2, 0, 2), 6);

    CHECK_EQ(load_parts(w, &add, straight, 2, 3, 0), 2);
    CHECK_TEXT(w->log, "'pytorch' has no backend");
    CHECK_EQ(load_parts(w, &add, straight, 2, 7, 0), 2);
    CHECK_EQ(load_parts(w, &add, straight, 2, 0xFFFFFFFF, 0), 2);
    CHECK_EQ(load_parts(w, &add, swapped, 2, 5, 0), 2);
    CHECK_TEXT(w->log, "no backend here knows what model that is");
    CHECK_EQ(load_parts(w, &add, swapped, 2, 0, 0), 5);
    put_bytes(w, MODEL, "GGUF", 4);
    put_u32(w, BUILDERS, MODEL), put_u32(w, BUILDERS + 4, 4);
    CHECK_EQ(CALL(w, "load", BUILDERS, 1, 5, 0, OUT), 2);
    CHECK_TEXT(w->log, "'ggml'");
    CHECK_EQ(CALL(w, "load", BUILDERS, 1, 6, 0, OUT), 2);

    /* Cut anywhere, or empty: refused or, where what is missing was not needed, loaded; never more. */
    for (size_t tenth = 0; tenth < 10; tenth++) {
        cut.size[0] = add.size[0] * tenth / 10;
        uint32_t error = load_parts(w, &cut, straight, 2, 0, 0);
        CHECK(error == 5 || (error == 0 && !w->fixtures));
        if (error == 0)
            wasinn_close(w->guest, get_u32(w, OUT));
    }
    put_bytes(w, MODEL, "preload:/etc/passwd", 19);
    put_u32(w, BUILDERS, MODEL), put_u32(w, BUILDERS + 4, 19);
    put_u32(w, BUILDERS + 8, MODEL), put_u32(w, BUILDERS + 12, 19);
    CHECK_EQ(CALL(w, "load", BUILDERS, 2, 0, 0, OUT), 5);
    model_free(&add);
}

static void test_truncated_weights(world *w) {
    static const int straight[] = {0, 1};
    model_bytes model = model_read(w, w->fixtures ? "shapes" : "add"), cut = model;
    if (w->fixtures) {
        for (size_t tenth = 0; tenth < 10; tenth++) {
            cut.size[1] = model.size[1] * tenth / 10;
            CHECK_EQ(load_parts(w, &cut, straight, 2, 0, 0), 5);
        }
    }
    model_free(&model);
}

/* A model with weights, whose bytes in guest memory are overwritten after load: the runtime has its own copy.
 */
static void test_own_weights(world *w) {
    static float picture[64 * 64 * 3];
    static const uint32_t dims[] = {1, 64, 64, 3};
    uint32_t context;
    char path[4096];
    if (!w->fixtures || !CHECK_EQ(world_open(w, "shapes", &context), 0))
        return;
    static const char *const shapes[] = {"circle", "square", "triangle", "cross", "ring"};
    for (uint32_t shape = 0; shape < 5; shape++) {
        snprintf(path, sizeof path, "%s/%s.f32", w->fixtures, shapes[shape]);
        FILE *stream = fopen(path, "rb");
        CHECK(stream && fread(picture, sizeof picture, 1, stream) == 1);
        fclose(stream);
        put_bytes(w, MODEL, picture, sizeof picture);
        put_tensor(w, TENSOR, 1, 4, dims, MODEL, sizeof picture);
        CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(get(w, context, 0, 20), 0);
        for (uint32_t other = 0; other < 5; other++)
            CHECK(output_f32(w, shape) >= output_f32(w, other));
    }
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
    CHECK_TEXT(w->log, "set_input: invalid_argument: input 0 'a' wants f32 [2,2], got f32 [4]");
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
    CHECK_TEXT(w->log, "input 0 'a' has not been set");
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_TEXT(w->log, "input 1 'b' has not been set");
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

/* ---- Shapes and types --------------------------------------------------------------------------- */

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
    CHECK_EQ(world_open(w, "types_bf16", &context), 0);
    put_tensor(w, TENSOR, 0, 1, (uint32_t[]){4}, DATA, 8);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 1);
    CHECK_TEXT(w->log, "wants bf16 [4], got f16 [4]");
}

/* ---- Names, limits, time ------------------------------------------------------------------------ */

static void add_named(world *w, const char *name, const char *model) {
    static const char fake[] = "fake\ninput a f32 2 2\ninput b f32 2 2\noutput sum f32 2 2 = add a b\n";
    char path[4096];
    if (w->fixtures) {
        snprintf(path, sizeof path, "%s/%s.xml", w->fixtures, model);
    } else {
        snprintf(path, sizeof path, "conformance_test_%s.fake", name);
        FILE *stream = fopen(path, "w");
        fputs(fake, stream);
        fclose(stream);
    }
    CHECK_EQ(wasinn_host_add_model(w->host, name, path, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_OK);
}

static uint32_t by_name(world *w, const char *name, uint32_t length) {
    put_bytes(w, NAME, name, length);
    put_u32(w, OUT, 0xDEAD);
    return CALL(w, "load_by_name", NAME, length, OUT);
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
    CHECK_EQ(wasinn_host_add_model(w->host, "add", ".", WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "already");
    CHECK_EQ(wasinn_host_add_model(w->host, "x", "/nowhere", WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_NOT_FOUND);
    CHECK_EQ(wasinn_host_add_model(w->host, "x", ".", WASINN_ENCODING_PYTORCH, WASINN_TARGET_CPU),
             WASINN_INVALID_ENCODING);
    CHECK_EQ(wasinn_host_add_model(w->host, "\xFF", ".", WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_INVALID_ARGUMENT);
}

static wasinn_status add_bytes(world *w, const char *name, const wasinn_blob *blobs, size_t count,
                               wasinn_encoding encoding) {
    return wasinn_host_add_model_blobs(w->host, name, blobs, count, encoding, WASINN_TARGET_CPU);
}

/* A named model from the host's memory, which may change at once. */
static void test_named_bytes(world *w) {
    model_bytes add = model_read(w, "add");
    wasinn_blob blobs[] = {{add.data[0], add.size[0]}, {add.data[1], add.size[1]}};
    const wasinn_blob nothing[] = {{NULL, 5}, {NULL, 0}}, text[] = {{"no model", 8}, {"", 0}};
    uint32_t context;
    CHECK_EQ(add_bytes(w, "bytes", blobs, 2, WASINN_ENCODING_OPENVINO), WASINN_OK);
    CHECK_EQ(add_bytes(w, "detected", blobs, 2, WASINN_ENCODING_AUTODETECT), WASINN_OK);
    CHECK_EQ(add_bytes(w, "one", blobs, 1, WASINN_ENCODING_OPENVINO), WASINN_OK);
    CHECK_EQ(add_bytes(w, "text", text, 2, WASINN_ENCODING_OPENVINO), WASINN_OK);

    CHECK_EQ(add_bytes(w, "bytes", blobs, 2, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "model 'bytes': a model of that name is already registered");
    CHECK_EQ(add_bytes(w, NULL, blobs, 2, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "a model's name or config is NULL");
    CHECK_EQ(add_bytes(w, "", blobs, 2, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(add_bytes(w, "\xFF", blobs, 2, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "model '\\xff': the name is not UTF-8");
    CHECK_EQ(add_bytes(w, "x", blobs, 0, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "no bytes of a model were given");
    CHECK_EQ(add_bytes(w, "x", NULL, 2, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "the list of 2 blobs is NULL");
    CHECK_EQ(add_bytes(w, "x", nothing, 2, WASINN_ENCODING_OPENVINO), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "blob 0 of 5 bytes is NULL");
    CHECK_EQ(add_bytes(w, "x", blobs, 2, WASINN_ENCODING_PYTORCH), WASINN_INVALID_ENCODING);
    CHECK_EQ(add_bytes(w, "x", blobs, 2, (wasinn_encoding)77), WASINN_INVALID_ENCODING);
    CHECK_EQ(add_bytes(w, "x", text, 2, WASINN_ENCODING_AUTODETECT), WASINN_INVALID_ENCODING);
    CHECK_TEXT(wasinn_host_last_error(), "beginning with the bytes 6e 6f 20 6d");
    CHECK_EQ(wasinn_host_add_model_blobs(w->host, "x", blobs, 2, WASINN_ENCODING_OPENVINO, (wasinn_target)9),
             WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "target 9 is unknown");
    memset(add.data[0], 0xA5, add.size[0]);
    memset(add.data[1], 0xA5, add.size[1]);
    model_free(&add);

    for (const char *name = "bytes"; name; name = strcmp(name, "bytes") == 0 ? "detected" : NULL) {
        CHECK_EQ(by_name(w, name, (uint32_t)strlen(name)), 0);
        CHECK_EQ(CALL(w, "init_execution_context", get_u32(w, OUT), OUT), 0);
        context = get_u32(w, OUT);
        for (uint32_t i = 0; i < 2; i++)
            CHECK_EQ(set_f32(w, context, i, 2, two_by_two, (float[]){4, 4, 4, 4}, 4), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(get(w, context, 0, 16), 0);
        CHECK(output_f32(w, 3) == 8);
    }
    /* What is no model fails at each use; a guest does not learn what the host has. */
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(by_name(w, "one", 3), 1);
        CHECK_TEXT(w->log, "load_by_name: invalid_argument: ");
        CHECK_EQ(by_name(w, "text", 4), 5);
        CHECK_TEXT(w->log, "load_by_name: runtime_error: ");
    }
    memset(w->memory.base + OUTPUT, 0, 256);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 255, OUT), 0);
    CHECK_TEXT((const char *)w->memory.base + OUTPUT, "the host's log says why");
}

static void test_limits(world *w) {
    wasinn_limits limits;
    uint32_t graph, context;
    wasinn_limits_default(&limits, sizeof limits);
    limits.graphs = 2;
    limits.executions = 3;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(world_load(w, "add", &graph), 4);
    CHECK_TEXT(w->log, "load: busy: graphs loaded: 2, the limit");
    for (int i = 0; i < 3; i++)
        CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 4);
    /* What is closed makes room. */
    context = get_u32(w, OUT);
    CHECK_EQ(wasinn_close(w->guest, context), WASINN_OK);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);

    world_renew_guest(w);
    model_bytes add = model_read(w, "add");
    wasinn_limits_default(&limits, sizeof limits);
    limits.model_bytes = add.size[0] + add.size[1] - 1;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_load(w, "add", &graph), 7);
    CHECK_TEXT(w->log, "load: too_large: the model has");
    wasinn_limits_default(&limits, sizeof limits);
    limits.total_bytes = 3 * (add.size[0] + add.size[1]);
    wasinn_guest_set_limits(w->guest, &limits);
    uint32_t error = 0;
    for (int i = 0; i < 4 && error == 0; i++)
        error = world_load(w, "add", &graph);
    CHECK_EQ(error, 7);
    model_free(&add);

    world_renew_guest(w);
    wasinn_limits_default(&limits, sizeof limits);
    limits.tensor_bytes = 15;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_open(w, "add", &context), 7);
    CHECK_TEXT(w->log, "input 0 'a' is f32 [2,2], 16 bytes; the limit is 15");
    CHECK_EQ(world_open(w, "dynamic", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){2, 3}, (float[6]){0}, 6), 7);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){1, 3}, (float[3]){0}, 3), 0);
    wasinn_limits_default(&limits, sizeof limits);
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_open(w, "wide", &context), 7);
    CHECK_TEXT(w->log, ", 536870912 bytes; the limit is 268435456");
    /* An execution that was refused has given everything back. */
    world_renew_guest(w);
    limits.total_bytes = (uint64_t)1 << 28;
    wasinn_guest_set_limits(w->guest, &limits);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(world_open(w, "wide", &context), 7);
    still_works(w);
}

/* What a model leaves open is paid for when it is known. */
static void test_dynamic_limits(world *w) {
    wasinn_limits limits;
    uint32_t context;
    static const float zeros[3000];
    CHECK_EQ(world_open(w, "dynamic", &context), 0);
    uint64_t before = w->guest->held_bytes;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){4, 3}, zeros, 12), 0);
    CHECK_EQ(w->guest->held_bytes, before + 48);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(w->guest->held_bytes, before + 96);
    wasinn_limits_default(&limits, sizeof limits);
    limits.total_bytes = before + 100;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){5, 3}, zeros, 15), 7);
    CHECK_TEXT(w->log, "asks for 12 more; the limit is");

    /* An output beyond the limit: the context is as new, and goes on. */
    limits.total_bytes = before + 160;
    limits.tensor_bytes = WASINN_UNLIMITED;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){8, 3}, zeros, 24), 0);
    CHECK_EQ(CALL(w, "compute", context), 7);
    CHECK_TEXT(w->log, "compute: too_large: output 0 'y'");
    CHECK_EQ(w->guest->held_bytes, before);
    CHECK_EQ(get(w, context, 0, 4), 5);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){2, 3}, zeros, 6), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 24), 0);
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
}

/* Only one of the two can make these models. */
static void test_fake_limits(world *w) {
    wasinn_limits limits;
    uint32_t graph, context;
    if (w->fixtures)
        return;
    CHECK_EQ(world_load(w, "high_rank", &graph), 6);
    CHECK_TEXT(w->log, "has rank 17; at most 16 fit");
    CHECK_EQ(world_open(w, "packed", &context), 7);
    CHECK_TEXT(w->log, "is other [1000000000], 500000000 bytes");
    wasinn_limits_default(&limits, sizeof limits);
    uint64_t before = w->guest->held_bytes;
    limits.total_bytes = before + 999999;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(world_load(w, "held", &graph), 7);
    limits.total_bytes = before + 1100000;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(world_load(w, "held", &graph), 0);
    CHECK_EQ(world_load(w, "held", &graph), 7);
    CHECK(w->guest->held_bytes > before + 1000000 && w->guest->held_bytes < before + 1000100);
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    /* A byte that is neither 0 nor 1 is no bool for a runtime. */
    CHECK_EQ(world_open(w, "bool_same", &context), 0);
    put_bytes(w, DATA, (uint8_t[]){0, 1, 7, 255}, 4);
    put_tensor(w, TENSOR, 3, 1, (uint32_t[]){4}, DATA, 4);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 4), 0);
    CHECK(memcmp(w->memory.base + OUTPUT, (uint8_t[]){0, 1, 1, 1}, 4) == 0);
}

/* Both blobs count, and a guest that may bring none brings none. */
static void test_model_limits(world *w) {
    wasinn_limits limits;
    uint32_t graph;
    model_bytes add = model_read(w, "add");
    wasinn_limits_default(&limits, sizeof limits);
    limits.model_bytes = add.size[0] + 1000;
    model_free(&add);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    put_u32(w, BUILDERS, MODEL), put_u32(w, BUILDERS + 4, (uint32_t)add.size[0]);
    put_u32(w, BUILDERS + 8, MODEL), put_u32(w, BUILDERS + 12, 1001);
    CHECK_EQ(CALL(w, "load", BUILDERS, 2, 0, 0, OUT), 7);
    limits.model_bytes = 0;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(world_load(w, "add", &graph), 1);
    CHECK_TEXT(w->log, "load: security: this host takes no models from guests");
    add_named(w, "named", "add");
    CHECK_EQ(by_name(w, "named", 5), 0);
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
}

/* OpenVINO's dynamic outputs move: what is read is that of the last compute. */
static void test_moving_output(world *w) {
    uint32_t context;
    const int64_t counts[] = {4, 30000, 5, 0, 2};
    if (!w->fixtures)
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

/* A guest learns what it did wrong, not where the host keeps its files. */
static void test_host_paths(world *w) {
    CHECK_EQ(wasinn_host_add_model(w->host, "broken", ".", WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_OK);
    CHECK_EQ(by_name(w, "broken", 6), 5);
    CHECK(strstr(w->log, "'.") != NULL);
    memset(w->memory.base + OUTPUT, 0, 256);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 255, OUT), 0);
    CHECK_TEXT((const char *)w->memory.base + OUTPUT, "the host's log says why");
    CHECK_EQ(by_name(w, "absent", 6), 8);
    CHECK_EQ(CALL(w, "last_error", OUTPUT, 255, OUT), 0);
    CHECK_TEXT((const char *)w->memory.base + OUTPUT, "no model is registered as 'absent'");
}

static void test_time(world *w) {
    wasinn_limits limits;
    uint32_t context;
    float one = 1;
    CHECK_EQ(world_open(w, "slow", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){1}, &one, 1), 0);
    wasinn_limits_default(&limits, sizeof limits);
    limits.compute_ms = 50;
    wasinn_guest_set_limits(w->guest, &limits);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(CALL(w, "compute", context), 5);
        CHECK_TEXT(w->log, "compute: timeout: not finished within 50 ms");
    }
    CHECK_EQ(get(w, context, 0, 4), 5);
    wasinn_guest_interrupt(w->guest);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_TEXT(w->log, "interrupted");
    uint32_t graph;
    CHECK_EQ(world_load(w, "add", &graph), 5);
    CHECK_TEXT(w->log, "load: timeout");
    wasinn_guest_resume(w->guest);
    wasinn_limits_default(&limits, sizeof limits);
    limits.load_ms = 0;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_load(w, "add", &graph), 5);
    CHECK_TEXT(w->log, "load: timeout");
    wasinn_limits_default(&limits, sizeof limits);
    wasinn_guest_set_limits(w->guest, &limits);
    still_works(w);
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
    CHECK_EQ(wasinn_load(w->guest, nothing, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &context),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_load(w->guest, NULL, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &context),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_load_by_name(w->guest, NULL, 3, &context), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_init_execution_context(w->guest, graph, &context), WASINN_OK);
    CHECK_EQ(wasinn_set_input(w->guest, context, 0, &no_data), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_guest_last_error(w->guest), "data is NULL");
    CHECK_EQ(wasinn_host_add_model(w->host, NULL, ".", WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_library(w->host, w->fixtures ? "openvino" : "fake", NULL),
             WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_library(w->host, w->fixtures ? "openvino" : "fake", "late"),
             WASINN_INVALID_ARGUMENT);
}

static const struct {
    const char *name;
    void (*run)(world *w);
} cases[] = {
    {"session", test_session},
    {"handles", test_handles},
    {"memory", test_memory},
    {"load", test_load},
    {"weights", test_truncated_weights},
    {"tensors", test_tensors},
    {"order", test_order},
    {"scalar", test_scalar},
    {"dynamic", test_dynamic},
    {"outputs", test_outputs},
    {"types", test_types},
    {"names", test_names},
    {"named bytes", test_named_bytes},
    {"limits", test_limits},
    {"time", test_time},
    {"last_error", test_last_error},
    {"dynamic limits", test_dynamic_limits},
    {"fake limits", test_fake_limits},
    {"model limits", test_model_limits},
    {"moving output", test_moving_output},
    {"host paths", test_host_paths},
    {"ports", test_ports},
    {"own weights", test_own_weights},
    {"leaks", test_leaks},
};

int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        check_case = cases[i].name;
        world_new(&w, argc > 1 ? argv[1] : NULL);
        cases[i].run(&w);
        still_works(&w);
        world_free(&w);
    }
    return check_result();
}
