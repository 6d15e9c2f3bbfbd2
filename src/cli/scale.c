#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "file.h"
#include "picture.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
/* Its assertions are about rounding errors, and a picture must not be able to abort the command. */
#define STBIR_ASSERT(condition) ((void)0)
#include <stb_image_resize.h>
#pragma GCC diagnostic pop

/* A side of what is scaled at a time, so that the memory for it stays small. */
enum { TILE = 256 };

/* Values in the strip of source rows that is scaled horizontally at a time: 64 MiB. */
static const size_t strip_values = (size_t)16 << 20;

/* How one side of the picture, as it is shown, is scaled. */
struct axis {
    int64_t source;  /* pixels */
    int64_t resized; /* pixels after scaling */
    int64_t offset;  /* of the cut within those */
    int target;      /* pixels of the cut */
};

/* The source pixels that a run of target pixels is made of. */
struct slice {
    int from, count; /* source pixels */
    int outputs;     /* target pixels */
    float scale, shift;
    float cover[TILE]; /* the share of each target pixel's weights that lies within the picture */
};

/* stb_image_resize with the kernel of Pillow's BICUBIC. What lies outside counts as 0. */
static bool resample(const float *in, int in_width, int in_height, float *out, int out_width, int out_height,
                     int channels, float x_scale, float y_scale, float x_shift, float y_shift) {
    return stbir_resize_subpixel(in, in_width, in_height, 0, out, out_width, out_height, 0, STBIR_TYPE_FLOAT,
                                 channels, STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_ZERO, STBIR_EDGE_ZERO,
                                 STBIR_FILTER_CATMULLROM, STBIR_FILTER_CATMULLROM, STBIR_COLORSPACE_LINEAR,
                                 NULL, x_scale, y_scale, x_shift, y_shift) != 0;
}

/* Finds what the target pixels [from, from + outputs) of an axis are made of. */
static bool make_slice(const struct axis *axis, int from, int outputs, struct slice *slice) {
    double scale = (double)axis->resized / (double)axis->source;
    double support = 2 * fmax(1, 1 / scale) + 1;
    double first = floor((double)(axis->offset + from) / scale - support);
    double end = ceil((double)(axis->offset + from + outputs) / scale + support);
    slice->from = (int)fmax(first, 0);
    slice->count = (int)fmin(end, (double)axis->source) - slice->from;
    slice->outputs = outputs;
    slice->scale = (float)scale;
    slice->shift = (float)((double)(axis->offset + from) - slice->from * scale);
    float *ones = malloc((size_t)slice->count * sizeof *ones);
    if (!ones)
        return false;
    for (int i = 0; i < slice->count; i++)
        ones[i] = 1;
    bool done =
        resample(ones, slice->count, 1, slice->cover, outputs, 1, 1, slice->scale, 1, slice->shift, 0);
    free(ones);
    return done;
}

/* The weights of ITU-R BT.601 in the fractions that Pillow uses. */
static float luma(const float value[3], unsigned depth) {
    float grey = (19595 * value[0] + 38470 * value[1] + 7471 * value[2]) / 65536;
    return depth == 8 ? floorf(grey + 0.5f) : grey;
}

/* Turns the pixels of `columns` in row `y` into floats, where y counts columns as stored if the picture is
 * shown with its sides swapped. */
static void load_row(const struct wasinn__picture *picture, const struct slice *columns, size_t y,
                     unsigned channels, float *out) {
    bool swapped = picture->orientation >= 5;
    size_t first = (size_t)columns->from, width = picture->width;
    size_t at = (swapped ? first * width + y : y * width + first) * picture->channels;
    size_t step = (swapped ? width : 1) * picture->channels;
    for (int x = 0; x < columns->count; x++, at += step, out += channels) {
        float value[3] = {0};
        for (unsigned c = 0; c < picture->channels; c++)
            value[c] = picture->depth == 8 ? (float)((const uint8_t *)picture->pixels)[at + c]
                                           : (float)((const uint16_t *)picture->pixels)[at + c] / 257;
        if (channels == picture->channels)
            memcpy(out, value, channels * sizeof *out);
        else if (channels == 1)
            out[0] = luma(value, picture->depth);
        else
            out[0] = out[1] = out[2] = value[0];
    }
}

/* Gives the weights within the picture the sum 1, and cuts off what sharp edges overshoot. What was 8 bits
 * is so again, since models are trained on pictures that were scaled like that. */
static void settle(float *values, size_t count, float cover, unsigned depth) {
    for (size_t i = 0; i < count; i++) {
        float value = fminf(fmaxf(values[i] / cover, 0), 255);
        values[i] = depth == 8 ? floorf(value + 0.5f) : value;
    }
}

/* Scales horizontally, then vertically, as Pillow does; each pass is settled by itself for that reason. */
static bool scale_tile(const struct wasinn__picture *picture, const struct slice *columns,
                       const struct slice *rows, unsigned channels, float *out) {
    size_t in_stride = (size_t)columns->count * channels, out_stride = (size_t)columns->outputs * channels;
    size_t most = strip_values / in_stride;
    int strip_rows = most < 1 ? 1 : most < (size_t)rows->count ? (int)most : rows->count;
    float *strip = malloc((size_t)strip_rows * in_stride * sizeof *strip);
    float *middle = malloc((size_t)rows->count * out_stride * sizeof *middle);
    bool done = strip && middle;
    for (int y = 0; done && y < rows->count; y += strip_rows) {
        int height = rows->count - y < strip_rows ? rows->count - y : strip_rows;
        for (int i = 0; i < height; i++)
            load_row(picture, columns, (size_t)rows->from + (size_t)(y + i), channels,
                     strip + (size_t)i * in_stride);
        float *scaled = middle + (size_t)y * out_stride;
        done = resample(strip, columns->count, height, scaled, columns->outputs, height, (int)channels,
                        columns->scale, 1, columns->shift, 0);
        for (size_t i = 0; done && i < (size_t)height * (size_t)columns->outputs; i++)
            settle(scaled + i * channels, channels, columns->cover[i % (size_t)columns->outputs],
                   picture->depth);
    }
    free(strip);
    done = done && resample(middle, columns->outputs, rows->count, out, columns->outputs, rows->outputs,
                            (int)channels, 1, rows->scale, 0, rows->shift);
    for (int y = 0; done && y < rows->outputs; y++)
        settle(out + (size_t)y * out_stride, out_stride, rows->cover[y], picture->depth);
    free(middle);
    return done;
}

/* After the rounding, so that what is cut off is the same for any zoom. */
static void zoom_axis(struct axis *axis, int zoom) {
    axis->resized *= zoom;
    axis->offset *= zoom;
    axis->target *= zoom;
}

/* Decides the size before the cut, and where the cut is, both in the order that the picture is shown. */
static int plan(const char *path, const struct wasinn__framing *framing, struct axis *x, struct axis *y) {
    x->target = framing->width;
    y->target = framing->height;
    x->resized = framing->width;
    y->resized = framing->height;
    if (!framing->stretch) {
        int64_t shorter = x->source < y->source ? x->source : y->source;
        double cover = fmax((double)x->target / (double)x->source, (double)y->target / (double)y->source);
        double scale = framing->resize > 0 ? framing->resize / (double)shorter : cover;
        x->resized = (int64_t)rint((double)x->source * scale);
        y->resized = (int64_t)rint((double)y->source * scale);
        int64_t for_x = (x->target * shorter + x->source - 1) / x->source;
        int64_t for_y = (y->target * shorter + y->source - 1) / y->source;
        if (x->resized < x->target || y->resized < y->target)
            return wasinn__fail(WASINN__EXIT_FAILED,
                                "%s: --resize %d makes it %lldx%lld pixels, less than the shape's %dx%d; "
                                "expected --resize %lld or more",
                                path, framing->resize, (long long)x->resized, (long long)y->resized,
                                x->target, y->target, (long long)(for_x > for_y ? for_x : for_y));
    }
    x->offset = (x->resized - x->target) / 2;
    y->offset = (y->resized - y->target) / 2;
    zoom_axis(x, framing->zoom);
    zoom_axis(y, framing->zoom);
    return WASINN__EXIT_OK;
}

int wasinn__picture_scale(const struct wasinn__picture *picture, const char *path,
                          const struct wasinn__framing *framing, float *out) {
    const char *name = wasinn__in_name(path);
    unsigned orientation = picture->orientation, channels = framing->channels;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    struct axis x = {.source = orientation >= 5 ? picture->height : picture->width};
    struct axis y = {.source = orientation >= 5 ? picture->width : picture->height};
    int code = plan(name, framing, &x, &y);
    if (code != WASINN__EXIT_OK)
        return code;
    /* Flips are made after scaling, so that the cut is measured from the other side. */
    if (flip_x)
        x.offset = x.resized - x.target - x.offset;
    if (flip_y)
        y.offset = y.resized - y.target - y.offset;
    struct slice columns, rows;
    float *tile = malloc((size_t)TILE * TILE * channels * sizeof *tile);
    bool done = tile != NULL;
    for (int top = 0; done && top < y.target; top += TILE) {
        done = make_slice(&y, top, y.target - top < TILE ? y.target - top : TILE, &rows);
        for (int left = 0; done && left < x.target; left += TILE) {
            int width = x.target - left < TILE ? x.target - left : TILE;
            done =
                make_slice(&x, left, width, &columns) && scale_tile(picture, &columns, &rows, channels, tile);
            for (int i = 0; done && i < width * rows.outputs; i++) {
                int column = left + i % width, row = top + i / width;
                size_t to_x = (size_t)(flip_x ? x.target - 1 - column : column);
                size_t to_y = (size_t)(flip_y ? y.target - 1 - row : row);
                memcpy(out + (to_y * (size_t)x.target + to_x) * channels, tile + (size_t)i * channels,
                       channels * sizeof *out);
            }
        }
    }
    free(tile);
    if (!done)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: no memory for scaling %ux%u pixels", name,
                            picture->width, picture->height);
    return WASINN__EXIT_OK;
}
