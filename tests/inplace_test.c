/* Inferences in the caller's memory, with models that tempt a runtime to write where it may only read, to
 * write nothing, or to reach beyond a tensor:
 *
 *     inplace_test BACKEND FOLDER SUFFIX [copied=MODEL]...
 *
 * computes with each model FOLDER/NAME.SUFFIX. Inputs lie in pages that nobody can write, every tensor ends
 * or begins where there is no memory, and results are those of the three calls, bit for bit. `copied` are
 * models that the backend is known to leave to the core. Exits with 77 when the runtime cannot be had.
 */
#include "check.h"
#include "world.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 8, MODELS = 64, ROUNDS = 10 };

/* Pages between two that are not there. */
typedef struct pages {
    uint8_t *mapped, *first;
    size_t size; /* of those that are there */
} pages;

static size_t page;

static bool map(pages *made, size_t bytes) {
    made->size = (bytes + page) / page * page;
    made->mapped = mmap(NULL, made->size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made->mapped == MAP_FAILED)
        return false;
    made->first = made->mapped + page;
    return mprotect(made->first, made->size, PROT_READ | PROT_WRITE) == 0;
}

static void unmap(const pages *mapped) {
    munmap(mapped->mapped, mapped->size + 2 * page);
}

/* Where a tensor lies in its pages: at one end or the other, or somewhere between, always aligned to its
 * elements. */
static uint8_t *placed(const pages *within, size_t bytes, size_t element, int round) {
    size_t last = within->size - bytes;
    if (round % 3 == 0)
        return within->first + last / element * element;
    if (round % 3 == 1)
        return within->first;
    size_t offset = (size_t)round * 4 / element * element;
    return within->first + (offset <= last ? offset : 0);
}

typedef struct session {
    wasinn_host *host;
    wasinn_guest *guest;
    wasinn_handle graph, standard, other;
    uint32_t counts[2];
    wasinn_port ports[2][MOST];
    size_t sizes[2][MOST];
    pages memory[2][MOST];
    int infers, runs;
} session;

static bool note(void *data, const char *entry) {
    session *seen = data;
    seen->infers += strcmp(entry, "infer") == 0;
    seen->runs += strcmp(entry, "run") == 0;
    return false;
}

static size_t size_of(const wasinn_port *port) {
    size_t size = wasinn_type_size(port->type);
    for (uint32_t i = 0; i < port->rank; i++)
        size *= (size_t)port->dims[i];
    return size;
}

static bool open_session(session *one, const char *backend, const char *path) {
    const wasinn_model_config config = {.struct_size = sizeof config,
                                        .backend = backend,
                                        .path = path,
                                        .encoding = WASINN_ENCODING_AUTODETECT,
                                        .target = WASINN_TARGET_CPU};
    if (!CHECK_EQ(wasinn_host_new(&one->host), WASINN_OK) ||
        !CHECK_EQ(wasinn_host_register(one->host, "model", &config), WASINN_OK) ||
        !CHECK_EQ(wasinn_guest_new(one->host, &one->guest), WASINN_OK))
        return false;
    if (!CHECK_EQ(wasinn_load_by_name(one->guest, "model", 5, &one->graph), WASINN_OK)) {
        fprintf(stderr, "    %s\n", wasinn_guest_last_error(one->guest));
        return false;
    }
    for (int side = 0; side < 2; side++) {
        wasinn_graph_port_count(one->guest, one->graph, (wasinn_direction)side, &one->counts[side]);
        for (uint32_t i = 0; i < one->counts[side] && CHECK(one->counts[side] <= MOST); i++) {
            wasinn_port *port = &one->ports[side][i];
            CHECK_EQ(wasinn_graph_port(one->guest, one->graph, (wasinn_direction)side, i, port), WASINN_OK);
            one->sizes[side][i] = size_of(port);
            CHECK(map(&one->memory[side][i], one->sizes[side][i] + 256));
        }
    }
    return CHECK_EQ(wasinn_init_execution_context(one->guest, one->graph, &one->standard), WASINN_OK) &&
           CHECK_EQ(wasinn_init_execution_context(one->guest, one->graph, &one->other), WASINN_OK);
}

static void close_session(session *one) {
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < one->counts[side] && i < MOST; i++)
            unmap(&one->memory[side][i]);
    wasinn_guest_free(one->guest);
    wasinn_host_free(one->host);
}

static void fill(uint8_t *data, const wasinn_port *port, size_t size, int round) {
    size_t element = wasinn_type_size(port->type);
    for (size_t i = 0; i < size / element; i++) {
        int value = (int)((i * 13 + (size_t)round * 7) % 31) - 15;
        float real = (float)value / 4;
        uint16_t half = (uint16_t)((value < 0 ? 0xBC00 : 0x3C00) + (i * 5 + (size_t)round) % 512);
        int64_t whole = value;
        const void *from = port->type == WASINN_TYPE_F32   ? (const void *)&real
                           : port->type == WASINN_TYPE_F16 ? (const void *)&half
                                                           : (const void *)&whole;
        memcpy(data + i * element, from, element);
    }
}

static wasinn_tensor tensor_at(const wasinn_port *port, const void *data, size_t size) {
    wasinn_tensor made = {.type = port->type, .rank = port->rank, .data = data, .size = size};
    memcpy(made.dims, port->dims, sizeof made.dims);
    return made;
}

/* The three calls, on inputs elsewhere; outputs as copies. */
static void compute(session *one, int round, uint8_t *inputs[MOST], uint8_t *outputs[MOST]) {
    wasinn_tensor view;
    for (uint32_t i = 0; i < one->counts[WASINN_INPUT]; i++) {
        const wasinn_port *port = &one->ports[WASINN_INPUT][i];
        inputs[i] = malloc(one->sizes[WASINN_INPUT][i]);
        fill(inputs[i], port, one->sizes[WASINN_INPUT][i], round + (int)i);
        wasinn_tensor tensor = tensor_at(port, inputs[i], one->sizes[WASINN_INPUT][i]);
        CHECK_EQ(wasinn_set_input(one->guest, one->standard, i, &tensor), WASINN_OK);
    }
    CHECK_EQ(wasinn_compute(one->guest, one->standard), WASINN_OK);
    for (uint32_t i = 0; i < one->counts[WASINN_OUTPUT]; i++) {
        outputs[i] = malloc(one->sizes[WASINN_OUTPUT][i]);
        if (CHECK_EQ(wasinn_output(one->guest, one->standard, i, &view), WASINN_OK) &&
            CHECK_EQ(view.size, one->sizes[WASINN_OUTPUT][i]))
            memcpy(outputs[i], view.data, view.size);
    }
}

static bool is_all(const uint8_t *bytes, size_t size, uint8_t value) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* Whether an output is what it should be, and its pages are otherwise as they were. */
static void check_output(const session *one, uint32_t index, const uint8_t *at, const uint8_t *wanted,
                         bool given) {
    const pages *within = &one->memory[WASINN_OUTPUT][index];
    size_t size = one->sizes[WASINN_OUTPUT][index], before = (size_t)(at - within->first);
    CHECK(given ? memcmp(at, wanted, size) == 0 : is_all(at, size, 0x5A));
    CHECK(is_all(within->first, before, 0x5A) && is_all(at + size, within->size - before - size, 0x5A));
}

/* `some`: the last input is set as ever and the last output not asked for, where there is more than one. */
static void infer(session *one, wasinn_handle execution, int round, bool some, uint8_t *inputs[MOST],
                  uint8_t *outputs[MOST]) {
    wasinn_tensor tensors[MOST];
    wasinn_result results[MOST];
    uint32_t given = one->counts[WASINN_INPUT], asked = one->counts[WASINN_OUTPUT];
    for (uint32_t i = 0; i < one->counts[WASINN_INPUT]; i++) {
        const wasinn_port *port = &one->ports[WASINN_INPUT][i];
        size_t size = one->sizes[WASINN_INPUT][i];
        const pages *within = &one->memory[WASINN_INPUT][i];
        uint8_t *at = placed(within, size, wasinn_type_size(port->type), round);
        memcpy(at, inputs[i], size);
        mprotect(within->first, within->size, PROT_READ);
        tensors[i] = tensor_at(port, at, size);
    }
    if (some && given > 1)
        CHECK_EQ(wasinn_set_input(one->guest, execution, given - 1, &tensors[given - 1]), WASINN_OK);
    given -= some && given > 1;
    for (uint32_t i = 0; i < one->counts[WASINN_OUTPUT]; i++) {
        const pages *within = &one->memory[WASINN_OUTPUT][i];
        size_t size = one->sizes[WASINN_OUTPUT][i];
        memset(within->first, 0x5A, within->size);
        results[i] = (wasinn_result){
            placed(within, size, wasinn_type_size(one->ports[WASINN_OUTPUT][i].type), round), size, 0};
    }
    asked -= some && asked > 1;
    CHECK_EQ(wasinn_infer(one->guest, execution, tensors, given, results, asked), WASINN_OK);
    for (uint32_t i = 0; i < one->counts[WASINN_OUTPUT]; i++)
        check_output(one, i, results[i].data, outputs[i], i < asked);
    for (uint32_t i = 0; i < one->counts[WASINN_INPUT]; i++) {
        CHECK(memcmp(tensors[i].data, inputs[i], tensors[i].size) == 0);
        mprotect(one->memory[WASINN_INPUT][i].first, one->memory[WASINN_INPUT][i].size,
                 PROT_READ | PROT_WRITE);
    }
}

/* What one execution was lent, another one that computes with the same model neither reads nor writes. */
static void compute_besides(session *one, int round) {
    uint8_t *inputs[MOST], *outputs[MOST];
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < one->counts[side]; i++)
            mprotect(one->memory[side][i].first, one->memory[side][i].size, PROT_NONE);
    compute(one, round, inputs, outputs);
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < one->counts[side]; i++) {
            mprotect(one->memory[side][i].first, one->memory[side][i].size, PROT_READ | PROT_WRITE);
            free(side ? outputs[i] : inputs[i]);
        }
}

static void test_model(const char *backend, const char *path, bool copied) {
    session one = {0};
    if (open_session(&one, backend, path)) {
        one.host->faults = (wasinn__faults){note, &one};
        for (int round = 0; round < ROUNDS; round++) {
            uint8_t *inputs[MOST], *outputs[MOST];
            compute(&one, round, inputs, outputs);
            int runs = one.runs;
            infer(&one, one.other, round, false, inputs, outputs);
            CHECK_EQ(one.runs - runs, copied);
            compute_besides(&one, round + 100);
            infer(&one, one.other, round, false, inputs, outputs);
            infer(&one, one.standard, round + 1, true, inputs, outputs);
            for (uint32_t i = 0; i < one.counts[WASINN_INPUT]; i++)
                free(inputs[i]);
            for (uint32_t i = 0; i < one.counts[WASINN_OUTPUT]; i++)
                free(outputs[i]);
        }
        CHECK_EQ(one.infers, 3 * ROUNDS);
    }
    close_session(&one);
}

static int by_name(const void *left, const void *right) {
    return strcmp(left, right);
}

/* The models of a folder, without their suffix. */
static size_t list(const char *folder, const char *suffix, char names[MODELS][64]) {
    size_t count = 0;
    DIR *opened = opendir(folder);
    for (struct dirent *entry; opened && count < MODELS && (entry = readdir(opened));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot + 1, suffix) == 0)
            snprintf(names[count++], sizeof names[0], "%.*s", (int)(dot - entry->d_name), entry->d_name);
    }
    if (opened)
        closedir(opened);
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

static bool is_copied(const char *name, int argc, char **argv) {
    for (int i = 4; i < argc; i++)
        if (strncmp(argv[i], "copied=", 7) == 0 && strcmp(argv[i] + 7, name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv) {
    static char names[MODELS][64];
    if (argc < 4)
        return 2;
    page = (size_t)sysconf(_SC_PAGESIZE);
    for (const flavour *flavour = flavours; flavour->name; flavour++) {
        if (strcmp(flavour->backend, argv[1]) == 0 && flavour_problem(flavour)[0]) {
            printf("skipped: %s\n", flavour_problem(flavour));
            return 77;
        }
    }
    size_t count = list(argv[2], argv[3], names);
    CHECK(count > 15);
    for (size_t i = 0; i < count; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "%s/%s.%s", argv[2], names[i], argv[3]);
        check_case = names[i];
        test_model(argv[1], path, is_copied(names[i], argc, argv));
    }
    return check_result();
}
