#include "subject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* What is read of a pipe, which cannot be looked at here and there; and for how long nothing may come. */
enum { MOST_PIPED = 256 << 20, PATIENCE_MS = 10000 };

static const char expected[] =
    "a model (OpenVINO, ONNX, TensorFlow, TensorFlow Lite, PyTorch, GGUF) or WebAssembly";

static int refuse(const struct wasinn__subject *subject, const char *why) {
    return wasinn__fail(WASINN__EXIT_FAILED, "%s: %s", subject->shown, why);
}

/* ---- A folder ------------------------------------------------------------------------------------ */

static bool ends_with(const char *name, const char *ending) {
    size_t length = strlen(name), wanted = strlen(ending);
    return length > wanted && strcmp(name + length - wanted, ending) == 0;
}

static bool is_model_name(const char *name) {
    static const char *const endings[] = {".xml", ".onnx", ".tflite", ".gguf", ".pt", ".pth", ".pb"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(name, endings[i]))
            return true;
    return false;
}

/* The model of a folder: what its format calls it, else the only file with a model's name. */
static int find_in_folder(struct wasinn__subject *subject, const char *folder) {
    static const char *const fixed[] = {"saved_model.pb", "model.xml"};
    char found[256] = "", other[256] = "";
    DIR *directory = opendir(folder);
    if (!directory)
        return refuse(subject, strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory));) {
        const char *name = entry->d_name;
        struct stat status;
        if (fstatat(dirfd(directory), name, &status, 0) == 0 && S_ISDIR(status.st_mode))
            continue;
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
            if (strcmp(name, fixed[i]) == 0 && strcmp(found, fixed[0]) != 0) {
                snprintf(found, sizeof found, "%s", name);
                other[0] = '\0';
            }
        bool settled = strcmp(found, fixed[0]) == 0 || strcmp(found, fixed[1]) == 0;
        if (!settled && is_model_name(name))
            snprintf(found[0] ? other : found, sizeof found, "%s", name);
    }
    closedir(directory);
    if (!found[0])
        return refuse(subject,
                      "no model in this folder: wanted model.xml, saved_model.pb, or one file that ends in "
                      ".xml, .onnx, .tflite, .gguf, .pt, .pth or .pb");
    if (other[0])
        return wasinn__fail(WASINN__EXIT_FAILED,
                            "%s: more than one model in this folder, such as %s and %s: name one",
                            subject->shown, strcmp(found, other) < 0 ? found : other,
                            strcmp(found, other) < 0 ? other : found);
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    if (asprintf(&subject->path, "%s%s%s", folder, slash, found) < 0)
        subject->path = wasinn__checked(NULL);
    return WASINN__EXIT_OK;
}

/* ---- A file -------------------------------------------------------------------------------------- */

/* Reads what comes through a pipe or device; NULL: `problem` says why. */
static uint8_t *read_pipe(int file, size_t *size, char *problem) {
    size_t capacity = 1 << 16, used = 0;
    uint8_t *bytes = wasinn__checked(malloc(capacity));
    problem[0] = '\0';
    for (;;) {
        struct pollfd waiting = {file, POLLIN, 0};
        int ready = poll(&waiting, 1, PATIENCE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t got = ready > 0 ? read(file, bytes + used, capacity - used) : ready;
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (ready == 0)
            snprintf(problem, WASINN__FILE_PROBLEM, "nothing came for %d s", PATIENCE_MS / 1000);
        else if (got < 0)
            snprintf(problem, WASINN__FILE_PROBLEM, "cannot be read: %s", strerror(errno));
        else if (got == 0)
            break;
        else if ((used += (size_t)got) > MOST_PIPED)
            snprintf(problem, WASINN__FILE_PROBLEM, "a pipe or device that gives more than %d bytes",
                     MOST_PIPED);
        if (problem[0]) {
            free(bytes);
            return NULL;
        }
        if (used == capacity)
            bytes = wasinn__checked(realloc(bytes, capacity *= 2));
    }
    *size = used;
    return bytes;
}

static void describe_unknown(struct wasinn__reader *reader, char *problem) {
    static const struct {
        const char *bytes, *meaning;
        size_t length;
    } known[] = {
        {"(module", "WebAssembly's text format: convert it with wat2wasm", 7},
        {"\x89PNG", "a PNG picture", 4},
        {"\xff\xd8\xff", "a JPEG picture", 3},
        {"\x7f"
         "ELF",
         "a native program or library", 4},
        {"\x1f\x8b", "gzip: unpack it", 2},
        {"!<arch>", "an ar archive, such as a Debian package or a static library", 7},
        {"PK\3\4", "a ZIP archive that is not PyTorch's, such as .npz or .keras", 4},
        {"\x93NUMPY", "an array of NumPy", 6},
        {"version ", "text: the pointer that Git LFS leaves in place of a large file, perhaps", 8},
        {"<!DOCTY", "a web page: a download that failed, perhaps", 7},
        {"<html", "a web page: a download that failed, perhaps", 5},
        {"\x89HDF", "HDF5, a Keras model perhaps: convert it first", 4},
        {"\x28\xb5\x2f\xfd", "zstd: unpack it", 4},
    };
    uint64_t size = wasinn__reader_size(reader);
    size_t count = size < 8 ? (size_t)size : 8;
    const uint8_t *head = count > 0 ? wasinn__reader_at(reader, 0, count) : NULL;
    char text[WASINN__FILE_HEAD_TEXT];
    if (!head) {
        snprintf(problem, WASINN__FILE_PROBLEM, "the file is empty; expected %s", expected);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (count >= known[i].length && memcmp(head, known[i].bytes, known[i].length) == 0) {
            snprintf(problem, WASINN__FILE_PROBLEM, "expected %s; this is %s", expected, known[i].meaning);
            return;
        }
    wasinn__describe_head(head, count, text);
    snprintf(problem, WASINN__FILE_PROBLEM, "expected %s; the file %s", expected, text);
}

static bool read_openvino(struct wasinn__reader *reader, struct wasinn__subject *subject, char *problem) {
    uint64_t weights_end = 0;
    struct stat status;
    if (!wasinn__read_openvino(reader, &subject->model, &weights_end, problem))
        return false;
    size_t length = subject->path ? strlen(subject->path) : 0;
    if (length < 4 || strcmp(subject->path + length - 4, ".xml") != 0)
        return true;
    if (asprintf(&subject->weights_path, "%.*s.bin", (int)(length - 4), subject->path) < 0)
        subject->weights_path = wasinn__checked(NULL);
    char wanted[64] = "";
    if (weights_end > 0)
        snprintf(wanted, sizeof wanted, "; the xml wants %llu bytes of weights",
                 (unsigned long long)weights_end);
    if (stat(subject->weights_path, &status) != 0)
        snprintf(subject->warning, sizeof subject->warning, "'%.200s': %s%s", subject->weights_path,
                 strerror(errno), wanted);
    else if (!S_ISREG(status.st_mode))
        snprintf(subject->warning, sizeof subject->warning, "'%.200s' is not a file%s", subject->weights_path,
                 wanted);
    else if ((subject->weights_bytes = (uint64_t)status.st_size) < weights_end)
        snprintf(subject->warning, sizeof subject->warning, "'%.200s' has %llu bytes%s",
                 subject->weights_path, (unsigned long long)status.st_size, wanted);
    subject->bytes += subject->weights_bytes;
    return true;
}

/* A SavedModel's weights are in a folder of their own. */
static void add_variables(struct wasinn__subject *subject) {
    static const char name[] = "saved_model.pb";
    size_t length = subject->path ? strlen(subject->path) : 0;
    if (length < sizeof name - 1 || strcmp(subject->path + length - (sizeof name - 1), name) != 0)
        return;
    char folder[4096];
    struct stat status;
    snprintf(folder, sizeof folder, "%.*svariables", (int)(length - (sizeof name - 1)), subject->path);
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode))
            subject->weights_bytes += (uint64_t)status.st_size;
    if (directory)
        closedir(directory);
    subject->bytes += subject->weights_bytes;
}

/* The formats, those with a magic number first. */
static bool read_formats(struct wasinn__reader *reader, struct wasinn__subject *subject, char *problem) {
    static bool (*const readers[])(struct wasinn__reader *, struct wasinn__model_facts *, char *) = {
        wasinn__read_gguf, wasinn__read_tensorflowlite, wasinn__read_pytorch, wasinn__read_onnx,
        wasinn__read_tensorflow};
    if (wasinn__is_wasm(reader)) {
        subject->is_guest = true;
        return wasinn__read_guest(reader, &subject->guest, problem);
    }
    if (read_openvino(reader, subject, problem))
        return true;
    for (size_t i = 0; !problem[0] && i < sizeof readers / sizeof *readers; i++)
        if (readers[i](reader, &subject->model, problem)) {
            if (subject->model.encoding == WASINN_ENCODING_TENSORFLOW)
                add_variables(subject);
            return true;
        }
    if (!problem[0])
        describe_unknown(reader, problem);
    return false;
}

static int read_opened(struct wasinn__subject *subject, int file, const struct stat *status) {
    char problem[WASINN__FILE_PROBLEM] = "";
    struct wasinn__reader reader;
    uint8_t *piped = NULL;
    bool read = false;
    /* A file of the kernel's has no size, and more to tell. */
    bool is_file = S_ISREG(status->st_mode);
    if (is_file && status->st_size > 0) {
        read = wasinn__reader_open(&reader, file, problem);
    } else if (is_file || S_ISFIFO(status->st_mode) || S_ISCHR(status->st_mode) ||
               S_ISSOCK(status->st_mode)) {
        size_t size = 0;
        read = (piped = read_pipe(file, &size, problem)) != NULL;
        wasinn__reader_on(&reader, piped, size);
    } else if (S_ISDIR(status->st_mode)) {
        snprintf(problem, sizeof problem, "a folder: name it instead");
    } else {
        snprintf(problem, sizeof problem, "neither a file nor a folder");
    }
    if (read) {
        subject->bytes = wasinn__reader_size(&reader);
        read = read_formats(&reader, subject, problem);
        if (read && subject->is_guest)
            read = wasinn__judge_guest(subject, &reader, problem);
        else if (read)
            wasinn__judge_model(subject);
        wasinn__reader_close(&reader);
    }
    free(piped);
    return read ? WASINN__EXIT_OK : refuse(subject, problem);
}

int wasinn__subject_read(struct wasinn__subject *subject, const char *path) {
    struct stat status;
    bool is_stdin = strcmp(path, "-") == 0;
    subject->shown = wasinn__in_name(path);
    if (!is_stdin && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        int code = find_in_folder(subject, path);
        if (code != WASINN__EXIT_OK)
            return code;
        subject->shown = path = subject->path;
    } else if (!is_stdin) {
        subject->path = wasinn__checked(strdup(path));
    }
    /* Without O_NONBLOCK, opening a pipe waits for somebody who writes. */
    int file = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return refuse(subject, strerror(errno));
    int code =
        fstat(file, &status) == 0 ? read_opened(subject, file, &status) : refuse(subject, strerror(errno));
    close(file);
    return code;
}

void wasinn__subject_free(struct wasinn__subject *subject) {
    wasinn__model_facts_free(&subject->model);
    wasinn__guest_facts_free(&subject->guest);
    free(subject->imports);
    free(subject->path);
    free(subject->weights_path);
    *subject = (struct wasinn__subject){0};
}
