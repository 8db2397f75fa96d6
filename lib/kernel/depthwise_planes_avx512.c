/*
 * depthwise_planes_avx512.c - see depthwise_planes.h.
 *
 * A vector of results goes down its columns: a row of the source is loaded once
 * for each column of taps and multiplied for all rows of results that it bears
 * on, whose sums move up by one register from row to row.  All taps stay in
 * registers.  Masks make the zeros around a plane, so nothing is copied; loads
 * cross lines of the cache, but there are five for 25 multiplications.  At
 * stride 2 rows go in pairs, and columns are dealt out to even and odd ones.
 */
#if defined(__x86_64__) && !defined(MM_DOUBLE)
#include <immintrin.h>
#include <stdint.h>

#include "kernel/depthwise_isa.h"
#include "kernel/depthwise_planes.h"
#include "kernel/unroll.h"

/* Compilers like to finish one sum before the next: a chain of waits. */
#define IN_ORDER(v) __asm__("" : "+v"(v))

typedef __m512 vec;
typedef __mmask16 mask;

enum {
	VL = MM_DP_LANES,
	KM = MM_DP_KERNEL,
	HALF = (KM + 1) / 2,
	LINE = 64,
	FIRST = 32 << 10
};

/* What a vector holds: columns of one plane, or of two, or one column of as
 * many planes as there are lanes. */
enum lanes { ONE, TWO, EACH };

struct block {
	size_t plane;
	enum lanes how;
	const float *x[2]; /* of lane 0 in row 0 */
	float *y[2];
	mask in[2][KM], out[2];
	const char *next[2]; /* to ask for, and bytes a row */
	size_t step[2];
};

typedef void block_fn(const struct mm_dp *p, const struct block *b,
		      float *sums);

/* Bits lo <= i < hi. */
INLINE mask bits(ptrdiff_t lo, ptrdiff_t hi)
{
	const unsigned a = lo < 0 ? 0 : lo > VL ? VL : (unsigned)lo;
	const unsigned b = hi < 0 ? 0 : hi > VL ? VL : (unsigned)hi;

	return b > a ? (mask)((1u << b) - (1u << a)) : 0;
}

/* Number i from p on, perhaps outside of any plane where a mask follows. */
INLINE uintptr_t at(const float *p, ptrdiff_t i)
{
	return (uintptr_t)p + (uintptr_t)i * sizeof(*p);
}

INLINE vec load(const float *p, ptrdiff_t i, mask m)
{
	return _mm512_maskz_loadu_ps(m, (const void *)at(p, i));
}

INLINE vec get(const struct block *b, enum lanes how, ptrdiff_t i, size_t v)
{
	const ptrdiff_t n = i + (ptrdiff_t)v;
	vec z;

	if (how == EACH)
		return _mm512_load_ps((const float *)at(b->x[0], i * VL) +
				      v * VL);
	z = load(b->x[0], n, b->in[0][v]);
	return how == TWO ? _mm512_mask_loadu_ps(z, b->in[1][v],
						 (const void *)at(b->x[1], n))
			  : z;
}

INLINE vec get_y(const struct block *b, enum lanes how, ptrdiff_t i)
{
	vec z;

	if (how == EACH)
		return _mm512_load_ps(b->y[0] + i * VL);
	z = load(b->y[0], i, b->out[0]);
	return how == TWO ? _mm512_mask_loadu_ps(z, b->out[1],
						 (const void *)at(b->y[1], i))
			  : z;
}

INLINE void store(float *p, ptrdiff_t i, vec z, mask m)
{
	_mm512_mask_storeu_ps((void *)at(p, i), m, z);
}

INLINE void put(const struct block *b, enum lanes how, ptrdiff_t i, vec z,
		float beta)
{
	if (how == EACH) {
		_mm512_store_ps(b->y[0] + i * VL, z);
		return;
	}
	if (beta != 0)
		z = _mm512_fmadd_ps(_mm512_set1_ps(beta), get_y(b, how, i), z);
	store(b->y[0], i, z, b->out[0]);
	if (how == TWO)
		store(b->y[1], i, z, b->out[1]);
}

/* Number k of the n that belong to a lane's plane. */
INLINE vec own(const struct block *b, enum lanes how, const float *from,
	       size_t n, size_t k)
{
	const float *w = from + b->plane * n + k;
	vec a;

	if (how == EACH)
		return _mm512_load_ps(from + k * VL);
	a = _mm512_set1_ps(*w);
	return how == TWO ? _mm512_mask_broadcastss_ps(a, b->out[1],
						       _mm_load_ss(w + n))
			  : a;
}

INLINE void taps(vec w[KM * KM], size_t K, enum lanes how,
		 const struct mm_dp *p, const struct block *b)
{
	const size_t n = K * K;

	UNROLL
	for (size_t k = 0; k < n; k++)
		w[k] = own(b, how, p->w, n,
			   p->back && !p->spread ? n - 1 - k : k);
}

INLINE vec bias(enum lanes how, const struct mm_dp *p, const struct block *b)
{
	return p->bias ? own(b, how, p->bias, 1, 0) : _mm512_setzero_ps();
}

/* Lines of the cache, of `far` planes two in each of the rows that a step
 * takes: into the second cache, as the first one holds less than such planes.
 */
INLINE void ask(const struct block *b, size_t row, size_t nx, size_t ny,
		bool far)
{
	const char *x = b->next[0] + row * b->step[0];
	const char *y = b->next[1] + row * b->step[1];

	UNROLL
	for (size_t i = 0; i < nx + ny; i++) {
		const size_t n = i < nx ? i : i - nx;
		const char *line = (i < nx ? x : y) + n % 2 * LINE +
				   n / 2 * b->step[i >= nx] / 2;

		if (far)
			_mm_prefetch(line, _MM_HINT_T1);
		else
			_mm_prefetch(line, _MM_HINT_T0);
	}
}

INLINE void load_sums(vec *sum, const float *sums, size_t n)
{
	UNROLL
	for (size_t k = 0; k < n; k++)
		sum[k] = _mm512_loadu_ps(sums + k * VL);
}

INLINE void store_sums(float *sums, const vec *sum, size_t n)
{
	UNROLL
	for (size_t k = 0; k < n; k++)
		_mm512_storeu_ps(sums + k * VL, sum[k]);
}

/* ---- stride 1 ---- */

/* Columns one after another, where lanes hold planes. */
INLINE size_t columns(enum lanes how, const struct mm_dp *p)
{
	return how == EACH ? p->cols : 1;
}

/* A bit for each tap of column c that lies in the source, or has a mask. */
INLINE unsigned inside(size_t K, enum lanes how, const struct mm_dp *p,
		       size_t c)
{
	unsigned in = how == EACH ? 0 : (1u << K) - 1;

	for (size_t v = 0; v < K && how == EACH; v++)
		in |= (unsigned)(c + v - p->left < p->W) << v;
	return in;
}

/* sum[k] is that of row y + k, which takes source row y + K - 1 - top by row
 * K - 1 - k of the taps. */
INLINE void down_column(size_t K, enum lanes how, const struct mm_dp *p,
			const struct block *b, size_t c, const vec w[KM * KM],
			vec base)
{
	const ptrdiff_t first = (ptrdiff_t)p->first, end = (ptrdiff_t)p->end;
	const ptrdiff_t plus = (ptrdiff_t)(K - 1), col = (ptrdiff_t)c;
	const size_t before = c * (p->end - p->first + K - 1);
	const unsigned in = inside(K, how, p, c);
	vec sum[KM];

	UNROLL
	for (size_t k = 0; k < K; k++)
		sum[k] = base;
	for (ptrdiff_t y = first - plus; y < end; y++) {
		const ptrdiff_t r = y + plus - (ptrdiff_t)p->top;

		ask(b, before + (size_t)(y + plus - first), 1, 1,
		    K == 3 && how != EACH);
		UNROLL
		for (size_t v = 0; v < K; v++) {
			vec z;

			if ((size_t)r >= p->H)
				break;
			if (!(in & 1u << v))
				continue;
			z = get(b, how, r * (ptrdiff_t)p->W + col, v);
			UNROLL
			for (size_t k = 0; k < K; k++)
				sum[k] = _mm512_fmadd_ps(w[(K - 1 - k) * K + v],
							 z, sum[k]);
			UNROLL
			for (size_t k = 0; k < K; k++)
				IN_ORDER(sum[k]);
		}
		if (y >= first)
			put(b, how, y * (ptrdiff_t)p->Wo + col, sum[0],
			    p->beta);
		UNROLL
		for (size_t k = 0; k + 1 < K; k++)
			sum[k] = sum[k + 1];
		sum[K - 1] = base;
	}
}

INLINE void down(size_t K, enum lanes how, const struct mm_dp *p,
		 const struct block *b)
{
	const vec base = bias(how, p, b);
	vec w[KM * KM];

	taps(w, K, how, p, b);
	for (size_t c = 0; c < columns(how, p); c++)
		down_column(K, how, p, b, c, w, base);
}

/* d[u] is row y - u of dy, which meets row y - top of x by row u of the
 * taps. */
INLINE void weigh_column(size_t K, enum lanes how, const struct mm_dp *p,
			 const struct block *b, size_t c, vec sum[KM * KM])
{
	const size_t before = c * (p->end - p->first + K - 1);
	const unsigned in = inside(K, how, p, c);
	vec d[KM];

	UNROLL
	for (size_t k = 0; k < K; k++)
		d[k] = _mm512_setzero_ps();
	for (size_t y = p->first; y < p->end + K - 1; y++) {
		const ptrdiff_t r = (ptrdiff_t)y - (ptrdiff_t)p->top;

		ask(b, before + y - p->first, 1, 1, K == 3 && how != EACH);
		UNROLL
		for (size_t k = K - 1; k; k--)
			d[k] = d[k - 1];
		d[0] = y < p->end ? get_y(b, how, (ptrdiff_t)(y * p->Wo + c))
				  : _mm512_setzero_ps();
		UNROLL
		for (size_t v = 0; v < K; v++) {
			vec z;

			if ((size_t)r >= p->H)
				break;
			if (!(in & 1u << v))
				continue;
			z = get(b, how, r * (ptrdiff_t)p->W + (ptrdiff_t)c, v);
			IN_ORDER(z);
			UNROLL
			for (size_t u = 0; u < K; u++)
				sum[u * K + v] = _mm512_fmadd_ps(
					d[u], z, sum[u * K + v]);
		}
	}
}

INLINE void weigh(size_t K, enum lanes how, const struct mm_dp *p,
		  const struct block *b, float *sums)
{
	vec sum[KM * KM];

	load_sums(sum, sums, K * K);
	for (size_t c = 0; c < columns(how, p); c++)
		weigh_column(K, how, p, b, c, sum);
	store_sums(sums, sum, K * K);
}

/* ---- stride 2 ---- */

/* z[v]: every other column of row r of the source, from v on. */
INLINE void every_other(vec z[KM], size_t K, const struct mm_dp *p,
			const struct block *b, ptrdiff_t r)
{
	const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16,
					       18, 20, 22, 24, 26, 28, 30);
	const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19,
					      21, 23, 25, 27, 29, 31);
	const ptrdiff_t i = r * (ptrdiff_t)p->W;
	const vec x0 = load(b->x[0], i, b->in[0][0]);
	const vec x1 = load(b->x[0], i + VL, b->in[0][1]);
	const vec x2 = load(b->x[0], i + 2 * VL, b->in[0][2]);
#define BEHIND(n, a, b)                                                 \
	_mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(a), \
						_mm512_castps_si512(b), n))

	z[0] = _mm512_permutex2var_ps(x0, even, x1);
	z[1] = _mm512_permutex2var_ps(x0, odd, x1);
	z[2] = BEHIND(1, x2, z[0]);
	if (K == 3)
		return;
	z[3] = BEHIND(1, _mm512_shuffle_ps(x2, x2, 0xdd), z[1]);
	z[4] = BEHIND(2, _mm512_shuffle_ps(x2, x2, 0x88), z[0]);
}

/* sum[k] is that of row y + k, which takes source rows 2 (y + half) + e - top
 * by row 2 (half - k) + e of the taps. */
INLINE void down2(size_t K, const struct mm_dp *p, const struct block *b)
{
	const size_t half = K / 2;
	const ptrdiff_t first = (ptrdiff_t)p->first, end = (ptrdiff_t)p->end;
	const ptrdiff_t plus = (ptrdiff_t)half;
	const vec base = bias(ONE, p, b);
	vec w[KM * KM], sum[HALF];

	taps(w, K, ONE, p, b);
	UNROLL
	for (size_t k = 0; k <= half; k++)
		sum[k] = base;
	for (ptrdiff_t y = first - plus; y < end; y++) {
		const ptrdiff_t r = 2 * (y + plus) - (ptrdiff_t)p->top;

		ask(b, (size_t)(y + plus - first), 4, 1, true);
		UNROLL
		for (size_t e = 0; e < 2; e++) {
			vec z[KM];

			if ((size_t)(r + (ptrdiff_t)e) >= p->H)
				continue;
			every_other(z, K, p, b, r + (ptrdiff_t)e);
			UNROLL
			for (size_t k = 0; k < K * (half + 1); k++) {
				const size_t v = k / (half + 1);
				const size_t s = k % (half + 1);
				const size_t u = 2 * (half - s) + e;

				if (u >= K)
					continue;
				sum[s] = _mm512_fmadd_ps(w[u * K + v], z[v],
							 sum[s]);
				IN_ORDER(sum[s]);
			}
		}
		if (y >= first)
			put(b, ONE, y * (ptrdiff_t)p->Wo, sum[0], p->beta);
		UNROLL
		for (size_t k = 0; k < half; k++)
			sum[k] = sum[k + 1];
		sum[half] = base;
	}
}

/* d[k] is row y - k of dy, which meets rows 2 y + e - top of x by row 2 k + e
 * of the taps. */
INLINE void weigh2(size_t K, const struct mm_dp *p, const struct block *b,
		   float *sums)
{
	const size_t half = K / 2;
	vec sum[KM * KM], d[HALF];

	load_sums(sum, sums, K * K);
	UNROLL
	for (size_t k = 0; k <= half; k++)
		d[k] = _mm512_setzero_ps();
	for (size_t y = p->first; y < p->end + half; y++) {
		const ptrdiff_t r = (ptrdiff_t)(2 * y) - (ptrdiff_t)p->top;

		ask(b, y - p->first, 4, 1, true);
		UNROLL
		for (size_t k = half; k; k--)
			d[k] = d[k - 1];
		d[0] = y < p->end ? get_y(b, ONE, (ptrdiff_t)(y * p->Wo))
				  : _mm512_setzero_ps();
		UNROLL
		for (size_t e = 0; e < 2; e++) {
			vec z[KM];

			if ((size_t)(r + (ptrdiff_t)e) >= p->H)
				continue;
			every_other(z, K, p, b, r + (ptrdiff_t)e);
			UNROLL
			for (size_t k = 0; k < K * K; k++)
				if (k / K % 2 == e)
					sum[k] = _mm512_fmadd_ps(
						d[k / K / 2], z[k % K], sum[k]);
		}
	}
	store_sums(sums, sum, K * K);
}

/* Even and odd columns of row r of dx. */
INLINE void put2(const struct mm_dp *p, const struct block *b, ptrdiff_t r,
		 vec even, vec odd)
{
	const __m512i lo = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20,
					     5, 21, 6, 22, 7, 23);
	const __m512i hi = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12,
					     28, 13, 29, 14, 30, 15, 31);
	const ptrdiff_t i = r * (ptrdiff_t)p->Wo;
	vec z[2] = { _mm512_permutex2var_ps(even, lo, odd),
		     _mm512_permutex2var_ps(even, hi, odd) };

	if ((size_t)r >= p->Ho)
		return;
	UNROLL
	for (int k = 0; k < 2; k++) {
		if (p->beta != 0)
			z[k] = _mm512_fmadd_ps(
				_mm512_set1_ps(p->beta),
				load(b->y[0], i + k * VL, b->out[k]), z[k]);
		store(b->y[0], i + k * VL, z[k], b->out[k]);
	}
}

/* z[k][q] is row t - k of dy from column -q on: rows 2 t + e - top of dx take
 * it by row 2 k + e of the taps, and columns likewise. */
INLINE void spread(size_t K, const struct mm_dp *p, const struct block *b)
{
	enum { N = HALF };
	const size_t half = K / 2;
	const ptrdiff_t first = (ptrdiff_t)p->first, end = (ptrdiff_t)p->end;
	vec w[KM * KM], z[N][N];

	taps(w, K, ONE, p, b);
	UNROLL
	for (size_t k = 0; k < N * N; k++)
		z[k / N][k % N] = _mm512_setzero_ps();
	for (ptrdiff_t t = first - (ptrdiff_t)half; t < end; t++) {
		const bool there = (size_t)t < p->H;

		ask(b, (size_t)(t - first) + half, 1, 4, true);
		UNROLL
		for (size_t q = 0; q <= half; q++) {
			UNROLL
			for (size_t k = half; k; k--)
				z[k][q] = z[k - 1][q];
			z[0][q] = load(b->x[0],
				       t * (ptrdiff_t)p->W - (ptrdiff_t)q,
				       there ? b->in[0][q] : 0);
		}
		if (t < first)
			continue;
		UNROLL
		for (size_t e = 0; e < 2; e++) {
			vec sum[2] = { _mm512_setzero_ps(),
				       _mm512_setzero_ps() };

			UNROLL
			for (size_t k = 0; k < K * K; k++)
				if (k / K % 2 == e)
					sum[k % K % 2] = _mm512_fmadd_ps(
						w[k], z[k / K / 2][k % K / 2],
						sum[k % K % 2]);
			put2(p, b, 2 * t + (ptrdiff_t)e - (ptrdiff_t)p->top,
			     sum[0], sum[1]);
		}
	}
}

/* ---- each vector of each plane ---- */

/* From copies: what is stored to y can't change them. */
#define PASS(NAME, DO)                                                   \
	static void NAME(const struct mm_dp *of, const struct block *at, \
			 float *sums)                                    \
	{                                                                \
		const struct mm_dp copy = *of, *p = &copy;               \
		const struct block same = *at, *b = &same;               \
                                                                         \
		(void)sums;                                              \
		DO;                                                      \
	}
#define EACH_WAY(FN, K, ...)              \
	if (b->how == EACH)               \
		FN(K, EACH, __VA_ARGS__); \
	else if (b->how == TWO)           \
		FN(K, TWO, __VA_ARGS__);  \
	else                              \
		FN(K, ONE, __VA_ARGS__)
#define PASSES(K)                                          \
	PASS(down_##K##1, EACH_WAY(down, K, p, b))         \
	PASS(down_##K##2, down2(K, p, b))                  \
	PASS(weigh_##K##1, EACH_WAY(weigh, K, p, b, sums)) \
	PASS(weigh_##K##2, weigh2(K, p, b, sums))          \
	PASS(spread_##K, spread(K, p, b))
PASSES(3)
PASSES(5)

/* Vector of columns c.. of planes side by side from `plane` on. */
static void block_init(struct block *b, const struct mm_dp *p, size_t plane,
		       size_t planes, size_t c, const float *x, float *y)
{
	const ptrdiff_t nx = (ptrdiff_t)(p->H * p->W);
	const ptrdiff_t ny = (ptrdiff_t)(p->Ho * p->Wo);
	const ptrdiff_t W = (ptrdiff_t)p->W, Wo = (ptrdiff_t)p->Wo;
	const ptrdiff_t col = (ptrdiff_t)(c % p->cols);
	const ptrdiff_t n = (ptrdiff_t)p->cols - col;
	ptrdiff_t from = col * (ptrdiff_t)p->stride - (ptrdiff_t)p->left;
	ptrdiff_t to = col;

	b->plane = plane + c / p->cols;
	b->how = n < VL && c / p->cols + 1 < planes ? TWO : ONE;
	b->out[0] = bits(0, n);
	b->out[1] = bits(n, b->how == TWO ? n + Wo : n);
	for (ptrdiff_t v = 0; v < (ptrdiff_t)p->k && p->stride == 1; v++) {
		b->in[0][v] = b->out[0] & bits(-from - v, W - from - v);
		b->in[1][v] = b->out[1] & bits(n + (ptrdiff_t)p->left - v,
					       n + (ptrdiff_t)p->left - v + W);
	}
	for (ptrdiff_t v = 0; v < 3 && p->stride == 2; v++)
		b->in[0][v] = bits(-from - v * VL, W - from - v * VL);
	if (p->spread) {
		from = col;
		to = 2 * col - (ptrdiff_t)p->left;
		for (ptrdiff_t q = 0; q < HALF; q++)
			b->in[0][q] = bits(q - col, q - col + W);
		for (ptrdiff_t v = 0; v < 2; v++)
			b->out[v] = bits(-to - v * VL, Wo - to - v * VL);
	}
	b->x[0] = (const float *)at(x, (ptrdiff_t)b->plane * nx + from);
	b->x[1] = (const float *)at(b->x[0], nx - Wo);
	b->y[0] = (float *)at(y, (ptrdiff_t)b->plane * ny + to);
	b->y[1] = (float *)at(b->y[0], ny - Wo);
}

/* What comes next is asked for evenly: a bit at each row of each vector; */
static void next_init(struct block *b, const struct mm_dp *p, const float *x,
		      const float *y)
{
	const size_t groups = (p->n + p->abreast - 1) / p->abreast;
	const size_t steps = groups * ((p->abreast * p->cols + VL - 1) / VL) *
			     (p->end - p->first + p->k - 1);

	b->next[0] = (const char *)(x + p->next_x);
	b->next[1] = (const char *)(y + p->next_y);
	b->step[0] = p->n * p->H * p->W * sizeof(*x) / steps + 1;
	b->step[1] = p->n * p->Ho * p->Wo * sizeof(*y) / steps + 1;
}

/* of planes that are far from each other, the same place. */
static void next_place(struct block *b, const struct mm_dp *p)
{
	const size_t sx = p->spread ? 1 : p->stride, sy = p->spread ? 2 : 1;

	b->next[0] = (const char *)at(
		b->x[0], (ptrdiff_t)(p->next_x + p->first * sx * p->W));
	b->next[1] = (const char *)at(
		b->y[0], (ptrdiff_t)(p->next_y + p->first * sy * p->Wo));
	b->step[0] = sx * p->W * sizeof(float);
	b->step[1] = sy * p->Wo * sizeof(float);
}

static void each_block(const struct mm_dp *p, const float *x, float *y,
		       block_fn *fn, float *sums)
{
	const size_t rows = p->end - p->first + p->k - 1;
	struct block b;

	next_init(&b, p, x, y);
	for (size_t i = 0; i < p->n; i += p->abreast) {
		const size_t m = p->n - i < p->abreast ? p->n - i : p->abreast;

		for (size_t c = 0; c < m * p->cols; c += VL) {
			block_init(&b, p, i, m, c, x, y);
			if (p->abreast == 1 && (p->stride == 2 || p->k == 3))
				next_place(&b, p);
			fn(p, &b, sums);
			b.next[0] += b.step[0] * rows;
			b.next[1] += b.step[1] * rows;
			sums += p->abreast > 1 ? MM_DP_SET : 0;
		}
		sums += p->abreast > 1 ? 0 : MM_DP_SET;
	}
}

/* ---- a plane in each lane ---- */

/* Planes, and what belongs to them, with their numbers side by side. */
struct frame {
	_Alignas(64) float x[MM_DP_MAP * VL], y[MM_DP_MAP * VL];
	_Alignas(64) float w[KM * KM * VL], bias[VL];
};

/* Planes of n numbers, one after another. */
static void turn_in(float *to, const float *x, size_t n, size_t planes)
{
	const struct mm_dw_planes from = { x, n, planes };
	const struct mm_dw_rows rows = {
		.z = to, .ring = 1, .row = n, .part = n, .phases = 1, .cols = n
	};

	mm_depthwise_avx512.in(&rows, &from, 0, 1);
}

static void turn_out(float *y, float beta, const float *from, size_t n,
		     size_t planes)
{
	const struct mm_dw_planes old = { y, n, planes };

	mm_depthwise_avx512.out(y, &old, beta, from, n);
}

static void each_plane(const struct mm_dp *p, struct frame *f, const float *x,
		       const float *y, block_fn *fn, float *sums)
{
	struct block b = { .how = EACH, .y[0] = f->y };

	b.x[0] = (const float *)at(f->x, -(ptrdiff_t)p->left * VL);
	next_init(&b, p, x, y);
	fn(p, &b, sums);
}

static void convolve_each(float *y, const float *x, const struct mm_dp *p)
{
	struct mm_dp d = *p;
	struct frame f;

	turn_in(f.x, x, p->H * p->W, p->n);
	turn_in(f.w, p->w, p->k * p->k, p->n);
	d.w = f.w;
	if (p->bias) {
		turn_in(f.bias, p->bias, 1, p->n);
		d.bias = f.bias;
	}
	each_plane(&d, &f, x, y, p->k == 5 ? down_51 : down_31, NULL);
	turn_out(y, p->beta, f.y, p->Ho * p->Wo, p->n);
}

static void bwd_w_each(float *sums, const float *dy, const float *x,
		       const struct mm_dp *p)
{
	struct frame f;

	turn_in(f.x, x, p->H * p->W, p->n);
	turn_in(f.y, dy, p->Ho * p->Wo, p->n);
	each_plane(p, &f, x, dy, p->k == 5 ? weigh_51 : weigh_31, sums);
}

/* ---- all of them ---- */

static void convolve(float *y, const float *x, const struct mm_dp *p)
{
	static block_fn *const fn[3][2] = { { down_31, down_51 },
					    { down_32, down_52 },
					    { spread_3, spread_5 } };

	if (p->each)
		convolve_each(y, x, p);
	else
		each_block(p, x, y,
			   fn[p->spread ? 2 : p->stride - 1][p->k == 5], NULL);
}

static void bwd_w(float *sums, const float *dy, const float *x,
		  const struct mm_dp *p)
{
	static block_fn *const fn[2][2] = { { weigh_31, weigh_51 },
					    { weigh_32, weigh_52 } };

	if (p->each)
		bwd_w_each(sums, dy, x, p);
	else
		each_block(p, x, (float *)(uintptr_t)dy,
			   fn[p->stride - 1][p->k == 5], sums);
}

/* Lanes of one plane in one set. */
static void fold_some(float *dw, const float *sums, mask lanes, size_t n)
{
	for (size_t k = 0; k < n; k++)
		dw[k] += _mm512_mask_reduce_add_ps(
			lanes, _mm512_loadu_ps(sums + k * VL));
}

static void fold(float *dw, const float *sums, const struct mm_dp *p)
{
	const size_t n = p->k * p->k;

	if (p->each) {
		turn_out(dw, 1, sums, n, p->n);
		return;
	}
	for (size_t i = 0; i < p->n && p->abreast == 1; i++)
		fold_some(dw + i * n, sums + i * MM_DP_SET, 0xffff, n);
	for (size_t c = 0; c < p->n * p->cols && p->abreast > 1; c += VL) {
		const size_t i = c / p->cols;
		const ptrdiff_t left = (ptrdiff_t)((i + 1) * p->cols - c);

		fold_some(dw + i * n, sums, bits(0, left), n);
		if (left < VL && i + 1 < p->n)
			fold_some(dw + (i + 1) * n, sums, bits(left, VL), n);
		sums += MM_DP_SET;
	}
}

const struct mm_dp_isa mm_dp_avx512 = { .convolve = convolve,
					.bwd_w = bwd_w,
					.fold = fold };
#else
typedef int mm_dp_absent;
#endif
