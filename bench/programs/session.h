/* What every program that is measured has in common: the guest, and the native ones on each runtime.
 *
 *     PROGRAM OPTION... [-- COMMAND...]
 *
 * A program does what its commands say, or those that it reads from its input, a line each, and answers each
 * by a line of JSON. So the harness may take turns between programs that stay, and look at their memory
 * between two commands.
 *
 *     --input FILE:SHAPE   f32 elements for the next input
 *     --output BYTES       how large output 0 is
 *     --bytes FILE[,FILE]  a model as bytes, for `read`
 *
 *     read                 the files of --bytes are read into memory
 *     load                 the model is loaded and a session made on it; what was loaded before is kept
 *     run WARM SAMPLES CALLS   SAMPLES times, how long CALLS inferences take, after WARM that nobody times
 *     phases WARM SAMPLES  how long the three parts of one inference take
 *     ready                all memory has been touched: it may be counted
 *     go FILE              when FILE is there: inferences from the time to the time that it tells
 *     hold FILE            waits until FILE is there
 *     take FOLDER, pass FOLDER   one program or guest after the other: the next goes on from `take` after
 * `pass`
 *
 * All times are in nanoseconds. Outputs are told by a digest.
 *
 * An includer defines bench_load, bench_infer, bench_phases and bench_memory. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BENCH_INPUTS = 4, BENCH_RANK = 8, BENCH_FILES = 2, BENCH_SAMPLES = 1 << 14 };

typedef struct bench_bytes {
    char *data;
    size_t size;
} bench_bytes;

typedef struct bench_tensor {
    uint32_t dims[BENCH_RANK];
    uint32_t rank;
    bench_bytes bytes;
} bench_tensor;

typedef struct bench_session {
    int argc; /* the options and their values */
    char **argv;
    int command_count; /* what follows them */
    char **commands;
    bench_tensor inputs[BENCH_INPUTS];
    uint32_t input_count;
    bench_bytes output;
    bench_bytes files[BENCH_FILES];
    uint32_t file_count;
    uint64_t *samples;
    int turn;
    void *state; /* of the program */
} bench_session;

typedef struct bench_load_times {
    uint64_t load, session;
} bench_load_times;

static bench_load_times bench_load(bench_session *session);
static void bench_infer(bench_session *session);
static void bench_phases(bench_session *session, uint64_t phases[3]);
/* Touches the program's linear memory, if it has one, and tells its size. */
static size_t bench_memory(void);

__attribute__((noreturn, format(printf, 1, 2))) static void bench_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void *bench_allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory)
        bench_fail("no memory for %zu bytes", size);
    return memory;
}

static uint64_t bench_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t bench_now(void) {
    return bench_clock(CLOCK_MONOTONIC);
}

/* FNV-1a. */
static uint64_t bench_digest(bench_bytes bytes) {
    uint64_t digest = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes.size; i++)
        digest = (digest ^ (uint8_t)bytes.data[i]) * 0x100000001b3u;
    return digest;
}

/* ---- Options ------------------------------------------------------------------------------------ */

/* The value of an option that comes once; NULL where it does not. */
static inline const char *bench_option(const bench_session *session, const char *name) {
    for (int i = 0; i + 1 < session->argc; i += 2)
        if (strcmp(session->argv[i], name) == 0)
            return session->argv[i + 1];
    return NULL;
}

static inline bool bench_option_is(const bench_session *session, const char *name, const char *value) {
    const char *given = bench_option(session, name);
    return given && strcmp(given, value) == 0;
}

/* In parts, because some hosts fail a read of more than 128 MiB. */
static bench_bytes bench_read(const char *path) {
    enum { PART = 1 << 24 };
    struct stat information;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &information) != 0)
        bench_fail("%s cannot be opened", path);
    bench_bytes read_bytes = {bench_allocate((size_t)information.st_size + 1), (size_t)information.st_size};
    for (size_t done = 0; done < read_bytes.size;) {
        size_t left = read_bytes.size - done;
        ssize_t got = read(file, read_bytes.data + done, left < PART ? left : PART);
        if (got <= 0)
            bench_fail("%s cannot be read", path);
        done += (size_t)got;
    }
    close(file);
    return read_bytes;
}

/* FILE:SHAPE, such as tensor.f32:1x3x224x224 */
static bench_tensor bench_read_tensor(const char *text) {
    bench_tensor tensor = {{0}, 0, {NULL, 0}};
    const char *colon = strrchr(text, ':');
    size_t elements = 1;
    if (!colon)
        bench_fail("--input %s: wanted FILE:SHAPE", text);
    for (const char *at = colon; *at && tensor.rank < BENCH_RANK; tensor.rank++) {
        char *end;
        tensor.dims[tensor.rank] = (uint32_t)strtoul(at + 1, &end, 10);
        elements *= tensor.dims[tensor.rank];
        at = end;
    }
    char *path = bench_allocate((size_t)(colon - text) + 1);
    memcpy(path, text, (size_t)(colon - text));
    tensor.bytes = bench_read(path);
    free(path);
    if (tensor.bytes.size != elements * sizeof(float))
        bench_fail("--input %s: the file has %zu bytes", text, tensor.bytes.size);
    return tensor;
}

static void bench_open(bench_session *session, int argc, char **argv) {
    session->argv = argv + 1;
    while (session->argc + 1 < argc && strcmp(argv[session->argc + 1], "--") != 0)
        session->argc++;
    if (session->argc + 2 < argc) {
        session->commands = argv + session->argc + 2;
        session->command_count = argc - session->argc - 2;
    }
    for (int i = 0; i + 1 < session->argc; i += 2) {
        if (strcmp(session->argv[i], "--output") == 0)
            session->output.size = strtoul(session->argv[i + 1], NULL, 10);
        if (strcmp(session->argv[i], "--input") == 0 && session->input_count < BENCH_INPUTS)
            session->inputs[session->input_count++] = bench_read_tensor(session->argv[i + 1]);
    }
    session->output.data = bench_allocate(session->output.size);
}

/* ---- Commands ----------------------------------------------------------------------------------- */

enum { BENCH_LINE = 4000 };

/* A line in one write, so that those of several threads or guests do not mix. */
static void bench_write(const char *line, size_t length) {
    while (length > 0) {
        ssize_t written = write(1, line, length);
        if (written <= 0)
            exit(1);
        line += written;
        length -= (size_t)written;
    }
}

__attribute__((format(printf, 1, 2))) static void bench_answer(const char *format, ...) {
    char line[BENCH_LINE];
    va_list arguments;
    va_start(arguments, format);
    line[0] = '{';
    int length = vsnprintf(line + 1, sizeof line - 3, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line - 3)
        bench_fail("an answer is too long");
    line[length + 1] = '}';
    line[length + 2] = '\n';
    bench_write(line, (size_t)length + 3);
}

static void bench_read_files(bench_session *session) {
    const char *paths = bench_option(session, "--bytes");
    char path[512];
    while (paths && *paths && session->file_count < BENCH_FILES) {
        size_t length = strcspn(paths, ",");
        if (length >= sizeof path)
            bench_fail("--bytes: the path is too long");
        memcpy(path, paths, length);
        path[length] = '\0';
        session->files[session->file_count++] = bench_read(path);
        paths += length + (paths[length] == ',');
    }
    bench_answer("\"memory\":%zu", bench_memory());
}

static int bench_compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The sample that `part` in a thousand are not above; sorted before. */
static uint64_t bench_percentile(const uint64_t *samples, size_t count, size_t part) {
    size_t index = (count * part + 999) / 1000;
    return samples[index > 0 ? index - 1 : 0];
}

static void bench_answer_samples(bench_session *session, size_t count, size_t calls, uint64_t total) {
    uint64_t *samples = session->samples;
    size_t kept = count < BENCH_SAMPLES ? count : BENCH_SAMPLES;
    if (kept == 0)
        bench_fail("no inference was timed");
    qsort(samples, kept, sizeof *samples, bench_compare);
    bench_answer("\"samples\":%zu,\"calls\":%zu,\"total\":%" PRIu64 ",\"min\":%" PRIu64 ",\"p50\":%" PRIu64
                 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"max\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\"",
                 count, calls, total, samples[0], bench_percentile(samples, kept, 500),
                 bench_percentile(samples, kept, 900), bench_percentile(samples, kept, 990),
                 samples[kept - 1], bench_digest(session->output));
}

static void bench_run(bench_session *session, size_t warm, size_t count, size_t calls) {
    /* Nothing of an earlier run may pass for a result of this one. */
    memset(session->output.data, 0, session->output.size);
    for (size_t i = 0; i < warm; i++)
        bench_infer(session);
    uint64_t start = bench_now(), last = start;
    for (size_t i = 0; i < count; i++) {
        for (size_t call = 0; call < calls; call++)
            bench_infer(session);
        uint64_t now = bench_now();
        if (i < BENCH_SAMPLES)
            session->samples[i] = now - last;
        last = now;
    }
    bench_answer_samples(session, count, calls, last - start);
}

static void bench_run_phases(bench_session *session, size_t warm, size_t count) {
    uint64_t phases[3], *samples[3];
    if (count == 0 || count > BENCH_SAMPLES)
        bench_fail("phases: from 1 to %d samples", BENCH_SAMPLES);
    for (size_t i = 0; i < warm; i++)
        bench_infer(session);
    for (int phase = 0; phase < 3; phase++)
        samples[phase] = bench_allocate(count * sizeof **samples);
    for (size_t i = 0; i < count; i++) {
        bench_phases(session, phases);
        for (int phase = 0; phase < 3; phase++)
            samples[phase][i] = phases[phase];
        session->samples[i] = bench_now();
        session->samples[i] = bench_now() - session->samples[i];
    }
    for (int phase = 0; phase < 3; phase++)
        qsort(samples[phase], count, sizeof **samples, bench_compare);
    qsort(session->samples, count, sizeof *session->samples, bench_compare);
    bench_answer("\"input\":%" PRIu64 ",\"compute\":%" PRIu64 ",\"output\":%" PRIu64 ",\"clock\":%" PRIu64
                 ",\"digest\":\"%016" PRIx64 "\"",
                 bench_percentile(samples[0], count, 500), bench_percentile(samples[1], count, 500),
                 bench_percentile(samples[2], count, 500), bench_percentile(session->samples, count, 500),
                 bench_digest(session->output));
    for (int phase = 0; phase < 3; phase++)
        free(samples[phase]);
}

static void bench_sleep(uint64_t nanoseconds) {
    struct timespec time = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    nanosleep(&time, NULL);
}

static FILE *bench_wait(const char *path) {
    FILE *file;
    while (!(file = fopen(path, "r")))
        bench_sleep(5000000);
    return file;
}

/* The samples of one that runs among others, whose harness puts all together: all, or as many evenly chosen
 * ones as a line takes. */
static void bench_answer_window(bench_session *session, size_t count, uint64_t first, uint64_t last) {
    enum { MOST = 200, NUMBER = 12 };
    size_t kept = count < BENCH_SAMPLES ? count : BENCH_SAMPLES, shown = kept < MOST ? kept : MOST, used = 0;
    char list[MOST * NUMBER] = "";
    qsort(session->samples, kept, sizeof *session->samples, bench_compare);
    for (size_t i = 0; i < shown; i++) {
        uint64_t sample = session->samples[(2 * i + 1) * kept / (2 * shown)] / 1000;
        used += (size_t)snprintf(list + used, NUMBER, "%s%" PRIu64, i > 0 ? "," : "",
                                 sample < 999999999u ? sample : 999999999u);
    }
    bench_answer("\"samples\":%zu,\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"digest\":\"%016" PRIx64
                 "\",\"microseconds\":[%s]",
                 count, first, last, bench_digest(session->output), list);
}

/* The file appears whole, and has two times of the clock that all programs share. */
static void bench_go(bench_session *session, const char *path) {
    uint64_t start, end, last;
    size_t count = 0;
    FILE *file = bench_wait(path);
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &start, &end) != 2)
        bench_fail("%s: wanted two times", path);
    fclose(file);
    uint64_t first = last = bench_clock(CLOCK_REALTIME);
    if (first < start)
        bench_sleep(start - first);
    first = last = bench_clock(CLOCK_REALTIME);
    /* One at least, however late this one has its turn on a busy machine: there is something to tell then. */
    do {
        bench_infer(session);
        uint64_t now = bench_clock(CLOCK_REALTIME);
        if (count < BENCH_SAMPLES)
            session->samples[count] = now - last;
        last = now;
        count++;
    } while (last < end);
    bench_answer_window(session, count, first, last);
}

/* FOLDER/0 is made by who comes first, FOLDER/1 by the next, and FOLDER/passed-0 when the first is done. */
static void bench_take(bench_session *session, const char *folder) {
    char path[512];
    session->turn = 0;
    for (;; session->turn++) {
        snprintf(path, sizeof path, "%s/%d", folder, session->turn);
        if (mkdir(path, 0700) == 0)
            break;
        if (errno != EEXIST)
            bench_fail("%s cannot be made", path);
    }
    if (session->turn > 0) {
        snprintf(path, sizeof path, "%s/passed-%d", folder, session->turn - 1);
        fclose(bench_wait(path));
    }
    bench_answer("\"turn\":%d", session->turn);
}

static void bench_pass(const bench_session *session, const char *folder) {
    char path[512];
    snprintf(path, sizeof path, "%s/passed-%d", folder, session->turn);
    FILE *file = fopen(path, "w");
    if (!file)
        bench_fail("%s cannot be made", path);
    fclose(file);
}

static void bench_command(bench_session *session, const char *command) {
    unsigned long warm, samples, calls;
    if (strcmp(command, "read") == 0) {
        bench_read_files(session);
    } else if (strcmp(command, "load") == 0) {
        bench_load_times times = bench_load(session);
        bench_answer("\"load\":%" PRIu64 ",\"session\":%" PRIu64, times.load, times.session);
    } else if (sscanf(command, "run %lu %lu %lu", &warm, &samples, &calls) == 3) {
        bench_run(session, warm, samples, calls);
    } else if (sscanf(command, "phases %lu %lu", &warm, &samples) == 2) {
        bench_run_phases(session, warm, samples);
    } else if (strcmp(command, "ready") == 0) {
        bench_answer("\"memory\":%zu", bench_memory());
    } else if (strncmp(command, "go ", 3) == 0) {
        bench_go(session, command + 3);
    } else if (strncmp(command, "hold ", 5) == 0) {
        fclose(bench_wait(command + 5));
    } else if (strncmp(command, "take ", 5) == 0) {
        bench_take(session, command + 5);
    } else if (strncmp(command, "pass ", 5) == 0) {
        bench_pass(session, command + 5);
    } else {
        bench_fail("unknown command '%s'", command);
    }
}

static void bench_serve(bench_session *session) {
    char line[512];
    session->samples = bench_allocate(BENCH_SAMPLES * sizeof *session->samples);
    for (int i = 0; i < session->command_count; i++)
        bench_command(session, session->commands[i]);
    while (session->command_count == 0 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        bench_command(session, line);
    }
}

#endif
