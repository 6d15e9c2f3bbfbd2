/* The command line of `wasinn run`. */
#ifndef WASINN_CLI_RUN_OPTIONS_H
#define WASINN_CLI_RUN_OPTIONS_H

#include "models.h"
#include "stats.h"
#include "wasinn/wasinn.h"

typedef struct wasinn__folder {
    char *host, *guest;
    bool writable;
} wasinn__folder;

typedef struct wasinn__run_options {
    wasinn__folder *folders;
    const char **names, **values; /* of the environment */
    size_t folder_count, variable_count;
    wasinn__models models;
    wasinn__named named;
    wasinn_limits limits;
    bool quiet;
    uint64_t timeout_ms; /* 0: none */
    unsigned instances;  /* guests at once */
    unsigned repeat;     /* runs of each */
    wasinn__stats_form stats;
    const char *profile; /* a file, or NULL */
    const char *cache;   /* a folder, or NULL */
    bool no_cache;
    const char *guest;
    const char **arguments;
    size_t argument_count;
} wasinn__run_options;

/* Reads the command line and tells the host of its backends and models. Returns an exit code; `helped` is set
 * when the help was asked for, and printed. Free the options in any case. */
int wasinn__parse_run(wasinn__run_options *options, wasinn_host *host, int argc, char **argv, bool *helped);
void wasinn__free_run(wasinn__run_options *options);

#endif
