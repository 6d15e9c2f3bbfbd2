/* What is read of ONNX models without a runtime: the files that they name, and what their functions stand
 * for. */
#include <stdlib.h>

#include "backends/onnx_files.h"
#include "backends/onnx_functions.h"
#include "check.h"

/* A protobuf that is being written. */
typedef struct bytes {
    uint8_t data[4096];
    size_t size;
} bytes;

static char text[512];

static void put_varint(bytes *to, uint64_t value) {
    do {
        to->data[to->size++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
}

static void put_number(bytes *to, uint32_t field, uint64_t value) {
    put_varint(to, (uint64_t)field << 3);
    put_varint(to, value);
}

static void put(bytes *to, uint32_t field, const void *data, size_t size) {
    put_varint(to, (uint64_t)field << 3 | 2);
    put_varint(to, size);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void put_text(bytes *to, uint32_t field, const char *value) {
    put(to, field, value, strlen(value));
}

/* A message with one message in it. */
static bytes within(uint32_t field, bytes inner) {
    bytes outer = {.size = 0};
    put(&outer, field, inner.data, inner.size);
    return outer;
}

static bytes external_tensor(const char *location) {
    bytes tensor = {.size = 0}, entry = {.size = 0};
    put_text(&entry, 1, "location");
    put_text(&entry, 2, location);
    put_text(&tensor, 8, "w");
    put(&tensor, 13, entry.data, entry.size);
    put_number(&tensor, 14, 1);
    return tensor;
}

static wasinn_status refuse(const bytes *model) {
    wasinn_message message = {text, sizeof text};
    /* Of its own, so that a sanitizer sees where it ends. */
    uint8_t *copy = malloc(model->size ? model->size : 1);
    const wasinn_blob blob = {copy, model->size};
    memcpy(copy, model->data, model->size);
    text[0] = '\0';
    wasinn_status status = wasinn__onnx_refuse_files(&blob, &message);
    free(copy);
    return status;
}

static void refuses(bytes model, const char *part) {
    CHECK_EQ(refuse(&model), WASINN_SECURITY);
    CHECK_TEXT(text, part);
}

/* Model 7 graph: 1 node, 5 initializer, 15 sparse; node 5 attribute; attribute 5 t, 6 g, 10 tensors, 11
 * graphs, 22 and 23 sparse; model 20 training: 1, 2 graph; model 25 function: 7 node, 11 attribute. */
static void test_everywhere(void) {
    static const uint32_t ways[][9] = {
        {7, 5},           {7, 15, 1},
        {7, 15, 2},       {7, 1, 5, 5},
        {7, 1, 5, 10},    {7, 1, 5, 22, 1},
        {7, 1, 5, 23, 2}, {7, 1, 5, 6, 5},
        {7, 1, 5, 11, 5}, {7, 1, 5, 6, 1, 5, 6, 5},
        {20, 1, 5},       {20, 2, 1, 5, 5},
        {25, 7, 5, 5},    {25, 7, 5, 6, 15, 1},
        {25, 11, 5},      {25, 11, 6, 5},
        {20, 1, 15, 2},   {7, 1, 5, 11, 15, 2},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char name[32];
        size_t depth = 0;
        snprintf(name, sizeof name, "weights%zu.bin", i);
        bytes model = external_tensor(name);
        check_case = name;
        while (depth < 9 && ways[i][depth])
            depth++;
        while (depth-- > 0)
            model = within(ways[i][depth], model);
        refuses(model, name);
        /* Cut off anywhere, it is no model or names the file still. */
        for (size_t size = 1; size < model.size; size++) {
            bytes part = model;
            part.size = size;
            wasinn_status status = refuse(&part);
            CHECK(status == WASINN_RUNTIME_ERROR || status == WASINN_SECURITY);
        }
    }
}

static void test_parts(void) {
    bytes tensor = {.size = 0}, half = {.size = 0}, model;
    check_case = "parts";
    /* Each sign alone: the other may come in a second part of the same message. */
    put_number(&tensor, 14, 1);
    refuses(within(7, within(5, tensor)), "''");
    half = external_tensor("half.bin");
    half.size -= 2;
    refuses(within(7, within(5, half)), "half.bin");
    /* The last of two is not the only one that counts. */
    tensor.size = 0;
    put_number(&tensor, 14, 1);
    put_number(&tensor, 14, 0);
    refuses(within(7, within(5, tensor)), "may name none");
    /* Inside data all the same. */
    tensor.size = 0;
    put_number(&tensor, 14, 0);
    put_text(&tensor, 9, "\x82\x01\x04location");
    model = within(7, within(5, tensor));
    CHECK_EQ(refuse(&model), WASINN_OK);
    /* A field of another number or kind is no tensor. */
    model = within(7, within(6, external_tensor("x")));
    CHECK_EQ(refuse(&model), WASINN_OK);
    model.size = 0;
    put_number(&model, 7, 1);
    CHECK_EQ(refuse(&model), WASINN_OK);
    CHECK_EQ(refuse(&(bytes){.size = 0}), WASINN_OK);
}

static void test_hostile(void) {
    static const struct {
        const char *name, *data;
        size_t size;
    } cases[] = {
        {"a size beyond the end", "\x3a\x7f", 2},
        {"a huge size", "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10},
        {"a number without end", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
        {"a group", "\x0b\x0c", 2},
        {"wire type 7", "\x0f", 1},
        {"field 0", "\x02\x00", 2},
        {"a key of 64 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 10},
        {"a cut number of 8 bytes", "\x09\x01\x02", 3},
        {"a broken graph", "\x3a\x02\x0a\x05", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes model = {.size = cases[i].size};
        memcpy(model.data, cases[i].data, cases[i].size);
        check_case = cases[i].name;
        CHECK_EQ(refuse(&model), WASINN_RUNTIME_ERROR);
        CHECK_TEXT(text, "no ONNX model");
    }
    check_case = "depth";
    bytes model = external_tensor("deep.bin");
    model = within(5, model);
    for (int i = 0; i < 201; i++)
        model = within((const uint32_t[]){6, 5, 1}[i % 3], model);
    model = within(7, model);
    CHECK_EQ(refuse(&model), WASINN_RUNTIME_ERROR);
    CHECK_TEXT(text, "deep");
}

/* ---- Functions ------------------------------------------------------------------------------------- */

static bytes call(const char *name, const char *domain) {
    bytes node = {.size = 0};
    put_text(&node, 4, name);
    put_text(&node, 7, domain);
    return node;
}

/* A function of the domain "local" that calls another a number of times. */
static void put_function(bytes *model, const char *name, const char *called, const char *domain, int times) {
    bytes function = {.size = 0}, node = call(called, domain);
    put_text(&function, 1, name);
    put_text(&function, 10, "local");
    for (int i = 0; i < times; i++)
        put(&function, 7, node.data, node.size);
    put(model, 25, function.data, function.size);
}

static wasinn_status count(const bytes *model, uint64_t most) {
    wasinn_message message = {text, sizeof text};
    const wasinn_blob blob = {model->data, model->size};
    text[0] = '\0';
    return wasinn__onnx_check_functions(&blob, most, &message);
}

static void test_functions(void) {
    bytes model = {.size = 0}, graph = within(1, call("f3", "local"));
    check_case = "functions";
    put(&model, 7, graph.data, graph.size);
    CHECK_EQ(count(&model, 1), WASINN_OK);
    /* f3 is 4 calls of f2, which is 3 of f1, which is 2 nodes: 4 + 4 * (3 + 3 * 2) = 40. */
    put_function(&model, "f3", "f2", "local", 4);
    put_function(&model, "f1", "Neg", "", 2);
    put_function(&model, "f2", "f1", "local", 3);
    CHECK_EQ(count(&model, 40), WASINN_OK);
    CHECK_EQ(count(&model, 39), WASINN_RUNTIME_ERROR);
    CHECK_TEXT(text, "stand for more than 39 nodes");
    /* A function with the name of an operation of another domain is not that. */
    put_function(&model, "Neg", "Neg", "", 1);
    CHECK_EQ(count(&model, 40), WASINN_OK);
    put_function(&model, "Abs", "Abs", "local", 1);
    CHECK_EQ(count(&model, 1000000), WASINN_RUNTIME_ERROR);
    CHECK_TEXT(text, "call each other more than 100 deep");
    put_function(&model, "f1", "Neg", "", 1);
    CHECK_EQ(count(&model, 1000000), WASINN_RUNTIME_ERROR);
    CHECK_TEXT(text, "two functions of one name");
}

static void test_function_bomb(void) {
    bytes model = {.size = 0}, graph = within(1, call("f60", "local"));
    check_case = "bomb";
    put(&model, 7, graph.data, graph.size);
    put_function(&model, "f0", "Neg", "", 1);
    for (int i = 1; i <= 60; i++) {
        char name[8], called[8];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(called, sizeof called, "f%d", i - 1);
        put_function(&model, name, called, "local", 2);
    }
    CHECK_EQ(count(&model, UINT64_C(1) << 40), WASINN_RUNTIME_ERROR);
    CHECK_TEXT(text, "stand for more than");
    for (size_t size = 0; size < model.size; size++) {
        bytes part = model;
        part.size = size;
        count(&part, 1000);
    }
}

int main(void) {
    test_everywhere();
    test_parts();
    test_hostile();
    test_functions();
    test_function_bomb();
    return check_result();
}
