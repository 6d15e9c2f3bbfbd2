/* The cache: what is kept is found again whole, or not at all. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "core/cache.h"
#include "core/memory.h"

enum { NOBODY = 65534, SLICE = 8 << 20 };

static char folder[] = "/tmp/wasinn-cache-test-XXXXXX";
static char text[1024];

static const char *below(const char *name) {
    static char path[4][512];
    static unsigned next;
    char *made = path[next++ % 4];
    snprintf(made, sizeof path[0], "%s/%s", folder, name);
    return made;
}

static wasinn_cache *open_at(const char *path, uint64_t most_bytes) {
    wasinn_cache *cache = NULL;
    if (!CHECK_EQ(wasinn_cache_open(path, most_bytes, &cache), WASINN_OK)) {
        fprintf(stderr, "%s\n", wasinn_host_last_error());
        exit(1);
    }
    return cache;
}

static void keep(wasinn_cache *cache, const char *key, const void *data, size_t size) {
    wasinn_cache_keep(cache, "test", key, strlen(key), key, &(wasinn_blob){data, size});
}

/* Whether just this is found. */
static bool has(wasinn_cache *cache, const char *key, const void *data, size_t size) {
    wasinn_cache_entry *entry;
    wasinn_blob content;
    if (!wasinn_cache_find(cache, "test", key, strlen(key), &entry, &content))
        return false;
    bool same = content.size == size && (size == 0 || memcmp(content.data, data, size) == 0);
    wasinn_cache_release(entry);
    return same;
}

static bool lacks(wasinn_cache *cache, const char *key) {
    wasinn_cache_entry *entry;
    wasinn_blob content;
    bool found = wasinn_cache_find(cache, "test", key, strlen(key), &entry, &content);
    if (found)
        wasinn_cache_release(entry);
    return !found;
}

/* ---- Lists ------------------------------------------------------------------------------------------ */

typedef struct seen {
    int count, damaged;
    char names[8][128], labels[8][64], kinds[8][32];
    const char *remove;
} seen;

static bool note(void *data, const wasinn_cache_info *info) {
    seen *seen = data;
    if (seen->count < 8) {
        snprintf(seen->names[seen->count], sizeof seen->names[0], "%s", info->name);
        snprintf(seen->labels[seen->count], sizeof seen->labels[0], "%s", info->label);
        snprintf(seen->kinds[seen->count], sizeof seen->kinds[0], "%s", info->kind);
    }
    seen->count++;
    seen->damaged += info->problem != NULL;
    return seen->remove && strcmp(seen->remove, info->label) == 0;
}

static seen list(wasinn_cache *cache, bool whole, const char *remove) {
    seen seen = {.remove = remove};
    CHECK_EQ(wasinn_cache_each(cache, whole, note, &seen), WASINN_OK);
    return seen;
}

/* The path of the one entry that there is. */
static const char *entry_path(wasinn_cache *cache) {
    static char path[1024];
    seen seen = list(cache, false, NULL);
    CHECK_EQ(seen.count, 1);
    snprintf(path, sizeof path, "%s/%s", wasinn_cache_folder(cache), seen.names[0]);
    return path;
}

/* ---- Cases ------------------------------------------------------------------------------------------ */

static void test_folders(void) {
    wasinn_cache *cache = NULL;
    struct stat status;
    check_case = "folders";
    cache = open_at(below("new/deep/cache"), 0);
    CHECK_EQ(stat(below("new/deep/cache"), &status), 0);
    CHECK_EQ(status.st_mode & 0777, 0700);
    CHECK_TEXT(wasinn_cache_folder(cache), "/new/deep/cache");
    wasinn_cache_free(cache);
    wasinn_cache_free(NULL);

    setenv("WASINN_CACHE", below("named"), 1);
    cache = NULL;
    CHECK_EQ(wasinn_cache_open(NULL, 0, &cache), WASINN_OK);
    CHECK_TEXT(wasinn_cache_folder(cache), "/named");
    wasinn_cache_free(cache);
    setenv("WASINN_CACHE", "off", 1);
    setenv("XDG_CACHE_HOME", below("xdg"), 1);
    CHECK_EQ(wasinn_cache_open(NULL, 0, &cache), WASINN_NOT_FOUND);
    CHECK_TEXT(wasinn_host_last_error(), "'off'");
    unsetenv("WASINN_CACHE");
    CHECK_EQ(wasinn_cache_open(NULL, 0, &cache), WASINN_OK);
    CHECK_TEXT(wasinn_cache_folder(cache), "/xdg/wasinn");
    wasinn_cache_free(cache);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", below("home"), 1);
    CHECK_EQ(wasinn_cache_open(NULL, 0, &cache), WASINN_OK);
    CHECK_TEXT(wasinn_cache_folder(cache), "/home/.cache/wasinn");
    wasinn_cache_free(cache);
    unsetenv("HOME");
    CHECK_EQ(wasinn_cache_open(NULL, 0, &cache), WASINN_NOT_FOUND);
    CHECK_TEXT(wasinn_host_last_error(), "WASINN_CACHE");

    CHECK_EQ(wasinn_cache_open("", 0, &cache), WASINN_NOT_FOUND);
    close(open(below("file"), O_CREAT | O_WRONLY, 0600));
    CHECK_EQ(wasinn_cache_open(below("file"), 0, &cache), WASINN_NOT_FOUND);
    CHECK_EQ(wasinn_cache_open(below("file/under"), 0, &cache), WASINN_NOT_FOUND);
    CHECK_TEXT(wasinn_host_last_error(), "/file");

    mkdir(below("shared"), 0700);
    chmod(below("shared"), 0770);
    CHECK_EQ(wasinn_cache_open(below("shared"), 0, &cache), WASINN_SECURITY);
    CHECK_TEXT(wasinn_host_last_error(), "can be written by others");
    CHECK_EQ(wasinn_cache_open(below("shared/within/deep"), 0, &cache), WASINN_SECURITY);
    CHECK(access(below("shared/within"), F_OK) != 0); /* nothing was made there */
    chmod(below("shared"), 01777);                    /* as /tmp is, but not root's unless root made it */
    CHECK_EQ(wasinn_cache_open(below("shared"), 0, &cache), WASINN_SECURITY);
    chmod(below("shared"), 0700);
    CHECK_EQ(symlink(below("shared"), below("link")), 0);
    cache = open_at(below("link"), 0);
    CHECK_TEXT(wasinn_cache_folder(cache), "/shared");
    wasinn_cache_free(cache);
}

static void test_entries(void) {
    wasinn_cache *cache = open_at(below("entries"), 0);
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, SLICE - 1, SLICE, SLICE + 1, 5 * SLICE + 17};
    char *bytes = malloc(6 * SLICE);
    check_case = "entries";
    for (size_t i = 0; i < 6 * SLICE; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    CHECK(lacks(cache, "a"));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        keep(cache, "a", bytes + i, sizes[i]);
        CHECK(has(cache, "a", bytes + i, sizes[i]));
    }
    keep(cache, "", "nothing", 7);
    CHECK(has(cache, "", "nothing", 7));
    keep(cache, "b", "other", 5);
    CHECK(has(cache, "a", bytes + 8, sizes[8]));
    CHECK(has(cache, "b", "other", 5));
    CHECK(lacks(cache, "ab"));

    wasinn_cache_entry *entry;
    wasinn_blob content;
    CHECK(!wasinn_cache_find(cache, "model", "a", 1, &entry, &content));
    CHECK(!wasinn_cache_find(cache, "../x", "a", 1, &entry, &content));
    CHECK(!wasinn_cache_begin(cache, "Bad", "a", 1, ""));
    CHECK(!wasinn_cache_begin(cache, "", "a", 1, ""));
    /* What was found stays when it is replaced. */
    CHECK(wasinn_cache_find(cache, "test", "b", 1, &entry, &content));
    CHECK_EQ((uintptr_t)content.data % 4096, 0);
    keep(cache, "b", "newer", 5);
    CHECK(memcmp(content.data, "other", 5) == 0);
    wasinn_cache_release(entry);
    CHECK(has(cache, "b", "newer", 5));
    CHECK(!wasinn_cache_problem(cache, text, sizeof text));

    seen seen = list(cache, true, "b");
    CHECK_EQ(seen.count, 3);
    CHECK_EQ(seen.damaged, 0);
    CHECK_TEXT(seen.labels[0], "b"); /* the last used */
    CHECK_TEXT(seen.kinds[0], "test");
    CHECK(lacks(cache, "b"));
    CHECK_EQ(list(cache, false, NULL).count, 2);
    wasinn_cache_free(cache);
    free(bytes);
}

static void test_writers(void) {
    wasinn_cache *cache = open_at(below("writers"), 0);
    check_case = "writers";
    wasinn_cache_writer *writer = wasinn_cache_begin(cache, "test", "w", 1, "a \n label");
    FILE *file = fopen(wasinn_cache_path(writer), "wb");
    CHECK_EQ(fwrite("written", 1, 7, file), 7);
    fclose(file);
    CHECK(lacks(cache, "w"));
    CHECK_EQ(list(cache, false, NULL).count, 0); /* and the list leaves it alone */
    wasinn_cache_end(writer, true);
    CHECK(has(cache, "w", "written", 7));
    writer = wasinn_cache_begin(cache, "test", "w", 1, "");
    wasinn_cache_end(writer, false);
    CHECK(has(cache, "w", "written", 7));
    wasinn_cache_end(NULL, true);

    /* What a process left that did not end is removed. */
    const char *left = below("writers/.unfinished-1-2");
    close(open(left, O_CREAT | O_WRONLY, 0600));
    list(cache, false, NULL);
    CHECK(access(left, F_OK) == 0); /* it may have been made just now */
    CHECK_EQ(utimensat(-1, left, (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
    int held = open(left, O_RDONLY);
    CHECK_EQ(flock(held, LOCK_EX | LOCK_NB), 0);
    list(cache, false, NULL);
    CHECK(access(left, F_OK) == 0);
    close(held);
    list(cache, false, NULL);
    CHECK(access(left, F_OK) != 0);
    /* What is not ours is not. */
    static const char *const foreign[] = {"writers/notes.txt", "writers/.unfinished-notes",
                                          "writers/.unfinished-1", "writers/.unfinished-1-2-3",
                                          "writers/.unfinished-1-2.txt"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const char *path = below(foreign[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        CHECK_EQ(utimensat(-1, path, (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
        CHECK_EQ(list(cache, true, NULL).count, 1);
        CHECK(access(path, F_OK) == 0);
    }
    wasinn_cache_free(cache);
}

/* Changes one byte of a file, or cuts it. */
static void flip(const char *path, off_t at) {
    uint8_t byte;
    int file = open(path, O_RDWR);
    CHECK_EQ(pread(file, &byte, 1, at), 1);
    byte ^= 0x10;
    CHECK_EQ(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static void test_damage(void) {
    wasinn_cache *cache = open_at(below("damage"), 0);
    char bytes[5000];
    struct stat status;
    check_case = "damage";
    memset(bytes, 'x', sizeof bytes);
    keep(cache, "d", bytes, sizeof bytes);
    CHECK_EQ(stat(entry_path(cache), &status), 0);
    for (off_t at = 0; at < status.st_size; at += at > 4990 ? 1 : 499) {
        keep(cache, "d", bytes, sizeof bytes);
        flip(entry_path(cache), at);
        CHECK_EQ(list(cache, true, NULL).damaged, 1);
        CHECK(lacks(cache, "d"));
        CHECK(wasinn_cache_problem(cache, text, sizeof text));
        CHECK_TEXT(text, "removed: damaged");
        CHECK(!wasinn_cache_problem(cache, text, sizeof text));
        CHECK_EQ(list(cache, false, NULL).count, 0);
    }
    for (off_t size = 0; size < status.st_size; size += size > 4990 ? 7 : 499) {
        keep(cache, "d", bytes, sizeof bytes);
        CHECK_EQ(truncate(entry_path(cache), size), 0);
        CHECK(lacks(cache, "d"));
        CHECK(wasinn_cache_problem(cache, text, sizeof text));
    }
    keep(cache, "d", bytes, sizeof bytes);
    CHECK_EQ(truncate(entry_path(cache), status.st_size + 100), 0);
    CHECK(lacks(cache, "d"));
    CHECK(wasinn_cache_problem(cache, text, sizeof text));

    /* An entry in the place of another one. */
    keep(cache, "d", bytes, sizeof bytes);
    char path[1024];
    snprintf(path, sizeof path, "%s", entry_path(cache));
    CHECK_EQ(rename(path, below("other")), 0);
    keep(cache, "e", "second", 6);
    snprintf(path, sizeof path, "%s", entry_path(cache));
    CHECK_EQ(rename(below("other"), path), 0);
    CHECK(lacks(cache, "e"));
    /* One that others can write, a pipe, a folder and a link are none. */
    CHECK_EQ(chmod(path, 0666), 0);
    CHECK(lacks(cache, "e"));
    unlink(path);
    CHECK_EQ(mkfifo(path, 0600), 0);
    CHECK(lacks(cache, "e"));
    unlink(path);
    CHECK_EQ(symlink("/etc/passwd", path), 0);
    CHECK(lacks(cache, "e"));
    unlink(path);
    CHECK_EQ(mkdir(path, 0700), 0);
    while (wasinn_cache_problem(cache, text, sizeof text))
        ;
    CHECK(lacks(cache, "e"));
    CHECK(wasinn_cache_problem(cache, text, sizeof text));
    CHECK_TEXT(text, "cannot be removed");
    CHECK_EQ(list(cache, true, NULL).damaged, 1);
    keep(cache, "e", "third", 5);
    CHECK(wasinn_cache_problem(cache, text, sizeof text));
    rmdir(path);
    wasinn_cache_free(cache);
}

static void test_bound(void) {
    wasinn_cache *cache = open_at(below("bound"), 4000);
    char bytes[1000] = {1};
    check_case = "bound";
    keep(cache, "1", bytes, sizeof bytes);
    keep(cache, "2", bytes, sizeof bytes);
    keep(cache, "3", bytes, sizeof bytes);
    usleep(20000);
    CHECK(has(cache, "1", bytes, sizeof bytes));
    keep(cache, "4", bytes, sizeof bytes);
    CHECK(lacks(cache, "2"));
    CHECK(has(cache, "1", bytes, sizeof bytes));
    CHECK(has(cache, "4", bytes, sizeof bytes));
    CHECK(!wasinn_cache_problem(cache, text, sizeof text));
    char large[5000] = {2};
    keep(cache, "large", large, sizeof large);
    CHECK(lacks(cache, "large"));
    CHECK(wasinn_cache_problem(cache, text, sizeof text));
    CHECK_TEXT(text, "4000 in all");
    CHECK(has(cache, "1", bytes, sizeof bytes));
    wasinn_cache_free(cache);
}

/* ---- Several at once -------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 100, PATTERN = 3000 };

static void pattern(char *bytes, int value) {
    memset(bytes, value, PATTERN);
}

/* Each content is one that somebody wrote, whole. */
static void *use(void *data) {
    wasinn_cache *cache = data;
    char bytes[PATTERN];
    for (int i = 0; i < ROUNDS; i++) {
        char key[2] = {(char)('a' + i % 3), '\0'};
        wasinn_cache_entry *entry;
        wasinn_blob content;
        pattern(bytes, i % 10);
        if (i % 4 == 0)
            keep(cache, key, bytes, sizeof bytes);
        if (!wasinn_cache_find(cache, "test", key, 1, &entry, &content))
            continue;
        const char *found = content.data;
        pattern(bytes, found[0]);
        if (content.size != PATTERN || memcmp(found, bytes, PATTERN) != 0)
            return data;
        wasinn_cache_release(entry);
    }
    return NULL;
}

static void use_in_threads(wasinn_cache *cache) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, use, cache);
    for (int i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        CHECK(problem == NULL);
    }
}

static void test_together(void) {
    check_case = "together";
    pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        wasinn_cache *own = open_at(below("together"), 0);
        use_in_threads(own);
        wasinn_cache_free(own);
        _exit(check_failures ? 1 : 0);
    }
    int status = 1;
    wasinn_cache *cache = open_at(below("together"), 0);
    use_in_threads(cache);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    seen seen = list(cache, true, NULL);
    CHECK_EQ(seen.count, 3);
    CHECK_EQ(seen.damaged, 0);
    CHECK(!wasinn_cache_problem(cache, text, sizeof text));
    wasinn_cache_free(cache);
}

/* ---- Without room, without rights ------------------------------------------------------------------- */

static void test_full(void) {
    struct rlimit before, small;
    char bytes[9000] = {3};
    check_case = "full";
    wasinn_cache *cache = open_at(below("full"), 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    keep(cache, "f", bytes, sizeof bytes);
    keep(cache, "s", bytes, 4080); /* there is room for this, but not for what comes behind it */
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(lacks(cache, "f"));
    CHECK(lacks(cache, "s"));
    CHECK(wasinn_cache_problem(cache, text, sizeof text));
    CHECK_TEXT(text, "cannot be written");
    keep(cache, "f", bytes, sizeof bytes);
    CHECK(has(cache, "f", bytes, sizeof bytes));
    CHECK_EQ(list(cache, true, NULL).count, 1);
    wasinn_cache_free(cache);
}

/* It is there for others that have more memory. */
static void test_no_addresses(void) {
    struct rlimit before, none;
    check_case = "no addresses";
    wasinn_cache *cache = open_at(below("addresses"), 0);
    keep(cache, "a", "kept", 4);
    CHECK(has(cache, "a", "kept", 4));
    getrlimit(RLIMIT_AS, &before);
    none = before;
    none.rlim_cur = 1;
    setrlimit(RLIMIT_AS, &none);
    bool lacked = lacks(cache, "a");
    setrlimit(RLIMIT_AS, &before);
    CHECK(lacked);
    CHECK(wasinn_cache_problem(cache, text, sizeof text));
    CHECK_TEXT(text, "is not used: cannot be mapped");
    CHECK(has(cache, "a", "kept", 4));
    wasinn_cache_free(cache);
}

/* In a process of its own, because root may do everything. */
static void read_only(void) {
    wasinn_cache *cache = NULL;
    char mine[] = "/tmp/wasinn-cache-user-XXXXXX";
    if (geteuid() == 0 && (setegid(NOBODY) != 0 || seteuid(NOBODY) != 0))
        return;
    CHECK(mkdtemp(mine));
    cache = open_at(mine, 0);
    keep(cache, "r", "kept", 4);
    CHECK_EQ(chmod(mine, 0500), 0);
    CHECK(has(cache, "r", "kept", 4));
    keep(cache, "r", "more", 4);
    CHECK(wasinn_cache_problem(cache, text, sizeof text));
    CHECK_TEXT(text, "nothing is kept");
    CHECK(has(cache, "r", "kept", 4));
    wasinn_cache_free(cache);
    cache = open_at(mine, 0);
    CHECK(has(cache, "r", "kept", 4));
    wasinn_cache_free(cache);
    char within[sizeof mine + 8];
    snprintf(within, sizeof within, "%s/more", mine);
    CHECK_EQ(wasinn_cache_open(within, 0, &cache), WASINN_NOT_FOUND);
    if (getuid() == 0) {
        CHECK_EQ(wasinn_cache_open(folder, 0, &cache), WASINN_SECURITY);
        CHECK_TEXT(wasinn_host_last_error(), "another user");
    }
    chmod(mine, 0700);
    cache = open_at(mine, 0);
    list(cache, false, "r");
    wasinn_cache_free(cache);
    CHECK_EQ(rmdir(mine), 0);
}

static void test_read_only(void) {
    int status = 1;
    check_case = "read-only";
    chmod(folder, 0755);
    pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        read_only();
        _exit(check_failures ? 1 : 0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* Each allocation fails once. */
static void test_no_memory(void) {
    check_case = "no memory";
    wasinn_cache *cache = open_at(below("memory"), 0);
    uint64_t alive = wasinn__alloc_alive();
    for (uint64_t nth = 1; nth < 40; nth++) {
        wasinn__alloc_fail_at(nth);
        keep(cache, "m", "kept", 4);
        lacks(cache, "m");
        seen seen = {0};
        wasinn_cache_each(cache, true, note, &seen);
        wasinn_cache *other = NULL;
        if (wasinn_cache_open(below("memory"), 0, &other) == WASINN_OK)
            wasinn_cache_free(other);
        wasinn__alloc_fail_at(0);
        CHECK_EQ(wasinn__alloc_alive(), alive);
    }
    keep(cache, "m", "kept", 4);
    CHECK(has(cache, "m", "kept", 4));
    wasinn_cache_free(cache);
}

int main(void) {
    if (!mkdtemp(folder))
        return 2;
    test_folders();
    test_entries();
    test_writers();
    test_damage();
    test_bound();
    test_together();
    test_full();
    test_no_addresses();
    test_read_only();
    test_no_memory();
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_EQ(system(command), 0);
    return check_result();
}
