#include "ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define IMPORT "wasi_ephemeral_nn"

struct wasinn__ahead {
    pthread_t thread;
    wasinn_host *host;
    const wasinn__named *named;
};

static void *open_ahead(void *data) {
    wasinn__ahead *ahead = data;
    const wasinn__named *named = ahead->named;
    if (named->count == 1)
        wasinn_host_preload(ahead->host, named->first);
    else
        wasinn_host_open_runtime(ahead->host, named->count ? named->encoding : WASINN_ENCODING_OPENVINO);
    return NULL;
}

/* Where memory is short by decree, the guest comes first: a runtime may not survive being opened beside it.
 */
static bool is_short_of_memory(void) {
    struct rlimit space;
    return getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur != RLIM_INFINITY;
}

wasinn__ahead *wasinn__ahead_start(wasinn_host *host, const wasinn__named *named, const wasinn_blob *wasm,
                                   bool beside) {
    bool known = named->count < 2 || named->encoding != WASINN_ENCODING_AUTODETECT;
    if (!known || !memmem(wasm->data, wasm->size, IMPORT, strlen(IMPORT)) || is_short_of_memory())
        return NULL;
    wasinn__ahead *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->host = host;
    made->named = named;
    if (!beside)
        open_ahead(made);
    else if (pthread_create(&made->thread, NULL, open_ahead, made) == 0)
        return made;
    free(made);
    return NULL;
}

void wasinn__ahead_free(wasinn__ahead *ahead) {
    if (!ahead)
        return;
    pthread_join(ahead->thread, NULL);
    free(ahead);
}
