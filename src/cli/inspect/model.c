#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOST_HELD = 16 << 20, /* bytes of ports' texts, with what an allocation costs */
    ALLOCATION = 32,
    MOST_NOTE = 2048
};

/* ---- Ports --------------------------------------------------------------------------------------- */

void wasinn__port_init(struct wasinn__model_port *port) {
    memset(port, 0, sizeof *port);
    port->type = WASINN_TYPE_OTHER;
    port->type_text = "unknown";
    port->rank = WASINN_DYNAMIC_RANK;
}

void wasinn__port_clear(struct wasinn__model_port *port) {
    free(port->name);
    for (size_t i = 0; i < WASINN_MAX_RANK; i++)
        free(port->dim_names[i]);
    memset(port, 0, sizeof *port);
}

bool wasinn__port_add_dim(struct wasinn__model_port *port, int64_t size, char *name) {
    bool fits = port->rank < WASINN_MAX_RANK, was_open = port->rank == WASINN_DYNAMIC_RANK;
    if (!fits || size >= 0 || !name || !name[0]) {
        free(name);
        name = NULL;
    }
    if (!fits) {
        port->rank = WASINN_DYNAMIC_RANK;
        return was_open;
    }
    /* A file may give a port several shapes. */
    free(port->dim_names[port->rank]);
    port->dim_names[port->rank] = name;
    port->dims[port->rank++] = size < 0 ? -1 : size;
    return true;
}

static bool copy_text(struct wasinn__model_facts *facts, const char *text, char **copy) {
    if (!text)
        return true;
    size_t size = strlen(text) + 1;
    if (size + ALLOCATION > MOST_HELD - facts->held)
        return false;
    *copy = malloc(size);
    if (!*copy)
        return false;
    memcpy(*copy, text, size);
    facts->held += size + ALLOCATION;
    return true;
}

/* Ports grow by doubling: the counts at which there is no room are the powers of 2. */
static bool has_room(struct wasinn__model_facts *facts, wasinn_direction direction) {
    size_t count = facts->port_counts[direction];
    if (facts->port_counts[0] + facts->port_counts[1] >= WASINN__MODEL_PORTS)
        return false;
    if (count & (count - 1))
        return true;
    struct wasinn__model_port *larger =
        realloc(facts->ports[direction], (count ? 2 * count : 1) * sizeof *larger);
    if (!larger)
        return false;
    facts->ports[direction] = larger;
    return true;
}

bool wasinn__facts_add_port(struct wasinn__model_facts *facts, wasinn_direction direction,
                            const struct wasinn__model_port *port) {
    struct wasinn__model_port copy = *port;
    if (!has_room(facts, direction))
        return false;
    copy.name = NULL;
    memset(copy.dim_names, 0, sizeof copy.dim_names);
    bool done = copy_text(facts, port->name ? port->name : "", &copy.name);
    for (uint32_t i = 0; done && port->rank != WASINN_DYNAMIC_RANK && i < port->rank; i++)
        done = port->dims[i] >= 0 || copy_text(facts, port->dim_names[i], &copy.dim_names[i]);
    if (!done) {
        wasinn__port_clear(&copy);
        return false;
    }
    facts->ports[direction][facts->port_counts[direction]++] = copy;
    return true;
}

/* ---- Facts --------------------------------------------------------------------------------------- */

void wasinn__model_facts_free(struct wasinn__model_facts *facts) {
    for (int direction = 0; direction < 2; direction++) {
        for (size_t i = 0; i < facts->port_counts[direction]; i++)
            wasinn__port_clear(&facts->ports[direction][i]);
        free(facts->ports[direction]);
    }
    free(facts->name);
    free(facts->producer);
    free(facts->note);
    memset(facts, 0, sizeof *facts);
}

bool wasinn__facts_note(struct wasinn__model_facts *facts, const char *format, ...) {
    char *note = malloc(MOST_NOTE);
    if (!note)
        return false;
    size_t length = 0;
    if (facts->note)
        length = (size_t)snprintf(note, MOST_NOTE, "%s; ", facts->note);
    if (length < MOST_NOTE) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(note + length, MOST_NOTE - length, format, arguments);
        va_end(arguments);
    }
    free(facts->note);
    facts->note = note;
    return true;
}

bool wasinn__facts_note_rank(struct wasinn__model_facts *facts, const struct wasinn__model_port *port) {
    return wasinn__facts_note(facts, "%s has more than %d dimensions", port->name ? port->name : "a port",
                              WASINN_MAX_RANK);
}

bool wasinn__facts_count(struct wasinn__model_facts *facts, size_t rank, const int64_t *dims) {
    uint64_t elements = 1;
    for (size_t i = 0; i < rank; i++)
        if (dims[i] == 0)
            elements = 0;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0 || __builtin_mul_overflow(elements, (uint64_t)dims[i], &elements))
            return false;
    }
    return elements <= INT64_MAX &&
           !__builtin_add_overflow(facts->parameters, elements, &facts->parameters) &&
           facts->parameters <= INT64_MAX;
}

/* ---- Problems and texts -------------------------------------------------------------------------- */

bool wasinn__malformed(struct wasinn__reader *reader, char *problem, uint64_t offset, const char *format,
                       ...) {
    const char *unread = wasinn__reader_problem(reader);
    if (problem[0])
        return false;
    if (unread) {
        snprintf(problem, WASINN__FILE_PROBLEM, "%s", unread);
        return false;
    }
    va_list arguments;
    int length = snprintf(problem, WASINN__FILE_PROBLEM, "at byte %llu: ", (unsigned long long)offset);
    va_start(arguments, format);
    vsnprintf(problem + length, (size_t)(WASINN__FILE_PROBLEM - length), format, arguments);
    va_end(arguments);
    return false;
}

/* The length of the UTF-8 sequence that begins here; 0: none does. */
static size_t sequence(const uint8_t *bytes, size_t size) {
    uint8_t lead = bytes[0];
    size_t length = lead < 0x80   ? 1
                    : lead < 0xc2 ? 0
                    : lead < 0xe0 ? 2
                    : lead < 0xf0 ? 3
                    : lead < 0xf5 ? 4
                                  : 0;
    if (length == 0 || length > size || lead == 0)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong ones, surrogates, and beyond U+10FFFF. */
    if ((lead == 0xe0 && bytes[1] < 0xa0) || (lead == 0xed && bytes[1] > 0x9f) ||
        (lead == 0xf0 && bytes[1] < 0x90) || (lead == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return length;
}

bool wasinn__model_text_into(struct wasinn__reader *reader, uint64_t offset, uint64_t size,
                             char text[WASINN__MODEL_NAME + 1]) {
    const uint8_t *bytes =
        size <= WASINN__MODEL_NAME ? wasinn__reader_at(reader, offset, (size_t)size) : NULL;
    if (!bytes)
        return false;
    for (size_t i = 0; i < size;) {
        size_t length = sequence(bytes + i, (size_t)size - i);
        if (length == 0)
            text[i] = '?';
        else
            memcpy(text + i, bytes + i, length);
        i += length ? length : 1;
    }
    text[size] = '\0';
    return true;
}

char *wasinn__model_text(struct wasinn__reader *reader, char *problem, uint64_t offset, uint64_t size,
                         const char *what) {
    char text[WASINN__MODEL_NAME + 1];
    if (!wasinn__model_text_into(reader, offset, size, text)) {
        wasinn__malformed(reader, problem, offset, "%s of %llu bytes; expected at most %d, within the file",
                          what, (unsigned long long)size, WASINN__MODEL_NAME);
        return NULL;
    }
    char *copy = malloc((size_t)size + 1);
    if (copy)
        memcpy(copy, text, (size_t)size + 1);
    else
        wasinn__malformed(reader, problem, offset, "no memory for %s", what);
    return copy;
}
