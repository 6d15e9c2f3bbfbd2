/* What goes into a model that is measured: from files, or made up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cli/cli.h"
#include "cli/elements.h"
#include "cli/file.h"

#define fail(...) wasinn__fail(WASINN__EXIT_FAILED, __VA_ARGS__)

/* A model's inputs while they are made. */
typedef struct maker {
    const wasinn_port *ports;
    uint32_t count;
    wasinn__bench_input *inputs;
    bool *shaped; /* by --shape */
} maker;

void *wasinn__bench_memory(size_t size) {
    enum { LINE = 64 };
    void *memory = wasinn__checked(aligned_alloc(LINE, (size + LINE) / LINE * LINE));
    memset(memory, 0, size);
    return memory;
}

/* ---- Which input is meant ------------------------------------------------------------------------ */

static void list_names(const maker *maker, char *text, size_t capacity) {
    size_t used = 0;
    snprintf(text, capacity, "none");
    for (uint32_t i = 0; i < maker->count && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%u '%s'", i ? ", " : "", i,
                                 maker->ports[i].name);
}

/* By name, else by number. */
static bool find_input(const maker *maker, const char *name, size_t length, uint32_t *index) {
    char number[16];
    for (uint32_t i = 0; i < maker->count; i++) {
        if (strlen(maker->ports[i].name) == length && memcmp(maker->ports[i].name, name, length) == 0) {
            *index = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < maker->count; i++) {
        if ((size_t)snprintf(number, sizeof number, "%u", i) == length && memcmp(number, name, length) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static int refuse_name(const maker *maker, const char *option, const char *given, size_t length) {
    char known[512];
    list_names(maker, known, sizeof known);
    return fail("%s %.200s: there is no input '%.*s'; there is %s", option, given, (int)length, given, known);
}

/* ---- Shapes ------------------------------------------------------------------------------------- */

/* "1,3,224,224" or "1x3x224x224"; nothing is a scalar. */
static bool parse_dims(const char *text, wasinn_tensor *tensor) {
    tensor->rank = 0;
    if (text[0] == '\0')
        return true;
    for (;; text++) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 15 || tensor->rank == WASINN_MAX_RANK)
            return false;
        tensor->dims[tensor->rank++] = strtoll(text, NULL, 10);
        text += digits;
        if (*text == '\0')
            return true;
        if (*text != ',' && *text != 'x')
            return false;
    }
}

/* The name may have a = of its own. */
static int take_shape(maker *maker, const char *given) {
    char wanted[WASINN__BENCH_SHAPE], shape[WASINN__BENCH_SHAPE];
    const char *equals = strrchr(given, '=');
    uint32_t index;
    if (!find_input(maker, given, (size_t)(equals - given), &index))
        return refuse_name(maker, "--shape", given, (size_t)(equals - given));
    wasinn_tensor *tensor = &maker->inputs[index].tensor;
    if (maker->shaped[index])
        return fail("--shape %.200s: input %u has one already", given, index);
    if (!parse_dims(equals + 1, tensor))
        return fail("--shape %.200s: expected at most %d whole numbers with commas between them", given,
                    WASINN_MAX_RANK);
    maker->shaped[index] = true;
    if (!wasinn__bench_fits(&maker->ports[index], tensor))
        return fail("--shape %.200s: the input wants %s, got %s", given,
                    wasinn__bench_port_shape(&maker->ports[index], wanted),
                    wasinn__bench_shape(tensor, shape));
    return WASINN__EXIT_OK;
}

/* Of dimensions that are open: the least that there may be, but not 0. */
static int default_shape(const maker *maker, uint32_t index) {
    const wasinn_port *port = &maker->ports[index];
    wasinn__bench_input *input = &maker->inputs[index];
    if (port->rank == WASINN_DYNAMIC_RANK)
        return fail("input %u '%s' may have any number of dimensions: give it with --shape '%s=1,2,3'", index,
                    port->name, port->name);
    input->tensor.rank = port->rank;
    for (uint32_t i = 0; i < port->rank; i++) {
        bool open = port->dims[i] < 0;
        input->tensor.dims[i] = !open ? port->dims[i] : port->min_dims[i] > 1 ? port->min_dims[i] : 1;
        input->assumed = input->assumed || open;
    }
    return WASINN__EXIT_OK;
}

static int set_shapes(const wasinn__bench_options *options, maker *maker) {
    int code = WASINN__EXIT_OK;
    for (uint32_t i = 0; i < maker->count; i++) {
        const wasinn_port *port = &maker->ports[i];
        maker->inputs[i].tensor.type = port->type == WASINN_TYPE_ANY ? WASINN_TYPE_F32 : port->type;
        if (wasinn_type_size(maker->inputs[i].tensor.type) == 0)
            return fail(
                "input %u '%s' takes elements that have no whole number of bytes, or text: there is no "
                "way to make them",
                i, port->name);
    }
    for (size_t i = 0; code == WASINN__EXIT_OK && i < options->shape_count; i++)
        code = take_shape(maker, options->shapes[i]);
    for (uint32_t i = 0; code == WASINN__EXIT_OK && i < maker->count; i++)
        if (!maker->shaped[i])
            code = default_shape(maker, i);
    for (uint32_t i = 0; code == WASINN__EXIT_OK && i < maker->count; i++) {
        wasinn_tensor *tensor = &maker->inputs[i].tensor;
        uint64_t bytes;
        char shape[WASINN__BENCH_SHAPE];
        /* What a guest of 32 bits can have at most. */
        if (!wasinn__bench_bytes(tensor, &bytes) || bytes > UINT32_MAX)
            code = fail("input %u '%s': %s is more than a guest can have, 4 GiB", i, maker->ports[i].name,
                        wasinn__bench_shape(tensor, shape));
        else
            tensor->size = (size_t)bytes;
    }
    return code;
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* The same at each run. Integers may be places in a table, so that they are 0 or 1. */
static void make_up(wasinn_tensor *tensor) {
    size_t element = wasinn_type_size(tensor->type);
    bool real = tensor->type == WASINN_TYPE_F32 || tensor->type == WASINN_TYPE_F64 ||
                tensor->type == WASINN_TYPE_F16 || tensor->type == WASINN_TYPE_BF16;
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;
    uint8_t *data = wasinn__bench_memory(tensor->size);
    uint32_t state = 1;
    for (size_t at = 0; at < tensor->size; at += element) {
        state = state * 1664525 + 1013904223;
        if (real)
            wasinn__element_store(tensor->type, (double)(state >> 8) / (1 << 24), data + at);
        else
            data[little ? at : at + element - 1] = state >> 31;
    }
    tensor->data = data;
}

static int read_values(const maker *maker, uint32_t index, const char *file) {
    char problem[WASINN__FILE_PROBLEM], shape[WASINN__BENCH_SHAPE];
    wasinn__bench_input *input = &maker->inputs[index];
    uint8_t *data;
    uint64_t size;
    input->file = file;
    if (wasinn__file_read_sized(file, input->tensor.size, &data, &size, problem)) {
        uint8_t *memory = wasinn__bench_memory(input->tensor.size);
        if (input->tensor.size > 0)
            memcpy(memory, data, input->tensor.size);
        free(data);
        input->tensor.data = memory;
        return WASINN__EXIT_OK;
    }
    if (problem[0])
        return fail("%s: %s", wasinn__in_name(file), problem);
    wasinn__bench_shape(&input->tensor, shape);
    if (size == UINT64_MAX)
        return fail("%s: more than %zu bytes, expected %zu for input %u '%s', %s%s", wasinn__in_name(file),
                    input->tensor.size, input->tensor.size, index, maker->ports[index].name, shape,
                    input->assumed ? ": give its --shape" : "");
    return fail("%s: %llu bytes, expected %zu for input %u '%s', %s%s", wasinn__in_name(file),
                (unsigned long long)size, input->tensor.size, index, maker->ports[index].name, shape,
                input->assumed ? ": give its --shape" : "");
}

/* NAME=FILE, where there is an input of that name; both may have a = of their own. */
static bool split(const maker *maker, const char *given, uint32_t *index, const char **file) {
    for (const char *equals = strchr(given, '='); equals; equals = strchr(equals + 1, '=')) {
        if (find_input(maker, given, (size_t)(equals - given), index)) {
            *file = equals + 1;
            return true;
        }
    }
    return false;
}

static int take_input(const maker *maker, const char *given, uint32_t *next) {
    const char *file = given, *slash = strchr(given, '/'), *equals = strchr(given, '=');
    uint32_t index = *next;
    if (!split(maker, given, &index, &file)) {
        if (equals && (!slash || slash > equals))
            return refuse_name(maker, "--input", given, (size_t)(equals - given));
        if (index >= maker->count)
            return fail("--input %.200s: the model has only %u input%s", given, maker->count,
                        maker->count == 1 ? "" : "s");
        ++*next;
    }
    if (maker->inputs[index].file)
        return fail("--input %.200s: input %u has a file already", given, index);
    return read_values(maker, index, file);
}

int wasinn__bench_make_inputs(const wasinn__bench_options *options, const wasinn__bench_model *model,
                              wasinn__bench_input **inputs) {
    maker maker = {model->ports[WASINN_INPUT], model->counts[WASINN_INPUT], NULL, NULL};
    uint32_t next = 0;
    maker.inputs = *inputs = wasinn__checked(calloc((size_t)maker.count + 1, sizeof *maker.inputs));
    maker.shaped = wasinn__checked(calloc((size_t)maker.count + 1, sizeof *maker.shaped));
    int code = set_shapes(options, &maker);
    for (size_t i = 0; code == WASINN__EXIT_OK && i < options->input_count; i++)
        code = take_input(&maker, options->inputs[i], &next);
    for (uint32_t i = 0; code == WASINN__EXIT_OK && i < maker.count; i++)
        if (!maker.inputs[i].file)
            make_up(&maker.inputs[i].tensor);
    free(maker.shaped);
    return code;
}

void wasinn__bench_free_inputs(wasinn__bench_input *inputs, size_t count) {
    for (size_t i = 0; inputs && i < count; i++)
        free((void *)(uintptr_t)inputs[i].tensor.data);
    free(inputs);
}
