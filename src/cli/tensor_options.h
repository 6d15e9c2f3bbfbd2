/* The command line of `wasinn tensor`. */
#ifndef WASINN_CLI_TENSOR_OPTIONS_H
#define WASINN_CLI_TENSOR_OPTIONS_H

#include <stdbool.h>

#include "picture.h"
#include "wasinn/wasinn.h"

enum wasinn__order { WASINN__ORDER_DEFAULT, WASINN__ORDER_RGB, WASINN__ORDER_BGR, WASINN__ORDER_GREY };

struct wasinn__tensor_options {
    const char *in, *out;
    const char *shape; /* as given */
    int dims[4];
    int rank;
    int width, height, channels;
    wasinn_type type;
    enum wasinn__order order;
    bool nhwc;
    double mean[3], scale[3];
    int mean_count, scale_count; /* 1 or 3 */
    struct wasinn__framing framing;
    bool verbose;
};

/* Reads the command line. Returns an exit code; `helped` is set when the help was asked for, which is for
 * wasinn__tensor_help to print. */
int wasinn__parse_tensor(struct wasinn__tensor_options *options, int argc, char **argv, bool *helped);

int wasinn__tensor_help(void);

#endif
