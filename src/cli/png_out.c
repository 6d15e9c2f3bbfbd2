#include "png_out.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>

#include <png.h>

#include "file.h"

struct job {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    FILE *file;
    int reason; /* errno's number of what went wrong */
    const struct wasinn__image *image;
};

/* What libpng finds wrong by itself is a lack of memory: the image is right. */
static void on_error(png_structp png, png_const_charp message) {
    struct job *job = png_get_error_ptr(png);
    (void)message;
    if (job->reason == 0)
        job->reason = ENOMEM;
    longjmp(job->jump, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_write(png_structp png, png_bytep data, size_t length) {
    struct job *job = png_get_io_ptr(png);
    if (fwrite(data, 1, length, job->file) == length)
        return;
    job->reason = errno;
    png_error(png, "cannot write");
}

static void on_flush(png_structp png) {
    (void)png;
}

static bool write_guarded(struct job *job) {
    const struct wasinn__image *image = job->image;
    if (setjmp(job->jump) != 0)
        return false;
    job->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info) {
        job->reason = ENOMEM;
        return false;
    }
    png_set_write_fn(job->png, job, on_write, on_flush);
    png_set_IHDR(job->png, job->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++)
        png_write_row(job->png, image->pixels + stride * (size_t)y);
    png_write_end(job->png, job->info);
    return true;
}

/* As wasinn__file_writer. */
static bool write_png(FILE *file, const void *content) {
    struct job job = {.file = file, .image = content};
    bool done = write_guarded(&job);
    if (job.png)
        png_destroy_write_struct(&job.png, &job.info);
    if (!done)
        errno = job.reason;
    return done;
}

int wasinn__png_write(const char *path, const struct wasinn__image *image) {
    return wasinn__file_write(path, "picture", write_png, image);
}
