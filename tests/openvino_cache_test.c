/* Models that OpenVINO compiled before, at the backend's own table: openvino_cache_test FIXTURES
 *
 * What is read back must have the ports and give the results of what was written. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/openvino/model.h"
#include "check.h"

extern const wasinn_backend wasinn__backend_openvino;

enum { MOST = 1 << 20 };

static const wasinn_backend *const backend = &wasinn__backend_openvino;
static const char *fixtures;
static void *runtime;
static char text[1024];

/* ---- A store of one entry ------------------------------------------------------------------------- */

typedef struct store {
    char key[4096]; /* that was asked for */
    wasinn_blob content;
} store;

static bool find(void *data, const char *key, wasinn_blob *content) {
    store *store = data;
    snprintf(store->key, sizeof store->key, "%s", key);
    if (store->content.data)
        *content = store->content;
    return store->content.data != NULL;
}

static bool never(void *data) {
    (void)data;
    return false;
}

static wasinn_status load(const char *path, wasinn_encoding encoding, const wasinn_option *options,
                          size_t count, store *store, wasinn_loaded *loaded) {
    wasinn_message message = {text, sizeof text};
    wasinn_source source = {.struct_size = sizeof source, .kind = WASINN_SOURCE_PATH, .path = path};
    wasinn_model_store given = {sizeof given, store, find};
    wasinn_load_request request = {.struct_size = sizeof request,
                                   .source = &source,
                                   .encoding = encoding,
                                   .stopped = never,
                                   .options = options,
                                   .option_count = count,
                                   .store = &given};
    text[0] = store->key[0] = '\0';
    *loaded = (wasinn_loaded){.struct_size = sizeof *loaded};
    return backend->load(runtime, &request, loaded, &message);
}

/* What the backend writes of a model, to be freed. Where it can be mapped it begins at a page. */
static wasinn_blob save(void *model) {
    char path[] = "/tmp/wasinn-compiled-XXXXXX";
    wasinn_message message = {text, sizeof text};
    wasinn_blob content = {0};
    int file = mkstemp(path);
    struct stat status;
    text[0] = '\0';
    CHECK_EQ(backend->save(model, path, &message), WASINN_OK);
    CHECK_EQ(fstat(file, &status), 0);
    content.size = (size_t)status.st_size;
    void *bytes = aligned_alloc(4096, (content.size + 4095) / 4096 * 4096);
    CHECK_EQ(pread(file, bytes, content.size, 0), (ssize_t)content.size);
    content.data = bytes;
    close(file);
    unlink(path);
    return content;
}

static void free_blob(wasinn_blob *blob) {
    free((void *)(uintptr_t)blob->data);
    *blob = (wasinn_blob){0};
}

/* ---- What a model is, and what it computes ---------------------------------------------------------- */

typedef struct answer {
    char ports[8192];
    uint8_t bytes[MOST];
    size_t size;
} answer;

static void describe(void *model, answer *answer) {
    wasinn_message message = {text, sizeof text};
    size_t used = 0;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < backend->port_count(model, (wasinn_direction)side); i++) {
            wasinn_port port;
            CHECK_EQ(backend->port(model, (wasinn_direction)side, i, &port, &message), WASINN_OK);
            used += (size_t)snprintf(answer->ports + used, sizeof answer->ports - used, "%d '%s' %d %u %u",
                                     side, port.name, (int)port.type, port.element_bits, port.rank);
            for (uint32_t k = 0; k < port.rank && port.rank <= WASINN_MAX_RANK; k++)
                used += (size_t)snprintf(answer->ports + used, sizeof answer->ports - used, " %lld %lld %lld",
                                         (long long)port.dims[k], (long long)port.min_dims[k],
                                         (long long)port.max_dims[k]);
            used += (size_t)snprintf(answer->ports + used, sizeof answer->ports - used, "\n");
        }
    }
}

/* Some value of any type: small whole numbers. */
static void fill(void *memory, wasinn_type type, size_t size) {
    uint8_t *bytes = memory;
    memset(memory, 0, size);
    if (type == WASINN_TYPE_F32)
        for (size_t i = 0; i < size / sizeof(float); i++)
            ((float *)memory)[i] = (float)(i % 7) / 4;
    else if (type == WASINN_TYPE_U8 || type == WASINN_TYPE_I32 || type == WASINN_TYPE_I64)
        for (size_t i = 0; i < size; i += wasinn_type_size(type))
            bytes[i] = i % 3;
}

static wasinn_status set_inputs(void *model, void *execution, wasinn_message *message) {
    for (uint32_t i = 0; i < backend->port_count(model, WASINN_INPUT); i++) {
        wasinn_tensor shape = {0};
        wasinn_port port;
        void *memory;
        backend->port(model, WASINN_INPUT, i, &port, message);
        shape.type = port.type;
        shape.rank = port.rank == WASINN_DYNAMIC_RANK ? 1 : port.rank;
        shape.size = wasinn_type_size(port.type);
        for (uint32_t k = 0; k < shape.rank; k++) {
            shape.dims[k] = port.rank == WASINN_DYNAMIC_RANK || port.dims[k] < 0 ? 2 : port.dims[k];
            shape.size *= (size_t)shape.dims[k];
        }
        wasinn_status status = backend->input(execution, i, &shape, &memory, message);
        if (status != WASINN_OK)
            return status;
        fill(memory, port.type, shape.size);
    }
    return WASINN_OK;
}

static void compute(void *model, answer *answer) {
    wasinn_message message = {text, sizeof text};
    void *execution;
    text[0] = '\0';
    answer->size = 0;
    if (!CHECK_EQ(backend->create(model, &execution, &message), WASINN_OK))
        return;
    wasinn_status status = set_inputs(model, execution, &message);
    if (status == WASINN_OK)
        status = backend->run(execution, &message);
    for (uint32_t i = 0; status == WASINN_OK && i < backend->port_count(model, WASINN_OUTPUT); i++) {
        wasinn_tensor view;
        status = backend->output(execution, i, &view, &message);
        if (status == WASINN_OK && view.size > 0 && CHECK(view.size <= MOST - answer->size)) {
            memcpy(answer->bytes + answer->size, view.data, view.size);
            answer->size += view.size;
        }
    }
    if (!CHECK_EQ(status, WASINN_OK))
        fprintf(stderr, "%s\n", text);
    backend->destroy(execution);
}

static bool same(const answer *one, const answer *other) {
    return CHECK_TEXT(one->ports, other->ports) && CHECK_EQ(one->size, other->size) &&
           CHECK(memcmp(one->bytes, other->bytes, one->size) == 0);
}

static void answer_of(void *model, answer *answer) {
    describe(model, answer);
    compute(model, answer);
}

/* ---- Cases ------------------------------------------------------------------------------------------ */

static answer before, after;

/* A property of the compiled model; "" when it has none. */
static void read_property(void *model, const char *key, char *value, size_t capacity) {
    const wasinn__openvino_model *compiled = model;
    ov_status_e (*get)(const ov_compiled_model_t *, const char *, char **);
    void *symbol = dlsym(compiled->runtime->library.handle, "ov_compiled_model_get_property");
    char *found = NULL;
    memcpy(&get, &symbol, sizeof get);
    value[0] = '\0';
    if (CHECK(symbol) && get(compiled->compiled, key, &found) == OK) {
        snprintf(value, capacity, "%s", found);
        compiled->runtime->library.ov_free(found);
    }
}

static const char *const properties[] = {"INFERENCE_NUM_THREADS",    "NUM_STREAMS",
                                         "INFERENCE_PRECISION_HINT", "PERFORMANCE_HINT",
                                         "EXECUTION_MODE_HINT",      "ENABLE_CPU_PINNING"};
enum { PROPERTIES = sizeof properties / sizeof *properties };

static void read_back(const char *path, wasinn_encoding encoding, const wasinn_option *options,
                      size_t count) {
    store store = {0};
    wasinn_loaded loaded;
    char values[PROPERTIES][64], value[64], key[4096];
    if (!CHECK_EQ(load(path, encoding, options, count, &store, &loaded), WASINN_OK)) {
        fprintf(stderr, "%s\n", text);
        return;
    }
    CHECK(store.key[0] != '\0');
    CHECK(!loaded.from_store);
    CHECK(loaded.may_be_saved);
    snprintf(key, sizeof key, "%s", store.key);
    answer_of(loaded.model, &before);
    for (size_t i = 0; i < PROPERTIES; i++)
        read_property(loaded.model, properties[i], values[i], sizeof values[i]);
    uint64_t bytes = loaded.bytes;
    store.content = save(loaded.model);
    backend->unload(loaded.model);
    if (CHECK_EQ(load(path, encoding, options, count, &store, &loaded), WASINN_OK)) {
        CHECK(loaded.from_store);
        CHECK(!loaded.may_be_saved);
        CHECK_EQ(loaded.bytes, bytes);
        CHECK(strcmp(key, store.key) == 0);
        answer_of(loaded.model, &after);
        same(&before, &after);
        for (size_t i = 0; i < PROPERTIES; i++) {
            read_property(loaded.model, properties[i], value, sizeof value);
            if (!CHECK(strcmp(values[i], value) == 0))
                fprintf(stderr, "%s: %s was %s, is %s\n", path, properties[i], values[i], value);
        }
        backend->unload(loaded.model);
    }
    free_blob(&store.content);
}

static const char *fixture(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", fixtures, name);
    return path;
}

static void test_models(void) {
    static const char *const names[] = {
        "add.xml",           "dynamic.xml",   "expand.xml",      "many.xml",   "renamed.xml",
        "scalar.xml",        "shapes.xml",    "two_outputs.xml", "digits.xml", "types_bf16.xml",
        "types_boolean.xml", "types_f16.xml", "no_inputs.xml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_case = names[i];
        read_back(fixture(names[i]), WASINN_ENCODING_OPENVINO, NULL, 0);
    }
    check_case = "other formats";
    read_back(fixture("models/shapes.tflite"), WASINN_ENCODING_TENSORFLOWLITE, NULL, 0);
}

static void test_options(void) {
    static const wasinn_option options[] = {
        {"threads", "1"},    {"streams", "2"},     {"precision", "f32"}, {"hint", "throughput"},
        {"hint", "latency"}, {"mode", "accuracy"}, {"pinning", "no"},    {"mmap", "yes"},
    };
    static const wasinn_option all[] = {
        {"threads", "2"}, {"streams", "2"}, {"precision", "f32"}, {"pinning", "yes"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        check_case = options[i].key;
        read_back(fixture("shapes.xml"), WASINN_ENCODING_OPENVINO, &options[i], 1);
    }
    check_case = "several options";
    read_back(fixture("shapes.xml"), WASINN_ENCODING_OPENVINO, all, sizeof all / sizeof *all);
}

/* What the backend writes of a model, whose answer is then `before`. */
static wasinn_blob compile_and_save(const char *path) {
    store store = {0};
    wasinn_loaded loaded;
    CHECK_EQ(load(path, WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK);
    answer_of(loaded.model, &before);
    wasinn_blob content = save(loaded.model);
    backend->unload(loaded.model);
    return content;
}

/* A content that is none: the model is compiled anew, with the answer that it had. */
static void compiles_anew(const char *path, wasinn_blob content) {
    store store = {.content = content};
    wasinn_loaded loaded;
    if (!CHECK_EQ(load(path, WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK))
        return;
    CHECK(!loaded.from_store);
    CHECK(loaded.may_be_saved);
    answer_of(loaded.model, &after);
    same(&before, &after);
    backend->unload(loaded.model);
}

/* A store checks what it gives; a disk that was full may have left the backend less to write than it had. */
static void test_cut(void) {
    check_case = "cut short";
    const char *path = fixture("shapes.xml");
    wasinn_blob whole = compile_and_save(path);
    size_t steps = 40, ends = 80;
    for (size_t i = 0; i < steps; i++) {
        /* With the end in its place, as after a failure of just some writes. */
        size_t size = (whole.size - ends) * i / steps;
        char *cut = aligned_alloc(4096, (size + ends + 4095) / 4096 * 4096);
        memcpy(cut, whole.data, size);
        memcpy(cut + size, (const char *)whole.data + whole.size - ends, ends);
        compiles_anew(path, (wasinn_blob){cut, size + (i % 2 ? ends : 0)});
        free(cut);
    }
    free_blob(&whole);
}

/* The key has the runtime's version; should it be told wrongly, OpenVINO looks for itself. */
static void test_other_content(void) {
    check_case = "other content";
    const char *path = fixture("shapes.xml");
    wasinn_blob whole = compile_and_save(path);
    char *bytes = (void *)(uintptr_t)whole.data, *version = memmem(bytes, whole.size, ";ov=20", 6);
    char *random = calloc(1, whole.size);
    for (size_t i = 0; i < whole.size; i++)
        random[i] = (char)(i * 2654435761u >> 11);
    if (CHECK(version))
        memcpy(version, ";ov=19", 6);
    const wasinn_blob contents[] = {whole, {random, whole.size}, {"x", 1}, {"", 0}};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        compiles_anew(path, contents[i]);
    free(random);
    free_blob(&whole);
}

static int lowest_descriptor(void) {
    int file = open("/dev/null", O_RDONLY);
    close(file);
    return file;
}

/* A limit that leaves room for OpenVINO's bytes, but not for all that is written behind them. */
static void test_no_room(void) {
    char path[] = "/tmp/wasinn-compiled-XXXXXX";
    wasinn_message message = {text, sizeof text};
    store store = {0};
    wasinn_loaded loaded;
    struct rlimit before, small;
    check_case = "no room";
    CHECK_EQ(load(fixture("add.xml"), WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK);
    wasinn_blob whole = save(loaded.model);
    close(mkstemp(path));
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    signal(SIGXFSZ, SIG_IGN); /* a host blocks it where it saves */
    int first = lowest_descriptor();
    for (rlim_t missing = 1; missing < 24; missing += 11) {
        small.rlim_cur = whole.size - missing;
        setrlimit(RLIMIT_FSIZE, &small);
        CHECK(backend->save(loaded.model, path, &message) != WASINN_OK);
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK_TEXT(text, "cannot be written");
    }
    CHECK_EQ(lowest_descriptor(), first);
    CHECK_EQ(backend->save(loaded.model, path, &message), WASINN_OK);
    unlink(path);
    free_blob(&whole);
    backend->unload(loaded.model);
}

/* The weights of a SavedModel are in other files than the one that may stand for it. */
static void test_saved_model(void) {
    check_case = "SavedModel";
    store store = {0};
    wasinn_loaded loaded;
    static const char *const paths[] = {"models/shapes_sm", "models/shapes_sm/saved_model.pb"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        CHECK_EQ(load(fixture(paths[i]), WASINN_ENCODING_TENSORFLOW, NULL, 0, &store, &loaded), WASINN_OK);
        CHECK_EQ(store.key[0], '\0');
        CHECK(!loaded.may_be_saved);
        backend->unload(loaded.model);
    }
}

static void copy(const char *from, const char *to) {
    char bytes[4096];
    size_t got;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    while ((got = fread(bytes, 1, sizeof bytes, in)) > 0)
        fwrite(bytes, 1, got, out);
    fclose(in);
    fclose(out);
}

/* What a model is known by changes with each of its files, also when their times are set back. */
static void test_identity(void) {
    char folder[] = "/tmp/wasinn-identity-XXXXXX", xml[64], bin[64], first[4096];
    store store = {0};
    wasinn_loaded loaded;
    struct stat status;
    check_case = "identity";
    CHECK(mkdtemp(folder));
    snprintf(xml, sizeof xml, "%s/model.xml", folder);
    snprintf(bin, sizeof bin, "%s/model.bin", folder);
    copy(fixture("add.xml"), xml);
    copy(fixture("add.bin"), bin);
    CHECK_EQ(load(folder, WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK);
    CHECK_EQ(store.key[0], '\0'); /* just written: not looked for */
    CHECK(!loaded.may_be_saved);
    backend->unload(loaded.model);
    sleep(4);
    CHECK_EQ(load(folder, WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK);
    CHECK(store.key[0] != '\0');
    CHECK(loaded.may_be_saved);
    snprintf(first, sizeof first, "%s", store.key);
    backend->unload(loaded.model);
    CHECK_EQ(load(xml, WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK);
    CHECK(strcmp(first, store.key) == 0);
    backend->unload(loaded.model);
    CHECK_EQ(stat(bin, &status), 0);
    copy(fixture("add.bin"), bin);
    struct timespec times[2] = {status.st_atim, status.st_mtim};
    CHECK_EQ(utimensat(-1, bin, times, 0), 0);
    sleep(4);
    CHECK_EQ(load(folder, WASINN_ENCODING_OPENVINO, NULL, 0, &store, &loaded), WASINN_OK);
    CHECK(store.key[0] != '\0');
    CHECK(strcmp(first, store.key) != 0);
    backend->unload(loaded.model);
    unlink(xml);
    unlink(bin);
    rmdir(folder);
}

int main(int count, char **arguments) {
    wasinn_message message = {text, sizeof text};
    wasinn_backend_settings settings = {sizeof settings, NULL};
    if (count != 2)
        return 2;
    fixtures = arguments[1];
    if (backend->open(&settings, &runtime, &message) != WASINN_OK) {
        fprintf(stderr, "%s\n", text);
        return 77;
    }
    test_models();
    test_options();
    test_cut();
    test_other_content();
    test_no_room();
    test_saved_model();
    test_identity();
    backend->close(runtime);
    return check_result();
}
