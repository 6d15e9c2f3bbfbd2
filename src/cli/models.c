#include "models.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* The encodings that there are. */
#define ENCODINGS "openvino, onnx, tensorflow, pytorch, tensorflowlite, ggml"

static int refuse_last(void) {
    return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
}

/* ---- What the options say ------------------------------------------------------------------------ */

wasinn__key_kind wasinn__model_set(wasinn_model_config *config, const char *key, const char *value,
                                   char *problem) {
    if (strcmp(key, "backend") == 0) {
        config->backend = value;
        return WASINN__KEY_SET;
    }
    if (strcmp(key, "encoding") == 0) {
        if (wasinn_encoding_parse(value, &config->encoding))
            return WASINN__KEY_SET;
        snprintf(problem, WASINN__MODEL_PROBLEM,
                 "'%.100s' is not an encoding; wanted " ENCODINGS " or autodetect", value);
        return WASINN__KEY_WRONG;
    }
    if (strcmp(key, "target") == 0) {
        if (wasinn_target_parse(value, &config->target))
            return WASINN__KEY_SET;
        snprintf(problem, WASINN__MODEL_PROBLEM, "'%.100s' is not a target; wanted cpu, gpu, npu or auto",
                 value);
        return WASINN__KEY_WRONG;
    }
    return WASINN__KEY_OTHER;
}

/* Cuts the first part off a text, up to a comma; two commas together are one that belongs to the part. */
static char *next_part(char **rest) {
    char *part = *rest, *to = part;
    const char *from = part;
    for (; *from && (from[0] != ',' || from[1] == ','); from++) {
        if (*from == ',')
            from++;
        *to++ = *from;
    }
    *rest = *from ? part + (from - part) + 1 : NULL;
    *to = '\0';
    return part;
}

/* "KEY=VALUE" to KEY and VALUE; NULL when there is no key or no `=`. */
static char *cut(char *text, char mark) {
    char *at = strchr(text, mark);
    if (!at || at == text)
        return NULL;
    *at = '\0';
    return at + 1;
}

static int take_parts(wasinn__saying *saying, wasinn_option *options, char *rest) {
    wasinn_model_config *config = &saying->config;
    char problem[WASINN__MODEL_PROBLEM];
    size_t given = 0;
    while (rest) {
        char *key = next_part(&rest), *value = cut(key, '=');
        if (!value)
            return wasinn__fail(WASINN__EXIT_USAGE,
                                "--model %s: '%s': wanted KEY=VALUE; a comma in a path is written ,,",
                                saying->name, key);
        for (size_t i = 0; i < given; i++)
            if (strcmp(options[i].key, key) == 0)
                return wasinn__fail(WASINN__EXIT_USAGE, "--model %s: '%s' is given twice", saying->name, key);
        if (given == WASINN__MOST_OPTIONS)
            return wasinn__fail(WASINN__EXIT_USAGE, "--model %s: more than %d options", saying->name,
                                WASINN__MOST_OPTIONS);
        options[given++] = (wasinn_option){key, value};
    }
    for (size_t i = 0; i < given; i++) {
        switch (wasinn__model_set(config, options[i].key, options[i].value, problem)) {
        case WASINN__KEY_SET:
            break;
        case WASINN__KEY_WRONG:
            return wasinn__fail(WASINN__EXIT_USAGE, "--model %s: %s", saying->name, problem);
        case WASINN__KEY_OTHER:
            options[config->option_count++] = options[i];
        }
    }
    return WASINN__EXIT_OK;
}

static int take_model(wasinn__saying *saying, char *text) {
    char *whole = wasinn__checked(strdup(text)), *rest = cut(text, '=');
    const char *path = rest ? next_part(&rest) : NULL;
    int code = WASINN__EXIT_OK;
    if (!path || !path[0])
        code = wasinn__fail(WASINN__EXIT_USAGE, "--model '%s': wanted NAME=PATH[,KEY=VALUE]...", whole);
    free(whole);
    if (code != WASINN__EXIT_OK)
        return code;
    wasinn_option *options = wasinn__checked(calloc(WASINN__MOST_OPTIONS, sizeof *options));
    wasinn_model_config_default(&saying->config, sizeof saying->config);
    saying->name = text;
    saying->config.path = path;
    saying->config.options = options;
    return take_parts(saying, options, rest);
}

static int take_graph(wasinn__saying *saying, char *text) {
    char *colons = strstr(text, "::");
    if (!colons)
        return wasinn__fail(WASINN__EXIT_USAGE, "--nn-graph '%s': wanted ENCODING::DIR", text);
    *colons = '\0';
    wasinn_model_config_default(&saying->config, sizeof saying->config);
    if (!wasinn_encoding_parse(text, &saying->config.encoding) ||
        saying->config.encoding == WASINN_ENCODING_AUTODETECT)
        return wasinn__fail(WASINN__EXIT_USAGE,
                            "--nn-graph '%s::%s': '%s' is not an encoding of files; wanted " ENCODINGS, text,
                            colons + 2, text);
    saying->path = colons + 2;
    for (size_t length = strlen(saying->path); length > 1 && colons[length + 1] == '/'; length--)
        colons[length + 1] = '\0';
    return WASINN__EXIT_OK;
}

static int take_folders(wasinn__saying *saying, const char *text) {
    size_t length = strlen(text);
    if (length == 0 || text[0] == ':' || text[length - 1] == ':' || strstr(text, "::"))
        return wasinn__fail(WASINN__EXIT_USAGE, "--backends '%s': wanted DIR[:DIR]...", text);
    saying->path = text;
    return WASINN__EXIT_OK;
}

static int take_numbering(wasinn__saying *saying, const char *text) {
    static const char *const known[] = {
        [WASINN_NUMBERING_AUTO] = "auto",
        [WASINN_NUMBERING_WITX] = "witx",
        [WASINN_NUMBERING_WIT] = "wit",
        [WASINN_NUMBERING_OLD] = "old",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(text, known[i]) == 0) {
            saying->numbering = (wasinn_numbering)i;
            return WASINN__EXIT_OK;
        }
    }
    return wasinn__fail(WASINN__EXIT_USAGE, "--abi '%s': wanted auto, witx, wit or old", text);
}

static int take_preference(wasinn__saying *saying, char *text) {
    char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return wasinn__fail(WASINN__EXIT_USAGE, "--backend '%s': wanted ENCODING=NAME", text);
    *equals = '\0';
    if (!wasinn_encoding_parse(text, &saying->encoding))
        return wasinn__fail(WASINN__EXIT_USAGE,
                            "--backend '%s=%s': '%s' is not an encoding; wanted " ENCODINGS " or autodetect",
                            text, equals + 1, text);
    saying->name = equals + 1;
    return WASINN__EXIT_OK;
}

static int take_option(wasinn__saying *saying, char *text) {
    char *colon = strchr(text, ':'), *equals = colon ? strchr(colon, '=') : NULL;
    if (!equals || colon == text || equals == colon + 1)
        return wasinn__fail(WASINN__EXIT_USAGE, "--option '%s': wanted BACKEND:KEY=VALUE", text);
    *colon = *equals = '\0';
    saying->name = text;
    saying->option = (wasinn_option){colon + 1, equals + 1};
    return WASINN__EXIT_OK;
}

/* What one of them would undo. */
static int check_repeated(const wasinn__models *models, const wasinn__saying *last) {
    for (const wasinn__saying *one = models->list; one < last; one++) {
        if (one->said != last->said)
            continue;
        if (last->said == WASINN__PREFER && one->encoding == last->encoding)
            return wasinn__fail(WASINN__EXIT_USAGE, "--backend: two for %s, '%s' and '%s'",
                                wasinn_encoding_name(last->encoding), one->name, last->name);
        if (last->said == WASINN__OPTION && strcmp(one->name, last->name) == 0 &&
            strcmp(one->option.key, last->option.key) == 0)
            return wasinn__fail(WASINN__EXIT_USAGE, "--option: '%s:%s' is given twice", last->name,
                                last->option.key);
    }
    return WASINN__EXIT_OK;
}

int wasinn__models_add(wasinn__models *models, wasinn__said said, char *value) {
    wasinn__saying *saying = &models->list[models->count++];
    int code = WASINN__EXIT_OK;
    saying->said = said;
    switch (said) {
    case WASINN__BACKENDS:
        return take_folders(saying, value);
    case WASINN__NUMBERING:
        return take_numbering(saying, value);
    case WASINN__PREFER:
        code = take_preference(saying, value);
        break;
    case WASINN__OPTION:
        code = take_option(saying, value);
        break;
    case WASINN__MODEL:
        return take_model(saying, value);
    case WASINN__GRAPH:
        return take_graph(saying, value);
    case WASINN__LIST:
        saying->path = value;
        break;
    }
    return code == WASINN__EXIT_OK ? check_repeated(models, saying) : code;
}

bool wasinn__models_sets(const wasinn__models *models, const char *backend, const char *key) {
    for (const wasinn__saying *one = models->list; one < models->list + models->count; one++)
        if (one->said == WASINN__OPTION && strcmp(one->name, backend) == 0 &&
            strcmp(one->option.key, key) == 0)
            return true;
    return false;
}

void wasinn__models_free(wasinn__models *models) {
    for (size_t i = 0; i < models->count; i++)
        free((void *)(uintptr_t)models->list[i].config.options);
    free(models->list);
}

/* ---- Folders of models --------------------------------------------------------------------------- */

static bool is_file(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISREG(information.st_mode);
}

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...) {
    va_list arguments;
    char *text;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return wasinn__checked(length < 0 ? NULL : text);
}

static const char *suffix_of(wasinn_encoding encoding) {
    switch (encoding) {
    case WASINN_ENCODING_ONNX:
        return ".onnx";
    case WASINN_ENCODING_TENSORFLOW:
        return ".pb";
    case WASINN_ENCODING_PYTORCH:
        return ".pt";
    case WASINN_ENCODING_TENSORFLOWLITE:
        return ".tflite";
    case WASINN_ENCODING_GGML:
        return ".gguf";
    default:
        return NULL;
    }
}

static bool has_suffix(const char *name, const char *suffix) {
    size_t length = strlen(name), wanted = strlen(suffix);
    return length > wanted && strcmp(name + length - wanted, suffix) == 0;
}

/* The only file with that suffix; else NULL, and how many there are. */
static char *only_file(const char *folder, const char *suffix, size_t *count) {
    DIR *directory = opendir(folder);
    char *found = NULL;
    *count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char *path = text_of("%s/%s", folder, entry->d_name);
        bool fits = has_suffix(entry->d_name, suffix) && is_file(path);
        if (fits && ++*count == 1)
            found = path;
        else
            free(path);
    }
    if (directory)
        closedir(directory);
    if (*count == 1)
        return found;
    free(found);
    return NULL;
}

/* The model in a folder: a file, or the folder itself where that is a model of its encoding. */
static int find_model(const char *folder, wasinn_encoding encoding, char **model) {
    const char *suffix = suffix_of(encoding);
    size_t count = 0;
    bool whole = suffix == NULL;
    if (encoding == WASINN_ENCODING_TENSORFLOW) {
        char *saved = text_of("%s/saved_model.pb", folder);
        whole = is_file(saved);
        free(saved);
    }
    char *path = whole ? text_of("%s", folder) : text_of("%s/model%s", folder, suffix);
    if (!whole && !is_file(path)) {
        free(path);
        path = only_file(folder, suffix, &count);
    }
    *model = path;
    if (path)
        return WASINN__EXIT_OK;
    return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--nn-graph: the folder '%s' has no %smodel%s and %s *%s%s",
                        folder, encoding == WASINN_ENCODING_TENSORFLOW ? "saved_model.pb, no " : "", suffix,
                        count == 0 ? "no other" : "more than one", suffix,
                        count == 0 ? "" : " of other names");
}

/* The model is named as its folder is here, which may be a link; "." and "/" have no name of their own. */
static int add_folder_model(wasinn_host *host, const wasinn__saying *saying, wasinn__named *named) {
    const char *folder = saying->path;
    wasinn_model_config config = saying->config;
    struct stat information;
    if (stat(folder, &information) != 0)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--nn-graph: folder '%s': %s", folder, strerror(errno));
    if (!S_ISDIR(information.st_mode))
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--nn-graph: '%s' is not a folder", folder);
    if (access(folder, R_OK | X_OK) != 0)
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--nn-graph: folder '%s': %s", folder, strerror(errno));
    char *real = NULL, *model = NULL;
    const char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : folder;
    if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        folder = real = wasinn__checked(realpath(folder, NULL));
        name = strcmp(real, "/") == 0 ? real : strrchr(real, '/') + 1;
    }
    int code = find_model(folder, config.encoding, &model);
    config.path = model;
    if (code == WASINN__EXIT_OK && wasinn__models_register(host, name, &config, named) != WASINN_OK)
        code = refuse_last();
    free(model);
    free(real);
    return code;
}

/* ---- What was registered ------------------------------------------------------------------------- */

/* What a model is, as far as it can be told without looking at it. */
static wasinn_encoding encoding_of(const wasinn_model_config *config) {
    if (config->backend)
        return WASINN_ENCODING_AUTODETECT;
    if (config->encoding != WASINN_ENCODING_AUTODETECT)
        return config->encoding;
    if (has_suffix(config->path, ".xml"))
        return WASINN_ENCODING_OPENVINO;
    for (int encoding = WASINN_ENCODING_ONNX; encoding < WASINN_ENCODING_AUTODETECT; encoding++)
        if (has_suffix(config->path, suffix_of((wasinn_encoding)encoding)))
            return (wasinn_encoding)encoding;
    return WASINN_ENCODING_AUTODETECT;
}

wasinn_status wasinn__models_register(wasinn_host *host, const char *name, const wasinn_model_config *config,
                                      wasinn__named *named) {
    wasinn_status status = wasinn_host_register(host, name, config);
    if (status != WASINN_OK || !named)
        return status;
    wasinn_encoding encoding = encoding_of(config);
    if (named->count++ == 0) {
        named->first = wasinn__checked(strdup(name));
        named->encoding = encoding;
    } else if (named->encoding != encoding) {
        named->encoding = WASINN_ENCODING_AUTODETECT;
    }
    return WASINN_OK;
}

/* ---- Telling the host ---------------------------------------------------------------------------- */

static int check_folders(const char *folders) {
    struct stat information;
    int code = WASINN__EXIT_OK;
    char *copy = wasinn__checked(strdup(folders)), *rest = copy;
    for (const char *folder; code == WASINN__EXIT_OK && (folder = strsep(&rest, ":"));) {
        if (stat(folder, &information) != 0)
            code = wasinn__fail(WASINN__EXIT_NOT_STARTED, "--backends: folder '%s': %s", folder,
                                strerror(errno));
        else if (!S_ISDIR(information.st_mode))
            code = wasinn__fail(WASINN__EXIT_NOT_STARTED, "--backends: '%s' is not a folder", folder);
    }
    free(copy);
    return code;
}

static int apply_folders(const wasinn__models *models, wasinn_host *host) {
    char *folders = NULL;
    int code = WASINN__EXIT_OK;
    for (size_t i = 0; code == WASINN__EXIT_OK && i < models->count; i++) {
        const wasinn__saying *saying = &models->list[i];
        if (saying->said != WASINN__BACKENDS)
            continue;
        wasinn__add_folders(&folders, saying->path);
        code = check_folders(saying->path);
    }
    if (code == WASINN__EXIT_OK && folders && wasinn_host_set_backend_path(host, folders) != WASINN_OK)
        code = refuse_last();
    free(folders);
    return code;
}

static int apply_one(const wasinn__saying *saying, wasinn_host *host, wasinn__named *named) {
    wasinn_status status = WASINN_OK;
    switch (saying->said) {
    case WASINN__BACKENDS:
        break;
    case WASINN__NUMBERING:
        status = wasinn_host_set_numbering(host, saying->numbering);
        break;
    case WASINN__PREFER:
        status = wasinn_host_prefer(host, saying->encoding, saying->name);
        break;
    case WASINN__OPTION:
        status = wasinn_host_set_option(host, saying->name, saying->option.key, saying->option.value);
        break;
    case WASINN__MODEL:
        status = wasinn__models_register(host, saying->name, &saying->config, named);
        break;
    case WASINN__GRAPH:
        return add_folder_model(host, saying, named);
    case WASINN__LIST:
        return wasinn__models_read(host, saying->path, named);
    }
    return status == WASINN_OK ? WASINN__EXIT_OK : refuse_last();
}

int wasinn__models_apply(const wasinn__models *models, wasinn_host *host, wasinn__named *named) {
    int code = apply_folders(models, host);
    /* Models are one step, so that they keep their order whatever option names them. */
    for (int step = WASINN__NUMBERING; step <= WASINN__MODEL; step++) {
        for (size_t i = 0; code == WASINN__EXIT_OK && i < models->count; i++) {
            wasinn__said said = models->list[i].said;
            if ((int)said == step || (step == WASINN__MODEL && said > WASINN__MODEL))
                code = apply_one(&models->list[i], host, named);
        }
    }
    return code;
}
