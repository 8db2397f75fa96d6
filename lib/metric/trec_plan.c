/* trec_plan.c - from "P.5,10" to measures and their values; see trec.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric/trec_measures.h"

static const char *const official[] = {
	"runid",  "num_q", "num_ret", "num_rel",    "num_rel_ret",     "map",
	"gm_map", "Rprec", "bpref",   "recip_rank", "iprec_at_recall", "P",
	NULL
};
static const char *const set_names[] = {
	"runid",	  "num_q",   "num_ret", "num_rel",
	"num_rel_ret",	  "utility", "set_P",	"set_recall",
	"set_relative_P", "set_map", "set_F",	NULL
};
/* Everything but these. */
static const char *const not_all_trec[] = { "dcg", "ideal_dcg", "yaap", NULL };

static bool listed(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static bool belongs(const char *group, const char *name)
{
	if (!strcmp(group, "official"))
		return listed(official, name);
	if (!strcmp(group, "set"))
		return listed(set_names, name);
	if (!strcmp(group, "all_trec"))
		return !listed(not_all_trec, name);
	return !strcmp(group, name);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static size_t count_items(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

/* "5,10": numbers as atol or atof read them. */
static int read_numbers(struct mm_trec_chosen *c, struct mm_arena *arena,
			const struct mm_trec_measure *m, const char *text,
			struct mm_err *err)
{
	const size_t n = count_items(text);
	const bool cuts = m->params == MM_TREC_CUTS;
	double *x = mm_arena_alloc(arena, n, sizeof(*x));

	if (!x)
		return mm_fail_nomem(err, "parameters");
	for (size_t i = 0; i < n; i++) {
		x[i] = cuts ? (double)strtol(text, NULL, 10)
			    : strtod(text, NULL);
		text += strcspn(text, ",") + 1;
	}
	c->real = x;
	c->n = n;
	if (m->params == MM_TREC_REALS)
		return MM_OK;
	qsort(x, n, sizeof(*x), by_value);
	if (cuts && x[0] <= 0)
		return mm_fail(err, MM_ERR_USAGE,
			       "measure '%s': a cut-off must be a whole number "
			       "above 0",
			       m->name);
	for (size_t i = 1; i < n; i++)
		if (x[i] == x[i - 1])
			return mm_fail(err, MM_ERR_USAGE,
				       "measure '%s': cut-off %g is given "
				       "twice",
				       m->name, x[i]);
	return MM_OK;
}

/* "1=3,2=9" */
static int read_pairs(struct mm_trec_chosen *c, struct mm_arena *arena,
		      const struct mm_trec_measure *m, const char *text,
		      struct mm_err *err)
{
	const size_t n = count_items(text);
	struct mm_trec_pair *pair = mm_arena_alloc(arena, n, sizeof(*pair));
	char *p = mm_arena_strdup(arena, text);

	if (!pair || !p)
		return mm_fail_nomem(err, "parameters");
	c->pair = pair;
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		char *const end = p + strcspn(p, ",");
		char *const equals = p + strcspn(p, "=,");

		if (*equals != '=' ||
		    strcspn(equals + 1, "=,") != (size_t)(end - equals - 1))
			return mm_fail(err, MM_ERR_USAGE,
				       "measure '%s': parameters are "
				       "name=number, not '%s'",
				       m->name, text);
		*equals = *end = '\0';
		pair[i] = (struct mm_trec_pair){ p, strtod(equals + 1, NULL) };
		p = end + 1;
	}
	return MM_OK;
}

/* The first parameters given for m, or NULL. */
static const char *params_of(const struct mm_trec_measure *m,
			     const char *const *specs, size_t n)
{
	const size_t len = strlen(m->name);

	for (size_t i = 0; i < n; i++)
		if (!strncmp(specs[i], m->name, len) && specs[i][len] == '.')
			return specs[i] + len + 1;
	return NULL;
}

static int add_value(struct mm_trec_plan *p, const struct mm_trec_measure *m,
		     const char *name, struct mm_err *err)
{
	const bool text = m->kind == MM_TREC_TEXT;
	const bool runid = text && m->params == MM_TREC_NO_PARAMS;

	if (!name)
		return mm_fail_nomem(err, "measures");
	p->value[p->n_values++] = (struct mm_trec_value){
		name, m->kind,
		!runid && m->average != MM_TREC_N_QUERIES &&
			m->average != MM_TREC_GEOMETRIC,
		!text || runid
	};
	return MM_OK;
}

/* trec_eval's buffer for a name with a rate holds 8 characters more. */
static char *rate_name(struct mm_arena *arena, const char *name, double rate)
{
	char *s = mm_arena_printf(arena, "%s_%3.2f", name, rate);

	if (s && strlen(s) > strlen(name) + 9)
		s[strlen(name) + 9] = '\0';
	return s;
}

static int name_values(struct mm_trec_plan *p, const struct mm_trec_measure *m,
		       struct mm_trec_chosen *c, const char *given,
		       struct mm_err *err)
{
	int rc = MM_OK;

	c->first = p->n_values;
	c->n_values = 1;
	if (m->params == MM_TREC_CUTS || m->params == MM_TREC_RATES) {
		c->n_values = c->n;
		for (size_t i = 0; i < c->n && !rc; i++)
			rc = add_value(
				p, m,
				m->params == MM_TREC_RATES
					? rate_name(&p->arena, m->name,
						    c->real[i])
					: mm_arena_printf(&p->arena, "%s_%ld",
							  m->name,
							  (long)c->real[i]),
				err);
		return rc;
	}
	return add_value(
		p, m,
		given ? mm_arena_printf(&p->arena, "%s_%s", m->name, given)
		      : m->name,
		err);
}

static int choose(struct mm_trec_plan *p, size_t i, const char *const *specs,
		  size_t n_specs, struct mm_err *err)
{
	const struct mm_trec_measure *m = &mm_trec_measures[i];
	struct mm_trec_chosen *c = &p->chosen[i];
	const char *given = params_of(m, specs, n_specs);
	int rc = MM_OK;

	if (m->params == MM_TREC_NO_PARAMS)
		given = NULL;
	c->real = m->defaults;
	c->n = m->n_defaults;
	if (given && m->params == MM_TREC_PAIRS)
		rc = read_pairs(c, &p->arena, m, given, err);
	else if (given)
		rc = read_numbers(c, &p->arena, m, given, err);
	return rc ? rc : name_values(p, m, c, given, err);
}

/* Mark what one -m names. */
static int mark(struct mm_trec_plan *p, const char *spec, struct mm_err *err)
{
	const size_t len = strcspn(spec, ".");
	char *group = mm_arena_strndup(&p->arena, spec, len);
	size_t n = 0;

	if (!group)
		return mm_fail_nomem(err, "measures");
	if (spec[len] == '.' && !spec[len + 1])
		return mm_fail(err, MM_ERR_USAGE,
			       "measure '%s' ends in '.': parameters are "
			       "missing",
			       spec);
	for (size_t i = 0; i < mm_trec_n_measures; i++)
		if (belongs(group, mm_trec_measures[i].name)) {
			p->chosen[i].on = true;
			n++;
		}
	return n ? MM_OK
		 : mm_fail(err, MM_ERR_USAGE,
			   "unknown measure '%s'; there are official, "
			   "all_trec, set and those in mmtool-eval(1)",
			   group);
}

int mm_trec_plan_init(struct mm_trec_plan *p, const char *const *specs,
		      size_t n_specs, struct mm_err *err)
{
	static const char *const by_default[] = { "official" };
	size_t most = 0;
	int rc = MM_OK;

	memset(p, 0, sizeof(*p));
	if (!n_specs) {
		specs = by_default;
		n_specs = 1;
	}
	p->chosen = mm_arena_alloc(&p->arena, mm_trec_n_measures,
				   sizeof(*p->chosen));
	if (!p->chosen)
		return mm_fail_nomem(err, "measures");
	for (size_t i = 0; i < n_specs && !rc; i++) {
		rc = mark(p, specs[i], err);
		most += count_items(specs[i]);
	}
	for (size_t i = 0; i < mm_trec_n_measures; i++)
		most += mm_trec_measures[i].n_defaults + 1;
	p->value =
		rc ? NULL : mm_arena_alloc(&p->arena, most, sizeof(*p->value));
	if (!rc && !p->value)
		rc = mm_fail_nomem(err, "measures");
	for (size_t i = 0; i < mm_trec_n_measures && !rc; i++)
		if (p->chosen[i].on)
			rc = choose(p, i, specs, n_specs, err);
	return rc;
}

void mm_trec_plan_release(struct mm_trec_plan *p)
{
	mm_arena_release(&p->arena);
	memset(p, 0, sizeof(*p));
}
