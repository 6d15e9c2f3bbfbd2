#include "core/cache_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wasinn/cache.h"

static bool join(const char *folder, const char *name, char *path, size_t capacity) {
    return folder && folder[0] == '/' && (size_t)snprintf(path, capacity, "%s%s", folder, name) < capacity;
}

bool wasinn_cache_default_folder(char *path, size_t capacity) {
    const char *named = getenv("WASINN_CACHE");
    if (named && strcmp(named, "off") == 0)
        return false;
    if (named && named[0])
        return (size_t)snprintf(path, capacity, "%s", named) < capacity;
    return join(getenv("XDG_CACHE_HOME"), "/wasinn", path, capacity) ||
           join(getenv("HOME"), "/.cache/wasinn", path, capacity);
}

/* A folder of root's above ours may be written by all if it is sticky, as /tmp is: nobody can replace what is
 * another's there. */
static const char *unsafe(const struct stat *status, bool own) {
    bool mine = status->st_uid == geteuid(), roots = status->st_uid == 0;
    bool open = (status->st_mode & (S_IWGRP | S_IWOTH)) != 0, sticky = (status->st_mode & S_ISVTX) != 0;
    if (!mine && (own || !roots))
        return "belongs to another user";
    if (open && (own || !sticky))
        return "can be written by others";
    return NULL;
}

/* `own`: the path is that of the cache itself, and not of a folder above it. */
static wasinn_status check(const char *cache, const char *real, bool own, wasinn_message *message) {
    char part[PATH_MAX];
    size_t length = strlen(real);
    snprintf(part, sizeof part, "%s", real);
    for (;; own = false) {
        struct stat status;
        const char *shown = part[0] ? part : "/";
        if (lstat(shown, &status) != 0)
            return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache '%s': '%s': %s", cache, shown,
                                 strerror(errno));
        const char *problem = unsafe(&status, own);
        if (problem)
            return wasinn_refuse(message, WASINN_SECURITY,
                                 "the cache '%s' holds code and has to be this user's alone: '%s' %s", cache,
                                 shown, problem);
        if (length == 0)
            return WASINN_OK;
        while (length > 0 && part[--length] != '/')
            ;
        part[length] = '\0';
    }
}

/* Nothing is made in what is not this user's: what is there already is looked at first. */
static wasinn_status check_above(const char *path, const char *part, wasinn_message *message) {
    char folder[PATH_MAX], resolved[PATH_MAX];
    struct stat there;
    const char *slash = strrchr(part, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == part ? 1 : (int)(slash - part), part);
    if (!realpath(folder, resolved))
        return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache '%s' cannot be made: '%s': %s", path,
                             folder, strerror(errno));
    /* Of what is no folder the next step says so. */
    return stat(resolved, &there) == 0 && S_ISDIR(there.st_mode) ? check(path, resolved, false, message)
                                                                 : WASINN_OK;
}

/* Like mkdir -p; what is made is for this user alone. */
static wasinn_status make(const char *path, wasinn_message *message) {
    char part[PATH_MAX];
    struct stat there;
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache's path is too long");
    for (char *slash = part + 1;; slash++) {
        char was = *slash;
        if (was != '/' && was != '\0')
            continue;
        *slash = '\0';
        if (lstat(part, &there) != 0) {
            wasinn_status status = check_above(path, part, message);
            if (status != WASINN_OK)
                return status;
        }
        if (mkdir(part, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache '%s' cannot be made: '%s': %s", path,
                                 part, strerror(errno));
        *slash = was;
        if (was == '\0')
            return WASINN_OK;
    }
}

wasinn_status wasinn__cache_folder_open(const char *path, char *real, size_t capacity, int *folder,
                                        wasinn_message *message) {
    char resolved[PATH_MAX];
    wasinn_status status = make(path, message);
    if (status != WASINN_OK)
        return status;
    if (!realpath(path, resolved) || strlen(resolved) >= capacity)
        return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache '%s': %s", path, strerror(errno));
    status = check(resolved, resolved, true, message);
    if (status != WASINN_OK)
        return status;
    int opened = open(resolved, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0)
        return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache '%s': %s", resolved, strerror(errno));
    snprintf(real, capacity, "%s", resolved);
    *folder = opened;
    return WASINN_OK;
}
