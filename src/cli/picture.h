/* JPEG and PNG pictures for `wasinn tensor`: decoding, and scaling to the size of a model's input, or to a
 * multiple of it. */
#ifndef WASINN_CLI_PICTURE_H
#define WASINN_CLI_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

/* Limits on a picture, looked at before memory for its pixels is taken. A side is what libjpeg can do, 100
 * megapixels are more than cameras give, a file of 512 MiB holds those uncompressed. */
#define WASINN__PICTURE_MAX_SIDE 65500
#define WASINN__PICTURE_MAX_PIXELS 100000000
#define WASINN__PICTURE_MAX_FILE ((size_t)512 << 20)

/* A decoded picture in the order it is stored, which `orientation` turns into the order it is shown. */
struct wasinn__picture {
    uint32_t width, height;
    unsigned channels;    /* 1 (grey) or 3 (red, green, blue) */
    unsigned depth;       /* 8 or 16 bits per channel, in the host's byte order */
    unsigned orientation; /* 1 to 8 as in Exif */
    void *pixels;
};

/* How a picture is made to fit. */
struct wasinn__framing {
    int width, height;
    unsigned channels; /* 1 (grey) or 3 */
    bool stretch;      /* each side is scaled by itself; else the picture is scaled, then its centre cut */
    int resize;        /* the shorter side before the cut; 0: as small as covers width and height */
    int zoom;          /* pixels a side that are made of each of those that the other numbers are about */
};

/* Reads the picture at `path`, or stdin for "-". Returns an exit code, other than 0 after wasinn__fail. */
int wasinn__picture_read(const char *path, struct wasinn__picture *picture);
void wasinn__picture_free(struct wasinn__picture *picture);

/* Fills `out`, height * width * channels * zoom * zoom values from 0 to 255, rows from the top. `path` is for
 * messages. Returns as wasinn__picture_read. */
int wasinn__picture_scale(const struct wasinn__picture *picture, const char *path,
                          const struct wasinn__framing *framing, float *out);

#endif
