/* What the commands of `wasinn` share. */
#ifndef WASINN_CLI_CLI_H
#define WASINN_CLI_CLI_H

#include <time.h>

#include "wasinn/wasinn.h"

/* Exit codes. A guest's own code passes through `wasinn run` unchanged, so run's failures keep to the
 * numbers that shells, env and timeout use for "the command itself failed". */
enum {
    WASINN__EXIT_OK = 0,
    WASINN__EXIT_FAILED = 1,        /* a command other than run failed */
    WASINN__EXIT_USAGE = 2,         /* an option or argument is wrong */
    WASINN__EXIT_TIMEOUT = 124,     /* run: --timeout passed */
    WASINN__EXIT_NOT_STARTED = 125, /* run: the guest could not be started */
    WASINN__EXIT_TRAP = 134         /* run: the guest trapped */
};

/* Prints "wasinn: " and one escaped line to stderr and returns `code`. */
__attribute__((format(printf, 2, 3))) int wasinn__fail(int code, const char *format, ...);

/* The same for wrong usage of a command: "wasinn: tensor: ...; see wasinn tensor --help". */
__attribute__((format(printf, 2, 3))) int wasinn__fail_usage(const char *command, const char *format, ...);

/* The same for what getopt_long, told so by a leading ':', returns as ':' or '?'. */
int wasinn__fail_option(const char *command, int option, char *const *argv);

/* Prints a help text, or says why stdout does not take it. Returns an exit code. */
int wasinn__print_help(const char *text);

/* Flushes stdout, or says why it does not take what was printed. Returns an exit code. */
int wasinn__flush_stdout(void);

/* Puts more folders, with colons between them, behind those that were given already; NULL: there are none.
 * *folders is the caller's to free. */
void wasinn__add_folders(char **folders, const char *more);

/* The options --json, --backends and --help of a command that lists something; optind is then at its
 * arguments. `folders`, to be freed, is NULL without --backends; `helped` is set when the help was asked for,
 * and printed. Returns an exit code. */
int wasinn__parse_listing(const char *command, const char *help, int argc, char **argv, char **folders,
                          bool *json, bool *helped);

/* Whether a backend loads models of an encoding. */
bool wasinn__info_serves(const wasinn_backend_info *info, wasinn_encoding encoding);

/* Nanoseconds on a clock, and on that which nobody can set back. */
uint64_t wasinn__clock_of(clockid_t clock);
uint64_t wasinn__clock(void);

/* "18.6 MB". Returns `text`. */
const char *wasinn__size_text(uint64_t bytes, char text[32]);

/* The memory, unless it is NULL: then the process ends, saying so. */
void *wasinn__checked(void *memory);

/* The commands; argv[0] is the command's own name. Each returns an exit code. */
int wasinn__run_command(int argc, char **argv);
int wasinn__tensor_command(int argc, char **argv);
int wasinn__inspect_command(int argc, char **argv);
int wasinn__top_command(int argc, char **argv);
int wasinn__backends_command(int argc, char **argv);
int wasinn__bench_command(int argc, char **argv);
int wasinn__cache_command(int argc, char **argv);

#endif
