#include "abi/tensor.h"

#include <string.h>

#include "abi/numbering.h"
#include "core/guest.h"

static wasinn_status read_shape_and_data(wasinn__call *call, const uint8_t *at, wasinn_tensor *tensor) {
    uint32_t rank = wasinn__read_u32(at + 4);
    uint8_t *dims, *data;
    if (rank > WASINN_MAX_RANK)
        return wasinn__guest_fail(call->guest, WASINN_INVALID_ARGUMENT,
                                  "a tensor of rank %u; at most %d is possible", rank, WASINN_MAX_RANK);
    tensor->rank = rank;
    tensor->size = wasinn__read_u32(at + 16);
    if (!wasinn__call_range(call, "the dimensions", wasinn__read_u32(at), (uint64_t)rank * 4, &dims) ||
        !wasinn__call_range(call, "the tensor's data", wasinn__read_u32(at + 12), tensor->size, &data))
        return WASINN_INVALID_ARGUMENT;
    for (uint32_t i = 0; i < rank; i++)
        tensor->dims[i] = wasinn__read_u32(dims + 4 * i);
    tensor->data = data;
    return WASINN_OK;
}

wasinn_status wasinn__read_tensor(wasinn__call *call, const uint8_t *at, wasinn_handle execution,
                                  uint32_t index, wasinn_tensor *tensor) {
    uint8_t descriptor[WASINN__TENSOR_SIZE];
    memcpy(descriptor, at, sizeof descriptor);
    wasinn_status status = read_shape_and_data(call, descriptor, tensor);
    /* The type is one byte of its word: real guests leave the other three dirty. */
    if (status == WASINN_OK && !call->trap)
        status = wasinn__number_type(call, descriptor[8], execution, index, tensor);
    return status;
}
