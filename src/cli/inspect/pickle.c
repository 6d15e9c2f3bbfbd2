#include "pickle.h"

#include <stdlib.h>

enum {
    MOST_OPCODES = 1 << 23,
    MOST_MEMO = 1 << 20,
    MOST_STORAGES = 1 << 18,
    MOST_LINE = 4096,
    SHOWN = 6 /* values of a tuple that are kept */
};

enum kind { OTHER, TEXT, NUMBER, TORCH, STORAGE };

struct value {
    uint64_t number; /* TEXT: its hash; NUMBER; STORAGE: bytes of an element */
    enum kind kind;
};

struct walk {
    struct wasinn__reader *reader;
    uint64_t at, end;
    struct value *memo;
    uint32_t memo_size, memoized; /* MEMOIZE numbers its entries by itself */
    struct value recent[SHOWN];   /* pushed since the last mark */
    size_t pushed;
    size_t tuple; /* of so many values, which was made last; 0: something else was */
    struct wasinn__storages *storages;
};

/* ---- Storages ------------------------------------------------------------------------------------ */

static uint64_t hash(const uint8_t *bytes, size_t size) {
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

static uint64_t hash_text(const char *text) {
    return hash((const uint8_t *)text, strlen(text));
}

static int compare(const void *a, const void *b) {
    const struct wasinn__storage *one = a, *other = b;
    return (one->key > other->key) - (one->key < other->key);
}

void wasinn__storages_sort(struct wasinn__storages *storages) {
    size_t kept = 0;
    if (storages->count == 0)
        return;
    qsort(storages->list, storages->count, sizeof *storages->list, compare);
    for (size_t i = 1; i < storages->count; i++) {
        if (storages->list[i].key != storages->list[kept].key)
            storages->list[++kept] = storages->list[i];
        else if (storages->list[i].size != storages->list[kept].size)
            storages->others = true;
    }
    storages->count = kept + 1;
}

const struct wasinn__storage *wasinn__storages_find(const struct wasinn__storages *storages,
                                                    const char *name) {
    struct wasinn__storage wanted = {.key = hash_text(name)};
    return storages->count
               ? bsearch(&wanted, storages->list, storages->count, sizeof *storages->list, compare)
               : NULL;
}

void wasinn__storages_free(struct wasinn__storages *storages) {
    free(storages->list);
    memset(storages, 0, sizeof *storages);
}

static void add(struct wasinn__storages *storages, const struct wasinn__storage *storage) {
    if (storages->count == storages->capacity) {
        size_t capacity = storages->capacity ? 2 * storages->capacity : 64;
        struct wasinn__storage *larger =
            capacity <= MOST_STORAGES ? realloc(storages->list, capacity * sizeof *larger) : NULL;
        if (!larger) {
            storages->others = true;
            return;
        }
        storages->list = larger;
        storages->capacity = capacity;
    }
    storages->list[storages->count++] = *storage;
}

/* The reference to a storage is ("storage", its type, its key, where it was, its number of elements), to
 * which old versions add a view. */
static void refer(struct walk *walk) {
    const struct value *parts = walk->recent;
    struct wasinn__storage storage = {parts[2].number, parts[4].number, (uint32_t)parts[1].number};
    if ((walk->tuple == 5 || (walk->tuple == 6 && parts[5].kind == OTHER)) && parts[1].kind == STORAGE &&
        parts[2].kind == TEXT && parts[4].kind == NUMBER)
        add(walk->storages, &storage);
    else
        walk->storages->others = true;
}

/* ---- Values -------------------------------------------------------------------------------------- */

static void push(struct walk *walk, enum kind kind, uint64_t number) {
    if (walk->pushed < SHOWN)
        walk->recent[walk->pushed] = (struct value){number, kind};
    walk->pushed++;
}

static void put(struct walk *walk, uint32_t index) {
    if (walk->tuple || walk->pushed == 0 || walk->pushed > SHOWN || index >= MOST_MEMO)
        return;
    if (walk->recent[walk->pushed - 1].kind == OTHER && index >= walk->memo_size)
        return;
    if (index >= walk->memo_size) {
        uint32_t size = index < 128 ? 256 : index < MOST_MEMO / 2 ? 2 * index : MOST_MEMO;
        struct value *larger = realloc(walk->memo, size * sizeof *larger);
        if (!larger)
            return;
        memset(larger + walk->memo_size, 0, (size - walk->memo_size) * sizeof *larger);
        walk->memo = larger;
        walk->memo_size = size;
    }
    walk->memo[index] = walk->recent[walk->pushed - 1];
}

static void get(struct walk *walk, uint32_t index) {
    if (index < walk->memo_size)
        push(walk, walk->memo[index].kind, walk->memo[index].number);
    else
        push(walk, OTHER, 0);
}

static void push_global(struct walk *walk, bool is_torch, uint64_t name) {
    static const struct {
        const char *name;
        uint32_t size;
    } types[] = {
        {"FloatStorage", 4},  {"HalfStorage", 2},         {"BFloat16Storage", 2},       {"DoubleStorage", 8},
        {"LongStorage", 8},   {"IntStorage", 4},          {"ShortStorage", 2},          {"CharStorage", 1},
        {"ByteStorage", 1},   {"BoolStorage", 1},         {"QInt8Storage", 1},          {"QUInt8Storage", 1},
        {"QInt32Storage", 4}, {"ComplexFloatStorage", 8}, {"ComplexDoubleStorage", 16},
    };
    for (size_t i = 0; is_torch && i < sizeof types / sizeof types[0]; i++) {
        if (name == hash_text(types[i].name)) {
            push(walk, STORAGE, types[i].size);
            return;
        }
    }
    push(walk, OTHER, 0);
}

/* The two texts that were pushed last are a module and a name in it. */
static void push_stacked_global(struct walk *walk) {
    if (walk->pushed < 2 || walk->pushed > SHOWN) {
        push(walk, OTHER, 0);
        return;
    }
    struct value module = walk->recent[walk->pushed - 2], name = walk->recent[walk->pushed - 1];
    walk->pushed -= 2;
    push_global(walk, module.kind == TEXT && module.number == hash_text("torch") && name.kind == TEXT,
                name.number);
}

/* ---- Opcodes ------------------------------------------------------------------------------------- */

static const uint8_t *take(struct walk *walk, uint64_t size) {
    if (size > walk->end - walk->at || size > WASINN__READER_WINDOW)
        return NULL;
    const uint8_t *bytes = wasinn__reader_at(walk->reader, walk->at, (size_t)size);
    walk->at += size;
    return bytes;
}

static const uint8_t *take_line(struct walk *walk, size_t *length) {
    uint64_t left = walk->end - walk->at;
    size_t size = left < MOST_LINE ? (size_t)left : MOST_LINE;
    const uint8_t *bytes = wasinn__reader_at(walk->reader, walk->at, size);
    const uint8_t *end = bytes ? memchr(bytes, '\n', size) : NULL;
    if (!end)
        return NULL;
    *length = (size_t)(end - bytes);
    walk->at += *length + 1;
    return bytes;
}

/* An opcode whose argument is `size` bytes that say how many follow. */
static bool take_counted(struct walk *walk, size_t size, bool is_text) {
    const uint8_t *bytes = take(walk, size);
    uint64_t length = !bytes ? 0 : size == 1 ? bytes[0] : size == 4 ? wasinn__u32(bytes) : wasinn__u64(bytes);
    if (!bytes || length > walk->end - walk->at)
        return false;
    if (is_text && length <= 256) {
        bytes = take(walk, length);
        if (bytes)
            push(walk, TEXT, hash(bytes, (size_t)length));
        return bytes;
    }
    walk->at += length;
    push(walk, OTHER, 0);
    return true;
}

static bool take_number(struct walk *walk, size_t size) {
    const uint8_t *bytes = take(walk, size);
    if (!bytes)
        return false;
    int64_t number = size == 1 ? bytes[0] : size == 2 ? wasinn__u16(bytes) : (int32_t)wasinn__u32(bytes);
    push(walk, number < 0 ? OTHER : NUMBER, (uint64_t)number);
    return true;
}

static bool take_long(struct walk *walk) {
    const uint8_t *bytes = take(walk, 1);
    uint8_t size = bytes ? bytes[0] : 0;
    uint64_t number = 0;
    if (!bytes || !(bytes = take(walk, size)))
        return false;
    for (uint8_t i = 0; i < size && i < 8; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    bool fits = size <= 8 && (number >> 63) == 0;
    push(walk, fits ? NUMBER : OTHER, number);
    return true;
}

static bool take_global(struct walk *walk) {
    size_t length;
    const uint8_t *line = take_line(walk, &length);
    bool is_torch = line && length == 5 && memcmp(line, "torch", 5) == 0;
    if (!line || !(line = take_line(walk, &length)))
        return false;
    push_global(walk, is_torch, hash(line, length));
    return true;
}

/* The opcodes that put a value into the memo, or take it out; protocol 4 numbers them itself. */
static bool step_memo(struct walk *walk, uint8_t opcode) {
    bool is_long = opcode == 'r' || opcode == 'j';
    const uint8_t *bytes = opcode == 0x94 ? NULL : take(walk, is_long ? 4 : 1);
    if (opcode == 0x94) {
        put(walk, walk->memoized++);
        return true;
    }
    if (!bytes)
        return false;
    uint32_t index = is_long ? wasinn__u32(bytes) : bytes[0];
    if (opcode == 'q' || opcode == 'r')
        put(walk, index);
    else
        get(walk, index);
    return true;
}

/* Opcodes without meaning here: how many bytes follow, -1 a line, -2 two lines, -3 no such opcode. */
static int argument(uint8_t opcode) {
    if (memchr("(012NQRabdelostu)]}", opcode, 19) || (opcode >= 0x85 && opcode <= 0x89) ||
        (opcode >= 0x8f && opcode <= 0x92) || opcode == 0x81 || opcode == 0x97 || opcode == 0x98)
        return 0;
    if (opcode && memchr("FILSVPgp", opcode, 8))
        return -1;
    switch (opcode) {
    case 0x80:
    case 0x82:
        return 1;
    case 0x83:
        return 2;
    case 0x84:
        return 4;
    case 'G':
    case 0x95:
        return 8;
    case 'i':
        return -2;
    }
    return -3;
}

static bool step_other(struct walk *walk, uint8_t opcode) {
    int size = argument(opcode);
    size_t length;
    if (size == -3 || (size > 0 && !take(walk, (uint64_t)size)))
        return false;
    for (; size < 0; size++) {
        if (!take_line(walk, &length))
            return false;
    }
    if (opcode == 't')
        walk->tuple = walk->pushed;
    else if (opcode == '(')
        walk->pushed = 0;
    else if (opcode != 0x80 && opcode != 0x95)
        push(walk, OTHER, 0);
    return true;
}

static bool step(struct walk *walk, uint8_t opcode) {
    if (memchr("qrhj", opcode, 4) || opcode == 0x94)
        return step_memo(walk, opcode);
    if (opcode == 'Q')
        refer(walk);
    walk->tuple = 0;
    switch (opcode) {
    case 'c':
        return take_global(walk);
    case 'K':
        return take_number(walk, 1);
    case 'M':
        return take_number(walk, 2);
    case 'J':
        return take_number(walk, 4);
    case 'U':
    case 0x8c:
        return take_counted(walk, 1, true);
    case 'T':
    case 'X':
        return take_counted(walk, 4, true);
    case 0x8d:
        return take_counted(walk, 8, true);
    case 'C':
        return take_counted(walk, 1, false);
    case 'B':
    case 0x8b:
        return take_counted(walk, 4, false);
    case 0x8e:
    case 0x96:
        return take_counted(walk, 8, false);
    case 0x8a:
        return take_long(walk);
    case 0x93:
        push_stacked_global(walk);
        return true;
    }
    return step_other(walk, opcode);
}

bool wasinn__pickle_walk(struct wasinn__reader *reader, uint64_t *at, uint64_t end,
                         struct wasinn__storages *storages) {
    struct walk walk = {.reader = reader, .at = *at, .end = end, .storages = storages};
    bool done = false;
    for (int opcodes = 0; opcodes < MOST_OPCODES; opcodes++) {
        const uint8_t *bytes = take(&walk, 1);
        /* Each begins with its protocol, and has a value when it stops. */
        if (!bytes || (opcodes == 0 && *bytes != 0x80))
            break;
        if (*bytes == '.') {
            done = opcodes >= 2;
            break;
        }
        if (!step(&walk, *bytes))
            break;
    }
    free(walk.memo);
    if (done)
        *at = walk.at;
    return done;
}
