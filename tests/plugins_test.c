/* Backends in files of their own: found, listed, used, and refused when they are unfit.
 *
 *     plugins_test FOLDER UNFIT    with the example libwasinn-linear.so in FOLDER, and what is unfit in UNFIT
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/memory.h"
#include "wasinn/backend.h"

static const char model[] = "linear 2 3\n1 0 0.5 10\n0 1 0.5 20\n";

static wasinn_host *new_host(const char *folders) {
    wasinn_host *host;
    if (wasinn_host_new(&host) != WASINN_OK)
        abort();
    if (folders)
        CHECK_EQ(wasinn_host_set_backend_path(host, folders), WASINN_OK);
    return host;
}

static bool find(wasinn_host *host, const char *name, wasinn_backend_info *info) {
    for (size_t i = 0; wasinn_host_backend_info(host, i, info, sizeof *info) == WASINN_OK; i++)
        if (strcmp(info->name, name) == 0)
            return true;
    return false;
}

static size_t count(wasinn_host *host, const char *name) {
    wasinn_backend_info info;
    size_t found = 0;
    for (size_t i = 0; wasinn_host_backend_info(host, i, &info, sizeof info) == WASINN_OK; i++)
        found += strcmp(info.name, name) == 0;
    return found;
}

static void compute(wasinn_guest *guest, wasinn_handle graph) {
    const float x[] = {1, 2, 4}, wanted[] = {13, 24};
    const wasinn_tensor tensor = {WASINN_TYPE_F32, 1, {3}, x, sizeof x};
    wasinn_handle execution;
    wasinn_tensor view;
    uint32_t index = 7;
    CHECK_EQ(wasinn_init_execution_context(guest, graph, &execution), WASINN_OK);
    CHECK_EQ(wasinn_graph_find_port(guest, graph, WASINN_INPUT, "x", 1, &index), WASINN_OK);
    CHECK_EQ(wasinn_set_input(guest, execution, index, &tensor), WASINN_OK);
    CHECK_EQ(wasinn_compute(guest, execution), WASINN_OK);
    CHECK_EQ(wasinn_output(guest, execution, 0, &view), WASINN_OK);
    CHECK(view.size == sizeof wanted && memcmp(view.data, wanted, sizeof wanted) == 0);
}

static void test_use(const char *folder) {
    wasinn_host *host = new_host(folder);
    wasinn_guest *guest;
    wasinn_handle graph;
    wasinn_backend_info info;
    const wasinn_blob blob = {model, sizeof model - 1}, other = {"linearly", 8};
    check_case = "use";
    if (!CHECK(find(host, "linear", &info)))
        return;
    CHECK_TEXT(info.file, folder);
    CHECK_EQ(strlen(info.problem), 0);
    if (!CHECK(info.version != NULL)) {
        fprintf(stderr, "%s\n", info.problem);
        return;
    }
    CHECK(strcmp(info.version, "1.0") == 0 && info.encoding_count == 1 && info.option_count == 0);
    CHECK(info.encodings[0] == WASINN_ENCODING_AUTODETECT);
    CHECK(info.device_count == 1 && strcmp(info.devices[0], "CPU") == 0);
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    CHECK_EQ(wasinn_load(guest, &blob, 1, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU, &graph), WASINN_OK);
    compute(guest, graph);
    CHECK_EQ(wasinn_load(guest, &other, 1, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU, &graph),
             WASINN_INVALID_ENCODING);
    CHECK_EQ(wasinn_load(guest, &blob, 1, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_GPU, &graph),
             WASINN_UNSUPPORTED_OPERATION);
    for (size_t size = 0; size < sizeof model - 3; size++) {
        const wasinn_blob part = {model, size};
        CHECK(wasinn_load(guest, &part, 1, WASINN_ENCODING_AUTODETECT, WASINN_TARGET_CPU, &graph) !=
              WASINN_OK);
    }
    wasinn_guest_free(guest);
    wasinn_host_free(host);
}

static void test_registered(const char *folder) {
    wasinn_host *host = new_host(folder);
    wasinn_guest *guest;
    wasinn_handle graph;
    wasinn_model_config config;
    const wasinn_blob blob = {model, sizeof model - 1};
    const wasinn_option option = {"threads", "2"};
    check_case = "registered";
    FILE *stream = fopen("plugins_test.linear", "w");
    fputs(model, stream);
    fclose(stream);
    wasinn_model_config_default(&config, sizeof config);
    CHECK_EQ(wasinn_host_register(host, "nothing", &config), WASINN_INVALID_ARGUMENT);
    config.path = "plugins_test.linear";
    CHECK_EQ(wasinn_host_register(host, "found", &config), WASINN_OK);
    config.backend = "linear";
    CHECK_EQ(wasinn_host_register(host, "named", &config), WASINN_OK);
    config.options = &option;
    config.option_count = 1;
    CHECK_EQ(wasinn_host_register(host, "option", &config), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(),
               "model 'option': backend 'linear' has no option 'threads'; it has none");
    config.option_count = 0;
    config.backend = "lunar";
    CHECK_EQ(wasinn_host_register(host, "other", &config), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "there is no backend 'lunar'; there is linear");
    config.backend = "linear";
    config.encoding = WASINN_ENCODING_ONNX;
    CHECK_EQ(wasinn_host_register(host, "encoding", &config), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "does not load models of encoding onnx");
    config.encoding = WASINN_ENCODING_AUTODETECT;
    config.blobs = &blob;
    config.blob_count = 1;
    CHECK_EQ(wasinn_host_register(host, "both", &config), WASINN_INVALID_ARGUMENT);
    config.path = NULL;
    CHECK_EQ(wasinn_host_register(host, "bytes", &config), WASINN_OK);
    CHECK_EQ(wasinn_host_register(host, "bytes", &config), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "model 'bytes': a model of that name is already registered");
    config.struct_size = 8;
    CHECK_EQ(wasinn_host_register(host, "size", &config), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_guest_new(host, &guest), WASINN_OK);
    for (const char *const *name = (const char *const[]){"found", "named", "bytes", NULL}; *name; name++) {
        CHECK_EQ(wasinn_load_by_name(guest, *name, strlen(*name), &graph), WASINN_OK);
        compute(guest, graph);
    }
    wasinn_guest_free(guest);
    wasinn_host_free(host);
    remove("plugins_test.linear");
}

/* A config of a later version, with more at its end than this one knows. */
static void test_config_sizes(const char *folder) {
    struct {
        wasinn_model_config known;
        uint64_t more;
    } later = {.more = 0};
    wasinn_host *host = new_host(folder);
    const wasinn_blob blob = {model, sizeof model - 1};
    check_case = "config sizes";
    wasinn_model_config_default(&later.known, sizeof later);
    CHECK_EQ(later.known.struct_size, sizeof later);
    later.known.blobs = &blob;
    later.known.blob_count = 1;
    CHECK_EQ(wasinn_host_register(host, "zero", &later.known), WASINN_OK);
    later.more = 1;
    CHECK_EQ(wasinn_host_register(host, "more", &later.known), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "this version knows");
    wasinn_host_free(host);
}

/* The beginning of a file, as a copy that did not come to its end leaves it. */
static void copy_beginning(const char *from, const char *to) {
    static char bytes[3000];
    FILE *source = fopen(from, "rb"), *copy = fopen(to, "wb");
    CHECK(source && copy && fread(bytes, 1, sizeof bytes, source) == sizeof bytes &&
          fwrite(bytes, 1, sizeof bytes, copy) == sizeof bytes);
    if (source)
        fclose(source);
    if (copy)
        fclose(copy);
}

static void test_unfit(const char *folder, const char *unfit) {
    static const struct {
        const char *name, *problem;
    } rows[] = {
        {"abi", "': a backend of ABI version 2; wanted 1"},
        {"incomplete", "': a backend's table lacks a required entry"},
        {"short", "': a backend's table lacks a required entry"},
        {"null", "its wasinn_backend_table returns NULL"},
        {"nothing", "is not a backend: it has no function wasinn_backend_table"},
        {"text", "file too short"},
        {"cut", "is cut short: it has 3000 bytes"},
    };
    wasinn_host *host = new_host(unfit);
    wasinn_backend_info info;
    char path[4096], whole[4096];
    check_case = "unfit";
    snprintf(path, sizeof path, "%s/libwasinn-cut.so", unfit);
    snprintf(whole, sizeof whole, "%s/libwasinn-linear.so", folder);
    copy_beginning(whole, path);
    snprintf(path, sizeof path, "%s/libwasinn-text.so", unfit);
    FILE *stream = fopen(path, "w");
    fputs("text", stream);
    fclose(stream);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!CHECK(find(host, rows[i].name, &info)))
            continue;
        CHECK_TEXT(info.problem, rows[i].problem);
        CHECK_TEXT(info.problem, "libwasinn-");
        CHECK(!info.version && !info.package && info.encoding_count == 0 && info.device_count == 0);
        CHECK_TEXT(info.file, rows[i].name);
        CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_ONNX, rows[i].name), WASINN_INVALID_ARGUMENT);
        CHECK_TEXT(wasinn_host_last_error(), "cannot be used");
    }
    wasinn_host_free(host);
}

/* Of two folders the first counts, and a folder that is not there is passed over. */
static void test_folders(const char *folder, const char *unfit) {
    char folders[8192];
    wasinn_backend_info info;
    check_case = "folders";
    snprintf(folders, sizeof folders, "/nowhere::%s:%s:%s:", folder, unfit, folder);
    wasinn_host *host = new_host("replaced");
    CHECK_EQ(wasinn_host_set_backend_path(host, folders), WASINN_OK);
    CHECK_EQ(wasinn_host_set_backend_path(host, NULL), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(count(host, "linear"), 1);
    CHECK_EQ(count(host, "abi"), 1);
    CHECK(find(host, "linear", &info) && info.version);
    CHECK_EQ(wasinn_host_set_backend_path(host, folder), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "have been looked for already");
    wasinn_host_free(host);
    setenv("WASINN_BACKENDS", folders, 1);
    host = new_host(NULL);
    CHECK_EQ(count(host, "linear"), 1);
    wasinn_host_free(host);
    unsetenv("WASINN_BACKENDS");
    host = new_host(NULL);
    CHECK_EQ(count(host, "linear"), 0);
    wasinn_host_free(host);
}

/* The command's own folder has them all, so what is absent is looked for by a name that none has. */
static void test_settings(const char *folder) {
    wasinn_host *host = new_host(folder);
    check_case = "settings";
    CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_ONNX, "linear"), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "backend 'linear' does not load models of encoding onnx");
    CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_AUTODETECT, "linear"), WASINN_OK);
    CHECK_EQ(wasinn_host_prefer(host, (wasinn_encoding)99, "linear"), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_ONNX, NULL), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_option(host, "linear", "threads", "2"), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_option(host, "lunar", "threads", "2"), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_option(host, "linear", NULL, "2"), WASINN_INVALID_ARGUMENT);
    wasinn_host_free(host);
}

/* A search that runs out of memory says so, loses nothing, and is done again. */
static void test_memory(const char *folder) {
    wasinn_backend_info info;
    uint64_t alive = wasinn__alloc_alive();
    wasinn_status status = WASINN_TOO_LARGE;
    check_case = "memory";
    for (uint64_t nth = 1; status != WASINN_OK && nth < 100; nth++) {
        wasinn_host *host = new_host(folder);
        wasinn__alloc_fail_at(nth);
        status = wasinn_host_backend_info(host, 0, &info, sizeof info);
        wasinn__alloc_fail_at(0);
        CHECK(status == WASINN_OK || status == WASINN_TOO_LARGE);
        CHECK_EQ(count(host, "linear"), 1);
        wasinn_host_free(host);
        CHECK_EQ(wasinn__alloc_alive(), alive);
        if (status == WASINN_OK && info.problem[0])
            status = WASINN_TOO_LARGE;
    }
    CHECK_EQ(status, WASINN_OK);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    test_use(argv[1]);
    test_registered(argv[1]);
    test_config_sizes(argv[1]);
    test_unfit(argv[1], argv[2]);
    test_folders(argv[1], argv[2]);
    test_settings(argv[1]);
    test_memory(argv[1]);
    return check_result();
}
