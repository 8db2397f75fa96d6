/*
 * trec_gain.c - trec_eval's measures that weigh a document by its relevance:
 * the ndcg family, G and rank-biased precision; see trec.h.
 *
 *	gain(relevance)	the relevance itself, or what "relevance=gain" says
 *	dcg		sum over ranks i of gain / log2(1 + i)
 *	ideal		the same for all judged documents, best gains first
 *
 * Source: Jarvelin and Kekalainen, TOIS 20 (2002); Moffat and Zobel, TOIS 27
 * (2008); trec_eval for everything they leave open.
 */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "metric/trec_measures.h"

struct gain {
	long rel;
	size_t n; /* judged documents of that relevance */
	double gain;
};

struct gains {
	struct gain *at; /* by gain, ascending */
	size_t n;
	bool plain; /* at[rel] as it is: the gain of rel is rel */
};

static bool is_whole(const char *s)
{
	s += *s == '-' || *s == '+';
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isdigit((unsigned char)*s))
			return false;
	return true;
}

/* Differences below 1 are none, as in trec_eval. */
static int by_gain(const void *a, const void *b)
{
	const double d =
		((const struct gain *)a)->gain - ((const struct gain *)b)->gain;

	return d > -2147483649.0 && d < 2147483648.0 ? (int)d : INT_MIN;
}

static int make_gains(struct gains *g, const struct mm_trec_ranked *r,
		      const struct mm_trec_chosen *c, struct mm_err *err)
{
	size_t given;

	g->n = 0;
	g->at = mm_arena_alloc(r->scratch, r->n_levels + c->n + 1,
			       sizeof(*g->at));
	if (!g->at)
		return mm_fail_nomem(err, "gains");
	for (size_t i = 0; i < c->n; i++)
		if (is_whole(c->pair[i].name))
			g->at[g->n++] = (struct gain){ strtol(c->pair[i].name,
							      NULL, 10),
						       0, c->pair[i].value };
	given = g->n;
	g->plain = !given;
	for (size_t i = 0; i < r->n_levels; i++) {
		size_t j = 0;

		while (j < given && g->at[j].rel != (long)i)
			j++;
		if (j == given)
			g->at[j = g->n++] =
				(struct gain){ (long)i, 0, (double)i };
		g->at[j].n = r->levels[i];
	}
	if (given)
		qsort(g->at, g->n, sizeof(*g->at), by_gain);
	return MM_OK;
}

static double gain_of(const struct gains *g, int64_t rel)
{
	if (g->plain)
		return rel >= 0 && rel < (int64_t)g->n ? g->at[rel].gain : 0;
	for (size_t i = 0; i < g->n; i++)
		if (g->at[i].rel == rel)
			return g->at[i].gain;
	return 0;
}

/* The ideal ranking, document by document. */
struct ideal {
	const struct gains *g;
	size_t level; /* at[level - 1] is being used up; 0: none left */
	size_t used;
	double gain; /* of the document that the last step reached */
};

static void ideal_start(struct ideal *d, const struct gains *g)
{
	d->g = g;
	d->level = g->n;
	d->used = 0;
	d->gain = g->n ? g->at[g->n - 1].gain : 0;
}

static void ideal_step(struct ideal *d)
{
	d->used++;
	while (d->level && d->used > d->g->at[d->level - 1].n) {
		d->used = 1;
		d->level--;
		d->gain = d->level ? d->g->at[d->level - 1].gain : 0;
	}
}

static double discount(size_t i)
{
	return log2((double)(i + 2));
}

/* Both sums over everything retrieved and everything judged. */
static int both_dcg(double *dcg, double *ideal_dcg,
		    const struct mm_trec_ranked *r,
		    const struct mm_trec_chosen *c, struct mm_err *err)
{
	struct ideal d;
	struct gains g;
	int rc = make_gains(&g, r, c, err);

	*dcg = *ideal_dcg = 0;
	if (rc)
		return rc;
	for (size_t i = 0; i < r->n_ret; i++) {
		const double gain = gain_of(&g, r->rel[i]);

		if (gain != 0)
			*dcg += gain / discount(i);
	}
	ideal_start(&d, &g);
	for (size_t i = 0; d.gain > 0; i++) {
		ideal_step(&d);
		if (d.gain > 0)
			*ideal_dcg += d.gain / discount(i);
	}
	return MM_OK;
}

int mm_trec_ndcg(double *value, const struct mm_trec_ranked *r,
		 const struct mm_trec_chosen *c, struct mm_err *err)
{
	double dcg, ideal;
	const int rc = both_dcg(&dcg, &ideal, r, c, err);

	if (!rc && ideal > 0)
		*value = dcg / ideal;
	return rc;
}

int mm_trec_dcg(double *value, const struct mm_trec_ranked *r,
		const struct mm_trec_chosen *c, struct mm_err *err)
{
	double ideal;

	return both_dcg(value, &ideal, r, c, err);
}

int mm_trec_ideal_dcg(double *value, const struct mm_trec_ranked *r,
		      const struct mm_trec_chosen *c, struct mm_err *err)
{
	double dcg;

	return both_dcg(&dcg, value, r, c, err);
}

/*
 * ndcg averaged over the documents that have a positive gain; one that was not
 * retrieved counts with the sums at the end.
 */
int mm_trec_ndcg_rel(double *value, const struct mm_trec_ranked *r,
		     const struct mm_trec_chosen *c, struct mm_err *err)
{
	double dcg = 0, ideal_dcg = 0, sum = 0;
	size_t n_rel = 0, n_met = 0, i = 0;
	struct ideal d;
	struct gains g;
	int rc = make_gains(&g, r, c, err);

	if (rc)
		return rc;
	ideal_start(&d, &g);
	for (; i < r->n_ret || d.gain > 0; i++) {
		const double gain = i < r->n_ret ? gain_of(&g, r->rel[i]) : 0;

		if (gain != 0)
			dcg += gain / discount(i);
		if (d.gain > 0) {
			ideal_step(&d);
			if (d.gain > 0) {
				n_rel++;
				ideal_dcg += d.gain / discount(i);
			}
		}
		if (gain > 0) {
			sum += dcg / ideal_dcg;
			n_met++;
		}
	}
	sum += ((double)n_rel - (double)n_met) * dcg / ideal_dcg;
	if (sum > 0)
		*value = sum / (double)n_rel;
	return MM_OK;
}

/* A point of Rndcg: ndcg so far. */
static void add_point(double *sum, double *n, double dcg, double ideal_dcg)
{
	if (ideal_dcg > 0) {
		*sum += dcg / ideal_dcg;
		++*n;
	}
}

/*
 * ndcg averaged over the ranks at which the ideal gain changes; where the
 * ideal gains end before the ranking does, its end is one more point.
 */
int mm_trec_rndcg(double *value, const struct mm_trec_ranked *r,
		  const struct mm_trec_chosen *c, struct mm_err *err)
{
	double dcg = 0, ideal_dcg = 0, sum = 0, n_points = 0, old;
	struct ideal d;
	struct gains g;
	size_t i = 0;
	int rc = make_gains(&g, r, c, err);

	if (rc || !r->n_rel)
		return rc;
	ideal_start(&d, &g);
	for (; d.gain > 0; i++) {
		const double gain = i < r->n_ret ? gain_of(&g, r->rel[i]) : 0;

		old = d.gain;
		ideal_step(&d);
		if (old != d.gain)
			add_point(&sum, &n_points, dcg, ideal_dcg);
		if (gain != 0)
			dcg += gain / discount(i);
		if (d.gain > 0)
			ideal_dcg += d.gain / discount(i);
	}
	if (i < r->n_ret) {
		for (; i < r->n_ret; i++)
			if (gain_of(&g, r->rel[i]) != 0)
				dcg += gain_of(&g, r->rel[i]) / discount(i);
		add_point(&sum, &n_points, dcg, ideal_dcg);
	}
	*value = sum / n_points;
	return MM_OK;
}

/* Sums of gains as they stand in the qrels, whatever the level. */
int mm_trec_ndcg_cut(double *value, const struct mm_trec_ranked *r,
		     const struct mm_trec_chosen *c, struct mm_err *err)
{
	size_t level = r->n_levels, used = 0, i = 0, j = 0;
	double sum = 0, ideal = 0;

	(void)err;
	for (size_t k = 0; k < c->n; k++) {
		for (; i < r->n_ret && (double)i < c->real[k]; i++)
			if (r->rel[i] > 0)
				sum += (double)r->rel[i] / discount(i);
		for (; (double)j < c->real[k]; j++) {
			used++;
			while (level > 1 && used > r->levels[level - 1]) {
				level--;
				used = 1;
			}
			if (level <= 1)
				break;
			ideal += (double)(level - 1) / discount(j);
		}
		value[k] = ideal > 0 ? sum / ideal : sum;
	}
	return MM_OK;
}

/*
 * G: a document's gain is divided by how far the ranking lags behind the
 * ideal one at that point, each ideal document costing at least 1.
 */
int mm_trec_g(double *value, const struct mm_trec_ranked *r,
	      const struct mm_trec_chosen *c, struct mm_err *err)
{
	double got = 0, ideal = 0, cost = 0, sum = 0;
	struct ideal d;
	struct gains g;
	int rc = make_gains(&g, r, c, err);

	if (rc)
		return rc;
	ideal_start(&d, &g);
	for (size_t i = 0; i < r->n_ret || d.gain > 0; i++) {
		const bool had = d.gain > 0;
		double gain = 0;

		if (had) {
			ideal_step(&d);
			if (d.gain > 0)
				ideal += d.gain;
		}
		if (i >= r->n_ret)
			continue;
		gain = gain_of(&g, r->rel[i]);
		got += gain;
		cost += had && d.gain >= 1 ? d.gain : 1;
		if (gain != 0)
			sum += gain / log2(2 + cost - got);
	}
	if (ideal > 0)
		*value = sum / ideal;
	return MM_OK;
}

static double persistence(const struct mm_trec_chosen *c)
{
	double p = 0.9;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->pair[i].name, "p"))
			p = c->pair[i].value;
	return p;
}

int mm_trec_rbp(double *value, const struct mm_trec_ranked *r,
		const struct mm_trec_chosen *c, struct mm_err *err)
{
	const double p = persistence(c);
	double min = 0, max = 0, sum = 0, weight = 1;
	struct gains g;
	int rc = make_gains(&g, r, c, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < g.n; i++) {
		min = g.at[i].gain < min ? g.at[i].gain : min;
		max = g.at[i].gain > max ? g.at[i].gain : max;
	}
	for (size_t i = 0; (min < 0 || max > 1) && i < g.n; i++)
		g.at[i].gain = (g.at[i].gain - min) / (max - min);
	for (size_t i = 0; i < r->n_ret; i++) {
		const double gain = gain_of(&g, r->rel[i]);

		if (gain != 0)
			sum += gain * weight;
		weight *= p;
	}
	*value = (1 - p) * sum;
	return MM_OK;
}

int mm_trec_rbp_resid(double *value, const struct mm_trec_ranked *r,
		      const struct mm_trec_chosen *c, struct mm_err *err)
{
	const double p = persistence(c);
	double sum = 0, weight = 1;
	bool any = false;

	(void)err;
	for (size_t i = 0; i < r->n_ret; i++) {
		if (r->rel[i] < 0) {
			any = true;
			sum += weight;
		}
		weight *= p;
	}
	if (any)
		*value = weight + (1 - p) * sum;
	return MM_OK;
}
