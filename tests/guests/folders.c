/* Files, each operation with its errno: folders.wasm OPERATION PATH [VALUE] ... repeated.
 * Prints "OPERATION ok" with what was read, or "OPERATION failed N". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wasi/api.h>

static char text[4096]; /* what an operation has to tell */

static int read_text(const char *path) {
    int file = open(path, O_RDONLY);
    ssize_t got = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (got >= 0)
        text[got] = '\0';
    if (file >= 0)
        close(file);
    return got < 0;
}

static int write_text(const char *path, const char *value) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t put = file < 0 ? -1 : write(file, value, strlen(value));
    if (file >= 0)
        close(file);
    return put < 0;
}

static int list(const char *path) {
    DIR *directory = opendir(path);
    if (!directory)
        return 1;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", entry->d_name);
    return closedir(directory);
}

/* A whole file by one fread, as model loaders do it; its sum tells that each byte came once. */
static int whole(const char *path) {
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END) != 0)
        return 1;
    size_t size = (size_t)ftell(stream);
    unsigned char *bytes = malloc(size);
    rewind(stream);
    size_t got = bytes ? fread(bytes, 1, size, stream) : 0;
    uint32_t sum = 0;
    for (size_t i = 0; i < got; i++)
        if (bytes[i])
            sum = sum * 31 + (uint32_t)i * 7 + bytes[i];
    snprintf(text, sizeof text, "%zu of %zu, sum %u", got, size, (unsigned)sum);
    free(bytes);
    fclose(stream);
    return got != size;
}

/* A file of that many MiB by one fwrite, which the C library hands on after an empty buffer of its own. */
static int fill(const char *path, size_t mebibytes) {
    FILE *stream = fopen(path, "wb");
    size_t size = mebibytes << 20;
    unsigned char *bytes = calloc(1, size);
    if (!stream || !bytes)
        return 1;
    for (size_t i = 0; i < mebibytes; i++)
        bytes[i << 20] = (unsigned char)(i + 1);
    size_t put = fwrite(bytes, 1, size, stream);
    free(bytes);
    return fclose(stream) != 0 || put != size;
}

/* One fd_read, or fd_pread, of the whole file into `count` buffers of equal size. */
static int once(const char *path, int count, int from_start) {
    struct stat information;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &information) != 0)
        return 1;
    __wasi_iovec_t buffers[16];
    size_t size = (size_t)information.st_size / (size_t)count, got = 0;
    for (int i = 0; i < count; i++)
        buffers[i] = (__wasi_iovec_t){malloc(size), size};
    errno = from_start ? __wasi_fd_pread(file, buffers, (size_t)count, 0, &got)
                       : __wasi_fd_read(file, buffers, (size_t)count, &got);
    snprintf(text, sizeof text, "%zu, first buffer says %zu", got, buffers[0].buf_len);
    close(file);
    return errno != 0;
}

/* fd_read with chosen numbers: the address of the buffers, their count, and what the first of them says. */
static int raw(const char *path, const char *numbers) {
    unsigned long address, count, buffer, size, result;
    char *next;
    int file = open(path, O_RDONLY);
    address = strtoul(numbers, &next, 0);
    count = strtoul(next, &next, 0);
    buffer = strtoul(next, &next, 0);
    size = strtoul(next, &next, 0);
    result = strtoul(next, &next, 0);
    uint32_t vector[] = {(uint32_t)buffer, (uint32_t)size};
    size_t got;
    errno = __wasi_fd_read(file, (const __wasi_iovec_t *)(address ? address : (unsigned long)vector), count,
                           (size_t *)(result ? result : (unsigned long)&got));
    close(file);
    return errno != 0;
}

/* Returns how many arguments were used; 0: unknown. */
static int perform(char **arguments, int *failed) {
    const char *what = arguments[0], *path = arguments[1], *value = path ? arguments[2] : NULL;
    struct stat information;
    if (!path)
        return 0;
    if (strcmp(what, "read") == 0)
        return *failed = read_text(path), 2;
    if (strcmp(what, "list") == 0)
        return *failed = list(path), 2;
    if (strcmp(what, "whole") == 0)
        return *failed = whole(path), 2;
    if (strcmp(what, "stat") == 0)
        return *failed = stat(path, &information), 2;
    if (strcmp(what, "mkdir") == 0)
        return *failed = mkdir(path, 0755), 2;
    if (strcmp(what, "unlink") == 0)
        return *failed = unlink(path), 2;
    if (strcmp(what, "truncate") == 0)
        return *failed = truncate(path, 0), 2;
    if (!value)
        return 0;
    if (strcmp(what, "write") == 0)
        return *failed = write_text(path, value), 3;
    if (strcmp(what, "fill") == 0)
        return *failed = fill(path, strtoul(value, NULL, 10)), 3;
    if (strcmp(what, "rename") == 0)
        return *failed = rename(path, value), 3;
    if (strcmp(what, "link") == 0)
        return *failed = link(path, value), 3;
    if (strcmp(what, "symlink") == 0)
        return *failed = symlink(path, value), 3;
    if (strcmp(what, "once") == 0)
        return *failed = once(path, atoi(value), 0), 3;
    if (strcmp(what, "once-at") == 0)
        return *failed = once(path, atoi(value), 1), 3;
    if (strcmp(what, "raw") == 0)
        return *failed = raw(path, value), 3;
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1, used; i < argc; i += used) {
        int failed = 0;
        text[0] = '\0';
        errno = 0;
        if ((used = perform(argv + i, &failed)) == 0) {
            fprintf(stderr, "folders: what is '%s'?\n", argv[i]);
            return 99;
        }
        if (failed)
            printf("%s failed %d\n", argv[i], errno);
        else
            printf("%s ok %s\n", argv[i], text);
        fflush(stdout);
    }
    return 0;
}
