/* Numbers as the elements of a tensor: raw, in the host's byte order. */
#ifndef WASINN_CLI_ELEMENTS_H
#define WASINN_CLI_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wasinn/wasinn.h"

/* The most elements that a command reads or writes: 256 MiB of f32, what a guest may set by default. */
#define WASINN__MAX_ELEMENTS (64 << 20)

/* Stores a number as one element of f32, f64, f16, bf16, u8, i32 or i64. Integers are rounded to the nearest,
 * halves to even, and kept within the type. */
void wasinn__element_store(wasinn_type type, double value, unsigned char *out);

/* One element of any type but WASINN_TYPE_OTHER. Of i64 and u64, only 53 bits are kept. */
double wasinn__element_load(wasinn_type type, const uint8_t *data, size_t index);

/* Whether one element is less than another, exactly; NaN is neither less nor more. */
bool wasinn__element_less(wasinn_type type, const uint8_t *data, size_t one, size_t other);

/* Writes one element as a decimal number, exactly, if the type is one of integers. */
bool wasinn__element_integer(wasinn_type type, const uint8_t *data, size_t index, char *text,
                             size_t capacity);

#endif
