/* A cursor over the wire format of protocol buffers, which never leaves the message that it is in. */
#ifndef WASINN_CLI_INSPECT_PROTOBUF_H
#define WASINN_CLI_INSPECT_PROTOBUF_H

#include "model.h"

/* A field's key on the wire, to switch by: one of another wire type is another field, as to any other parser.
 */
#define WASINN__VARINT(number) ((uint32_t)(number) << 3)
#define WASINN__BYTES(number) ((uint32_t)(number) << 3 | 2)

struct wasinn__proto {
    struct wasinn__reader *reader;
    char *problem;
    uint64_t fields; /* that may still be read */
    bool failed;
};

/* A message, or what is left of it. */
struct wasinn__span {
    uint64_t at, end;
};

struct wasinn__field {
    uint64_t offset; /* where the field begins */
    uint32_t key;
    uint64_t value;           /* of WASINN__VARINT */
    struct wasinn__span span; /* of WASINN__BYTES */
};

void wasinn__proto_init(struct wasinn__proto *proto, struct wasinn__reader *reader, char *problem);

/* Takes the next field off `span`. False: it is at its end, or `proto` has failed, with the problem; `field`
 * then has the offset and, if there was one, the key (0 if not) of the field that is malformed. */
bool wasinn__proto_next(struct wasinn__proto *proto, struct wasinn__span *span, struct wasinn__field *field);

/* Takes the next of a packed field's varints. */
bool wasinn__proto_varint(struct wasinn__proto *proto, struct wasinn__span *span, uint64_t *value);

/* Replaces *text by a copy of the field's, with `what` for the problem. */
bool wasinn__proto_text(struct wasinn__proto *proto, const struct wasinn__field *field, const char *what,
                        char **text);

/* Whether the field's bytes are these. */
bool wasinn__proto_equals(struct wasinn__proto *proto, const struct wasinn__field *field, const char *text);

__attribute__((format(printf, 3, 4))) bool wasinn__proto_fail(struct wasinn__proto *proto, uint64_t offset,
                                                              const char *format, ...);

#endif
