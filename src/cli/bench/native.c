/* One inference after the other without WebAssembly: the backend's table, called as the core calls it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cli/cli.h"

volatile sig_atomic_t wasinn__bench_interrupted;

void wasinn__bench_start(wasinn__bench_clock *clock) {
    clock->last = wasinn__clock();
}

bool wasinn__bench_tick(wasinn__bench_clock *clock) {
    uint64_t time = wasinn__clock();
    wasinn__histogram_add(&clock->times, time - clock->last);
    clock->last = time;
    return time < clock->until && !wasinn__bench_interrupted;
}

/* ---- With memory of the runtime's own tensors --------------------------------------------------- */

static wasinn_status set_inputs(const wasinn__bench_native *native, wasinn_message *message) {
    for (uint32_t i = 0; i < native->input_count; i++) {
        const wasinn_tensor *given = &native->inputs[i].tensor;
        wasinn_tensor shape = *given;
        void *memory;
        shape.data = NULL;
        wasinn_status status = native->table->input(native->execution, i, &shape, &memory, message);
        if (status != WASINN_OK)
            return status;
        if (given->size > 0)
            memcpy(memory, given->data, given->size);
    }
    return WASINN_OK;
}

static wasinn_status copy_outputs(const wasinn__bench_native *native, wasinn_message *message) {
    for (uint32_t i = 0; i < native->output_count; i++) {
        wasinn_buffer *buffer = &native->outputs[i].memory;
        wasinn_tensor view;
        wasinn_status status = native->table->output(native->execution, i, &view, message);
        if (status != WASINN_OK)
            return status;
        if (view.size > buffer->size)
            return wasinn_refuse(
                message, WASINN_TOO_LARGE,
                "output %u has %zu bytes and had %zu before: the model's outputs change their "
                "size from run to run",
                i, view.size, buffer->size);
        if (view.size > 0)
            memcpy(buffer->data, view.data, view.size);
    }
    return WASINN_OK;
}

static wasinn_status infer_once(const wasinn__bench_native *native, wasinn_message *message) {
    if (native->tensors)
        return native->table->infer(native->execution, native->tensors, native->memories, message);
    wasinn_status status = set_inputs(native, message);
    if (status == WASINN_OK)
        status = native->table->run(native->execution, message);
    return status == WASINN_OK ? copy_outputs(native, message) : status;
}

wasinn_status wasinn__bench_native_run(wasinn__bench_native *native, wasinn__bench_clock *clock,
                                       char *problem) {
    wasinn_message message = {problem, WASINN__BENCH_PROBLEM};
    wasinn_status status;
    problem[0] = '\0';
    wasinn__bench_start(clock);
    do {
        status = infer_once(native, &message);
    } while (status == WASINN_OK && wasinn__bench_tick(clock));
    return status;
}

/* ---- Making ------------------------------------------------------------------------------------- */

static wasinn_status create(const wasinn__bench_model *model, const wasinn__bench_input *inputs,
                            wasinn__bench_native *native, wasinn_message *message) {
    *native = (wasinn__bench_native){.table = model->table,
                                     .inputs = inputs,
                                     .input_count = model->counts[WASINN_INPUT],
                                     .output_count = model->counts[WASINN_OUTPUT]};
    native->outputs = wasinn__checked(calloc((size_t)native->output_count + 1, sizeof *native->outputs));
    return model->table->create(model->model, &native->execution, message);
}

/* Memory for the outputs of a first run, of which only that tells how large they are. */
static wasinn_status find_outputs(wasinn__bench_native *native, wasinn_message *message) {
    for (uint32_t i = 0; i < native->output_count; i++) {
        wasinn__bench_output *output = &native->outputs[i];
        wasinn_status status = native->table->output(native->execution, i, &output->tensor, message);
        if (status != WASINN_OK)
            return status;
        output->tensor.data = NULL;
        output->memory.data = wasinn__bench_memory(output->tensor.size);
        output->memory.size = output->tensor.size;
    }
    return copy_outputs(native, message);
}

wasinn_status wasinn__bench_native_new(const wasinn__bench_model *model, const wasinn__bench_input *inputs,
                                       wasinn__bench_native *native, char *problem) {
    wasinn_message message = {problem, WASINN__BENCH_PROBLEM};
    problem[0] = '\0';
    wasinn_status status = create(model, inputs, native, &message);
    if (status == WASINN_OK)
        status = set_inputs(native, &message);
    if (status == WASINN_OK)
        status = native->table->run(native->execution, &message);
    return status == WASINN_OK ? find_outputs(native, &message) : status;
}

wasinn_status wasinn__bench_native_infer_new(const wasinn__bench_model *model,
                                             const wasinn__bench_input *inputs,
                                             const wasinn__bench_native *first, wasinn__bench_native *native,
                                             char *problem) {
    wasinn_message message = {problem, WASINN__BENCH_PROBLEM};
    const wasinn_backend *table = model->table;
    problem[0] = '\0';
    *native = (wasinn__bench_native){0};
    if (table->struct_size < offsetof(wasinn_backend, infer) + sizeof table->infer || !table->infer)
        return wasinn_refuse(&message, WASINN_UNSUPPORTED_OPERATION, "the backend has no infer");
    wasinn_status status = create(model, inputs, native, &message);
    if (status != WASINN_OK)
        return status;
    native->tensors = wasinn__checked(calloc((size_t)native->input_count + 1, sizeof *native->tensors));
    native->memories = wasinn__checked(calloc((size_t)native->output_count + 1, sizeof *native->memories));
    for (uint32_t i = 0; i < native->input_count; i++)
        native->tensors[i] = inputs[i].tensor;
    for (uint32_t i = 0; i < native->output_count; i++) {
        native->outputs[i].tensor = first->outputs[i].tensor;
        native->outputs[i].memory = (wasinn_buffer){wasinn__bench_memory(first->outputs[i].memory.size),
                                                    first->outputs[i].memory.size};
        native->memories[i] = native->outputs[i].memory;
    }
    return infer_once(native, &message);
}

void wasinn__bench_native_free(wasinn__bench_native *native) {
    if (native->execution)
        native->table->destroy(native->execution);
    for (uint32_t i = 0; native->outputs && i < native->output_count; i++)
        free(native->outputs[i].memory.data);
    free(native->outputs);
    free(native->tensors);
    free(native->memories);
    *native = (wasinn__bench_native){0};
}
