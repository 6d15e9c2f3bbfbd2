/* A list of models in JSON. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yyjson.h>

#include "cli.h"
#include "models.h"

enum { MOST_BYTES = 1 << 20, DEPTH = 4 };

typedef struct reader {
    wasinn_host *host;
    wasinn__named *named;
    const char *file;
    char *text;
    size_t size;
    /* Where in the document we are, for messages: the number of a member or element at each depth. */
    size_t place[DEPTH];
    size_t depth;
    char what[128]; /* "models[0]" */
} reader;

/* ---- Lines --------------------------------------------------------------------------------------- */

/* yyjson's values do not know where they were. It has read the text, so that its form needs no check. */

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static const char *closing_quote(const char *at) {
    for (at++; *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at;
}

/* Member or element `index` of the object or array that begins at `at`. */
static const char *item(const char *at, size_t index) {
    size_t depth = 0;
    for (at++; index > 0; at++) {
        if (*at == '"')
            at = closing_quote(at);
        else if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        else if (*at == ',' && depth == 0)
            index--;
    }
    return skip_blanks(at);
}

static size_t line_of(const reader *reader) {
    const char *at = skip_blanks(reader->text);
    for (size_t i = 0; i < reader->depth; i++) {
        bool object = *at == '{';
        at = item(at, reader->place[i]);
        if (object && i + 1 < reader->depth)
            at = skip_blanks(skip_blanks(closing_quote(at) + 1) + 1);
    }
    size_t line = 1;
    for (const char *before = reader->text; before < at; before++)
        line += *before == '\n';
    return line;
}

__attribute__((format(printf, 2, 3))) static int refuse(const reader *reader, const char *format, ...) {
    char text[1536];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s:%zu: %s", reader->file, line_of(reader), text);
}

/* ---- Values -------------------------------------------------------------------------------------- */

static const char *kind_of(yyjson_val *value) {
    if (yyjson_is_raw(value))
        return "a number";
    if (yyjson_is_str(value))
        return "a string";
    if (yyjson_is_obj(value))
        return "an object";
    if (yyjson_is_arr(value))
        return "an array";
    return yyjson_is_null(value) ? "null" : yyjson_is_true(value) ? "true" : "false";
}

/* A string that C can have. */
static int read_text(const reader *reader, const char *key, yyjson_val *value, const char **text) {
    if (!yyjson_is_str(value))
        return refuse(reader, "%s: '%s' is %s; wanted a string", reader->what, key, kind_of(value));
    if (strlen(yyjson_get_str(value)) != yyjson_get_len(value))
        return refuse(reader, "%s: '%s' has a character 0 in it", reader->what, key);
    *text = yyjson_get_str(value);
    return WASINN__EXIT_OK;
}

static int read_key(const reader *reader, yyjson_val *key, const char **text) {
    if (strlen(yyjson_get_str(key)) != yyjson_get_len(key))
        return refuse(reader, "%s: a key has a character 0 in it", reader->what);
    *text = yyjson_get_str(key);
    return WASINN__EXIT_OK;
}

/* ---- Models -------------------------------------------------------------------------------------- */

static int read_option(const reader *reader, const wasinn_model_config *config, yyjson_val *key,
                       yyjson_val *value, wasinn_option *option) {
    int code = read_key(reader, key, &option->key);
    if (code != WASINN__EXIT_OK)
        return code;
    for (size_t i = 0; i < config->option_count; i++)
        if (strcmp(config->options[i].key, option->key) == 0)
            return refuse(reader, "%s: option '%.100s' is given twice", reader->what, option->key);
    if (config->option_count == WASINN__MOST_OPTIONS)
        return refuse(reader, "%s: more than %d options", reader->what, WASINN__MOST_OPTIONS);
    if (yyjson_is_str(value))
        return read_text(reader, option->key, value, &option->value);
    if (yyjson_is_raw(value))
        option->value = yyjson_get_raw(value);
    else if (yyjson_is_bool(value))
        option->value = yyjson_is_true(value) ? "yes" : "no";
    else
        return refuse(reader, "%s: option '%.100s' is %s; wanted a string, a number, true or false",
                      reader->what, option->key, kind_of(value));
    return WASINN__EXIT_OK;
}

static int read_options(reader *reader, yyjson_val *object, wasinn_model_config *config,
                        wasinn_option *options) {
    int code = WASINN__EXIT_OK;
    yyjson_val *key, *value;
    size_t i, count;
    if (!yyjson_is_obj(object))
        return refuse(reader, "%s: 'options' is %s; wanted an object", reader->what, kind_of(object));
    reader->depth = DEPTH;
    yyjson_obj_foreach(object, i, count, key, value) {
        reader->place[DEPTH - 1] = i;
        code = read_option(reader, config, key, value, &options[config->option_count]);
        if (code != WASINN__EXIT_OK)
            return code;
        config->option_count++;
    }
    reader->depth = DEPTH - 1;
    return code;
}

static int read_member(reader *reader, const char *key, yyjson_val *value, const char **name,
                       wasinn_model_config *config) {
    char problem[WASINN__MODEL_PROBLEM];
    const char *text;
    if (strcmp(key, "options") == 0)
        return read_options(reader, value, config, (wasinn_option *)(uintptr_t)config->options);
    int code = read_text(reader, key, value, &text);
    if (code != WASINN__EXIT_OK)
        return code;
    if (strcmp(key, "name") == 0)
        *name = text;
    else if (strcmp(key, "path") == 0 && text[0])
        config->path = text;
    else if (strcmp(key, "path") == 0)
        return refuse(reader, "%s: 'path' is empty", reader->what);
    else if (wasinn__model_set(config, key, text, problem) == WASINN__KEY_WRONG)
        return refuse(reader, "%s: %s", reader->what, problem);
    return WASINN__EXIT_OK;
}

static int read_members(reader *reader, yyjson_val *model, const char **name, wasinn_model_config *config) {
    static const char *const known[] = {"name", "path", "encoding", "target", "backend", "options"};
    enum { KNOWN = sizeof known / sizeof *known };
    bool seen[KNOWN] = {false};
    yyjson_val *member, *value;
    size_t i, count;
    reader->depth = 3;
    yyjson_obj_foreach(model, i, count, member, value) {
        const char *key;
        size_t which = 0;
        reader->place[2] = i;
        int code = read_key(reader, member, &key);
        if (code != WASINN__EXIT_OK)
            return code;
        while (which < KNOWN && strcmp(known[which], key) != 0)
            which++;
        if (which == KNOWN)
            return refuse(
                reader,
                "%s: there is no member '%.100s'; a model has name, path, encoding, target, backend, "
                "options",
                reader->what, key);
        if (seen[which])
            return refuse(reader, "%s: '%s' is given twice", reader->what, key);
        seen[which] = true;
        if ((code = read_member(reader, key, value, name, config)) != WASINN__EXIT_OK)
            return code;
    }
    reader->depth = 2;
    for (size_t which = 0; which < 2; which++)
        if (!seen[which])
            return refuse(reader, "%s: '%s' is missing", reader->what, known[which]);
    return WASINN__EXIT_OK;
}

/* Paths are meant from where the list is. */
static char *path_from(const char *file, const char *path) {
    const char *slash = strrchr(file, '/');
    char *whole;
    int length = path[0] == '/' || !slash ? asprintf(&whole, "%s", path)
                                          : asprintf(&whole, "%.*s%s", (int)(slash - file + 1), file, path);
    return wasinn__checked(length < 0 ? NULL : whole);
}

static int read_model(reader *reader, yyjson_val *model) {
    wasinn_option options[WASINN__MOST_OPTIONS + 1];
    wasinn_model_config config;
    const char *name = NULL;
    reader->depth = 2;
    snprintf(reader->what, sizeof reader->what, "models[%zu]", reader->place[1]);
    if (!yyjson_is_obj(model))
        return refuse(reader, "%s is %s; wanted an object", reader->what, kind_of(model));
    yyjson_val *known = yyjson_obj_get(model, "name");
    if (yyjson_is_str(known))
        snprintf(reader->what, sizeof reader->what, "model '%.100s'", yyjson_get_str(known));
    wasinn_model_config_default(&config, sizeof config);
    config.options = options;
    int code = read_members(reader, model, &name, &config);
    if (code != WASINN__EXIT_OK)
        return code;
    char *path = path_from(reader->file, config.path);
    config.path = path;
    if (wasinn__models_register(reader->host, name, &config, reader->named) != WASINN_OK)
        code = refuse(reader, "%s", wasinn_host_last_error());
    free(path);
    return code;
}

static int read_models(reader *reader, yyjson_val *models) {
    yyjson_val *model;
    size_t i, count;
    if (!yyjson_is_arr(models))
        return refuse(reader, "'models' is %s; wanted an array", kind_of(models));
    yyjson_arr_foreach(models, i, count, model) {
        reader->place[1] = i;
        int code = read_model(reader, model);
        if (code != WASINN__EXIT_OK)
            return code;
    }
    return WASINN__EXIT_OK;
}

static int read_root(reader *reader, yyjson_val *root) {
    yyjson_val *key, *value;
    size_t i, count;
    bool seen = false;
    if (!yyjson_is_obj(root))
        return refuse(reader, "the file is %s; wanted an object with 'models'", kind_of(root));
    yyjson_obj_foreach(root, i, count, key, value) {
        reader->place[0] = i;
        reader->depth = 1;
        if (!yyjson_equals_str(key, "models"))
            return refuse(reader, "there is no member '%.100s'; wanted 'models'", yyjson_get_str(key));
        if (seen)
            return refuse(reader, "'models' is given twice");
        seen = true;
        int code = read_models(reader, value);
        if (code != WASINN__EXIT_OK)
            return code;
    }
    reader->depth = 0;
    return seen ? WASINN__EXIT_OK : refuse(reader, "'models' is missing");
}

/* ---- The file ------------------------------------------------------------------------------------ */

/* Line and column of a byte, from 1; a character is one column. */
static void locate(const reader *reader, size_t offset, size_t *line, size_t *column) {
    *line = *column = 1;
    for (size_t i = 0; i < offset && i < reader->size; i++) {
        unsigned char byte = (unsigned char)reader->text[i];
        if (byte == '\n') {
            ++*line;
            *column = 1;
        } else if ((byte & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

static int parse(reader *reader) {
    yyjson_read_err error;
    size_t line, column;
    /* A number goes on to the backend as it is written. */
    yyjson_doc *document =
        yyjson_read_opts(reader->text, reader->size, YYJSON_READ_NUMBER_AS_RAW, NULL, &error);
    if (!document) {
        locate(reader, error.pos, &line, &column);
        return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s:%zu: column %zu: not JSON: %s", reader->file, line,
                            column, error.msg);
    }
    int code = read_root(reader, yyjson_doc_get_root(document));
    yyjson_doc_free(document);
    return code;
}

static int refuse_file(const char *file, const char *why) {
    return wasinn__fail(WASINN__EXIT_NOT_STARTED, "--models: '%s': %s", file, why);
}

/* The size, or -1 on an error. */
static ssize_t read_whole(int descriptor, char *text, size_t most) {
    size_t size = 0;
    ssize_t count;
    while (size < most && (count = read(descriptor, text + size, most - size)) != 0) {
        if (count < 0 && errno != EINTR)
            return -1;
        size += count < 0 ? 0 : (size_t)count;
    }
    return (ssize_t)size;
}

static int read_file(reader *reader, int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return refuse_file(reader->file, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return refuse_file(reader->file, "a folder, not a file");
    if (!S_ISREG(status.st_mode))
        return refuse_file(reader->file, "not a regular file");
    reader->text = wasinn__checked(malloc(MOST_BYTES + 2));
    ssize_t size = read_whole(descriptor, reader->text, MOST_BYTES + 1);
    if (size < 0)
        return refuse_file(reader->file, strerror(errno));
    if (size > MOST_BYTES)
        return refuse_file(reader->file, "larger than the limit of 1 MiB");
    if (size == 0)
        return refuse_file(reader->file, "the file is empty");
    reader->size = (size_t)size;
    reader->text[size] = '\0';
    return parse(reader);
}

int wasinn__models_read(wasinn_host *host, const char *file, wasinn__named *named) {
    reader reader = {.host = host, .named = named, .file = file};
    /* The opening of a pipe would wait for a writer. */
    int descriptor = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return refuse_file(file, strerror(errno));
    int code = read_file(&reader, descriptor);
    close(descriptor);
    free(reader.text);
    return code;
}
