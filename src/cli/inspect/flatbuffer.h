/* FlatBuffers in a file: tables, vectors and texts, of which no offset is believed. */
#ifndef WASINN_CLI_INSPECT_FLATBUFFER_H
#define WASINN_CLI_INSPECT_FLATBUFFER_H

#include "model.h"

struct wasinn__flat {
    struct wasinn__reader *reader;
    char *problem;
    bool failed;
};

struct wasinn__table {
    uint64_t at;     /* 0: there is none */
    uint64_t fields; /* where the table of its fields' places is */
    uint32_t size;   /* of that, in bytes */
};

struct wasinn__vector {
    uint64_t at; /* of its first element */
    uint32_t count;
};

/* Each of these fails `flat`, with the problem, when something lies beyond the file. What is absent is 0. */

/* The table that the offset at `at` leads to. */
struct wasinn__table wasinn__flat_table(struct wasinn__flat *flat, uint64_t at);
/* Where the table's field number `field`, which has `size` bytes, is; 0: absent. */
uint64_t wasinn__flat_field(struct wasinn__flat *flat, const struct wasinn__table *table, unsigned field,
                            size_t size);
/* A field's number of 1, 4 or 8 bytes, without sign. */
uint64_t wasinn__flat_number(struct wasinn__flat *flat, const struct wasinn__table *table, unsigned field,
                             size_t size);
/* A field that is a vector of elements of `size` bytes. */
struct wasinn__vector wasinn__flat_vector(struct wasinn__flat *flat, const struct wasinn__table *table,
                                          unsigned field, size_t size);
/* A number of 4 bytes at a place that is known to be in the file. */
uint32_t wasinn__flat_u32(struct wasinn__flat *flat, uint64_t at);
/* A copy of a field that is a text; NULL: absent, or failed. */
char *wasinn__flat_text(struct wasinn__flat *flat, const struct wasinn__table *table, unsigned field,
                        const char *what);

#endif
