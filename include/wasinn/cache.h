/* cache.h - a folder that keeps what was compiled, for the next process.
 *
 * A host that is given a cache finds models there that it has compiled before (OpenVINO, models by name on
 * the CPU); an embedder may keep its own things there, such as compiled WebAssembly modules.
 *
 *     wasinn_cache *cache;
 *     if (wasinn_cache_open(NULL, 0, &cache) == WASINN_OK)
 *         wasinn_host_set_cache(host, cache);
 *     wasinn_cache_free(cache);
 *
 * What is kept there is code, in effect: the folder is the user's own and nobody else may write to it, and
 * what is read back is checked whole before it is used. Any number of processes may use one folder at once.
 * An entry is found by its kind and its key, which are compared in full. A problem with the cache is never
 * one of the model: nothing is found or kept then, and wasinn_cache_problem says why.
 *
 * Threads: any number may use a cache at once.
 */
#ifndef WASINN_CACHE_H
#define WASINN_CACHE_H

#include "wasinn/wasinn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A folder of compiled things. */
typedef struct wasinn_cache wasinn_cache;

/* What `most_bytes` is if it is 0: 4 GiB. */
#define WASINN_CACHE_BYTES ((uint64_t)4 << 30)

/* The folder that is meant where none is named: the environment's WASINN_CACHE, else $XDG_CACHE_HOME/wasinn,
 * else $HOME/.cache/wasinn. False: these name none, or one that `capacity` bytes do not hold, or WASINN_CACHE
 * is "off". */
WASINN_API bool wasinn_cache_default_folder(char *path, size_t capacity);

/* Opens a folder, and makes it if it is not there. NULL: the default one. It keeps at most `most_bytes`: what
 * was used the longest ago goes first. A folder that can be read but not written is used for what it has.
 * security: the folder, or one above it, is another user's or can be written by others (one above that is
 * sticky, as /tmp is, may be); not_found: it cannot be made or read, or NULL names none; too_large: no
 * memory. wasinn_host_last_error has the text. */
WASINN_API wasinn_status wasinn_cache_open(const char *folder, uint64_t most_bytes, wasinn_cache **cache);
/* Gives up one hold: that of wasinn_cache_open, or of wasinn_cache_retain. A host has one of its own. */
WASINN_API void wasinn_cache_free(wasinn_cache *cache);
/* Takes one hold more. */
WASINN_API void wasinn_cache_retain(wasinn_cache *cache);

/* The folder, as an absolute path without links. Lives as long as the cache. */
WASINN_API const char *wasinn_cache_folder(const wasinn_cache *cache);

/* Waits until all that this process is writing to it has been kept. A host keeps a compiled model on a thread
 * of its own; wasinn_host_free waits for that, and a process that ends without it should call this. */
WASINN_API void wasinn_cache_wait(wasinn_cache *cache);

/* Copies the first problem since the last call of this function, such as a full disk or an entry that was
 * damaged, as one line; false: there was none. */
WASINN_API bool wasinn_cache_problem(wasinn_cache *cache, char *text, size_t capacity);

/* Has a host keep compiled models; NULL: no more. */
WASINN_API void wasinn_host_set_cache(wasinn_host *host, wasinn_cache *cache);

/* ---- Entries ------------------------------------------------------------------------------------ */

/* An entry that was found: its content, mapped read-only from the beginning of a page. It stays as it is,
 * even if the entry is replaced or cleared. */
typedef struct wasinn_cache_entry wasinn_cache_entry;

/* Looks for what was kept. `kind` is a word of letters: "module". False: nothing, or it was damaged. */
WASINN_API bool wasinn_cache_find(wasinn_cache *cache, const char *kind, const void *key, size_t key_size,
                                  wasinn_cache_entry **entry, wasinn_blob *content);
/* Lets go of an entry; its content is no longer there. Accepts NULL. */
WASINN_API void wasinn_cache_release(wasinn_cache_entry *entry);

/* Keeps a copy of `content`, in the place of what was kept under the key. `label` is what a list shows: a
 * path, for example. A failure is left to wasinn_cache_problem. */
WASINN_API void wasinn_cache_keep(wasinn_cache *cache, const char *kind, const void *key, size_t key_size,
                                  const char *label, const wasinn_blob *content);

/* An entry that is being written by somebody else's code: a file of its own, to be made under the path. */
typedef struct wasinn_cache_writer wasinn_cache_writer;

/* NULL: nothing can be kept. */
WASINN_API wasinn_cache_writer *wasinn_cache_begin(wasinn_cache *cache, const char *kind, const void *key,
                                                   size_t key_size, const char *label);
/* Where the content is to be written. Lives until wasinn_cache_end. */
WASINN_API const char *wasinn_cache_path(const wasinn_cache_writer *writer);
/* Keeps what is in the file, or forgets it where that is not complete. Accepts NULL. */
WASINN_API void wasinn_cache_end(wasinn_cache_writer *writer, bool complete);

/* ---- The whole ---------------------------------------------------------------------------------- */

/* What is known of an entry. */
typedef struct wasinn_cache_info {
    size_t struct_size;  /* as the library knows it: only ever grows */
    const char *name;    /* of its file */
    const char *kind;    /* "model", "module"; "" where it is damaged */
    const char *label;   /* as it was kept, escaped for a terminal */
    uint64_t bytes;      /* of its file */
    int64_t used;        /* when it was last used: seconds since 1970 */
    const char *problem; /* what is wrong with it, or NULL */
} wasinn_cache_info;

/* Takes an entry; what it points to is borrowed for the call. True: this entry is to be removed. */
typedef bool (*wasinn_cache_fn)(void *data, const wasinn_cache_info *info);

/* Tells each entry, the last used first. `whole`: each is read whole and checked; otherwise only its
 * beginning and end are looked at. not_found: the folder cannot be read; too_large: no memory. */
WASINN_API wasinn_status wasinn_cache_each(wasinn_cache *cache, bool whole, wasinn_cache_fn tell, void *data);

#ifdef __cplusplus
}
#endif

#endif
