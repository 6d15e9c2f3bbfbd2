/* Bytes as a file, for frontends of OpenVINO that read nothing else. */
#ifndef WASINN_BACKENDS_OPENVINO_CARRIER_H
#define WASINN_BACKENDS_OPENVINO_CARRIER_H

#include "wasinn/backend.h"

typedef struct wasinn__carrier {
    char path[96];       /* for OpenVINO to open, while the carrier lives */
    char folder[64];     /* "" without an ending */
    char name[32];       /* in the folder */
    int file, directory; /* or -1 */
    uint64_t inode;      /* of the name */
    int64_t seconds, nanoseconds;
} wasinn__carrier;

/* Puts the bytes into a file in memory that has no name anywhere and that nobody can change any more.
 * `ending` is what the path must end in (".tflite"), or NULL; that needs a name, which is a link in a folder
 * that only this user can enter and that is closed to changes at once. */
wasinn_status wasinn__carrier_open(const wasinn_blob *bytes, const char *ending, wasinn__carrier *carrier,
                                   wasinn_message *message);
/* False: somebody has changed the folder, so that what was read may not be the bytes. */
bool wasinn__carrier_untouched(const wasinn__carrier *carrier);
void wasinn__carrier_close(wasinn__carrier *carrier);

#endif
