/*
 * The kernels on matrix tiles, over tiles in plain C: packing, what hangs over
 * at every edge, and the shapes of tiles are what a processor would see.  int8
 * layers equal those of the plain kernel to the bit, bfloat16 ones nearly.
 */
#define MM_VEC_BYTES  64
#define MM_MR	      32
#define MM_X_OFFSET   0
#define MM_NAME(type) plain_##type


#include "isatest.h"
#include "tiles_plain.h"

#include "kernel/packed.h"

extern const struct mm_packed_isa plain_int8, plain_bf16;

#include "kernel/packed_amx_body.h"

static const struct {
	size_t M, F, C;
} shapes[] = {
	{ 1, 1, 1 },	 { 16, 32, 64 },   { 17, 33, 65 },    { 31, 31, 63 },
	{ 32, 64, 128 }, { 33, 70, 512 },  { 50, 96, 513 },   { 48, 16, 1030 },
	{ 5, 40, 7 },	 { 200, 40, 130 }, { 193, 20, 1200 }, { 3, 4, 0 },
};

enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes) };

/* Packed weights in the kernel's layout, drawn in packed.h. */
static void pack_plain(struct mm_packed *p, const struct mm_packed_isa *isa,
		       const float *W, size_t F, size_t C)
{
	const size_t columns = (F + NR - 1) / NR * NR, step = isa->step;
	const size_t words = (C + step - 1) / step;
	char *panels = mm_calloc(columns * words + 1, 4);
	float *scale = mm_calloc(columns, sizeof(*scale));
	int32_t *shift = mm_calloc(columns, sizeof(*shift));
	int8_t *q = mm_malloc(F * C + 1, 1);

	mm_quantize_rows(q, scale, W, C, F, C);
	for (size_t f = 0; f < F; f++)
		for (size_t c = 0; c < C; c++) {
			const size_t at = f / NR * NR * words * step +
					  c / step * step * NR + f % NR * step +
					  c % step;

			if (step == 4)
				panels[at] = (char)q[f * C + c];
			else
				mm_f32_to_bf16((uint16_t *)(void *)panels + at,
					       W + f * C + c, 1);
		}
	*p = (struct mm_packed){ isa->type, F, C, panels, scale, shift, isa };
	mm_free(q);
}

static void free_const(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { p };

	mm_free(u.out);
}

/* Both kernels' y of one layer, (M, F) each. */
static void run_both(float *y[2], enum mm_packed_type type, int shape_index,
		     const float *bias, const float *x_scale)
{
	const size_t M = shapes[shape_index].M, F = shapes[shape_index].F;
	const size_t C = shapes[shape_index].C;
	float *W = random_floats(F * C + 1, 1),
	      *x = random_floats(M * C + 1, 2);
	float *r = random_floats(M * F, 3);
	void *memory;
	struct mm_packed w[2];

	mm_isa_force(MM_ISA_BASE);
	memory = mm_malloc(mm_packed_bytes(type, F, C), 1);
	mm_packed_pack(&w[0], type, W, C, F, C, memory);
	pack_plain(&w[1], type == MM_PACKED_INT8 ? &plain_int8 : &plain_bf16, W,
		   F, C);
	for (int i = 0; i < 2; i++) {
		const struct mm_linear l = {
			.w = &w[i],
			.M = M,
			.x = x,
			.y = y[i] = random_floats(M * F, 4),
			.bias = bias,
			.residual = bias ? r : NULL,
			.ldx = C,
			.ldy = F,
			.ldr = F,
			.act = bias ? MM_ACT_RELU : MM_ACT_NONE,
			.x_scale = x_scale
		};

		mm_linear_run(&l);
	}
	free_const(w[1].panels);
	free_const(w[1].scale);
	free_const(w[1].shift);
	mm_free(memory);
	mm_free(W);
	mm_free(x);
	mm_free(r);
}

START_TEST(test_int8_sums)
{
	const float fixed = 0.01f;
	float *y[2];

	/* No bias: the sums times both scales, rounded twice everywhere. */
	run_both(y, MM_PACKED_INT8, _i, NULL, _i % 2 ? &fixed : NULL);
	for (size_t i = 0; i < shapes[_i].M * shapes[_i].F; i++)
		ck_assert_msg(y[0][i] == y[1][i], "shape %d, number %zu", _i,
			      i);
	mm_free(y[0]);
	mm_free(y[1]);
}
END_TEST

static void check_near(enum mm_packed_type type, int shape_index, double tol)
{
	float *bias = random_floats(shapes[shape_index].F, 5), *y[2];

	run_both(y, type, shape_index, bias, NULL);
	for (size_t i = 0; i < shapes[shape_index].M * shapes[shape_index].F;
	     i++)
		ck_assert_double_le(fabs((double)y[0][i] - (double)y[1][i]),
				    tol * (1 + fabs((double)y[0][i])));
	mm_free(bias);
	mm_free(y[0]);
	mm_free(y[1]);
}

START_TEST(test_int8_end)
{
	check_near(MM_PACKED_INT8, _i, 1e-6);
}
END_TEST

START_TEST(test_bf16)
{
	check_near(MM_PACKED_BF16, _i, 2e-5);
}
END_TEST

/* Nobody gets tiles that the processor or the system does not give. */
START_TEST(test_choice)
{
	const unsigned amx = MM_CPU_AMX_INT8 | MM_CPU_AMX_BF16;

	if (!(mm_cpu()->features & amx))
		ck_assert(!mm_cpu_has(MM_CPU_AMX_INT8) &&
			  !mm_cpu_has(MM_CPU_AMX_BF16));
	mm_cpu_restrict(~amx);
	ck_assert(!mm_cpu_has(MM_CPU_AMX_INT8));
	mm_cpu_restrict(~0u);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_amx");
	TCase *t = tcase_create("tiles");

	tcase_add_loop_test(t, test_int8_sums, 0, N_SHAPES);
	tcase_add_loop_test(t, test_int8_end, 0, N_SHAPES);
	tcase_add_loop_test(t, test_bf16, 0, N_SHAPES);
	tcase_add_test(t, test_choice);
	suite_add_tcase(s, t);
	return run_suite(s);
}
