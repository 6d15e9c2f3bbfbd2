/* Which interfaces and functions a component imports. Of its types only those are read that say so:
 * instances. The numbers are of the component model's Binary.md. */
#include <stdlib.h>
#include <string.h>

#include "cursor.h"

enum { SECTION_ALIAS = 6, SECTION_TYPE = 7, SECTION_IMPORT = 10, SECTION_EXPORT = 11 };
enum { SORT_MODULE = 0, SORT_FUNCTION, SORT_VALUE, SORT_TYPE, SORT_COMPONENT, SORT_INSTANCE };

/* How deep types lie within types; nobody writes more, and each level is one of our own calls. */
enum { DEEPEST = 32 };

/* Bytes of the names of an interface's functions. */
enum { MOST_NAMES = 1 << 20 };

/* The functions of an instance type, as names with a NUL behind each, one NUL more at the end. */
struct instance {
    char *names;
    size_t size;
};

struct component {
    struct wasinn__guest_facts *facts;
    struct instance *types; /* by index; of a type that is not an instance, empty */
    size_t type_count;
    size_t held; /* bytes of names that were copied */
    bool lost;   /* the numbers of types are not known from here on */
};

/* ---- Types, passed over -------------------------------------------------------------------------- */

static void skip_type(struct wasinn__cursor *cursor, struct instance *instance, int depth);

static void skip_names(struct wasinn__cursor *cursor) {
    char name[WASINN__GUEST_NAME];
    uint32_t count = wasinn__cursor_count(cursor, "labels");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++)
        wasinn__cursor_name(cursor, name);
}

/* A primitive type or the number of one; both are one signed number. */
static void skip_value(struct wasinn__cursor *cursor) {
    wasinn__cursor_number(cursor, 64);
}

static void skip_optional(struct wasinn__cursor *cursor) {
    if (wasinn__cursor_byte(cursor))
        skip_value(cursor);
}

static void skip_labelled(struct wasinn__cursor *cursor, bool is_variant) {
    char name[WASINN__GUEST_NAME];
    uint32_t count = wasinn__cursor_count(cursor, "fields");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
        wasinn__cursor_name(cursor, name);
        if (!is_variant) {
            skip_value(cursor);
        } else {
            skip_optional(cursor);
            skip_optional(cursor); /* what it once refined */
        }
    }
}

static void skip_function(struct wasinn__cursor *cursor) {
    skip_labelled(cursor, false);
    if (wasinn__cursor_byte(cursor) == 0)
        skip_value(cursor);
    else
        skip_labelled(cursor, false);
}

/* What an import or export is; the number of its type where that is an instance or another type, else -1. */
static int64_t read_description(struct wasinn__cursor *cursor, uint8_t *sort) {
    uint64_t type = 0;
    *sort = wasinn__cursor_byte(cursor);
    switch (*sort) {
    case SORT_MODULE:
        wasinn__cursor_byte(cursor);
        wasinn__cursor_number(cursor, 32);
        return -1;
    case SORT_VALUE:
    case SORT_TYPE:
        if (wasinn__cursor_byte(cursor) != 0 && *sort == SORT_TYPE)
            return -1;
        type = wasinn__cursor_number(cursor, 64);
        return *sort == SORT_TYPE && type < WASINN__MOST_TYPES ? (int64_t)type : -1;
    case SORT_FUNCTION:
    case SORT_COMPONENT:
    case SORT_INSTANCE:
        type = wasinn__cursor_number(cursor, 32);
        return *sort == SORT_INSTANCE ? (int64_t)type : -1;
    default:
        wasinn__cursor_fail(cursor, "0x%02x is not a sort of imports", *sort);
        return -1;
    }
}

static void read_extern_name(struct wasinn__cursor *cursor, char *name) {
    char version[WASINN__GUEST_NAME];
    uint8_t form = wasinn__cursor_byte(cursor);
    wasinn__cursor_name(cursor, name);
    if (form == 2)
        wasinn__cursor_name(cursor, version);
    else if (form > 2)
        wasinn__cursor_fail(cursor, "0x%02x does not begin the name of an import", form);
}

static void skip_alias(struct wasinn__cursor *cursor) {
    char name[WASINN__GUEST_NAME];
    if (wasinn__cursor_byte(cursor) == 0)
        wasinn__cursor_byte(cursor); /* a core sort has a second byte */
    uint8_t target = wasinn__cursor_byte(cursor);
    wasinn__cursor_number(cursor, 32);
    if (target == 2)
        wasinn__cursor_number(cursor, 32);
    else
        wasinn__cursor_name(cursor, name);
}

static bool add_name(struct instance *instance, const char *name) {
    size_t length = strlen(name) + 1;
    if (instance->size + length > MOST_NAMES)
        return false;
    char *larger = realloc(instance->names, instance->size + length + 1);
    if (!larger)
        return false;
    memcpy(larger + instance->size, name, length);
    instance->names = larger;
    instance->size += length;
    larger[instance->size] = '\0';
    return true;
}

/* What instance types and component types declare; the functions that an instance exports are noted. */
static void read_declaration(struct wasinn__cursor *cursor, struct instance *instance, int depth) {
    char name[WASINN__GUEST_NAME];
    uint8_t sort, kind = wasinn__cursor_byte(cursor);
    switch (kind) {
    case 1:
        skip_type(cursor, NULL, depth + 1);
        break;
    case 2:
        skip_alias(cursor);
        break;
    case 3:
    case 4:
        read_extern_name(cursor, name);
        read_description(cursor, &sort);
        if (kind == 4 && instance && sort == SORT_FUNCTION && !add_name(instance, name))
            wasinn__cursor_fail(cursor, "more functions than any interface has, or no memory");
        break;
    default: /* core types among them, which the interfaces of WASI do not have */
        wasinn__cursor_leave(cursor, "a declaration of another kind");
    }
}

static void read_declarations(struct wasinn__cursor *cursor, struct instance *instance, int depth) {
    uint32_t count = wasinn__cursor_count(cursor, "declarations");
    if (depth > DEEPEST)
        wasinn__cursor_fail(cursor, "types within types, more than %d", DEEPEST);
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++)
        read_declaration(cursor, instance, depth);
}

static void skip_several(struct wasinn__cursor *cursor) {
    uint32_t count = wasinn__cursor_count(cursor, "types");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++)
        skip_value(cursor);
}

static void skip_type(struct wasinn__cursor *cursor, struct instance *instance, int depth) {
    uint8_t form = wasinn__cursor_byte(cursor);
    switch (form) {
    case 0x42:
        read_declarations(cursor, instance, depth);
        break;
    case 0x41:
        read_declarations(cursor, NULL, depth);
        break;
    case 0x40:
    case 0x43: /* async */
        skip_function(cursor);
        break;
    case 0x3F: /* a resource: its representation, its destructor */
        wasinn__cursor_byte(cursor);
        skip_optional(cursor);
        break;
    case 0x72:
        skip_labelled(cursor, false);
        break;
    case 0x71:
        skip_labelled(cursor, true);
        break;
    case 0x6F:
        skip_several(cursor);
        break;
    case 0x6E:
    case 0x6D:
        skip_names(cursor);
        break;
    case 0x70:
    case 0x6B:
    case 0x69:
    case 0x68:
        skip_value(cursor);
        break;
    case 0x67: /* a list of fixed length */
        skip_value(cursor);
        wasinn__cursor_number(cursor, 32);
        break;
    case 0x6A:
        skip_optional(cursor);
        skip_optional(cursor);
        break;
    case 0x66:
    case 0x65:
        skip_optional(cursor);
        break;
    default:
        if (form < 0x64 || form > 0x7F)
            wasinn__cursor_fail(cursor, "0x%02x is not a form of types", form);
    }
}

/* ---- Sections ------------------------------------------------------------------------------------ */

static bool add_type(struct component *component) {
    size_t count = component->type_count;
    if (count == WASINN__MOST_TYPES)
        return false;
    if ((count & (count - 1)) == 0) {
        struct instance *larger = realloc(component->types, (count ? 2 * count : 1) * sizeof *larger);
        if (!larger)
            return false;
        component->types = larger;
    }
    component->types[component->type_count++] = (struct instance){0};
    return true;
}

/* One that is another by a new name. */
static void add_copy(struct wasinn__cursor *cursor, struct component *component, uint64_t of) {
    if (!add_type(component)) {
        wasinn__cursor_leave(cursor, "more types than are looked into, or no memory");
        return;
    }
    struct instance *copy = &component->types[component->type_count - 1];
    if (of + 1 >= component->type_count || !component->types[of].names)
        return;
    const struct instance *original = &component->types[of];
    component->held += original->size;
    copy->names = component->held <= WASINN__GUEST_NAMES ? malloc(original->size + 1) : NULL;
    if (!copy->names) {
        wasinn__cursor_leave(cursor, "longer names than are looked into, or no memory");
        return;
    }
    memcpy(copy->names, original->names, original->size + 1);
    copy->size = original->size;
}

static void read_types(struct wasinn__cursor *cursor, struct component *component) {
    uint32_t count = wasinn__cursor_count(cursor, "types");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
        if (add_type(component))
            skip_type(cursor, &component->types[component->type_count - 1], 0);
        else
            wasinn__cursor_fail(cursor, "more than %d types, or no memory", WASINN__MOST_TYPES);
        if (cursor->unread) {
            cursor->problem[0] = '\0';
            component->lost = true;
            return;
        }
    }
}

static void read_import(struct wasinn__cursor *cursor, struct component *component) {
    static const char *const kinds[] = {"module", "function", "value", "type", "component", "interface"};
    char module[WASINN__GUEST_NAME], empty[] = "";
    struct wasinn__guest_import import = {.module = module, .name = empty};
    uint8_t sort;
    read_extern_name(cursor, module);
    int64_t type = read_description(cursor, &sort);
    if (wasinn__cursor_failed(cursor))
        return;
    import.kind = kinds[sort];
    /* An imported type has a number of its own. */
    if (sort == SORT_TYPE)
        add_copy(cursor, component, type < 0 ? UINT32_MAX : (uint64_t)type);
    bool known =
        sort == SORT_INSTANCE && type >= 0 && (uint64_t)type < component->type_count && !component->lost;
    const struct instance *instance = known ? &component->types[type] : NULL;
    bool added = true;
    if (instance && instance->names) {
        import.kind = "function";
        for (char *name = instance->names; added && *name; name += strlen(name) + 1) {
            import.name = name;
            added = wasinn__guest_add_import(component->facts, &import);
        }
    } else {
        added = wasinn__guest_add_import(component->facts, &import);
    }
    if (!added)
        wasinn__cursor_leave(cursor, "more imports, or longer names, than are looked into");
}

/* Exports have numbers among what they export. */
static void read_exports(struct wasinn__cursor *cursor, struct component *component) {
    char name[WASINN__GUEST_NAME];
    uint32_t count = wasinn__cursor_count(cursor, "exports");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
        uint8_t sort;
        read_extern_name(cursor, name);
        uint8_t exported = wasinn__cursor_byte(cursor);
        if (exported == 0)
            wasinn__cursor_byte(cursor); /* a core sort has a second byte */
        uint64_t index = wasinn__cursor_number(cursor, 32);
        if (wasinn__cursor_byte(cursor))
            read_description(cursor, &sort);
        if (exported == SORT_TYPE)
            add_copy(cursor, component, index);
    }
}

/* Aliases make types too: those of sort 3 count. */
static void read_aliases(struct wasinn__cursor *cursor, struct component *component) {
    uint32_t count = wasinn__cursor_count(cursor, "aliases");
    for (uint32_t i = 0; i < count && !wasinn__cursor_failed(cursor); i++) {
        const uint8_t *sort = wasinn__reader_at(cursor->reader, cursor->at, 1);
        bool is_type = sort && *sort == SORT_TYPE;
        skip_alias(cursor);
        if (is_type && !add_type(component))
            wasinn__cursor_fail(cursor, "no memory");
    }
}

void wasinn__read_component(struct wasinn__cursor *cursor, struct wasinn__guest_facts *facts) {
    struct component component = {.facts = facts};
    struct wasinn__cursor content;
    uint8_t number;
    while (wasinn__cursor_section(cursor, &number, &content)) {
        if (number == SECTION_TYPE)
            read_types(&content, &component);
        if (number == SECTION_ALIAS)
            read_aliases(&content, &component);
        if (number == SECTION_EXPORT)
            read_exports(&content, &component);
        uint32_t count = number == SECTION_IMPORT ? wasinn__cursor_count(&content, "imports") : 0;
        for (uint32_t i = 0; i < count && !wasinn__cursor_failed(&content); i++)
            read_import(&content, &component);
    }
    for (size_t i = 0; i < component.type_count; i++)
        free(component.types[i].names);
    free(component.types);
}
