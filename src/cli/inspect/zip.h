/* The directory of a ZIP archive. Nothing is unpacked. */
#ifndef WASINN_CLI_INSPECT_ZIP_H
#define WASINN_CLI_INSPECT_ZIP_H

#include "model.h"

enum { WASINN__ZIP_NAME = 512 };

struct wasinn__zip {
    struct wasinn__reader *reader;
    char *problem;
    uint64_t at, end; /* what is left of the directory */
    uint64_t entries; /* that are left */
};

struct wasinn__zip_entry {
    char name[WASINN__ZIP_NAME]; /* "" if it is longer */
    uint64_t size, packed;       /* bytes, and as they are in the file */
    uint64_t header;             /* where it is */
    bool stored;                 /* not compressed */
};

/* Finds the directory. False: there is none, or with a problem, it is damaged. May be called again, to begin
 * anew. */
bool wasinn__zip_open(struct wasinn__zip *zip, struct wasinn__reader *reader, char *problem);

/* The next entry. False: there is none, or with a problem, the directory is damaged. */
bool wasinn__zip_next(struct wasinn__zip *zip, struct wasinn__zip_entry *entry);

/* Where the content of an entry that is stored begins. False: the problem says why. */
bool wasinn__zip_content(struct wasinn__zip *zip, const struct wasinn__zip_entry *entry, uint64_t *at);

#endif
