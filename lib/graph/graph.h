/*
 * graph.h - a model as a list of nodes, and how it is run.
 *
 * A model is a C function that emits nodes; the same nodes serve inference,
 * training, export and the parameter count.  Life of a graph:
 *
 *	mm_graph_init	empty, bound to a store of parameters
 *	emit		mm_input, mm_param and the builders of ops.h; shapes
 *			are known at once, a wrong one fails the graph
 *	mm_graph_plan	every buffer gets its place; exact bytes, nothing
 *			allocated yet
 *	mm_graph_alloc	one block
 *	forward, backward, forward, ...
 *	mm_graph_release
 *
 * Memory of a planned graph (one block, offsets by plan.c):
 *
 *	[values | gradients | saved | workspace]   places overlap where the
 *						   lives of two buffers do not
 *
 * Every element is mm_real but for inputs of indices, masks and raw pictures.
 * Row-major, outermost dimension first.  Not thread-safe; operators use the
 * pool of base/parallel.h inside.
 */
#ifndef MM_GRAPH_GRAPH_H
#define MM_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "graph/store.h"
#include "kernel/gemm.h"
#include "kernel/kernel.h"

enum { MM_MAX_IN = 8 };

enum mm_elem { MM_ELEM_REAL, MM_ELEM_I32, MM_ELEM_U8 };

enum mm_graph_mode {
	MM_INFER, /* forward only: buffers die at their last reader */
	MM_TRAIN, /* forward and backward; dropout is on            */
};

/* What a node was told besides its inputs; op_<family>.c says which is used. */
union mm_attr {
	struct {
		enum mm_act act;
	} linear; /* and act */
	struct {
		double eps;
	} norm;
	struct {
		size_t heads;
		bool causal;
		double scale, dropout;
		/* One query a sample, which stands at this row, or where
		 * mm_pick_end finds this id. */
		size_t row;
		int eos;
	} attention;
	struct {
		size_t patch;
		const float (*value)[256]; /* of U8 pictures' bytes */
	} patches;
	struct {
		bool ta, tb;
		double alpha;
	} matmul;
	struct {
		int padding; /* id whose row gets no gradient; -1: none */
		bool counted;
	} embedding;
	struct {
		size_t axis, begin, end;
	} slice; /* and concat: axis */
	struct {
		int order[MM_MAX_RANK];
	} permute;
	struct {
		double p;
		bool rows; /* whole samples: drop path */
	} dropout;
	struct {
		double smoothing;
		int ignore; /* target that does not count */
		bool multi; /* equal labels share the mass */
		double margin;
	} loss;
	struct {
		double factor, bias;
	} affine;
	struct {
		size_t stride, kernel; /* kernel: of pooling */
		size_t pad[4];	       /* left, right, top, bottom */
		enum mm_act act;
	} conv; /* and pooling */
	struct {
		double eps, momentum;
		enum mm_act act;
	} batchnorm;
};

struct mm_segment; /* recompute.h */

struct mm_node {
	const struct mm_op *op; /* NULL for a leaf */
	struct mm_node *in[MM_MAX_IN];
	int n_in; /* trailing optional inputs may be NULL */
	struct mm_shape shape;
	size_t n; /* elements */
	enum mm_elem elem;
	union mm_attr at;
	const char *name;	/* inputs, outputs and parameters */
	struct mm_param *param; /* not NULL: val and grad are the store's */
	struct mm_node *root; /* owner of val and grad; itself but for views */
	size_t index;	      /* position in the graph */
	bool needs_grad;      /* somebody before it wants a gradient */
	bool wanted;	      /* an output: val lives to the end */
	bool seeded;	      /* grad is given from outside before backward */
	bool wants_grad;      /* an input whose gradient the caller reads */
	bool constant;	      /* of parameters alone, and they are fixed */
	bool fresh;	      /* run time: grad holds nothing yet */
	bool ragged;	      /* rows of graph->ragged, (rows, C) */

	size_t readers;		/* nodes that have it as an input ... */
	struct mm_node *reader; /* ... and the last one of them */

	/* Linear layers of the same input that run together: see pack.h. */
	struct mm_node *next; /* of the group, or NULL */
	bool led;	      /* the group's first one does its work */

	/* Computed twice: see recompute.h; segment NULL: kept. */
	const struct mm_segment *segment;
	bool rerun;
	size_t again, back; /* times of the plan */

	mm_real *val, *grad;
	const void *data;		  /* val of inputs that are I32 or U8 */
	void *saved;			  /* forward's note to backward */
	void *work;			  /* scratch of the running operator */
	size_t val_at, grad_at, saved_at; /* offsets in the block, by plan.c */
	struct mm_graph *graph;
};

struct mm_onnx_list; /* onnx.h */
struct mm_ragged;    /* ragged.h */

struct mm_tap {
	const char *name;
	struct mm_node *node;
};

struct mm_graph {
	struct mm_arena arena; /* nodes and names */
	struct mm_store *store;
	struct mm_node **node;
	size_t n_nodes, cap_nodes;
	enum mm_graph_mode mode;

	/*
	 * What linear layers round both factors of their products to, forward
	 * and backward; may change between runs.  Sums, values, gradients,
	 * norms, softmax and losses stay float32, and so do the parameters,
	 * which are the master copy.  mm_gemm_fast tells whether that is faster
	 * on this processor.  MM_COMPUTE_F16 wants a scaled loss.
	 */
	enum mm_compute compute;
	uint64_t seed, step; /* key of dropout; the caller counts steps */
	size_t batch, row0;  /* samples here, and the first one's number in
				the whole batch: noise follows the sample */
	bool taps;	     /* keep hidden states, see mm_tap */
	bool again;	     /* this forward repeats one: running statistics
				stay as they are */
	bool settled;	     /* constants have their values */

	/* Before planning: in training keep a segment's inputs only, and
	 * compute the rest again when backward gets there.  Same bits. */
	bool recompute;
	struct mm_segment *segment; /* in order; those that run again */
	size_t n_segments;

	/* Called before each operator runs forward, its inputs valid. */
	void (*watch)(void *ctx, const struct mm_node *n);
	void *watch_ctx;
	struct mm_tap *tap;
	size_t n_taps;
	struct mm_ragged *ragged; /* texts without padding, or NULL */
	bool failed;
	struct mm_err err; /* the first failure while emitting */
	size_t plan_bytes; /* of the one block, known after mm_graph_plan */
	size_t work_at;	   /* offset of the scratch that all nodes share */
	void *block;
};

/*
 * Everything the engine knows about an operator.  Evaluator, planner, gradient
 * check, thread check and export all read this row and nothing else.
 */
struct mm_op {
	const char *name;

	/* Set out->shape from the inputs; refuse what does not fit. */
	int (*shape)(struct mm_node *out, struct mm_err *err);

	/* Bytes kept from forward to backward, and scratch; NULL: none. */
	size_t (*saved)(const struct mm_node *out);
	size_t (*work)(const struct mm_node *out);

	void (*fwd)(struct mm_node *out);
	void (*bwd)(struct mm_node *out); /* NULL: a view, nothing to do */

	/* Which values bwd reads: bit i for in[i], MM_READS_OUT for val. */
	unsigned bwd_reads;

	/*
	 * Bit i: row t of a sample of out is made of row t of in[i] and of no
	 * other of its rows (rows.h).  narrow, where there is one, tells the
	 * node that only the row of `pick` is left.
	 */
	unsigned by_row;
	void (*narrow)(struct mm_node *out, const struct mm_node *pick);

	/* What the operator is in ONNX, see onnx.h; NULL where it has a use
	 * in training only (training is then set). */
	void (*onnx)(struct mm_onnx_list *l, const struct mm_node *out);
	bool training;

	bool view;	 /* out shares in[0]'s memory */
	bool stochastic; /* depends on graph->seed and step in training */
	bool positive;	 /* the tests give inputs in 0.5..2, not -1..1 */
	double grad_tol; /* relative, of the gradient test in double */

	/*
	 * Small instances for the tests: emit variant 0, 1, ... into g and
	 * return its output; NULL where there are no more.
	 */
	struct mm_node *(*sample)(struct mm_graph *g, int variant);
};

#define MM_READS_OUT (1u << 31)

#define MM_OP(name) extern const struct mm_op mm_op_##name;
#include "graph/ops.def"
#undef MM_OP

extern const struct mm_op *const mm_ops[]; /* NULL-terminated */

/* ---- building ---- */

/* `store` outlives the graph; parameters are declared in it as they appear. */
void mm_graph_init(struct mm_graph *g, struct mm_store *store,
		   enum mm_graph_mode mode);
void mm_graph_release(struct mm_graph *g);

/* A leaf that the caller fills before forward (mm_node.val or .data). */
struct mm_node *mm_input(struct mm_graph *g, const char *name,
			 enum mm_elem elem, struct mm_shape shape);

/* An unnamed real input, for the operators' sample functions. */
struct mm_node *mm_leaf(struct mm_graph *g, struct mm_shape shape);

/*
 * The parameter of that name, declared in the store where it is new (with
 * `init` as its rule); a shape that differs from the declared one fails.
 */
struct mm_node *mm_param(struct mm_graph *g, struct mm_shape shape,
			 struct mm_init init, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The same for running statistics: stored and saved with the parameters, moved
 * by forward in training, never by a gradient.
 */
struct mm_node *mm_buffer(struct mm_graph *g, struct mm_shape shape,
			  struct mm_init init, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Mark as a result: its value survives the run.  Returns the node. */
struct mm_node *mm_output(struct mm_graph *g, struct mm_node *x,
			  const char *name);

/*
 * Name a hidden state that heads, tests and tools may want; a node may have
 * several names.  Where g->taps is set its value survives the run.
 */
void mm_tap(struct mm_graph *g, struct mm_node *x, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The hidden state of that name; without one the graph fails. */
struct mm_node *mm_tapped(struct mm_graph *g, const char *name);

/* The output, or where g->taps is set the hidden state, of that name, or NULL.
 */
struct mm_node *mm_graph_find(const struct mm_graph *g, const char *name);

/* The node's gradient is what the caller writes into x->grad (all of it). */
void mm_seed(struct mm_graph *g, struct mm_node *x);

/* The gradient of input x is to be had in x->grad after backward. */
void mm_want_grad(struct mm_graph *g, struct mm_node *x);

/* For the builders of op_<family>.c: n_in inputs, shape rule run at once. */
struct mm_node *mm_emit(struct mm_graph *g, const struct mm_op *op,
			const union mm_attr *at, int n_in,
			struct mm_node *const *in);

/* Fail the graph (the first failure stays) and return NULL. */
struct mm_node *mm_graph_fail(struct mm_graph *g, enum mm_status code,
			      const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- running ---- */

/* Places of all buffers; g->plan_bytes is then exact.  Fails a failed graph. */
int mm_graph_plan(struct mm_graph *g, struct mm_err *err) MM_MUST_CHECK;

/* The block, and pointers in every node.  Parameters must be bound. */
int mm_graph_alloc(struct mm_graph *g, struct mm_err *err) MM_MUST_CHECK;

/*
 * Runs the nodes [0, n_nodes) in order.  In an MM_INFER graph what depends on
 * parameters alone is computed the first time only.
 */
void mm_graph_forward(struct mm_graph *g);

/*
 * Reverse mode.  A seeded node starts from what the caller put into its grad;
 * an output that is a scalar and not seeded starts from 1.  Parameters'
 * gradients are added to (+=), all others start from zero.
 */
void mm_graph_backward(struct mm_graph *g);

/* ---- for bwd functions ---- */

/*
 * Where to add the gradient of in[i]; NULL where nobody wants it.  The first
 * writer gets zeroed memory.
 */
mm_real *mm_grad_add(struct mm_node *out, int i);

/*
 * The same for a writer that can overwrite: *beta = 0 where the memory holds
 * nothing yet, else 1.
 */
mm_real *mm_grad_beta(struct mm_node *out, int i, mm_real *beta);

/*
 * Counter-based noise: the key is a function of (seed, step, node), the number
 * of the node's first element one of its sample, so that a batch cut into
 * pieces draws what the whole would have drawn.
 */
uint64_t mm_noise_key(const struct mm_node *out);
size_t mm_noise_offset(const struct mm_node *out);

#endif
