#include "labels.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "file.h"

static const size_t most_bytes = (size_t)64 << 20;

/* The mark that some editors put before UTF-8. */
static const char mark[] = "\xef\xbb\xbf";

int wasinn__labels_read(const char *path, struct wasinn__labels *labels) {
    char problem[WASINN__FILE_PROBLEM];
    size_t size = 0;
    *labels = (struct wasinn__labels){NULL, NULL, 0};
    if (!wasinn__file_read(path, most_bytes, NULL, &labels->text, &size, problem))
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: %s", wasinn__in_name(path), problem);
    size_t start = size >= 3 && memcmp(labels->text, mark, 3) == 0 ? 3 : 0;
    for (size_t i = start; i < size; i++)
        labels->count += labels->text[i] == '\n' || i + 1 == size;
    labels->starts = malloc((labels->count + 1) * sizeof *labels->starts);
    if (!labels->starts)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: no memory for %zu lines", wasinn__in_name(path),
                            labels->count);
    labels->starts[0] = start;
    for (size_t i = start, line = 1; i < size; i++)
        if (labels->text[i] == '\n' || i + 1 == size)
            labels->starts[line++] = i + 1;
    return WASINN__EXIT_OK;
}

void wasinn__labels_free(struct wasinn__labels *labels) {
    free(labels->text);
    free(labels->starts);
    *labels = (struct wasinn__labels){NULL, NULL, 0};
}

const char *wasinn__label(const struct wasinn__labels *labels, size_t number, size_t *length) {
    const uint8_t *start = labels->text + labels->starts[number];
    const uint8_t *end = labels->text + labels->starts[number + 1];
    if (end > start && end[-1] == '\n')
        end--;
    if (end > start && end[-1] == '\r')
        end--;
    *length = (size_t)(end - start);
    return (const char *)start;
}
