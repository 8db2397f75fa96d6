/*
 * jpeg.c - JPEG in, through libjpeg-turbo with the settings of Pillow: slow
 * integer DCT, smooth upsampling, block smoothing, colour guessed by libjpeg
 * from the markers.
 *
 * Refused as Pillow refuses: a file that ends before its end marker (warning
 * JWRN_JPEG_EOF), 12-bit samples, 2 components.  libjpeg's other warnings are
 * ignored.  Pictures of 4 components are always taken as inverted (Pillow:
 * "assume adobe conventions").
 *
 * Source: libjpeg.txt, Pillow 13 JpegDecode.c and JpegImagePlugin.py.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/mem.h"
#include "image/codec.h"
#include "image/encode.h"

enum { MAX_SCANS = 1000 }; /* more are an attack on our time */

struct decoder {
	struct jpeg_decompress_struct d;
	struct jpeg_error_mgr mgr;
	struct jpeg_progress_mgr progress;
	jmp_buf jump;
	char why[JMSG_LENGTH_MAX];
};

static void fail_jpeg(j_common_ptr c)
{
	struct decoder *s = c->client_data;

	c->err->format_message(c, s->why);
	longjmp(s->jump, 1);
}

/* level < 0 is a warning; only the one that means "cut" is fatal. */
static void on_message(j_common_ptr c, int level)
{
	struct decoder *s = c->client_data;

	if (level < 0 && c->err->msg_code == JWRN_JPEG_EOF) {
		snprintf(s->why, sizeof(s->why), "the file ends early");
		longjmp(s->jump, 1);
	}
}

static void on_progress(j_common_ptr c)
{
	struct decoder *s = c->client_data;

	if (s->d.input_scan_number > MAX_SCANS) {
		snprintf(s->why, sizeof(s->why), "more than %d scans",
			 MAX_SCANS);
		longjmp(s->jump, 1);
	}
}

static void no_output(j_common_ptr c)
{
	(void)c;
}

static bool open_header(struct decoder *s, const uint8_t *p, size_t n)
{
	s->d.err = jpeg_std_error(&s->mgr);
	s->mgr.error_exit = fail_jpeg;
	s->mgr.emit_message = on_message;
	s->mgr.output_message = no_output;
	s->d.client_data = s;
	if (setjmp(s->jump))
		return false;
	jpeg_create_decompress(&s->d);
	s->progress.progress_monitor = on_progress;
	s->d.progress = &s->progress;
	jpeg_save_markers(&s->d, JPEG_APP0 + 1, 0xffff);
	jpeg_mem_src(&s->d, p, n);
	jpeg_read_header(&s->d, TRUE);
	return true;
}

/* EXIF may be cut into several APP1 markers, which belong end to end. */
static int orientation(const struct decoder *s)
{
	static const char xmp[] = "http://ns.adobe.com/xap/1.0/";
	struct mm_buf exif = { 0 };
	int v, from_xmp = 0;

	for (jpeg_saved_marker_ptr m = s->d.marker_list; m; m = m->next) {
		if (m->data_length >= 6 && !memcmp(m->data, "Exif\0\0", 6))
			mm_buf_add(&exif, m->data + 6, m->data_length - 6);
		else if (m->data_length > sizeof(xmp) &&
			 !memcmp(m->data, xmp, sizeof(xmp)))
			from_xmp = mm_xmp_orientation(m->data + sizeof(xmp),
						      m->data_length -
							      sizeof(xmp));
	}
	v = mm_exif_orientation((const uint8_t *)mm_buf_str(&exif), exif.len);
	mm_buf_release(&exif);
	return v ? v : from_xmp ? from_xmp : 1;
}

static int fill_info(struct mm_image_info *info, const struct decoder *s,
		     struct mm_err *err)
{
	const struct jpeg_decompress_struct *d = &s->d;
	const JQUANT_TBL *q;
	int t;

	info->w = d->image_width;
	info->h = d->image_height;
	info->orientation = orientation(s);
	switch (d->num_components) {
	case 1: info->mode = MM_IMAGE_L; break;
	case 3: info->mode = MM_IMAGE_RGB; break;
	case 4: info->mode = MM_IMAGE_CMYK; break;
	default:
		return mm_fail(err, MM_ERR_FORMAT,
			       "JPEG has %d components, not 1, 3 or 4",
			       d->num_components);
	}
	t = d->comp_info[0].quant_tbl_no;
	q = t >= 0 && t < NUM_QUANT_TBLS ? d->quant_tbl_ptrs[t] : NULL;
	for (int i = 0; q && i < 64; i++)
		info->quant[i] = q->quantval[i];
	return MM_OK;
}

/* The largest of 8, 4, 2 that leaves both sides long enough. */
static unsigned shrink_by(const struct decoder *s,
			  const struct mm_decode_opts *o)
{
	const size_t w = o->fast_factor * o->fast_w,
		     h = o->fast_factor * o->fast_h;
	unsigned by = 8;

	if (!o->fast_factor || !w || !h)
		return 1;
	while (by > 1 &&
	       (s->d.image_width / w < by || s->d.image_height / h < by))
		by /= 2;
	return by;
}

static void set_up(struct decoder *s, enum mm_image_mode mode, unsigned shrink)
{
	s->d.dct_method = JDCT_ISLOW;
	s->d.do_fancy_upsampling = TRUE;
	s->d.do_block_smoothing = TRUE;
	s->d.scale_num = 1;
	s->d.scale_denom = shrink;
	s->d.out_color_space = mode == MM_IMAGE_L     ? JCS_GRAYSCALE
			       : mode == MM_IMAGE_RGB ? JCS_RGB
						      : JCS_CMYK;
}

/* The header as decoded; `shrink` decides the size. */
static bool output_size(struct decoder *s, enum mm_image_mode mode,
			unsigned shrink)
{
	if (setjmp(s->jump))
		return false;
	set_up(s, mode, shrink);
	jpeg_calc_output_dimensions(&s->d);
	return true;
}

/*
 * Leave columns out that nobody will look at.  libjpeg cuts at whole MCUs and
 * its smooth upsampling treats the cut as the picture's border, so that one
 * more MCU on either side keeps the bits of what is wanted.  *x: where the
 * first decoded column belongs.
 */
static void crop_columns(struct decoder *s, const struct mm_image_info *info,
			 const struct mm_decode_opts *opts, size_t *x)
{
	const size_t mcu = (size_t)s->d.max_h_samp_factor * DCTSIZE;
	size_t from = 0, n = info->w, to;
	JDIMENSION first, width;

	*x = 0;
	/* Unfinished progressive pictures are smoothed over several blocks. */
	if (!opts->need || s->d.output_width != info->w ||
	    jpeg_has_multiple_scans(&s->d))
		return;
	opts->need(opts->ctx, info, &from, &n);
	to = from + n + mcu;
	from = from > mcu ? from - mcu : 0;
	if (to > info->w)
		to = info->w;
	if (to - from > info->w - 2 * mcu || info->w < 4 * mcu)
		return;
	first = (JDIMENSION)from;
	width = (JDIMENSION)(to - from);
	jpeg_crop_scanline(&s->d, &first, &width);
	*x = first;
}

static bool read_rows(struct decoder *s, struct mm_image *im,
		      const struct mm_image_info *info,
		      const struct mm_decode_opts *opts)
{
	const size_t ch = mm_image_channels(im->mode), stride = im->w * ch;
	JSAMPROW row[16];
	size_t x;

	if (setjmp(s->jump))
		return false;
	jpeg_start_decompress(&s->d);
	if (s->d.output_width != im->w || s->d.output_height != im->h ||
	    (size_t)s->d.output_components != ch) {
		snprintf(s->why, sizeof(s->why), "unexpected size");
		return false;
	}
	crop_columns(s, info, opts, &x);
	while (s->d.output_scanline < s->d.output_height) {
		const size_t y = s->d.output_scanline;

		for (size_t i = 0; i < 16; i++)
			row[i] = im->data + x * ch +
				 (y + i < im->h ? y + i : im->h - 1) * stride;
		jpeg_read_scanlines(&s->d, row,
				    im->h - y < 16 ? (JDIMENSION)(im->h - y)
						   : 16);
	}
	jpeg_finish_decompress(&s->d); /* finds out where the end is missing */
	return true;
}

int mm_jpeg_read(struct mm_image *im, struct mm_image_info *info,
		 const uint8_t *p, size_t n, const struct mm_decode_opts *opts,
		 struct mm_err *err)
{
	struct decoder s = { 0 };
	size_t bytes;
	int rc;

	if (!open_header(&s, p, n)) {
		rc = mm_fail(err, MM_ERR_FORMAT, "JPEG cannot be read: %s",
			     s.why);
		goto done;
	}
	if ((rc = fill_info(info, &s, err)) ||
	    (rc = mm_image_check_size(info->w, info->h, opts, err)) || !im)
		goto done;
	if (!output_size(&s, info->mode, shrink_by(&s, opts))) {
		rc = mm_fail(err, MM_ERR_FORMAT, "JPEG cannot be read: %s",
			     s.why);
		goto done;
	}
	if ((rc = mm_image_reshape(im, info->mode, s.d.output_width,
				   s.d.output_height, err)))
		goto done;
	if (!read_rows(&s, im, info, opts)) {
		rc = mm_fail(err, MM_ERR_FORMAT, "JPEG cannot be read: %s",
			     s.why);
		goto done;
	}
	bytes = im->w * im->h * 4;
	for (size_t i = 0; im->mode == MM_IMAGE_CMYK && i < bytes; i++)
		im->data[i] = (uint8_t)(255 - im->data[i]);
done:
	jpeg_destroy_decompress(&s.d);
	return rc;
}

/* ---- writing ---- */

struct encoder {
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr mgr;
	jmp_buf jump;
	unsigned char *bytes; /* libjpeg's, by malloc */
	unsigned long n;
};

static void fail_writing(j_common_ptr c)
{
	struct encoder *e = c->client_data;

	longjmp(e->jump, 1);
}

static bool compress(struct encoder *e, const struct mm_image *im, int quality)
{
	union {
		const uint8_t *in;
		JSAMPROW out;
	} row;

	e->c.err = jpeg_std_error(&e->mgr);
	e->mgr.error_exit = fail_writing;
	e->mgr.output_message = no_output;
	e->c.client_data = e;
	if (setjmp(e->jump))
		return false;
	jpeg_create_compress(&e->c);
	jpeg_mem_dest(&e->c, &e->bytes, &e->n);
	e->c.image_width = (JDIMENSION)im->w;
	e->c.image_height = (JDIMENSION)im->h;
	e->c.input_components = 3;
	e->c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&e->c);
	jpeg_set_quality(&e->c, quality, TRUE);
	jpeg_start_compress(&e->c, TRUE);
	while (e->c.next_scanline < e->c.image_height) {
		row.in = im->data + e->c.next_scanline * im->w * 3;
		jpeg_write_scanlines(&e->c, &row.out, 1);
	}
	jpeg_finish_compress(&e->c);
	return true;
}

int mm_image_jpeg(struct mm_buf *out, const struct mm_image *rgb, int quality,
		  struct mm_err *err)
{
	struct encoder e = { .bytes = NULL };
	bool ok;

	if (rgb->mode != MM_IMAGE_RGB || rgb->w > JPEG_MAX_DIMENSION ||
	    rgb->h > JPEG_MAX_DIMENSION)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a picture of %zux%zu does not go into a JPEG",
			       rgb->w, rgb->h);
	if ((ok = compress(&e, rgb, quality)))
		mm_buf_add(out, e.bytes, e.n);
	jpeg_destroy_compress(&e.c);
	free(e.bytes);
	if (!ok)
		return mm_fail_nomem(err, "a JPEG");
	return mm_buf_check(out, "a JPEG", err);
}
