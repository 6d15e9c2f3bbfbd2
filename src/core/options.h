/* Lists of options for an ML runtime: keys and values as text. */
#ifndef WASINN_CORE_OPTIONS_H
#define WASINN_CORE_OPTIONS_H

#include "wasinn/backend.h"

/* NULL: there is none. */
const wasinn_option *wasinn__options_find(const wasinn_option *options, size_t count, const char *key);

/* Whether no key or value is NULL and no key comes twice. */
wasinn_status wasinn__options_check(const wasinn_option *options, size_t count, wasinn_message *message);

/* A copy of the first list, and of those of the second whose key it lacks. */
wasinn_status wasinn__options_merge(const wasinn_option *first, size_t first_count,
                                    const wasinn_option *second, size_t second_count, wasinn_option **merged,
                                    size_t *merged_count, wasinn_message *message);
/* Of a list that was merged. */
void wasinn__options_free(wasinn_option *options, size_t count);

#endif
