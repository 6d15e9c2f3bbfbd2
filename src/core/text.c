#include "core/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wasinn/wasinn.h"

size_t wasinn__utf8_sequence(const char *text, size_t length) {
    const uint8_t *t = (const uint8_t *)text;
    if (length == 0)
        return 0;
    if (t[0] < 0x80)
        return 1;
    /* The second byte's range depends on the first: no overlong forms, surrogates or values above 10FFFF
     * (Unicode, table 3-7). */
    uint8_t low = 0x80, high = 0xBF;
    size_t size;
    if (t[0] >= 0xC2 && t[0] <= 0xDF) {
        size = 2;
    } else if (t[0] >= 0xE0 && t[0] <= 0xEF) {
        size = 3;
        if (t[0] == 0xE0)
            low = 0xA0;
        else if (t[0] == 0xED)
            high = 0x9F;
    } else if (t[0] >= 0xF0 && t[0] <= 0xF4) {
        size = 4;
        if (t[0] == 0xF0)
            low = 0x90;
        else if (t[0] == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (length < size || t[1] < low || t[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (t[i] < 0x80 || t[i] > 0xBF)
            return 0;
    return size;
}

bool wasinn__utf8_valid(const char *text, size_t length) {
    while (length > 0) {
        size_t size = wasinn__utf8_sequence(text, length);
        if (size == 0)
            return false;
        text += size;
        length -= size;
    }
    return true;
}

static bool is_break(char c) {
    return c == '\n' || c == '\r' || c == '\t';
}

/* C0 and C1 controls, DEL, and the invisible characters that reorder text (bidirectional controls). */
static bool hidden(const char *text, size_t size) {
    const uint8_t *t = (const uint8_t *)text;
    if (size == 1)
        return t[0] < 0x20 || t[0] == 0x7F;
    if (size == 2)
        return (t[0] == 0xC2 && t[1] < 0xA0) || (t[0] == 0xD8 && t[1] == 0x9C);
    if (size == 3 && t[0] == 0xE2)
        return (t[1] == 0x80 && (t[2] == 0x8E || t[2] == 0x8F || (t[2] >= 0xA8 && t[2] <= 0xAE))) ||
               (t[1] == 0x81 && t[2] >= 0xA6 && t[2] <= 0xA9);
    return false;
}

/* Writes what stands for the piece at text[0] to `shown` and returns how many bytes of text it covers. */
static size_t show_piece(const char *text, size_t length, char shown[16]) {
    if (is_break(text[0])) {
        size_t run = 1;
        while (run < length && (is_break(text[run]) || text[run] == ' '))
            run++;
        strcpy(shown, run < length ? " " : "");
        return run;
    }
    size_t size = wasinn__utf8_sequence(text, length);
    if (size > 0 && !hidden(text, size)) {
        memcpy(shown, text, size);
        shown[size] = '\0';
        return size;
    }
    size_t escaped = size ? size : 1;
    for (size_t i = 0; i < escaped; i++)
        snprintf(shown + 4 * i, 5, "\\x%02x", (uint8_t)text[i]);
    return escaped;
}

const char *wasinn_escape(const char *text, size_t length, char *out, size_t capacity) {
    static const char cut[] = "...";
    size_t used = 0, fallback = 0;
    if (capacity == 0)
        return out;
    while (length > 0) {
        char shown[16] = {0};
        size_t covered = show_piece(text, length, shown);
        size_t size = strlen(shown);
        if (used + size >= capacity) {
            used = fallback;
            if (used + sizeof cut <= capacity) {
                memcpy(out + used, cut, sizeof cut - 1);
                used += sizeof cut - 1;
            }
            break;
        }
        memcpy(out + used, shown, size);
        used += size;
        if (used + sizeof cut <= capacity)
            fallback = used;
        text += covered;
        length -= covered;
    }
    out[used] = '\0';
    return out;
}
