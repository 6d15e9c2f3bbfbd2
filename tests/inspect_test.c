/* The readers of model files. `facts FILE...` prints what they say, as lines; `damage FILE...` has them read
 * each file cut and changed in many ways, and `random COUNT` files of random bytes: what they say must then
 * be sound. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "cli/inspect/model.h"

typedef bool (*read_model)(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem);

static const read_model readers[] = {wasinn__read_onnx, wasinn__read_tensorflow, wasinn__read_tensorflowlite,
                                     wasinn__read_gguf, wasinn__read_pytorch};
static const char *const sides[] = {"input", "output"};

/* ---- Facts --------------------------------------------------------------------------------------- */

static void print_text(const char *what, const char *text) {
    char escaped[8192];
    if (text) {
        wasinn_escape(text, strlen(text), escaped, sizeof escaped);
        printf("%s\t%s\n", what, escaped);
    }
}

static void print_port(const char *side, const struct wasinn__model_port *port) {
    char escaped[8192];
    wasinn_escape(port->name, strlen(port->name), escaped, sizeof escaped);
    printf("%s\t%s\t%s\t", side, escaped, port->type_text ? port->type_text : wasinn_type_name(port->type));
    if (port->rank == WASINN_DYNAMIC_RANK)
        printf("...");
    for (uint32_t i = 0; port->rank != WASINN_DYNAMIC_RANK && i < port->rank; i++) {
        if (port->dim_names[i])
            wasinn_escape(port->dim_names[i], strlen(port->dim_names[i]), escaped, sizeof escaped);
        else
            snprintf(escaped, sizeof escaped, "%lld", (long long)port->dims[i]);
        printf("%s%s", i ? "," : "", escaped);
    }
    printf("\n");
}

static void print_facts(const struct wasinn__model_facts *facts) {
    printf("encoding\t%s\n", wasinn_encoding_name(facts->encoding));
    print_text("format", facts->format);
    print_text("name", facts->name);
    print_text("producer", facts->producer);
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < facts->port_counts[side]; i++)
            print_port(sides[side], &facts->ports[side][i]);
    if (facts->parameters_known)
        printf("parameters\t%llu\n", (unsigned long long)facts->parameters);
    if (facts->external_data)
        printf("external\n");
    print_text("note", facts->note);
}

/* The most memory that the process ever had. */
static void print_peak(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            printf("peak\t%ld\n", atol(line + 6));
    }
    if (status)
        fclose(status);
}

/* As the command does: the first reader that has something to say. */
static void print_file(const char *path) {
    struct wasinn__reader reader;
    struct wasinn__model_facts facts;
    char problem[WASINN__FILE_PROBLEM] = "";
    bool done = false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    printf("file\t%s\n", path);
    if (file < 0 || !wasinn__reader_open(&reader, file, problem)) {
        print_text("problem", file < 0 ? "cannot be opened" : problem);
    } else {
        for (size_t i = 0; !done && !problem[0] && i < sizeof readers / sizeof readers[0]; i++)
            done = readers[i](&reader, &facts, problem);
        if (done)
            print_facts(&facts);
        else
            print_text("problem", problem);
        if (done)
            wasinn__model_facts_free(&facts);
        wasinn__reader_close(&reader);
    }
    if (file >= 0)
        close(file);
}

/* ---- Damage -------------------------------------------------------------------------------------- */

static void check_port(const struct wasinn__model_port *port) {
    CHECK(port->name && strlen(port->name) <= WASINN__MODEL_NAME);
    CHECK((unsigned)port->type <= WASINN_TYPE_OTHER &&
          (port->type == WASINN_TYPE_OTHER) == !!port->type_text);
    CHECK(port->rank <= WASINN_MAX_RANK || port->rank == WASINN_DYNAMIC_RANK);
    for (uint32_t i = 0; port->rank != WASINN_DYNAMIC_RANK && i < port->rank; i++)
        CHECK(port->dims[i] >= -1 && (!port->dim_names[i] || port->dims[i] == -1));
}

static void check_facts(const struct wasinn__model_facts *facts) {
    CHECK(facts->format && facts->format[0] && !strchr(facts->format, '\n'));
    CHECK((unsigned)facts->encoding < WASINN_ENCODING_AUTODETECT);
    CHECK(facts->port_counts[0] + facts->port_counts[1] <= WASINN__MODEL_PORTS);
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < facts->port_counts[side]; i++)
            check_port(&facts->ports[side][i]);
}

/* How many readers took it for theirs, well or damaged. */
static int read_all(struct wasinn__reader *reader) {
    int taken = 0;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        struct wasinn__model_facts facts;
        char problem[WASINN__FILE_PROBLEM];
        memset(&facts, 0x5a, sizeof facts);
        memset(problem, 0x5a, sizeof problem);
        bool done = readers[i](reader, &facts, problem);
        CHECK(memchr(problem, '\0', sizeof problem));
        if (done) {
            CHECK(!problem[0]);
            check_facts(&facts);
            wasinn__model_facts_free(&facts);
        }
        taken += done || problem[0];
    }
    CHECK(taken <= 1);
    return taken;
}

/* On memory of exactly that size, so that the sanitizer sees what is read beyond it. */
static int read_copy(const uint8_t *data, size_t size) {
    struct wasinn__reader reader;
    uint8_t *copy = malloc(size ? size : 1);
    if (!CHECK(copy))
        return 0;
    memcpy(copy, data, size);
    wasinn__reader_on(&reader, copy, size);
    int taken = read_all(&reader);
    wasinn__reader_close(&reader);
    free(copy);
    return taken;
}

static void cut(const uint8_t *data, size_t size) {
    size_t step = size / 200 + 1;
    for (size_t length = 0; length < size; length += length < 4096 ? 1 : step)
        read_copy(data, length);
}

static void change(const uint8_t *data, size_t size) {
    static const uint8_t masks[] = {0x01, 0x10, 0x40, 0x80, 0xff};
    static const uint8_t values[] = {0x00, 0x7f, 0xff};
    struct wasinn__reader reader;
    uint8_t *copy = malloc(size);
    if (!CHECK(copy))
        return;
    memcpy(copy, data, size);
    for (size_t i = 0; i < size && i < 2048 + sizeof masks; i++) {
        /* After the beginning, the end: where an archive has its directory. */
        size_t places[] = {i, size - 1 - i};
        for (size_t place = 0; place < 2; place++) {
            uint8_t *byte = &copy[places[place]], before = *byte;
            for (size_t j = 0; j < sizeof masks + sizeof values; j++) {
                *byte = j < sizeof masks ? before ^ masks[j] : values[j - sizeof masks];
                wasinn__reader_on(&reader, copy, size);
                read_all(&reader);
            }
            *byte = before;
        }
    }
    /* Four bytes at once: lengths and offsets. */
    for (size_t i = 0; i + 4 <= size && i < 4096; i++) {
        static const uint32_t numbers[] = {0, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0, 0x10000};
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
            memcpy(copy + i, &numbers[j], 4);
            wasinn__reader_on(&reader, copy, size);
            read_all(&reader);
        }
        memcpy(copy + i, data + i, 4);
    }
    free(copy);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Several bytes at once, of the beginning or of all. */
static void scatter(const uint8_t *data, size_t size) {
    uint64_t state = 0x2545f4914f6cdd1d;
    struct wasinn__reader reader;
    uint8_t *copy = malloc(size);
    if (!CHECK(copy))
        return;
    memcpy(copy, data, size);
    for (int i = 0; i < 4000; i++) {
        size_t within = i % 2 && size > 1024 ? 1024 : size, places[8];
        size_t count = 1 + next_random(&state) % 8;
        for (size_t j = 0; j < count; j++) {
            places[j] = next_random(&state) % within;
            copy[places[j]] = (uint8_t)(next_random(&state) >> 32);
        }
        wasinn__reader_on(&reader, copy, size);
        read_all(&reader);
        for (size_t j = 0; j < count; j++)
            copy[places[j]] = data[places[j]];
    }
    free(copy);
}

static void damage(const char *path) {
    uint8_t *data = NULL;
    size_t size = 0;
    char problem[WASINN__FILE_PROBLEM] = "";
    check_case = path;
    if (!wasinn__file_read(path, 64 << 20, NULL, &data, &size, problem)) {
        CHECK_TEXT(problem, "to be read");
        return;
    }
    CHECK_EQ(read_copy(data, size), 1);
    cut(data, size);
    change(data, size);
    scatter(data, size);
    free(data);
}

/* A file that became shorter after it was opened. */
static void shrink(const char *path) {
    uint8_t *data = NULL;
    size_t size = 0;
    char problem[WASINN__FILE_PROBLEM] = "", name[] = "/tmp/wasinn-inspect-XXXXXX";
    check_case = path;
    int file = mkstemp(name);
    if (!CHECK(file >= 0) || !CHECK(wasinn__file_read(path, 64 << 20, NULL, &data, &size, problem)))
        return;
    unlink(name);
    CHECK_EQ(write(file, data, size), size);
    for (size_t part = 1; part <= 8; part++) {
        struct wasinn__reader reader;
        CHECK(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
        CHECK(wasinn__reader_open(&reader, file, problem));
        CHECK(ftruncate(file, (off_t)(size / 8 * (part - 1))) == 0);
        CHECK(!wasinn__reader_at(&reader, size - 1, 1));
        CHECK_TEXT(wasinn__reader_problem(&reader), "became shorter");
        read_all(&reader);
        wasinn__reader_close(&reader);
    }
    close(file);
    free(data);
}

/* ---- Random bytes -------------------------------------------------------------------------------- */

static void read_random(int count) {
    static const char *const heads[] = {"",       "\x08\x08", "\x08\x01\x12", "\n",
                                        "GGUF\3", "PK\3\4",   "\x80\2",       "\x80\4"};
    uint64_t state = 0x9e3779b97f4a7c15;
    uint8_t bytes[4096];
    int taken = 0;
    check_case = "random bytes";
    for (int i = 0; i < count; i++) {
        size_t size = next_random(&state) % sizeof bytes, head = (size_t)i % (sizeof heads / sizeof heads[0]);
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t)(next_random(&state) >> 32);
        int this = 0;
        if (strlen(heads[head]) <= size)
            memcpy(bytes, heads[head], strlen(heads[head]));
        this = read_copy(bytes, size);
        taken += head == 0 && this;
    }
    CHECK_EQ(taken, 0);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr,
                "usage: inspect_test facts FILE... | damage FILE... | shrink FILE... | random COUNT\n");
        return 2;
    }
    bool is_facts = strcmp(argv[1], "facts") == 0;
    for (int i = 2; i < argc; i++) {
        if (is_facts)
            print_file(argv[i]);
        else if (strcmp(argv[1], "damage") == 0)
            damage(argv[i]);
        else if (strcmp(argv[1], "shrink") == 0)
            shrink(argv[i]);
        else if (strcmp(argv[1], "random") == 0)
            read_random(atoi(argv[i]));
    }
    if (is_facts)
        print_peak();
    return is_facts ? 0 : check_result();
}
