#include "xml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"

/* What is looked at, at a time, for the next tag; and how long a tag may be. */
enum { STEP = 4096, LONGEST_TAG = 1 << 20 };

bool wasinn__xml_refuse(struct wasinn__xml *xml, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(xml->problem, WASINN__FILE_PROBLEM, "at byte %llu: %s", (unsigned long long)xml->start, text);
    return false;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t least(uint64_t a, size_t b) {
    return a < b ? (size_t)a : b;
}

/* As much as there is of `size` bytes; *size becomes how much. NULL: nothing. */
static const char *look(struct wasinn__xml *xml, uint64_t at, size_t *size) {
    uint64_t whole = wasinn__reader_size(xml->reader);
    *size = at < whole ? least(whole - at, *size) : 0;
    return *size > 0 ? (const char *)wasinn__reader_at(xml->reader, at, *size) : NULL;
}

bool wasinn__xml_begin(struct wasinn__xml *xml, struct wasinn__reader *reader, char *problem) {
    *xml = (struct wasinn__xml){.reader = reader, .problem = problem};
    size_t size = STEP, i = 0;
    const char *text = look(xml, 0, &size);
    problem[0] = '\0';
    if (!text)
        return false;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        i = 3;
    while (i < size && is_space(text[i]))
        i++;
    xml->at = i;
    return i < size && text[i] == '<';
}

/* The byte after `end`, searched from `from`; false: it is not there. */
static bool find_after(struct wasinn__xml *xml, uint64_t from, const char *end, uint64_t *after) {
    size_t length = strlen(end);
    for (uint64_t at = from;;) {
        size_t size = STEP;
        const char *text = look(xml, at, &size);
        if (!text || size < length)
            return false;
        const char *found = memmem(text, size, end, length);
        if (found) {
            *after = at + (uint64_t)(found - text) + length;
            return true;
        }
        at += size - length + 1;
    }
}

/* How many bytes the tag that begins here has, its > counted; 0: no end within `size` bytes. */
static size_t tag_length(const char *text, size_t size) {
    char quote = '\0';
    for (size_t i = 1; i < size; i++) {
        if (quote)
            quote = text[i] == quote ? '\0' : quote;
        else if (text[i] == '"' || text[i] == '\'')
            quote = text[i];
        else if (text[i] == '>')
            return i + 1;
        else if (text[i] == '<')
            return 0;
    }
    return 0;
}

/* Finds the whole tag at xml->start. */
static bool read_tag(struct wasinn__xml *xml) {
    for (size_t wanted = STEP;; wanted *= 4) {
        size_t size = wanted > LONGEST_TAG ? LONGEST_TAG : wanted;
        size_t asked = size;
        xml->tag = look(xml, xml->start, &size);
        xml->size = xml->tag ? tag_length(xml->tag, size) : 0;
        if (xml->size > 0)
            return true;
        if (size < asked || asked == LONGEST_TAG)
            return wasinn__xml_refuse(xml, "a tag without an end");
    }
}

static size_t name_length(const char *text, size_t size);

/* FNV-1a. */
static uint32_t hash_name(const char *text, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0, length = name_length(text, size); i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static enum wasinn__xml_event take_tag(struct wasinn__xml *xml) {
    if (!read_tag(xml))
        return WASINN__XML_FAILED;
    xml->at = xml->start + xml->size;
    if (xml->tag[1] == '/') {
        if (xml->depth == 0) {
            wasinn__xml_refuse(xml, "a closing tag that was never opened");
            return WASINN__XML_FAILED;
        }
        if (xml->names[xml->depth] != hash_name(xml->tag + 2, xml->size - 2)) {
            wasinn__xml_refuse(xml, "a closing tag of another name than the tag that is open");
            return WASINN__XML_FAILED;
        }
        xml->ended = --xml->depth == 0;
        return WASINN__XML_CLOSE;
    }
    if (xml->ended) {
        wasinn__xml_refuse(xml, "a tag behind the document's end");
        return WASINN__XML_FAILED;
    }
    xml->empty = xml->size >= 3 && xml->tag[xml->size - 2] == '/';
    if (++xml->depth > WASINN__XML_DEEPEST) {
        wasinn__xml_refuse(xml, "tags within tags, more than %d", WASINN__XML_DEEPEST);
        return WASINN__XML_FAILED;
    }
    xml->names[xml->depth] = hash_name(xml->tag + 1, xml->size - 1);
    return WASINN__XML_OPEN;
}

/* Passes over what is no tag, if it is that. False: it has no end, or is not allowed. */
static bool pass_over(struct wasinn__xml *xml, bool *passed) {
    static const struct {
        const char *begin, *end;
    } known[] = {{"<?", "?>"}, {"<!--", "-->"}, {"<![CDATA[", "]]>"}};
    size_t size = 16;
    const char *text = look(xml, xml->start, &size);
    *passed = false;
    for (size_t i = 0; text && i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].begin);
        if (size < length || memcmp(text, known[i].begin, length) != 0)
            continue;
        *passed = true;
        return find_after(xml, xml->start + length, known[i].end, &xml->at) ||
               wasinn__xml_refuse(xml, "%s without its end", known[i].begin);
    }
    if (text && size >= 2 && text[1] == '!')
        return wasinn__xml_refuse(xml, "a document type, which no model has");
    return true;
}

enum wasinn__xml_event wasinn__xml_next(struct wasinn__xml *xml) {
    if (xml->empty) {
        xml->empty = false;
        xml->ended = --xml->depth == 0;
        return WASINN__XML_CLOSE;
    }
    for (;;) {
        uint64_t after;
        if (!find_after(xml, xml->at, "<", &after)) {
            xml->start = wasinn__reader_size(xml->reader);
            if (xml->depth == 0)
                return WASINN__XML_END;
            wasinn__xml_refuse(xml, "the file ends within its tags");
            return WASINN__XML_FAILED;
        }
        xml->start = after - 1;
        bool passed;
        if (!pass_over(xml, &passed))
            return WASINN__XML_FAILED;
        if (!passed)
            return take_tag(xml);
    }
}

/* ---- Within a tag -------------------------------------------------------------------------------- */

static size_t name_length(const char *text, size_t size) {
    size_t length = 0;
    while (length < size && !is_space(text[length]) && text[length] != '=' && text[length] != '>' &&
           text[length] != '/')
        length++;
    return length;
}

bool wasinn__xml_is(const struct wasinn__xml *xml, const char *name) {
    size_t length = strlen(name);
    return name_length(xml->tag + 1, xml->size - 1) == length && memcmp(xml->tag + 1, name, length) == 0;
}

/* UTF-8 of one character; returns its bytes, 0 where there is no such character. */
static size_t put_utf8(unsigned long number, char out[4]) {
    if (number == 0 || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000))
        return 0;
    size_t more = number < 0x80 ? 0 : number < 0x800 ? 1 : number < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i > 0; i--, number >>= 6)
        out[i] = (char)(0x80 | (number & 0x3F));
    out[0] = (char)(first[more] | number);
    return more + 1;
}

/* "&#233;" or "&#xE9;": returns its length, 0 where it is neither. */
static size_t take_number(const char *text, size_t size, char out[4], size_t *bytes) {
    char digits[12], *end;
    bool is_hex = size > 3 && text[2] == 'x';
    size_t start = is_hex ? 3 : 2, length = 0;
    if (size < 4 || text[1] != '#')
        return 0;
    while (start + length < size && length + 1 < sizeof digits && text[start + length] != ';') {
        digits[length] = text[start + length];
        length++;
    }
    digits[length] = '\0';
    if (start + length >= size || text[start + length] != ';' || length == 0 ||
        !isxdigit((unsigned char)digits[0]))
        return 0;
    *bytes = put_utf8(strtoul(digits, &end, is_hex ? 16 : 10), out);
    return *end == '\0' && *bytes > 0 ? start + length + 1 : 0;
}

/* One character of a value, where the five entities that XML has, and numbers, stand for one. */
static size_t take_character(const char *text, size_t size, char out[4], size_t *bytes) {
    static const struct {
        const char *name;
        char character;
    } known[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
    out[0] = text[0];
    *bytes = 1;
    if (text[0] != '&')
        return 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].name);
        if (size >= length && memcmp(text, known[i].name, length) == 0) {
            out[0] = known[i].character;
            return length;
        }
    }
    char number[4];
    size_t length = take_number(text, size, number, bytes);
    if (length == 0) {
        *bytes = 1;
        return 1;
    }
    memcpy(out, number, *bytes);
    return length;
}

static bool copy_value(const char *text, size_t size, char *value, size_t capacity) {
    size_t used = 0, bytes;
    for (size_t i = 0; i < size; used += bytes) {
        char character[4];
        i += take_character(text + i, size - i, character, &bytes);
        if (used + bytes >= capacity)
            return false;
        memcpy(value + used, character, bytes);
    }
    value[used] = '\0';
    return true;
}

bool wasinn__xml_attribute(const struct wasinn__xml *xml, const char *name, char *value, size_t capacity) {
    const char *text = xml->tag;
    size_t size = xml->size, i = 1 + name_length(text + 1, size - 1), wanted = strlen(name);
    for (;;) {
        while (i < size && is_space(text[i]))
            i++;
        size_t start = i, length = name_length(text + i, size - i);
        i += length;
        while (i < size && is_space(text[i]))
            i++;
        if (length == 0 || i + 1 >= size || text[i] != '=')
            return false;
        for (i++; i < size && is_space(text[i]); i++)
            ;
        const char *end = i + 1 < size ? memchr(text + i + 1, text[i], size - i - 1) : NULL;
        if (!end || (text[i] != '"' && text[i] != '\''))
            return false;
        size_t begin = i + 1;
        i = (size_t)(end - text) + 1;
        if (length == wanted && memcmp(text + start, name, wanted) == 0)
            return copy_value(text + begin, (size_t)(end - text) - begin, value, capacity);
    }
}

void wasinn__xml_text(struct wasinn__xml *xml, char *text, size_t capacity) {
    size_t size = capacity - 1;
    const char *found = xml->empty ? NULL : look(xml, xml->at, &size);
    const char *end = found ? memchr(found, '<', size) : NULL;
    size_t length = end ? (size_t)(end - found) : found ? size : 0;
    if (length > 0)
        memcpy(text, found, length);
    text[length] = '\0';
}
