/* A library that has the names of OpenVINO's functions and says that it is another version.
 *
 * OpenVINO's own header is not included: its prototypes would be in the way of these. */
#include <stdlib.h>

#define DEFINED __attribute__((visibility("default")))

#define STUB(name)                                                                                           \
    DEFINED void name(void);                                                                                 \
    DEFINED void name(void) {                                                                                \
        abort();                                                                                             \
    }

typedef struct version {
    const char *number, *description;
} version;

DEFINED int ov_get_openvino_version(version *result);
DEFINED int ov_get_openvino_version(version *result) {
    *result = (version){OTHER_VERSION, ""};
    return 0;
}

DEFINED void ov_version_free(version *freed);
DEFINED void ov_version_free(version *freed) {
    *freed = (version){NULL, NULL};
}

#include "other_openvino_functions.h"
