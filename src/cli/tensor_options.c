#include "tensor_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elements.h"
#include "file.h"

enum { MAX_SIDE = 16384 }; /* of the shape */

#define fail_usage(...) wasinn__fail_usage("tensor", __VA_ARGS__)

static bool parse_size(const char **text, int *size) {
    if (**text < '0' || **text > '9')
        return false;
    char *end = NULL;
    errno = 0;
    long value = strtol(*text, &end, 10);
    if (errno != 0 || value < 1 || value > WASINN__PICTURE_MAX_SIDE)
        return false;
    *text = end;
    *size = (int)value;
    return true;
}

static bool was_given(const struct wasinn__tensor_options *options, char letter) {
    return (options->given & 1u << (letter - 'a')) != 0;
}

static bool has_cells(const struct wasinn__tensor_options *options) {
    return options->as == WASINN__AS_MAP || options->as == WASINN__AS_CLASSES;
}

static int parse_shape(struct wasinn__tensor_options *options) {
    bool flat = has_cells(options);
    const char *expected = flat ? "2 to 4 sizes, such as 1x1x56x56" : "3 or 4 sizes, such as 1x3x224x224";
    const char *text = options->shape;
    options->rank = 0;
    for (;; text++) {
        int size = 0;
        if (!parse_size(&text, &size) || size > MAX_SIDE)
            return fail_usage("--shape %.100s: expected sizes from 1 to %d, such as 1x3x224x224",
                              options->shape, MAX_SIDE);
        if (options->rank == 4)
            return fail_usage("--shape %.100s: expected %s", options->shape, expected);
        options->dims[options->rank++] = size;
        if (*text != 'x' && *text != ',')
            break;
    }
    if (*text != '\0' || options->rank < (flat ? 2 : 3))
        return fail_usage("--shape %.100s: expected %s", options->shape, expected);
    return WASINN__EXIT_OK;
}

static bool has_channels(int size) {
    return size == 1 || size == 3;
}

/* Finds out what the sizes of a picture's tensor mean in the layout. */
static int settle_picture(struct wasinn__tensor_options *options) {
    const char *layout = options->nhwc ? "nhwc" : "nchw";
    const int *dims = options->dims;
    if (options->rank == 4 && *dims++ != 1)
        return fail_usage("--shape %.100s: expected a batch (first size) of 1", options->shape);
    int first = dims[0], last = dims[2];
    options->channels = options->nhwc ? last : first;
    options->height = options->nhwc ? dims[0] : dims[1];
    options->width = options->nhwc ? dims[1] : dims[2];
    if (!has_channels(options->channels)) {
        if (has_channels(options->nhwc ? first : last))
            return fail_usage("--shape %.100s does not fit --layout %s, but fits --layout %s", options->shape,
                              layout, options->nhwc ? "nchw" : "nhwc");
        return fail_usage("--shape %.100s: expected 1 or 3 channels, got %d as --layout %s is read",
                          options->shape, options->channels, layout);
    }
    /* A shape such as 1x3x224 could be one row of pixels, but is a batch with a size forgotten. */
    if (options->rank == 3 && first == 1 && (options->nhwc || has_channels(options->height)))
        return fail_usage("--shape %.100s: expected 4 sizes after a batch of 1, such as 1x3x224x224",
                          options->shape);
    return WASINN__EXIT_OK;
}

/* The same for a map or classes. One channel is found in either layout, unless the layout was named. */
static int settle_cells(struct wasinn__tensor_options *options) {
    const char *layout = options->nhwc ? "nhwc" : "nchw", *other = options->nhwc ? "nchw" : "nhwc";
    const int *dims = options->dims;
    int rank = options->rank;
    if (rank == 4 && dims[0] != 1)
        return fail_usage("--shape %.100s: expected a batch (first size) of 1", options->shape);
    if (rank == 4 || (rank == 3 && dims[0] == 1)) {
        dims++;
        rank--;
    }
    options->channels = 1;
    if (rank == 3) {
        bool single = options->as == WASINN__AS_MAP;
        int here = options->nhwc ? dims[2] : dims[0], there = options->nhwc ? dims[0] : dims[2];
        if (here != 1 && there == 1 && !was_given(options, 'l'))
            options->nhwc = !options->nhwc;
        else if (here != 1 && there == 1 && single)
            return fail_usage("--shape %.100s does not fit --layout %s, but fits --layout %s", options->shape,
                              layout, other);
        else if (here != 1 && single)
            return fail_usage("--shape %.100s: expected 1 channel for a map, got %d as --layout %s is read",
                              options->shape, here, layout);
        options->channels = options->nhwc ? dims[2] : dims[0];
        dims += options->nhwc ? 0 : 1;
    }
    options->height = dims[0];
    options->width = dims[1];
    return WASINN__EXIT_OK;
}

static int settle_shape(struct wasinn__tensor_options *options) {
    if (!options->shape)
        return fail_usage("expected --shape, such as --shape 1x3x224x224");
    int code = parse_shape(options);
    if (code == WASINN__EXIT_OK)
        code = has_cells(options) ? settle_cells(options) : settle_picture(options);
    if (code != WASINN__EXIT_OK)
        return code;
    if ((int64_t)options->channels * options->height * options->width > WASINN__MAX_ELEMENTS)
        return fail_usage("--shape %.100s: expected at most %d elements", options->shape,
                          WASINN__MAX_ELEMENTS);
    return WASINN__EXIT_OK;
}

static int settle_channels(struct wasinn__tensor_options *options) {
    if (has_cells(options))
        return WASINN__EXIT_OK;
    if (options->order == WASINN__ORDER_DEFAULT)
        options->order = options->channels == 1 ? WASINN__ORDER_GREY : WASINN__ORDER_RGB;
    if (options->order == WASINN__ORDER_GREY && options->channels == 3)
        return fail_usage("--order grey: expected rgb or bgr, as --shape %.100s has 3 channels",
                          options->shape);
    if (options->order != WASINN__ORDER_GREY && options->channels == 1)
        return fail_usage("--order %s: expected grey, as --shape %.100s has 1 channel",
                          options->order == WASINN__ORDER_RGB ? "rgb" : "bgr", options->shape);
    if (options->mean_count > options->channels || options->scale_count > options->channels)
        return fail_usage("--%s has 3 numbers, expected 1 as the shape has 1 channel",
                          options->mean_count > options->channels ? "mean" : "scale");
    for (int c = 1; c < 3; c++) {
        options->mean[c] = options->mean_count == 1 ? options->mean[0] : options->mean[c];
        options->scale[c] = options->scale_count == 1 ? options->scale[0] : options->scale[c];
    }
    return WASINN__EXIT_OK;
}

static int settle_framing(struct wasinn__tensor_options *options) {
    struct wasinn__framing *framing = &options->framing;
    framing->width = options->width;
    framing->height = options->height;
    framing->channels = options->over ? 3 : (unsigned)options->channels;
    int shorter = options->width < options->height ? options->width : options->height;
    if (framing->resize != 0 && framing->stretch)
        return fail_usage("--resize goes with --fit crop only");
    if (framing->resize != 0 && framing->resize < shorter)
        return fail_usage("--resize %d: expected at least %d, the shorter side of the shape", framing->resize,
                          shorter);
    return WASINN__EXIT_OK;
}

static int parse_numbers(const char *name, const char *text, bool zero_allowed, double numbers[3],
                         int *count) {
    const char *at = text;
    bool more = true, valid = true;
    for (*count = 0; more && valid; (*count)++) {
        char *end = NULL;
        double value = strtod(at, &end);
        valid = end != at && isfinite(value) && (value != 0 || zero_allowed) && *count < 3;
        if (valid)
            numbers[*count] = value;
        more = *end == ',';
        at = more ? end + 1 : end;
    }
    if (valid && *at == '\0' && (*count == 1 || *count == 3))
        return WASINN__EXIT_OK;
    return fail_usage("--%s %.100s: expected a %snumber, or three with commas between them", name, text,
                      zero_allowed ? "" : "nonzero ");
}

static int parse_choice(const char *name, const char *text, const char *const *choices, const char *expected,
                        int *choice) {
    for (*choice = 0; choices[*choice]; (*choice)++)
        if (strcmp(text, choices[*choice]) == 0)
            return WASINN__EXIT_OK;
    return fail_usage("--%s %.100s: expected %s", name, text, expected);
}

static int settle_type(struct wasinn__tensor_options *options) {
    static const wasinn_type written[] = {WASINN_TYPE_F32, WASINN_TYPE_F64, WASINN_TYPE_F16, WASINN_TYPE_BF16,
                                          WASINN_TYPE_U8,  WASINN_TYPE_I32, WASINN_TYPE_I64};
    bool known = wasinn_type_parse(options->type_name, &options->type), writable = false;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        writable = writable || options->type == written[i];
    if (known && (writable || options->as != WASINN__AS_TENSOR))
        return WASINN__EXIT_OK;
    return fail_usage("--type %.100s: expected %s", options->type_name,
                      options->as == WASINN__AS_TENSOR
                          ? "f32, f64, f16, bf16, u8, i32 or i64"
                          : "f32, f64, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64 or bool");
}

static int parse_range(struct wasinn__tensor_options *options, const char *text) {
    char *end = NULL;
    double *low = &options->range[0], *high = &options->range[1];
    *low = strtod(text, &end);
    bool valid = end != text && *end == ',';
    if (valid) {
        const char *second = end + 1;
        *high = strtod(second, &end);
        valid = end != second && *end == '\0' && isfinite(*low) && isfinite(*high) && *low < *high;
    }
    if (!valid)
        return fail_usage("--range %.100s: expected two numbers LOW,HIGH, the first one less", text);
    options->has_range = true;
    return WASINN__EXIT_OK;
}

static int parse_opacity(struct wasinn__tensor_options *options, const char *text) {
    char *end = NULL;
    options->opacity = strtod(text, &end);
    if (end != text && *end == '\0' && options->opacity >= 0 && options->opacity <= 1)
        return WASINN__EXIT_OK;
    return fail_usage("--opacity %.100s: expected a number from 0 to 1", text);
}

static int apply_option(struct wasinn__tensor_options *options, int option, const char *text) {
    static const char *const orders[] = {"rgb", "bgr", "grey", NULL},
                             *const layouts[] = {"nchw", "nhwc", NULL},
                             *const fits[] = {"crop", "stretch", NULL},
                             *const kinds[] = {"picture", "map", "classes", NULL};
    int choice = 0, code = WASINN__EXIT_OK;
    switch (option) {
    case 's':
        options->shape = text;
        return code;
    case 't':
        options->type_name = text;
        return code;
    case 'a':
        code = parse_choice("as", text, kinds, "picture, map or classes", &choice);
        options->as = (enum wasinn__as)(WASINN__AS_PICTURE + choice);
        return code;
    case 'p':
        options->over = text;
        return code;
    case 'y':
        return parse_opacity(options, text);
    case 'g':
        return parse_range(options, text);
    case 'o':
        code = parse_choice("order", text, orders, "rgb, bgr or grey", &choice);
        options->order = (enum wasinn__order)(WASINN__ORDER_RGB + choice);
        return code;
    case 'l':
        code = parse_choice("layout", text, layouts, "nchw or nhwc", &choice);
        options->nhwc = choice == 1;
        return code;
    case 'm':
        return parse_numbers("mean", text, true, options->mean, &options->mean_count);
    case 'd':
        return parse_numbers("scale", text, false, options->scale, &options->scale_count);
    case 'f':
        code = parse_choice("fit", text, fits, "crop or stretch", &choice);
        options->framing.stretch = choice == 1;
        return code;
    case 'r': {
        const char *at = text;
        if (parse_size(&at, &options->framing.resize) && *at == '\0')
            return WASINN__EXIT_OK;
        return fail_usage("--resize %.100s: expected a number from 1 to %d", text, WASINN__PICTURE_MAX_SIDE);
    }
    default:
        options->verbose = true;
        return WASINN__EXIT_OK;
    }
}

static int settle_files(struct wasinn__tensor_options *options, int count, char **files) {
    if (count > 2)
        return fail_usage("expected IN and OUT, got %.100s besides", files[2]);
    if (count < 2)
        return fail_usage("expected IN and OUT");
    options->in = files[0];
    options->out = files[1];
    if (wasinn__is_same_file(options->in, options->out))
        return fail_usage("%.100s: expected an OUT that is not IN", options->out);
    if (options->over && wasinn__is_same_file(options->over, options->out))
        return fail_usage("%.100s: expected an OUT that is not the picture of --over", options->out);
    if (options->over && strcmp(options->over, "-") == 0 && strcmp(options->in, "-") == 0)
        return fail_usage("expected only one of IN and --over to be -");
    return WASINN__EXIT_OK;
}

/* Options that have a meaning in some directions only. */
static int settle_direction(const struct wasinn__tensor_options *options) {
    enum {
        TENSOR = 1 << WASINN__AS_TENSOR,
        PICTURE = 1 << WASINN__AS_PICTURE,
        MAP = 1 << WASINN__AS_MAP,
        CLASSES = 1 << WASINN__AS_CLASSES
    };
    static const struct {
        char letter;
        const char *name;
        unsigned directions;
        bool needs_over; /* with MAP and CLASSES */
        const char *place;
    } rules[] = {
        {'o', "order", TENSOR | PICTURE, false, "--as picture, or without --as"},
        {'m', "mean", TENSOR | PICTURE, false, "--as picture, or without --as"},
        {'d', "scale", TENSOR | PICTURE, false, "--as picture, or without --as"},
        {'f', "fit", TENSOR | MAP | CLASSES, true, "--over, or without --as"},
        {'r', "resize", TENSOR | MAP | CLASSES, true, "--over, or without --as"},
        {'g', "range", MAP, false, "--as map"},
        {'p', "over", MAP | CLASSES, false, "--as map or --as classes"},
        {'y', "opacity", MAP | CLASSES, true, "--over"},
    };
    unsigned direction = 1u << options->as;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool over_missing = rules[i].needs_over && has_cells(options) && !options->over;
        if (was_given(options, rules[i].letter) && (!(rules[i].directions & direction) || over_missing))
            return fail_usage("--%s: expected only with %s", rules[i].name, rules[i].place);
    }
    return WASINN__EXIT_OK;
}

int wasinn__parse_tensor(struct wasinn__tensor_options *options, int argc, char **argv, bool *helped) {
    static const struct option known[] = {
        {"as", required_argument, NULL, 'a'},
        {"shape", required_argument, NULL, 's'},
        {"type", required_argument, NULL, 't'},
        {"order", required_argument, NULL, 'o'},
        {"layout", required_argument, NULL, 'l'},
        {"mean", required_argument, NULL, 'm'},
        {"scale", required_argument, NULL, 'd'},
        {"range", required_argument, NULL, 'g'},
        {"over", required_argument, NULL, 'p'},
        {"opacity", required_argument, NULL, 'y'},
        {"fit", required_argument, NULL, 'f'},
        {"resize", required_argument, NULL, 'r'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct wasinn__tensor_options){.type_name = "f32",
                                               .scale = {1},
                                               .mean_count = 1,
                                               .scale_count = 1,
                                               .opacity = 0.5,
                                               .framing = {.zoom = 1}};
    *helped = false;
    optind = 0;
    opterr = 0;
    int option, code = WASINN__EXIT_OK;
    while (code == WASINN__EXIT_OK && (option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            *helped = true;
            return WASINN__EXIT_OK;
        }
        if (option == ':' || option == '?')
            return wasinn__fail_option("tensor", option, argv);
        options->given |= 1u << (option - 'a');
        code = apply_option(options, option, optarg);
    }
    if (code != WASINN__EXIT_OK)
        return code;
    code = settle_files(options, argc - optind, argv + optind);
    if (code == WASINN__EXIT_OK)
        code = settle_direction(options);
    if (code == WASINN__EXIT_OK)
        code = settle_type(options);
    if (code == WASINN__EXIT_OK)
        code = settle_shape(options);
    if (code == WASINN__EXIT_OK)
        code = settle_channels(options);
    return code == WASINN__EXIT_OK ? settle_framing(options) : code;
}

const char *wasinn__tensor_shape(const struct wasinn__tensor_options *options, char *text) {
    size_t used = (size_t)snprintf(text, WASINN__TENSOR_SHAPE, "%s [", wasinn_type_name(options->type));
    for (int i = 0; i < options->rank; i++)
        used += (size_t)snprintf(text + used, WASINN__TENSOR_SHAPE - used, "%s%d", i > 0 ? "," : "",
                                 options->dims[i]);
    snprintf(text + used, WASINN__TENSOR_SHAPE - used, "]");
    return text;
}
