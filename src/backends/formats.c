#include "backends/formats.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes in memory or in a file, read here and there. */
typedef struct content {
    const uint8_t *bytes; /* NULL: those of the file */
    int file;
    uint64_t size;
} content;

/* How many of the `wanted` bytes from `at` on there are. */
static size_t peek(const content *content, uint64_t at, void *out, size_t wanted) {
    if (at >= content->size)
        return 0;
    if (wanted > content->size - at)
        wanted = (size_t)(content->size - at);
    if (content->bytes) {
        memcpy(out, content->bytes + at, wanted);
        return wanted;
    }
    ssize_t got = pread(content->file, out, wanted, (off_t)at);
    return got > 0 ? (size_t)got : 0;
}

static bool has(const content *content, uint64_t at, const char *bytes, size_t size) {
    char seen[32];
    return size <= sizeof seen && peek(content, at, seen, size) == size && memcmp(seen, bytes, size) == 0;
}

/* ---- Protocol buffers: ONNX and TensorFlow have no mark ------------------------------------------- */

#define VARINT(number) ((uint64_t)(number) << 3)
#define BYTES(number) ((uint64_t)(number) << 3 | 2)

enum { MOST_FIELDS = 256 /* of a message, before what tells its format */ };

/* A message, or what is left of it; `end` may lie beyond the content, which is then cut. */
typedef struct span {
    uint64_t at, end;
} span;

typedef struct field {
    uint64_t key, value;
    span content; /* of BYTES */
} field;

static bool take_varint(const content *content, span *span, uint64_t *value) {
    uint8_t bytes[10];
    uint64_t left = span->end - span->at, result = 0;
    size_t count = peek(content, span->at, bytes, left < sizeof bytes ? (size_t)left : sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        if (i == 9 && bytes[i] > 1)
            return false;
        result |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if (bytes[i] < 0x80) {
            span->at += i + 1;
            *value = result;
            return true;
        }
    }
    return false;
}

/* Takes the next field off the message. False: there is none, it is cut, or this is no message. */
static bool take_field(const content *content, span *span, field *field) {
    uint64_t size;
    field->value = 0;
    if (span->at >= span->end || !take_varint(content, span, &field->key) || field->key >> 3 == 0)
        return false;
    switch (field->key & 7) {
    case 0:
        return take_varint(content, span, &field->value);
    case 1:
        size = 8;
        break;
    case 2:
        if (!take_varint(content, span, &size))
            return false;
        break;
    case 5:
        size = 4;
        break;
    default:
        return false;
    }
    if (size > span->end - span->at)
        return false;
    field->content.at = span->at;
    field->content.end = span->at += size;
    return true;
}

static bool begins_with(const content *content, span span, uint64_t key, field *field) {
    return take_field(content, &span, field) && field->key == key;
}

/* Of ModelProto, but the graph and the number of the version. */
static bool is_onnx_field(uint64_t key) {
    static const uint8_t texts[] = {2, 3, 4, 6, 8, 14, 20, 25, 26};
    for (size_t i = 0; i < sizeof texts; i++)
        if (key == BYTES(texts[i]))
            return true;
    return key == VARINT(5);
}

/* Of GraphProto. */
static bool is_onnx_graph_field(uint64_t key) {
    uint64_t number = key >> 3;
    return key == BYTES(number) &&
           (number == 1 || number == 2 || number == 5 || (number >= 10 && number <= 16));
}

/* A version, and a graph that begins as one, among fields that are a model's. */
static bool is_onnx(const content *content) {
    span span = {0, UINT64_MAX};
    field field, inner;
    bool version = false, graph = false;
    for (int i = 0; i < MOST_FIELDS && !(version && graph); i++) {
        if (!take_field(content, &span, &field))
            return false;
        if (field.key == VARINT(1)) {
            version = field.value >= 1 && field.value <= 99;
            if (!version)
                return false;
        } else if (field.key == BYTES(7)) {
            graph = take_field(content, &field.content, &inner) && is_onnx_graph_field(inner.key);
            if (!graph)
                return false;
        } else if (!is_onnx_field(field.key)) {
            return false;
        }
    }
    return version && graph;
}

/* The name of an operation: "Conv2D", "_FusedConv2D", "Addons>Gelu". */
static bool is_operation(const content *content, span text) {
    char name[128];
    uint64_t size = text.end - text.at;
    if (size == 0 || size > sizeof name || peek(content, text.at, name, size) < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool first = isalpha((unsigned char)name[i]) || name[i] == '_';
        if (!first && (i == 0 || (!isdigit((unsigned char)name[i]) && name[i] != '>')))
            return false;
    }
    return true;
}

/* A node, which begins with its name and its operation, among fields that are a GraphDef's. */
static bool is_graph(const content *content) {
    span span = {0, UINT64_MAX};
    field field, inner;
    for (int i = 0; i < MOST_FIELDS && take_field(content, &span, &field); i++) {
        if (field.key == BYTES(1)) {
            struct span node = field.content;
            return take_field(content, &node, &inner) && inner.key == BYTES(1) &&
                   inner.content.at < inner.content.end && take_field(content, &node, &inner) &&
                   inner.key == BYTES(2) && is_operation(content, inner.content);
        }
        if (field.key != BYTES(2) && field.key != VARINT(3) && field.key != BYTES(4) && field.key != BYTES(5))
            return false;
    }
    return false;
}

/* Version 1, and a MetaGraphDef, which begins with facts about itself or with a graph, and nothing else but
 * more of these. */
static bool is_saved_model(const content *content) {
    span span = {0, UINT64_MAX};
    field field, inner;
    if (!take_field(content, &span, &field) || field.key != VARINT(1) || field.value != 1)
        return false;
    for (int i = 0; i < MOST_FIELDS && span.at < content->size; i++) {
        if (!take_field(content, &span, &field) || field.key != BYTES(2) ||
            !(begins_with(content, field.content, BYTES(1), &inner) ||
              begins_with(content, field.content, BYTES(2), &inner)))
            return false;
        if (span.at >= content->size)
            return true;
    }
    return false;
}

/* ---- The others ----------------------------------------------------------------------------------- */

/* As OpenVINO reads it: after a byte-order mark and white space. */
static bool is_xml(const content *content) {
    char text[256];
    uint64_t at = has(content, 0, "\xEF\xBB\xBF", 3) ? 3 : 0;
    for (size_t count; (count = peek(content, at, text, sizeof text)) > 0; at += count)
        for (size_t i = 0; i < count; i++)
            if (!isspace((unsigned char)text[i]))
                return text[i] == '<';
    return false;
}

/* The identifier, after the offset of the root table. */
static bool is_tensorflowlite(const content *content) {
    uint8_t root[4];
    return has(content, 4, "TFL3", 4) && peek(content, 0, root, 4) == 4 &&
           (root[0] | root[1] << 8 | root[2] << 16 | (uint32_t)root[3] << 24) >= 8;
}

/* The version, in either order of bytes, is a small number: other files may begin with the same four letters.
 */
static bool is_gguf(const content *content) {
    uint8_t version[4];
    if (!has(content, 0, "GGUF", 4) || peek(content, 4, version, 4) < 4)
        return false;
    return (version[2] == 0 && version[3] == 0) || (version[0] == 0 && version[1] == 0);
}

/* The name of an entry in an archive of PyTorch's: all but those of exported programs lie in a folder. */
static bool is_torch_name(const char *name) {
    static const char *const known[] = {"data.pkl",  "constants.pkl",   "bytecode.pkl",
                                        "byteorder", ".format_version", ".storage_alignment",
                                        "code/",     "archive_format",  "serialized_exported_program.json"};
    const char *slash = strchr(name, '/'), *inner = slash ? slash + 1 : name;
    for (size_t i = 0; slash && i < sizeof known / sizeof *known; i++)
        if (strncmp(inner, known[i], strlen(known[i])) == 0)
            return true;
    return strcmp(name, "serialized_exported_program.json") == 0;
}

/* Entry after entry, as far as each tells its own size. */
static bool is_torch_archive(const content *content) {
    uint64_t at = 0;
    for (int i = 0; i < MOST_FIELDS; i++) {
        uint8_t head[30];
        char name[128];
        if (peek(content, at, head, sizeof head) < sizeof head || memcmp(head, "PK\3\4", 4) != 0)
            return false;
        size_t length = head[26] | (size_t)head[27] << 8, extra = head[28] | (size_t)head[29] << 8;
        size_t shown = length < sizeof name ? length : sizeof name - 1;
        shown = peek(content, at + sizeof head, name, shown);
        name[shown] = '\0';
        if (is_torch_name(name))
            return true;
        uint32_t size = head[18] | head[19] << 8 | head[20] << 16 | (uint32_t)head[21] << 24;
        if ((head[6] & 8) != 0 || size == UINT32_MAX)
            return false;
        at += sizeof head + length + extra + size;
    }
    return false;
}

/* What torch.save wrote before there were archives: a pickle of this number comes first. */
static bool is_torch_pickle(const content *content) {
    static const char number[] = "\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.";
    uint8_t start[3];
    if (peek(content, 0, start, sizeof start) < sizeof start || start[0] != 0x80 || start[1] < 2 ||
        start[1] > 5)
        return false;
    return has(content, start[2] == 0x95 ? 11 : 2, number, sizeof number - 1);
}

static wasinn__format format_of(const content *content) {
    if (is_gguf(content))
        return WASINN__FORMAT_GGUF;
    if (is_tensorflowlite(content))
        return WASINN__FORMAT_TENSORFLOWLITE;
    if (is_torch_archive(content) || is_torch_pickle(content))
        return WASINN__FORMAT_PYTORCH;
    if (is_onnx(content))
        return WASINN__FORMAT_ONNX;
    if (is_saved_model(content))
        return WASINN__FORMAT_SAVED_MODEL;
    if (is_graph(content))
        return WASINN__FORMAT_GRAPH;
    return is_xml(content) ? WASINN__FORMAT_XML : WASINN__FORMAT_UNKNOWN;
}

wasinn__format wasinn__format_of_bytes(const wasinn_blob *bytes) {
    content content = {bytes->data, -1, bytes->size};
    return bytes->size > 0 ? format_of(&content) : WASINN__FORMAT_UNKNOWN;
}

wasinn__format wasinn__format_of_file(const char *path) {
    /* Without O_NONBLOCK, opening a pipe waits for somebody who writes. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    wasinn__format format = WASINN__FORMAT_UNKNOWN;
    if (file < 0)
        return format;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
        content content = {NULL, file, (uint64_t)status.st_size};
        format = format_of(&content);
    }
    close(file);
    return format;
}

/* ---- As encodings --------------------------------------------------------------------------------- */

const char *wasinn__format_text(wasinn__format format) {
    switch (format) {
    case WASINN__FORMAT_XML:
        return "the xml of an OpenVINO model";
    case WASINN__FORMAT_ONNX:
        return "an ONNX model";
    case WASINN__FORMAT_GRAPH:
        return "a TensorFlow graph";
    case WASINN__FORMAT_SAVED_MODEL:
        return "the saved_model.pb of a TensorFlow SavedModel";
    case WASINN__FORMAT_TENSORFLOWLITE:
        return "a TensorFlow Lite model";
    case WASINN__FORMAT_PYTORCH:
        return "a PyTorch model";
    case WASINN__FORMAT_GGUF:
        return "a GGUF model";
    default:
        return "no model of a known format";
    }
}

static bool encoding_of(wasinn__format format, wasinn_encoding *encoding) {
    static const wasinn_encoding encodings[] = {
        [WASINN__FORMAT_XML] = WASINN_ENCODING_OPENVINO,
        [WASINN__FORMAT_ONNX] = WASINN_ENCODING_ONNX,
        [WASINN__FORMAT_GRAPH] = WASINN_ENCODING_TENSORFLOW,
        [WASINN__FORMAT_SAVED_MODEL] = WASINN_ENCODING_TENSORFLOW,
        [WASINN__FORMAT_TENSORFLOWLITE] = WASINN_ENCODING_TENSORFLOWLITE,
        [WASINN__FORMAT_PYTORCH] = WASINN_ENCODING_PYTORCH,
        [WASINN__FORMAT_GGUF] = WASINN_ENCODING_GGML,
    };
    if (format == WASINN__FORMAT_UNKNOWN)
        return false;
    *encoding = encodings[format];
    return true;
}

bool wasinn__format_of_blobs(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding) {
    if (count != 1 && count != 2)
        return false;
    wasinn__format format = wasinn__format_of_bytes(&blobs[0]);
    size_t wanted = format == WASINN__FORMAT_XML ? 2 : 1;
    return count == wanted && encoding_of(format, encoding);
}

static bool ends_with(const char *text, const char *ending) {
    size_t length = strlen(text), wanted = strlen(ending);
    return length > wanted && strcmp(text + length - wanted, ending) == 0;
}

bool wasinn__format_find_xml(const char *path, char *xml, size_t capacity, size_t *found) {
    struct stat status;
    *found = 1;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return (size_t)snprintf(xml, capacity, "%s", path) < capacity;
    if ((size_t)snprintf(xml, capacity, "%s/model.xml", path) < capacity && stat(xml, &status) == 0)
        return true;
    DIR *directory = opendir(path);
    bool fits = true;
    *found = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (ends_with(entry->d_name, ".xml")) {
            fits = (size_t)snprintf(xml, capacity, "%s/%s", path, entry->d_name) < capacity;
            ++*found;
        }
    if (directory)
        closedir(directory);
    return *found == 1 && fits;
}

bool wasinn__format_find_saved_model(const char *path, char *folder, size_t capacity) {
    static const char name[] = "saved_model.pb";
    struct stat status;
    size_t length = strlen(path), own = sizeof name - 1;
    if (strcmp(path, name) == 0)
        return (size_t)snprintf(folder, capacity, ".") < capacity;
    if (length > own && path[length - own - 1] == '/' && strcmp(path + length - own, name) == 0)
        return (size_t)snprintf(folder, capacity, "%.*s", (int)(length - own), path) < capacity;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode) ||
        (size_t)snprintf(folder, capacity, "%s/%s", path, name) >= capacity || stat(folder, &status) != 0)
        return false;
    return (size_t)snprintf(folder, capacity, "%s", path) < capacity;
}

bool wasinn__format_of_path(const char *path, wasinn_encoding *encoding) {
    char place[4096];
    size_t found;
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    if (wasinn__format_find_saved_model(path, place, sizeof place - sizeof "/saved_model.pb")) {
        strcat(place, "/saved_model.pb");
        if (wasinn__format_of_file(place) == WASINN__FORMAT_SAVED_MODEL) {
            *encoding = WASINN_ENCODING_TENSORFLOW;
            return true;
        }
    }
    if (!wasinn__format_find_xml(path, place, sizeof place, &found))
        return false;
    wasinn__format format = wasinn__format_of_file(place);
    if (format == WASINN__FORMAT_XML && !ends_with(place, ".xml"))
        return false;
    return encoding_of(format, encoding);
}
