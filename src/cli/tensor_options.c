#include "tensor_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elements.h"
#include "file.h"

enum { MAX_SIDE = 16384 }; /* of the shape */

static const char help[] =
    "usage: wasinn tensor IN OUT --shape SHAPE [options]\n"
    "\n"
    "Turns a picture, JPEG or PNG, into a tensor for a model: raw numbers in the machine's byte order.\n"
    "IN may be - for stdin, OUT may be - for stdout.\n"
    "\n"
    "EfficientNet-Lite0: planes of red, green and blue, numbers from -1 to 1, and the centre of the\n"
    "picture after its shorter side was made 256 pixels:\n"
    "\n"
    "  wasinn tensor photo.jpg tensor.f32 --shape 1x3x224x224 --type f32 --order rgb --layout nchw \\\n"
    "      --mean 127 --scale 128 --fit crop --resize 256\n"
    "\n"
    "A model of the Open Model Zoo: blue first, numbers from 0 to 255, the whole picture:\n"
    "\n"
    "  wasinn tensor photo.jpg tensor.f32 --shape 1x3x300x300 --order bgr --fit stretch\n"
    "\n"
    "A quantised model that takes bytes, three for each pixel:\n"
    "\n"
    "  wasinn tensor photo.jpg tensor.u8 --shape 1x224x224x3 --layout nhwc --type u8\n"
    "\n"
    "Normalised as PyTorch's models are, each channel by itself:\n"
    "\n"
    "  wasinn tensor photo.jpg tensor.f32 --shape 1x3x224x224 --resize 256 \\\n"
    "      --mean 123.675,116.28,103.53 --scale 58.395,57.12,57.375\n"
    "\n"
    "Handwritten digits, one channel:\n"
    "\n"
    "  wasinn tensor digit.png - --shape 1x1x28x28 --scale 255 > tensor.f32\n"
    "\n"
    "options:\n"
    "  --shape SHAPE    the tensor's shape, such as 1x3x224x224 or 3,224,224; 1 or 3 channels\n"
    "  --type TYPE      f32 (default), f64, f16, bf16, u8, i32, i64; integers are rounded to the\n"
    "                   nearest, halves to even, and kept within the type\n"
    "  --order ORDER    rgb (default), bgr, grey (default and only choice for 1 channel)\n"
    "  --layout LAYOUT  nchw (default): a plane for each channel; nhwc: a pixel's channels together\n"
    "  --mean M|A,B,C   subtracted from each pixel, which is a number from 0 to 255; one for all\n"
    "                   channels, or one for each in the order of --order; default 0\n"
    "  --scale S|A,B,C  divides the difference; default 1\n"
    "  --fit FIT        crop (default): scales so that the picture covers the shape, and cuts its\n"
    "                   centre; stretch: scales each side by itself\n"
    "  --resize N       with crop: makes the shorter side N pixels before the cut\n"
    "  --verbose        tells what was written, on stdout (on stderr if OUT is -)\n"
    "  -h, --help       shows this\n"
    "\n"
    "Scaling is bicubic (Catmull-Rom) and antialiased. It gives the numbers of Pillow's resize with\n"
    "BICUBIC: about 1 in 10000 differs, by 1 of 255 levels, rarely 2. Pictures are turned as their\n"
    "Exif orientation says, and laid on white where they are transparent; colour profiles are\n"
    "ignored. 16-bit pictures keep their precision.\n"
    "Limits: 65500 pixels a side, 100 megapixels, a file of 512 MiB.\n";

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

static int parse_shape(struct wasinn__tensor_options *options) {
    const char *text = options->shape;
    options->rank = 0;
    for (;; text++) {
        int size = 0;
        if (!parse_size(&text, &size) || size > MAX_SIDE)
            return fail_usage("--shape %.100s: expected sizes from 1 to %d, such as 1x3x224x224",
                              options->shape, MAX_SIDE);
        if (options->rank == 4)
            return fail_usage("--shape %.100s: expected 3 or 4 sizes, such as 1x3x224x224", options->shape);
        options->dims[options->rank++] = size;
        if (*text != 'x' && *text != ',')
            break;
    }
    if (*text != '\0' || options->rank < 3)
        return fail_usage("--shape %.100s: expected 3 or 4 sizes, such as 1x3x224x224", options->shape);
    return WASINN__EXIT_OK;
}

static bool has_channels(int size) {
    return size == 1 || size == 3;
}

/* Finds out what the shape's sizes mean in the layout. */
static int settle_shape(struct wasinn__tensor_options *options) {
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
    if ((int64_t)options->channels * options->height * options->width > WASINN__MAX_ELEMENTS)
        return fail_usage("--shape %.100s: expected at most %d elements", options->shape,
                          WASINN__MAX_ELEMENTS);
    return WASINN__EXIT_OK;
}

static int settle_channels(struct wasinn__tensor_options *options) {
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
    framing->channels = (unsigned)options->channels;
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

static int parse_type(const char *text, wasinn_type *type) {
    static const wasinn_type types[] = {WASINN_TYPE_F32, WASINN_TYPE_F64, WASINN_TYPE_F16, WASINN_TYPE_BF16,
                                        WASINN_TYPE_U8,  WASINN_TYPE_I32, WASINN_TYPE_I64};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        *type = types[i];
        if (strcmp(text, wasinn_type_name(*type)) == 0)
            return WASINN__EXIT_OK;
    }
    return fail_usage("--type %.100s: expected f32, f64, f16, bf16, u8, i32 or i64", text);
}

static int apply_option(struct wasinn__tensor_options *options, int option, const char *text) {
    static const char *const orders[] = {"rgb", "bgr", "grey", NULL},
                             *const layouts[] = {"nchw", "nhwc", NULL},
                             *const fits[] = {"crop", "stretch", NULL};
    int choice = 0, code = WASINN__EXIT_OK;
    switch (option) {
    case 's':
        options->shape = text;
        return parse_shape(options);
    case 't':
        return parse_type(text, &options->type);
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

int wasinn__parse_tensor(struct wasinn__tensor_options *options, int argc, char **argv, bool *helped) {
    *options = (struct wasinn__tensor_options){
        .type = WASINN_TYPE_F32, .scale = {1}, .mean_count = 1, .scale_count = 1};
    *helped = false;
    static const struct option known[] = {
        {"shape", required_argument, NULL, 's'},
        {"type", required_argument, NULL, 't'},
        {"order", required_argument, NULL, 'o'},
        {"layout", required_argument, NULL, 'l'},
        {"mean", required_argument, NULL, 'm'},
        {"scale", required_argument, NULL, 'd'},
        {"fit", required_argument, NULL, 'f'},
        {"resize", required_argument, NULL, 'r'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
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
        code = apply_option(options, option, optarg);
    }
    if (code != WASINN__EXIT_OK)
        return code;
    if (argc - optind > 2)
        return fail_usage("expected IN and OUT, got %.100s besides", argv[optind + 2]);
    if (argc - optind < 2)
        return fail_usage("expected IN and OUT");
    options->in = argv[optind];
    options->out = argv[optind + 1];
    if (wasinn__is_same_file(options->in, options->out))
        return fail_usage("%.100s: expected an OUT that is not IN", options->out);
    if (!options->shape)
        return fail_usage("expected --shape, such as --shape 1x3x224x224");
    code = settle_shape(options);
    if (code == WASINN__EXIT_OK)
        code = settle_channels(options);
    return code == WASINN__EXIT_OK ? settle_framing(options) : code;
}

int wasinn__tensor_help(void) {
    return wasinn__print_help(help);
}
