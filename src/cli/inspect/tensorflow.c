/* TensorFlow: a SavedModel's saved_model.pb, or a frozen GraphDef. Field numbers are those of TensorFlow's
 * .proto files. */
#include "tensorflow.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_TAGS = 256 /* bytes of all of them */ };

struct saved_model {
    struct wasinn__tensorflow *file;
    struct wasinn__span meta_graph; /* the one that is told about */
    size_t meta_graphs;
    bool serves;
    char tags[MOST_TAGS];
};

struct signature {
    struct wasinn__span content;
    struct wasinn__span graph; /* whose tensors the ports are */
    char *key;
    size_t count; /* of signatures that can be called */
};

static bool no_memory(struct wasinn__tensorflow *file, uint64_t offset) {
    return wasinn__proto_fail(&file->proto, offset, "no memory");
}

/* ---- Signatures ---------------------------------------------------------------------------------- */

/* A TensorInfo. */
static bool read_tensor(struct wasinn__tensorflow *file, struct wasinn__span span,
                        struct wasinn__model_port *port, struct wasinn__tensorflow_tensor *tensor) {
    struct wasinn__field field;
    const char *other = NULL;
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        switch (field.key) {
        case WASINN__BYTES(1):
            wasinn__tensorflow_tensor(file, &field, tensor);
            break;
        case WASINN__VARINT(2):
            wasinn__tensorflow_type(field.value, port);
            break;
        case WASINN__BYTES(3):
            wasinn__tensorflow_shape(file, field.span, port);
            break;
        case WASINN__BYTES(4):
            other = "sparse tensor";
            break;
        case WASINN__BYTES(5):
            other = "composite tensor";
            break;
        }
    }
    if (other) {
        port->type = WASINN_TYPE_OTHER;
        port->type_text = other;
    }
    return !file->proto.failed;
}

/* An entry of a signature's map from names to TensorInfo. */
static bool read_port(struct wasinn__tensorflow *file, struct wasinn__span span,
                      struct wasinn__model_port *port, struct wasinn__tensorflow_tensor *tensor) {
    struct wasinn__field field;
    struct wasinn__span info = {span.at, span.at};
    *tensor = (struct wasinn__tensorflow_tensor){0, 0};
    wasinn__port_init(port);
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(1))
            wasinn__proto_text(&file->proto, &field, "a port's name", &port->name);
        else if (field.key == WASINN__BYTES(2))
            info = field.span;
    }
    return !file->proto.failed && read_tensor(file, info, port, tensor);
}

/* Where a port's entry is in the file, and where its tensor is in the graph. */
struct place {
    struct wasinn__span entry;
    uint64_t node, output;
};

static int compare_places(const void *a, const void *b) {
    const struct place *one = a, *other = b;
    if (one->node != other->node)
        return one->node < other->node ? -1 : 1;
    if (one->output != other->output)
        return one->output < other->output ? -1 : 1;
    return (one->entry.at > other->entry.at) - (one->entry.at < other->entry.at);
}

/* A map's order in a file means nothing: ports are in the order of their nodes in the graph, as OpenVINO has
 * them. */
static bool add_ports(struct wasinn__tensorflow *file, const struct signature *signature,
                      const struct wasinn__tensorflow_nodes *nodes, wasinn_direction direction) {
    struct place *places = malloc(WASINN__MODEL_PORTS * sizeof *places);
    struct wasinn__span span = signature->content;
    struct wasinn__field field;
    struct wasinn__model_port port;
    struct wasinn__tensorflow_tensor tensor;
    size_t count = 0;
    if (!places)
        return no_memory(file, span.at);
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key != (direction == WASINN_INPUT ? WASINN__BYTES(1) : WASINN__BYTES(2)))
            continue;
        if (count == WASINN__MODEL_PORTS) {
            wasinn__proto_fail(&file->proto, field.offset, "more than %d inputs or outputs",
                               WASINN__MODEL_PORTS);
            break;
        }
        if (read_port(file, field.span, &port, &tensor)) {
            const struct wasinn__tensorflow_node *node = wasinn__tensorflow_find(nodes, tensor.hash);
            places[count++] = (struct place){field.span, node ? node->span.at : UINT64_MAX, tensor.output};
        }
        wasinn__port_clear(&port);
    }
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0; i < count && !file->proto.failed; i++) {
        if (read_port(file, places[i].entry, &port, &tensor) &&
            !wasinn__facts_add_port(&file->facts, direction, &port))
            wasinn__proto_fail(&file->proto, places[i].entry.at,
                               "no memory, more than %d inputs and outputs, or too long names",
                               WASINN__MODEL_PORTS);
        wasinn__port_clear(&port);
    }
    free(places);
    return !file->proto.failed;
}

static bool read_signature(struct wasinn__tensorflow *file, const struct signature *signature) {
    struct wasinn__tensorflow_nodes nodes;
    if (!wasinn__tensorflow_nodes(file, signature->graph, &nodes))
        return false;
    bool done =
        add_ports(file, signature, &nodes, WASINN_INPUT) && add_ports(file, signature, &nodes, WASINN_OUTPUT);
    free(nodes.list);
    return done;
}

/* Keeps serving_default, else the first. */
static bool consider_signature(struct wasinn__tensorflow *file, struct wasinn__span span,
                               struct signature *chosen) {
    struct wasinn__field field;
    struct wasinn__span content = {span.at, span.at};
    char *key = NULL;
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(1))
            wasinn__proto_text(&file->proto, &field, "a signature's name", &key);
        else if (field.key == WASINN__BYTES(2))
            content = field.span;
    }
    if (!key || strcmp(key, "__saved_model_init_op") == 0) {
        free(key);
        return !file->proto.failed;
    }
    chosen->count++;
    if (chosen->key && strcmp(key, "serving_default") != 0) {
        free(key);
        return !file->proto.failed;
    }
    free(chosen->key);
    chosen->key = key;
    chosen->content = content;
    return !file->proto.failed;
}

/* ---- SavedModel ---------------------------------------------------------------------------------- */

static bool read_meta_info(struct wasinn__tensorflow *file, struct wasinn__span span, char *tags,
                           bool *serves, char **producer) {
    struct wasinn__field field;
    size_t length = 0;
    tags[0] = '\0';
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(4)) {
            char *tag = NULL;
            *serves |= wasinn__proto_equals(&file->proto, &field, "serve");
            if (wasinn__proto_text(&file->proto, &field, "a tag", &tag) &&
                length + strlen(tag) + 3 < MOST_TAGS)
                length +=
                    (size_t)snprintf(tags + length, MOST_TAGS - length, "%s%s", length ? ", " : "", tag);
            free(tag);
        } else if (field.key == WASINN__BYTES(5) && producer) {
            wasinn__proto_text(&file->proto, &field, "TensorFlow's version", producer);
        }
    }
    return !file->proto.failed;
}

/* Keeps the first meta graph that is for serving, else the first. */
static bool consider_meta_graph(struct saved_model *model, struct wasinn__span span) {
    struct wasinn__field field;
    struct wasinn__span content = span;
    char tags[MOST_TAGS] = "";
    bool serves = false;
    while (wasinn__proto_next(&model->file->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(1))
            read_meta_info(model->file, field.span, tags, &serves, NULL);
    }
    if (model->meta_graphs++ == 0 || (serves && !model->serves)) {
        model->meta_graph = content;
        model->serves = serves;
        memcpy(model->tags, tags, sizeof tags);
    }
    return !model->file->proto.failed;
}

static bool add_notes(struct saved_model *model, const struct signature *signature) {
    struct wasinn__model_facts *facts = &model->file->facts;
    bool done = true;
    if (!signature->key)
        done = wasinn__facts_note(facts, "has no signature that can be called");
    else if (signature->count > 1)
        done = wasinn__facts_note(facts, "signature %.64s, one of %zu", signature->key, signature->count);
    else
        done = wasinn__facts_note(facts, "signature %.64s", signature->key);
    if (done && model->tags[0])
        done = wasinn__facts_note(facts, "tags %s", model->tags);
    if (done && model->meta_graphs > 1)
        done = wasinn__facts_note(facts, "the file has %zu graphs", model->meta_graphs);
    if (done && facts->external_data)
        done = wasinn__facts_note(facts, "weights are in the folder variables beside it");
    return done || no_memory(model->file, 0);
}

static bool read_meta_graph(struct saved_model *model) {
    struct wasinn__tensorflow *file = model->file;
    struct wasinn__span span = model->meta_graph;
    struct wasinn__field field;
    struct signature signature = {.key = NULL};
    char tags[MOST_TAGS], *version = NULL;
    bool serves = false;
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        switch (field.key) {
        case WASINN__BYTES(1):
            read_meta_info(file, field.span, tags, &serves, &version);
            break;
        case WASINN__BYTES(2):
            signature.graph = field.span;
            wasinn__tensorflow_weights(file, field.span);
            break;
        case WASINN__BYTES(5):
            consider_signature(file, field.span, &signature);
            break;
        }
    }
    bool done = !file->proto.failed && (!signature.key || read_signature(file, &signature)) &&
                add_notes(model, &signature);
    if (done && version && version[0] && asprintf(&file->facts.producer, "TensorFlow %s", version) < 0) {
        file->facts.producer = NULL;
        done = no_memory(file, 0);
    }
    free(version);
    free(signature.key);
    return done;
}

static bool read_saved_model(struct wasinn__tensorflow *file) {
    struct wasinn__span span = {0, wasinn__reader_size(file->proto.reader)};
    struct wasinn__field field;
    struct saved_model model = {.file = file};
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(2))
            consider_meta_graph(&model, field.span);
    }
    strcpy(file->facts.format_text, "TensorFlow SavedModel");
    return !file->proto.failed && read_meta_graph(&model);
}

/* ---- Which of the two ---------------------------------------------------------------------------- */

enum kind { OTHER, SAVED_MODEL, GRAPH };

/* Whether the span begins with a field of this key, whole or cut off by the file's end. */
static bool begins_with(struct wasinn__proto *proto, struct wasinn__span span, uint32_t key,
                        struct wasinn__field *field) {
    field->key = 0;
    wasinn__proto_next(proto, &span, field);
    proto->failed = false;
    return field->key == key;
}

static bool is_op_name(struct wasinn__proto *proto, struct wasinn__field *field) {
    uint64_t size = field->span.end - field->span.at;
    const uint8_t *text =
        size >= 1 && size <= 128 ? wasinn__reader_at(proto->reader, field->span.at, size) : NULL;
    for (uint64_t i = 0; text && i < size; i++) {
        uint8_t c = text[i], lower = c | 0x20;
        bool letter = (lower >= 'a' && lower <= 'z') || c == '_', digit = c >= '0' && c <= '9';
        if (!letter && (i == 0 || (!digit && c != '>')))
            return false;
    }
    return text;
}

/* There is no magic number. A SavedModel begins with version 1 and a MetaGraphDef, which begins with a
 * MetaInfoDef or a graph; a GraphDef, with a node, which begins with its name and its operation. */
static enum kind kind_of(struct wasinn__reader *reader) {
    char ignored[WASINN__FILE_PROBLEM] = "";
    struct wasinn__proto proto;
    struct wasinn__span span = {0, wasinn__reader_size(reader)};
    struct wasinn__field field = {0}, inner = {0};
    wasinn__proto_init(&proto, reader, ignored);
    if (begins_with(&proto, span, WASINN__VARINT(1), &field) && field.value == 1) {
        span.at = 2;
        if (!begins_with(&proto, span, WASINN__BYTES(2), &field))
            return OTHER;
        return begins_with(&proto, field.span, WASINN__BYTES(1), &inner) ||
                       begins_with(&proto, field.span, WASINN__BYTES(2), &inner)
                   ? SAVED_MODEL
                   : OTHER;
    }
    span.at = 0;
    if (!begins_with(&proto, span, WASINN__BYTES(1), &field) ||
        !begins_with(&proto, field.span, WASINN__BYTES(1), &inner) || inner.span.at == inner.span.end)
        return OTHER;
    span = (struct wasinn__span){inner.span.end, field.span.end};
    return begins_with(&proto, span, WASINN__BYTES(2), &inner) && is_op_name(&proto, &inner) ? GRAPH : OTHER;
}

static bool read_graph(struct wasinn__tensorflow *file) {
    struct wasinn__span span = {0, wasinn__reader_size(file->proto.reader)};
    strcpy(file->facts.format_text, "TensorFlow GraphDef");
    return wasinn__tensorflow_weights(file, span) && wasinn__tensorflow_ports(file, span);
}

bool wasinn__read_tensorflow(struct wasinn__reader *reader, struct wasinn__model_facts *facts,
                             char *problem) {
    struct wasinn__tensorflow file = {.open_weights = false};
    problem[0] = '\0';
    enum kind kind = kind_of(reader);
    if (kind == OTHER)
        return false;
    wasinn__proto_init(&file.proto, reader, problem);
    if (!(kind == SAVED_MODEL ? read_saved_model(&file) : read_graph(&file))) {
        wasinn__model_facts_free(&file.facts);
        return false;
    }
    *facts = file.facts;
    facts->encoding = WASINN_ENCODING_TENSORFLOW;
    facts->format = facts->format_text;
    facts->parameters_known = !file.open_weights;
    return true;
}
