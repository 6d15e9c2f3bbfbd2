/* The core's parts by themselves: text, names, shapes, handles, the watchdog. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "core/handle.h"
#include "core/host.h"
#include "core/tensor.h"
#include "core/text.h"
#include "core/watchdog.h"
#include "wasinn/engine.h"

static void escapes(const char *text, size_t length, size_t capacity, const char *wanted) {
    char *out = malloc(capacity ? capacity : 1);
    wasinn_escape(text, length, out, capacity);
    if (!CHECK(strcmp(out, wanted) == 0))
        fprintf(stderr, "  got '%s', wanted '%s'\n", out, wanted);
    free(out);
}

#define ESCAPES(text, capacity, wanted) escapes(text, sizeof text - 1, capacity, wanted)

static void test_escape(void) {
    check_case = "escape";
    ESCAPES("plain", 64, "plain");
    ESCAPES("", 64, "");
    ESCAPES("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 64, "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
    ESCAPES("a\x1B[31mb", 64, "a\\x1b[31mb");
    ESCAPES("one\r\n\t  two\n", 64, "one two");
    ESCAPES("nul\0inside", 64, "nul\\x00inside");
    ESCAPES("\xC0\x80 \xED\xA0\x80 \xF5 \xE2\x82", 64, "\\xc0\\x80 \\xed\\xa0\\x80 \\xf5 \\xe2\\x82");
    ESCAPES("\xC2\x9B", 64, "\\xc2\\x9b");
    ESCAPES("x\xE2\x80\xAEy", 64, "x\\xe2\\x80\\xaey");
    ESCAPES("123456789", 10, "123456789");
    ESCAPES("1234567890", 10, "123456...");
    ESCAPES("12\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 10, "12\xE2\x82\xAC...");
    ESCAPES("\x01\x01\x01", 10, "\\x01...");
    ESCAPES("abcdef", 3, "");
    ESCAPES("abcdef", 1, "");
}

static void test_utf8(void) {
    check_case = "utf8";
    CHECK(wasinn__utf8_valid("", 0));
    CHECK(wasinn__utf8_valid("a\0b", 3));
    CHECK(wasinn__utf8_valid("\xF4\x8F\xBF\xBF", 4));
    CHECK(!wasinn__utf8_valid("\xF4\x90\x80\x80", 4));
    CHECK(!wasinn__utf8_valid("\xE0\x80\x80", 3));
    CHECK(!wasinn__utf8_valid("\x80", 1));
    CHECK(!wasinn__utf8_valid("\xC3", 1));
}

static void test_names(void) {
    wasinn_type type;
    wasinn_encoding encoding;
    check_case = "names";
    for (int i = 0; i < WASINN_TYPE_OTHER; i++)
        CHECK(wasinn_type_parse(wasinn_type_name((wasinn_type)i), &type) && (int)type == i);
    for (int i = 0; i < WASINN_ENCODING_COUNT; i++)
        CHECK(wasinn_encoding_parse(wasinn_encoding_name((wasinn_encoding)i), &encoding) &&
              (int)encoding == i);
    CHECK(!wasinn_type_parse("float", &type) && !wasinn_encoding_parse("", &encoding));
    CHECK_EQ(wasinn_type_size((wasinn_type)99), 0);
    CHECK_TEXT(wasinn_type_name((wasinn_type)99), "unknown");
    CHECK_TEXT(wasinn_status_name(WASINN_TIMEOUT), "timeout");
    CHECK_TEXT(wasinn_target_name((wasinn_target)-1), "unknown");
}

static void test_shapes(void) {
    char text[WASINN__SHAPE_TEXT];
    uint64_t n;
    int64_t dims[WASINN_MAX_RANK] = {1, 3, 224, 224}, huge[WASINN_MAX_RANK];
    check_case = "shapes";
    CHECK(wasinn__bytes(WASINN_TYPE_F32, 4, dims, &n) && n == 602112);
    CHECK(wasinn__elements(0, NULL, &n) && n == 1);
    CHECK(wasinn__elements(2, (int64_t[]){0, 7}, &n) && n == 0);
    CHECK(!wasinn__elements(2, (int64_t[]){-1, 7}, &n));
    CHECK(!wasinn__elements(3, (int64_t[]){1 << 30, 1 << 30, 1 << 30}, &n));
    CHECK(!wasinn__elements(4, (int64_t[]){1 << 30, 1 << 30, 1 << 30, 0}, &n));
    CHECK(!wasinn__bytes(WASINN_TYPE_F64, 1, (int64_t[]){INT64_MAX / 4}, &n));
    CHECK(!wasinn__bytes(WASINN_TYPE_OTHER, 1, dims, &n));
    CHECK_TEXT(wasinn__shape_text(WASINN_TYPE_F32, 4, dims, text), "f32 [1,3,224,224]");
    CHECK_TEXT(wasinn__shape_text(WASINN_TYPE_U8, 2, (int64_t[]){-1, 2}, text), "u8 [?,2]");
    CHECK_TEXT(wasinn__shape_text(WASINN_TYPE_U8, 0, NULL, text), "u8 []");
    CHECK_TEXT(wasinn__shape_text(WASINN_TYPE_U8, WASINN_DYNAMIC_RANK, NULL, text), "u8 [...]");
    for (int i = 0; i < WASINN_MAX_RANK; i++)
        huge[i] = INT64_MAX;
    CHECK(strlen(wasinn__shape_text(WASINN_TYPE_BF16, WASINN_MAX_RANK, huge, text)) < sizeof text - 1);
    CHECK(text[strlen(text) - 1] == ']');
}

static void test_accepts(void) {
    wasinn_port port = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {-1, 3}};
    wasinn_tensor tensor = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {5, 3}};
    check_case = "accepts";
    CHECK(wasinn__port_accepts(&port, &tensor) && !wasinn__port_is_static(&port));
    tensor.dims[1] = 4;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    tensor.dims[1] = 3;
    tensor.type = WASINN_TYPE_I32;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    port.type = WASINN_TYPE_U32;
    CHECK(wasinn__port_accepts(&port, &tensor));
    port.rank = WASINN_DYNAMIC_RANK;
    tensor.rank = 1;
    CHECK(wasinn__port_accepts(&port, &tensor) && !wasinn__port_is_static(&port));
    port.type = tensor.type = WASINN_TYPE_OTHER;
    CHECK(!wasinn__port_accepts(&port, &tensor));
}

static void test_handles(void) {
    wasinn__handles handles = {0};
    wasinn_handle first, other;
    int object;
    check_case = "handles";
    CHECK_EQ(wasinn__handles_reserve(&handles), WASINN_OK);
    first = wasinn__handles_put(&handles, WASINN__KIND_GRAPH, &object);
    CHECK(first != 0 && first >> 31 == 0);
    CHECK(wasinn__handles_get(&handles, first, WASINN__KIND_GRAPH) == &object);
    CHECK(wasinn__handles_get(&handles, first, WASINN__KIND_EXECUTION) == NULL);
    for (int bit = 0; bit < 32; bit++)
        CHECK(wasinn__handles_get(&handles, first ^ 1u << bit, WASINN__KIND_GRAPH) == NULL);
    CHECK_EQ(wasinn__handles_kind(&handles, 0), WASINN__KIND_NONE);
    CHECK_EQ(wasinn__handles_kind(&handles, UINT32_MAX), WASINN__KIND_NONE);
    wasinn__handles_remove(&handles, first);
    CHECK_EQ(wasinn__handles_kind(&handles, first), WASINN__KIND_NONE);

    /* No handle comes back in the life of a slot, and a slot that has run out is not used again. */
    for (uint32_t i = 1; i < WASINN__GENERATION_LIMIT; i++) {
        wasinn__handles_reserve(&handles);
        other = wasinn__handles_put(&handles, WASINN__KIND_GRAPH, &object);
        if (other == first || (other & 0xFFFF) != 0)
            CHECK(!"a handle of slot 0 that is new");
        wasinn__handles_remove(&handles, other);
    }
    CHECK_EQ(wasinn__handles_reserve(&handles), WASINN_OK);
    other = wasinn__handles_put(&handles, WASINN__KIND_GRAPH, &object);
    CHECK_EQ(other & 0xFFFF, 1);
    for (uint32_t i = 2; i < WASINN__SLOT_LIMIT; i++)
        if (wasinn__handles_reserve(&handles) == WASINN_OK)
            wasinn__handles_put(&handles, WASINN__KIND_EXECUTION, &object);
    CHECK_EQ(wasinn__handles_reserve(&handles), WASINN_BUSY);
    wasinn__handles_free(&handles);
}

static void count_cancel(void *data) {
    atomic_fetch_add((atomic_int *)data, 1);
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void test_watchdog(void) {
    wasinn__watchdog watchdog;
    wasinn__watch *current = NULL, *second = NULL;
    atomic_int cancels = 0, never = 0;
    check_case = "watchdog";
    CHECK(wasinn__watchdog_init(&watchdog));
    wasinn__watch watch = {.deadline = wasinn__deadline(20), .cancel = count_cancel, .data = &cancels};
    wasinn__watch later = {.deadline = wasinn__deadline(600000), .cancel = count_cancel, .data = &never};
    CHECK(wasinn__watchdog_begin(&watchdog, &later, &second));
    CHECK(wasinn__watchdog_begin(&watchdog, &watch, &current));
    for (int i = 0; i < 2000 && atomic_load(&cancels) < 3; i++)
        sleep_ms(5);
    wasinn__watchdog_end(&watchdog, &watch, &current);
    CHECK(watch.fired && atomic_load(&cancels) >= 3);
    int seen = atomic_load(&cancels);
    sleep_ms(30);
    CHECK_EQ(atomic_load(&cancels), seen);
    CHECK(current == NULL && second == &later);
    wasinn__watchdog_fire(&watchdog, &current);
    wasinn__watchdog_fire(&watchdog, &second);
    for (int i = 0; i < 2000 && atomic_load(&never) == 0; i++)
        sleep_ms(5);
    wasinn__watchdog_end(&watchdog, &later, &second);
    CHECK(later.fired);
    wasinn__watchdog_destroy(&watchdog);
    CHECK(wasinn__deadline(WASINN_UNLIMITED) == WASINN__NEVER);
}

/* A program that was built when the struct had fewer limits, and one for which it has more. */
static void test_limits(void) {
    struct {
        wasinn_limits known;
        uint64_t later;
    } newer;
    wasinn_limits older, set;
    check_case = "limits";
    memset(&older, 0xFF, sizeof older);
    wasinn_limits_default(&older, offsetof(wasinn_limits, load_ms));
    CHECK_EQ(older.total_bytes, (uint64_t)4 << 30);
    CHECK_EQ(older.load_ms, UINT64_MAX);
    older.graphs = 7;
    wasinn__limits_set(&set, &older);
    CHECK(set.graphs == 7 && set.load_ms == 300000 && set.compute_ms == 120000);
    wasinn_limits_default(&newer.known, sizeof newer);
    CHECK(newer.later == 0 && newer.known.compute_ms == 120000);
    newer.known.compute_ms = 5;
    wasinn__limits_set(&set, &newer.known);
    CHECK_EQ(set.compute_ms, 5);
}

static void put_buffers(uint8_t *memory, const uint32_t *sizes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        memcpy(memory + 8 * i + 4, &sizes[i], 4);
}

static uint32_t size_of_first(const uint8_t *memory) {
    uint32_t size;
    memcpy(&size, memory + 4, 4);
    return size;
}

static void test_short_io(void) {
    uint8_t *bytes = calloc(1, 32);
    wasinn_memory memory = {bytes, 32};
    wasinn_short_io cut;
    check_case = "short io";
    put_buffers(bytes, (uint32_t[]){10, 20, 30, 40}, 4);
    CHECK_EQ(wasinn_shorten_io(&memory, 0, 4, 100).count, 4);
    CHECK_EQ(wasinn_shorten_io(&memory, 0, 4, 99).count, 3);
    CHECK_EQ(wasinn_shorten_io(&memory, 0, 4, 10).count, 1);
    CHECK_EQ(size_of_first(bytes), 10);
    cut = wasinn_shorten_io(&memory, 0, 4, 9);
    CHECK(cut.count == 1 && size_of_first(bytes) == 9);
    wasinn_restore_io(&memory, &cut);
    CHECK_EQ(size_of_first(bytes), 10);
    put_buffers(bytes, (uint32_t[]){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, 4);
    cut = wasinn_shorten_io(&memory, 0, 4, 1u << 26);
    CHECK(cut.count == 1 && size_of_first(bytes) == 1u << 26);
    wasinn_restore_io(&memory, &cut);
    CHECK_EQ(size_of_first(bytes), UINT32_MAX);
    /* Outside memory: left alone. */
    CHECK_EQ(wasinn_shorten_io(&memory, 8, 4, 1).count, 4);
    CHECK_EQ(wasinn_shorten_io(&memory, UINT32_MAX, 1, 1).whole, 0);
    CHECK_EQ(wasinn_shorten_io(&memory, 0, UINT32_MAX, 1).count, UINT32_MAX);
    CHECK_EQ(wasinn_shorten_io(&memory, 32, 0, 1).count, 0);
    free(bytes);
}

int main(void) {
    test_escape();
    test_utf8();
    test_names();
    test_shapes();
    test_accepts();
    test_handles();
    test_watchdog();
    test_limits();
    test_short_io();
    return check_result();
}
