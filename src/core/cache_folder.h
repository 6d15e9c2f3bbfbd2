/* The folder of a cache: found, made, and looked at with suspicion, because what is in it is as good as code.
 */
#ifndef WASINN_CORE_CACHE_FOLDER_H
#define WASINN_CORE_CACHE_FOLDER_H

#include "wasinn/backend.h"

/* Makes what is missing of `path`, and opens it. `real` becomes the path without links. Refuses a folder that
 * is not the user's own or that others can write to, by itself or by one above it. */
wasinn_status wasinn__cache_folder_open(const char *path, char *real, size_t capacity, int *folder,
                                        wasinn_message *message);

#endif
