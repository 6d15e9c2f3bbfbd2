/* What `wasinn inspect` was pointed at, and all that is to be told of it. */
#ifndef WASINN_CLI_INSPECT_SUBJECT_H
#define WASINN_CLI_INSPECT_SUBJECT_H

#include <stdio.h>

#include "cli/file.h"
#include "guest.h"
#include "model.h"

/* How many backends are told of that serve a model. */
enum { WASINN__SERVING_BACKENDS = 8 };

/* Whether it can be run here, and how that is known. */
struct wasinn__verdict {
    bool served;
    char backend[256]; /* "openvino 2026.4.1", which would load it; "" for guests, and where there is none */
    /* Those that serve a model, the one that would load it first. */
    char backends[WASINN__SERVING_BACKENDS][256];
    size_t backend_count;
    char reason[1536]; /* why not; "" when it is served */
};

/* One import of a guest that is wasi-nn's: which ABI it belongs to, and whether this build has it. */
struct wasinn__import_verdict {
    const char *abi; /* NULL: not of wasi-nn */
    bool served;
    char reason[128];
};

struct wasinn__subject {
    const char *backend_folders; /* where more backends are; NULL: nowhere */
    const char *shown;           /* the path, or "stdin" */
    char *path;                  /* of the file that was read: in a folder, the model's */
    uint64_t bytes;              /* of all its files */
    bool is_guest;

    struct wasinn__model_facts model;
    char *weights_path; /* of an OpenVINO model; NULL where it cannot have any */
    uint64_t weights_bytes;
    char warning[WASINN__FILE_PROBLEM]; /* what is wrong with its other files; "" */

    struct wasinn__guest_facts guest;
    struct wasinn__import_verdict *imports; /* as guest.imports */

    struct wasinn__verdict verdict;
};

/* Finds, opens and reads. Returns an exit code, other than 0 after wasinn__fail. Free it in any case. */
int wasinn__subject_read(struct wasinn__subject *subject, const char *path);
void wasinn__subject_free(struct wasinn__subject *subject);

/* How long Wasmtime may look at a guest. */
enum { WASINN__VALIDATION_SECONDS = 10 };

/* Fills in what this build makes of it: which backend serves a model; whether a guest is valid, and which of
 * its imports are there. False: `problem` says what Wasmtime finds wrong with the guest. */
void wasinn__judge_model(struct wasinn__subject *subject);
bool wasinn__judge_guest(struct wasinn__subject *subject, struct wasinn__reader *reader, char *problem);

/* Bytes of a port's tensor; false: they depend on the input, or the type has no size. */
bool wasinn__port_size(const struct wasinn__model_port *port, uint64_t *bytes);

/* Both return false on an error of stdout. */
bool wasinn__print_subject(const struct wasinn__subject *subject, FILE *out);
bool wasinn__print_subject_json(const struct wasinn__subject *subject, FILE *out);

#endif
