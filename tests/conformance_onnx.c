/* What only ONNX has, and what two runtimes make of the same model. */
#include <math.h>
#include <stdlib.h>

#include "conformance.h"

/* From bytes: a guest may not reach for files of the host. Then registers the file of the model and loads
 * that. */
static uint32_t load_external(world *w, const char *model, const char *file) {
    uint32_t graph;
    char path[PATH];
    CHECK_EQ(world_load(w, model, &graph), 1);
    CHECK_TEXT(w->log, "load: security: ");
    CHECK_TEXT(w->log, file);
    CHECK_EQ(wasinn_host_add_model(w->host, model, model_path(w->flavour, model, path), WASINN_ENCODING_ONNX,
                                   WASINN_TARGET_CPU),
             WASINN_OK);
    return by_name(w, model, (uint32_t)strlen(model));
}

static void check_external(world *w, uint32_t context) {
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){4}, (float[]){10, 20, 30, 40}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    for (uint32_t k = 0; k < 4; k++)
        CHECK(output_f32(w, k) == (float)(11 * (k + 1)));
}

/* Numbers of a model that are in a file beside it. */
static void test_external(world *w) {
    if (w->flavour->encoding == WASINN_ENCODING_ONNX &&
        CHECK_EQ(load_external(w, "external", "external.data"), 0))
        check_external(w, open_graph(w, get_u32(w, OUT)));
}

/* Named by a node within a branch. ONNX Runtime's backend, which reads such files itself so that they may
 * change later, can hand over only weights of the main graph. */
static void test_external_inside(world *w) {
    if (w->flavour->encoding != WASINN_ENCODING_ONNX)
        return;
    bool whole = strcmp(w->flavour->backend, "onnxruntime") != 0;
    CHECK_EQ(load_external(w, "external_inside", "external.data"), whole ? 0 : 6);
    if (whole)
        check_external(w, open_graph(w, get_u32(w, OUT)));
    else
        CHECK_TEXT(w->log, "put it into the model");
}

/* Outside of the model's folder: refused by path too, by OpenVINO itself and by ONNX Runtime's backend. */
static void test_external_outside(world *w) {
    if (w->flavour->encoding != WASINN_ENCODING_ONNX)
        return;
    uint32_t error = load_external(w, "external_outside", "no_inputs.bin");
    CHECK_EQ(error, strcmp(w->flavour->backend, "openvino") == 0 ? 5 : 1);
    CHECK_TEXT(w->log, "no_inputs.bin");
}

/* Registered bytes have no folder that files could be beside. */
static void test_external_bytes(world *w) {
    if (w->flavour->encoding != WASINN_ENCODING_ONNX)
        return;
    model_bytes external = model_read(w->flavour, "external");
    const wasinn_blob blob = {external.data[0], external.size[0]};
    CHECK_EQ(wasinn_host_add_model_blobs(w->host, "bytes", &blob, 1, WASINN_ENCODING_ONNX, WASINN_TARGET_CPU),
             WASINN_OK);
    CHECK_EQ(by_name(w, "bytes", 5), 1);
    CHECK_TEXT(w->log, "security: ");
    model_free(&external);
}

/* Sizes that no memory has. */
static void test_absurd(world *w) {
    uint32_t graph, context = 0;
    if (w->flavour->encoding != WASINN_ENCODING_ONNX)
        return;
    CHECK_EQ(world_load(w, "huge_weights", &graph), 5);
    still_works(w);
    uint32_t error = world_open(w, "huge_input", &context);
    CHECK(error == 5 || error == 7);
    still_works(w);
}

static void test_unknown_operator(world *w) {
    uint32_t graph;
    if (w->flavour->encoding != WASINN_ENCODING_ONNX)
        return;
    CHECK_EQ(world_load(w, "unknown_operator", &graph), 5);
    CHECK_TEXT(w->log, "Frobnicate");
}

/* ---- Two runtimes ------------------------------------------------------------------------------- */

static void register_with(const world *w, const char *backend, const char *model) {
    static const wasinn_option options[] = {{"precision", "f32"}};
    wasinn_model_config config;
    char path[PATH], name[64];
    wasinn_model_config_default(&config, sizeof config);
    config.path = model_path(w->flavour, model, path);
    config.backend = backend;
    config.options = options;
    config.option_count = 1;
    snprintf(name, sizeof name, "%s %s", backend, model);
    if (!CHECK_EQ(wasinn_host_register(w->host, name, &config), WASINN_OK))
        fprintf(stderr, "    %s\n", wasinn_host_last_error());
}

static uint32_t open_with(world *w, const char *backend, const char *model) {
    char name[64];
    snprintf(name, sizeof name, "%s %s", backend, model);
    return CHECK_EQ(by_name(w, name, (uint32_t)strlen(name)), 0) ? open_graph(w, get_u32(w, OUT)) : 0;
}

/* The first output, at most `capacity` numbers; returns how many. */
static uint32_t compute_f32(world *w, uint32_t context, float *values, uint32_t capacity) {
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 4 * capacity), 0);
    uint32_t count = get_u32(w, OUT) / 4;
    for (uint32_t i = 0; i < count && i < capacity; i++)
        values[i] = output_f32(w, i);
    return count;
}

static void check_same(const float *one, uint32_t one_count, const float *other, uint32_t other_count) {
    CHECK_EQ(one_count, other_count);
    for (uint32_t i = 0; i < one_count && i < other_count; i++)
        CHECK(fabsf(one[i] - other[i]) <= 1e-4f);
}

static void test_same_answers(world *w) {
    static const char *const models[] = {"shapes", "add", "dynamic", "two_outputs"};
    static const char *const backends[] = {"openvino", "onnxruntime"};
    uint32_t contexts[4][2], counts[2];
    float values[2][64];
    if (w->flavour->encoding != WASINN_ENCODING_ONNX)
        return;
    for (int k = 0; k < 2; k++) {
        const flavour *one = flavour_find(k ? "onnxruntime-onnx" : "openvino-onnx");
        const char *problem = flavour_problem(one);
        if (problem[0]) {
            skipped(w, "answers of two runtimes", problem);
            return;
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 2; k++) {
            register_with(w, backends[k], models[i]);
            contexts[i][k] = open_with(w, backends[k], models[i]);
        }
    }
    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        for (int k = 0; k < 2; k++) {
            CHECK_EQ(set_picture(w, contexts[0][k], shape), 0);
            counts[k] = compute_f32(w, contexts[0][k], values[k], 64);
        }
        CHECK_EQ(counts[0], 5);
        check_same(values[0], counts[0], values[1], counts[1]);
    }
    static const float numbers[] = {0.1f, -1e-3f, 3.7e5f, 1.0f / 3};
    for (int i = 1; i < 4; i++) {
        for (int k = 0; k < 2; k++) {
            uint32_t context = contexts[i][k];
            if (i == 1)
                CHECK_EQ(set_f32(w, context, 1, 2, two_by_two, numbers, 4), 0);
            if (i == 2)
                CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){1, 3}, numbers, 3), 0);
            else
                CHECK_EQ(
                    set_f32(w, context, 0, i == 1 ? 2 : 1, i == 1 ? two_by_two : (uint32_t[]){4}, numbers, 4),
                    0);
            counts[k] = compute_f32(w, context, values[k], 64);
        }
        check_same(values[0], counts[0], values[1], counts[1]);
    }
}

const conformance_case onnx_cases[] = {
    {"external", test_external},
    {"external inside", test_external_inside},
    {"external outside", test_external_outside},
    {"external bytes", test_external_bytes},
    {"absurd", test_absurd},
    {"unknown operator", test_unknown_operator},
    {"same answers", test_same_answers},
    {NULL, NULL},
};
