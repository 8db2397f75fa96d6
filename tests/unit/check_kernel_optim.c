/*
 * Optimisers, step by step against stored steps of PyTorch's (tests/golden/
 * adamw) and, where PyTorch has none, against their formulas in double.
 */
#include "golden.h"
#include "kerneltest.h"

struct setting {
	const char *name;
	bool sgd, nesterov;
	double beta1, beta2, eps, decay;
};

/* As in the set's settings; beta1 is the momentum of SGD. */
static const struct setting settings[] = {
	{ "adamw_clip", false, false, 0.9, 0.98, 1e-6, 0.2 },
	{ "adamw_default", false, false, 0.9, 0.999, 1e-8, 0.01 },
	{ "adamw_nodecay", false, false, 0.9, 0.95, 1e-3, 0 },
	{ "sgd", true, false, 0.9, 0, 0, 0.01 },
	{ "sgd_nesterov", true, true, 0.8, 0, 0, 0 },
	{ "sgd_plain", true, false, 0, 0, 0, 0 },
};

enum { N_SETTINGS = sizeof(settings) / sizeof(*settings), N_STEPS = 5 };

/* The tensor PREFIX.PARAM or PREFIX.PARAM.SUFFIX, NULL where there is none. */
static const struct mm_tensor *stored(const struct mm_safetensors *s,
				      const char *prefix, int step,
				      const char *param, const char *suffix)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.step%d.%s%s", prefix, step, param,
		 suffix);
	return mm_safetensors_find(s, name);
}

static void one_step(const struct setting *s, float *p, float *m, float *v,
		     const float *g, double lr, long t, size_t n)
{
	if (s->sgd)
		mm_sgd(p, m, g,
		       &(struct mm_sgd){ lr, s->beta1, s->decay, 1,
					 s->nesterov },
		       n);
	else
		mm_adamw(p, m, v, g,
			 &(struct mm_adamw){ lr, s->beta1, s->beta2, s->eps,
					     s->decay, 1, t },
			 n);
}

/* |got - want| <= 3e-7 max|want| + 1e-3 max|want - start|. */
static void near_step(const struct mm_tensor *t, const float *got,
		      const float *start)
{
	const size_t n = mm_tensor_count(t);
	float *want = golden_f32(t);
	double moved = 0;

	for (size_t i = 0; i < n; i++)
		moved = fmax(moved, fabs((double)want[i] - (double)start[i]));
	golden_near(t, got, 3e-7, 1e-3 / 3e-7 * moved);
	free(want);
}

static void follow(const struct setting *s, const struct mm_safetensors *in,
		   const struct mm_safetensors *want, const char *param)
{
	const size_t n = mm_tensor_count(golden(in, param));
	float *start = golden_f32(golden(in, param));
	float *p = golden_f32(golden(in, param)), *lr;
	float *m = calloc(n, sizeof(*m)), *v = calloc(n, sizeof(*v));

	lr = golden_f32(golden(in, "lr"));
	for (int k = 0; k < N_STEPS; k++) {
		const struct mm_tensor *tm, *tv;
		char name[64];
		float *g;

		snprintf(name, sizeof(name), "grad%d.%s", k, param);
		g = golden_f32(golden(in, name));
		one_step(s, p, m, v, g, (double)lr[k], k + 1, n);
		near_step(stored(want, s->name, k, param, ""), p, start);
		tm = stored(want, s->name, k, param, ".m");
		tv = stored(want, s->name, k, param, ".v");
		ck_assert(s->beta1 == 0 || tm);
		if (tm && s->beta1 > 0)
			golden_near(tm, m, 1e-5, 0);
		ck_assert(s->sgd || tv);
		if (tv)
			golden_near(tv, v, 1e-5, 0);
		free(g);
	}
	free(start);
	free(p);
	free(m);
	free(v);
	free(lr);
}

START_TEST(as_pytorch)
{
	static const char *const params[] = { "p0", "p1", "p2" };
	struct mm_safetensors in, want;

	golden_open(&in, golden_path("adamw", "inputs.safetensors"));
	golden_open(&want, golden_path("adamw", "expected.safetensors"));
	for (int s = 0; s < N_SETTINGS; s++)
		for (int i = 0; i < 3; i++)
			follow(&settings[s], &in, &want, params[i]);
	mm_safetensors_release(&in);
	mm_safetensors_release(&want);
}
END_TEST

/* The norm over all tensors, and gradients scaled to a norm of 1. */
START_TEST(clipping_as_pytorch)
{
	static const char *const params[] = { "p0", "p1", "p2" };
	struct mm_safetensors in, want;
	char name[64];

	golden_open(&in, golden_path("adamw", "inputs.safetensors"));
	golden_open(&want, golden_path("adamw", "expected.safetensors"));
	for (int k = 0; k < N_STEPS; k++) {
		float *g[3], norm;
		double ss = 0;

		for (int i = 0; i < 3; i++) {
			snprintf(name, sizeof(name), "grad%d.%s", k, params[i]);
			g[i] = golden_f32(golden(&in, name));
			ss += mm_sum_squares(
				g[i], mm_tensor_count(golden(&in, name)));
		}
		norm = (float)sqrt(ss);
		snprintf(name, sizeof(name), "clip.step%d.norm", k);
		golden_near(golden(&want, name), &norm, 1e-5, 0);
		for (int i = 0; i < 3; i++) {
			const struct mm_tensor *t =
				stored(&want, "clip", k, params[i], "");

			mm_axpby(g[i], 0, (float)fmin(1, 1 / (sqrt(ss) + 1e-6)),
				 g[i], mm_tensor_count(t));
			golden_near(t, g[i], 1e-5, 0);
			free(g[i]);
		}
	}
	mm_safetensors_release(&in);
	mm_safetensors_release(&want);
}
END_TEST

START_TEST(lamb_follows_its_formula)
{
	enum { N = 40001 };
	const struct mm_adamw a = { 0.01, 0.9, 0.999, 1e-6, 0.1, 0.5, 1 };
	mm_real *p = kt_random(N, 1), *g = kt_random(N, 2);
	mm_real *m = kt_random(N, 3), *v = kt_random(N, 4);
	mm_real *r = kt_random(N, 5), *zero = kt_random(N, 6);
	double *want = kt_zeros(N), pp = 0, rr = 0;

	memset(m, 0, N * sizeof(*m));
	memset(v, 0, N * sizeof(*v));
	memset(zero, 0, N * sizeof(*v));
	for (size_t i = 0; i < N; i++) {
		const double gi = 0.5 * (double)g[i];

		want[i] = gi / (fabs(gi) + 1e-6) + 0.1 * (double)p[i];
		pp += (double)p[i] * (double)p[i];
		rr += want[i] * want[i];
	}
	for (size_t i = 0; i < N; i++)
		want[i] = (double)p[i] - 0.01 * sqrt(pp / rr) * want[i];
	mm_lamb(p, m, v, r, g, &a, N);
	kt_near("p", p, want, N, 1e-6);
	/* No gradient and no weight: nothing moves, nothing divides by 0. */
	memset(m, 0, N * sizeof(*m));
	memset(v, 0, N * sizeof(*v));
	mm_lamb(zero, m, v, r, zero, &a, N);
	for (size_t i = 0; i < N; i++)
		ck_assert(zero[i] == 0);
	mm_free(p);
	mm_free(g);
	mm_free(m);
	mm_free(v);
	mm_free(r);
	mm_free(zero);
	mm_free(want);
}
END_TEST

START_TEST(average_and_checks)
{
	enum { N = 70001 };
	mm_real *a = kt_random(N, 1), *p = kt_random(N, 2);
	double *want = kt_zeros(N), ss = 0, one;

	for (size_t i = 0; i < N; i++) {
		want[i] = 0.99 * (double)a[i] + 0.01 * (double)p[i];
		ss += (double)p[i] * (double)p[i];
	}
	mm_ema(a, p, 0.99, N);
	kt_near("average", a, want, N, 1e-6);
	KT_EACH_ISA(isa)
	{
		mm_threads_set(1);
		one = mm_sum_squares(p, N);
		ck_assert_double_eq_tol(one, ss, 1e-9 * ss);
		mm_threads_set(3);
		ck_assert(mm_sum_squares(p, N) == one);
	}
	ck_assert_uint_eq(mm_first_not_finite(p, N), N);
	p[N - 1] = (mm_real)INFINITY;
	ck_assert_uint_eq(mm_first_not_finite(p, N), N - 1);
	p[777] = (mm_real)NAN;
	ck_assert_uint_eq(mm_first_not_finite(p, N), 777);
	ck_assert_uint_eq(mm_first_not_finite(p, 0), 0);
	mm_free(a);
	mm_free(p);
	mm_free(want);
}
END_TEST

KT_MAIN("kernel_optim", as_pytorch, clipping_as_pytorch,
	lamb_follows_its_formula, average_and_checks)
