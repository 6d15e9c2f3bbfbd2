/* wasinn.infer and wasinn_infer: one inference in one call. */
#include "conformance.h"

#include <pthread.h>
#include <stdlib.h>

enum { TENSORS = 256, SHAPES_AT = 640, RESULTS = 512, MOST = 8, SPARE = 64 };

/* ---- What a runtime was asked for ------------------------------------------------------------------- */

typedef struct spy {
    int infers, runs, inputs;
} spy;

static bool note(void *data, const char *entry) {
    spy *seen = data;
    seen->infers += strcmp(entry, "infer") == 0;
    seen->runs += strcmp(entry, "run") == 0;
    seen->inputs += strcmp(entry, "input") == 0;
    return false;
}

/* ---- Calls as a guest makes them -------------------------------------------------------------------- */

/* Describes input `index` of f32 at `address`, of two dimensions. */
static void give(world *w, uint32_t index, uint32_t address, uint32_t rows, uint32_t columns) {
    uint32_t at = TENSORS + 20 * index, dims = SHAPES_AT + 8 * index;
    put_u32(w, at, dims), put_u32(w, at + 4, 2), put_u32(w, at + 8, 0xABCDEF01);
    put_u32(w, at + 12, address), put_u32(w, at + 16, rows * columns * 4);
    put_u32(w, dims, rows), put_u32(w, dims + 4, columns);
}

static void want(world *w, uint32_t index, uint32_t address, uint32_t capacity) {
    uint32_t at = RESULTS + 12 * index;
    put_u32(w, at, address), put_u32(w, at + 4, capacity), put_u32(w, at + 8, 0xDEAD);
}

static uint32_t written(const world *w, uint32_t index) {
    return get_u32(w, RESULTS + 12 * index + 8);
}

static uint32_t infer(world *w, uint32_t context, uint32_t inputs, uint32_t outputs) {
    return CALL(w, "infer", context, TENSORS, inputs, RESULTS, outputs);
}

static void put_floats(world *w, uint32_t address, float first) {
    float values[4] = {first, first + 1, first + 2, first + 3};
    put_bytes(w, address, values, sizeof values);
}

static float float_at(const world *w, uint32_t address) {
    float value;
    memcpy(&value, w->memory.base + address, sizeof value);
    return value;
}

/* `add` of two inputs at these addresses. */
static uint32_t infer_add(world *w, uint32_t context, uint32_t a, uint32_t b, uint32_t sum) {
    give(w, 0, a, 2, 2), give(w, 1, b, 2, 2), want(w, 0, sum, 16);
    put_floats(w, a, 1), put_floats(w, b, 10);
    return infer(w, context, 2, 1);
}

static void check_sum(const world *w, uint32_t at) {
    CHECK_EQ(written(w, 0), 16);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(float_at(w, at + 4 * i) == 11 + 2 * (float)i);
}

/* ---- The same as the three calls -------------------------------------------------------------------- */

typedef struct ports {
    uint32_t counts[2];
    wasinn_port ports[2][MOST];
    wasinn_tensor inputs[MOST];
    wasinn_tensor outputs[MOST]; /* what the three calls gave; the data is ours */
} ports;

/* Elements that are worth computing with: small, of both signs, none of them the same. */
static void fill(uint8_t *data, wasinn_type type, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int value = (int)(i * 7 % 11) - 5;
        float real = (float)value / 2;
        double precise = real;
        uint32_t bits;
        memcpy(&bits, &real, 4);
        uint16_t brief = (uint16_t)(bits >> 16), half = (uint16_t)(0x3C00 + i % 64);
        int64_t whole = value < 0 ? -value : value;
        size_t size = wasinn_type_size(type);
        const void *from = type == WASINN_TYPE_F32    ? (const void *)&real
                           : type == WASINN_TYPE_F64  ? (const void *)&precise
                           : type == WASINN_TYPE_BF16 ? (const void *)&brief
                           : type == WASINN_TYPE_F16  ? (const void *)&half
                                                      : (const void *)&whole;
        if (type == WASINN_TYPE_BOOL)
            whole = value & 1;
        memcpy(data + i * size, from, size);
    }
}

/* Makes a tensor for a port, `offset` bytes from where a page might begin, with bytes around it that are
 * nobody's. */
static wasinn_tensor make_tensor(const wasinn_port *port, size_t offset) {
    wasinn_tensor made = {.type = port->type, .rank = port->rank, .size = wasinn_type_size(port->type)};
    for (uint32_t i = 0; i < port->rank; i++) {
        made.dims[i] = port->dims[i] < 0 ? 3 : port->dims[i];
        made.size *= (size_t)made.dims[i];
    }
    uint8_t *memory = aligned_alloc(64, (made.size + offset + 2 * SPARE) / 64 * 64 + 64);
    memset(memory, 0x5A, made.size + offset + 2 * SPARE);
    fill(memory + SPARE + offset, port->type, made.size / wasinn_type_size(port->type));
    made.data = memory + SPARE + offset;
    return made;
}

static void free_tensor(const wasinn_tensor *tensor, size_t offset) {
    free((uint8_t *)tensor->data - SPARE - offset);
}

static bool around_is_untouched(const uint8_t *data, size_t size) {
    for (size_t i = 1; i <= SPARE; i++)
        if (data[-(ptrdiff_t)i] != 0x5A || data[size + i - 1] != 0x5A)
            return false;
    return true;
}

static bool read_ports(world *w, uint32_t graph, ports *read) {
    for (int side = 0; side < 2; side++) {
        CHECK_EQ(wasinn_graph_port_count(w->guest, graph, (wasinn_direction)side, &read->counts[side]),
                 WASINN_OK);
        if (!CHECK(read->counts[side] <= MOST))
            return false;
        for (uint32_t i = 0; i < read->counts[side]; i++)
            CHECK_EQ(wasinn_graph_port(w->guest, graph, (wasinn_direction)side, i, &read->ports[side][i]),
                     WASINN_OK);
    }
    return true;
}

/* What the three calls give for the inputs, kept. */
static bool compute_reference(world *w, uint32_t context, ports *read) {
    for (uint32_t i = 0; i < read->counts[WASINN_INPUT]; i++)
        CHECK_EQ(wasinn_set_input(w->guest, context, i, &read->inputs[i]), WASINN_OK);
    if (!CHECK_EQ(wasinn_compute(w->guest, context), WASINN_OK))
        return false;
    for (uint32_t i = 0; i < read->counts[WASINN_OUTPUT]; i++) {
        wasinn_tensor *kept = &read->outputs[i];
        CHECK_EQ(wasinn_output(w->guest, context, i, kept), WASINN_OK);
        void *copy = malloc(kept->size + 1);
        if (kept->size > 0)
            memcpy(copy, kept->data, kept->size);
        kept->data = copy;
    }
    return true;
}

/* One inference at an offset, `more` bytes of room beyond what the outputs need. */
static void compare(world *w, uint32_t context, const ports *read, size_t offset, size_t more) {
    wasinn_tensor inputs[MOST];
    wasinn_result results[MOST];
    for (uint32_t i = 0; i < read->counts[WASINN_INPUT]; i++)
        inputs[i] = make_tensor(&read->ports[WASINN_INPUT][i], offset);
    for (uint32_t i = 0; i < read->counts[WASINN_OUTPUT]; i++) {
        size_t size = read->outputs[i].size + more;
        uint8_t *memory = aligned_alloc(64, (size + offset + 2 * SPARE) / 64 * 64 + 64);
        memset(memory, 0x5A, size + offset + 2 * SPARE);
        results[i] = (wasinn_result){memory + SPARE + offset, size, 12345};
    }
    CHECK_EQ(wasinn_infer(w->guest, context, inputs, read->counts[WASINN_INPUT], results,
                          read->counts[WASINN_OUTPUT]),
             WASINN_OK);
    for (uint32_t i = 0; i < read->counts[WASINN_INPUT]; i++) {
        CHECK(inputs[i].size == 0 || memcmp(inputs[i].data, read->inputs[i].data, inputs[i].size) == 0);
        CHECK(around_is_untouched(inputs[i].data, inputs[i].size));
        free_tensor(&inputs[i], offset);
    }
    for (uint32_t i = 0; i < read->counts[WASINN_OUTPUT]; i++) {
        const wasinn_tensor *wanted = &read->outputs[i];
        CHECK_EQ(results[i].written, wanted->size);
        CHECK(wanted->size == 0 || memcmp(results[i].data, wanted->data, wanted->size) == 0);
        CHECK(around_is_untouched(results[i].data, wanted->size));
        free((uint8_t *)results[i].data - SPARE - offset);
    }
}

static bool all_fixed(const ports *read) {
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < read->counts[side]; i++) {
            const wasinn_port *port = &read->ports[side][i];
            for (uint32_t k = 0; k < port->rank; k++)
                if (port->dims[k] <= 0)
                    return false;
            if (port->type == WASINN_TYPE_BOOL)
                return false;
        }
    return true;
}

static void compare_model(world *w, const char *name) {
    uint32_t graph, one, other;
    ports read;
    spy seen = {0};
    if (!has(w, name) || !CHECK_EQ(world_load(w, name, &graph), 0) || !read_ports(w, graph, &read))
        return;
    for (uint32_t i = 0; i < read.counts[WASINN_INPUT]; i++)
        read.inputs[i] = make_tensor(&read.ports[WASINN_INPUT][i], 0);
    one = open_graph(w, graph), other = open_graph(w, graph);
    if (compute_reference(w, one, &read)) {
        w->host->faults = (wasinn__faults){note, &seen};
        const size_t offsets[] = {0, 8, 16, 1, 24, 40, 7, 56};
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
            compare(w, i % 2 ? one : other, &read, offsets[i], i % 3 == 2 ? 32 : 0);
        w->host->faults = (wasinn__faults){NULL, NULL};
        /* In memory of the caller's wherever the header says so, and copied everywhere else. */
        if (all_fixed(&read))
            CHECK(seen.infers >= 6 && seen.runs == (wasinn_type_size(read.ports[1][0].type) == 1 ? 0 : 2));
        else
            CHECK(seen.infers == 0 && seen.runs == 8);
        for (uint32_t i = 0; i < read.counts[WASINN_OUTPUT]; i++)
            free((void *)read.outputs[i].data);
    }
    for (uint32_t i = 0; i < read.counts[WASINN_INPUT]; i++)
        free_tensor(&read.inputs[i], 0);
    CHECK_EQ(wasinn_close(w->guest, graph), WASINN_OK);
    CHECK_EQ(wasinn_close(w->guest, one), WASINN_OK);
    CHECK_EQ(wasinn_close(w->guest, other), WASINN_OK);
}

static void test_same(world *w) {
    static const char *const models[] = {
        "add",       "scalar",    "dynamic",       "two_outputs", "many",      "no_inputs",
        "empty",     "digits",    "types_f16",     "types_f32",   "types_f64", "types_bf16",
        "types_u8",  "types_i8",  "types_u16",     "types_i16",   "types_u32", "types_i32",
        "types_u64", "types_i64", "types_boolean", "shapes"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        compare_model(w, models[i]);
}

/* ---- In any order ------------------------------------------------------------------------------------ */

typedef struct known {
    bool set[2], computed;
    float inputs[2], sum;
} known;

static void step(world *w, uint32_t context, known *state, uint32_t random) {
    uint32_t which = random >> 8 & 1, given = (random >> 8) % 3;
    float value = (float)(random >> 16 & 1023);
    float values[4] = {value, value, value, value};
    bool ready = (given > 0 || state->set[0]) && (given > 1 || state->set[1]);
    switch (random & 3) {
    case 0:
        CHECK_EQ(set_f32(w, context, which, 2, two_by_two, values, 4), 0);
        state->set[which] = true;
        state->inputs[which] = value;
        break;
    case 1:
        CHECK_EQ(CALL(w, "compute", context), state->set[0] && state->set[1] ? 0 : 5);
        if (state->set[0] && state->set[1]) {
            state->computed = true;
            state->sum = state->inputs[0] + state->inputs[1];
        }
        break;
    case 2:
        CHECK_EQ(get(w, context, 0, 16), state->computed ? 0 : 5);
        CHECK(!state->computed || output_f32(w, 3) == state->sum);
        break;
    default:
        for (uint32_t i = 0; i < given; i++) {
            uint32_t at = MODEL + 64 * ((random >> 11 & 7) + 8 * i);
            put_bytes(w, at, values, sizeof values);
            give(w, i, at, 2, 2);
        }
        want(w, 0, OUTPUT + 64 * (random >> 14 & 3), 16);
        CHECK_EQ(infer(w, context, given, 1), ready ? 0 : 5);
        if (!ready)
            break;
        CHECK(float_at(w, OUTPUT + 64 * (random >> 14 & 3) + 12) ==
              (given > 0 ? value : state->inputs[0]) + (given > 1 ? value : state->inputs[1]));
        for (uint32_t i = 0; i < given; i++)
            state->set[i] = false;
        state->computed = false;
    }
}

static void test_any_order(world *w) {
    uint32_t context, random = 1;
    known state = {0};
    CHECK_EQ(world_open(w, "add", &context), 0);
    for (int i = 0; i < 600; i++) {
        random = random * 1664525 + 1013904223;
        step(w, context, &state, random >> 4);
    }
}

/* What is set stays set, what is given is gone, and outputs that were there are not. */
static void test_afterwards(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "add", &context), 0);
    give(w, 0, DATA, 2, 2), want(w, 0, OUTPUT, 16), put_floats(w, DATA, 1);
    CHECK_EQ(infer(w, context, 1, 1), 5);
    CHECK_LOG(w, "infer: runtime_error: input 1 '%s' has not been set", "b");
    CHECK_EQ(infer(w, context, 0, 1), 5);
    CHECK_LOG(w, "input 0 '%s' has not been set", "a");
    CHECK_EQ(set_f32(w, context, 1, 2, two_by_two, (float[]){5, 5, 5, 5}, 4), 0);
    for (int i = 0; i < 3; i++) {
        put_floats(w, DATA, (float)i);
        CHECK_EQ(infer(w, context, 1, 1), 0);
        CHECK(float_at(w, OUTPUT) == (float)i + 5);
    }
    CHECK_EQ(get(w, context, 0, 16), 5);
    CHECK_TEXT(w->log, "no compute has succeeded");
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_LOG(w, "input 0 '%s' has not been set", "a");
    check_adds(w, context);
    /* No output is wanted, or not all. */
    CHECK_EQ(infer(w, context, 1, 0), 0);
    CHECK_EQ(get(w, context, 0, 16), 5);
    if (CHECK_EQ(world_open(w, "two_outputs", &context), 0)) {
        put_tensor(w, TENSORS, 1, 1, (uint32_t[]){4}, DATA, 16);
        want(w, 0, OUTPUT, 16);
        put_floats(w, DATA, 1);
        CHECK_EQ(infer(w, context, 1, 1), 0);
        CHECK(float_at(w, OUTPUT) == 2 && float_at(w, OUTPUT + 12) == 5);
    }
}

/* A guest's memory is elsewhere after it has grown. */
static void test_moving(world *w) {
    uint32_t context;
    CHECK_EQ(world_open(w, "add", &context), 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(infer_add(w, context, DATA, DATA + 16, OUTPUT), 0);
        check_sum(w, OUTPUT);
        if (i % 4 == 3)
            check_adds(w, context);
        size_t size = w->memory.size + 65536;
        uint8_t *moved = calloc(1, size);
        memcpy(moved, w->memory.base, w->memory.size);
        memset(w->memory.base, 0xA5, w->memory.size);
        free(w->memory.base);
        w->memory = (wasinn_memory){moved, size};
    }
    /* Input and output change places, over and over: what was written is what is read next. */
    put_floats(w, MODEL, 1), put_floats(w, MODEL + 128, 0);
    uint32_t from = MODEL, to = MODEL + 64;
    give(w, 1, MODEL + 128, 2, 2);
    for (int i = 0; i < 12; i++) {
        give(w, 0, from, 2, 2), want(w, 0, to, 16);
        CHECK_EQ(infer(w, context, 2, 1), 0);
        CHECK(float_at(w, to) == 1 && float_at(w, to + 4) == (float)(3 + i) &&
              float_at(w, from + 4) == (float)(2 + i));
        uint32_t other = from;
        from = to, to = other;
    }
    /* One memory as both inputs. */
    give(w, 0, DATA, 2, 2), give(w, 1, DATA, 2, 2), want(w, 0, OUTPUT, 16), put_floats(w, DATA, 4);
    CHECK_EQ(infer(w, context, 2, 1), 0);
    CHECK(float_at(w, OUTPUT) == 8 && float_at(w, DATA) == 4);
}

/* ---- What is refused --------------------------------------------------------------------------------- */

static void test_overlap(world *w) {
    uint32_t context;
    const struct {
        uint32_t sum, capacity;
        const char *what; /* NULL: no overlap */
    } places[] = {
        {DATA, 16, "the memory of input 0 overlaps that of output 0"},
        {DATA + 15, 16, "the memory of input 0 overlaps that of output 0"},
        {DATA - 15, 16, "the memory of output 0 overlaps that of input 0"},
        {DATA - 64, 256, "the memory of output 0 overlaps that of input 0"},
        {DATA + 35, 16, "the memory of input 1 overlaps that of output 0"},
        {DATA + 4, 8, "the memory of input 0 overlaps that of output 0"},
        {DATA + 16, 4, NULL},
        {DATA + 16, 16, NULL},
        {DATA - 16, 16, NULL},
        {DATA + 8, 0, NULL},
    };
    CHECK_EQ(world_open(w, "add", &context), 0);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        give(w, 0, DATA, 2, 2), give(w, 1, DATA + 32, 2, 2);
        put_floats(w, DATA, 1), put_floats(w, DATA + 32, 10);
        want(w, 0, places[i].sum, places[i].capacity);
        CHECK_EQ(infer(w, context, 2, 1), places[i].what ? 1 : places[i].capacity < 16 ? 7 : 0);
        CHECK(float_at(w, DATA + 12) == 4 && float_at(w, DATA + 32) == 10);
        if (places[i].what)
            CHECK_TEXT(w->log, places[i].what);
        else
            CHECK_EQ(written(w, 0), 16);
    }
    if (!CHECK_EQ(world_open(w, "two_outputs", &context), 0))
        return;
    put_tensor(w, TENSORS, 1, 1, (uint32_t[]){4}, DATA, 16);
    want(w, 0, OUTPUT, 16);
    for (uint32_t at = OUTPUT - 4; at <= OUTPUT + 16; at += 4) {
        want(w, 1, at, 4);
        bool apart = at == OUTPUT - 4 || at == OUTPUT + 16;
        CHECK_EQ(infer(w, context, 1, 2), apart ? 0 : 1);
        if (!apart)
            CHECK_TEXT(w->log, "overlaps that of output");
    }
    /* Empty memory lies nowhere. */
    want(w, 1, OUTPUT + 4, 0);
    CHECK_EQ(infer(w, context, 1, 2), 7);
    CHECK_TEXT(w->log, "infer: too_large: output 1 has 4 bytes, the buffer 0");
    CHECK(written(w, 0) == 16 && written(w, 1) == 4);
}

static void test_sizes(world *w) {
    uint32_t context, end = (uint32_t)w->memory.size;
    CHECK_EQ(world_open(w, "add", &context), 0);
    CHECK_EQ(infer_add(w, context, DATA, DATA + 16, OUTPUT), 0);
    want(w, 0, OUTPUT, 15);
    CHECK_EQ(infer(w, context, 2, 1), 7);
    CHECK_TEXT(w->log, "infer: too_large: output 0 has 16 bytes, the buffer 15");
    CHECK_EQ(written(w, 0), 16);
    want(w, 0, OUTPUT, 4096);
    memset(w->memory.base + OUTPUT, 0x5A, 4096);
    CHECK_EQ(infer(w, context, 2, 1), 0);
    check_sum(w, OUTPUT);
    for (uint32_t i = 16; i < 4096; i++)
        if (w->memory.base[OUTPUT + i] != 0x5A)
            CHECK_EQ(i, 4096);
    /* Up to the very end of memory, and where its descriptions lie. */
    CHECK_EQ(infer_add(w, context, DATA, DATA + 16, end - 16), 0);
    check_sum(w, end - 16);
    CHECK_EQ(infer_add(w, context, DATA, end - 16, OUTPUT), 0);
    check_sum(w, OUTPUT);
    give(w, 0, DATA, 2, 2), give(w, 1, DATA + 16, 2, 2), want(w, 0, TENSORS, 40);
    CHECK_EQ(infer(w, context, 2, 1), 0);
    check_sum(w, TENSORS);
    give(w, 0, DATA, 2, 2), give(w, 1, DATA + 16, 2, 2), want(w, 0, RESULTS - 8, 20);
    CHECK_EQ(infer(w, context, 2, 1), 0);
    CHECK(float_at(w, RESULTS - 8) == 11 && float_at(w, RESULTS + 4) == 17);
    if (!CHECK_EQ(world_open(w, "dynamic", &context), 0))
        return;
    give(w, 0, DATA, 2, 3), want(w, 0, OUTPUT, 20);
    CHECK_EQ(infer(w, context, 1, 1), 7);
    CHECK_TEXT(w->log, "infer: too_large: output 0 has 24 bytes, the buffer 20");
    CHECK_EQ(written(w, 0), 24);
    want(w, 0, OUTPUT, 24);
    CHECK_EQ(infer(w, context, 1, 1), 0);
    CHECK_EQ(written(w, 0), 24);
}

static void test_refused(world *w) {
    uint32_t context, graph;
    CHECK_EQ(world_load(w, "add", &graph), 0);
    context = open_graph(w, graph);
    CHECK_EQ(infer_add(w, context, DATA, DATA + 16, OUTPUT), 0);
    const uint32_t wrong[] = {0, 1, graph, context ^ 1u << 16, 0x7FFFFFFF, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_EQ(infer(w, wrong[i], 2, 1), 1);
    CHECK_EQ(infer(w, context, 3, 1), 1);
    CHECK_TEXT(w->log, "infer: invalid_argument: there is no input 2: the model has 2 inputs");
    CHECK_EQ(infer(w, context, 2, 2), 1);
    CHECK_TEXT(w->log, "there is no output 1: the model has 1 output");
    CHECK_EQ(infer(w, context, 20000, 1), 1);
    CHECK_EQ(infer(w, context, 2, 30000), 1);
    give(w, 1, DATA + 16, 4, 1);
    CHECK_EQ(infer(w, context, 2, 1), 1);
    CHECK_LOG(w, "infer: invalid_argument: input 1 '%s' wants f32 [2,2], got f32 [4,1]", "b");
    give(w, 1, DATA + 16, 2, 2), put_u32(w, TENSORS + 36, 12);
    CHECK_EQ(infer(w, context, 2, 1), 1);
    CHECK_TEXT(w->log, "f32 [2,2] takes 16 bytes, got 12");
    give(w, 1, DATA + 16, 2, 2), put_u32(w, TENSORS + 28, 3);
    CHECK_EQ(infer(w, context, 2, 1), 1);
    give(w, 1, DATA + 16, 2, 2), put_u32(w, TENSORS + 28, 255);
    CHECK_EQ(infer(w, context, 2, 1), 1);
    CHECK_TEXT(w->log, "tensor type 255 is unknown");
    give(w, 1, DATA + 16, 2, 2), put_u32(w, TENSORS + 24, 17);
    CHECK_EQ(infer(w, context, 2, 1), 1);
    /* Nothing that was refused has unset anything. */
    for (uint32_t i = 0; i < 2; i++)
        CHECK_EQ(set_f32(w, context, i, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(infer(w, context, 2, 1), 1);
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK(output_f32(w, 3) == 8);
    CHECK_EQ(CALL(w, "compute", context), 0);
}

static void test_addresses(world *w) {
    uint32_t context, end = (uint32_t)w->memory.size;
    CHECK_EQ(world_open(w, "add", &context), 0);
    CHECK_EQ(infer_add(w, context, DATA, DATA + 16, OUTPUT), 0);
    CHECK_EQ(CALL(w, "infer", context, end - 39, 2, RESULTS, 1), TRAP);
    CHECK_TEXT(w->trap, "infer: the inputs at address 524249, 40 bytes, outside the guest's memory");
    CHECK_EQ(CALL(w, "infer", context, TENSORS, 2, end - 11, 1), TRAP);
    CHECK_TEXT(w->trap, "infer: the outputs at address 524277, 12 bytes");
    CHECK_EQ(CALL(w, "infer", context, TENSORS, 0xFFFFFFFF, RESULTS, 1), TRAP);
    CHECK_EQ(CALL(w, "infer", context, TENSORS, 2, RESULTS, 0xFFFFFFFF), TRAP);
    CHECK_EQ(CALL(w, "infer", context, end + 1, 0, RESULTS, 1), TRAP);
    CHECK_EQ(CALL(w, "infer", context, TENSORS, 0xCCCCCCCD, RESULTS, 1), TRAP); /* times 20: 4 in 32 bits */
    give(w, 1, end - 15, 2, 2);
    CHECK_EQ(infer(w, context, 2, 1), TRAP);
    CHECK_TEXT(w->trap, "infer: the tensor's data");
    give(w, 1, 0xFFFFFFF0, 2, 2);
    CHECK_EQ(infer(w, context, 2, 1), TRAP);
    give(w, 1, DATA + 16, 2, 2), put_u32(w, TENSORS + 20, end - 4);
    CHECK_EQ(infer(w, context, 2, 1), TRAP);
    CHECK_TEXT(w->trap, "infer: the dimensions");
    give(w, 1, DATA + 16, 2, 2), want(w, 0, end - 15, 16);
    CHECK_EQ(infer(w, context, 2, 1), TRAP);
    CHECK_TEXT(w->trap, "infer: the buffer");
    want(w, 0, OUTPUT, 0xFFFFFFFF);
    CHECK_EQ(infer(w, context, 2, 1), TRAP);
    want(w, 0, end + 1, 0);
    CHECK_EQ(infer(w, context, 2, 1), TRAP);
    wasinn_memory real = w->memory;
    w->memory = (wasinn_memory){NULL, 0};
    CHECK_EQ(infer(w, context, 2, 1), 3);
    w->memory = real;
}

/* ---- Time, and memory that is gone ------------------------------------------------------------------- */

static void test_time(world *w) {
    wasinn_limits limits;
    uint32_t context;
    if (!CHECK_EQ(world_open(w, "slow", &context), 0))
        return;
    put_tensor(w, TENSORS, 1, 1, (uint32_t[]){1}, DATA, 4);
    want(w, 0, OUTPUT, 4);
    wasinn_limits_default(&limits, sizeof limits);
    limits.compute_ms = 50;
    wasinn_guest_set_limits(w->guest, &limits);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(infer(w, context, 1, 1), 5);
        CHECK_TEXT(w->log, "infer: timeout: not finished within 50 ms");
    }
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_TEXT(w->log, "has not been set");
    wasinn_guest_interrupt(w->guest);
    CHECK_EQ(infer(w, context, 1, 1), 5);
    CHECK_TEXT(w->log, "infer: timeout: the guest was interrupted");
    wasinn_guest_resume(w->guest);
    /* Nothing that a run which was stopped had is used later. */
    memset(w->memory.base, 0, w->memory.size);
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){1}, (float[]){1}, 1), 0);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_TEXT(w->log, "compute: timeout");
    wasinn_limits_default(&limits, sizeof limits);
    wasinn_guest_set_limits(w->guest, &limits);
}

/* Memory may go as soon as the call has returned, whatever is called next. */
static void test_freed(world *w) {
    uint32_t context;
    for (int next = 0; next < 4; next++) {
        CHECK_EQ(world_open(w, "add", &context), 0);
        float *memory = malloc(48);
        for (int i = 0; i < 12; i++)
            memory[i] = (float)i;
        wasinn_tensor inputs[] = {{WASINN_TYPE_F32, 2, {2, 2}, memory, 16},
                                  {WASINN_TYPE_F32, 2, {2, 2}, memory + 4, 16}};
        wasinn_result result = {memory + 8, 16, 0};
        CHECK_EQ(wasinn_infer(w->guest, context, inputs, 2, &result, 1), WASINN_OK);
        CHECK(result.written == 16 && memory[8] == 4 && memory[11] == 10 && memory[0] == 0);
        free(memory);
        if (next == 1)
            check_adds(w, context);
        if (next == 2)
            CHECK_EQ(infer_add(w, context, DATA, DATA + 16, OUTPUT), 0);
        if (next == 3)
            still_works(w);
        CHECK_EQ(wasinn_close(w->guest, context), WASINN_OK);
    }
}

enum { THREADS = 6 };

typedef struct worker {
    pthread_t thread;
    wasinn_guest *guest;
    float first;
    int good;
} worker;

/* Each in memory of its own, which is elsewhere every few rounds. */
static void *work(void *data) {
    worker *own = data;
    wasinn_handle graph, execution;
    if (wasinn_load_by_name(own->guest, "shared", 6, &graph) != WASINN_OK ||
        wasinn_init_execution_context(own->guest, graph, &execution) != WASINN_OK)
        return NULL;
    for (int round = 0; round < 200; round += 8) {
        float *memory = malloc(48 + (size_t)round * 16);
        wasinn_tensor inputs[] = {{WASINN_TYPE_F32, 2, {2, 2}, memory, 16},
                                  {WASINN_TYPE_F32, 2, {2, 2}, memory + 4, 16}};
        wasinn_result result = {memory + 8, 16, 0};
        for (int i = 0; i < 8; i++) {
            for (int at = 0; at < 8; at++)
                memory[at] = own->first + (float)(round + i);
            own->good += wasinn_infer(own->guest, execution, inputs, 2, &result, 1) == WASINN_OK &&
                         memory[8] == 2 * memory[0] && memory[11] == 2 * memory[0];
        }
        memset(memory, 0xA5, 48);
        free(memory);
    }
    return NULL;
}

/* One model, whose executions compute at the same time in memory that differs. */
static void test_threads(world *w) {
    worker workers[THREADS];
    char path[PATH];
    CHECK_EQ(wasinn_host_add_model(w->host, "shared", model_path(w->flavour, "add", path),
                                   w->flavour->encoding, WASINN_TARGET_CPU),
             WASINN_OK);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.first = (float)(1000 * i)};
        CHECK_EQ(wasinn_guest_new(w->host, &workers[i].guest), WASINN_OK);
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK_EQ(workers[i].good, 200);
        wasinn_guest_free(workers[i].guest);
    }
}

/* What a guest is charged is what the three calls cost it. */
static void test_charges(world *w) {
    uint32_t context;
    wasinn_limits limits;
    CHECK_EQ(world_open(w, "add", &context), 0);
    uint64_t before = w->guest->held_bytes;
    for (int i = 0; i < 10; i++)
        CHECK_EQ(infer_add(w, context, DATA, DATA + 16, OUTPUT), 0);
    CHECK_EQ(w->guest->held_bytes, before);
    CHECK_EQ(world_open(w, "dynamic", &context), 0);
    before = w->guest->held_bytes;
    give(w, 0, DATA, 4, 3), want(w, 0, OUTPUT, 48);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(infer(w, context, 1, 1), 0);
    CHECK_EQ(w->guest->held_bytes, before + 96);
    wasinn_limits_default(&limits, sizeof limits);
    limits.total_bytes = before + 160;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    give(w, 0, DATA, 8, 3), want(w, 0, OUTPUT, 96);
    CHECK_EQ(infer(w, context, 1, 1), 7);
    CHECK_LOG(w, "infer: too_large: output 0 '%s'", "y");
    CHECK_EQ(written(w, 0), 0xDEAD);
    CHECK_EQ(w->guest->held_bytes, before);
    give(w, 0, DATA, 2, 3), want(w, 0, OUTPUT, 24);
    CHECK_EQ(infer(w, context, 1, 1), 0);
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
}

const conformance_case infer_cases[] = {
    {"infer: same", test_same},
    {"infer: any order", test_any_order},
    {"infer: afterwards", test_afterwards},
    {"infer: moving", test_moving},
    {"infer: overlap", test_overlap},
    {"infer: sizes", test_sizes},
    {"infer: refused", test_refused},
    {"infer: addresses", test_addresses},
    {"infer: time", test_time},
    {"infer: freed", test_freed},
    {"infer: charges", test_charges},
    {"infer: threads", test_threads},
    {NULL, NULL},
};
