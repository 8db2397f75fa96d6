/* op_linear.c - linear layers and matrix products as operators. */
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops.h"
#include "graph/pack.h"

/* ---- y = act(x w^T + b) + residual ---- */

enum { X, W, BIAS, RESIDUAL };

static int linear_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[X]->shape, *w = &out->in[W]->shape;
	const struct mm_node *b = out->in[BIAS], *r = out->in[RESIDUAL];
	size_t C = 1;

	for (int i = 1; i < w->rank; i++)
		C *= w->dim[i];
	if (x->rank < 1 || w->rank < 2 || x->dim[x->rank - 1] != C)
		return mm_fail(err, MM_ERR_SHAPE,
			       "%zu inputs do not fit weights for %zu",
			       x->rank ? x->dim[x->rank - 1] : 0, C);
	out->shape = *x;
	out->shape.dim[x->rank - 1] = w->dim[0];
	if (b && (b->shape.rank != 1 || b->shape.dim[0] != w->dim[0]))
		return mm_fail(err, MM_ERR_SHAPE, "the bias has another width");
	if (r && !mm_shape_equal(&r->shape, &out->shape))
		return mm_fail(err, MM_ERR_SHAPE,
			       "the residual has another shape");
	return MM_OK;
}

/* The slopes of the activation, where a backward pass will want them. */
static size_t linear_saved(const struct mm_node *out)
{
	return out->at.linear.act != MM_ACT_NONE && out->needs_grad
		       ? out->n * sizeof(mm_real)
		       : 0;
}

/*
 * Does the layer that reads this one multiply its gradient by the slopes, in
 * the product that makes it?  Then no other may add to it.
 */
static bool sloped(const struct mm_node *out)
{
	return out->op == &mm_op_linear && out->at.linear.act != MM_ACT_NONE &&
	       out->readers == 1 && out->reader->op == &mm_op_linear &&
	       out->reader->in[X] == out && !out->wanted && !out->seeded;
}

static size_t linear_work(const struct mm_node *out)
{
	return sloped(out) ? 0 : linear_saved(out);
}

static void linear_fwd(struct mm_node *out)
{
	const struct mm_node *x = out->in[X], *w = out->in[W];
	const size_t F = w->shape.dim[0], C = w->n / F, N = out->n / F;
	struct mm_epilogue e = {
		.y = out->val,
		.slope = linear_saved(out) ? out->saved : NULL,
		.bias = out->in[BIAS] ? out->in[BIAS]->val : NULL,
		.residual = out->in[RESIDUAL] ? out->in[RESIDUAL]->val : NULL,
		.act = out->at.linear.act,
		.ld = F,
	};
	struct mm_gemm p = { .tb = true,
			     .M = N,
			     .N = F,
			     .K = C,
			     .alpha = 1,
			     .A = x->val,
			     .B = w->val,
			     .C = out->val,
			     .lda = C,
			     .ldb = C,
			     .ldc = F,
			     .epilogue = mm_epilogue_run,
			     .ctx = &e,
			     .compute = out->graph->compute };

	if (!mm_graph_packed(out))
		mm_gemm_run(&p);
	else if (!out->led)
		mm_graph_packed_fwd(out);
}

/* dx = beta dx + dy W, and times the slopes of the layer in front. */
static void to_input(struct mm_node *out, const mm_real *dy, size_t N, size_t F,
		     size_t C)
{
	struct mm_node *x = out->in[X];
	mm_real beta, *dx = mm_grad_beta(out, X, &beta);
	struct mm_slope s = { dx, x->saved, C };
	const struct mm_gemm p = { .M = N,
				   .N = C,
				   .K = F,
				   .alpha = 1,
				   .beta = beta,
				   .A = dy,
				   .B = out->in[W]->val,
				   .C = dx,
				   .lda = F,
				   .ldb = C,
				   .ldc = C,
				   .epilogue = sloped(x) ? mm_slope_run : NULL,
				   .ctx = &s,
				   .compute = out->graph->compute };

	if (dx)
		mm_gemm_run(&p);
}

/* dw = beta dw + dy^T x. */
static void to_weight(struct mm_node *out, const mm_real *dy, size_t N,
		      size_t F, size_t C)
{
	mm_real beta, *dw = mm_grad_beta(out, W, &beta);
	const struct mm_gemm p = { .ta = true,
				   .M = F,
				   .N = C,
				   .K = N,
				   .alpha = 1,
				   .beta = beta,
				   .A = dy,
				   .B = out->in[X]->val,
				   .C = dw,
				   .lda = F,
				   .ldb = C,
				   .ldc = C,
				   .compute = out->graph->compute };

	if (dw)
		mm_gemm_run(&p);
}

static void linear_bwd(struct mm_node *out)
{
	const struct mm_node *w = out->in[W];
	const size_t F = w->shape.dim[0], C = w->n / F, N = out->n / F;
	const mm_real *dy = out->grad;
	mm_real beta, *d;

	if ((d = mm_grad_beta(out, RESIDUAL, &beta)))
		mm_axpby(d, beta, 1, dy, out->n);
	if (out->at.linear.act != MM_ACT_NONE && !sloped(out)) {
		mm_slope_bwd(out->work, mm_grad_add(out, BIAS), dy, out->saved,
			     N, F);
		dy = out->work;
	} else if ((d = mm_grad_add(out, BIAS))) {
		mm_sum_rows(d, dy, N, F);
	}
	to_weight(out, dy, N, F, C);
	to_input(out, dy, N, F, C);
}

struct mm_node *mm_linear(struct mm_graph *g, struct mm_node *x,
			  struct mm_node *w, struct mm_node *b,
			  struct mm_node *residual, enum mm_act act)
{
	struct mm_node *in[] = { x, w, b, residual };

	return mm_emit(g, &mm_op_linear, &(union mm_attr){ .linear = { act } },
		       4, in);
}

static struct mm_node *linear_sample(struct mm_graph *g, int v)
{
	static const enum mm_act acts[] = { MM_ACT_NONE, MM_ACT_GELU,
					    MM_ACT_QUICK_GELU, MM_ACT_NONE,
					    MM_ACT_NONE };
	const size_t N = v == 1 ? 300 : 5, C = v == 1 ? 33 : 7, F = 6;
	struct mm_node *x, *w, *b, *r;

	if (v > 4)
		return NULL;
	x = mm_leaf(g, MM_SHAPE(N, C));
	if (v == 4) {
		w = mm_leaf(g, MM_SHAPE(C, C));
		b = mm_leaf(g, MM_SHAPE(C));
		x = mm_linear(g, x, w, b, NULL, MM_ACT_GELU);
	}
	w = mm_leaf(g, v == 3 ? MM_SHAPE(F, C, 1) : MM_SHAPE(F, C));
	b = v == 2 ? NULL : mm_leaf(g, MM_SHAPE(F));
	r = v == 0 ? NULL : mm_leaf(g, MM_SHAPE(N, F));
	return mm_linear(g, x, w, b, r, acts[v]);
}

const struct mm_op mm_op_linear = {
	.name = "linear",
	.onnx = mm_onnx_op_linear,
	.shape = linear_shape,
	.saved = linear_saved,
	.work = linear_work,
	.fwd = linear_fwd,
	.bwd = linear_bwd,
	.bwd_reads = 1u << X | 1u << W,
	.by_row = 1u << X | 1u << RESIDUAL,
	.grad_tol = 1e-6,
	.sample = linear_sample,
};

/* ---- alpha op(a) op(b) ---- */

struct product {
	size_t n, M, N, K, lda, ldb; /* n products */
};

static struct product product_of(const struct mm_node *out)
{
	const struct mm_node *a = out->in[0], *b = out->in[1];
	const bool ta = out->at.matmul.ta, tb = out->at.matmul.tb;
	const int r = a->shape.rank;
	const size_t *da = a->shape.dim + r - 2, *db = b->shape.dim + r - 2;

	return (struct product){ r == 3 ? a->shape.dim[0] : 1,
				 da[ta],
				 db[!tb],
				 da[!ta],
				 da[1],
				 db[1] };
}

static int matmul_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *a = &out->in[0]->shape, *b = &out->in[1]->shape;
	const bool ta = out->at.matmul.ta, tb = out->at.matmul.tb;
	struct product p;

	if (a->rank != b->rank || a->rank < 2 || a->rank > 3 ||
	    (a->rank == 3 && a->dim[0] != b->dim[0]))
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants two matrices, or two batches of them");
	p = product_of(out);
	if (p.K != b->dim[b->rank - 2 + tb])
		return mm_fail(err, MM_ERR_SHAPE,
			       "inner sizes %zu and %zu differ", p.K,
			       b->dim[b->rank - 2 + tb]);
	(void)ta;
	out->shape = *a;
	out->shape.dim[a->rank - 2] = p.M;
	out->shape.dim[a->rank - 1] = p.N;
	return MM_OK;
}

static void matmul_fwd(struct mm_node *out)
{
	const struct product p = product_of(out);

	for (size_t i = 0; i < p.n; i++)
		mm_gemm(out->at.matmul.ta, out->at.matmul.tb, p.M, p.N, p.K,
			(mm_real)out->at.matmul.alpha,
			out->in[0]->val + i * p.M * p.K, p.lda,
			out->in[1]->val + i * p.K * p.N, p.ldb, 0,
			out->val + i * p.M * p.N, p.N);
}

/* One matrix's gradient: dA = dC op(B)^T, or its transpose. */
static void matmul_bwd(struct mm_node *out)
{
	const struct product p = product_of(out);
	const bool ta = out->at.matmul.ta, tb = out->at.matmul.tb;
	const mm_real alpha = (mm_real)out->at.matmul.alpha;
	mm_real ba, bb;
	mm_real *da = mm_grad_beta(out, 0, &ba);
	mm_real *db = mm_grad_beta(out, 1, &bb);

	for (size_t i = 0; i < p.n; i++) {
		const mm_real *dy = out->grad + i * p.M * p.N;
		const mm_real *a = out->in[0]->val + i * p.M * p.K;
		const mm_real *b = out->in[1]->val + i * p.K * p.N;
		mm_real *dai = da ? da + i * p.M * p.K : NULL;
		mm_real *dbi = db ? db + i * p.K * p.N : NULL;

		if (dai && !ta)
			mm_gemm(false, !tb, p.M, p.K, p.N, alpha, dy, p.N, b,
				p.ldb, ba, dai, p.lda);
		else if (dai)
			mm_gemm(tb, true, p.K, p.M, p.N, alpha, b, p.ldb, dy,
				p.N, ba, dai, p.lda);
		if (dbi && !tb)
			mm_gemm(!ta, false, p.K, p.N, p.M, alpha, a, p.lda, dy,
				p.N, bb, dbi, p.ldb);
		else if (dbi)
			mm_gemm(true, ta, p.N, p.K, p.M, alpha, dy, p.N, a,
				p.lda, bb, dbi, p.ldb);
	}
}

struct mm_node *mm_matmul(struct mm_graph *g, struct mm_node *a,
			  struct mm_node *b, bool ta, bool tb, double alpha)
{
	struct mm_node *in[] = { a, b };

	return mm_emit(g, &mm_op_matmul,
		       &(union mm_attr){ .matmul = { ta, tb, alpha } }, 2, in);
}

static struct mm_node *matmul_sample(struct mm_graph *g, int v)
{
	const bool ta = v & 1, tb = v & 2;
	struct mm_node *a, *b;

	if (v > 5)
		return NULL;
	if (v == 5) { /* a node with itself */
		a = mm_leaf(g, MM_SHAPE(3, 4));
		return mm_matmul(g, a, a, false, true, 0.5);
	}
	if (v == 4) {
		a = mm_leaf(g, MM_SHAPE(2, 3, 4));
		b = mm_leaf(g, MM_SHAPE(2, 5, 4));
		return mm_matmul(g, a, b, false, true, 0.5);
	}
	a = mm_leaf(g, ta ? MM_SHAPE(4, 3) : MM_SHAPE(3, 4));
	b = mm_leaf(g, tb ? MM_SHAPE(5, 4) : MM_SHAPE(4, 5));
	return mm_matmul(g, a, b, ta, tb, 2.0);
}

const struct mm_op mm_op_matmul = {
	.name = "matmul",
	.onnx = mm_onnx_op_matmul,
	.shape = matmul_shape,
	.fwd = matmul_fwd,
	.bwd = matmul_bwd,
	.bwd_reads = 3,
	.grad_tol = 1e-6,
	.sample = matmul_sample,
};
