#include "machine.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#define GROUPS "/sys/fs/cgroup"

/* Lowers `most` to what the file says; "max" is no number. */
static void read_limit(const char *folder, const char *name, uint64_t *most) {
    char path[PATH_MAX + 64];
    uint64_t limit;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%" SCNu64, &limit) == 1 && limit < *most)
        *most = limit;
    if (file)
        fclose(file);
}

/* The limits of a control group and those above it. What a container sees may begin anywhere on the way. */
static void read_groups(const char *hierarchy, const char *group, const char *name, uint64_t *most) {
    char folder[PATH_MAX];
    size_t least = strlen(hierarchy);
    if ((size_t)snprintf(folder, sizeof folder, "%s%s", hierarchy, group) >= sizeof folder)
        return;
    for (char *end; strlen(folder) >= least && (end = strrchr(folder, '/')); *end = '\0')
        read_limit(folder, name, most);
}

/* Lines such as "4:memory:/group" of the hierarchies of version 1, and "0::/group" of version 2. */
static void read_all_groups(uint64_t *most) {
    char line[PATH_MAX];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        char *memory = strstr(line, ":memory:");
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::", 3) == 0)
            read_groups(GROUPS, line + 3, "memory.max", most);
        else if (memory)
            read_groups(GROUPS "/memory", memory + strlen(":memory:"), "memory.limit_in_bytes", most);
    }
    if (file)
        fclose(file);
}

uint64_t wasinn__machine_memory(void) {
    struct sysinfo machine;
    uint64_t most = UINT64_MAX, swap = 0;
    if (sysinfo(&machine) == 0) {
        most = (uint64_t)machine.totalram * machine.mem_unit;
        swap = (uint64_t)machine.totalswap * machine.mem_unit;
    }
    read_all_groups(&most);
    return most > UINT64_MAX - swap ? UINT64_MAX : most + swap;
}

uint64_t wasinn__memory_status(const char *key) {
    char line[256];
    uint64_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        return 0;
    while (kilobytes == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kilobytes = strtoull(line + strlen(key), NULL, 10);
    fclose(file);
    return kilobytes * 1024;
}
