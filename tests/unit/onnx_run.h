/*
 * onnx_run.h - an exported graph evaluated in double precision, operator by
 * operator as onnx/onnx docs/Operators.md defines them: slow and plain, so that
 * it can be believed.  Only what the exporter emits is there.
 */
#ifndef MM_TESTS_ONNX_RUN_H
#define MM_TESTS_ONNX_RUN_H

#include "onnx_ops.h"

/* ---- the run ---- */

static const struct {
	const char *type;
	struct ov (*run)(struct or_env *e, const struct or_node *n);
} or_ops[] = {
	{ "Add", op_binary },
	{ "Sub", op_binary },
	{ "Mul", op_binary },
	{ "Div", op_binary },
	{ "Max", op_binary },
	{ "Equal", op_binary },
	{ "LessOrEqual", op_binary },
	{ "And", op_binary },
	{ "Where", op_where },
	{ "Sqrt", op_unary },
	{ "Exp", op_unary },
	{ "Log", op_unary },
	{ "Erf", op_unary },
	{ "Tanh", op_unary },
	{ "Relu", op_unary },
	{ "Sigmoid", op_unary },
	{ "Gelu", op_unary },
	{ "Cast", op_unary },
	{ "Identity", op_unary },
	{ "MatMul", op_matmul },
	{ "MatMulInteger", op_matmul },
	{ "Softmax", op_softmax },
	{ "LogSoftmax", op_softmax },
	{ "LayerNormalization", op_layernorm },
	{ "ReduceMean", op_reduce },
	{ "ReduceL2", op_reduce },
	{ "ReduceSum", op_reduce },
	{ "CumSum", op_cumsum },
	{ "ArgMax", op_argmax },
	{ "Reshape", op_reshape },
	{ "Squeeze", op_squeeze },
	{ "Unsqueeze", op_unsqueeze },
	{ "Transpose", op_transpose },
	{ "Shape", op_shape },
	{ "Range", op_range },
	{ "Expand", op_expand },
	{ "Slice", op_slice },
	{ "Concat", op_concat },
	{ "Gather", op_gather },
	{ "GatherND", op_gathernd },
	{ "Conv", op_conv },
	{ "MaxPool", op_pool },
	{ "AveragePool", op_pool },
	{ "BatchNormalization", op_batchnorm },
	{ "DequantizeLinear", op_dequantize },
	{ "QuantizeLinear", op_quantize_fixed },
};

static inline void or_run_node(struct or_env *e, const struct or_node *n)
{
	if (or_is(n->type, "DynamicQuantizeLinear")) {
		op_quantize(e, n);
		return;
	}
	for (size_t i = 0; i < sizeof(or_ops) / sizeof(*or_ops); i++)
		if (or_is(n->type, or_ops[i].type)) {
			ov_put(e, n->out[0], or_ops[i].run(e, n));
			return;
		}
	ck_abort_msg("operator %.*s is not known here", (int)n->type.n,
		     (const char *)n->type.p);
}

/* Initializers; data: bytes of the file beside the model, or NULL. */
static inline void or_load(struct or_env *e, const struct or_tensor *t,
			   const char *data, size_t size)
{
	static const enum mm_dtype types[11] = {
		[1] = MM_F32, [2] = MM_U8,   [3] = MM_I8,
		[7] = MM_I64, [9] = MM_BOOL, [10] = MM_F16,
	};
	const enum mm_dtype type = types[t->type];
	struct ov v = ov_make(t->rank, t->dim);
	const size_t bytes = v.n * mm_dtype_size(type);
	void *copy = malloc(bytes + 1); /* aligned */

	ck_assert(t->type > 0 && t->type < 11 && (t->type == 1 || type));
	if (t->external) {
		ck_assert(data && (size_t)t->offset + bytes <= size);
		ck_assert_uint_eq((size_t)t->length, bytes);
		memcpy(copy, data + t->offset, bytes);
	} else {
		ck_assert_uint_eq(t->raw.n, bytes);
		memcpy(copy, t->raw.p, bytes);
	}
	mm_to_f64(v.x, copy, type, v.n);
	free(copy);
	ov_put(e, t->name, v);
}

static inline void or_run(struct or_env *e, const struct or_model *m,
			  const char *data, size_t size)
{
	ck_assert_msg(!m->bad, "%s", m->bad);
	e->m = m;
	for (int i = 0; i < m->n_tensors; i++)
		or_load(e, &m->tensor[i], data, size);
	for (int i = 0; i < m->n_nodes; i++)
		or_run_node(e, &m->node[i]);
}

#endif
