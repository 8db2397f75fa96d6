/*
 * attention_body.h - attention's tasks for one vector width; included by
 * attention_base.c, attention_avx2.c and attention_avx512.c with
 *
 *	MM_VEC_BYTES	bytes of a vector register
 *	MM_MR		rows of the micro-kernel; it is MM_MR x 2 vectors
 *	MM_ISA_TABLE	name of the table that is defined
 *
 * All six products are M x K times K x N with N along the vectors.  The left
 * factor is read where it lies, number by number and with any strides, so a
 * transposed P costs nothing; the right factor is packed once per head into
 * panels of NR columns, filled up with zeros:
 *
 *	[k=0: NR numbers][k=1: NR numbers]...	one panel per NR columns
 *
 * A slot of scratch, tk and d rounded up to whole panels, s queries a strip:
 *
 *	[K^T tk d][V or V^T tk d][K tk d][S s tk][dP s tk][Q s d][dO s d]
 *	[mask tk][row s]
 */
#include <string.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "kernel/attention_isa.h"
#include "kernel/embed.h"
#include "kernel/fmath.h"
#include "kernel/unroll.h"
#include "kernel/vec.h"

typedef mm_real vec __attribute__((vector_size(MM_VEC_BYTES), may_alias));
typedef mm_real vec_u __attribute__((vector_size(MM_VEC_BYTES), may_alias,
				     aligned(sizeof(mm_real))));

enum {
	VL = MM_VEC_BYTES / sizeof(mm_real),
	MR = MM_MR,
	NR = 2 * VL,
	LINE = 64 / sizeof(mm_real), /* of the cache */
};

static inline vec load(const mm_real *p)
{
	return *(const vec_u *)(const void *)p;
}

static inline void store(mm_real *p, vec v)
{
	*(vec_u *)(void *)p = v;
}

static inline size_t up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* ---- products ---- */

/* c (M, N) = alpha a b + beta c;  a[i,k] at a + i * ai + k * ak, b panels. */
struct product {
	size_t M, N, K;
	const mm_real *a;
	size_t ai, ak;
	const mm_real *b;
	size_t bk; /* rows of a panel of b: K, or more */
	mm_real *c;
	size_t ldc;
	mm_real alpha, beta;
};

/* m x n vectors of c; m <= MR and n <= 2 are constants after inlining. */
static inline __attribute__((always_inline)) void
micro(int m, int n, const struct product *p, const mm_real *restrict a,
      const mm_real *restrict b, mm_real *restrict c, size_t ldc)
{
	const size_t K = p->K, ai = p->ai, ak = p->ak;
	vec x[MR][2];

#pragma GCC unroll 12
	for (int i = 0; i < m; i++)
		x[i][0] = x[i][1] = (vec){ 0 };
	for (size_t k = 0; k < K; k++, a += ak, b += NR) {
		const vec b0 = load(b), b1 = n > 1 ? load(b + VL) : b0;

#pragma GCC unroll 12
		for (int i = 0; i < m; i++) {
			x[i][0] += a[(size_t)i * ai] * b0;
			if (n > 1)
				x[i][1] += a[(size_t)i * ai] * b1;
		}
	}
	if (p->beta == 0) {
		const vec alpha = (vec){ 0 } + p->alpha;

#pragma GCC unroll 12
		for (int i = 0; i < m; i++, c += ldc) {
			store(c, alpha * x[i][0]);
			if (n > 1)
				store(c + VL, alpha * x[i][1]);
		}
	} else {
		const vec alpha = (vec){ 0 } + p->alpha;
		const vec beta = (vec){ 0 } + p->beta;

#pragma GCC unroll 12
		for (int i = 0; i < m; i++, c += ldc) {
			store(c, alpha * x[i][0] + beta * load(c));
			if (n > 1)
				store(c + VL,
				      alpha * x[i][1] + beta * load(c + VL));
		}
	}
}

#define ROWS_CASE(m)                                  \
	case m:                                       \
		if (n > 1)                            \
			micro(m, 2, p, a, b, c, ldc); \
		else                                  \
			micro(m, 1, p, a, b, c, ldc); \
		break

/* Up to MR rows, one or two vectors wide. */
static void tile(int m, int n, const struct product *p, const mm_real *a,
		 const mm_real *b, mm_real *c, size_t ldc)
{
	switch (m) {
		ROWS_CASE(1);
		ROWS_CASE(2);
		ROWS_CASE(3);
		ROWS_CASE(4);
#if MM_MR > 4
		ROWS_CASE(5);
		ROWS_CASE(6);
#endif
#if MM_MR > 6
		ROWS_CASE(7);
		ROWS_CASE(8);
		ROWS_CASE(9);
		ROWS_CASE(10);
		ROWS_CASE(11);
		ROWS_CASE(12);
#endif
	default: break;
	}
}

/* A tile whose last vector hangs over the edge of c. */
static void tile_edge(int m, size_t cols, const struct product *p,
		      const mm_real *a, const mm_real *b, mm_real *c)
{
	mm_real t[MR * NR] __attribute__((aligned(64))) = { 0 };

	for (int i = 0; p->beta != 0 && i < m; i++)
		memcpy(t + i * NR, c + (size_t)i * p->ldc, cols * sizeof(*t));
	tile(m, cols > VL ? 2 : 1, p, a, b, t, NR);
	for (int i = 0; i < m; i++)
		memcpy(c + (size_t)i * p->ldc, t + i * NR, cols * sizeof(*t));
}

static void multiply(const struct product *p)
{
	for (size_t j = 0; j < p->N; j += NR) {
		const mm_real *b = p->b + j * p->bk;
		const size_t cols = p->N - j < NR ? p->N - j : NR;

		for (size_t i = 0; i < p->M; i += MR) {
			const int m = (int)(p->M - i < MR ? p->M - i : MR);
			const mm_real *a = p->a + i * p->ai;
			mm_real *c = p->c + i * p->ldc + j;

			if (cols % VL)
				tile_edge(m, cols, p, a, b, c);
			else
				tile(m, (int)(cols / VL), p, a, b, c, p->ldc);
		}
	}
}

/* Ask for the rows of a head, which are too far apart to be foreseen. */
static inline void foresee(const mm_real *in, size_t ld, size_t rows,
			   size_t cols)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t c = 0; c < cols; c += LINE)
			__builtin_prefetch(in + i * ld + c);
}

/* Panels of a (rows x cols) matrix. */
static void pack(mm_real *restrict out, const mm_real *restrict in, size_t ld,
		 size_t rows, size_t cols)
{
	for (size_t j = 0; j < cols; j += NR) {
		const size_t n = cols - j < NR ? cols - j : NR;

		for (size_t i = 0; i < rows; i++, out += NR) {
			const mm_real *r = in + i * ld + j;

			if (n == NR) {
				store(out, load(r));
				store(out + VL, load(r + VL));
				continue;
			}
			for (size_t c = 0; c < NR; c++)
				out[c] = c < n ? r[c] : 0;
		}
	}
}

/* out[c * NR + k] = in[k * ld + c] of n rows and as many columns. */
static inline void turn(mm_real *restrict out, const mm_real *restrict in,
			size_t ld, size_t n, size_t cols)
{
	for (size_t k = 0; k < n; k++)
		for (size_t c = 0; c < cols; c++)
			out[c * NR + k] = in[k * ld + c];
}

/* The same of 4 rows; four columns at a time where the machine can. */
static inline void turn4(mm_real *restrict out, const mm_real *restrict in,
			 size_t ld, size_t cols)
{
	size_t c = 0;

#if defined(__SSE__) && !defined(MM_DOUBLE)
	for (; c + 4 <= cols; c += 4) {
		__m128 r0 = _mm_loadu_ps(in + c);
		__m128 r1 = _mm_loadu_ps(in + ld + c);
		__m128 r2 = _mm_loadu_ps(in + 2 * ld + c);
		__m128 r3 = _mm_loadu_ps(in + 3 * ld + c);

		_MM_TRANSPOSE4_PS(r0, r1, r2, r3);
		_mm_storeu_ps(out + c * NR, r0);
		_mm_storeu_ps(out + (c + 1) * NR, r1);
		_mm_storeu_ps(out + (c + 2) * NR, r2);
		_mm_storeu_ps(out + (c + 3) * NR, r3);
	}
#endif
	turn(out + c * NR, in + c, ld, 4, cols - c);
}

/* Panels of its transpose. */
static void pack_t(mm_real *restrict out, const mm_real *restrict in, size_t ld,
		   size_t rows, size_t cols)
{
	for (size_t i = 0; i < rows; i += NR, out += cols * NR) {
		const size_t n = rows - i < NR ? rows - i : NR;
		size_t k = 0;

		if (n < NR)
			memset(out, 0, cols * NR * sizeof(*out));
		for (; k + 4 <= n; k += 4)
			turn4(out + k, in + (i + k) * ld, ld, cols);
		turn(out + k, in + (i + k) * ld, ld, n - k, cols);
	}
}

/* ---- one head ---- */

struct head {
	const struct mm_attention *a;
	size_t Tq, Tk;	  /* of this sample */
	size_t strip, ld; /* queries of a strip; keys up to whole vectors */
	size_t at_q, at_o, at_k, task, sample;
	size_t next_q, next_o, next_k; /* the same of the next sample */
	mm_real *kt, *v, *k, *s, *dp, *q, *d_o, *mask, *row;
	bool masked;
};

static size_t query_at(const struct mm_attention *a, size_t b)
{
	return a->first_q ? (size_t)a->first_q[b] : b * a->Tq;
}

static size_t key_at(const struct mm_attention *a, size_t b)
{
	const size_t sample = a->sample_k ? a->sample_k : a->Tk * a->ldk;

	return a->first_k ? (size_t)a->first_k[b] * a->ldk : b * sample;
}

/* Where head h of sample b lies, and the slot's parts. */
static void set(struct head *h, const struct mm_attention *a, size_t b,
		size_t head, mm_real *work)
{
	const size_t Hk = a->Hk ? a->Hk : a->H;
	const size_t tk = up(a->Tk, NR), d = up(a->D, NR);
	const size_t q = query_at(a, b), k = key_at(a, b);
	const size_t next = b + 1 < a->B ? b + 1 : b;

	h->a = a;
	h->Tq = a->first_q ? (size_t)a->first_q[b + 1] - q : a->Tq;
	h->Tk = a->first_k ? (size_t)(a->first_k[b + 1] - a->first_k[b])
			   : a->Tk;
	h->strip = mm_attention_strip(a);
	h->ld = up(h->Tk, VL);
	h->sample = b;
	h->task = b * a->H + head;
	h->at_q = q * a->ldq + head * a->D;
	h->at_o = q * a->ldo + head * a->D;
	h->at_k = k + head / (a->H / Hk) * a->D;
	h->next_q = query_at(a, next) * a->ldq + head * a->D;
	h->next_o = query_at(a, next) * a->ldo + head * a->D;
	h->next_k = h->at_k - k + key_at(a, next);
	h->kt = work;
	h->v = h->kt + tk * d;
	h->k = h->v + tk * d;
	h->s = h->k + tk * d;
	h->dp = h->s + h->strip * tk;
	h->q = h->dp + h->strip * tk;
	h->d_o = h->q + h->strip * d;
	h->mask = h->d_o + h->strip * d;
	h->row = h->mask + tk;
	h->masked = a->mask != NULL;
	for (size_t j = 0; h->masked && j < up(h->Tk, VL); j++)
		h->mask[j] = j >= h->Tk || a->mask[b * a->Tk + j] ? 0
			     : a->hidden != 0			  ? a->hidden
					      : -(mm_real)INFINITY;
}

/* How many keys query i sees. */
static size_t seen_by(const struct head *h, size_t i)
{
	const struct mm_attention *a = h->a;
	size_t n = h->Tk;

	if (a->causal && a->at)
		n = (size_t)a->at[h->sample] + 1;
	else if (a->causal)
		n = i + 1 + n > h->Tq ? i + 1 + n - h->Tq : 0;
	n = n < a->prefix ? a->prefix : n;
	return n < h->Tk ? n : h->Tk;
}

/* Scores of rows queries from `from`, of the first n keys. */
static void scores(const struct head *h, size_t from, size_t rows, size_t n)
{
	const struct mm_attention *a = h->a;

	multiply(&(struct product){ .M = rows,
				    .N = up(n, VL),
				    .K = a->D,
				    .a = a->q + h->at_q + from * a->ldq,
				    .ai = a->ldq,
				    .ak = 1,
				    .b = h->kt,
				    .bk = a->D,
				    .c = h->s,
				    .ldc = h->ld,
				    .alpha = a->scale });
}

typedef __typeof__((vec){ 0 } > (vec){ 0 }) vec_bool;

static inline vec choose(vec_bool m, vec a, vec b)
{
	return (vec)(((vec_bool)a & m) | ((vec_bool)b & ~m));
}

static inline vec larger(vec a, vec b)
{
	return choose(a > b, a, b);
}

/* Hide what this query does not see, up to whole vectors; the largest of each
 * lane comes back. */
static vec hide(const struct head *h, mm_real *s, size_t seen)
{
	static const mm_real number[] = { 0, 1, 2,  3,	4,  5,	6,  7,
					  8, 9, 10, 11, 12, 13, 14, 15 };
	const vec none = (vec){ 0 } - (mm_real)INFINITY;
	vec top = none;

	for (size_t j = 0; j < seen; j += VL) {
		vec v = load(s + j);

		if (h->masked)
			v += load(h->mask + j);
		if (seen - j < VL)
			v = choose(load(number) <
					   (vec){ 0 } + (mm_real)(seen - j),
				   v, none);
		if (h->masked || seen - j < VL)
			store(s + j, v);
		top = larger(v, top);
	}
	return top;
}

/* Lanes w + l, w + l + 1, ... around the end, as a shuffle lists them. */
#define LIST_2(l, w)  ((l) + (w)) % VL, ((l) + 1 + (w)) % VL
#define LIST_4(l, w)  LIST_2(l, w), LIST_2((l) + 2, w)
#define LIST_8(l, w)  LIST_4(l, w), LIST_4((l) + 4, w)
#define LIST_16(l, w) LIST_8(l, w), LIST_8((l) + 8, w)

#if MM_VEC_BYTES == 64 && !defined(MM_DOUBLE)
#define LIST LIST_16
#elif MM_VEC_BYTES == 64 || (MM_VEC_BYTES == 32 && !defined(MM_DOUBLE))
#define LIST LIST_8
#elif MM_VEC_BYTES == 32 || !defined(MM_DOUBLE)
#define LIST LIST_4
#else
#define LIST LIST_2
#endif

/* Halves onto each other until every lane holds the result of all. */
#define FOLD(v, w, term)                                                      \
	if (VL > (w)) {                                                       \
		const vec turned = __builtin_shufflevector(v, v, LIST(0, w)); \
                                                                              \
		v = term;                                                     \
	}

static inline mm_real top_lane(vec v)
{
	FOLD(v, 8, larger(turned, v))
	FOLD(v, 4, larger(turned, v))
	FOLD(v, 2, larger(turned, v))
	FOLD(v, 1, larger(turned, v))
	return v[0];
}

static inline mm_real sum_lanes(vec v)
{
	FOLD(v, 8, v + turned)
	FOLD(v, 4, v + turned)
	FOLD(v, 2, v + turned)
	FOLD(v, 1, v + turned)
	return v[0];
}

/* s = exp(s - top), and 0 from `seen` to n; the sum of each lane comes back. */
static vec exps(mm_real *restrict s, mm_real top, size_t seen, size_t n)
{
	const vec zero = { 0 };
	vec sum = zero;
	size_t j;

	for (j = 0; j < seen; j += VL) {
		mm_real *restrict p = s + j;

		for (int l = 0; l < VL; l++)
			p[l] = fexp_down(p[l] - top);
		sum += load(p);
	}
	for (; j < n; j += VL)
		store(s + j, zero);
	return sum;
}

/*
 * A row of a head, to be read or written: it comes while others are used.
 * Always inline: GCC takes a function that asks and does no more for idle.
 */
INLINE void ask(const mm_real *row, size_t D)
{
	for (size_t c = 0; c < D; c += LINE)
		__builtin_prefetch(row + c);
}

INLINE void ask_to_write(const mm_real *row, size_t D)
{
	for (size_t c = 0; c < D; c += LINE)
		__builtin_prefetch(row + c, 1);
}

/* Rows i that the next sample's task reads. */
INLINE void ask_next(const struct head *h, size_t i)
{
	const struct mm_attention *a = h->a;

	ask(a->q + h->next_q + i * a->ldq, a->D);
	ask(a->k + h->next_k + i * a->ldk, a->D);
	ask(a->v + h->next_k + i * a->ldk, a->D);
}

/*
 * The softmax of rows queries from `from`, but for 1 / sum in h->row.  Step by
 * step for all of them, so that none waits for another's sum over lanes.  A
 * query that sees nothing gets zeros.
 */
static void soften(const struct mm_attention_job *j, const struct head *h,
		   size_t from, size_t rows, size_t n)
{
	mm_real *lse = j->lse ? j->lse + h->task * h->a->Tq + from : NULL;
	vec part[MR];
	mm_real top[MR];

	for (size_t i = 0; i < rows; i++)
		part[i] = hide(h, h->s + i * h->ld, seen_by(h, from + i));
	for (size_t i = 0; i < rows; i++) {
		top[i] = top_lane(part[i]);
		/* exp(-inf - 0) is 0. */
		top[i] = top[i] == -(mm_real)INFINITY ? 0 : top[i];
	}
	for (size_t i = 0; i < rows; i++)
		part[i] =
			exps(h->s + i * h->ld, top[i], seen_by(h, from + i), n);
	for (size_t i = 0; i < rows; i++) {
		const mm_real z = sum_lanes(part[i]);

		h->row[i] = z > 0 ? 1 / z : 0;
		/* exp(.. - lse) is 0. */
		if (lse)
			lse[i] = z <= 0 ? (mm_real)INFINITY
					: top[i] + MM_R(log)(z);
	}
}

/* The noise of a row of P, over s. */
static void noise_times(const struct head *h, mm_real *s, size_t i, size_t n)
{
	const struct mm_attention *a = h->a;

	mm_dropout(s, 0, s, a->dropout, a->key,
		   a->noise_offset + (h->task * a->Tq + i) * a->Tk, 1, n);
}

/* At most MR queries. */
static void fwd_strip(const struct mm_attention_job *j, const struct head *h,
		      size_t from, size_t rows)
{
	const struct mm_attention *a = h->a;
	const size_t n = seen_by(h, from + rows - 1);
	mm_real *o = j->o + h->at_o + from * a->ldo;

	scores(h, from, rows, n);
	soften(j, h, from, rows, up(n, VL));
	for (size_t i = 0; a->dropout > 0 && i < rows; i++)
		noise_times(h, h->s + i * h->ld, from + i,
			    seen_by(h, from + i));
	multiply(&(struct product){ .M = rows,
				    .N = a->D,
				    .K = n,
				    .a = h->s,
				    .ai = h->ld,
				    .ak = 1,
				    .b = h->v,
				    .bk = h->Tk,
				    .c = o,
				    .ldc = a->ldo,
				    .alpha = 1 });
	for (size_t i = 0; i < rows; i++, o += a->ldo) {
		const mm_real share = h->row[i];

		for (size_t c = 0; c < a->D; c++)
			o[c] *= share;
	}
}

/* Strips of one tile: a causal one does without the keys behind it. */
static void fwd(const void *ctx, size_t task, mm_real *work)
{
	const struct mm_attention_job *j = ctx;
	const struct mm_attention *a = j->a;
	struct head h;
	size_t strips, from = 0;

	set(&h, a, task / a->H, task % a->H, work);
	foresee(a->k + h.at_k, a->ldk, h.Tk, a->D);
	foresee(a->v + h.at_k, a->ldk, h.Tk, a->D);
	foresee(a->q + h.at_q, a->ldq, h.Tq, a->D);
	pack_t(h.kt, a->k + h.at_k, a->ldk, h.Tk, a->D);
	pack(h.v, a->v + h.at_k, a->ldk, h.Tk, a->D);
	strips = (h.Tq + MR - 1) / MR;
	for (size_t i = 0; i < strips; i++) {
		const size_t end = h.Tq * (i + 1) / strips;

		fwd_strip(j, &h, from, end - from);
		from = end;
	}
}

/* Row i of P from its scores and lse, 0 from `seen` to n. */
static void recall(const struct head *h, mm_real *restrict s, size_t i,
		   size_t n, mm_real lse)
{
	const size_t seen = seen_by(h, i), end = up(seen, VL);

	hide(h, s, seen);
	for (size_t k = 0; k < end; k++)
		s[k] = fexp(s[k] - lse);
	memset(s + end, 0, (up(n, VL) - end) * sizeof(*s));
}

static void weights(const void *ctx, size_t task, mm_real *work)
{
	const struct mm_attention_job *j = ctx;
	const struct mm_attention *a = j->a;
	struct head h;

	set(&h, a, task / a->H, task % a->H, work);
	pack_t(h.kt, a->k + h.at_k, a->ldk, h.Tk, a->D);
	for (size_t i = 0; i < h.Tq; i++) {
		const size_t row = task * a->Tq + i;

		scores(&h, i, 1, h.Tk);
		recall(&h, h.s, i, h.Tk, j->lse_in[row]);
		memset(j->p + row * a->Tk, 0, a->Tk * sizeof(*j->p));
		memcpy(j->p + row * a->Tk, h.s, h.Tk * sizeof(*j->p));
	}
}

/* ---- backward ---- */

INLINE void ask_bwd(const struct mm_attention_job *j, const struct head *h,
		    size_t i)
{
	const struct mm_attention *a = h->a;

	ask_next(h, i);
	ask(j->d_o + h->next_o + i * a->ldo, a->D);
	ask(j->o_in + h->next_o + i * a->ldo, a->D);
	if (j->dq)
		ask_to_write(j->dq + h->at_q + i * a->ldq, a->D);
	if (j->dk && i < h->Tk)
		ask_to_write(j->dk + h->at_k + i * a->ldk, a->D);
	if (j->dv && i < h->Tk)
		ask_to_write(j->dv + h->at_k + i * a->ldk, a->D);
}

/*
 * From scores and dP = dO V^T of a strip: P as it multiplied V into s, and
 * dS = P (dP - <dO, O>) into dp; the sum over P dP is <dO, O>, noise or not.
 */
static void strip_gradient(const struct mm_attention_job *j,
			   const struct head *h, size_t from, size_t rows,
			   size_t n)
{
	const struct mm_attention *a = h->a;

	for (size_t i = 0; i < rows; i++) {
		const size_t at = h->at_o + (from + i) * a->ldo;
		const mm_real mean =
			mm_vec()->dot(j->d_o + at, j->o_in + at, a->D);
		mm_real *restrict s = h->s + i * h->ld;
		mm_real *restrict dp = h->dp + i * h->ld;

		ask_bwd(j, h, from + i);
		recall(h, s, from + i, n,
		       j->lse_in[h->task * a->Tq + from + i]);
		if (a->dropout > 0)
			noise_times(h, dp, from + i, n);
		for (size_t k = 0; k < up(n, VL); k++)
			dp[k] = s[k] * (dp[k] - mean);
		if (a->dropout > 0)
			noise_times(h, s, from + i, n);
	}
}

/* Rows of keys from columns of queries: d (Tk, D) += w^T x. */
static void to_keys(const struct head *h, mm_real *d, mm_real alpha,
		    mm_real beta, const mm_real *w, const mm_real *x,
		    size_t rows, size_t n)
{
	multiply(&(struct product){ .M = n,
				    .N = h->a->D,
				    .K = rows,
				    .a = w,
				    .ai = 1,
				    .ak = h->ld,
				    .b = x,
				    .bk = rows,
				    .c = d + h->at_k,
				    .ldc = h->a->ldk,
				    .alpha = alpha,
				    .beta = beta });
}

static void bwd_strip(const struct mm_attention_job *j, const struct head *h,
		      size_t from, size_t rows, bool first)
{
	const struct mm_attention *a = h->a;
	const size_t n = seen_by(h, from + rows - 1);
	const mm_real *d_o = j->d_o + h->at_o + from * a->ldo;
	const mm_real *q = a->q + h->at_q + from * a->ldq;

	scores(h, from, rows, n);
	multiply(&(struct product){ .M = rows,
				    .N = up(n, VL),
				    .K = a->D,
				    .a = d_o,
				    .ai = a->ldo,
				    .ak = 1,
				    .b = h->v,
				    .bk = a->D,
				    .c = h->dp,
				    .ldc = h->ld,
				    .alpha = 1 });
	strip_gradient(j, h, from, rows, n);
	if (j->dv) {
		pack(h->d_o, d_o, a->ldo, rows, a->D);
		to_keys(h, j->dv, 1, first ? j->beta[2] : 1, h->s, h->d_o, rows,
			n);
	}
	if (j->dk) {
		pack(h->q, q, a->ldq, rows, a->D);
		to_keys(h, j->dk, a->scale, first ? j->beta[1] : 1, h->dp, h->q,
			rows, n);
	}
	if (j->dq)
		multiply(
			&(struct product){ .M = rows,
					   .N = a->D,
					   .K = n,
					   .a = h->dp,
					   .ai = h->ld,
					   .ak = 1,
					   .b = h->k,
					   .bk = h->Tk,
					   .c = j->dq + h->at_q + from * a->ldq,
					   .ldc = a->ldq,
					   .alpha = a->scale,
					   .beta = j->beta[0] });
}

/* Keys behind an only query: nothing is added to what they held. */
static void unseen(const struct mm_attention_job *j, const struct head *h)
{
	const struct mm_attention *a = h->a;
	mm_real *const d[] = { j->dk, j->dv };

	for (size_t k = seen_by(h, 0); k < h->Tk; k++)
		for (int i = 0; i < 2; i++) {
			mm_real *row = d[i] + h->at_k + k * a->ldk;
			const mm_real beta = j->beta[1 + i];

			for (size_t c = 0; d[i] && c < a->D; c++)
				row[c] = beta != 0 ? beta * row[c] : 0;
		}
}

/*
 * All heads of q that share head `task` of k and v.  The last strip comes
 * first: it alone is sure to see every key, and what it writes with the
 * caller's beta the others add to.
 */
static void bwd(const void *ctx, size_t task, mm_real *work)
{
	const struct mm_attention_job *j = ctx;
	const struct mm_attention *a = j->a;
	const size_t Hk = a->Hk ? a->Hk : a->H, share = a->H / Hk;
	struct head h;

	for (size_t g = 0; g < share; g++) {
		size_t from;

		set(&h, a, task / Hk, task % Hk * share + g, work);
		foresee(a->q + h.at_q, a->ldq, h.Tq, a->D);
		foresee(j->d_o + h.at_o, a->ldo, h.Tq, a->D);
		if (!g) {
			foresee(a->k + h.at_k, a->ldk, h.Tk, a->D);
			foresee(a->v + h.at_k, a->ldk, h.Tk, a->D);
			pack_t(h.kt, a->k + h.at_k, a->ldk, h.Tk, a->D);
			pack_t(h.v, a->v + h.at_k, a->ldk, h.Tk, a->D);
			pack(h.k, a->k + h.at_k, a->ldk, h.Tk, a->D);
		}
		from = (h.Tq - 1) / h.strip * h.strip;
		bwd_strip(j, &h, from, h.Tq - from, !g);
		if (!g && a->at)
			unseen(j, &h);
		while (from) {
			from -= h.strip;
			bwd_strip(j, &h, from, h.strip, false);
		}
	}
}

const struct mm_attention_isa MM_ISA_TABLE = { fwd, bwd, weights };
