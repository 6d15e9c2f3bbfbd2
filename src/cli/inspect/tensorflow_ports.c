/* TensorFlow's GraphDef: its nodes by name, and the ports of a graph that has no signature. */
#include <stdlib.h>

#include "tensorflow.h"

#define MOST_NODES (UINT64_C(1) << 19)

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
            wasinn__tensorflow_type(WASINN__TENSORFLOW_BOOL, port);
    }
    if (attribute && wasinn__tensorflow_value(file, node, attribute, WASINN__VARINT(6), &field))
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
    else if (wasinn__tensorflow_value(file, node, "dtype", WASINN__VARINT(6), &field))
        wasinn__tensorflow_type(field.value, &port);
    if (direction == WASINN_INPUT && wasinn__tensorflow_value(file, node, "shape", WASINN__BYTES(7), &field))
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
        char op[WASINN__TENSORFLOW_OP];
        if (!wasinn__tensorflow_op(file, nodes.list[i].span, op))
            break;
        if (strcmp(op, "Placeholder") == 0)
            add_node_port(file, nodes.list[i].span, op, WASINN_INPUT);
        else if (!nodes.list[i].taken && gives_output(op))
            add_node_port(file, nodes.list[i].span, op, WASINN_OUTPUT);
    }
    free(nodes.list);
    return !file->proto.failed;
}
