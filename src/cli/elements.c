#include "elements.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Rounds to a 16-bit float with so many bits of exponent and mantissa: to nearest, halves to even. */
static uint16_t round_to_16_bits(double value, int exponent_bits, int mantissa_bits) {
    int bias = (1 << (exponent_bits - 1)) - 1, exponent = 0;
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    uint16_t infinity = (uint16_t)(((1 << exponent_bits) - 1) << mantissa_bits);
    double size = fabs(value);
    if (size == 0)
        return sign;
    if (!isfinite(size))
        return sign | infinity;
    frexp(size, &exponent);
    exponent = exponent - 1 < 1 - bias ? 1 - bias : exponent - 1;
    if (exponent > bias)
        return sign | infinity;
    /* The mantissa with its leading bit, which adds 1 to the exponent's field, as does its overflow. */
    int mantissa = (int)nearbyint(ldexp(size, mantissa_bits - exponent));
    return (uint16_t)(sign | (((exponent + bias - 1) << mantissa_bits) + mantissa));
}

static int64_t round_to_i64(double value) {
    double rounded = nearbyint(value);
    if (rounded >= 0x1p63)
        return INT64_MAX;
    return rounded < -0x1p63 ? INT64_MIN : (int64_t)rounded;
}

void wasinn__element_store(wasinn_type type, double value, unsigned char *out) {
    union {
        double f64;
        float f32;
        uint16_t bits;
        uint8_t u8;
        int32_t i32;
        int64_t i64;
    } number = {0};
    switch (type) {
    case WASINN_TYPE_F64:
        number.f64 = value;
        break;
    case WASINN_TYPE_F16:
        number.bits = round_to_16_bits(value, 5, 10);
        break;
    case WASINN_TYPE_BF16:
        number.bits = round_to_16_bits(value, 8, 7);
        break;
    case WASINN_TYPE_U8:
        number.u8 = (uint8_t)nearbyint(fmin(fmax(value, 0), UINT8_MAX));
        break;
    case WASINN_TYPE_I32:
        number.i32 = (int32_t)nearbyint(fmin(fmax(value, INT32_MIN), INT32_MAX));
        break;
    case WASINN_TYPE_I64:
        number.i64 = round_to_i64(value);
        break;
    default:
        number.f32 = (float)value;
        break;
    }
    memcpy(out, &number, wasinn_type_size(type));
}

static double from_16_bits(uint16_t bits, int exponent_bits, int mantissa_bits) {
    int bias = (1 << (exponent_bits - 1)) - 1, most = (1 << exponent_bits) - 1;
    int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
    double size = exponent == most ? (mantissa == 0 ? (double)INFINITY : (double)NAN)
                  : exponent == 0  ? ldexp(mantissa, 1 - bias - mantissa_bits)
                                   : ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
    return bits & 0x8000 ? -size : size;
}

union element {
    double f64;
    float f32;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
};

static union element element_at(wasinn_type type, const uint8_t *data, size_t index) {
    union element element = {0};
    size_t size = wasinn_type_size(type);
    memcpy(&element, data + index * size, size);
    return element;
}

double wasinn__element_load(wasinn_type type, const uint8_t *data, size_t index) {
    union element element = element_at(type, data, index);
    switch (type) {
    case WASINN_TYPE_F16:
        return from_16_bits(element.u16, 5, 10);
    case WASINN_TYPE_F32:
        return (double)element.f32;
    case WASINN_TYPE_F64:
        return element.f64;
    case WASINN_TYPE_BF16:
        return from_16_bits(element.u16, 8, 7);
    case WASINN_TYPE_U8:
        return element.u8;
    case WASINN_TYPE_I32:
        return element.i32;
    case WASINN_TYPE_I64:
        return (double)element.i64;
    case WASINN_TYPE_I8:
        return element.i8;
    case WASINN_TYPE_U16:
        return element.u16;
    case WASINN_TYPE_I16:
        return element.i16;
    case WASINN_TYPE_U32:
        return element.u32;
    case WASINN_TYPE_U64:
        return (double)element.u64;
    case WASINN_TYPE_BOOL:
        return element.u8 != 0;
    case WASINN_TYPE_OTHER:
    case WASINN_TYPE_ANY:
        break;
    }
    return (double)NAN;
}

bool wasinn__element_less(wasinn_type type, const uint8_t *data, size_t one, size_t other) {
    if (type == WASINN_TYPE_I64)
        return element_at(type, data, one).i64 < element_at(type, data, other).i64;
    if (type == WASINN_TYPE_U64)
        return element_at(type, data, one).u64 < element_at(type, data, other).u64;
    return wasinn__element_load(type, data, one) < wasinn__element_load(type, data, other);
}

bool wasinn__element_integer(wasinn_type type, const uint8_t *data, size_t index, char *text,
                             size_t capacity) {
    switch (type) {
    case WASINN_TYPE_F16:
    case WASINN_TYPE_F32:
    case WASINN_TYPE_F64:
    case WASINN_TYPE_BF16:
    case WASINN_TYPE_OTHER:
    case WASINN_TYPE_ANY:
        return false;
    case WASINN_TYPE_U64:
        snprintf(text, capacity, "%llu", (unsigned long long)element_at(type, data, index).u64);
        return true;
    case WASINN_TYPE_I64:
        snprintf(text, capacity, "%lld", (long long)element_at(type, data, index).i64);
        return true;
    default:
        snprintf(text, capacity, "%.0f", wasinn__element_load(type, data, index));
        return true;
    }
}
