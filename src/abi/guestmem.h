/* The only place where a guest's address becomes a pointer. Guest memory is little-endian. */
#ifndef WASINN_ABI_GUESTMEM_H
#define WASINN_ABI_GUESTMEM_H

#include "wasinn/engine.h"

/* False: some of [address, address + size) lies outside; an empty range may lie at the very end. */
bool wasinn__guest_range(const wasinn_memory *memory, uint64_t address, uint64_t size, uint8_t **pointer);

uint32_t wasinn__read_u32(const uint8_t *bytes);
void wasinn__write_u32(uint8_t *bytes, uint32_t value);

#endif
