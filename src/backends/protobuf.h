/* Protobuf messages, read field by field where they lie. Sizes are believed only as far as there are bytes.
 */
#ifndef WASINN_BACKENDS_PROTOBUF_H
#define WASINN_BACKENDS_PROTOBUF_H

#include "wasinn/wasinn.h"

/* The bytes of a message, and of what is left of it. */
typedef struct wasinn__proto {
    const uint8_t *at, *end;
} wasinn__proto;

typedef struct wasinn__proto_field {
    uint32_t number;
    bool nested;        /* it has bytes: a message or a text, in `body`; else `value` counts */
    uint64_t value;     /* 0 for numbers of a fixed size, which nobody here asks for */
    wasinn__proto body; /* empty unless nested */
} wasinn__proto_field;

static inline wasinn__proto wasinn__proto_of(const void *data, size_t size) {
    const uint8_t *bytes = data;
    return (wasinn__proto){bytes, size ? bytes + size : bytes};
}

static inline bool wasinn__proto_varint(wasinn__proto *message, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 70 && message->at < message->end; shift += 7) {
        uint8_t byte = *message->at++;
        if (shift < 64)
            result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return true;
        }
    }
    return false;
}

/* The next field. False at the end of the message, and, with `malformed` set, where it is no protobuf. */
static inline bool wasinn__proto_next(wasinn__proto *message, wasinn__proto_field *field, bool *malformed) {
    uint64_t key, size = 0;
    if (message->at == message->end)
        return false;
    *malformed = true;
    if (!wasinn__proto_varint(message, &key) || key >> 3 == 0 || key > UINT32_MAX)
        return false;
    *field = (wasinn__proto_field){.number = (uint32_t)(key >> 3), .nested = (key & 7) == 2};
    switch (key & 7) {
    case 0:
        *malformed = !wasinn__proto_varint(message, &field->value);
        return !*malformed;
    case 1:
        size = 8;
        break;
    case 2:
        if (!wasinn__proto_varint(message, &size))
            return false;
        break;
    case 5:
        size = 4;
        break;
    default: /* groups, which ONNX has none of */
        return false;
    }
    if (size > (uint64_t)(message->end - message->at))
        return false;
    if (field->nested)
        field->body = (wasinn__proto){message->at, message->at + size};
    message->at += size;
    *malformed = false;
    return true;
}

#endif
