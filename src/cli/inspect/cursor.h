/* Reading WebAssembly's numbers and names one after the other. After the first failure everything reads as 0,
 * and the problem stays. */
#ifndef WASINN_CLI_INSPECT_CURSOR_H
#define WASINN_CLI_INSPECT_CURSOR_H

#include "guest.h"

/* More than Wasmtime takes, or any compiler writes. */
enum { WASINN__MOST_TYPES = 1000000, WASINN__MOST_SECTIONS = 100000 };

struct wasinn__cursor {
    struct wasinn__reader *reader;
    uint64_t at, end;
    char *problem; /* WASINN__FILE_PROBLEM bytes; "" as long as nothing failed */
    uint32_t sections;
    bool unread; /* the problem is that this is not looked into, and not that it is wrong */
};

__attribute__((format(printf, 2, 3))) void wasinn__cursor_fail(struct wasinn__cursor *cursor,
                                                               const char *format, ...);
/* The same for what may be right, but is not looked into. */
void wasinn__cursor_leave(struct wasinn__cursor *cursor, const char *what);
bool wasinn__cursor_failed(const struct wasinn__cursor *cursor);
uint8_t wasinn__cursor_byte(struct wasinn__cursor *cursor);
/* LEB128 of at most `bits` bits. */
uint64_t wasinn__cursor_number(struct wasinn__cursor *cursor, unsigned bits);
/* A count of things that take at least one byte each: never more than there are bytes. */
uint32_t wasinn__cursor_count(struct wasinn__cursor *cursor, const char *what);
/* A name, into WASINN__GUEST_NAME bytes; what does not fit is passed over. */
void wasinn__cursor_name(struct wasinn__cursor *cursor, char *name);
/* The next section: its number, and a cursor on its content. False: there is none, or the cursor failed. */
bool wasinn__cursor_section(struct wasinn__cursor *cursor, uint8_t *number, struct wasinn__cursor *content);

/* A component, behind its first eight bytes. */
void wasinn__read_component(struct wasinn__cursor *cursor, struct wasinn__guest_facts *facts);

#endif
