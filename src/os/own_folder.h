/* Where this code lies: what came with it is near. */
#ifndef WASINN_OS_OWN_FOLDER_H
#define WASINN_OS_OWN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* The folder of the file, library or program, that this code was loaded from, links resolved. */
bool wasinn__own_folder(char *folder, size_t capacity);

#endif
