/* Work on many bytes, shared among threads that are there for as long as it takes. */
#ifndef WASINN_CORE_CREW_H
#define WASINN_CORE_CREW_H

#include <stddef.h>

/* Calls `piece` for 0 to count - 1, each once, on this thread and some others, of which there are none where
 * none can be started. With `threads` of 0, on as many as there are cores; never on more than four. */
void wasinn__crew_run(size_t count, unsigned threads, void (*piece)(void *data, size_t i), void *data);

#endif
