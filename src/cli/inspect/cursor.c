#include "cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/file.h"

void wasinn__cursor_fail(struct wasinn__cursor *cursor, const char *format, ...) {
    char text[256];
    va_list arguments;
    if (wasinn__cursor_failed(cursor))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(cursor->problem, WASINN__FILE_PROBLEM, "%sat byte %llu: %s",
             cursor->unread ? "" : "not valid WebAssembly: ", (unsigned long long)cursor->at, text);
}

void wasinn__cursor_leave(struct wasinn__cursor *cursor, const char *what) {
    cursor->unread = true;
    wasinn__cursor_fail(cursor, "%s", what);
}

bool wasinn__cursor_failed(const struct wasinn__cursor *cursor) {
    return cursor->problem[0] != '\0';
}

uint8_t wasinn__cursor_byte(struct wasinn__cursor *cursor) {
    if (wasinn__cursor_failed(cursor))
        return 0;
    const uint8_t *byte = cursor->at < cursor->end ? wasinn__reader_at(cursor->reader, cursor->at, 1) : NULL;
    if (!byte) {
        wasinn__cursor_fail(cursor, "it ends where more was announced");
        return 0;
    }
    cursor->at++;
    return *byte;
}

uint64_t wasinn__cursor_number(struct wasinn__cursor *cursor, unsigned bits) {
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = wasinn__cursor_byte(cursor);
        unsigned left = shift < bits ? bits - shift : 0;
        if (left == 0 || (left < 7 && (byte & 0x7F) >> left != 0)) {
            wasinn__cursor_fail(cursor, "a number of more than %u bits", bits);
            return 0;
        }
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return number;
    }
}

uint32_t wasinn__cursor_count(struct wasinn__cursor *cursor, const char *what) {
    uint64_t count = wasinn__cursor_number(cursor, 32);
    if (!wasinn__cursor_failed(cursor) && count > cursor->end - cursor->at)
        wasinn__cursor_fail(cursor, "%llu %s announced, more than there are bytes", (unsigned long long)count,
                            what);
    return wasinn__cursor_failed(cursor) ? 0 : (uint32_t)count;
}

void wasinn__cursor_name(struct wasinn__cursor *cursor, char *name) {
    uint32_t length = wasinn__cursor_count(cursor, "bytes of a name");
    name[0] = '\0';
    uint32_t kept = length < WASINN__GUEST_NAME ? length : WASINN__GUEST_NAME - 1;
    const uint8_t *bytes = kept > 0 ? wasinn__reader_at(cursor->reader, cursor->at, kept) : NULL;
    if (kept > 0 && !bytes) {
        wasinn__cursor_fail(cursor, "it ends within a name");
        return;
    }
    /* A byte 0 would end the name here, and make it another one. */
    for (uint32_t i = 0; i < kept; i++)
        name[i] = bytes[i] ? (char)bytes[i] : '\1';
    name[kept] = '\0';
    cursor->at += length;
}

bool wasinn__cursor_section(struct wasinn__cursor *cursor, uint8_t *number, struct wasinn__cursor *content) {
    if (wasinn__cursor_failed(cursor) || cursor->at == cursor->end)
        return false;
    *number = wasinn__cursor_byte(cursor);
    uint64_t size = wasinn__cursor_number(cursor, 32);
    if (!wasinn__cursor_failed(cursor) && size > cursor->end - cursor->at)
        wasinn__cursor_fail(cursor, "a section of %llu bytes, of which there are %llu",
                            (unsigned long long)size, (unsigned long long)(cursor->end - cursor->at));
    if (*number == 0 && size == 0)
        wasinn__cursor_fail(cursor, "a custom section without a name");
    if (++cursor->sections > WASINN__MOST_SECTIONS)
        wasinn__cursor_fail(cursor, "more than %d sections", WASINN__MOST_SECTIONS);
    if (wasinn__cursor_failed(cursor))
        return false;
    *content = *cursor;
    content->end = cursor->at + size;
    cursor->at += size;
    return true;
}
