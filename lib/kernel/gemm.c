/* gemm.c - cutting a product into blocks for the threads; see gemm.h. */
#include "kernel/gemm.h"

#include "base/parallel.h"
#include "kernel/cast.h"
#include "kernel/cpu.h"
#include "kernel/size.h"

enum {
	/* Elements of packed B and A that are shared by the threads. */
	SHARED = 512 * 1024,
	/* ... and of packed A that a thread keeps for itself; mc * kc. */
	OWN = 144 * 256,
	/* Columns of B at a time. */
	NC = 1024,
	/* Up to so many rows A is packed once for all threads, or not at all.
	 */
	FEW_ROWS = 512,
	/* Up to so many columns A is read where it lies: it comes by too
	 * seldom to pay for packing. */
	FEW_COLUMNS = 768,
	/* Rows of a task whose few sums an epilogue is to find in the cache. */
	SHORT_ROWS = 48,
	/* Rows this far apart, in bytes, fall on one line of the cache. */
	CLASH = 4096,
	/* Panels of B that a task packs where they share the rows of B. */
	PANELS = 4,
	/* Tasks that such a product is cut into at least. */
	FEW_TASKS = 4,
	/* Products of fewer multiplications are not worth waking threads. */
	SMALL = 64 * 64 * 64,
};

/* Scratch of the thread that asked for a product, and of each worker. */
static _Thread_local mm_real shared_of[SHARED] __attribute__((aligned(64)));
static _Thread_local mm_real own_of[OWN] __attribute__((aligned(64)));

bool mm_gemm_fast(enum mm_compute compute)
{
	return compute == MM_COMPUTE_BF16 && mm_isa() >= MM_ISA_AVX512 &&
	       mm_cpu_has(MM_CPU_AVX512_BF16);
}

static const struct mm_gemm_isa *isa(enum mm_compute compute)
{
#if defined(__x86_64__) && !defined(MM_DOUBLE)
	if (mm_gemm_fast(compute))
		return &mm_gemm_avx512bf16;
#endif
	(void)compute;
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_gemm_avx512;
	case MM_ISA_AVX2: return &mm_gemm_avx2;
	default: break;
	}
#endif
	return &mm_gemm_base;
}

static size_t up(size_t n, size_t to)
{
	return (n + to - 1) / to;
}

/* Packed numbers, where the instruction set does not round by itself. */
static void round_packed(const struct mm_gemm *p, const struct mm_gemm_isa *I,
			 mm_real *x, size_t n)
{
#ifndef MM_DOUBLE
	if (p->compute == MM_COMPUTE_F16)
		mm_round_f16(x, n);
	else if (p->compute == MM_COMPUTE_BF16 && I->pair == 1)
		mm_round_bf16(x, n);
#else
	(void)p;
	(void)I;
	(void)x;
	(void)n;
#endif
}

/*
 * One phase: columns [n0, n0+nc) and the sums over [k0, k0+ks), which are
 * several blocks of isa->kc.  Packed B: for each block of K its panels; packed
 * A, where it is shared: for each block of K its blocks of mc rows.
 */
struct job {
	const struct mm_gemm *p;
	const struct mm_gemm_isa *isa;
	size_t n0, nc, nc_up, k0, ks;
	mm_real *b, *a;	     /* a NULL: each task packs its rows for itself */
	bool direct;	     /* ... or reads them where they lie            */
	size_t mc, m_blocks; /* a task is mc rows ...     */
	size_t n_part, n_parts; /* ... times n_part columns  */
	size_t b_tasks, k_blocks;
	size_t b_cols; /* of B that a task packs */
};

/* Task t packs some panels of B, or a block of rows of A, for a block of K. */
static void pack_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_gemm_isa *I = j->isa;

	for (size_t t = begin; t < end; t++) {
		const size_t kb = t % j->k_blocks, k = kb * I->kc;
		const size_t kc = least(j->ks - k, I->kc), kw = up(kc, I->pair);

		if (t < j->b_tasks) {
			const size_t n = t / j->k_blocks * j->b_cols;
			const size_t nc = least(j->nc - n, j->b_cols);
			mm_real *b = j->b + j->nc_up * k / I->pair + n * kw;

			I->pack_b(j->p, j->k0 + k, kc, j->n0 + n, nc, b);
			round_packed(j->p, I, b, up(nc, I->nr) * I->nr * kw);
		} else {
			const size_t m = (t - j->b_tasks) / j->k_blocks * j->mc;
			const size_t mc = least(j->p->M - m, j->mc);
			mm_real *a = j->a + j->p->M * k / I->pair + m * kw;

			I->pack_a(j->p, m, mc, j->k0 + k, kc, a);
			round_packed(j->p, I, a, mc * kw);
		}
	}
}

/* Block of rows m, numbers from k on of the phase, packed; NULL: as it lies. */
static const mm_real *block_of_a(const struct job *j, size_t m, size_t mc,
				 size_t k, size_t kc)
{
	const struct mm_gemm_isa *I = j->isa;
	const size_t kw = up(kc, I->pair);

	if (j->direct)
		return NULL;
	if (j->a)
		return j->a + j->p->M * k / I->pair + m * kw;
	I->pack_a(j->p, m, mc, j->k0 + k, kc, own_of);
	round_packed(j->p, I, own_of, mc * kw);
	return own_of;
}

static void multiply_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_gemm *p = j->p;
	const struct mm_gemm_isa *I = j->isa;

	for (size_t t = begin; t < end; t++) {
		const size_t m = t / j->n_parts * j->mc;
		const size_t n = t % j->n_parts * j->n_part;
		const size_t mc = least(p->M - m, j->mc);
		const size_t nc = least(j->nc - n, j->n_part);
		size_t k = 0;

		do { /* once also for K = 0: beta and the epilogue hold */
			const size_t kc = least(j->ks - k, I->kc);
			const mm_real *a = block_of_a(j, m, mc, k, kc);

			I->block(p, m, mc, j->k0 + k, kc, j->n0 + n, nc, a,
				 j->b + j->nc_up * k / I->pair +
					 n * up(kc, I->pair));
			k += kc;
		} while (k < j->ks);
		if (j->k0 + j->ks == p->K && p->epilogue)
			p->epilogue(p->ctx, m, mc, j->n0 + n, nc);
	}
}

/* Run fn over n blocks on this thread or on all of them. */
static void spread(bool serial, size_t n, mm_parallel_fn *fn, struct job *j)
{
	if (!serial)
		mm_parallel_for(n, 1, fn, j);
	else if (n)
		fn(j, 0, n);
}

/*
 * Rows per task even out: 150 rows as 2 x 78, not 144 + 6.  Where there are
 * few, the columns are cut too, so that all threads have work.
 */
static void choose_tasks(struct job *j)
{
	const struct mm_gemm_isa *I = j->isa;
	const bool brief = j->direct && j->p->epilogue && j->p->K <= I->kc;
	const size_t M = j->p->M, most = brief ? SHORT_ROWS : I->mc;
	size_t parts = 1;

	j->mc = up(up(M, up(M, most)), I->mr) * I->mr;
	j->m_blocks = up(M, j->mc);
	while ((j->a || j->direct) && j->m_blocks * parts < 8 &&
	       j->nc / (parts * 2) >= I->nr)
		parts *= 2;
	j->n_part = up(up(j->nc, parts), I->nr) * I->nr;
	j->n_parts = up(j->nc, j->n_part);
}

static void run_phase(struct job *j, bool serial)
{
	j->k_blocks = up(j->ks, j->isa->kc);
	j->b_cols = j->isa->nr * (j->p->tb ? 1 : PANELS);
	j->b_tasks = up(j->nc, j->b_cols) * j->k_blocks;
	spread(serial, j->b_tasks + (j->a ? j->m_blocks * j->k_blocks : 0),
	       pack_some, j);
	spread(serial, j->m_blocks * j->n_parts, multiply_some, j);
}

/*
 * A and B as a layer's gradient has them, K outermost in both: they are read
 * where they lie, so there are no phases to wait for, and nobody reads what
 * others have just written.  Where B ends amid a vector a task packs its
 * columns.
 */
static void columns_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_gemm *p = j->p;
	const struct mm_gemm_isa *I = j->isa;
	mm_real *b = p->N % (I->nr / 2) ? own_of : NULL;

	for (size_t t = begin; t < end; t++) {
		const size_t m = t / j->n_parts * j->mc;
		const size_t n = t % j->n_parts * j->n_part;
		const size_t mc = least(p->M - m, j->mc);
		const size_t nc = least(p->N - n, j->n_part);

		for (size_t k = 0; k < p->K; k += I->kc) {
			const size_t kc = least(p->K - k, I->kc);

			if (b)
				I->pack_b(p, k, kc, n, nc, b);
			I->block(p, m, mc, k, kc, n, nc, NULL, b);
		}
		if (p->epilogue)
			p->epilogue(p->ctx, m, mc, n, nc);
	}
}

static void run_columns(const struct mm_gemm *p, bool serial)
{
	struct job j = { .p = p, .isa = isa(p->compute) };

	j.n_part = 2 * j.isa->nr;
	j.n_parts = up(p->N, j.n_part);
	j.m_blocks = up(p->M, j.isa->mc);
	while (j.m_blocks * j.n_parts < FEW_TASKS &&
	       p->M >= 2 * j.m_blocks * j.isa->mr)
		j.m_blocks *= 2;
	j.mc = up(p->M, j.m_blocks);
	j.m_blocks = up(p->M, j.mc);
	spread(serial, j.m_blocks * j.n_parts, columns_some, &j);
}

static void run(const struct mm_gemm *p, bool serial)
{
	const struct mm_gemm_isa *const I = isa(p->compute);
	const bool direct = p->compute == MM_COMPUTE_F32 && !p->ta &&
			    p->N <= FEW_COLUMNS &&
			    p->lda * sizeof(*p->A) % CLASH;
	const bool few = p->M <= FEW_ROWS && !direct;
	struct job j = { .p = p, .isa = I, .b = shared_of, .direct = direct };

	if (!p->M || !p->N)
		return;
	serial = serial || (double)p->M * (double)p->N * (double)p->K < SMALL;
	if (p->compute == MM_COMPUTE_F32 && p->ta && !p->tb && p->K &&
	    p->M <= FEW_ROWS) {
		run_columns(p, serial);
		return;
	}
	for (j.n0 = 0; j.n0 < p->N; j.n0 += NC) {
		size_t span;

		j.nc = least(p->N - j.n0, NC);
		j.nc_up = up(j.nc, I->nr) * I->nr;
		span = SHARED * I->pair / (j.nc_up + (few ? p->M : 0));
		span = least(span / I->kc * I->kc, p->K);
		j.a = few ? shared_of + j.nc_up * up(span, I->pair) : NULL;
		choose_tasks(&j);
		j.k0 = 0;
		do {
			j.ks = least(p->K - j.k0, span);
			run_phase(&j, serial);
			j.k0 += j.ks;
		} while (j.k0 < p->K);
	}
}

void mm_gemm_run(const struct mm_gemm *p)
{
	run(p, false);
}

void mm_gemm_run_serial(const struct mm_gemm *p)
{
	run(p, true);
}

void mm_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, mm_real alpha,
	     const mm_real *A, size_t lda, const mm_real *B, size_t ldb,
	     mm_real beta, mm_real *C, size_t ldc)
{
	const struct mm_gemm p = { ta,	tb,    M,    N,
				   K,	alpha, beta, A,
				   B,	C,     lda,  ldb,
				   ldc, NULL,  NULL, MM_COMPUTE_F32, NULL, 0, 0 };

	run(&p, false);
}

void mm_gemm_serial(bool ta, bool tb, size_t M, size_t N, size_t K,
		    mm_real alpha, const mm_real *A, size_t lda,
		    const mm_real *B, size_t ldb, mm_real beta, mm_real *C,
		    size_t ldc)
{
	const struct mm_gemm p = { ta,	tb,    M,    N,
				   K,	alpha, beta, A,
				   B,	C,     lda,  ldb,
				   ldc, NULL,  NULL, MM_COMPUTE_F32, NULL, 0, 0 };

	run(&p, true);
}

struct batch {
	struct mm_gemm p;
	size_t sa, sb, sc;
	bool serial;
};

static void batch_some(void *ctx, size_t begin, size_t end)
{
	const struct batch *b = ctx;

	for (size_t i = begin; i < end; i++) {
		struct mm_gemm p = b->p;

		p.A += i * b->sa;
		p.B += i * b->sb;
		p.C += i * b->sc;
		run(&p, b->serial);
	}
}

void mm_gemm_batched(size_t batch, bool ta, bool tb, size_t M, size_t N,
		     size_t K, mm_real alpha, const mm_real *A, size_t lda,
		     size_t sa, const mm_real *B, size_t ldb, size_t sb,
		     mm_real beta, mm_real *C, size_t ldc, size_t sc)
{
	struct batch b = {
		.p = { ta, tb, M, N, K, alpha, beta, A, B, C, lda, ldb, ldc,
		       NULL, NULL, MM_COMPUTE_F32, NULL, 0, 0 },
		.sa = sa,
		.sb = sb,
		.sc = sc,
		.serial = batch >= 4,
	};

	/* Many: a thread each.  Few: all threads on one after the other. */
	if (b.serial)
		mm_parallel_for(batch, 1, batch_some, &b);
	else
		batch_some(&b, 0, batch);
}
