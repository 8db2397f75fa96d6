/* trec.c - rank, judge, average and print; see trec.h. */
#include "metric/trec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "metric/metric.h"
#include "metric/trec_measures.h"

const struct mm_trec_options mm_trec_defaults = { .level = 1,
						  .max_docs = INT32_MAX };

/* ---- ranking and judging one query ---- */

static int by_score(const void *a, const void *b)
{
	const struct mm_trec_doc *x = a, *y = b;

	if (x->u.score != y->u.score)
		return x->u.score > y->u.score ? -1 : 1;
	return strcmp(y->id, x->id);
}

/* Documents of a query by name: open addressing, at most half full. */
struct table {
	struct entry {
		const char *id;
		uint64_t hash;
		int64_t rel;
		bool seen; /* met in the ranking */
	} * slot;
	size_t mask;
};

static int table_init(struct table *t, size_t n, struct mm_arena *scratch,
		      struct mm_err *err)
{
	size_t size = 16;

	while (size / 2 < n)
		size *= 2;
	t->mask = size - 1;
	t->slot = mm_arena_alloc(scratch, size, sizeof(*t->slot));
	return t->slot ? MM_OK : mm_fail_nomem(err, "a query's documents");
}

static struct entry *table_at(struct table *t, const char *id)
{
	const uint64_t hash = mm_hash64(id, strlen(id));
	size_t i = hash & t->mask;

	while (t->slot[i].id &&
	       (t->slot[i].hash != hash || strcmp(t->slot[i].id, id)))
		i = (i + 1) & t->mask;
	t->slot[i].hash = hash;
	return &t->slot[i];
}

static int twice(const struct mm_trec *file, const struct mm_trec_query *q,
		 const char *id, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s': query '%.200s' has document '%.200s' twice",
		       file->name, q->id, id);
}

/* Judgements into the table and r->levels. */
static int judge(struct mm_trec_ranked *r, struct table *t,
		 const struct mm_trec *file, const struct mm_trec_query *q,
		 struct mm_err *err)
{
	int64_t max = -1;
	size_t *levels;

	for (size_t i = 0; i < q->n; i++)
		max = q->doc[i].u.rel > max ? q->doc[i].u.rel : max;
	r->n_levels = (size_t)(max + 1);
	levels = mm_arena_alloc(r->scratch, r->n_levels + 1, sizeof(*levels));
	if (!levels)
		return mm_fail_nomem(err, "a query's levels");
	r->levels = levels;
	for (size_t i = 0; i < q->n; i++) {
		struct entry *e = table_at(t, q->doc[i].id);

		if (e->id)
			return twice(file, q, e->id, err);
		e->id = q->doc[i].id;
		e->rel = q->doc[i].u.rel < 0 ? -2 : q->doc[i].u.rel;
		if (e->rel >= 0)
			levels[e->rel]++;
		r->n_rel += e->rel >= 0 && e->rel >= r->options->level;
	}
	return MM_OK;
}

/* The relevance of each ranked document into r->rel. */
static int look_up(struct mm_trec_ranked *r, struct table *t,
		   const struct mm_trec *file, const struct mm_trec_query *q,
		   const struct mm_trec_doc *doc, size_t n, struct mm_err *err)
{
	int64_t *rel = mm_arena_alloc(r->scratch, n + 1, sizeof(*rel));

	if (!rel)
		return mm_fail_nomem(err, "a ranking");
	r->rel = rel;
	for (size_t i = 0; i < n; i++) {
		struct entry *e = table_at(t, doc[i].id);

		if (e->id && e->seen)
			return twice(file, q, doc[i].id, err);
		if (!e->id) {
			e->id = doc[i].id;
			e->rel = -1;
		}
		e->seen = true;
		if (r->options->judged_only && e->rel < 0)
			continue;
		rel[r->n_ret++] = e->rel;
		r->n_nonpool += e->rel == -1;
		r->n_unjudged += e->rel == -2;
		r->n_rel_ret += e->rel >= 0 && e->rel >= r->options->level;
	}
	return MM_OK;
}

static int rank_query(struct mm_trec_ranked *r, const struct mm_trec *qrels,
		      const struct mm_trec_query *judged,
		      const struct mm_trec *run,
		      const struct mm_trec_query *ranked, struct mm_err *err)
{
	struct mm_trec_doc *doc =
		mm_arena_alloc(r->scratch, ranked->n + 1, sizeof(*doc));
	size_t n = ranked->n;
	struct table t;
	int rc;

	if (!doc)
		return mm_fail_nomem(err, "a ranking");
	memcpy(doc, ranked->doc, n * sizeof(*doc));
	qsort(doc, n, sizeof(*doc), by_score);
	if ((uint64_t)r->options->max_docs < n)
		n = (size_t)r->options->max_docs;
	if ((rc = table_init(&t, judged->n + n, r->scratch, err)) ||
	    (rc = judge(r, &t, qrels, judged, err)))
		return rc;
	return look_up(r, &t, run, ranked, doc, n, err);
}

/* ---- all queries ---- */

static int measure_query(double *value, const struct mm_trec_plan *plan,
			 const struct mm_trec_ranked *r, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t m = 0; m < mm_trec_n_measures && !rc; m++) {
		const struct mm_trec_chosen *c = &plan->chosen[m];

		if (c->on)
			rc = mm_trec_measures[m].query(value + c->first, r, c,
						       err);
	}
	return rc;
}

static size_t relstring_of(const struct mm_trec_plan *plan)
{
	for (size_t m = 0; m < mm_trec_n_measures; m++)
		if (plan->chosen[m].on &&
		    mm_trec_measures[m].kind == MM_TREC_TEXT &&
		    mm_trec_measures[m].params == MM_TREC_REALS)
			return m;
	return mm_trec_n_measures;
}

/* The first documents' relevance, a character each. */
static const char *make_relstring(const struct mm_trec_ranked *r, double want,
				  struct mm_arena *arena)
{
	const size_t n = want < 1		   ? 0
			 : want < (double)r->n_ret ? (size_t)want
						   : r->n_ret;
	char *s = mm_arena_alloc(arena, n + 1, 1);

	for (size_t i = 0; s && i < n; i++)
		s[i] = r->rel[i] > 9	 ? '>'
		       : r->rel[i] >= 0	 ? (char)('0' + r->rel[i])
		       : r->rel[i] == -1 ? '-'
					 : '.';
	return s;
}

/* A query that the run lacks (-c): what trec_eval clears, by name. */
static void clear_missing(double *value, const struct mm_trec_plan *plan)
{
	for (size_t i = 0; i < plan->n_values; i++) {
		const char *name = plan->value[i].name;

		if (!strcmp(name, "num_ret") || !strcmp(name, "utility") ||
		    !strcmp(name, "rbp_resid") || !strncmp(name, "unj", 3))
			value[i] = 0;
	}
}

struct job {
	struct mm_trec_result *r;
	const struct mm_trec_plan *plan;
	const struct mm_trec_options *options;
	const struct mm_trec *qrels, *run;
	size_t relstring; /* the measure's number, if it was chosen */
	struct mm_arena scratch;
};

static int one_query(struct job *j, const struct mm_trec_query *judged,
		     const struct mm_trec_query *found, struct mm_err *err)
{
	struct mm_trec_doc none = { .id = "ceci_nest_pas_un_docno",
				    .u.score = 1 };
	const struct mm_trec_query missing = { judged->id, &none, 1 };
	struct mm_trec_ranked ranked = { .options = j->options,
					 .scratch = &j->scratch };
	const size_t q = j->r->n_queries++;
	double *value = j->r->each + q * j->plan->n_values;
	int rc;

	mm_arena_reset(&j->scratch);
	j->r->query[q] = judged->id;
	if ((rc = rank_query(&ranked, j->qrels, judged, j->run,
			     found ? found : &missing, err)) ||
	    (rc = measure_query(value, j->plan, &ranked, err)))
		return rc;
	if (!found)
		clear_missing(value, j->plan);
	if (!j->r->relstring)
		return MM_OK;
	if (!found &&
	    !strcmp(j->plan->value[j->plan->chosen[j->relstring].first].name,
		    "relstring"))
		j->r->relstring[q] = "";
	else
		j->r->relstring[q] = make_relstring(
			&ranked, j->plan->chosen[j->relstring].real[0],
			&j->r->arena);
	return j->r->relstring[q] ? MM_OK : mm_fail_nomem(err, "relstring");
}

/* With -c trec_eval's summary counts whatever is above 0. */
static double count_positive(const struct mm_trec *qrels)
{
	double n = 0;

	for (size_t q = 0; q < qrels->n; q++)
		for (size_t i = 0; i < qrels->query[q].n; i++)
			n += qrels->query[q].doc[i].u.rel > 0;
	return n;
}

static void summarise(struct job *j)
{
	const struct mm_trec_result *r = j->r;
	const double n = (double)r->n_queries;

	for (size_t q = 0; q < r->n_queries; q++)
		for (size_t i = 0; i < j->plan->n_values; i++)
			r->all[i] += r->each[q * j->plan->n_values + i];
	for (size_t m = 0; m < mm_trec_n_measures; m++) {
		const struct mm_trec_chosen *c = &j->plan->chosen[m];
		double *x = r->all + c->first;

		if (!c->on)
			continue;
		switch (mm_trec_measures[m].average) {
		case MM_TREC_MEAN:
			for (size_t i = 0; i < c->n_values; i++)
				x[i] /= n;
			break;
		case MM_TREC_GEOMETRIC: *x = exp(*x / n); break;
		case MM_TREC_N_QUERIES: *x = n; break;
		case MM_TREC_N_REL:
			if (j->options->complete)
				*x = count_positive(j->qrels);
			break;
		case MM_TREC_SUM:
		case MM_TREC_NO_AVERAGE: break;
		}
	}
}

static int result_init(struct job *j, struct mm_err *err)
{
	struct mm_trec_result *r = j->r;
	const size_t n = j->qrels->n;
	size_t cells;

	memset(r, 0, sizeof(*r));
	r->run_id = j->run->run_id;
	r->query = mm_arena_alloc(&r->arena, n, sizeof(*r->query));
	r->each =
		mm_mul_ok(&cells, n, j->plan->n_values)
			? mm_arena_alloc(&r->arena, cells + 1, sizeof(*r->each))
			: NULL;
	r->all = mm_arena_alloc(&r->arena, j->plan->n_values + 1,
				sizeof(*r->all));
	j->relstring = relstring_of(j->plan);
	if (j->relstring < mm_trec_n_measures &&
	    !(r->relstring =
		      mm_arena_alloc(&r->arena, n, sizeof(*r->relstring))))
		return mm_fail_nomem(err, "results");
	return r->query && r->each && r->all ? MM_OK
					     : mm_fail_nomem(err, "results");
}

int mm_trec_eval(struct mm_trec_result *r, const struct mm_trec_plan *plan,
		 const struct mm_trec_options *options,
		 const struct mm_trec *qrels, const struct mm_trec *run,
		 struct mm_err *err)
{
	struct job j = { .r = r,
			 .plan = plan,
			 .options = options,
			 .qrels = qrels,
			 .run = run };
	int rc = result_init(&j, err);

	for (size_t q = 0; q < qrels->n && !rc; q++) {
		const struct mm_trec_query *found =
			mm_trec_find(run, qrels->query[q].id);

		if (found || options->complete)
			rc = one_query(&j, &qrels->query[q], found, err);
	}
	mm_arena_release(&j.scratch);
	if (!rc && !r->n_queries)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'%s' and '%s' have no query in common",
			     qrels->name, run->name);
	if (!rc)
		summarise(&j);
	return rc;
}

void mm_trec_result_release(struct mm_trec_result *r)
{
	mm_arena_release(&r->arena);
	memset(r, 0, sizeof(*r));
}

/* ---- output ---- */

static void print_value(struct mm_buf *out, const struct mm_trec_value *v,
			const char *query, double x, const char *text)
{
	if (v->kind == MM_TREC_TEXT)
		mm_buf_printf(out, "%-22s\t%s\t%s\n", v->name, query, text);
	else if (v->kind == MM_TREC_COUNT)
		mm_buf_printf(out, "%-22s\t%s\t%ld\n", v->name, query, (long)x);
	else
		mm_buf_printf(out, "%-22s\t%s\t%6.4f\n", v->name, query, x);
}

static void print_relstring(struct mm_buf *out, const char *name,
			    const char *query, const char *text)
{
	mm_buf_printf(out, "%-22s\t%s\t'%s'\n", name, query, text);
}

void mm_trec_print(struct mm_buf *out, const struct mm_trec_plan *plan,
		   const struct mm_trec_result *r, bool per_query, bool summary)
{
	for (size_t q = 0; per_query && q < r->n_queries; q++) {
		for (size_t i = 0; i < plan->n_values; i++) {
			const struct mm_trec_value *v = &plan->value[i];

			if (v->per_query && v->kind == MM_TREC_TEXT)
				print_relstring(out, v->name, r->query[q],
						r->relstring[q]);
			else if (v->per_query)
				print_value(out, v, r->query[q],
					    r->each[q * plan->n_values + i],
					    NULL);
		}
	}
	for (size_t i = 0; summary && i < plan->n_values; i++)
		if (plan->value[i].summary)
			print_value(out, &plan->value[i], "all", r->all[i],
				    r->run_id);
}
