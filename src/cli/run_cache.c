#include "run_cache.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* ---- Which folder -------------------------------------------------------------------------------- */

/* NULL: the default one. */
static const char *asked_for(const wasinn__run_options *options) {
    const char *named = options->cache ? options->cache : getenv("WASINN_CACHE");
    return named && named[0] ? named : options->cache;
}

static bool is_off(const wasinn__run_options *options) {
    const char *named = getenv("WASINN_CACHE");
    return options->no_cache || (!options->cache && named && strcmp(named, "off") == 0);
}

/* ---- Apart from what guests write ---------------------------------------------------------------- */

static bool same(const struct stat *one, const struct stat *other) {
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Whether a path without links leads through a folder, under whatever name that is mounted. */
static bool leads_through(const char *path, const struct stat *folder) {
    char part[PATH_MAX];
    struct stat status;
    snprintf(part, sizeof part, "%s", path);
    for (;;) {
        if (stat(part[0] ? part : "/", &status) == 0 && same(&status, folder))
            return true;
        char *slash = strrchr(part, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
}

static bool is_under(const char *path, const char *folder) {
    size_t length = strlen(folder);
    return strcmp(folder, "/") == 0 || (strncmp(path, folder, length) == 0 && path[length] == '/');
}

/* Takes a field of /proc/self/mountinfo, in which blanks and the like are octal numbers: "\040". */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned code;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* A line of /proc/self/mountinfo. */
typedef struct mounted {
    const char *device, *root; /* what is mounted: a file system, and a folder of it */
    const char *place;
} mounted;

static bool parse(char *line, mounted *mounted) {
    char *fields[5], *rest = NULL;
    for (int i = 0; i < 5; i++)
        if (!(fields[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest)))
            return false;
    unescape(fields[3]);
    unescape(fields[4]);
    *mounted = (struct mounted){fields[2], fields[3], fields[4]};
    return true;
}

/* Calls for each mount, the last mounted last; until it gives back true. */
static bool each_mount(bool (*tell)(void *data, const mounted *mounted), void *data) {
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    mounted mounted;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && !found && getline(&line, &capacity, file) > 0)
        found = parse(line, &mounted) && tell(data, &mounted);
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* Where a path without links leads: a file system, and the path on it, whatever of that is mounted here. */
typedef struct place {
    const char *path;
    size_t longest;
    char device[32], on_device[2 * PATH_MAX];
} place;

static bool is_within(const char *path, const char *folder) {
    return strcmp(path, folder) == 0 || is_under(path, folder);
}

static bool look_at_mount(void *data, const mounted *mounted) {
    place *place = data;
    size_t length = strcmp(mounted->place, "/") == 0 ? 0 : strlen(mounted->place);
    if (length < place->longest || !is_within(place->path, mounted->place))
        return false;
    place->longest = length;
    snprintf(place->device, sizeof place->device, "%s", mounted->device);
    snprintf(place->on_device, sizeof place->on_device, "%s%s",
             strcmp(mounted->root, "/") == 0 ? "" : mounted->root, place->path + length);
    return false;
}

static void find_place(const char *path, place *place) {
    *place = (struct place){.path = path};
    each_mount(look_at_mount, place);
}

/* Whether one is in the other, or is the other. */
static bool overlap(const place *cache, const char *device, const char *on_device) {
    const char *one = cache->on_device[0] ? cache->on_device : "/", *other = on_device[0] ? on_device : "/";
    return strcmp(cache->device, device) == 0 && (is_within(one, other) || is_within(other, one));
}

/* A folder that a guest may write to, beside the cache. */
typedef struct beside {
    const char *folder;
    const place *cache;
} beside;

static bool mount_overlaps(void *data, const mounted *mounted) {
    const beside *beside = data;
    struct stat status;
    return is_under(mounted->place, beside->folder) &&
           (overlap(beside->cache, mounted->device, mounted->root) ||
            (stat(mounted->place, &status) == 0 && leads_through(beside->cache->path, &status)));
}

/* Whether a folder has the cache within it, or the cache it, by what is mounted somewhere. */
static bool mounts(const char *folder, const place *cache) {
    beside beside = {folder, cache};
    place own;
    find_place(folder, &own);
    return overlap(cache, own.device, own.on_device) || each_mount(mount_overlaps, &beside);
}

/* What guests may write to is compared as files, not as names. The one that has the cache in it, or lies in
 * it. */
static const wasinn__folder *touches(const wasinn__run_options *options, const char *cache) {
    struct stat folder, own;
    char real[PATH_MAX];
    place place = {0};
    if (stat(cache, &own) != 0)
        return NULL;
    for (size_t i = 0; i < options->folder_count; i++) {
        const wasinn__folder *one = &options->folders[i];
        if (!one->writable || !realpath(one->host, real) || stat(real, &folder) != 0)
            continue;
        if (!place.path)
            find_place(cache, &place);
        if (leads_through(cache, &folder) || leads_through(real, &own) || mounts(real, &place))
            return one;
    }
    return NULL;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

int wasinn__run_cache_open(const wasinn__run_options *options, wasinn_cache **cache) {
    const char *named = asked_for(options);
    wasinn_cache *opened;
    *cache = NULL;
    if (is_off(options))
        return WASINN__EXIT_OK;
    wasinn_status status = wasinn_cache_open(named, 0, &opened);
    if (status != WASINN_OK) {
        if (named)
            return wasinn__fail(WASINN__EXIT_NOT_STARTED, "%s", wasinn_host_last_error());
        /* Nobody may have a home, or one that can be written. */
        if (status == WASINN_SECURITY)
            wasinn__fail(0, "no cache is used: %s", wasinn_host_last_error());
        return WASINN__EXIT_OK;
    }
    const wasinn__folder *folder = touches(options, wasinn_cache_folder(opened));
    if (!folder) {
        *cache = opened;
        return WASINN__EXIT_OK;
    }
    int code = wasinn__fail(named ? WASINN__EXIT_NOT_STARTED : WASINN__EXIT_OK,
                            "%sthe cache '%s' holds code, and the guest may write to '%s'",
                            named ? "" : "no cache is used: ", wasinn_cache_folder(opened), folder->host);
    wasinn_cache_free(opened);
    return code;
}

void wasinn__run_cache_report(const wasinn__run_options *options, wasinn_cache *cache) {
    char problem[1024];
    if (cache && asked_for(options) && !options->quiet &&
        wasinn_cache_problem(cache, problem, sizeof problem))
        wasinn__fail(0, "%s", problem);
}
