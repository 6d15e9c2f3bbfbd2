/* TensorFlow Lite: a FlatBuffer with the identifier TFL3. Fields' numbers are those of its schema. */
#include <stdio.h>
#include <stdlib.h>

#include "flatbuffer.h"

enum { MODEL_VERSION = 0, MODEL_GRAPHS = 2, MODEL_DESCRIPTION = 3, MODEL_BUFFERS = 4 };
enum { GRAPH_TENSORS = 0, GRAPH_INPUTS = 1, GRAPH_OUTPUTS = 2, GRAPH_NAME = 4 };
enum {
    TENSOR_SHAPE = 0,
    TENSOR_TYPE = 1,
    TENSOR_BUFFER = 2,
    TENSOR_NAME = 3,
    TENSOR_SIGNATURE = 7, /* the shape with -1 where it is open */
    TENSOR_HAS_RANK = 8
};
enum { BUFFER_DATA = 0, BUFFER_OFFSET = 1, BUFFER_SIZE = 2 };

enum {
    MOST_TENSORS = 1 << 18, /* and graphs */
    MOST_RANK = 64
};

struct lite {
    struct wasinn__flat flat;
    struct wasinn__model_facts facts;
    struct wasinn__vector buffers;
    uint32_t tensors; /* and graphs, looked at so far */
};

static const struct {
    wasinn_type type;
    const char *text;
} types[] = {
    {WASINN_TYPE_F32, NULL},  {WASINN_TYPE_F16, NULL},         {WASINN_TYPE_I32, NULL},
    {WASINN_TYPE_U8, NULL},   {WASINN_TYPE_I64, NULL},         {WASINN_TYPE_OTHER, "string"},
    {WASINN_TYPE_BOOL, NULL}, {WASINN_TYPE_I16, NULL},         {WASINN_TYPE_OTHER, "complex64"},
    {WASINN_TYPE_I8, NULL},   {WASINN_TYPE_F64, NULL},         {WASINN_TYPE_OTHER, "complex128"},
    {WASINN_TYPE_U64, NULL},  {WASINN_TYPE_OTHER, "resource"}, {WASINN_TYPE_OTHER, "variant"},
    {WASINN_TYPE_U32, NULL},  {WASINN_TYPE_U16, NULL},         {WASINN_TYPE_OTHER, "int4"},
    {WASINN_TYPE_BF16, NULL},
};

static bool fail(struct lite *lite, uint64_t at, const char *what) {
    lite->flat.failed = true;
    wasinn__malformed(lite->flat.reader, lite->flat.problem, at, "%s", what);
    return false;
}

/* ---- Ports --------------------------------------------------------------------------------------- */

static bool read_shape(struct lite *lite, const struct wasinn__table *tensor,
                       struct wasinn__model_port *port) {
    struct wasinn__vector shape = wasinn__flat_vector(&lite->flat, tensor, TENSOR_SHAPE, 4);
    struct wasinn__vector signature = wasinn__flat_vector(&lite->flat, tensor, TENSOR_SIGNATURE, 4);
    if (signature.count == shape.count)
        shape = signature;
    if (shape.count > MOST_RANK)
        return fail(lite, shape.at, "a shape of more than 64 dimensions");
    port->rank = 0;
    for (uint32_t i = 0; i < shape.count; i++) {
        int32_t size = (int32_t)wasinn__flat_u32(&lite->flat, shape.at + 4 * (uint64_t)i);
        if (!wasinn__port_add_dim(port, size, NULL) && !wasinn__facts_note_rank(&lite->facts, port))
            return fail(lite, shape.at, "no memory");
    }
    return !lite->flat.failed;
}

static bool read_ports(struct lite *lite, const struct wasinn__table *graph, wasinn_direction direction) {
    struct wasinn__vector tensors = wasinn__flat_vector(&lite->flat, graph, GRAPH_TENSORS, 4);
    struct wasinn__vector list =
        wasinn__flat_vector(&lite->flat, graph, direction == WASINN_INPUT ? GRAPH_INPUTS : GRAPH_OUTPUTS, 4);
    for (uint32_t i = 0; i < list.count && !lite->flat.failed; i++) {
        struct wasinn__model_port port;
        uint64_t place = list.at + 4 * (uint64_t)i;
        uint32_t index = wasinn__flat_u32(&lite->flat, place);
        if (index >= tensors.count)
            return fail(lite, place, "an input or output that is no tensor of its graph");
        struct wasinn__table tensor = wasinn__flat_table(&lite->flat, tensors.at + 4 * (uint64_t)index);
        uint64_t type = wasinn__flat_number(&lite->flat, &tensor, TENSOR_TYPE, 1);
        wasinn__port_init(&port);
        port.name = wasinn__flat_text(&lite->flat, &tensor, TENSOR_NAME, "a tensor's name");
        if (type < sizeof types / sizeof types[0]) {
            port.type = types[type].type;
            port.type_text = types[type].text;
        }
        if (read_shape(lite, &tensor, &port) && !wasinn__facts_add_port(&lite->facts, direction, &port))
            fail(lite, place, "no memory, more than 65536 inputs and outputs, or too long names");
        wasinn__port_clear(&port);
    }
    return !lite->flat.failed;
}

/* ---- Weights ------------------------------------------------------------------------------------- */

/* The first buffer is empty: it is that of the tensors which are computed. */
static bool has_data(struct lite *lite, uint64_t index, uint64_t at) {
    if (index >= lite->buffers.count)
        return index && fail(lite, at, "a tensor whose buffer is not in the file");
    struct wasinn__table buffer = wasinn__flat_table(&lite->flat, lite->buffers.at + 4 * index);
    uint64_t offset = wasinn__flat_number(&lite->flat, &buffer, BUFFER_OFFSET, 8);
    uint64_t size = wasinn__flat_number(&lite->flat, &buffer, BUFFER_SIZE, 8);
    if (offset > 1) {
        uint64_t end = wasinn__reader_size(lite->flat.reader);
        if (offset > end || size > end - offset)
            return fail(lite, buffer.at, "a buffer that ends beyond the file");
        return size > 0;
    }
    return wasinn__flat_vector(&lite->flat, &buffer, BUFFER_DATA, 1).count > 0;
}

static bool count_tensor(struct lite *lite, uint64_t place) {
    struct wasinn__table tensor = wasinn__flat_table(&lite->flat, place);
    uint64_t buffer = wasinn__flat_number(&lite->flat, &tensor, TENSOR_BUFFER, 4);
    struct wasinn__vector shape = wasinn__flat_vector(&lite->flat, &tensor, TENSOR_SHAPE, 4);
    int64_t dims[MOST_RANK];
    if (lite->flat.failed || !has_data(lite, buffer, tensor.at))
        return !lite->flat.failed;
    if (shape.count > MOST_RANK)
        return fail(lite, shape.at, "a shape of more than 64 dimensions");
    for (uint32_t i = 0; i < shape.count; i++)
        dims[i] = (int32_t)wasinn__flat_u32(&lite->flat, shape.at + 4 * (uint64_t)i);
    return wasinn__facts_count(&lite->facts, shape.count, dims) ||
           fail(lite, shape.at, "weights of a negative size, or of more than 2^63 elements");
}

static bool one_more(struct lite *lite, uint64_t at) {
    return ++lite->tensors <= MOST_TENSORS || fail(lite, at, "more than 262144 tensors and graphs");
}

static bool count_weights(struct lite *lite, const struct wasinn__table *graph) {
    struct wasinn__vector tensors = wasinn__flat_vector(&lite->flat, graph, GRAPH_TENSORS, 4);
    for (uint32_t i = 0; i < tensors.count && one_more(lite, tensors.at); i++) {
        if (!count_tensor(lite, tensors.at + 4 * (uint64_t)i))
            break;
    }
    return !lite->flat.failed;
}

/* ---- The model ----------------------------------------------------------------------------------- */

static bool read_model(struct lite *lite) {
    struct wasinn__table model = wasinn__flat_table(&lite->flat, 0);
    struct wasinn__vector graphs = wasinn__flat_vector(&lite->flat, &model, MODEL_GRAPHS, 4);
    uint64_t version = wasinn__flat_number(&lite->flat, &model, MODEL_VERSION, 4);
    lite->buffers = wasinn__flat_vector(&lite->flat, &model, MODEL_BUFFERS, 4);
    if (!lite->flat.failed && version != 3)
        return fail(lite, model.at, "a version of TensorFlow Lite's schema that is not 3");
    if (!lite->flat.failed && graphs.count == 0)
        return fail(lite, model.at, "there is no graph in the model");
    for (uint32_t i = 0; i < graphs.count && one_more(lite, graphs.at); i++) {
        struct wasinn__table graph = wasinn__flat_table(&lite->flat, graphs.at + 4 * (uint64_t)i);
        if (i == 0 && read_ports(lite, &graph, WASINN_INPUT) && read_ports(lite, &graph, WASINN_OUTPUT))
            lite->facts.name = wasinn__flat_text(&lite->flat, &graph, GRAPH_NAME, "the graph's name");
        if (!count_weights(lite, &graph))
            break;
    }
    lite->facts.producer = wasinn__flat_text(&lite->flat, &model, MODEL_DESCRIPTION, "the description");
    return !lite->flat.failed;
}

bool wasinn__read_tensorflowlite(struct wasinn__reader *reader, struct wasinn__model_facts *facts,
                                 char *problem) {
    struct lite lite = {.flat = {reader, problem, false}};
    problem[0] = '\0';
    const uint8_t *head = wasinn__reader_at(reader, 0, 8);
    if (!head || memcmp(head + 4, "TFL3", 4) != 0)
        return false;
    if (!read_model(&lite)) {
        wasinn__model_facts_free(&lite.facts);
        return false;
    }
    *facts = lite.facts;
    facts->encoding = WASINN_ENCODING_TENSORFLOWLITE;
    strcpy(facts->format_text, "TensorFlow Lite 3");
    facts->format = facts->format_text;
    facts->parameters_known = true;
    return true;
}
