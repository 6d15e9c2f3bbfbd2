/* wasinn cache: what is kept for the next process. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <yyjson.h>

#include "cli.h"
#include "wasinn/cache.h"

static const char help[] =
    "usage: wasinn cache list|check|clear [options]\n"
    "\n"
    "Looks after the cache: the folder that keeps compiled models and modules for the next process. It is "
    "that of\n"
    "--cache, else of the variable WASINN_CACHE, else $XDG_CACHE_HOME/wasinn, else ~/.cache/wasinn. Hosts "
    "may use\n"
    "it meanwhile: what they have in use stays with them. Files that are no entries are left alone.\n"
    "\n"
    "  wasinn cache list                  shows the entries, the last used first\n"
    "  wasinn cache check                 reads each entry whole and tells those that are damaged\n"
    "  wasinn cache clear                 removes all entries, or those that the options say\n"
    "  wasinn cache clear --older-than 30\n"
    "\n"
    "options:\n"
    "  --cache DIR          the folder\n"
    "  --older-than DAYS    clears what was not used for so long; may be a fraction\n"
    "  --kind KIND          clears entries of this kind, such as model or module\n"
    "  --damaged            clears what `check` tells\n"
    "  --json               the same for programs\n"
    "  -h, --help           shows this\n"
    "\n"
    "Exit codes: 0; 1 it failed, or `check` found damage; 2 wrong usage.\n";

#define fail_usage(...) wasinn__fail_usage("cache", __VA_ARGS__)

typedef enum action { LIST, CHECK, CLEAR, NO_ACTION } action;

typedef struct options {
    action action;
    const char *folder, *kind; /* or NULL */
    double older_than;         /* days; negative: not given */
    bool damaged, json;
} options;

/* ---- The command line --------------------------------------------------------------------------- */

enum { FOLDER = 1, OLDER, KIND, DAMAGED, JSON };

static int take(options *options, int option, const char *value) {
    char *end;
    switch (option) {
    case FOLDER:
        options->folder = value;
        return WASINN__EXIT_OK;
    case OLDER:
        options->older_than = strtod(value, &end);
        if (end == value || *end || !(options->older_than >= 0 && options->older_than <= 1e6))
            return fail_usage("--older-than %.100s: expected a number of days", value);
        return WASINN__EXIT_OK;
    case KIND:
        options->kind = value;
        return WASINN__EXIT_OK;
    case DAMAGED:
        options->damaged = true;
        return WASINN__EXIT_OK;
    default:
        options->json = true;
        return WASINN__EXIT_OK;
    }
}

static int take_action(options *options, int argc, char **argv) {
    static const char *const names[] = {"list", "check", "clear"};
    if (argc - optind < 1)
        return fail_usage("expected list, check or clear");
    if (argc - optind > 1)
        return fail_usage("expected one of list, check and clear, got '%.100s' besides", argv[optind + 1]);
    while (options->action < NO_ACTION && strcmp(argv[optind], names[options->action]) != 0)
        options->action++;
    if (options->action == NO_ACTION)
        return fail_usage("expected list, check or clear, got '%.100s'", argv[optind]);
    if (options->action != CLEAR && (options->older_than >= 0 || options->kind || options->damaged))
        return fail_usage("--older-than, --kind and --damaged are for clear");
    return WASINN__EXIT_OK;
}

static int parse(options *options, int argc, char **argv, bool *helped) {
    static const struct option known[] = {
        {"cache", required_argument, NULL, FOLDER},
        {"older-than", required_argument, NULL, OLDER},
        {"kind", required_argument, NULL, KIND},
        {"damaged", no_argument, NULL, DAMAGED},
        {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, code = WASINN__EXIT_OK;
    *options = (struct options){.older_than = -1};
    optind = 0;
    opterr = 0;
    while (code == WASINN__EXIT_OK && (option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            *helped = true;
            return wasinn__print_help(help);
        }
        code = option == ':' || option == '?' ? wasinn__fail_option("cache", option, argv)
                                              : take(options, option, optarg);
    }
    return code == WASINN__EXIT_OK ? take_action(options, argc, argv) : code;
}

/* ---- Its folder --------------------------------------------------------------------------------- */

/* Opening makes a folder that is not there, which nobody who looks would want. */
static int find_folder(const options *options, char path[PATH_MAX], bool *there) {
    const char *named = getenv("WASINN_CACHE");
    struct stat status;
    if (!options->folder && named && strcmp(named, "off") == 0)
        return wasinn__fail(WASINN__EXIT_FAILED,
                            "cache: WASINN_CACHE is 'off': name the folder that is meant with --cache");
    if (options->folder && !options->folder[0])
        return fail_usage("--cache: expected a folder");
    if (options->folder ? snprintf(path, PATH_MAX, "%s", options->folder) >= PATH_MAX
                        : !wasinn_cache_default_folder(path, PATH_MAX))
        return wasinn__fail(WASINN__EXIT_FAILED,
                            "cache: neither --cache, WASINN_CACHE, XDG_CACHE_HOME nor HOME names a folder");
    *there = stat(path, &status) == 0;
    if (!*there && (errno != ENOENT || options->folder))
        return wasinn__fail(WASINN__EXIT_FAILED, "cache '%s': %s", path, strerror(errno));
    if (*there && !S_ISDIR(status.st_mode))
        return wasinn__fail(WASINN__EXIT_FAILED, "cache '%s': not a folder", path);
    return WASINN__EXIT_OK;
}

/* ---- Entries ------------------------------------------------------------------------------------ */

typedef struct entry {
    char *name, *kind, *label, *problem; /* owned; the problem may be NULL */
    uint64_t bytes;
    int64_t used;
    bool removed;
} entry;

typedef struct entries {
    const options *options;
    bool there; /* the folder */
    entry *list;
    size_t count, damaged, removed;
    uint64_t bytes, removed_bytes;
    int64_t now;
} entries;

static char *copy(const char *text) {
    return wasinn__checked(strdup(text));
}

static bool is_to_go(const entries *entries, const wasinn_cache_info *info) {
    const options *options = entries->options;
    if (options->action != CLEAR || (options->damaged && !info->problem) ||
        (options->kind && strcmp(options->kind, info->kind) != 0))
        return false;
    return options->older_than < 0 || (double)(entries->now - info->used) > options->older_than * 86400;
}

static bool keep(void *data, const wasinn_cache_info *info) {
    entries *entries = data;
    bool removed = is_to_go(entries, info);
    if ((entries->count & (entries->count + 1)) == 0)
        entries->list =
            wasinn__checked(realloc(entries->list, (2 * entries->count + 2) * sizeof *entries->list));
    entries->list[entries->count++] = (entry){copy(info->name),
                                              copy(info->kind),
                                              copy(info->label),
                                              info->problem ? copy(info->problem) : NULL,
                                              info->bytes,
                                              info->used,
                                              removed};
    entries->damaged += info->problem != NULL;
    entries->removed += removed;
    entries->bytes += info->bytes;
    entries->removed_bytes += removed ? info->bytes : 0;
    return removed;
}

static void free_entries(entries *entries) {
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->list[i].name);
        free(entries->list[i].kind);
        free(entries->list[i].label);
        free(entries->list[i].problem);
    }
    free(entries->list);
}

static int read_entries(const char *path, entries *entries) {
    wasinn_cache *cache;
    char text[1024];
    bool whole = entries->options->action == CHECK || entries->options->damaged;
    int code = WASINN__EXIT_OK;
    if (wasinn_cache_open(path, 0, &cache) != WASINN_OK)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s", wasinn_host_last_error());
    if (wasinn_cache_each(cache, whole, keep, entries) != WASINN_OK)
        code = wasinn__fail(WASINN__EXIT_FAILED, "%s", wasinn_host_last_error());
    else if (wasinn_cache_problem(cache, text, sizeof text))
        code = wasinn__fail(WASINN__EXIT_FAILED, "%s", text);
    wasinn_cache_free(cache);
    return code;
}

/* ---- For people ---------------------------------------------------------------------------------- */

static void print_entry(const entry *entry) {
    char size[32], date[64] = "?";
    time_t used = (time_t)entry->used;
    struct tm local;
    if (localtime_r(&used, &local))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &local);
    printf("%-8s %10s  %s  ", entry->kind[0] ? entry->kind : "-", wasinn__size_text(entry->bytes, size),
           date);
    if (entry->problem)
        printf("%s%s%s: %s\n", entry->label, entry->label[0] ? ", " : "", entry->name, entry->problem);
    else
        puts(entry->label);
}

static void print_entries(const entries *entries, const char *shown) {
    const options *options = entries->options;
    char all[32], most[32];
    bool some = false;
    if (!entries->there) {
        printf("cache %s: not there, so nothing is kept\n", shown);
        return;
    }
    for (size_t i = 0; i < entries->count; i++) {
        const entry *entry = &entries->list[i];
        if (options->action == CLEAR || (options->action == CHECK && !entry->problem))
            continue;
        if (!some)
            printf("%-8s %10s  %-16s  %s\n", "kind", "size", "last used", "of");
        print_entry(entry);
        some = true;
    }
    if (options->action == CLEAR)
        printf("cache %s: %zu %s removed, %s; %zu left\n", shown, entries->removed,
               entries->removed == 1 ? "entry" : "entries", wasinn__size_text(entries->removed_bytes, all),
               entries->count - entries->removed);
    else if (options->action == CHECK)
        printf("cache %s: %zu %s, %s, %zu damaged\n", shown, entries->count,
               entries->count == 1 ? "entry" : "entries", wasinn__size_text(entries->bytes, all),
               entries->damaged);
    else
        printf("cache %s: %zu %s, %s of at most %s\n", shown, entries->count,
               entries->count == 1 ? "entry" : "entries", wasinn__size_text(entries->bytes, all),
               wasinn__size_text(WASINN_CACHE_BYTES, most));
}

/* ---- As JSON ------------------------------------------------------------------------------------- */

static void print_json(const entries *entries, const char *shown) {
    yyjson_mut_doc *json = wasinn__checked(yyjson_mut_doc_new(NULL));
    yyjson_mut_val *root = yyjson_mut_obj(json), *list = yyjson_mut_arr(json);
    yyjson_mut_doc_set_root(json, root);
    yyjson_mut_obj_add_str(json, root, "folder", shown);
    yyjson_mut_obj_add_uint(json, root, "bytes", entries->bytes - entries->removed_bytes);
    yyjson_mut_obj_add_uint(json, root, "most_bytes", WASINN_CACHE_BYTES);
    for (size_t i = 0; i < entries->count; i++) {
        const entry *entry = &entries->list[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(json, list);
        yyjson_mut_obj_add_str(json, object, "name", entry->name);
        if (entry->kind[0])
            yyjson_mut_obj_add_str(json, object, "kind", entry->kind);
        else
            yyjson_mut_obj_add_null(json, object, "kind");
        yyjson_mut_obj_add_str(json, object, "label", entry->label);
        yyjson_mut_obj_add_uint(json, object, "bytes", entry->bytes);
        yyjson_mut_obj_add_sint(json, object, "used", entry->used);
        if (entry->problem)
            yyjson_mut_obj_add_str(json, object, "problem", entry->problem);
        else
            yyjson_mut_obj_add_null(json, object, "problem");
        yyjson_mut_obj_add_bool(json, object, "removed", entry->removed);
    }
    yyjson_mut_obj_add_val(json, root, "entries", list);
    char *text = wasinn__checked(
        yyjson_mut_write(json, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_ESCAPE_UNICODE, NULL));
    puts(text);
    free(text);
    yyjson_mut_doc_free(json);
}

/* ---- The command --------------------------------------------------------------------------------- */

static int run(const options *options) {
    entries entries = {.options = options, .now = time(NULL)};
    char path[PATH_MAX], shown[2 * PATH_MAX];
    int code = find_folder(options, path, &entries.there);
    if (code == WASINN__EXIT_OK && entries.there)
        code = read_entries(path, &entries);
    if (code == WASINN__EXIT_OK) {
        wasinn_escape(path, strlen(path), shown, sizeof shown);
        if (options->json)
            print_json(&entries, shown);
        else
            print_entries(&entries, shown);
        code = wasinn__flush_stdout();
    }
    if (code == WASINN__EXIT_OK && options->action == CHECK && entries.damaged > 0)
        code = wasinn__fail(
            WASINN__EXIT_FAILED,
            "cache '%s': %zu of %zu entries damaged: `wasinn cache clear --damaged` removes them", path,
            entries.damaged, entries.count);
    free_entries(&entries);
    return code;
}

int wasinn__cache_command(int argc, char **argv) {
    options options;
    bool helped = false;
    int code = parse(&options, argc, argv, &helped);
    return code == WASINN__EXIT_OK && !helped ? run(&options) : code;
}
