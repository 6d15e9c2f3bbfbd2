/* The file of one entry of a cache: the content from its first byte on, so that it can be mapped, then kind,
 * key and label, the digests of the content's slices, and a tail that says how long each of these is. */
#ifndef WASINN_CORE_CACHE_FILE_H
#define WASINN_CORE_CACHE_FILE_H

#include "wasinn/backend.h"

/* What is in a file, mapped. */
typedef struct wasinn__cache_file {
    void *map;
    size_t map_size;
    wasinn_blob content, kind, key, label, digests;
} wasinn__cache_file;

/* Maps the open file `file` and looks at everything but the content. too_large: it may be as it should, but
 * cannot be read now; anything else: it is no entry, or damaged. */
wasinn_status wasinn__cache_file_map(int file, wasinn__cache_file *mapped, wasinn_message *message);
/* Whether the content is what was written: its ends, where what is not mere numbers lies in a compiled model;
 * and all of it, by `threads` threads, or as many as there are cores if that is 0. */
bool wasinn__cache_file_ends(const wasinn__cache_file *mapped);
bool wasinn__cache_file_whole(const wasinn__cache_file *mapped, unsigned threads);
void wasinn__cache_file_unmap(wasinn__cache_file *mapped);

/* Makes an entry of an open file that has just the content: appends the rest. */
bool wasinn__cache_file_seal(int file, const wasinn_blob *kind, const wasinn_blob *key,
                             const wasinn_blob *label, wasinn_message *message);
/* Writes all of it. */
bool wasinn__cache_file_write(int file, const wasinn_blob *bytes, wasinn_message *message);

/* 32 hexadecimal digits of a hash of both, for a file's name. */
void wasinn__cache_file_name(const wasinn_blob *kind, const wasinn_blob *key, char digits[33]);

#endif
