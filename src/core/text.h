/* Text from outside: is it UTF-8, and how to show it. */
#ifndef WASINN_CORE_TEXT_H
#define WASINN_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the valid UTF-8 sequence that starts at text[0], or 0 if there is none. */
size_t wasinn__utf8_sequence(const char *text, size_t length);
bool wasinn__utf8_valid(const char *text, size_t length);

#endif
