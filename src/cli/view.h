/* `wasinn tensor --as ...`: a tensor becomes a picture to look at. */
#ifndef WASINN_CLI_VIEW_H
#define WASINN_CLI_VIEW_H

#include <stdint.h>
#include <stdio.h>

#include "png_out.h"
#include "tensor_options.h"

struct wasinn__view {
    const struct wasinn__tensor_options *options;
    const uint8_t *data; /* the tensor's elements */
    struct wasinn__image image;
    FILE *told; /* what --verbose tells besides the sizes */
};

/* Reads the tensor and writes the PNG. Returns an exit code. */
int wasinn__view_tensor(const struct wasinn__tensor_options *options);

/* Make the image of a map, or of classes, whose pixels are the caller's to free in any case. Return an exit
 * code. */
int wasinn__view_map(struct wasinn__view *view);
int wasinn__view_classes(struct wasinn__view *view);

/* Takes memory for the pixels of an image of this size. Returns an exit code. */
int wasinn__view_image(struct wasinn__view *view, int width, int height, int channels);

#endif
