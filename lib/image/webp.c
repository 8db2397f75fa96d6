/*
 * webp.c - WebP in, through libwebp where it is found at build time.
 *
 * As Pillow: the animation decoder's first frame, RGBA where the file says
 * that it has alpha, else RGB.
 */
#include <string.h>

#include "base/mem.h"
#include "image/codec.h"

#ifdef HAVE_WEBP
#include <webp/decode.h>
#include <webp/demux.h>

bool mm_image_have_webp(void)
{
	return true;
}

static int find_orientation(const WebPDemuxer *x)
{
	WebPChunkIterator it;
	int v = 0;

	if (WebPDemuxGetChunk(x, "EXIF", 1, &it)) {
		v = mm_exif_orientation(it.chunk.bytes, it.chunk.size);
		WebPDemuxReleaseChunkIterator(&it);
	}
	if (!v && WebPDemuxGetChunk(x, "XMP ", 1, &it)) {
		v = mm_xmp_orientation(it.chunk.bytes, it.chunk.size);
		WebPDemuxReleaseChunkIterator(&it);
	}
	return v ? v : 1;
}

static int read_header(struct mm_image_info *info, const WebPData *data,
		       struct mm_err *err)
{
	WebPDemuxer *x = WebPDemux(data);
	uint32_t flags;

	if (!x)
		return mm_fail(err, MM_ERR_FORMAT,
			       "WebP is cut or has a damaged header");
	flags = WebPDemuxGetI(x, WEBP_FF_FORMAT_FLAGS);
	info->w = WebPDemuxGetI(x, WEBP_FF_CANVAS_WIDTH);
	info->h = WebPDemuxGetI(x, WEBP_FF_CANVAS_HEIGHT);
	info->mode = flags & ALPHA_FLAG ? MM_IMAGE_RGBA : MM_IMAGE_RGB;
	info->orientation = find_orientation(x);
	WebPDemuxDelete(x);
	return MM_OK;
}

static int read_pixels(struct mm_image *im, const struct mm_image_info *info,
		       const WebPData *data, struct mm_err *err)
{
	const size_t n = info->w * info->h, ch = mm_image_channels(info->mode);
	WebPAnimDecoderOptions o;
	WebPAnimDecoder *d;
	uint8_t *frame;
	int when, rc = MM_OK;

	if (!WebPAnimDecoderOptionsInit(&o))
		return mm_fail(err, MM_ERR_FORMAT, "libwebp is too new");
	o.color_mode = MODE_RGBA;
	o.use_threads = 0;
	if (!(d = WebPAnimDecoderNew(data, &o)))
		return mm_fail(err, MM_ERR_FORMAT, "WebP cannot be read");
	if (WebPAnimDecoderGetNext(d, &frame, &when))
		for (size_t i = 0; i < n; i++)
			memcpy(im->data + i * ch, frame + 4 * i, ch);
	else
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "WebP has a damaged first picture");
	WebPAnimDecoderDelete(d);
	return rc;
}

int mm_webp_read(struct mm_image *im, struct mm_image_info *info,
		 const uint8_t *p, size_t n, const struct mm_decode_opts *opts,
		 struct mm_err *err)
{
	const WebPData data = { p, n };
	int rc;

	if ((rc = read_header(info, &data, err)) ||
	    (rc = mm_image_check_size(info->w, info->h, opts, err)) || !im ||
	    (rc = mm_image_reshape(im, info->mode, info->w, info->h, err)))
		return rc;
	return read_pixels(im, info, &data, err);
}

#else

bool mm_image_have_webp(void)
{
	return false;
}

int mm_webp_read(struct mm_image *im, struct mm_image_info *info,
		 const uint8_t *p, size_t n, const struct mm_decode_opts *opts,
		 struct mm_err *err)
{
	(void)im;
	(void)info;
	(void)p;
	(void)n;
	(void)opts;
	return mm_fail(err, MM_ERR_FORMAT,
		       "WebP pictures need a build with libwebp");
}

#endif
