/* A tensor as a guest describes it. */
#ifndef WASINN_ABI_TENSOR_H
#define WASINN_ABI_TENSOR_H

#include "abi/call.h"

/* $tensor of wasi-nn.witx: dimensions @0, their count @4, type @8, data @12, its length @16 */
enum { WASINN__TENSOR_SIZE = 20 };

/* Reads the tensor for input `index` of an execution; `at` are its WASINN__TENSOR_SIZE bytes, which are
 * looked at once. Its data stays in the guest's memory. The call has a trap where dimensions or data lie
 * outside it; what is returned then means nothing. */
wasinn_status wasinn__read_tensor(wasinn__call *call, const uint8_t *at, wasinn_handle execution,
                                  uint32_t index, wasinn_tensor *tensor);

#endif
