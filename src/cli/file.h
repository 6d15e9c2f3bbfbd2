/* Files that the commands read and write; "-" is stdin or stdout. */
#ifndef WASINN_CLI_FILE_H
#define WASINN_CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { WASINN__FILE_HEAD = 16, WASINN__FILE_PROBLEM = 512, WASINN__FILE_HEAD_TEXT = 64 };

/* Whether a file that begins with these bytes, up to WASINN__FILE_HEAD of them, is worth reading on. If not,
 * says why in `problem`, which has WASINN__FILE_PROBLEM bytes. */
typedef bool (*wasinn__file_accepts)(const uint8_t *head, size_t size, char *problem);

/* Reads all of a file of at most `most` bytes; a folder is refused. `accepts` may be NULL. False: `problem`,
 * of WASINN__FILE_PROBLEM bytes, says why. The data is the caller's to free. */
bool wasinn__file_read(const char *path, size_t most, wasinn__file_accepts accepts, uint8_t **data,
                       size_t *size, char *problem);

/* Reads a file that is to have `wanted` bytes. False: `problem` says why, or is empty if it has another
 * number of bytes, which `size` tells; one more than wanted may stand for any more. */
bool wasinn__file_read_sized(const char *path, size_t wanted, uint8_t **data, uint64_t *size, char *problem);

/* Writes the whole content. False on an error of `file`, or no memory, told by errno. */
typedef bool (*wasinn__file_writer)(FILE *file, const void *content);

/* Writes a file, which is left as it was unless all could be written; a link stays a link. `what` is for the
 * message: "tensor". Returns an exit code, other than 0 after wasinn__fail. */
int wasinn__file_write(const char *path, const char *what, wasinn__file_writer writer, const void *content);

/* A file that is written bit by bit, as wasinn__file_write does it at once: it takes its name when it is
 * whole, and is gone when that fails or a signal ends the program. There is one at a time. */
typedef struct wasinn__draft {
    FILE *file; /* to write to */
    const char *path, *what;
    char *temporary, *target; /* NULL: it is written where it stays, a pipe for example */
    mode_t mode;
    uid_t user;
    gid_t group;
} wasinn__draft;

/* Begins one; path and `what` live as long as the draft. Returns an exit code, other than 0 after
 * wasinn__fail.
 */
int wasinn__draft_begin(wasinn__draft *draft, const char *path, const char *what);
/* Ends it: whole if it is `good`, else as if it had not been, for the reason in errno. Returns an exit code,
 * other than 0 after wasinn__fail. */
int wasinn__draft_end(wasinn__draft *draft, bool good);

/* Ends it as if it had not been, and says nothing. */
void wasinn__draft_drop(wasinn__draft *draft);

/* How a file begins, in words that go behind "the file": "is empty", "begins with the text 'GIF89a'", "begins
 * with the bytes 00 01". Of other bytes than text at most 8 are told. */
void wasinn__describe_head(const uint8_t *head, size_t size, char text[WASINN__FILE_HEAD_TEXT]);

/* The path, or "stdin" or "stdout". */
const char *wasinn__in_name(const char *path);
const char *wasinn__out_name(const char *path);

/* Overwriting what was read is never meant. */
bool wasinn__is_same_file(const char *in, const char *out);

#endif
