/* What the number of a tensor type or an encoding means. wasi-nn was renumbered more than once, and a guest's
 * module does not say which numbers it was built with. */
#ifndef WASINN_ABI_NUMBERING_H
#define WASINN_ABI_NUMBERING_H

#include "abi/call.h"

/* Sets the type of a tensor that is meant for input `index` of an execution. With WASINN_NUMBERING_AUTO it is
 * the one with which the tensor's bytes are its dimensions' and the port takes it; where no reading fits,
 * that of wasi-nn.witx, for the core to refuse with its reason; where two do, invalid_argument. */
wasinn_status wasinn__number_type(wasinn__call *call, uint8_t number, wasinn_handle execution, uint32_t index,
                                  wasinn_tensor *tensor);

/* False: no encoding has this number. */
bool wasinn__number_encoding(const wasinn__call *call, uint32_t number, const wasinn_blob *blobs,
                             size_t count, wasinn_encoding *encoding);

#endif
