#include "backends/openvino/carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static wasinn_status failed(const char *doing, wasinn_message *message) {
    return wasinn_refuse(message, WASINN_RUNTIME_ERROR,
                         "the model's bytes cannot be handed to OpenVINO: %s: %s", doing, strerror(errno));
}

static bool write_all(int file, const wasinn_blob *bytes) {
    const char *next = bytes->data;
    for (size_t left = bytes->size; left > 0;) {
        ssize_t written = write(file, next, left < (1 << 30) ? left : 1 << 30);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        next += written;
        left -= (size_t)written;
    }
    return true;
}

/* Zeros behind the bytes are no part of a model of TensorFlow Lite, but a number that begins within its end
 * can be read from them. */
static bool write_zeros(int file) {
    static const char zeros[16];
    return write_all(file, &(wasinn_blob){zeros, sizeof zeros});
}

static wasinn_status fill(const wasinn_blob *bytes, bool pad, wasinn__carrier *carrier,
                          wasinn_message *message) {
    carrier->file = memfd_create("wasinn-model", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (carrier->file < 0)
        return failed("a file in memory", message);
    if (!write_all(carrier->file, bytes) || (pad && !write_zeros(carrier->file)))
        return errno == ENOSPC || errno == ENOMEM
                   ? wasinn_refuse(message, WASINN_TOO_LARGE, "no memory for a copy of the model: %zu bytes",
                                   bytes->size)
                   : failed("writing to a file in memory", message);
    if (fcntl(carrier->file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return failed("sealing a file in memory", message);
    snprintf(carrier->path, sizeof carrier->path, "/proc/self/fd/%d", carrier->file);
    return WASINN_OK;
}

/* In memory where there is such a place, which guests are hardly ever given. */
static bool make_folder(wasinn__carrier *carrier) {
    const char *chosen = getenv("TMPDIR");
    const char *const places[] = {"/dev/shm", chosen && chosen[0] == '/' ? chosen : "/tmp", "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if ((size_t)snprintf(carrier->folder, sizeof carrier->folder, "%s/wasinn-XXXXXX", places[i]) <
                sizeof carrier->folder &&
            mkdtemp(carrier->folder))
            return true;
    }
    carrier->folder[0] = '\0';
    return false;
}

/* When an entry was last added, removed or replaced; a guest that could do that cannot set this time. */
static bool look(const wasinn__carrier *carrier, struct stat *folder, struct stat *name) {
    return fstat(carrier->directory, folder) == 0 &&
           fstatat(carrier->directory, carrier->name, name, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The folder is reached through its descriptor, so that nobody can put another one in its place. WASI has no
 * way to change its mode; to root, whom no mode stops, `untouched` tells. */
static wasinn_status give_name(const char *ending, wasinn__carrier *carrier, wasinn_message *message) {
    struct stat folder, name;
    char target[sizeof carrier->path];
    if (!make_folder(carrier))
        return failed("a folder in /dev/shm, TMPDIR or /tmp", message);
    snprintf(carrier->name, sizeof carrier->name, "model%s", ending);
    memcpy(target, carrier->path, sizeof target);
    carrier->directory = open(carrier->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (carrier->directory < 0 || symlinkat(target, carrier->directory, carrier->name) != 0 ||
        fchmod(carrier->directory, S_IRUSR | S_IXUSR) != 0 || !look(carrier, &folder, &name))
        return failed("a link in a temporary folder", message);
    carrier->inode = name.st_ino;
    carrier->seconds = folder.st_ctim.tv_sec;
    carrier->nanoseconds = folder.st_ctim.tv_nsec;
    snprintf(carrier->path, sizeof carrier->path, "/proc/self/fd/%d/%s", carrier->directory, carrier->name);
    return WASINN_OK;
}

wasinn_status wasinn__carrier_open(const wasinn_blob *bytes, const char *ending, wasinn__carrier *carrier,
                                   wasinn_message *message) {
    *carrier = (wasinn__carrier){.file = -1, .directory = -1};
    wasinn_status status = fill(bytes, ending != NULL, carrier, message);
    if (status == WASINN_OK && ending)
        status = give_name(ending, carrier, message);
    if (status != WASINN_OK)
        wasinn__carrier_close(carrier);
    return status;
}

bool wasinn__carrier_untouched(const wasinn__carrier *carrier) {
    struct stat folder, name;
    return carrier->directory < 0 ||
           (look(carrier, &folder, &name) && name.st_ino == carrier->inode &&
            folder.st_ctim.tv_sec == carrier->seconds && folder.st_ctim.tv_nsec == carrier->nanoseconds);
}

void wasinn__carrier_close(wasinn__carrier *carrier) {
    if (carrier->directory >= 0) {
        fchmod(carrier->directory, S_IRWXU);
        unlinkat(carrier->directory, carrier->name, 0);
        close(carrier->directory);
    }
    if (carrier->folder[0])
        rmdir(carrier->folder);
    if (carrier->file >= 0)
        close(carrier->file);
    *carrier = (wasinn__carrier){.file = -1, .directory = -1};
}
