/* What guests of each generation mean by their numbers, on the fake backend. */
#include <string.h>

#include "check.h"
#include "world.h"

enum { OUT = 0, BUILDERS = 64, TENSOR = 256, DATA = 1024, OUTPUT = 200 * 1024 };

/* Sets input 0 of a model to `size` bytes with a shape of `count` elements. */
static uint32_t set(world *w, uint32_t context, uint8_t number, uint32_t count, uint32_t size) {
    put_tensor(w, TENSOR, number, 1, &count, DATA, size);
    return CALL(w, "set_input", context, 0, TENSOR);
}

static uint32_t open_model(world *w, const char *name) {
    uint32_t context = 0;
    CHECK_EQ(world_open(w, name, &context), 0);
    return context;
}

/* Which numbers a port of four elements takes, as a mask: bit n is number n. */
static uint32_t taken(world *w, const char *type) {
    char name[32];
    uint32_t mask = 0;
    wasinn_type known = WASINN_TYPE_U8;
    snprintf(name, sizeof name, "types_%s", type);
    CHECK(strcmp(type, "boolean") == 0 || wasinn_type_parse(type, &known));
    uint32_t context = open_model(w, name);
    for (uint8_t number = 0; number < 8; number++)
        if (set(w, context, number, 4, 4 * (uint32_t)wasinn_type_size(known)) == 0)
            mask |= 1u << number;
    return mask;
}

static void test_types(world *w) {
    static const struct {
        const char *type;
        uint32_t automatic, witx, wit, old; /* masks */
    } rows[] = {
        {"f16", 1 << 0, 1 << 0, 1 << 0, 1 << 0},
        {"f32", 1 << 1, 1 << 1, 1 << 1, 1 << 1},
        {"f64", 1 << 2, 1 << 2, 1 << 2, 0},
        {"bf16", 1 << 3, 0, 1 << 3, 0},
        {"u8", 1 << 2 | 1 << 3 | 1 << 4, 1 << 3, 1 << 4, 1 << 2},
        {"i8", 1 << 2 | 1 << 3 | 1 << 4, 1 << 3, 1 << 4, 1 << 2},
        {"boolean", 1 << 2 | 1 << 3 | 1 << 4, 1 << 3, 1 << 4, 1 << 2},
        {"i32", 1 << 3 | 1 << 4 | 1 << 5, 1 << 4, 1 << 5, 1 << 3},
        {"u32", 1 << 3 | 1 << 4 | 1 << 5, 1 << 4, 1 << 5, 1 << 3},
        {"i64", 1 << 5 | 1 << 6, 1 << 5, 1 << 6, 0},
        {"u64", 1 << 5 | 1 << 6, 1 << 5, 1 << 6, 0},
        {"i16", 1 << 0, 1 << 0, 1 << 0, 1 << 0},
        {"u16", 1 << 0, 1 << 0, 1 << 0, 1 << 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint32_t wanted[] = {rows[i].automatic, rows[i].witx, rows[i].wit, rows[i].old};
        for (int numbering = WASINN_NUMBERING_AUTO; numbering <= WASINN_NUMBERING_OLD; numbering++) {
            CHECK_EQ(wasinn_guest_set_numbering(w->guest, (wasinn_numbering)numbering), WASINN_OK);
            CHECK_EQ(taken(w, rows[i].type), wanted[numbering]);
        }
    }
}

/* A prebuilt guest of the first crates gives a picture as number 2, and it arrives as it was sent. */
static void test_old_guest(world *w) {
    uint32_t context = open_model(w, "types_u8");
    put_bytes(w, DATA, (uint8_t[]){1, 2, 3, 100}, 4);
    CHECK_EQ(set(w, context, 2, 4, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(CALL(w, "get_output", context, 0, OUTPUT, 4, OUT), 0);
    CHECK(memcmp(w->memory.base + OUTPUT, (uint8_t[]){2, 4, 6, 200}, 4) == 0);
    /* What fits no reading is refused as the specification's. */
    CHECK_EQ(set(w, context, 2, 4, 5), 1);
    CHECK_TEXT(w->log, "input 0 'x' wants u8 [4], got f64 [4]");
    CHECK_EQ(set(w, context, 3, 3, 3), 1);
    CHECK_TEXT(w->log, "wants u8 [4], got u8 [3]");
    CHECK_EQ(set(w, context, 7, 4, 4), 1);
    CHECK_TEXT(w->log, "tensor type 7 is unknown: 0 f16, 1 f32, 2 f64, 3 u8, 4 i32, 5 i64");
    CHECK_EQ(wasinn_guest_set_numbering(w->guest, WASINN_NUMBERING_OLD), WASINN_OK);
    CHECK_EQ(set(w, context, 4, 4, 16), 1);
    CHECK_TEXT(w->log, "tensor type 4 is unknown: 0 f16, 1 f32, 2 u8, 3 i32");
    CHECK_EQ(CALL(w, "set_input", context, 9, TENSOR), 1);
    CHECK_EQ(CALL(w, "set_input", 9, 0, TENSOR), 1);
}

/* A port that takes any type leaves the bytes to say which it is, and no bytes say nothing. */
static void test_two_readings(world *w) {
    uint32_t context = open_model(w, "any");
    CHECK_EQ(set(w, context, 2, 3, 24), 0);
    CHECK_EQ(set(w, context, 2, 3, 3), 0);
    CHECK_EQ(set(w, context, 3, 3, 3), 0);
    CHECK_EQ(set(w, context, 3, 3, 6), 0);
    CHECK_EQ(set(w, context, 3, 3, 12), 0);
    CHECK_EQ(set(w, context, 1, 0, 0), 0);
    CHECK_EQ(set(w, context, 3, 0, 0), 1);
    CHECK_TEXT(w->log, "input 0: tensor type 3 may be u8 or bf16 here");
    CHECK_TEXT(w->log, "--abi");
    CHECK_EQ(set(w, context, 3, 3, 24), 1);
    CHECK_EQ(wasinn_guest_set_numbering(w->guest, WASINN_NUMBERING_WITX), WASINN_OK);
    CHECK_EQ(set(w, context, 3, 0, 0), 0);
    CHECK_EQ(set(w, context, 3, 3, 12), 1);
    /* The number decides what is computed. */
    put_bytes(w, DATA, (uint8_t[]){1, 2, 3, 0, 0, 0, 0, 0}, 8);
    for (uint8_t number = 3; number <= 4; number++) {
        float total;
        uint32_t count = number == 3 ? 8 : 2;
        CHECK_EQ(set(w, context, number, count, 8), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(CALL(w, "get_output", context, 0, OUTPUT, 4, OUT), 0);
        memcpy(&total, w->memory.base + OUTPUT, sizeof total);
        CHECK(total == (number == 3 ? 6 : 197121));
    }
}

/* Bytes that a port of any type is given count like others. */
static void test_limits(world *w) {
    wasinn_limits limits;
    uint32_t context = open_model(w, "any");
    wasinn_limits_default(&limits, sizeof limits);
    limits.tensor_bytes = 100;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    uint64_t before = w->guest->held_bytes;
    CHECK_EQ(set(w, context, 1, 26, 104), 7);
    CHECK_TEXT(w->log, "104 bytes; the limit is 100");
    CHECK_EQ(set(w, context, 1, 25, 100), 0);
    CHECK_EQ(w->guest->held_bytes, before + 100);
}

static uint32_t load_as(world *w, const char *bytes, uint32_t encoding) {
    put_bytes(w, DATA, bytes, strlen(bytes));
    put_u32(w, BUILDERS, DATA), put_u32(w, BUILDERS + 4, (uint32_t)strlen(bytes));
    return CALL(w, "load", BUILDERS, 1, encoding, 0, OUT);
}

/* 5 and 6: a text of what the host took them for. */
static void test_encodings(world *w) {
    static const char ggml[] = "encoding 'ggml' has no backend here", unknown[] = "no backend here knows",
                      none[] = "is unknown";
    static const struct {
        wasinn_numbering numbering;
        const char *bytes, *five, *six;
    } rows[] = {
        {WASINN_NUMBERING_AUTO, "GGUF", ggml, ggml}, {WASINN_NUMBERING_AUTO, "other", unknown, unknown},
        {WASINN_NUMBERING_WITX, "GGUF", ggml, none}, {WASINN_NUMBERING_WIT, "other", ggml, unknown},
        {WASINN_NUMBERING_WIT, "GGUF", ggml, ggml},  {WASINN_NUMBERING_OLD, "other", unknown, ggml},
        {WASINN_NUMBERING_OLD, "GGUF", ggml, ggml},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_EQ(wasinn_guest_set_numbering(w->guest, rows[i].numbering), WASINN_OK);
        CHECK_EQ(load_as(w, rows[i].bytes, 5), 2);
        CHECK_TEXT(w->log, rows[i].five);
        CHECK_EQ(load_as(w, rows[i].bytes, 6), 2);
        CHECK_TEXT(w->log, rows[i].six);
        CHECK_EQ(load_as(w, rows[i].bytes, 7), 2);
        CHECK_TEXT(w->log, none);
    }
}

static void test_setting(world *w) {
    CHECK_EQ(wasinn_guest_set_numbering(w->guest, (wasinn_numbering)4), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_numbering(w->host, (wasinn_numbering)-1), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "is unknown");
    CHECK_EQ(w->guest->numbering, WASINN_NUMBERING_AUTO);
    CHECK_EQ(wasinn_host_set_numbering(w->host, WASINN_NUMBERING_OLD), WASINN_OK);
    CHECK_EQ(w->guest->numbering, WASINN_NUMBERING_AUTO);
    world_renew_guest(w);
    CHECK_EQ(w->guest->numbering, WASINN_NUMBERING_OLD);
}

int main(void) {
    static const struct {
        const char *name;
        void (*run)(world *w);
    } cases[] = {
        {"types", test_types},   {"old guest", test_old_guest}, {"two readings", test_two_readings},
        {"limits", test_limits}, {"encodings", test_encodings}, {"setting", test_setting},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        check_case = cases[i].name;
        world_new(&w, NULL);
        cases[i].run(&w);
        world_free(&w);
    }
    return check_result();
}
