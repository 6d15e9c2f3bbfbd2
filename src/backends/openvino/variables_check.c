#include "backends/openvino/variables_check.h"

#include <string.h>

#include "backends/protobuf.h"

/* The end of the file: the places of two blocks, zeros, and a number. */
enum { FOOTER = 48, TRAILER = 5 /* of a block: how it is packed, and its checksum */ };

static uint32_t u32_at(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* CRC-32C, of Castagnoli's polynomial. */
static uint32_t checksum(const uint8_t *bytes, uint64_t size) {
    uint32_t table[256], sum = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78u : 0);
    }
    for (uint64_t i = 0; i < size; i++)
        sum = sum >> 8 ^ table[(sum ^ bytes[i]) & 0xff];
    return ~sum;
}

static wasinn_status damaged(wasinn_message *message, const char *what, uint64_t at) {
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                         "the SavedModel's variables.index is damaged: %s, at byte %llu", what,
                         (unsigned long long)at);
}

/* Takes a block's place off `span`, and checks the block; *content is what is in it. */
static wasinn_status take_block(const wasinn_blob *index, wasinn__proto *span, wasinn__proto *content,
                                wasinn_message *message) {
    uint64_t at, size, room = index->size - FOOTER;
    const uint8_t *bytes = index->data;
    if (!wasinn__proto_varint(span, &at) || !wasinn__proto_varint(span, &size))
        return damaged(message, "a block without a place", (uint64_t)(span->at - bytes));
    if (at > room || size > room - at || room - at - size < TRAILER)
        return damaged(message, "a block beyond the end", at);
    uint32_t sum = checksum(bytes + at, size + 1), wanted = (sum >> 15 | sum << 17) + 0xa282ead8u;
    if (u32_at(bytes + at + size + 1) != wanted)
        return damaged(message, "a block whose checksum is another", at);
    *content = (wasinn__proto){bytes + at, bytes + at + size};
    /* Packed blocks cannot be looked into; TensorFlow does not write them. */
    if (bytes[at + size] != 0)
        return damaged(message, "a block that is packed", at);
    return WASINN_OK;
}

/* The entries of the block that lists the others: how much of the key before is kept, how long the rest of
 * the key and the value are, and both; behind them places of entries, and how many these are. */
static wasinn_status check_listed(const wasinn_blob *index, wasinn__proto list, wasinn_message *message) {
    wasinn_status status = WASINN_OK;
    uint64_t size = (uint64_t)(list.end - list.at), restarts, kept, key, value;
    const uint8_t *start = index->data;
    if (size < 4 || (restarts = u32_at(list.end - 4)) > (size - 4) / 4)
        return damaged(message, "a list of blocks without an end", (uint64_t)(list.at - start));
    list.end -= 4 + 4 * restarts;
    while (status == WASINN_OK && list.at < list.end) {
        wasinn__proto content;
        if (!wasinn__proto_varint(&list, &kept) || !wasinn__proto_varint(&list, &key) ||
            !wasinn__proto_varint(&list, &value) || key > (uint64_t)(list.end - list.at) ||
            value > (uint64_t)(list.end - list.at) - key)
            return damaged(message, "a block's entry without an end", (uint64_t)(list.at - start));
        wasinn__proto place = {list.at + key, list.at + key + value};
        list.at = place.end;
        status = take_block(index, &place, &content, message);
    }
    return status;
}

wasinn_status wasinn__variables_check(const wasinn_blob *index, wasinn_message *message) {
    static const uint8_t number[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    const uint8_t *end = (const uint8_t *)index->data + index->size;
    wasinn__proto meta, list;
    if (index->size < FOOTER || memcmp(end - sizeof number, number, sizeof number) != 0)
        return damaged(message, "no number at its end", index->size);
    wasinn__proto footer = {end - FOOTER, end - sizeof number};
    wasinn_status status = take_block(index, &footer, &meta, message);
    if (status == WASINN_OK)
        status = take_block(index, &footer, &list, message);
    return status == WASINN_OK ? check_listed(index, list, message) : status;
}
