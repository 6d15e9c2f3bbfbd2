/* What a model file says of itself, read without any ML runtime. The files may be hostile: a reader's time
 * and memory are bounded, and weights are passed over unread. */
#ifndef WASINN_CLI_INSPECT_MODEL_H
#define WASINN_CLI_INSPECT_MODEL_H

#include "cli/file.h"
#include "reader.h"
#include "wasinn/wasinn.h"

enum {
    WASINN__MODEL_PORTS = 65536, /* of a model */
    WASINN__MODEL_NAME = 4096    /* bytes of a name */
};

struct wasinn__model_port {
    char *name;
    wasinn_type type;
    const char *type_text; /* the format's own name when wasinn has none: "string", "complex64"; else NULL */
    uint32_t rank;         /* or WASINN_DYNAMIC_RANK */
    int64_t dims[WASINN_MAX_RANK];    /* -1 open */
    char *dim_names[WASINN_MAX_RANK]; /* of open ones, or NULL */
};

struct wasinn__model_facts {
    wasinn_encoding encoding;
    const char *format; /* "OpenVINO IR 11", "ONNX (IR 8, opset 13)"; is format_text */
    char format_text[128];
    char *name;                          /* or NULL */
    char *producer;                      /* or NULL */
    struct wasinn__model_port *ports[2]; /* by wasinn_direction */
    size_t port_counts[2];
    bool parameters_known;
    uint64_t parameters; /* elements of the weights */
    bool external_data;  /* weights in other files */
    char *note;          /* one line of what else a user has to know, or NULL */
    size_t held;         /* bytes of the ports' texts, which are bounded */
};

/* Each reader fills in `facts`, whatever was in them, and returns true when the file is of its format and was
 * understood. False: `problem`, of WASINN__FILE_PROBLEM bytes, is empty when the file is of another format,
 * else says what is wrong with it, where and what was expected; there are no facts to free. */
/* The xml of OpenVINO's IR; *weights_end is how many bytes of weights it wants beside it. */
bool wasinn__read_openvino(struct wasinn__reader *reader, struct wasinn__model_facts *facts,
                           uint64_t *weights_end, char *problem);
bool wasinn__read_onnx(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem);
/* saved_model.pb of a SavedModel, or a frozen GraphDef. */
bool wasinn__read_tensorflow(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem);
bool wasinn__read_tensorflowlite(struct wasinn__reader *reader, struct wasinn__model_facts *facts,
                                 char *problem);
bool wasinn__read_gguf(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem);
bool wasinn__read_pytorch(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem);

void wasinn__model_facts_free(struct wasinn__model_facts *facts);

/* Adds a copy of `port`. False: no memory, or more ports or longer names than a model has. */
bool wasinn__facts_add_port(struct wasinn__model_facts *facts, wasinn_direction direction,
                            const struct wasinn__model_port *port);

/* ---- For the readers ----------------------------------------------------------------------------- */

/* A port of which nothing is known; and its end. */
void wasinn__port_init(struct wasinn__model_port *port);
void wasinn__port_clear(struct wasinn__model_port *port);
/* Gives the port one more dimension, open when negative, of a name that becomes the port's, or NULL. False:
 * that is more than WASINN_MAX_RANK, so that its rank is now open. */
bool wasinn__port_add_dim(struct wasinn__model_port *port, int64_t size, char *name);

/* Adds to the note; notes are joined by "; ". False: no memory. */
__attribute__((format(printf, 2, 3))) bool wasinn__facts_note(struct wasinn__model_facts *facts,
                                                              const char *format, ...);

/* Notes that the port has more dimensions than can be told. */
bool wasinn__facts_note_rank(struct wasinn__model_facts *facts, const struct wasinn__model_port *port);

/* Adds the elements of a weight of these dimensions. False: they are negative, or too many. */
bool wasinn__facts_count(struct wasinn__model_facts *facts, size_t rank, const int64_t *dims);

/* Says that the file is malformed at `offset`, unless there is a problem already, and returns false. When the
 * file could not be read, that is the problem. */
__attribute__((format(printf, 4, 5))) bool wasinn__malformed(struct wasinn__reader *reader, char *problem,
                                                             uint64_t offset, const char *format, ...);

/* A text of the file, with '?' for what is not UTF-8 and for byte 0. False: it is not in the file, or longer
 * than WASINN__MODEL_NAME. */
bool wasinn__model_text_into(struct wasinn__reader *reader, uint64_t offset, uint64_t size,
                             char text[WASINN__MODEL_NAME + 1]);
/* A copy of such a text. NULL, with the problem: there is none, or no memory. `what` is for the problem: "a
 * name". */
char *wasinn__model_text(struct wasinn__reader *reader, char *problem, uint64_t offset, uint64_t size,
                         const char *what);

#endif
