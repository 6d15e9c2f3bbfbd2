/* The model that is measured: loaded by a host for its guests, and seen on its way from the backend, so that
 * the native figures are taken on the very same one. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "cli/cli.h"
#include "cli/machine.h"

enum { MOST_BACKENDS = 12 };

static int refuse_last(void) {
    return wasinn__fail(WASINN__EXIT_FAILED, "%s", wasinn_host_last_error());
}

/* ---- The backends, and what their load gives ----------------------------------------------------- */

/* A backend, and its table as the host is given it: with a load of our own. */
static struct {
    const wasinn_backend *real;
    wasinn_backend table;
} known[MOST_BACKENDS];
static size_t known_count;

/* What the load that is in progress fills in. */
static wasinn__bench_model *loading;

static void keep_options(wasinn__bench_model *model, const wasinn_load_request *request) {
    model->options = wasinn__checked(calloc(request->option_count + 1, sizeof *model->options));
    for (size_t i = 0; i < request->option_count; i++)
        model->options[model->option_count++] =
            (wasinn_option){wasinn__checked(strdup(request->options[i].key)),
                            wasinn__checked(strdup(request->options[i].value))};
}

static wasinn_status load(size_t index, void *runtime, const wasinn_load_request *request,
                          wasinn_loaded *loaded, wasinn_message *message) {
    const wasinn_backend *real = known[index].real;
    const char *version = NULL, *path = NULL;
    uint64_t began = wasinn__clock();
    wasinn_status status = real->load(runtime, request, loaded, message);
    if (status != WASINN_OK || loading->table)
        return status;
    real->version(runtime, &version, &path);
    loading->seconds = (double)(wasinn__clock() - began) / 1e9;
    loading->table = real;
    loading->model = loaded->model;
    loading->version = wasinn__checked(strdup(version ? version : ""));
    loading->encoding = request->encoding;
    loading->target = request->target;
    loading->from_cache = loaded->from_store;
    keep_options(loading, request);
    return status;
}

/* An entry is not told which table it was called by. */
#define LOAD(n)                                                                                              \
    static wasinn_status load_##n(void *runtime, const wasinn_load_request *request, wasinn_loaded *loaded,  \
                                  wasinn_message *message) {                                                 \
        return load(n, runtime, request, loaded, message);                                                   \
    }
LOAD(0)
LOAD(1)
LOAD(2)
LOAD(3)
LOAD(4)
LOAD(5)
LOAD(6)
LOAD(7)
LOAD(8)
LOAD(9)
LOAD(10)
LOAD(11)

static const struct {
    wasinn_status (*load)(void *, const wasinn_load_request *, wasinn_loaded *, wasinn_message *);
} loads[MOST_BACKENDS] = {{load_0}, {load_1}, {load_2}, {load_3}, {load_4},  {load_5},
                          {load_6}, {load_7}, {load_8}, {load_9}, {load_10}, {load_11}};

/* The table of the backend that a host tells of; NULL: it has none. */
static const wasinn_backend *table_of(const wasinn_backend_info *info) {
    const wasinn_backend *(*function)(void) = NULL;
    /* The host has it open already. All backends of the command are files. */
    void *library = info->file ? dlopen(info->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    void *symbol = library ? dlsym(library, "wasinn_backend_table") : NULL;
    memcpy(&function, &symbol, sizeof function);
    const wasinn_backend *table = function ? function() : NULL;
    return table && table->abi_version == WASINN_BACKEND_ABI ? table : NULL;
}

static void add_backend(const wasinn_backend *table) {
    wasinn_backend *ours = &known[known_count].table;
    size_t size = table->struct_size < sizeof *ours ? table->struct_size : sizeof *ours;
    memcpy(ours, table, size);
    ours->struct_size = (uint32_t)size;
    ours->load = loads[known_count].load;
    known[known_count++].real = table;
}

/* Of what the command line says, the folders with backends. */
static int apply_folders(const wasinn__bench_options *options, wasinn_host *host) {
    wasinn__models folders = {.list =
                                  wasinn__checked(calloc(options->models.count + 1, sizeof *folders.list))};
    for (size_t i = 0; i < options->models.count; i++)
        if (options->models.list[i].said == WASINN__BACKENDS)
            folders.list[folders.count++] = options->models.list[i];
    int code = wasinn__models_apply(&folders, host, NULL);
    free(folders.list);
    return code;
}

int wasinn__bench_find_backends(const wasinn__bench_options *options) {
    wasinn_host *host;
    wasinn_backend_info info;
    if (wasinn_host_new(&host) != WASINN_OK)
        return refuse_last();
    int code = apply_folders(options, host);
    for (size_t i = 0; code == WASINN__EXIT_OK && known_count < MOST_BACKENDS; i++) {
        if (wasinn_host_backend_info(host, i, &info, sizeof info) != WASINN_OK)
            break;
        /* One that cannot be used has no package; the host says so when it is asked for it. */
        const wasinn_backend *table = info.package ? table_of(&info) : NULL;
        if (table)
            add_backend(table);
    }
    wasinn_host_free(host);
    return code == WASINN__EXIT_NOT_STARTED ? WASINN__EXIT_FAILED : code;
}

/* ---- Loading ------------------------------------------------------------------------------------ */

static const wasinn__saying *model_of(const wasinn__bench_options *options) {
    return &options->models.list[options->models.count - 1];
}

const char *wasinn__bench_option(const wasinn__bench_model *model, const char *key) {
    for (size_t i = 0; i < model->option_count; i++)
        if (strcmp(model->options[i].key, key) == 0)
            return model->options[i].value;
    return NULL;
}

bool wasinn__bench_has_option(const wasinn__bench_model *model, const char *key) {
    for (size_t i = 0; i < model->table->option_key_count; i++)
        if (strcmp(model->table->option_keys[i], key) == 0)
            return true;
    return false;
}

/* Whether --option gave a backend's hint. */
static bool hint_given(const wasinn__bench_options *options, const char *backend) {
    for (size_t i = 0; i < options->models.count; i++) {
        const wasinn__saying *one = &options->models.list[i];
        if (one->said == WASINN__OPTION && strcmp(one->name, backend) == 0 &&
            strcmp(one->option.key, "hint") == 0)
            return true;
    }
    return false;
}

/* For several guests, each backend that has the option is set up for throughput; a model's own options go
 * before that. */
static wasinn_status set_hints(const wasinn__bench_options *options, wasinn_host *host) {
    wasinn_status status = WASINN_OK;
    for (size_t i = 0; i < known_count; i++) {
        const wasinn_backend *table = known[i].real;
        for (size_t key = 0; status == WASINN_OK && key < table->option_key_count; key++)
            if (strcmp(table->option_keys[key], "hint") == 0 && !hint_given(options, table->name))
                status = wasinn_host_set_option(host, table->name, "hint", "throughput");
    }
    return status;
}

static int set_up(const wasinn__bench_options *options, unsigned instances, wasinn__bench_model *model) {
    wasinn_limits limits;
    int code = WASINN__EXIT_OK;
    wasinn_status status = wasinn_host_new(&model->host);
    /* The last that is added comes first. */
    for (size_t i = known_count; status == WASINN_OK && i-- > 0;)
        status = wasinn_host_add_backend(model->host, &known[i].table);
    /* How large tensors may be is not what is measured. */
    wasinn_limits_default(&limits, sizeof limits);
    limits.tensor_bytes = limits.total_bytes = WASINN_UNLIMITED;
    if (status == WASINN_OK)
        status = wasinn_host_set_limits(model->host, &limits);
    if (status == WASINN_OK && options->cache)
        status = wasinn_cache_open(options->cache, 0, &model->cache);
    if (status == WASINN_OK && model->cache)
        wasinn_host_set_cache(model->host, model->cache);
    if (status == WASINN_OK)
        code = wasinn__models_apply(&options->models, model->host, NULL);
    if (code != WASINN__EXIT_OK)
        return code == WASINN__EXIT_NOT_STARTED ? WASINN__EXIT_FAILED : code;
    if (status == WASINN_OK && instances > 1)
        status = set_hints(options, model->host);
    return status == WASINN_OK ? WASINN__EXIT_OK : refuse_last();
}

static int read_ports(wasinn__bench_model *model, int side) {
    char text[WASINN__BENCH_PROBLEM] = "";
    wasinn_message message = {text, sizeof text};
    uint32_t count = model->table->port_count(model->model, (wasinn_direction)side);
    model->ports[side] = wasinn__checked(calloc((size_t)count + 1, sizeof **model->ports));
    model->counts[side] = count;
    for (uint32_t i = 0; i < count; i++)
        if (model->table->port(model->model, (wasinn_direction)side, i, &model->ports[side][i], &message) !=
            WASINN_OK)
            return wasinn__fail(WASINN__EXIT_FAILED, "%s", text);
    return WASINN__EXIT_OK;
}

/* Nothing is to be written beside what is measured. A problem with the cache is none of the model's. */
static void end_keeping(const wasinn__bench_model *model) {
    char text[WASINN__BENCH_PROBLEM];
    if (model->cache)
        wasinn_cache_wait(model->cache);
    if (model->cache && wasinn_cache_problem(model->cache, text, sizeof text))
        wasinn__fail(WASINN__EXIT_OK, "%s", text);
}

int wasinn__bench_load(const wasinn__bench_options *options, unsigned instances, wasinn__bench_model *model) {
    *model = (wasinn__bench_model){0};
    int code = set_up(options, instances, model);
    if (code != WASINN__EXIT_OK)
        return code;
    uint64_t own = wasinn__memory_status("RssAnon:"), mapped = wasinn__memory_status("RssFile:");
    loading = model;
    wasinn_status status = wasinn_host_preload(model->host, model_of(options)->name);
    loading = NULL;
    if (status != WASINN_OK)
        return refuse_last();
    if (!model->table)
        return wasinn__fail(WASINN__EXIT_FAILED, "bench: this model's backend is beyond the first %d",
                            MOST_BACKENDS);
    end_keeping(model);
    model->added = (int64_t)(wasinn__memory_status("RssAnon:") - own);
    model->mapped = (int64_t)(wasinn__memory_status("RssFile:") - mapped);
    code = read_ports(model, WASINN_INPUT);
    return code == WASINN__EXIT_OK ? read_ports(model, WASINN_OUTPUT) : code;
}

void wasinn__bench_unload(wasinn__bench_model *model) {
    for (size_t i = 0; i < model->option_count; i++) {
        free((void *)(uintptr_t)model->options[i].key);
        free((void *)(uintptr_t)model->options[i].value);
    }
    free(model->options);
    free(model->version);
    free(model->ports[0]);
    free(model->ports[1]);
    wasinn_host_free(model->host);
    wasinn_cache_free(model->cache);
    *model = (wasinn__bench_model){0};
}
