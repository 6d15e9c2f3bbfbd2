/* wasinn backends: which ML runtimes there are, and which models they load. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "cli.h"
#include "wasinn/wasinn.h"

static const char help[] =
    "usage: wasinn backends [--json] [--backends FOLDERS]\n"
    "\n"
    "Lists the backends: what they load, with which ML runtime, of which version, where it was found, which\n"
    "devices it has and which options it takes; or why it is missing, and which package brings it.\n"
    "\n"
    "A backend is a file libwasinn-NAME.so. Those that came with wasinn are found by themselves; more are\n"
    "looked for in the folders of --backends and of the variable WASINN_BACKENDS, which come first.\n"
    "\n"
    "  wasinn backends\n"
    "  wasinn backends --json\n"
    "\n"
    "options:\n"
    "  --json               the same for programs\n"
    "  --backends FOLDERS   more folders, with colons between them\n"
    "  -h, --help           shows this\n"
    "\n"
    "Exit codes: 0; 1 there is no backend at all; 2 wrong usage.\n";

/* The formats that wasi-nn names; autodetect, the last, is none. */
enum { ENCODINGS = WASINN_ENCODING_AUTODETECT };

/* The backends of a host; free the list. */
static wasinn_backend_info *list_backends(wasinn_host *host, size_t *count) {
    wasinn_backend_info *list = NULL;
    for (*count = 0;; ++*count) {
        list = wasinn__checked(realloc(list, (*count + 1) * sizeof *list));
        if (wasinn_host_backend_info(host, *count, &list[*count], sizeof *list) != WASINN_OK)
            return list;
    }
}

static const char *shown(const char *text, char out[4096]) {
    return wasinn_escape(text, strlen(text), out, 4096);
}

/* ---- For people ---------------------------------------------------------------------------------- */

/* Where lines are broken, between words. */
enum { WIDTH = 96 };

/* Ends a line, which has come to a column already, with a text that goes on there in further lines. */
static void print_wrapped(const char *text, int column) {
    int at = column;
    for (const char *word = text; *word;) {
        int length = (int)strcspn(word, " ");
        if (at > column && at + 1 + length > WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        }
        at += printf("%s%.*s", at > column ? " " : "", length, word);
        word += length;
        word += strspn(word, " ");
    }
    putchar('\n');
}

static void print_line(const char *title, const char *text) {
    char escaped[4096];
    print_wrapped(shown(text, escaped), printf("  %-10s ", title));
}

static void print_list(const char *title, const char *const *items, size_t count) {
    char text[4096];
    if (count == 0)
        return;
    printf("  %-10s", title);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i ? ", " : " ", shown(items[i], text));
    putchar('\n');
}

static void print_encodings(const wasinn_backend_info *info) {
    if (info->encoding_count == 0)
        return;
    fputs("  loads     ", stdout);
    for (size_t i = 0; i < info->encoding_count; i++)
        printf("%s%s", i ? ", " : " ",
               info->encodings[i] == WASINN_ENCODING_AUTODETECT ? "models of its own format"
                                                                : wasinn_encoding_name(info->encodings[i]));
    putchar('\n');
}

static void print_options(const wasinn_backend_info *info) {
    char text[4096];
    int width = 0;
    for (size_t i = 0; i < info->option_count; i++) {
        int length = (int)strlen(info->option_keys[i]);
        width = length > width && length <= 20 ? length : width;
    }
    for (size_t i = 0; i < info->option_count; i++) {
        const char *what = info->option_texts ? info->option_texts[i] : "";
        int column = printf("  %-10s %-*s  ", i ? "" : "options", width, shown(info->option_keys[i], text));
        print_wrapped(shown(what ? what : "", text), column);
    }
}

static void print_backend(const wasinn_backend_info *info) {
    char text[4096];
    printf("%s", shown(info->name, text));
    if (info->version)
        printf(" %s\n", shown(info->version, text));
    else
        puts(": not available");
    if (!info->version)
        print_line("why", info->problem);
    if (!info->version && info->package)
        print_line("needs", info->package);
    print_encodings(info);
    print_list("devices", info->devices, info->device_count);
    if (info->path)
        print_line("library", info->path);
    print_line("backend", info->file ? info->file : "part of wasinn");
    print_options(info);
    putchar('\n');
}

/* What is to be done about an encoding that no backend serves. */
static const char *remedy(wasinn_encoding encoding) {
    switch (encoding) {
    case WASINN_ENCODING_PYTORCH:
        return "nothing in this version: convert the model to ONNX or OpenVINO (docs/models.md)";
    case WASINN_ENCODING_GGML:
        return "nothing in this version";
    default:
        return "nothing here";
    }
}

static void print_summary(const wasinn_backend_info *list, size_t count) {
    char text[4096];
    puts("encoding         loaded by");
    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        size_t found = 0;
        printf("%-16s", wasinn_encoding_name((wasinn_encoding)encoding));
        for (size_t i = 0; i < count; i++)
            if (list[i].version && wasinn__info_serves(&list[i], (wasinn_encoding)encoding))
                printf("%s %s", found++ ? ", or" : "", shown(list[i].name, text));
        printf("%s%s\n", found ? "" : " ", found ? "" : remedy((wasinn_encoding)encoding));
    }
}

/* ---- As JSON ------------------------------------------------------------------------------------- */

static void put_text(yyjson_mut_doc *json, yyjson_mut_val *object, const char *key, const char *text) {
    char escaped[4096];
    if (text && text[0])
        yyjson_mut_obj_add_strcpy(json, object, key, shown(text, escaped));
    else
        yyjson_mut_obj_add_null(json, object, key);
}

static yyjson_mut_val *json_of(yyjson_mut_doc *json, const wasinn_backend_info *info) {
    yyjson_mut_val *object = yyjson_mut_obj(json), *encodings = yyjson_mut_arr(json),
                   *devices = yyjson_mut_arr(json), *options = yyjson_mut_obj(json);
    char text[4096];
    put_text(json, object, "name", info->name);
    yyjson_mut_obj_add_bool(json, object, "available", info->version != NULL);
    put_text(json, object, "version", info->version);
    put_text(json, object, "library", info->path);
    put_text(json, object, "backend", info->file);
    put_text(json, object, "package", info->package);
    put_text(json, object, "problem", info->problem);
    for (size_t i = 0; i < info->encoding_count; i++)
        yyjson_mut_arr_add_str(json, encodings, wasinn_encoding_name(info->encodings[i]));
    yyjson_mut_obj_add_val(json, object, "encodings", encodings);
    for (size_t i = 0; i < info->device_count; i++)
        yyjson_mut_arr_add_strcpy(json, devices, shown(info->devices[i], text));
    yyjson_mut_obj_add_val(json, object, "devices", devices);
    for (size_t i = 0; i < info->option_count; i++) {
        yyjson_mut_val *key = yyjson_mut_strcpy(json, shown(info->option_keys[i], text));
        const char *what = info->option_texts && info->option_texts[i] ? info->option_texts[i] : "";
        yyjson_mut_obj_add(options, key, yyjson_mut_strcpy(json, shown(what, text)));
    }
    yyjson_mut_obj_add_val(json, object, "options", options);
    return object;
}

static void print_json(const wasinn_backend_info *list, size_t count) {
    yyjson_mut_doc *json = wasinn__checked(yyjson_mut_doc_new(NULL));
    yyjson_mut_val *root = yyjson_mut_obj(json), *backends = yyjson_mut_arr(json),
                   *encodings = yyjson_mut_obj(json);
    char text[4096];
    yyjson_mut_doc_set_root(json, root);
    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_append(backends, json_of(json, &list[i]));
    yyjson_mut_obj_add_val(json, root, "backends", backends);
    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        yyjson_mut_val *names = yyjson_mut_arr(json);
        for (size_t i = 0; i < count; i++)
            if (list[i].version && wasinn__info_serves(&list[i], (wasinn_encoding)encoding))
                yyjson_mut_arr_add_strcpy(json, names, shown(list[i].name, text));
        yyjson_mut_obj_add(encodings, yyjson_mut_str(json, wasinn_encoding_name((wasinn_encoding)encoding)),
                           names);
    }
    yyjson_mut_obj_add_val(json, root, "encodings", encodings);
    yyjson_mut_write_fp(stdout, json, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL, NULL);
    putchar('\n');
    yyjson_mut_doc_free(json);
}

/* ---- The command --------------------------------------------------------------------------------- */

static int list_all(wasinn_host *host, bool json) {
    size_t count;
    wasinn_backend_info *list = list_backends(host, &count);
    if (json)
        print_json(list, count);
    for (size_t i = 0; !json && i < count; i++)
        print_backend(&list[i]);
    if (!json && count > 0)
        print_summary(list, count);
    free(list);
    int code = wasinn__flush_stdout();
    if (code == WASINN__EXIT_OK && count == 0)
        return wasinn__fail(
            WASINN__EXIT_FAILED,
            "there is no backend: the files libwasinn-NAME.so that came with wasinn are missing");
    return code;
}

static int run(const char *folders, bool json) {
    wasinn_host *host;
    if (wasinn_host_new(&host) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s", wasinn_host_last_error());
    int code = WASINN__EXIT_OK;
    if (folders && wasinn_host_set_backend_path(host, folders) != WASINN_OK)
        code = wasinn__fail(WASINN__EXIT_FAILED, "%s", wasinn_host_last_error());
    if (code == WASINN__EXIT_OK)
        code = list_all(host, json);
    wasinn_host_free(host);
    return code;
}

int wasinn__backends_command(int argc, char **argv) {
    char *folders = NULL;
    bool json = false, helped = false;
    int code = wasinn__parse_listing("backends", help, argc, argv, &folders, &json, &helped);
    if (code == WASINN__EXIT_OK && !helped && optind != argc)
        code = wasinn__fail_usage("backends", "expected options only, got '%.100s'", argv[optind]);
    if (code == WASINN__EXIT_OK && !helped)
        code = run(folders, json);
    free(folders);
    return code;
}
