/* TensorFlow's GraphDef: its nodes, their weights, and the ports of a graph that has no signature. */
#include <stdlib.h>

#include "tensorflow.h"

#define MOST_NODES (UINT64_C(1) << 19)

enum { MOST_OP = 64, FLAG_REFERENCE = 100 };

enum {
    TYPE_INT32 = 3,
    TYPE_STRING = 7,
    TYPE_INT64 = 9,
    TYPE_BOOL = 10,
    TYPE_RESOURCE = 20,
    TYPE_VARIANT = 21
};

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
    bool done = !file->proto.failed, whole = done && wasinn__port_add_dim(port, size);
    if (whole && port->rank != WASINN_DYNAMIC_RANK && size < 0 && name && name[0])
        port->dim_names[port->rank - 1] = name;
    else
        free(name);
    if (done && !whole && !wasinn__facts_note_rank(&file->facts, port))
        return wasinn__proto_fail(&file->proto, span.at, "no memory");
    return done;
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

/* Finds a field of an attribute's value: 6 is a type, 7 a shape, 8 a tensor. */
static bool find_value(struct wasinn__tensorflow *file, struct wasinn__span node, const char *name,
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

static bool read_op(struct wasinn__tensorflow *file, struct wasinn__span node, char op[MOST_OP]) {
    struct wasinn__field field;
    op[0] = '\0';
    while (wasinn__proto_next(&file->proto, &node, &field)) {
        uint64_t size = field.span.end - field.span.at;
        if (field.key != WASINN__BYTES(2) || size >= MOST_OP)
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
    if (find_value(file, node, "dtype", WASINN__VARINT(6), &field))
        type = field.value;
    if (type == TYPE_STRING || type == TYPE_RESOURCE || type == TYPE_VARIANT)
        return !file->proto.failed;
    file->facts.external_data = true;
    wasinn__port_init(&shape);
    bool done = !find_value(file, node, "shape", WASINN__BYTES(7), &field) ||
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
    if (!find_value(file, node, "value", WASINN__BYTES(8), &field))
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
    else if (shape.rank && type != TYPE_INT32 && type != TYPE_INT64 && type != TYPE_BOOL &&
             type != TYPE_STRING && type != TYPE_RESOURCE && type != TYPE_VARIANT)
        done = count(file, node.at, &shape);
    wasinn__port_clear(&shape);
    return done;
}

static bool count_node(struct wasinn__tensorflow *file, struct wasinn__span node) {
    char op[MOST_OP];
    if (!read_op(file, node, op))
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

/* ---- Nodes --------------------------------------------------------------------------------------- */

static uint64_t hash(const uint8_t *bytes, size_t size) {
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

bool wasinn__tensorflow_tensor(struct wasinn__tensorflow *file, const struct wasinn__field *field,
                               struct wasinn__tensorflow_tensor *tensor) {
    uint64_t size = field->span.end - field->span.at;
    const uint8_t *bytes = size <= WASINN__MODEL_NAME
                               ? wasinn__reader_at(file->proto.reader, field->span.at, (size_t)size)
                               : NULL;
    if (!bytes)
        return wasinn__proto_fail(&file->proto, field->offset, "a name of %llu bytes; expected at most %d",
                                  (unsigned long long)size, WASINN__MODEL_NAME);
    if (size && bytes[0] == '^') {
        bytes++;
        size--;
    }
    const uint8_t *colon = size ? memchr(bytes, ':', (size_t)size) : NULL;
    size_t length = colon ? (size_t)(colon - bytes) : (size_t)size;
    tensor->hash = hash(bytes, length);
    tensor->output = 0;
    for (size_t i = length + 1; i < size && i <= length + 9 && bytes[i] >= '0' && bytes[i] <= '9'; i++)
        tensor->output = 10 * tensor->output + (uint64_t)(bytes[i] - '0');
    return true;
}

static int compare_hashes(const void *a, const void *b) {
    const struct wasinn__tensorflow_node *one = a, *other = b;
    return (one->hash > other->hash) - (one->hash < other->hash);
}

static int compare_places(const void *a, const void *b) {
    const struct wasinn__tensorflow_node *one = a, *other = b;
    return (one->span.at > other->span.at) - (one->span.at < other->span.at);
}

struct wasinn__tensorflow_node *wasinn__tensorflow_find(const struct wasinn__tensorflow_nodes *nodes,
                                                        uint64_t hash) {
    struct wasinn__tensorflow_node wanted = {.hash = hash};
    return nodes->count ? bsearch(&wanted, nodes->list, nodes->count, sizeof wanted, compare_hashes) : NULL;
}

static struct wasinn__tensorflow_node *add_node(struct wasinn__tensorflow_nodes *nodes) {
    size_t count = nodes->count;
    /* They grow by doubling: there is no room at the powers of 2. */
    if ((count & (count - 1)) == 0) {
        struct wasinn__tensorflow_node *larger =
            count < MOST_NODES ? realloc(nodes->list, (count ? 2 * count : 1) * sizeof *larger) : NULL;
        if (!larger)
            return NULL;
        nodes->list = larger;
    }
    nodes->count++;
    return &nodes->list[count];
}

bool wasinn__tensorflow_nodes(struct wasinn__tensorflow *file, struct wasinn__span graph,
                              struct wasinn__tensorflow_nodes *nodes) {
    struct wasinn__field field, part;
    struct wasinn__tensorflow_tensor name;
    *nodes = (struct wasinn__tensorflow_nodes){NULL, 0};
    while (wasinn__proto_next(&file->proto, &graph, &field)) {
        if (field.key != WASINN__BYTES(1))
            continue;
        struct wasinn__tensorflow_node *node = add_node(nodes);
        if (!node) {
            wasinn__proto_fail(&file->proto, field.offset, "no memory, or more than %llu nodes",
                               (unsigned long long)MOST_NODES);
            break;
        }
        *node = (struct wasinn__tensorflow_node){.span = field.span};
        while (wasinn__proto_next(&file->proto, &field.span, &part)) {
            if (part.key == WASINN__BYTES(1) && wasinn__tensorflow_tensor(file, &part, &name))
                node->hash = name.hash;
        }
    }
    if (nodes->count)
        qsort(nodes->list, nodes->count, sizeof *nodes->list, compare_hashes);
    if (file->proto.failed) {
        free(nodes->list);
        *nodes = (struct wasinn__tensorflow_nodes){NULL, 0};
    }
    return !file->proto.failed;
}

static void mark_taken(struct wasinn__tensorflow *file, struct wasinn__tensorflow_nodes *nodes) {
    struct wasinn__field field;
    struct wasinn__tensorflow_tensor tensor;
    for (size_t i = 0; i < nodes->count; i++) {
        struct wasinn__span span = nodes->list[i].span;
        while (wasinn__proto_next(&file->proto, &span, &field)) {
            if (field.key != WASINN__BYTES(3) || !wasinn__tensorflow_tensor(file, &field, &tensor))
                continue;
            struct wasinn__tensorflow_node *found = wasinn__tensorflow_find(nodes, tensor.hash);
            if (found)
                found->taken = true;
        }
    }
}

/* ---- Ports of a graph without signature ---------------------------------------------------------- */

/* Operations declare which of their attributes an output's type is; here are those that end graphs. */
static void read_output_type(struct wasinn__tensorflow *file, struct wasinn__span node, const char *op,
                             struct wasinn__model_port *port) {
    static const char *const same[] = {
        "Add",          "AddV2",   "AvgPool",  "BatchMatMul", "BatchMatMulV2", "BiasAdd",
        "ConcatV2",     "Conv2D",  "Elu",      "Exp",         "Identity",      "Log",
        "LogSoftmax",   "MatMul",  "Max",      "MaxPool",     "Maximum",       "Mean",
        "Min",          "Minimum", "Mul",      "Neg",         "Pack",          "Pad",
        "PadV2",        "RealDiv", "Relu",     "Relu6",       "Reshape",       "Sigmoid",
        "Slice",        "Softmax", "Softplus", "Sqrt",        "Square",        "Squeeze",
        "StridedSlice", "Sub",     "Sum",      "Tanh",        "Transpose",     "DepthwiseConv2dNative",
        "ExpandDims",
    };
    static const char *const others[][2] = {{"Cast", "DstT"},
                                            {"ArgMax", "output_type"},
                                            {"ArgMin", "output_type"},
                                            {"Shape", "out_type"},
                                            {"Size", "out_type"}};
    static const char *const truths[] = {"Equal",   "NotEqual",     "Less",       "LessEqual",
                                         "Greater", "GreaterEqual", "LogicalAnd", "LogicalOr"};
    struct wasinn__field field;
    const char *attribute = NULL;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        attribute = strcmp(op, same[i]) == 0 ? "T" : attribute;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        attribute = strcmp(op, others[i][0]) == 0 ? others[i][1] : attribute;
    for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
        if (strcmp(op, truths[i]) == 0)
            wasinn__tensorflow_type(TYPE_BOOL, port);
    }
    if (attribute && find_value(file, node, attribute, WASINN__VARINT(6), &field))
        wasinn__tensorflow_type(field.value, port);
}

static bool add_node_port(struct wasinn__tensorflow *file, struct wasinn__span node, const char *op,
                          wasinn_direction direction) {
    struct wasinn__model_port port;
    struct wasinn__field field;
    wasinn__port_init(&port);
    for (struct wasinn__span rest = node; wasinn__proto_next(&file->proto, &rest, &field);) {
        if (field.key == WASINN__BYTES(1))
            wasinn__proto_text(&file->proto, &field, "a node's name", &port.name);
    }
    if (direction == WASINN_OUTPUT)
        read_output_type(file, node, op, &port);
    else if (find_value(file, node, "dtype", WASINN__VARINT(6), &field))
        wasinn__tensorflow_type(field.value, &port);
    if (direction == WASINN_INPUT && find_value(file, node, "shape", WASINN__BYTES(7), &field))
        wasinn__tensorflow_shape(file, field.span, &port);
    if (!file->proto.failed && !wasinn__facts_add_port(&file->facts, direction, &port))
        wasinn__proto_fail(&file->proto, node.at,
                           "no memory, more than %d inputs and outputs, or too long names",
                           WASINN__MODEL_PORTS);
    wasinn__port_clear(&port);
    return !file->proto.failed;
}

/* Nodes that give nothing, or that nobody asks for. */
static bool gives_output(const char *op) {
    static const char *const none[] = {"Const", "NoOp", "Assert", "Placeholder", "PlaceholderWithDefault"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (strcmp(op, none[i]) == 0)
            return false;
    }
    return true;
}

bool wasinn__tensorflow_ports(struct wasinn__tensorflow *file, struct wasinn__span graph) {
    struct wasinn__tensorflow_nodes nodes;
    if (!wasinn__tensorflow_nodes(file, graph, &nodes))
        return false;
    mark_taken(file, &nodes);
    if (nodes.count)
        qsort(nodes.list, nodes.count, sizeof *nodes.list, compare_places);
    for (size_t i = 0; i < nodes.count && !file->proto.failed; i++) {
        char op[MOST_OP];
        if (!read_op(file, nodes.list[i].span, op))
            break;
        if (strcmp(op, "Placeholder") == 0)
            add_node_port(file, nodes.list[i].span, op, WASINN_INPUT);
        else if (!nodes.list[i].taken && gives_output(op))
            add_node_port(file, nodes.list[i].span, op, WASINN_OUTPUT);
    }
    free(nodes.list);
    return !file->proto.failed;
}
