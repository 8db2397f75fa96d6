/* Normalisations and softmax against plain loops in double, and their bits. */
#include "kerneltest.h"

static const size_t sizes[][2] = {
	{ 1, 1 }, { 3, 7 }, { 700, 35 }, { 65, 128 }, { 2, 9000 }
};

enum { N_SIZES = sizeof(sizes) / sizeof(*sizes) };

/* Random inputs of one size, and room for what kernels say. */
struct data {
	size_t N, C;
	mm_real *x, *dy, *gain, *bias, *y, *a, *b, *dx, *dgain, *dbias;
	double *wy, *wdx, *wdgain, *wdbias;
};

static void data_init(struct data *d, int size)
{
	const size_t N = sizes[size][0], C = sizes[size][1];

	*d = (struct data){ N,
			    C,
			    kt_random(N * C, 1),
			    kt_random(N * C, 2),
			    kt_random(C, 3),
			    kt_random(C, 4),
			    kt_random(N * C, 5),
			    kt_random(N, 6),
			    kt_random(N, 7),
			    kt_random(N * C, 8),
			    kt_random(C, 9),
			    kt_random(C, 10),
			    kt_zeros(N * C),
			    kt_zeros(N * C),
			    kt_zeros(C),
			    kt_zeros(C) };
	for (size_t i = 0; i < N * C; i++)
		d->x[i] = d->x[i] * 2 + 1;
}

static void data_release(struct data *d)
{
	mm_free(d->x);
	mm_free(d->dy);
	mm_free(d->gain);
	mm_free(d->bias);
	mm_free(d->y);
	mm_free(d->a);
	mm_free(d->b);
	mm_free(d->dx);
	mm_free(d->dgain);
	mm_free(d->dbias);
	mm_free(d->wy);
	mm_free(d->wdx);
	mm_free(d->wdgain);
	mm_free(d->wdbias);
}

/*
 * What layer norm does to row n, or with centre = false what the root mean
 * square does: the mean is taken for 0 and has no gradient.
 */
static void norm_reference(struct data *d, size_t n, double eps, bool centre)
{
	const mm_real *x = d->x + n * d->C, *dy = d->dy + n * d->C;
	const double C = (double)d->C;
	double mean = 0, var = 0, g = 0, gh = 0, rstd;

	for (size_t c = 0; centre && c < d->C; c++)
		mean += (double)x[c] / C;
	for (size_t c = 0; c < d->C; c++)
		var += ((double)x[c] - mean) * ((double)x[c] - mean) / C;
	rstd = 1 / sqrt(var + eps);
	for (size_t c = 0; c < d->C; c++) {
		const double h = ((double)x[c] - mean) * rstd;
		const double gc = (double)dy[c] * (double)d->gain[c];

		d->wy[n * d->C + c] = h * (double)d->gain[c] +
				      (centre ? (double)d->bias[c] : 0);
		g += centre ? gc / C : 0;
		gh += gc * h / C;
		d->wdgain[c] += (double)dy[c] * h;
		d->wdbias[c] += (double)dy[c];
	}
	for (size_t c = 0; c < d->C; c++) {
		const double h = ((double)x[c] - mean) * rstd;

		d->wdx[n * d->C + c] =
			0.5 * (double)d->dx[n * d->C + c] +
			rstd * ((double)dy[c] * (double)d->gain[c] - g -
				h * gh);
	}
}

static void check_norm(bool centre)
{
	const mm_real eps = (mm_real)1e-5, half = (mm_real)0.5;

	for (int s = 0; s < N_SIZES; s++) {
		struct data d;
		mm_real *dx;

		data_init(&d, s);
		dx = kt_random(d.N * d.C, 8);
		for (size_t n = 0; n < d.N; n++)
			norm_reference(&d, n, 1e-5, centre);
		KT_EACH_ISA(isa)
		{
			memcpy(dx, d.dx, d.N * d.C * sizeof(*dx));
			memset(d.dgain, 0, d.C * sizeof(*dx));
			memset(d.dbias, 0, d.C * sizeof(*dx));
			if (centre) {
				mm_layernorm_fwd(d.y, d.a, d.b, d.x, d.gain,
						 d.bias, eps, d.N, d.C);
				mm_layernorm_bwd(dx, half, d.dgain, d.dbias,
						 d.dy, d.a, d.b, d.x, d.gain,
						 d.N, d.C);
				kt_near("dbias", d.dbias, d.wdbias, d.C, 1e-5);
			} else {
				mm_rmsnorm_fwd(d.y, d.a, d.x, d.gain, eps, d.N,
					       d.C);
				mm_rmsnorm_bwd(dx, half, d.dgain, d.dy, d.a,
					       d.x, d.gain, d.N, d.C);
			}
			kt_near("y", d.y, d.wy, d.N * d.C, 5e-6);
			kt_near("dgain", d.dgain, d.wdgain, d.C, 1e-5);
			/* C = 1: rstd is 1 / sqrt(eps). */
			kt_near("dx", dx, d.wdx, d.N * d.C, 1e-5);
		}
		mm_free(dx);
		data_release(&d);
	}
}

START_TEST(layernorm)
{
	check_norm(true);
}
END_TEST

START_TEST(rmsnorm)
{
	check_norm(false);
}
END_TEST

START_TEST(l2norm)
{
	for (int s = 0; s < N_SIZES; s++) {
		struct data d;

		data_init(&d, s);
		/* The first row is zero: it stays so, and passes dy / eps. */
		memset(d.x, 0, d.C * sizeof(*d.x));
		for (size_t n = 0; n < d.N; n++) {
			const mm_real *x = d.x + n * d.C, *dy = d.dy + n * d.C;
			double ss = 0, dot = 0, r;

			for (size_t c = 0; c < d.C; c++)
				ss += (double)x[c] * (double)x[c];
			r = 1 / fmax(sqrt(ss), 1e-3);
			for (size_t c = 0; c < d.C; c++)
				dot += (double)x[c] * r * (double)dy[c];
			for (size_t c = 0; c < d.C; c++) {
				d.wy[n * d.C + c] = (double)x[c] * r;
				d.wdx[n * d.C + c] =
					1 + r * ((double)dy[c] -
						 dot * (double)x[c] * r);
			}
		}
		KT_EACH_ISA(isa)
		{
			for (size_t i = 0; i < d.N * d.C; i++)
				d.dx[i] = 1;
			mm_l2norm_fwd(d.y, d.a, d.x, (mm_real)1e-3, d.N, d.C);
			mm_l2norm_bwd(d.dx, d.dy, d.y, d.a, (mm_real)1e-3, d.N,
				      d.C);
			kt_near("y", d.y, d.wy, d.N * d.C, 1e-6);
			kt_near("dx", d.dx, d.wdx, d.N * d.C, 2e-6);
			for (size_t c = 0; c < d.C; c++)
				ck_assert(d.y[c] == 0);
		}
		data_release(&d);
	}
}
END_TEST

static void check_softmax(bool logarithm)
{
	for (int s = 0; s < N_SIZES; s++) {
		struct data d;

		data_init(&d, s);
		for (size_t i = 0; i < d.N * d.C; i++)
			d.x[i] *= 30; /* exp(x) would overflow */
		for (size_t n = 0; n < d.N; n++) {
			const mm_real *x = d.x + n * d.C, *dy = d.dy + n * d.C;
			double top = -INFINITY, z = 0, dot = 0, sum = 0;

			for (size_t c = 0; c < d.C; c++)
				top = fmax(top, (double)x[c]);
			for (size_t c = 0; c < d.C; c++)
				z += exp((double)x[c] - top);
			for (size_t c = 0; c < d.C; c++) {
				const double l = (double)x[c] - top - log(z);

				dot += exp(l) * (double)dy[c];
				sum += (double)dy[c];
				d.wy[n * d.C + c] = logarithm ? l : exp(l);
			}
			for (size_t c = 0; c < d.C; c++) {
				const double l = (double)x[c] - top - log(z);
				const double g = (double)dy[c];

				d.wdx[n * d.C + c] =
					1 + (logarithm ? g - exp(l) * sum
						       : exp(l) * (g - dot));
			}
		}
		KT_EACH_ISA(isa)
		{
			for (size_t i = 0; i < d.N * d.C; i++)
				d.dx[i] = 1;
			mm_softmax_fwd(d.y, d.x, logarithm, d.N, d.C);
			mm_softmax_bwd(d.dx, d.dy, d.y, logarithm, d.N, d.C);
			kt_near("y", d.y, d.wy, d.N * d.C, 2e-6);
			kt_near("dx", d.dx, d.wdx, d.N * d.C, 1e-5);
			memcpy(d.y, d.x, d.N * d.C * sizeof(*d.y));
			mm_softmax_fwd(d.y, d.y, logarithm, d.N, d.C);
			kt_near("y in place", d.y, d.wy, d.N * d.C, 2e-6);
		}
		data_release(&d);
	}
}

START_TEST(softmax)
{
	check_softmax(false);
}
END_TEST

START_TEST(log_softmax)
{
	check_softmax(true);
}
END_TEST

/* All of the above on one size, as bytes. */
static void all_of_it(struct data *d)
{
	const mm_real eps = (mm_real)1e-5;

	mm_layernorm_fwd(d->y, d->a, d->b, d->x, d->gain, d->bias, eps, d->N,
			 d->C);
	mm_layernorm_bwd(d->dx, 1, d->dgain, d->dbias, d->dy, d->a, d->b, d->x,
			 d->gain, d->N, d->C);
	mm_rmsnorm_fwd(d->y, d->a, d->y, d->gain, eps, d->N, d->C);
	mm_rmsnorm_bwd(d->dx, 1, d->dgain, d->dy, d->a, d->y, d->gain, d->N,
		       d->C);
	mm_l2norm_fwd(d->y, d->a, d->y, eps, d->N, d->C);
	mm_l2norm_bwd(d->dx, d->dy, d->y, d->a, eps, d->N, d->C);
	mm_softmax_fwd(d->y, d->y, false, d->N, d->C);
	mm_softmax_bwd(d->dx, d->dy, d->y, false, d->N, d->C);
}

START_TEST(bits_do_not_depend_on_threads)
{
	struct data one;

	data_init(&one, 2);
	mm_threads_set(1);
	all_of_it(&one);
	for (int threads = 2; threads <= 3; threads++) {
		struct data d;

		data_init(&d, 2);
		mm_threads_set(threads);
		all_of_it(&d);
		ck_assert_mem_eq(d.y, one.y, d.N * d.C * sizeof(*d.y));
		ck_assert_mem_eq(d.dx, one.dx, d.N * d.C * sizeof(*d.y));
		ck_assert_mem_eq(d.dgain, one.dgain, d.C * sizeof(*d.y));
		ck_assert_mem_eq(d.dbias, one.dbias, d.C * sizeof(*d.y));
		data_release(&d);
	}
	data_release(&one);
}
END_TEST

KT_MAIN("kernel_norm", layernorm, rmsnorm, l2norm, softmax, log_softmax,
	bits_do_not_depend_on_threads)
