/*
 * Losses against plain loops in double: values, gradients, ends of the range
 * and bits.  What PyTorch makes of them is in check_fusion.c.
 */
#include "kerneltest.h"

enum { IGNORE = -100 };

/* log softmax of row z, and the softmax. */
static void softmax_of(double *log_p, double *p, const mm_real *z, size_t K,
		       size_t step)
{
	double top = -INFINITY, s = 0;

	for (size_t k = 0; k < K; k++)
		top = fmax(top, (double)z[k * step]);
	for (size_t k = 0; k < K; k++)
		s += exp((double)z[k * step] - top);
	for (size_t k = 0; k < K; k++) {
		log_p[k] = (double)z[k * step] - top - log(s);
		p[k] = exp(log_p[k]);
	}
}

/* Loss and gradient of rows z (N, K) against targets q, of rows that count. */
static double cross_entropy_of(double *dz, const mm_real *z, const double *q,
			       const bool *counts, size_t N, size_t K)
{
	double *l = kt_zeros(2 * K), loss = 0;
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		n += counts[i];
	for (size_t i = 0; i < N; i++) {
		double mass = 0;

		softmax_of(l, l + K, z + i * K, K, 1);
		for (size_t k = 0; k < K; k++)
			mass += q[i * K + k];
		for (size_t k = 0; counts[i] && k < K; k++) {
			loss -= q[i * K + k] * l[k] / (double)n;
			dz[i * K + k] +=
				(mass * l[K + k] - q[i * K + k]) / (double)n;
		}
	}
	mm_free(l);
	return loss;
}

/* Logits up to +-scale. */
static mm_real *logits(size_t n, double scale)
{
	mm_real *z = kt_random(n, 1);

	for (size_t i = 0; i < n; i++)
		z[i] *= (mm_real)scale;
	return z;
}

static const size_t sizes[][2] = {
	{ 1, 1 }, { 2, 3 }, { 7, 70 }, { 130, 9 }, { 66, 1000 }
};

START_TEST(cross_entropy)
{
	for (int t = 0; t < 30; t++) {
		const size_t N = sizes[t % 5][0], K = sizes[t % 5][1];
		const double s = t % 2 ? 0.1 : 0, scale = t < 15 ? 3 : 100;
		mm_real *z = logits(N * K, scale), *lse = kt_random(N, 2);
		mm_real *dz = kt_random(N * K, 3), loss;
		double *q = kt_zeros(N * K), *want = kt_zeros(N * K), l;
		int32_t *target = mm_calloc(N, sizeof(*target));
		bool *counts = mm_calloc(N, sizeof(*counts));

		for (size_t i = 0; i < N; i++) {
			target[i] =
				i % 4 == 3 ? IGNORE : (int32_t)(i * 7919 % K);
			counts[i] = target[i] != IGNORE;
			for (size_t k = 0; k < K; k++) {
				const bool on = (int32_t)k == target[i];

				q[i * K + k] = (1 - s) * on + s / (double)K;
				dz[i * K + k] = 1;
			}
		}
		l = cross_entropy_of(want, z, q, counts, N, K);
		for (size_t i = 0; i < N * K; i++)
			want[i] = 1 + 0.5 * want[i];
		KT_EACH_ISA(isa)
		{
			mm_real *d = kt_random(N * K, 3);

			memcpy(d, dz, N * K * sizeof(*d));
			loss = mm_cross_entropy_fwd(lse, z, target, (mm_real)s,
						    IGNORE, N, K);
			mm_cross_entropy_bwd(d, (mm_real)0.5, lse, z, target,
					     (mm_real)s, IGNORE, N, K);
			ck_assert_double_eq_tol((double)loss, l,
						1e-6 * (1 + fabs(l)));
			kt_near("dz", d, want, N * K, 1e-5);
			mm_free(d);
		}
		mm_free(z);
		mm_free(lse);
		mm_free(dz);
		mm_free(q);
		mm_free(want);
		mm_free(target);
		mm_free(counts);
	}
}
END_TEST

/* Nothing counts: no loss, no gradient, no division by zero. */
START_TEST(nothing_counts)
{
	const int32_t target[] = { IGNORE, IGNORE };
	const mm_real z[] = { 1, 2, 3, 4 };
	mm_real dz[4] = { 0 }, lse[2];

	ck_assert(mm_cross_entropy_fwd(lse, z, target, 0, IGNORE, 2, 2) == 0);
	mm_cross_entropy_bwd(dz, 1, lse, z, target, 0, IGNORE, 2, 2);
	for (int i = 0; i < 4; i++)
		ck_assert(dz[i] == 0);
}
END_TEST

START_TEST(soft_cross_entropy)
{
	for (int t = 0; t < 5; t++) {
		const size_t N = sizes[t][0], K = sizes[t][1];
		mm_real *z = logits(N * K, 5), *lse = kt_random(N, 2);
		mm_real *q = kt_random(N * K, 4), *dz = kt_random(N * K, 3);
		mm_real loss;
		double *qd = kt_zeros(N * K), *want = kt_zeros(N * K), l;
		bool *counts = mm_calloc(N, sizeof(*counts));

		for (size_t i = 0; i < N; i++) {
			double mass = 0;

			counts[i] = true;
			for (size_t k = 0; k < K; k++)
				mass += fabs((double)q[i * K + k]);
			/* One row of zeros: it loses nothing. */
			for (size_t k = 0; k < K; k++) {
				double v = fabs((double)q[i * K + k]) / mass;

				q[i * K + k] = (mm_real)(i == 1 ? 0 : v);
				qd[i * K + k] = (double)q[i * K + k];
			}
		}
		l = cross_entropy_of(want, z, qd, counts, N, K);
		memset(dz, 0, N * K * sizeof(*dz));
		loss = mm_cross_entropy_soft_fwd(lse, z, q, N, K);
		mm_cross_entropy_soft_bwd(dz, 1, lse, z, q, N, K);
		ck_assert_double_eq_tol((double)loss, l, 1e-6 * (1 + fabs(l)));
		kt_near("dz", dz, want, N * K, 1e-6);
		mm_free(z);
		mm_free(lse);
		mm_free(q);
		mm_free(dz);
		mm_free(qd);
		mm_free(want);
		mm_free(counts);
	}
}
END_TEST

/* ---- losses over pairs ---- */

static const size_t pairs[] = { 1, 2, 9, 64, 65, 200 };

static int32_t *some_labels(size_t N, bool wanted)
{
	int32_t *labels = mm_calloc(N, sizeof(*labels));

	for (size_t i = 0; i < N; i++)
		labels[i] = (int32_t)(i * i % 5);
	if (wanted)
		return labels;
	mm_free(labels);
	return NULL;
}

static bool pair(const int32_t *labels, size_t i, size_t k)
{
	return labels ? labels[i] == labels[k] : i == k;
}

/* Rows' loss, or columns' where `turned`; gradients in z's order. */
static double one_way(double *dz, const mm_real *z, const int32_t *labels,
		      double s, size_t N, bool turned)
{
	double *l = kt_zeros(2 * N), loss = 0;

	for (size_t i = 0; i < N; i++) {
		size_t share = 0;

		softmax_of(l, l + N, turned ? z + i : z + i * N, N,
			   turned ? N : 1);
		for (size_t k = 0; k < N; k++)
			share += pair(labels, i, k);
		for (size_t k = 0; k < N; k++) {
			const double q =
				(1 - s) * pair(labels, i, k) / (double)share +
				s / (double)N;
			const size_t at = turned ? k * N + i : i * N + k;

			loss -= q * l[k] / (2 * (double)N);
			dz[at] += (l[N + k] - q) / (2 * (double)N);
		}
	}
	mm_free(l);
	return loss;
}

START_TEST(infonce)
{
	for (int t = 0; t < 48; t++) {
		const size_t N = pairs[t % 6];
		const double s = t / 6 % 2 ? 0.1 : 0;
		int32_t *labels = some_labels(N, t / 12 % 2);
		mm_real *z = logits(N * N, t < 24 ? 5 : 100), loss;
		mm_real *lse = kt_random(2 * N, 2), *dz = kt_random(N * N, 3);
		double *want = kt_zeros(N * N), l;

		l = one_way(want, z, labels, s, N, false);
		l += one_way(want, z, labels, s, N, true);
		KT_EACH_ISA(isa)
		{
			for (size_t i = 0; i < N * N; i++)
				dz[i] = (mm_real)0.25;
			loss = mm_infonce_fwd(lse, z, labels, (mm_real)s, N);
			mm_infonce_bwd(dz, 1, lse, z, labels, (mm_real)s, N);
			for (size_t i = 0; i < N * N; i++)
				dz[i] -= (mm_real)0.25;
			ck_assert_double_eq_tol((double)loss, l,
						2e-6 * (1 + fabs(l)));
			kt_near("dz", dz, want, N * N, 1e-5);
		}
		if (N == 1) /* a target of 1 on the only column */
			ck_assert(loss == 0 && dz[0] == 0);
		mm_free(labels);
		mm_free(z);
		mm_free(lse);
		mm_free(dz);
		mm_free(want);
	}
}
END_TEST

START_TEST(sigmoid_loss)
{
	for (int t = 0; t < 24; t++) {
		const size_t N = pairs[t % 6];
		int32_t *labels = some_labels(N, t / 6 % 2);
		mm_real *z = logits(N * N, t < 12 ? 5 : 100), loss;
		mm_real *dz = kt_random(N * N, 3);
		double *want = kt_zeros(N * N), l = 0;

		for (size_t i = 0; i < N * N; i++) {
			const double y = pair(labels, i / N, i % N) ? 1 : -1;
			const double u = -y * (double)z[i];

			l += fmax(u, 0) + log1p(exp(-fabs(u)));
			want[i] = -y / (1 + exp(-u)) / (double)N;
		}
		l /= (double)N;
		KT_EACH_ISA(isa)
		{
			memset(dz, 0, N * N * sizeof(*dz));
			loss = mm_sigmoid_loss_fwd(z, labels, N);
			mm_sigmoid_loss_bwd(dz, 1, z, labels, N);
			ck_assert_double_eq_tol((double)loss, l, 2e-6 * l);
			kt_near("dz", dz, want, N * N, 1e-6);
		}
		mm_free(labels);
		mm_free(z);
		mm_free(dz);
		mm_free(want);
	}
}
END_TEST

/* A pair that is surely right loses exp(-z), not what is left of rounding. */
START_TEST(small_losses_keep_their_digits)
{
	const mm_real z = 20;
	const int32_t label = 3;

	ck_assert_double_eq_tol((double)mm_sigmoid_loss_fwd(&z, NULL, 1),
				log1p(exp(-20.0)), 1e-6 * exp(-20.0));
	ck_assert_double_eq_tol((double)mm_sigmoid_loss_fwd(&z, &label, 1),
				log1p(exp(-20.0)), 1e-6 * exp(-20.0));
}
END_TEST

START_TEST(bits_do_not_depend_on_threads)
{
	enum { N = 150 };
	mm_real *z = logits(N * N, 9), *lse = kt_random(2 * N, 2);
	mm_real *dz = kt_random(N * N, 3), *first = kt_random(N * N, 3);
	mm_real a = 0, b = 0;
	int32_t *labels = some_labels(N, true);

	for (int threads = 1; threads <= 3; threads++) {
		mm_real a2, b2;

		mm_threads_set(threads);
		memset(dz, 0, N * N * sizeof(*dz));
		a2 = mm_infonce_fwd(lse, z, labels, (mm_real)0.1, N);
		mm_infonce_bwd(dz, 1, lse, z, labels, (mm_real)0.1, N);
		b2 = mm_sigmoid_loss_fwd(z, NULL, N);
		mm_sigmoid_loss_bwd(dz, 1, z, NULL, N);
		a2 += mm_cross_entropy_fwd(lse, z, labels, 0, IGNORE, N, N);
		mm_cross_entropy_bwd(dz, 1, lse, z, labels, 0, IGNORE, N, N);
		if (threads == 1) {
			a = a2;
			b = b2;
			memcpy(first, dz, N * N * sizeof(*dz));
		}
		ck_assert(a == a2 && b == b2);
		ck_assert_mem_eq(dz, first, N * N * sizeof(*dz));
	}
	mm_free(z);
	mm_free(lse);
	mm_free(dz);
	mm_free(first);
	mm_free(labels);
}
END_TEST

KT_MAIN("kernel_loss", cross_entropy, nothing_counts, soft_cross_entropy,
	infonce, sigmoid_loss, small_losses_keep_their_digits,
	bits_do_not_depend_on_threads)
