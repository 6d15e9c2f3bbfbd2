/* TensorFlow's GraphDef: what its nodes say of themselves, and the weights. */
#include <stdlib.h>

#include "tensorflow.h"

enum { FLAG_REFERENCE = 100 };

enum { TYPE_INT32 = 3, TYPE_STRING = 7, TYPE_INT64 = 9, TYPE_RESOURCE = 20, TYPE_VARIANT = 21 };

static const struct {
    wasinn_type type;
    const char *text;
} types[] = {
    {WASINN_TYPE_OTHER, "unknown"},
    {WASINN_TYPE_F32, NULL},
    {WASINN_TYPE_F64, NULL},
    {WASINN_TYPE_I32, NULL},
    {WASINN_TYPE_U8, NULL},
    {WASINN_TYPE_I16, NULL},
    {WASINN_TYPE_I8, NULL},
    {WASINN_TYPE_OTHER, "string"},
    {WASINN_TYPE_OTHER, "complex64"},
    {WASINN_TYPE_I64, NULL},
    {WASINN_TYPE_BOOL, NULL},
    {WASINN_TYPE_I8, NULL},
    {WASINN_TYPE_U8, NULL},
    {WASINN_TYPE_I32, NULL},
    {WASINN_TYPE_BF16, NULL},
    {WASINN_TYPE_I16, NULL},
    {WASINN_TYPE_U16, NULL},
    {WASINN_TYPE_U16, NULL},
    {WASINN_TYPE_OTHER, "complex128"},
    {WASINN_TYPE_F16, NULL},
    {WASINN_TYPE_OTHER, "resource"},
    {WASINN_TYPE_OTHER, "variant"},
    {WASINN_TYPE_U32, NULL},
    {WASINN_TYPE_U64, NULL},
    {WASINN_TYPE_OTHER, "float8e5m2"},
    {WASINN_TYPE_OTHER, "float8e4m3fn"},
};

/* ---- Attributes, types, shapes ------------------------------------------------------------------- */

void wasinn__tensorflow_type(uint64_t type, struct wasinn__model_port *port) {
    if (type > FLAG_REFERENCE)
        type -= FLAG_REFERENCE;
    if (type >= sizeof types / sizeof types[0])
        type = 0;
    port->type = types[type].type;
    port->type_text = types[type].text;
}

/* A dimension; one without size is 0 elements long, as proto3 has it. */
static bool read_dim(struct wasinn__tensorflow *file, struct wasinn__span span,
                     struct wasinn__model_port *port) {
    struct wasinn__field field;
    int64_t size = 0;
    char *name = NULL;
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key == WASINN__VARINT(1))
            size = (int64_t)field.value;
        else if (field.key == WASINN__BYTES(2))
            wasinn__proto_text(&file->proto, &field, "the name of a dimension", &name);
    }
    if (file->proto.failed) {
        free(name);
        return false;
    }
    return wasinn__port_add_dim(port, size, name) || wasinn__facts_note_rank(&file->facts, port) ||
           wasinn__proto_fail(&file->proto, span.at, "no memory");
}

bool wasinn__tensorflow_shape(struct wasinn__tensorflow *file, struct wasinn__span span,
                              struct wasinn__model_port *port) {
    struct wasinn__field field;
    bool open = false;
    port->rank = 0;
    while (wasinn__proto_next(&file->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(2))
            read_dim(file, field.span, port);
        else if (field.key == WASINN__VARINT(3))
            open = field.value != 0;
    }
    if (open)
        port->rank = WASINN_DYNAMIC_RANK;
    return !file->proto.failed;
}

/* Finds the value (AttrValue) of a node's attribute. */
static bool find_attribute(struct wasinn__tensorflow *file, struct wasinn__span node, const char *name,
                           struct wasinn__span *value) {
    struct wasinn__field field, part;
    while (wasinn__proto_next(&file->proto, &node, &field)) {
        if (field.key != WASINN__BYTES(5))
            continue;
        bool found = false;
        struct wasinn__span content = field.span;
        while (wasinn__proto_next(&file->proto, &content, &part)) {
            if (part.key == WASINN__BYTES(1))
                found = wasinn__proto_equals(&file->proto, &part, name);
            else if (part.key == WASINN__BYTES(2))
                *value = part.span;
        }
        if (found)
            return true;
    }
    return false;
}

bool wasinn__tensorflow_value(struct wasinn__tensorflow *file, struct wasinn__span node, const char *name,
                              uint32_t key, struct wasinn__field *found) {
    struct wasinn__span value;
    struct wasinn__field field;
    bool has = false;
    if (!find_attribute(file, node, name, &value))
        return false;
    while (wasinn__proto_next(&file->proto, &value, &field)) {
        if (field.key == key) {
            *found = field;
            has = true;
        }
    }
    return has;
}

bool wasinn__tensorflow_op(struct wasinn__tensorflow *file, struct wasinn__span node,
                           char op[WASINN__TENSORFLOW_OP]) {
    struct wasinn__field field;
    op[0] = '\0';
    while (wasinn__proto_next(&file->proto, &node, &field)) {
        uint64_t size = field.span.end - field.span.at;
        if (field.key != WASINN__BYTES(2) || size >= WASINN__TENSORFLOW_OP)
            continue;
        const uint8_t *bytes = wasinn__reader_at(file->proto.reader, field.span.at, (size_t)size);
        if (!bytes)
            return wasinn__proto_fail(&file->proto, field.offset, "the file ends within an operation's name");
        memcpy(op, bytes, (size_t)size);
        op[size] = '\0';
        break;
    }
    return !file->proto.failed;
}

/* ---- Weights ------------------------------------------------------------------------------------- */

static bool count(struct wasinn__tensorflow *file, uint64_t offset, const struct wasinn__model_port *shape) {
    for (uint32_t i = 0; shape->rank != WASINN_DYNAMIC_RANK && i < shape->rank; i++)
        file->open_weights |= shape->dims[i] < 0;
    file->open_weights |= shape->rank == WASINN_DYNAMIC_RANK;
    return file->open_weights || wasinn__facts_count(&file->facts, shape->rank, shape->dims) ||
           wasinn__proto_fail(&file->proto, offset, "weights of more than 2^63 elements");
}

static bool count_variable(struct wasinn__tensorflow *file, struct wasinn__span node) {
    struct wasinn__model_port shape;
    struct wasinn__field field;
    uint64_t type = 0;
    if (wasinn__tensorflow_value(file, node, "dtype", WASINN__VARINT(6), &field))
        type = field.value;
    if (type == TYPE_STRING || type == TYPE_RESOURCE || type == TYPE_VARIANT)
        return !file->proto.failed;
    file->facts.external_data = true;
    wasinn__port_init(&shape);
    bool done = !wasinn__tensorflow_value(file, node, "shape", WASINN__BYTES(7), &field) ||
                wasinn__tensorflow_shape(file, field.span, &shape);
    done = done && !file->proto.failed && count(file, node.at, &shape);
    wasinn__port_clear(&shape);
    return done;
}

/* Constants of whole numbers are shapes, axes and indices; but of 8 bits, they are weights. */
static bool count_constant(struct wasinn__tensorflow *file, struct wasinn__span node) {
    struct wasinn__model_port shape;
    struct wasinn__field field, part;
    uint64_t type = 0;
    bool done = true;
    if (!wasinn__tensorflow_value(file, node, "value", WASINN__BYTES(8), &field))
        return !file->proto.failed;
    wasinn__port_init(&shape);
    shape.rank = 0;
    while (wasinn__proto_next(&file->proto, &field.span, &part)) {
        if (part.key == WASINN__VARINT(1))
            type = part.value;
        else if (part.key == WASINN__BYTES(2))
            wasinn__tensorflow_shape(file, part.span, &shape);
        else if (part.key == WASINN__BYTES(4))
            break; /* The numbers themselves; the rest is other ways to write them. */
    }
    if (file->proto.failed)
        done = false;
    else if (shape.rank && type != TYPE_INT32 && type != TYPE_INT64 && type != WASINN__TENSORFLOW_BOOL &&
             type != TYPE_STRING && type != TYPE_RESOURCE && type != TYPE_VARIANT)
        done = count(file, node.at, &shape);
    wasinn__port_clear(&shape);
    return done;
}

static bool count_node(struct wasinn__tensorflow *file, struct wasinn__span node) {
    char op[WASINN__TENSORFLOW_OP];
    if (!wasinn__tensorflow_op(file, node, op))
        return false;
    if (strcmp(op, "Const") == 0)
        return count_constant(file, node);
    if (strcmp(op, "VarHandleOp") == 0 || strcmp(op, "VariableV2") == 0 || strcmp(op, "Variable") == 0)
        return count_variable(file, node);
    return true;
}

bool wasinn__tensorflow_weights(struct wasinn__tensorflow *file, struct wasinn__span graph) {
    struct wasinn__field field, function, node;
    while (wasinn__proto_next(&file->proto, &graph, &field)) {
        if (field.key == WASINN__BYTES(1)) {
            count_node(file, field.span);
        } else if (field.key == WASINN__BYTES(2)) {
            while (wasinn__proto_next(&file->proto, &field.span, &function)) {
                while (function.key == WASINN__BYTES(1) &&
                       wasinn__proto_next(&file->proto, &function.span, &node)) {
                    if (node.key == WASINN__BYTES(3))
                        count_node(file, node.span);
                }
            }
        }
    }
    return !file->proto.failed;
}
