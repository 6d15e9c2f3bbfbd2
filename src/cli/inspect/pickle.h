/* Python's pickles, of which nothing is executed: the opcodes are walked, to find where PyTorch refers to the
 * weights that are stored beside the pickle. */
#ifndef WASINN_CLI_INSPECT_PICKLE_H
#define WASINN_CLI_INSPECT_PICKLE_H

#include "reader.h"

/* What holds a tensor's elements. */
struct wasinn__storage {
    uint64_t key; /* hash of its name */
    uint64_t elements;
    uint32_t size; /* bytes of an element */
};

struct wasinn__storages {
    struct wasinn__storage *list;
    size_t count, capacity;
    bool others; /* some are described in a way that is not known here */
};

/* Walks the pickle at *at, which lies before `end`; *at is then after it. False: it is no pickle, or too
 * long. */
bool wasinn__pickle_walk(struct wasinn__reader *reader, uint64_t *at, uint64_t end,
                         struct wasinn__storages *storages);

/* Sorts them by key, each once. */
void wasinn__storages_sort(struct wasinn__storages *storages);
/* NULL: there is none of that name. The storages are sorted. */
const struct wasinn__storage *wasinn__storages_find(const struct wasinn__storages *storages,
                                                    const char *name);
void wasinn__storages_free(struct wasinn__storages *storages);

#endif
