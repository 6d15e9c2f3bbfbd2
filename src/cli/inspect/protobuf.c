#include "protobuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Far more than a model's description has: it bounds the time for a hostile file. */
#define MOST_FIELDS (UINT64_C(1) << 24)

void wasinn__proto_init(struct wasinn__proto *proto, struct wasinn__reader *reader, char *problem) {
    memset(proto, 0, sizeof *proto);
    proto->reader = reader;
    proto->problem = problem;
    proto->fields = MOST_FIELDS;
}

bool wasinn__proto_fail(struct wasinn__proto *proto, uint64_t offset, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    proto->failed = true;
    return wasinn__malformed(proto->reader, proto->problem, offset, "%s", text);
}

bool wasinn__proto_varint(struct wasinn__proto *proto, struct wasinn__span *span, uint64_t *value) {
    uint64_t left = span->end - span->at, result = 0;
    size_t size = left < 10 ? (size_t)left : 10;
    const uint8_t *bytes = wasinn__reader_at(proto->reader, span->at, size);
    if (!bytes)
        return wasinn__proto_fail(proto, span->at, "the file ends within a number");
    for (size_t i = 0; i < size; i++) {
        if (i == 9 && bytes[i] > 1)
            break;
        result |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if (bytes[i] < 0x80) {
            span->at += i + 1;
            *value = result;
            return true;
        }
    }
    return wasinn__proto_fail(
        proto, span->at, size < 10 ? "the message ends within a number" : "a number of more than 64 bits");
}

bool wasinn__proto_next(struct wasinn__proto *proto, struct wasinn__span *span, struct wasinn__field *field) {
    uint64_t key, size = 0;
    if (proto->failed || span->at == span->end)
        return false;
    field->offset = span->at;
    field->key = 0;
    if (proto->fields == 0)
        return wasinn__proto_fail(proto, span->at, "more than %llu fields", (unsigned long long)MOST_FIELDS);
    proto->fields--;
    if (!wasinn__proto_varint(proto, span, &key))
        return false;
    if (key >> 3 == 0 || key > UINT32_MAX)
        return wasinn__proto_fail(proto, field->offset, "no field's key");
    field->key = (uint32_t)key;
    field->value = 0;
    switch (key & 7) {
    case 0:
        return wasinn__proto_varint(proto, span, &field->value);
    case 1:
        size = 8;
        break;
    case 2:
        if (!wasinn__proto_varint(proto, span, &size))
            return false;
        break;
    case 5:
        size = 4;
        break;
    default:
        return wasinn__proto_fail(proto, field->offset, "a field of wire type %d, expected 0, 1, 2 or 5",
                                  (int)(key & 7));
    }
    field->span.at = span->at;
    field->span.end = span->end;
    if (size > span->end - span->at)
        return wasinn__proto_fail(proto, field->offset, "a field of %llu bytes where only %llu are left",
                                  (unsigned long long)size, (unsigned long long)(span->end - span->at));
    field->span.end = span->at += size;
    return true;
}

bool wasinn__proto_text(struct wasinn__proto *proto, const struct wasinn__field *field, const char *what,
                        char **text) {
    char *copy = wasinn__model_text(proto->reader, proto->problem, field->span.at,
                                    field->span.end - field->span.at, what);
    if (!copy) {
        proto->failed = true;
        return false;
    }
    free(*text);
    *text = copy;
    return true;
}

bool wasinn__proto_equals(struct wasinn__proto *proto, const struct wasinn__field *field, const char *text) {
    size_t size = strlen(text);
    if (field->span.end - field->span.at != size)
        return false;
    const uint8_t *bytes = wasinn__reader_at(proto->reader, field->span.at, size);
    return bytes && memcmp(bytes, text, size) == 0;
}
