/* The guest that is measured. It uses what the specification has and nothing else, so that every host runs
 * it:
 *
 *     guest.wasm --model NAME | --bytes XML,BIN  --output BYTES  --input FILE:SHAPE...  [-- COMMAND...]
 *
 * Compiled with BENCH_INFER, each inference is the one call wasi_nn_infer, for hosts that have it. */
#ifdef BENCH_INFER
#define WASI_NN_WASINN
#endif
#include "session.h"
#include "wasi_nn.h"

typedef struct guest {
    wasi_nn_graph_execution_context context;
    wasi_nn_tensor inputs[BENCH_INPUTS];
} guest;

static void check(const char *call, wasi_nn_errno error) {
    char text[512];
    if (error != WASI_NN_SUCCESS)
        bench_fail("%s: %s", call, wasi_nn_last_error(error, text, sizeof text));
}

static bench_load_times bench_load(bench_session *session) {
    const char *name = bench_option(session, "--model");
    wasi_nn_graph_builder parts[BENCH_FILES];
    wasi_nn_graph graph;
    guest *made = bench_allocate(sizeof *made);
    for (uint32_t i = 0; i < session->file_count; i++)
        parts[i] = (wasi_nn_graph_builder){session->files[i].data, (uint32_t)session->files[i].size};
    uint64_t start = bench_now();
    if (name)
        check("load_by_name", wasi_nn_load_by_name(name, (uint32_t)strlen(name), &graph));
    else
        check("load", wasi_nn_load(parts, session->file_count, WASI_NN_ENCODING_OPENVINO, WASI_NN_TARGET_CPU,
                                   &graph));
    uint64_t loaded = bench_now();
    check("init_execution_context", wasi_nn_init_execution_context(graph, &made->context));
    bench_load_times times = {loaded - start, bench_now() - loaded};
    for (uint32_t i = 0; i < session->input_count; i++) {
        const bench_tensor *input = &session->inputs[i];
        made->inputs[i] = (wasi_nn_tensor){input->dims, input->rank, WASI_NN_TYPE_F32, input->bytes.data,
                                           (uint32_t)input->bytes.size};
    }
    session->state = made;
    return times;
}

static void set_inputs(const bench_session *session, const guest *used) {
    for (uint32_t i = 0; i < session->input_count; i++)
        check("set_input", wasi_nn_set_input(used->context, i, &used->inputs[i]));
}

static void get_output(const bench_session *session, const guest *used) {
    uint32_t size = 0;
    check("get_output",
          wasi_nn_get_output(used->context, 0, session->output.data, (uint32_t)session->output.size, &size));
    if (size != session->output.size)
        bench_fail("output 0 has %u bytes, wanted %zu", (unsigned)size, session->output.size);
}

static void bench_infer(bench_session *session) {
    const guest *used = session->state;
#ifdef BENCH_INFER
    wasi_nn_result output = {session->output.data, (uint32_t)session->output.size, 0};
    check("infer", wasi_nn_infer(used->context, used->inputs, session->input_count, &output, 1));
#else
    set_inputs(session, used);
    check("compute", wasi_nn_compute(used->context));
    get_output(session, used);
#endif
}

static void bench_phases(bench_session *session, uint64_t phases[3]) {
    const guest *used = session->state;
    uint64_t start = bench_now();
    set_inputs(session, used);
    uint64_t set = bench_now();
    check("compute", wasi_nn_compute(used->context));
    uint64_t computed = bench_now();
    get_output(session, used);
    phases[0] = set - start;
    phases[1] = computed - set;
    phases[2] = bench_now() - computed;
}

static size_t bench_memory(void) {
    size_t size = __builtin_wasm_memory_size(0) << 16;
    for (size_t at = 4096; at < size; at += 4096) {
        volatile char *byte = (volatile char *)at;
        *byte = *byte;
    }
    return size;
}

int main(int argc, char **argv) {
    bench_session session = {0};
    bench_open(&session, argc, argv);
    bench_serve(&session);
    return 0;
}
