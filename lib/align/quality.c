/* quality.c - see quality.h. */
#include "align/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "align/near.h"
#include "base/mem.h"
#include "data/picture.h"
#include "image/quality.h"

const struct mm_figure_kind mm_figure_kinds[MM_N_FIGURES] = {
	[MM_FIGURE_SIDE] = { "side", false, 1, true },
	[MM_FIGURE_ASPECT] = { "aspect", false, 0, true },
	[MM_FIGURE_BLUR] = { "blur", false, 1, true },
	[MM_FIGURE_CLIPPED] = { "clipped", false, -1, false },
	[MM_FIGURE_ENTROPY] = { "entropy", false, 1, false },
	[MM_FIGURE_JPEG] = { "jpeg", false, 1, false },
	[MM_FIGURE_CHARS] = { "chars", true, 1, true },
	[MM_FIGURE_WORDS] = { "words", true, 1, true },
	[MM_FIGURE_UNIQUE] = { "unique", true, 1, false },
	[MM_FIGURE_REPETITION] = { "repetition", true, -1, false },
	[MM_FIGURE_ALNUM] = { "alnum", true, 1, false },
};

void mm_quality_work_release(struct mm_quality_work *w)
{
	mm_image_release(&w->image);
	mm_resize_work_release(&w->resize);
	mm_buf_release(&w->file);
	mm_buf_release(&w->scratch);
}

/* ---- one sample ---- */

static int open_picture(struct mm_quality_work *w, const struct mm_sample *s,
			struct mm_image_info *info, struct mm_err *err)
{
	const void *bytes;
	size_t n;
	int rc;

	memset(info, 0, sizeof(*info));
	if (!s->image_data && !s->image_path.len)
		return mm_picture_of(&w->image, s->segment, s->row, NULL, err);
	if ((rc = mm_sample_image(s, &w->file, &bytes, &n, err)))
		return rc;
	return mm_image_decode(&w->image, info, bytes, n, NULL, err);
}

static int measure_image(struct mm_quality_row *r, struct mm_quality_work *w,
			 const struct mm_sample *s, enum mm_hash_kind kind,
			 struct mm_err *err)
{
	struct mm_image_info info;
	struct mm_image_hashes h;
	struct mm_image_quality q;
	double w_, h_;
	int rc;

	if ((rc = open_picture(w, s, &info, err)) ||
	    (rc = mm_image_hash(&h, &w->image, &w->resize, err)) ||
	    (rc = mm_image_quality(&q, &w->image, &info, &w->resize, err)))
		return rc;
	w_ = (double)w->image.w;
	h_ = (double)w->image.h;
	r->has_image = true;
	r->hash = kind == MM_HASH_PHASH	  ? h.phash
		  : kind == MM_HASH_DHASH ? h.dhash
					  : h.average;
	r->figure[MM_FIGURE_SIDE] = (float)fmin(w_, h_);
	r->figure[MM_FIGURE_ASPECT] = (float)(fmax(w_, h_) / fmin(w_, h_));
	r->figure[MM_FIGURE_BLUR] = (float)q.blur;
	r->figure[MM_FIGURE_CLIPPED] = (float)q.clipped;
	r->figure[MM_FIGURE_ENTROPY] = (float)q.entropy;
	if (q.jpeg)
		r->figure[MM_FIGURE_JPEG] = (float)q.jpeg;
	return MM_OK;
}

static int measure_text(struct mm_quality_row *r, struct mm_quality_work *w,
			const struct mm_str *text, struct mm_err *err)
{
	struct mm_text_figures t;
	int rc = mm_text_figures(&t, text->str, text->len, &w->scratch, err);

	if (rc)
		return rc;
	r->has_text = true;
	memcpy(r->language, t.language, strlen(t.language) + 1);
	r->figure[MM_FIGURE_CHARS] = (float)t.chars;
	r->figure[MM_FIGURE_WORDS] = (float)t.words;
	r->figure[MM_FIGURE_UNIQUE] = (float)t.unique;
	r->figure[MM_FIGURE_REPETITION] = (float)t.repetition;
	r->figure[MM_FIGURE_ALNUM] = (float)t.alnum;
	return MM_OK;
}

int mm_quality_measure(struct mm_quality_row *r, struct mm_quality_work *w,
		       const struct mm_sample *s, enum mm_hash_kind hash,
		       struct mm_err *err)
{
	const struct mm_str *who = s->image_id.len ? &s->image_id : &s->id;
	const bool pixels =
		s->segment && mm_segment_find(s->segment, "image") != NULL;
	int rc = MM_OK;

	memset(r, 0, sizeof(*r));
	for (int f = 0; f < MM_N_FIGURES; f++)
		r->figure[f] = NAN;
	r->image = r->text = NAN;
	r->picture = mm_hash64(who->str, who->len);
	if (s->image_data || s->image_path.len || pixels)
		rc = measure_image(r, w, s, hash, err);
	if (!rc && s->text.str)
		rc = measure_text(r, w, &s->text, err);
	return rc;
}

/* ---- the whole set ---- */

/* A value and whose it is. */
struct ranked {
	float value;
	uint32_t row;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Sort, and replace each value by its percentile. */
static void to_percentiles(struct ranked *x, size_t n)
{
	size_t end;

	qsort(x, n, sizeof(*x), by_rank);
	for (size_t i = 0; i < n; i = end) {
		const float v = x[i].value;

		for (end = i; end < n && x[end].value <= v;)
			end++;
		for (size_t k = i; k < end; k++)
			x[k].value =
				(float)(50.0 * (double)(i + end) / (double)n);
	}
}

/* Figure f's percentiles added to each row's sum. */
static void add_figure(struct mm_quality_row *row, size_t n, struct ranked *x,
		       enum mm_figure f, float *sum, uint8_t *count)
{
	const int better = mm_figure_kinds[f].better;
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!row[i].bad && !isnan(row[i].figure[f]))
			x[k++] = (struct ranked){ row[i].figure[f],
						  (uint32_t)i };
	to_percentiles(x, k);
	for (size_t i = 0; i < k; i++) {
		sum[x[i].row] += better > 0 ? x[i].value : 100 - x[i].value;
		count[x[i].row]++;
	}
}

static void rank_modality(struct mm_quality_row *row, size_t n,
			  struct ranked *x, bool text, float *sum,
			  uint8_t *count)
{
	size_t k = 0;

	memset(sum, 0, n * sizeof(*sum));
	memset(count, 0, n);
	for (int f = 0; f < MM_N_FIGURES; f++)
		if (mm_figure_kinds[f].text == text &&
		    mm_figure_kinds[f].better)
			add_figure(row, n, x, (enum mm_figure)f, sum, count);
	for (size_t i = 0; i < n; i++)
		if (count[i])
			x[k++] = (struct ranked){ sum[i] / (float)count[i],
						  (uint32_t)i };
	to_percentiles(x, k);
	for (size_t i = 0; i < k; i++)
		*(text ? &row[x[i].row].text : &row[x[i].row].image) =
			x[i].value;
}

static int rank_groups(struct mm_quality_row *row, size_t n, int distance,
		       struct mm_err *err)
{
	uint64_t *hash = mm_malloc(n, sizeof(*hash));
	uint32_t *who = mm_malloc(n, sizeof(*who)),
		 *group = mm_malloc(n, sizeof(*group));
	size_t k = 0;
	int rc = MM_OK;

	if (!hash || !who || !group)
		rc = mm_fail_nomem(err, "groups of near duplicates");
	for (size_t i = 0; !rc && i < n; i++) {
		row[i].group = (uint32_t)i;
		if (row[i].bad || !row[i].has_image)
			continue;
		hash[k] = row[i].hash;
		who[k++] = (uint32_t)i;
	}
	if (!rc)
		rc = mm_near_groups(group, hash, k, distance, err);
	for (size_t i = 0; !rc && i < k; i++)
		row[who[i]].group = who[group[i]];
	mm_free(hash);
	mm_free(who);
	mm_free(group);
	return rc;
}

int mm_quality_rank(struct mm_quality_row *row, size_t n, int distance,
		    struct mm_err *err)
{
	struct ranked *x = mm_malloc(n, sizeof(*x));
	float *sum = mm_malloc(n, sizeof(*sum));
	uint8_t *count = mm_malloc(n, 1);
	int rc;

	if (!x || !sum || !count) {
		rc = mm_fail_nomem(err, "percentiles");
	} else {
		rank_modality(row, n, x, false, sum, count);
		rank_modality(row, n, x, true, sum, count);
		rc = rank_groups(row, n, distance, err);
	}
	mm_free(x);
	mm_free(sum);
	mm_free(count);
	return rc;
}

bool mm_quality_duplicate(const struct mm_quality_row *row, size_t i)
{
	return row[i].has_image && row[row[i].group].picture != row[i].picture;
}

static int by_value(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

int mm_quality_sorted(const struct mm_quality_row *row, size_t n_rows,
		      enum mm_figure f, float **out, size_t *n,
		      struct mm_err *err)
{
	*n = 0;
	if (!(*out = mm_malloc(n_rows, sizeof(**out))))
		return mm_fail_nomem(err, "a figure's values");
	for (size_t i = 0; i < n_rows; i++)
		if (!row[i].bad && !isnan(row[i].figure[f]))
			(*out)[(*n)++] = row[i].figure[f];
	qsort(*out, *n, sizeof(**out), by_value);
	return MM_OK;
}
