/* encode_items.c - see encode_items.h. */
#include "model/encode_items.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

int mm_encode_items_init(struct mm_encode_items *w, struct mm_encoder *enc,
			 size_t most, struct mm_err *err)
{
	const size_t S = enc->model.image_size, T = enc->model.context_length;
	const size_t n_threads = (size_t)mm_threads();
	bool ok = true;

	memset(w, 0, sizeof(*w));
	w->enc = enc;
	w->most = most;
	w->image_work = mm_calloc(n_threads, sizeof(*w->image_work));
	w->token_work = mm_calloc(n_threads, sizeof(*w->token_work));
	w->pixels = mm_malloc(most, 3 * S * S);
	w->pixels_at = mm_malloc(most, sizeof(*w->pixels_at));
	w->ids = mm_malloc(most, T * sizeof(*w->ids));
	w->mask = mm_malloc(most, T);
	w->ids_at = mm_malloc(most, sizeof(*w->ids_at));
	w->mask_at = mm_malloc(most, sizeof(*w->mask_at));
	w->vector = mm_malloc(most, enc->model.embed_dim * sizeof(float));
	for (size_t i = 0; w->token_work && enc->tok && i < n_threads; i++)
		ok = (w->token_work[i] = mm_token_work_new(enc->tok)) && ok;
	if (ok && w->image_work && w->token_work && w->pixels && w->pixels_at &&
	    w->ids && w->mask && w->ids_at && w->mask_at && w->vector)
		return MM_OK;
	mm_encode_items_release(w);
	return mm_fail_nomem(err, "a batch");
}

void mm_encode_items_release(struct mm_encode_items *w)
{
	for (size_t i = 0; w->image_work && i < (size_t)mm_threads(); i++)
		mm_image_work_release(&w->image_work[i]);
	for (size_t i = 0; w->token_work && i < (size_t)mm_threads(); i++)
		mm_token_work_free(w->token_work[i]);
	mm_free(w->image_work);
	mm_free(w->token_work);
	mm_free(w->pixels);
	mm_free(w->pixels_at);
	mm_free(w->ids);
	mm_free(w->mask);
	mm_free(w->ids_at);
	mm_free(w->mask_at);
	mm_free(w->vector);
	memset(w, 0, sizeof(*w));
}

struct reading {
	const struct mm_encode_items *w;
	struct mm_encode_item *item;
};

static int read_file(const struct mm_encode_items *w, struct mm_image_work *im,
		     uint8_t *pixels, const struct mm_encode_item *it,
		     struct mm_err *err)
{
	char path[4096];
	struct mm_file f;
	int rc;

	if (!it->path || it->path_len >= sizeof(path))
		return mm_fail(err, MM_ERR_FORMAT, "no picture");
	memcpy(path, it->path, it->path_len);
	path[it->path_len] = '\0';
	if ((rc = mm_file_open(&f, path, err)))
		return rc;
	rc = mm_encode_read_image(w->enc, im, pixels, f.data, f.size, NULL,
				  err);
	mm_file_release(&f);
	return rc ? mm_fail_ctx(err, "'%s'", path) : MM_OK;
}

static int read_item(const struct mm_encode_items *w, struct mm_encode_item *it,
		     size_t i, size_t thread, struct mm_err *err)
{
	const size_t S = w->enc->model.image_size;
	const size_t T = w->enc->model.context_length;
	struct mm_image_work *im = &w->image_work[thread];
	uint8_t *pixels = w->pixels + i * 3 * S * S;
	int rc = MM_OK;

	if (it->has_image)
		rc = it->image ? mm_encode_read_image(w->enc, im, pixels,
						      it->image, it->image_size,
						      NULL, err)
			       : read_file(w, im, pixels, it, err);
	if (rc || !it->has_text)
		return rc;
	return mm_encode_read_text(w->enc, w->token_work[thread],
				   w->ids + i * T, w->mask + i * T, it->text,
				   it->text_len, err);
}

static void read_some(void *ctx, size_t begin, size_t end)
{
	const struct reading *r = ctx;
	const size_t thread = (size_t)mm_thread_index();

	for (size_t i = begin; i < end; i++)
		r->item[i].rc = read_item(r->w, &r->item[i], i, thread,
					  &r->item[i].err);
}

/* Where the vectors of one tower go, packed end to end until now. */
static void spread(float *out, const float *packed, size_t D,
		   const struct mm_encode_item *item, size_t n, bool texts)
{
	for (size_t i = 0; i < n; i++)
		if (!item[i].rc &&
		    (texts ? item[i].has_text : item[i].has_image)) {
			memcpy(out + i * D, packed, D * sizeof(*out));
			packed += D;
		}
}

int mm_encode_items_run(struct mm_encode_items *w, struct mm_encode_item *item,
			size_t n, float *image, float *text, struct mm_err *err)
{
	const size_t S = w->enc->model.image_size, D = w->enc->model.embed_dim;
	const size_t T = w->enc->model.context_length;
	struct reading r = { w, item };
	size_t n_images = 0, n_texts = 0;
	int rc = MM_OK;

	mm_parallel_for(n, 1, read_some, &r);
	for (size_t i = 0; i < n; i++) {
		if (item[i].rc)
			continue;
		if (item[i].has_image)
			w->pixels_at[n_images++] = w->pixels + i * 3 * S * S;
		if (item[i].has_text) {
			w->ids_at[n_texts] = w->ids + i * T;
			w->mask_at[n_texts++] = w->mask + i * T;
		}
	}
	if (n_images &&
	    !(rc = mm_encode_read_images(w->enc, w->vector, w->pixels_at,
					 n_images, err)))
		spread(image, w->vector, D, item, n, false);
	if (!rc && n_texts &&
	    !(rc = mm_encode_read_texts(w->enc, w->vector, w->ids_at,
					w->mask_at, n_texts, err)))
		spread(text, w->vector, D, item, n, true);
	return rc;
}
