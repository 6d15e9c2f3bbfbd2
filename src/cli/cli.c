#include "cli.h"

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

void *wasinn__checked(void *memory) {
    if (memory)
        return memory;
    fputs("wasinn: no memory\n", stderr);
    exit(WASINN__EXIT_FAILED);
}
