/* encode.c - see encode.h; through libpng. */
#include "image/encode.h"

#include <setjmp.h>
#include <stdio.h>

#include <png.h>

struct writer {
	struct mm_buf *out;
	jmp_buf jump;
	char why[128];
};

static void fail_png(png_structp png, png_const_charp why)
{
	struct writer *w = png_get_error_ptr(png);

	snprintf(w->why, sizeof(w->why), "%s", why);
	longjmp(w->jump, 1);
}

static void ignore_warning(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
}

static void take_bytes(png_structp png, png_bytep p, size_t n)
{
	struct writer *w = png_get_io_ptr(png);

	mm_buf_add(w->out, p, n);
}

static void flush_nothing(png_structp png)
{
	(void)png;
}

static bool write_rows(struct writer *w, png_structp png, png_infop pi,
		       const struct mm_image *im, int colour)
{
	const size_t stride = im->w * mm_image_channels(im->mode);

	if (setjmp(w->jump))
		return false;
	png_set_write_fn(png, w, take_bytes, flush_nothing);
	png_set_user_limits(png, INT32_MAX, INT32_MAX);
	png_set_IHDR(png, pi, (png_uint_32)im->w, (png_uint_32)im->h, 8, colour,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, pi);
	for (size_t y = 0; y < im->h; y++)
		png_write_row(png, im->data + y * stride);
	png_write_end(png, pi);
	return true;
}

static int write_png(struct mm_buf *out, const struct mm_image *im, int colour,
		     struct mm_err *err)
{
	struct writer w = { .out = out };
	png_structp png;
	png_infop pi;
	bool ok;

	if (im->w > INT32_MAX || im->h > INT32_MAX)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a picture of %zux%zu pixels is too large for "
			       "PNG",
			       im->w, im->h);
	png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, fail_png,
				      ignore_warning);
	if (!png || !(pi = png_create_info_struct(png))) {
		png_destroy_write_struct(&png, NULL);
		return mm_fail_nomem(err, "a PNG writer");
	}
	ok = write_rows(&w, png, pi, im, colour);
	png_destroy_write_struct(&png, &pi);
	return ok ? mm_buf_check(out, "a PNG file", err)
		  : mm_fail(err, MM_ERR_FORMAT, "cannot make a PNG: %s", w.why);
}

int mm_image_png(struct mm_buf *out, const struct mm_image *im,
		 struct mm_err *err)
{
	struct mm_image rgb = { 0 };
	int rc;

	switch (im->mode) {
	case MM_IMAGE_L:
	case MM_IMAGE_1: return write_png(out, im, PNG_COLOR_TYPE_GRAY, err);
	case MM_IMAGE_LA:
		return write_png(out, im, PNG_COLOR_TYPE_GRAY_ALPHA, err);
	case MM_IMAGE_RGB: return write_png(out, im, PNG_COLOR_TYPE_RGB, err);
	case MM_IMAGE_RGBA:
		return write_png(out, im, PNG_COLOR_TYPE_RGB_ALPHA, err);
	default: break;
	}
	rc = mm_image_to_rgb(&rgb, im, MM_ALPHA_DROP, MM_GREY16_CLIP, err);
	if (!rc)
		rc = write_png(out, &rgb, PNG_COLOR_TYPE_RGB, err);
	mm_image_release(&rgb);
	return rc;
}
