#include "core/options.h"

#include <string.h>

#include "core/memory.h"

const wasinn_option *wasinn__options_find(const wasinn_option *options, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].key, key) == 0)
            return &options[i];
    return NULL;
}

wasinn_status wasinn__options_check(const wasinn_option *options, size_t count, wasinn_message *message) {
    if (count > 0 && !options)
        return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "the list of %zu options is NULL", count);
    for (size_t i = 0; i < count; i++) {
        if (!options[i].key || !options[i].value)
            return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "an option's key or value is NULL");
        if (wasinn__options_find(options, i, options[i].key))
            return wasinn_refuse(message, WASINN_INVALID_ARGUMENT, "option '%s' is given twice",
                                 options[i].key);
    }
    return WASINN_OK;
}

static bool append(wasinn_option *list, size_t *count, const wasinn_option *option) {
    wasinn_option copy = {wasinn__copy_text(option->key, strlen(option->key)),
                          wasinn__copy_text(option->value, strlen(option->value))};
    list[(*count)++] = copy;
    return copy.key && copy.value;
}

wasinn_status wasinn__options_merge(const wasinn_option *first, size_t first_count,
                                    const wasinn_option *second, size_t second_count, wasinn_option **merged,
                                    size_t *merged_count, wasinn_message *message) {
    wasinn_option *made = wasinn__alloc(first_count + second_count, sizeof *made);
    size_t count = 0;
    bool good = made != NULL;
    for (size_t i = 0; good && i < first_count; i++)
        good = append(made, &count, &first[i]);
    for (size_t i = 0; good && i < second_count; i++)
        if (!wasinn__options_find(first, first_count, second[i].key))
            good = append(made, &count, &second[i]);
    if (!good) {
        wasinn__options_free(made, count);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for options");
    }
    *merged = made;
    *merged_count = count;
    return WASINN_OK;
}

void wasinn__options_free(wasinn_option *options, size_t count) {
    for (size_t i = 0; options && i < count; i++) {
        wasinn__free((void *)(uintptr_t)options[i].key);
        wasinn__free((void *)(uintptr_t)options[i].value);
    }
    wasinn__free(options);
}
