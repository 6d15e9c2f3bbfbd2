#include "zip.h"

enum {
    END = 22,       /* bytes of the record that ends an archive, without the comment */
    END64 = 56,     /* and of the one for large archives */
    LOCATOR64 = 20, /* which is found by this one, before the other */
    CENTRAL = 46,   /* bytes of an entry of the directory, without name, extra fields and comment */
    LOCAL = 30,     /* bytes of the header before a content, without name and extra fields */
    MOST_COMMENT = 65535,
    MOST_ENTRIES = 1 << 20,
    EXTRA_ZIP64 = 1
};

static bool fail(struct wasinn__zip *zip, uint64_t at, const char *what) {
    wasinn__malformed(zip->reader, zip->problem, at, "%s", what);
    return false;
}

/* ---- The directory ------------------------------------------------------------------------------- */

/* The last record whose comment reaches to the end of the file. */
static bool find_end(struct wasinn__reader *reader, uint64_t *at) {
    uint64_t size = wasinn__reader_size(reader);
    size_t length = size < END + MOST_COMMENT ? (size_t)size : END + MOST_COMMENT;
    const uint8_t *tail = wasinn__reader_at(reader, size - length, length);
    for (size_t i = length; tail && i-- > 0;) {
        if (length - i >= END && memcmp(tail + i, "PK\5\6", 4) == 0 &&
            wasinn__u16(tail + i + 20) == length - i - END) {
            *at = size - length + i;
            return true;
        }
    }
    return false;
}

/* A large archive's directory; false with a problem, or when there is no such record. */
static bool read_end64(struct wasinn__zip *zip, uint64_t end) {
    if (end < LOCATOR64)
        return false;
    const uint8_t *locator = wasinn__reader_at(zip->reader, end - LOCATOR64, LOCATOR64);
    if (!locator || memcmp(locator, "PK\6\7", 4) != 0)
        return false;
    uint64_t place = wasinn__u64(locator + 8);
    const uint8_t *record = wasinn__reader_at(zip->reader, place, END64);
    if (!record || memcmp(record, "PK\6\6", 4) != 0)
        return fail(zip, end - LOCATOR64, "the archive's directory is not where its end says");
    zip->entries = wasinn__u64(record + 32);
    zip->end = wasinn__u64(record + 40);
    zip->at = wasinn__u64(record + 48);
    return true;
}

bool wasinn__zip_open(struct wasinn__zip *zip, struct wasinn__reader *reader, char *problem) {
    uint64_t end;
    *zip = (struct wasinn__zip){.reader = reader, .problem = problem};
    if (!find_end(reader, &end))
        return false;
    if (!read_end64(zip, end)) {
        const uint8_t *record = problem[0] ? NULL : wasinn__reader_at(reader, end, END);
        if (!record)
            return false;
        zip->entries = wasinn__u16(record + 10);
        zip->end = wasinn__u32(record + 12);
        zip->at = wasinn__u32(record + 16);
    }
    if (zip->at > end || zip->end > end - zip->at)
        return fail(zip, end, "the archive's directory is not where its end says");
    zip->end += zip->at;
    if (zip->entries > MOST_ENTRIES)
        return fail(zip, end, "more than 1048576 files in the archive");
    return true;
}

/* ---- Entries ------------------------------------------------------------------------------------- */

/* Sizes and the place of an entry that do not fit 32 bits are in an extra field, in this order. */
static bool read_extra64(struct wasinn__zip *zip, uint64_t at, uint64_t end,
                         struct wasinn__zip_entry *entry) {
    uint64_t *const wide[] = {&entry->size, &entry->packed, &entry->header};
    if (entry->size != UINT32_MAX && entry->packed != UINT32_MAX && entry->header != UINT32_MAX)
        return true;
    while (end - at >= 4) {
        const uint8_t *head = wasinn__reader_at(zip->reader, at, 4);
        uint16_t kind = head ? wasinn__u16(head) : 0, size = head ? wasinn__u16(head + 2) : 0;
        at += 4;
        if (!head || size > end - at)
            return fail(zip, at, "a damaged extra field");
        for (size_t i = 0; kind == EXTRA_ZIP64 && i < 3; i++) {
            if (*wide[i] != UINT32_MAX)
                continue;
            const uint8_t *bytes = size >= 8 ? wasinn__reader_at(zip->reader, at, 8) : NULL;
            if (!bytes)
                return fail(zip, at, "an extra field that is too short");
            *wide[i] = wasinn__u64(bytes);
            at += 8;
            size = (uint16_t)(size - 8);
        }
        if (kind == EXTRA_ZIP64)
            return true;
        at += size;
    }
    return true;
}

bool wasinn__zip_next(struct wasinn__zip *zip, struct wasinn__zip_entry *entry) {
    if (zip->entries == 0)
        return false;
    const uint8_t *record =
        zip->end - zip->at >= CENTRAL ? wasinn__reader_at(zip->reader, zip->at, CENTRAL) : NULL;
    if (!record || memcmp(record, "PK\1\2", 4) != 0)
        return fail(zip, zip->at, "expected an entry of the archive's directory");
    uint64_t name = wasinn__u16(record + 28), extra = wasinn__u16(record + 30);
    uint64_t length = name + extra + wasinn__u16(record + 32), at = zip->at + CENTRAL;
    entry->stored = wasinn__u16(record + 10) == 0 && !(wasinn__u16(record + 8) & 1);
    entry->packed = wasinn__u32(record + 20);
    entry->size = wasinn__u32(record + 24);
    entry->header = wasinn__u32(record + 42);
    if (length > zip->end - at)
        return fail(zip, zip->at, "an entry that ends beyond the archive's directory");
    entry->name[0] = '\0';
    if (name < WASINN__ZIP_NAME) {
        const uint8_t *bytes = wasinn__reader_at(zip->reader, at, (size_t)name);
        if (!bytes)
            return fail(zip, at, "the file ends within a name");
        memcpy(entry->name, bytes, (size_t)name);
        entry->name[name] = '\0';
    }
    if (!read_extra64(zip, at + name, at + name + extra, entry))
        return false;
    zip->at = at + length;
    zip->entries--;
    return true;
}

bool wasinn__zip_content(struct wasinn__zip *zip, const struct wasinn__zip_entry *entry, uint64_t *at) {
    uint64_t end = wasinn__reader_size(zip->reader);
    const uint8_t *header = wasinn__reader_at(zip->reader, entry->header, LOCAL);
    if (!header || memcmp(header, "PK\3\4", 4) != 0)
        return fail(zip, entry->header, "expected a file of the archive");
    uint64_t start = entry->header + LOCAL + wasinn__u16(header + 26) + wasinn__u16(header + 28);
    if (!entry->stored || start > end || entry->packed > end - start || entry->size != entry->packed)
        return fail(zip, entry->header, "a file of the archive that ends beyond it, or is compressed");
    *at = start;
    return true;
}
