#include "core/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cache_file.h"
#include "core/cache_folder.h"
#include "core/host.h"
#include "core/memory.h"

#define ENDING ".cached"
#define UNFINISHED ".unfinished-"
#define LEFT_SECONDS 60
enum { KIND = 16, NAME = KIND + 1 + 32 + sizeof ENDING };

struct wasinn_cache {
    atomic_uint references;
    int folder;
    char path[PATH_MAX];
    uint64_t most_bytes;
    atomic_uint made; /* numbers the unfinished files */
    pthread_mutex_t lock;
    char problem[1024]; /* by the lock: the first, not yet told */
    unsigned writers;   /* by the lock */
    pthread_cond_t written;
};

struct wasinn_cache_entry {
    wasinn__cache_file file;
    char name[NAME];
};

struct wasinn_cache_writer {
    wasinn_cache *cache;
    int file;
    char path[PATH_MAX + 64]; /* of the unfinished file */
    char name[NAME];          /* that it will have */
    char *key, *label;
    size_t key_size;
    char kind[KIND + 1];
};

/* ---- Opening ------------------------------------------------------------------------------------ */

static wasinn_status open_cache(const char *folder, uint64_t most_bytes, wasinn_cache **cache,
                                wasinn_message *message) {
    char named[PATH_MAX];
    if (!folder && !wasinn_cache_default_folder(named, sizeof named))
        return wasinn_refuse(
            message, WASINN_NOT_FOUND,
            "no folder for a cache: WASINN_CACHE is 'off', or neither it, XDG_CACHE_HOME nor HOME names one");
    if (folder && folder[0] == '\0')
        return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache's path is empty");
    wasinn_cache *made = wasinn__alloc(1, sizeof *made);
    if (!made)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a cache");
    wasinn_status status = wasinn__cache_folder_open(folder ? folder : named, made->path, sizeof made->path,
                                                     &made->folder, message);
    if (status != WASINN_OK) {
        wasinn__free(made);
        return status;
    }
    atomic_init(&made->references, 1);
    atomic_init(&made->made, 0);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->written, NULL);
    made->most_bytes = most_bytes ? most_bytes : WASINN_CACHE_BYTES;
    *cache = made;
    return WASINN_OK;
}

wasinn_status wasinn_cache_open(const char *folder, uint64_t most_bytes, wasinn_cache **cache) {
    wasinn_message message = wasinn__host_begin();
    return wasinn__host_end(open_cache(folder, most_bytes, cache, &message));
}

void wasinn_cache_retain(wasinn_cache *cache) {
    atomic_fetch_add(&cache->references, 1);
}

void wasinn_cache_free(wasinn_cache *cache) {
    if (!cache || atomic_fetch_sub(&cache->references, 1) != 1)
        return;
    close(cache->folder);
    pthread_cond_destroy(&cache->written);
    pthread_mutex_destroy(&cache->lock);
    wasinn__free(cache);
}

static void count_writer(wasinn_cache *cache, bool begins) {
    pthread_mutex_lock(&cache->lock);
    cache->writers += begins ? 1 : -1u;
    if (cache->writers == 0)
        pthread_cond_broadcast(&cache->written);
    pthread_mutex_unlock(&cache->lock);
}

void wasinn_cache_wait(wasinn_cache *cache) {
    pthread_mutex_lock(&cache->lock);
    while (cache->writers > 0)
        pthread_cond_wait(&cache->written, &cache->lock);
    pthread_mutex_unlock(&cache->lock);
}

const char *wasinn_cache_folder(const wasinn_cache *cache) {
    return cache->path;
}

void wasinn__cache_tell(wasinn_cache *cache, const char *format, ...) {
    char text[sizeof cache->problem];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&cache->lock);
    if (cache->problem[0] == '\0')
        wasinn_escape(text, strlen(text), cache->problem, sizeof cache->problem);
    pthread_mutex_unlock(&cache->lock);
}

bool wasinn_cache_problem(wasinn_cache *cache, char *text, size_t capacity) {
    pthread_mutex_lock(&cache->lock);
    bool had = cache->problem[0] != '\0';
    if (had)
        snprintf(text, capacity, "%s", cache->problem);
    cache->problem[0] = '\0';
    pthread_mutex_unlock(&cache->lock);
    return had;
}

/* ---- Finding ------------------------------------------------------------------------------------ */

static bool is_kind(const char *kind) {
    size_t length = strspn(kind, "abcdefghijklmnopqrstuvwxyz");
    return length > 0 && length <= KIND && kind[length] == '\0';
}

static void name_entry(const char *kind, const void *key, size_t key_size, char name[NAME]) {
    char digits[33];
    wasinn__cache_file_name(&(wasinn_blob){kind, strlen(kind)}, &(wasinn_blob){key, key_size}, digits);
    snprintf(name, NAME, "%s-%s" ENDING, kind, digits);
}

static bool same(const wasinn_blob *one, const void *data, size_t size) {
    return one->size == size && (size == 0 || memcmp(one->data, data, size) == 0);
}

/* What is made anew takes its place. */
static void remove_damaged(wasinn_cache *cache, const char *name, const char *why) {
    if (unlinkat(cache->folder, name, 0) == 0 || errno == ENOENT)
        wasinn__cache_tell(cache, "cache '%s': entry '%s' was removed: %s", cache->path, name, why);
    else
        wasinn__cache_tell(cache, "cache '%s': entry '%s' is not used, and cannot be removed (%s): %s",
                           cache->path, name, strerror(errno), why);
}

static const char changed[] = "damaged: its content is not what was written";

static bool read_entry(wasinn_cache *cache, int file, const char *name, size_t at_once,
                       wasinn__cache_file *mapped) {
    char text[256] = "";
    wasinn_message problem = {text, sizeof text};
    wasinn_status status = wasinn__cache_file_map(file, mapped, &problem);
    if (status == WASINN_TOO_LARGE)
        wasinn__cache_tell(cache, "cache '%s': entry '%s' is not used: %s", cache->path, name, text);
    else if (status != WASINN_OK)
        remove_damaged(cache, name, text);
    if (status != WASINN_OK)
        return false;
    if (mapped->content.size <= at_once ? wasinn__cache_file_whole(mapped, 0)
                                        : wasinn__cache_file_ends(mapped))
        return true;
    wasinn__cache_file_unmap(mapped);
    remove_damaged(cache, name, changed);
    return false;
}

bool wasinn__cache_check(wasinn_cache *cache, const wasinn_cache_entry *entry) {
    if (wasinn__cache_file_whole(&entry->file, 1))
        return true;
    remove_damaged(cache, entry->name, changed);
    return false;
}

bool wasinn__cache_find_ends(wasinn_cache *cache, const char *kind, const void *key, size_t key_size,
                             size_t at_once, wasinn_cache_entry **entry, wasinn_blob *content) {
    char name[NAME];
    wasinn__cache_file mapped;
    if (!is_kind(kind))
        return false;
    name_entry(kind, key, key_size, name);
    int file = openat(cache->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return false;
    bool found = read_entry(cache, file, name, at_once, &mapped);
    if (found)
        futimens(file, NULL); /* when it was last used */
    close(file);
    if (!found)
        return false;
    wasinn_cache_entry *made = wasinn__alloc(1, sizeof *made);
    if (!made || !same(&mapped.kind, kind, strlen(kind)) || !same(&mapped.key, key, key_size)) {
        wasinn__cache_file_unmap(&mapped);
        wasinn__free(made);
        return false;
    }
    made->file = mapped;
    memcpy(made->name, name, sizeof made->name);
    *entry = made;
    *content = mapped.content;
    return true;
}

bool wasinn_cache_find(wasinn_cache *cache, const char *kind, const void *key, size_t key_size,
                       wasinn_cache_entry **entry, wasinn_blob *content) {
    return wasinn__cache_find_ends(cache, kind, key, key_size, SIZE_MAX, entry, content);
}

void wasinn_cache_release(wasinn_cache_entry *entry) {
    if (entry)
        wasinn__cache_file_unmap(&entry->file);
    wasinn__free(entry);
}

/* ---- The folder's files --------------------------------------------------------------------------- */

typedef struct item {
    char *name;
    uint64_t bytes;
    struct timespec used;
} item;

typedef struct items {
    item *list;
    size_t count, capacity;
    uint64_t bytes;
} items;

static void free_items(items *items) {
    for (size_t i = 0; i < items->count; i++)
        wasinn__free(items->list[i].name);
    wasinn__free(items->list);
}

static bool is_entry(const char *name) {
    size_t length = strlen(name), ending = sizeof ENDING - 1;
    const char *dash = strchr(name, '-');
    return dash && length > ending && strcmp(name + length - ending, ENDING) == 0 &&
           (size_t)(dash - name) <= KIND && strspn(dash + 1, "0123456789abcdef") == 32 &&
           dash + 33 == name + length - ending;
}

static bool add_item(items *items, const char *name, const struct stat *status) {
    if (items->count == items->capacity) {
        size_t capacity = items->capacity ? 2 * items->capacity : 16;
        item *list = wasinn__alloc(capacity, sizeof *list);
        if (!list)
            return false;
        if (items->count > 0)
            memcpy(list, items->list, items->count * sizeof *list);
        wasinn__free(items->list);
        items->list = list;
        items->capacity = capacity;
    }
    char *copy = wasinn__copy_text(name, strlen(name));
    if (!copy)
        return false;
    items->list[items->count++] = (item){copy, (uint64_t)status->st_size, status->st_mtim};
    items->bytes += (uint64_t)status->st_size;
    return true;
}

static int last_used_first(const void *one, const void *other) {
    const struct timespec *a = &((const item *)one)->used, *b = &((const item *)other)->used;
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? 1 : -1;
    return a->tv_nsec < b->tv_nsec ? 1 : a->tv_nsec > b->tv_nsec ? -1 : 0;
}

/* Of a process and a number, as open_unfinished has it. */
static bool is_unfinished(const char *name) {
    static const char digits[] = "0123456789";
    if (strncmp(name, UNFINISHED, sizeof UNFINISHED - 1) != 0)
        return false;
    const char *process = name + sizeof UNFINISHED - 1, *dash = process + strspn(process, digits);
    const char *number = *dash == '-' ? dash + 1 : dash, *end = number + strspn(number, digits);
    return dash > process && number > dash && end > number && *end == '\0';
}

/* One that is being written is locked by its writer, but for the moment after it was made; what is left is
 * from one that did not end. */
static void remove_unfinished(const wasinn_cache *cache, const char *name) {
    struct stat status;
    int file = openat(cache->folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return;
    if (fstat(file, &status) == 0 && status.st_mtim.tv_sec + LEFT_SECONDS < time(NULL) &&
        flock(file, LOCK_EX | LOCK_NB) == 0)
        unlinkat(cache->folder, name, 0);
    close(file);
}

static wasinn_status list(wasinn_cache *cache, items *items, wasinn_message *message) {
    int again = openat(cache->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again >= 0 ? fdopendir(again) : NULL;
    struct dirent *one;
    struct stat status;
    bool room = true;
    if (!folder) {
        if (again >= 0)
            close(again);
        return wasinn_refuse(message, WASINN_NOT_FOUND, "the cache '%s' cannot be read: %s", cache->path,
                             strerror(errno));
    }
    while (room && (one = readdir(folder))) {
        if (is_unfinished(one->d_name))
            remove_unfinished(cache, one->d_name);
        else if (is_entry(one->d_name) && fstatat(again, one->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            room = add_item(items, one->d_name, &status);
    }
    closedir(folder);
    if (!room) {
        free_items(items);
        return wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a list of the cache");
    }
    if (items->count > 0)
        qsort(items->list, items->count, sizeof *items->list, last_used_first);
    return WASINN_OK;
}

/* Removes what was used the longest ago until `bytes` more fit. */
static bool make_room(wasinn_cache *cache, uint64_t bytes, wasinn_message *message) {
    items items = {0};
    if (bytes > cache->most_bytes) {
        wasinn_refuse(message, WASINN_TOO_LARGE, "%llu bytes; the cache may have %llu in all",
                      (unsigned long long)bytes, (unsigned long long)cache->most_bytes);
        return false;
    }
    if (list(cache, &items, message) != WASINN_OK)
        return false;
    for (size_t i = items.count; i-- > 0 && items.bytes > cache->most_bytes - bytes;) {
        unlinkat(cache->folder, items.list[i].name, 0);
        items.bytes -= items.list[i].bytes;
    }
    free_items(&items);
    return true;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static void free_writer(wasinn_cache_writer *writer) {
    count_writer(writer->cache, false);
    wasinn_cache_free(writer->cache);
    wasinn__free(writer->key);
    wasinn__free(writer->label);
    wasinn__free(writer);
}

static bool open_unfinished(wasinn_cache_writer *writer) {
    wasinn_cache *cache = writer->cache;
    for (int tries = 0; tries < 100; tries++) {
        snprintf(writer->path, sizeof writer->path, "%s/" UNFINISHED "%ld-%u", cache->path, (long)getpid(),
                 atomic_fetch_add(&cache->made, 1));
        writer->file = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (writer->file < 0 && errno != EEXIST)
            return false;
        if (writer->file < 0)
            continue;
        if (flock(writer->file, LOCK_EX | LOCK_NB) == 0)
            return true;
        /* Some file systems have no locks: it would never be taken for one that was left. */
        int reason = errno;
        unlink(writer->path);
        close(writer->file);
        errno = reason;
        return false;
    }
    return false;
}

wasinn_cache_writer *wasinn_cache_begin(wasinn_cache *cache, const char *kind, const void *key,
                                        size_t key_size, const char *label) {
    wasinn_cache_writer *writer = is_kind(kind) ? wasinn__alloc(1, sizeof *writer) : NULL;
    if (!writer)
        return NULL;
    wasinn_cache_retain(cache);
    count_writer(cache, true);
    writer->cache = cache;
    writer->key_size = key_size;
    writer->key = wasinn__copy_text(key, key_size);
    writer->label = wasinn__copy_text(label, strlen(label));
    snprintf(writer->kind, sizeof writer->kind, "%s", kind);
    name_entry(kind, key, key_size, writer->name);
    if (!writer->key || !writer->label || !open_unfinished(writer)) {
        if (writer->key && writer->label)
            wasinn__cache_tell(cache, "cache '%s': nothing is kept: %s", cache->path, strerror(errno));
        free_writer(writer);
        return NULL;
    }
    return writer;
}

const char *wasinn_cache_path(const wasinn_cache_writer *writer) {
    return writer->path;
}

static bool finish(wasinn_cache_writer *writer, wasinn_message *message) {
    struct stat status;
    if (!wasinn__cache_file_seal(writer->file, &(wasinn_blob){writer->kind, strlen(writer->kind)},
                                 &(wasinn_blob){writer->key, writer->key_size},
                                 &(wasinn_blob){writer->label, strlen(writer->label)}, message))
        return false;
    if (fstat(writer->file, &status) != 0 || !make_room(writer->cache, (uint64_t)status.st_size, message))
        return false;
    const char *slash = strrchr(writer->path, '/');
    if (renameat(writer->cache->folder, slash + 1, writer->cache->folder, writer->name) == 0)
        return true;
    wasinn_refuse(message, WASINN_NOT_FOUND, "cannot be renamed: %s", strerror(errno));
    return false;
}

/* `problem`: why it is not complete, or nothing so far. */
static void end(wasinn_cache_writer *writer, bool complete, wasinn_message *problem) {
    if (!complete || !finish(writer, problem)) {
        unlink(writer->path);
        if (problem->text[0])
            wasinn__cache_tell(writer->cache, "cache '%s': '%s' is not kept: %s", writer->cache->path,
                               writer->label, problem->text);
    }
    close(writer->file);
    free_writer(writer);
}

void wasinn_cache_end(wasinn_cache_writer *writer, bool complete) {
    char text[256] = "";
    wasinn_message problem = {text, sizeof text};
    if (writer)
        end(writer, complete, &problem);
}

void wasinn_cache_keep(wasinn_cache *cache, const char *kind, const void *key, size_t key_size,
                       const char *label, const wasinn_blob *content) {
    char text[256] = "";
    wasinn_message problem = {text, sizeof text};
    wasinn_cache_writer *writer = wasinn_cache_begin(cache, kind, key, key_size, label);
    if (!writer)
        return;
    bool written = wasinn__cache_file_write(writer->file, content, &problem);
    end(writer, written, &problem);
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static bool tell_one(wasinn_cache *cache, const item *item, bool whole, wasinn_cache_fn tell, void *data) {
    char problem[256] = "", kind[KIND + 1] = "", label[1024] = "";
    wasinn_message message = {problem, sizeof problem};
    wasinn__cache_file mapped = {0};
    int file = openat(cache->folder, item->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        wasinn_refuse(&message, WASINN_NOT_FOUND, "%s", strerror(errno));
    else if (wasinn__cache_file_map(file, &mapped, &message) == WASINN_OK) {
        if (whole && !wasinn__cache_file_whole(&mapped, 0))
            wasinn_refuse(&message, WASINN_NOT_FOUND, "%s", changed);
        wasinn_escape(mapped.kind.data, mapped.kind.size, kind, sizeof kind);
        wasinn_escape(mapped.label.data, mapped.label.size, label, sizeof label);
        wasinn__cache_file_unmap(&mapped);
    }
    if (file >= 0)
        close(file);
    wasinn_cache_info info = {.struct_size = sizeof info,
                              .name = item->name,
                              .kind = kind,
                              .label = label,
                              .bytes = item->bytes,
                              .used = (int64_t)item->used.tv_sec,
                              .problem = problem[0] ? problem : NULL};
    return tell(data, &info);
}

wasinn_status wasinn_cache_each(wasinn_cache *cache, bool whole, wasinn_cache_fn tell, void *data) {
    wasinn_message message = wasinn__host_begin();
    items items = {0};
    wasinn_status status = list(cache, &items, &message);
    if (status != WASINN_OK)
        return wasinn__host_end(status);
    for (size_t i = 0; i < items.count; i++)
        if (tell_one(cache, &items.list[i], whole, tell, data) &&
            unlinkat(cache->folder, items.list[i].name, 0) != 0)
            wasinn__cache_tell(cache, "cache '%s': '%s' cannot be removed: %s", cache->path,
                               items.list[i].name, strerror(errno));
    free_items(&items);
    return WASINN_OK;
}
