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

/* Whether a folder has the cache within it by something that is mounted there. */
static bool mounts(const char *folder, const char *cache) {
    char *line = NULL, *rest;
    size_t capacity = 0;
    bool found = false;
    struct stat status;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && !found && getline(&line, &capacity, file) > 0) {
        char *place = line;
        for (int i = 0; i < 4 && place; i++)
            if ((place = strchr(place, ' ')))
                place++;
        if (!place)
            continue;
        strtok_r(place, " \n", &rest);
        unescape(place);
        found = is_under(place, folder) && stat(place, &status) == 0 && leads_through(cache, &status);
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* What guests may write to is compared as files, not as names. The one that has the cache in it, or lies in
 * it. */
static const wasinn__folder *touches(const wasinn__run_options *options, const char *cache) {
    struct stat folder, own;
    char real[PATH_MAX];
    if (stat(cache, &own) != 0)
        return NULL;
    for (size_t i = 0; i < options->folder_count; i++) {
        const wasinn__folder *one = &options->folders[i];
        if (!one->writable || !realpath(one->host, real) || stat(real, &folder) != 0)
            continue;
        if (leads_through(cache, &folder) || leads_through(real, &own) || mounts(real, cache))
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
