/* Random access to a file that may be hostile, changing, or too large for memory. */
#ifndef WASINN_CLI_INSPECT_READER_H
#define WASINN_CLI_INSPECT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WASINN__READER_WINDOW = 1 << 20 };

/* Its fields are reader.c's own. */
struct wasinn__reader {
    const uint8_t *memory; /* NULL: a file */
    int file;
    uint64_t size;
    uint8_t *window;
    uint64_t start; /* of the window, in the file */
    size_t length;  /* of what the window has */
    uint64_t reads, bytes;
    char problem[128];
};

/* A reader on a regular file, which the caller opened and closes. False: `problem`, of WASINN__FILE_PROBLEM
 * bytes, says why. */
bool wasinn__reader_open(struct wasinn__reader *reader, int file, char *problem);
/* A reader on memory, which must live as long. */
void wasinn__reader_on(struct wasinn__reader *reader, const void *data, uint64_t size);
void wasinn__reader_close(struct wasinn__reader *reader);

uint64_t wasinn__reader_size(const struct wasinn__reader *reader);

/* Lends `size` bytes at `offset`; NULL: beyond the end, more than WASINN__READER_WINDOW at once, or the file
 * could not be read (the reader remembers why). Valid until the next call on the reader. Little is read
 * around what is asked for; and no file makes it read without end. */
const uint8_t *wasinn__reader_at(struct wasinn__reader *reader, uint64_t offset, size_t size);

/* Why the file could not be read, or NULL. */
const char *wasinn__reader_problem(const struct wasinn__reader *reader);

/* Little-endian numbers, wherever they are. */
static inline uint16_t wasinn__u16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint32_t wasinn__u32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint64_t wasinn__u64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

#endif
