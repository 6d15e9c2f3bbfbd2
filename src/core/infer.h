/* What the layer above needs of wasinn_infer besides. */
#ifndef WASINN_CORE_INFER_H
#define WASINN_CORE_INFER_H

#include "wasinn/wasinn.h"

/* The same, and how many bytes were copied: none where the runtime computed in the caller's memory. */
wasinn_status wasinn__infer(wasinn_guest *guest, wasinn_handle execution, const wasinn_tensor *inputs,
                            size_t input_count, wasinn_result *outputs, size_t output_count,
                            uint64_t *copied);

/* Whether an execution can be given so many inputs and outputs at once: a call of its own, with its error. */
wasinn_status wasinn__infer_takes(wasinn_guest *guest, wasinn_handle execution, size_t input_count,
                                  size_t output_count);

#endif
