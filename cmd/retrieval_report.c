/* retrieval_report.c - see retrieval_report.h. */
#include "retrieval_report.h"

#include <stdio.h>
#include <string.h>

#include "eval_text.h"
#include "table.h"

static const char *const sides[] = { "image_to_text", "text_to_image" };

void retrieval_report_release(struct retrieval_report *r)
{
	for (int s = 0; s < 2; s++)
		mm_retrieval_ranks_release(&r->ranks[s]);
}

int retrieval_report_make(struct retrieval_report *r,
			  const struct mm_retrieval_set *set,
			  struct mm_err *err)
{
	int rc = MM_OK;

	r->n_images = set->n_images;
	r->n_texts = set->n_texts;
	if (r->folds > 1 && r->resamples)
		return mm_fail(err, MM_ERR_USAGE,
			       "--ci and --folds exclude each other");
	if (r->folds > 1)
		return mm_retrieval_eval(r->f, set, &r->o, r->folds, err);
	for (int s = 0; s < 2 && !rc; s++) {
		rc = mm_retrieval_rank(&r->ranks[s], set,
				       (enum mm_retrieval_side)s, err);
		if (!rc)
			rc = mm_retrieval_figures(&r->f[s], &r->ranks[s], &r->o,
						  err);
		if (!rc && r->resamples)
			rc = mm_retrieval_bootstrap(
				&r->lo[s], &r->hi[s], &r->ranks[s], &r->o,
				r->resamples, r->level, r->seed, err);
	}
	return rc;
}

/* ---- JSON ---- */

/* One of the figures, in the order in which they are printed. */
static const char *figure_name(const struct mm_retrieval_options *o, size_t i,
			       char name[32])
{
	static const char *const last[] = { "median_rank", "mean_rank" };

	if (i < o->n_k)
		snprintf(name, 32, "recall@%zu", o->k[i]);
	else if (i == o->n_k)
		return "mrr";
	else if (i == o->n_k + 1)
		snprintf(name, 32, "ndcg@%zu", o->ndcg_k);
	else
		return last[i - o->n_k - 2];
	return name;
}

static double figure(const struct mm_retrieval_figures *f, size_t i, size_t n_k)
{
	if (i < n_k)
		return f->recall[i];
	return i == n_k	      ? f->mrr
	       : i == n_k + 1 ? f->ndcg
	       : i == n_k + 2 ? f->median_rank
			      : f->mean_rank;
}

static void put_intervals(const struct retrieval_report *r, int s,
			  struct mm_json_writer *w)
{
	const size_t n_k = r->o.n_k;
	char name[32];

	mm_json_open(w, "interval", '{');
	mm_json_put_num(w, "level", r->level);
	for (size_t i = 0; i < n_k + 4; i++) {
		mm_json_open(w, figure_name(&r->o, i, name), '[');
		mm_json_put_num(w, NULL, figure(&r->lo[s], i, n_k));
		mm_json_put_num(w, NULL, figure(&r->hi[s], i, n_k));
		mm_json_close(w);
	}
	mm_json_close(w);
}

/* Each query: its figures, median_rank being left out and mean_rank "rank". */
static void put_queries(const struct retrieval_report *r, int s,
			const struct mm_lines *id, struct mm_json_writer *w)
{
	const struct mm_retrieval_ranks *q = &r->ranks[s];
	const size_t n_k = r->o.n_k;
	struct mm_retrieval_figures f;
	char name[32];

	mm_json_open(w, "samples", '{');
	eval_put_ids(w, id);
	for (size_t k = 0; k < n_k + 3; k++) {
		const bool rank = k == n_k + 2;

		mm_json_open(w,
			     rank ? "mean_rank" : figure_name(&r->o, k, name),
			     '[');
		for (size_t i = 0; i < q->n; i++) {
			mm_retrieval_query(&f, q->rank + q->start[i],
					   q->start[i + 1] - q->start[i],
					   &r->o);
			mm_json_put_num(w, NULL, figure(&f, k + rank, n_k));
		}
		mm_json_close(w);
	}
	mm_json_close(w);
}

void retrieval_report_json(const struct retrieval_report *r,
			   const struct mm_lines *const id[2],
			   struct mm_json_writer *w)
{
	char name[32];

	for (int s = 0; s < 2; s++) {
		mm_json_open(w, sides[s], '{');
		for (size_t i = 0; i < r->o.n_k + 4; i++)
			mm_json_put_num(w, figure_name(&r->o, i, name),
					figure(&r->f[s], i, r->o.n_k));
		if (r->resamples)
			put_intervals(r, s, w);
		if (id && r->ranks[s].n)
			put_queries(r, s, id[s], w);
		mm_json_close(w);
	}
	mm_json_put_num(w, "rsum",
			mm_retrieval_rsum(&r->f[0], &r->f[1], &r->o));
	mm_json_put_int(w, "n_images", (int64_t)r->n_images);
	mm_json_put_int(w, "n_texts", (int64_t)r->n_texts);
}

/* ---- for people ---- */

static void put_row(struct mm_table *t, const char *name,
		    const struct mm_retrieval_figures *f, size_t n_k)
{
	mm_table_cell(t, "%s", name);
	for (size_t i = 0; i < n_k; i++)
		mm_table_cell(t, "%.2f", 100 * f->recall[i]);
	mm_table_cell(t, "%.2f", 100 * f->mrr);
	mm_table_cell(t, "%.2f", 100 * f->ndcg);
	mm_table_cell(t, "%.1f", f->median_rank);
	mm_table_cell(t, "%.2f", f->mean_rank);
	mm_table_row(t);
}

void retrieval_report_table(const struct retrieval_report *r,
			    struct mm_buf *out)
{
	struct mm_table t = { 0 };
	char name[32];

	mm_table_cell(&t, "%s", "");
	for (size_t i = 0; i < r->o.n_k; i++)
		mm_table_cell(&t, "R@%zu", r->o.k[i]);
	mm_table_cell(&t, "MRR");
	mm_table_cell(&t, "NDCG@%zu", r->o.ndcg_k);
	mm_table_cell(&t, "median rank");
	mm_table_cell(&t, "mean rank");
	mm_table_row(&t);
	for (int s = 0; s < 2; s++) {
		put_row(&t, s ? "text to image" : "image to text", &r->f[s],
			r->o.n_k);
		if (!r->resamples)
			continue;
		snprintf(name, sizeof(name), "  %g %% from", 100 * r->level);
		put_row(&t, name, &r->lo[s], r->o.n_k);
		put_row(&t, "  to", &r->hi[s], r->o.n_k);
	}
	mm_table_print(&t, out, 0);
	mm_buf_printf(out, "rsum %.2f, %zu pictures, %zu texts\n",
		      mm_retrieval_rsum(&r->f[0], &r->f[1], &r->o), r->n_images,
		      r->n_texts);
}
