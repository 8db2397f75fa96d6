/*
 * gemm_body.h - the blocks of a matrix product for one vector width; included
 * by gemm_base.c, gemm_avx2.c and gemm_avx512.c with the macros of
 * tile_body.h and
 *
 *	MM_ISA_TABLE	name of the table that is defined
 *	MM_PAIR		2: a word of a panel is a pair of bfloat16 (k, k+1); the
 *			file brings pack_a and pack_b.  1: it is a number
 *
 * Packed panels:
 *
 *	A	[k=0: R rows][k=1: R rows]...	one per tile, heights evened
 *out; or as it lies B	[k=0: NR columns][k=1: ...]...	one per NR columns,
 *zeros behind
 */
#include <stdint.h>

#include "kernel/gemm.h"
#include "kernel/size.h"
#include "kernel/tile_body.h"

enum {
	PAIR = MM_PAIR,
	KC = 256 * PAIR,
	MC = MR * (144 / MR),
	LINE = 64 / sizeof(mm_real), /* of the cache */
	WINDOW = 16,		     /* rows that are packed at a time */
	PART = 64,		     /* ... columns, of which the first cache
					holds a panel */
};

/*
 * As multiply(), with a[i*lda + k]: three rows to a pointer, for the address
 * modes of the instruction set reach twice lda.  Meanwhile `next`, where the
 * next tile's rows lie, is asked for: a line of one row at a time, rows `step`
 * apart.
 */
INLINE void multiply_rows(size_t R, size_t VS, size_t kc, const mm_real *a,
			  size_t lda, const mm_real *restrict b, vec x[MR][2],
			  const mm_real *next, size_t step)
{
	const mm_real *row[(MR + 2) / 3];

	UNROLL
	for (size_t i = 0; i < (R + 2) / 3; i++)
		row[i] = a + 3 * i * lda;
	for (size_t k = 0; k < kc; k++, b += NR) {
		const vec b0 = *(const vec *)(const void *)b;
		const vec b1 = *(const vec *)(const void *)(b + VL);

		UNROLL
		for (size_t i = 0; i < R; i++) {
			const mm_real v = row[i / 3][i % 3 * lda];

			x[i][0] = MM_MADD(x[i][0], v, b0);
			if (VS == 2)
				x[i][1] = MM_MADD(x[i][1], v, b1);
		}
		UNROLL
		for (size_t i = 0; i < (R + 2) / 3; i++)
			row[i]++;
		__builtin_prefetch(next);
		next += (k + 1) % LINE ? step : LINE - (LINE - 1) * step;
	}
}

/*
 * As multiply(), with a[k*sk + i] and b[k*sb + j]; for each k `next`, `step`
 * numbers further, is asked for.
 */
INLINE void multiply_columns(size_t R, size_t VS, size_t kc, const mm_real *a,
			     size_t sk, const mm_real *b, size_t sb,
			     vec x[MR][2], const mm_real *next, size_t step)
{
	for (size_t k = 0; k < kc; k++, a += sk, b += sb, next += step) {
		const vec b0 = load(b), b1 = VS == 2 ? load(b + VL) : b0;

		UNROLL
		for (size_t i = 0; i < R; i++) {
			x[i][0] = MM_MADD(x[i][0], a[i], b0);
			if (VS == 2)
				x[i][1] = MM_MADD(x[i][1], a[i], b1);
		}
		__builtin_prefetch(next, 0, 2);
	}
}

/*
 * What a tile multiplies: a[i*lda + k] and a packed b, or where lda is 0
 * a[k*sk + i] and b[k*sb + j], packed or as they lie.  next and step as above.
 */
struct operands {
	const mm_real *a, *b, *next;
	size_t lda, sk, sb, step;
};

/*
 * c (R x VS vectors, rows ldc apart) = alpha a b + beta c.
 * alpha is applied in a branch of its own so that the compiler has one way to
 * fuse.
 */
INLINE void tile(size_t R, size_t VS, size_t kc, const struct operands *o,
		 mm_real *c, size_t ldc, mm_real alpha, mm_real beta)
{
	vec x[MR][2];

	UNROLL
	for (size_t i = 0; i < R; i++)
		x[i][0] = x[i][1] = (vec){ 0 };
	if (o->lda)
		multiply_rows(R, VS, kc, o->a, o->lda, o->b, x, o->next,
			      o->step);
	else
		multiply_columns(R, VS, kc, o->a, o->sk, o->b, o->sb, x,
				 o->next, o->step);
	/* Or the addresses above stay around, and the sums lose registers. */
	__asm__("" : "+r"(c), "+r"(ldc));
	if (alpha != 1) {
		UNROLL
		for (size_t i = 0; i < R; i++) {
			x[i][0] *= alpha;
			x[i][1] *= alpha;
		}
	}
	if (beta != 0) {
		UNROLL
		for (size_t i = 0; i < R; i++) {
			x[i][0] += beta * load(c + i * ldc);
			if (VS == 2)
				x[i][1] += beta * load(c + i * ldc + VL);
		}
	}
	UNROLL
	for (size_t i = 0; i < R; i++) {
		store(c + i * ldc, x[i][0]);
		if (VS == 2)
			store(c + i * ldc + VL, x[i][1]);
	}
}

typedef void tile_fn(size_t kc, const struct operands *o, mm_real *c,
		     size_t ldc, mm_real alpha, mm_real beta);

#define TILE(R, VS)                                                        \
	static void tile_##R##x##VS(size_t kc, const struct operands *o,   \
				    mm_real *c, size_t ldc, mm_real alpha, \
				    mm_real beta)                          \
	{                                                                  \
		tile(R, VS, kc, o, c, ldc, alpha, beta);                   \
	}
#define TILES(R) TILE(R, 1) TILE(R, 2)
MM_EACH_R(TILES)

static tile_fn *const tile_of[MR + 1][2] = { { NULL, NULL },
#define ROW(R) { tile_##R##x1, tile_##R##x2 },
					     MM_EACH_R(ROW)
#undef ROW
};

/* Where C[m, n] is, and how many numbers from there on lie together. */
static mm_real *place(const struct mm_gemm *p, size_t m, size_t n, size_t *len)
{
	*len = p->group ? p->group - n % p->group : SIZE_MAX;
	return p->C + m * p->ldc +
	       (p->group ? n / p->group * p->apart + n % p->group : n);
}

/* Rows m.. and columns n.. of C into a tile, or back. */
static void move_tile(const struct mm_gemm *p, size_t m, size_t n, size_t rows,
		      size_t cols, mm_real *t, bool back)
{
	for (size_t j = 0, len; j < cols; j += len) {
		mm_real *c = place(p, m, n + j, &len);

		if (len > cols - j)
			len = cols - j;
		for (size_t i = 0; i < rows; i++)
			if (back)
				memcpy(c + i * p->ldc, t + i * NR + j,
				       len * sizeof(*t));
			else
				memcpy(t + i * NR + j, c + i * p->ldc,
				       len * sizeof(*t));
	}
}

/* The same where the tile hangs over the right edge of C, or of a group. */
static void tile_edge(tile_fn *fn, size_t kc, const struct operands *o,
		      const struct mm_gemm *p, size_t m, size_t n, mm_real beta,
		      size_t rows, size_t cols)
{
	mm_real t[MR * NR] __attribute__((aligned(64))) = { 0 };

	if (beta != 0)
		move_tile(p, m, n, rows, cols, t, false);
	fn(kc, o, t, NR, p->alpha, beta);
	move_tile(p, m, n, rows, cols, t, true);
}

#if MM_PAIR == 1
/*
 * Where panels take a piece of every row, rows are packed a WINDOW at a time:
 * memory is read in the order in which it lies, and asked for one window ahead.
 */
static void foresee(const mm_real *rows, size_t n, size_t ld, size_t width)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < width; i += LINE)
			__builtin_prefetch(rows + k * ld + i);
}

/* Numbers k..k+n of all panels, from `in` on. */
static void pack_a_some(const mm_real *in, size_t sk, size_t si, size_t mc,
			size_t kc, size_t k, size_t n, mm_real *panels)
{
	for (size_t t = 0; t < tiles(mc); t++) {
		const size_t i = tile_row(mc, t);
		const size_t rows = tile_row(mc, t + 1) - i;
		const mm_real *from = in + i * si;
		mm_real *to = panels + i * kc + k * rows;

		if (rows == MR)
			pack_panel(to, from, n, MR, MR, sk, si);
		else if (rows == MR - 1)
			pack_panel(to, from, n, MR - 1, MR - 1, sk, si);
		else
			pack_panel(to, from, n, rows, rows, sk, si);
	}
}

static void pack_a(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		   size_t kc, mm_real *panels)
{
	const mm_real *in =
		p->A + (p->ta ? k0 * p->lda + m0 : m0 * p->lda + k0);

	if (!p->ta) {
		pack_a_some(in, 1, p->lda, mc, kc, 0, kc, panels);
		return;
	}
	for (size_t k = 0; k < kc; k += WINDOW, in += WINDOW * p->lda) {
		const size_t end = k0 + k + WINDOW;

		if (end < p->K)
			foresee(in + WINDOW * p->lda, least(p->K - end, WINDOW),
				p->lda, mc);
		pack_a_some(in, p->lda, 1, mc, kc, k, least(kc - k, WINDOW),
			    panels);
	}
}

static void pack_b_some(const mm_real *in, size_t sk, size_t sj, size_t nc,
			size_t kc, size_t k, size_t n, mm_real *panels)
{
	for (size_t j = 0; j < nc; j += NR)
		for (size_t i = 0; i < n; i += PART)
			pack_panel(panels + j * kc + (k + i) * NR,
				   in + j * sj + i * sk, least(n - i, PART),
				   least(nc - j, NR), NR, sk, sj);
}

static void pack_b(const struct mm_gemm *p, size_t k0, size_t kc, size_t n0,
		   size_t nc, mm_real *panels)
{
	const mm_real *in =
		p->B + (p->tb ? n0 * p->ldb + k0 : k0 * p->ldb + n0);

	if (p->tb) {
		pack_b_some(in, 1, p->ldb, nc, kc, 0, kc, panels);
		return;
	}
	for (size_t k = 0; k < kc; k += WINDOW, in += WINDOW * p->ldb) {
		const size_t end = k0 + k + WINDOW;

		if (end < p->K)
			foresee(in + WINDOW * p->ldb, least(p->K - end, WINDOW),
				p->ldb, nc);
		pack_b_some(in, p->ldb, 1, nc, kc, k, least(kc - k, WINDOW),
			    panels);
	}
}
#endif

/*
 * Rows m.. of op(A), numbers from k on: packed in a, or where that is NULL as
 * they lie; the first panel of B asks for the rows below.
 */
static struct operands rows_at(const struct mm_gemm *p, const mm_real *a,
			       size_t m, size_t rows, size_t k, size_t kw,
			       bool first)
{
	const size_t lda = !a ? p->lda : PAIR == 2 && !p->ta ? kw : 0;
	struct operands o = { .lda = lda, .sk = rows, .step = lda };

	o.a = a ? a : p->A + m * lda + k;
	o.next = first && m + rows + LINE <= p->M ? o.a + rows * lda : o.a;
	return o;
}

/*
 * The same where op(A) is A transposed, as it lies.  What is asked for are the
 * next kc numbers: of A with the first panel of B, then those of B itself,
 * a line of its nc columns from n on for each tile t.
 */
static struct operands columns_at(const struct mm_gemm *p, size_t m, size_t k,
				  size_t kc, size_t n, size_t nc, size_t t,
				  bool first)
{
	const mm_real *a = p->A + k * p->lda + m;
	struct operands o = { .a = a, .next = a, .sk = p->lda };

	if (k + kc == p->K)
		return o;
	o.next = first ? a + kc * p->lda
		       : p->B + (k + kc) * p->ldb + n + t * LINE % nc;
	o.step = first ? p->lda : p->ldb;
	return o;
}

/* It comes while the sums run, which are short in a stem.  Rows seldom begin
 * with a line of the cache: there are three to two vectors. */
INLINE void ask_result(const mm_real *c, size_t ldc, size_t rows, size_t cols)
{
	for (size_t i = 0; i < rows; i++, c += ldc) {
		__builtin_prefetch(c, 1);
		__builtin_prefetch(c + cols / 2, 1);
		__builtin_prefetch(c + cols - 1, 1);
	}
}

/* Tile q asks for what is wanted next. */
static void ask(struct operands *o, const struct mm_ahead *w, size_t q)
{
	for (; w && q >= w->n; w = w->then)
		q -= w->n;
	if (!w)
		return;
	o->next = w->from + q / w->per * w->outer + q % w->per * w->inner;
	o->step = w->step;
}

static void block(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		  size_t kc, size_t n0, size_t nc, const mm_real *a,
		  const mm_real *b)
{
	const mm_real beta = k0 ? 1 : p->beta;
	const size_t kw = (kc + PAIR - 1) / PAIR;

	for (size_t j = 0; j < nc; j += NR) {
		const size_t cols = nc - j < NR ? nc - j : NR;

		for (size_t t = 0; t < tiles(mc); t++) {
			const size_t i = tile_row(mc, t), m = m0 + i;
			const size_t rows = tile_row(mc, t + 1) - i;
			tile_fn *fn = tile_of[rows][cols > VL];
			size_t len;
			mm_real *c = place(p, m, n0 + j, &len);
			struct operands o =
				!a && p->ta ? columns_at(p, m, k0, kc, n0, nc,
							 t, !j)
					    : rows_at(p, a ? a + i * kw : NULL,
						      m, rows, k0, kw, !j);

			o.b = b ? b + j * kw : p->B + k0 * p->ldb + n0 + j;
			o.sb = b ? NR : p->ldb;
			ask_result(c, p->ldc, rows, cols);
			ask(&o, p->ahead, j / NR * tiles(mc) + t);
			if (cols % VL || cols > len)
				tile_edge(fn, kw, &o, p, m, n0 + j, beta, rows,
					  cols);
			else
				fn(kw, &o, c, p->ldc, p->alpha, beta);
		}
	}
}

const struct mm_gemm_isa MM_ISA_TABLE = { MR,	NR,	KC,	MC,
					  PAIR, pack_a, pack_b, block };
