#include "backends/openvino/tensorflowlite_check.h"

#include <string.h>

enum {
    MOST_TABLES = 1 << 22, /* looked at: tables may be shared, so that a small file has many */
    MOST_NUMBERS = 1 << 28,
    MOST_GRAPHS = 1024,
    MOST_DEPTH = 64, /* of graphs that call graphs */
    NEWEST_OPERATOR = 209,
    CUSTOM = 32,
    ASSIGN_VARIABLE = 144
};

/* Tables of TensorFlow Lite's schema. */
enum table {
    MODEL,
    OPERATOR_CODE,
    GRAPH,
    TENSOR,
    QUANTIZATION,
    SPARSITY,
    DIMENSION,
    VARIANT,
    OPERATOR,
    BUFFER,
    METADATA,
    SIGNATURE,
    PORT,
    OPTIONS, /* of an operator, with numbers only; those with more follow */
    RESHAPE,
    SQUEEZE,
    EMBEDDINGS,
    VARIABLE,
    BUCKETS,
    INDICES4,
    INDICES2,
    INDICES1,
    CUSTOM_QUANTIZATION
};

enum kind {
    NUMBER,  /* of `of` bytes */
    NUMBERS, /* a vector of them */
    TEXT,
    ONE,  /* a table */
    MANY, /* a vector of tables */
    UNION /* a table, of which the field before this one tells the type */
};

typedef struct field {
    uint8_t table, number, kind, of;
} field;

static const field fields[] = {
    {MODEL, 0, NUMBER, 4},
    {MODEL, 1, MANY, OPERATOR_CODE},
    {MODEL, 2, MANY, GRAPH},
    {MODEL, 3, TEXT, 0},
    {MODEL, 4, MANY, BUFFER},
    {MODEL, 5, NUMBERS, 4},
    {MODEL, 6, MANY, METADATA},
    {MODEL, 7, MANY, SIGNATURE},
    {OPERATOR_CODE, 0, NUMBER, 1},
    {OPERATOR_CODE, 1, TEXT, 0},
    {OPERATOR_CODE, 2, NUMBER, 4},
    {OPERATOR_CODE, 3, NUMBER, 4},
    {GRAPH, 0, MANY, TENSOR},
    {GRAPH, 1, NUMBERS, 4},
    {GRAPH, 2, NUMBERS, 4},
    {GRAPH, 3, MANY, OPERATOR},
    {GRAPH, 4, TEXT, 0},
    {TENSOR, 0, NUMBERS, 4},
    {TENSOR, 1, NUMBER, 1},
    {TENSOR, 2, NUMBER, 4},
    {TENSOR, 3, TEXT, 0},
    {TENSOR, 4, ONE, QUANTIZATION},
    {TENSOR, 5, NUMBER, 1},
    {TENSOR, 6, ONE, SPARSITY},
    {TENSOR, 7, NUMBERS, 4},
    {TENSOR, 8, NUMBER, 1},
    {TENSOR, 9, MANY, VARIANT},
    {QUANTIZATION, 0, NUMBERS, 4},
    {QUANTIZATION, 1, NUMBERS, 4},
    {QUANTIZATION, 2, NUMBERS, 4},
    {QUANTIZATION, 3, NUMBERS, 8},
    {QUANTIZATION, 4, NUMBER, 1},
    {QUANTIZATION, 5, UNION, 0},
    {QUANTIZATION, 6, NUMBER, 4},
    {SPARSITY, 0, NUMBERS, 4},
    {SPARSITY, 1, NUMBERS, 4},
    {SPARSITY, 2, MANY, DIMENSION},
    {DIMENSION, 0, NUMBER, 1},
    {DIMENSION, 1, NUMBER, 4},
    {DIMENSION, 2, NUMBER, 1},
    {DIMENSION, 3, UNION, 0},
    {DIMENSION, 4, NUMBER, 1},
    {DIMENSION, 5, UNION, 0},
    {VARIANT, 0, NUMBERS, 4},
    {VARIANT, 1, NUMBER, 1},
    {VARIANT, 2, NUMBER, 1},
    {OPERATOR, 0, NUMBER, 4},
    {OPERATOR, 1, NUMBERS, 4},
    {OPERATOR, 2, NUMBERS, 4},
    {OPERATOR, 3, NUMBER, 1},
    {OPERATOR, 4, UNION, 0},
    {OPERATOR, 5, NUMBERS, 1},
    {OPERATOR, 6, NUMBER, 1},
    {OPERATOR, 7, NUMBERS, 1},
    {OPERATOR, 8, NUMBERS, 4},
    {OPERATOR, 9, NUMBER, 8},
    {OPERATOR, 10, NUMBER, 8},
    {OPERATOR, 11, NUMBER, 1},
    {OPERATOR, 12, UNION, 0},
    {BUFFER, 0, NUMBERS, 1},
    {BUFFER, 1, NUMBER, 8},
    {BUFFER, 2, NUMBER, 8},
    {METADATA, 0, TEXT, 0},
    {METADATA, 1, NUMBER, 4},
    {SIGNATURE, 0, MANY, PORT},
    {SIGNATURE, 1, MANY, PORT},
    {SIGNATURE, 2, TEXT, 0},
    {SIGNATURE, 4, NUMBER, 4},
    {PORT, 0, TEXT, 0},
    {PORT, 1, NUMBER, 4},
    {RESHAPE, 0, NUMBERS, 4},
    {SQUEEZE, 0, NUMBERS, 4},
    {EMBEDDINGS, 1, NUMBERS, 4},
    {EMBEDDINGS, 2, NUMBERS, 4},
    {VARIABLE, 0, TEXT, 0},
    {VARIABLE, 1, TEXT, 0},
    {BUCKETS, 0, NUMBERS, 4},
    {INDICES4, 0, NUMBERS, 4},
    {INDICES2, 0, NUMBERS, 2},
    {INDICES1, 0, NUMBERS, 1},
    {CUSTOM_QUANTIZATION, 0, NUMBERS, 1},
};

typedef struct lite {
    const uint8_t *bytes;
    uint64_t size;
    uint32_t tables;  /* looked at */
    uint64_t numbers; /* in lists; tables may share these too */
    wasinn_message *message;
} lite;

/* A vector; `at` is its first element, 0 when it is absent. */
typedef struct row {
    uint64_t at;
    uint32_t count;
} row;

static wasinn_status refuse(lite *lite, uint64_t at, const char *what) {
    return wasinn_refuse(lite->message, WASINN_RUNTIME_ERROR,
                         "the TensorFlow Lite model is damaged: %s, at byte %llu", what,
                         (unsigned long long)at);
}

static uint32_t u16_at(const lite *lite, uint64_t at) {
    return lite->bytes[at] | (uint32_t)lite->bytes[at + 1] << 8;
}

static uint32_t u32_at(const lite *lite, uint64_t at) {
    return u16_at(lite, at) | u16_at(lite, at + 2) << 16;
}

static bool inside(const lite *lite, uint64_t at, uint64_t size) {
    return at <= lite->size && size <= lite->size - at;
}

/* ---- Every offset ------------------------------------------------------------------------------- */

/* Where a table's field is, 0: absent. The table has been checked. */
static uint64_t find(const lite *lite, uint64_t table, unsigned number) {
    uint64_t list = table - (uint64_t)(int64_t)(int32_t)u32_at(lite, table);
    if (4 + 2 * number + 2 > u16_at(lite, list))
        return 0;
    uint32_t offset = u16_at(lite, list + 4 + 2 * number);
    return offset ? table + offset : 0;
}

static uint64_t follow(const lite *lite, uint64_t at) {
    return at ? at + u32_at(lite, at) : 0;
}

static row row_of(const lite *lite, uint64_t table, unsigned number) {
    uint64_t at = follow(lite, find(lite, table, number));
    return at ? (row){at + 4, u32_at(lite, at)} : (row){0, 0};
}

static uint64_t table_in(const lite *lite, row row, uint32_t index) {
    return follow(lite, row.at + 4 * (uint64_t)index);
}

/* A table's list of places: each lies within what the table says to be its size, which lies in the file. */
static wasinn_status check_places(lite *lite, uint64_t at) {
    if (!inside(lite, at, 4))
        return refuse(lite, at, "a table beyond the end");
    uint64_t list = at - (uint64_t)(int64_t)(int32_t)u32_at(lite, at);
    if (list > lite->size || !inside(lite, list, 4))
        return refuse(lite, at, "a table whose list of fields lies beyond the end");
    uint32_t length = u16_at(lite, list), size = u16_at(lite, list + 2);
    if (length < 4 || length % 2 || !inside(lite, list, length) || size < 4 || !inside(lite, at, size))
        return refuse(lite, list, "a list of fields of a wrong size");
    for (uint32_t i = 4; i < length; i += 2) {
        uint32_t offset = u16_at(lite, list + i);
        if (offset != 0 && (offset < 4 || offset >= size))
            return refuse(lite, list + i, "a field outside its table");
    }
    return ++lite->tables > MOST_TABLES ? refuse(lite, at, "too many tables") : WASINN_OK;
}

static wasinn_status check_table(lite *lite, enum table table, uint64_t at);

static wasinn_status check_row(lite *lite, uint64_t at, uint64_t element) {
    if (!inside(lite, at, 4))
        return refuse(lite, at, "a list beyond the end");
    uint64_t count = u32_at(lite, at);
    if (!inside(lite, at + 4, count * element))
        return refuse(lite, at, "a list beyond the end");
    lite->numbers += element > 1 ? count : 0;
    return lite->numbers > MOST_NUMBERS ? refuse(lite, at, "too many numbers") : WASINN_OK;
}

static enum table union_of(const field *field, uint32_t type) {
    if (field->table == QUANTIZATION)
        return CUSTOM_QUANTIZATION;
    if (field->table == DIMENSION)
        return type == 1 ? INDICES4 : type == 2 ? INDICES2 : INDICES1;
    if (field->number == 12)
        return OPTIONS;
    switch (type) {
    case 3:
        return EMBEDDINGS;
    case 17:
        return RESHAPE;
    case 30:
        return SQUEEZE;
    case 111:
        return VARIABLE;
    case 115:
        return BUCKETS;
    default:
        return OPTIONS;
    }
}

/* `place` is where the field is, in the table at `at`, which has `left` bytes from there on. */
static wasinn_status check_field(lite *lite, const field *field, uint64_t at, uint64_t place, uint64_t left) {
    wasinn_status status;
    uint64_t type;
    if (left < (field->kind == NUMBER ? field->of : 4))
        return refuse(lite, place, "a field that is longer than its table");
    if (field->kind == NUMBER)
        return WASINN_OK;
    uint64_t target = follow(lite, place);
    switch (field->kind) {
    case NUMBERS:
        return check_row(lite, target, field->of);
    case TEXT:
        status = check_row(lite, target, 1);
        if (status == WASINN_OK && (!inside(lite, target + 4, (uint64_t)u32_at(lite, target) + 1) ||
                                    lite->bytes[target + 4 + u32_at(lite, target)] != 0))
            status = refuse(lite, target, "a text without an end");
        return status;
    case ONE:
        return check_table(lite, field->of, target);
    case UNION:
        type = find(lite, at, field->number - 1u);
        return check_table(lite, union_of(field, type ? lite->bytes[type] : 0), target);
    default:
        break;
    }
    status = check_row(lite, target, 4);
    for (uint32_t i = 0; status == WASINN_OK && i < u32_at(lite, target); i++)
        status = check_table(lite, field->of, follow(lite, target + 4 + 4 * (uint64_t)i));
    return status;
}

/* Tables of the schema nest a few deep only. */
static wasinn_status check_table(lite *lite, enum table table, uint64_t at) {
    wasinn_status status = check_places(lite, at);
    for (size_t i = 0; status == WASINN_OK && i < sizeof fields / sizeof *fields; i++) {
        uint64_t place = fields[i].table == table ? find(lite, at, fields[i].number) : 0;
        uint64_t list = at - (uint64_t)(int64_t)(int32_t)u32_at(lite, at);
        if (place)
            status = check_field(lite, &fields[i], at, place, at + u16_at(lite, list + 2) - place);
    }
    return status;
}

/* ---- Every number that is a place in a list ------------------------------------------------------ */

typedef struct model {
    row codes, graphs, buffers;
    uint8_t called[MOST_GRAPHS]; /* how deep within calls each graph is */
} model;

static wasinn_status check_indices(lite *lite, row row, uint32_t count, bool may_be_absent,
                                   const char *what) {
    for (uint32_t i = 0; i < row.count; i++) {
        uint32_t index = u32_at(lite, row.at + 4 * (uint64_t)i);
        if (index >= count && !(may_be_absent && index == UINT32_MAX))
            return refuse(lite, row.at + 4 * (uint64_t)i, what);
    }
    return WASINN_OK;
}

/* The number of an operator's kind; UINT32_MAX: none. */
static uint32_t operator_of(const lite *lite, uint64_t code) {
    uint64_t old = find(lite, code, 0), new = find(lite, code, 3);
    int32_t first = old ? (int8_t)lite->bytes[old] : 0, second = new ? (int32_t)u32_at(lite, new) : 0;
    if (first < 0 || second < 0)
        return UINT32_MAX;
    return (uint32_t)(first > second ? first : second);
}

static wasinn_status check_codes(lite *lite, row codes) {
    for (uint32_t i = 0; i < codes.count; i++) {
        uint64_t code = table_in(lite, codes, i);
        uint32_t number = operator_of(lite, code);
        if (number > NEWEST_OPERATOR || (number == CUSTOM && !find(lite, code, 1)))
            return refuse(lite, code, "an operator that is none");
    }
    return WASINN_OK;
}

/* Bits of an element, by its type's number; 0 where they are not all of one size. */
static uint32_t bits_of(uint32_t type) {
    static const uint8_t bits[] = {32, 16, 32, 8, 64, 0, 8, 16, 64, 8, 64, 128, 64, 0, 0, 32, 16, 4, 16};
    return type < sizeof bits ? bits[type] : 0;
}

/* A tensor with weights has as many of them as its shape says. */
static wasinn_status check_tensor(lite *lite, const model *model, uint64_t tensor) {
    uint64_t place = find(lite, tensor, 2), type = find(lite, tensor, 1);
    uint32_t buffer = place ? u32_at(lite, place) : 0, bits = bits_of(type ? lite->bytes[type] : 0);
    if (!find(lite, tensor, 3))
        return refuse(lite, tensor, "a tensor without a name");
    if (buffer >= model->buffers.count)
        return refuse(lite, tensor, "a tensor whose buffer there is not");
    row data = row_of(lite, table_in(lite, model->buffers, buffer), 0), shape = row_of(lite, tensor, 0);
    if (data.count == 0 || bits == 0 || find(lite, tensor, 6))
        return WASINN_OK;
    uint64_t wanted = bits;
    bool empty = false;
    for (uint32_t i = 0; i < shape.count; i++) {
        int32_t dimension = (int32_t)u32_at(lite, shape.at + 4 * (uint64_t)i);
        if (dimension < 0)
            return refuse(lite, shape.at, "weights whose shape is none");
        empty = empty || dimension == 0;
        if (dimension > 0 && wanted <= 8 * (uint64_t)data.count)
            wanted *= (uint64_t)dimension;
    }
    return !empty && wanted > 8 * (uint64_t)data.count
               ? refuse(lite, tensor, "fewer weights than their shape has elements")
               : WASINN_OK;
}

/* The shape of an operator's input. */
static row input_shape(const lite *lite, row tensors, uint64_t operator, uint32_t index) {
    row inputs = row_of(lite, operator, 1);
    uint32_t tensor = index < inputs.count ? u32_at(lite, inputs.at + 4 * (uint64_t)index) : UINT32_MAX;
    return tensor < tensors.count ? row_of(lite, table_in(lite, tensors, tensor), 0) : (row){0, 0};
}

/* A convolution divides by the channels of its filter, and by how often these go into those of its input. */
static wasinn_status check_convolution(lite *lite, row tensors, uint64_t operator, bool grouped) {
    enum { MOST_DIMENSIONS = 8 }; /* a filter has 4 or 5; any number of operators may have the same one */
    row input = input_shape(lite, tensors, operator, 0), filter = input_shape(lite, tensors, operator, 1);
    if (filter.count > MOST_DIMENSIONS)
        return refuse(lite, filter.at, "a convolution whose filter has too many dimensions");
    for (uint32_t i = 0; i < filter.count; i++)
        if ((int32_t)u32_at(lite, filter.at + 4 * (uint64_t)i) <= 0)
            return refuse(lite, filter.at, "a convolution whose filter is empty");
    if (!grouped || input.count == 0 || filter.count == 0)
        return WASINN_OK;
    uint32_t channels = u32_at(lite, input.at + 4 * (uint64_t)(input.count - 1));
    uint32_t taken = u32_at(lite, filter.at + 4 * (uint64_t)(filter.count - 1));
    if (channels == 0 || (channels <= INT32_MAX && channels % taken != 0))
        return refuse(lite, filter.at, "a convolution whose filter does not fit its input");
    return WASINN_OK;
}

/* Calls of other graphs: a graph must not come back to itself. Runs again and again until nothing gets
 * deeper. */
static wasinn_status check_calls(lite *lite, model *model, uint32_t graph, uint64_t operator, bool *deeper) {
    static const struct {
        uint8_t options, fields; /* how many of the options' fields, from the first on, are graphs */
    } calls[] = {{16, 1}, {92, 2}, {93, 2}, {103, 1}};
    uint64_t type = find(lite, operator, 3), options = follow(lite, find(lite, operator, 4));
    for (size_t i = 0; type && options && i < sizeof calls / sizeof *calls; i++)
        for (unsigned j = 0; lite->bytes[type] == calls[i].options && j < calls[i].fields; j++) {
            uint64_t place = find(lite, options, j);
            uint32_t called = place && inside(lite, place, 4) ? u32_at(lite, place) : 0;
            if (called >= model->graphs.count)
                return refuse(lite, options, "a call of a graph that there is not");
            if (model->called[called] <= model->called[graph]) {
                model->called[called] = (uint8_t)(model->called[graph] + 1);
                *deeper = true;
            }
            if (model->called[called] > MOST_DEPTH)
                return refuse(lite, options, "graphs that call each other without end");
        }
    return WASINN_OK;
}

/* A number of 4 bytes among an operator's options; 0 where there is none. */
static uint32_t option_of(const lite *lite, uint64_t operator, unsigned number) {
    uint64_t options = follow(lite, find(lite, operator, 4));
    uint64_t place = options ? find(lite, options, number) : 0;
    return place && inside(lite, place, 4) ? u32_at(lite, place) : 0;
}

/* How many outputs an operator of a kind has, UINT32_MAX: the graph that it runs says; the frontend makes so
 * many, and looks for as many as are listed. */
static uint32_t outputs_of(const lite *lite, uint64_t operator, uint32_t number) {
    switch (number) {
    case 32: /* custom: TFLite_Detection_PostProcess is the one that the frontend knows */
        return 4;
    case 48:  /* TOPK_V2 */
    case 103: /* UNIQUE */
    case 120: /* NON_MAX_SUPPRESSION_V4 */
        return 2;
    case 121: /* NON_MAX_SUPPRESSION_V5 */
        return 3;
    case 49:  /* SPLIT */
    case 88:  /* UNPACK */
    case 102: /* SPLIT_V */
        return option_of(lite, operator, 0);
    case 118: /* IF */
    case 119: /* WHILE */
        return UINT32_MAX;
    default:
        return 1;
    }
}

static wasinn_status check_outputs(lite *lite, const model *model, uint64_t operator, uint32_t number) {
    uint32_t count = row_of(lite, operator, 2).count, wanted = outputs_of(lite, operator, number);
    for (unsigned i = 0; wanted == UINT32_MAX && i < 2; i++) {
        uint32_t graph = option_of(lite, operator, i);
        if (graph >= model->graphs.count)
            return refuse(lite, operator, "a call of a graph that there is not");
        bool is_condition = number == 119 && i == 0;
        if (!is_condition && count > row_of(lite, table_in(lite, model->graphs, graph), 2).count)
            return refuse(lite, operator, "more outputs than the graph that is called has");
    }
    return count > wanted ? refuse(lite, operator, "more outputs than such an operator has") : WASINN_OK;
}

static wasinn_status check_operator(lite *lite, const model *model, row tensors, uint64_t operator) {
    row inputs = row_of(lite, operator, 1), outputs = row_of(lite, operator, 2);
    uint64_t place = find(lite, operator, 0);
    uint32_t code = place ? u32_at(lite, place) : 0;
    if (code >= model->codes.count)
        return refuse(lite, operator, "an operator whose kind there is not");
    if (!inputs.at || !outputs.at)
        return refuse(lite, operator, "an operator without a list of inputs or outputs");
    wasinn_status status = check_indices(lite, inputs, tensors.count, true, "an input that is no tensor");
    if (status == WASINN_OK)
        status = check_indices(lite, outputs, tensors.count, false, "an output that is no tensor");
    if (status != WASINN_OK)
        return status;
    uint32_t number = operator_of(lite, table_in(lite, model->codes, code));
    status = check_outputs(lite, model, operator, number);
    if (status != WASINN_OK)
        return status;
    bool convolution = number == 3 || number == 4 || number == 67 || number == 132;
    return convolution ? check_convolution(lite, tensors, operator, number == 3) : WASINN_OK;
}

static wasinn_status check_graph(lite *lite, const model *model, uint64_t graph) {
    row tensors = row_of(lite, graph, 0), operators = row_of(lite, graph, 3);
    row inputs = row_of(lite, graph, 1), outputs = row_of(lite, graph, 2);
    if (!tensors.at || !operators.at || !inputs.at || !outputs.at)
        return refuse(lite, graph, "a graph without a list of tensors, inputs, outputs or operators");
    wasinn_status status = check_indices(lite, inputs, tensors.count, false, "an input that is no tensor");
    if (status == WASINN_OK)
        status = check_indices(lite, outputs, tensors.count, false, "an output that is no tensor");
    for (uint32_t i = 0; status == WASINN_OK && i < tensors.count; i++)
        status = check_tensor(lite, model, table_in(lite, tensors, i));
    for (uint32_t i = 0; status == WASINN_OK && i < operators.count; i++)
        status = check_operator(lite, model, tensors, table_in(lite, operators, i));
    return status;
}

static wasinn_status check_all_calls(lite *lite, model *model) {
    wasinn_status status = WASINN_OK;
    for (bool deeper = true; deeper && status == WASINN_OK;) {
        deeper = false;
        for (uint32_t i = 0; status == WASINN_OK && i < model->graphs.count; i++) {
            row operators = row_of(lite, table_in(lite, model->graphs, i), 3);
            for (uint32_t j = 0; status == WASINN_OK && j < operators.count; j++)
                status = check_calls(lite, model, i, table_in(lite, operators, j), &deeper);
        }
    }
    return status;
}

wasinn_status wasinn__tensorflowlite_check(const wasinn_blob *blob, wasinn_message *message) {
    lite lite = {blob->data, blob->size, 0, 0, message};
    model model = {0};
    if (blob->size < 8)
        return refuse(&lite, 0, "too short");
    uint64_t root = u32_at(&lite, 0);
    wasinn_status status = check_table(&lite, MODEL, root);
    if (status != WASINN_OK)
        return status;
    model.codes = row_of(&lite, root, 1);
    model.graphs = row_of(&lite, root, 2);
    model.buffers = row_of(&lite, root, 4);
    if (model.graphs.count == 0 || model.graphs.count > MOST_GRAPHS)
        return refuse(&lite, root, "no graph, or more than 1024");
    status = check_codes(&lite, model.codes);
    for (uint32_t i = 0; status == WASINN_OK && i < model.graphs.count; i++)
        status = check_graph(&lite, &model, table_in(&lite, model.graphs, i));
    return status == WASINN_OK ? check_all_calls(&lite, &model) : status;
}

bool wasinn__tensorflowlite_has_states(const wasinn_blob *blob) {
    const lite lite = {blob->data, blob->size, 0, 0, NULL};
    row codes = row_of(&lite, u32_at(&lite, 0), 1);
    for (uint32_t i = 0; i < codes.count; i++)
        if (operator_of(&lite, table_in(&lite, codes, i)) == ASSIGN_VARIABLE)
            return true;
    return false;
}
