/*
 * bench_image.c - JPEG 500x375 to a 224x224 bicubic crop, bit-exact, on one
 * core: decoding alone, resizing alone, the whole recipe.
 *
 * The picture is made here (several octaves of smooth noise, about the detail
 * and file size of a photograph at quality 85, 4:2:0) and encoded by libjpeg.
 * Rates are per second of CPU time, so that other load matters little.
 *
 *	usage: bench_image [FILE.jpg]...	other pictures as well
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

#include "base/io.h"
#include "image/hash.h"
#include "image/preprocess.h"

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const struct mm_err *err)
{
	fprintf(stderr, "bench_image: %s\n", err->msg);
	exit(1);
}

static double lattice(int x, int y, int octave, int c)
{
	uint32_t h = (uint32_t)x * 374761393u + (uint32_t)y * 668265263u +
		     (uint32_t)(octave * 3 + c) * 2246822519u;

	h = (h ^ h >> 13) * 1274126177u;
	return (double)(h ^ h >> 16) / 4294967296.0;
}

/* Bilinear value noise, weights halving with the scale. */
static uint8_t shade(int x, int y, int c)
{
	double v = 0, weight = 0.5;

	for (int o = 0, size = 128; size >= 2; o++, size /= 2, weight /= 2) {
		const int i = x / size, j = y / size;
		const double u = (double)(x % size) / size,
			     w = (double)(y % size) / size;
		const int hue = o < 2 ? c : 0; /* fine detail is grey */

		v += weight * ((1 - w) * ((1 - u) * lattice(i, j, o, hue) +
					  u * lattice(i + 1, j, o, hue)) +
			       w * ((1 - u) * lattice(i, j + 1, o, hue) +
				    u * lattice(i + 1, j + 1, o, hue)));
	}
	return (uint8_t)(v * 255);
}

static void make_jpeg(unsigned char **out, unsigned long *n, unsigned w,
		      unsigned h)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr mgr;
	unsigned char *row = malloc(3 * w);

	c.err = jpeg_std_error(&mgr);
	jpeg_create_compress(&c);
	*out = NULL;
	*n = 0;
	jpeg_mem_dest(&c, out, n);
	c.image_width = w;
	c.image_height = h;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 85, TRUE);
	jpeg_start_compress(&c, TRUE);
	for (unsigned y = 0; y < h; y++) {
		for (unsigned x = 0; x < w; x++)
			for (int k = 0; k < 3; k++)
				row[3 * x + (unsigned)k] =
					shade((int)x, (int)y, k);
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(row);
}

struct job {
	const void *bytes;
	size_t n;
	struct mm_image_preset preset;
	struct mm_image_work work;
	struct mm_image raw;
	uint8_t *u8;
	float *f32, lut[3][256];
};

static int decode(struct job *j, struct mm_err *err)
{
	return mm_image_decode(&j->raw, NULL, j->bytes, j->n, NULL, err);
}

static int shape(struct job *j, struct mm_err *err)
{
	return mm_image_apply(&j->work, NULL, &j->raw, 1, &j->preset, err);
}

static int whole_u8(struct job *j, struct mm_err *err)
{
	const int rc = mm_image_preprocess(&j->work, NULL, j->bytes, j->n,
					   &j->preset, NULL, err);

	if (!rc)
		mm_image_to_chw_u8(j->u8, &j->work.out);
	return rc;
}

static int whole_f32(struct job *j, struct mm_err *err)
{
	const int rc = mm_image_preprocess(&j->work, NULL, j->bytes, j->n,
					   &j->preset, NULL, err);

	if (!rc)
		mm_image_to_chw_f32(j->f32, &j->work.out,
				    (const float(*)[256])j->lut);
	return rc;
}

static int hashes(struct job *j, struct mm_err *err)
{
	struct mm_image_hashes h;

	return mm_image_hash(&h, &j->raw, &j->work.resize, err);
}

static double rate(struct job *j, const char *what,
		   int (*fn)(struct job *, struct mm_err *))
{
	struct mm_err err;
	double start, t;
	int n = 0;

	if (fn(j, &err)) /* warm */
		die(&err);
	start = cpu_seconds();
	do {
		for (int i = 0; i < 20; i++, n++)
			if (fn(j, &err))
				die(&err);
		t = cpu_seconds() - start;
	} while (t < 1);
	printf("  %-34s %7.0f /s   %6.3f ms\n", what, n / t, 1e3 * t / n);
	return n / t;
}

static void bench(const char *name, const void *bytes, size_t n)
{
	struct job j = { .bytes = bytes, .n = n };
	struct mm_err err;

	j.preset = *mm_image_preset_find("openai-clip");
	mm_image_values_lut(j.lut, &j.preset.values);
	j.u8 = malloc(3 * 224 * 224);
	j.f32 = malloc(3 * 224 * 224 * sizeof(*j.f32));
	if (decode(&j, &err))
		die(&err);
	printf("%s: %zux%zu, %zu bytes\n", name, j.raw.w, j.raw.h, n);
	rate(&j, "decode", decode);
	rate(&j, "resize + crop", shape);
	rate(&j, "decode, resize, crop -> U8 planes", whole_u8);
	rate(&j, "decode, resize, crop -> F32 planes", whole_f32);
	rate(&j, "three perceptual hashes", hashes);
	free(j.u8);
	free(j.f32);
	mm_image_release(&j.raw);
	mm_image_work_release(&j.work);
}

int main(int argc, char **argv)
{
	unsigned char *jpeg;
	unsigned long n;

	make_jpeg(&jpeg, &n, 500, 375);
	bench("made picture", jpeg, n);
	free(jpeg);
	for (int i = 1; i < argc; i++) {
		struct mm_file f;
		struct mm_err err;

		if (mm_file_open(&f, argv[i], &err))
			die(&err);
		bench(argv[i], f.data, f.size);
		mm_file_release(&f);
	}
	return 0;
}
