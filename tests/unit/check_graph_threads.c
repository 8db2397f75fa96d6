/* Every operator: the same bits with 1, 2 and 3 threads, and when run twice. */
#include "base/buf.h"
#include "base/parallel.h"
#include "optest.h"

enum { MAX_VARIANTS = 32 };

/* Output and all gradients, as bytes. */
static void run(struct mm_buf *bytes, struct optest *t, int threads)
{
	mm_threads_set(threads);
	mm_buf_clear(bytes);
	optest_forward(t);
	mm_buf_add(bytes, t->out->val, t->out->n * sizeof(mm_real));
	optest_backward(t);
	for (size_t i = 0; i < t->g.n_nodes; i++) {
		const struct mm_node *n = t->g.node[i];

		if (optest_is_leaf(n))
			mm_buf_add(bytes, n->grad, n->n * sizeof(mm_real));
	}
}

START_TEST(bits_do_not_depend_on_threads)
{
	const struct mm_op *op = mm_ops[_i];
	struct mm_buf one = { 0 }, many = { 0 };
	struct optest t;

	mm_threads_set(3); /* scratch is planned for the threads of that time */
	for (int v = 0; v < MAX_VARIANTS && optest_init(&t, op, v); v++) {
		run(&one, &t, 1);
		for (int threads = 1; threads <= 3; threads++) {
			run(&many, &t, threads);
			ck_assert_uint_eq(one.len, many.len);
			ck_assert_msg(!memcmp(one.data, many.data, one.len),
				      "%s, variant %d: %d threads", op->name, v,
				      threads);
		}
		optest_release(&t);
		mm_threads_set(3);
	}
	mm_buf_release(&one);
	mm_buf_release(&many);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("graph_threads");
	TCase *tc = tcase_create("every operator");
	SRunner *sr = srunner_create(s);
	int n_ops = 0, failed;

	while (mm_ops[n_ops])
		n_ops++;
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, bits_do_not_depend_on_threads, 0, n_ops);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
