/*
 * encode_items.h - many encoded pictures and texts at a time: read by all
 * threads, each by itself, then through the towers as one batch.
 *
 * A picture that cannot be read spoils its own item only.
 */
#ifndef MM_MODEL_ENCODE_ITEMS_H
#define MM_MODEL_ENCODE_ITEMS_H

#include "model/encode.h"

/* Everything but the outcome is the caller's. */
struct mm_encode_item {
	bool has_image, has_text;
	const void *image; /* the encoded picture, or NULL: the file */
	size_t image_size;
	const char *path; /* path_len bytes, no NUL behind */
	size_t path_len;
	const char *text;
	size_t text_len;
	int rc; /* how reading went, with a message */
	struct mm_err err;
};

struct mm_encode_items {
	struct mm_encoder *enc;		   /* borrowed */
	size_t most;			   /* items of a batch */
	struct mm_image_work *image_work;  /* (threads) */
	struct mm_token_work **token_work; /* (threads), NULL: no tokenizer */
	uint8_t *pixels, *mask;		   /* (most, 3, S, S), (most, T) */
	int32_t *ids;			   /* (most, T) */
	float *vector;			   /* (most, D) */
	const uint8_t **pixels_at, **mask_at; /* (most) */
	const int32_t **ids_at;
};

int mm_encode_items_init(struct mm_encode_items *w, struct mm_encoder *enc,
			 size_t most, struct mm_err *err) MM_MUST_CHECK;
void mm_encode_items_release(struct mm_encode_items *w); /* safe on zeros */

/*
 * Rows i of image and text (n, D), not normalised, from item i < n <= most;
 * rows of what an item has not, or of failed items, are left alone.
 */
int mm_encode_items_run(struct mm_encode_items *w, struct mm_encode_item *item,
			size_t n, float *image, float *text,
			struct mm_err *err) MM_MUST_CHECK;

#endif
