/* Models of every format through OpenVINO, from bytes and from files: openvino_formats_test FIXTURES
 *
 * The same classifier is there in each format, so the same picture must give the same class. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/openvino/carrier.h"
#include "backends/openvino/options.h"
#include "backends/openvino/read.h"
#include "check.h"

extern const wasinn_backend wasinn__backend_openvino;

enum { VALUES = 64 * 64 * 3, CLASSES = 5, RING = 4, CROSS = 3 };

static const wasinn_backend *const backend = &wasinn__backend_openvino;
static const char *fixtures;
static void *runtime;
static char text[1024];
static float picture[VALUES];

/* ---- Files -------------------------------------------------------------------------------------- */

static const char *fixture(const char *name) {
    static char path[4][4096];
    static unsigned next;
    char *made = path[next++ % 4];
    snprintf(made, sizeof path[0], "%s/%s", fixtures, name);
    return made;
}

static wasinn_blob read_file(const char *path) {
    FILE *stream = fopen(path, "rb");
    wasinn_blob blob = {0};
    if (!stream) {
        perror(path);
        exit(2);
    }
    fseek(stream, 0, SEEK_END);
    blob.size = (size_t)ftell(stream);
    rewind(stream);
    char *bytes = calloc(1, blob.size + 1);
    if (fread(bytes, 1, blob.size, stream) != blob.size)
        exit(2);
    fclose(stream);
    blob.data = bytes;
    return blob;
}

static void copy_file(const char *from, const char *to) {
    wasinn_blob blob = read_file(from);
    FILE *stream = fopen(to, "wb");
    CHECK(stream && fwrite(blob.data, 1, blob.size, stream) == blob.size && fclose(stream) == 0);
    free((void *)(uintptr_t)blob.data);
}

static void read_picture(const char *name) {
    wasinn_blob blob = read_file(fixture(name));
    CHECK_EQ(blob.size, sizeof picture);
    memcpy(picture, blob.data, sizeof picture);
    free((void *)(uintptr_t)blob.data);
}

/* ---- Loading and computing ---------------------------------------------------------------------- */

static bool never(void *data) {
    (void)data;
    return false;
}

static wasinn_status load(const wasinn_source *source, wasinn_encoding encoding, const wasinn_option *options,
                          size_t count, wasinn_loaded *loaded) {
    wasinn_message message = {text, sizeof text};
    wasinn_load_request request = {.struct_size = sizeof request,
                                   .source = source,
                                   .encoding = encoding,
                                   .stopped = never,
                                   .options = options,
                                   .option_count = count};
    text[0] = '\0';
    *loaded = (wasinn_loaded){.struct_size = sizeof *loaded};
    return backend->load(runtime, &request, loaded, &message);
}

static wasinn_status load_blobs(const wasinn_blob *blobs, size_t count, wasinn_encoding encoding,
                                wasinn_loaded *loaded) {
    wasinn_source source = {
        .struct_size = sizeof source, .kind = WASINN_SOURCE_BLOBS, .blobs = blobs, .blob_count = count};
    return load(&source, encoding, NULL, 0, loaded);
}

static wasinn_status load_path(const char *path, wasinn_encoding encoding, const char *mmap,
                               wasinn_loaded *loaded) {
    wasinn_source source = {.struct_size = sizeof source, .kind = WASINN_SOURCE_PATH, .path = path};
    wasinn_option option = {"mmap", mmap};
    return load(&source, encoding, &option, mmap != NULL, loaded);
}

/* The class of the picture, or -1. */
static int classify(void *model) {
    wasinn_message message = {text, sizeof text};
    wasinn_tensor shape = {
        .type = WASINN_TYPE_F32, .rank = 4, .dims = {1, 64, 64, 3}, .size = sizeof picture};
    wasinn_tensor view;
    void *execution, *memory;
    int best = -1;
    text[0] = '\0';
    if (!CHECK_EQ(backend->create(model, &execution, &message), WASINN_OK))
        return -1;
    if (CHECK_EQ(backend->input(execution, 0, &shape, &memory, &message), WASINN_OK)) {
        memcpy(memory, picture, sizeof picture);
        if (CHECK_EQ(backend->run(execution, &message), WASINN_OK) &&
            CHECK_EQ(backend->output(execution, 0, &view, &message), WASINN_OK) &&
            CHECK_EQ(view.size, CLASSES * sizeof(float))) {
            const float *values = view.data;
            best = 0;
            for (int i = 1; i < CLASSES; i++)
                if (values[i] > values[best])
                    best = i;
        }
    }
    backend->destroy(execution);
    return best;
}

static void check_port(void *model, wasinn_direction direction, const char *name, uint32_t rank) {
    wasinn_message message = {text, sizeof text};
    wasinn_port port;
    CHECK_EQ(backend->port_count(model, direction), 1);
    CHECK_EQ(backend->port(model, direction, 0, &port, &message), WASINN_OK);
    CHECK_TEXT(port.name, name);
    CHECK_TEXT(name, port.name);
    CHECK_EQ(port.type, WASINN_TYPE_F32);
    CHECK_EQ(port.rank, rank);
    CHECK_EQ(port.dims[rank - 1], direction == WASINN_INPUT ? 3 : CLASSES);
}

static const struct format {
    const char *file, *folder; /* "" where the file is what is named */
    wasinn_encoding encoding;
    const char *input, *output;
    const char *what;
} formats[] = {
    {"models/shapes.onnx", "", WASINN_ENCODING_ONNX, "x", "y", "an ONNX model"},
    {"tensorflow/shapes.pb", "", WASINN_ENCODING_TENSORFLOW, "x", "y", "a TensorFlow graph"},
    {"models/shapes.tflite", "", WASINN_ENCODING_TENSORFLOWLITE, "serving_default_x:0",
     "StatefulPartitionedCall:0", "a TensorFlow Lite model"},
    {"models/shapes_sm/saved_model.pb", "models/shapes_sm", WASINN_ENCODING_TENSORFLOW, "x", "y",
     "the saved_model.pb of a TensorFlow SavedModel"},
    {"shapes.xml", "", WASINN_ENCODING_OPENVINO, "x", "y", "the xml of an OpenVINO model"},
};
enum { FORMATS = sizeof formats / sizeof *formats, FROM_BYTES = 3 };

/* Bytes are wiped and freed as soon as the backend says that it does not keep them. */
static void test_bytes(void) {
    for (size_t i = 0; i < FROM_BYTES; i++) {
        const struct format *format = &formats[i];
        wasinn_blob blob = read_file(fixture(format->file));
        wasinn_loaded loaded;
        wasinn_encoding encoding = WASINN_ENCODING_AUTODETECT;
        check_case = format->file;
        CHECK(backend->probe(&blob, 1, &encoding));
        CHECK_EQ(encoding, format->encoding);
        if (!CHECK_EQ(load_blobs(&blob, 1, format->encoding, &loaded), WASINN_OK)) {
            fprintf(stderr, "  %s\n", text);
            continue;
        }
        CHECK(!loaded.keeps_blobs && loaded.bytes == blob.size);
        memset((void *)(uintptr_t)blob.data, 0xee, blob.size);
        free((void *)(uintptr_t)blob.data);
        check_port(loaded.model, WASINN_INPUT, format->input, 4);
        check_port(loaded.model, WASINN_OUTPUT, format->output, 2);
        CHECK_EQ(classify(loaded.model), RING);
        backend->unload(loaded.model);
    }
}

static void test_paths(void) {
    for (size_t i = 0; i < FORMATS; i++) {
        const struct format *format = &formats[i];
        const char *path = fixture(format->folder[0] ? format->folder : format->file);
        check_case = format->file;
        for (int way = 0; way < 3; way++) {
            wasinn_loaded loaded;
            wasinn_encoding encoding = WASINN_ENCODING_AUTODETECT;
            CHECK(backend->probe_path(path, &encoding));
            CHECK_EQ(encoding, format->encoding);
            static const char *const mmap[] = {NULL, "no", "yes"};
            if (!CHECK_EQ(load_path(path, format->encoding, mmap[way], &loaded), WASINN_OK)) {
                fprintf(stderr, "  %s\n", text);
                continue;
            }
            check_port(loaded.model, WASINN_INPUT, format->input, 4);
            check_port(loaded.model, WASINN_OUTPUT, format->output, 2);
            CHECK_EQ(classify(loaded.model), RING);
            backend->unload(loaded.model);
        }
    }
    check_case = "saved_model.pb by its own name";
    wasinn_loaded loaded;
    if (CHECK_EQ(load_path(fixture(formats[3].file), WASINN_ENCODING_TENSORFLOW, NULL, &loaded), WASINN_OK)) {
        CHECK_EQ(classify(loaded.model), RING);
        backend->unload(loaded.model);
    }
    /* The ending is not what tells the format. */
    check_case = "other endings";
    for (size_t i = 0; i < FROM_BYTES; i++) {
        copy_file(fixture(formats[i].file), "formats_test_net.dat");
        if (CHECK_EQ(load_path("formats_test_net.dat", formats[i].encoding, NULL, &loaded), WASINN_OK)) {
            CHECK_EQ(classify(loaded.model), RING);
            backend->unload(loaded.model);
        } else {
            fprintf(stderr, "  %s\n", text);
        }
    }
    unlink("formats_test_net.dat");
}

/* Each format offered as each other one. */
static void test_refusals(void) {
    wasinn_loaded loaded;
    for (size_t i = 0; i < FORMATS; i++) {
        wasinn_blob blob = read_file(fixture(formats[i].file)), two[] = {blob, {"", 0}};
        for (int encoding = 0; encoding <= WASINN_ENCODING_TENSORFLOWLITE; encoding++) {
            bool own = encoding == (int)formats[i].encoding && i < FROM_BYTES;
            if (own || encoding == WASINN_ENCODING_PYTORCH)
                continue;
            check_case = formats[i].file;
            bool is_ir = encoding == WASINN_ENCODING_OPENVINO;
            if (i < 4 || !is_ir) {
                CHECK_EQ(load_blobs(two, is_ir ? 2 : 1, (wasinn_encoding)encoding, &loaded),
                         WASINN_RUNTIME_ERROR);
                CHECK_TEXT(text, formats[i].what);
            }
            /* By another number of builders. */
            CHECK_EQ(load_blobs(two, is_ir ? 1 : 2, (wasinn_encoding)encoding, &loaded),
                     WASINN_INVALID_ARGUMENT);
            CHECK_TEXT(text,
                       is_ir ? "two builders, the xml and then the bin; got 1" : "is one builder; got 2");
            CHECK_EQ(load_blobs(NULL, 0, (wasinn_encoding)encoding, &loaded), WASINN_INVALID_ARGUMENT);
            if (formats[i].encoding == (wasinn_encoding)encoding)
                continue;
            CHECK_EQ(load_path(fixture(formats[i].file), (wasinn_encoding)encoding, NULL, &loaded),
                     WASINN_RUNTIME_ERROR);
            CHECK_TEXT(text, is_ir ? "is not the .xml of an OpenVINO model" : formats[i].what);
        }
        free((void *)(uintptr_t)blob.data);
    }
    static const struct {
        const char *path, *part;
        wasinn_encoding encoding;
    } bad[] = {
        {"nothing.onnx", "No such file", WASINN_ENCODING_ONNX},
        {"nothing.xml", "No such file", WASINN_ENCODING_OPENVINO},
        {"models", "is not a file", WASINN_ENCODING_TENSORFLOWLITE},
        {"models", "is not a file", WASINN_ENCODING_TENSORFLOW},
        {"models", "no .xml", WASINN_ENCODING_OPENVINO},
        {"circle.f32", "no model of a known format; encoding onnx wants an ONNX model", WASINN_ENCODING_ONNX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_case = bad[i].path;
        CHECK_EQ(load_path(fixture(bad[i].path), bad[i].encoding, NULL, &loaded), WASINN_RUNTIME_ERROR);
        CHECK_TEXT(text, bad[i].part);
    }
    wasinn_encoding encoding;
    wasinn_blob gguf = read_file(fixture("models/tiny-q8_0.gguf"));
    check_case = "another's";
    CHECK(!backend->probe(&gguf, 1, &encoding) &&
          !backend->probe_path(fixture("models/tiny-q8_0.gguf"), &encoding));
    free((void *)(uintptr_t)gguf.data);
}

/* ---- Files that change -------------------------------------------------------------------------- */

/* Whether a file of this name, or one in memory, is mapped; there is nothing to ask where there is no /proc.
 */
static bool mapped(const char *part) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (maps && getline(&line, &room, maps) > 0)
        found = found || strstr(line, part);
    free(line);
    if (maps)
        fclose(maps);
    return found;
}

static const char *const parts[] = {"saved_model.pb", "variables/variables.index",
                                    "variables/variables.data-00000-of-00001"};

static void copy_model(size_t format) {
    char from[4096], to[4096];
    (void)!system("rm -rf formats_test_files && mkdir -p formats_test_files/variables");
    if (formats[format].folder[0]) {
        for (size_t i = 0; i < 3; i++) {
            snprintf(from, sizeof from, "%s/%s", fixture(formats[format].folder), parts[i]);
            snprintf(to, sizeof to, "formats_test_files/%s", parts[i]);
            copy_file(from, to);
        }
        return;
    }
    const char *dot = strrchr(formats[format].file, '.');
    snprintf(to, sizeof to, "formats_test_files/net%s", dot);
    copy_file(fixture(formats[format].file), to);
    if (formats[format].encoding == WASINN_ENCODING_OPENVINO)
        copy_file(fixture("shapes.bin"), "formats_test_files/net.bin");
}

/* Cut: a mapped page would be gone, and reading it would end this process. Else other bytes. */
static void spoil_folder(const char *folder, bool cut) {
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        if (cut) {
            CHECK_EQ(truncate(path, 0), 0);
        } else {
            int file = open(path, O_WRONLY | O_CLOEXEC);
            char junk[4096];
            memset(junk, 0xa5, sizeof junk);
            for (off_t at = 0; at < status.st_size; at += (off_t)sizeof junk)
                CHECK(pwrite(file, junk, sizeof junk, at) == (ssize_t)sizeof junk);
            close(file);
        }
    }
    if (directory)
        closedir(directory);
}

static void test_changing_files(void) {
    for (size_t i = 0; i < FORMATS; i++)
        for (int cut = 0; cut < 2; cut++) {
            char path[4096] = "formats_test_files";
            wasinn_loaded loaded;
            check_case = formats[i].file;
            copy_model(i);
            if (!formats[i].folder[0])
                snprintf(path, sizeof path, "formats_test_files/net%s", strrchr(formats[i].file, '.'));
            if (!CHECK_EQ(load_path(path, formats[i].encoding, NULL, &loaded), WASINN_OK))
                continue;
            CHECK(!mapped("formats_test_files") && !mapped("wasinn-model"));
            spoil_folder("formats_test_files", cut);
            spoil_folder("formats_test_files/variables", cut);
            for (int again = 0; again < 2; again++)
                CHECK_EQ(classify(loaded.model), RING);
            backend->unload(loaded.model);
        }
    /* Weights that are mapped are those of the option only. */
    wasinn_loaded loaded;
    check_case = "mmap=yes";
    copy_model(4);
    if (CHECK_EQ(load_path("formats_test_files/net.xml", WASINN_ENCODING_OPENVINO, "yes", &loaded),
                 WASINN_OK)) {
        CHECK(mapped("formats_test_files/net.bin"));
        CHECK_EQ(classify(loaded.model), RING);
        backend->unload(loaded.model);
    }
    CHECK(!mapped("formats_test_files"));
    (void)!system("rm -rf formats_test_files");
}

/* ---- Models made to do harm --------------------------------------------------------------------- */

/* Protobuf, written: a message is what was put into `made` since. */
typedef struct made {
    uint8_t bytes[4096];
    size_t size;
} made;

static void put(made *into, const void *bytes, size_t size) {
    if (into->size + size > sizeof into->bytes)
        exit(2);
    memcpy(into->bytes + into->size, bytes, size);
    into->size += size;
}

static void put_number(made *into, uint64_t number) {
    do {
        uint8_t byte = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        put(into, &byte, 1);
    } while (number >>= 7);
}

static void put_bytes(made *into, unsigned field, const void *bytes, size_t size) {
    put_number(into, field << 3 | 2);
    put_number(into, size);
    put(into, bytes, size);
}

static void put_text(made *into, unsigned field, const char *word) {
    put_bytes(into, field, word, strlen(word));
}

static void put_varint(made *into, unsigned field, uint64_t number) {
    put_number(into, field << 3);
    put_number(into, number);
}

static void put_message(made *into, unsigned field, const made *message) {
    put_bytes(into, field, message->bytes, message->size);
}

/* A NodeDef's attribute: its value is field `kind` of AttrValue. */
static void put_attribute(made *node, const char *name, const made *value) {
    made entry = {.size = 0};
    put_text(&entry, 1, name);
    put_message(&entry, 2, value);
    put_message(node, 5, &entry);
}

static void put_type(made *node, const char *name, unsigned type) {
    made value = {.size = 0};
    put_varint(&value, 6, type);
    put_attribute(node, name, &value);
}

static void put_call(made *node, const char *name, const char *function) {
    made call = {.size = 0}, value = {.size = 0};
    put_text(&call, 1, function);
    put_message(&value, 10, &call);
    put_attribute(node, name, &value);
}

/* A TensorProto of one text, or of floats of no elements. */
static void put_constant(made *node, const char *word) {
    made tensor = {.size = 0}, shape = {.size = 0}, size = {.size = 0}, value = {.size = 0};
    put_varint(&tensor, 1, word ? 7 : 1);
    for (int i = 0; !word && i < 4; i++) {
        size.size = 0;
        put_varint(&size, 1, i == 2 ? 0 : 1);
        put_message(&shape, 2, &size);
    }
    put_message(&tensor, 2, &shape);
    if (word)
        put_text(&tensor, 8, word);
    put_message(&value, 8, &tensor);
    put_type(node, "dtype", word ? 7 : 1);
    put_attribute(node, "value", &value);
}

static made begin_node(const char *name, const char *operation, const char *input, const char *second) {
    made node = {.size = 0};
    put_text(&node, 1, name);
    put_text(&node, 2, operation);
    if (input)
        put_text(&node, 3, input);
    if (second)
        put_text(&node, 3, second);
    return node;
}

static void put_picture_input(made *graph) {
    made node = begin_node("x", "Placeholder", NULL, NULL), shape = {.size = 0}, value = {.size = 0};
    static const uint8_t sizes[] = {1, 4, 4, 3};
    for (int i = 0; i < 4; i++) {
        made size = {.size = 0};
        put_varint(&size, 1, sizes[i]);
        put_message(&shape, 2, &size);
    }
    put_message(&value, 7, &shape);
    put_type(&node, "dtype", 1);
    put_attribute(&node, "shape", &value);
    put_message(graph, 1, &node);
}

/* Placeholder, Const with the path, an operation on it; in the graph or in a function. */
static made reaching_graph(const char *operation, const char *path, bool in_function) {
    made graph = {.size = 0}, node = begin_node("path", "Const", NULL, NULL), function = {.size = 0};
    made *into = in_function ? &function : &graph;
    if (in_function) {
        made signature = {.size = 0};
        put_picture_input(&graph);
        put_text(&signature, 1, "f");
        put_message(&function, 1, &signature);
    }
    put_constant(&node, path);
    put_message(into, in_function ? 3 : 1, &node);
    node = begin_node("reach", operation, "path", NULL);
    put_message(into, in_function ? 3 : 1, &node);
    if (in_function) {
        made library = {.size = 0};
        put_message(&library, 1, &function);
        put_message(&graph, 2, &library);
    }
    return graph;
}

/* Nobody opens the file: inotify would say so. */
static void test_reaching(void) {
    static const char *const operations[] = {
        "ReadFile",       "RestoreV2",         "InitializeTableFromTextFileV2",
        "Restore",        "WriteFile",         "SaveV2",
        "ImmutableConst", "WholeFileReaderV2", "TextLineDataset",
        "MatchingFiles",  "LoadAndRemapMatrix"};
    char secret[] = "formats_test_secret_XXXXXX", path[4096], heard[512];
    int file = mkstemp(secret), ears = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    wasinn_loaded loaded;
    check_case = "graphs that reach for files";
    if (!CHECK(file >= 0 && ears >= 0 && write(file, "secret", 6) == 6 && realpath(secret, path)))
        return;
    close(file);
    CHECK(inotify_add_watch(ears, path, IN_OPEN | IN_ACCESS | IN_MODIFY) >= 0);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        for (int in_function = 0; in_function < 2; in_function++) {
            made graph = reaching_graph(operations[i], path, in_function);
            wasinn_blob blob = {graph.bytes, graph.size};
            CHECK_EQ(load_blobs(&blob, 1, WASINN_ENCODING_TENSORFLOW, &loaded), WASINN_SECURITY);
            CHECK_TEXT(text, "node 'reach' is the operation ");
            CHECK_TEXT(text, operations[i]);
        }
    /* Variables, for which there are no values beside bytes; and what only looks like one of those. */
    static const char *const others[] = {"VariableV2", "VarHandleOp", "ReadFileX", "HashTableV2"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        made graph = reaching_graph(others[i], path, false);
        wasinn_blob blob = {graph.bytes, graph.size};
        CHECK_EQ(load_blobs(&blob, 1, WASINN_ENCODING_TENSORFLOW, &loaded), WASINN_RUNTIME_ERROR);
    }
    /* ONNX: weights in the file. */
    made model = {.size = 0}, graph = {.size = 0}, tensor = {.size = 0}, entry = {.size = 0},
         opset = {.size = 0};
    put_varint(&tensor, 1, 6);
    put_varint(&tensor, 2, 3);
    put_text(&tensor, 8, "w");
    put_text(&entry, 1, "location");
    put_text(&entry, 2, secret);
    put_message(&tensor, 13, &entry);
    put_varint(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    put_varint(&opset, 2, 13);
    put_varint(&model, 1, 8);
    put_message(&model, 7, &graph);
    put_message(&model, 8, &opset);
    wasinn_blob blob = {model.bytes, model.size};
    CHECK_EQ(load_blobs(&blob, 1, WASINN_ENCODING_ONNX, &loaded), WASINN_SECURITY);
    CHECK_TEXT(text, secret);
    CHECK(read(ears, heard, sizeof heard) < 0 && errno == EAGAIN);
    /* The ear hears. */
    file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(read(ears, heard, sizeof heard) > 0);
    close(file);
    close(ears);
    unlink(path);
}

static made function_graph(const char *inner, const char *calls, bool returns, const char *input) {
    made graph = {.size = 0}, node = begin_node("r", inner, "a", NULL), function = {.size = 0};
    made signature = {.size = 0}, argument = {.size = 0}, result = {.size = 0}, library = {.size = 0};
    put_picture_input(&graph);
    put_text(&argument, 1, "a");
    put_varint(&argument, 3, 1);
    put_text(&result, 1, "o");
    put_varint(&result, 3, 1);
    put_text(&signature, 1, "f");
    put_message(&signature, 2, &argument);
    put_message(&signature, 3, &result);
    put_message(&function, 1, &signature);
    put_type(&node, "T", 1);
    if (calls)
        put_call(&node, calls, "f");
    put_message(&function, 3, &node);
    if (returns) {
        result.size = 0;
        put_text(&result, 1, "o");
        put_text(&result, 2, calls ? "r:output:0" : "r:activations:0");
        put_message(&function, 4, &result);
    }
    put_message(&library, 1, &function);
    node = begin_node("c", "PartitionedCall", input, NULL);
    put_call(&node, "f", "f");
    put_message(&graph, 1, &node);
    put_message(&graph, 2, &library);
    return graph;
}

/* Each of these ended the process before it was looked at. */
static void test_ending(void) {
    wasinn_loaded loaded;
    struct {
        made graph;
        const char *part; /* NULL: it is a good one */
    } cases[] = {
        {function_graph("Relu", NULL, true, "x"), NULL},
        {function_graph("Relu", NULL, false, "x"), "does not say what it returns"},
        {function_graph("PartitionedCall", "f", true, "x"), "calls itself"},
        {function_graph("StatelessWhile", "body", true, "x"), "calls itself"},
        {function_graph("Relu", NULL, true, NULL), "too many or too few values"},
        {{.size = 0}, "a convolution whose filter is empty"},
    };
    made *hollow = &cases[5].graph, node = begin_node("w", "Const", NULL, NULL);
    put_picture_input(hollow);
    put_constant(&node, NULL);
    put_message(hollow, 1, &node);
    node = begin_node("c", "Conv2D", "x", "w");
    put_message(hollow, 1, &node);
    check_case = "graphs that end the process";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wasinn_blob blob = {cases[i].graph.bytes, cases[i].graph.size};
        wasinn_status status = load_blobs(&blob, 1, WASINN_ENCODING_TENSORFLOW, &loaded);
        CHECK_EQ(status, cases[i].part ? WASINN_RUNTIME_ERROR : WASINN_OK);
        CHECK_TEXT(text, cases[i].part ? cases[i].part : "");
        if (status == WASINN_OK)
            backend->unload(loaded.model);
    }
    /* The filter of a convolution, and an operator's list of outputs, in the fixture. */
    static const struct {
        size_t at;
        uint8_t is, made;
        const char *part;
    } lite[] = {
        {261148, 32, 0, "a convolution whose filter is empty"},
        {261151, 0, 200, "whose shape is none"},
        {261148, 32, 5, "fit its input"},
        {259640, 1, 2, "more outputs than such an operator has"},
    };
    check_case = "TensorFlow Lite that ends the process";
    for (size_t i = 0; i < sizeof lite / sizeof *lite; i++) {
        wasinn_blob blob = read_file(fixture("models/shapes.tflite"));
        uint8_t *byte = (uint8_t *)(uintptr_t)blob.data + lite[i].at;
        CHECK_EQ(*byte, lite[i].is);
        *byte = lite[i].made;
        CHECK_EQ(load_blobs(&blob, 1, WASINN_ENCODING_TENSORFLOWLITE, &loaded), WASINN_RUNTIME_ERROR);
        CHECK_TEXT(text, lite[i].part);
        free((void *)(uintptr_t)blob.data);
    }
    check_case = "variables.index";
    copy_model(3);
    FILE *stream = fopen("formats_test_files/variables/variables.index", "r+b");
    if (CHECK(stream && fseek(stream, 100, SEEK_SET) == 0 && fputc(0x7e, stream) != EOF &&
              fclose(stream) == 0)) {
        CHECK_EQ(load_path("formats_test_files", WASINN_ENCODING_TENSORFLOW, NULL, &loaded),
                 WASINN_RUNTIME_ERROR);
        CHECK_TEXT(text, "a block whose checksum is another, at byte 0");
    }
    (void)!system("rm -rf formats_test_files");
}

/* What hands bytes over: only as long as it is wanted, and nobody can change it. */
static void test_carrier(void) {
    wasinn_message message = {text, sizeof text};
    wasinn_blob blob = {"0123456789", 10};
    wasinn__carrier carrier;
    check_case = "carrier";
    text[0] = '\0';
    for (int named = 0; named < 2; named++) {
        char folder[sizeof carrier.folder];
        struct stat status;
        if (!CHECK_EQ(wasinn__carrier_open(&blob, named ? ".tflite" : NULL, &carrier, &message), WASINN_OK))
            continue;
        memcpy(folder, carrier.folder, sizeof folder);
        wasinn_blob read = read_file(carrier.path);
        CHECK_EQ(read.size, named ? 26 : 10);
        CHECK(memcmp(read.data, "0123456789", 10) == 0);
        free((void *)(uintptr_t)read.data);
        CHECK(write(carrier.file, "x", 1) < 0 && ftruncate(carrier.file, 1) < 0);
        CHECK(wasinn__carrier_untouched(&carrier));
        if (named) {
            CHECK(stat(folder, &status) == 0 && (status.st_mode & 0777) == 0500);
            CHECK_TEXT(carrier.path + strlen(carrier.path) - 7, ".tflite");
            /* Who is root may put another link there, which is noticed. */
            if (geteuid() == 0) {
                CHECK(unlinkat(carrier.directory, carrier.name, 0) == 0);
                CHECK(symlinkat("/dev/null", carrier.directory, carrier.name) == 0);
                CHECK(!wasinn__carrier_untouched(&carrier));
            } else {
                CHECK(unlinkat(carrier.directory, carrier.name, 0) != 0);
            }
        }
        wasinn__carrier_close(&carrier);
        wasinn__carrier_close(&carrier);
        CHECK(!named || (stat(folder, &status) != 0 && errno == ENOENT));
    }
}

/* ---- Options and devices ------------------------------------------------------------------------ */

static void test_options(void) {
    static const struct {
        const char *key, *value, *refusal;
    } cases[] = {
        {"threads", "1", NULL},
        {"threads", "1024", NULL},
        {"threads", "0", "option 'threads' wants a number from 1 to 1024, got '0'"},
        {"threads", "1025", "wants a number"},
        {"threads", "many", "option 'threads' wants a number from 1 to 1024, got 'many'"},
        {"threads", "", "wants a number"},
        {"threads", "+1", "wants a number"},
        {"threads", "01", "wants a number"},
        {"threads", "99999999999999999999", "wants a number"},
        {"streams", "2", NULL},
        {"streams", "auto", NULL},
        {"streams", "AUTO", "option 'streams' wants a number from 1 to 1024 or auto, got 'AUTO'"},
        {"precision", "f32", NULL},
        {"precision", "bf16", NULL},
        {"precision", "f16", NULL},
        {"precision", "f64", "option 'precision' wants f32, f16 or bf16, got 'f64'"},
        {"hint", "latency", NULL},
        {"hint", "throughput", NULL},
        {"hint", "speed", "option 'hint' wants latency or throughput, got 'speed'"},
        {"mode", "accuracy", NULL},
        {"mode", "performance", NULL},
        {"mode", "", "option 'mode' wants performance or accuracy, got ''"},
        {"pinning", "no", NULL},
        {"pinning", "yes", NULL},
        {"pinning", "1", "wants yes or no"},
        {"mmap", "yes", NULL},
        {"mmap", "maybe", "option 'mmap' wants yes or no, got 'maybe'"},
        {"cache", "/tmp", "no option 'cache'"},
    };
    wasinn_source source = {
        .struct_size = sizeof source, .kind = WASINN_SOURCE_PATH, .path = fixture("models/shapes.onnx")};
    check_case = "options";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wasinn_message message = {text, sizeof text};
        wasinn_option option = {cases[i].key, cases[i].value};
        wasinn_loaded loaded;
        text[0] = '\0';
        CHECK_EQ(backend->check_option(cases[i].key, cases[i].value, &message),
                 cases[i].refusal ? WASINN_INVALID_ARGUMENT : WASINN_OK);
        CHECK_TEXT(text, cases[i].refusal ? cases[i].refusal : "");
        if (cases[i].refusal)
            continue;
        if (CHECK_EQ(load(&source, WASINN_ENCODING_ONNX, &option, 1, &loaded), WASINN_OK)) {
            CHECK_EQ(classify(loaded.model), RING);
            backend->unload(loaded.model);
        } else {
            fprintf(stderr, "  %s=%s: %s\n", option.key, option.value, text);
        }
    }
    wasinn_option all[] = {{"mmap", "no"},       {"threads", "2"},       {"streams", "1"},
                           {"precision", "f32"}, {"hint", "throughput"}, {"mode", "accuracy"},
                           {"pinning", "no"}};
    wasinn_loaded loaded;
    CHECK_EQ(sizeof all / sizeof *all, backend->option_key_count);
    if (CHECK_EQ(load(&source, WASINN_ENCODING_ONNX, all, sizeof all / sizeof *all, &loaded), WASINN_OK)) {
        CHECK_EQ(classify(loaded.model), RING);
        backend->unload(loaded.model);
    } else {
        fprintf(stderr, "  %s\n", text);
    }
    for (size_t i = 0; i < backend->option_key_count; i++)
        CHECK_TEXT(backend->option_texts[i], "; default: ");
}

/* What OpenVINO says that a compiled model is set to. */
static void test_properties(void) {
    static const struct {
        wasinn_option option;
        const char *property, *value;
    } cases[] = {
        {{"threads", "1"}, "INFERENCE_NUM_THREADS", "1"},
        {{"streams", "2"}, "NUM_STREAMS", "2"},
        {{"precision", "f32"}, "INFERENCE_PRECISION_HINT", "f32"},
        {{"hint", "throughput"}, "PERFORMANCE_HINT", "THROUGHPUT"},
        {{"hint", "latency"}, "PERFORMANCE_HINT", "LATENCY"},
        {{"mode", "accuracy"}, "EXECUTION_MODE_HINT", "ACCURACY"},
        {{"pinning", "no"}, "ENABLE_CPU_PINNING", "NO"},
    };
    const wasinn__openvino_runtime *opened = runtime;
    const wasinn__openvino *library = &opened->library;
    ov_status_e (*get)(const ov_compiled_model_t *, const char *, char **);
    void *symbol = dlsym(library->handle, "ov_compiled_model_get_property");
    wasinn_message message = {text, sizeof text};
    wasinn_source source = {
        .struct_size = sizeof source, .kind = WASINN_SOURCE_PATH, .path = fixture("models/shapes.onnx")};
    wasinn_load_request request = {.source = &source, .encoding = WASINN_ENCODING_ONNX};
    wasinn__openvino_read read;
    memcpy(&get, &symbol, sizeof get);
    if (!CHECK(symbol != NULL) ||
        !CHECK_EQ(wasinn__openvino_read_model(runtime, &request, &read, &message), WASINN_OK))
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ov_compiled_model_t *compiled;
        char *value = NULL;
        check_case = cases[i].property;
        request.options = &cases[i].option;
        request.option_count = 1;
        wasinn__openvino_settings settings;
        wasinn__openvino_settings_of(&request, &settings);
        if (!CHECK_EQ(wasinn__openvino_compile(opened, read.model, "CPU", &settings, &compiled), OK))
            continue;
        CHECK_EQ(get(compiled, cases[i].property, &value), OK);
        CHECK(value && strcmp(value, cases[i].value) == 0);
        library->ov_free(value);
        library->ov_compiled_model_free(compiled);
    }
    library->ov_model_free(read.model);
}

static void test_devices(void) {
    size_t count = 0;
    bool cpu = false;
    check_case = "devices";
    for (const char *name; (name = backend->device(runtime, count)); count++)
        cpu = cpu || strcmp(name, "CPU") == 0;
    CHECK(cpu && count >= 1 && !backend->device(runtime, count + 5));
    CHECK(backend->device(runtime, 0) == backend->device(runtime, 0));
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    fixtures = argv[1];
    wasinn_backend_settings settings = {.struct_size = sizeof settings};
    wasinn_message message = {text, sizeof text};
    if (backend->open(&settings, &runtime, &message) != WASINN_OK) {
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    read_picture("ring.f32");
    test_bytes();
    test_paths();
    test_refusals();
    test_changing_files();
    test_reaching();
    test_ending();
    test_carrier();
    test_options();
    test_properties();
    test_devices();
    backend->close(runtime);
    return check_result();
}
