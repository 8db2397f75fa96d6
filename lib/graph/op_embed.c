/* op_embed.c - tables, positions, patches and picking rows as operators. */
#include <string.h>

#include "base/parallel.h"
#include "graph/onnx.h"
#include "graph/ops.h"
#include "graph/ragged.h"

/* ---- table[ids] ---- */

static int embedding_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *ids = out->in[0], *table = out->in[1];

	if (ids->elem != MM_ELEM_I32 || ids->shape.rank != 2 ||
	    table->shape.rank != 2)
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants ids (B, T) and a table (V, C)");
	if (out->at.embedding.counted &&
	    table->shape.dim[0] <=
		    (size_t)out->at.embedding.padding + ids->shape.dim[1])
		return mm_fail(err, MM_ERR_SHAPE,
			       "%zu tokens counted from %d, but positions for "
			       "%zu only",
			       ids->shape.dim[1], out->at.embedding.padding + 1,
			       table->shape.dim[0]);
	out->shape = MM_SHAPE(ids->shape.dim[0], ids->shape.dim[1],
			      table->shape.dim[1]);
	return MM_OK;
}

static size_t embedding_work(const struct mm_node *out)
{
	return out->ragged || out->at.embedding.counted
		       ? out->in[0]->n * sizeof(int32_t)
		       : 0;
}

/* In place of n ids of texts of T their positions. */
static void count(int32_t *ids, const struct mm_node *out, size_t n)
{
	const struct mm_ragged *r = out->ragged ? out->graph->ragged : NULL;
	const size_t T = out->in[0]->shape.dim[1];
	const int32_t padding = out->at.embedding.padding;
	int32_t at = padding;

	for (size_t i = 0; i < n; i++) {
		if (r ? !r->t[i] : i % T == 0)
			at = padding;
		ids[i] = ids[i] == padding ? padding : ++at;
	}
}

/* One for each row of out. */
static const int32_t *ids_of(const struct mm_node *out)
{
	const struct mm_ragged *r = out->graph->ragged;
	const int32_t *all = out->in[0]->data;
	const size_t n = out->ragged ? r->rows : out->in[0]->n;
	int32_t *ids = out->work;

	if (!out->ragged && !out->at.embedding.counted)
		return all;
	for (size_t i = 0; i < n; i++)
		ids[i] = all[out->ragged ? (size_t)r->at[i] : i];
	if (out->at.embedding.counted)
		count(ids, out, n);
	return ids;
}

static void embedding_fwd(struct mm_node *out)
{
	const size_t C = out->in[1]->shape.dim[1];

	mm_gather_fwd(out->val, ids_of(out), out->in[1]->val, out->n / C, C);
}

static void embedding_bwd(struct mm_node *out)
{
	const size_t C = out->in[1]->shape.dim[1];
	mm_real *d = mm_grad_add(out, 1);

	if (d)
		mm_gather_bwd(d, out->grad, ids_of(out),
			      out->at.embedding.padding, out->n / C, C);
}

struct mm_node *mm_embedding_padded(struct mm_graph *g, struct mm_node *ids,
				    struct mm_node *table, int padding)
{
	struct mm_node *in[] = { ids, table };

	return mm_emit(g, &mm_op_embedding,
		       &(union mm_attr){ .embedding = { padding, false } }, 2,
		       in);
}

struct mm_node *mm_embedding(struct mm_graph *g, struct mm_node *ids,
			     struct mm_node *table)
{
	return mm_embedding_padded(g, ids, table, -1);
}

struct mm_node *mm_embedding_counted(struct mm_graph *g, struct mm_node *ids,
				     struct mm_node *table, int padding)
{
	struct mm_node *in[] = { ids, table };

	return mm_emit(g, &mm_op_embedding,
		       &(union mm_attr){ .embedding = { padding, true } }, 2,
		       in);
}

static struct mm_node *sample_ids(struct mm_graph *g)
{
	static const int32_t ids[] = { 3, 1, 3, 0, 4, 4, 2, 3 };
	struct mm_node *n = mm_input(g, "ids", MM_ELEM_I32, MM_SHAPE(2, 4));

	if (n)
		n->data = ids;
	return n;
}

static struct mm_node *embedding_sample(struct mm_graph *g, int v)
{
	struct mm_node *ids = v > 1 ? NULL : sample_ids(g);

	if (v > 1)
		return NULL;
	/* None of its ids is 5, whose gradient is not the derivative. */
	return v ? mm_embedding_counted(g, ids, mm_leaf(g, MM_SHAPE(10, 40)), 5)
		 : mm_embedding(g, ids, mm_leaf(g, MM_SHAPE(5, 40)));
}

const struct mm_op mm_op_embedding = {
	.name = "embedding",
	.onnx = mm_onnx_op_embedding,
	.shape = embedding_shape,
	.work = embedding_work,
	.fwd = embedding_fwd,
	.bwd = embedding_bwd,
	.grad_tol = 1e-6,
	.sample = embedding_sample,
};

/* ---- x + pos[0..T) ---- */

static int add_positions_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape, *p = &out->in[1]->shape;

	if (x->rank != 3 || p->rank != 2 || p->dim[1] != x->dim[2])
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants x (B, T, C) and positions (T, C)");
	if (p->dim[0] < x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE,
			       "%zu tokens, but positions for %zu only",
			       x->dim[1], p->dim[0]);
	out->shape = *x;
	return MM_OK;
}

static void add_whole_some(void *ctx, size_t begin, size_t end)
{
	const struct mm_node *out = ctx;
	const size_t n = out->shape.dim[1] * out->shape.dim[2];

	for (size_t b = begin; b < end; b++) {
		memcpy(out->val + b * n, out->in[0]->val + b * n,
		       n * sizeof(mm_real));
		mm_add_to(out->val + b * n, out->in[1]->val, n);
	}
}

/* Each row's own position. */
static void add_ragged_fwd(struct mm_node *out)
{
	const size_t C = out->shape.dim[1];

	mm_gather_fwd(out->val, out->graph->ragged->t, out->in[1]->val,
		      out->n / C, C);
	mm_add_to(out->val, out->in[0]->val, out->n);
}

static void add_positions_fwd(struct mm_node *out)
{
	if (out->ragged)
		add_ragged_fwd(out);
	else
		mm_parallel_for(out->shape.dim[0], 1, add_whole_some, out);
}

static void add_positions_bwd(struct mm_node *out)
{
	const size_t C = out->in[1]->shape.dim[1];
	mm_real beta, *d;

	if ((d = mm_grad_add(out, 1)) && out->ragged)
		mm_gather_bwd(d, out->grad, out->graph->ragged->t, -1,
			      out->n / C, C);
	else if (d)
		mm_sum_rows(d, out->grad, out->shape.dim[0],
			    out->shape.dim[1] * C);
	if ((d = mm_grad_beta(out, 0, &beta)))
		mm_axpby(d, beta, 1, out->grad, out->n);
}

struct mm_node *mm_add_positions(struct mm_graph *g, struct mm_node *x,
				 struct mm_node *pos)
{
	struct mm_node *in[] = { x, pos };

	return mm_emit(g, &mm_op_add_positions, NULL, 2, in);
}

static struct mm_node *add_positions_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_add_positions(g, mm_leaf(g, MM_SHAPE(2, 3, 40)),
					mm_leaf(g, MM_SHAPE(v ? 5 : 3, 40)));
}

const struct mm_op mm_op_add_positions = {
	.name = "add_positions",
	.onnx = mm_onnx_op_add_positions,
	.shape = add_positions_shape,
	.fwd = add_positions_fwd,
	.bwd = add_positions_bwd,
	.grad_tol = 1e-6,
	.sample = add_positions_sample,
};

/* ---- a class token in front ---- */

static int prepend_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape;

	if (x->rank != 3 || out->in[1]->n != x->dim[2])
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants x (B, T, C) and a row of C");
	out->shape = MM_SHAPE(x->dim[0], x->dim[1] + 1, x->dim[2]);
	return MM_OK;
}

static void prepend_some(void *ctx, size_t begin, size_t end)
{
	const struct mm_node *out = ctx;
	const size_t C = out->shape.dim[2], n = out->shape.dim[1] * C;

	for (size_t b = begin; b < end; b++) {
		memcpy(out->val + b * n, out->in[1]->val, C * sizeof(mm_real));
		memcpy(out->val + b * n + C, out->in[0]->val + b * (n - C),
		       (n - C) * sizeof(mm_real));
	}
}

static void prepend_fwd(struct mm_node *out)
{
	mm_parallel_for(out->shape.dim[0], 1, prepend_some, out);
}

struct behind {
	const struct mm_node *out;
	mm_real beta, *dx;
};

static void behind_some(void *ctx, size_t begin, size_t end)
{
	const struct behind *d = ctx;
	const size_t C = d->out->shape.dim[2], n = d->out->shape.dim[1] * C;

	for (size_t b = begin; b < end; b++)
		mm_axpby(d->dx + b * (n - C), d->beta, 1,
			 d->out->grad + b * n + C, n - C);
}

static void prepend_bwd(struct mm_node *out)
{
	const size_t B = out->shape.dim[0], C = out->shape.dim[2];
	const size_t n = out->shape.dim[1] * C;
	struct behind d = { .out = out };
	mm_real *dc = mm_grad_add(out, 1);

	for (size_t b = 0; dc && b < B; b++)
		for (size_t c = 0; c < C; c++)
			dc[c] += out->grad[b * n + c];
	if ((d.dx = mm_grad_beta(out, 0, &d.beta)))
		mm_parallel_for(B, 1, behind_some, &d);
}

struct mm_node *mm_prepend(struct mm_graph *g, struct mm_node *x,
			   struct mm_node *cls)
{
	struct mm_node *in[] = { x, cls };

	return mm_emit(g, &mm_op_prepend, NULL, 2, in);
}

static struct mm_node *prepend_sample(struct mm_graph *g, int v)
{
	return v ? NULL
		 : mm_prepend(g, mm_leaf(g, MM_SHAPE(2, 3, 4)),
			      mm_leaf(g, MM_SHAPE(4)));
}

const struct mm_op mm_op_prepend = {
	.name = "prepend",
	.onnx = mm_onnx_op_prepend,
	.shape = prepend_shape,
	.fwd = prepend_fwd,
	.bwd = prepend_bwd,
	.grad_tol = 1e-6,
	.sample = prepend_sample,
};

/* ---- pictures as rows of patches ---- */

static int patches_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *x = out->in[0];
	const size_t P = out->at.patches.patch, *d = x->shape.dim;

	if (x->shape.rank != 4 || x->elem == MM_ELEM_I32)
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants pictures (B, C, H, W)");
	if (!P || d[2] < P || d[3] < P)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a picture of %zux%zu has no patch of %zu", d[3],
			       d[2], P);
	out->shape = MM_SHAPE(d[0], d[2] / P * (d[3] / P), d[1] * P * P);
	return MM_OK;
}

static void patches_fwd(struct mm_node *out)
{
	const struct mm_node *x = out->in[0];
	const size_t *d = x->shape.dim, P = out->at.patches.patch;

	if (x->elem == MM_ELEM_U8)
		mm_patches_u8_fwd(out->val, x->data, out->at.patches.value,
				  d[0], d[2], d[3], P);
	else
		mm_patches_fwd(out->val, x->val, d[0], d[1], d[2], d[3], P);
}

static void patches_bwd(struct mm_node *out)
{
	const size_t *d = out->in[0]->shape.dim;
	mm_real *dx = mm_grad_add(out, 0);

	if (dx)
		mm_patches_bwd(dx, out->grad, d[0], d[1], d[2], d[3],
			       out->at.patches.patch);
}

struct mm_node *mm_patches(struct mm_graph *g, struct mm_node *x, size_t patch,
			   const float (*value)[256])
{
	return mm_emit(g, &mm_op_patches,
		       &(union mm_attr){ .patches = { patch, value } }, 1, &x);
}

static struct mm_node *patches_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_patches(g,
				  mm_leaf(g, v ? MM_SHAPE(1, 3, 5, 7)
					       : MM_SHAPE(2, 3, 4, 6)),
				  2, NULL);
}

const struct mm_op mm_op_patches = {
	.name = "patches",
	.onnx = mm_onnx_op_patches,
	.shape = patches_shape,
	.fwd = patches_fwd,
	.bwd = patches_bwd,
	.grad_tol = 1e-6,
	.sample = patches_sample,
};
