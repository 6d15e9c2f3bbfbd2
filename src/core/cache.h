/* A cache as the core itself uses it. */
#ifndef WASINN_CORE_CACHE_H
#define WASINN_CORE_CACHE_H

#include "wasinn/backend.h"
#include "wasinn/cache.h"

/* Says what went wrong with the cache, for wasinn_cache_problem. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void wasinn__cache_tell(wasinn_cache *cache, const char *format, ...);

#endif
