/* Element types: every 16-bit float there and back, rounding, saturation. */
#include "unit.h"

#include <math.h>

#include "kernel/cast.h"
#include "kernel/cpu.h"
#include "tensor/dtype.h"

enum { ALL = 1 << 16 };

static uint32_t bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static float from_bits(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

/* The value of a binary16 by its definition. */
static double half_value(unsigned h)
{
	const int e = (int)(h >> 10 & 31), f = (int)(h & 0x3ff);
	const double m = e == 0	  ? ldexp(f, -24)
			 : e < 31 ? ldexp(f + 1024, e - 25)
			 : f	  ? (double)NAN
				  : (double)INFINITY;

	return h & 0x8000 ? -m : m;
}

/* Each test runs with the plain loops and with the processor's own. */
static void pick_isa(int i)
{
	mm_isa_force(-1);
	mm_isa_force(i ? (int)mm_isa() : MM_ISA_BASE);
}

START_TEST(every_half_there_and_back)
{
	static uint16_t h[ALL + 5], back[ALL + 5];
	static float x[ALL + 5];

	pick_isa(_i);
	for (int i = 0; i < ALL; i++)
		h[i] = (uint16_t)i;
	mm_f16_to_f32(x, h, ALL);
	mm_f32_to_f16(back, x, ALL);
	for (unsigned i = 0; i < ALL; i++) {
		const double want = half_value(i);

		if (isnan(want)) {
			ck_assert(isnan(x[i]));
			ck_assert_uint_eq(back[i], i | 0x200);
			continue;
		}
		ck_assert((double)x[i] == want);
		ck_assert_uint_eq(back[i], i); /* also the sign of zero */
	}
}
END_TEST

/* Between two neighbours: below the middle, the middle, above it. */
START_TEST(halves_round_to_nearest_even)
{
	pick_isa(_i);
	for (unsigned i = 0; i < 0x7bff; i++) {
		const double a = half_value(i), b = half_value(i + 1);
		const float mid = (float)((a + b) / 2);
		const float x[3] = { nextafterf(mid, -1), mid,
				     nextafterf(mid, INFINITY) };
		uint16_t y[3];

		mm_f32_to_f16(y, x, 3);
		ck_assert_uint_eq(y[0], i);
		ck_assert_uint_eq(y[1], i + (i & 1));
		ck_assert_uint_eq(y[2], i + 1);
	}
}
END_TEST

START_TEST(halves_overflow_to_infinity)
{
	const float x[] = { 65504,    65519.996f,     65520,  1e30f,
			    -65520,   INFINITY,	      1e-30f, -1e-30f,
			    0x1p-25f, 0x1.000002p-25f };
	const uint16_t want[] = { 0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00,
				  0x7c00, 0,	  0x8000, 0,	  1 };
	uint16_t y[10];

	pick_isa(_i);
	mm_f32_to_f16(y, x, 10);
	ck_assert_mem_eq(y, want, sizeof(want));
}
END_TEST

START_TEST(loops_agree_with_the_processor)
{
	enum { N = 4099 };
	static float x[N];
	static uint16_t a[N], b[N];
	uint32_t u = 1;

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < N; i++) {
			u = u * 1664525u + 1013904223u;
			x[i] = from_bits(u);
		}
		pick_isa(0);
		mm_f32_to_f16(a, x, N);
		pick_isa(1);
		mm_f32_to_f16(b, x, N);
		ck_assert_mem_eq(a, b, sizeof(a));
	}
}
END_TEST

START_TEST(bfloats_round_to_nearest_even)
{
	static uint16_t h[ALL], back[ALL];
	static float x[ALL];

	for (int i = 0; i < ALL; i++)
		h[i] = (uint16_t)i;
	mm_bf16_to_f32(x, h, ALL);
	mm_f32_to_bf16(back, x, ALL);
	for (uint32_t i = 0; i < ALL; i++) {
		ck_assert_uint_eq(bits(x[i]), i << 16);
		ck_assert_uint_eq(back[i], isnan(x[i]) ? i | 0x40 : i);
	}
	for (uint32_t i = 0; i < 0x7f80; i++) {
		const float v[3] = { from_bits(i << 16 | 0x7fff),
				     from_bits(i << 16 | 0x8000),
				     from_bits(i << 16 | 0x8001) };
		uint16_t y[3];

		mm_f32_to_bf16(y, v, 3);
		ck_assert_uint_eq(y[0], i);
		ck_assert_uint_eq(y[1], i + (i & 1));
		ck_assert_uint_eq(y[2], i + 1);
	}
}
END_TEST

START_TEST(names_and_sizes)
{
	enum mm_dtype t;

	for (int i = 0; i < MM_N_DTYPES; i++) {
		ck_assert(mm_dtype_parse(&t, mm_dtype_name((enum mm_dtype)i)));
		ck_assert_int_eq((int)t, i);
	}
	ck_assert(!mm_dtype_parse(&t, "F7") && !mm_dtype_parse(&t, "f32"));
	ck_assert_uint_eq(mm_dtype_size(MM_F64), 8);
	ck_assert_uint_eq(mm_dtype_size(MM_BF16), 2);
	ck_assert_uint_eq(mm_dtype_size(MM_BOOL), 1);
	ck_assert(mm_dtype_is_float(MM_F16) && !mm_dtype_is_float(MM_U8));
}
END_TEST

START_TEST(integers_convert_and_saturate)
{
	const int8_t i8[] = { -128, -1, 127 };
	const uint64_t u64[] = { 0, UINT64_MAX, INT64_MAX };
	const double f64[] = { 1e30, -1e30, -2.9, 2.9, (double)NAN };
	const float f[] = { 300, -300, 2.5f, 3.5f, NAN };
	int64_t y[5];
	float x[3];
	uint8_t u[5];
	int8_t s[5];

	mm_to_f32(x, i8, MM_I8, 3);
	ck_assert(x[0] == -128 && x[1] == -1 && x[2] == 127);
	mm_to_i64(y, u64, MM_U64, 3);
	ck_assert(y[0] == 0 && y[1] == INT64_MAX && y[2] == INT64_MAX);
	mm_to_i64(y, f64, MM_F64, 5);
	ck_assert(y[0] == INT64_MAX && y[1] == INT64_MIN && y[2] == -2 &&
		  y[3] == 2 && y[4] == 0);
	mm_from_f32(u, MM_U8, f, 5);
	ck_assert(u[0] == 255 && u[1] == 0 && u[2] == 2 && u[3] == 4 &&
		  u[4] == 0);
	mm_from_f32(s, MM_I8, f, 5);
	ck_assert(s[0] == 127 && s[1] == -128);
	mm_from_f32(y, MM_I64, f, 5);
	ck_assert(y[0] == 300 && y[2] == 2 && y[3] == 4 && y[4] == 0);
}
END_TEST

START_TEST(every_type_widens_alike)
{
	static unsigned char raw[600 * 8];
	static float f[600];
	static double d[600];
	static int64_t n[600];
	const enum mm_dtype t = (enum mm_dtype)_i;

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)(t == MM_BOOL ? i & 1 : i * 89 >> 3);
	mm_to_f32(f, raw, t, 600);
	mm_to_f64(d, raw, t, 600);
	mm_to_i64(n, raw, t, 600);
	for (int i = 0; i < 600; i++) {
		if (isnan(d[i])) {
			ck_assert(isnan(f[i]) && n[i] == 0);
			continue;
		}
		ck_assert(f[i] == (float)d[i]);
		if (fabs(d[i]) < 1e15)
			ck_assert_int_eq(n[i], (int64_t)d[i]);
	}
}
END_TEST

START_TEST(eight_bit_floats)
{
	/* 0, smallest, 1, largest, then infinity or NaN. */
	const uint8_t e4m3[] = { 0x00, 0x01, 0x38, 0x7e, 0x7f, 0xb8 };
	const uint8_t e5m2[] = { 0x00, 0x01, 0x3c, 0x7b, 0x7c, 0x7d };
	float x[6];

	mm_to_f32(x, e4m3, MM_F8_E4M3, 6);
	ck_assert(x[0] == 0 && x[1] == 0x1p-9f && x[2] == 1 && x[3] == 448 &&
		  isnan(x[4]) && x[5] == -1);
	mm_to_f32(x, e5m2, MM_F8_E5M2, 6);
	ck_assert(x[0] == 0 && x[1] == 0x1p-16f && x[2] == 1 && x[3] == 57344 &&
		  isinf(x[4]) && isnan(x[5]));
}
END_TEST

START_TEST(shapes)
{
	const size_t dim[] = { 2, 3, 4 }, any[] = { SIZE_MAX, 3, 4 };
	const size_t huge[] = { SIZE_MAX / 2, 3, 0 };
	const struct mm_tensor t = mm_tensor_make("w", MM_F16, 3, dim, "");
	char text[64];
	size_t n;

	ck_assert_uint_eq(t.nbytes, 48);
	ck_assert_uint_eq(mm_tensor_count(&t), 24);
	ck_assert(mm_shape_count(&n, dim, 3) && n == 24);
	ck_assert(mm_shape_count(&n, NULL, 0) && n == 1);
	ck_assert(!mm_shape_count(&n, huge, 3));
	ck_assert_str_eq(mm_shape_text(text, sizeof(text), any, 3),
			 "[*, 3, 4]");
	ck_assert_str_eq(mm_shape_text(text, 6, dim, 3), "[2, 3");
	ck_ok(mm_tensor_expect(&t, MM_F16, 3, any, err));
	ck_fails(mm_tensor_expect(&t, MM_F32, 3, any, err), MM_ERR_SHAPE,
		 "'w' must be F32 [*, 3, 4], not F16 [2, 3, 4]");
	ck_fails(mm_tensor_expect(&t, MM_F16, 2, dim, err), MM_ERR_SHAPE,
		 "[2, 3]");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dtype, cast");

	tcase_add_loop_test(tc, every_half_there_and_back, 0, 2);
	tcase_add_loop_test(tc, halves_round_to_nearest_even, 0, 2);
	tcase_add_loop_test(tc, halves_overflow_to_infinity, 0, 2);
	tcase_add_test(tc, loops_agree_with_the_processor);
	tcase_add_test(tc, bfloats_round_to_nearest_even);
	tcase_add_test(tc, names_and_sizes);
	tcase_add_test(tc, integers_convert_and_saturate);
	tcase_add_loop_test(tc, every_type_widens_alike, 0, MM_N_DTYPES);
	tcase_add_test(tc, eight_bit_floats);
	tcase_add_test(tc, shapes);
	return unit_run("dtype", tc);
}
