/* What the command line of `wasinn run` says of backends and models. */
#ifndef WASINN_CLI_MODELS_H
#define WASINN_CLI_MODELS_H

#include "wasinn/wasinn.h"

enum { WASINN__MOST_OPTIONS = 64, WASINN__MODEL_PROBLEM = 320 };

typedef enum wasinn__said {
    WASINN__BACKENDS,  /* --backends */
    WASINN__NUMBERING, /* --abi */
    WASINN__PREFER,    /* --backend */
    WASINN__OPTION,    /* --option */
    WASINN__MODEL,     /* --model */
    WASINN__GRAPH,     /* --nn-graph */
    WASINN__LIST       /* --models */
} wasinn__said;

/* One such option, and what it says; the text is that of the command line. */
typedef struct wasinn__saying {
    wasinn__said said;
    const char *name;           /* of a model or backend */
    const char *path;           /* a model's, or folders */
    wasinn_option option;       /* of a backend */
    wasinn_model_config config; /* of a model; its options are owned */
    wasinn_encoding encoding;
    wasinn_numbering numbering;
} wasinn__saying;

typedef struct wasinn__models {
    wasinn__saying *list; /* of as many as the command line has words */
    size_t count;
} wasinn__models;

/* The models that were registered. */
typedef struct wasinn__named {
    size_t count;
    char *first; /* the name of the first; to be freed */
    /* Of them all, if they say so, and none has a backend of its own; else autodetect. */
    wasinn_encoding encoding;
} wasinn__named;

/* Adds what an option says, whose value is cut into its parts. Returns an exit code. */
int wasinn__models_add(wasinn__models *models, wasinn__said said, char *value);
/* Tells the host: folders, preferences and settings first, then models in their order, which are added to
 * `named`, unless that is NULL. Returns an exit code. */
int wasinn__models_apply(const wasinn__models *models, wasinn_host *host, wasinn__named *named);
/* Whether an option is set for all models of a backend. */
bool wasinn__models_sets(const wasinn__models *models, const char *backend, const char *key);
void wasinn__models_free(wasinn__models *models);

typedef enum wasinn__key_kind { WASINN__KEY_SET, WASINN__KEY_WRONG, WASINN__KEY_OTHER } wasinn__key_kind;

/* Sets `encoding`, `target` or `backend`; of other keys nothing is known here. If the value is wrong,
 * `problem`, of WASINN__MODEL_PROBLEM bytes, says why. */
wasinn__key_kind wasinn__model_set(wasinn_model_config *config, const char *key, const char *value,
                                   char *problem);

/* wasinn_host_register, and takes note of it. */
wasinn_status wasinn__models_register(wasinn_host *host, const char *name, const wasinn_model_config *config,
                                      wasinn__named *named);

/* Registers the models that a JSON file lists. Returns an exit code. */
int wasinn__models_read(wasinn_host *host, const char *file, wasinn__named *named);

#endif
