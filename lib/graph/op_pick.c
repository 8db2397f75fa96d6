/* op_pick.c - one row of each sample, means over rows, other position grids. */
#include <math.h>
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops.h"
#include "graph/ragged.h"
#include "graph/rows.h"

/* ---- the row at the end of the text, or a fixed one ---- */

static int pick_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape;
	const struct mm_node *ids = out->n_in > 1 ? out->in[1] : NULL;

	if (x->rank != 3 || !x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "wants x (B, T, C)");
	if (ids &&
	    (ids->elem != MM_ELEM_I32 || ids->n != x->dim[0] * x->dim[1]))
		return mm_fail(err, MM_ERR_SHAPE, "wants an id for each row");
	if (!ids && out->at.slice.begin >= x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "there is no row %zu of %zu",
			       out->at.slice.begin, x->dim[1]);
	out->shape = MM_SHAPE(x->dim[0], x->dim[2]);
	return MM_OK;
}

static size_t pick_saved(const struct mm_node *out)
{
	return out->shape.dim[0] * sizeof(int32_t);
}

static size_t end_of(const int32_t *ids, size_t T, int eos)
{
	size_t at = 0;

	if (eos != MM_EOS_LARGEST) {
		for (size_t t = 0; t < T; t++)
			if (ids[t] == eos)
				return t;
		return 0;
	}
	for (size_t t = 1; t < T; t++)
		if (ids[t] > ids[at])
			at = t;
	return at;
}

size_t mm_row_at(const struct mm_node *ids, int eos, size_t row, size_t b)
{
	const size_t T = ids ? ids->shape.dim[1] : 0;

	return ids ? end_of((const int32_t *)ids->data + b * T, T, eos) : row;
}

size_t mm_pick_at(const struct mm_node *pick, size_t b)
{
	return mm_row_at(pick->n_in > 1 ? pick->in[1] : NULL,
			 pick->at.loss.ignore, pick->at.slice.begin, b);
}

/* Where sample b begins in x. */
static size_t first_row(const struct mm_node *x, size_t b)
{
	return x->ragged ? (size_t)x->graph->ragged->first[b]
			 : b * x->shape.dim[1];
}

static void pick_fwd(struct mm_node *out)
{
	const size_t C = out->shape.dim[1];
	int32_t *row = out->saved;

	for (size_t b = 0; b < out->shape.dim[0]; b++) {
		row[b] = (int32_t)(first_row(out->in[0], b) +
				   mm_pick_at(out, b));
		memcpy(out->val + b * C, out->in[0]->val + (size_t)row[b] * C,
		       C * sizeof(mm_real));
	}
}

static void pick_bwd(struct mm_node *out)
{
	const size_t C = out->shape.dim[1];
	const int32_t *row = out->saved;
	mm_real *d = mm_grad_add(out, 0);

	for (size_t b = 0; d && b < out->shape.dim[0]; b++)
		for (size_t c = 0; c < C; c++)
			d[(size_t)row[b] * C + c] += out->grad[b * C + c];
}

struct mm_node *mm_pick_end(struct mm_graph *g, struct mm_node *x,
			    struct mm_node *ids, int eos)
{
	struct mm_node *in[] = { x, ids };

	return mm_emit(g, &mm_op_pick_end,
		       &(union mm_attr){ .loss = { .ignore = eos } }, 2, in);
}

struct mm_node *mm_pick_row(struct mm_graph *g, struct mm_node *x, int t)
{
	size_t at = (size_t)t;

	if (!g->failed && t < 0)
		at += x->shape.dim[1];
	return mm_emit(g, &mm_op_pick_row,
		       &(union mm_attr){ .slice = { .begin = at } }, 1, &x);
}

static struct mm_node *pick_end_sample(struct mm_graph *g, int v)
{
	static const int32_t ids[] = { 3, 9, 9, 0, 4, 7, 2, 3 };
	struct mm_node *x, *n;

	if (v > 1)
		return NULL;
	x = mm_leaf(g, MM_SHAPE(2, 4, 3));
	if ((n = mm_input(g, "ids", MM_ELEM_I32, MM_SHAPE(2, 4))))
		n->data = ids;
	return mm_pick_end(g, x, n, v ? 2 : MM_EOS_LARGEST);
}

static struct mm_node *pick_row_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL : mm_pick_row(g, mm_leaf(g, MM_SHAPE(2, 4, 3)), -v);
}

const struct mm_op mm_op_pick_end = {
	.name = "pick_end",
	.onnx = mm_onnx_op_pick_end,
	.shape = pick_shape,
	.saved = pick_saved,
	.fwd = pick_fwd,
	.bwd = pick_bwd,
	.grad_tol = 1e-6,
	.sample = pick_end_sample,
};

const struct mm_op mm_op_pick_row = {
	.name = "pick_row",
	.onnx = mm_onnx_op_pick_row,
	.shape = pick_shape,
	.saved = pick_saved,
	.fwd = pick_fwd,
	.bwd = pick_bwd,
	.grad_tol = 1e-6,
	.sample = pick_row_sample,
};

/* ---- the mean over tokens ---- */

static int mean_tokens_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape;
	const struct mm_node *mask = out->n_in > 1 ? out->in[1] : NULL;

	if (x->rank != 3 || !x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "wants x (B, T, C)");
	if (mask &&
	    (mask->elem != MM_ELEM_U8 || mask->n != x->dim[0] * x->dim[1]))
		return mm_fail(err, MM_ERR_SHAPE, "wants a mask (B, T) U8");
	out->shape = MM_SHAPE(x->dim[0], x->dim[2]);
	return MM_OK;
}

/* The rows of sample b in x, and what hides some of them. */
struct mean {
	size_t first, T, counted;
	const uint8_t *mask;
};

static struct mean mean_of(const struct mm_node *out, size_t b)
{
	const struct mm_node *x = out->in[0];
	const struct mm_ragged *r = out->graph->ragged;
	struct mean m = { .first = first_row(x, b) };
	size_t T = 0;

	m.T = T = x->ragged ? r->T : x->shape.dim[1];
	if (x->ragged)
		m.T = (size_t)(r->first[b + 1] - r->first[b]);
	if (out->n_in > 1)
		m.mask = (const uint8_t *)out->in[1]->data + b * T;
	for (size_t t = 0; t < m.T; t++)
		m.counted += !m.mask || m.mask[t];
	m.counted += !m.counted; /* the mean of nothing is 0 */
	return m;
}

static void mean_tokens_fwd(struct mm_node *out)
{
	const size_t C = out->shape.dim[1];

	memset(out->val, 0, out->n * sizeof(mm_real));
	for (size_t b = 0; b < out->shape.dim[0]; b++) {
		const struct mean m = mean_of(out, b);
		const mm_real *x = out->in[0]->val + m.first * C;
		mm_real *y = out->val + b * C;

		for (size_t t = 0; t < m.T; t++, x += C)
			for (size_t c = 0; c < C && (!m.mask || m.mask[t]); c++)
				y[c] += x[c];
		for (size_t c = 0; c < C; c++)
			y[c] /= (mm_real)m.counted;
	}
}

static void mean_tokens_bwd(struct mm_node *out)
{
	const size_t C = out->shape.dim[1];
	mm_real *dx = mm_grad_add(out, 0);

	for (size_t b = 0; dx && b < out->shape.dim[0]; b++) {
		const struct mean m = mean_of(out, b);
		const mm_real *dy = out->grad + b * C;
		mm_real *d = dx + m.first * C;

		for (size_t t = 0; t < m.T; t++, d += C)
			for (size_t c = 0; c < C && (!m.mask || m.mask[t]); c++)
				d[c] += dy[c] / (mm_real)m.counted;
	}
}

struct mm_node *mm_mean_tokens(struct mm_graph *g, struct mm_node *x,
			       struct mm_node *mask)
{
	struct mm_node *in[] = { x, mask };

	return mm_emit(g, &mm_op_mean_tokens, NULL, mask ? 2 : 1, in);
}

static struct mm_node *mean_tokens_sample(struct mm_graph *g, int v)
{
	static const uint8_t some[] = { 1, 0, 1, 1, 0, 0, 0, 0 };
	struct mm_node *x, *mask = NULL;

	if (v > 1)
		return NULL;
	x = mm_leaf(g, MM_SHAPE(2, 4, 3));
	if (v && (mask = mm_input(g, "mask", MM_ELEM_U8, MM_SHAPE(2, 4))))
		mask->data = some;
	return mm_mean_tokens(g, x, mask);
}

const struct mm_op mm_op_mean_tokens = {
	.name = "mean_tokens",
	.onnx = mm_onnx_op_mean_tokens,
	.shape = mean_tokens_shape,
	.fwd = mean_tokens_fwd,
	.bwd = mean_tokens_bwd,
	.grad_tol = 1e-6,
	.sample = mean_tokens_sample,
};

/* ---- positions for another grid ---- */

/* at.slice: axis = rows that stay, begin = height, end = width */

enum { MOST_GRID = 512 };

static int resize_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *p = &out->in[0]->shape;
	const size_t n = out->at.slice.axis;
	size_t G;

	if (p->rank != 2 || p->dim[0] <= n)
		return mm_fail(err, MM_ERR_SHAPE, "wants positions (n, C)");
	G = (size_t)lround(sqrt((double)(p->dim[0] - n)));
	if (G * G != p->dim[0] - n)
		return mm_fail(err, MM_ERR_SHAPE,
			       "%zu positions are not a square grid",
			       p->dim[0] - n);
	if (G > MOST_GRID)
		return mm_fail(err, MM_ERR_SHAPE,
			       "positions of a grid of %zu are too many to be "
			       "resized",
			       G);
	out->shape = MM_SHAPE(n + out->at.slice.begin * out->at.slice.end,
			      p->dim[1]);
	return MM_OK;
}

/* Keys' cubic convolution at distance t. */
static double cubic(double t, double a)
{
	t = fabs(t);
	if (t <= 1)
		return ((a + 2) * t - (a + 3)) * t * t + 1;
	if (t < 2)
		return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
	return 0;
}

/* The samples of n from `first` on, and their weights, that make output i. */
struct taps {
	size_t first, n;
	double w[MOST_GRID];
};

/* Four samples, a = -0.75; what lies outside repeats the border. */
static void plain_taps(struct taps *t, size_t i, size_t m, size_t n)
{
	const double x = ((double)i + 0.5) * (double)n / (double)m - 0.5;
	const double left = floor(x);

	memset(t, 0, sizeof(*t));
	t->n = n;
	for (int k = 0; k < 4; k++) {
		const double p = left + k - 1;
		const double at = p < 0			? 0
				  : p > (double)(n - 1) ? (double)(n - 1)
							: p;

		t->w[(size_t)at] += cubic(x - p, -0.75);
	}
}

/* As many as are averaged, a = -0.5, cut at the border; their sum is 1. */
static void smooth_taps(struct taps *t, size_t i, size_t m, size_t n)
{
	const double scale = (double)n / (double)m;
	const double wide = scale > 1 ? scale : 1;
	const double x = ((double)i + 0.5) * scale;
	const double from = floor(x - 2 * wide + 0.5);
	const double to = floor(x + 2 * wide + 0.5);
	double sum = 0;

	memset(t, 0, sizeof(*t));
	t->n = to < (double)n ? (size_t)to : n;
	t->first = from > 0 ? (size_t)from : 0;
	for (size_t k = t->first; k < t->n; k++)
		sum += t->w[k] = cubic(((double)k - x + 0.5) / wide, -0.5);
	for (size_t k = t->first; k < t->n; k++)
		t->w[k] /= sum;
}

/* Forward, or the same taps backward. */
static void resize_apply(const struct mm_node *out, mm_real *y, mm_real *x,
			 bool back)
{
	const size_t n = out->at.slice.axis, h = out->at.slice.begin;
	const size_t w = out->at.slice.end, C = out->shape.dim[1];
	const size_t G =
		(size_t)lround(sqrt((double)(out->in[0]->shape.dim[0] - n)));
	void (*const taps)(struct taps *, size_t, size_t, size_t) =
		out->op == &mm_op_resample_positions ? smooth_taps : plain_taps;
	struct taps ty, tx;

	for (size_t i = 0; i < n * C; i++)
		back ? (x[i] += y[i]) : (y[i] = x[i]);
	for (size_t i = 0; i < h * w; i++) {
		mm_real *row = y + (n + i) * C;

		taps(&ty, i / w, h, G);
		taps(&tx, i % w, w, G);
		for (size_t c = 0; c < C && !back; c++)
			row[c] = 0;
		for (size_t a = ty.first; a < ty.n; a++)
			for (size_t b = tx.first; b < tx.n; b++) {
				mm_real *p = x + (n + a * G + b) * C;
				const mm_real f = (mm_real)(ty.w[a] * tx.w[b]);

				for (size_t c = 0; c < C && f != 0; c++)
					back ? (p[c] += f * row[c])
					     : (row[c] += f * p[c]);
			}
	}
}

static void resize_fwd(struct mm_node *out)
{
	resize_apply(out, out->val, out->in[0]->val, false);
}

static void resize_bwd(struct mm_node *out)
{
	mm_real *d = mm_grad_add(out, 0);

	if (d)
		resize_apply(out, out->grad, d, true);
}

struct mm_node *mm_resize_positions(struct mm_graph *g, struct mm_node *pos,
				    size_t n, size_t h, size_t w)
{
	return mm_emit(g, &mm_op_resize_positions,
		       &(union mm_attr){ .slice = { n, h, w } }, 1, &pos);
}

static struct mm_node *resize_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_resize_positions(g,
					   mm_leaf(g, MM_SHAPE(v ? 9 : 10, 3)),
					   v ? 0 : 1, 2, v ? 5 : 4);
}

const struct mm_op mm_op_resize_positions = {
	.name = "resize_positions",
	.onnx = mm_onnx_op_resize_positions,
	.shape = resize_shape,
	.fwd = resize_fwd,
	.bwd = resize_bwd,
	.grad_tol = 1e-6,
	.sample = resize_sample,
};

struct mm_node *mm_resample_positions(struct mm_graph *g, struct mm_node *pos,
				      size_t n, size_t h, size_t w)
{
	return mm_emit(g, &mm_op_resample_positions,
		       &(union mm_attr){ .slice = { n, h, w } }, 1, &pos);
}

static struct mm_node *resample_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_resample_positions(
			       g, mm_leaf(g, MM_SHAPE(v ? 25 : 10, 3)),
			       v ? 0 : 1, 2, v ? 3 : 4);
}

const struct mm_op mm_op_resample_positions = {
	.name = "resample_positions",
	.onnx = mm_onnx_op_resample_positions,
	.shape = resize_shape,
	.fwd = resize_fwd,
	.bwd = resize_bwd,
	.grad_tol = 1e-6,
	.sample = resample_sample,
};
