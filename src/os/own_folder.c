#include "os/own_folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not by dladdr: for a program it gives argv[0], and for a library the name it was opened by, from another
 * folder maybe. */
bool wasinn__own_folder(char *folder, size_t capacity) {
    FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t here = (uintptr_t)wasinn__own_folder, first, last;
    char *line = NULL, *slash;
    size_t room = 0;
    bool found = false;
    while (maps && !found && getline(&line, &room, maps) > 0) {
        char *path = strchr(line, '/');
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &last) != 2 || here < first || here >= last)
            continue;
        if (!path || !(slash = strrchr(path, '/')))
            break;
        *slash = '\0';
        found = (size_t)snprintf(folder, capacity, "%s", path) < capacity;
    }
    free(line);
    if (maps)
        fclose(maps);
    return found;
}
