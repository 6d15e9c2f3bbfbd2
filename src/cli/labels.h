/* A file with the name of a class on each line. */
#ifndef WASINN_CLI_LABELS_H
#define WASINN_CLI_LABELS_H

#include <stddef.h>
#include <stdint.h>

struct wasinn__labels {
    uint8_t *text;
    size_t *starts; /* of each line, and of one after the last */
    size_t count;
};

/* Reads the labels at `path`, or from stdin for "-". Returns an exit code; free the labels in any case. */
int wasinn__labels_read(const char *path, struct wasinn__labels *labels);
void wasinn__labels_free(struct wasinn__labels *labels);

/* The name of a class, which is less than `count`, without the end of its line: any bytes. */
const char *wasinn__label(const struct wasinn__labels *labels, size_t number, size_t *length);

#endif
