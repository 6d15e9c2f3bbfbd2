#ifndef WASINN_BACKENDS_FAKE_H
#define WASINN_BACKENDS_FAKE_H

#include <stdatomic.h>

#include "wasinn/backend.h"

/* How many models were loaded in this process. */
extern atomic_uint wasinn__fake_loads;
/* How many inferences were made in a caller's memory. */
extern atomic_uint wasinn__fake_infers;

extern const wasinn_backend wasinn__backend_fake;

#endif
