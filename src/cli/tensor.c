#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "picture.h"
#include "wasinn/wasinn.h"

/* A side of the shape, and its elements in all: 256 MiB of f32, what a guest may set by default. */
enum { MAX_SIDE = 16384, MAX_ELEMENTS = 64 << 20 };

enum order { ORDER_DEFAULT, ORDER_RGB, ORDER_BGR, ORDER_GREY };

struct options {
    const char *in, *out;
    const char *shape; /* as given */
    int dims[4];
    int rank;
    int width, height, channels;
    wasinn_type type;
    enum order order;
    bool nhwc;
    double mean[3], scale[3];
    int mean_count, scale_count; /* 1 or 3 */
    struct wasinn__framing framing;
    bool verbose;
};

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

/* ---- Options ------------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static int fail_usage(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return wasinn__fail(WASINN__EXIT_USAGE, "tensor: %s; see wasinn tensor --help", text);
}

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

static int parse_shape(struct options *options) {
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
static int settle_shape(struct options *options) {
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
    if ((int64_t)options->channels * options->height * options->width > MAX_ELEMENTS)
        return fail_usage("--shape %.100s: expected at most %d elements", options->shape, MAX_ELEMENTS);
    return WASINN__EXIT_OK;
}

static int settle_channels(struct options *options) {
    if (options->order == ORDER_DEFAULT)
        options->order = options->channels == 1 ? ORDER_GREY : ORDER_RGB;
    if (options->order == ORDER_GREY && options->channels == 3)
        return fail_usage("--order grey: expected rgb or bgr, as --shape %.100s has 3 channels",
                          options->shape);
    if (options->order != ORDER_GREY && options->channels == 1)
        return fail_usage("--order %s: expected grey, as --shape %.100s has 1 channel",
                          options->order == ORDER_RGB ? "rgb" : "bgr", options->shape);
    if (options->mean_count > options->channels || options->scale_count > options->channels)
        return fail_usage("--%s has 3 numbers, expected 1 as the shape has 1 channel",
                          options->mean_count > options->channels ? "mean" : "scale");
    for (int c = 1; c < 3; c++) {
        options->mean[c] = options->mean_count == 1 ? options->mean[0] : options->mean[c];
        options->scale[c] = options->scale_count == 1 ? options->scale[0] : options->scale[c];
    }
    return WASINN__EXIT_OK;
}

static int settle_framing(struct options *options) {
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

static int apply_option(struct options *options, int option, const char *text) {
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
        options->order = (enum order)(ORDER_RGB + choice);
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

static int parse_options(int argc, char **argv, struct options *options, bool *help_wanted) {
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
            *help_wanted = true;
            return WASINN__EXIT_OK;
        }
        if (option == ':')
            return fail_usage("%.100s: expected a value after it", argv[optind - 1]);
        if (option == '?' && optopt != 0 && strncmp(argv[optind - 1], "--", 2) != 0)
            return fail_usage("unknown option -%c", optopt);
        if (option == '?')
            return fail_usage(optopt != 0 ? "%.100s: expected no value" : "unknown option %.100s",
                              argv[optind - 1]);
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
    if (!options->shape)
        return fail_usage("expected --shape, such as --shape 1x3x224x224");
    code = settle_shape(options);
    if (code == WASINN__EXIT_OK)
        code = settle_channels(options);
    return code == WASINN__EXIT_OK ? settle_framing(options) : code;
}

/* ---- Numbers ------------------------------------------------------------------------------------- */

/* Rounds to a 16-bit float with so many bits of exponent and mantissa: to nearest, halves to even. */
static uint16_t round_to_16_bits(double value, int exponent_bits, int mantissa_bits) {
    int bias = (1 << (exponent_bits - 1)) - 1, exponent = 0;
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    uint16_t infinity = (uint16_t)(((1 << exponent_bits) - 1) << mantissa_bits);
    double size = fabs(value);
    if (size == 0)
        return sign;
    if (!isfinite(size))
        return sign | infinity;
    frexp(size, &exponent);
    exponent = exponent - 1 < 1 - bias ? 1 - bias : exponent - 1;
    if (exponent > bias)
        return sign | infinity;
    /* The mantissa with its leading bit, which adds 1 to the exponent's field, as does its overflow. */
    int mantissa = (int)nearbyint(ldexp(size, mantissa_bits - exponent));
    return (uint16_t)(sign | (((exponent + bias - 1) << mantissa_bits) + mantissa));
}

static int64_t round_to_i64(double value) {
    double rounded = nearbyint(value);
    if (rounded >= 0x1p63)
        return INT64_MAX;
    return rounded < -0x1p63 ? INT64_MIN : (int64_t)rounded;
}

static void store(wasinn_type type, double value, unsigned char *out) {
    union {
        double f64;
        float f32;
        uint16_t bits;
        uint8_t u8;
        int32_t i32;
        int64_t i64;
    } number = {0};
    switch (type) {
    case WASINN_TYPE_F64:
        number.f64 = value;
        break;
    case WASINN_TYPE_F16:
        number.bits = round_to_16_bits(value, 5, 10);
        break;
    case WASINN_TYPE_BF16:
        number.bits = round_to_16_bits(value, 8, 7);
        break;
    case WASINN_TYPE_U8:
        number.u8 = (uint8_t)nearbyint(fmin(fmax(value, 0), UINT8_MAX));
        break;
    case WASINN_TYPE_I32:
        number.i32 = (int32_t)nearbyint(fmin(fmax(value, INT32_MIN), INT32_MAX));
        break;
    case WASINN_TYPE_I64:
        number.i64 = round_to_i64(value);
        break;
    default:
        number.f32 = (float)value;
        break;
    }
    memcpy(out, &number, wasinn_type_size(type));
}

/* ---- Output -------------------------------------------------------------------------------------- */

struct content {
    const struct options *options;
    const float *pixels; /* rows of red, green, blue, or of grey */
};

/* As wasinn__file_writer. */
static bool write_tensor(FILE *file, const void *data) {
    const struct content *content = data;
    const struct options *options = content->options;
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
            size_t stored = options->order == ORDER_BGR ? 2 - channel : channel;
            double pixel = in[i / together * channels + stored];
            store(options->type, (pixel - options->mean[channel]) / options->scale[channel],
                  row + i * element);
        }
        done = fwrite(row, width * together * element, 1, file) == 1;
    }
    free(row);
    return done;
}

static int fail_stdout(void) {
    return wasinn__fail(WASINN__EXIT_FAILED, "stdout: cannot write: %s", strerror(errno));
}

static int report(const struct options *options) {
    char shape[64] = "", name[1024];
    size_t length = 0, elements = 1;
    for (int i = 0; i < options->rank; i++) {
        length += (size_t)snprintf(shape + length, sizeof shape - length, "%s%d", i > 0 ? "," : "",
                                   options->dims[i]);
        elements *= (size_t)options->dims[i];
    }
    bool is_stdout = strcmp(options->out, "-") == 0;
    FILE *file = is_stdout ? stderr : stdout;
    wasinn_escape(options->out, strlen(options->out), name, sizeof name);
    fprintf(file, "%s: %s [%s], %zu bytes\n", is_stdout ? "stdout" : name, wasinn_type_name(options->type),
            shape, elements * wasinn_type_size(options->type));
    return fflush(file) == 0 ? WASINN__EXIT_OK : fail_stdout();
}

int wasinn__tensor_command(int argc, char **argv) {
    struct options options = {
        .type = WASINN_TYPE_F32, .scale = {1}, .mean_count = 1, .scale_count = 1, .verbose = false};
    bool help_wanted = false;
    int code = parse_options(argc, argv, &options, &help_wanted);
    if (code != WASINN__EXIT_OK)
        return code;
    if (help_wanted)
        return fputs(help, stdout) >= 0 && fflush(stdout) == 0 ? WASINN__EXIT_OK : fail_stdout();
    if (wasinn__is_same_file(options.in, options.out))
        return fail_usage("%.100s: expected an OUT that is not IN", options.out);
    struct wasinn__picture picture;
    code = wasinn__picture_read(options.in, &picture);
    if (code != WASINN__EXIT_OK)
        return code;
    float *pixels =
        calloc((size_t)options.width * (size_t)options.height * (size_t)options.channels, sizeof *pixels);
    if (pixels)
        code = wasinn__picture_scale(&picture, options.in, &options.framing, pixels);
    else
        code = wasinn__fail(WASINN__EXIT_FAILED, "no memory for a tensor of shape %.100s", options.shape);
    wasinn__picture_free(&picture);
    if (code == WASINN__EXIT_OK)
        code = wasinn__file_write(options.out, "tensor", write_tensor, &(struct content){&options, pixels});
    if (code == WASINN__EXIT_OK && options.verbose)
        code = report(&options);
    free(pixels);
    return code;
}
