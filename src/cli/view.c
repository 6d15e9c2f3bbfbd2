#include "view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elements.h"
#include "file.h"
#include "wasinn/wasinn.h"

int wasinn__view_image(struct wasinn__view *view, int width, int height, int channels) {
    uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)channels);
    if (!pixels)
        return wasinn__fail(WASINN__EXIT_FAILED, "no memory for a picture of %dx%d pixels", width, height);
    view->image = (struct wasinn__image){width, height, channels, pixels};
    return WASINN__EXIT_OK;
}

/* ---- Reading the tensor -------------------------------------------------------------------------- */

/* What else a file of this size could be: of another type, or of several times the elements. */
static void hint(uint64_t size, size_t elements, size_t wanted, char *text, size_t capacity) {
    static const struct {
        size_t size;
        const char *names;
    } types[] = {
        {1, "u8, i8 or bool"}, {2, "f16, bf16, u16 or i16"}, {4, "f32, i32 or u32"}, {8, "f64, i64 or u64"}};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (size == elements * types[i].size)
            used = (size_t)snprintf(text, capacity, "; the size fits --type %s", types[i].names);
    if (size > wanted && size % wanted == 0)
        snprintf(text + used, capacity - used, "%s a --shape of %llu times the elements",
                 used ? ", or" : "; the size fits", (unsigned long long)(size / wanted));
}

static int read_tensor(const struct wasinn__tensor_options *options, uint8_t **data) {
    char problem[WASINN__FILE_PROBLEM], shape[WASINN__TENSOR_SHAPE], other[128];
    const char *name = wasinn__in_name(options->in);
    size_t elements = (size_t)options->width * (size_t)options->height * (size_t)options->channels;
    size_t wanted = elements * wasinn_type_size(options->type);
    uint64_t size = 0;
    if (wasinn__file_read_sized(options->in, wanted, data, &size, problem))
        return WASINN__EXIT_OK;
    if (problem[0])
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: %s", name, problem);
    wasinn__tensor_shape(options, shape);
    if (size == UINT64_MAX)
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: more than %zu bytes, expected %zu for %s", name, wanted,
                            wanted, shape);
    hint(size, elements, wanted, other, sizeof other);
    return wasinn__fail(WASINN__EXIT_FAILED, "%s: %llu bytes, expected %zu for %s%s", name,
                        (unsigned long long)size, wanted, shape, other);
}

/* ---- A picture ----------------------------------------------------------------------------------- */

static int view_picture(struct wasinn__view *view) {
    const struct wasinn__tensor_options *options = view->options;
    size_t channels = (size_t)options->channels, count = (size_t)options->width * (size_t)options->height;
    size_t outside = 0, nans = 0;
    int code = wasinn__view_image(view, options->width, options->height, options->channels);
    for (size_t i = 0; code == WASINN__EXIT_OK && i < count; i++) {
        for (size_t c = 0; c < channels; c++) {
            size_t index = options->nhwc ? i * channels + c : c * count + i;
            double value = wasinn__element_load(options->type, view->data, index);
            double pixel = nearbyint(value * options->scale[c] + options->mean[c]);
            outside += pixel < 0 || pixel > 255;
            nans += isnan(pixel) != 0;
            size_t stored = options->order == WASINN__ORDER_BGR ? 2 - c : c;
            view->image.pixels[i * channels + stored] = (uint8_t)fmin(fmax(pixel, 0), 255);
        }
    }
    if (outside > 0)
        fprintf(view->told, "%zu of %zu numbers were outside 0 to 255\n", outside, count * channels);
    if (nans > 0)
        fprintf(view->told, "%zu of %zu numbers were NaN\n", nans, count * channels);
    return code;
}

/* ---- All ----------------------------------------------------------------------------------------- */

static int report(const struct wasinn__view *view, const char *told) {
    const struct wasinn__tensor_options *options = view->options;
    char shape[WASINN__TENSOR_SHAPE], name[1024];
    bool is_stdout = strcmp(options->out, "-") == 0;
    FILE *file = is_stdout ? stderr : stdout;
    wasinn_escape(wasinn__out_name(options->out), strlen(wasinn__out_name(options->out)), name, sizeof name);
    fprintf(file, "%s: PNG, %dx%d pixels, of %s\n%s", name, view->image.width, view->image.height,
            wasinn__tensor_shape(options, shape), told);
    return is_stdout ? WASINN__EXIT_OK : wasinn__flush_stdout();
}

static int paint(struct wasinn__view *view) {
    switch (view->options->as) {
    case WASINN__AS_MAP:
        return wasinn__view_map(view);
    case WASINN__AS_CLASSES:
        return wasinn__view_classes(view);
    default:
        return view_picture(view);
    }
}

int wasinn__view_tensor(const struct wasinn__tensor_options *options) {
    struct wasinn__view view = {.options = options};
    char *told = NULL;
    size_t told_size = 0;
    uint8_t *data = NULL;
    int code = read_tensor(options, &data);
    if (code != WASINN__EXIT_OK)
        return code;
    view.data = data;
    view.told = wasinn__checked(open_memstream(&told, &told_size));
    code = paint(&view);
    free(data);
    if (fclose(view.told) != 0 && code == WASINN__EXIT_OK)
        code = wasinn__fail(WASINN__EXIT_FAILED, "no memory");
    if (code == WASINN__EXIT_OK)
        code = wasinn__png_write(options->out, &view.image);
    if (code == WASINN__EXIT_OK && options->verbose)
        code = report(&view, told);
    free(view.image.pixels);
    free(told);
    return code;
}
