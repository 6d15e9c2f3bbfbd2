#ifndef WASINN_CORE_HOST_H
#define WASINN_CORE_HOST_H

#include <stdatomic.h>

#include "core/models.h"
#include "core/observe.h"
#include "core/shared.h"
#include "core/watchdog.h"

struct wasinn_host {
    atomic_uint references; /* the embedder's, and one for each guest */
    wasinn_limits limits;
    wasinn_log_fn log;
    void *log_data;
    wasinn__observer observer;
    wasinn_numbering numbering; /* of guests that are made later */
    wasinn__registry registry;
    wasinn__model *models;
    wasinn__shared_models shared;
    wasinn__watchdog watchdog;
    wasinn__faults faults;
};

/* Each public function on a host begins with one and ends with the other, which keeps the text of a failure
 * for wasinn_host_last_error. */
wasinn_message wasinn__host_begin(void);
wasinn_status wasinn__host_end(wasinn_status status);

/* Copies as much of a struct as both sides know; what only the receiver knows becomes zero. */
void wasinn__copy_known(void *to, size_t to_size, const void *from, size_t from_size);

/* Whether a struct of the caller's, whose struct_size is `size`, has at least the `least` bytes of its first
 * version, and nothing but zeros beyond those that are `known`. The message calls it `what`, and `begin` what
 * fills it in. */
wasinn_status wasinn__check_struct(const char *what, const char *begin, const void *given, size_t size,
                                   size_t least, size_t known, wasinn_message *message);

/* Takes the limits that the caller's struct has, and defaults for the rest. */
wasinn_status wasinn__limits_set(wasinn_limits *limits, const wasinn_limits *wanted);

#endif
