/* Standard streams, arguments, variables, exit codes and ways to end: streams.wasm WHAT [VALUE] */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static volatile int zero;

static int copy(void) {
    static char buffer[1 << 16];
    ssize_t got;
    while ((got = read(0, buffer, sizeof buffer)) > 0)
        for (ssize_t put = 0, more; put < got; put += more)
            if ((more = write(1, buffer + put, (size_t)(got - put))) < 0)
                return 1;
    return got < 0;
}

static int each(char **texts) {
    for (; *texts; texts++)
        puts(*texts);
    return 0;
}

static int sleep_for(const char *seconds) {
    struct timespec time = {atoi(seconds), 0};
    nanosleep(&time, NULL);
    puts("slept");
    return 0;
}

static int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

/* Ends each line of progress at once, so that it is seen although the guest is ended. */
static void begun(void) {
    puts("begun");
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "", *value = argc > 2 ? argv[2] : "";
    if (strcmp(what, "copy") == 0)
        return copy();
    if (strcmp(what, "arguments") == 0)
        return each(argv);
    if (strcmp(what, "environment") == 0)
        return each(environ);
    if (strcmp(what, "stderr") == 0)
        return fputs(value, stderr) < 0;
    if (strcmp(what, "exit") == 0)
        exit(atoi(value));
    begun();
    if (strcmp(what, "loop") == 0)
        for (;;)
            zero = 0;
    if (strcmp(what, "sleep") == 0)
        return sleep_for(value);
    if (strcmp(what, "wait") == 0)
        return copy();
    if (strcmp(what, "unreachable") == 0)
        __builtin_trap();
    if (strcmp(what, "divide") == 0)
        return 7 / zero;
    if (strcmp(what, "outside") == 0)
        return *(volatile char *)0xFFFFFFF0;
    if (strcmp(what, "recurse") == 0)
        return recurse(0);
    if (strcmp(what, "abort") == 0)
        abort();
    fprintf(stderr, "streams: what is '%s'?\n", what);
    return 99;
}
