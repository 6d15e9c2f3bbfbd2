#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasinn/wasinn.h"

int wasinn__fail(int code, const char *format, ...) {
    char text[2048], line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "wasinn: %s\n", wasinn_escape(text, strlen(text), line, sizeof line));
    return code;
}

int wasinn__fail_usage(const char *command, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return wasinn__fail(WASINN__EXIT_USAGE, "%s: %s; see wasinn %s --help", command, text, command);
}

int wasinn__fail_option(const char *command, int option, char *const *argv) {
    const char *given = argv[optind - 1];
    if (option == ':')
        return wasinn__fail_usage(command, "%.100s: expected a value after it", given);
    /* Of several letters together, `given` is what stood before them. */
    if (optopt != 0 && strncmp(given, "--", 2) == 0 && strchr(given, '='))
        return wasinn__fail_usage(command, "%.100s: expected no value", given);
    if (optopt != 0)
        return wasinn__fail_usage(command, "unknown option -%c", optopt);
    return wasinn__fail_usage(command, "unknown option %.100s", given);
}

int wasinn__flush_stdout(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return WASINN__EXIT_OK;
    return wasinn__fail(WASINN__EXIT_FAILED, "stdout: cannot write: %s", strerror(errno));
}

int wasinn__print_help(const char *text) {
    fputs(text, stdout);
    return wasinn__flush_stdout();
}

void wasinn__add_folders(char **folders, const char *more) {
    char *joined;
    if (asprintf(&joined, "%s%s%s", *folders ? *folders : "", *folders ? ":" : "", more) < 0)
        joined = wasinn__checked(NULL);
    free(*folders);
    *folders = joined;
}

int wasinn__parse_listing(const char *command, const char *help, int argc, char **argv, char **folders,
                          bool *json, bool *helped) {
    static const struct option known[] = {{"json", no_argument, NULL, 'j'},
                                          {"backends", required_argument, NULL, 'b'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option, code = WASINN__EXIT_OK;
    optind = 0;
    opterr = 0;
    while (code == WASINN__EXIT_OK && !*helped &&
           (option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        *helped = option == 'h';
        if (option == 'j')
            *json = true;
        else if (option == 'b')
            wasinn__add_folders(folders, optarg);
        else
            code = *helped ? wasinn__print_help(help) : wasinn__fail_option(command, option, argv);
    }
    return code;
}

bool wasinn__info_serves(const wasinn_backend_info *info, wasinn_encoding encoding) {
    for (size_t i = 0; i < info->encoding_count; i++)
        if (info->encodings[i] == encoding)
            return true;
    return false;
}

uint64_t wasinn__clock_of(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t wasinn__clock(void) {
    return wasinn__clock_of(CLOCK_MONOTONIC);
}

const char *wasinn__size_text(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1000;
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
    return text;
}

void *wasinn__checked(void *memory) {
    if (memory)
        return memory;
    fputs("wasinn: no memory\n", stderr);
    exit(WASINN__EXIT_FAILED);
}
