/* What code that was compiled for this machine may rely on. */
#ifndef WASINN_OS_PROCESSOR_H
#define WASINN_OS_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>

/* Describes the processor's model, its instructions, and how many cores this process may use, as one line.
 * False: not known here. */
bool wasinn__processor(char *text, size_t capacity);

#endif
