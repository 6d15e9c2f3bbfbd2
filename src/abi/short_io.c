#include "abi/guestmem.h"

#define IOVEC_SIZE 8 /* address, size */

wasinn_short_io wasinn_shorten_io(const wasinn_memory *memory, uint32_t address, uint32_t count,
                                  uint32_t most) {
    wasinn_short_io shortened = {count, 0, 0};
    uint64_t total = 0;
    uint8_t *buffers;
    if (!wasinn__guest_range(memory, address, (uint64_t)count * IOVEC_SIZE, &buffers))
        return shortened;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *size = buffers + (uint64_t)i * IOVEC_SIZE + 4;
        uint32_t whole = wasinn__read_u32(size);
        if (total + whole <= most) {
            total += whole;
            continue;
        }
        /* Empty buffers may come first, so what is left of this one counts: to move nothing would mean the
         * end. */
        wasinn__write_u32(size, (uint32_t)(most - total));
        return (wasinn_short_io){i + 1, address + i * IOVEC_SIZE, whole};
    }
    return shortened;
}

void wasinn_restore_io(const wasinn_memory *memory, const wasinn_short_io *shortened) {
    uint8_t *buffer;
    if (shortened->whole && wasinn__guest_range(memory, shortened->address, IOVEC_SIZE, &buffer))
        wasinn__write_u32(buffer + 4, shortened->whole);
}
