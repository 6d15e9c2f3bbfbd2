/* What a program in C gets from ONNX Runtime's C API, with no guest and no host between.
 *
 *     native_onnxruntime --model FILE.onnx  --output BYTES  --input FILE:SHAPE...  [-- COMMAND...]
 *
 * An inference copies its inputs into tensors that stay, and its output from one that stays. */
#include "backends/onnxruntime/api.h"
#include "session.h"

const wasinn__ort_base *OrtGetApiBase(void);

typedef struct native {
    OrtSession *session;
    char *input_names[BENCH_INPUTS];
    char *output_name;
    OrtValue *inputs[BENCH_INPUTS];
    void *memory[BENCH_INPUTS]; /* of the inputs */
    OrtValue *output;
    void *result; /* memory of the output */
} native;

static wasinn__ort api;
static OrtEnv *environment;

static void check(const char *call, OrtStatus *status) {
    if (status)
        bench_fail("%s: %s", call, api.GetErrorMessage(status));
}

static void ignore(void *data, int severity, const char *category, const char *id, const char *location,
                   const char *text) {
    (void)data, (void)severity, (void)category, (void)id, (void)location, (void)text;
}

static void open_runtime(void) {
    const char *table = OrtGetApiBase()->GetApi(WASINN__ORT_API);
    if (!table)
        bench_fail("ONNX Runtime is older than " WASINN__ORT_RELEASE);
#define TAKE(place, result, name, parameters)                                                                \
    memcpy(&api.name, table + (place) * sizeof(void (*)(void)), sizeof api.name);
    WASINN__ORT_FUNCTIONS(TAKE)
#undef TAKE
    check("CreateEnvWithCustomLogger",
          api.CreateEnvWithCustomLogger(ignore, NULL, WASINN__ORT_LOG_FATAL, "native", &environment));
}

static OrtValue *tensor_around(void *memory, size_t size, const int64_t *dims, size_t rank) {
    OrtMemoryInfo *info = NULL;
    OrtValue *value = NULL;
    check("CreateCpuMemoryInfo",
          api.CreateCpuMemoryInfo(WASINN__ORT_DEVICE_ALLOCATOR, WASINN__ORT_MEMORY_DEFAULT, &info));
    check("CreateTensorWithDataAsOrtValue",
          api.CreateTensorWithDataAsOrtValue(info, memory, size, dims, rank, WASINN__ORT_FLOAT, &value));
    api.ReleaseMemoryInfo(info);
    return value;
}

static void *aligned(size_t size) {
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!memory)
        bench_fail("no memory for %zu bytes", size);
    return memory;
}

static void make_output(bench_session *session, native *made) {
    OrtTypeInfo *type = NULL;
    const OrtTensorTypeAndShapeInfo *shape = NULL;
    int64_t dims[BENCH_RANK], elements = 1;
    size_t rank = 0;
    check("SessionGetOutputTypeInfo", api.SessionGetOutputTypeInfo(made->session, 0, &type));
    check("CastTypeInfoToTensorInfo", api.CastTypeInfoToTensorInfo(type, &shape));
    check("GetDimensionsCount", api.GetDimensionsCount(shape, &rank));
    if (rank > BENCH_RANK)
        bench_fail("output 0 has %zu dimensions", rank);
    check("GetDimensions", api.GetDimensions(shape, dims, rank));
    for (size_t i = 0; i < rank; i++)
        elements *= dims[i];
    if (elements * (int64_t)sizeof(float) != (int64_t)session->output.size)
        bench_fail("output 0 has %lld elements, wanted %zu bytes", (long long)elements, session->output.size);
    made->result = aligned(session->output.size);
    made->output = tensor_around(made->result, session->output.size, dims, rank);
    api.ReleaseTypeInfo(type);
}

static void make_inputs(bench_session *session, native *made, OrtAllocator *allocator) {
    int64_t dims[BENCH_RANK];
    for (uint32_t i = 0; i < session->input_count; i++) {
        const bench_tensor *input = &session->inputs[i];
        for (uint32_t axis = 0; axis < input->rank; axis++)
            dims[axis] = input->dims[axis];
        check("SessionGetInputName",
              api.SessionGetInputName(made->session, i, allocator, &made->input_names[i]));
        made->memory[i] = aligned(input->bytes.size);
        made->inputs[i] = tensor_around(made->memory[i], input->bytes.size, dims, input->rank);
    }
}

static bench_load_times bench_load(bench_session *session) {
    native *made = bench_allocate(sizeof *made);
    OrtSessionOptions *options = NULL;
    OrtAllocator *allocator = NULL;
    uint64_t start = bench_now();
    if (!environment)
        open_runtime();
    bench_bytes model = bench_read(bench_option(session, "--model"));
    check("CreateSessionOptions", api.CreateSessionOptions(&options));
    check("CreateSessionFromArray",
          api.CreateSessionFromArray(environment, model.data, model.size, options, &made->session));
    uint64_t loaded = bench_now();
    api.ReleaseSessionOptions(options);
    check("GetAllocatorWithDefaultOptions", api.GetAllocatorWithDefaultOptions(&allocator));
    check("SessionGetOutputName", api.SessionGetOutputName(made->session, 0, allocator, &made->output_name));
    make_inputs(session, made, allocator);
    make_output(session, made);
    session->state = made;
    return (bench_load_times){loaded - start, bench_now() - loaded};
}

static void put_inputs(bench_session *session, native *used) {
    for (uint32_t i = 0; i < session->input_count; i++)
        memcpy(used->memory[i], session->inputs[i].bytes.data, session->inputs[i].bytes.size);
}

static void run(bench_session *session, native *used) {
    check("Run", api.Run(used->session, NULL, (const char *const *)used->input_names,
                         (const OrtValue *const *)used->inputs, session->input_count,
                         (const char *const *)&used->output_name, 1, &used->output));
}

static void bench_infer(bench_session *session) {
    native *used = session->state;
    put_inputs(session, used);
    run(session, used);
    memcpy(session->output.data, used->result, session->output.size);
}

static void bench_phases(bench_session *session, uint64_t phases[3]) {
    native *used = session->state;
    uint64_t start = bench_now();
    put_inputs(session, used);
    uint64_t set = bench_now();
    run(session, used);
    uint64_t computed = bench_now();
    memcpy(session->output.data, used->result, session->output.size);
    phases[0] = set - start;
    phases[1] = computed - set;
    phases[2] = bench_now() - computed;
}

static size_t bench_memory(void) {
    return 0;
}

int main(int argc, char **argv) {
    bench_session session = {0};
    bench_open(&session, argc, argv);
    bench_serve(&session);
    return 0;
}
