/* Tensors with a number or a class for each cell, as colours, alone or laid over a photograph. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cli.h"
#include "colours.h"
#include "elements.h"
#include "file.h"
#include "view.h"

enum {
    MAX_SIDE = 4096,   /* of what a photograph's resolution makes larger */
    MAX_CLASS = 65535, /* numbers above it are a sign of a wrong type */
    NO_CLASS = -1      /* all scores are NaN */
};

/* What the colours are laid over. */
struct ground {
    int zoom;       /* pixels a side of each cell */
    float *picture; /* zoom * width * zoom * height pixels of three channels, or NULL */
};

/* As many pixels as do not enlarge the picture. */
static int zoom_for(const struct wasinn__framing *framing, const struct wasinn__picture *picture) {
    int64_t across = picture->orientation >= 5 ? picture->height : picture->width;
    int64_t down = picture->orientation >= 5 ? picture->width : picture->height;
    int64_t shorter = across < down ? across : down;
    int longer_side = framing->width > framing->height ? framing->width : framing->height;
    int64_t by_width = across / framing->width, by_height = down / framing->height;
    int64_t zoom = by_width < by_height ? by_width : by_height;
    if (framing->resize > 0)
        zoom = shorter / framing->resize;
    if (zoom > MAX_SIDE / longer_side)
        zoom = MAX_SIDE / longer_side;
    return zoom < 1 ? 1 : (int)zoom;
}

/* Makes the ground, whose picture is the caller's to free in any case, and the image in its size. */
static int prepare(struct wasinn__view *view, struct ground *ground) {
    const struct wasinn__tensor_options *options = view->options;
    struct wasinn__framing framing = options->framing;
    *ground = (struct ground){1, NULL};
    if (options->over) {
        struct wasinn__picture picture;
        int code = wasinn__picture_read(options->over, &picture);
        if (code != WASINN__EXIT_OK)
            return code;
        ground->zoom = framing.zoom = zoom_for(&framing, &picture);
        size_t pixels =
            (size_t)options->width * (size_t)options->height * (size_t)ground->zoom * (size_t)ground->zoom;
        ground->picture = calloc(3 * pixels, sizeof *ground->picture);
        code = ground->picture ? wasinn__picture_scale(&picture, options->over, &framing, ground->picture)
                               : wasinn__fail(WASINN__EXIT_FAILED, "no memory for %zu pixels", pixels);
        wasinn__picture_free(&picture);
        if (code != WASINN__EXIT_OK)
            return code;
    }
    return wasinn__view_image(view, options->width * ground->zoom, options->height * ground->zoom, 3);
}

static void put(struct wasinn__view *view, const struct ground *ground, size_t pixel,
                struct wasinn__colour colour, double opacity) {
    const uint8_t laid[3] = {colour.red, colour.green, colour.blue};
    for (size_t c = 0; c < 3; c++) {
        double value = laid[c];
        if (ground->picture)
            value = value * opacity + (double)ground->picture[3 * pixel + c] * (1 - opacity);
        view->image.pixels[3 * pixel + c] = (uint8_t)floor(value + 0.5);
    }
}

/* ---- A map --------------------------------------------------------------------------------------- */

static double cell(const struct wasinn__view *view, int x, int y) {
    size_t index = (size_t)y * (size_t)view->options->width + (size_t)x;
    return wasinn__element_load(view->options->type, view->data, index);
}

/* The number at a pixel, between the centres of finite cells; cells that are not finite stay as they are. */
static double map_at(const struct wasinn__view *view, int zoom, int x, int y) {
    double own = cell(view, x / zoom, y / zoom);
    if (zoom == 1 || !isfinite(own))
        return own;
    int last_x = view->options->width - 1, last_y = view->options->height - 1;
    double across = fmin(fmax((x + 0.5) / zoom - 0.5, 0), last_x);
    double down = fmin(fmax((y + 0.5) / zoom - 0.5, 0), last_y);
    int left = (int)across, top = (int)down;
    double sum = 0, weights = 0;
    for (int corner = 0; corner < 4; corner++) {
        int at_x = left + corner % 2, at_y = top + corner / 2;
        double weight = (1 - fabs(across - at_x)) * (1 - fabs(down - at_y));
        double value = weight > 0 ? cell(view, at_x, at_y) : (double)NAN;
        if (isfinite(value)) {
            sum += value * weight;
            weights += weight;
        }
    }
    return fmin(fmax(sum / weights, -DBL_MAX), DBL_MAX);
}

static struct wasinn__colour map_colour(double value, double low, double high) {
    if (isnan(value))
        return WASINN__COLOUR_NAN;
    if (isinf(value))
        return value > 0 ? (struct wasinn__colour){255, 255, 255} : (struct wasinn__colour){0, 0, 0};
    if (low >= high)
        return wasinn__scale_colour(0.5);
    if (isfinite(high - low))
        return wasinn__scale_colour((value - low) / (high - low));
    return wasinn__scale_colour((value / 2 - low / 2) / (high / 2 - low / 2));
}

/* Finds the ends of the scale, and tells of them. */
static void find_range(const struct wasinn__view *view, double *low, double *high) {
    const struct wasinn__tensor_options *options = view->options;
    size_t count = (size_t)options->width * (size_t)options->height, nans = 0, infinities[2] = {0};
    double least = HUGE_VAL, greatest = -HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        double value = wasinn__element_load(options->type, view->data, i);
        if (isnan(value)) {
            nans++;
        } else if (isinf(value)) {
            infinities[value > 0]++;
        } else {
            least = fmin(least, value);
            greatest = fmax(greatest, value);
        }
    }
    *low = options->has_range ? options->range[0] : least;
    *high = options->has_range ? options->range[1] : greatest;
    if (least > greatest)
        fprintf(view->told, "no finite number\n");
    else
        fprintf(view->told, "numbers from %.9g to %.9g\n", least, greatest);
    if (least <= greatest || options->has_range)
        fprintf(view->told, "colours from %.9g to %.9g\n", *low, *high);
    if (nans > 0)
        fprintf(view->told, "NaN (red): %zu\n", nans);
    if (infinities[1] > 0)
        fprintf(view->told, "inf (white): %zu\n", infinities[1]);
    if (infinities[0] > 0)
        fprintf(view->told, "-inf (black): %zu\n", infinities[0]);
}

int wasinn__view_map(struct wasinn__view *view) {
    struct ground ground;
    double low = 0, high = 0;
    int code = prepare(view, &ground);
    if (code == WASINN__EXIT_OK) {
        find_range(view, &low, &high);
        int width = view->image.width;
        for (int y = 0; y < view->image.height; y++)
            for (int x = 0; x < width; x++)
                put(view, &ground, (size_t)y * (size_t)width + (size_t)x,
                    map_colour(map_at(view, ground.zoom, x, y), low, high), view->options->opacity);
    }
    free(ground.picture);
    return code;
}

/* ---- Classes ------------------------------------------------------------------------------------- */

/* The class with the highest score; of equal ones the first. */
static int best_class(const struct wasinn__tensor_options *options, const uint8_t *data, size_t at) {
    size_t channels = (size_t)options->channels, count = (size_t)options->width * (size_t)options->height;
    size_t first = options->nhwc ? at * channels : at, step = options->nhwc ? 1 : count, best = 0;
    int found = NO_CLASS;
    for (size_t c = 0, index = first; c < channels; c++, index += step) {
        if (isnan(wasinn__element_load(options->type, data, index)))
            continue;
        if (found == NO_CLASS || wasinn__element_less(options->type, data, best, index)) {
            found = (int)c;
            best = index;
        }
    }
    return found;
}

/* Fills the class of each cell. */
static int find_classes(const struct wasinn__view *view, int *classes) {
    const struct wasinn__tensor_options *options = view->options;
    size_t width = (size_t)options->width, count = width * (size_t)options->height;
    for (size_t i = 0; i < count; i++) {
        if (options->channels > 1) {
            classes[i] = best_class(options, view->data, i);
            continue;
        }
        double value = wasinn__element_load(options->type, view->data, i);
        if (!(value >= 0 && value <= MAX_CLASS) || value != floor(value))
            return wasinn__fail(WASINN__EXIT_FAILED,
                                "%s: %.9g in row %zu, column %zu, expected the number of a class, a whole "
                                "one from 0 to %d",
                                wasinn__in_name(options->in), value, i / width, i % width, MAX_CLASS);
        classes[i] = (int)value;
    }
    return WASINN__EXIT_OK;
}

static int tell_shares(const struct wasinn__view *view, const int *classes) {
    size_t count = (size_t)view->options->width * (size_t)view->options->height, none = 0;
    size_t *counts = calloc(MAX_CLASS + 1, sizeof *counts);
    if (!counts)
        return wasinn__fail(WASINN__EXIT_FAILED, "no memory");
    for (size_t i = 0; i < count; i++)
        if (classes[i] == NO_CLASS)
            none++;
        else
            counts[classes[i]]++;
    for (size_t i = 0; i <= MAX_CLASS; i++)
        if (counts[i] > 0)
            fprintf(view->told, "class %zu: %.2f %%\n", i, 100.0 * (double)counts[i] / (double)count);
    if (none > 0)
        fprintf(view->told, "NaN (red): %.2f %%\n", 100.0 * (double)none / (double)count);
    free(counts);
    return WASINN__EXIT_OK;
}

static void paint_classes(struct wasinn__view *view, const struct ground *ground, const int *classes) {
    int width = view->image.width, zoom = ground->zoom;
    for (int y = 0; y < view->image.height; y++) {
        for (int x = 0; x < width; x++) {
            int number = classes[(size_t)(y / zoom) * (size_t)view->options->width + (size_t)(x / zoom)];
            struct wasinn__colour colour =
                number == NO_CLASS ? WASINN__COLOUR_NAN : wasinn__class_colour(number);
            put(view, ground, (size_t)y * (size_t)width + (size_t)x, colour,
                number == 0 ? 0 : view->options->opacity);
        }
    }
}

int wasinn__view_classes(struct wasinn__view *view) {
    const struct wasinn__tensor_options *options = view->options;
    struct ground ground = {1, NULL};
    int *classes = malloc((size_t)options->width * (size_t)options->height * sizeof *classes);
    int code = classes ? find_classes(view, classes) : wasinn__fail(WASINN__EXIT_FAILED, "no memory");
    if (code == WASINN__EXIT_OK)
        code = tell_shares(view, classes);
    if (code == WASINN__EXIT_OK)
        code = prepare(view, &ground);
    if (code == WASINN__EXIT_OK)
        paint_classes(view, &ground, classes);
    free(ground.picture);
    free(classes);
    return code;
}
