#include "core/tensor.h"

#include <stdio.h>
#include <string.h>

#include "core/names.h"

static const struct {
    const char *name;
    size_t size;
} types[WASINN__TYPES] = {
    [WASINN_TYPE_F16] = {"f16", 2},   [WASINN_TYPE_F32] = {"f32", 4},     [WASINN_TYPE_F64] = {"f64", 8},
    [WASINN_TYPE_BF16] = {"bf16", 2}, [WASINN_TYPE_U8] = {"u8", 1},       [WASINN_TYPE_I32] = {"i32", 4},
    [WASINN_TYPE_I64] = {"i64", 8},   [WASINN_TYPE_I8] = {"i8", 1},       [WASINN_TYPE_U16] = {"u16", 2},
    [WASINN_TYPE_I16] = {"i16", 2},   [WASINN_TYPE_U32] = {"u32", 4},     [WASINN_TYPE_U64] = {"u64", 8},
    [WASINN_TYPE_BOOL] = {"bool", 1}, [WASINN_TYPE_OTHER] = {"other", 0}, [WASINN_TYPE_ANY] = {"any", 0},
};

const char *wasinn_type_name(wasinn_type type) {
    return (unsigned)type < WASINN__TYPES ? types[type].name : "unknown";
}

size_t wasinn_type_size(wasinn_type type) {
    return (unsigned)type < WASINN__TYPES ? types[type].size : 0;
}

bool wasinn_type_parse(const char *name, wasinn_type *type) {
    for (int i = 0; i < WASINN_TYPE_OTHER; i++) {
        if (strcmp(name, types[i].name) == 0) {
            *type = (wasinn_type)i;
            return true;
        }
    }
    return false;
}

const char *wasinn__side_name(wasinn_direction direction) {
    return direction == WASINN_INPUT ? "input" : "output";
}

bool wasinn__elements(uint32_t rank, const int64_t *dims, uint64_t *elements) {
    uint64_t product = 1;
    bool empty = false, overflow = false;
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return false;
        if (dims[i] == 0)
            empty = true;
        else if (product > (uint64_t)INT64_MAX / (uint64_t)dims[i])
            overflow = true;
        else
            product *= (uint64_t)dims[i];
    }
    if (overflow)
        return false;
    *elements = empty ? 0 : product;
    return true;
}

bool wasinn__bytes(wasinn_type type, uint32_t rank, const int64_t *dims, uint64_t *bytes) {
    uint64_t elements, size = wasinn_type_size(type);
    if (size == 0 || !wasinn__elements(rank, dims, &elements) || elements > (uint64_t)INT64_MAX / size)
        return false;
    *bytes = elements * size;
    return true;
}

bool wasinn__port_bytes(const wasinn_port *port, uint32_t rank, const int64_t *dims, uint64_t *bytes) {
    uint64_t elements, bits = port->element_bits;
    if (!wasinn__elements(rank, dims, &elements) || (bits > 0 && elements > (uint64_t)INT64_MAX / bits))
        return false;
    *bytes = (elements * bits + 7) / 8;
    return true;
}

const char *wasinn__port_text(const wasinn_port *port, char text[WASINN__SHAPE_TEXT]) {
    size_t used = (size_t)snprintf(text, WASINN__SHAPE_TEXT, "%s [", wasinn_type_name(port->type));
    if (port->rank > WASINN_MAX_RANK)
        used += (size_t)snprintf(text + used, WASINN__SHAPE_TEXT - used, "...");
    for (uint32_t i = 0; i < port->rank && port->rank <= WASINN_MAX_RANK; i++) {
        const char *comma = i ? "," : "";
        long long least = port->min_dims[i], most = port->max_dims[i];
        if (port->dims[i] >= 0)
            used += (size_t)snprintf(text + used, WASINN__SHAPE_TEXT - used, "%s%lld", comma, least);
        else if (most < 0 && least <= 0)
            used += (size_t)snprintf(text + used, WASINN__SHAPE_TEXT - used, "%s?", comma);
        else if (most < 0)
            used += (size_t)snprintf(text + used, WASINN__SHAPE_TEXT - used, "%s%lld..", comma, least);
        else
            used +=
                (size_t)snprintf(text + used, WASINN__SHAPE_TEXT - used, "%s%lld..%lld", comma, least, most);
    }
    snprintf(text + used, WASINN__SHAPE_TEXT - used, "]");
    return text;
}

const char *wasinn__shape_text(wasinn_type type, uint32_t rank, const int64_t *dims,
                               char text[WASINN__SHAPE_TEXT]) {
    wasinn_port port = {.type = type, .rank = rank};
    for (uint32_t i = 0; i < rank && rank <= WASINN_MAX_RANK; i++)
        port.dims[i] = port.min_dims[i] = port.max_dims[i] = dims[i];
    return wasinn__port_text(&port, text);
}

static bool type_carries(wasinn_type given, wasinn_type wanted) {
    switch (wanted) {
    case WASINN_TYPE_BOOL:
    case WASINN_TYPE_I8:
        return given == wanted || given == WASINN_TYPE_U8;
    case WASINN_TYPE_U32:
        return given == wanted || given == WASINN_TYPE_I32;
    case WASINN_TYPE_U64:
        return given == wanted || given == WASINN_TYPE_I64;
    case WASINN_TYPE_I16:
    case WASINN_TYPE_U16:
        return given == wanted || given == WASINN_TYPE_F16;
    case WASINN_TYPE_ANY:
        return given < WASINN_TYPE_OTHER;
    case WASINN_TYPE_OTHER:
        return false;
    default:
        return given == wanted;
    }
}

bool wasinn__port_accepts(const wasinn_port *port, const wasinn_tensor *tensor) {
    if (!type_carries(tensor->type, port->type))
        return false;
    if (port->rank == WASINN_DYNAMIC_RANK)
        return true;
    if (port->rank != tensor->rank)
        return false;
    for (uint32_t i = 0; i < port->rank; i++)
        if (tensor->dims[i] < port->min_dims[i] ||
            (port->max_dims[i] >= 0 && tensor->dims[i] > port->max_dims[i]))
            return false;
    return true;
}

bool wasinn__port_is_static(const wasinn_port *port) {
    if (port->rank == WASINN_DYNAMIC_RANK || port->type == WASINN_TYPE_ANY)
        return false;
    for (uint32_t i = 0; i < port->rank; i++)
        if (port->dims[i] < 0)
            return false;
    return true;
}
