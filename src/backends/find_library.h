/* Finding the shared library of an ML runtime, the same way for every backend. */
#ifndef WASINN_BACKENDS_FIND_LIBRARY_H
#define WASINN_BACKENDS_FIND_LIBRARY_H

#include "wasinn/backend.h"

/* What is looked for, and where. Texts may be NULL where that is said. */
typedef struct wasinn__library_search {
    const char *runtime;   /* for messages: "OpenVINO" */
    const char *file;      /* "libopenvino_c.so"; a name with a version after it is found too */
    const char *symbol;    /* a function of it, which tells where the library is that the loader found */
    const char *preferred; /* a file or a folder; or NULL */
    const char *variable;  /* an environment variable that names a file or a folder */
    const char *installed; /* the folder that an installation has told by its own variables; or NULL */
    const char *name;      /* of the backend: the folders beside its code are called after it */
    const char *from_bin;  /* from the folder of installed programs to the one of this runtime */
    const char *folder;    /* where the build says that it is; "" for nowhere */
    /* Whether an opened library can be used; if not, says why. */
    wasinn_status (*check)(void *data, void *handle, const char *path, wasinn_message *message);
    void *data; /* for check */
} wasinn__library_search;

/* Looks in this order: `preferred`, then `variable`; where one of these is given, nowhere else. Otherwise
 * `installed`, if a library can be opened there; what the system's loader finds, also by a name with a
 * version only; the one that wasinn came with, beside the file that has this code: wasinn-NAME and
 * wasinn/NAME there,
 * ../wasinn-NAME and ../NAME for a backend in a folder of its own, `from_bin` for a program; then `folder`.
 * From the loader's on, one that is unfit is passed over, and its reason given when there is none that fits.
 * `handle` is of dlopen. */
wasinn_status wasinn__find_library(const wasinn__library_search *search, void **handle, char *path,
                                   size_t capacity, wasinn_message *message);

#endif
