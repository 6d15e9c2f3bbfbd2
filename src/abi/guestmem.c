#include "abi/guestmem.h"

bool wasinn__guest_range(const wasinn_memory *memory, uint64_t address, uint64_t size, uint8_t **pointer) {
    if (address > memory->size || size > memory->size - address)
        return false;
    *pointer = memory->base + address;
    return true;
}

uint32_t wasinn__read_u32(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void wasinn__write_u32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}
