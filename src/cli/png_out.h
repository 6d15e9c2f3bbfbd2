/* Writing PNG pictures. */
#ifndef WASINN_CLI_PNG_OUT_H
#define WASINN_CLI_PNG_OUT_H

#include <stdint.h>

struct wasinn__image {
    int width, height;
    int channels;    /* 1 (grey) or 3 (red, green, blue) */
    uint8_t *pixels; /* rows from the top */
};

/* Writes the image as PNG, as wasinn__file_write does. Returns an exit code. */
int wasinn__png_write(const char *path, const struct wasinn__image *image);

#endif
