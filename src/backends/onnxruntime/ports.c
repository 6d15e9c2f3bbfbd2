#include <stdlib.h>
#include <string.h>

#include "backends/onnxruntime/state.h"
#include "backends/protobuf.h"

wasinn_type wasinn__ort_type(int type, uint32_t *bits) {
    static const struct {
        wasinn_type type;
        uint32_t bits;
    } known[] = {
        [WASINN__ORT_FLOAT] = {WASINN_TYPE_F32, 32},
        [WASINN__ORT_UINT8] = {WASINN_TYPE_U8, 8},
        [WASINN__ORT_INT8] = {WASINN_TYPE_I8, 8},
        [WASINN__ORT_UINT16] = {WASINN_TYPE_U16, 16},
        [WASINN__ORT_INT16] = {WASINN_TYPE_I16, 16},
        [WASINN__ORT_INT32] = {WASINN_TYPE_I32, 32},
        [WASINN__ORT_INT64] = {WASINN_TYPE_I64, 64},
        [WASINN__ORT_STRING] = {WASINN_TYPE_OTHER, 256},
        [WASINN__ORT_BOOL] = {WASINN_TYPE_BOOL, 8},
        [WASINN__ORT_FLOAT16] = {WASINN_TYPE_F16, 16},
        [WASINN__ORT_DOUBLE] = {WASINN_TYPE_F64, 64},
        [WASINN__ORT_UINT32] = {WASINN_TYPE_U32, 32},
        [WASINN__ORT_UINT64] = {WASINN_TYPE_U64, 64},
        [WASINN__ORT_COMPLEX64] = {WASINN_TYPE_OTHER, 64},
        [WASINN__ORT_COMPLEX128] = {WASINN_TYPE_OTHER, 128},
        [WASINN__ORT_BFLOAT16] = {WASINN_TYPE_BF16, 16},
        [WASINN__ORT_FLOAT8E4M3FN] = {WASINN_TYPE_U8, 8},
        [WASINN__ORT_FLOAT8E4M3FNUZ] = {WASINN_TYPE_U8, 8},
        [WASINN__ORT_FLOAT8E5M2] = {WASINN_TYPE_U8, 8},
        [WASINN__ORT_FLOAT8E5M2FNUZ] = {WASINN_TYPE_U8, 8},
        [WASINN__ORT_UINT4] = {WASINN_TYPE_OTHER, 4},
        [WASINN__ORT_INT4] = {WASINN_TYPE_OTHER, 4},
        [WASINN__ORT_FLOAT4E2M1] = {WASINN_TYPE_OTHER, 4},
        [WASINN__ORT_UINT2] = {WASINN_TYPE_OTHER, 2},
        [WASINN__ORT_INT2] = {WASINN_TYPE_OTHER, 2},
        [WASINN__ORT_FLOAT8E8M0] = {WASINN_TYPE_U8, 8},
    };
    if (type < 0 || type >= (int)(sizeof known / sizeof *known) || known[type].bits == 0) {
        *bits = 64;
        return WASINN_TYPE_OTHER;
    }
    *bits = known[type].bits;
    return known[type].type;
}

/* Of the model. */
enum { GRAPH = 7 };

/* ---- Scalar or unknown rank ----------------------------------------------------------------------- */

/* The last field of a number within a message, which is the one that counts. */
static bool last_field(wasinn__proto message, uint32_t number, wasinn__proto *body) {
    wasinn__proto_field field;
    bool malformed = false, found = false;
    while (wasinn__proto_next(&message, &field, &malformed)) {
        if (field.number == number && field.nested) {
            *body = field.body;
            found = true;
        }
    }
    return found;
}

/* Whether the graph says a shape, and be it that of a scalar, for the tensor of this name. Ports are asked
 * for in the order that they stand in, so each search goes on where the last one found something. */
static bool says_shape(wasinn__proto *graph, wasinn_direction direction, const char *name) {
    enum { INPUT = 11, OUTPUT = 12, NAME = 1, TYPE = 2, TENSOR = 1, SHAPE = 2 };
    uint32_t ports = direction == WASINN_INPUT ? INPUT : OUTPUT;
    wasinn__proto text, type, tensor, shape;
    wasinn__proto_field field;
    bool malformed = false;
    while (wasinn__proto_next(graph, &field, &malformed))
        if (field.number == ports && field.nested && last_field(field.body, NAME, &text) &&
            (size_t)(text.end - text.at) == strlen(name) && memcmp(text.at, name, strlen(name)) == 0)
            return last_field(field.body, TYPE, &type) && last_field(type, TENSOR, &tensor) &&
                   last_field(tensor, SHAPE, &shape);
    return false;
}

/* ---- Reading ports -------------------------------------------------------------------------------- */

static wasinn_status read_shape(const wasinn__ort_model *model, const OrtTensorTypeAndShapeInfo *tensor,
                                wasinn__ort_port *port, wasinn_message *message) {
    const wasinn__ort *api = &model->runtime->library.api;
    int64_t dims[WASINN_MAX_RANK];
    size_t rank = 0;
    wasinn_status status = wasinn__ort_check(model->runtime, api->GetTensorElementType(tensor, &port->type),
                                             "describing a port", message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(model->runtime, api->GetDimensionsCount(tensor, &rank),
                                   "describing a port", message);
    if (status != WASINN_OK)
        return status;
    port->port.type = wasinn__ort_type(port->type, &port->port.element_bits);
    port->port.rank = rank < WASINN_DYNAMIC_RANK ? (uint32_t)rank : WASINN_DYNAMIC_RANK - 1;
    port->fixed = true;
    if (rank > WASINN_MAX_RANK)
        return WASINN_OK; /* which the core refuses */
    status = wasinn__ort_check(model->runtime, api->GetDimensions(tensor, dims, rank), "describing a port",
                               message);
    for (size_t i = 0; status == WASINN_OK && i < rank; i++) {
        bool open = dims[i] < 0;
        port->port.dims[i] = port->port.max_dims[i] = open ? -1 : dims[i];
        port->port.min_dims[i] = open ? 0 : dims[i];
        port->fixed = port->fixed && !open;
    }
    return status;
}

/* An output that is no tensor is one that nobody can read; the others still can be. */
static wasinn_status read_type(const wasinn__ort_model *model, wasinn_direction direction, uint32_t index,
                               const OrtTypeInfo *info, wasinn__ort_port *port, wasinn_message *message) {
    static const char *const kinds[] = {"of an unknown kind", "a tensor", "a sequence", "a map", "opaque",
                                        "a sparse tensor",    "optional"};
    const wasinn__ort *api = &model->runtime->library.api;
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    int kind = 0;
    wasinn_status status = wasinn__ort_check(model->runtime, api->GetOnnxTypeFromTypeInfo(info, &kind),
                                             "describing a port", message);
    if (status == WASINN_OK && kind == WASINN__ORT_TENSOR)
        status = wasinn__ort_check(model->runtime, api->CastTypeInfoToTensorInfo(info, &tensor),
                                   "describing a port", message);
    if (status != WASINN_OK)
        return status;
    if (tensor)
        return read_shape(model, tensor, port, message);
    if (kind < 0 || kind >= (int)(sizeof kinds / sizeof *kinds))
        kind = 0;
    if (direction == WASINN_INPUT)
        return wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                             "input %u '%s' is %s; only tensors can be set", index, port->name, kinds[kind]);
    port->port.type = WASINN_TYPE_OTHER;
    port->port.element_bits = 64;
    port->fixed = true;
    return WASINN_OK;
}

static wasinn_status read_port(wasinn__ort_model *model, wasinn_direction direction, uint32_t index,
                               wasinn__proto *graph, wasinn_message *message) {
    const wasinn__ort_runtime *runtime = model->runtime;
    const wasinn__ort *api = &runtime->library.api;
    wasinn__ort_port *port = &model->ports[direction][index];
    OrtTypeInfo *info = NULL;
    bool input = direction == WASINN_INPUT;
    wasinn_status status = wasinn__ort_check(
        runtime,
        input ? api->SessionGetInputName(model->session, index, runtime->allocator, &port->name)
              : api->SessionGetOutputName(model->session, index, runtime->allocator, &port->name),
        "naming a port", message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(runtime,
                                   input ? api->SessionGetInputTypeInfo(model->session, index, &info)
                                         : api->SessionGetOutputTypeInfo(model->session, index, &info),
                                   "describing a port", message);
    if (status == WASINN_OK) {
        model->names[direction][index] = port->port.name = port->name;
        status = read_type(model, direction, index, info, port, message);
    }
    if (info)
        api->ReleaseTypeInfo(info);
    if (status == WASINN_OK && port->type != 0 && port->port.rank == 0 &&
        !says_shape(graph, direction, port->name)) {
        port->port.rank = WASINN_DYNAMIC_RANK;
        port->fixed = false;
    }
    return status;
}

wasinn_status wasinn__ort_read_ports(wasinn__ort_model *model, const wasinn_blob *bytes,
                                     wasinn_message *message) {
    const wasinn__ort *api = &model->runtime->library.api;
    size_t counts[2] = {0, 0};
    wasinn_status status = wasinn__ort_check(
        model->runtime, api->SessionGetInputCount(model->session, &counts[0]), "counting inputs", message);
    if (status == WASINN_OK)
        status = wasinn__ort_check(model->runtime, api->SessionGetOutputCount(model->session, &counts[1]),
                                   "counting outputs", message);
    for (int side = 0; status == WASINN_OK && side < 2; side++) {
        model->ports[side] = calloc(counts[side] + 1, sizeof **model->ports);
        model->names[side] = calloc(counts[side] + 1, sizeof **model->names);
        if (!model->ports[side] || !model->names[side])
            return wasinn_refuse(message, WASINN_TOO_LARGE, "ONNX Runtime: no memory for %zu ports",
                                 counts[side]);
        model->counts[side] = (uint32_t)counts[side];
        wasinn__proto graph = wasinn__proto_of(NULL, 0);
        last_field(wasinn__proto_of(bytes->data, bytes->size), GRAPH, &graph);
        for (uint32_t i = 0; status == WASINN_OK && i < model->counts[side]; i++)
            status = read_port(model, (wasinn_direction)side, i, &graph, message);
    }
    return status;
}

void wasinn__ort_free_ports(wasinn__ort_model *model) {
    const wasinn__ort_runtime *runtime = model->runtime;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < model->counts[side]; i++)
            if (model->ports[side][i].name)
                wasinn__ort_check(
                    runtime,
                    runtime->library.api.AllocatorFree(runtime->allocator, model->ports[side][i].name),
                    "freeing a name", &(wasinn_message){NULL, 0});
        free(model->ports[side]);
        free(model->names[side]);
    }
}
