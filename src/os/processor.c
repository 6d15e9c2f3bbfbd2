#include "os/processor.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>

#if defined __x86_64__
#include <cpuid.h>

static size_t add(char *text, size_t capacity, size_t used, unsigned leaf, unsigned sub) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(leaf, sub, &a, &b, &c, &d) || used >= capacity)
        return used;
    /* Of leaf 1 the second register says on which core this ran. */
    int more =
        snprintf(text + used, capacity - used, " %x.%x:%x,%x,%x,%x", leaf, sub, a, leaf == 1 ? 0 : b, c, d);
    return used + (size_t)more;
}

static bool model(char *text, size_t capacity) {
    size_t used = 0;
    used = add(text, capacity, used, 0, 0);
    used = add(text, capacity, used, 1, 0);
    used = add(text, capacity, used, 7, 0);
    used = add(text, capacity, used, 7, 1);
    return used > 0 && used < capacity;
}
#elif defined __aarch64__
#include <sys/auxv.h>

static bool model(char *text, size_t capacity) {
    char id[32] = "";
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "re");
    if (!file)
        return false;
    bool read = fscanf(file, "%31s", id) == 1;
    fclose(file);
    return read && (size_t)snprintf(text, capacity, " %s %lx %lx", id, getauxval(AT_HWCAP),
                                    getauxval(AT_HWCAP2)) < capacity;
}
#else
static bool model(char *text, size_t capacity) {
    (void)text, (void)capacity;
    return false;
}
#endif

bool wasinn__processor(char *text, size_t capacity) {
    cpu_set_t cores;
    char found[512];
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 0;
    return model(found, sizeof found) &&
           (size_t)snprintf(text, capacity, "%d cores%s", count, found) < capacity;
}
