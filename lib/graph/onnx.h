/*
 * onnx.h - a graph in ONNX's operators: what each row of the operator table
 * emits, before it becomes bytes (lib/onnx does that).
 *
 * An emitter gets the list and the node, asks for the names of its inputs,
 * adds ONNX nodes and says what the node's value is called:
 *
 *	const char *x = mm_onnx_in(l, out, 0);
 *	mm_onnx_set(l, out, mm_onnx_op(l, "Exp", NULL, x, NULL));
 *
 * The number of samples is not fixed, nor (of texts) the number of tokens:
 * what an emitter writes must not depend on them.  Out of memory fails the
 * list; names are then "" and nothing has to be checked in between.
 *
 * Source: onnx/onnx docs/Operators.md, opset 17; 20 where the list says so.
 */
#ifndef MM_GRAPH_ONNX_H
#define MM_GRAPH_ONNX_H

#include "graph/graph.h"

/* What becomes of the weights of linear layers. */
enum mm_onnx_int8 {
	MM_ONNX_FLOAT,
	MM_ONNX_DYNAMIC, /* DynamicQuantizeLinear, MatMulInteger */
	MM_ONNX_QDQ,	 /* QuantizeLinear, DequantizeLinear on both sides;
			    convolutions too.  Wants weights that are stored
			    as int8, and quantises what they multiply where
			    there is a fixed scale for it */
};

enum { MM_ONNX_MAX_IN = 6, MM_ONNX_MAX_OUT = 3, MM_ONNX_MAX_ATTR = 6 };

struct mm_onnx_attr {
	const char *name; /* NULL ends a list */
	enum { MM_ONNX_INT, MM_ONNX_REAL, MM_ONNX_INTS, MM_ONNX_WORD } kind;
	int64_t i;
	double f;
	int64_t ints[MM_MAX_RANK];
	int n;
	const char *word;
};

#define MM_ONNX_AT(...) ((const struct mm_onnx_attr[]){ __VA_ARGS__, { NULL } })
#define MM_ONNX_I(key, x)                                    \
	{                                                    \
		.name = (key), .kind = MM_ONNX_INT, .i = (x) \
	}
#define MM_ONNX_F(key, x)                                     \
	{                                                     \
		.name = (key), .kind = MM_ONNX_REAL, .f = (x) \
	}

/* One ONNX node. */
struct mm_onnx_node {
	const char *type; /* "MatMul" */
	const char *in[MM_ONNX_MAX_IN], *out[MM_ONNX_MAX_OUT];
	int n_in, n_out;
	struct mm_onnx_attr attr[MM_ONNX_MAX_ATTR];
	int n_attr;
	bool used; /* something behind it leads to an output */
};

/* A constant of the file.  Weights are converted when they are written. */
struct mm_onnx_const {
	const char *name;
	enum {
		MM_ONNX_DATA,	/* data as it lies: floats, or int64 */
		MM_ONNX_WEIGHT, /* param's values */
		MM_ONNX_MATRIX, /* (F, ...) transposed: (C, F) */
		MM_ONNX_INT8S,	/* the same as int8, a scale for each F */
		MM_ONNX_INT8,	/* int8 as the store has it */
		MM_ONNX_SCALES, /* those scales, (F) */
		MM_ONNX_ZERO,	/* zero points, all 0: int8 (F) */
	} kind;
	enum mm_dtype dtype; /* F32 (F16 in half files), I64, I8, U8, BOOL */
	int rank;
	size_t dim[MM_MAX_RANK];
	const void *data;
	const struct mm_param *param;
	bool used;
};

struct mm_onnx_list {
	struct mm_arena arena;
	int opset;
	enum mm_onnx_int8 int8;
	bool half;	    /* inside all is float16; inputs and outputs stay */
	bool quantised;	    /* some weights are stored as int8: no others */
	const char *prefix; /* of the names that are made up */
	struct mm_onnx_node *node;
	size_t n_nodes, cap_nodes;
	struct mm_onnx_const *constant;
	size_t n_constants, cap_constants;
	const char **value; /* name of each graph node's value, by index */
	bool *ragged;	    /* has it as many rows as the text has tokens? */
	size_t n_values;
	struct mm_map once; /* key -> index into once_name */
	const char **once_name;
	size_t n_once, cap_once;
	size_t n_names; /* made up so far */
	bool failed;
	struct mm_err err; /* the first failure */
};

void mm_onnx_init(struct mm_onnx_list *l, int opset, enum mm_onnx_int8 int8);
void mm_onnx_release(struct mm_onnx_list *l);

/*
 * Append what g's nodes are in ONNX.  Inputs keep their names; an output's
 * value is called what mm_output said.  May be called again for another graph
 * of the same store; made-up names then need another prefix.  The graph must
 * live as long as the list.  Parameters that are stored as int8 are taken for
 * such only where they are bound before.  An operator that only trains is
 * refused.
 */
int mm_onnx_walk(struct mm_onnx_list *l, const struct mm_graph *g,
		 const char *prefix, struct mm_err *err) MM_MUST_CHECK;

/* Mark what leads to the outputs named; the rest is not written. */
void mm_onnx_mark(struct mm_onnx_list *l, const char *const *outputs, size_t n);

/* ---- for emitters ---- */

/* A node of that type with one output, whose name comes back.  Names of the
 * inputs end with NULL; attr may be NULL. */
const char *mm_onnx_op(struct mm_onnx_list *l, const char *type,
		       const struct mm_onnx_attr *attr, ...)
	__attribute__((sentinel));

/* The value of input i; NULL where an optional one is absent. */
const char *mm_onnx_in(struct mm_onnx_list *l, const struct mm_node *out,
		       int i);
void mm_onnx_set(struct mm_onnx_list *l, const struct mm_node *out,
		 const char *value);

/* Fail the list: `what` has no form in ONNX. */
void mm_onnx_refuse(struct mm_onnx_list *l, const char *what);

/* Has input i as many rows (axis 1) as the text has tokens? */
bool mm_onnx_ragged(const struct mm_onnx_list *l, const struct mm_node *out,
		    int i);

/* Constants: n int64 in a row; one float, no axes; floats. */
const char *mm_onnx_ints(struct mm_onnx_list *l, const int64_t *x, size_t n);
#define MM_ONNX_INTS(l, ...)                              \
	mm_onnx_ints(l, (const int64_t[]){ __VA_ARGS__ }, \
		     sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))
const char *mm_onnx_real(struct mm_onnx_list *l, double x);
const char *mm_onnx_array(struct mm_onnx_list *l, const float *x, int rank,
			  const size_t *dim);

/* The name that was kept under a key, or NULL; keep one, which comes back. */
const char *mm_onnx_find(const struct mm_onnx_list *l, const char *key);
const char *mm_onnx_keep(struct mm_onnx_list *l, const char *key,
			 const char *name);

/* x w^T for weights w (F, ...), in whatever arithmetic the list asks for. */
const char *mm_onnx_product(struct mm_onnx_list *l, const char *x,
			    const struct mm_node *w);

/*
 * Kernels of a convolution over *x: weights w, each row times gain (F), or
 * NULL.  With MM_ONNX_QDQ both come out of DequantizeLinear; NULL where they
 * are not stored as int8: the caller takes the values.
 */
const char *mm_onnx_kernels(struct mm_onnx_list *l, const char **x,
			    const struct mm_param *w, const char *gain);

/* act(x); x itself for MM_ACT_NONE. */
const char *mm_onnx_act(struct mm_onnx_list *l, const char *x, enum mm_act act);

/* The mean over an axis, the L2 norm over the last one (kept, of length 1). */
const char *mm_onnx_mean(struct mm_onnx_list *l, const char *x,
			 const int64_t *axes, int n);
const char *mm_onnx_norm(struct mm_onnx_list *l, const char *x);

/* int64 [1]: the length of x along an axis. */
const char *mm_onnx_length(struct mm_onnx_list *l, const char *x, int axis);

/* The emitters, mm_onnx_<operator>; those of losses do not exist. */
#define MM_OP(name)                                    \
	void mm_onnx_op_##name(struct mm_onnx_list *l, \
			       const struct mm_node *out);
#include "graph/ops.def"
#undef MM_OP

#endif
