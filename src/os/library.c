#include "os/library.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Whether the file has all bytes that its segments are mapped from. What is no ELF file of this machine's
 * kind is the loader's to refuse. */
static bool is_whole(FILE *stream, uint64_t size) {
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    if (fread(&header, sizeof header, 1, stream) != 1 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_phentsize != sizeof segment || header.e_phoff > size)
        return true;
    if (fseek(stream, (long)header.e_phoff, SEEK_SET) != 0)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (fread(&segment, sizeof segment, 1, stream) != 1)
            return false;
        if (segment.p_type == PT_LOAD &&
            (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
            return false;
    }
    return true;
}

static bool check(const char *path, char *problem, size_t capacity) {
    struct stat status;
    if (!strchr(path, '/') || stat(path, &status) != 0)
        return true;
    if (!S_ISREG(status.st_mode)) {
        snprintf(problem, capacity, "%s: is not a file", path);
        return false;
    }
    FILE *stream = fopen(path, "rbe");
    bool whole = !stream || is_whole(stream, (uint64_t)status.st_size);
    if (stream)
        fclose(stream);
    if (!whole)
        snprintf(problem, capacity, "%s: is cut short: it has %llu bytes", path,
                 (unsigned long long)status.st_size);
    return whole;
}

void *wasinn__library_open(const char *path, int flags, char *problem, size_t capacity) {
    void *library = check(path, problem, capacity) ? dlopen(path, flags) : NULL;
    const char *text = library || problem[0] ? NULL : dlerror();
    if (text)
        snprintf(problem, capacity, "%s", text);
    return library;
}

bool wasinn__library_file(const char *path, char *text, size_t capacity) {
    struct stat file;
    if (stat(path, &file) != 0)
        return false;
    return (size_t)snprintf(text, capacity, "%llx %llx %lld %lld.%09ld", (unsigned long long)file.st_dev,
                            (unsigned long long)file.st_ino, (long long)file.st_size,
                            (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec) < capacity;
}
