/* The command line of `wasinn tensor`. */
#ifndef WASINN_CLI_TENSOR_OPTIONS_H
#define WASINN_CLI_TENSOR_OPTIONS_H

#include <stdbool.h>

#include "picture.h"
#include "wasinn/wasinn.h"

enum wasinn__order { WASINN__ORDER_DEFAULT, WASINN__ORDER_RGB, WASINN__ORDER_BGR, WASINN__ORDER_GREY };

/* What becomes of IN: a picture becomes a tensor, or a tensor becomes a picture. */
enum wasinn__as { WASINN__AS_TENSOR, WASINN__AS_PICTURE, WASINN__AS_MAP, WASINN__AS_CLASSES };

struct wasinn__tensor_options {
    const char *in, *out;
    enum wasinn__as as;
    const char *shape; /* as given */
    int dims[4];
    int rank;
    int width, height, channels; /* channels of a map: 1; of classes: 1, or the number of scores */
    const char *type_name;       /* as given */
    wasinn_type type;
    enum wasinn__order order;
    bool nhwc;
    double mean[3], scale[3];
    int mean_count, scale_count;    /* 1 or 3 */
    struct wasinn__framing framing; /* of the picture, or of `over` */
    const char *over;               /* NULL: nothing is under the map or the classes */
    double opacity;
    bool has_range;
    double range[2];
    bool verbose;
    unsigned given; /* options, a bit each */
};

/* Reads the command line. Returns an exit code; `helped` is set when the help was asked for, which is for
 * wasinn__tensor_help to print. */
int wasinn__parse_tensor(struct wasinn__tensor_options *options, int argc, char **argv, bool *helped);

int wasinn__tensor_help(void);

/* "f32 [1,3,224,224]". Returns `text`, which has WASINN__TENSOR_SHAPE bytes. */
enum { WASINN__TENSOR_SHAPE = 64 };
const char *wasinn__tensor_shape(const struct wasinn__tensor_options *options, char *text);

#endif
