/* decode.c - see decode.h; one file per format does the work. */
#include "image/decode.h"

#include <string.h>

#include "image/codec.h"

enum mm_image_format mm_image_sniff(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	if (n >= 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8))
		return MM_IMAGE_PNG;
	if (n >= 3 && !memcmp(p, "\xff\xd8\xff", 3))
		return MM_IMAGE_JPEG;
	if (n >= 16 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBPVP8", 7))
		return MM_IMAGE_WEBP;
	return MM_IMAGE_UNKNOWN;
}

const char *mm_image_format_name(enum mm_image_format f)
{
	static const char *const name[] = { "unknown", "PNG", "JPEG", "WebP" };

	return name[f];
}

int mm_image_check_size(size_t w, size_t h, const struct mm_decode_opts *opts,
			struct mm_err *err)
{
	if (!w || !h)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a picture of %zux%zu pixels is empty", w, h);
	if (w > opts->max_pixels / h)
		return mm_fail(err, MM_ERR_REFUSED,
			       "%zux%zu pixels are more than %zu "
			       "(--max-pixels)",
			       w, h, opts->max_pixels);
	return MM_OK;
}

static int read_any(struct mm_image *im, struct mm_image_info *info,
		    const void *bytes, size_t n,
		    const struct mm_decode_opts *opts, struct mm_err *err)
{
	struct mm_decode_opts o = { 0 };

	memset(info, 0, sizeof(*info));
	info->orientation = 1;
	if (opts)
		o = *opts;
	if (!o.max_pixels)
		o.max_pixels = MM_IMAGE_MAX_PIXELS;
	info->format = mm_image_sniff(bytes, n);
	switch (info->format) {
	case MM_IMAGE_PNG: return mm_png_read(im, info, bytes, n, &o, err);
	case MM_IMAGE_JPEG: return mm_jpeg_read(im, info, bytes, n, &o, err);
	case MM_IMAGE_WEBP: return mm_webp_read(im, info, bytes, n, &o, err);
	default: break;
	}
	return mm_fail(err, MM_ERR_FORMAT,
		       n ? "not a picture that can be read (PNG, JPEG%s)"
			 : "an empty file is no picture%s",
		       !n		      ? ""
		       : mm_image_have_webp() ? ", WebP"
					      : "");
}

int mm_image_probe(struct mm_image_info *info, const void *bytes, size_t n,
		   const struct mm_decode_opts *opts, struct mm_err *err)
{
	return read_any(NULL, info, bytes, n, opts, err);
}

int mm_image_decode(struct mm_image *im, struct mm_image_info *info,
		    const void *bytes, size_t n,
		    const struct mm_decode_opts *opts, struct mm_err *err)
{
	struct mm_image_info mine;

	return read_any(im, info ? info : &mine, bytes, n, opts, err);
}
