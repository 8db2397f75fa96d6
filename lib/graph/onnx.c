/* onnx.c - see onnx.h: the list, and what several emitters share. */
#include "graph/onnx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void mm_onnx_init(struct mm_onnx_list *l, int opset, enum mm_onnx_int8 int8)
{
	memset(l, 0, sizeof(*l));
	l->opset = opset;
	l->int8 = int8;
}

void mm_onnx_release(struct mm_onnx_list *l)
{
	mm_free(l->node);
	mm_free(l->constant);
	mm_free(l->once_name);
	mm_map_release(&l->once);
	mm_arena_release(&l->arena);
	memset(l, 0, sizeof(*l));
}

static void nomem(struct mm_onnx_list *l)
{
	if (!l->failed)
		mm_fail_nomem(&l->err, "an exported graph");
	l->failed = true;
}

void mm_onnx_refuse(struct mm_onnx_list *l, const char *what)
{
	if (!l->failed)
		mm_fail(&l->err, MM_ERR_REFUSED, "%s: no form in ONNX", what);
	l->failed = true;
}

/* Room for one more of `size` bytes at *list. */
static bool room(struct mm_onnx_list *l, void **list, size_t n, size_t *cap,
		 size_t size)
{
	const size_t more = *cap ? 2 * *cap : 64;
	void *p;

	if (n < *cap)
		return true;
	if (!(p = mm_realloc(*list, more, size))) {
		nomem(l);
		return false;
	}
	*list = p;
	*cap = more;
	return true;
}

static const char *made_up(struct mm_onnx_list *l, const char *what)
{
	const char *name = mm_arena_printf(&l->arena, "%s%s_%zu", l->prefix,
					   what, l->n_names++);

	if (!name)
		nomem(l);
	return name ? name : "";
}

/* ---- nodes ---- */

static struct mm_onnx_node *add_node(struct mm_onnx_list *l, const char *type,
				     const struct mm_onnx_attr *attr)
{
	void *list = l->node;
	struct mm_onnx_node *n;

	if (l->failed || !room(l, &list, l->n_nodes, &l->cap_nodes, sizeof(*n)))
		return NULL;
	l->node = list;
	n = &l->node[l->n_nodes++];
	memset(n, 0, sizeof(*n));
	n->type = type;
	for (; attr && attr->name; attr++)
		n->attr[n->n_attr++] = *attr;
	n->out[n->n_out++] = made_up(l, type);
	return n;
}

const char *mm_onnx_op(struct mm_onnx_list *l, const char *type,
		       const struct mm_onnx_attr *attr, ...)
{
	struct mm_onnx_node *n = add_node(l, type, attr);
	const char *in;
	va_list ap;

	if (!n)
		return "";
	va_start(ap, attr);
	while ((in = va_arg(ap, const char *)))
		n->in[n->n_in++] = in;
	va_end(ap);
	return n->out[0];
}

const char *mm_onnx_in(struct mm_onnx_list *l, const struct mm_node *out, int i)
{
	const struct mm_node *x = i < out->n_in ? out->in[i] : NULL;

	if (!x)
		return NULL;
	return l->value[x->index] ? l->value[x->index] : "";
}

void mm_onnx_set(struct mm_onnx_list *l, const struct mm_node *out,
		 const char *value)
{
	l->value[out->index] = value;
}

bool mm_onnx_ragged(const struct mm_onnx_list *l, const struct mm_node *out,
		    int i)
{
	return l->ragged[out->in[i]->index];
}

/* ---- constants ---- */

static struct mm_onnx_const *add_constant(struct mm_onnx_list *l,
					  const char *name)
{
	void *list = l->constant;
	struct mm_onnx_const *c;

	if (l->failed ||
	    !room(l, &list, l->n_constants, &l->cap_constants, sizeof(*c)))
		return NULL;
	l->constant = list;
	c = &l->constant[l->n_constants++];
	memset(c, 0, sizeof(*c));
	c->name = name;
	return c;
}

const char *mm_onnx_find(const struct mm_onnx_list *l, const char *key)
{
	const int64_t *i = mm_map_find_str(&l->once, key);

	return i ? l->once_name[*i] : NULL;
}

const char *mm_onnx_keep(struct mm_onnx_list *l, const char *key,
			 const char *name)
{
	void *list = l->once_name;
	int64_t *slot;

	if (!room(l, &list, l->n_once, &l->cap_once, sizeof(char *)))
		return name;
	l->once_name = list;
	if (!(slot = mm_map_put(&l->once, key, strlen(key), NULL))) {
		nomem(l);
		return name;
	}
	*slot = (int64_t)l->n_once;
	l->once_name[l->n_once++] = name;
	return name;
}

/* n values of a type in a row, once for each content. */
static const char *add_data(struct mm_onnx_list *l, enum mm_dtype dtype,
			    const void *x, int rank, const size_t *dim)
{
	const struct mm_tensor t = mm_tensor_make("", dtype, rank, dim, x);
	struct mm_onnx_const *c;
	char key[96], shape[48];
	void *copy;
	const char *name;

	snprintf(key, sizeof(key), "constant %s %s %016llx",
		 mm_dtype_name(dtype),
		 mm_shape_text(shape, sizeof(shape), dim, rank),
		 (unsigned long long)mm_hash64(x, t.nbytes));
	if ((name = mm_onnx_find(l, key)))
		return name;
	c = add_constant(l, made_up(l, "constant"));
	if (!c || !(copy = mm_arena_alloc(&l->arena, t.nbytes, 1))) {
		nomem(l);
		return "";
	}
	memcpy(copy, x, t.nbytes);
	c->kind = MM_ONNX_DATA;
	c->dtype = dtype;
	c->rank = rank;
	memcpy(c->dim, t.dim, sizeof(c->dim));
	c->data = copy;
	return mm_onnx_keep(l, key, c->name);
}

const char *mm_onnx_ints(struct mm_onnx_list *l, const int64_t *x, size_t n)
{
	return add_data(l, MM_I64, x, 1, &n);
}

const char *mm_onnx_real(struct mm_onnx_list *l, double x)
{
	const float f = (float)x;

	return add_data(l, MM_F32, &f, 0, NULL);
}

const char *mm_onnx_array(struct mm_onnx_list *l, const float *x, int rank,
			  const size_t *dim)
{
	return add_data(l, MM_F32, x, rank, dim);
}

/* A parameter, or what its values become, under a name of its own. */
static const char *add_weight(struct mm_onnx_list *l, const struct mm_param *p,
			      int kind, enum mm_dtype dtype, const char *suffix)
{
	const size_t F = p->shape.rank ? p->shape.dim[0] : 1;
	char *name = mm_arena_printf(&l->arena, "%s%s", p->name, suffix);
	struct mm_onnx_const *c;
	const char *there = name ? mm_onnx_find(l, name) : NULL;

	if (there)
		return there;
	if (!name || !(c = add_constant(l, name))) {
		nomem(l);
		return "";
	}
	c->kind = kind;
	c->dtype = dtype;
	c->param = p;
	if (kind == MM_ONNX_WEIGHT || kind == MM_ONNX_INT8) {
		c->rank = p->shape.rank;
		memcpy(c->dim, p->shape.dim, sizeof(c->dim));
	} else if (kind == MM_ONNX_MATRIX || kind == MM_ONNX_INT8S) {
		c->rank = 2;
		c->dim[0] = p->n / F;
		c->dim[1] = F;
	} else {
		c->rank = 1;
		c->dim[0] = F;
	}
	return mm_onnx_keep(l, name, name);
}

/* ---- pieces ---- */

/* uint8 and its scale and zero point, of values seen as they come. */
static const char *quantise(struct mm_onnx_list *l, const char *x,
			    const char **scale, const char **zero)
{
	char key[300];
	struct mm_onnx_node *n;
	size_t at;

	/* q, k and v come from the same values. */
	snprintf(key, sizeof(key), "quantised %s", x);
	if (mm_onnx_find(l, key)) {
		at = (size_t)strtoul(mm_onnx_find(l, key), NULL, 10);
		n = &l->node[at];
	} else if (!(n = add_node(l, "DynamicQuantizeLinear", NULL))) {
		*scale = *zero = "";
		return "";
	} else {
		n->in[n->n_in++] = x;
		n->out[n->n_out++] = made_up(l, "scale");
		n->out[n->n_out++] = made_up(l, "zero");
		mm_onnx_keep(l, key,
			     mm_arena_printf(&l->arena, "%zu",
					     (size_t)(n - l->node)));
	}
	*scale = n->out[1];
	*zero = n->out[2];
	return n->out[0];
}

/* x rounded to int8 and back by the scale that calibration found for what w
 * multiplies; x where it found none. */
static const char *rounded(struct mm_onnx_list *l, const char *x,
			   const struct mm_param *w)
{
	static const int8_t none;
	const char *scale, *zero, *y;
	char key[300];

	if (!w->x_scale)
		return x;
	snprintf(key, sizeof(key), "rounded %.9g %s", (double)*w->x_scale, x);
	if ((y = mm_onnx_find(l, key)))
		return y;
	scale = mm_onnx_real(l, (double)*w->x_scale);
	zero = add_data(l, MM_I8, &none, 0, NULL);
	y = mm_onnx_op(l, "QuantizeLinear", NULL, x, scale, zero, NULL);
	y = mm_onnx_op(l, "DequantizeLinear", NULL, y, scale, zero, NULL);
	return mm_onnx_keep(l, key, y);
}

/* int8 weights of that kind as floats, a scale for each along the axis. */
static const char *widened(struct mm_onnx_list *l, const struct mm_param *w,
			   int kind, int axis, const char *scale)
{
	return mm_onnx_op(l, "DequantizeLinear",
			  MM_ONNX_AT(MM_ONNX_I("axis", axis)),
			  add_weight(l, w, kind, MM_I8, ".int8"), scale,
			  add_weight(l, w, MM_ONNX_ZERO, MM_I8, ".zero"), NULL);
}

const char *mm_onnx_kernels(struct mm_onnx_list *l, const char **x,
			    const struct mm_param *w, const char *gain)
{
	const char *scale;

	if (l->int8 != MM_ONNX_QDQ || !w->q)
		return NULL;
	scale = add_weight(l, w, MM_ONNX_SCALES, MM_F32, ".scale");
	if (gain)
		scale = mm_onnx_op(l, "Mul", NULL, scale, gain, NULL);
	*x = rounded(l, *x, w);
	return widened(l, w, MM_ONNX_INT8, 0, scale);
}

static const char *product_int8(struct mm_onnx_list *l, const char *x,
				const struct mm_param *w)
{
	const char *ws = add_weight(l, w, MM_ONNX_SCALES, MM_F32, ".scale");
	const char *scale, *zero, *q, *wq, *sum;

	if (l->int8 == MM_ONNX_QDQ)
		return mm_onnx_op(l, "MatMul", NULL, rounded(l, x, w),
				  widened(l, w, MM_ONNX_INT8S, 1, ws), NULL);
	q = quantise(l, x, &scale, &zero);
	wq = add_weight(l, w, MM_ONNX_INT8S, MM_I8, ".int8");
	sum = mm_onnx_op(l, "MatMulInteger", NULL, q, wq, zero, NULL);
	sum = mm_onnx_op(l, "Cast", MM_ONNX_AT(MM_ONNX_I("to", 1)), sum, NULL);
	scale = mm_onnx_op(l, "Mul", NULL, scale, ws, NULL);
	return mm_onnx_op(l, "Mul", NULL, sum, scale, NULL);
}

const char *mm_onnx_product(struct mm_onnx_list *l, const char *x,
			    const struct mm_node *w)
{
	const char *m;

	/* What quantize kept in float was kept for a reason. */
	if (w->param && l->int8 != MM_ONNX_FLOAT &&
	    (w->param->q || !l->quantised))
		return product_int8(l, x, w->param);
	if (w->param) {
		m = add_weight(l, w->param, MM_ONNX_MATRIX, MM_F32, ".T");
	} else {
		m = l->value[w->index] ? l->value[w->index] : "";
		if (w->shape.rank != 2)
			m = mm_onnx_op(
				l, "Reshape", NULL, m,
				MM_ONNX_INTS(l, (int64_t)w->shape.dim[0], -1),
				NULL);
		m = mm_onnx_op(l, "Transpose", NULL, m, NULL);
	}
	return mm_onnx_op(l, "MatMul", NULL, x, m, NULL);
}

/* x Phi(x), Phi by the error function. */
static const char *gelu(struct mm_onnx_list *l, const char *x)
{
	const char *y;

	if (l->opset >= 20)
		return mm_onnx_op(l, "Gelu", NULL, x, NULL);
	y = mm_onnx_op(l, "Mul", NULL, x, mm_onnx_real(l, 0.70710678118654752),
		       NULL);
	y = mm_onnx_op(l, "Erf", NULL, y, NULL);
	y = mm_onnx_op(l, "Add", NULL, y, mm_onnx_real(l, 1), NULL);
	y = mm_onnx_op(l, "Mul", NULL, x, y, NULL);
	return mm_onnx_op(l, "Mul", NULL, y, mm_onnx_real(l, 0.5), NULL);
}

static const char *gelu_tanh(struct mm_onnx_list *l, const char *x)
{
	const char *y;

	if (l->opset >= 20)
		return mm_onnx_op(l, "Gelu",
				  MM_ONNX_AT({ .name = "approximate",
					       .kind = MM_ONNX_WORD,
					       .word = "tanh" }),
				  x, NULL);
	y = mm_onnx_op(l, "Mul", NULL, x, x, NULL);
	y = mm_onnx_op(l, "Mul", NULL, y, mm_onnx_real(l, 0.044715), NULL);
	y = mm_onnx_op(l, "Add", NULL, y, mm_onnx_real(l, 1), NULL);
	y = mm_onnx_op(l, "Mul", NULL, x, y, NULL);
	y = mm_onnx_op(l, "Mul", NULL, y, mm_onnx_real(l, 0.79788456080286536),
		       NULL);
	y = mm_onnx_op(l, "Tanh", NULL, y, NULL);
	y = mm_onnx_op(l, "Add", NULL, y, mm_onnx_real(l, 1), NULL);
	y = mm_onnx_op(l, "Mul", NULL, x, y, NULL);
	return mm_onnx_op(l, "Mul", NULL, y, mm_onnx_real(l, 0.5), NULL);
}

const char *mm_onnx_act(struct mm_onnx_list *l, const char *x, enum mm_act act)
{
	const char *y = x;

	switch (act) {
	case MM_ACT_NONE: return x;
	case MM_ACT_GELU: return gelu(l, x);
	case MM_ACT_GELU_TANH: return gelu_tanh(l, x);
	case MM_ACT_QUICK_GELU:
		y = mm_onnx_op(l, "Mul", NULL, x, mm_onnx_real(l, 1.702), NULL);
		/* fall through */
	case MM_ACT_SILU:
		y = mm_onnx_op(l, "Sigmoid", NULL, y, NULL);
		return mm_onnx_op(l, "Mul", NULL, x, y, NULL);
	case MM_ACT_RELU: return mm_onnx_op(l, "Relu", NULL, x, NULL);
	case MM_ACT_SIGMOID: return mm_onnx_op(l, "Sigmoid", NULL, x, NULL);
	case MM_ACT_TANH: return mm_onnx_op(l, "Tanh", NULL, x, NULL);
	case MM_ACT_EXP: return mm_onnx_op(l, "Exp", NULL, x, NULL);
	case MM_ACT_LOG: return mm_onnx_op(l, "Log", NULL, x, NULL);
	default: break;
	}
	mm_onnx_refuse(l, "an activation");
	return "";
}

/* Axes moved from an attribute to an input in opset 18. */
static const char *reduce(struct mm_onnx_list *l, const char *type,
			  const char *x, const int64_t *axes, int n, bool keep)
{
	struct mm_onnx_attr at[3] = { MM_ONNX_I("keepdims", keep) };

	if (l->opset >= 18)
		return mm_onnx_op(l, type, at, x,
				  mm_onnx_ints(l, axes, (size_t)n), NULL);
	at[1].name = "axes";
	at[1].kind = MM_ONNX_INTS;
	at[1].n = n;
	memcpy(at[1].ints, axes, (size_t)n * sizeof(*axes));
	return mm_onnx_op(l, type, at, x, NULL);
}

const char *mm_onnx_mean(struct mm_onnx_list *l, const char *x,
			 const int64_t *axes, int n)
{
	return reduce(l, "ReduceMean", x, axes, n, false);
}

const char *mm_onnx_norm(struct mm_onnx_list *l, const char *x)
{
	return reduce(l, "ReduceL2", x, (const int64_t[]){ -1 }, 1, true);
}

const char *mm_onnx_length(struct mm_onnx_list *l, const char *x, int axis)
{
	return mm_onnx_op(l, "Shape",
			  MM_ONNX_AT(MM_ONNX_I("start", axis),
				     MM_ONNX_I("end", axis + 1)),
			  x, NULL);
}

/* ---- the walk ---- */

static void leaf(struct mm_onnx_list *l, const struct mm_node *n)
{
	if (n->param)
		l->value[n->index] =
			add_weight(l, n->param, MM_ONNX_WEIGHT, MM_F32, "");
	else if (l->half && n->elem == MM_ELEM_REAL)
		l->value[n->index] =
			mm_onnx_op(l, "Cast", MM_ONNX_AT(MM_ONNX_I("to", 10)),
				   n->name, NULL);
	else
		l->value[n->index] = n->name;
	l->ragged[n->index] =
		!n->param && n->shape.rank == 2 && n->elem != MM_ELEM_REAL;
}

static int emit(struct mm_onnx_list *l, const struct mm_node *n,
		struct mm_err *err)
{
	if (!n->op->onnx)
		return mm_fail(err, MM_ERR_REFUSED,
			       "operator '%s' has no form in ONNX",
			       n->op->name);
	for (int i = 0; i < n->n_in; i++)
		if (n->in[i] && n->shape.rank == 3)
			l->ragged[n->index] |= l->ragged[n->in[i]->index];
	n->op->onnx(l, n);
	if (n->wanted && n->name && !l->failed) {
		struct mm_onnx_node *id =
			l->half ? add_node(l, "Cast",
					   MM_ONNX_AT(MM_ONNX_I("to", 1)))
				: add_node(l, "Identity", NULL);

		if (id) {
			id->in[id->n_in++] = l->value[n->index];
			id->out[0] = n->name;
		}
	}
	return l->failed ? mm_fail(err, l->err.code, "%s", l->err.msg) : MM_OK;
}

int mm_onnx_walk(struct mm_onnx_list *l, const struct mm_graph *g,
		 const char *prefix, struct mm_err *err)
{
	int rc = MM_OK;

	if (g->failed)
		return mm_fail(err, g->err.code, "%s", g->err.msg);
	for (size_t i = 0; i < g->store->n; i++)
		l->quantised |= g->store->param[i]->q != NULL;
	l->prefix = prefix;
	l->n_values = g->n_nodes;
	l->value = mm_arena_alloc(&l->arena, g->n_nodes, sizeof(char *));
	l->ragged = mm_arena_alloc(&l->arena, g->n_nodes, sizeof(bool));
	if (!l->value || !l->ragged)
		return mm_fail_nomem(err, "an exported graph");
	for (size_t i = 0; i < g->n_nodes && !rc; i++) {
		if (g->node[i]->op)
			rc = emit(l, g->node[i], err);
		else
			leaf(l, g->node[i]);
	}
	return rc;
}

static bool wants(const struct mm_onnx_node *n, const struct mm_map *needed)
{
	for (int i = 0; i < n->n_out; i++)
		if (mm_map_find_str(needed, n->out[i]))
			return true;
	return false;
}

void mm_onnx_mark(struct mm_onnx_list *l, const char *const *outputs, size_t n)
{
	struct mm_map needed = { 0 };
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++)
		ok = mm_map_put(&needed, outputs[i], strlen(outputs[i]), NULL);
	/* Nodes stand in an order that they can run in. */
	for (size_t i = l->n_nodes; i-- && ok;) {
		struct mm_onnx_node *node = &l->node[i];

		node->used = wants(node, &needed);
		for (int k = 0; node->used && ok && k < node->n_in; k++)
			ok = mm_map_put(&needed, node->in[k],
					strlen(node->in[k]), NULL);
	}
	for (size_t i = 0; i < l->n_constants; i++)
		l->constant[i].used =
			mm_map_find_str(&needed, l->constant[i].name) != NULL;
	if (!ok)
		nomem(l);
	mm_map_release(&needed);
}
