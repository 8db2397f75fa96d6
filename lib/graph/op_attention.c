/* op_attention.c - multi-head attention as an operator. */
#include <math.h>

#include "graph/onnx.h"
#include "graph/ops.h"
#include "graph/ragged.h"
#include "graph/rows.h"

enum { Q, K, V, MASK, IDS };

/* Of each sample, after mm_graph_narrow. */
static bool one_query(const struct mm_node *out)
{
	return out->in[Q]->shape.rank == 2 && !out->in[Q]->ragged;
}

static struct mm_attention call(const struct mm_node *out)
{
	const struct mm_ragged *r =
		out->in[K]->ragged ? out->graph->ragged : NULL;
	const struct mm_shape *q = &out->in[Q]->shape, *k = &out->in[K]->shape;
	const size_t H = out->at.attention.heads, C = k->dim[k->rank - 1];
	const size_t Tk = r ? r->T : k->dim[1];
	const size_t Tq = one_query(out) ? 1 : r ? r->T : q->dim[1];
	double scale = out->at.attention.scale;

	if (scale == 0)
		scale = 1 / sqrt((double)(C / H));
	return (struct mm_attention){
		.q = out->in[Q]->val,
		.k = out->in[K]->val,
		.v = out->in[V]->val,
		.mask = out->in[MASK] ? out->in[MASK]->data : NULL,
		.ldq = C,
		.ldk = C,
		.ldo = C,
		.B = r ? r->B : k->dim[0],
		.Tq = Tq,
		.Tk = Tk,
		.H = H,
		.D = C / H,
		.scale = (mm_real)scale,
		.causal = out->at.attention.causal,
		.dropout = out->graph->mode == MM_TRAIN
				   ? out->at.attention.dropout
				   : 0,
		.key = mm_noise_key(out),
		/* p has H Tq Tk elements a sample, not H D Tq. */
		.noise_offset = out->graph->row0 * H * Tq * Tk,
		.first_q = r && !one_query(out) ? r->first : NULL,
		.first_k = r ? r->first : NULL,
	};
}

static int attention_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *q = &out->in[Q]->shape, *k = &out->in[K]->shape;
	const size_t heads = out->at.attention.heads;

	if (q->rank != 3 || k->rank != 3 || q->dim[0] != k->dim[0] ||
	    q->dim[2] != k->dim[2] || !mm_shape_equal(k, &out->in[V]->shape))
		return mm_fail(err, MM_ERR_SHAPE,
			       "queries, keys and values do not fit together");
	if (!heads || q->dim[2] % heads)
		return mm_fail(err, MM_ERR_SHAPE,
			       "%zu heads do not divide a width of %zu", heads,
			       q->dim[2]);
	if (out->in[MASK] && (out->in[MASK]->elem != MM_ELEM_U8 ||
			      out->in[MASK]->n != k->dim[0] * k->dim[1]))
		return mm_fail(err, MM_ERR_SHAPE,
			       "the mask must hold a byte for each key");
	out->shape = *q;
	return MM_OK;
}

/* Logarithms of the sums, and where the only queries stand. */
static size_t attention_saved(const struct mm_node *out)
{
	const struct mm_attention a = call(out);

	return (out->needs_grad ? a.B * a.H * a.Tq * sizeof(mm_real) : 0) +
	       (one_query(out) ? a.B * sizeof(int32_t) : 0);
}

static int32_t *places(const struct mm_node *out, const struct mm_attention *a)
{
	mm_real *lse = out->saved;

	if (!one_query(out))
		return NULL;
	return (int32_t *)(void *)(lse + (out->needs_grad ? a->B * a->H : 0));
}

static size_t attention_work(const struct mm_node *out)
{
	const struct mm_attention a = call(out);

	return mm_attention_work(&a) * sizeof(mm_real);
}

static void attention_fwd(struct mm_node *out)
{
	struct mm_attention a = call(out);
	int32_t *at = places(out, &a);

	for (size_t b = 0; at && b < a.B; b++)
		at[b] = (int32_t)mm_row_at(out->in[IDS], out->at.attention.eos,
					   out->at.attention.row, b);
	a.at = at;
	mm_attention_fwd(out->val, out->needs_grad ? out->saved : NULL, &a,
			 out->work);
}

static void attention_bwd(struct mm_node *out)
{
	struct mm_attention a = call(out);
	mm_real beta[3], *d[3];

	a.at = places(out, &a);
	for (int i = 0; i < 3; i++)
		d[i] = mm_grad_beta(out, i, &beta[i]);
	mm_attention_bwd(d[Q], d[K], d[V], beta, out->grad, out->val,
			 out->saved, &a, out->work);
}

static void attention_narrow(struct mm_node *out, const struct mm_node *pick)
{
	out->n_in = IDS + 1;
	out->in[IDS] = pick->n_in > 1 ? pick->in[1] : NULL;
	out->at.attention.eos = pick->at.loss.ignore;
	out->at.attention.row = pick->at.slice.begin;
}

struct mm_node *mm_attention(struct mm_graph *g, struct mm_node *q,
			     struct mm_node *k, struct mm_node *v,
			     struct mm_node *mask, size_t heads, bool causal,
			     double scale, double dropout)
{
	struct mm_node *in[] = { q, k, v, mask };
	const union mm_attr at = { .attention = { .heads = heads,
						  .causal = causal,
						  .scale = scale,
						  .dropout = dropout } };

	return mm_emit(g, &mm_op_attention, &at, 4, in);
}

static struct mm_node *attention_sample(struct mm_graph *g, int v)
{
	static const uint8_t hide[] = { 1, 1, 1, 0, 1, 1, 0, 0, 0, 0 };
	const size_t Tq = v == 1 ? 3 : 5, Tk = 5;
	struct mm_node *q, *k, *val, *mask = NULL;

	if (v > 4)
		return NULL;
	q = mm_leaf(g, MM_SHAPE(2, Tq, 6));
	k = mm_leaf(g, MM_SHAPE(2, Tk, 6));
	val = mm_leaf(g, MM_SHAPE(2, Tk, 6));
	if (v >= 3 && (mask = mm_input(g, "mask", MM_ELEM_U8, MM_SHAPE(2, Tk))))
		mask->data = hide;
	return mm_attention(g, q, k, val, mask, v == 1 ? 3 : 2,
			    v == 2 || v == 4, v == 1 ? 0.7 : 0,
			    v == 4 ? 0.3 : 0);
}

const struct mm_op mm_op_attention = {
	.name = "attention",
	.onnx = mm_onnx_op_attention,
	.shape = attention_shape,
	.saved = attention_saved,
	.work = attention_work,
	.fwd = attention_fwd,
	.bwd = attention_bwd,
	.bwd_reads = 1u << Q | 1u << K | 1u << V | MM_READS_OUT,
	.by_row = 1u << Q,
	.narrow = attention_narrow,
	.stochastic = true,
	.grad_tol = 1e-6,
	.sample = attention_sample,
};
