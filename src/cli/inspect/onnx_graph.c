/* ONNX's GraphProto: its ports and weights. Field numbers are those of onnx.proto. */
#include <stdlib.h>

#include "onnx.h"

enum { DEEPEST = 8 /* graphs within graphs whose weights are counted */ };

enum { TYPE_INT32 = 6, TYPE_INT64 = 7, TYPE_STRING = 8, TYPE_BOOL = 9 };

/* Where a weight is: the names of the model's own ones are those of inputs that need not be set. */
enum place { OF_MODEL, OF_SUBGRAPH, OF_NODE };

struct wasinn__onnx_input {
    const char *name; /* of the port, which owns it */
    size_t index;
    bool is_weight;
};

static const struct {
    wasinn_type type;
    const char *text;
} types[] = {
    {WASINN_TYPE_OTHER, "unknown"},
    {WASINN_TYPE_F32, NULL},
    {WASINN_TYPE_U8, NULL},
    {WASINN_TYPE_I8, NULL},
    {WASINN_TYPE_U16, NULL},
    {WASINN_TYPE_I16, NULL},
    {WASINN_TYPE_I32, NULL},
    {WASINN_TYPE_I64, NULL},
    {WASINN_TYPE_OTHER, "string"},
    {WASINN_TYPE_BOOL, NULL},
    {WASINN_TYPE_F16, NULL},
    {WASINN_TYPE_F64, NULL},
    {WASINN_TYPE_U32, NULL},
    {WASINN_TYPE_U64, NULL},
    {WASINN_TYPE_OTHER, "complex64"},
    {WASINN_TYPE_OTHER, "complex128"},
    {WASINN_TYPE_BF16, NULL},
    {WASINN_TYPE_OTHER, "float8e4m3fn"},
    {WASINN_TYPE_OTHER, "float8e4m3fnuz"},
    {WASINN_TYPE_OTHER, "float8e5m2"},
    {WASINN_TYPE_OTHER, "float8e5m2fnuz"},
    {WASINN_TYPE_OTHER, "uint4"},
    {WASINN_TYPE_OTHER, "int4"},
    {WASINN_TYPE_OTHER, "float4e2m1"},
    {WASINN_TYPE_OTHER, "float8e8m0"},
    {WASINN_TYPE_OTHER, "uint2"},
    {WASINN_TYPE_OTHER, "int2"},
    {WASINN_TYPE_OTHER, "float6e2m3"},
    {WASINN_TYPE_OTHER, "float6e3m2"},
};

static bool no_memory(struct wasinn__onnx *onnx, uint64_t offset) {
    return wasinn__proto_fail(&onnx->proto, offset, "no memory");
}

/* ---- Ports --------------------------------------------------------------------------------------- */

static bool read_dim(struct wasinn__onnx *onnx, struct wasinn__span span, struct wasinn__model_port *port) {
    struct wasinn__field field;
    int64_t size = -1;
    char *name = NULL;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__VARINT(1)) {
            size = (int64_t)field.value;
        } else if (field.key == WASINN__BYTES(2)) {
            size = -1;
            wasinn__proto_text(&onnx->proto, &field, "the name of a dimension", &name);
        }
    }
    if (onnx->proto.failed) {
        free(name);
        return false;
    }
    return wasinn__port_add_dim(port, size, name) || wasinn__facts_note_rank(&onnx->facts, port) ||
           no_memory(onnx, span.at);
}

static bool read_tensor_type(struct wasinn__onnx *onnx, struct wasinn__span span,
                             struct wasinn__model_port *port) {
    struct wasinn__field field, dim;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__VARINT(1)) {
            uint64_t type = field.value < sizeof types / sizeof types[0] ? field.value : 0;
            port->type = types[type].type;
            port->type_text = types[type].text;
        } else if (field.key == WASINN__BYTES(2)) {
            if (port->rank == WASINN_DYNAMIC_RANK)
                port->rank = 0;
            while (wasinn__proto_next(&onnx->proto, &field.span, &dim)) {
                if (dim.key == WASINN__BYTES(1) && !read_dim(onnx, dim.span, port))
                    return false;
            }
        }
    }
    return !onnx->proto.failed;
}

static bool read_type(struct wasinn__onnx *onnx, struct wasinn__span span, struct wasinn__model_port *port) {
    struct wasinn__field field;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        switch (field.key) {
        case WASINN__BYTES(1):
            if (!read_tensor_type(onnx, field.span, port))
                return false;
            break;
        case WASINN__BYTES(4):
            port->type_text = "sequence";
            break;
        case WASINN__BYTES(5):
            port->type_text = "map";
            break;
        case WASINN__BYTES(7):
            port->type_text = "opaque";
            break;
        case WASINN__BYTES(8):
            port->type_text = "sparse tensor";
            break;
        case WASINN__BYTES(9):
            port->type_text = "optional";
            break;
        }
    }
    return !onnx->proto.failed;
}

static bool read_port(struct wasinn__onnx *onnx, struct wasinn__span span, wasinn_direction direction) {
    struct wasinn__field field;
    struct wasinn__model_port port;
    uint64_t offset = span.at;
    wasinn__port_init(&port);
    /* The name first: what is said about the type names the port. */
    for (struct wasinn__span rest = span; wasinn__proto_next(&onnx->proto, &rest, &field);) {
        if (field.key == WASINN__BYTES(1))
            wasinn__proto_text(&onnx->proto, &field, "a port's name", &port.name);
    }
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(2))
            read_type(onnx, field.span, &port);
    }
    if (!onnx->proto.failed && !wasinn__facts_add_port(&onnx->facts, direction, &port))
        wasinn__proto_fail(&onnx->proto, offset,
                           "no memory, more than %d inputs and outputs, or too long names",
                           WASINN__MODEL_PORTS);
    wasinn__port_clear(&port);
    return !onnx->proto.failed;
}

/* ---- Weights ------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct wasinn__onnx_input *)a)->name, ((const struct wasinn__onnx_input *)b)->name);
}

/* The inputs in the order of their names. */
static bool sort_inputs(struct wasinn__onnx *onnx) {
    size_t count = onnx->facts.port_counts[WASINN_INPUT];
    onnx->inputs = calloc(count ? count : 1, sizeof *onnx->inputs);
    if (!onnx->inputs)
        return no_memory(onnx, 0);
    for (size_t i = 0; i < count; i++)
        onnx->inputs[i] = (struct wasinn__onnx_input){onnx->facts.ports[WASINN_INPUT][i].name, i, false};
    qsort(onnx->inputs, count, sizeof *onnx->inputs, compare_names);
    return true;
}

/* Until IR 4 each weight was an input too; since then one that is gives the input a default. OpenVINO and
 * ONNX Runtime take neither for an input that must be set. */
static void mark_weight(struct wasinn__onnx *onnx, struct wasinn__span span) {
    size_t low = 0, high = onnx->facts.port_counts[WASINN_INPUT];
    char name[WASINN__MODEL_NAME + 1];
    if (high == 0 || !wasinn__model_text_into(onnx->proto.reader, span.at, span.end - span.at, name))
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(onnx->inputs[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < onnx->facts.port_counts[WASINN_INPUT] && strcmp(onnx->inputs[low].name, name) == 0; low++) {
        if (onnx->inputs[low].is_weight)
            break;
        onnx->inputs[low].is_weight = true;
    }
}

static void remove_weights(struct wasinn__onnx *onnx) {
    struct wasinn__model_port *ports = onnx->facts.ports[WASINN_INPUT];
    size_t count = onnx->facts.port_counts[WASINN_INPUT], kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (onnx->inputs[i].is_weight)
            wasinn__port_clear(&ports[onnx->inputs[i].index]);
    }
    for (size_t i = 0; i < count; i++) {
        if (ports[i].name)
            ports[kept++] = ports[i];
    }
    onnx->facts.port_counts[WASINN_INPUT] = kept;
}

static bool read_external(struct wasinn__onnx *onnx, struct wasinn__span span) {
    struct wasinn__field field;
    bool is_location = false;
    char *value = NULL;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(1))
            is_location = wasinn__proto_equals(&onnx->proto, &field, "location");
        else if (field.key == WASINN__BYTES(2) && is_location)
            wasinn__proto_text(&onnx->proto, &field, "a file's name", &value);
    }
    if (value && !onnx->location) {
        onnx->location = value;
        return !onnx->proto.failed;
    }
    onnx->more_locations |= value && strcmp(onnx->location, value) != 0;
    free(value);
    return !onnx->proto.failed;
}

/* Dimensions may come one by one or packed. Their product is taken as it comes. */
static bool read_weight(struct wasinn__onnx *onnx, struct wasinn__span span, enum place place) {
    struct wasinn__field field;
    uint64_t offset = span.at, elements = 1, dim, type = 0;
    bool empty = false, overflow = false, scalar = true;
    struct wasinn__span name = {0, 0};
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        switch (field.key) {
        case WASINN__VARINT(1):
            scalar = false;
            empty |= field.value == 0;
            overflow |= field.value && __builtin_mul_overflow(elements, field.value, &elements);
            break;
        case WASINN__VARINT(2):
            type = field.value;
            break;
        case WASINN__BYTES(1):
            scalar = false;
            while (field.span.at < field.span.end && wasinn__proto_varint(&onnx->proto, &field.span, &dim)) {
                empty |= dim == 0;
                overflow |= dim && __builtin_mul_overflow(elements, dim, &elements);
            }
            break;
        case WASINN__BYTES(8):
            name = field.span;
            break;
        case WASINN__BYTES(13):
            onnx->facts.external_data = true;
            read_external(onnx, field.span);
            break;
        case WASINN__VARINT(14):
            onnx->facts.external_data |= field.value == 1;
            break;
        }
    }
    if (onnx->proto.failed)
        return false;
    if (place == OF_MODEL && name.at != name.end)
        mark_weight(onnx, name);
    /* Constants of whole numbers are shapes, axes and indices. */
    if (place == OF_NODE &&
        (scalar || type == TYPE_INT32 || type == TYPE_INT64 || type == TYPE_STRING || type == TYPE_BOOL))
        return true;
    int64_t count = empty ? 0 : overflow || elements > INT64_MAX ? -1 : (int64_t)elements;
    return wasinn__facts_count(&onnx->facts, 1, &count) ||
           wasinn__proto_fail(&onnx->proto, offset, "weights of more than 2^63 elements");
}

static bool read_sparse_weight(struct wasinn__onnx *onnx, struct wasinn__span span, enum place place) {
    struct wasinn__field field;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(1))
            read_weight(onnx, field.span, place);
    }
    return !onnx->proto.failed;
}

/* ---- The graph ----------------------------------------------------------------------------------- */

static bool read_weights(struct wasinn__onnx *onnx, struct wasinn__span graph, int depth);

/* An attribute has a value of one kind: what comes after long lists of numbers is no graph. */
static void read_attribute(struct wasinn__onnx *onnx, struct wasinn__span span, int depth, bool of_constant) {
    struct wasinn__field field;
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        uint32_t number = field.key >> 3;
        if (number >= 7 && number <= 9)
            return;
        if (field.key == WASINN__BYTES(6) || field.key == WASINN__BYTES(11))
            read_weights(onnx, field.span, depth + 1);
        else if (field.key == WASINN__BYTES(5) && of_constant)
            read_weight(onnx, field.span, OF_NODE);
    }
}

static void read_node(struct wasinn__onnx *onnx, struct wasinn__span span, int depth) {
    struct wasinn__field field;
    bool is_constant = false;
    for (struct wasinn__span rest = span; wasinn__proto_next(&onnx->proto, &rest, &field);) {
        if (field.key == WASINN__BYTES(4))
            is_constant = wasinn__proto_equals(&onnx->proto, &field, "Constant");
    }
    while (wasinn__proto_next(&onnx->proto, &span, &field)) {
        if (field.key == WASINN__BYTES(5))
            read_attribute(onnx, field.span, depth, is_constant);
    }
}

static bool read_weights(struct wasinn__onnx *onnx, struct wasinn__span graph, int depth) {
    struct wasinn__field field;
    if (depth > DEEPEST) {
        onnx->too_deep = true;
        return true;
    }
    while (wasinn__proto_next(&onnx->proto, &graph, &field)) {
        if (field.key == WASINN__BYTES(1))
            read_node(onnx, field.span, depth);
        else if (field.key == WASINN__BYTES(5))
            read_weight(onnx, field.span, depth ? OF_SUBGRAPH : OF_MODEL);
        else if (field.key == WASINN__BYTES(15))
            read_sparse_weight(onnx, field.span, depth ? OF_SUBGRAPH : OF_MODEL);
    }
    return !onnx->proto.failed;
}

bool wasinn__onnx_graph(struct wasinn__onnx *onnx) {
    struct wasinn__span graph = onnx->graph;
    struct wasinn__field field;
    bool has_nodes = false;
    while (wasinn__proto_next(&onnx->proto, &graph, &field)) {
        if (field.key == WASINN__BYTES(1))
            has_nodes = true;
        else if (field.key == WASINN__BYTES(2))
            wasinn__proto_text(&onnx->proto, &field, "the graph's name", &onnx->facts.name);
        else if (field.key == WASINN__BYTES(11))
            read_port(onnx, field.span, WASINN_INPUT);
        else if (field.key == WASINN__BYTES(12))
            read_port(onnx, field.span, WASINN_OUTPUT);
    }
    if (onnx->proto.failed)
        return false;
    if (!has_nodes && onnx->facts.port_counts[WASINN_OUTPUT] == 0)
        return wasinn__proto_fail(&onnx->proto, onnx->graph.at, "the graph has neither nodes nor outputs");
    if (!sort_inputs(onnx) || !read_weights(onnx, onnx->graph, 0))
        return false;
    remove_weights(onnx);
    return true;
}
