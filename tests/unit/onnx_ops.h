/* onnx_ops.h - ONNX's operators, each as its page says: see onnx_run.h. */
#ifndef MM_TESTS_ONNX_OPS_H
#define MM_TESTS_ONNX_OPS_H

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "onnx_read.h"
#include "tensor/dtype.h"

/* Check's own assertions write to a file each time: too slow in loops. */
#define OR_MUST(ok) ((ok) ? (void)0 : ck_abort_msg("%s", #ok))

struct ov { /* a value; every element type is held as double */
	struct or_span name;
	int rank;
	int64_t dim[OR_RANK];
	size_t n;
	double *x;
};

enum { OV_MAX = 8192 };
struct or_env {
	const struct or_model *m;
	struct ov v[OV_MAX];
	int n;
};

static inline struct ov ov_make(int rank, const int64_t *dim)
{
	struct ov v = { .rank = rank, .n = 1 };

	for (int i = 0; i < rank; i++) {
		OR_MUST(dim[i] >= 0);
		v.dim[i] = dim[i];
		v.n *= (size_t)dim[i];
	}
	v.x = calloc(v.n + 1, sizeof(*v.x));
	return v;
}

static inline const struct ov *ov_find(const struct or_env *e,
				       struct or_span name)
{
	for (int i = 0; i < e->n; i++)
		if (or_same(e->v[i].name, name))
			return &e->v[i];
	ck_abort_msg("no value '%.*s'", (int)name.n, (const char *)name.p);
	return NULL;
}

static inline void ov_put(struct or_env *e, struct or_span name, struct ov v)
{
	OR_MUST(e->n < OV_MAX);
	for (int i = 0; i < e->n; i++)
		OR_MUST(!or_same(e->v[i].name, name));
	v.name = name;
	e->v[e->n++] = v;
}

static inline void or_env_release(struct or_env *e)
{
	for (int i = 0; i < e->n; i++)
		free(e->v[i].x);
	e->n = 0;
}

/* Input i of a node; NULL where it is absent. */
static inline const struct ov *in(const struct or_env *e,
				  const struct or_node *n, int i)
{
	return i < n->n_in && n->in[i].n ? ov_find(e, n->in[i]) : NULL;
}

static inline int64_t at_int(const struct or_node *n, const char *name,
			     int64_t fallback)
{
	const struct or_attr *a = or_attr(n, name);

	return a ? a->i : fallback;
}

static inline int64_t axis_of(int64_t axis, int rank)
{
	OR_MUST(axis >= -rank && axis < rank);
	return axis < 0 ? axis + rank : axis;
}

/* ---- arithmetic ---- */

static inline double or_binary(const struct or_node *n, double a, double b)
{
	const struct or_span t = n->type;

	if (or_is(t, "Add"))
		return a + b;
	if (or_is(t, "Sub"))
		return a - b;
	if (or_is(t, "Mul"))
		return a * b;
	if (or_is(t, "Div"))
		return a / b;
	if (or_is(t, "Max"))
		return a > b ? a : b;
	if (or_is(t, "Equal"))
		return a == b;
	if (or_is(t, "LessOrEqual"))
		return a <= b;
	return a != 0 && b != 0; /* And */
}

/* The element of v that element i of a shape it is repeated to comes from. */
static inline size_t repeated(const struct ov *v, const struct ov *to, size_t i)
{
	size_t at = 0, step = 1;

	for (int k = 1; k <= to->rank; k++) {
		const size_t d = (size_t)to->dim[to->rank - k];
		const size_t p = i % d;

		i /= d;
		if (k > v->rank)
			continue;
		if (v->dim[v->rank - k] != 1) {
			OR_MUST((size_t)v->dim[v->rank - k] == d);
			at += p * step;
		}
		step *= (size_t)v->dim[v->rank - k];
	}
	return at;
}

/* The shape that several are repeated to. */
static inline struct ov together(const struct ov *const *v, int n)
{
	int64_t dim[OR_RANK] = { 0 };
	int rank = 0;

	for (int i = 0; i < n; i++)
		rank = v[i]->rank > rank ? v[i]->rank : rank;
	for (int k = 1; k <= rank; k++) {
		int64_t *d = &dim[rank - k];

		*d = 1;
		for (int i = 0; i < n; i++)
			if (k <= v[i]->rank && v[i]->dim[v[i]->rank - k] != 1)
				*d = v[i]->dim[v[i]->rank - k];
	}
	return ov_make(rank, dim);
}

static inline struct ov op_binary(struct or_env *e, const struct or_node *n)
{
	const struct ov *v[2] = { in(e, n, 0), in(e, n, 1) };
	struct ov y = together(v, 2);

	for (size_t i = 0; i < y.n; i++)
		y.x[i] = or_binary(n, v[0]->x[repeated(v[0], &y, i)],
				   v[1]->x[repeated(v[1], &y, i)]);
	return y;
}

static inline struct ov op_where(struct or_env *e, const struct or_node *n)
{
	const struct ov *v[3] = { in(e, n, 0), in(e, n, 1), in(e, n, 2) };
	struct ov y = together(v, 3);

	for (size_t i = 0; i < y.n; i++)
		y.x[i] = v[0]->x[repeated(v[0], &y, i)] != 0
				 ? v[1]->x[repeated(v[1], &y, i)]
				 : v[2]->x[repeated(v[2], &y, i)];
	return y;
}

static inline double or_unary(const struct or_node *n, double x)
{
	const struct or_span t = n->type;

	if (or_is(t, "Sqrt"))
		return sqrt(x);
	if (or_is(t, "Exp"))
		return exp(x);
	if (or_is(t, "Log"))
		return log(x);
	if (or_is(t, "Erf"))
		return erf(x);
	if (or_is(t, "Tanh"))
		return tanh(x);
	if (or_is(t, "Relu"))
		return x > 0 ? x : 0;
	if (or_is(t, "Sigmoid"))
		return 1 / (1 + exp(-x));
	if (or_is(t, "Gelu") && or_attr(n, "approximate"))
		return x / 2 *
		       (1 +
			tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
	if (or_is(t, "Gelu"))
		return x / 2 * (1 + erf(x / sqrt(2)));
	if (or_is(t, "Cast") && at_int(n, "to", 0) == 9)
		return x != 0;
	return x; /* Identity, Cast */
}

static inline struct ov op_unary(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	struct ov y = ov_make(x->rank, x->dim);

	for (size_t i = 0; i < y.n; i++)
		y.x[i] = or_unary(n, x->x[i]);
	return y;
}

/* Batches of a are those of b, or b is one matrix. */
static inline struct ov op_matmul(struct or_env *e, const struct or_node *n)
{
	const struct ov *a = in(e, n, 0), *b = in(e, n, 1), *z = in(e, n, 2);
	const size_t K = (size_t)a->dim[a->rank - 1];
	const size_t N = (size_t)b->dim[b->rank - 1];
	const size_t M = a->rank > 1 ? (size_t)a->dim[a->rank - 2] : 1;
	const bool batches = b->rank > 2;
	struct ov y;

	ck_assert_uint_eq(K, (size_t)b->dim[b->rank - 2]);
	y = ov_make(a->rank, a->dim);
	free(y.x);
	y.dim[y.rank - 1] = (int64_t)N;
	y = ov_make(y.rank, y.dim);
	for (size_t i = 0; i < y.n; i++) {
		const size_t row = i / N, col = i % N;
		const double *m = b->x + (batches ? row / M * K * N : 0);

		for (size_t k = 0; k < K; k++)
			y.x[i] += (a->x[row * K + k] - (z ? z->x[0] : 0)) *
				  m[k * N + col];
	}
	return y;
}

/* ---- along the last axis ---- */

static inline struct ov op_softmax(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	const size_t N = (size_t)x->dim[x->rank - 1];
	const bool logarithm = or_is(n->type, "LogSoftmax");
	struct ov y = ov_make(x->rank, x->dim);

	ck_assert_int_eq(at_int(n, "axis", -1), -1);
	for (size_t r = 0; r < y.n; r += N) {
		double max = -INFINITY, sum = 0;

		for (size_t i = r; i < r + N; i++)
			max = fmax(max, x->x[i]);
		for (size_t i = r; i < r + N; i++)
			sum += exp(x->x[i] - max);
		for (size_t i = r; i < r + N; i++)
			y.x[i] = logarithm ? x->x[i] - max - log(sum)
					   : exp(x->x[i] - max) / sum;
	}
	return y;
}

static inline struct ov op_layernorm(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *gain = in(e, n, 1);
	const struct ov *bias = in(e, n, 2);
	const size_t N = (size_t)x->dim[x->rank - 1];
	struct ov y = ov_make(x->rank, x->dim);

	for (size_t r = 0; r < y.n; r += N) {
		double mean = 0, var = 0;

		for (size_t i = 0; i < N; i++)
			mean += x->x[r + i] / (double)N;
		for (size_t i = 0; i < N; i++)
			var += (x->x[r + i] - mean) * (x->x[r + i] - mean) /
			       (double)N;
		for (size_t i = 0; i < N; i++)
			y.x[r + i] =
				(x->x[r + i] - mean) /
					sqrt(var +
					     (double)or_attr(n, "epsilon")->f) *
					gain->x[i] +
				(bias ? bias->x[i] : 0);
	}
	return y;
}

/* ReduceMean, ReduceL2, ReduceSum: axes as an attribute or, later, an input. */
static inline struct ov op_reduce(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *axes = in(e, n, 1);
	const struct or_attr *a = or_attr(n, "axes");
	const bool keep = at_int(n, "keepdims", 1),
		   l2 = or_is(n->type, "ReduceL2"),
		   mean = or_is(n->type, "ReduceMean");
	const size_t count = a ? (size_t)a->n_ints : axes->n;
	bool gone[OR_RANK] = { false };
	int64_t dim[OR_RANK], whole[OR_RANK];
	struct ov y, k;
	int rank = 0;

	for (size_t i = 0; i < count; i++)
		gone[axis_of(a ? a->ints[i] : (int64_t)axes->x[i], x->rank)] =
			true;
	for (int i = 0; i < x->rank; i++) {
		whole[i] = gone[i] ? 1 : x->dim[i];
		if (!gone[i] || keep)
			dim[rank++] = whole[i];
	}
	y = ov_make(rank, dim);
	k = ov_make(x->rank, whole);
	for (size_t i = 0; i < x->n; i++)
		y.x[repeated(&k, x, i)] += l2 ? x->x[i] * x->x[i] : x->x[i];
	for (size_t i = 0; i < y.n && l2; i++)
		y.x[i] = sqrt(y.x[i]);
	for (size_t i = 0; i < y.n && mean; i++)
		y.x[i] *= (double)y.n / (double)x->n;
	free(k.x);
	return y;
}

/* Along the last of two axes. */
static inline struct ov op_cumsum(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *axis = in(e, n, 1);
	struct ov y = ov_make(x->rank, x->dim);

	ck_assert(x->rank == 2 && axis->rank == 0 && axis->x[0] == 1);
	for (size_t i = 0; i < y.n; i++)
		y.x[i] = x->x[i] + (i % (size_t)x->dim[1] ? y.x[i - 1] : 0);
	return y;
}

static inline struct ov op_argmax(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	const size_t N = (size_t)x->dim[1];
	struct ov y;

	ck_assert(x->rank == 2 && at_int(n, "axis", 0) == 1 &&
		  at_int(n, "keepdims", 1) == 1);
	y = ov_make(2, (const int64_t[]){ x->dim[0], 1 });
	for (size_t r = 0; r < y.n; r++)
		for (size_t i = 1; i < N; i++)
			if (x->x[r * N + i] > x->x[r * N + (size_t)y.x[r]])
				y.x[r] = (double)i;
	return y;
}

/* ---- shapes ---- */

static inline struct ov renamed_shape(const struct ov *x, int rank,
				      const int64_t *dim)
{
	struct ov y = ov_make(rank, dim);

	ck_assert_uint_eq(y.n, x->n);
	memcpy(y.x, x->x, x->n * sizeof(*y.x));
	return y;
}

static inline struct ov op_reshape(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *shape = in(e, n, 1);
	int64_t dim[OR_RANK], left = (int64_t)x->n;
	int hole = -1;

	for (size_t i = 0; i < shape->n; i++) {
		dim[i] = (int64_t)shape->x[i];
		if (dim[i] == 0)
			dim[i] = x->dim[i];
		if (dim[i] < 0) {
			ck_assert_int_eq(hole, -1);
			hole = (int)i;
		} else if (dim[i]) {
			left /= dim[i];
		}
	}
	if (hole >= 0)
		dim[hole] = left;
	return renamed_shape(x, (int)shape->n, dim);
}

static inline struct ov op_squeeze(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	int64_t dim[OR_RANK];
	int rank = 0;

	for (int i = 0; i < x->rank; i++)
		if (x->dim[i] != 1)
			dim[rank++] = x->dim[i];
	return renamed_shape(x, rank, dim);
}

static inline struct ov op_unsqueeze(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *axes = in(e, n, 1);
	int64_t dim[OR_RANK] = { 0 };
	const int rank = x->rank + (int)axes->n;
	int k = 0;

	for (size_t i = 0; i < axes->n; i++)
		dim[axis_of((int64_t)axes->x[i], rank)] = 1;
	for (int i = 0; i < rank; i++)
		if (!dim[i])
			dim[i] = x->dim[k++];
	return renamed_shape(x, rank, dim);
}

static inline struct ov op_transpose(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	const struct or_attr *perm = or_attr(n, "perm");
	size_t stride[OR_RANK], step = 1, from[OR_RANK];
	int64_t dim[OR_RANK];
	struct ov y;

	for (int i = x->rank; i--; step *= (size_t)x->dim[i])
		stride[i] = step;
	for (int i = 0; i < x->rank; i++) {
		const int64_t p = perm ? perm->ints[i] : x->rank - 1 - i;

		dim[i] = x->dim[p];
		from[i] = stride[p];
	}
	y = ov_make(x->rank, dim);
	for (size_t i = 0; i < y.n; i++) {
		size_t rest = i, at = 0;

		for (int k = y.rank; k--; rest /= (size_t)dim[k])
			at += rest % (size_t)dim[k] * from[k];
		y.x[i] = x->x[at];
	}
	return y;
}

static inline struct ov op_shape(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	const int64_t start = at_int(n, "start", 0);
	const int64_t end = at_int(n, "end", x->rank);
	struct ov y = ov_make(1, (const int64_t[]){ end - start });

	for (int64_t i = start; i < end; i++)
		y.x[i - start] = (double)x->dim[i];
	return y;
}

static inline struct ov op_range(struct or_env *e, const struct or_node *n)
{
	const double start = in(e, n, 0)->x[0], limit = in(e, n, 1)->x[0];
	struct ov y = ov_make(1, (const int64_t[]){ (int64_t)(limit - start) });

	ck_assert(in(e, n, 1)->rank == 0 && in(e, n, 2)->x[0] == 1);
	for (size_t i = 0; i < y.n; i++)
		y.x[i] = start + (double)i;
	return y;
}

static inline struct ov op_expand(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *shape = in(e, n, 1);
	int64_t dim[OR_RANK];
	struct ov y;

	for (size_t i = 0; i < shape->n; i++)
		dim[i] = (int64_t)shape->x[i];
	y = ov_make((int)shape->n, dim);
	for (size_t i = 0; i < y.n; i++)
		y.x[i] = x->x[repeated(x, &y, i)];
	return y;
}

/* Elements before and behind an axis: x is (outer, axis, inner). */
static inline size_t inner_of(const struct ov *x, int64_t axis)
{
	size_t inner = 1;

	for (int i = (int)axis + 1; i < x->rank; i++)
		inner *= (size_t)x->dim[i];
	return inner;
}

static inline struct ov sliced(const struct ov *x, int64_t axis, int64_t from,
			       double last)
{
	const int64_t d = x->dim[axis];
	const int64_t to = last > (double)d ? d : (int64_t)last;
	const size_t inner = inner_of(x, axis);
	int64_t dim[OR_RANK];
	struct ov y;

	memcpy(dim, x->dim, sizeof(dim));
	dim[axis] = to - from;
	y = ov_make(x->rank, dim);
	for (size_t i = 0; i < y.n; i++) {
		const size_t at = i / inner % (size_t)(to - from);
		const size_t outer = i / inner / (size_t)(to - from);

		y.x[i] = x->x[(outer * (size_t)d + at + (size_t)from) * inner +
			      i % inner];
	}
	return y;
}

static inline struct ov op_slice(struct or_env *e, const struct or_node *n)
{
	const struct ov *from = in(e, n, 1), *to = in(e, n, 2);
	const struct ov *axes = in(e, n, 3);
	struct ov y = sliced(in(e, n, 0), axes ? (int64_t)axes->x[0] : 0,
			     (int64_t)from->x[0], to->x[0]);

	for (size_t i = 1; i < from->n; i++) {
		struct ov z = sliced(&y, (int64_t)axes->x[i],
				     (int64_t)from->x[i], to->x[i]);

		free(y.x);
		y = z;
	}
	return y;
}

static inline struct ov op_concat(struct or_env *e, const struct or_node *n)
{
	const struct ov *a = in(e, n, 0);
	const int64_t axis = axis_of(at_int(n, "axis", 0), a->rank);
	int64_t dim[OR_RANK];
	size_t inner = inner_of(a, axis), done = 0;
	struct ov y;

	memcpy(dim, a->dim, sizeof(dim));
	for (int k = 1; k < n->n_in; k++)
		dim[axis] += in(e, n, k)->dim[axis];
	y = ov_make(a->rank, dim);
	for (int k = 0; k < n->n_in; k++) {
		const struct ov *x = in(e, n, k);
		const size_t row = (size_t)x->dim[axis] * inner;

		for (size_t i = 0; i < x->n; i++)
			y.x[i / row * (size_t)dim[axis] * inner + done +
			    i % row] = x->x[i];
		done += row;
	}
	return y;
}

static inline struct ov op_gather(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *at = in(e, n, 1);
	const int64_t axis = axis_of(at_int(n, "axis", 0), x->rank);
	const size_t inner = inner_of(x, axis), d = (size_t)x->dim[axis];
	int64_t dim[OR_RANK];
	int rank = 0;
	struct ov y;

	for (int i = 0; i < axis; i++)
		dim[rank++] = x->dim[i];
	for (int i = 0; i < at->rank; i++)
		dim[rank++] = at->dim[i];
	for (int i = (int)axis + 1; i < x->rank; i++)
		dim[rank++] = x->dim[i];
	y = ov_make(rank, dim);
	for (size_t i = 0; i < y.n; i++) {
		const size_t outer = i / inner / at->n;
		int64_t p = (int64_t)at->x[i / inner % at->n];

		p += p < 0 ? (int64_t)d : 0;
		OR_MUST(p >= 0 && p < (int64_t)d);
		y.x[i] = x->x[(outer * d + (size_t)p) * inner + i % inner];
	}
	return y;
}

/* x (B, T, C), at (B, 1), batch_dims 1: a row of each sample. */
static inline struct ov op_gathernd(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *at = in(e, n, 1);
	const size_t T = (size_t)x->dim[1], C = (size_t)x->dim[2];
	struct ov y;

	ck_assert(x->rank == 3 && at->rank == 2 && at->dim[1] == 1 &&
		  at_int(n, "batch_dims", 0) == 1);
	y = ov_make(2, (const int64_t[]){ x->dim[0], x->dim[2] });
	for (size_t i = 0; i < y.n; i++)
		y.x[i] = x->x[(i / C * T + (size_t)at->x[i / C]) * C + i % C];
	return y;
}

/* ---- maps ---- */

struct or_window {
	int64_t k[2], stride[2], pad[4];
};

static inline struct or_window window_of(const struct or_node *n)
{
	const struct or_attr *k = or_attr(n, "kernel_shape");
	const struct or_attr *s = or_attr(n, "strides");
	const struct or_attr *p = or_attr(n, "pads");
	struct or_window w = { .k = { k->ints[0], k->ints[1] },
			       .stride = { s->ints[0], s->ints[1] } };

	for (int i = 0; p && i < 4; i++)
		w.pad[i] = p->ints[i];
	return w;
}

static inline struct ov map_of(const struct ov *x, const struct or_window *w,
			       int64_t channels)
{
	return ov_make(4,
		       (const int64_t[]){ x->dim[0], channels,
					  (x->dim[2] + w->pad[0] + w->pad[2] -
					   w->k[0]) / w->stride[0] +
						  1,
					  (x->dim[3] + w->pad[1] + w->pad[3] -
					   w->k[1]) / w->stride[1] +
						  1 });
}

/* Where tap (r, c) of output (i, j) lies in a map; false: on the border. */
static inline bool tap(const struct ov *x, const struct or_window *w, int64_t i,
		       int64_t j, int64_t r, int64_t c, size_t *at)
{
	const int64_t y = i * w->stride[0] - w->pad[0] + r;
	const int64_t z = j * w->stride[1] - w->pad[1] + c;

	*at = (size_t)(y * x->dim[3] + z);
	return y >= 0 && y < x->dim[2] && z >= 0 && z < x->dim[3];
}

static inline struct ov op_conv(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *w = in(e, n, 1), *b = in(e, n, 2);
	const struct or_window k = window_of(n);
	const int64_t groups = at_int(n, "group", 1), F = w->dim[0];
	const int64_t C = w->dim[1], plane = x->dim[2] * x->dim[3];
	struct ov y = map_of(x, &k, F);

	for (size_t i = 0; i < y.n; i++) {
		const int64_t col = (int64_t)i % y.dim[3];
		const int64_t row = (int64_t)i / y.dim[3] % y.dim[2];
		const int64_t f = (int64_t)i / y.dim[3] / y.dim[2] % F;
		const int64_t s = (int64_t)i / y.dim[3] / y.dim[2] / F;
		const int64_t first = f / (F / groups) * C;

		y.x[i] = b ? b->x[f] : 0;
		for (int64_t t = 0; t < C * k.k[0] * k.k[1]; t++) {
			const int64_t c = t / (k.k[0] * k.k[1]);
			size_t at;

			if (tap(x, &k, row, col, t / k.k[1] % k.k[0],
				t % k.k[1], &at))
				y.x[i] += w->x[f * C * k.k[0] * k.k[1] + t] *
					  x->x[(s * x->dim[1] + first + c) *
						       plane +
					       (int64_t)at];
		}
	}
	return y;
}

static inline struct ov op_pool(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	const struct or_window k = window_of(n);
	const bool max = or_is(n->type, "MaxPool");
	struct ov y = map_of(x, &k, x->dim[1]);
	const size_t size = (size_t)(y.dim[2] * y.dim[3]);

	for (size_t i = 0; i < y.n; i++) {
		const double *m =
			x->x + i / size * (size_t)(x->dim[2] * x->dim[3]);
		double best = -INFINITY, sum = 0;

		for (int64_t t = 0; t < k.k[0] * k.k[1]; t++) {
			size_t at;

			if (!tap(x, &k, (int64_t)(i % size) / y.dim[3],
				 (int64_t)(i % size) % y.dim[3], t / k.k[1],
				 t % k.k[1], &at))
				continue;
			best = fmax(best, m[at]);
			sum += m[at];
		}
		y.x[i] = max ? best : sum / (double)(k.k[0] * k.k[1]);
	}
	return y;
}

static inline struct ov op_batchnorm(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *gain = in(e, n, 1);
	const size_t C = (size_t)x->dim[1], inner = inner_of(x, 1);
	struct ov y = ov_make(x->rank, x->dim);

	for (size_t i = 0; i < y.n; i++) {
		const size_t c = i / inner % C;

		y.x[i] = (x->x[i] - in(e, n, 3)->x[c]) /
				 sqrt(in(e, n, 4)->x[c] +
				      (double)or_attr(n, "epsilon")->f) *
				 gain->x[c] +
			 in(e, n, 2)->x[c];
	}
	return y;
}

/* ---- int8 ---- */

static inline struct ov op_dequantize(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0), *scale = in(e, n, 1);
	const struct ov *zero = in(e, n, 2);
	struct ov y = ov_make(x->rank, x->dim);

	for (size_t i = 0; i < y.n; i++) {
		/* A scale for each column of a matrix, or one for all. */
		const size_t k = scale->n > 1 ? i % scale->n : 0;

		y.x[i] = (x->x[i] - zero->x[k]) * scale->x[k];
	}
	return y;
}

/* int8 with a scale that is known. */
static inline struct ov op_quantize_fixed(struct or_env *e,
					  const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	struct ov y = ov_make(x->rank, x->dim);

	for (size_t i = 0; i < y.n; i++)
		y.x[i] =
			fmin(fmax(nearbyint(x->x[i] / in(e, n, 1)->x[0]), -128),
			     127);
	return y;
}

/* Three outputs: put by itself. */
static inline void op_quantize(struct or_env *e, const struct or_node *n)
{
	const struct ov *x = in(e, n, 0);
	struct ov y = ov_make(x->rank, x->dim), scale = ov_make(0, NULL);
	struct ov zero = ov_make(0, NULL);
	double lo = 0, hi = 0;

	for (size_t i = 0; i < x->n; i++) {
		lo = fmin(lo, x->x[i]);
		hi = fmax(hi, x->x[i]);
	}
	scale.x[0] = hi > lo ? (hi - lo) / 255 : 1;
	zero.x[0] = fmin(fmax(nearbyint(-lo / scale.x[0]), 0), 255);
	for (size_t i = 0; i < x->n; i++)
		y.x[i] = fmin(
			fmax(nearbyint(x->x[i] / scale.x[0]) + zero.x[0], 0),
			255);
	ov_put(e, n->out[0], y);
	ov_put(e, n->out[1], scale);
	ov_put(e, n->out[2], zero);
}

#endif
