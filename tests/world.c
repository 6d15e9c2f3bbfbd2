#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/fake.h"

enum { MEMORY = 256 * 1024, BUILDERS = 64, MODEL = 4096 };

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

void world_new(world *world, const char *fixtures) {
    memset(world, 0, sizeof *world);
    world->fixtures = fixtures;
    must(wasinn_host_new(&world->host) == WASINN_OK, "host");
    if (!fixtures)
        must(wasinn_host_add_backend(world->host, &wasinn__backend_fake) == WASINN_OK &&
                 wasinn_host_prefer(world->host, WASINN_ENCODING_OPENVINO, "fake") == WASINN_OK,
             "fake");
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

static void read_part(model_bytes *model, int part, const char *folder, const char *name,
                      const char *suffix) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    FILE *stream = fopen(path, "rb");
    must(stream && fseek(stream, 0, SEEK_END) == 0, path);
    model->size[part] = (size_t)ftell(stream);
    rewind(stream);
    model->data[part] = calloc(1, model->size[part] + 1);
    must(model->data[part] && fread(model->data[part], 1, model->size[part], stream) == model->size[part],
         path);
    fclose(stream);
}

model_bytes model_read(const world *world, const char *name) {
    model_bytes model = {0};
    if (world->fixtures) {
        read_part(&model, 0, world->fixtures, name, "xml");
        read_part(&model, 1, world->fixtures, name, "bin");
        return model;
    }
    for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++) {
        if (strcmp(fakes[i].name, name) == 0) {
            model.data[0] = strdup(fakes[i].text);
            model.size[0] = strlen(fakes[i].text);
            model.data[1] = strdup("weights");
            model.size[1] = 7;
            return model;
        }
    }
    must(false, name);
    return model;
}

void model_free(model_bytes *model) {
    free(model->data[0]);
    free(model->data[1]);
}

uint32_t world_load(world *world, const char *name, uint32_t *graph) {
    model_bytes model = model_read(world, name);
    uint32_t at = MODEL;
    for (uint32_t i = 0; i < 2; i++) {
        put_bytes(world, at, model.data[i], model.size[i]);
        put_u32(world, BUILDERS + 8 * i, at);
        put_u32(world, BUILDERS + 8 * i + 4, (uint32_t)model.size[i]);
        at += (uint32_t)model.size[i];
    }
    model_free(&model);
    uint32_t error = CALL(world, "load", BUILDERS, 2, 0, 0, 0);
    if (error == 0)
        *graph = get_u32(world, 0);
    /* A runtime that kept looking at the guest's bytes would now see others. */
    memset(world->memory.base + MODEL, 0xA5, at - MODEL);
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
