#include "file.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static bool is_standard(const char *path) {
    return strcmp(path, "-") == 0;
}

const char *wasinn__in_name(const char *path) {
    return is_standard(path) ? "stdin" : path;
}

const char *wasinn__out_name(const char *path) {
    return is_standard(path) ? "stdout" : path;
}

void wasinn__describe_head(const uint8_t *head, size_t size, char text[WASINN__FILE_HEAD_TEXT]) {
    size_t printable = 0;
    while (printable < size && ((head[printable] >= 0x20 && head[printable] < 0x7f) ||
                                (head[printable] >= 9 && head[printable] <= 13)))
        printable++;
    char hex[3 * 8 + 1] = "";
    for (size_t i = 0; i < size && i < 8; i++)
        snprintf(hex + 3 * i, 4, " %02x", head[i]);
    if (size == 0)
        snprintf(text, WASINN__FILE_HEAD_TEXT, "is empty");
    else if (printable == size)
        snprintf(text, WASINN__FILE_HEAD_TEXT, "begins with the text '%.*s'", (int)size, (const char *)head);
    else
        snprintf(text, WASINN__FILE_HEAD_TEXT, "begins with the bytes%s", hex);
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static bool read_stream(FILE *file, uint64_t expected, size_t most, wasinn__file_accepts accepts,
                        uint8_t **data, size_t *size, char *problem) {
    size_t capacity = expected < most ? (size_t)expected + 1 : most + 1;
    if (capacity < 65536)
        capacity = 65536;
    uint8_t *bytes = malloc(capacity);
    if (!bytes) {
        snprintf(problem, WASINN__FILE_PROBLEM, "no memory for the file's %zu bytes", capacity);
        return false;
    }
    size_t length = fread(bytes, 1, WASINN__FILE_HEAD, file);
    if (!ferror(file) && accepts && !accepts(bytes, length, problem)) {
        free(bytes);
        return false;
    }
    while (!ferror(file) && expected <= most) {
        length += fread(bytes + length, 1, capacity - length, file);
        if (length < capacity || length > most)
            break;
        capacity = capacity > most / 2 ? most + 1 : 2 * capacity;
        uint8_t *larger = realloc(bytes, capacity);
        if (!larger) {
            snprintf(problem, WASINN__FILE_PROBLEM, "no memory for a file of more than %zu bytes", length);
            free(bytes);
            return false;
        }
        bytes = larger;
    }
    if (ferror(file))
        snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read: %s", strerror(errno));
    else if (expected > most || length > most)
        snprintf(problem, WASINN__FILE_PROBLEM, "larger than the limit of %zu bytes", most);
    if (ferror(file) || expected > most || length > most) {
        free(bytes);
        return false;
    }
    *data = bytes;
    *size = length;
    return true;
}

struct source {
    FILE *file;
    uint64_t rest; /* bytes to read of a regular file, else 0 */
};

static void close_source(struct source *source) {
    if (source->file != stdin)
        fclose(source->file);
}

static bool open_source(const char *path, struct source *source, char *problem) {
    struct stat status;
    source->file = is_standard(path) ? stdin : fopen(path, "rbe");
    if (!source->file) {
        snprintf(problem, WASINN__FILE_PROBLEM, "cannot be opened: %s", strerror(errno));
        return false;
    }
    int descriptor = fileno(source->file);
    if (fstat(descriptor, &status) != 0) {
        snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read: %s", strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        snprintf(problem, WASINN__FILE_PROBLEM, "a folder, not a file");
    } else {
        off_t start = S_ISREG(status.st_mode) ? lseek(descriptor, 0, SEEK_CUR) : -1;
        source->rest = start >= 0 && status.st_size > start ? (uint64_t)(status.st_size - start) : 0;
        return true;
    }
    close_source(source);
    return false;
}

bool wasinn__file_read(const char *path, size_t most, wasinn__file_accepts accepts, uint8_t **data,
                       size_t *size, char *problem) {
    struct source source;
    if (!open_source(path, &source, problem))
        return false;
    bool done = read_stream(source.file, source.rest, most, accepts, data, size, problem);
    close_source(&source);
    return done;
}

bool wasinn__file_read_sized(const char *path, size_t wanted, uint8_t **data, uint64_t *size, char *problem) {
    struct source source;
    problem[0] = '\0';
    if (!open_source(path, &source, problem))
        return false;
    /* A size of 0 is also that of files that the kernel makes up while they are read. */
    bool other_size = source.rest > 0 && source.rest != wanted;
    uint8_t *bytes = other_size ? NULL : malloc(wanted + 1);
    if (other_size) {
        *size = source.rest;
    } else if (!bytes) {
        snprintf(problem, WASINN__FILE_PROBLEM, "no memory for %zu bytes", wanted);
    } else {
        *size = fread(bytes, 1, wanted + 1, source.file);
        if (*size > wanted)
            *size = UINT64_MAX;
        if (ferror(source.file))
            snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read: %s", strerror(errno));
    }
    bool done = bytes && problem[0] == '\0' && *size == wanted;
    close_source(&source);
    if (done)
        *data = bytes;
    else
        free(bytes);
    return done;
}

/* ---- Writing ------------------------------------------------------------------------------------- */

static int fail_output(const char *path, const char *what) {
    return wasinn__fail(WASINN__EXIT_FAILED, "%s: cannot write the %s: %s", wasinn__out_name(path), what,
                        strerror(errno));
}

/* The file that is being written; a signal that ends the program takes it along. */
static const char *volatile unfinished;
static const int fatal[] = {SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

static void remove_unfinished(int number) {
    if (unfinished)
        unlink(unfinished);
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_signals(const char *path) {
    for (size_t i = 0; path && i < sizeof fatal / sizeof *fatal; i++) {
        struct sigaction now;
        if (sigaction(fatal[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            signal(fatal[i], remove_unfinished);
    }
    unfinished = path;
}

/* Makes a file of a name that ends in XXXXXX, and watches over it from the first moment. */
static int make_unfinished(char *path) {
    sigset_t held, before;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaddset(&held, fatal[i]);
    pthread_sigmask(SIG_BLOCK, &held, &before);
    int descriptor = mkstemp(path), reason = errno;
    if (descriptor >= 0)
        watch_signals(path);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return descriptor;
}

/* Begins a new file in the folder of `target`, which is to take its name, with the permissions of `like` and,
 * where this user may give files away, its owner. */
static bool begin_replacing(wasinn__draft *draft, const char *target, const struct stat *like) {
    static const char name[] = ".wasinn-XXXXXX";
    const char *slash = strrchr(target, '/');
    size_t folder = slash ? (size_t)(slash - target) + 1 : 0;
    draft->target = strdup(target);
    draft->temporary = malloc(folder + sizeof name);
    draft->mode = like->st_mode & 0777;
    draft->user = like->st_uid;
    draft->group = like->st_gid;
    if (!draft->target || !draft->temporary)
        return false;
    memcpy(draft->temporary, target, folder);
    memcpy(draft->temporary + folder, name, sizeof name);
    int descriptor = make_unfinished(draft->temporary);
    if (descriptor < 0)
        return false;
    draft->file = fdopen(descriptor, "wb");
    if (!draft->file) {
        watch_signals(NULL);
        unlink(draft->temporary);
        close(descriptor);
    }
    return draft->file != NULL;
}

static bool begin_direct(wasinn__draft *draft) {
    draft->file = is_standard(draft->path) ? stdout : fopen(draft->path, "wbe");
    return draft->file != NULL;
}

static bool begin_draft(wasinn__draft *draft) {
    struct stat status;
    if (is_standard(draft->path))
        return begin_direct(draft);
    if (stat(draft->path, &status) != 0) {
        if (errno != ENOENT)
            return false;
        /* A link that leads to nothing yet: the file is made where it leads. */
        if (lstat(draft->path, &status) == 0)
            return begin_direct(draft);
        mode_t mask = umask(0);
        umask(mask);
        status = (struct stat){.st_mode = 0666 & ~mask, .st_uid = (uid_t)-1, .st_gid = (gid_t)-1};
        return begin_replacing(draft, draft->path, &status);
    }
    if (!S_ISREG(status.st_mode))
        return begin_direct(draft);
    char *real = realpath(draft->path, NULL);
    bool begun = real && access(real, W_OK) == 0 && begin_replacing(draft, real, &status);
    int reason = errno;
    free(real);
    errno = reason;
    return begun;
}

static void free_draft(wasinn__draft *draft) {
    free(draft->temporary);
    free(draft->target);
    *draft = (wasinn__draft){0};
}

int wasinn__draft_begin(wasinn__draft *draft, const char *path, const char *what) {
    *draft = (wasinn__draft){.path = path, .what = what};
    if (begin_draft(draft))
        return WASINN__EXIT_OK;
    int code = fail_output(path, what);
    free_draft(draft);
    return code;
}

int wasinn__draft_end(wasinn__draft *draft, bool good) {
    bool done = good && fflush(draft->file) == 0;
    if (done && draft->temporary) {
        if (fchown(fileno(draft->file), draft->user, draft->group) != 0)
            errno = 0; /* it stays with this user */
        done = fchmod(fileno(draft->file), draft->mode) == 0;
    }
    int reason = errno;
    if (draft->file != stdout && fclose(draft->file) != 0 && done) {
        reason = errno;
        done = false;
    }
    if (done && draft->temporary && rename(draft->temporary, draft->target) != 0) {
        reason = errno;
        done = false;
    }
    if (draft->temporary) {
        watch_signals(NULL);
        if (!done)
            unlink(draft->temporary);
    }
    errno = reason;
    int code = done ? WASINN__EXIT_OK : fail_output(draft->path, draft->what);
    free_draft(draft);
    return code;
}

void wasinn__draft_drop(wasinn__draft *draft) {
    if (draft->file && draft->file != stdout)
        fclose(draft->file);
    if (draft->temporary) {
        watch_signals(NULL);
        unlink(draft->temporary);
    }
    free_draft(draft);
}

int wasinn__file_write(const char *path, const char *what, wasinn__file_writer writer, const void *content) {
    wasinn__draft draft;
    int code = wasinn__draft_begin(&draft, path, what);
    return code == WASINN__EXIT_OK ? wasinn__draft_end(&draft, writer(draft.file, content)) : code;
}

bool wasinn__is_same_file(const char *in, const char *out) {
    struct stat a, b;
    return !is_standard(in) && !is_standard(out) && stat(in, &a) == 0 && stat(out, &b) == 0 &&
           S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
