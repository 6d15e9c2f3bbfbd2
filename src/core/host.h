#ifndef WASINN_CORE_HOST_H
#define WASINN_CORE_HOST_H

#include <stdatomic.h>

#include "core/models.h"
#include "core/watchdog.h"

struct wasinn_host {
    atomic_uint references; /* the embedder's, and one for each guest */
    wasinn_limits limits;
    wasinn_log_fn log;
    void *log_data;
    wasinn__backend *backends;
    wasinn__model *models;
    wasinn__watchdog watchdog;
    wasinn__faults faults;
};

/* Takes the limits that the caller's struct has, and defaults for the rest. */
wasinn_status wasinn__limits_set(wasinn_limits *limits, const wasinn_limits *wanted);

#endif
