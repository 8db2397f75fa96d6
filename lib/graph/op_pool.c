/* op_pool.c - pooling of maps, maps times numbers, pixels. */
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops.h"
#include "kernel/pool.h"

static int want_map(const struct mm_node *x, struct mm_err *err)
{
	if (x->shape.rank != 4 || !x->n)
		return mm_fail(err, MM_ERR_SHAPE, "wants maps (B, C, H, W)");
	return MM_OK;
}

/* ---- windows ---- */

static struct mm_pool pool_of(const struct mm_node *out)
{
	const size_t *x = out->in[0]->shape.dim, *pad = out->at.conv.pad;

	return (struct mm_pool){ .planes = x[0] * x[1],
				 .H = x[2],
				 .W = x[3],
				 .k = out->at.conv.kernel,
				 .stride = out->at.conv.stride,
				 .left = pad[0],
				 .right = pad[1],
				 .top = pad[2],
				 .bottom = pad[3] };
}

static int pool_shape(struct mm_node *out, struct mm_err *err)
{
	const size_t *pad = out->at.conv.pad, k = out->at.conv.kernel;
	struct mm_pool p;
	int rc = want_map(out->in[0], err);

	if (rc)
		return rc;
	for (int i = 0; i < 4; i++)
		if (pad[i] >= k)
			return mm_fail(err, MM_ERR_SHAPE,
				       "a border of %zu is no smaller than the "
				       "window of %zu",
				       pad[i], k);
	p = pool_of(out);
	out->shape = out->in[0]->shape;
	out->shape.dim[2] = mm_pool_rows(&p);
	out->shape.dim[3] = mm_pool_cols(&p);
	if (!out->shape.dim[2] || !out->shape.dim[3])
		return mm_fail(err, MM_ERR_SHAPE,
			       "a map of %zux%zu is smaller than the window "
			       "of %zu",
			       p.W, p.H, k);
	return MM_OK;
}

static size_t max_pool_saved(const struct mm_node *out)
{
	return out->n * sizeof(uint32_t);
}

static void max_pool_fwd(struct mm_node *out)
{
	const struct mm_pool p = pool_of(out);

	mm_max_pool_fwd(out->val, out->saved, out->in[0]->val, &p);
}

static void max_pool_bwd(struct mm_node *out)
{
	const struct mm_pool p = pool_of(out);
	mm_real *dx = mm_grad_add(out, 0);

	if (dx)
		mm_max_pool_bwd(dx, out->grad, out->saved, &p);
}

static void avg_pool_fwd(struct mm_node *out)
{
	const struct mm_pool p = pool_of(out);

	mm_avg_pool_fwd(out->val, out->in[0]->val, &p);
}

static void avg_pool_bwd(struct mm_node *out)
{
	const struct mm_pool p = pool_of(out);
	mm_real *dx = mm_grad_add(out, 0);

	if (dx)
		mm_avg_pool_bwd(dx, out->grad, &p);
}

struct mm_node *mm_max_pool(struct mm_graph *g, struct mm_node *x, size_t k,
			    size_t stride, const size_t pad[4])
{
	union mm_attr at = { .conv = { .kernel = k, .stride = stride } };

	if (pad)
		memcpy(at.conv.pad, pad, sizeof(at.conv.pad));
	return mm_emit(g, &mm_op_max_pool, &at, 1, &x);
}

struct mm_node *mm_avg_pool(struct mm_graph *g, struct mm_node *x, size_t k,
			    size_t stride)
{
	union mm_attr at = { .conv = { .kernel = k, .stride = stride } };

	return mm_emit(g, &mm_op_avg_pool, &at, 1, &x);
}

static struct mm_node *max_pool_sample(struct mm_graph *g, int v)
{
	static const size_t pad[4] = { 1, 1, 1, 0 };

	if (v > 2)
		return NULL;
	return mm_max_pool(g,
			   mm_leaf(g, v == 2 ? MM_SHAPE(3, 40, 16, 16)
					     : MM_SHAPE(2, 3, 5, 7)),
			   v ? 2 : 3, 2, v ? NULL : pad);
}

static struct mm_node *avg_pool_sample(struct mm_graph *g, int v)
{
	static const size_t k[] = { 2, 3, 2 }, stride[] = { 2, 2, 2 };

	if (v > 2)
		return NULL;
	return mm_avg_pool(g,
			   mm_leaf(g, v == 2 ? MM_SHAPE(3, 40, 16, 16)
					     : MM_SHAPE(2, 3, 5, 7)),
			   k[v], stride[v]);
}

const struct mm_op mm_op_max_pool = {
	.name = "max_pool",
	.onnx = mm_onnx_op_max_pool,
	.shape = pool_shape,
	.saved = max_pool_saved,
	.fwd = max_pool_fwd,
	.bwd = max_pool_bwd,
	.grad_tol = 1e-6,
	.sample = max_pool_sample,
};

const struct mm_op mm_op_avg_pool = {
	.name = "avg_pool",
	.onnx = mm_onnx_op_avg_pool,
	.shape = pool_shape,
	.fwd = avg_pool_fwd,
	.bwd = avg_pool_bwd,
	.grad_tol = 1e-6,
	.sample = avg_pool_sample,
};

/* ---- the mean of each map ---- */

static int mean_map_shape(struct mm_node *out, struct mm_err *err)
{
	const size_t *x = out->in[0]->shape.dim;
	int rc = want_map(out->in[0], err);

	if (!rc)
		out->shape = MM_SHAPE(x[0], x[1]);
	return rc;
}

static void mean_map_fwd(struct mm_node *out)
{
	mm_mean_rows_fwd(out->val, out->in[0]->val, out->n,
			 out->in[0]->n / out->n);
}

static void mean_map_bwd(struct mm_node *out)
{
	mm_real *dx = mm_grad_add(out, 0);

	if (dx)
		mm_mean_rows_bwd(dx, out->grad, out->n, out->in[0]->n / out->n);
}

struct mm_node *mm_mean_map(struct mm_graph *g, struct mm_node *x)
{
	return mm_emit(g, &mm_op_mean_map, NULL, 1, &x);
}

static struct mm_node *mean_map_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_mean_map(g, mm_leaf(g, v ? MM_SHAPE(4, 50, 9, 11)
						   : MM_SHAPE(2, 3, 2, 3)));
}

const struct mm_op mm_op_mean_map = {
	.name = "mean_map",
	.onnx = mm_onnx_op_mean_map,
	.shape = mean_map_shape,
	.fwd = mean_map_fwd,
	.bwd = mean_map_bwd,
	.grad_tol = 1e-6,
	.sample = mean_map_sample,
};

/* ---- each map times a number of its own ---- */

static int scale_maps_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape, *s = &out->in[1]->shape;
	int rc = want_map(out->in[0], err);

	if (!rc &&
	    (s->rank != 2 || s->dim[0] != x->dim[0] || s->dim[1] != x->dim[1]))
		rc = mm_fail(err, MM_ERR_SHAPE, "wants factors (B, C)");
	out->shape = *x;
	return rc;
}

static void scale_maps_fwd(struct mm_node *out)
{
	const size_t N = out->in[1]->n;

	mm_scale_rows_fwd(out->val, out->in[0]->val, out->in[1]->val, N,
			  out->n / N);
}

static void scale_maps_bwd(struct mm_node *out)
{
	const size_t N = out->in[1]->n;
	mm_real beta, *ds = mm_grad_add(out, 1);
	mm_real *dx = mm_grad_beta(out, 0, &beta);

	mm_scale_rows_bwd(dx, beta, ds, out->grad, out->in[0]->val,
			  out->in[1]->val, N, out->n / N);
}

struct mm_node *mm_scale_maps(struct mm_graph *g, struct mm_node *x,
			      struct mm_node *s)
{
	struct mm_node *in[] = { x, s };

	return mm_emit(g, &mm_op_scale_maps, NULL, 2, in);
}

static struct mm_node *scale_maps_sample(struct mm_graph *g, int v)
{
	const size_t B = v ? 4 : 2, C = v ? 50 : 3;

	return v > 1 ? NULL
		     : mm_scale_maps(g,
				     mm_leaf(g, MM_SHAPE(B, C, v ? 9 : 2, 7)),
				     mm_leaf(g, MM_SHAPE(B, C)));
}

const struct mm_op mm_op_scale_maps = {
	.name = "scale_maps",
	.onnx = mm_onnx_op_scale_maps,
	.shape = scale_maps_shape,
	.fwd = scale_maps_fwd,
	.bwd = scale_maps_bwd,
	.bwd_reads = 1u << 0 | 1u << 1,
	.grad_tol = 1e-6,
	.sample = scale_maps_sample,
};

/* ---- pictures as maps: patches of one pixel, channels kept apart ---- */

static int pixels_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *x = out->in[0];

	out->shape = x->shape;
	if (x->shape.rank != 4 || x->shape.dim[1] != 3 ||
	    x->elem == MM_ELEM_I32)
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants pictures (B, 3, H, W)");
	return MM_OK;
}

static void pixels_fwd(struct mm_node *out)
{
	const struct mm_node *x = out->in[0];

	if (x->elem == MM_ELEM_U8)
		mm_pixels_u8_fwd(out->val, x->data, out->at.patches.value,
				 x->shape.dim[0],
				 x->shape.dim[2] * x->shape.dim[3]);
	else
		memcpy(out->val, x->val, out->n * sizeof(*out->val));
}

static void pixels_bwd(struct mm_node *out)
{
	mm_real beta, *dx = mm_grad_beta(out, 0, &beta);

	if (dx)
		mm_axpby(dx, beta, 1, out->grad, out->n);
}

struct mm_node *mm_pixels(struct mm_graph *g, struct mm_node *x,
			  const float (*value)[256])
{
	return mm_emit(g, &mm_op_pixels,
		       &(union mm_attr){ .patches = { .value = value } }, 1,
		       &x);
}

static struct mm_node *pixels_sample(struct mm_graph *g, int v)
{
	return v ? NULL
		 : mm_pixels(g, mm_leaf(g, MM_SHAPE(2, 3, 4, 5)), NULL);
}

const struct mm_op mm_op_pixels = {
	.name = "pixels",
	.onnx = mm_onnx_op_pixels,
	.shape = pixels_shape,
	.fwd = pixels_fwd,
	.bwd = pixels_bwd,
	.grad_tol = 1e-6,
	.sample = pixels_sample,
};
