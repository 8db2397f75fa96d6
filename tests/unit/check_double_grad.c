/* Every operator of the table, in double, against central differences. */
#include <math.h>

#include "optest.h"

enum { MAX_VARIANTS = 32, MAX_ELEMENTS = 40 };

static void compare(struct optest *t, const struct mm_op *op, int variant,
		    size_t leaf, const mm_real *got)
{
	const size_t n = t->g.node[leaf]->n;
	const size_t step = n > MAX_ELEMENTS ? n / MAX_ELEMENTS : 1;
	const double h = 1e-5;

	for (size_t k = leaf % step; k < n; k += step) {
		const double x = (double)t->keep[leaf][k];
		double up, down, want;

		t->keep[leaf][k] = (mm_real)(x + h);
		up = optest_forward(t);
		t->keep[leaf][k] = (mm_real)(x - h);
		down = optest_forward(t);
		t->keep[leaf][k] = (mm_real)x;
		want = (up - down) / (2 * h);
		ck_assert_msg(fabs(want - (double)got[k]) <=
				      op->grad_tol * (1 + fabs(want)),
			      "%s, variant %d, leaf %zu, element %zu: %.12g "
			      "and not %.12g",
			      op->name, variant, leaf, k, (double)got[k], want);
	}
}

START_TEST(gradient_matches_central_difference)
{
	const struct mm_op *op = mm_ops[_i];
	struct optest t;
	int variant = 0;

	for (; variant < MAX_VARIANTS && optest_init(&t, op, variant);
	     variant++) {
		mm_real *grad[64] = { NULL };

		optest_forward(&t);
		optest_backward(&t);
		for (size_t i = 0; i < t.g.n_nodes; i++) {
			const struct mm_node *n = t.g.node[i];

			if (!optest_is_leaf(n))
				continue;
			grad[i] = malloc(n->n * sizeof(mm_real) + 1);
			memcpy(grad[i], n->grad, n->n * sizeof(mm_real));
		}
		for (size_t i = 0; i < t.g.n_nodes; i++) {
			if (grad[i])
				compare(&t, op, variant, i, grad[i]);
			free(grad[i]);
		}
		optest_release(&t);
	}
	ck_assert_msg(variant > 0, "%s has no sample", op->name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("double_grad");
	TCase *tc = tcase_create("every operator");
	SRunner *sr = srunner_create(s);
	int n_ops = 0, failed;

	while (mm_ops[n_ops])
		n_ops++;
	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, gradient_matches_central_difference, 0, n_ops);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
