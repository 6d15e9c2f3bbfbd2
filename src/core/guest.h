/* What one store's WebAssembly code holds: handles, quotas, the last error. */
#ifndef WASINN_CORE_GUEST_H
#define WASINN_CORE_GUEST_H

#include <stdatomic.h>

#include "core/handle.h"
#include "core/host.h"

struct wasinn_guest {
    atomic_uint references;
    wasinn_host *host;
    wasinn_limits limits;
    wasinn_numbering numbering;
    wasinn__handles handles;
    uint64_t graphs, executions; /* handles alive */
    uint64_t held_bytes;         /* graphs and executions */
    atomic_bool interrupted;
    wasinn__watch *watch; /* the call in progress; under the watchdog's lock */
    char raw[1024];       /* the message of the call in progress, as the backend wrote it */
    char error[1024];     /* of the last call that failed, escaped */
    bool error_is_hosts;  /* it may name the host's files: not for the guest's eyes */
};

/* Each call on a guest begins with one and ends with the other, which keeps the text of a failure. */
wasinn_message wasinn__guest_begin(wasinn_guest *guest);
wasinn_status wasinn__guest_end(wasinn_guest *guest, wasinn_status status);

/* A failure found before a call could begin: by the layer that reads the guest's arguments. */
__attribute__((format(printf, 3, 4))) wasinn_status wasinn__guest_fail(wasinn_guest *guest,
                                                                       wasinn_status status,
                                                                       const char *format, ...);

/* The last error's text as the guest may read it. */
const char *wasinn__guest_shown_error(const wasinn_guest *guest);

/* Whether one more handle may be open: `open` are, of at most `limit`. `what` says of what: "graphs loaded".
 */
wasinn_status wasinn__guest_room(wasinn_guest *guest, const char *what, uint64_t open, uint64_t limit,
                                 wasinn_message *message);

/* Tells the host's log why `call` failed. */
void wasinn__guest_report(wasinn_guest *guest, const char *call, wasinn_status status);

/* An attempt to load that starts now. */
wasinn__attempt wasinn__guest_attempt(const wasinn_guest *guest);

#endif
