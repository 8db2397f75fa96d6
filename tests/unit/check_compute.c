/* Linear layers whose products take operands of 16 bits: near, and alike. */
#include "base/buf.h"
#include "base/parallel.h"
#include "isatest.h"
#include "optest.h"

/* Output, then the gradients of all leaves. */
static void run(struct mm_buf *out, struct optest *t, enum mm_compute compute)
{
	t->g.compute = compute;
	mm_buf_clear(out);
	optest_forward(t);
	mm_buf_add(out, t->out->val, t->out->n * sizeof(mm_real));
	optest_backward(t);
	for (size_t i = 0; i < t->g.n_nodes; i++)
		if (optest_is_leaf(t->g.node[i]))
			mm_buf_add(out, t->g.node[i]->grad,
				   t->g.node[i]->n * sizeof(mm_real));
}

static double distance(const struct mm_buf *a, const struct mm_buf *b)
{
	const float *x = (const float *)(const void *)a->data;
	const float *y = (const float *)(const void *)b->data;
	double d = 0, s = 0;

	ck_assert_uint_eq(a->len, b->len);
	for (size_t i = 0; i < a->len / sizeof(*x); i++) {
		d += (double)(x[i] - y[i]) * (double)(x[i] - y[i]);
		s += (double)(y[i] * y[i]);
	}
	return sqrt(d / s);
}

START_TEST(short_operands_are_near)
{
	struct mm_buf want = { 0 }, got = { 0 };
	struct optest t;

	FOR_EACH_ISA(isa)
	for (int v = 0; optest_init(&t, &mm_op_linear, v); v++) {
		double bf16, f16;

		run(&want, &t, MM_COMPUTE_F32);
		run(&got, &t, MM_COMPUTE_BF16);
		bf16 = distance(&got, &want);
		run(&got, &t, MM_COMPUTE_F16);
		f16 = distance(&got, &want);
		/* Half has three more bits of fraction. */
		ck_assert_msg(bf16 < 1e-2 && f16 < 1e-3 && f16 < bf16 / 2 &&
				      f16 > 1e-5,
			      "%s, variant %d: %g %g", mm_isa_names[isa], v,
			      bf16, f16);
		optest_release(&t);
	}
	mm_buf_release(&want);
	mm_buf_release(&got);
}
END_TEST

START_TEST(bits_do_not_depend_on_threads)
{
	const enum mm_compute compute = (enum mm_compute)_i;
	struct mm_buf one = { 0 }, many = { 0 };
	struct optest t;

	for (int v = 0; optest_init(&t, &mm_op_linear, v); v++) {
		mm_threads_set(1);
		run(&one, &t, compute);
		for (int threads = 2; threads <= 3; threads++) {
			mm_threads_set(threads);
			run(&many, &t, compute);
			ck_assert(one.len == many.len &&
				  !memcmp(one.data, many.data, one.len));
		}
		optest_release(&t);
	}
	mm_threads_set(0);
	mm_buf_release(&one);
	mm_buf_release(&many);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("compute");
	TCase *tc = tcase_create("linear");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, short_operands_are_near);
	tcase_add_loop_test(tc, bits_do_not_depend_on_threads, 0,
			    MM_COMPUTE_F16 + 1);
	return run_suite(s);
}
