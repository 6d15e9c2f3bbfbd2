#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cursor.h"

enum { SECTION_TYPE = 1, SECTION_IMPORT = 2, SECTION_FUNCTION = 3, SECTION_MEMORY = 5, SECTION_EXPORT = 7 };
enum { FUNCTION = 0, TABLE, MEMORY, GLOBAL, TAG };

/* A signature as an import's `function`; longer ones are cut, which no function of a known host is. */
enum { SIGNATURE = 48 };

struct memory {
    bool is_64, is_shared;
};

struct module {
    struct wasinn__guest_facts *facts;
    char (*types)[SIGNATURE];
    uint32_t type_count;
    uint32_t *functions; /* their types, imported ones first */
    uint32_t function_count;
    struct memory memories[16]; /* imported ones first; further ones are of no interest */
    uint32_t memory_count;
};

static bool copy_text(const char *text, char **copy) {
    *copy = text ? strdup(text) : NULL;
    return !text || *copy;
}

bool wasinn__guest_add_import(struct wasinn__guest_facts *facts, const struct wasinn__guest_import *import) {
    size_t count = facts->import_count;
    facts->held += strlen(import->module) + strlen(import->name);
    if (count == WASINN__GUEST_IMPORTS || facts->held > WASINN__GUEST_NAMES)
        return false;
    if ((count & (count - 1)) == 0) {
        struct wasinn__guest_import *larger =
            realloc(facts->imports, (count ? 2 * count : 1) * sizeof *larger);
        if (!larger)
            return false;
        facts->imports = larger;
    }
    struct wasinn__guest_import *added = &facts->imports[facts->import_count++];
    bool copied = copy_text(import->module, &added->module);
    copied = copy_text(import->name, &added->name) && copied;
    copied = copy_text(import->function, &added->function) && copied;
    added->kind = import->kind;
    return copied;
}

void wasinn__guest_facts_free(struct wasinn__guest_facts *facts) {
    for (size_t i = 0; i < facts->import_count; i++) {
        free(facts->imports[i].module);
        free(facts->imports[i].name);
        free(facts->imports[i].function);
    }
    free(facts->imports);
    *facts = (struct wasinn__guest_facts){0};
}

/* ---- Types --------------------------------------------------------------------------------------- */

static char read_value_type(struct wasinn__cursor *cursor) {
    uint8_t byte = wasinn__cursor_byte(cursor);
    if (byte == 0x63 || byte == 0x64) { /* (ref null? heap type) */
        uint8_t next = wasinn__cursor_byte(cursor);
        while (next & 0x80 && !wasinn__cursor_failed(cursor))
            next = wasinn__cursor_byte(cursor);
        return 'r';
    }
    switch (byte) {
    case 0x7F:
        return 'i';
    case 0x7E:
        return 'I';
    case 0x7D:
        return 'f';
    case 0x7C:
        return 'F';
    case 0x7B:
        return 'v';
    case 0x78: /* packed, in a field */
    case 0x77:
        return 'i';
    default:
        if (byte < 0x69 || byte > 0x74)
            wasinn__cursor_fail(cursor, "0x%02x is not a type of values", byte);
        return 'r';
    }
}

static void read_function_type(struct wasinn__cursor *cursor, char signature[SIGNATURE]) {
    size_t used = 0;
    signature[used++] = '(';
    for (int results = 0; results < 2; results++) {
        uint32_t count = wasinn__cursor_count(cursor, "parameters or results");
        for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
            char type = read_value_type(cursor);
            if (used < SIGNATURE - 3)
                signature[used++] = type;
        }
        if (!results)
            signature[used++] = ')';
    }
    signature[used] = '\0';
}

static void read_field(struct wasinn__cursor *cursor) {
    read_value_type(cursor);
    wasinn__cursor_byte(cursor);
}

static void read_one_type(struct wasinn__cursor *cursor, char signature[SIGNATURE]) {
    uint8_t form = wasinn__cursor_byte(cursor);
    signature[0] = '\0';
    if (form == 0x50 || form == 0x4F) { /* with supertypes */
        uint32_t count = wasinn__cursor_count(cursor, "supertypes");
        for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++)
            wasinn__cursor_number(cursor, 32);
        form = wasinn__cursor_byte(cursor);
    }
    if (form == 0x60) {
        read_function_type(cursor, signature);
    } else if (form == 0x5E) {
        read_field(cursor);
    } else if (form == 0x5F) {
        uint32_t count = wasinn__cursor_count(cursor, "fields");
        for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++)
            read_field(cursor);
    } else {
        wasinn__cursor_fail(cursor, "0x%02x is not a form of types", form);
    }
}

static bool more_types(struct wasinn__cursor *cursor, struct module *module, uint32_t count) {
    if (count > WASINN__MOST_TYPES - module->type_count)
        wasinn__cursor_fail(cursor, "more than %d types", WASINN__MOST_TYPES);
    if (count == 0 || wasinn__cursor_failed(cursor))
        return false;
    char (*larger)[SIGNATURE] = realloc(module->types, ((size_t)module->type_count + count) * sizeof *larger);
    if (!larger) {
        wasinn__cursor_fail(cursor, "no memory for %u types", count);
        return false;
    }
    module->types = larger;
    return true;
}

static void read_types(struct wasinn__cursor *cursor, struct module *module) {
    uint32_t count = wasinn__cursor_count(cursor, "types");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
        uint32_t group = 1;
        const uint8_t *form = wasinn__reader_at(cursor->reader, cursor->at, 1);
        if (form && *form == 0x4E) {
            wasinn__cursor_byte(cursor);
            group = wasinn__cursor_count(cursor, "types of a group");
        }
        if (!more_types(cursor, module, group))
            continue;
        for (uint32_t k = 0; k < group && !wasinn__cursor_failed(cursor); k++)
            read_one_type(cursor, module->types[module->type_count++]);
    }
}

/* ---- Imports and exports ------------------------------------------------------------------------- */

static struct memory read_limits(struct wasinn__cursor *cursor) {
    uint8_t flags = wasinn__cursor_byte(cursor);
    wasinn__cursor_number(cursor, 64);
    if (flags & 1)
        wasinn__cursor_number(cursor, 64);
    if (flags & 8)
        wasinn__cursor_number(cursor, 32);
    if (flags > 15)
        wasinn__cursor_fail(cursor, "0x%02x are not the flags of a memory or table", flags);
    return (struct memory){flags & 4, flags & 2};
}

static void add_function(struct wasinn__cursor *cursor, struct module *module, uint32_t type) {
    uint32_t count = module->function_count;
    if (count == WASINN__MOST_TYPES) {
        wasinn__cursor_fail(cursor, "more than %d functions", WASINN__MOST_TYPES);
        return;
    }
    if ((count & (count - 1)) == 0) {
        uint32_t *larger = realloc(module->functions, (count ? 2 * (size_t)count : 1) * sizeof *larger);
        if (!larger) {
            wasinn__cursor_fail(cursor, "no memory");
            return;
        }
        module->functions = larger;
    }
    module->functions[module->function_count++] = type;
}

static bool takes_and_gives_nothing(const struct module *module, uint64_t function) {
    uint32_t type = function < module->function_count ? module->functions[function] : UINT32_MAX;
    return type < module->type_count && strcmp(module->types[type], "()") == 0;
}

static void add_memory(struct module *module, struct memory memory) {
    if (module->memory_count < sizeof module->memories / sizeof *module->memories)
        module->memories[module->memory_count++] = memory;
}

static void read_import(struct wasinn__cursor *cursor, struct module *module) {
    static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
    char module_name[WASINN__GUEST_NAME], name[WASINN__GUEST_NAME];
    struct wasinn__guest_import import = {.module = module_name, .name = name};
    wasinn__cursor_name(cursor, module_name);
    wasinn__cursor_name(cursor, name);
    uint8_t kind = wasinn__cursor_byte(cursor);
    if (kind > TAG)
        wasinn__cursor_fail(cursor, "0x%02x is not a kind of imports", kind);
    if (wasinn__cursor_failed(cursor) || kind > TAG)
        return;
    import.kind = kinds[kind];
    if (kind == FUNCTION) {
        uint64_t type = wasinn__cursor_number(cursor, 32);
        if (type >= module->type_count)
            wasinn__cursor_fail(cursor, "a function of type %llu, of which there are %u",
                                (unsigned long long)type, module->type_count);
        else
            import.function = module->types[type];
        add_function(cursor, module, (uint32_t)type);
    } else if (kind == TABLE || kind == GLOBAL) {
        read_value_type(cursor);
        if (kind == TABLE)
            read_limits(cursor);
        else
            wasinn__cursor_byte(cursor);
    } else if (kind == MEMORY) {
        add_memory(module, read_limits(cursor));
    } else {
        wasinn__cursor_byte(cursor);
        wasinn__cursor_number(cursor, 32);
    }
    if (!wasinn__cursor_failed(cursor) && !wasinn__guest_add_import(module->facts, &import))
        wasinn__cursor_leave(cursor, "more imports, or longer names, than are looked into");
}

static void read_export(struct wasinn__cursor *cursor, struct module *module) {
    char name[WASINN__GUEST_NAME];
    wasinn__cursor_name(cursor, name);
    uint8_t kind = wasinn__cursor_byte(cursor);
    uint64_t index = wasinn__cursor_number(cursor, 32);
    if (kind == FUNCTION && strcmp(name, "_start") == 0)
        module->facts->has_start = takes_and_gives_nothing(module, index);
    if (kind == MEMORY && strcmp(name, "memory") == 0) {
        module->facts->exports_memory = true;
        module->facts->memory_64 = index < module->memory_count && module->memories[index].is_64;
        module->facts->memory_shared = index < module->memory_count && module->memories[index].is_shared;
    }
}

static void read_section(struct wasinn__cursor *cursor, uint8_t number, struct module *module) {
    if (number == SECTION_TYPE) {
        read_types(cursor, module);
        return;
    }
    if (number != SECTION_IMPORT && number != SECTION_FUNCTION && number != SECTION_MEMORY &&
        number != SECTION_EXPORT)
        return;
    uint32_t count = wasinn__cursor_count(cursor, "entries");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
        if (number == SECTION_IMPORT)
            read_import(cursor, module);
        else if (number == SECTION_FUNCTION)
            add_function(cursor, module, (uint32_t)wasinn__cursor_number(cursor, 32));
        else if (number == SECTION_MEMORY)
            add_memory(module, read_limits(cursor));
        else
            read_export(cursor, module);
    }
}

static void read_module(struct wasinn__cursor *cursor, struct wasinn__guest_facts *facts) {
    struct module module = {.facts = facts};
    struct wasinn__cursor content;
    uint8_t number;
    while (wasinn__cursor_section(cursor, &number, &content))
        read_section(&content, number, &module);
    free(module.types);
    free(module.functions);
}

bool wasinn__is_wasm(struct wasinn__reader *reader) {
    const uint8_t *magic = wasinn__reader_at(reader, 0, 4);
    return magic && memcmp(magic, "\0asm", 4) == 0;
}

static int compare_imports(const void *a, const void *b) {
    const struct wasinn__guest_import *one = a, *other = b;
    int order = strcmp(one->module, other->module);
    return order ? order : strcmp(one->name, other->name);
}

bool wasinn__read_guest(struct wasinn__reader *reader, struct wasinn__guest_facts *facts, char *problem) {
    struct wasinn__cursor cursor = {
        .reader = reader, .at = 8, .end = wasinn__reader_size(reader), .problem = problem};
    const uint8_t *head = wasinn__reader_at(reader, 0, 8);
    problem[0] = '\0';
    if (!head) {
        snprintf(problem, WASINN__FILE_PROBLEM, "not valid WebAssembly: it ends within its first 8 bytes");
        return false;
    }
    if (memcmp(head + 4, "\1\0\0\0", 4) == 0) {
        read_module(&cursor, facts);
    } else if (memcmp(head + 4, "\x0D\0\1\0", 4) == 0) {
        facts->component = true;
        wasinn__read_component(&cursor, facts);
    } else {
        snprintf(problem, WASINN__FILE_PROBLEM,
                 "WebAssembly of an unknown version; wanted a module of version 1 or a component");
    }
    if (facts->import_count > 1)
        qsort(facts->imports, facts->import_count, sizeof *facts->imports, compare_imports);
    return !wasinn__cursor_failed(&cursor);
}
