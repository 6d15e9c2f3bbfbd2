/* The functions of wasi_ephemeral_nn, each condition with its errno, on one backend and format after the
 * other:
 *
 *     conformance_test              the backend `fake`
 *     conformance_test FLAVOUR...   those of world.c: openvino-ir, onnxruntime-onnx ...
 *
 * Exits with 77 when a runtime cannot be had.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "conformance.h"

int check_failures, check_count;
const char *check_case = "";

const uint32_t two_by_two[2] = {2, 2};
const uint32_t straight[2] = {0, 1};

void skipped(const world *w, const char *what, const char *why) {
    printf("%s: %s: skipped: %s: %s\n", w->flavour->name, check_case, what, why);
}

bool has(const world *w, const char *model) {
    const char *why = flavour_lacks(w->flavour, model);
    if (why)
        skipped(w, model, why);
    return !why;
}

uint32_t set_f32(world *w, uint32_t context, uint32_t index, uint32_t rank, const uint32_t *dims,
                 const float *values, uint32_t count) {
    put_bytes(w, DATA, values, count * 4);
    put_tensor(w, TENSOR, 1, rank, dims, DATA, count * 4);
    return CALL(w, "set_input", context, index, TENSOR);
}

float output_f32(const world *w, uint32_t index) {
    float value;
    memcpy(&value, w->memory.base + OUTPUT + 4 * index, sizeof value);
    return value;
}

uint32_t get(world *w, uint32_t context, uint32_t index, uint32_t capacity) {
    put_u32(w, OUT, 0xDEAD);
    return CALL(w, "get_output", context, index, OUTPUT, capacity, OUT);
}

uint32_t open_graph(world *w, uint32_t graph) {
    return CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0) ? get_u32(w, OUT) : 0;
}

uint32_t by_name(world *w, const char *name, uint32_t length) {
    put_bytes(w, NAME, name, length);
    put_u32(w, OUT, 0xDEAD);
    return CALL(w, "load_by_name", NAME, length, OUT);
}

void check_adds(world *w, uint32_t context) {
    CHECK_EQ(set_f32(w, context, 0, 2, two_by_two, (float[]){1, 2, 3, 4}, 4), 0);
    CHECK_EQ(set_f32(w, context, 1, 2, two_by_two, (float[]){10, 20, 30, 40}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    CHECK_EQ(get_u32(w, OUT), 16);
    CHECK(output_f32(w, 0) == 11 && output_f32(w, 1) == 22 && output_f32(w, 2) == 33 &&
          output_f32(w, 3) == 44);
}

void still_works(world *w) {
    uint32_t context;
    if (CHECK_EQ(world_open(w, "add", &context), 0))
        check_adds(w, context);
}

void check_named_adds(world *w, const char *name) {
    if (CHECK_EQ(by_name(w, name, (uint32_t)strlen(name)), 0))
        check_adds(w, open_graph(w, get_u32(w, OUT)));
    else
        fprintf(stderr, "    %s: %s\n", name, w->log);
}

uint32_t set_picture(world *w, uint32_t context, uint32_t shape) {
    static const char *const shapes[SHAPES] = {"circle", "square", "triangle", "cross", "ring"};
    static const uint32_t dims[] = {1, 64, 64, 3};
    char path[PATH];
    size_t size;
    snprintf(path, sizeof path, "%s/%s.f32", WASINN_FIXTURES, shapes[shape]);
    char *picture = file_read(path, &size);
    put_bytes(w, MODEL, picture, size);
    free(picture);
    put_tensor(w, TENSOR, 1, 4, dims, MODEL, (uint32_t)size);
    return CALL(w, "set_input", context, 0, TENSOR);
}

void check_sees_shapes(world *w, uint32_t context) {
    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        CHECK_EQ(set_picture(w, context, shape), 0);
        CHECK_EQ(CALL(w, "compute", context), 0);
        CHECK_EQ(get(w, context, 0, 20), 0);
        for (uint32_t other = 0; other < SHAPES; other++)
            CHECK(output_f32(w, shape) >= output_f32(w, other) && output_f32(w, other) >= 0);
        CHECK(output_f32(w, shape) > 0.3f);
    }
}

void check_log(const world *w, const char *file, int line, const char *format, ...) {
    char wanted[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    check_text(w->log, wanted, file, line);
}

static void run_all(const flavour *flavour) {
    static const conformance_case *const themes[] = {session_cases, shape_cases, name_cases,
                                                     path_cases,    limit_cases, format_cases,
                                                     option_cases,  onnx_cases,  infer_cases};
    for (size_t theme = 0; theme < sizeof themes / sizeof *themes; theme++) {
        for (const conformance_case *one = themes[theme]; one->name; one++) {
            world w;
            check_case = one->name;
            world_new(&w, flavour);
            one->run(&w);
            still_works(&w);
            world_free(&w);
        }
    }
}

int main(int argc, char **argv) {
    bool missing = false;
    if (argc < 2)
        run_all(flavours);
    for (int i = 1; i < argc; i++) {
        const flavour *flavour = flavour_find(argv[i]);
        if (!flavour) {
            fprintf(stderr, "conformance_test: there is no flavour '%s'\n", argv[i]);
            return 2;
        }
        const char *problem = flavour_problem(flavour);
        if (problem[0]) {
            printf("%s: skipped: %s\n", flavour->name, problem);
            missing = true;
        } else {
            run_all(flavour);
        }
    }
    if (missing && check_failures == 0)
        return 77;
    return check_result();
}
