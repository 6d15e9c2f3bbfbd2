/* wasinn tensor: a picture becomes a model's input, or what a model took or gave becomes a picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elements.h"
#include "file.h"
#include "picture.h"
#include "tensor_options.h"
#include "view.h"
#include "wasinn/wasinn.h"

struct content {
    const struct wasinn__tensor_options *options;
    const float *pixels; /* rows of red, green, blue, or of grey */
};

/* As wasinn__file_writer. */
static bool write_tensor(FILE *file, const void *data) {
    const struct content *content = data;
    const struct wasinn__tensor_options *options = content->options;
    size_t element = wasinn_type_size(options->type);
    size_t width = (size_t)options->width, height = (size_t)options->height,
           channels = (size_t)options->channels;
    size_t planes = options->nhwc ? 1 : channels, together = options->nhwc ? channels : 1;
    unsigned char *row = malloc(width * together * element);
    bool done = row != NULL;
    for (size_t line = 0; done && line < planes * height; line++) {
        const float *in = content->pixels + (line % height) * width * channels;
        for (size_t i = 0; i < width * together; i++) {
            size_t channel = options->nhwc ? i % channels : line / height;
            size_t stored = options->order == WASINN__ORDER_BGR ? 2 - channel : channel;
            double pixel = in[i / together * channels + stored];
            wasinn__element_store(options->type, (pixel - options->mean[channel]) / options->scale[channel],
                                  row + i * element);
        }
        done = fwrite(row, width * together * element, 1, file) == 1;
    }
    free(row);
    return done;
}

static int report(const struct wasinn__tensor_options *options) {
    char shape[WASINN__TENSOR_SHAPE], name[1024];
    size_t bytes = wasinn_type_size(options->type);
    for (int i = 0; i < options->rank; i++)
        bytes *= (size_t)options->dims[i];
    bool is_stdout = strcmp(options->out, "-") == 0;
    FILE *file = is_stdout ? stderr : stdout;
    wasinn_escape(options->out, strlen(options->out), name, sizeof name);
    fprintf(file, "%s: %s, %zu bytes\n", is_stdout ? "stdout" : name, wasinn__tensor_shape(options, shape),
            bytes);
    return is_stdout ? WASINN__EXIT_OK : wasinn__flush_stdout();
}

/* A picture becomes a tensor. */
static int make_tensor(const struct wasinn__tensor_options *options) {
    struct wasinn__picture picture;
    int code = wasinn__picture_read(options->in, &picture);
    if (code != WASINN__EXIT_OK)
        return code;
    float *pixels =
        calloc((size_t)options->width * (size_t)options->height * (size_t)options->channels, sizeof *pixels);
    if (pixels)
        code = wasinn__picture_scale(&picture, options->in, &options->framing, pixels);
    else
        code = wasinn__fail(WASINN__EXIT_FAILED, "no memory for a tensor of shape %.100s", options->shape);
    wasinn__picture_free(&picture);
    if (code == WASINN__EXIT_OK)
        code = wasinn__file_write(options->out, "tensor", write_tensor, &(struct content){options, pixels});
    if (code == WASINN__EXIT_OK && options->verbose)
        code = report(options);
    free(pixels);
    return code;
}

int wasinn__tensor_command(int argc, char **argv) {
    struct wasinn__tensor_options options;
    bool helped;
    int code = wasinn__parse_tensor(&options, argc, argv, &helped);
    if (code != WASINN__EXIT_OK)
        return code;
    if (helped)
        return wasinn__tensor_help();
    return options.as == WASINN__AS_TENSOR ? make_tensor(&options) : wasinn__view_tensor(&options);
}
