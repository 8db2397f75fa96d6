/* augment_group.c - see augment_group.h. */
#include "data/augment_group.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "data/made.h"
#include "data/picture.h"

/* What became of one copy. */
struct slot {
	struct mm_sample *sample; /* the group's; text is the new one */
	struct mm_made made;
	struct mm_augmented what;
	struct mm_str phrases;
	bool has_picture, has_ids;
};

struct worker {
	struct mm_augment_work augment;
	struct mm_image rgb;
	struct mm_token_work *token;
};

struct mm_augment_group {
	struct mm_augment_options o;
	struct mm_sample_group group;
	struct slot *slot;
	struct worker *worker;
	size_t n_workers;
	struct mm_augment_counts counts;
	struct mm_buf id;
};

int mm_augment_group_new(struct mm_augment_group **out,
			 const struct mm_augment_options *o, size_t size,
			 struct mm_err *err)
{
	struct mm_augment_group *g = mm_calloc(1, sizeof(*g));

	*out = g;
	if (!g)
		return mm_fail_nomem(err, "a group of samples");
	g->o = *o;
	g->n_workers = (size_t)mm_threads();
	g->slot = mm_calloc(size, sizeof(*g->slot));
	g->worker = mm_calloc(g->n_workers, sizeof(*g->worker));
	if (!g->slot || !g->worker ||
	    mm_sample_group_init(&g->group, size, err))
		goto nomem;
	for (size_t t = 0; o->tokenizer && t < g->n_workers; t++)
		if (!(g->worker[t].token = mm_token_work_new(o->tokenizer)))
			goto nomem;
	return MM_OK;
nomem:
	mm_augment_group_free(g);
	*out = NULL;
	return mm_fail_nomem(err, "a group of samples");
}

void mm_augment_group_free(struct mm_augment_group *g)
{
	if (!g)
		return;
	for (size_t i = 0; g->slot && i < g->group.size; i++)
		mm_made_release(&g->slot[i].made);
	for (size_t t = 0; g->worker && t < g->n_workers; t++) {
		mm_augment_work_release(&g->worker[t].augment);
		mm_image_release(&g->worker[t].rgb);
		mm_token_work_free(g->worker[t].token);
	}
	mm_sample_group_release(&g->group);
	mm_free(g->slot);
	mm_free(g->worker);
	mm_buf_release(&g->id);
	mm_free(g);
}

/* ---- the group ---- */

bool mm_augment_group_full(const struct mm_augment_group *g)
{
	return g->group.n == g->group.size;
}

size_t mm_augment_group_count(const struct mm_augment_group *g)
{
	return g->group.n;
}

void mm_augment_group_clear(struct mm_augment_group *g)
{
	g->group.n = 0;
}

const char *mm_augment_group_id(const struct mm_augment_group *g, size_t i)
{
	return g->group.item[i].sample.id.str;
}

int mm_augment_group_result(const struct mm_augment_group *g, size_t i,
			    struct mm_err *err)
{
	return mm_sample_group_result(&g->group, i, err);
}

struct mm_augment_counts
mm_augment_group_counts(const struct mm_augment_group *g)
{
	return g->counts;
}

int mm_augment_group_add(struct mm_augment_group *g, const struct mm_sample *s,
			 uint32_t copy, struct mm_err *err)
{
	const size_t i = g->group.n;

	if (!s->segment)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' is no tensor stream; run mmtool "
			       "preprocess first",
			       s->source);
	g->slot[i].sample = &g->group.item[i].sample;
	return mm_sample_group_add(&g->group, s, copy, err);
}

/* ---- one copy ---- */

static const char *meta(void *ctx, const char *key)
{
	return mm_segment_meta(ctx, key);
}

static int values_of(struct mm_image_values *v, const struct mm_segment *seg,
		     struct mm_err *err)
{
	union {
		const struct mm_segment *in;
		void *out;
	} ctx = { seg }; /* casts const away: the callback only reads */

	return mm_image_values_get(v, meta, ctx.out, err);
}

/* The sample's pixels, its type of pixels, and the mean as bytes. */
static int open_picture(struct worker *w, const struct mm_sample *s,
			struct mm_pixel_type *type, uint8_t mean[3],
			struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(s->segment, "image");
	struct mm_image_values v;
	int rc;

	if (!c)
		return mm_fail(err, MM_ERR_FORMAT,
			       "there is no column 'image'; run mmtool "
			       "preprocess first");
	if ((rc = mm_picture_of(&w->rgb, s->segment, 0, NULL, err)) ||
	    (rc = values_of(&v, s->segment, err)))
		return rc;
	if (c->items.dtype != MM_U8 && c->items.dtype != MM_F32 &&
	    c->items.dtype != MM_F16 && c->items.dtype != MM_BF16)
		return mm_fail(err, MM_ERR_FORMAT,
			       "column 'image' is %s, which augment does not "
			       "write",
			       mm_dtype_name(c->items.dtype));
	mm_pixel_type_init(type, c->items.dtype, &v);
	mm_augment_mean(mean, &v);
	return MM_OK;
}

/* A string of the worker's that must live as long as the sample. */
static int keep(struct mm_arena *a, struct mm_str *s, struct mm_err *err)
{
	if (s->str && !(s->str = mm_arena_strndup(a, s->str, s->len)))
		return mm_fail_nomem(err, "a caption");
	return MM_OK;
}

/* How many ids a row of the sample has; *length 0: ragged. */
static int ids_of(const struct mm_sample *s, bool *has, size_t *length,
		  struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(s->segment, "ids");

	*has = c != NULL;
	*length = 0;
	if (!c)
		return MM_OK;
	if (c->items.dtype != MM_I32 || c->items.rank != (c->ends ? 1 : 2))
		return mm_fail(err, MM_ERR_SHAPE,
			       "column 'ids' must be I32 [N, T] or ragged");
	if (!c->ends)
		*length = c->items.dim[1];
	return MM_OK;
}

static int augment(struct mm_augment_group *g, struct slot *s,
		   struct mm_sample_group_item *it, struct worker *w,
		   struct mm_err *err)
{
	const struct mm_augment_spec *spec = &g->o.spec;
	const struct mm_column *phrases =
		mm_segment_find(s->sample->segment, "phrases");
	struct mm_str text = s->sample->text;
	struct mm_pixel_type type;
	uint8_t mean[3] = { 0 };
	size_t length;
	int rc;

	s->has_picture = mm_augment_pictures(spec);
	s->phrases.str = mm_column_str(phrases, 0, &s->phrases.len);
	if (s->has_picture &&
	    (rc = open_picture(w, s->sample, &type, mean, err)))
		return rc;
	if ((rc = mm_augment_sample(spec, g->o.wordnet, &w->augment, g->o.seed,
				    s->sample->id.str, s->sample->id.len,
				    it->copy, s->has_picture ? &w->rgb : NULL,
				    mean, &text, &s->phrases, &s->what, err)))
		return rc;
	if (s->has_picture &&
	    ((rc = mm_made_moved(&s->made, s->sample, s->what.affine, err)) ||
	     (rc = mm_made_pixels(&s->made, &w->rgb, &type, err))))
		return rc;
	if ((rc = keep(&it->arena, &text, err)) ||
	    (rc = keep(&it->arena, &s->phrases, err)) ||
	    (rc = ids_of(s->sample, &s->has_ids, &length, err)))
		return rc;
	s->sample->text = text;
	s->has_ids = s->has_ids && g->o.tokenizer;
	return s->has_ids ? mm_made_ids(&s->made, g->o.tokenizer, w->token,
					&text, length, err)
			  : MM_OK;
}

static int work(void *ctx, size_t i, size_t thread, struct mm_err *err)
{
	struct mm_augment_group *g = ctx;
	struct slot *s = &g->slot[i];
	const int rc =
		augment(g, s, &g->group.item[i], &g->worker[thread], err);

	return rc ? mm_fail_ctx(err, "'%s' %s, '%s'", s->sample->source,
				s->sample->where, s->sample->id.str)
		  : MM_OK;
}

void mm_augment_group_run(struct mm_augment_group *g)
{
	mm_sample_group_run(&g->group, work, g);
}

/* ---- out ---- */

static int put_new(struct mm_augment_group *g, const struct slot *s,
		   uint32_t copy, struct mm_stream_writer *w,
		   struct mm_err *err)
{
	const struct mm_str *text = &s->sample->text;
	int rc;

	mm_buf_clear(&g->id);
	mm_buf_printf(&g->id, "%s#%u", s->sample->id.str, copy);
	if ((rc = mm_buf_check(&g->id, "an id", err)) ||
	    (rc = mm_stream_put_str(w, "id", g->id.data, g->id.len, err)))
		return rc;
	if (text->str &&
	    (rc = mm_stream_put_str(w, "text", text->str, text->len, err)))
		return rc;
	if (s->phrases.str &&
	    (rc = mm_stream_put_str(w, "phrases", s->phrases.str,
				    s->phrases.len, err)))
		return rc;
	if (s->has_picture && (rc = mm_made_put_picture(&s->made, w, err)))
		return rc;
	return s->has_ids ? mm_made_put_ids(&s->made, w, err) : MM_OK;
}

int mm_augment_group_put(struct mm_augment_group *g, size_t i,
			 struct mm_stream_writer *w, struct mm_err *err)
{
	/* Kept from the old row: all that is not put before. */
	static const char *const stale[] = { "image.data", NULL };
	const struct slot *s = &g->slot[i];
	int rc = put_new(g, s, g->group.item[i].copy, w, err);

	if (rc || (rc = mm_stream_carry(w, s->sample->segment, 0,
					s->has_picture ? stale : NULL, err)))
		return rc;
	g->counts.samples++;
	g->counts.flipped += s->what.flipped;
	g->counts.refused += s->what.refused;
	g->counts.synonyms += s->what.n_synonyms;
	return mm_stream_end_row(w, err);
}
