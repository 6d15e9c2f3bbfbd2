/* What this machine has for the process. */
#ifndef WASINN_CLI_MACHINE_H
#define WASINN_CLI_MACHINE_H

#include <stdint.h>

/* Bytes of memory that there are for this process at most, with swap: those of the machine, or what its
 * control group may have. */
uint64_t wasinn__machine_memory(void);

/* What the process has of it, in bytes, by a line of /proc/self/status: "RssAnon:". 0: it does not say. */
uint64_t wasinn__memory_status(const char *key);

#endif
