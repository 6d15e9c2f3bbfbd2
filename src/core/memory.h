/* The library's allocations, all through one door, so that tests can make any of them fail. */
#ifndef WASINN_CORE_MEMORY_H
#define WASINN_CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed; NULL when there is no memory. */
void *wasinn__alloc(size_t count, size_t size);
/* Not zeroed: for large copies, whose pages would otherwise be touched twice. */
void *wasinn__alloc_raw(size_t size);
char *wasinn__copy_text(const char *text, size_t length);
void wasinn__free(void *memory);

/* Tests only: from now on allocation number `nth` (1 is the next) fails once; 0: none. Process-wide. */
void wasinn__alloc_fail_at(uint64_t nth);
/* How many allocations are alive. */
uint64_t wasinn__alloc_alive(void);

#endif
