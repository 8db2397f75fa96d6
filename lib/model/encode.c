/* encode.c - see encode.h. */
#include "model/encode.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "model/encode_parts.h"

int mm_encoder_open(struct mm_encoder *e, const char *dir, struct mm_err *err)
{
	int rc;

	memset(e, 0, sizeof(*e));
	if ((rc = mm_model_open(&e->model, dir, err)))
		return rc;
	mm_embedder_init(&e->run, &e->model);
	/* A folder may come without either; then ids and pixels must come in.
	 */
	if (mm_tokenizer_open(&e->tok, dir, MM_CLEAN_HF, NULL))
		e->tok = NULL;
	if (e->tok && !(e->tok_work = mm_token_work_new(e->tok)))
		rc = mm_fail_nomem(err, "a tokenizer");
	e->has_recipe = !mm_image_preset_load(&e->recipe, dir, NULL);
	if (rc)
		mm_encoder_release(e);
	return rc;
}

void mm_encoder_resize(struct mm_encoder *e, size_t side)
{
	if (!side || side == e->model.image_size)
		return;
	e->model.image_size = side;
	if (e->has_recipe)
		mm_image_preset_resize(&e->recipe, side, side);
}

void mm_encoder_release(struct mm_encoder *e)
{
	mm_embedder_release(&e->run);
	mm_encode_parts_release(e);
	mm_token_work_free(e->tok_work);
	mm_tokenizer_free(e->tok);
	mm_image_work_release(&e->image_work);
	mm_model_release(&e->model);
	mm_free(e->pixels);
	mm_free(e->ids);
	mm_free(e->types);
	mm_free(e->mask);
	memset(e, 0, sizeof(*e));
}

static int grow_pixels(struct mm_encoder *e, size_t bytes, struct mm_err *err)
{
	if (bytes <= e->pixels_cap)
		return MM_OK;
	mm_free(e->pixels);
	e->pixels_cap = 0;
	if (!(e->pixels = mm_malloc(bytes, 1)))
		return mm_fail_nomem(err, "a batch of pictures");
	e->pixels_cap = bytes;
	return MM_OK;
}

static int grow_ids(struct mm_encoder *e, size_t n, struct mm_err *err)
{
	if (n <= e->ids_cap)
		return MM_OK;
	mm_free(e->ids);
	mm_free(e->types);
	mm_free(e->mask);
	e->ids_cap = 0;
	e->ids = mm_malloc(n, sizeof(*e->ids));
	e->types = mm_malloc(n, sizeof(*e->types));
	e->mask = mm_malloc(n, 1);
	if (!e->ids || !e->types || !e->mask)
		return mm_fail_nomem(err, "a batch of texts");
	e->ids_cap = n;
	return MM_OK;
}

/* ---- pictures ---- */

static const char *meta(void *seg, const char *key)
{
	return mm_segment_meta(seg, key);
}

/* What bytes mean, where the segment's metadata says it. */
static int read_values(struct mm_model *m, const struct mm_segment *seg,
		       struct mm_err *err)
{
	union {
		const struct mm_segment *in;
		void *ctx;
	} s = { seg };
	struct mm_image_values v;
	int rc;

	if (!mm_segment_meta(seg, "image.mean"))
		return MM_OK;
	if ((rc = mm_image_values_get(&v, meta, s.ctx, err)))
		return mm_fail_ctx(err, "'%s'", seg->path);
	mm_model_set_values(m, &v);
	return MM_OK;
}

/* Column `image`, pixels as they stand. */
static int encode_pixels(struct mm_encoder *e, float *out,
			 const struct mm_segment *seg,
			 const struct mm_column *c, const size_t *row, size_t n,
			 struct mm_err *err)
{
	static const size_t any[] = { 3, SIZE_MAX, SIZE_MAX };
	const bool bytes = c->items.dtype == MM_U8;
	const size_t H = c->items.rank == 4 ? c->items.dim[2] : 0;
	const size_t W = c->items.rank == 4 ? c->items.dim[3] : 0;
	const size_t N = 3 * H * W, S = e->model.image_size;
	int rc;

	if ((rc = mm_segment_want(seg, "image", c->items.dtype, false, 3, any,
				  &c, err)))
		return rc;
	if (!bytes && !mm_dtype_is_float(c->items.dtype))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s': column 'image' holds %s, not bytes or "
			       "floats",
			       seg->path, mm_dtype_name(c->items.dtype));
	if ((H != S || W != S) && !e->model.arch->any_size)
		return mm_fail(err, MM_ERR_SHAPE,
			       "'%s': pictures of %zux%zu, the model wants "
			       "%zux%zu; 'mmtool preprocess -m' makes them, "
			       "and embed --image-size resizes the model's "
			       "positions",
			       seg->path, W, H, S, S);
	if ((rc = grow_pixels(e, n * N * (bytes ? 1 : 4), err)))
		return rc;
	for (size_t i = 0; i < n; i++) {
		const void *at =
			(const char *)c->items.data + row[i] * c->row_bytes;

		if (bytes)
			memcpy((char *)e->pixels + i * N, at, N);
		else
			mm_to_f32((float *)e->pixels + i * N, at,
				  c->items.dtype, N);
	}
	if (bytes && (rc = read_values(&e->model, seg, err)))
		return rc;
	return mm_embed_images(&e->run, out, e->pixels,
			       bytes ? MM_ELEM_U8 : MM_ELEM_REAL, n, H, W, err);
}

int mm_encode_read_image(const struct mm_encoder *e, struct mm_image_work *w,
			 uint8_t *pixels, const void *data, size_t n,
			 const struct mm_decode_opts *opts, struct mm_err *err)
{
	const size_t S = e->model.image_size;
	int rc;

	if (!e->has_recipe)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no preprocessor_config.json that "
			       "says how it wants pictures",
			       e->model.dir);
	if ((rc = mm_image_preprocess(w, NULL, data, n, &e->recipe, opts, err)))
		return rc;
	if (w->out.w != S || w->out.h != S)
		return mm_fail(err, MM_ERR_SHAPE,
			       "the recipe makes %zux%zu, the model wants "
			       "%zux%zu",
			       w->out.w, w->out.h, S, S);
	mm_image_to_chw_u8(pixels, &w->out);
	return MM_OK;
}

struct values_job {
	float *out;
	const uint8_t *const *pixels;
	float lut[3][256];
	size_t plane;
};

/* Bytes to floats, one plane of one picture after another. */
static void values_of(void *ctx, size_t begin, size_t end)
{
	const struct values_job *j = ctx;

	for (size_t i = begin; i < end; i++) {
		const uint8_t *in = j->pixels[i / 3] + i % 3 * j->plane;

		for (size_t k = 0; k < j->plane; k++)
			j->out[i * j->plane + k] = j->lut[i % 3][in[k]];
	}
}

int mm_encode_read_images(struct mm_encoder *e, float *out,
			  const uint8_t *const *pixels, size_t n,
			  struct mm_err *err)
{
	const size_t S = e->model.image_size;
	struct values_job j = { .pixels = pixels, .plane = S * S };
	int rc = grow_pixels(e, n * 3 * S * S * sizeof(float), err);

	if (rc)
		return rc;
	j.out = e->pixels;
	mm_image_values_lut(j.lut, &e->recipe.values);
	mm_parallel_for(3 * n, 1, values_of, &j);
	return mm_encode_parts_images(e, out, e->pixels, n, err);
}

/* An encoded picture by the model's recipe. */
static int encode_bytes(struct mm_encoder *e, float *out, const void *data,
			size_t n, struct mm_err *err)
{
	const size_t S = e->model.image_size;
	uint8_t *pixels = mm_malloc(3 * S * S, 1);
	const uint8_t *one = pixels;
	int rc;

	if (!pixels)
		return mm_fail_nomem(err, "a picture");
	if (!(rc = mm_encode_read_image(e, &e->image_work, pixels, data, n,
					NULL, err)))
		rc = mm_encode_read_images(e, out, &one, 1, err);
	mm_free(pixels);
	return rc;
}

int mm_encode_file(struct mm_encoder *e, float *out, const char *path,
		   struct mm_err *err)
{
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	if ((rc = encode_bytes(e, out, f.data, f.size, err)))
		rc = mm_fail_ctx(err, "'%s'", path);
	mm_file_release(&f);
	return rc;
}

static int encode_raw(struct mm_encoder *e, float *out,
		      const struct mm_segment *seg, size_t row,
		      struct mm_err *err)
{
	const struct mm_column *data = mm_segment_find(seg, "image.data");
	const struct mm_column *path = mm_segment_find(seg, "image.path");
	char name[4096];
	const char *s;
	size_t len;

	if ((s = mm_column_str(data, row, &len)))
		return encode_bytes(e, out, s, len, err);
	if (!(s = mm_column_str(path, row, &len)) || len >= sizeof(name))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'image', 'image.data' or "
			       "'image.path'",
			       seg->path);
	memcpy(name, s, len);
	name[len] = '\0';
	return mm_encode_file(e, out, name, err);
}

int mm_encode_images(struct mm_encoder *e, float *out,
		     const struct mm_segment *seg, const size_t *row, size_t n,
		     struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(seg, "image");
	int rc = MM_OK;

	if (c)
		return encode_pixels(e, out, seg, c, row, n, err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = encode_raw(e, out + i * e->model.embed_dim, seg, row[i],
				err);
	return rc;
}

/* ---- texts ---- */

static int no_tokenizer(const struct mm_encoder *e, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' has no tokenizer files to read texts with: "
		       "tokenizer.json, vocab.json with merges.txt, vocab.txt, "
		       "spiece.model or sentencepiece.bpe.model",
		       e->model.dir);
}

int mm_encode_read_text(const struct mm_encoder *e, struct mm_token_work *w,
			int32_t *ids, uint8_t *mask, const char *text,
			size_t len, struct mm_err *err)
{
	if (!e->tok)
		return no_tokenizer(e, err);
	if (memchr(text, '\0', len))
		return mm_fail(err, MM_ERR_FORMAT, "the text has a NUL byte");
	return mm_tokenizer_encode_row(e->tok, w, text, len, NULL, 0,
				       e->model.context_length, ids, mask, NULL,
				       err);
}

int mm_encode_read_texts(struct mm_encoder *e, float *out,
			 const int32_t *const *ids, const uint8_t *const *mask,
			 size_t n, struct mm_err *err)
{
	const size_t T = e->model.context_length;
	int rc = grow_ids(e, n * T, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		memcpy(e->ids + i * T, ids[i], T * sizeof(*e->ids));
		memcpy(e->mask + i * T, mask[i], T);
	}
	return mm_encode_parts_texts(e, out, e->ids, e->mask, n, err);
}

int mm_encode_line(struct mm_encoder *e, float *out, const char *text,
		   size_t len, struct mm_err *err)
{
	int rc;

	if ((rc = grow_ids(e, e->model.context_length, err)) ||
	    (rc = mm_encode_read_text(e, e->tok_work, e->ids, e->mask, text,
				      len, err)))
		return rc;
	return mm_encode_parts_texts(e, out, e->ids, e->mask, 1, err);
}

/* Columns `ids`, `mask`, `types`, as they stand. */
static int encode_ids(struct mm_encoder *e, float *out,
		      const struct mm_segment *seg, const struct mm_column *c,
		      const size_t *row, size_t n, struct mm_err *err)
{
	const struct mm_column *mask = mm_segment_find(seg, "mask");
	const struct mm_column *types = mm_segment_find(seg, "types");
	static const size_t any[] = { SIZE_MAX };
	size_t T;
	int rc;

	if ((rc = mm_segment_want(seg, "ids", c->items.dtype, false, 1, any, &c,
				  err)))
		return rc;
	T = c->items.dim[1];
	if (c->items.dtype != MM_I32 && c->items.dtype != MM_I64)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s': column 'ids' holds %s, not integers",
			       seg->path, mm_dtype_name(c->items.dtype));
	if (!T || T > e->model.context_length)
		return mm_fail(err, MM_ERR_SHAPE,
			       "'%s': texts of %zu tokens, the model reads %zu",
			       seg->path, T, e->model.context_length);
	if ((mask && (rc = mm_segment_want(seg, "mask", MM_U8, false, 1, &T,
					   &mask, err))) ||
	    (types && (rc = mm_segment_want(seg, "types", MM_U8, false, 1, &T,
					    &types, err))) ||
	    (rc = grow_ids(e, n * T, err)))
		return rc;
	for (size_t i = 0; i < n * T; i++) {
		const size_t at = row[i / T] * T + i % T;
		int64_t id;

		mm_to_i64(&id,
			  (const char *)c->items.data +
				  at * mm_dtype_size(c->items.dtype),
			  c->items.dtype, 1);
		e->ids[i] = id < 0 || id > INT32_MAX ? -1 : (int32_t)id;
		if (mask)
			e->mask[i] = ((const uint8_t *)mask->items.data)[at];
		if (types)
			e->types[i] = ((const uint8_t *)types->items.data)[at];
	}
	if ((rc = mm_embed_texts(&e->run, out, e->ids, mask ? e->mask : NULL,
				 types ? e->types : NULL, n, T, err)))
		return mm_fail_ctx(err, "'%s'", seg->path);
	return MM_OK;
}

int mm_encode_texts(struct mm_encoder *e, float *out,
		    const struct mm_segment *seg, const size_t *row, size_t n,
		    struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(seg, "ids");
	int rc = MM_OK;

	if (c)
		return encode_ids(e, out, seg, c, row, n, err);
	if ((rc = mm_segment_want_str(seg, "text", &c, err)))
		return rc;
	for (size_t i = 0; i < n && !rc; i++) {
		size_t len;
		const char *s = mm_column_str(c, row[i], &len);

		rc = mm_encode_line(e, out + i * e->model.embed_dim, s, len,
				    err);
	}
	return rc;
}
