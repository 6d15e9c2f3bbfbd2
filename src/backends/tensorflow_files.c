#include "backends/tensorflow_files.h"

#include <string.h>

#include "backends/protobuf.h"

enum { MOST_DEPTH = 100 /* as protobuf's own parsers have it */ };

/* Messages of TensorFlow's .proto files, as far as texts, which must be UTF-8, and nodes lie in them. */
enum message {
    NONE,
    TEXT,      /* not a message: UTF-8 */
    OPERATION, /* a text: that of a node */
    GRAPH,
    NODE,
    ATTRIBUTE, /* an entry of the map to VALUE */
    VALUE,
    LIST,
    SHAPE,
    DIMENSION,
    TENSOR,
    HANDLE,
    VARIANT,
    CALL, /* NameAttrList */
    LIBRARY,
    FUNCTION,
    TEXTS, /* an entry of a map from text to text */
    DEFINITION,
    ARGUMENT
};

static const struct {
    uint8_t message, number, content;
} fields[] = {
    {GRAPH, 1, NODE},      {GRAPH, 2, LIBRARY},      {NODE, 1, TEXT},           {NODE, 2, OPERATION},
    {NODE, 3, TEXT},       {NODE, 4, TEXT},          {NODE, 5, ATTRIBUTE},      {NODE, 6, TEXTS},
    {ATTRIBUTE, 1, TEXT},  {ATTRIBUTE, 2, VALUE},    {VALUE, 1, LIST},          {VALUE, 7, SHAPE},
    {VALUE, 8, TENSOR},    {VALUE, 9, TEXT},         {VALUE, 10, CALL},         {LIST, 7, SHAPE},
    {LIST, 8, TENSOR},     {LIST, 9, CALL},          {SHAPE, 2, DIMENSION},     {DIMENSION, 2, TEXT},
    {TENSOR, 2, SHAPE},    {TENSOR, 14, HANDLE},     {TENSOR, 15, VARIANT},     {HANDLE, 1, TEXT},
    {HANDLE, 2, TEXT},     {HANDLE, 3, TEXT},        {HANDLE, 5, TEXT},         {VARIANT, 1, TEXT},
    {VARIANT, 3, TENSOR},  {CALL, 1, TEXT},          {CALL, 2, ATTRIBUTE},      {LIBRARY, 1, FUNCTION},
    {LIBRARY, 2, TEXTS},   {LIBRARY, 3, TEXTS},      {FUNCTION, 1, DEFINITION}, {FUNCTION, 3, NODE},
    {FUNCTION, 4, TEXTS},  {FUNCTION, 5, ATTRIBUTE}, {FUNCTION, 6, TEXTS},      {TEXTS, 1, TEXT},
    {TEXTS, 2, TEXT},      {DEFINITION, 1, TEXT},    {DEFINITION, 2, ARGUMENT}, {DEFINITION, 3, ARGUMENT},
    {DEFINITION, 5, TEXT}, {DEFINITION, 6, TEXT},    {DEFINITION, 20, TEXT},    {ARGUMENT, 1, TEXT},
    {ARGUMENT, 2, TEXT},   {ARGUMENT, 4, TEXT},      {ARGUMENT, 5, TEXT},       {ARGUMENT, 6, TEXT},
};

/* Operations of TensorFlow that read, write or list files that the graph names. */
static const char *const reaching[] = {
    "CSVDataset",
    "CSVDatasetV2",
    "CacheDataset",
    "CacheDatasetV2",
    "CreateSummaryDbWriter",
    "CreateSummaryFileWriter",
    "DebugIdentity",
    "DebugIdentityV2",
    "DebugIdentityV3",
    "DebugNanCount",
    "DebugNumericSummary",
    "DebugNumericSummaryV2",
    "DistributedSave",
    "FixedLengthRecordDataset",
    "FixedLengthRecordDatasetV2",
    "FixedLengthRecordReader",
    "FixedLengthRecordReaderV2",
    "FixedUnigramCandidateSampler",
    "GenerateVocabRemapping",
    "ImmutableConst",
    "ImportEvent",
    "InitializeTableFromTextFile",
    "InitializeTableFromTextFileV2",
    "LMDBDataset",
    "LMDBReader",
    "LoadAndRemapMatrix",
    "LoadDataset",
    "MatchingFiles",
    "MatchingFilesDataset",
    "MergeV2Checkpoints",
    "PrintV2",
    "ReadFile",
    "Restore",
    "RestoreSlice",
    "RestoreV2",
    "Save",
    "SaveDataset",
    "SaveDatasetV2",
    "SaveSlices",
    "SaveV2",
    "SnapshotDataset",
    "SnapshotDatasetV2",
    "SqlDataset",
    "TFRecordDataset",
    "TFRecordDatasetV2",
    "TFRecordReader",
    "TFRecordReaderV2",
    "TextLineDataset",
    "TextLineReader",
    "TextLineReaderV2",
    "WholeFileReader",
    "WholeFileReaderV2",
    "WriteFile",
};

typedef struct walk {
    const uint8_t *start;
    wasinn__proto name; /* of the node */
    wasinn_message *message;
} walk;

static wasinn_status malformed(walk *walk, const uint8_t *at, const char *what) {
    return wasinn_refuse(walk->message, WASINN_RUNTIME_ERROR,
                         "these bytes are no whole TensorFlow graph: %s at byte %zu", what,
                         (size_t)(at - walk->start));
}

/* The length of the character at `text`, or 0. */
static size_t character(const uint8_t *text, size_t size) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc0 || text[0] > 0xf4 || length > size)
        return 0;
    uint32_t code = text[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

static wasinn_status check_text(walk *walk, wasinn__proto text) {
    while (text.at < text.end) {
        size_t length = character(text.at, (size_t)(text.end - text.at));
        if (length == 0)
            return malformed(walk, text.at, "a text that is not UTF-8");
        text.at += length;
    }
    return WASINN_OK;
}

static wasinn_status check_operation(walk *walk, wasinn__proto name) {
    size_t size = (size_t)(name.end - name.at), shown = (size_t)(walk->name.end - walk->name.at);
    for (size_t i = 0; i < sizeof reaching / sizeof *reaching; i++)
        if (strlen(reaching[i]) == size && memcmp(reaching[i], name.at, size) == 0)
            return wasinn_refuse(walk->message, WASINN_SECURITY,
                                 "node '%.*s' is the operation %s, which reaches for files of the host",
                                 (int)(shown < 200 ? shown : 200), (const char *)walk->name.at, reaching[i]);
    return WASINN_OK;
}

static enum message content_of(enum message message, uint64_t number) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].message == message && fields[i].number == number)
            return fields[i].content;
    return NONE;
}

static wasinn_status check_message(walk *walk, enum message message, wasinn__proto span, int depth);

static wasinn_status check_content(walk *walk, enum message content, wasinn__proto span, int depth) {
    wasinn_status status;
    switch (content) {
    case NONE:
        return WASINN_OK;
    case TEXT:
        return check_text(walk, span);
    case OPERATION:
        status = check_text(walk, span);
        return status == WASINN_OK ? check_operation(walk, span) : status;
    default:
        return check_message(walk, content, span, depth + 1);
    }
}

static wasinn_status check_message(walk *walk, enum message message, wasinn__proto span, int depth) {
    wasinn_status status = WASINN_OK;
    wasinn__proto_field field;
    if (depth > MOST_DEPTH)
        return malformed(walk, span.at, "too many messages within each other");
    while (span.at < span.end && status == WASINN_OK) {
        const uint8_t *start = span.at;
        bool broken = false;
        if (!wasinn__proto_next(&span, &field, &broken))
            return malformed(walk, start, "a field that is none, or has no end,");
        if (!field.nested)
            continue;
        if (message == NODE && field.number == 1)
            walk->name = field.body;
        status = check_content(walk, content_of(message, field.number), field.body, depth);
    }
    return status;
}

wasinn_status wasinn__tensorflow_refuse_files(const wasinn_blob *graph, wasinn_message *message) {
    wasinn__proto all = wasinn__proto_of(graph->data, graph->size);
    walk walk = {all.at, {all.at, all.at}, message};
    return check_message(&walk, GRAPH, all, 0);
}
