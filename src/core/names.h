/* How many there are of each: the public enums may grow. */
#ifndef WASINN_CORE_NAMES_H
#define WASINN_CORE_NAMES_H

#include "wasinn/wasinn.h"

#define WASINN__TYPES (WASINN_TYPE_ANY + 1)
#define WASINN__ENCODINGS (WASINN_ENCODING_AUTODETECT + 1)
#define WASINN__TARGETS (WASINN_TARGET_AUTO + 1)
#define WASINN__NUMBERINGS (WASINN_NUMBERING_OLD + 1)

#endif
