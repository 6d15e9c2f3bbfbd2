#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"

enum {
    NEAR = 4096,  /* read around a place that was jumped to */
    AHEAD = 65536 /* read when the places follow each other */
};

/* What a model says of itself, without its weights, is far smaller. */
#define MOST_READS (UINT64_C(1) << 20)
#define MOST_BYTES (UINT64_C(1) << 29)

bool wasinn__reader_open(struct wasinn__reader *reader, int file, char *problem) {
    struct stat status;
    memset(reader, 0, sizeof *reader);
    if (fstat(file, &status) != 0) {
        snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read: %s", strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(problem, WASINN__FILE_PROBLEM, "not a regular file");
        return false;
    }
    reader->window = malloc(WASINN__READER_WINDOW);
    if (!reader->window) {
        snprintf(problem, WASINN__FILE_PROBLEM, "no memory to read it");
        return false;
    }
    reader->file = file;
    reader->size = (uint64_t)status.st_size;
    return true;
}

void wasinn__reader_on(struct wasinn__reader *reader, const void *data, uint64_t size) {
    memset(reader, 0, sizeof *reader);
    reader->file = -1;
    reader->memory = size ? data : (const uint8_t *)"";
    reader->size = size;
}

void wasinn__reader_close(struct wasinn__reader *reader) {
    free(reader->window);
    memset(reader, 0, sizeof *reader);
}

uint64_t wasinn__reader_size(const struct wasinn__reader *reader) {
    return reader->size;
}

const char *wasinn__reader_problem(const struct wasinn__reader *reader) {
    return reader->problem[0] ? reader->problem : NULL;
}

/* Puts the window where `size` bytes at `offset` are in it. */
static const uint8_t *move(struct wasinn__reader *reader, uint64_t offset, size_t size) {
    bool follows = offset >= reader->start && offset - reader->start <= reader->length;
    size_t wanted = follows ? AHEAD : NEAR;
    if (wanted < size)
        wanted = size;
    if (wanted > reader->size - offset)
        wanted = (size_t)(reader->size - offset);
    reader->start = offset;
    reader->length = 0;
    if (reader->problem[0])
        return NULL;
    if (++reader->reads > MOST_READS || (reader->bytes += wanted) > MOST_BYTES) {
        snprintf(reader->problem, sizeof reader->problem, "more to read than a model's description has");
        return NULL;
    }
    while (reader->length < wanted) {
        ssize_t got = pread(reader->file, reader->window + reader->length, wanted - reader->length,
                            (off_t)(offset + reader->length));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            snprintf(reader->problem, sizeof reader->problem, "cannot be read: %s", strerror(errno));
        if (got <= 0)
            break;
        reader->length += (size_t)got;
    }
    if (reader->length < size) {
        if (!reader->problem[0])
            snprintf(reader->problem, sizeof reader->problem, "became shorter while it was read");
        return NULL;
    }
    return reader->window;
}

const uint8_t *wasinn__reader_at(struct wasinn__reader *reader, uint64_t offset, size_t size) {
    if (size > WASINN__READER_WINDOW || offset > reader->size || size > reader->size - offset)
        return NULL;
    if (reader->memory)
        return reader->memory + offset;
    if (offset >= reader->start && offset - reader->start <= reader->length &&
        size <= reader->length - (offset - reader->start))
        return reader->window + (offset - reader->start);
    return move(reader, offset, size);
}
