/* update.c - rates, clipping, optimisers, the moving average of the weights. */
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "train/internal.h"

/* ---- the table of optimisers ---- */

/* One parameter's step; its arrays and what the rule knows. */
struct step {
	mm_real *p, *m, *v, *scratch;
	const mm_real *g;
	const struct mm_train_options *o;
	struct mm_adamw a;
	size_t n;
};

struct mm_optimizer {
	const char *name;
	void (*step)(const struct step *s);
	bool scratch; /* wants s->scratch */
};

static void adamw(const struct step *s)
{
	mm_adamw(s->p, s->m, s->v, s->g, &s->a, s->n);
}

static void sgd(const struct step *s)
{
	mm_sgd(s->p, s->m, s->g,
	       &(struct mm_sgd){ .lr = s->a.lr,
				 .momentum = s->o->momentum,
				 .weight_decay = s->a.weight_decay,
				 .scale = s->a.scale },
	       s->n);
}

static void lamb(const struct step *s)
{
	mm_lamb(s->p, s->m, s->v, s->scratch, s->g, &s->a, s->n);
}

static const struct mm_optimizer optimizer_adamw = { "adamw", adamw, false };
static const struct mm_optimizer optimizer_sgd = { "sgd", sgd, false };
static const struct mm_optimizer optimizer_lamb = { "lamb", lamb, true };

#define MM_OPTIMIZER(name) &optimizer_##name,
static const struct mm_optimizer *const optimizers[] = {
#include "train/optimizers.def"
	NULL,
};
#undef MM_OPTIMIZER

const struct mm_optimizer *mm_optimizer_find(const char *name)
{
	for (int i = 0; optimizers[i]; i++)
		if (!strcmp(optimizers[i]->name, name))
			return optimizers[i];
	return NULL;
}

const char *mm_optimizer_name(const struct mm_optimizer *o)
{
	return o ? o->name : optimizers[0]->name;
}

static const struct mm_optimizer *rule_of(const struct mm_run *r)
{
	return r->o->optimizer ? r->o->optimizer : optimizers[0];
}

/* ---- memory ---- */

static size_t value_bytes(const struct mm_store *s)
{
	size_t end = 0;

	/* Before the values have memory, what they will take. */
	if (!s->values)
		return mm_store_value_bytes(s);
	for (size_t i = 0; i < s->n; i++) {
		const size_t at =
			(size_t)((char *)s->param[i]->val - (char *)s->values) +
			s->param[i]->n * sizeof(mm_real);

		end = at > end ? at : end;
	}
	return end;
}

static size_t largest(const struct mm_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n = s->param[i]->n > n ? s->param[i]->n : n;
	return n;
}

size_t mm_update_bytes(const struct mm_run *r)
{
	const struct mm_store *s = &r->m->store;
	const bool best = r->val && r->o->restore_best;

	return (2 + (r->o->ema > 0) + best) * mm_store_value_bytes(s) +
	       (rule_of(r)->scratch ? largest(s) * sizeof(mm_real) : 0);
}

int mm_update_alloc(struct mm_run *r, struct mm_err *err)
{
	struct mm_update *u = &r->update;
	const struct mm_store *s = &r->m->store;
	const size_t bytes = value_bytes(s);

	u->scale = r->o->precision == MM_COMPUTE_F16 ? 65536 : 1;
	u->moment1 = mm_calloc(bytes, 1);
	u->moment2 = mm_calloc(bytes, 1);
	if (rule_of(r)->scratch)
		u->scratch = mm_malloc(largest(s), sizeof(mm_real));
	if (r->o->ema > 0)
		u->ema = mm_calloc(bytes, 1);
	if (r->o->debug_nan)
		u->usual = mm_calloc(s->n, sizeof(*u->usual));
	if (r->val && r->o->restore_best)
		r->best_values = mm_calloc(bytes, 1);
	if (!u->moment1 || !u->moment2 ||
	    (rule_of(r)->scratch && !u->scratch) ||
	    (r->o->ema > 0 && !u->ema) || (r->o->debug_nan && !u->usual) ||
	    (r->val && r->o->restore_best && !r->best_values))
		return mm_fail_nomem(err, "the optimiser");
	return MM_OK;
}

void mm_update_release(struct mm_update *u)
{
	mm_free(u->moment1);
	mm_free(u->moment2);
	mm_free(u->scratch);
	mm_free(u->ema);
	mm_free(u->usual);
}

/* ---- rates ---- */

double mm_schedule_at(enum mm_schedule schedule, long s, long warmup,
		      long steps)
{
	const double done = (double)(s - warmup) /
			    (double)(steps > warmup ? steps - warmup : 1);

	if (s < warmup)
		return (double)(s + 1) / (double)warmup;
	switch (schedule) {
	case MM_SCHEDULE_COSINE:
		return 0.5 * (1 + cos(3.14159265358979323846 * done));
	case MM_SCHEDULE_LINEAR: return 1 - done;
	case MM_SCHEDULE_RSQRT:
		return sqrt((double)(warmup > 0 ? warmup : 1) /
			    (double)(s + 1));
	default: return 1;
	}
}

double mm_group_lr(const struct mm_run *r, enum mm_group g)
{
	const double w = r->o->warmup;
	const long warmup =
		r->o->warmup_fraction ? (long)(w * (double)r->steps) : (long)w;
	const double base =
		r->o->lr_group[g] >= 0 ? r->o->lr_group[g] : r->o->lr;

	return base * mm_schedule_at(r->o->schedule, r->step, warmup, r->steps);
}

/* The deepest layer of a group, for layer-wise decay. */
static size_t top_layer(const struct mm_store *s, enum mm_group g)
{
	size_t top = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->group == g && s->param[i]->layer > top)
			top = s->param[i]->layer;
	return top;
}

/* Gains, biases, the class token and scales do not decay. */
static double decay_of(const struct mm_run *r, const struct mm_param *p)
{
	if (p->shape.rank < 2)
		return 0;
	for (size_t k = 0; k < r->o->n_no_decay; k++)
		if (!fnmatch(r->o->no_decay[k], p->name, 0))
			return 0;
	return r->o->decay_group[p->group] >= 0 ? r->o->decay_group[p->group]
						: r->o->weight_decay;
}

static size_t place(const struct mm_run *r, const struct mm_param *p)
{
	return (size_t)(p->val - (mm_real *)r->m->store.values);
}

static void update_one(struct mm_run *r, struct mm_param *p, double scale)
{
	const struct mm_train_options *o = r->o;
	const size_t at = place(r, p);
	const size_t top = top_layer(&r->m->store, p->group);
	const struct step s = {
		.p = p->val,
		.m = r->update.moment1 + at,
		.v = r->update.moment2 + at,
		.scratch = r->update.scratch,
		.g = p->grad,
		.o = o,
		.n = p->n,
		.a = { .lr = mm_group_lr(r, p->group) *
			     pow(o->layer_decay, (double)(top - p->layer)),
		       .beta1 = o->beta1,
		       .beta2 = o->beta2,
		       .eps = o->eps,
		       .weight_decay = decay_of(r, p),
		       .scale = scale,
		       .t = r->step + 1 - r->update.skipped },
	};

	rule_of(r)->step(&s);
}

/* ---- gradients that are wrong, or odd ---- */

/* Name of a parameter whose gradient is not finite. */
static const char *culprit(const struct mm_store *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->grad &&
		    mm_first_not_finite(s->param[i]->grad, s->param[i]->n) <
			    s->param[i]->n)
			return s->param[i]->name;
	return "none";
}

/* Norms against what they were of late; the largest jump is reported. */
static void look_for_spikes(struct mm_run *r, struct mm_train_report *report,
			    double scale)
{
	struct mm_store *s = &r->m->store;
	double *usual = r->update.usual, worst = 10;

	for (size_t i = 0; i < s->n && usual; i++) {
		double norm, jump;

		if (!s->param[i]->grad)
			continue;
		norm = scale *
		       sqrt(mm_sum_squares(s->param[i]->grad, s->param[i]->n));
		jump = usual[i] > 0 ? norm / usual[i] : 0;
		if (r->step >= 20 && jump > worst) {
			worst = report->spike_factor = jump;
			report->spike = s->param[i]->name;
		}
		usual[i] = usual[i] > 0 ? 0.95 * usual[i] + 0.05 * norm : norm;
	}
}

/* ---- the step ---- */

static double gradient_norm(const struct mm_store *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->grad)
			sum += mm_sum_squares(s->param[i]->grad,
					      s->param[i]->n);
	return sqrt(sum);
}

/*
 * fp16: what overflows is not taken, and the scale halves; it doubles after
 * 2000 steps that went well.  True where the step counts.
 */
static bool settle_scale(struct mm_update *u, bool finite)
{
	if (finite && ++u->clean == 2000) {
		u->scale *= 2;
		u->clean = 0;
	}
	if (finite)
		return true;
	u->scale = u->scale > 2 ? u->scale / 2 : 1;
	u->clean = 0;
	u->skipped++;
	return false;
}

static void average(struct mm_run *r)
{
	const struct mm_store *s = &r->m->store;
	const double t = (double)(r->step + 1 - r->update.skipped);
	/* Early on the average would be mostly the start. */
	const double decay = fmin(r->o->ema, (1 + t) / (10 + t));

	for (size_t i = 0; i < s->n; i++)
		mm_ema(r->update.ema + place(r, s->param[i]), s->param[i]->val,
		       decay, s->param[i]->n);
}

int mm_update(struct mm_run *r, struct mm_train_report *report,
	      struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	const bool scaled = r->o->precision == MM_COMPUTE_F16;
	const double unscale = 1 / r->update.scale;
	double norm = gradient_norm(s) * unscale, scale = unscale;

	report->loss_scale = r->update.scale;
	report->grad_norm = norm;
	if (scaled && !settle_scale(&r->update, isfinite(norm))) {
		report->skipped = true;
		return MM_OK;
	}
	if (!isfinite(norm))
		return mm_fail(err, MM_ERR_REFUSED,
			       "the gradient of '%s' is not finite at step "
			       "%ld; the last checkpoint is kept",
			       culprit(s), r->step + 1);
	look_for_spikes(r, report, unscale);
	if (r->o->clip_norm > 0 && r->o->clip_norm < norm + 1e-6)
		scale *= r->o->clip_norm / (norm + 1e-6);
	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->grad)
			update_one(r, s->param[i], scale);
	if (r->m->arch->after_step)
		r->m->arch->after_step(r->m);
	if (r->update.ema)
		average(r);
	return MM_OK;
}

void mm_update_swap(struct mm_run *r)
{
	const struct mm_store *s = &r->m->store;

	for (size_t i = 0; i < s->n && r->update.ema; i++) {
		mm_real *a = s->param[i]->val;
		mm_real *b = r->update.ema + place(r, s->param[i]);

		for (size_t k = 0; k < s->param[i]->n; k++) {
			const mm_real t = a[k];

			a[k] = b[k];
			b[k] = t;
		}
	}
}
