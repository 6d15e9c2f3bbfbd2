/* A cache as the core itself uses it. */
#ifndef WASINN_CORE_CACHE_H
#define WASINN_CORE_CACHE_H

#include "wasinn/backend.h"
#include "wasinn/cache.h"

/* wasinn_cache_find, but of a content of more than `at_once` bytes only the ends have been checked: the rest
 * is left to wasinn__cache_check. */
bool wasinn__cache_find_ends(wasinn_cache *cache, const char *kind, const void *key, size_t key_size,
                             size_t at_once, wasinn_cache_entry **entry, wasinn_blob *content);
/* Checks all of an entry, by one thread. False: it is damaged, and was removed from the folder. */
bool wasinn__cache_check(wasinn_cache *cache, const wasinn_cache_entry *entry);

/* Says what went wrong with the cache, for wasinn_cache_problem. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void wasinn__cache_tell(wasinn_cache *cache, const char *format, ...);

#endif
