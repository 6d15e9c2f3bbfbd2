/* Shapes and element types: sizes, text, and what a port accepts. */
#ifndef WASINN_CORE_TENSOR_H
#define WASINN_CORE_TENSOR_H

#include "wasinn/wasinn.h"

/* Room for two bounds of 20 digits for each dimension of the highest rank. */
#define WASINN__SHAPE_TEXT 800

/* Product of the dimensions, 1 for rank 0. False when one is negative or the product leaves 63 bits. */
bool wasinn__elements(uint32_t rank, const int64_t *dims, uint64_t *elements);

/* Bytes of a tensor of a known shape. False as above, or when the type has no size. */
bool wasinn__bytes(wasinn_type type, uint32_t rank, const int64_t *dims, uint64_t *bytes);

/* Bytes of a port's tensor in the runtime, of the dimensions given. False as above. */
bool wasinn__port_bytes(const wasinn_port *port, uint32_t rank, const int64_t *dims, uint64_t *bytes);

/* "f32 [1,3,224,224]"; "f32 []" for a scalar. Returns `text`. */
const char *wasinn__shape_text(wasinn_type type, uint32_t rank, const int64_t *dims,
                               char text[WASINN__SHAPE_TEXT]);

/* The same for a port: "f32 [?,3]", "f32 [1..4,3]"; "f32 [...]" for any rank. */
const char *wasinn__port_text(const wasinn_port *port, char text[WASINN__SHAPE_TEXT]);

/* Whether a tensor of this type and shape may be given to the port. Types that no wasi-nn ABI can name are
 * carried by the one of the same width that it can: bool and i8 by u8, i16 and u16 by f16, u32 by i32, u64 by
 * i64. */
bool wasinn__port_accepts(const wasinn_port *port, const wasinn_tensor *tensor);

/* "input" or "output". */
const char *wasinn__side_name(wasinn_direction direction);

/* Whether the port's size is known without running the model. */
bool wasinn__port_is_static(const wasinn_port *port);

#endif
