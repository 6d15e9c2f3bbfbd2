/* The cache that `wasinn run` is to use. */
#ifndef WASINN_CLI_RUN_CACHE_H
#define WASINN_CLI_RUN_CACHE_H

#include "run_options.h"
#include "wasinn/cache.h"

/* Opens what the options, else the environment, name. `*cache` is NULL where there is to be none, or the
 * default one cannot be used. Returns an exit code. */
int wasinn__run_cache_open(const wasinn__run_options *options, wasinn_cache **cache);

/* Says what was wrong with it, if that may matter to somebody. Accepts NULL. */
void wasinn__run_cache_report(const wasinn__run_options *options, wasinn_cache *cache);

#endif
