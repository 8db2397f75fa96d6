/* picture.h - pictures for the tests of the image room. */
#ifndef MM_TESTS_PICTURE_H
#define MM_TESTS_PICTURE_H

#include "base/json.h"
#include "golden.h"
#include "image/preprocess.h"
#include "sha256.h"
#include "unit.h"

/* A picture of `mode` from its bytes. */
static inline struct mm_image picture_of(enum mm_image_mode mode, size_t w,
					 size_t h, const uint8_t *bytes)
{
	struct mm_image im = { 0 };
	struct mm_err err = { 0 };

	ck_assert_int_eq(mm_image_reshape(&im, mode, w, h, &err), 0);
	memcpy(im.data, bytes, w * h * mm_image_channels(mode));
	return im;
}

/* Reproducible noise. */
static inline struct mm_image picture_noise(enum mm_image_mode mode, size_t w,
					    size_t h, uint32_t seed)
{
	struct mm_image im = { 0 };
	struct mm_err err = { 0 };

	ck_assert_int_eq(mm_image_reshape(&im, mode, w, h, &err), 0);
	for (size_t i = 0; i < w * h * mm_image_channels(mode); i++) {
		seed = seed * 1664525u + 1013904223u;
		im.data[i] = (uint8_t)(seed >> 24);
	}
	return im;
}

/* From a golden U8 tensor [h, w] or [h, w, c]. */
static inline struct mm_image picture_golden(const struct mm_tensor *t)
{
	static const enum mm_image_mode mode[] = { MM_IMAGE_L, MM_IMAGE_L,
						   MM_IMAGE_LA, MM_IMAGE_RGB,
						   MM_IMAGE_RGBA };

	return picture_of(mode[t->rank == 3 ? t->dim[2] : 1], t->dim[1],
			  t->dim[0], t->data);
}

static inline bool picture_is(const struct mm_image *im,
			      const struct mm_tensor *t)
{
	return im->h == t->dim[0] && im->w == t->dim[1] &&
	       !memcmp(im->data, t->data,
		       im->w * im->h * mm_image_channels(im->mode));
}

/* Call fn for each line of a JSON-lines file of a golden set. */
static inline void golden_lines(const char *set, const char *file,
				void (*fn)(const struct mm_json *line))
{
	const char *path = golden_path(set, file);
	char *text, *next;
	size_t n = 0;

	if (!path)
		return;
	text = file_bytes(path, NULL);
	for (char *p = text; *p; p = next, n++) {
		struct mm_json *line = NULL;
		const size_t len = strcspn(p, "\n");

		next = p + len + (p[len] == '\n');
		ck_ok(mm_json_parse(&line, p, len, path, err));
		fn(line);
		mm_json_free(line);
	}
	free(text);
	ck_assert_uint_gt(n, 0);
}

static inline double field(const struct mm_json *line, const char *key)
{
	ck_assert_msg(mm_json_get(line, key) != NULL, "no '%s'", key);
	return mm_json_num(mm_json_get(line, key), 0);
}

#endif
