/*
 * Attention against plain loops in double: masks of all kinds, shared heads,
 * slices of one buffer, noise, and the bits for any number of threads.
 */
#include "kerneltest.h"

struct shape {
	size_t B, Tq, Tk, H, Hk, D;
	bool causal, mask, slices;
	bool ragged, one; /* several lengths; one query a sample */
	size_t prefix;
	double hidden, dropout;
};

static const struct shape shapes[] = {
	{ .B = 2, .Tq = 5, .Tk = 5, .H = 2, .D = 16 },
	{ .B = 1, .Tq = 1, .Tk = 1, .H = 1, .D = 1 },
	{ .B = 2, .Tq = 17, .Tk = 17, .H = 3, .D = 16, .causal = true },
	{ .B = 2, .Tq = 65, .Tk = 65, .H = 2, .D = 32, .slices = true },
	{ .B = 3, .Tq = 7, .Tk = 50, .H = 4, .D = 24, .mask = true },
	{ .B = 1, .Tq = 3, .Tk = 9, .H = 2, .D = 5, .causal = true },
	{ .B = 1, .Tq = 9, .Tk = 4, .H = 2, .D = 6, .causal = true },
	{ .B = 2,
	  .Tq = 20,
	  .Tk = 20,
	  .H = 6,
	  .Hk = 2,
	  .D = 8,
	  .mask = true,
	  .causal = true },
	{ .B = 2,
	  .Tq = 33,
	  .Tk = 33,
	  .H = 2,
	  .D = 12,
	  .causal = true,
	  .prefix = 11 },
	{ .B = 3,
	  .Tq = 10,
	  .Tk = 12,
	  .H = 2,
	  .D = 8,
	  .mask = true,
	  .hidden = -20 },
	{ .B = 2, .Tq = 31, .Tk = 18, .H = 2, .D = 16, .dropout = 0.3 },
	{ .B = 1,
	  .Tq = 200,
	  .Tk = 197,
	  .H = 1,
	  .D = 64,
	  .causal = true,
	  .mask = true,
	  .dropout = 0.1 },
	{ .B = 1,
	  .Tq = 90,
	  .Tk = 600,
	  .H = 1,
	  .Hk = 1,
	  .D = 40,
	  .slices = true },
	{ .B = 3, .Tq = 21, .Tk = 21, .H = 2, .D = 8, .ragged = true },
	{ .B = 4,
	  .Tq = 11,
	  .Tk = 11,
	  .H = 3,
	  .D = 12,
	  .ragged = true,
	  .mask = true,
	  .causal = true },
	{ .B = 3, .Tq = 1, .Tk = 65, .H = 4, .D = 32, .one = true },
	{ .B = 2,
	  .Tq = 1,
	  .Tk = 40,
	  .H = 2,
	  .D = 7,
	  .one = true,
	  .causal = true },
	{ .B = 4,
	  .Tq = 1,
	  .Tk = 19,
	  .H = 4,
	  .Hk = 2,
	  .D = 16,
	  .one = true,
	  .ragged = true,
	  .mask = true,
	  .causal = true },
};

enum { MAX_B = 4 };
enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes) };

struct problem {
	struct mm_attention a;
	size_t n_q, n_k, n_o, n_lse;
	mm_real *q, *kv, *d_o; /* kv: k, then v, or both in rows of q's */
	uint8_t *mask;
	mm_real *work;
	int32_t first[MAX_B + 1], at[MAX_B];
};

static uint8_t *some_mask(size_t B, size_t Tk)
{
	uint8_t *m = mm_calloc(B * Tk, 1);

	ck_assert_ptr_nonnull(m);
	/* The last sample but one hides everything where there are three. */
	for (size_t i = 0; i < B * Tk; i++)
		m[i] = i % 5 != 3 && !(B == 3 && i / Tk == 1);
	return m;
}

/* Sample b is 3 b shorter than the longest; its only query stands within. */
static void set_places(struct problem *p, const struct shape *s)
{
	p->first[0] = 0;
	for (size_t b = 0; b < s->B; b++) {
		const size_t n = s->Tk - (s->ragged ? 3 * b : 0);

		p->first[b + 1] = p->first[b] + (int32_t)n;
		p->at[b] = (int32_t)(n * (b + 1) / (s->B + 1));
	}
	p->a.first_k = s->ragged ? p->first : NULL;
	p->a.first_q = s->ragged && !s->one ? p->first : NULL;
	p->a.at = s->one ? p->at : NULL;
}

static void problem_init(struct problem *p, const struct shape *s)
{
	const size_t Hk = s->Hk ? s->Hk : s->H, w = s->H * s->D, wk = Hk * s->D;

	memset(p, 0, sizeof(*p));
	p->a = (struct mm_attention){ .ldq = w,
				      .ldk = wk,
				      .ldo = w,
				      .B = s->B,
				      .Tq = s->Tq,
				      .Tk = s->Tk,
				      .H = s->H,
				      .D = s->D,
				      .Hk = s->Hk,
				      .scale = (mm_real)0.9,
				      .hidden = (mm_real)s->hidden,
				      .causal = s->causal,
				      .prefix = s->prefix,
				      .dropout = s->dropout,
				      .key = 77,
				      .noise_offset = 13 };
	set_places(p, s);
	if (s->slices)
		p->a.ldk = 2 * wk + 3;
	p->n_k = (s->ragged ? (size_t)p->first[s->B] : s->B * s->Tk) * p->a.ldk;
	p->n_q = p->n_o =
		(p->a.first_q ? (size_t)p->first[s->B] : s->B * s->Tq) * w;
	p->n_lse = s->B * s->H * s->Tq;
	p->q = kt_random(p->n_q, 1);
	p->kv = kt_random(2 * p->n_k, 2);
	p->d_o = kt_random(p->n_o, 3);
	p->a.q = p->q;
	p->a.k = p->kv;
	p->a.v = s->slices ? p->kv + wk : p->kv + p->n_k;
	p->a.mask = p->mask = s->mask ? some_mask(s->B, s->Tk) : NULL;
	p->work = mm_malloc(mm_attention_work(&p->a), sizeof(mm_real));
	ck_assert_ptr_nonnull(p->work);
}

static void problem_release(struct problem *p)
{
	mm_free(p->q);
	mm_free(p->kv);
	mm_free(p->d_o);
	mm_free(p->mask);
	mm_free(p->work);
}

/* ---- the reference ---- */

struct at {
	size_t q, o, k, row;
};

static struct at locate(const struct mm_attention *a, size_t b, size_t h,
			size_t i, size_t k)
{
	const size_t Hk = a->Hk ? a->Hk : a->H;
	const size_t q = a->first_q ? (size_t)a->first_q[b] : b * a->Tq;
	const size_t first = a->first_k ? (size_t)a->first_k[b] : b * a->Tk;

	return (struct at){ .q = (q + i) * a->ldq + h * a->D,
			    .o = (q + i) * a->ldo + h * a->D,
			    .k = (first + k) * a->ldk + h / (a->H / Hk) * a->D,
			    .row = (b * a->H + h) * a->Tq + i };
}

static size_t length(const int32_t *first, size_t b, size_t T)
{
	return first ? (size_t)(first[b + 1] - first[b]) : T;
}

static bool later(const struct mm_attention *a, size_t b, size_t i, size_t k)
{
	if (a->at)
		return k > (size_t)a->at[b];
	return k + length(a->first_q, b, a->Tq) >
	       i + length(a->first_k, b, a->Tk);
}

/* P of one query; all zeros where it sees nothing. */
static void weights_of(double *p, const struct mm_attention *a, size_t b,
		       size_t h, size_t i)
{
	const size_t Tk = length(a->first_k, b, a->Tk);
	double top = -INFINITY, sum = 0;

	for (size_t k = 0; k < Tk; k++) {
		const struct at at = locate(a, b, h, i, k);
		const bool off = a->mask && !a->mask[b * a->Tk + k];

		p[k] = 0;
		for (size_t d = 0; d < a->D; d++)
			p[k] += (double)a->q[at.q + d] *
				(double)a->k[at.k + d] * (double)a->scale;
		if (off)
			p[k] += a->hidden != 0 ? (double)a->hidden : -INFINITY;
		if (a->causal && later(a, b, i, k) && k >= a->prefix)
			p[k] = -INFINITY;
		top = p[k] > top ? p[k] : top;
	}
	for (size_t k = 0; k < Tk; k++) {
		p[k] = top == -INFINITY ? 0 : exp(p[k] - top);
		sum += p[k];
	}
	for (size_t k = 0; k < Tk; k++)
		p[k] = sum > 0 ? p[k] / sum : 0;
}

/* The noise on P of a row. */
static void noise_of(double *r, const struct mm_attention *a, size_t row)
{
	mm_real *one = mm_malloc(a->Tk, sizeof(*one));

	ck_assert_ptr_nonnull(one);
	for (size_t k = 0; k < a->Tk; k++)
		one[k] = 1;
	if (a->dropout > 0)
		mm_dropout(one, 0, one, a->dropout, a->key,
			   a->noise_offset + row * a->Tk, 1, a->Tk);
	for (size_t k = 0; k < a->Tk; k++)
		r[k] = (double)one[k];
	mm_free(one);
}

struct want {
	double *o, *dq, *dk, *dv, *p;
};

static void reference_row(struct want *w, const struct problem *pr, size_t b,
			  size_t h, size_t i)
{
	const struct mm_attention *a = &pr->a;
	double *p = kt_zeros(3 * a->Tk), *r = p + a->Tk, *dp = r + a->Tk;
	const size_t Tk = length(a->first_k, b, a->Tk);
	const struct at q = locate(a, b, h, i, 0);
	double mean = 0;

	weights_of(p, a, b, h, i);
	noise_of(r, a, q.row);
	memcpy(w->p + q.row * a->Tk, p, a->Tk * sizeof(*p));
	for (size_t k = 0; k < Tk; k++) {
		const struct at at = locate(a, b, h, i, k);

		for (size_t d = 0; d < a->D; d++) {
			const double g = (double)pr->d_o[q.o + d];

			w->o[q.o + d] += p[k] * r[k] * (double)a->v[at.k + d];
			w->dv[at.k + d] += p[k] * r[k] * g;
			dp[k] += r[k] * g * (double)a->v[at.k + d];
		}
		mean += p[k] * dp[k];
	}
	for (size_t k = 0; k < Tk; k++) {
		const struct at at = locate(a, b, h, i, k);
		const double ds = p[k] * (dp[k] - mean) * (double)a->scale;

		for (size_t d = 0; d < a->D; d++) {
			w->dq[q.q + d] += ds * (double)a->k[at.k + d];
			w->dk[at.k + d] += ds * (double)a->q[q.q + d];
		}
	}
	mm_free(p);
}

static void want_init(struct want *w, const struct problem *p)
{
	const struct mm_attention *a = &p->a;

	w->o = kt_zeros(p->n_o);
	w->dq = kt_zeros(p->n_q);
	w->dk = kt_zeros(p->n_k);
	w->dv = kt_zeros(p->n_k);
	w->p = kt_zeros(p->n_lse * a->Tk);
	for (size_t b = 0; b < a->B; b++)
		for (size_t h = 0; h < a->H; h++)
			for (size_t i = 0; i < length(a->first_q, b, a->Tq);
			     i++)
				reference_row(w, p, b, h, i);
}

static void want_release(struct want *w)
{
	mm_free(w->o);
	mm_free(w->dq);
	mm_free(w->dk);
	mm_free(w->dv);
	mm_free(w->p);
}

/* ---- both passes ---- */

struct got {
	mm_real *o, *lse, *dq, *dk, *dv, *p;
};

/* Gradients go onto ones: beta is 1, 0.5 and 0. */
static const mm_real beta[3] = { 1, (mm_real)0.5, 0 };

static void got_init(struct got *g, const struct problem *p)
{
	g->o = kt_random(p->n_o, 9);
	g->lse = kt_random(p->n_lse, 9);
	g->dq = kt_random(p->n_q, 9);
	g->dk = kt_random(p->n_k, 9);
	g->dv = kt_random(p->n_k, 9);
	g->p = kt_random(p->n_lse * p->a.Tk, 9);
	for (size_t i = 0; i < p->n_q; i++)
		g->dq[i] = 1;
	for (size_t i = 0; i < p->n_k; i++)
		g->dk[i] = g->dv[i] = 1;
	mm_attention_fwd(g->o, g->lse, &p->a, p->work);
	mm_attention_weights(g->p, g->lse, &p->a, p->work);
	mm_attention_bwd(g->dq, g->dk, g->dv, beta, p->d_o, g->o, g->lse, &p->a,
			 p->work);
}

static void got_release(struct got *g)
{
	mm_free(g->o);
	mm_free(g->lse);
	mm_free(g->dq);
	mm_free(g->dk);
	mm_free(g->dv);
	mm_free(g->p);
}

/* Numbers between the slices stay as they were: 1. */
static void expect_base(const struct problem *p, struct want *w)
{
	const size_t Hk = p->a.Hk ? p->a.Hk : p->a.H;

	for (size_t i = 0; i < p->n_q; i++)
		w->dq[i] += 1;
	for (size_t i = 0; i < p->n_k; i++) {
		const bool inside = i % p->a.ldk < Hk * p->a.D;

		w->dk[i] += inside ? 0.5 : 1;
		w->dv[i] += inside ? 0 : 1;
	}
}

START_TEST(both_passes)
{
	for (int s = 0; s < N_SHAPES; s++) {
		struct problem p;
		struct want w;

		problem_init(&p, &shapes[s]);
		want_init(&w, &p);
		expect_base(&p, &w);
		KT_EACH_ISA(isa)
		{
			struct got g;

			got_init(&g, &p);
			kt_near("o", g.o, w.o, p.n_o, 2e-6);
			if (!p.a.first_q)
				kt_near("p", g.p, w.p, p.n_lse * p.a.Tk, 2e-6);
			kt_near("dq", g.dq, w.dq, p.n_q, 5e-6);
			kt_near("dk", g.dk, w.dk, p.n_k, 5e-6);
			kt_near("dv", g.dv, w.dv, p.n_k, 5e-6);
			got_release(&g);
		}
		want_release(&w);
		problem_release(&p);
	}
}
END_TEST

START_TEST(bits_do_not_depend_on_threads)
{
	for (int s = 0; s < N_SHAPES; s++) {
		struct problem p;
		struct got one;

		problem_init(&p, &shapes[s]);
		mm_threads_set(1);
		got_init(&one, &p);
		for (int threads = 2; threads <= 3; threads++) {
			struct got g;

			mm_threads_set(threads);
			got_init(&g, &p);
			ck_assert_mem_eq(g.o, one.o, p.n_o * sizeof(*g.o));
			ck_assert_mem_eq(g.dq, one.dq, p.n_q * sizeof(*g.o));
			ck_assert_mem_eq(g.dk, one.dk, p.n_k * sizeof(*g.o));
			ck_assert_mem_eq(g.dv, one.dv, p.n_k * sizeof(*g.o));
			got_release(&g);
		}
		got_release(&one);
		problem_release(&p);
	}
}
END_TEST

/* The rows of a sample have the same bits alone and in a batch. */
START_TEST(bits_do_not_depend_on_the_batch)
{
	struct problem p;
	struct got g;
	mm_real *o;

	problem_init(&p, &shapes[4]);
	got_init(&g, &p);
	o = kt_random(p.n_o, 5);
	p.a.B = 1;
	p.a.q += 2 * p.a.Tq * p.a.ldq;
	p.a.k += 2 * p.a.Tk * p.a.ldk;
	p.a.v += 2 * p.a.Tk * p.a.ldk;
	p.a.mask += 2 * p.a.Tk;
	mm_attention_fwd(o, NULL, &p.a, p.work);
	ck_assert_mem_eq(o, g.o + 2 * p.a.Tq * p.a.ldo,
			 p.a.Tq * p.a.ldo * sizeof(*o));
	mm_free(o);
	got_release(&g);
	problem_release(&p);
}
END_TEST

/* A gradient that nobody wants changes nothing about the others. */
START_TEST(gradients_can_be_left_out)
{
	for (int left = 0; left < 3; left++) {
		mm_real *d[3];
		struct problem p;
		struct got g;

		problem_init(&p, &shapes[7]);
		got_init(&g, &p);
		d[0] = kt_random(p.n_q, 4);
		d[1] = kt_random(p.n_k, 4);
		d[2] = kt_random(p.n_k, 4);
		for (size_t i = 0; i < p.n_q; i++)
			d[0][i] = 1;
		for (size_t i = 0; i < p.n_k; i++)
			d[1][i] = d[2][i] = 1;
		mm_attention_bwd(left == 0 ? NULL : d[0],
				 left == 1 ? NULL : d[1],
				 left == 2 ? NULL : d[2], beta, p.d_o, g.o,
				 g.lse, &p.a, p.work);
		if (left != 0)
			ck_assert_mem_eq(d[0], g.dq, p.n_q * sizeof(**d));
		if (left != 1)
			ck_assert_mem_eq(d[1], g.dk, p.n_k * sizeof(**d));
		if (left != 2)
			ck_assert_mem_eq(d[2], g.dv, p.n_k * sizeof(**d));
		for (int i = 0; i < 3; i++)
			mm_free(d[i]);
		got_release(&g);
		problem_release(&p);
	}
}
END_TEST

/* Keys in a longer buffer, as a decoder keeps them. */
START_TEST(samples_can_lie_apart)
{
	struct problem p;
	struct got g;
	mm_real *k, *v, *o;
	size_t n, far;

	problem_init(&p, &shapes[2]);
	got_init(&g, &p);
	n = p.a.Tk * p.a.ldk;
	far = n + 3 * p.a.ldk;
	k = kt_random(p.a.B * far, 6);
	v = kt_random(p.a.B * far, 6);
	o = kt_random(p.n_o, 6);
	for (size_t b = 0; b < p.a.B; b++) {
		memcpy(k + b * far, p.a.k + b * n, n * sizeof(*k));
		memcpy(v + b * far, p.a.v + b * n, n * sizeof(*v));
	}
	p.a.k = k;
	p.a.v = v;
	p.a.sample_k = far;
	mm_attention_fwd(o, NULL, &p.a, p.work);
	ck_assert_mem_eq(o, g.o, p.n_o * sizeof(*o));
	mm_free(k);
	mm_free(v);
	mm_free(o);
	got_release(&g);
	problem_release(&p);
}
END_TEST

KT_MAIN("kernel_attention", both_passes, bits_do_not_depend_on_threads,
	bits_do_not_depend_on_the_batch, gradients_can_be_left_out,
	samples_can_lie_apart)
