/* What a stream's summary counts, over several segments that differ. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tensor/summary.h"

static struct mm_summary sum;
static struct mm_err err;

static struct mm_segment segment(struct mm_column *c, size_t n_columns,
				 size_t n)
{
	return (struct mm_segment){
		.n = n, .column = c, .n_columns = n_columns, .path = "test"
	};
}

static void add(struct mm_column *c, size_t n)
{
	const struct mm_segment seg = segment(c, 1, n);

	ck_assert_int_eq(mm_summary_add(&sum, &seg, &err), MM_OK);
}

START_TEST(values_leave_out_what_is_not_finite)
{
	const float a[] = { 1, -2, NAN, INFINITY }, b[] = { 7, 2 };
	struct mm_column c = { .name = "x" };

	mm_summary_init(&sum, true);
	c.items = mm_tensor_make("x", MM_F32, 2, (size_t[]){ 2, 2 }, a);
	add(&c, 2);
	c.items = mm_tensor_make("x", MM_F32, 2, (size_t[]){ 1, 2 }, b);
	add(&c, 1);
	ck_assert_uint_eq(sum.samples, 3);
	ck_assert_uint_eq(sum.segments, 2);
	ck_assert_uint_eq(sum.n_columns, 1);
	ck_assert_uint_eq(sum.column->values.n, 4);
	ck_assert_uint_eq(sum.column->values.n_nan, 1);
	ck_assert_uint_eq(sum.column->values.n_inf, 1);
	ck_assert_double_eq(sum.column->values.min, -2);
	ck_assert_double_eq(sum.column->values.max, 7);
	ck_assert_double_eq(sum.column->values.mean, 2);
	ck_assert_uint_eq(sum.column->bytes, 24);
	mm_summary_release(&sum);
}
END_TEST

START_TEST(blocks_add_up)
{
	enum { N = 200001 };
	static int32_t x[N];
	struct mm_column c = { .name = "x" };

	for (int i = 0; i < N; i++)
		x[i] = i;
	mm_summary_init(&sum, true);
	c.items = mm_tensor_make("x", MM_I32, 1, (size_t[]){ N }, x);
	add(&c, N);
	ck_assert_uint_eq(sum.column->values.n, N);
	ck_assert_double_eq(sum.column->values.mean, (N - 1) / 2.0);
	ck_assert_double_eq(sum.column->values.max, N - 1);
	mm_summary_release(&sum);
}
END_TEST

START_TEST(sizes_that_differ_are_marked)
{
	static const char bytes[600];
	const int64_t ends[] = { 3, 3, 10 };
	struct mm_column c = { .name = "x" };

	mm_summary_init(&sum, false);
	c.items = mm_tensor_make("x", MM_U8, 3, (size_t[]){ 2, 4, 5 }, bytes);
	add(&c, 2);
	c.items = mm_tensor_make("x", MM_U8, 3, (size_t[]){ 2, 6, 5 }, bytes);
	add(&c, 2);
	ck_assert_uint_eq(sum.column->dim[0], SIZE_MAX);
	ck_assert_uint_eq(sum.column->dim[1], 5);
	ck_assert(!sum.column->mixed);
	c.items = mm_tensor_make("x", MM_U8, 1, (size_t[]){ 10 }, bytes);
	c.ends = ends;
	add(&c, 3);
	ck_assert(sum.column->mixed);
	ck_assert_int_eq(sum.column->rank, -1);
	c.name = "text";
	add(&c, 3);
	ck_assert_uint_eq(sum.n_columns, 2);
	ck_assert(sum.column[1].string);
	ck_assert_uint_eq(sum.column[1].shortest, 0);
	ck_assert_uint_eq(sum.column[1].longest, 7);
	mm_summary_release(&sum);
}
END_TEST

START_TEST(metadata_that_differs_is_marked)
{
	const struct mm_meta first[] = { { "seed", "1" }, { "stage", "a" } };
	const struct mm_meta second[] = { { "seed", "2" }, { "stage", "a" } };
	struct mm_segment seg = { .meta = first, .n_meta = 2 };

	mm_summary_init(&sum, false);
	ck_assert_int_eq(mm_summary_add(&sum, &seg, &err), MM_OK);
	seg.meta = second;
	ck_assert_int_eq(mm_summary_add(&sum, &seg, &err), MM_OK);
	ck_assert_uint_eq(sum.n_meta, 2);
	ck_assert_str_eq(sum.meta[0].value, "1");
	ck_assert(sum.meta[0].differs && !sum.meta[1].differs);
	mm_summary_release(&sum);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("summary");
	TCase *tc = tcase_create("summary");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, values_leave_out_what_is_not_finite);
	tcase_add_test(tc, blocks_add_up);
	tcase_add_test(tc, sizes_that_differ_are_marked);
	tcase_add_test(tc, metadata_that_differs_is_marked);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
