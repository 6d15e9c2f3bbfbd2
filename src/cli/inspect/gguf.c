/* GGUF, the format of llama.cpp: a header, keys with values, the tensors' names and shapes, their data. */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

enum {
    MOST_KEYS = 1 << 20,
    MOST_TENSORS = 1 << 20,
    MOST_ITEMS = 1 << 24, /* values of all lists of texts, which are passed over one by one */
    DEEPEST = 4,          /* lists of lists */
    MOST_RANK = 8,
    SHORT = 64 /* bytes of the keys and texts that are looked at */
};

enum { TYPE_U32 = 4, TYPE_I32 = 5, TYPE_STRING = 8, TYPE_ARRAY = 9, TYPE_U64 = 10, TYPE_I64 = 11 };

/* By the type of a key's value; 0: of no fixed size. */
static const uint8_t value_sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* A tensor's types are stored in blocks of `elements` that take `bytes`. */
static const struct {
    const char *name;
    uint16_t elements, bytes;
} types[] = {
    [0] = {"f32", 1, 4},         [1] = {"f16", 1, 2},         [2] = {"q4_0", 32, 18},
    [3] = {"q4_1", 32, 20},      [6] = {"q5_0", 32, 22},      [7] = {"q5_1", 32, 24},
    [8] = {"q8_0", 32, 34},      [9] = {"q8_1", 32, 36},      [10] = {"q2_k", 256, 84},
    [11] = {"q3_k", 256, 110},   [12] = {"q4_k", 256, 144},   [13] = {"q5_k", 256, 176},
    [14] = {"q6_k", 256, 210},   [15] = {"q8_k", 256, 292},   [16] = {"iq2_xxs", 256, 66},
    [17] = {"iq2_xs", 256, 74},  [18] = {"iq3_xxs", 256, 98}, [19] = {"iq1_s", 256, 50},
    [20] = {"iq4_nl", 32, 18},   [21] = {"iq3_s", 256, 110},  [22] = {"iq2_s", 256, 82},
    [23] = {"iq4_xs", 256, 136}, [24] = {"i8", 1, 1},         [25] = {"i16", 1, 2},
    [26] = {"i32", 1, 4},        [27] = {"i64", 1, 8},        [28] = {"f64", 1, 8},
    [29] = {"iq1_m", 256, 56},   [30] = {"bf16", 1, 2},       [34] = {"tq1_0", 256, 54},
    [35] = {"tq2_0", 256, 66},   [39] = {"mxfp4", 32, 17},    [40] = {"nvfp4", 64, 36},
    [41] = {"q1_0", 128, 18},
};

enum { TYPES = sizeof types / sizeof types[0] };

struct gguf {
    struct wasinn__reader *reader;
    char *problem;
    struct wasinn__model_facts facts;
    uint64_t at; /* of what is read next */
    uint32_t version;
    uint64_t keys, tensors;
    uint64_t items;
    char architecture[SHORT], kind[SHORT]; /* "model", "adapter", "mmproj" */
    int64_t context, parts, alignment;     /* -1: not told */
    uint64_t elements[TYPES];              /* of the tensors of each type */
    bool other_types;
    uint64_t data_end; /* of the tensors' data, from its beginning */
};

static bool fail(struct gguf *file, const char *what) {
    wasinn__malformed(file->reader, file->problem, file->at, "%s", what);
    return false;
}

/* ---- Numbers and texts --------------------------------------------------------------------------- */

static bool read_u32(struct gguf *file, uint32_t *value) {
    const uint8_t *bytes = wasinn__reader_at(file->reader, file->at, 4);
    if (!bytes)
        return fail(file, "the file ends within its description");
    *value = wasinn__u32(bytes);
    file->at += 4;
    return true;
}

static bool read_u64(struct gguf *file, uint64_t *value) {
    const uint8_t *bytes = wasinn__reader_at(file->reader, file->at, 8);
    if (!bytes)
        return fail(file, "the file ends within its description");
    *value = wasinn__u64(bytes);
    file->at += 8;
    return true;
}

/* Lengths had 32 bits in version 1. */
static bool read_length(struct gguf *file, uint64_t *value) {
    uint32_t small;
    if (file->version > 1)
        return read_u64(file, value);
    if (!read_u32(file, &small))
        return false;
    *value = small;
    return true;
}

static bool skip(struct gguf *file, uint64_t size, const char *what) {
    uint64_t end = wasinn__reader_size(file->reader);
    if (size > end - file->at)
        return wasinn__malformed(file->reader, file->problem, file->at,
                                 "%s of %llu bytes where only %llu are left", what, (unsigned long long)size,
                                 (unsigned long long)(end - file->at));
    file->at += size;
    return true;
}

/* The beginning of a text, enough to compare it, cut off where it is longer. */
static bool read_short(struct gguf *file, char text[SHORT], const char *what) {
    uint64_t size;
    if (!read_length(file, &size))
        return false;
    uint64_t start = file->at;
    if (!skip(file, size, what))
        return false;
    size_t length = size < SHORT ? (size_t)size : SHORT - 1;
    const uint8_t *bytes = wasinn__reader_at(file->reader, start, length);
    if (!bytes)
        return fail(file, "the file ends within its description");
    for (size_t i = 0; i < length; i++)
        text[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    text[length] = '\0';
    return true;
}

/* ---- Keys ---------------------------------------------------------------------------------------- */

static bool skip_value(struct gguf *file, uint32_t type, int depth) {
    uint64_t size;
    uint32_t element;
    if (type >= sizeof value_sizes)
        return fail(file, "a value of a type that GGUF does not have");
    if (value_sizes[type])
        return skip(file, value_sizes[type], "a value");
    if (type == TYPE_STRING)
        return read_length(file, &size) && skip(file, size, "a text");
    if (depth > DEEPEST)
        return fail(file, "lists within lists, too deep");
    if (!read_u32(file, &element) || !read_length(file, &size))
        return false;
    if (element < sizeof value_sizes && value_sizes[element]) {
        if (size > UINT64_MAX / 8)
            return fail(file, "a list that ends beyond the file");
        return skip(file, size * value_sizes[element], "a list");
    }
    for (uint64_t i = 0; i < size; i++) {
        if (++file->items > MOST_ITEMS)
            return fail(file, "more than 16777216 texts in lists");
        if (!skip_value(file, element, depth + 1))
            return false;
    }
    return true;
}

static bool read_number(struct gguf *file, uint32_t type, int64_t *value) {
    uint32_t small;
    uint64_t large;
    if (type == TYPE_U32 || type == TYPE_I32) {
        if (!read_u32(file, &small))
            return false;
        *value = type == TYPE_I32 ? (int32_t)small : (int64_t)small;
        return true;
    }
    if (type == TYPE_U64 || type == TYPE_I64) {
        if (!read_u64(file, &large))
            return false;
        *value = large > INT64_MAX ? -1 : (int64_t)large;
        return true;
    }
    if (type == 2) { /* u16 */
        const uint8_t *bytes = wasinn__reader_at(file->reader, file->at, 2);
        if (bytes)
            *value = wasinn__u16(bytes);
    }
    return skip_value(file, type, 0);
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static bool read_key(struct gguf *file) {
    char key[SHORT];
    uint32_t type;
    if (!read_short(file, key, "a key") || !read_u32(file, &type))
        return false;
    if (!key[0])
        return fail(file, "a key without a name");
    if (type == TYPE_STRING && strcmp(key, "general.architecture") == 0)
        return read_short(file, file->architecture, "the architecture");
    if (type == TYPE_STRING && strcmp(key, "general.type") == 0)
        return read_short(file, file->kind, "the type of the model");
    if (type == TYPE_STRING && strcmp(key, "general.name") == 0 && !file->facts.name) {
        uint64_t size, start;
        if (!read_length(file, &size))
            return false;
        start = file->at;
        if (!skip(file, size, "the name"))
            return false;
        file->facts.name = wasinn__model_text(file->reader, file->problem, start, size, "the model's name");
        return file->facts.name;
    }
    if (ends_with(key, ".context_length"))
        return read_number(file, type, &file->context);
    if (strcmp(key, "split.count") == 0)
        return read_number(file, type, &file->parts);
    if (strcmp(key, "general.alignment") == 0)
        return read_number(file, type, &file->alignment);
    return skip_value(file, type, 0);
}

/* ---- Tensors ------------------------------------------------------------------------------------- */

static bool read_tensor(struct gguf *file) {
    char name[SHORT];
    uint32_t rank, type;
    uint64_t offset, size, blocks, elements = 1, dim;
    if (!read_short(file, name, "a tensor's name") || !read_u32(file, &rank))
        return false;
    if (!name[0])
        return fail(file, "a tensor without a name");
    if (rank > MOST_RANK)
        return fail(file, "a tensor of more than 8 dimensions");
    for (uint32_t i = 0; i < rank; i++) {
        if (!read_length(file, &dim))
            return false;
        if (__builtin_mul_overflow(elements, dim, &elements) || elements > INT64_MAX)
            return fail(file, "a tensor of more than 2^63 elements");
    }
    if (!read_u32(file, &type) || !read_u64(file, &offset))
        return false;
    int64_t count = (int64_t)elements;
    if (!wasinn__facts_count(&file->facts, 1, &count))
        return fail(file, "tensors of more than 2^63 elements");
    if (type >= TYPES || !types[type].name) {
        file->other_types = true;
        return true;
    }
    file->elements[type] += elements;
    blocks = elements / types[type].elements + (elements % types[type].elements != 0);
    if (__builtin_mul_overflow(blocks, types[type].bytes, &size) ||
        __builtin_add_overflow(offset, size, &size))
        return fail(file, "a tensor that ends beyond the file");
    if (size > file->data_end)
        file->data_end = size;
    return true;
}

static bool check_data(struct gguf *file) {
    uint64_t alignment = file->alignment > 0 ? (uint64_t)file->alignment : 32, size, start;
    uint64_t end = wasinn__reader_size(file->reader), rest = file->at % alignment;
    if (file->tensors == 0)
        return true;
    if (alignment > UINT32_MAX)
        return fail(file, "an alignment of more than 32 bits");
    start = file->at + (rest ? alignment - rest : 0);
    if (__builtin_add_overflow(start, file->data_end, &size) || size > end)
        return wasinn__malformed(file->reader, file->problem, start,
                                 "the tensors have %llu bytes, and %llu are left: the file is cut off",
                                 (unsigned long long)file->data_end,
                                 (unsigned long long)(end > start ? end - start : 0));
    return true;
}

/* ---- The model ----------------------------------------------------------------------------------- */

static bool read_header(struct gguf *file) {
    file->at = 4;
    if (!read_u32(file, &file->version))
        return false;
    if (file->version < 1 || file->version > 3)
        return wasinn__malformed(file->reader, file->problem, 4, "GGUF version %u%s, expected 1 to 3",
                                 (unsigned)file->version,
                                 file->version & 0xffff ? "" : ", of a big-endian machine");
    if (!read_length(file, &file->tensors) || !read_length(file, &file->keys))
        return false;
    if (file->keys > MOST_KEYS || file->tensors > MOST_TENSORS)
        return fail(file, "more than 1048576 keys or tensors");
    return true;
}

/* The type of most of the weights: what users call the quantisation. */
static const char *usual_type(const struct gguf *file) {
    size_t most = 0;
    for (size_t i = 0; i < TYPES; i++) {
        if (file->elements[i] > file->elements[most])
            most = i;
    }
    return file->elements[most] ? types[most].name : file->other_types ? "unknown types" : "no tensors";
}

static bool conclude(struct gguf *file) {
    struct wasinn__model_facts *facts = &file->facts;
    const char *architecture = file->architecture[0] ? file->architecture : "architecture not told";
    facts->encoding = WASINN_ENCODING_GGML;
    facts->parameters_known = true;
    snprintf(facts->format_text, sizeof facts->format_text, "GGUF %u (%s, %s)", (unsigned)file->version,
             architecture, usual_type(file));
    bool is_model = !file->kind[0] || strcmp(file->kind, "model") == 0;
    bool done = is_model ? wasinn__facts_note(facts, "takes text and gives text")
                         : wasinn__facts_note(facts, "no model by itself, but one's %s", file->kind);
    if (done)
        done = wasinn__facts_note(facts, "%llu tensors", (unsigned long long)file->tensors);
    if (done && file->context >= 0)
        done = wasinn__facts_note(facts, "context of %lld tokens", (long long)file->context);
    if (done && file->parts > 1) {
        facts->external_data = true;
        done = wasinn__facts_note(facts, "one of %lld files", (long long)file->parts);
    }
    return done || fail(file, "no memory");
}

static bool read_file(struct gguf *file) {
    if (!read_header(file))
        return false;
    for (uint64_t i = 0; i < file->keys; i++) {
        if (!read_key(file))
            return false;
    }
    for (uint64_t i = 0; i < file->tensors; i++) {
        if (!read_tensor(file))
            return false;
    }
    return check_data(file) && conclude(file);
}

bool wasinn__read_gguf(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem) {
    struct gguf file = {.reader = reader, .problem = problem, .context = -1, .parts = -1, .alignment = -1};
    problem[0] = '\0';
    const uint8_t *magic = wasinn__reader_at(reader, 0, 4);
    if (!magic || memcmp(magic, "GGUF", 4) != 0)
        return false;
    if (!read_file(&file)) {
        wasinn__model_facts_free(&file.facts);
        return false;
    }
    *facts = file.facts;
    facts->format = facts->format_text;
    return true;
}
