#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/fake.h"

enum { MEMORY = 512 * 1024, BUILDERS = 64, MODEL = 4096 };

/* ---- Flavours ----------------------------------------------------------------------------------- */

const flavour flavours[] = {
    {"fake", "fake", WASINN_ENCODING_OPENVINO, 0, 2, NULL, {NULL}, NULL},
    {"openvino-ir", "openvino", WASINN_ENCODING_OPENVINO, 0, 2, ".", {"xml", "bin"}, "shapes"},
    {"openvino-onnx", "openvino", WASINN_ENCODING_ONNX, 1, 1, "onnx", {"onnx"}, "models/shapes"},
    {"openvino-tensorflow",
     "openvino",
     WASINN_ENCODING_TENSORFLOW,
     2,
     1,
     "tensorflow",
     {"pb"},
     "tensorflow/shapes"},
    {"openvino-tensorflowlite",
     "openvino",
     WASINN_ENCODING_TENSORFLOWLITE,
     4,
     1,
     "tensorflowlite",
     {"tflite"},
     "models/shapes"},
    {"onnxruntime-onnx", "onnxruntime", WASINN_ENCODING_ONNX, 1, 1, "onnx", {"onnx"}, "models/shapes"},
    {.name = NULL},
};

/* The same as in fixtures/make_formats.py, which says what a format has no words for. */
static const struct {
    const char *flavour, *model, *why;
} lacking[] = {
    {"fake", "expand", "the fake backend has no operation for it"},
    {"fake", "shapes", "the fake backend is no classifier"},
    {"fake", "dynamic_rank", "the fake backend has fixed ranks"},
    {"openvino-tensorflowlite", "dynamic_rank", "OpenVINO takes a tensor without a shape for a scalar"},
    {"openvino-tensorflowlite", "types_bf16", "OpenVINO's frontend has no bf16"},
};

const flavour *flavour_find(const char *name) {
    for (const flavour *flavour = flavours; flavour->name; flavour++)
        if (strcmp(flavour->name, name) == 0)
            return flavour;
    return NULL;
}

const char *flavour_lacks(const flavour *flavour, const char *model) {
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        if (strcmp(lacking[i].flavour, flavour->name) == 0 && strcmp(lacking[i].model, model) == 0)
            return lacking[i].why;
    return NULL;
}

const char *flavour_problem(const flavour *flavour) {
    static char problem[sizeof((wasinn_backend_info *)0)->problem];
    wasinn_backend_info info;
    wasinn_host *host;
    if (!flavour->folder)
        return "";
    if (wasinn_host_new(&host) != WASINN_OK)
        return wasinn_host_last_error();
    snprintf(problem, sizeof problem, "no backend '%s' here", flavour->backend);
    for (size_t i = 0; wasinn_host_backend_info(host, i, &info, sizeof info) == WASINN_OK; i++)
        if (strcmp(info.name, flavour->backend) == 0)
            snprintf(problem, sizeof problem, "%s", info.package ? info.problem : "");
    wasinn_host_free(host);
    return problem;
}

/* ---- Host and guest ----------------------------------------------------------------------------- */

static void keep_line(void *data, const wasinn_guest *guest, const char *line) {
    world *world = data;
    (void)guest;
    snprintf(world->log, sizeof world->log, "%s", line);
    world->log_lines++;
}

static void must(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "test set-up: %s: %s\n", what, wasinn_host_last_error());
    exit(2);
}

void world_new(world *world, const flavour *flavour) {
    memset(world, 0, sizeof *world);
    world->flavour = flavour = flavour ? flavour : flavours;
    must(wasinn_host_new(&world->host) == WASINN_OK, "host");
    if (!flavour->folder)
        must(wasinn_host_add_backend(world->host, &wasinn__backend_fake) == WASINN_OK, "fake");
    must(wasinn_host_prefer(world->host, flavour->encoding, flavour->backend) == WASINN_OK, flavour->name);
    wasinn_host_set_log(world->host, keep_line, world);
    world->memory = (wasinn_memory){calloc(1, MEMORY), MEMORY};
    must(world->memory.base != NULL, "memory");
    must(wasinn_guest_new(world->host, &world->guest) == WASINN_OK, "guest");
}

void world_renew_guest(world *world) {
    wasinn_guest_free(world->guest);
    must(wasinn_guest_new(world->host, &world->guest) == WASINN_OK, "guest");
}

void world_free(world *world) {
    wasinn_guest_free(world->guest);
    wasinn_host_free(world->host);
    free(world->memory.base);
}

uint32_t world_call(world *world, const char *name, const uint32_t *arguments, size_t count) {
    uint64_t values[WASINN_MAX_PARAMETERS] = {0};
    const wasinn_import *row;
    for (size_t i = 0; i < count; i++)
        values[i] = arguments[i];
    for (size_t i = 0; (row = wasinn_import_at(i)); i++) {
        if (strcmp(row->name, name) != 0)
            continue;
        must(strlen(row->signature) == count + 3, "wrong number of arguments");
        world->trap = row->call(world->guest, &world->memory, values);
        return world->trap ? TRAP : (uint32_t)values[0];
    }
    must(false, "no such row");
    return TRAP;
}

uint32_t get_u32(const world *world, uint32_t address) {
    uint32_t value;
    memcpy(&value, world->memory.base + address, sizeof value);
    return value;
}

void put_bytes(world *world, uint32_t address, const void *bytes, size_t size) {
    must(address + size <= world->memory.size, "the test's bytes do not fit");
    if (size > 0)
        memcpy(world->memory.base + address, bytes, size);
}

void put_u32(world *world, uint32_t address, uint32_t value) {
    put_bytes(world, address, &value, sizeof value);
}

uint32_t put_tensor(world *world, uint32_t address, uint8_t type, uint32_t rank, const uint32_t *dims,
                    uint32_t data, uint32_t size) {
    put_u32(world, address, address + 20);
    put_u32(world, address + 4, rank);
    put_u32(world, address + 8, 0xABCDEF00u | type); /* the padding is dirty, as in real guests */
    put_u32(world, address + 12, data);
    put_u32(world, address + 16, size);
    for (uint32_t i = 0; i < rank; i++)
        put_u32(world, address + 20 + 4 * i, dims[i]);
    return address;
}

/* ---- Models ------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} fakes[] = {
    {"add", "fake\ninput a f32 2 2\ninput b f32 2 2\noutput sum f32 2 2 = add a b\n"},
    {"scalar", "fake\ninput x f32\noutput y f32 = double x\n"},
    {"dynamic", "fake\ninput x f32 ? 3\noutput y f32 ? 3 = relu x\n"},
    {"two_outputs", "fake\ninput x f32 4\noutput next f32 4 = increment x\noutput total f32 = total x\n"},
    {"slow", "fake\ninput x f32 1\noutput y f32 1 = double x\nslow 20000\n"},
    {"wide", "fake\ninput x f32 1\noutput y f32 134217728 = double x\n"},
    {"no_inputs", "fake\noutput y f32 4 = count\n"},
    {"bool_same", "fake\ninput x bool 4\noutput y bool 4 = add x\n"},
    {"digits",
     "fake\ninput 1 f32 2\ninput 0 f32 2\noutput first f32 2 = double 1\noutput second f32 2 = add 0\n"},
    {"many", "fake\ninput in0 f32 2\ninput in1 f32 2\ninput in2 f32 2\ninput in3 f32 2\n"
             "output out0 f32 2 = add in0\noutput out1 f32 2 = add in1 in1\n"
             "output out2 f32 2 = add in2 in2 in2\noutput out3 f32 2 = add in3 in3 in3 in3\n"},
    {"large", "fake\ninput x f32 1\noutput y f32 67108864 = double x\n"},
    {"held", "fake\nbytes 1000000\noutput y f32 1 = count\n"},
    {"high_rank", "fake\ninput x f32 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\noutput y f32 1 = total x\n"},
    {"packed", "fake\noutput y u4 1000000000 = count\n"},
    {"empty", "fake\ninput x f32 0 3\noutput y f32 0 3 = double x\n"},
    {"any", "fake\ninput x any ?\noutput y f32 = total x\n"},
    {"types_f16", "fake\ninput x f16 4\noutput y f16 4 = double x\n"},
    {"types_f32", "fake\ninput x f32 4\noutput y f32 4 = double x\n"},
    {"types_f64", "fake\ninput x f64 4\noutput y f64 4 = double x\n"},
    {"types_bf16", "fake\ninput x bf16 4\noutput y bf16 4 = double x\n"},
    {"types_u8", "fake\ninput x u8 4\noutput y u8 4 = double x\n"},
    {"types_i8", "fake\ninput x i8 4\noutput y i8 4 = double x\n"},
    {"types_u16", "fake\ninput x u16 4\noutput y u16 4 = double x\n"},
    {"types_i16", "fake\ninput x i16 4\noutput y i16 4 = double x\n"},
    {"types_u32", "fake\ninput x u32 4\noutput y u32 4 = double x\n"},
    {"types_i32", "fake\ninput x i32 4\noutput y i32 4 = double x\n"},
    {"types_u64", "fake\ninput x u64 4\noutput y u64 4 = double x\n"},
    {"types_i64", "fake\ninput x i64 4\noutput y i64 4 = double x\n"},
    {"types_boolean", "fake\ninput x bool 4\noutput y bool 4 = not x\n"},
};

char *file_read(const char *path, size_t *size) {
    FILE *stream = fopen(path, "rb");
    must(stream && fseek(stream, 0, SEEK_END) == 0, path);
    *size = (size_t)ftell(stream);
    rewind(stream);
    char *data = calloc(1, *size + 1);
    must(data && fread(data, 1, *size, stream) == *size, path);
    fclose(stream);
    return data;
}

static const char *fake_text(const char *name) {
    for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++)
        if (strcmp(fakes[i].name, name) == 0)
            return fakes[i].text;
    must(false, name);
    return NULL;
}

/* The file of one part. */
static const char *part_path(const flavour *flavour, const char *name, uint32_t part, char path[PATH]) {
    if (strcmp(name, "shapes") == 0)
        snprintf(path, PATH, "%s/%s.%s", WASINN_FIXTURES, flavour->shapes, flavour->suffixes[part]);
    else
        snprintf(path, PATH, "%s/%s/%s.%s", WASINN_FIXTURES, flavour->folder, name, flavour->suffixes[part]);
    return path;
}

const char *model_path(const flavour *flavour, const char *name, char path[PATH]) {
    if (flavour->folder)
        return part_path(flavour, name, 0, path);
    snprintf(path, PATH, "test_%s.fake", name);
    FILE *stream = fopen(path, "w");
    must(stream && fputs(fake_text(name), stream) >= 0 && fclose(stream) == 0, path);
    return path;
}

model_bytes model_read(const flavour *flavour, const char *name) {
    model_bytes model = {.parts = flavour->parts};
    char path[PATH];
    if (!flavour->folder) {
        model.data[0] = strdup(fake_text(name));
        model.size[0] = strlen(model.data[0]);
        model.data[1] = strdup("weights");
        model.size[1] = 7;
        return model;
    }
    for (uint32_t part = 0; part < model.parts; part++)
        model.data[part] = file_read(part_path(flavour, name, part, path), &model.size[part]);
    return model;
}

void model_free(model_bytes *model) {
    free(model->data[0]);
    free(model->data[1]);
}

size_t model_size(const model_bytes *model) {
    return model->size[0] + model->size[1];
}

uint32_t world_load_parts(world *world, const model_bytes *model, const uint32_t *order, uint32_t count,
                          uint32_t encoding, uint32_t target) {
    uint32_t at = MODEL, before = get_u32(world, 0);
    for (uint32_t i = 0; i < count; i++) {
        put_bytes(world, at, model->data[order[i]], model->size[order[i]]);
        put_u32(world, BUILDERS + 8 * i, at);
        put_u32(world, BUILDERS + 8 * i + 4, (uint32_t)model->size[order[i]]);
        at += (uint32_t)model->size[order[i]];
    }
    uint32_t error = CALL(world, "load", BUILDERS, count, encoding, target, 0);
    must(error == 0 || get_u32(world, 0) == before, "a load that failed wrote a graph");
    /* A runtime that kept looking at the guest's bytes would now see others. */
    memset(world->memory.base + MODEL, 0xA5, at - MODEL);
    return error;
}

uint32_t world_load(world *world, const char *name, uint32_t *graph) {
    static const uint32_t straight[] = {0, 1};
    model_bytes model = model_read(world->flavour, name);
    uint32_t error = world_load_parts(world, &model, straight, model.parts, world->flavour->number, 0);
    model_free(&model);
    if (error == 0)
        *graph = get_u32(world, 0);
    return error;
}

uint32_t world_open(world *world, const char *name, uint32_t *context) {
    uint32_t graph, error = world_load(world, name, &graph);
    if (error == 0)
        error = CALL(world, "init_execution_context", graph, 0);
    if (error == 0)
        *context = get_u32(world, 0);
    return error;
}
