/* vectors.c - see vectors.h. */
#include "vectors.h"

#include <string.h>

#include "base/mem.h"
#include "data/sample_copy.h"
#include "model/cache.h"
#include "model/encode.h"

/* One sample on its way; strings are borrowed. */
struct row {
	const char *id, *image_id, *label_name;
	size_t id_len, image_id_len, label_name_len;
	int64_t label;
	bool fresh, bad; /* its picture is new; the sample is left out */
};

/* A batch: rows beside what is read and made of them. */
struct batch {
	struct row *row;
	struct mm_encode_item *item;
	float *image, *text; /* (most, D) */
	size_t *at;	     /* rows of the segment */
	size_t n, most;
};

static void batch_release(struct batch *b)
{
	mm_free(b->row);
	mm_free(b->item);
	mm_free(b->image);
	mm_free(b->text);
	mm_free(b->at);
}

static int batch_init(struct batch *b, const struct mm_vectors *v,
		      struct mm_err *err)
{
	const size_t most = v->embeddings ? 256 : (size_t)v->common->batch_size;
	const size_t D = v->D ? v->D : 1;

	memset(b, 0, sizeof(*b));
	b->most = most;
	b->row = mm_calloc(most, sizeof(*b->row));
	b->item = mm_calloc(most, sizeof(*b->item));
	b->image = mm_malloc(most, D * sizeof(float));
	b->text = mm_malloc(most, D * sizeof(float));
	b->at = mm_malloc(most, sizeof(*b->at));
	if (b->row && b->item && b->image && b->text && b->at)
		return MM_OK;
	batch_release(b);
	return mm_fail_nomem(err, "a batch");
}

int mm_vectors_open(struct mm_vectors *v, struct mm_err *err)
{
	int rc;

	if (v->embeddings && v->common->model && v->want_texts)
		return mm_fail(err, MM_ERR_USAGE,
			       "--embeddings needs no --model: the vectors "
			       "are there");
	mm_map_init(&v->images);
	mm_progress_start(&v->progress, v->common, "samples", 0);
	if ((rc = mm_bad_open(&v->bad, v->common, err)))
		return rc;
	v->opened = true;
	if (v->embeddings && v->want_texts)
		return MM_OK;
	if ((rc = mm_need_model(v->common, err)) ||
	    (rc = mm_encoder_open(&v->enc, v->common->model, err)) ||
	    (v->common->cache &&
	     (rc = mm_model_cache_open(&v->enc.model, err))))
		return rc;
	mm_encoder_resize(&v->enc, (size_t)v->common->image_size);
	v->D = v->enc.model.embed_dim;
	return mm_encode_items_init(&v->items, &v->enc,
				    (size_t)v->common->batch_size, err);
}

int mm_vectors_end(struct mm_vectors *v, int rc, struct mm_err *err)
{
	if (!v->opened)
		return rc;
	mm_progress_end(&v->progress);
	if (!rc && v->common->cache && v->enc.model.arch)
		rc = mm_model_cache_save(&v->enc.model, err);
	return mm_bad_close(&v->bad, v->seen, rc, err);
}

void mm_vectors_release(struct mm_vectors *v)
{
	mm_encode_items_release(&v->items);
	mm_encoder_release(&v->enc);
	mm_buf_release(&v->image);
	mm_buf_release(&v->text);
	mm_buf_release(&v->owner);
	mm_buf_release(&v->label);
	mm_lines_release(&v->image_id);
	mm_lines_release(&v->text_id);
	mm_lines_release(&v->label_name);
	mm_map_release(&v->images);
}

struct mm_retrieval_set mm_vectors_set(const struct mm_vectors *v)
{
	return (struct mm_retrieval_set){
		(const float *)(const void *)mm_buf_str(&v->image),
		(const float *)(const void *)mm_buf_str(&v->text),
		(const size_t *)(const void *)mm_buf_str(&v->owner),
		v->n_images,
		v->n_texts,
		v->D,
	};
}

/* ---- what a batch becomes ---- */

/* A picture that is met for the first time gets a place; its number later. */
static int mark_fresh(struct mm_vectors *v, struct batch *b, struct mm_err *err)
{
	for (size_t i = 0; i < b->n; i++) {
		struct row *r = &b->row[i];
		int64_t *at = mm_map_put(&v->images, r->image_id,
					 r->image_id_len, &r->fresh);

		if (!at)
			return mm_fail_nomem(err, "the pictures' ids");
		r->bad = false;
		b->item[i].rc = MM_OK;
		b->item[i].has_image = r->fresh;
		b->item[i].has_text = v->want_texts;
	}
	return MM_OK;
}

static int add_image(struct mm_vectors *v, const struct row *r, int64_t *at,
		     float *x, struct mm_err *err)
{
	int rc;

	mm_embed_normalise(x, 1, v->D);
	*at = (int64_t)v->n_images++;
	mm_buf_add(&v->image, x, v->D * sizeof(*x));
	mm_buf_add(&v->label, &r->label, sizeof(r->label));
	rc = mm_lines_add(&v->image_id, r->image_id, r->image_id_len, err);
	return rc ? rc
		  : mm_lines_add(&v->label_name,
				 r->label_name ? r->label_name : "",
				 r->label_name_len, err);
}

static int add_text(struct mm_vectors *v, const struct row *r, size_t owner,
		    float *x, struct mm_err *err)
{
	mm_embed_normalise(x, 1, v->D);
	v->n_texts++;
	mm_buf_add(&v->text, x, v->D * sizeof(*x));
	mm_buf_add(&v->owner, &owner, sizeof(owner));
	return mm_lines_add(&v->text_id, r->id, r->id_len, err);
}

/* A sample whose picture or text cannot be read. */
static int reject(struct mm_vectors *v, const struct row *r, const char *stage,
		  struct mm_err *err)
{
	char id[256];
	const size_t n =
		r->id_len < sizeof(id) - 1 ? r->id_len : sizeof(id) - 1;

	memcpy(id, r->id, n);
	id[n] = '\0';
	return mm_bad_sample(&v->bad, id, stage, err);
}

static int keep_batch(struct mm_vectors *v, struct batch *b, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < b->n && !rc; i++) {
		const struct row *r = &b->row[i];
		int64_t *at =
			mm_map_find(&v->images, r->image_id, r->image_id_len);

		v->seen++;
		if (b->item[i].rc) {
			*err = b->item[i].err;
			if (r->fresh)
				*at = -1;
			rc = reject(v, r, "read", err);
			continue;
		}
		if (*at < 0) {
			mm_fail(err, MM_ERR_FORMAT,
				"the picture of '%.*s' cannot be read",
				(int)r->id_len, r->id);
			rc = reject(v, r, "read", err);
			continue;
		}
		if (r->fresh)
			rc = add_image(v, r, at, b->image + i * v->D, err);
		if (!rc && v->want_texts)
			rc = add_text(v, r, (size_t)*at, b->text + i * v->D,
				      err);
	}
	mm_progress_show(&v->progress, v->seen, NULL);
	if (!rc && (v->image.failed || v->text.failed || v->owner.failed ||
		    v->label.failed))
		rc = mm_fail_nomem(err, "the vectors");
	b->n = 0;
	return rc;
}

/* ---- streams ---- */

/* Columns of a segment that name its rows. */
struct names {
	const struct mm_column *id, *image_id, *label, *label_name;
};

static int find_names(struct names *c, const struct mm_segment *seg,
		      struct mm_err *err)
{
	int rc;

	c->id = mm_segment_find(seg, "id");
	c->image_id = mm_segment_find(seg, "image.id");
	c->label_name = mm_segment_find(seg, "label.name");
	c->label = mm_segment_find(seg, "label");
	if (!mm_column_is_str(c->id))
		c->id = c->image_id;
	if (!mm_column_is_str(c->image_id))
		c->image_id = c->id;
	if (!mm_column_is_str(c->id))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'image.id' or 'id'",
			       seg->path);
	if (c->label && (rc = mm_segment_want(seg, "label", MM_I64, false, 0,
					      NULL, &c->label, err)))
		return rc;
	return MM_OK;
}

static void name_row(struct row *r, const struct names *c, size_t i)
{
	r->id = mm_column_str(c->id, i, &r->id_len);
	r->image_id = mm_column_str(c->image_id, i, &r->image_id_len);
	r->label_name = mm_column_str(c->label_name, i, &r->label_name_len);
	if (!r->label_name)
		r->label_name_len = 0;
	r->label = MM_NO_LABEL;
	if (c->label)
		r->label = ((const int64_t *)c->label->items.data)[i];
}

static void copy_vectors(float *out, const struct mm_column *c, size_t row,
			 size_t n, size_t D)
{
	memcpy(out, (const float *)c->items.data + row * D,
	       n * D * sizeof(*out));
}

static int want_vectors(const struct mm_vectors *v,
			const struct mm_segment *seg, const char *name,
			const struct mm_column **c, struct mm_err *err)
{
	const size_t D = v->D ? v->D : SIZE_MAX;

	return mm_segment_want(seg, name, MM_F32, false, 1, &D, c, err);
}

/* Rows [b->at[0], + b->n) of a segment that has vectors. */
static int take_vectors(struct mm_vectors *v, struct batch *b,
			const struct mm_column *image,
			const struct mm_column *text, struct mm_err *err)
{
	int rc = mark_fresh(v, b, err);

	if (rc)
		return rc;
	copy_vectors(b->image, image, b->at[0], b->n, v->D);
	if (v->want_texts)
		copy_vectors(b->text, text, b->at[0], b->n, v->D);
	return keep_batch(v, b, err);
}

static int take_embeddings(struct mm_vectors *v, const struct mm_segment *seg,
			   struct mm_err *err)
{
	const struct mm_column *image, *text = NULL;
	struct names c;
	struct batch b;
	int rc;

	if ((rc = find_names(&c, seg, err)) ||
	    (rc = want_vectors(v, seg, "image.embedding", &image, err)))
		return rc;
	v->D = image->items.dim[1];
	if (v->want_texts &&
	    (rc = want_vectors(v, seg, "text.embedding", &text, err)))
		return rc;
	if ((rc = batch_init(&b, v, err)))
		return rc;
	for (size_t i = 0; i < seg->n && !rc; i++) {
		b.at[b.n] = i;
		name_row(&b.row[b.n++], &c, i);
		if (b.n == b.most || i + 1 == seg->n)
			rc = take_vectors(v, &b, image, text, err);
	}
	batch_release(&b);
	return rc;
}

/* The encoded picture and the text of row i, where they are there. */
static void fill_item(struct mm_encode_item *it, const struct mm_segment *seg,
		      size_t i)
{
	it->image = mm_column_str(mm_segment_find(seg, "image.data"), i,
				  &it->image_size);
	it->path = mm_column_str(mm_segment_find(seg, "image.path"), i,
				 &it->path_len);
	it->text =
		mm_column_str(mm_segment_find(seg, "text"), i, &it->text_len);
}

/* Pixels that are there go to the tower as they stand, as do token ids. */
static int encode_columns(struct mm_vectors *v, struct batch *b,
			  const struct mm_segment *seg, struct mm_err *err)
{
	float *made = mm_malloc(b->n, v->D * sizeof(*made));
	size_t *fresh = mm_malloc(b->n, sizeof(*fresh)), n = 0;
	int rc = made && fresh ? MM_OK : mm_fail_nomem(err, "a batch");

	for (size_t i = 0; i < b->n && !rc; i++)
		if (b->row[i].fresh)
			fresh[n++] = b->at[i];
	if (!rc && n && mm_segment_find(seg, "image"))
		rc = mm_encode_images(&v->enc, made, seg, fresh, n, err);
	for (size_t i = b->n; i-- > 0 && !rc;)
		if (b->row[i].fresh && b->item[i].has_image == false)
			memcpy(b->image + i * v->D, made + --n * v->D,
			       v->D * sizeof(*made));
	if (!rc && v->want_texts && mm_segment_find(seg, "ids"))
		rc = mm_encode_texts(&v->enc, b->text, seg, b->at, b->n, err);
	mm_free(made);
	mm_free(fresh);
	return rc;
}

static int encode_batch(struct mm_vectors *v, struct batch *b,
			const struct mm_segment *seg, struct mm_err *err)
{
	const bool pixels = mm_segment_find(seg, "image");
	const bool ids = mm_segment_find(seg, "ids");
	int rc = mark_fresh(v, b, err);

	for (size_t i = 0; i < b->n && !rc; i++) {
		fill_item(&b->item[i], seg, b->at[i]);
		b->item[i].has_image = b->item[i].has_image && !pixels;
		b->item[i].has_text = b->item[i].has_text && !ids;
		if (b->item[i].has_text && !b->item[i].text)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'%s' has no column 'ids' or 'text'",
				     seg->path);
	}
	if (!rc && !(rc = encode_columns(v, b, seg, err)))
		rc = mm_encode_items_run(&v->items, b->item, b->n, b->image,
					 b->text, err);
	return rc ? rc : keep_batch(v, b, err);
}

static int take_segment(struct mm_vectors *v, const struct mm_segment *seg,
			struct mm_err *err)
{
	struct names c;
	struct batch b;
	int rc;

	if (!seg->n)
		return MM_OK;
	if (v->embeddings)
		return take_embeddings(v, seg, err);
	if ((rc = find_names(&c, seg, err)) || (rc = batch_init(&b, v, err)))
		return rc;
	for (size_t i = 0; i < seg->n && !rc; i++) {
		b.at[b.n] = i;
		name_row(&b.row[b.n++], &c, i);
		if (b.n == b.most || i + 1 == seg->n)
			rc = encode_batch(v, &b, seg, err);
	}
	batch_release(&b);
	return rc;
}

static int take_stream(struct mm_vectors *v, const char *path,
		       struct mm_err *err)
{
	const struct mm_segment *seg;
	struct mm_stream s;
	int rc = mm_stream_open(&s, path, err);

	while (!rc && !(rc = mm_stream_next(&s, &seg, err)) && seg)
		rc = take_segment(v, seg, err);
	mm_stream_release(&s);
	return rc;
}

/* ---- other sources ---- */

static void name_sample(struct row *r, struct mm_encode_item *it,
			const struct mm_sample *s)
{
	const struct mm_str *image_id = s->image_id.str ? &s->image_id : &s->id;

	r->id = s->id.str;
	r->id_len = s->id.len;
	r->image_id = image_id->str;
	r->image_id_len = image_id->len;
	r->label_name = s->label_name.str;
	r->label_name_len = s->label_name.str ? s->label_name.len : 0;
	r->label = s->has_label ? s->label : MM_NO_LABEL;
	it->image = s->image_data;
	it->image_size = s->image_size;
	it->path = s->image_path.str;
	it->path_len = s->image_path.len;
	it->text = s->text.str;
	it->text_len = s->text.len;
}

/* Copies of as many samples as a batch takes. */
struct held {
	struct mm_arena arena;
	struct mm_sample sample;
};

static int encode_held(struct mm_vectors *v, struct batch *b,
		       const struct held *h, struct mm_err *err)
{
	int rc;

	for (size_t i = 0; i < b->n; i++)
		name_sample(&b->row[i], &b->item[i], &h[i].sample);
	if ((rc = mark_fresh(v, b, err)) ||
	    (rc = mm_encode_items_run(&v->items, b->item, b->n, b->image,
				      b->text, err)))
		return rc;
	return keep_batch(v, b, err);
}

static int take_samples(struct mm_vectors *v, struct mm_sources *s,
			struct batch *b, struct held *h, struct mm_err *err)
{
	const struct mm_sample *sample;
	int rc;

	while (!(rc = mm_sources_ours(s, v->common, &v->bad, "source", &sample,
				      err)) &&
	       sample) {
		struct held *one = &h[b->n++];

		mm_arena_reset(&one->arena);
		rc = mm_sample_copy(&one->sample, sample, &one->arena, err);
		if (!rc && b->n == b->most)
			rc = encode_held(v, b, h, err);
		if (rc)
			return rc;
	}
	return rc || !b->n ? rc : encode_held(v, b, h, err);
}

static int take_source(struct mm_vectors *v, const struct mm_source_args *a,
		       char *path, struct mm_err *err)
{
	struct mm_source_options o = mm_source_options(a);
	struct mm_sources s = { 0 };
	struct held *h;
	struct batch b;
	int rc = batch_init(&b, v, err);

	if (rc)
		return rc;
	o.need_image = true;
	o.need_text = v->want_texts;
	if (!(h = mm_calloc(b.most, sizeof(*h))))
		rc = mm_fail_nomem(err, "a batch");
	else
		rc = mm_sources_open(&s, &path, 1, &o, err);
	if (!rc)
		rc = take_samples(v, &s, &b, h, err);
	mm_sources_release(&s);
	for (size_t i = 0; h && i < b.most; i++)
		mm_arena_release(&h[i].arena);
	mm_free(h);
	batch_release(&b);
	return rc;
}

/* What cannot be opened may be a pattern: the sources tell. */
static bool is_stream(const struct mm_vectors *v, const char *path,
		      const struct mm_source_args *source)
{
	unsigned char head[64];
	struct mm_err ignored;
	size_t n;

	if (v->embeddings || !strcmp(mm_source_kinds[source->kind], "stream"))
		return true;
	return !source->kind &&
	       !mm_input_peek(path, head, sizeof(head), &n, &ignored) &&
	       mm_stream_sniff(head, n);
}

int mm_vectors_read(struct mm_vectors *v, const struct mm_source_args *source,
		    int argc, char **argv, struct mm_err *err)
{
	int rc = MM_OK;

	for (int i = 0; i < argc && !rc; i++)
		rc = is_stream(v, argv[i], source)
			     ? take_stream(v, argv[i], err)
			     : take_source(v, source, argv[i], err);
	if (!rc && !v->n_images)
		rc = mm_fail(err, MM_ERR_FORMAT, "there are no samples");
	return rc;
}
