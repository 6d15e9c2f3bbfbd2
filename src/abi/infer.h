/* Module `wasinn`, function `infer`. */
#ifndef WASINN_ABI_INFER_H
#define WASINN_ABI_INFER_H

#include "abi/call.h"

/* infer(execution, inputs, input_count, outputs, output_count): inputs are $tensor of wasi-nn.witx; outputs
 * are 12 bytes each: the address of a buffer, its capacity, and where the size of the output is written, also
 * when it does not fit. */
wasinn_status wasinn__infer_call(wasinn__call *call);

#endif
