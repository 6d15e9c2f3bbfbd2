#include "abi/numbering.h"

#include <string.h>

#include "core/execution.h"
#include "core/guest.h"
#include "core/tensor.h"

enum { TYPES = 7, READINGS = 3 };

typedef struct reading {
    wasinn_numbering numbering;
    uint8_t count;
    wasinn_type types[TYPES];
} reading;

/* That of the specification for core modules comes first. The third is that of the crate wasi-nn up to 0.5,
 * of older WasmEdge and of WAMR. */
static const reading readings[READINGS] = {
    {WASINN_NUMBERING_WITX,
     6,
     {WASINN_TYPE_F16, WASINN_TYPE_F32, WASINN_TYPE_F64, WASINN_TYPE_U8, WASINN_TYPE_I32, WASINN_TYPE_I64}},
    {WASINN_NUMBERING_WIT,
     7,
     {WASINN_TYPE_F16, WASINN_TYPE_F32, WASINN_TYPE_F64, WASINN_TYPE_BF16, WASINN_TYPE_U8, WASINN_TYPE_I32,
      WASINN_TYPE_I64}},
    {WASINN_NUMBERING_OLD, 4, {WASINN_TYPE_F16, WASINN_TYPE_F32, WASINN_TYPE_U8, WASINN_TYPE_I32}},
};

static bool fits(const wasinn_port *port, const wasinn_tensor *tensor) {
    uint64_t bytes;
    return wasinn__bytes(tensor->type, tensor->rank, tensor->dims, &bytes) && bytes == tensor->size &&
           wasinn__port_accepts(port, tensor);
}

static wasinn_status refuse_number(wasinn__call *call, uint8_t number) {
    static const char *const lists[] = {
        [WASINN_NUMBERING_AUTO] = "0 f16, 1 f32, 2 f64, 3 u8, 4 i32, 5 i64",
        [WASINN_NUMBERING_WITX] = "0 f16, 1 f32, 2 f64, 3 u8, 4 i32, 5 i64",
        [WASINN_NUMBERING_WIT] = "0 f16, 1 f32, 2 f64, 3 bf16, 4 u8, 5 i32, 6 i64",
        [WASINN_NUMBERING_OLD] = "0 f16, 1 f32, 2 u8, 3 i32",
    };
    return wasinn__guest_fail(call->guest, WASINN_INVALID_ARGUMENT, "tensor type %u is unknown: %s", number,
                              lists[call->guest->numbering]);
}

static wasinn_status refuse_both(wasinn__call *call, uint8_t number, uint32_t index, wasinn_type one,
                                 wasinn_type other) {
    return wasinn__guest_fail(call->guest, WASINN_INVALID_ARGUMENT,
                              "input %u: tensor type %u may be %s or %s here: say which numbers this guest "
                              "uses (--abi, wasinn_guest_set_numbering)",
                              index, number, wasinn_type_name(one), wasinn_type_name(other));
}

static wasinn_status choose(wasinn__call *call, uint8_t number, const wasinn_port *port, uint32_t index,
                            wasinn_tensor *tensor) {
    wasinn_tensor tried = *tensor;
    bool known = false, found = false;
    for (size_t i = 0; i < READINGS; i++) {
        if (number >= readings[i].count)
            continue;
        tried.type = readings[i].types[number];
        if (!known)
            tensor->type = tried.type;
        known = true;
        if (!port || !fits(port, &tried) || (found && tried.type == tensor->type))
            continue;
        if (found)
            return refuse_both(call, number, index, tensor->type, tried.type);
        tensor->type = tried.type;
        found = true;
    }
    return known ? WASINN_OK : refuse_number(call, number);
}

wasinn_status wasinn__number_type(wasinn__call *call, uint8_t number, wasinn_handle execution, uint32_t index,
                                  wasinn_tensor *tensor) {
    wasinn_numbering numbering = call->guest->numbering;
    if (numbering == WASINN_NUMBERING_AUTO)
        return choose(call, number, wasinn__execution_input(call->guest, execution, index), index, tensor);
    for (size_t i = 0; i < READINGS; i++) {
        if (readings[i].numbering == numbering && number < readings[i].count) {
            tensor->type = readings[i].types[number];
            return WASINN_OK;
        }
    }
    return refuse_number(call, number);
}

bool wasinn__number_encoding(const wasinn__call *call, uint32_t number, const wasinn_blob *blobs,
                             size_t count, wasinn_encoding *encoding) {
    /* A GGUF file says what it is. */
    bool gguf = count > 0 && blobs[0].size >= 4 && memcmp(blobs[0].data, "GGUF", 4) == 0;
    wasinn_encoding read = gguf ? WASINN_ENCODING_GGML : WASINN_ENCODING_AUTODETECT;
    if (number <= WASINN_ENCODING_TENSORFLOWLITE) {
        *encoding = (wasinn_encoding)number;
        return true;
    }
    if (number != 5 && number != 6)
        return false;
    switch (call->guest->numbering) {
    case WASINN_NUMBERING_WITX:
        read = WASINN_ENCODING_AUTODETECT;
        if (number == 6)
            return false;
        break;
    case WASINN_NUMBERING_WIT:
        read = number == 5 ? WASINN_ENCODING_GGML : WASINN_ENCODING_AUTODETECT;
        break;
    case WASINN_NUMBERING_OLD:
        read = number == 5 ? WASINN_ENCODING_AUTODETECT : WASINN_ENCODING_GGML;
        break;
    default:
        break;
    }
    *encoding = read;
    return true;
}
