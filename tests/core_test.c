/* The core's parts by themselves: text, names, shapes, handles, the watchdog. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "core/blobs.h"
#include "core/crew.h"
#include "core/handle.h"
#include "core/host.h"
#include "core/memory.h"
#include "core/names.h"
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
    for (int i = 0; i < WASINN__ENCODINGS; i++)
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
    CHECK_TEXT(wasinn__shape_text(WASINN_TYPE_U8, 0, NULL, text), "u8 []");
    CHECK_TEXT(wasinn__shape_text(WASINN_TYPE_U8, WASINN_DYNAMIC_RANK, NULL, text), "u8 [...]");
    for (int i = 0; i < WASINN_MAX_RANK; i++)
        huge[i] = INT64_MAX;
    CHECK(strlen(wasinn__shape_text(WASINN_TYPE_BF16, WASINN_MAX_RANK, huge, text)) < sizeof text - 1);
    CHECK(text[strlen(text) - 1] == ']');
}

static void test_accepts(void) {
    wasinn_port port = {.type = WASINN_TYPE_F32,
                        .element_bits = 32,
                        .rank = 2,
                        .dims = {-1, 3},
                        .min_dims = {0, 3},
                        .max_dims = {-1, 3}};
    wasinn_tensor tensor = {.type = WASINN_TYPE_F32, .rank = 2, .dims = {5, 3}};
    char text[WASINN__SHAPE_TEXT];
    uint64_t bytes;
    check_case = "accepts";
    CHECK(wasinn__port_accepts(&port, &tensor) && !wasinn__port_is_static(&port));
    CHECK_TEXT(wasinn__port_text(&port, text), "f32 [?,3]");
    tensor.dims[1] = 4;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    tensor.dims[1] = 3;
    port.min_dims[0] = 2, port.max_dims[0] = 4;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    CHECK_TEXT(wasinn__port_text(&port, text), "f32 [2..4,3]");
    tensor.dims[0] = 4;
    CHECK(wasinn__port_accepts(&port, &tensor));
    tensor.dims[0] = 1;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    port.max_dims[0] = -1;
    CHECK_TEXT(wasinn__port_text(&port, text), "f32 [2..,3]");
    tensor.dims[0] = 4;
    tensor.type = WASINN_TYPE_I32;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    port.type = WASINN_TYPE_U32;
    CHECK(wasinn__port_accepts(&port, &tensor));
    port.rank = WASINN_DYNAMIC_RANK;
    tensor.rank = 1;
    CHECK(wasinn__port_accepts(&port, &tensor) && !wasinn__port_is_static(&port));
    CHECK_TEXT(wasinn__port_text(&port, text), "u32 [...]");
    port.type = tensor.type = WASINN_TYPE_OTHER;
    CHECK(!wasinn__port_accepts(&port, &tensor));
    /* Types of less than a byte take memory too. */
    port.element_bits = 4;
    CHECK(wasinn__port_bytes(&port, 2, (int64_t[]){3, 3}, &bytes) && bytes == 5);
    CHECK(!wasinn__port_bytes(&port, 1, (int64_t[]){INT64_MAX}, &bytes));
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
    CHECK_EQ(wasinn__limits_set(&set, &newer.known), WASINN_OK);
    CHECK_EQ(set.compute_ms, 5);
    newer.later = 9;
    CHECK_EQ(wasinn__limits_set(&set, &newer.known), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn__limits_set(&set, &(wasinn_limits){.graphs = 1}), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "begin with wasinn_limits_default");
}

static void put_buffers(uint8_t *memory, const uint32_t *sizes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        memcpy(memory + 8 * i + 4, &sizes[i], 4);
}

static uint32_t size_of(const uint8_t *memory, uint32_t index) {
    uint32_t size;
    memcpy(&size, memory + 8 * index + 4, 4);
    return size;
}

/* Cuts four buffers: how many are left, and the size of the last of those. */
static void cuts(const uint32_t sizes[4], uint32_t most, uint32_t count, uint32_t last) {
    uint8_t *bytes = calloc(1, 32);
    wasinn_memory memory = {bytes, 32};
    put_buffers(bytes, sizes, 4);
    wasinn_short_io cut = wasinn_shorten_io(&memory, 0, 4, most);
    CHECK_EQ(cut.count, count);
    CHECK_EQ(size_of(bytes, count - 1), last);
    wasinn_restore_io(&memory, &cut);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(size_of(bytes, i), sizes[i]);
    free(bytes);
}

static void test_short_io(void) {
    uint8_t *bytes = calloc(1, 32);
    wasinn_memory memory = {bytes, 32};
    check_case = "short io";
    const uint32_t sizes[] = {10, 20, 30, 40}, huge[] = {10, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    const uint32_t empty[] = {0, 100, 0, 100};
    cuts(sizes, 100, 4, 40);
    cuts(sizes, 99, 4, 39);
    cuts(sizes, 31, 3, 1);
    cuts(sizes, 9, 1, 9);
    cuts(huge, 50, 2, 40);
    cuts(huge, 1u << 26, 2, (1u << 26) - 10);
    cuts(empty, 50, 2, 50);
    /* Outside memory: left alone. */
    CHECK_EQ(wasinn_shorten_io(&memory, 8, 4, 1).count, 4);
    CHECK_EQ(wasinn_shorten_io(&memory, UINT32_MAX, 1, 1).whole, 0);
    CHECK_EQ(wasinn_shorten_io(&memory, 0, UINT32_MAX, 1).count, UINT32_MAX);
    CHECK_EQ(wasinn_shorten_io(&memory, 32, 0, 1).count, 0);
    free(bytes);
}

static void cancel_slowly(void *data) {
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    atomic_fetch_add((atomic_int *)data, 1);
}

/* A runtime that takes its time over a cancel: `end` waits for it, and others are told to stop meanwhile. */
static void test_slow_cancel(void) {
    wasinn__watchdog watchdog;
    wasinn__watch *current = NULL, *second = NULL;
    atomic_int slow = 0, quick = 0;
    check_case = "slow cancel";
    CHECK(wasinn__watchdog_init(&watchdog));
    wasinn__watch slow_watch = {.deadline = wasinn__deadline(1), .cancel = cancel_slowly, .data = &slow};
    wasinn__watch quick_watch = {.deadline = wasinn__deadline(50), .cancel = count_cancel, .data = &quick};
    CHECK(wasinn__watchdog_begin(&watchdog, &quick_watch, &second));
    CHECK(wasinn__watchdog_begin(&watchdog, &slow_watch, &current));
    for (int i = 0; i < 1000 && atomic_load(&slow) < 2; i++)
        sleep_ms(5);
    CHECK(atomic_load(&quick) > 0);
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&watchdog.lock);
        bool busy = watchdog.cancelling == &slow_watch;
        pthread_mutex_unlock(&watchdog.lock);
        if (busy)
            break;
        sleep_ms(1);
    }
    int before = atomic_load(&slow);
    wasinn__watchdog_end(&watchdog, &slow_watch, &current);
    CHECK_EQ(atomic_load(&slow), before + 1);
    wasinn__watchdog_end(&watchdog, &quick_watch, &second);
    wasinn__watchdog_destroy(&watchdog);
}

/* ---- Work that is shared ------------------------------------------------------------------------------ */

enum { PIECES = 1000 };

static void count_piece(void *data, size_t i) {
    atomic_fetch_add(&((atomic_uint *)data)[i], 1);
}

static void test_crew(void) {
    static atomic_uint done[PIECES + 1];
    for (unsigned threads = 0; threads < 7; threads++)
        wasinn__crew_run(PIECES, threads, count_piece, done);
    wasinn__crew_run(0, 0, count_piece, done);
    wasinn__crew_run(1, 0, count_piece, done);
    CHECK_EQ(atomic_load(&done[0]), 8);
    for (size_t i = 1; i < PIECES; i++)
        CHECK_EQ(atomic_load(&done[i]), 7);
    CHECK_EQ(atomic_load(&done[PIECES]), 0);
}

/* Sizes about those of the pieces that threads copy. */
static void test_copies(void) {
    static const size_t sizes[] = {0, 1, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (9 << 20) + 7};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    char *bytes = malloc(sizes[COUNT - 1]);
    wasinn_blob blobs[COUNT];
    wasinn__blobs copies;
    char text[256] = "";
    wasinn_message message = {text, sizeof text};
    for (size_t i = 0; i < sizes[COUNT - 1]; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < COUNT; i++)
        blobs[i] = (wasinn_blob){bytes, sizes[i]};
    CHECK_EQ(wasinn__blobs_copy(blobs, COUNT, &copies, &message), WASINN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        const char *copy = copies.list[i].data;
        CHECK_EQ(copies.list[i].size, sizes[i]);
        CHECK(copy != bytes && memcmp(copy, bytes, sizes[i]) == 0 && copy[sizes[i]] == '\0');
    }
    wasinn__blobs_free(&copies);
    wasinn__alloc_fail_at(3);
    CHECK_EQ(wasinn__blobs_copy(blobs, COUNT, &copies, &message), WASINN_TOO_LARGE);
    wasinn__alloc_fail_at(0);
    CHECK_TEXT(text, "no memory for a copy of blob 1: 1 bytes");
    free(bytes);
}

int main(void) {
    test_crew();
    test_copies();
    test_escape();
    test_utf8();
    test_names();
    test_shapes();
    test_accepts();
    test_handles();
    test_watchdog();
    test_limits();
    test_short_io();
    test_slow_cancel();
    return check_result();
}
