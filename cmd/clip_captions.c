/* clip_captions.c - see clip_captions.h. */
#include "clip_captions.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "metric/clip_score.h"
#include "metric/metric.h"
#include "vectors.h"

struct job {
	struct mm_vectors v;
	const struct clip_captions *c;
	struct mm_map ends; /* number at the end of a name -> picture, or -1 */
	float *hyps, *refs; /* (hypotheses, D), (references, D) */
};

/* ---- which picture an image is ---- */

/* The digits at the end of a name without leading zeros; *n may be 0. */
static const char *number_at_end(struct mm_line s, size_t *n)
{
	size_t from = s.len;

	while (from && s.s[from - 1] >= '0' && s.s[from - 1] <= '9')
		from--;
	while (from + 1 < s.len && s.s[from] == '0')
		from++;
	*n = s.len - from;
	return s.s + from;
}

static int index_ends(struct job *j, struct mm_err *err)
{
	for (size_t i = 0; i < j->v.n_images; i++) {
		const struct mm_line s = mm_lines_at(&j->v.image_id, i);
		size_t n;
		const char *end = number_at_end(s, &n);
		bool added;
		int64_t *at;

		if (!n)
			continue;
		if (!(at = mm_map_put(&j->ends, end, n, &added)))
			return mm_fail_nomem(err, "the pictures' ids");
		*at = added ? (int64_t)i : -1;
	}
	return MM_OK;
}

static int find_picture(const struct job *j, struct mm_line id, size_t *picture,
			struct mm_err *err)
{
	const int64_t *at = mm_map_find(&j->v.images, id.s, id.len);
	size_t n;
	const char *end = number_at_end(id, &n);

	if (!at && n == id.len)
		at = mm_map_find(&j->ends, end, n);
	if (!at)
		return mm_fail(err, MM_ERR_FORMAT,
			       "image '%.*s' has no "
			       "picture in --images",
			       (int)id.len, id.s);
	if (*at < 0)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the picture of image '%.*s' cannot be read or "
			       "told from others",
			       (int)id.len, id.s);
	*picture = (size_t)*at;
	return MM_OK;
}

/* ---- vectors of the captions ---- */

static int encode_block(struct job *j, struct mm_encode_item *item,
			struct mm_buf *text, const struct mm_lines *lines,
			size_t at, size_t n, float *out, struct mm_err *err)
{
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct mm_line s = mm_lines_at(lines, at + i);

		mm_buf_clear(&text[i]);
		mm_buf_adds(&text[i], MM_CLIP_SCORE_PREFIX);
		mm_buf_add(&text[i], s.s, s.len);
		if ((rc = mm_buf_check(&text[i], "a caption", err)))
			return rc;
		memset(&item[i], 0, sizeof(item[i]));
		item[i].has_text = true;
		item[i].text = mm_buf_str(&text[i]);
		item[i].text_len = text[i].len;
	}
	if ((rc = mm_encode_items_run(&j->v.items, item, n, NULL, out, err)))
		return rc;
	for (size_t i = 0; i < n; i++)
		if (item[i].rc) {
			*err = item[i].err;
			return mm_fail_ctx(err, "caption %zu", at + i + 1);
		}
	mm_embed_normalise(out, n, j->v.D);
	return MM_OK;
}

static int encode_lines(struct job *j, const struct mm_lines *lines,
			float **out, struct mm_err *err)
{
	const size_t B = j->v.items.most, D = j->v.D;
	struct mm_encode_item *item = mm_calloc(B, sizeof(*item));
	struct mm_buf *text = mm_calloc(B, sizeof(*text));
	int rc = MM_OK;

	*out = mm_malloc(lines->n, D * sizeof(**out));
	if (!item || !text || !*out)
		rc = mm_fail_nomem(err, "captions");
	for (size_t at = 0; at < lines->n && !rc; at += B)
		rc = encode_block(j, item, text, lines, at,
				  lines->n - at < B ? lines->n - at : B,
				  *out + at * D, err);
	for (size_t i = 0; text && i < B; i++)
		mm_buf_release(&text[i]);
	mm_free(item);
	mm_free(text);
	return rc;
}

/* ---- scores ---- */

static int score(struct job *j, double *value, double *each, struct mm_err *err)
{
	const struct mm_metric *m = &mm_metric_clip_score;
	const struct mm_retrieval_set set = mm_vectors_set(&j->v);
	const size_t D = j->v.D;
	void *state;
	int rc = m->open(&state, NULL, err);

	for (size_t i = 0; i < j->c->id->n && !rc; i++) {
		const size_t first = j->c->first[i];
		struct mm_clip_sample s = {
			.hyp = j->hyps + i * D,
			.ref = j->refs + first * D,
			.n_refs = j->c->first[i + 1] - first,
			.D = D,
		};
		size_t picture = 0;

		rc = find_picture(j, mm_lines_at(j->c->id, i), &picture, err);
		s.image = rc ? NULL : set.image + picture * D;
		if (!rc)
			rc = m->add(state, &s, err);
	}
	if (!rc)
		rc = m->result(state, value, each, err);
	m->close(state);
	return rc;
}

int clip_captions_score(const struct mm_common *common, char *source,
			const struct clip_captions *c, double *value,
			double *each, struct mm_err *err)
{
	static const struct mm_source_args any = { 0 };
	struct job j = { .v = { .common = common }, .c = c };
	int rc = mm_vectors_open(&j.v, err);

	if (!rc)
		rc = mm_vectors_read(&j.v, &any, 1, &source, err);
	rc = mm_vectors_end(&j.v, rc, err);
	if (!rc)
		rc = index_ends(&j, err);
	if (!rc)
		rc = encode_lines(&j, c->hyps, &j.hyps, err);
	if (!rc)
		rc = encode_lines(&j, c->refs, &j.refs, err);
	if (!rc)
		rc = score(&j, value, each, err);
	mm_free(j.hyps);
	mm_free(j.refs);
	mm_map_release(&j.ends);
	mm_vectors_release(&j.v);
	return rc;
}
