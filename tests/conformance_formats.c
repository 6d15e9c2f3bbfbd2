/* What bytes are taken for a model, and of which format. */
#include <stdlib.h>

#include "conformance.h"

static const uint32_t swapped[] = {1, 0}, repeated[] = {0, 0, 0, 0}, more[] = {0, 1, 1, 1};

/* Whether this host has a backend for an encoding, and its runtime. */
static bool served(const world *w, wasinn_encoding encoding) {
    wasinn_backend_info info;
    for (size_t i = 0; wasinn_host_backend_info(w->host, i, &info, sizeof info) == WASINN_OK; i++)
        for (size_t k = 0; k < info.encoding_count; k++)
            if (info.encodings[k] == encoding && !info.problem[0])
                return true;
    return false;
}

static void test_load(world *w) {
    uint32_t parts = w->flavour->parts, number = w->flavour->number;
    model_bytes add = model_read(w->flavour, "add");
    CHECK_EQ(world_load_parts(w, &add, straight, parts, number, 0), 0);
    CHECK_EQ(world_load_parts(w, &add, straight, parts, number, 3), 0);

    CHECK_EQ(world_load_parts(w, &add, straight, 0, number, 0), 1);
    CHECK_EQ(world_load_parts(w, &add, straight, 3 - parts, number, 0), 1);
    CHECK_EQ(world_load_parts(w, &add, more, 3, number, 0), 1);
    CHECK_EQ(CALL(w, "load", BUILDERS, 0xFFFFFFFF, number, 0, OUT), 1);
    CHECK_EQ(world_load_parts(w, &add, straight, parts, number, 4), 1);
    CHECK_EQ(world_load_parts(w, &add, straight, parts, number, 0x80000000), 1);
    CHECK_TEXT(w->log, "load: invalid_argument: target 2147483648 is unknown");
    CHECK_EQ(world_load_parts(w, &add, straight, parts, number, 1), 6);
    CHECK(strcasestr(w->log, "gpu") != NULL);
    CHECK_EQ(world_load_parts(w, &add, straight, parts, number, 2), 6);
    CHECK(strcasestr(w->log, "npu") != NULL);

    CHECK_EQ(world_load_parts(w, &add, straight, parts, 3, 0), 2);
    CHECK_TEXT(w->log, "'pytorch' has no backend");
    CHECK_EQ(world_load_parts(w, &add, straight, parts, 7, 0), 2);
    CHECK_EQ(world_load_parts(w, &add, straight, parts, 0xFFFFFFFF, 0), 2);
    if (parts == 2) {
        CHECK_EQ(world_load_parts(w, &add, swapped, 2, 5, 0), 2);
        CHECK_TEXT(w->log, "no backend here knows what model that is");
        CHECK_EQ(world_load_parts(w, &add, swapped, 2, number, 0), 5);
    }
    put_bytes(w, MODEL, "preload:/etc/passwd", 19);
    for (uint32_t i = 0; i < parts; i++)
        put_u32(w, BUILDERS + 8 * i, MODEL), put_u32(w, BUILDERS + 8 * i + 4, 19);
    CHECK_EQ(CALL(w, "load", BUILDERS, parts, number, 0, OUT), 5);
    model_free(&add);
}

/* ---- Cut short ---------------------------------------------------------------------------------- */

/* A model that was cut short and loaded all the same: with all its ports it is a whole one, and adds. A
 * frozen graph may also end between any two of its nodes, and then has fewer; a text of the fake backend
 * anywhere. */
static void check_cut_adds(world *w, uint32_t graph) {
    uint32_t inputs = 0, outputs = 0;
    CHECK_EQ(wasinn_graph_port_count(w->guest, graph, WASINN_INPUT, &inputs), WASINN_OK);
    CHECK_EQ(wasinn_graph_port_count(w->guest, graph, WASINN_OUTPUT, &outputs), WASINN_OK);
    if (inputs == 2 && outputs == 1 && w->flavour->folder)
        check_adds(w, open_graph(w, graph));
    else
        CHECK(!w->flavour->folder || w->flavour->encoding == WASINN_ENCODING_TENSORFLOW);
    CHECK_EQ(wasinn_close(w->guest, graph), WASINN_OK);
}

static void test_cut(world *w) {
    model_bytes add = model_read(w->flavour, "add"), cut = add;
    for (size_t tenth = 0; tenth < 10; tenth++) {
        cut.size[0] = add.size[0] * tenth / 10;
        uint32_t error = world_load_parts(w, &cut, straight, cut.parts, w->flavour->number, 0);
        CHECK(error == 5 || error == 0);
        if (error == 0)
            check_cut_adds(w, get_u32(w, OUT));
    }
    model_free(&add);
}

/* The part with the weights. */
static void test_cut_weights(world *w) {
    if (!has(w, "shapes"))
        return;
    model_bytes shapes = model_read(w->flavour, "shapes"), cut = shapes;
    uint32_t last = w->flavour->parts - 1;
    for (size_t tenth = 0; tenth < 10; tenth++) {
        cut.size[last] = shapes.size[last] * tenth / 10;
        CHECK_EQ(world_load_parts(w, &cut, straight, cut.parts, w->flavour->number, 0), 5);
    }
    still_works(w);
    CHECK_EQ(world_load_parts(w, &shapes, straight, shapes.parts, w->flavour->number, 0), 0);
    check_sees_shapes(w, open_graph(w, get_u32(w, OUT)));
    model_free(&shapes);
}

/* One byte after the other, of a long model some 50 of them, is another one: an errno, or a model of some
 * kind, and the host goes on. */
static void test_flipped(world *w) {
    static const int masks[] = {1, 255};
    model_bytes add = model_read(w->flavour, "add");
    size_t stride = 1 + add.size[0] / 50;
    for (size_t i = 0; i / 2 * stride < add.size[0]; i++) {
        char *byte = add.data[0] + i / 2 * stride, was = *byte;
        *byte = (char)(was ^ masks[i % 2]);
        uint32_t error = world_load_parts(w, &add, straight, add.parts, w->flavour->number, 0);
        CHECK(error == 0 || error == 1 || (error >= 5 && error <= 7));
        if (error == 0)
            CHECK_EQ(wasinn_close(w->guest, get_u32(w, OUT)), WASINN_OK);
        *byte = was;
    }
    model_free(&add);
}

/* ---- Which format ------------------------------------------------------------------------------- */

static const char *const formats[] = {"openvino-ir", "openvino-onnx", "openvino-tensorflow",
                                      "openvino-tensorflowlite"};
enum { FORMATS = sizeof formats / sizeof *formats };

static model_bytes read_gguf(void) {
    model_bytes gguf = {.parts = 1};
    gguf.data[0] = file_read(WASINN_FIXTURES "/models/tiny-q8_0.gguf", &gguf.size[0]);
    return gguf;
}

/* A model offered as one of another format: an errno, and the host goes on. */
static void offer(world *w, const model_bytes *model, const flavour *as) {
    uint32_t unserved = served(w, as->encoding) ? 0 : 2;
    if (model->parts != as->parts)
        CHECK_EQ(world_load_parts(w, model, straight, model->parts, as->number, 0), unserved ? 2 : 1);
    CHECK_EQ(world_load_parts(w, model, repeated, as->parts, as->number, 0), unserved ? 2 : 5);
    still_works(w);
}

static void test_other_formats(world *w) {
    if (!w->flavour->folder) {
        skipped(w, "models of other formats", "they are for real runtimes");
        return;
    }
    model_bytes gguf = read_gguf();
    for (int of = 0; of < FORMATS; of++) {
        model_bytes add = model_read(flavour_find(formats[of]), "add");
        for (int as = 0; as < FORMATS; as++)
            if (of != as)
                offer(w, &add, flavour_find(formats[as]));
        model_free(&add);
        offer(w, &gguf, flavour_find(formats[of]));
    }
    model_free(&gguf);
}

/* 5 is autodetect in the witx, 6 in the WIT. */
static void test_autodetect(world *w) {
    model_bytes own = model_read(w->flavour, "add"), gguf = read_gguf(), none = {.parts = 1};
    char text[] = "no model at all";
    model_bytes unknown = {.data = {text}, .size = {strlen(text)}, .parts = 1};
    for (uint32_t number = 5; number <= 6; number++) {
        if (CHECK_EQ(world_load_parts(w, &own, straight, own.parts, number, 0), 0))
            check_adds(w, open_graph(w, get_u32(w, OUT)));
        for (int of = 0; w->flavour->folder && of < FORMATS; of++) {
            const flavour *format = flavour_find(formats[of]);
            model_bytes add = model_read(format, "add");
            uint32_t wanted = served(w, format->encoding) ? 0 : 2;
            if (CHECK_EQ(world_load_parts(w, &add, straight, add.parts, number, 0), wanted) && wanted == 0)
                check_adds(w, open_graph(w, get_u32(w, OUT)));
            model_free(&add);
        }
        CHECK_EQ(world_load_parts(w, &gguf, straight, 1, number, 0), 2);
        CHECK_TEXT(w->log, "ggml");
        CHECK_EQ(world_load_parts(w, &unknown, straight, 1, number, 0), 2);
        CHECK_TEXT(w->log, "load: invalid_encoding: ");
        CHECK_TEXT(w->log, "beginning with the bytes 6e 6f 20 6d");
        CHECK_EQ(world_load_parts(w, &none, straight, 1, number, 0), 2);
        CHECK_TEXT(w->log, "without bytes");
        CHECK_EQ(world_load_parts(w, &none, straight, 0, number, 0), 1);
    }
    model_free(&own);
    model_free(&gguf);
}

const conformance_case format_cases[] = {
    {"load", test_load},
    {"cut", test_cut},
    {"cut weights", test_cut_weights},
    {"flipped", test_flipped},
    {"other formats", test_other_formats},
    {"autodetect", test_autodetect},
    {NULL, NULL},
};
