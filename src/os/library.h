/* Shared libraries: opening one that may not be a whole one, and which one it is. */
#ifndef WASINN_OS_LIBRARY_H
#define WASINN_OS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* dlopen with these flags. NULL: `problem` says why. A path with a slash that is no regular file, such as a
 * pipe, which would be waited for, and a file that ends before its parts do, which the loader would map and
 * the process end by a signal, are refused before. */
void *wasinn__library_open(const char *path, int flags, char *problem, size_t capacity);

/* Names the file at `path` as one line, which is another one once the file was replaced or written to.
 * False: there is no such file. */
bool wasinn__library_file(const char *path, char *text, size_t capacity);

#endif
