#ifndef WASINN_BACKENDS_FAKE_H
#define WASINN_BACKENDS_FAKE_H

#include "wasinn/backend.h"

extern const wasinn_backend wasinn__backend_fake;

#endif
