/*
 * Matrix products: every instruction set against a sum in double, the same
 * bits for any number of threads and in any batch.
 */
#include "isatest.h"

#include "base/parallel.h"
#include "kernel/cast.h"
#include "kernel/gemm.h"

struct shape {
	size_t M, N, K;
};

/* Around the borders of tiles, panels, blocks of K and ways to cut tasks. */
static const struct shape shapes[] = {
	{ 1, 1, 1 },	  { 1, 7, 3 },	    { 3, 1, 5 },     { 6, 16, 8 },
	{ 7, 17, 9 },	  { 12, 32, 256 },  { 13, 33, 257 }, { 25, 31, 64 },
	{ 50, 50, 64 },	  { 77, 70, 32 },   { 5, 40, 513 },  { 24, 65, 255 },
	{ 145, 20, 300 }, { 30, 1100, 20 }, { 513, 24, 30 }, { 600, 40, 20 },
	{ 16, 10, 3000 }, { 150, 96, 520 }, { 40, 48, 300 }, { 2, 2, 0 },
	{ 0, 3, 2 },	  { 3, 0, 2 },
};

enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes), PAD = 3 };

/* One product with everything that it needs; C is filled with noise. */
struct product {
	struct mm_gemm g;
	float *A, *B, *C, *before;
	size_t size_c;
};

static void product_init(struct product *p, struct shape s, bool ta, bool tb,
			 float alpha, float beta)
{
	const size_t rows_a = ta ? s.K : s.M, rows_b = tb ? s.N : s.K;

	memset(p, 0, sizeof(*p));
	p->g = (struct mm_gemm){ .ta = ta,
				 .tb = tb,
				 .M = s.M,
				 .N = s.N,
				 .K = s.K,
				 .alpha = alpha,
				 .beta = beta };
	p->g.lda = (ta ? s.M : s.K) + PAD;
	p->g.ldb = (tb ? s.K : s.N) + PAD;
	p->g.ldc = s.N + PAD;
	p->size_c = s.M * p->g.ldc;
	p->g.A = p->A = random_floats(rows_a * p->g.lda, 1);
	p->g.B = p->B = random_floats(rows_b * p->g.ldb, 2);
	p->g.C = p->C = random_floats(p->size_c, 3);
	p->before = random_floats(p->size_c, 3);
	for (size_t i = 0; beta == 0 && i < s.M; i++)
		for (size_t j = 0; j < s.N; j++)
			p->C[i * p->g.ldc + j] = NAN;
}

static void product_release(struct product *p)
{
	mm_free(p->A);
	mm_free(p->B);
	mm_free(p->C);
	mm_free(p->before);
}

/* The operands as the product takes them. */
static void round_operands(struct product *p)
{
	const struct mm_gemm *g = &p->g;
	const size_t a = (g->ta ? g->K : g->M) * g->lda;
	const size_t b = (g->tb ? g->N : g->K) * g->ldb;

	if (g->compute == MM_COMPUTE_BF16) {
		mm_round_bf16(p->A, a);
		mm_round_bf16(p->B, b);
	} else if (g->compute == MM_COMPUTE_F16) {
		mm_round_f16(p->A, a);
		mm_round_f16(p->B, b);
	}
}

static void check_product(const struct product *p, const char *what)
{
	const struct mm_gemm *g = &p->g;

	for (size_t i = 0; i < g->M; i++) {
		for (size_t j = 0; j < g->N; j++) {
			const double c0 = p->before[i * g->ldc + j];
			const double got = p->C[i * g->ldc + j];
			double sum = 0, size = 0;

			for (size_t k = 0; k < g->K; k++) {
				const double t =
					(double)p->A[g->ta ? k * g->lda + i
							   : i * g->lda + k] *
					p->B[g->tb ? j * g->ldb + k
						   : k * g->ldb + j];

				sum += t;
				size += fabs(t);
			}
			sum = g->alpha * sum + g->beta * c0;
			size = fabs(g->alpha * size) + fabs(g->beta * c0);
			/* Check reports each assertion by a system call. */
			if (!near_sum(got, sum, size, 2e-6))
				ck_abort_msg("%s %zux%zux%zu [%zu,%zu]: %g "
					     "not %g",
					     what, g->M, g->N, g->K, i, j, got,
					     sum);
		}
		ck_assert_msg(!memcmp(p->C + i * g->ldc + g->N,
				      p->before + i * g->ldc + g->N,
				      PAD * sizeof(float)),
			      "%s writes beyond row %zu", what, i);
	}
}

START_TEST(products_are_right)
{
	static const float scale[][2] = { { 1, 0 }, { 1, 1 }, { -0.5f, 2 } };
	const struct shape s = shapes[_i];

	FOR_EACH_ISA(isa)
	for (int how = 0; how < 36; how++) {
		const float *f = scale[how / 4 % 3];
		struct product p;

		product_init(&p, s, how & 1, how & 2, f[0], f[1]);
		p.g.compute = (enum mm_compute)(how / 12);
		if (how % 3)
			mm_gemm_run_serial(&p.g);
		else
			mm_gemm_run(&p.g);
		round_operands(&p);
		check_product(&p, mm_isa_names[isa]);
		product_release(&p);
	}
}
END_TEST

START_TEST(threads_do_not_change_bits)
{
	const struct shape s = shapes[_i];

	FOR_EACH_ISA(isa)
	for (int how = 0; how < 12; how++) {
		struct product one, p;

		product_init(&one, s, how & 1, how & 2, 0.3f, 0.7f);
		one.g.compute = (enum mm_compute)(how / 4);
		mm_gemm_run_serial(&one.g);
		for (int threads = 1; threads <= 3; threads++) {
			mm_threads_set(threads);
			product_init(&p, s, how & 1, how & 2, 0.3f, 0.7f);
			p.g.compute = one.g.compute;
			mm_gemm_run(&p.g);
			ck_assert_msg(
				!memcmp(one.C, p.C, p.size_c * sizeof(float)),
				"%s, %d threads", mm_isa_names[isa], threads);
			product_release(&p);
		}
		product_release(&one);
	}
}
END_TEST

/* A row alone has the bits that it has among others; so has a column. */
START_TEST(neighbours_do_not_change_bits)
{
	const struct shape s = shapes[_i];
	const size_t step = s.M / 5 + 1;

	FOR_EACH_ISA(isa)
	for (int how = 0; how < 12; how++) {
		struct product all, part;

		product_init(&all, s, how & 1, how & 2, 0.3f, 0.7f);
		all.g.compute = (enum mm_compute)(how / 4);
		mm_gemm_run(&all.g);
		for (size_t i = 0; i + 1 < s.M && s.N; i += step) {
			product_init(&part, s, how & 1, how & 2, 0.3f, 0.7f);
			part.g.compute = all.g.compute;
			part.g.A += how & 1 ? i : i * part.g.lda;
			part.g.C += i * part.g.ldc;
			part.g.M = step < s.M - i ? step : s.M - i;
			part.g.N = s.N > 2 ? s.N - s.N / 3 : s.N;
			mm_gemm_run(&part.g);
			ck_assert_msg(same_rows(part.g.C, all.g.ldc,
						all.C + i * all.g.ldc,
						all.g.ldc, part.g.M, part.g.N),
				      "%s, %d, rows from %zu",
				      mm_isa_names[isa], how, i);
			product_release(&part);
		}
		product_release(&all);
	}
}
END_TEST

struct seen {
	unsigned char *times;
	size_t N;
	const struct product *p;
};

static void see(void *ctx, size_t row, size_t rows, size_t col, size_t cols)
{
	struct seen *s = ctx;

	for (size_t i = row; i < row + rows; i++)
		for (size_t j = col; j < col + cols; j++)
			s->times[i * s->N + j]++;
}

START_TEST(epilogue_sees_everything_once)
{
	const struct shape s = shapes[_i];
	struct product p;
	struct seen seen = { .N = s.N, .p = &p };

	seen.times = mm_calloc(s.M * s.N, 1);
	product_init(&p, s, false, true, 1, 0);
	p.g.epilogue = see;
	p.g.ctx = &seen;
	mm_threads_set(2);
	mm_gemm_run(&p.g);
	for (size_t i = 0; i < s.M * s.N; i++)
		if (seen.times[i] != 1)
			ck_abort_msg("[%zu] %d times", i, seen.times[i]);
	mm_free(seen.times);
	product_release(&p);
}
END_TEST

START_TEST(batches_are_products)
{
	const size_t batch = (size_t)_i, M = 19, N = 21, K = 70;
	float *A = random_floats(batch * M * K, 1);
	float *B = random_floats(batch * N * K, 2);
	float *C = random_floats(batch * M * N, 3);
	float *D = random_floats(batch * M * N, 3);

	mm_gemm_batched(batch, false, true, M, N, K, 2, A, K, M * K, B, K,
			N * K, 0.5f, C, N, M * N);
	for (size_t b = 0; b < batch; b++)
		mm_gemm(false, true, M, N, K, 2, A + b * M * K, K,
			B + b * N * K, K, 0.5f, D + b * M * N, N);
	ck_assert(!memcmp(C, D, batch * M * N * sizeof(*C)));
	mm_free(A);
	mm_free(B);
	mm_free(C);
	mm_free(D);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_gemm");
	TCase *tc = tcase_create("gemm");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, products_are_right, 0, N_SHAPES);
	tcase_add_loop_test(tc, threads_do_not_change_bits, 0, N_SHAPES);
	tcase_add_loop_test(tc, neighbours_do_not_change_bits, 0, N_SHAPES);
	tcase_add_loop_test(tc, epilogue_sees_everything_once, 0, N_SHAPES);
	tcase_add_loop_test(tc, batches_are_products, 0, 6);
	return run_suite(s);
}
