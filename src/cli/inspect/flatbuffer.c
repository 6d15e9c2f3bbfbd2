#include "flatbuffer.h"

#include <stdlib.h>

static void fail(struct wasinn__flat *flat, uint64_t at, const char *what) {
    flat->failed = true;
    wasinn__malformed(flat->reader, flat->problem, at, "%s", what);
}

static const uint8_t *bytes_at(struct wasinn__flat *flat, uint64_t at, size_t size) {
    const uint8_t *bytes = flat->failed ? NULL : wasinn__reader_at(flat->reader, at, size);
    if (!bytes)
        fail(flat, at, "an offset leads beyond the file");
    return bytes;
}

uint32_t wasinn__flat_u32(struct wasinn__flat *flat, uint64_t at) {
    const uint8_t *bytes = bytes_at(flat, at, 4);
    return bytes ? wasinn__u32(bytes) : 0;
}

struct wasinn__table wasinn__flat_table(struct wasinn__flat *flat, uint64_t at) {
    static const struct wasinn__table none = {0, 0, 0};
    struct wasinn__table table;
    table.at = at + wasinn__flat_u32(flat, at);
    /* The distance back to the places, with sign. */
    int64_t fields = (int64_t)table.at - (int32_t)wasinn__flat_u32(flat, table.at);
    if (flat->failed)
        return none;
    table.fields = (uint64_t)fields;
    const uint8_t *bytes = fields < 0 ? NULL : bytes_at(flat, table.fields, 4);
    table.size = bytes ? wasinn__u16(bytes) : 0;
    if (table.size < 4 || table.size > wasinn__reader_size(flat->reader) - table.fields) {
        fail(flat, table.at, "expected a table of a FlatBuffer");
        return none;
    }
    return table;
}

uint64_t wasinn__flat_field(struct wasinn__flat *flat, const struct wasinn__table *table, unsigned field,
                            size_t size) {
    uint32_t place = 4 + 2 * field;
    if (table->at == 0 || place + 2 > table->size || flat->failed)
        return 0;
    const uint8_t *bytes = bytes_at(flat, table->fields + place, 2);
    uint16_t distance = bytes ? wasinn__u16(bytes) : 0;
    return distance && bytes_at(flat, table->at + distance, size) ? table->at + distance : 0;
}

uint64_t wasinn__flat_number(struct wasinn__flat *flat, const struct wasinn__table *table, unsigned field,
                             size_t size) {
    uint64_t at = wasinn__flat_field(flat, table, field, size);
    const uint8_t *bytes = at ? bytes_at(flat, at, size) : NULL;
    return !bytes ? 0 : size == 1 ? bytes[0] : size == 4 ? wasinn__u32(bytes) : wasinn__u64(bytes);
}

struct wasinn__vector wasinn__flat_vector(struct wasinn__flat *flat, const struct wasinn__table *table,
                                          unsigned field, size_t size) {
    struct wasinn__vector vector = {0, 0};
    uint64_t at = wasinn__flat_field(flat, table, field, 4);
    if (!at)
        return vector;
    at += wasinn__flat_u32(flat, at);
    uint32_t count = wasinn__flat_u32(flat, at);
    uint64_t end = wasinn__reader_size(flat->reader);
    if (flat->failed)
        return vector;
    if (count > (end - at - 4) / size) {
        fail(flat, at, "a vector that ends beyond the file");
        return vector;
    }
    vector.at = at + 4;
    vector.count = count;
    return vector;
}

char *wasinn__flat_text(struct wasinn__flat *flat, const struct wasinn__table *table, unsigned field,
                        const char *what) {
    struct wasinn__vector text = wasinn__flat_vector(flat, table, field, 1);
    if (!text.at)
        return NULL;
    char *copy = wasinn__model_text(flat->reader, flat->problem, text.at, text.count, what);
    flat->failed |= !copy;
    return copy;
}
