#include "core/cache_file.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/memory.h"

static const char magic[8] = {'w', 'a', 's', 'i', 'n', 'n', 0, 2};

typedef struct tail {
    uint64_t content_size, key_size;
    uint32_t kind_size, label_size;
    wasinn__digest rest; /* of all behind the content, up to here */
    char magic[8];
} tail;

/* `bytes` is all that is between the content and the tail. */
static void digest_rest(const void *bytes, size_t size, const tail *tail, wasinn__digest *digest) {
    wasinn_blob runs[] = {{bytes, size}, {tail, offsetof(struct tail, rest)}};
    wasinn__digest_of(runs, 2, digest);
}

void wasinn__cache_file_name(const wasinn_blob *kind, const wasinn_blob *key, char digits[33]) {
    wasinn__digest digest;
    wasinn_blob runs[] = {*kind, {"", 1}, *key};
    wasinn__digest_of(runs, 3, &digest);
    for (size_t i = 0; i < sizeof digest.bytes; i++)
        snprintf(digits + 2 * i, 3, "%02x", digest.bytes[i]);
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static wasinn_blob take(const char **at, size_t size) {
    wasinn_blob taken = {*at, size};
    *at += size;
    return taken;
}

/* Where its parts are, if the tail says so truly. */
static bool find_parts(wasinn__cache_file *mapped) {
    const char *at = mapped->map;
    tail tail;
    wasinn__digest rest;
    size_t left = mapped->map_size - sizeof tail;
    memcpy(&tail, at + left, sizeof tail);
    if (memcmp(tail.magic, magic, sizeof magic) != 0 || tail.content_size > left ||
        tail.key_size > left - tail.content_size ||
        tail.content_size + tail.key_size + tail.kind_size + tail.label_size +
                wasinn__slices(tail.content_size) * sizeof(wasinn__digest) !=
            left)
        return false;
    digest_rest(at + tail.content_size, left - tail.content_size, &tail, &rest);
    if (memcmp(&rest, &tail.rest, sizeof rest) != 0)
        return false;
    mapped->content = take(&at, tail.content_size);
    mapped->kind = take(&at, tail.kind_size);
    mapped->key = take(&at, tail.key_size);
    mapped->label = take(&at, tail.label_size);
    mapped->digests = take(&at, wasinn__slices(tail.content_size) * sizeof(wasinn__digest));
    return true;
}

wasinn_status wasinn__cache_file_map(int file, wasinn__cache_file *mapped, wasinn_message *message) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)))
        return wasinn_refuse(message, WASINN_SECURITY, "not a file that only this user can write");
    wasinn__cache_file made = {.map_size = (size_t)status.st_size};
    if (made.map_size < sizeof(tail))
        return wasinn_refuse(message, WASINN_NOT_FOUND, "damaged: only %zu bytes", made.map_size);
    made.map = mmap(NULL, made.map_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (made.map == MAP_FAILED)
        return wasinn_refuse(message, WASINN_TOO_LARGE, "cannot be mapped: %s", strerror(errno));
    if (!find_parts(&made)) {
        munmap(made.map, made.map_size);
        return wasinn_refuse(message, WASINN_NOT_FOUND, "damaged, or of another version of wasinn");
    }
    *mapped = made;
    return WASINN_OK;
}

/* By a few slices at a time, so that nothing has to be allocated. */
static bool check_slices(const wasinn__cache_file *mapped, size_t first, size_t end, unsigned threads) {
    enum { TOGETHER = 16 };
    wasinn__digest found[TOGETHER];
    const char *wanted = mapped->digests.data;
    for (size_t i = first; i < end; i += TOGETHER) {
        size_t count = end - i < TOGETHER ? end - i : TOGETHER;
        wasinn__digest_slices(&mapped->content, i, count, threads, found);
        if (memcmp(found, wanted + i * sizeof *found, count * sizeof *found) != 0)
            return false;
    }
    return true;
}

bool wasinn__cache_file_ends(const wasinn__cache_file *mapped) {
    size_t slices = wasinn__slices(mapped->content.size), last = slices < 2 ? 0 : slices - 2;
    return check_slices(mapped, 0, 1, 1) && check_slices(mapped, last, slices, 0);
}

bool wasinn__cache_file_whole(const wasinn__cache_file *mapped, unsigned threads) {
    return check_slices(mapped, 0, wasinn__slices(mapped->content.size), threads);
}

void wasinn__cache_file_unmap(wasinn__cache_file *mapped) {
    if (mapped->map)
        munmap(mapped->map, mapped->map_size);
    *mapped = (wasinn__cache_file){0};
}

/* ---- Writing -------------------------------------------------------------------------------------- */

/* That a file may not become so large is an error here, and not the end of the process. */
static ssize_t write_some(int file, const char *bytes, size_t size) {
    sigset_t limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    ssize_t wrote = write(file, bytes, size);
    int problem = errno;
    if (wrote < 0 && problem == EFBIG && !sigismember(&before, SIGXFSZ))
        sigtimedwait(&limit, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = problem;
    return wrote;
}

bool wasinn__cache_file_write(int file, const wasinn_blob *bytes, wasinn_message *message) {
    for (size_t done = 0; done < bytes->size;) {
        ssize_t wrote = write_some(file, (const char *)bytes->data + done, bytes->size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            wasinn_refuse(message, WASINN_TOO_LARGE, "cannot be written: %s", strerror(errno));
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

static bool digest_file(int file, size_t size, wasinn__digest *digests) {
    void *map = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
    if (map == MAP_FAILED)
        return false;
    wasinn__digest_slices(&(wasinn_blob){map, size}, 0, wasinn__slices(size), 0, digests);
    if (map)
        munmap(map, size);
    return true;
}

static void put(char **at, const void *data, size_t size) {
    if (size > 0)
        memcpy(*at, data, size);
    *at += size;
}

bool wasinn__cache_file_seal(int file, const wasinn_blob *kind, const wasinn_blob *key,
                             const wasinn_blob *label, wasinn_message *message) {
    struct stat status;
    tail end = {
        .key_size = key->size, .kind_size = (uint32_t)kind->size, .label_size = (uint32_t)label->size};
    memcpy(end.magic, magic, sizeof magic);
    if (fstat(file, &status) != 0 || lseek(file, 0, SEEK_END) != status.st_size) {
        wasinn_refuse(message, WASINN_TOO_LARGE, "cannot be read back: %s", strerror(errno));
        return false;
    }
    end.content_size = (uint64_t)status.st_size;
    size_t slices = wasinn__slices((size_t)status.st_size);
    size_t size = kind->size + key->size + label->size + slices * sizeof(wasinn__digest);
    char *bytes = wasinn__alloc_raw(size + sizeof end), *at = bytes;
    wasinn__digest *digests = wasinn__alloc(slices, sizeof *digests);
    bool written = bytes && digests && digest_file(file, (size_t)status.st_size, digests);
    if (written) {
        put(&at, kind->data, kind->size);
        put(&at, key->data, key->size);
        put(&at, label->data, label->size);
        put(&at, digests, slices * sizeof *digests);
        digest_rest(bytes, size, &end, &end.rest);
        put(&at, &end, sizeof end);
        written = wasinn__cache_file_write(file, &(wasinn_blob){bytes, size + sizeof end}, message);
    } else {
        wasinn_refuse(message, WASINN_TOO_LARGE, "cannot be read back");
    }
    wasinn__free(digests);
    wasinn__free(bytes);
    return written;
}
