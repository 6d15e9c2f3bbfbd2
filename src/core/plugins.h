/* Backends that are shared objects of their own: where they are, and whether they are what they should be. */
#ifndef WASINN_CORE_PLUGINS_H
#define WASINN_CORE_PLUGINS_H

#include "core/backends.h"

typedef struct wasinn__plugins {
    const wasinn__faults *faults;
    /* Is given each, those that cannot be used too, and owns it from then on. */
    wasinn_status (*found)(void *data, wasinn__backend *backend);
    void *data;
} wasinn__plugins;

/* Those in folders that were chosen: `folders`, with colons between them, or NULL; then the environment's. */
wasinn_status wasinn__plugins_chosen(const wasinn__plugins *plugins, const char *folders,
                                     wasinn_message *message);
/* Those that came with this library or program. */
wasinn_status wasinn__plugins_own(const wasinn__plugins *plugins, wasinn_message *message);

#endif
