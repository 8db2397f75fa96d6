/*
 * Packed linear layers: every format on every instruction set against sums in
 * double of what the format stores; int8 sums equal everywhere; the same bits
 * for any number of threads and in any batch.
 */
#include "isatest.h"

#include "base/parallel.h"
#include "kernel/cast.h"
#include "kernel/packed.h"

struct shape {
	size_t M, F, C;
};

/* Around the borders of tiles, panels, blocks and ways to cut tasks. */
static const struct shape shapes[] = {
	{ 1, 1, 1 },	{ 1, 70, 9 },	  { 2, 33, 31 },   { 5, 16, 256 },
	{ 6, 17, 257 }, { 7, 48, 63 },	  { 8, 5, 1030 },  { 13, 100, 40 },
	{ 50, 64, 24 }, { 77, 31, 130 },  { 193, 20, 12 }, { 200, 40, 33 },
	{ 400, 3, 10 }, { 2, 8, 131072 }, { 3, 4, 0 },	   { 0, 4, 4 },
};

enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes), PAD = 5 };

/* What a processor may be taken for: a level and what is forgotten. */
static const struct machine {
	const char *name;
	int isa;
	unsigned forget;
} machines[] = {
	{ "base", MM_ISA_BASE, 0 },
	{ "avx2", MM_ISA_AVX2, MM_CPU_AVX_VNNI },
	{ "avx2 with vnni", MM_ISA_AVX2, 0 },
	{ "avx512", MM_ISA_AVX512,
	  MM_CPU_AVX512_VNNI | MM_CPU_AVX512_BF16 | MM_CPU_AVX_VNNI },
	{ "avx512 with vnni and bf16", MM_ISA_AVX512, 0 },
};

enum { N_MACHINES = sizeof(machines) / sizeof(*machines) };

/* Pretend; 0 where this processor is less. */
static int pretend(const struct machine *m)
{
	mm_isa_force(-1);
	mm_cpu_restrict(~0u);
	if ((int)mm_isa() < m->isa)
		return 0;
	mm_isa_force(m->isa);
	mm_cpu_restrict(~m->forget);
	return 1;
}

#define FOR_EACH_MACHINE(m)                                                 \
	for (const struct machine *m = machines; m < machines + N_MACHINES; \
	     m++)                                                           \
		if (pretend(m))

/* A layer with all its parts; y is filled with noise and wider than F. */
struct layer {
	struct mm_linear l;
	struct mm_packed w;
	float *W, *x, *y, *bias, *residual;
	void *memory;
	size_t y_size;
};

static void layer_init(struct layer *t, enum mm_packed_type type,
		       struct shape s)
{
	const size_t bytes = mm_packed_bytes(type, s.F, s.C);

	memset(t, 0, sizeof(*t));
	t->W = random_floats(s.F * s.C, 1);
	t->x = random_floats(s.M * (s.C + PAD), 2);
	t->y_size = s.M * (s.F + PAD);
	t->y = random_floats(t->y_size, 3);
	t->bias = random_floats(s.F, 4);
	t->residual = random_floats(s.M * (s.F + 1), 5);
	t->memory = mm_malloc(bytes, 1);
	ck_assert_uint_gt(bytes, 0);
	memset(t->memory, 0x55, bytes);
	mm_packed_pack(&t->w, type, t->W, s.C, s.F, s.C, t->memory);
	t->l = (struct mm_linear){ .w = &t->w,
				   .M = s.M,
				   .x = t->x,
				   .y = t->y,
				   .bias = t->bias,
				   .residual = t->residual,
				   .ldx = s.C + PAD,
				   .ldy = s.F + PAD,
				   .ldr = s.F + 1,
				   .act = MM_ACT_QUICK_GELU };
}

static void layer_release(struct layer *t)
{
	mm_free(t->W);
	mm_free(t->x);
	mm_free(t->y);
	mm_free(t->bias);
	mm_free(t->residual);
	mm_free(t->memory);
}

/* x as the format sees it: rounded, or n steps of *scale. */
static void encode_row(double *out, double *scale, enum mm_packed_type type,
		       const float *x, size_t n, int is_weight)
{
	float top = 0;

	*scale = 1;
	for (size_t i = 0; i < n; i++)
		top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
	if (type == MM_PACKED_INT8 || (type == MM_PACKED_W8 && is_weight))
		*scale = top / 127;
	for (size_t i = 0; i < n; i++) {
		out[i] = x[i];
		if (*scale != 1)
			out[i] = is_weight ? rintf(x[i] / (float)*scale)
					   : rintf(x[i] * (1 / (float)*scale));
		if (type == MM_PACKED_BF16) {
			uint16_t h;
			float f;

			mm_f32_to_bf16(&h, x + i, 1);
			mm_bf16_to_f32(&f, &h, 1);
			out[i] = f;
		}
	}
}

static void check_layer(const struct layer *t, const char *what)
{
	const struct mm_linear *l = &t->l;
	const size_t F = t->w.F, C = t->w.C;
	double *x = mm_malloc(C + 1, sizeof(*x));
	double *w = mm_malloc(F * C + 1, sizeof(*w));
	double *ws = mm_malloc(F, sizeof(*ws)), xs;

	for (size_t f = 0; f < F; f++)
		encode_row(w + f * C, ws + f, t->w.type, t->W + f * C, C, 1);
	for (size_t i = 0; i < l->M; i++) {
		encode_row(x, &xs, t->w.type, l->x + i * l->ldx, C, 0);
		for (size_t f = 0; f < F; f++) {
			const double got = l->y[i * l->ldy + f];
			double sum = 0, size = 0, pre, want;

			for (size_t c = 0; c < C; c++) {
				sum += x[c] * w[f * C + c];
				size += fabs(x[c] * w[f * C + c]);
			}
			pre = sum * xs * ws[f] + t->bias[f];
			want = pre / (1 + exp(-1.702 * pre)) +
			       l->residual[i * l->ldr + f];
			size = size * xs * ws[f] + 3;
			if (!near_sum(got, want, size, 3e-6))
				ck_abort_msg("%s, type %d, %zux%zux%zu "
					     "[%zu,%zu]: %g not %g",
					     what, (int)t->w.type, l->M, F, C,
					     i, f, got, want);
		}
	}
	mm_free(x);
	mm_free(w);
	mm_free(ws);
}

START_TEST(layers_are_right)
{
	const struct shape s = shapes[_i];

	FOR_EACH_MACHINE(m)
	for (int type = 0; type < MM_N_PACKED_TYPES; type++) {
		struct layer t;
		float *noise;

		layer_init(&t, type, s);
		noise = random_floats(t.y_size, 3);
		mm_linear_run(&t.l);
		check_layer(&t, m->name);
		for (size_t i = 0; i < s.M; i++)
			ck_assert(!memcmp(t.y + i * t.l.ldy + s.F,
					  noise + i * t.l.ldy + s.F,
					  PAD * sizeof(float)));
		mm_free(noise);
		layer_release(&t);
	}
}
END_TEST

START_TEST(threads_and_batch_do_not_change_bits)
{
	const struct shape s = shapes[_i];
	const size_t some = s.M / 3 + 1;

	FOR_EACH_MACHINE(m)
	for (int type = 0; type < MM_N_PACKED_TYPES; type++) {
		struct layer one, t;

		layer_init(&one, type, s);
		mm_linear_run_serial(&one.l);
		for (int threads = 1; threads <= 3; threads++) {
			mm_threads_set(threads);
			layer_init(&t, type, s);
			mm_linear_run(&t.l);
			ck_assert_msg(
				!memcmp(one.y, t.y, t.y_size * sizeof(float)),
				"%s: %d threads", m->name, threads);
			layer_release(&t);
		}
		for (size_t i = 0; i + some <= s.M; i += some) {
			layer_init(&t, type, s);
			t.l.x += i * t.l.ldx;
			t.l.y += i * t.l.ldy;
			t.l.residual += i * t.l.ldr;
			t.l.M = some;
			mm_linear_run(&t.l);
			ck_assert_msg(same_rows(t.l.y, t.l.ldy,
						one.y + i * t.l.ldy, t.l.ldy,
						some, s.F),
				      "%s: rows from %zu", m->name, i);
			layer_release(&t);
		}
		layer_release(&one);
	}
}
END_TEST

/* With scales of one the outputs are the int32 sums: equal everywhere. */
START_TEST(int8_sums_are_exact)
{
	enum { M = 9, F = 37, C = 1021 };
	static int8_t q[F * C];
	static float x[M * C], y[M * F], scale[F];
	const float one = 1;
	struct mm_rng r;

	mm_rng_init(&r, 7, 0, 0, MM_RNG_INIT);
	for (size_t i = 0; i < F * C; i++)
		q[i] = (int8_t)((int)mm_rng_below(&r, 255) - 127);
	for (size_t i = 0; i < M * C; i++)
		x[i] = (float)mm_rng_below(&r, 255) - 127;
	/* The extremes, where sums of 16 bits would saturate. */
	for (size_t c = 0; c < C; c++) {
		q[c] = 127;
		q[C + c] = -127;
		x[c] = 127;
		x[C + c] = -127;
	}
	for (size_t f = 0; f < F; f++)
		scale[f] = 1;
	FOR_EACH_MACHINE(m)
	{
		struct mm_packed w;
		void *memory =
			mm_malloc(mm_packed_bytes(MM_PACKED_INT8, F, C), 1);
		struct mm_linear l = { .w = &w,
				       .M = M,
				       .x = x,
				       .y = y,
				       .ldx = C,
				       .ldy = F,
				       .x_scale = &one };

		mm_packed_pack_q(&w, MM_PACKED_INT8, q, scale, F, C, memory);
		mm_linear_run(&l);
		for (size_t i = 0; i < M; i++)
			for (size_t f = 0; f < F; f++) {
				int32_t sum = 0;

				for (size_t c = 0; c < C; c++)
					sum += (int)x[i * C + c] * q[f * C + c];
				if (y[i * F + f] != (float)sum)
					ck_abort_msg("%s [%zu,%zu]: %g not %d",
						     m->name, i, f,
						     y[i * F + f], (int)sum);
			}
		mm_free(memory);
	}
}
END_TEST

START_TEST(fixed_scale_cuts)
{
	const float x[] = { 0.4f, 0.5f, 1.5f, 1000, -1000 }, scale = 1;
	const float want[] = { 0, 0, 2, 127, -127 };
	const float W[] = { 127 };

	FOR_EACH_MACHINE(m)
	{
		char memory[1024] __attribute__((aligned(64)));
		struct mm_packed w;
		float y[5];
		struct mm_linear l = { .w = &w,
				       .M = 5,
				       .x = x,
				       .y = y,
				       .ldx = 1,
				       .ldy = 1,
				       .x_scale = &scale };

		ck_assert_uint_le(mm_packed_bytes(MM_PACKED_INT8, 1, 1), 1024);
		mm_packed_pack(&w, MM_PACKED_INT8, W, 1, 1, 1, memory);
		mm_linear_run(&l);
		for (int i = 0; i < 5; i++)
			ck_assert_float_eq(y[i], 127 * want[i]);
	}
}
END_TEST

/* What is no number stays visible in its row and only there. */
START_TEST(nan_spreads_in_its_row)
{
	const struct shape s = { 4, 20, 50 };

	FOR_EACH_MACHINE(m)
	for (int type = 0; type < MM_N_PACKED_TYPES; type++) {
		struct layer t;

		layer_init(&t, type, s);
		t.x[t.l.ldx + 3] = NAN;
		t.x[2 * t.l.ldx + 49] = INFINITY;
		t.l.act = MM_ACT_NONE;
		mm_linear_run(&t.l);
		for (size_t f = 0; f < s.F; f++) {
			ck_assert(isfinite(t.y[f]));
			ck_assert(isnan(t.y[t.l.ldy + f]));
			ck_assert(!isfinite(t.y[2 * t.l.ldy + f]));
			ck_assert(isfinite(t.y[3 * t.l.ldy + f]));
		}
		layer_release(&t);
	}
}
END_TEST

START_TEST(residual_may_be_output)
{
	const struct shape s = { 21, 40, 600 };

	for (int type = 0; type < MM_N_PACKED_TYPES; type++) {
		struct layer a, b;

		layer_init(&a, type, s);
		layer_init(&b, type, s);
		for (size_t i = 0; i < s.M; i++)
			memcpy(b.y + i * b.l.ldy, b.residual + i * b.l.ldr,
			       s.F * sizeof(float));
		b.l.residual = b.y;
		b.l.ldr = b.l.ldy;
		mm_linear_run(&a.l);
		mm_linear_run(&b.l);
		ck_assert(same_rows(a.y, a.l.ldy, b.y, b.l.ldy, s.M, s.F));
		layer_release(&a);
		layer_release(&b);
	}
}
END_TEST

/* Packed bytes can be kept and bound; quantised weights pack alike. */
START_TEST(bound_and_quantised_weights_agree)
{
	const struct shape s = { 3, 50, 70 };

	for (int type = 0; type < MM_N_PACKED_TYPES; type++) {
		const size_t bytes = mm_packed_bytes(type, s.F, s.C);
		struct layer t;
		int8_t q[50 * 70];
		float scale[50], *y;
		void *memory = mm_calloc(bytes, 1);

		layer_init(&t, type, s);
		mm_linear_run(&t.l);
		y = mm_malloc(t.y_size, sizeof(*y));
		memcpy(y, t.y, t.y_size * sizeof(*y));
		memcpy(memory, t.memory, bytes);
		mm_packed_bind(&t.w, type, s.F, s.C, memory);
		mm_linear_run(&t.l);
		ck_assert(!memcmp(y, t.y, t.y_size * sizeof(*y)));
		if (type == MM_PACKED_W8 || type == MM_PACKED_INT8) {
			mm_quantize_rows(q, scale, t.W, s.C, s.F, s.C);
			mm_packed_pack_q(&t.w, type, q, scale, s.F, s.C,
					 t.memory);
			ck_assert(!memcmp(memory, t.memory, bytes));
		}
		mm_free(memory);
		mm_free(y);
		layer_release(&t);
	}
}
END_TEST

START_TEST(sizes_are_checked)
{
	for (int type = 0; type < MM_N_PACKED_TYPES; type++) {
		ck_assert_uint_eq(mm_packed_bytes(type, SIZE_MAX, 4), 0);
		ck_assert_uint_eq(mm_packed_bytes(type, SIZE_MAX / 64, 4096),
				  0);
		ck_assert_uint_eq(mm_packed_bytes(type, 1, MM_PACKED_MAX_C + 1),
				  0);
		ck_assert_uint_gt(mm_packed_bytes(type, 0, 0), 0);
		ck_assert_ptr_nonnull(mm_packed_layout(type));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_packed");
	TCase *tc = tcase_create("packed");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, layers_are_right, 0, N_SHAPES);
	tcase_add_loop_test(tc, threads_and_batch_do_not_change_bits, 0,
			    N_SHAPES);
	tcase_add_test(tc, int8_sums_are_exact);
	tcase_add_test(tc, fixed_scale_cuts);
	tcase_add_test(tc, nan_spreads_in_its_row);
	tcase_add_test(tc, residual_may_be_output);
	tcase_add_test(tc, bound_and_quantised_weights_agree);
	tcase_add_test(tc, sizes_are_checked);
	return run_suite(s);
}
