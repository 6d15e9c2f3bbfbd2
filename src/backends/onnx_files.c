#include "backends/onnx_files.h"

#include <string.h>

#include "backends/protobuf.h"

/* As deep as protobuf's own readers go. */
#define DEEPEST 100

/* The messages of onnx.proto that have a tensor somewhere within. */
typedef enum kind { NONE, MODEL, GRAPH, NODE, ATTRIBUTE, TENSOR, SPARSE, FUNCTION, TRAINING, KINDS } kind;

/* Which of their fields are messages to look into. */
static const struct {
    uint32_t number;
    kind child;
} fields[KINDS][7] = {
    [MODEL] = {{7, GRAPH}, {20, TRAINING}, {25, FUNCTION}},
    [GRAPH] = {{1, NODE}, {5, TENSOR}, {15, SPARSE}},
    [NODE] = {{5, ATTRIBUTE}},
    [ATTRIBUTE] = {{5, TENSOR}, {6, GRAPH}, {10, TENSOR}, {11, GRAPH}, {22, SPARSE}, {23, SPARSE}},
    [SPARSE] = {{1, TENSOR}, {2, TENSOR}},
    [FUNCTION] = {{7, NODE}, {11, ATTRIBUTE}},
    [TRAINING] = {{1, GRAPH}, {2, GRAPH}},
};

/* Of a tensor. */
#define EXTERNAL_DATA 13
#define DATA_LOCATION 14

typedef struct search {
    wasinn__onnx_file_fn visit;
    void *data;
    wasinn_message *message;
    const uint8_t *start;
} search;

static wasinn_status malformed_at(const search *search, const wasinn__proto *message) {
    return wasinn_refuse(search->message, WASINN_RUNTIME_ERROR,
                         "this is no ONNX model: it stops being a protobuf at byte %zu",
                         (size_t)(message->at - search->start));
}

static bool is_location(const wasinn__proto *text) {
    static const char location[] = "location";
    return text->end - text->at == sizeof location - 1 &&
           memcmp(text->at, location, sizeof location - 1) == 0;
}

/* An entry of external_data: the value, if its key is "location". */
static bool location_of(wasinn__proto entry, wasinn__onnx_file *file, bool *malformed) {
    wasinn__proto_field field;
    wasinn__proto value = {0};
    bool found = false;
    while (wasinn__proto_next(&entry, &field, malformed)) {
        if (field.number == 1 && field.nested)
            found = is_location(&field.body);
        else if (field.number == 2 && field.nested)
            value = field.body;
    }
    if (!found || *malformed)
        return false;
    file->name = value.at ? (const char *)value.at : "";
    file->length = (size_t)(value.end - value.at);
    return true;
}

/* Either sign of outside data counts: a message in two parts is one to whoever reads it. */
static wasinn_status look_into_tensor(const search *search, wasinn__proto tensor, bool weights) {
    wasinn__proto_field field;
    wasinn__onnx_file file = {.name = "", .weights = weights};
    bool malformed = false, outside = false;
    while (wasinn__proto_next(&tensor, &field, &malformed)) {
        if (field.number == DATA_LOCATION && !field.nested)
            outside = outside || field.value != 0;
        else if (field.number == EXTERNAL_DATA && field.nested)
            outside = location_of(field.body, &file, &malformed) || outside;
        if (malformed)
            break;
    }
    if (malformed)
        return malformed_at(search, &tensor);
    return outside ? search->visit(search->data, &file, search->message) : WASINN_OK;
}

static kind child_of(kind parent, const wasinn__proto_field *field) {
    if (!field->nested)
        return NONE;
    for (size_t i = 0; i < sizeof *fields / sizeof **fields; i++)
        if (fields[parent][i].number == field->number)
            return fields[parent][i].child;
    return NONE;
}

static wasinn_status look_into(const search *search, kind kind, wasinn__proto message, int depth) {
    wasinn__proto_field field;
    bool malformed = false;
    wasinn_status status = WASINN_OK;
    if (depth == DEEPEST)
        return wasinn_refuse(search->message, WASINN_RUNTIME_ERROR,
                             "the ONNX model has messages more than %d deep", DEEPEST);
    while (status == WASINN_OK && wasinn__proto_next(&message, &field, &malformed)) {
        enum kind child = child_of(kind, &field);
        if (child == TENSOR)
            status = look_into_tensor(search, field.body, kind == GRAPH && depth == 1);
        else if (child != NONE)
            status = look_into(search, child, field.body, depth + 1);
    }
    return malformed ? malformed_at(search, &message) : status;
}

wasinn_status wasinn__onnx_each_file(const wasinn_blob *model, wasinn__onnx_file_fn visit, void *data,
                                     wasinn_message *message) {
    search search = {visit, data, message, model->data};
    return look_into(&search, MODEL, wasinn__proto_of(model->data, model->size), 0);
}

static wasinn_status refuse(void *data, const wasinn__onnx_file *file, wasinn_message *message) {
    (void)data;
    int shown = file->length < 200 ? (int)file->length : 200;
    return wasinn_refuse(
        message, WASINN_SECURITY,
        "the model keeps weights in the file '%.*s'; a model that is passed as bytes may name none", shown,
        file->name);
}

wasinn_status wasinn__onnx_refuse_files(const wasinn_blob *model, wasinn_message *message) {
    return wasinn__onnx_each_file(model, refuse, NULL, message);
}
