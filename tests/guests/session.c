/* A wasi-nn session that its arguments drive, so that a test can do anything that a guest can:
 *
 *     load ENCODING TARGET FILE...          name NAME                   context GRAPH
 *     input CONTEXT INDEX TYPE DIMS DATA    compute CONTEXT             output CONTEXT INDEX CAPACITY
 *     call FUNCTION VALUE...                error                       repeat COUNT COMMAND
 *     bytes ADDRESS HEX                     word ADDRESS VALUE          show ADDRESS SIZE
 *     file ADDRESS PATH                     grow PAGES
 *
 * Each argument is one command, its words parted by single spaces. DIMS are as in 2x3, or - for a scalar;
 * DATA is hexadecimal, or @PATH. In NAME, %41 stands for byte 0x41. `call` passes what it is given to one of
 * the functions of wasi_nn.h. A VALUE is a sum such as buf+8 or end-0x10: buf is 64 KiB of memory, end the
 * size of memory, g0 the first graph, g the latest, c1 the second context.
 *
 * Each command answers with one line: its name, the errno, and for some what came back. `repeat` answers with
 * the errnos in a row and how often each came: "0 x64 4 x6". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WASI_NN_WASINN
#include "wasi_nn.h"

enum { WORDS = 12, HANDLES = 1024, RANK = 32 };

#define UNKNOWN 255 /* no errno: the command was not understood */

static unsigned char buf[1 << 16];
static uint32_t graphs[HANDLES], contexts[HANDLES];
static uint32_t graph_count, context_count;

/* What a command has to tell besides its errno. */
static const unsigned char *answer;
static uint32_t answer_size, size_told;
static int tells_size;

/* ---- Words -------------------------------------------------------------------------------------- */

static void fail(const char *what, const char *word) {
    fprintf(stderr, "session: %s: '%s'\n", what, word);
    exit(99);
}

/* By number, else the latest. */
static uint32_t handle_of(const char *text, char **rest, const uint32_t *handles, uint32_t count) {
    if (*text >= '0' && *text <= '9')
        return handles[strtoul(text, rest, 10) % HANDLES];
    *rest = (char *)text;
    return handles[(count + HANDLES - 1) % HANDLES];
}

static uint32_t term(const char *text, char **rest) {
    if (strncmp(text, "buf", 3) == 0)
        return *rest = (char *)text + 3, (uint32_t)(uintptr_t)buf;
    if (strncmp(text, "end", 3) == 0)
        return *rest = (char *)text + 3, (uint32_t)(__builtin_wasm_memory_size(0) << 16);
    if (*text == 'g')
        return handle_of(text + 1, rest, graphs, graph_count);
    if (*text == 'c')
        return handle_of(text + 1, rest, contexts, context_count);
    uint32_t value = (uint32_t)strtoull(text, rest, 0);
    if (*rest == text)
        fail("not a value", text);
    return value;
}

static uint32_t value_of(const char *text) {
    char *rest;
    uint32_t value = term(text, &rest);
    while (*rest == '+' || *rest == '-')
        value = *rest == '+' ? value + term(rest + 1, &rest) : value - term(rest + 1, &rest);
    if (*rest)
        fail("not a value", text);
    return value;
}

static int digit(char c) {
    return c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0';
}

static uint32_t from_hex(const char *text, unsigned char *bytes) {
    uint32_t size = 0;
    for (; text[0] && text[1]; text += 2)
        bytes[size++] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
    return size;
}

static unsigned char *read_file(const char *path, uint32_t *size) {
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END) != 0)
        fail("cannot be read", path);
    *size = (uint32_t)ftell(stream);
    unsigned char *bytes = malloc((size_t)*size + 1);
    rewind(stream);
    if (!bytes || fread(bytes, 1, *size, stream) != *size)
        fail("cannot be read", path);
    fclose(stream);
    return bytes;
}

static uint32_t split(char *text, char *words[WORDS], uint32_t most) {
    uint32_t count = 0;
    while (count < most) {
        words[count++] = text;
        char *space = count < most ? strchr(text, ' ') : NULL;
        if (!space)
            break;
        *space = '\0';
        text = space + 1;
    }
    return count;
}

/* ---- Commands ----------------------------------------------------------------------------------- */

static uint32_t load(char **words, uint32_t count) {
    wasi_nn_graph_builder parts[WORDS];
    uint32_t graph = 0;
    for (uint32_t i = 3; i < count; i++)
        parts[i - 3].data = read_file(words[i], &parts[i - 3].size);
    uint32_t error = wasi_nn_load(parts, count - 3, value_of(words[1]), value_of(words[2]), &graph);
    for (uint32_t i = 3; i < count; i++)
        free((void *)parts[i - 3].data);
    if (error == 0)
        graphs[graph_count++ % HANDLES] = graph;
    return error;
}

static uint32_t name(char **words) {
    uint32_t size = 0, graph = 0;
    char *text = words[1], *bytes = malloc(strlen(text) + 1);
    for (; *text; text++) {
        bytes[size] = *text;
        if (*text == '%') {
            bytes[size] = (char)(digit(text[1]) << 4 | digit(text[2]));
            text += 2;
        }
        size++;
    }
    uint32_t error = wasi_nn_load_by_name(bytes, size, &graph);
    free(bytes);
    if (error == 0)
        graphs[graph_count++ % HANDLES] = graph;
    return error;
}

static uint32_t context(char **words) {
    uint32_t made = 0, error = wasi_nn_init_execution_context(value_of(words[1]), &made);
    if (error == 0)
        contexts[context_count++ % HANDLES] = made;
    return error;
}

static uint32_t input(char **words) {
    uint32_t dims[RANK], rank = 0, size;
    unsigned char *data;
    for (char *text = words[4]; *text != '-' && *text && rank < RANK; text += *text == 'x')
        dims[rank++] = (uint32_t)strtoul(text, &text, 10);
    if (words[5][0] == '@') {
        data = read_file(words[5] + 1, &size);
    } else {
        data = malloc(strlen(words[5]) + 1);
        size = from_hex(words[5], data);
    }
    wasi_nn_tensor tensor = {dims, rank, (wasi_nn_tensor_type)value_of(words[3]), data, size};
    uint32_t error = wasi_nn_set_input(value_of(words[1]), value_of(words[2]), &tensor);
    free(data);
    return error;
}

static uint32_t output(char **words) {
    static unsigned char *held;
    uint32_t capacity = value_of(words[3]), error;
    free(held);
    held = malloc(capacity + 1);
    size_told = 0xDEAD;
    error = wasi_nn_get_output(value_of(words[1]), value_of(words[2]), held, capacity, &size_told);
    tells_size = 1;
    answer = held;
    answer_size = error == 0 ? size_told : 0;
    return error;
}

static uint32_t call(char **words, uint32_t count) {
    uint32_t v[8] = {0};
    for (uint32_t i = 2; i < count && i < 10; i++)
        v[i - 2] = value_of(words[i]);
    if (strcmp(words[1], "load") == 0)
        return wasi_nn_load((void *)v[0], v[1], v[2], v[3], (void *)v[4]);
    if (strcmp(words[1], "load_by_name") == 0)
        return wasi_nn_load_by_name((void *)v[0], v[1], (void *)v[2]);
    if (strcmp(words[1], "init_execution_context") == 0)
        return wasi_nn_init_execution_context(v[0], (void *)v[1]);
    if (strcmp(words[1], "set_input") == 0)
        return wasi_nn_set_input(v[0], v[1], (void *)v[2]);
    if (strcmp(words[1], "compute") == 0)
        return wasi_nn_compute(v[0]);
    if (strcmp(words[1], "get_output") == 0)
        return wasi_nn_get_output(v[0], v[1], (void *)v[2], v[3], (void *)v[4]);
    if (strcmp(words[1], "last_error") == 0)
        return wasi_nn_host_last_error((void *)v[0], v[1], (void *)v[2]);
    if (strcmp(words[1], "close") == 0)
        return wasi_nn_close(v[0]);
    if (strcmp(words[1], "find_port") == 0)
        return wasi_nn_find_port(v[0], v[1], (void *)v[2], v[3], (void *)v[4]);
    if (strcmp(words[1], "infer") == 0)
        return wasi_nn_infer(v[0], (void *)v[1], v[2], (void *)v[3], v[4]);
    return UNKNOWN;
}

static uint32_t error_text(void) {
    static char text[8192];
    uint32_t error = wasi_nn_host_last_error(text, sizeof text, &size_told);
    tells_size = 1;
    answer = (unsigned char *)text;
    answer_size = size_told < sizeof text ? size_told : sizeof text;
    return error;
}

static uint32_t put(char **words) {
    unsigned char *address = (unsigned char *)value_of(words[1]);
    if (strcmp(words[0], "bytes") == 0) {
        from_hex(words[2], address);
    } else if (strcmp(words[0], "word") == 0) {
        uint32_t value = value_of(words[2]);
        memcpy(address, &value, sizeof value);
    } else {
        uint32_t size;
        unsigned char *bytes = read_file(words[2], &size);
        memcpy(address, bytes, size);
        free(bytes);
    }
    return 0;
}

static uint32_t perform(char *command) {
    char *words[WORDS];
    char *name_words[2];
    if (strncmp(command, "name ", 5) == 0)
        return split(command, name_words, 2), name(name_words);
    uint32_t count = split(command, words, WORDS);
    if (strcmp(words[0], "load") == 0 && count >= 3)
        return load(words, count);
    if (strcmp(words[0], "context") == 0 && count == 2)
        return context(words);
    if (strcmp(words[0], "input") == 0 && count == 6)
        return input(words);
    if (strcmp(words[0], "compute") == 0 && count == 2)
        return wasi_nn_compute(value_of(words[1]));
    if (strcmp(words[0], "output") == 0 && count == 4)
        return output(words);
    if (strcmp(words[0], "call") == 0 && count >= 2)
        return call(words, count);
    if (strcmp(words[0], "error") == 0)
        return error_text();
    if (count == 3 &&
        (strcmp(words[0], "bytes") == 0 || strcmp(words[0], "word") == 0 || strcmp(words[0], "file") == 0))
        return put(words);
    if (strcmp(words[0], "show") == 0 && count == 3) {
        answer = (unsigned char *)value_of(words[1]);
        answer_size = value_of(words[2]);
        return 0;
    }
    if (strcmp(words[0], "grow") == 0 && count == 2)
        return __builtin_wasm_memory_grow(0, value_of(words[1])) == SIZE_MAX;
    return UNKNOWN;
}

/* ---- Answers ------------------------------------------------------------------------------------ */

static void run(const char *text) {
    char *command = strdup(text);
    answer_size = 0;
    tells_size = 0;
    uint32_t error = perform(command);
    if (error == UNKNOWN)
        fail("not understood", text);
    printf("%s %u", command, (unsigned)error);
    if (tells_size)
        printf(" %u", (unsigned)size_told);
    if (answer_size > 0)
        putchar(' ');
    for (uint32_t i = 0; i < answer_size; i++)
        printf("%02x", answer[i]);
    putchar('\n');
    free(command);
}

static void repeat(const char *text) {
    char *rest;
    uint32_t latest = 0, row = 0;
    unsigned long count = strtoul(text + strlen("repeat "), &rest, 10);
    fputs("repeat", stdout);
    for (unsigned long i = 0; i <= count; i++) {
        char *command = strdup(rest + 1);
        uint32_t error = i < count ? perform(command) : UNKNOWN;
        free(command);
        if (i < count && error == UNKNOWN)
            fail("not understood", text);
        if (row > 0 && error != latest) {
            printf(" %u x%u", (unsigned)latest, (unsigned)row);
            row = 0;
        }
        latest = error;
        row++;
    }
    putchar('\n');
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "repeat ", 7) == 0)
            repeat(argv[i]);
        else
            run(argv[i]);
        fflush(stdout);
    }
    return 0;
}
