#include "abi/guestmem.h"

#define IOVEC_SIZE 8 /* address, size */

wasinn_short_io wasinn_shorten_io(const wasinn_memory *memory, uint32_t address, uint32_t count,
                                  uint32_t most) {
    wasinn_short_io shortened = {count, address, 0};
    uint64_t total = 0;
    uint8_t *buffers;
    if (!wasinn__guest_range(memory, address, (uint64_t)count * IOVEC_SIZE, &buffers))
        return shortened;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *size = buffers + (uint64_t)i * IOVEC_SIZE + 4;
        total += wasinn__read_u32(size);
        if (total <= most)
            continue;
        shortened.count = i > 0 ? i : 1;
        if (i == 0) {
            shortened.whole = wasinn__read_u32(size);
            wasinn__write_u32(size, most);
        }
        break;
    }
    return shortened;
}

void wasinn_restore_io(const wasinn_memory *memory, const wasinn_short_io *shortened) {
    uint8_t *buffer;
    if (shortened->whole && wasinn__guest_range(memory, shortened->address, IOVEC_SIZE, &buffer))
        wasinn__write_u32(buffer + 4, shortened->whole);
}
