/* Models that lie in files and folders: named with and without their format, replaced while they are in use.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conformance.h"

static wasinn_status add_from(const world *w, const char *name, const char *path, wasinn_encoding encoding,
                              const char *backend) {
    wasinn_model_config config;
    wasinn_model_config_default(&config, sizeof config);
    CHECK_EQ(config.encoding, WASINN_ENCODING_AUTODETECT);
    config.path = path;
    config.encoding = encoding;
    config.backend = backend;
    return wasinn_host_register(w->host, name, &config);
}

static void check_added(world *w, const char *name, const char *path, wasinn_encoding encoding,
                        const char *backend) {
    if (CHECK_EQ(add_from(w, name, path, encoding, backend), WASINN_OK))
        check_named_adds(w, name);
    else
        fprintf(stderr, "    %s\n", wasinn_host_last_error());
}

static void test_paths(world *w) {
    const flavour *own = w->flavour;
    char add[PATH];
    model_path(own, "add", add);
    check_added(w, "explicit", add, own->encoding, NULL);
    check_added(w, "explicit backend", add, own->encoding, own->backend);
    if (own->folder) {
        check_added(w, "detected", add, WASINN_ENCODING_AUTODETECT, NULL);
        check_added(w, "detected for backend", add, WASINN_ENCODING_AUTODETECT, own->backend);
    }
    CHECK_EQ(add_from(w, "x", add, own->encoding, "nothing"), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "nothing");
    CHECK_EQ(add_from(w, "x", add, WASINN_ENCODING_GGML, own->backend), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "ggml");
    CHECK_EQ(add_from(w, "x", add, WASINN_ENCODING_PYTORCH, NULL), WASINN_INVALID_ENCODING);
    CHECK_EQ(add_from(w, "x", "nowhere/add.onnx", WASINN_ENCODING_AUTODETECT, NULL), WASINN_NOT_FOUND);
    CHECK_TEXT(wasinn_host_last_error(), "nowhere/add.onnx");
    CHECK_EQ(add_from(w, "x", "nowhere/add.onnx", own->encoding, NULL), WASINN_NOT_FOUND);
    CHECK_EQ(add_from(w, "x", NULL, own->encoding, NULL), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(add_from(w, "x", WASINN_FIXTURES "/make_fixtures.py", WASINN_ENCODING_AUTODETECT, NULL),
             WASINN_INVALID_ENCODING);
    CHECK_TEXT(wasinn_host_last_error(), "make_fixtures.py");
    CHECK_EQ(add_from(w, "x", WASINN_FIXTURES "/models/tiny-q8_0.gguf", WASINN_ENCODING_AUTODETECT, NULL),
             WASINN_INVALID_ENCODING);
    /* What a file is not is found when it is loaded. */
    CHECK_EQ(add_from(w, "text", WASINN_FIXTURES "/make_fixtures.py", own->encoding, NULL), WASINN_OK);
    CHECK_EQ(by_name(w, "text", 4), 5);
    CHECK_EQ(add_from(w, "folder", WASINN_FIXTURES, own->encoding, NULL), WASINN_OK);
    CHECK_EQ(by_name(w, "folder", 6), 5);
}

/* Models of every format side by side in one host, each by its own nature. */
static void test_side_by_side(world *w) {
    char path[PATH];
    if (!w->flavour->folder)
        return;
    for (const flavour *other = flavours + 1; other->name; other++) {
        const char *problem = flavour_problem(other);
        if (problem[0]) {
            skipped(w, other->name, problem);
            continue;
        }
        check_added(w, other->name, model_path(other, "add", path), WASINN_ENCODING_AUTODETECT,
                    other->backend);
    }
    for (const flavour *other = flavours + 1; other->name; other++)
        if (!flavour_problem(other)[0])
            check_named_adds(w, other->name);
}

/* TensorFlow's folders, which have no form of bytes. */
static void test_saved_model(world *w) {
    static const char *const models[] = {"tensorflow/add", "tensorflow/dynamic", "models/shapes_sm"};
    if (w->flavour->encoding != WASINN_ENCODING_TENSORFLOW)
        return;
    for (int detected = 0; detected < 2; detected++) {
        for (int i = 0; i < 3; i++) {
            char path[PATH], name[64];
            snprintf(path, sizeof path, "%s/%s", WASINN_FIXTURES, models[i]);
            snprintf(name, sizeof name, "%s %d", models[i], detected);
            CHECK_EQ(
                add_from(w, name, path, detected ? WASINN_ENCODING_AUTODETECT : w->flavour->encoding, NULL),
                WASINN_OK);
            if (!CHECK_EQ(by_name(w, name, (uint32_t)strlen(name)), 0))
                continue;
            uint32_t graph = get_u32(w, OUT), context = open_graph(w, graph), index;
            if (i == 0) {
                check_adds(w, context);
                CHECK_EQ(wasinn_graph_find_port(w->guest, graph, WASINN_INPUT, "b", 1, &index), WASINN_OK);
                CHECK_EQ(index, 1);
            } else if (i == 1) {
                CHECK_EQ(set_f32(w, context, 0, 2, (uint32_t[]){1, 3}, (float[]){-1, 2, -3}, 3), 0);
                CHECK_EQ(CALL(w, "compute", context), 0);
                CHECK_EQ(get(w, context, 0, 12), 0);
                CHECK(output_f32(w, 0) == 0 && output_f32(w, 1) == 2);
            } else {
                check_sees_shapes(w, context);
            }
        }
    }
}

/* ---- Files that change -------------------------------------------------------------------------- */

static void write_file(const char *path, const void *data, size_t size) {
    FILE *stream = fopen(path, "wb");
    CHECK(stream && fwrite(data, 1, size, stream) == size && fclose(stream) == 0);
}

static void copy_file(const char *from, const char *to) {
    size_t size;
    char *data = file_read(from, &size);
    write_file(to, data, size);
    free(data);
}

/* Other bytes in the same place, then none: the inode stays, which a mapping would show. */
static void spoil(const char *path) {
    size_t size;
    char *data = file_read(path, &size);
    memset(data, 0xA5, size);
    FILE *stream = fopen(path, "r+b");
    CHECK(stream && fwrite(data, 1, size, stream) == size && fclose(stream) == 0);
    free(data);
}

/* 1, 2, 3, 4, which are the weights. */
static void check_counts(world *w, uint32_t context) {
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(output_f32(w, i) == (float)(i + 1));
}

/* The model is loaded, and its files changed: what has been loaded stays as it was, for new executions too.
 */
static void check_unmoved(world *w, const char *path, const char *const *files, size_t count,
                          void (*check)(world *w, uint32_t context)) {
    uint32_t context;
    CHECK_EQ(add_from(w, path, path, w->flavour->encoding, NULL), WASINN_OK);
    if (!CHECK_EQ(by_name(w, path, (uint32_t)strlen(path)), 0))
        return;
    context = open_graph(w, get_u32(w, OUT));
    check(w, context);
    for (int way = 0; way < 3; way++) {
        for (size_t i = 0; i < count; i++) {
            if (way == 0)
                spoil(files[i]);
            else if (way == 1)
                CHECK_EQ(truncate(files[i], 0), 0);
            else
                CHECK_EQ(unlink(files[i]), 0);
        }
        check(w, context);
        CHECK_EQ(by_name(w, path, (uint32_t)strlen(path)), 0);
        check(w, open_graph(w, get_u32(w, OUT)));
    }
}

/* A copy of a model's files in this folder; `copies` are their names. */
enum { NAMED = 128 };
static void copy_model(const flavour *flavour, const char *model, const char *prefix, char copies[2][NAMED]) {
    char from[PATH];
    model_path(flavour, model, from);
    size_t stem = strlen(from) - strlen(flavour->suffixes[0]);
    for (uint32_t part = 0; part < flavour->parts; part++) {
        snprintf(from + stem, sizeof from - stem, "%s", flavour->suffixes[part]);
        snprintf(copies[part], NAMED, "%s-%s-%s.%s", prefix, model, flavour->name, flavour->suffixes[part]);
        copy_file(from, copies[part]);
    }
}

static void test_changing_files(world *w) {
    char copies[2][NAMED];
    const char *files[] = {copies[0], copies[1]};
    if (!has(w, "shapes"))
        return;
    copy_model(w->flavour, "shapes", "changing", copies);
    check_unmoved(w, copies[0], files, w->flavour->parts, check_sees_shapes);
    copy_model(w->flavour, "no_inputs", "changing", copies);
    check_unmoved(w, copies[0], files, w->flavour->parts, check_counts);
}

/* 11, 22, 33, 44, of which 1, 2, 3, 4 are in a file that the model names. */
static void check_external(world *w, uint32_t context) {
    CHECK_EQ(set_f32(w, context, 0, 1, (uint32_t[]){4}, (float[]){10, 20, 30, 40}, 4), 0);
    CHECK_EQ(CALL(w, "compute", context), 0);
    CHECK_EQ(get(w, context, 0, 16), 0);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(output_f32(w, i) == (float)(11 * (i + 1)));
}

/* A copy of files of one folder, in this folder; that is removed again. */
static void change_folder(world *w, const char *source, const char *const *names, size_t count,
                          const char *model, void (*check)(world *w, uint32_t context)) {
    char copies[4][NAMED], from[PATH], folder[NAMED], inner[NAMED + 16], path[2 * NAMED];
    const char *files[] = {copies[0], copies[1], copies[2], copies[3]};
    snprintf(folder, sizeof folder, "changing-%s", w->flavour->name);
    snprintf(inner, sizeof inner, "%s/variables", folder);
    CHECK(mkdir(folder, 0777) == 0 || errno == EEXIST);
    CHECK(mkdir(inner, 0777) == 0 || errno == EEXIST);
    for (size_t i = 0; i < count; i++) {
        snprintf(from, sizeof from, "%s/%s/%s", WASINN_FIXTURES, source, names[i]);
        snprintf(copies[i], NAMED, "%.60s/%s", folder, names[i]);
        copy_file(from, copies[i]);
    }
    snprintf(path, sizeof path, "%s%s", folder, model);
    check_unmoved(w, path, files, count, check);
    CHECK_EQ(rmdir(inner), 0);
    CHECK_EQ(rmdir(folder), 0);
}

static void test_changing_folder(world *w) {
    static const char *const saved_model[] = {"saved_model.pb", "variables/variables.index",
                                              "variables/variables.data-00000-of-00001"};
    static const char *const external[] = {"external.onnx", "external.data"};
    if (w->flavour->encoding == WASINN_ENCODING_TENSORFLOW)
        change_folder(w, "models/shapes_sm", saved_model, 3, "", check_sees_shapes);
    if (w->flavour->encoding == WASINN_ENCODING_ONNX)
        change_folder(w, "onnx", external, 2, "/external.onnx", check_external);
}

/* The file goes between registration and the first use, and comes back. */
static void test_late_file(world *w) {
    char copies[2][NAMED];
    if (!w->flavour->folder)
        return;
    copy_model(w->flavour, "add", "late", copies);
    CHECK_EQ(add_from(w, "late", copies[0], w->flavour->encoding, NULL), WASINN_OK);
    for (uint32_t part = 0; part < w->flavour->parts; part++)
        CHECK_EQ(unlink(copies[part]), 0);
    CHECK_EQ(by_name(w, "late", 4), 5);
    CHECK_TEXT(w->log, copies[0]);
    copy_model(w->flavour, "add", "late", copies);
    check_named_adds(w, "late");
    for (uint32_t part = 0; part < w->flavour->parts; part++)
        CHECK_EQ(unlink(copies[part]), 0);
}

const conformance_case path_cases[] = {
    {"paths", test_paths},
    {"side by side", test_side_by_side},
    {"saved model", test_saved_model},
    {"changing files", test_changing_files},
    {"changing folder", test_changing_folder},
    {"late file", test_late_file},
    {NULL, NULL},
};
