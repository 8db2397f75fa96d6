/*
 * validate.c - figures of the model as it stands, on data that is kept apart:
 * retrieval where an objective contrasts pairs, and each other objective's own.
 *
 * Ranks count as everywhere in this program: a tie never helps.  Rows that
 * share image.id are one picture with several captions.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "metric/retrieval.h"
#include "train/internal.h"
#include "train/zeroshot.h"

enum { PIECE = 64 };

void mm_report_add(struct mm_train_report *r, const char *name, double value)
{
	struct mm_figure *f = &r->figure[r->n_figures];

	if (r->n_figures == MM_MAX_FIGURES || isnan(value))
		return;
	snprintf(f->name, sizeof(f->name), "%.55s", name);
	f->value = value;
	r->n_figures++;
}

bool mm_figure_falls(const char *name)
{
	const size_t n = strlen(name);

	return (n >= 4 && !strcmp(name + n - 4, "loss")) ||
	       (n >= 5 && !strcmp(name + n - 5, "_rank"));
}

static int embed_all(struct mm_run *r, float *image, float *text,
		     struct mm_err *err)
{
	const struct mm_dataset *d = r->val;
	const size_t D = r->m->embed_dim, pixels = 3 * d->H * d->W;
	const size_t width = d->floats ? 4 : 1;
	const bool masked = d->has_mask && !r->m->unmasked_text;
	unsigned char *x = mm_malloc(PIECE * pixels, width);
	int32_t *ids = mm_malloc(PIECE * d->T, sizeof(*ids));
	uint8_t *mask = mm_malloc(PIECE * d->T, 1);
	struct mm_embedder e;
	int rc = x && ids && mask ? MM_OK : mm_fail_nomem(err, "validation");

	mm_embedder_init(&e, r->m);
	for (size_t i = 0; i < d->n && !rc; i += PIECE) {
		const size_t B = d->n - i < PIECE ? d->n - i : PIECE;

		for (size_t b = 0; b < B; b++) {
			memcpy(x + b * pixels * width,
			       mm_dataset_pixels(d, i + b), pixels * width);
			memcpy(ids + b * d->T, mm_dataset_ids(d, i + b),
			       d->T * sizeof(*ids));
			if (d->has_mask)
				memcpy(mask + b * d->T,
				       mm_dataset_mask(d, i + b), d->T);
		}
		if (!(rc = mm_embed_images(&e, image + i * D, x,
					   d->floats ? MM_ELEM_REAL
						     : MM_ELEM_U8,
					   B, d->H, d->W, err)))
			rc = mm_embed_texts(&e, text + i * D, ids,
					    masked ? mask : NULL, NULL, B, d->T,
					    err);
	}
	mm_embedder_release(&e);
	mm_free(x);
	mm_free(ids);
	mm_free(mask);
	return rc;
}

/* Pictures once each: owner[i] = the picture of text i; returns how many. */
static int merge_images(const struct mm_dataset *d, float *image, size_t D,
			size_t *owner, size_t *n_images, struct mm_err *err)
{
	struct mm_map seen;
	int rc = MM_OK;

	*n_images = 0;
	mm_map_init(&seen);
	for (size_t i = 0; i < d->n && !rc; i++) {
		size_t len;
		const char *id = mm_dataset_image_id(d, i, &len);
		bool added;
		int64_t *at = mm_map_put(&seen, id, len, &added);

		if (!at) {
			rc = mm_fail_nomem(err, "validation");
			break;
		}
		if (added) {
			memmove(image + *n_images * D, image + i * D,
				D * sizeof(*image));
			*at = (int64_t)(*n_images)++;
		}
		owner[i] = (size_t)*at;
	}
	mm_map_release(&seen);
	return rc;
}

/* The number behind `what` in the watched figure's name; 0: another figure. */
static size_t cut_off(const struct mm_run *r, const char *what)
{
	const char *at = r->o->monitor ? strstr(r->o->monitor, what) : NULL;
	char *end;
	unsigned long k;

	if (!at)
		return 0;
	at += strlen(what);
	k = strtoul(at, &end, 10);
	return *at >= '1' && *at <= '9' && !*end && k <= 1000000 ? k : 0;
}

/* As eval retrieval has them, and the cut-off that is watched. */
static struct mm_retrieval_options cut_offs(const struct mm_run *r)
{
	struct mm_retrieval_options o = mm_retrieval_defaults;
	const size_t k = cut_off(r, "recall@"), ndcg = cut_off(r, "ndcg@");
	bool there = !k;

	for (size_t i = 0; i < o.n_k; i++)
		there |= o.k[i] == k;
	if (!there)
		o.k[o.n_k++] = k;
	o.ndcg_k = ndcg ? ndcg : o.ndcg_k;
	return o;
}

static void add(struct mm_train_report *report, const char *side,
		const char *what, double value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.%.40s", side, what);
	mm_report_add(report, name, value);
}

static void add_side(struct mm_train_report *report, const char *side,
		     const struct mm_retrieval_figures *f,
		     const struct mm_retrieval_options *o)
{
	char what[40];

	for (size_t i = 0; i < o->n_k; i++) {
		snprintf(what, sizeof(what), "recall@%zu", o->k[i]);
		add(report, side, what, f->recall[i]);
	}
	add(report, side, "mrr", f->mrr);
	snprintf(what, sizeof(what), "ndcg@%zu", o->ndcg_k);
	add(report, side, what, f->ndcg);
	add(report, side, "median_rank", f->median_rank);
	add(report, side, "mean_rank", f->mean_rank);
}

static int retrieval(struct mm_run *r, const struct mm_retrieval_set *set,
		     struct mm_train_report *report, struct mm_err *err)
{
	const struct mm_retrieval_options o = cut_offs(r);
	struct mm_retrieval_figures f[2];
	int rc = mm_retrieval_eval(f, set, &o, 1, err);

	if (rc)
		return rc;
	add_side(report, "image_to_text", &f[MM_IMAGE_TO_TEXT], &o);
	add_side(report, "text_to_image", &f[MM_TEXT_TO_IMAGE], &o);
	mm_report_add(report, "recall@1",
		      (f[0].recall[0] + f[1].recall[0]) / 2);
	mm_report_add(report, "rsum",
		      mm_retrieval_rsum(&f[0], &f[1], &mm_retrieval_defaults));
	return MM_OK;
}

static int zeroshot(struct mm_run *r, const struct mm_retrieval_set *set,
		    struct mm_train_report *report, struct mm_err *err)
{
	int64_t *label = mm_malloc(set->n_images, sizeof(*label));
	int rc;

	if (!label)
		return mm_fail_nomem(err, "validation");
	for (size_t i = set->n_texts; i-- > 0;)
		label[set->owner[i]] = mm_dataset_label(r->val, i);
	rc = mm_zeroshot_measure(r->o->zeroshot, r->m, set->image, label,
				 set->n_images, report, err);
	mm_free(label);
	return rc;
}

/* What vectors tell. */
static int compare(struct mm_run *r, struct mm_train_report *report,
		   struct mm_err *err)
{
	const struct mm_dataset *d = r->val;
	const size_t D = r->m->embed_dim;
	float *image = mm_malloc(d->n * D, sizeof(*image));
	float *text = mm_malloc(d->n * D, sizeof(*text));
	size_t *owner = mm_malloc(d->n, sizeof(*owner));
	struct mm_retrieval_set set = { image, text, owner, 0, d->n, D };
	int rc = image && text && owner ? MM_OK
					: mm_fail_nomem(err, "validation");

	if (!rc && !(rc = embed_all(r, image, text, err)) &&
	    !(rc = merge_images(d, image, D, owner, &set.n_images, err))) {
		mm_embed_normalise(image, set.n_images, D);
		mm_embed_normalise(text, d->n, D);
		if (r->pairs)
			rc = retrieval(r, &set, report, err);
		if (!rc && r->o->zeroshot)
			rc = zeroshot(r, &set, report, err);
	}
	mm_free(image);
	mm_free(text);
	mm_free(owner);
	return rc;
}

/* What is watched where nothing was said: the first objective's own. */
static const char *usual(const struct mm_run *r)
{
	const struct mm_objective *o = r->term[0].objective;

	return o->pairs			   ? "recall@1"
	       : o->needs & MM_NEEDS_LABEL ? "classification.acc1"
	       : o == &mm_objective_lm	   ? "lm.loss"
	       : o == &mm_objective_mlm	   ? "mlm.loss"
					   : "mae.loss";
}

static const char *list_figures(const struct mm_train_report *report,
				char out[1024])
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_figures && n < 900; i++)
		n += (size_t)snprintf(out + n, 1024 - n, "%s%s", i ? ", " : "",
				      report->figure[i].name);
	return out;
}

bool mm_figure_mean(const char *name)
{
	return !strchr(name, '.') && strcmp(name, "rsum");
}

static const double *find(const struct mm_train_report *report,
			  const char *side, const char *name)
{
	const size_t n = strlen(side);

	for (size_t i = 0; i < report->n_figures; i++) {
		const struct mm_figure *f = &report->figure[i];

		if (!strncmp(f->name, side, n) && !strcmp(f->name + n, name))
			return &f->value;
	}
	return NULL;
}

/* A figure, or the mean of both directions; false: no such figure. */
static bool look_up(const struct mm_train_report *report, const char *name,
		    double *value)
{
	const double *one = find(report, "", name);
	const double *a = find(report, "image_to_text.", name);
	const double *b = find(report, "text_to_image.", name);

	if (!one && !(a && b))
		return false;
	*value = one ? *one : (*a + *b) / 2;
	return true;
}

/* Is the watched figure better than it ever was? */
static int judge(struct mm_run *r, struct mm_train_report *report,
		 struct mm_err *err)
{
	const char *watched = r->o->monitor ? r->o->monitor : usual(r);
	const double sign = mm_figure_falls(watched) ? -1 : 1;
	char list[1024];
	double value;

	if (!look_up(report, watched, &value))
		return mm_fail(
			err, MM_ERR_USAGE,
			"--monitor '%s' is no figure of this stage; they "
			"are %s",
			watched, list_figures(report, list));
	report->monitor = watched;
	if (!r->best_step || sign * (value - r->best) > r->o->min_delta) {
		r->best = value;
		r->best_step = r->step;
		r->bad_evals = 0;
		report->improved = true;
	} else {
		r->bad_evals++;
	}
	return MM_OK;
}

static void keep_best(struct mm_run *r)
{
	const struct mm_store *s = &r->m->store;

	for (size_t i = 0; i < s->n && r->best_values; i++)
		memcpy(r->best_values +
			       (s->param[i]->val - (mm_real *)s->values),
		       s->param[i]->val, s->param[i]->n * sizeof(mm_real));
}

int mm_run_validate(struct mm_run *r, struct mm_train_report *report,
		    struct mm_err *err)
{
	int rc = MM_OK;

	mm_update_swap(r);
	if (r->pairs || r->o->zeroshot)
		rc = compare(r, report, err);
	for (size_t i = 0; i < r->n_terms && !rc; i++)
		if (!r->term_out[i])
			rc = mm_task_measure(r, i, r->val, report, err);
	if (!rc)
		rc = judge(r, report, err);
	if (!rc && report->improved)
		keep_best(r);
	mm_update_swap(r);
	report->evaluated = !rc;
	return rc;
}
