/* Batch norm and pooling against plain loops in double. */
#include "kerneltest.h"

struct problem {
	struct mm_batchnorm p;
	mm_real *x, *r, *dy, *gain, *bias, *mean, *var;
	double *y, *dx, *dr, *dgain, *dbias;
	size_t n;
};

static double slope(const struct mm_batchnorm *p, double u)
{
	const double s = 1 / (1 + exp(-u));

	switch (p->act) {
	case MM_ACT_RELU: return u > 0;
	case MM_ACT_SILU: return s * (1 + u * (1 - s));
	default: return 1;
	}
}

static double act(const struct mm_batchnorm *p, double u)
{
	switch (p->act) {
	case MM_ACT_RELU: return u > 0 ? u : 0;
	case MM_ACT_SILU: return u / (1 + exp(-u));
	default: return u;
	}
}

/* Element i of channel c, i < B n. */
static size_t at(const struct mm_batchnorm *p, size_t c, size_t i)
{
	return (i / p->n * p->C + c) * p->n + i % p->n;
}

static void channel(struct problem *q, size_t c)
{
	const struct mm_batchnorm *p = &q->p;
	const size_t N = p->B * p->n;
	double mean = 0, var = 0, rstd, sg = 0, sgh = 0;
	double *g = kt_zeros(N), *h = kt_zeros(N);

	for (size_t i = 0; i < N; i++)
		mean += (double)q->x[at(p, c, i)] / (double)N;
	for (size_t i = 0; i < N; i++)
		var += pow((double)q->x[at(p, c, i)] - mean, 2) / (double)N;
	if (!p->train) {
		mean = (double)q->mean[c];
		var = (double)q->var[c];
	}
	rstd = 1 / sqrt(var + (double)p->eps);
	for (size_t i = 0; i < N; i++) {
		const size_t k = at(p, c, i);
		double u;

		h[i] = ((double)q->x[k] - mean) * rstd;
		u = h[i] * (double)q->gain[c] + (double)q->bias[c] +
		    (p->residual ? (double)q->r[k] : 0);
		q->y[k] = act(p, u);
		g[i] = q->dr[k] = slope(p, u) * (double)q->dy[k];
		sg += g[i];
		sgh += g[i] * h[i];
	}
	q->dbias[c] = sg;
	q->dgain[c] = sgh;
	if (!p->train)
		sg = sgh = 0;
	for (size_t i = 0; i < N; i++)
		q->dx[at(p, c, i)] = (double)q->gain[c] * rstd *
				     (g[i] - (sg + h[i] * sgh) / (double)N);
	mm_free(g);
	mm_free(h);
}

static void problem_init(struct problem *q, size_t B, size_t C, size_t n,
			 enum mm_act a, bool residual, bool train)
{
	memset(q, 0, sizeof(*q));
	q->n = B * C * n;
	q->x = kt_random(q->n, 1);
	q->r = kt_random(q->n, 2);
	q->dy = kt_random(q->n, 3);
	q->gain = kt_random(C, 4);
	q->bias = kt_random(C, 5);
	q->mean = kt_random(C, 6);
	q->var = kt_random(C, 7);
	for (size_t c = 0; c < C; c++)
		q->var[c] += 2;
	q->y = kt_zeros(q->n);
	q->dx = kt_zeros(q->n);
	q->dr = kt_zeros(q->n);
	q->dgain = kt_zeros(C);
	q->dbias = kt_zeros(C);
	q->p = (struct mm_batchnorm){ .B = B,
				      .C = C,
				      .n = n,
				      .eps = (mm_real)1e-3,
				      .momentum = (mm_real)0.1,
				      .act = a,
				      .train = train,
				      .gain = q->gain,
				      .bias = q->bias,
				      .residual = residual ? q->r : NULL,
				      .running_mean = q->mean,
				      .running_var = q->var };
	for (size_t c = 0; c < C; c++)
		channel(q, c);
}

static void problem_release(struct problem *q)
{
	mm_free(q->x);
	mm_free(q->r);
	mm_free(q->dy);
	mm_free(q->gain);
	mm_free(q->bias);
	mm_free(q->mean);
	mm_free(q->var);
	mm_free(q->y);
	mm_free(q->dx);
	mm_free(q->dr);
	mm_free(q->dgain);
	mm_free(q->dbias);
}

static void compare(struct problem *q)
{
	const struct mm_batchnorm *p = &q->p;
	mm_real *y = kt_random(q->n, 8), *mean = kt_random(p->C, 9);
	mm_real *rstd = kt_random(p->C, 10), *dx = kt_random(q->n, 11);
	mm_real *dr = kt_random(q->n, 12), *dg = mm_calloc(p->C, sizeof(*dg));
	mm_real *db = mm_calloc(p->C, sizeof(*db));
	mm_real *work = mm_malloc(mm_batchnorm_work(p), sizeof(*work));
	const struct mm_batchnorm_grads d = {
		.dx = dx, .dresidual = dr, .dgain = dg, .dbias = db
	};

	mm_batchnorm_fwd(y, mean, rstd, q->x, p);
	kt_near("y", y, q->y, q->n, 2e-5);
	mm_batchnorm_bwd(&d, q->dy, mean, rstd, q->x, p, work);
	kt_near("dx", dx, q->dx, q->n, 2e-5);
	kt_near("dresidual", dr, q->dr, q->n, 2e-5);
	kt_near("dgain", dg, q->dgain, p->C, 2e-5);
	kt_near("dbias", db, q->dbias, p->C, 2e-5);
	mm_free(y);
	mm_free(mean);
	mm_free(rstd);
	mm_free(dx);
	mm_free(dr);
	mm_free(dg);
	mm_free(db);
	mm_free(work);
}

static const struct shape {
	size_t B, C, n;
	enum mm_act act;
	bool residual, train;
} shapes[] = {
	{ 1, 1, 2, MM_ACT_NONE, false, true },
	{ 4, 3, 4, MM_ACT_RELU, false, true },
	{ 3, 5, 49, MM_ACT_RELU, true, true },
	{ 2, 7, 65, MM_ACT_SILU, false, true },
	{ 2, 3, 5000, MM_ACT_NONE, true, true },
	{ 2, 40, 33, MM_ACT_SILU, true, true },
	{ 3, 5, 49, MM_ACT_RELU, true, false },
	{ 2, 7, 65, MM_ACT_SILU, false, false },
};

START_TEST(batchnorm_matches_plain_loops)
{
	const struct shape *s = &shapes[_i];

	KT_EACH_ISA(isa)
	{
		struct problem q;

		problem_init(&q, s->B, s->C, s->n, s->act, s->residual,
			     s->train);
		compare(&q);
		problem_release(&q);
	}
}
END_TEST

/* running = 0.9 running + 0.1 batch, with the unbiased variance. */
START_TEST(running_statistics_move)
{
	mm_real x[] = { 1, 2, 4, 9 }, y[4], mean, rstd, one = 1, zero = 0;
	mm_real running_mean = 10, running_var = 20;
	struct mm_batchnorm p = { .B = 2,
				  .C = 1,
				  .n = 2,
				  .momentum = (mm_real)0.1,
				  .train = true,
				  .gain = &one,
				  .bias = &zero,
				  .running_mean = &running_mean,
				  .running_var = &running_var };

	mm_batchnorm_fwd(y, &mean, &rstd, x, &p);
	ck_assert_double_eq_tol((double)mean, 4, 1e-6);
	ck_assert_double_eq_tol((double)running_mean, 9.4, 1e-5);
	ck_assert_double_eq_tol((double)running_var, 18 + 0.1 * 38 / 3, 1e-5);
	p.keep = true;
	mm_batchnorm_fwd(y, &mean, &rstd, x, &p);
	ck_assert_double_eq_tol((double)running_mean, 9.4, 1e-5);
	p.train = false;
	mm_batchnorm_fwd(y, &mean, &rstd, x, &p);
	ck_assert_double_eq_tol((double)mean, 9.4, 1e-5);
	ck_assert_double_eq_tol((double)running_mean, 9.4, 1e-5);
}
END_TEST

START_TEST(max_pool_takes_the_first_of_equals)
{
	const mm_real x[] = { 3, 1, 2, 3, 3, 0, -1, 5, 5 }, dy[] = { 1, 10 };
	mm_real y[4], dx[9] = { 0 };
	uint32_t where[4];
	struct mm_pool p = { 1, 3, 3, 2, 1, 0, 0, 0, 0 };

	mm_max_pool_fwd(y, where, x, &p);
	ck_assert_double_eq_tol((double)y[0], 3, 1e-9);
	ck_assert_uint_eq(where[0], 0);
	ck_assert_uint_eq(where[3], 7);
	p = (struct mm_pool){ 1, 3, 3, 3, 2, 1, 1, 1, 0 };
	ck_assert_uint_eq(mm_pool_rows(&p), 2);
	ck_assert_uint_eq(mm_pool_cols(&p), 1);
	mm_max_pool_fwd(y, where, x, &p);
	ck_assert_uint_eq(where[0], 0);
	ck_assert_uint_eq(where[1], 7);
	mm_max_pool_bwd(dx, dy, where, &p);
	ck_assert_double_eq_tol((double)dx[0], 1, 1e-9);
	ck_assert_double_eq_tol((double)dx[7], 10, 1e-9);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_batchnorm");
	TCase *tc = tcase_create("batch norm and pooling");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, batchnorm_matches_plain_loops, 0,
			    sizeof(shapes) / sizeof(*shapes));
	tcase_add_test(tc, running_statistics_move);
	tcase_add_test(tc, max_pool_takes_the_first_of_equals);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
