#include <stdio.h>
#include <string.h>

#include "bench.h"

bool wasinn__bench_bytes(const wasinn_tensor *tensor, uint64_t *bytes) {
    uint64_t product = wasinn_type_size(tensor->type);
    bool none = false, fits = true;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        none = none || tensor->dims[i] == 0;
        fits = fits &&
               !__builtin_mul_overflow(product, (uint64_t)(tensor->dims[i] ? tensor->dims[i] : 1), &product);
    }
    *bytes = none ? 0 : product;
    return fits && product <= INT64_MAX;
}

bool wasinn__bench_fits(const wasinn_port *port, const wasinn_tensor *tensor) {
    if (port->rank == WASINN_DYNAMIC_RANK)
        return true;
    for (uint32_t i = 0; i < port->rank && port->rank == tensor->rank; i++) {
        int64_t dim = tensor->dims[i], least = port->min_dims[i], most = port->max_dims[i];
        if (port->dims[i] >= 0 ? dim != port->dims[i] : dim < least || (most >= 0 && dim > most))
            return false;
    }
    return port->rank == tensor->rank;
}

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t *used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text + *used, WASINN__BENCH_SHAPE - *used, format, arguments);
    va_end(arguments);
    *used += (size_t)length;
}

const char *wasinn__bench_shape(const wasinn_tensor *tensor, char text[WASINN__BENCH_SHAPE]) {
    size_t used = 0;
    add(text, &used, "%s [", wasinn_type_name(tensor->type));
    for (uint32_t i = 0; i < tensor->rank; i++)
        add(text, &used, "%s%lld", i ? "," : "", (long long)tensor->dims[i]);
    add(text, &used, "]");
    return text;
}

const char *wasinn__bench_port_shape(const wasinn_port *port, char text[WASINN__BENCH_SHAPE]) {
    size_t used = 0;
    add(text, &used, "%s [", port->type == WASINN_TYPE_ANY ? "any" : wasinn_type_name(port->type));
    if (port->rank == WASINN_DYNAMIC_RANK)
        add(text, &used, "...");
    for (uint32_t i = 0; port->rank != WASINN_DYNAMIC_RANK && i < port->rank; i++) {
        add(text, &used, "%s", i ? "," : "");
        if (port->dims[i] >= 0)
            add(text, &used, "%lld", (long long)port->dims[i]);
        else if (port->max_dims[i] >= 0)
            add(text, &used, "%lld..%lld", (long long)(port->min_dims[i] > 0 ? port->min_dims[i] : 0),
                (long long)port->max_dims[i]);
        else if (port->min_dims[i] > 1)
            add(text, &used, "%lld..", (long long)port->min_dims[i]);
        else
            add(text, &used, "?");
    }
    add(text, &used, "]");
    return text;
}
