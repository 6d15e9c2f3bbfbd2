#include "picture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "cli.h"
#include "file.h"

enum {
    MAX_SCANS = 100, /* of a progressive JPEG; cameras and encoders write about ten */
    MESSAGE = 256
};

struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    char message[MESSAGE];
    struct wasinn__picture *picture;
    uint8_t *row; /* of a CMYK picture */
};

struct png_job {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    char message[MESSAGE];
    struct wasinn__picture *picture;
    const uint8_t *data;
    size_t size, position;
};

/* ---- Formats ------------------------------------------------------------------------------------- */

static bool is_jpeg(const uint8_t *data, size_t size) {
    return size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const uint8_t *data, size_t size) {
    return size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static void describe(const uint8_t *data, size_t size, char *problem) {
    static const struct {
        size_t offset, length;
        const char *bytes, *meaning;
    } known[] = {
        {0, 4, "\0asm", "like WebAssembly"}, {0, 4, "GIF8", "like a GIF"},   {0, 2, "BM", "like a BMP"},
        {8, 4, "WEBP", "like a WebP"},       {0, 4, "II*\0", "like a TIFF"}, {0, 4, "MM\0*", "like a TIFF"},
        {4, 4, "ftyp", "like HEIC or AVIF"}, {0, 4, "%PDF", "like a PDF"},   {0, 2, "\x1f\x8b", "like gzip"},
        {0, 4, "PK\3\4", "like a ZIP"},
    };
    static const char expected[] = "expected a JPEG or PNG picture; the file";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t end = known[i].offset + known[i].length;
        if (size >= end && memcmp(data + known[i].offset, known[i].bytes, known[i].length) == 0) {
            snprintf(problem, WASINN__FILE_PROBLEM, "%s begins %s", expected, known[i].meaning);
            return;
        }
    }
    char text[WASINN__FILE_HEAD_TEXT];
    wasinn__describe_head(data, size, text);
    snprintf(problem, WASINN__FILE_PROBLEM, "%s %s", expected, text);
}

static bool is_picture(const uint8_t *head, size_t size, char *problem) {
    if (is_jpeg(head, size) || is_png(head, size))
        return true;
    describe(head, size, problem);
    return false;
}

/* ---- Decoding ------------------------------------------------------------------------------------ */

static bool within_limits(const struct wasinn__picture *picture, char *message) {
    if (picture->width <= WASINN__PICTURE_MAX_SIDE && picture->height <= WASINN__PICTURE_MAX_SIDE &&
        (uint64_t)picture->width * picture->height <= WASINN__PICTURE_MAX_PIXELS)
        return true;
    snprintf(message, MESSAGE, "%ux%u pixels are above the limits of %d a side and %d in all", picture->width,
             picture->height, WASINN__PICTURE_MAX_SIDE, WASINN__PICTURE_MAX_PIXELS);
    return false;
}

static bool make_pixels(struct wasinn__picture *picture, unsigned channels, char *message) {
    picture->pixels = malloc((size_t)picture->width * picture->height * channels * (picture->depth / 8));
    if (!picture->pixels)
        snprintf(message, MESSAGE, "no memory for %ux%u pixels", picture->width, picture->height);
    return picture->pixels != NULL;
}

/* The orientation that a block of Exif gives, 1 where it gives none. */
static unsigned exif_orientation(const uint8_t *data, size_t size) {
    if (size < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return 1;
    unsigned low = data[0] == 'I' ? 0 : 1, high = 1 - low;
#define EXIF_U16(at) ((unsigned)data[(at) + low] | (unsigned)data[(at) + high] << 8)
    size_t table =
        data[0] == 'I' ? EXIF_U16(4) | (size_t)EXIF_U16(6) << 16 : EXIF_U16(6) | (size_t)EXIF_U16(4) << 16;
    if (table < 8 || table > size - 2)
        return 1;
    size_t entries = EXIF_U16(table);
    for (size_t i = 0, at = table + 2; i < entries && at + 12 <= size; i++, at += 12) {
        if (EXIF_U16(at) != 0x0112)
            continue;
        size_t count = data[0] == 'I' ? at + 4 : at + 6;
        bool one_short = EXIF_U16(at + 2) == 3 && EXIF_U16(count) == 1;
        unsigned orientation = EXIF_U16(at + 8);
        return one_short && orientation >= 1 && orientation <= 8 ? orientation : 1;
    }
#undef EXIF_U16
    return 1;
}

static void jpeg_on_error(j_common_ptr jpeg) {
    struct jpeg_job *job = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    snprintf(job->message, sizeof job->message, "%s", message);
    longjmp(job->jump, 1);
}

/* libjpeg goes on after a warning, with grey where pixels are missing. Such a picture is refused. */
static void jpeg_on_message(j_common_ptr jpeg, int level) {
    if (level < 0)
        jpeg_on_error(jpeg);
}

static void jpeg_on_progress(j_common_ptr jpeg) {
    struct jpeg_job *job = jpeg->client_data;
    if (job->jpeg.input_scan_number <= MAX_SCANS)
        return;
    snprintf(job->message, sizeof job->message, "more than %d scans", MAX_SCANS);
    longjmp(job->jump, 1);
}

/* Inks are stored inverted, as Adobe's programs do and other readers expect. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t pixels) {
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((cmyk[4 * i + c] * cmyk[4 * i + 3] + 127) / 255);
}

static bool decode_jpeg_guarded(struct jpeg_job *job, const uint8_t *data, size_t size) {
    struct wasinn__picture *picture = job->picture;
    if (setjmp(job->jump) != 0)
        return false;
    jpeg_create_decompress(&job->jpeg);
    job->jpeg.progress = &job->progress;
    jpeg_save_markers(&job->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_mem_src(&job->jpeg, data, size);
    jpeg_read_header(&job->jpeg, TRUE);
    for (jpeg_saved_marker_ptr marker = job->jpeg.marker_list; marker; marker = marker->next)
        if (picture->orientation == 1 && marker->data_length >= 6 && memcmp(marker->data, "Exif\0\0", 6) == 0)
            picture->orientation = exif_orientation(marker->data + 6, marker->data_length - 6);
    int components = job->jpeg.num_components;
    if (components != 1 && components != 3 && components != 4) {
        snprintf(job->message, sizeof job->message, "%d colour components, expected 1, 3 or 4", components);
        return false;
    }
    picture->width = job->jpeg.image_width;
    picture->height = job->jpeg.image_height;
    picture->depth = 8;
    picture->channels = components == 1 ? 1 : 3;
    job->jpeg.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    if (!within_limits(picture, job->message) || !make_pixels(picture, picture->channels, job->message))
        return false;
    jpeg_start_decompress(&job->jpeg);
    if (components == 4)
        job->row =
            job->jpeg.mem->alloc_large((j_common_ptr)&job->jpeg, JPOOL_IMAGE, (size_t)4 * picture->width);
    while (job->jpeg.output_scanline < picture->height) {
        size_t stride = (size_t)picture->width * picture->channels;
        uint8_t *target = (uint8_t *)picture->pixels + stride * job->jpeg.output_scanline;
        JSAMPROW row = job->row ? job->row : target;
        jpeg_read_scanlines(&job->jpeg, &row, 1);
        if (job->row)
            cmyk_to_rgb(job->row, target, picture->width);
    }
    jpeg_finish_decompress(&job->jpeg);
    return true;
}

static int decode_jpeg(const char *name, const uint8_t *data, size_t size, struct wasinn__picture *picture) {
    struct jpeg_job job = {.picture = picture};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = jpeg_on_error;
    job.errors.emit_message = jpeg_on_message;
    job.progress.progress_monitor = jpeg_on_progress;
    bool decoded = decode_jpeg_guarded(&job, data, size);
    jpeg_destroy_decompress(&job.jpeg);
    if (decoded)
        return WASINN__EXIT_OK;
    return wasinn__fail(WASINN__EXIT_FAILED, "%s: cannot decode the JPEG: %s", name, job.message);
}

static void png_on_error(png_structp png, png_const_charp message) {
    struct png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    longjmp(job->jump, 1);
}

/* What libpng only warns of does not change pixels. */
static void png_on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void png_on_read(png_structp png, png_bytep out, size_t length) {
    struct png_job *job = png_get_io_ptr(png);
    if (length > job->size - job->position)
        png_error(png, "the file ends too early");
    memcpy(out, job->data + job->position, length);
    job->position += length;
}

/* Lays a picture with an alpha channel on white and drops that channel. */
static void flatten(struct wasinn__picture *picture, unsigned channels) {
    size_t pixels = (size_t)picture->width * picture->height;
    unsigned colours = channels - 1;
    for (size_t i = 0; i < pixels; i++) {
        for (unsigned c = 0; c < colours; c++) {
            if (picture->depth == 8) {
                uint8_t *values = picture->pixels;
                uint32_t alpha = values[i * channels + colours], value = values[i * channels + c];
                values[i * colours + c] = (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
            } else {
                uint16_t *values = picture->pixels;
                uint64_t alpha = values[i * channels + colours], value = values[i * channels + c];
                values[i * colours + c] =
                    (uint16_t)((value * alpha + 65535 * (65535 - alpha) + 32767) / 65535);
            }
        }
    }
}

static void png_orientation(struct png_job *job) {
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 length = 0;
    png_bytep exif = NULL;
    if (png_get_eXIf_1(job->png, job->info, &length, &exif) != 0)
        job->picture->orientation = exif_orientation(exif, length);
#else
    (void)job;
#endif
}

static bool decode_png_guarded(struct png_job *job) {
    struct wasinn__picture *picture = job->picture;
    if (setjmp(job->jump) != 0)
        return false;
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, png_on_error, png_on_warning);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info) {
        snprintf(job->message, sizeof job->message, "no memory");
        return false;
    }
    png_set_read_fn(job->png, job, png_on_read);
    png_set_crc_action(job->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    /* within_limits says it better than libpng does, so only memory besides the pixels is limited here. */
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(job->png, 4 << 20);
    png_set_chunk_cache_max(job->png, 128);
    /* Skips colour profiles, texts and such, but not tRNS. */
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "eXIf", 1);
    png_read_info(job->png, job->info);
    png_set_expand(job->png);
    const uint16_t one = 1;
    if (*(const uint8_t *)&one == 1)
        png_set_swap(job->png);
    int passes = png_set_interlace_handling(job->png);
    picture->width = png_get_image_width(job->png, job->info);
    picture->height = png_get_image_height(job->png, job->info);
    picture->depth = png_get_bit_depth(job->png, job->info) == 16 ? 16 : 8;
    if (!within_limits(picture, job->message))
        return false;
    png_read_update_info(job->png, job->info);
    unsigned channels = png_get_channels(job->png, job->info);
    size_t stride = png_get_rowbytes(job->png, job->info);
    picture->channels = channels <= 2 ? 1 : 3;
    if (!make_pixels(picture, channels, job->message))
        return false;
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < picture->height; y++)
            png_read_row(job->png, (png_bytep)picture->pixels + stride * y, NULL);
    png_read_end(job->png, job->info);
    png_orientation(job);
    if (channels == 2 || channels == 4)
        flatten(picture, channels);
    return true;
}

static int decode_png(const char *name, const uint8_t *data, size_t size, struct wasinn__picture *picture) {
    struct png_job job = {.picture = picture, .data = data, .size = size};
    bool decoded = decode_png_guarded(&job);
    if (job.png)
        png_destroy_read_struct(&job.png, &job.info, NULL);
    if (decoded)
        return WASINN__EXIT_OK;
    return wasinn__fail(WASINN__EXIT_FAILED, "%s: cannot decode the PNG: %s", name, job.message);
}

int wasinn__picture_read(const char *path, struct wasinn__picture *picture) {
    const char *name = wasinn__in_name(path);
    *picture = (struct wasinn__picture){.orientation = 1};
    char problem[WASINN__FILE_PROBLEM];
    uint8_t *data = NULL;
    size_t size = 0;
    if (!wasinn__file_read(path, WASINN__PICTURE_MAX_FILE, is_picture, &data, &size, problem))
        return wasinn__fail(WASINN__EXIT_FAILED, "%s: %s", name, problem);
    int code =
        is_jpeg(data, size) ? decode_jpeg(name, data, size, picture) : decode_png(name, data, size, picture);
    free(data);
    if (code != WASINN__EXIT_OK)
        wasinn__picture_free(picture);
    return code;
}

void wasinn__picture_free(struct wasinn__picture *picture) {
    free(picture->pixels);
    picture->pixels = NULL;
}
