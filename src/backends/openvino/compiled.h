/* Models that were compiled before: written to a file, and read back in a fraction of the time. */
#ifndef WASINN_BACKENDS_OPENVINO_COMPILED_H
#define WASINN_BACKENDS_OPENVINO_COMPILED_H

#include <sys/stat.h>

#include "backends/openvino/model.h"

enum { WASINN__OPENVINO_PARTS = 2 };

/* The files that a model comes from, as they were before they were read. */
typedef struct wasinn__openvino_identity {
    size_t count; /* 0: a model that is not kept */
    char paths[WASINN__OPENVINO_PARTS][4096];
    struct stat parts[WASINN__OPENVINO_PARTS];
    char key[2048];
} wasinn__openvino_identity;

/* Models from a file of their own, or an xml and its bin, on the CPU, are kept, unless they have just been
 * written: then they might be again, and nobody could tell by their times. */
void wasinn__openvino_identify(const wasinn_load_request *request, const char *device,
                               wasinn__openvino_identity *identity);
/* Whether the files are still what they were. */
bool wasinn__openvino_unchanged(const wasinn__openvino_identity *identity);

/* Takes the model from the request's store. False: it is not there, or OpenVINO does not take it, and the
 * model is as it was. */
bool wasinn__openvino_import(wasinn__openvino_model *model, const wasinn_load_request *request,
                             const wasinn__openvino_identity *identity);
wasinn_status wasinn__openvino_save(void *model, const char *path, wasinn_message *message);

#endif
