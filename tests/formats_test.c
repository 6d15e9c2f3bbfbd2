/* What bytes and paths are: formats_test FIXTURES */
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/formats.h"
#include "check.h"

static const char *fixtures;
static char path[4096];

static const char *fixture(const char *name) {
    snprintf(path, sizeof path, "%s/%s", fixtures, name);
    return path;
}

static wasinn_blob read_file(const char *name) {
    FILE *stream = fopen(name, "rb");
    wasinn_blob blob = {0};
    if (!CHECK(stream != NULL)) {
        fprintf(stderr, "  %s\n", name);
        exit(1);
    }
    fseek(stream, 0, SEEK_END);
    blob.size = (size_t)ftell(stream);
    rewind(stream);
    char *bytes = malloc(blob.size + 1);
    CHECK(fread(bytes, 1, blob.size, stream) == blob.size);
    fclose(stream);
    blob.data = bytes;
    return blob;
}

static void write_file(const char *name, const void *bytes, size_t size) {
    FILE *stream = fopen(name, "wb");
    if (CHECK(stream != NULL)) {
        CHECK(fwrite(bytes, 1, size, stream) == size);
        fclose(stream);
    }
}

/* In memory of just its size, so that a sanitizer sees a look beyond. */
static wasinn__format format_of(const void *bytes, size_t size) {
    void *copy = malloc(size);
    memcpy(copy, bytes, size);
    wasinn_blob blob = {copy, size};
    wasinn__format format = wasinn__format_of_bytes(&blob);
    wasinn_encoding encoding;
    bool one = wasinn__format_of_blobs(&blob, 1, &encoding);
    CHECK(one == (format != WASINN__FORMAT_UNKNOWN && format != WASINN__FORMAT_XML));
    free(copy);
    return format;
}

static const struct {
    const char *name;
    wasinn__format format;
    int encoding; /* of the path; -1 none */
} files[] = {
    {"models/shapes.onnx", WASINN__FORMAT_ONNX, WASINN_ENCODING_ONNX},
    {"models/shapes.tflite", WASINN__FORMAT_TENSORFLOWLITE, WASINN_ENCODING_TENSORFLOWLITE},
    {"models/tiny-q8_0.gguf", WASINN__FORMAT_GGUF, WASINN_ENCODING_GGML},
    {"models/shapes_sm/saved_model.pb", WASINN__FORMAT_SAVED_MODEL, WASINN_ENCODING_TENSORFLOW},
    {"models/shapes_sm/fingerprint.pb", WASINN__FORMAT_UNKNOWN, -1},
    {"models/shapes_sm/variables/variables.index", WASINN__FORMAT_UNKNOWN, -1},
    {"models/shapes_sm/variables/variables.data-00000-of-00001", WASINN__FORMAT_UNKNOWN, -1},
    {"tensorflow/shapes.pb", WASINN__FORMAT_GRAPH, WASINN_ENCODING_TENSORFLOW},
    {"shapes.xml", WASINN__FORMAT_XML, WASINN_ENCODING_OPENVINO},
    {"types_bf16.xml", WASINN__FORMAT_XML, WASINN_ENCODING_OPENVINO},
    {"shapes.bin", WASINN__FORMAT_UNKNOWN, -1},
    {"circle.f32", WASINN__FORMAT_UNKNOWN, -1},
    {"make_fixtures.py", WASINN__FORMAT_UNKNOWN, -1},
};

static void test_fixtures(void) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        wasinn_encoding encoding = WASINN_ENCODING_AUTODETECT;
        check_case = files[i].name;
        wasinn_blob blob = read_file(fixture(files[i].name));
        CHECK_EQ(format_of(blob.data, blob.size), files[i].format);
        CHECK_EQ(wasinn__format_of_file(path), files[i].format);
        CHECK_EQ(wasinn__format_of_path(path, &encoding), files[i].encoding >= 0);
        if (files[i].encoding >= 0)
            CHECK_EQ(encoding, files[i].encoding);
        /* What is cut is still what it began as. */
        for (int tenth = 1; tenth < 10; tenth++)
            CHECK_EQ(format_of(blob.data, blob.size * tenth / 10), files[i].format);
        for (size_t size = 1; size < 2048 && size < blob.size; size++) {
            wasinn__format format = format_of(blob.data, size);
            CHECK(format == files[i].format || format == WASINN__FORMAT_UNKNOWN);
        }
        free((void *)(uintptr_t)blob.data);
    }
}

static void test_made(void) {
    static const struct {
        const char *what, *bytes;
        size_t size;
        wasinn__format format;
    } made[] = {
#define MADE(what, bytes, format) {what, bytes, sizeof bytes - 1, WASINN__FORMAT_##format}
        MADE("an archive of torch.save",
             "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0net/data.pkl", PYTORCH),
        MADE("its second entry",
             "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\5\0\1\0n/"
             "one.abPK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
             "\0\0\0\0\0\x0b\0\0\0n/byteorder",
             PYTORCH),
        MADE("an exported program",
             "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x20\0\0\0serialized_exported_program.json",
             PYTORCH),
        MADE("an archive of NumPy's", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0arr_0.npy",
             UNKNOWN),
        MADE("an old pickle", "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M", PYTORCH),
        MADE("a newer one", "\x80\4\x95\xd\0\0\0\0\0\0\0\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", PYTORCH),
        MADE("any other pickle", "\x80\4\x95\xd\0\0\0\0\0\0\0}\x94.", UNKNOWN),
        MADE("GGUF of the other order", "GGUF\0\0\0\3", GGUF),
        MADE("GGUF's letters only", "GGUF", UNKNOWN),
        MADE("both marks", "GGUFTFL3", TENSORFLOWLITE),
        MADE("the other mark alone", "\0\0\0\0TFL3", UNKNOWN),
        MADE("xml after a mark and space", "\xEF\xBB\xBF \n<net", XML),
        MADE("text", "net", UNKNOWN),
        MADE("a graph after its library", "\x12\0\x0a\x06\x0a\x01x\x12\x01N", GRAPH),
        MADE("a node without operation", "\x0a\x03\x0a\x01x", UNKNOWN),
        MADE("an operation that is none", "\x0a\x06\x0a\x01x\x12\x01!", UNKNOWN),
        MADE("ONNX, the graph first", "\x3a\x02\x0a\0\x08\x08", ONNX),
        MADE("ONNX without version", "\x3a\x02\x0a\0", UNKNOWN),
        MADE("ONNX of version 100", "\x08\x64\x3a\x02\x0a\0", UNKNOWN),
        MADE("ONNX with a field that is not its", "\x08\x08\x4a\0\x3a\x02\x0a\0", UNKNOWN),
        MADE("a SavedModel and more", "\x08\x01\x12\x02\x0a\0\x3a\x02\x0a\0", ONNX),
        MADE("a SavedModel of version 2", "\x08\x02\x12\x02\x0a\0", UNKNOWN),
        MADE("a number that has no end", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x3a", UNKNOWN),
#undef MADE
    };
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        check_case = made[i].what;
        CHECK_EQ(format_of(made[i].bytes, made[i].size), made[i].format);
    }
}

static void test_random(void) {
    uint64_t state = 88172645463325252u;
    uint8_t bytes[512];
    check_case = "random bytes";
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes[i] = (uint8_t)state;
        }
        bytes[0] &= round % 2 ? 0xff : 0x3a;
        wasinn__format format = format_of(bytes, 1 + state % sizeof bytes);
        CHECK(format == WASINN__FORMAT_UNKNOWN || format == WASINN__FORMAT_XML);
    }
}

static void test_blobs(void) {
    wasinn_blob xml = {"<net/>", 6}, gguf = {"GGUF\3\0\0\0", 8}, none = {NULL, 0};
    wasinn_encoding encoding = WASINN_ENCODING_AUTODETECT;
    check_case = "blobs";
    CHECK(wasinn__format_of_blobs((wasinn_blob[]){xml, none}, 2, &encoding));
    CHECK_EQ(encoding, WASINN_ENCODING_OPENVINO);
    CHECK(wasinn__format_of_blobs(&gguf, 1, &encoding));
    CHECK_EQ(encoding, WASINN_ENCODING_GGML);
    encoding = WASINN_ENCODING_AUTODETECT;
    CHECK(!wasinn__format_of_blobs(&xml, 1, &encoding));
    CHECK(!wasinn__format_of_blobs(&none, 1, &encoding));
    CHECK(!wasinn__format_of_blobs(NULL, 0, &encoding));
    CHECK(!wasinn__format_of_blobs((wasinn_blob[]){gguf, none}, 2, &encoding));
    CHECK(!wasinn__format_of_blobs((wasinn_blob[]){xml, none, none}, 3, &encoding));
    CHECK_EQ(encoding, WASINN_ENCODING_AUTODETECT);
    for (int format = WASINN__FORMAT_UNKNOWN; format <= WASINN__FORMAT_GGUF; format++)
        CHECK(strlen(wasinn__format_text((wasinn__format)format)) > 5);
}

static bool is(const char *name, wasinn_encoding wanted) {
    wasinn_encoding encoding = WASINN_ENCODING_AUTODETECT;
    return wasinn__format_of_path(name, &encoding) && encoding == wanted;
}

static void test_paths(void) {
    wasinn_encoding encoding;
    char folder[] = "formats_test_XXXXXX", text[4096];
    check_case = "paths";
    CHECK(is(fixture("models/shapes_sm"), WASINN_ENCODING_TENSORFLOW));
    CHECK(is(fixture("models/shapes_sm/"), WASINN_ENCODING_TENSORFLOW));
    CHECK(!wasinn__format_of_path(fixture("models"), &encoding));
    CHECK(!wasinn__format_of_path(fixture(""), &encoding));
    CHECK(!wasinn__format_of_path("/nowhere/at/all", &encoding));
    CHECK(!wasinn__format_of_path("/dev/zero", &encoding));
    CHECK(!wasinn__format_of_path("", &encoding));
    if (!CHECK(mkdtemp(folder) && chdir(folder) == 0))
        return;
    /* A folder with one xml, with two, with two of which one is model.xml. */
    CHECK(!wasinn__format_of_path(".", &encoding));
    write_file("one.xml", "<net/>", 6);
    CHECK(is(".", WASINN_ENCODING_OPENVINO));
    write_file("two.xml", "<net/>", 6);
    CHECK(!wasinn__format_of_path(".", &encoding));
    write_file("model.xml", "<net/>", 6);
    CHECK(is(".", WASINN_ENCODING_OPENVINO));
    write_file("model.xml", "text", 4);
    CHECK(!wasinn__format_of_path(".", &encoding));
    /* An xml under another name is none; the other formats may be called anything. */
    write_file("net.bin", "<net/>", 6);
    CHECK(!wasinn__format_of_path("net.bin", &encoding));
    write_file("net.xml", "GGUF\3\0\0\0", 8);
    CHECK(is("net.xml", WASINN_ENCODING_GGML));
    /* A SavedModel goes before an xml; a file that is only called so is none. */
    write_file("saved_model.pb", "\x08\x01\x12\x02\x0a\0", 6);
    CHECK(is(".", WASINN_ENCODING_TENSORFLOW) && is("saved_model.pb", WASINN_ENCODING_TENSORFLOW));
    write_file("saved_model.pb", "text", 4);
    write_file("model.xml", "<net/>", 6);
    CHECK(is(".", WASINN_ENCODING_OPENVINO) && !is("saved_model.pb", WASINN_ENCODING_TENSORFLOW));
    /* A pipe would wait for ever. */
    CHECK(mkfifo("pipe", 0600) == 0 && !wasinn__format_of_path("pipe", &encoding));
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK(!wasinn__format_of_path(text, &encoding));
    for (const char *const *name = (const char *const[]){"one.xml", "two.xml", "model.xml", "net.bin",
                                                         "net.xml", "saved_model.pb", "pipe", NULL};
         *name; name++)
        CHECK(unlink(*name) == 0);
    CHECK(chdir("..") == 0 && rmdir(folder) == 0);
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    fixtures = argv[1];
    test_fixtures();
    test_made();
    test_random();
    test_blobs();
    test_paths();
    return check_result();
}
