/* gemm.c - cutting a product into blocks for the threads; see gemm.h. */
#include "kernel/gemm.h"

#include "base/parallel.h"
#include "kernel/cpu.h"

enum {
	/* Upper bounds over the instruction sets' tables, in mm_reals. */
	PANELS = 256 * 1024,
	SCRATCH = 256 * 144,
	/* Products of fewer multiplications are not worth waking threads. */
	SMALL = 32 * 32 * 32,
};

/* Packed B of the calling thread's product; packed A of each worker. */
static _Thread_local mm_real panels_of[PANELS] __attribute__((aligned(64)));
static _Thread_local mm_real scratch_of[SCRATCH] __attribute__((aligned(64)));

static const struct mm_gemm_isa *isa(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_gemm_avx512;
	case MM_ISA_AVX2: return &mm_gemm_avx2;
	default: break;
	}
#endif
	return &mm_gemm_base;
}

struct job {
	const struct mm_gemm *p;
	const struct mm_gemm_isa *isa;
	size_t k0, kc, n0, nc, mc;
	mm_real *panels;
	size_t m_blocks, n_part; /* a task is one block of rows and columns */
	bool last;
};

static void pack_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const size_t nr = j->isa->nr, from = begin * nr;
	const size_t to = end * nr < j->nc ? end * nr : j->nc;

	j->isa->pack_b(j->p, j->k0, j->kc, j->n0 + from, to - from,
		       j->panels + from * j->kc);
}

static void multiply_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_gemm *p = j->p;

	for (size_t t = begin; t < end; t++) {
		const size_t m0 = t % j->m_blocks * j->mc;
		const size_t n1 = t / j->m_blocks * j->n_part;
		const size_t mc = p->M - m0 < j->mc ? p->M - m0 : j->mc;
		const size_t nc =
			j->nc - n1 < j->n_part ? j->nc - n1 : j->n_part;

		j->isa->block(p, m0, mc, j->k0, j->kc, j->n0 + n1, nc,
			      j->panels + n1 * j->kc, scratch_of);
		if (j->last && p->epilogue)
			p->epilogue(p->ctx, m0, mc, j->n0 + n1, nc);
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

static size_t up(size_t n, size_t to)
{
	return (n + to - 1) / to;
}

/* Where there are few rows, cut the columns too, so that all have work. */
static void choose_tasks(struct job *j)
{
	size_t parts = 1;

	j->mc = j->isa->mc;
	/* Rows per task even out: 150 rows as 2 x 78, not 144 + 6. */
	j->mc = up(up(j->p->M, up(j->p->M, j->mc)), j->isa->mr) * j->isa->mr;
	j->m_blocks = up(j->p->M, j->mc);
	while (j->m_blocks * parts < 8 && j->nc / (parts * 2) >= 4 * j->isa->nr)
		parts *= 2;
	j->n_part = up(up(j->nc, parts), j->isa->nr) * j->isa->nr;
}

static void run(const struct mm_gemm *p, bool serial)
{
	const struct mm_gemm_isa *const I = isa();
	struct job j = { .p = p, .isa = I, .panels = panels_of };

	if (!p->M || !p->N)
		return;
	serial = serial || (double)p->M * (double)p->N * (double)p->K < SMALL;
	for (j.n0 = 0; j.n0 < p->N; j.n0 += I->nc) {
		j.nc = p->N - j.n0 < I->nc ? p->N - j.n0 : I->nc;
		choose_tasks(&j);
		j.k0 = 0;
		do { /* once also for K = 0: beta and the epilogue hold */
			j.kc = p->K - j.k0 < I->kc ? p->K - j.k0 : I->kc;
			j.last = j.k0 + j.kc == p->K;
			spread(serial, up(j.nc, I->nr), pack_some, &j);
			spread(serial, j.m_blocks * up(j.nc, j.n_part),
			       multiply_some, &j);
			j.k0 += j.kc;
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
	const struct mm_gemm p = { ta, tb, M,	N,   K,	  alpha, beta, A,
				   B,  C,  lda, ldb, ldc, NULL,	 NULL };

	run(&p, false);
}

void mm_gemm_serial(bool ta, bool tb, size_t M, size_t N, size_t K,
		    mm_real alpha, const mm_real *A, size_t lda,
		    const mm_real *B, size_t ldb, mm_real beta, mm_real *C,
		    size_t ldc)
{
	const struct mm_gemm p = { ta, tb, M,	N,   K,	  alpha, beta, A,
				   B,  C,  lda, ldb, ldc, NULL,	 NULL };

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
		       NULL, NULL },
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
