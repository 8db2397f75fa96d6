/*
 * batchnorm_body.h - loops over one plane, compiled once per instruction set
 * with MM_ISA_TABLE, the name of the table.  Sums run in a fixed number of
 * lanes and in pieces that float holds well.
 */
#include "kernel/batchnorm_isa.h"

enum { LANES = 32, PIECE = 4096 };

/* The sum over i < n of TERM; a function's whole body. */
#define SUM_OF(TERM)                                                   \
	double total = 0;                                              \
                                                                       \
	for (size_t from = 0; from < n; from += PIECE) {               \
		const size_t to = n - from < PIECE ? n : from + PIECE; \
		mm_real s[LANES] = { 0 };                              \
		size_t k = from;                                       \
                                                                       \
		for (; k + LANES <= to; k += LANES)                    \
			for (size_t l = 0; l < LANES; l++) {           \
				const size_t i = k + l;                \
				s[l] += TERM;                          \
			}                                              \
		for (size_t i = k; i < to; i++)                        \
			s[i - k] += TERM;                              \
		for (size_t l = LANES / 2; l; l /= 2)                  \
			for (size_t i = 0; i < l; i++)                 \
				s[i] += s[i + l];                      \
		total += (double)s[0];                                 \
	}                                                              \
	return total

static double sum(const mm_real *x, size_t n)
{
	SUM_OF(x[i]);
}

static double squares(const mm_real *x, mm_real mean, size_t n)
{
	SUM_OF((x[i] - mean) * (x[i] - mean));
}

static double products(const mm_real *g, const mm_real *x, mm_real mean,
		       size_t n)
{
	SUM_OF(g[i] * (x[i] - mean));
}

static inline mm_real above_zero(mm_real x)
{
	return x < 0 ? 0 : x; /* NaN stays NaN */
}

static void apply(mm_real *restrict y, const mm_real *restrict x,
		  const mm_real *restrict residual, mm_real mean, mm_real scale,
		  mm_real shift, int relu, size_t n)
{
	if (residual && relu)
		for (size_t i = 0; i < n; i++)
			y[i] = above_zero((x[i] - mean) * scale + shift +
					  residual[i]);
	else if (residual)
		for (size_t i = 0; i < n; i++)
			y[i] = (x[i] - mean) * scale + shift + residual[i];
	else if (relu)
		for (size_t i = 0; i < n; i++)
			y[i] = above_zero((x[i] - mean) * scale + shift);
	else
		for (size_t i = 0; i < n; i++)
			y[i] = (x[i] - mean) * scale + shift;
}

static void relu(mm_real *restrict g, const mm_real *restrict dy,
		 const mm_real *restrict y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		g[i] = y[i] > 0 ? dy[i] : 0;
}

static void back(mm_real *restrict dx, mm_real beta, const mm_real *restrict g,
		 const mm_real *restrict x, mm_real mean, mm_real scale,
		 mm_real a, mm_real b, size_t n)
{
	if (beta == 0)
		for (size_t i = 0; i < n; i++)
			dx[i] = scale * (g[i] - a - (x[i] - mean) * b);
	else
		for (size_t i = 0; i < n; i++)
			dx[i] = beta * dx[i] +
				scale * (g[i] - a - (x[i] - mean) * b);
}

const struct mm_batchnorm_isa MM_ISA_TABLE = {
	.sum = sum,
	.squares = squares,
	.products = products,
	.apply = apply,
	.relu = relu,
	.back = back,
};
