/* The tags of an XML document, one after the other: what OpenVINO's IR needs of XML. Comments, instructions
 * and CDATA are passed over; document types are refused, and with them entities of the document's own. */
#ifndef WASINN_CLI_INSPECT_XML_H
#define WASINN_CLI_INSPECT_XML_H

#include "reader.h"

enum { WASINN__XML_DEEPEST = 1000 };

enum wasinn__xml_event { WASINN__XML_OPEN, WASINN__XML_CLOSE, WASINN__XML_END, WASINN__XML_FAILED };

struct wasinn__xml {
    struct wasinn__reader *reader;
    char *problem; /* WASINN__FILE_PROBLEM bytes */
    uint64_t at;   /* where to go on */
    uint64_t start;
    const char *tag; /* from < to >, until the next call that reads */
    size_t size;
    uint32_t names[WASINN__XML_DEEPEST + 1]; /* hashes of those of the tags that are open */
    bool ended;                              /* the outermost tag is closed */
    int depth;                               /* tags that are open, this one counted: the outermost has 1 */
    bool empty;                              /* the tag that was opened is closed at once */
};

/* False: this does not begin as XML does, and `problem` is "". */
bool wasinn__xml_begin(struct wasinn__xml *xml, struct wasinn__reader *reader, char *problem);

/* CLOSE comes for each OPEN; then the depth no longer counts the tag. */
enum wasinn__xml_event wasinn__xml_next(struct wasinn__xml *xml);

/* Of the tag that was opened last. */
bool wasinn__xml_is(const struct wasinn__xml *xml, const char *name);
/* False: there is no such attribute, or its value does not fit. */
bool wasinn__xml_attribute(const struct wasinn__xml *xml, const char *name, char *value, size_t capacity);
/* What stands between the tag and the next one, cut to fit. */
void wasinn__xml_text(struct wasinn__xml *xml, char *text, size_t capacity);

/* Says what is wrong, and at which byte the tag begins; returns false. */
__attribute__((format(printf, 2, 3))) bool wasinn__xml_refuse(struct wasinn__xml *xml, const char *format,
                                                              ...);

#endif
