#include "core/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t fail_at;
static atomic_uint_fast64_t alive;

static int refused(void) {
    if (atomic_load_explicit(&fail_at, memory_order_relaxed) == 0)
        return 0;
    return atomic_fetch_sub(&fail_at, 1) == 1;
}

static void *counted(void *memory) {
    if (memory)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return memory;
}

void *wasinn__alloc(size_t count, size_t size) {
    return refused() ? NULL : counted(calloc(count ? count : 1, size ? size : 1));
}

void *wasinn__alloc_raw(size_t size) {
    return refused() ? NULL : counted(malloc(size ? size : 1));
}

char *wasinn__copy_text(const char *text, size_t length) {
    char *copy = wasinn__alloc_raw(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void wasinn__free(void *memory) {
    if (memory)
        atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    free(memory);
}

void wasinn__alloc_fail_at(uint64_t nth) {
    atomic_store(&fail_at, nth);
}

uint64_t wasinn__alloc_alive(void) {
    return atomic_load(&alive);
}
