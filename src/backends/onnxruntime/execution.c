#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backends/onnxruntime/state.h"

/* What vector instructions like, and what the runtime's own allocator gives. */
#define ALIGNMENT 64

typedef struct input_tensor {
    void *memory;
    size_t capacity;
    void *retired;   /* what `memory` was in the last run: results that passed through are there */
    OrtValue *value; /* around `memory` */
    uint32_t rank;
    int64_t dims[WASINN_MAX_RANK];
} input_tensor;

typedef struct output_tensor {
    bool kept;          /* the next run may write into it again */
    wasinn_tensor view; /* of one that is kept */
} output_tensor;

/* An input or output in a caller's memory. */
typedef struct lent_tensor {
    OrtValue *value; /* NULL: none */
    const void *data;
} lent_tensor;

/* What infer needs; made for the first. */
typedef struct lent {
    bool apart;            /* no output is an input, or another output */
    lent_tensor *ports[2]; /* by direction and index */
    const OrtValue **inputs;
    const char **output_names; /* of those that are wanted */
    OrtValue **outputs;
} lent;

typedef struct execution {
    wasinn__ort_model *model;
    OrtRunOptions *options;
    atomic_bool cancelled;
    input_tensor *inputs;
    const OrtValue **input_values; /* those of `inputs` */
    output_tensor *outputs;
    OrtValue **output_values;
    lent *lent;
} execution;

static const wasinn__ort *api_of(const execution *used) {
    return &used->model->runtime->library.api;
}

static wasinn_status check(const execution *used, OrtStatus *returned, const char *doing,
                           wasinn_message *message) {
    return wasinn__ort_check(used->model->runtime, returned, doing, message);
}

/* ---- Making and freeing ----------------------------------------------------------------------------- */

static void drop_output(execution *used, uint32_t index) {
    if (used->output_values[index])
        api_of(used)->ReleaseValue(used->output_values[index]);
    used->output_values[index] = NULL;
    used->outputs[index].kept = false;
}

static void drop_lent(execution *used, int side, uint32_t index) {
    lent_tensor *one = &used->lent->ports[side][index];
    if (one->value)
        api_of(used)->ReleaseValue(one->value);
    *one = (lent_tensor){NULL, NULL};
}

/* Nothing of the caller's memory is known any more. */
static void drop_all_lent(execution *used) {
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; used->lent && i < used->model->counts[side]; i++)
            drop_lent(used, side, i);
}

void wasinn__ort_destroy(void *opaque) {
    execution *destroyed = opaque;
    const wasinn__ort_model *model = destroyed->model;
    drop_all_lent(destroyed);
    free(destroyed->lent);
    for (uint32_t i = 0; destroyed->inputs && i < model->counts[WASINN_INPUT]; i++) {
        if (destroyed->inputs[i].value)
            api_of(destroyed)->ReleaseValue(destroyed->inputs[i].value);
        free(destroyed->inputs[i].memory);
        free(destroyed->inputs[i].retired);
    }
    for (uint32_t i = 0; destroyed->outputs && destroyed->output_values && i < model->counts[WASINN_OUTPUT];
         i++)
        drop_output(destroyed, i);
    free(destroyed->inputs);
    free(destroyed->input_values);
    free(destroyed->outputs);
    free(destroyed->output_values);
    if (destroyed->options)
        api_of(destroyed)->ReleaseRunOptions(destroyed->options);
    free(destroyed);
}

wasinn_status wasinn__ort_create(void *opaque, void **result, wasinn_message *message) {
    wasinn__ort_model *model = opaque;
    execution *made = calloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "ONNX Runtime: no memory");
    made->model = model;
    atomic_init(&made->cancelled, false);
    made->inputs = calloc(model->counts[WASINN_INPUT] + 1, sizeof *made->inputs);
    made->input_values = calloc(model->counts[WASINN_INPUT] + 1, sizeof *made->input_values);
    made->outputs = calloc(model->counts[WASINN_OUTPUT] + 1, sizeof *made->outputs);
    made->output_values = calloc(model->counts[WASINN_OUTPUT] + 1, sizeof *made->output_values);
    wasinn_status status = WASINN_OK;
    if (!made->inputs || !made->input_values || !made->outputs || !made->output_values)
        status = wasinn_refuse(message, WASINN_TOO_LARGE, "ONNX Runtime: no memory");
    if (status == WASINN_OK)
        status = check(made, api_of(made)->CreateRunOptions(&made->options), "making an execution", message);
    if (status == WASINN_OK)
        status =
            check(made, api_of(made)->RunOptionsSetRunLogSeverityLevel(made->options, WASINN__ORT_LOG_FATAL),
                  "making an execution", message);
    if (status != WASINN_OK) {
        wasinn__ort_destroy(made);
        return status;
    }
    *result = made;
    return WASINN_OK;
}

/* ---- Inputs ----------------------------------------------------------------------------------------- */

static bool has_shape(const input_tensor *tensor, const wasinn_tensor *shape) {
    return tensor->value && tensor->rank == shape->rank &&
           memcmp(tensor->dims, shape->dims, shape->rank * sizeof *shape->dims) == 0;
}

/* The memory stays when it is large enough, however the shape changes. */
static bool reserve(input_tensor *tensor, size_t size) {
    size_t rounded = (size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    if (tensor->memory && size <= tensor->capacity)
        return true;
    if (rounded < size)
        return false;
    void *memory = aligned_alloc(ALIGNMENT, rounded);
    if (!memory)
        return false;
    if (tensor->retired)
        free(tensor->memory);
    else
        tensor->retired = tensor->memory;
    tensor->memory = memory;
    tensor->capacity = rounded;
    return true;
}

wasinn_status wasinn__ort_input(void *opaque, uint32_t index, const wasinn_tensor *shape, void **memory,
                                wasinn_message *message) {
    execution *used = opaque;
    const wasinn__ort_port *port = &used->model->ports[WASINN_INPUT][index];
    input_tensor *tensor = &used->inputs[index];
    if (has_shape(tensor, shape)) {
        *memory = tensor->memory;
        return WASINN_OK;
    }
    if (tensor->value)
        api_of(used)->ReleaseValue(tensor->value);
    tensor->value = NULL;
    used->input_values[index] = NULL;
    if (!reserve(tensor, shape->size))
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for the %zu bytes of input %u '%s'",
                             shape->size, index, port->name);
    wasinn_status status = check(used,
                                 api_of(used)->CreateTensorWithDataAsOrtValue(
                                     used->model->runtime->memory, tensor->memory, shape->size, shape->dims,
                                     shape->rank, port->type, &tensor->value),
                                 "preparing an input", message);
    if (status != WASINN_OK)
        return status;
    used->input_values[index] = tensor->value;
    tensor->rank = shape->rank;
    memcpy(tensor->dims, shape->dims, shape->rank * sizeof *shape->dims);
    *memory = tensor->memory;
    return WASINN_OK;
}

/* ---- Outputs ---------------------------------------------------------------------------------------- */

static wasinn_status read_tensor(execution *used, uint32_t index, wasinn_tensor *view,
                                 wasinn_message *message) {
    const wasinn__ort *api = api_of(used);
    const char *name = used->model->names[WASINN_OUTPUT][index];
    OrtTensorTypeAndShapeInfo *info = NULL;
    wasinn_tensor seen = {0};
    size_t rank = 0, elements = 0;
    int type = 0;
    uint32_t bits;
    wasinn_status status = check(used, api->GetTensorTypeAndShape(used->output_values[index], &info),
                                 "reading an output", message);
    if (status == WASINN_OK)
        status = check(used, api->GetTensorElementType(info, &type), "reading an output", message);
    if (status == WASINN_OK)
        status = check(used, api->GetDimensionsCount(info, &rank), "reading an output", message);
    if (status == WASINN_OK && rank > WASINN_MAX_RANK)
        status = wasinn_refuse(message, WASINN_UNSUPPORTED_OPERATION,
                               "output %u '%s' came with rank %zu; at most %d fit", index, name, rank,
                               WASINN_MAX_RANK);
    if (status == WASINN_OK)
        status = check(used, api->GetDimensions(info, seen.dims, rank), "reading an output", message);
    if (status == WASINN_OK)
        status = check(used, api->GetTensorShapeElementCount(info, &elements), "reading an output", message);
    if (info)
        api->ReleaseTensorTypeAndShapeInfo(info);
    if (status != WASINN_OK)
        return status;
    seen.type = wasinn__ort_type(type, &bits);
    seen.rank = (uint32_t)rank;
    if (seen.type != WASINN_TYPE_OTHER && elements > 0) {
        void *data = NULL;
        status = check(used, api->GetTensorMutableData(used->output_values[index], &data),
                       "reading an output", message);
        seen.size = elements * (bits / 8);
        seen.data = data;
    }
    if (status == WASINN_OK)
        *view = seen;
    return status;
}

wasinn_status wasinn__ort_output(void *opaque, uint32_t index, wasinn_tensor *view, wasinn_message *message) {
    execution *used = opaque;
    const wasinn__ort *api = api_of(used);
    const char *name = used->model->names[WASINN_OUTPUT][index];
    int there = 0, is_tensor = 0;
    if (used->outputs[index].kept) {
        *view = used->outputs[index].view;
        return WASINN_OK;
    }
    if (!used->output_values[index])
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR, "output %u '%s' has not been computed", index,
                             name);
    wasinn_status status =
        check(used, api->HasValue(used->output_values[index], &there), "reading an output", message);
    if (status == WASINN_OK && !there)
        return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                             "the model has left output %u '%s' without a value", index, name);
    if (status == WASINN_OK)
        status =
            check(used, api->IsTensor(used->output_values[index], &is_tensor), "reading an output", message);
    if (status != WASINN_OK)
        return status;
    if (is_tensor)
        return read_tensor(used, index, view, message);
    *view = (wasinn_tensor){.type = WASINN_TYPE_OTHER};
    return WASINN_OK;
}

/* Whether a result shares its memory with an input or another result, which it may do where a model passes
 * things through: the next run must not write there. */
static bool shares_memory(const execution *used, uint32_t index) {
    const char *data = used->outputs[index].view.data;
    for (uint32_t i = 0; i < used->model->counts[WASINN_INPUT]; i++) {
        const char *memory = used->inputs[i].memory;
        if (data >= memory && data < memory + used->inputs[i].capacity)
            return true;
    }
    for (uint32_t i = 0; i < used->model->counts[WASINN_OUTPUT]; i++)
        if (i != index && used->outputs[i].kept && used->outputs[i].view.data == data)
            return true;
    return false;
}

/* The runtime writes into the results of the last run again where they have the one shape that the model
 * gives them. `new` results are looked at; those that are kept go on being so. */
static void keep_outputs(execution *used) {
    enum {
        FEW = 64
    }; /* more are compared with each other at every run for longer than an allocation takes */
    const wasinn__ort_model *model = used->model;
    if (model->counts[WASINN_INPUT] > FEW || model->counts[WASINN_OUTPUT] > FEW)
        return;
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++) {
        const wasinn__ort_port *port = &model->ports[WASINN_OUTPUT][i];
        output_tensor *output = &used->outputs[i];
        if (output->kept || !port->fixed || port->port.type == WASINN_TYPE_OTHER)
            continue;
        output->kept =
            wasinn__ort_output(used, i, &output->view, &(wasinn_message){NULL, 0}) == WASINN_OK &&
            output->view.size > 0 && output->view.type == port->port.type &&
            output->view.rank == port->port.rank &&
            memcmp(output->view.dims, port->port.dims, port->port.rank * sizeof *port->port.dims) == 0 &&
            !shares_memory(used, i);
    }
}

/* ---- Running ---------------------------------------------------------------------------------------- */

/* `fresh`: without the results of the last run. Whether any of those were handed over is told. */
static OrtStatus *run_once(execution *used, bool fresh, bool *reused) {
    const wasinn__ort_model *model = used->model;
    *reused = false;
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++) {
        if (fresh || !used->outputs[i].kept)
            drop_output(used, i);
        *reused = *reused || used->outputs[i].kept;
    }
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++) {
        free(used->inputs[i].retired);
        used->inputs[i].retired = NULL;
    }
    return api_of(used)->Run(model->session, used->options, model->names[WASINN_INPUT], used->input_values,
                             model->counts[WASINN_INPUT], model->names[WASINN_OUTPUT],
                             model->counts[WASINN_OUTPUT], used->output_values);
}

/* A cancel that comes before this run is none of its; one that gets lost here is repeated. */
wasinn_status wasinn__ort_run(void *opaque, wasinn_message *message) {
    execution *used = opaque;
    const wasinn__ort *api = api_of(used);
    bool reused;
    atomic_store(&used->cancelled, false);
    wasinn_status status =
        check(used, api->RunOptionsUnsetTerminate(used->options), "preparing to compute", message);
    if (status != WASINN_OK)
        return status;
    OrtStatus *failed = run_once(used, false, &reused);
    /* The model may have said one shape and made another, for which the last result has no room. */
    if (failed && reused && !atomic_load(&used->cancelled)) {
        api->ReleaseStatus(failed);
        failed = run_once(used, true, &reused);
    }
    if (!failed) {
        keep_outputs(used);
        return WASINN_OK;
    }
    for (uint32_t i = 0; i < used->model->counts[WASINN_OUTPUT]; i++)
        drop_output(used, i);
    return check(used, failed, "computing", message);
}

void wasinn__ort_cancel(void *opaque) {
    execution *used = opaque;
    atomic_store(&used->cancelled, true);
    check(used, api_of(used)->RunOptionsSetTerminate(used->options), "cancelling",
          &(wasinn_message){NULL, 0});
}

/* ---- In the caller's memory ------------------------------------------------------------------------- */

static int by_text(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* An output that goes by the name of an input is that input, and its memory is not written. */
static bool names_differ(const wasinn__ort_model *model, const char **names) {
    size_t inputs = model->counts[WASINN_INPUT], count = inputs + model->counts[WASINN_OUTPUT];
    memcpy(names, model->names[WASINN_INPUT], inputs * sizeof *names);
    memcpy(names + inputs, model->names[WASINN_OUTPUT], (count - inputs) * sizeof *names);
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return false;
    return true;
}

/* All in one block. */
static lent *make_lent(const wasinn__ort_model *model) {
    size_t inputs = model->counts[WASINN_INPUT], outputs = model->counts[WASINN_OUTPUT];
    lent *made = calloc(1, sizeof *made + (inputs + outputs) * (sizeof **made->ports + 2 * sizeof(void *)));
    if (!made)
        return NULL;
    made->ports[WASINN_INPUT] = (lent_tensor *)(made + 1);
    made->ports[WASINN_OUTPUT] = made->ports[WASINN_INPUT] + inputs;
    made->output_names = (const char **)(made->ports[WASINN_OUTPUT] + outputs);
    made->apart = names_differ(model, made->output_names);
    made->inputs = (const OrtValue **)(made->output_names + outputs);
    made->outputs = (OrtValue **)(made->inputs + inputs);
    return made;
}

static wasinn_status place(execution *used, int side, uint32_t index, void *data, size_t size,
                           wasinn_message *message) {
    const wasinn__ort_port *port = &used->model->ports[side][index];
    lent_tensor *one = &used->lent->ports[side][index];
    if (one->data == data)
        return WASINN_OK;
    drop_lent(used, side, index);
    if (!data)
        return WASINN_OK;
    wasinn_status status = check(used,
                                 api_of(used)->CreateTensorWithDataAsOrtValue(
                                     used->model->runtime->memory, data, size, port->port.dims,
                                     port->port.rank, port->type, &one->value),
                                 side == WASINN_INPUT ? "binding an input" : "binding an output", message);
    if (status == WASINN_OK)
        one->data = data;
    return status;
}

static bool can_be_lent(const wasinn__ort_port *port) {
    return port->fixed && port->port.type != WASINN_TYPE_OTHER;
}

static bool can_all_be_lent(const execution *used, const wasinn_tensor *inputs,
                            const wasinn_buffer *outputs) {
    const wasinn__ort_model *model = used->model;
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++)
        if (inputs[i].data && !can_be_lent(&model->ports[WASINN_INPUT][i]))
            return false;
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++)
        if (outputs[i].data && !can_be_lent(&model->ports[WASINN_OUTPUT][i]))
            return false;
    return true;
}

static OrtStatus *run_lent(execution *used) {
    const wasinn__ort_model *model = used->model;
    lent *room = used->lent;
    size_t wanted = 0;
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT]; i++) {
        const OrtValue *value = room->ports[WASINN_INPUT][i].value;
        room->inputs[i] = value ? value : used->input_values[i];
    }
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT]; i++) {
        if (!room->ports[WASINN_OUTPUT][i].value)
            continue;
        room->output_names[wanted] = model->names[WASINN_OUTPUT][i];
        room->outputs[wanted++] = room->ports[WASINN_OUTPUT][i].value;
    }
    return api_of(used)->Run(model->session, used->options, model->names[WASINN_INPUT], room->inputs,
                             model->counts[WASINN_INPUT], room->output_names, wanted, room->outputs);
}

wasinn_status wasinn__ort_infer(void *opaque, const wasinn_tensor *inputs, const wasinn_buffer *outputs,
                                wasinn_message *message) {
    execution *used = opaque;
    const wasinn__ort_model *model = used->model;
    atomic_store(&used->cancelled, false);
    if (!used->lent)
        used->lent = make_lent(model);
    if (!used->lent)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "ONNX Runtime: no memory");
    if (!used->lent->apart || !can_all_be_lent(used, inputs, outputs))
        return wasinn_refuse(
            message, WASINN_UNSUPPORTED_OPERATION,
            "ONNX Runtime: not in the caller's memory: an open shape, or an input as output");
    wasinn_status status =
        check(used, api_of(used)->RunOptionsUnsetTerminate(used->options), "preparing to compute", message);
    for (uint32_t i = 0; i < model->counts[WASINN_INPUT] && status == WASINN_OK; i++)
        status = place(used, WASINN_INPUT, i, (void *)inputs[i].data, inputs[i].size, message);
    for (uint32_t i = 0; i < model->counts[WASINN_OUTPUT] && status == WASINN_OK; i++)
        status = place(used, WASINN_OUTPUT, i, outputs[i].data, outputs[i].size, message);
    if (status == WASINN_OK)
        status = check(used, run_lent(used), "computing", message);
    if (status == WASINN_OK)
        return WASINN_OK;
    drop_all_lent(used);
    /* The model may have said one shape and made another: then it has to have memory of its own. */
    return atomic_load(&used->cancelled) ? status : WASINN_UNSUPPORTED_OPERATION;
}
