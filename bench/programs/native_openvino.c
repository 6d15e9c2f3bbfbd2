/* What a program in C gets from OpenVINO's C API, with no guest and no host between.
 *
 *     native_openvino --model XML | --bytes XML,BIN | --blob FILE  --output BYTES  --input FILE:SHAPE...
 *                     [--tensors own|copy|bound] [--weights copy|lent] [--hint latency|throughput] [--threads
 * N]
 *                     [--export FILE] [-- COMMAND...]
 *
 *     own     an inference copies its inputs into the request's own tensors, and its output from there
 *     copy    into new tensors each time
 *     bound   the request works in the program's memory
 *
 * Each of N threads does the commands by a request of its own, on one compiled model. --export writes the
 * compiled model, for --blob. */
#include <pthread.h>
#include <sys/mman.h>

#include "openvino/c/openvino.h"
#include "session.h"

typedef struct native {
    ov_infer_request_t *request;
    void *inputs[BENCH_INPUTS]; /* memory of the request's own tensors */
    void *output;
    bool copies;
    bool bound;
} native;

static ov_core_t *core;
/* What all threads use. */
static ov_compiled_model_t *shared;
static pthread_mutex_t sharing = PTHREAD_MUTEX_INITIALIZER;

static void check(const char *call, ov_status_e code) {
    if (code != OK)
        bench_fail("%s: %s", call, ov_get_last_err_msg());
}

/* ---- Loading ------------------------------------------------------------------------------------ */

static ov_model_t *read_bytes(bench_session *session) {
    bench_bytes weights = session->files[1];
    ov_shape_t shape = {0};
    ov_tensor_t *tensor = NULL;
    ov_model_t *model = NULL;
    int64_t size = (int64_t)weights.size;
    if (!bench_option_is(session, "--weights", "lent")) {
        weights.data = malloc(weights.size);
        if (!weights.data)
            bench_fail("no memory for the weights");
        memcpy(weights.data, session->files[1].data, weights.size);
    }
    check("ov_shape_create", ov_shape_create(1, &size, &shape));
    check("ov_tensor_create_from_host_ptr", ov_tensor_create_from_host_ptr(U8, shape, weights.data, &tensor));
    check("ov_core_read_model_from_memory_buffer",
          ov_core_read_model_from_memory_buffer(core, session->files[0].data, session->files[0].size, tensor,
                                                &model));
    ov_tensor_free(tensor);
    ov_shape_free(&shape);
    return model;
}

static ov_compiled_model_t *compile(bench_session *session) {
    const char *path = bench_option(session, "--model");
    const char *hint = bench_option_is(session, "--hint", "throughput") ? "THROUGHPUT" : "LATENCY";
    ov_model_t *model = NULL;
    ov_compiled_model_t *compiled = NULL;
    if (path)
        check("ov_core_read_model", ov_core_read_model(core, path, NULL, &model));
    else
        model = read_bytes(session);
    check("ov_core_compile_model", ov_core_compile_model(core, model, "CPU", 2, &compiled,
                                                         ov_property_key_hint_performance_mode, hint));
    ov_model_free(model);
    return compiled;
}

static ov_compiled_model_t *import(const char *path) {
    struct stat information;
    ov_compiled_model_t *compiled = NULL;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &information) != 0)
        bench_fail("%s cannot be opened", path);
    void *blob = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (blob == MAP_FAILED)
        bench_fail("%s cannot be mapped", path);
    check("ov_core_import_model",
          ov_core_import_model(core, blob, (size_t)information.st_size, "CPU", &compiled));
    close(file);
    return compiled;
}

static void bind_tensors(bench_session *session, native *made) {
    ov_shape_t shape = {0};
    ov_tensor_t *tensor = NULL;
    for (uint32_t i = 0; i < session->input_count; i++) {
        check("input", ov_infer_request_get_input_tensor_by_index(made->request, i, &tensor));
        check("shape", ov_tensor_get_shape(tensor, &shape));
        ov_tensor_free(tensor);
        check("tensor", ov_tensor_create_from_host_ptr(F32, shape, session->inputs[i].bytes.data, &tensor));
        check("input", ov_infer_request_set_input_tensor_by_index(made->request, i, tensor));
        ov_tensor_free(tensor);
        ov_shape_free(&shape);
    }
    check("output", ov_infer_request_get_output_tensor_by_index(made->request, 0, &tensor));
    check("shape", ov_tensor_get_shape(tensor, &shape));
    ov_tensor_free(tensor);
    check("tensor", ov_tensor_create_from_host_ptr(F32, shape, session->output.data, &tensor));
    check("output", ov_infer_request_set_output_tensor_by_index(made->request, 0, tensor));
    ov_tensor_free(tensor);
    ov_shape_free(&shape);
}

static void find_tensors(bench_session *session, native *made) {
    ov_tensor_t *tensor = NULL;
    size_t size = 0;
    for (uint32_t i = 0; i < session->input_count; i++) {
        check("input", ov_infer_request_get_input_tensor_by_index(made->request, i, &tensor));
        check("memory", ov_tensor_data(tensor, &made->inputs[i]));
        ov_tensor_free(tensor);
    }
    check("output", ov_infer_request_get_output_tensor_by_index(made->request, 0, &tensor));
    check("memory", ov_tensor_data(tensor, &made->output));
    check("size", ov_tensor_get_byte_size(tensor, &size));
    if (size != session->output.size)
        bench_fail("output 0 has %zu bytes, wanted %zu", size, session->output.size);
    ov_tensor_free(tensor);
}

/* On a line of its own, on stderr: what the model was compiled for. */
static void tell_settings(const ov_compiled_model_t *compiled) {
    static const char *const keys[] = {"INFERENCE_PRECISION_HINT", "PERFORMANCE_HINT", "NUM_STREAMS",
                                       "INFERENCE_NUM_THREADS"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *value = NULL;
        if (ov_compiled_model_get_property(compiled, keys[i], &value) == OK)
            fprintf(stderr, "%s=%s\n", keys[i], value);
        ov_free(value);
    }
}

static bench_load_times bench_load(bench_session *session) {
    const char *blob = bench_option(session, "--blob"), *target = bench_option(session, "--export");
    bool threads = bench_option(session, "--threads") != NULL;
    native *made = bench_allocate(sizeof *made);
    uint64_t start = bench_now();
    pthread_mutex_lock(&sharing);
    if (!core)
        check("ov_core_create", ov_core_create(&core));
    if (!shared || !threads)
        shared = blob ? import(blob) : compile(session);
    pthread_mutex_unlock(&sharing);
    uint64_t loaded = bench_now();
    check("ov_compiled_model_create_infer_request",
          ov_compiled_model_create_infer_request(shared, &made->request));
    bench_load_times times = {loaded - start, bench_now() - loaded};
    made->copies = bench_option_is(session, "--tensors", "copy");
    made->bound = bench_option_is(session, "--tensors", "bound");
    if (made->bound)
        bind_tensors(session, made);
    else if (!made->copies)
        find_tensors(session, made);
    if (target)
        check("ov_compiled_model_export_model", ov_compiled_model_export_model(shared, target));
    if (bench_option(session, "--tell"))
        tell_settings(shared);
    session->state = made;
    return times;
}

/* ---- Inference ---------------------------------------------------------------------------------- */

static void set_new_input(bench_session *session, native *used, uint32_t index) {
    const bench_tensor *input = &session->inputs[index];
    int64_t dims[BENCH_RANK];
    ov_shape_t shape = {0};
    ov_tensor_t *tensor = NULL;
    void *memory = NULL;
    for (uint32_t i = 0; i < input->rank; i++)
        dims[i] = input->dims[i];
    check("shape", ov_shape_create(input->rank, dims, &shape));
    check("tensor", ov_tensor_create(F32, shape, &tensor));
    check("memory", ov_tensor_data(tensor, &memory));
    memcpy(memory, input->bytes.data, input->bytes.size);
    check("input", ov_infer_request_set_input_tensor_by_index(used->request, index, tensor));
    ov_tensor_free(tensor);
    ov_shape_free(&shape);
}

static void put_inputs(bench_session *session, native *used) {
    for (uint32_t i = 0; !used->bound && i < session->input_count; i++) {
        if (used->copies)
            set_new_input(session, used, i);
        else
            memcpy(used->inputs[i], session->inputs[i].bytes.data, session->inputs[i].bytes.size);
    }
}

static void take_output(bench_session *session, native *used) {
    ov_tensor_t *tensor = NULL;
    void *memory = used->output;
    if (used->bound)
        return;
    if (used->copies) {
        check("output", ov_infer_request_get_output_tensor_by_index(used->request, 0, &tensor));
        check("memory", ov_tensor_data(tensor, &memory));
    }
    memcpy(session->output.data, memory, session->output.size);
    ov_tensor_free(tensor);
}

static void bench_infer(bench_session *session) {
    native *used = session->state;
    put_inputs(session, used);
    check("infer", ov_infer_request_infer(used->request));
    take_output(session, used);
}

static void bench_phases(bench_session *session, uint64_t phases[3]) {
    native *used = session->state;
    uint64_t start = bench_now();
    put_inputs(session, used);
    uint64_t set = bench_now();
    check("infer", ov_infer_request_infer(used->request));
    uint64_t computed = bench_now();
    take_output(session, used);
    phases[0] = set - start;
    phases[1] = computed - set;
    phases[2] = bench_now() - computed;
}

static size_t bench_memory(void) {
    return 0;
}

/* ---- Threads ------------------------------------------------------------------------------------ */

typedef struct worker {
    pthread_t thread;
    bench_session session;
} worker;

static void *work(void *data) {
    bench_serve(data);
    return NULL;
}

int main(int argc, char **argv) {
    bench_session first = {0};
    bench_open(&first, argc, argv);
    const char *given = bench_option(&first, "--threads");
    long count = given ? strtol(given, NULL, 10) : 1;
    if (count < 1 || count > 1024 || (count > 1 && first.command_count == 0))
        bench_fail("--threads: from 1 to 1024, with commands");
    worker *workers = bench_allocate((size_t)count * sizeof *workers);
    for (long i = 0; i < count; i++) {
        /* Each has inputs and outputs of its own, as guests have. */
        if (i > 0)
            bench_open(&workers[i].session, argc, argv);
        else
            workers[i].session = first;
        if (count > 1 && pthread_create(&workers[i].thread, NULL, work, &workers[i].session) != 0)
            bench_fail("no thread");
    }
    for (long i = 0; count > 1 && i < count; i++)
        pthread_join(workers[i].thread, NULL);
    if (count == 1)
        bench_serve(&workers[0].session);
    return 0;
}
