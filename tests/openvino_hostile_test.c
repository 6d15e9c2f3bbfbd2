/* Damaged and hostile models through OpenVINO: openvino_hostile_test FIXTURES ROUNDS
 *
 * Each model is taken whole, cut at every tenth, and altered at random in ROUNDS ways, loaded and, if it
 * loads, computed. What ends or hangs a process must not: so this happens in processes of their own.
 * openvino_hostile_test FIXTURES FORMAT NUMBER repeats one. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "wasinn/backend.h"

extern const wasinn_backend wasinn__backend_openvino;

enum { PATIENCE_S = 120, LARGEST = 64 << 20 };
#define MOST_MEMORY (UINT64_C(6) << 30)

static const wasinn_backend *const backend = &wasinn__backend_openvino;
static const char *fixtures;

/* What the processes share: how far they got. */
static struct progress {
    int number, loaded, computed;
} *progress;

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static const struct format {
    const char *name, *file;
    wasinn_encoding encoding;
    size_t from_end;  /* where most of what is not weights begins; 0: anywhere */
    const char *part; /* of a SavedModel's folder: what is altered */
} formats[] = {
    {"onnx", "models/shapes.onnx", WASINN_ENCODING_ONNX, 0, NULL},
    {"tflite", "models/shapes.tflite", WASINN_ENCODING_TENSORFLOWLITE, 2200, NULL},
    {"pb", "tensorflow/shapes.pb", WASINN_ENCODING_TENSORFLOW, 0, NULL},
    {"ir", "shapes.xml", WASINN_ENCODING_OPENVINO, 0, NULL},
    {"sm", "models/shapes_sm/saved_model.pb", WASINN_ENCODING_TENSORFLOW, 0, "saved_model.pb"},
    {"sm-index", "models/shapes_sm/variables/variables.index", WASINN_ENCODING_TENSORFLOW, 0,
     "variables/variables.index"},
    {"sm-data", "models/shapes_sm/variables/variables.data-00000-of-00001", WASINN_ENCODING_TENSORFLOW, 0,
     "variables/variables.data-00000-of-00001"},
};
enum { FORMATS = sizeof formats / sizeof *formats, TENTHS = 10 };

static bytes read_file(const char *name) {
    char path[4096];
    bytes made = {0};
    snprintf(path, sizeof path, "%s/%s", fixtures, name);
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        perror(path);
        exit(2);
    }
    fseek(stream, 0, SEEK_END);
    made.size = (size_t)ftell(stream);
    rewind(stream);
    made.data = calloc(1, made.size + 1);
    if (fread(made.data, 1, made.size, stream) != made.size)
        exit(2);
    fclose(stream);
    return made;
}

static void write_file(const char *path, const bytes *content) {
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(content->data, 1, content->size, stream) != content->size || fclose(stream) != 0)
        exit(2);
}

/* ---- Damage ------------------------------------------------------------------------------------- */

static uint64_t state;

static uint64_t next_random(uint64_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* A place among what is not weights, mostly: bytes that are text, small or nothing have like ones around
 * them. */
static size_t choose(const bytes *model, size_t from_end) {
    size_t place = (size_t)next_random(model->size);
    if (from_end && next_random(50))
        return model->size - 1 - (size_t)next_random(from_end < model->size ? from_end : model->size);
    for (int tries = 0; tries < 200 && next_random(20); tries++) {
        int plain = 0;
        place = (size_t)next_random(model->size);
        for (size_t i = place; i < place + 16 && i < model->size; i++)
            plain += model->data[i] < 0x20 || (model->data[i] >= 'A' && model->data[i] <= 'z');
        if (plain > 11)
            break;
    }
    return place;
}

static void damage(bytes *model, const struct format *format, int number) {
    static const uint8_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    if (number == 0)
        return;
    if (number < TENTHS) {
        model->size = model->size * (size_t)number / TENTHS;
        return;
    }
    state = 88172645463325252u + 1000003u * (uint64_t)number;
    for (uint64_t left = 1 + next_random(next_random(4) ? 3 : 16); left > 0; left--) {
        size_t place = choose(model, format->from_end), run = (size_t)next_random(8) + 1;
        switch (next_random(6)) {
        case 0:
            model->data[place] = (uint8_t)next_random(256);
            break;
        case 1:
            model->data[place] ^= (uint8_t)(1u << next_random(8));
            break;
        case 2:
            model->data[place] = edges[next_random(sizeof edges)];
            break;
        case 3:
            for (size_t i = place; i < place + 4 && i < model->size; i++)
                model->data[i] = edges[next_random(2) ? 0 : 5];
            break;
        case 4: /* bytes from elsewhere */
            for (size_t i = 0, from = choose(model, format->from_end); i < run; i++)
                if (place + i < model->size && from + i < model->size)
                    model->data[place + i] = model->data[from + i];
            break;
        default: /* bytes that are missing */
            if (format->encoding != WASINN_ENCODING_TENSORFLOWLITE && place + run < model->size) {
                memmove(model->data + place, model->data + place + run, model->size - place - run);
                model->size -= run;
            }
        }
    }
}

/* ---- In a process of its own --------------------------------------------------------------------- */

static bool never(void *data) {
    (void)data;
    return false;
}

static bool set_input(void *model, void *execution, uint32_t index, wasinn_message *message) {
    wasinn_port port;
    wasinn_tensor shape = {0};
    void *memory;
    if (backend->port(model, WASINN_INPUT, index, &port, message) != WASINN_OK || port.rank > WASINN_MAX_RANK)
        return false;
    shape.type = port.type;
    shape.rank = port.rank;
    uint64_t size = port.element_bits / 8;
    for (uint32_t i = 0; i < port.rank; i++) {
        int64_t dimension = port.dims[i] >= 0 ? port.dims[i] : port.min_dims[i] > 1 ? port.min_dims[i] : 1;
        shape.dims[i] = dimension;
        if (dimension > LARGEST || (size *= (uint64_t)dimension) > LARGEST)
            return false;
    }
    shape.size = size;
    if (backend->input(execution, index, &shape, &memory, message) != WASINN_OK)
        return false;
    memset(memory, 0, size);
    return true;
}

static void compute(void *model, wasinn_message *message) {
    void *execution;
    bool ready = true;
    wasinn_tensor view;
    if (backend->create(model, &execution, message) != WASINN_OK)
        return;
    for (uint32_t i = 0; ready && i < backend->port_count(model, WASINN_INPUT); i++)
        ready = set_input(model, execution, i, message);
    if (ready && backend->run(execution, message) == WASINN_OK) {
        for (uint32_t i = 0; i < backend->port_count(model, WASINN_OUTPUT); i++)
            if (backend->output(execution, i, &view, message) == WASINN_OK)
                progress->computed++;
    }
    backend->destroy(execution);
}

static void try_source(void *runtime, const wasinn_source *source, wasinn_encoding encoding, bool talk) {
    char text[1024] = "";
    wasinn_message message = {text, sizeof text};
    wasinn_load_request request = {
        .struct_size = sizeof request, .source = source, .encoding = encoding, .stopped = never};
    wasinn_loaded loaded = {.struct_size = sizeof loaded};
    alarm(PATIENCE_S);
    wasinn_status status = backend->load(runtime, &request, &loaded, &message);
    if (status == WASINN_OK) {
        progress->loaded++;
        compute(loaded.model, &message);
        backend->unload(loaded.model);
    } else if (!text[0]) {
        abort(); /* refused without a word */
    }
    alarm(0);
    if (talk)
        fprintf(stderr, "%s: %s\n", wasinn_status_name(status), text);
}

static void try_damaged(void *runtime, const struct format *format, const bytes *whole, const bytes *weights,
                        int number, bool talk) {
    bytes model = {malloc(whole->size + 1), whole->size};
    memcpy(model.data, whole->data, whole->size);
    damage(&model, format, number);
    model.data[model.size] = '\0';
    wasinn_blob blobs[] = {{model.data, model.size}, {weights->data, weights->size}};
    wasinn_source source = {.struct_size = sizeof source,
                            .kind = format->part ? WASINN_SOURCE_PATH : WASINN_SOURCE_BLOBS,
                            .blobs = blobs,
                            .blob_count = format->encoding == WASINN_ENCODING_OPENVINO ? 2 : 1,
                            .path = "hostile_test_sm"};
    char path[256];
    snprintf(path, sizeof path, "hostile_test_sm/%s", format->part ? format->part : "");
    if (format->part)
        write_file(path, &model);
    try_source(runtime, &source, format->encoding, talk);
    if (format->part)
        write_file(path, whole);
    free(model.data);
}

static void *open_runtime(void) {
    void *runtime;
    char text[1024] = "";
    wasinn_message message = {text, sizeof text};
    wasinn_backend_settings settings = {.struct_size = sizeof settings};
    if (backend->open(&settings, &runtime, &message) != WASINN_OK) {
        fprintf(stderr, "%s\n", text);
        _exit(3);
    }
    return runtime;
}

static void work(const struct format *format, int first, int end, bool talk) {
    bytes whole = read_file(format->file), weights = read_file("shapes.bin");
#if !defined __SANITIZE_ADDRESS__
    /* A shape may ask for more memory than there is. */
    struct rlimit most = {(rlim_t)MOST_MEMORY, (rlim_t)MOST_MEMORY};
    if (setrlimit(RLIMIT_AS, &most) != 0)
        _exit(2);
#endif
    void *runtime = open_runtime();
    /* OpenVINO's protobuf tells each text that is none on standard error. */
    if (!talk && !freopen("/dev/null", "w", stderr))
        _exit(2);
    for (int number = first; number < end; number++) {
        progress->number = number;
        try_damaged(runtime, format, &whole, &weights, number, talk);
    }
    _exit(0);
}

static void make_saved_model(void) {
    if (system("rm -rf hostile_test_sm && mkdir -p hostile_test_sm/variables") != 0)
        exit(2);
    for (size_t i = 0; i < FORMATS; i++) {
        char path[256];
        if (!formats[i].part)
            continue;
        bytes content = read_file(formats[i].file);
        snprintf(path, sizeof path, "hostile_test_sm/%s", formats[i].part);
        write_file(path, &content);
        free(content.data);
    }
}

static void test_format(const struct format *format, int rounds) {
    progress->loaded = progress->computed = 0;
    check_case = format->name;
    make_saved_model();
    for (int first = 0; first < rounds;) {
        int status;
        progress->number = first;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0)
            work(format, first, rounds, false);
        if (child < 0 || waitpid(child, &status, 0) != child)
            exit(2);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            break;
        CHECK(false && "a model ended or hung the process");
        fprintf(stderr, "  %s %d: %s %d\n", format->name, progress->number,
                WIFSIGNALED(status) ? "signal" : "exit code",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
            exit(1);
        first = progress->number + 1;
    }
    printf("%s: %d of %d were loaded, %d outputs\n", format->name, progress->loaded, rounds,
           progress->computed);
    CHECK(progress->computed > 0);
}

int main(int argc, char **argv) {
    if (argc < 3 || argc > 4)
        return 2;
    fixtures = argv[1];
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
        return 2;
    for (size_t i = 0; i < FORMATS; i++)
        if (argc == 3)
            test_format(&formats[i], atoi(argv[2]));
        else if (strcmp(argv[2], formats[i].name) == 0) {
            make_saved_model();
            work(&formats[i], atoi(argv[3]), atoi(argv[3]) + 1, true);
        }
    if (system("rm -rf hostile_test_sm") != 0)
        return 2;
    return check_result();
}
