/* Limits and time. */
#include "conformance.h"

#include "core/guest.h"

static void test_limits(world *w) {
    wasinn_limits limits;
    uint32_t graph, context;
    wasinn_limits_default(&limits, sizeof limits);
    limits.graphs = 2;
    limits.executions = 3;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(world_load(w, "add", &graph), 0);
    CHECK_EQ(world_load(w, "add", &graph), 4);
    CHECK_TEXT(w->log, "load: busy: graphs loaded: 2, the limit");
    for (int i = 0; i < 3; i++)
        CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 4);
    /* What is closed makes room. */
    context = get_u32(w, OUT);
    CHECK_EQ(wasinn_close(w->guest, context), WASINN_OK);
    CHECK_EQ(CALL(w, "init_execution_context", graph, OUT), 0);

    world_renew_guest(w);
    model_bytes add = model_read(w->flavour, "add");
    wasinn_limits_default(&limits, sizeof limits);
    limits.model_bytes = model_size(&add) - 1;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_load(w, "add", &graph), 7);
    CHECK_TEXT(w->log, "load: too_large: the model has");
    wasinn_limits_default(&limits, sizeof limits);
    limits.total_bytes = 3 * model_size(&add);
    wasinn_guest_set_limits(w->guest, &limits);
    uint32_t error = 0;
    for (int i = 0; i < 4 && error == 0; i++)
        error = world_load(w, "add", &graph);
    CHECK_EQ(error, 7);
    model_free(&add);

    world_renew_guest(w);
    wasinn_limits_default(&limits, sizeof limits);
    limits.tensor_bytes = 15;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_open(w, "add", &context), 7);
    CHECK_LOG(w, "input 0 '%s' is f32 [2,2], 16 bytes; the limit is 15", "a");
    CHECK_EQ(world_open(w, "dynamic", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){2, 3}, (float[6]){0}, 6), 7);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){1, 3}, (float[3]){0}, 3), 0);
    wasinn_limits_default(&limits, sizeof limits);
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_open(w, "wide", &context), 7);
    CHECK_TEXT(w->log, ", 536870912 bytes; the limit is 268435456");
    CHECK_EQ(world_open(w, "large", &context), 0);
    /* An execution that was refused has given everything back. */
    world_renew_guest(w);
    limits.total_bytes = (uint64_t)1 << 28;
    wasinn_guest_set_limits(w->guest, &limits);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(world_open(w, "wide", &context), 7);
    still_works(w);
}

/* What a model leaves open is paid for when it is known. */
static void test_dynamic_limits(world *w) {
    wasinn_limits limits;
    uint32_t context;
    static const float zeros[3000];
    CHECK_EQ(world_open(w, "dynamic", &context), 0);
    uint64_t before = w->guest->held_bytes;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){4, 3}, zeros, 12), 0);
    CHECK_EQ(w->guest->held_bytes, before + 48);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(w->guest->held_bytes, before + 96);
    wasinn_limits_default(&limits, sizeof limits);
    limits.total_bytes = before + 100;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){5, 3}, zeros, 15), 7);
    CHECK_TEXT(w->log, "asks for 12 more; the limit is");

    /* An output beyond the limit: the context is as new, and goes on. */
    limits.total_bytes = before + 160;
    limits.tensor_bytes = WASINN_UNLIMITED;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){8, 3}, zeros, 24), 0);
    CHECK_EQ(CALL(w, "compute", context), 7);
    CHECK_LOG(w, "compute: too_large: output 0 '%s'", "y");
    CHECK_EQ(w->guest->held_bytes, before);
    CHECK_EQ(get(w, context, 0, 4), 5);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){2, 3}, zeros, 6), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 24), 0);
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
}

/* No other backend can make these models. */
static void test_fake_limits(world *w) {
    wasinn_limits limits;
    uint32_t graph, context;
    if (w->flavour->folder)
        return;
    CHECK_EQ(world_load(w, "high_rank", &graph), 6);
    CHECK_TEXT(w->log, "has rank 17; at most 16 fit");
    CHECK_EQ(world_open(w, "packed", &context), 7);
    CHECK_TEXT(w->log, "is other [1000000000], 500000000 bytes");
    wasinn_limits_default(&limits, sizeof limits);
    uint64_t before = w->guest->held_bytes;
    limits.total_bytes = before + 999999;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(world_load(w, "held", &graph), 7);
    limits.total_bytes = before + 1100000;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(world_load(w, "held", &graph), 0);
    CHECK_EQ(world_load(w, "held", &graph), 7);
    CHECK(w->guest->held_bytes > before + 1000000 && w->guest->held_bytes < before + 1000100);
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    /* A byte that is neither 0 nor 1 is no bool for a runtime. */
    CHECK_EQ(world_open(w, "bool_same", &context), 0);
    put_bytes(w, DATA, (uint8_t[]){0, 1, 7, 255}, 4);
    put_tensor(w, TENSOR, 3, 1, (uint32_t[]){4}, DATA, 4);
    CHECK_EQ(CALL(w, "set_input", context, 0, TENSOR), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 4), 0);
    CHECK(memcmp(w->memory.base + OUTPUT, (uint8_t[]){0, 1, 1, 1}, 4) == 0);
}

/* Every part counts, and a guest that may bring none brings none. */
static void test_model_limits(world *w) {
    wasinn_limits limits;
    uint32_t graph;
    model_bytes add = model_read(w->flavour, "add");
    wasinn_limits_default(&limits, sizeof limits);
    limits.model_bytes = add.size[0] + 1000;
    model_free(&add);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    put_u32(w, BUILDERS, MODEL), put_u32(w, BUILDERS + 4, (uint32_t)add.size[0]);
    put_u32(w, BUILDERS + 8, MODEL), put_u32(w, BUILDERS + 12, 1001);
    CHECK_EQ(CALL(w, "load", BUILDERS, 2, w->flavour->number, 0, OUT), 7);
    limits.model_bytes = 0;
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
    CHECK_EQ(world_load(w, "add", &graph), 1);
    CHECK_TEXT(w->log, "load: security: this host takes no models from guests");
    char path[PATH];
    CHECK_EQ(wasinn_host_add_model(w->host, "named", model_path(w->flavour, "add", path),
                                   w->flavour->encoding, WASINN_TARGET_CPU),
             WASINN_OK);
    check_named_adds(w, "named");
    wasinn_limits_default(&limits, sizeof limits);
    CHECK_EQ(wasinn_guest_set_limits(w->guest, &limits), WASINN_OK);
}

static void test_time(world *w) {
    wasinn_limits limits;
    uint32_t context;
    float one = 1;
    CHECK_EQ(world_open(w, "slow", &context), 0);
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){1}, &one, 1), 0);
    wasinn_limits_default(&limits, sizeof limits);
    limits.compute_ms = 50;
    wasinn_guest_set_limits(w->guest, &limits);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(CALL(w, "compute", context), 5);
        CHECK_TEXT(w->log, "compute: timeout: not finished within 50 ms");
    }
    CHECK_EQ(get(w, context, 0, 4), 5);
    wasinn_guest_interrupt(w->guest);
    CHECK_EQ(CALL(w, "compute", context), 5);
    CHECK_TEXT(w->log, "interrupted");
    uint32_t graph;
    CHECK_EQ(world_load(w, "add", &graph), 5);
    CHECK_TEXT(w->log, "load: timeout");
    wasinn_guest_resume(w->guest);
    wasinn_limits_default(&limits, sizeof limits);
    limits.load_ms = 0;
    wasinn_guest_set_limits(w->guest, &limits);
    CHECK_EQ(world_load(w, "add", &graph), 5);
    CHECK_TEXT(w->log, "load: timeout");
    wasinn_limits_default(&limits, sizeof limits);
    wasinn_guest_set_limits(w->guest, &limits);
    still_works(w);
}

const conformance_case limit_cases[] = {
    {"limits", test_limits},
    {"dynamic limits", test_dynamic_limits},
    {"fake limits", test_fake_limits},
    {"model limits", test_model_limits},
    {"time", test_time},
    {NULL, NULL},
};
