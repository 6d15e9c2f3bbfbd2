/* A model with a state on OpenVINO: no execution sees what another one was given, be they of one guest or of
 * several, of one model by name or of one from bytes. Exits with 77 when the runtime cannot be had. */
#include <stdlib.h>

#include "check.h"
#include "world.h"

enum { RUNS = 6 };

/* Gives x, and returns the state of the run before. */
static float step(wasinn_guest *guest, wasinn_handle execution, float value, bool in_place) {
    float x[4] = {value, value, value, value}, y[4] = {-1, -1, -1, -1};
    wasinn_tensor input = {.type = WASINN_TYPE_F32, .rank = 1, .dims = {4}, .data = x, .size = sizeof x},
                  view;
    wasinn_result output = {y, sizeof y, 0};
    if (in_place) {
        CHECK_EQ(wasinn_infer(guest, execution, &input, 1, &output, 1), WASINN_OK);
        return y[0];
    }
    CHECK_EQ(wasinn_set_input(guest, execution, 0, &input), WASINN_OK);
    CHECK_EQ(wasinn_compute(guest, execution), WASINN_OK);
    CHECK_EQ(wasinn_output(guest, execution, 0, &view), WASINN_OK);
    return view.size == sizeof y ? *(const float *)view.data : -1;
}

static wasinn_handle open_on(wasinn_guest *guest, wasinn_handle graph) {
    wasinn_handle execution = 0;
    if (!CHECK_EQ(wasinn_init_execution_context(guest, graph, &execution), WASINN_OK))
        fprintf(stderr, "%s\n", wasinn_guest_last_error(guest));
    return execution;
}

/* Each in turn, with values of its own: 1, 2, 3 ... and 101, 102, 103 ... */
static void take_turns(wasinn_guest *one, wasinn_handle first, wasinn_guest *two, wasinn_handle second,
                       bool in_place) {
    for (int i = 1; i <= RUNS; i++) {
        float seen = step(one, first, (float)i, in_place),
              other = step(two, second, (float)(100 + i), in_place);
        CHECK(seen >= 0 && seen <= RUNS);
        CHECK(other == 0 || (other > 100 && other <= 100 + RUNS));
        CHECK(i == 1 || (seen > 0 && other > 0));
    }
}

static void test_sources(const flavour *flavour, bool by_name, bool in_place) {
    world w;
    wasinn_guest *other;
    wasinn_handle first, second;
    char path[PATH];
    model_bytes model = model_read(flavour, "state");
    const wasinn_blob blobs[] = {{model.data[0], model.size[0]}, {model.data[1], model.size[1]}};
    check_case = by_name ? "by name" : "from bytes";
    world_new(&w, flavour);
    CHECK_EQ(wasinn_guest_new(w.host, &other), WASINN_OK);
    if (by_name) {
        CHECK_EQ(wasinn_host_add_model(w.host, "state", model_path(flavour, "state", path),
                                       WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU),
                 WASINN_OK);
        CHECK_EQ(wasinn_load_by_name(w.guest, "state", 5, &first), WASINN_OK);
        CHECK_EQ(wasinn_load_by_name(other, "state", 5, &second), WASINN_OK);
    } else {
        CHECK_EQ(wasinn_load(w.guest, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &first),
                 WASINN_OK);
        CHECK_EQ(wasinn_load(other, blobs, 2, WASINN_ENCODING_OPENVINO, WASINN_TARGET_CPU, &second),
                 WASINN_OK);
    }
    take_turns(w.guest, open_on(w.guest, first), other, open_on(other, second), in_place);
    take_turns(w.guest, open_on(w.guest, first), w.guest, open_on(w.guest, first), in_place);
    /* What each execution has compiled is paid for. */
    uint64_t held = w.guest->held_bytes;
    wasinn_handle more = open_on(w.guest, first);
    CHECK(w.guest->held_bytes >= held + 2 * 16 + model.size[1]);
    CHECK_EQ(wasinn_close(w.guest, more), WASINN_OK);
    CHECK_EQ(w.guest->held_bytes, held);
    wasinn_limits limits;
    wasinn_limits_default(&limits, sizeof limits);
    limits.total_bytes = held + 2 * 16 + model.size[1] - 1;
    CHECK_EQ(wasinn_guest_set_limits(w.guest, &limits), WASINN_OK);
    CHECK_EQ(wasinn_init_execution_context(w.guest, first, &more), WASINN_TOO_LARGE);
    CHECK_EQ(w.guest->held_bytes, held);
    wasinn_guest_free(other);
    world_free(&w);
    model_free(&model);
}

int main(void) {
    const flavour *flavour = flavour_find("openvino-ir");
    const char *problem = flavour_problem(flavour);
    if (problem[0]) {
        fprintf(stderr, "skipped: %s\n", problem);
        return 77;
    }
    for (int i = 0; i < 4; i++)
        test_sources(flavour, i & 1, i & 2);
    return check_result();
}
