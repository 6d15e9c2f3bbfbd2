/* Opening a shared library that may not be a whole one. */
#ifndef WASINN_OS_LIBRARY_H
#define WASINN_OS_LIBRARY_H

#include <stddef.h>

/* dlopen with these flags. NULL: `problem` says why. A path with a slash that is no regular file, such as a
 * pipe, which would be waited for, and a file that ends before its parts do, which the loader would map and
 * the process end by a signal, are refused before. */
void *wasinn__library_open(const char *path, int flags, char *problem, size_t capacity);

#endif
