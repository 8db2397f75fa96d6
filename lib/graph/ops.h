/*
 * ops.h - the builders: one call emits one operator.
 *
 * Letters as in kernel/kernel.h: B batch, T tokens, C channels, F features,
 * N rows, K classes.  "..." stands for any leading dimensions.  An optional
 * input may be NULL.  On a failed graph, and on failure, NULL comes back and
 * the graph keeps the first error, so that a model function need not check.
 */
#ifndef MM_GRAPH_OPS_H
#define MM_GRAPH_OPS_H

#include "graph/graph.h"

/* ---- op_linear.c ---- */

/*
 * y = act(x w^T + b) + residual:  x (..., C), w (F, C) or (F, ...) with the
 * trailing dimensions flattened, b (F) optional, residual (..., F) optional.
 */
struct mm_node *mm_linear(struct mm_graph *g, struct mm_node *x,
			  struct mm_node *w, struct mm_node *b,
			  struct mm_node *residual, enum mm_act act);

/* alpha op(a) op(b), two matrices, or batches of them: (N, .., ..) both. */
struct mm_node *mm_matmul(struct mm_graph *g, struct mm_node *a,
			  struct mm_node *b, bool ta, bool tb, double alpha);

/* ---- op_norm.c ---- */

/* (x - mean) / sqrt(var + eps) * gain + bias over the last axis. */
struct mm_node *mm_layernorm(struct mm_graph *g, struct mm_node *x,
			     struct mm_node *gain, struct mm_node *bias,
			     double eps);

/* x / max(|x|, eps) over the last axis. */
struct mm_node *mm_l2norm(struct mm_graph *g, struct mm_node *x, double eps);

/* exp(x) / sum exp(x) over the last axis, or its logarithm. */
struct mm_node *mm_softmax(struct mm_graph *g, struct mm_node *x);
struct mm_node *mm_log_softmax(struct mm_graph *g, struct mm_node *x);

/* ---- op_attention.c ---- */

/*
 * softmax(q k^T scale) v, head by head: q (B, Tq, C), k and v (B, Tk, C),
 * mask (B, Tk) U8 optional, 0 hides a key.  scale 0 means (C/heads)^-1/2.
 */
struct mm_node *mm_attention(struct mm_graph *g, struct mm_node *q,
			     struct mm_node *k, struct mm_node *v,
			     struct mm_node *mask, size_t heads, bool causal,
			     double scale, double dropout);

/* ---- op_embed.c ---- */

/* table[ids]: ids (B, T) I32, table (V, C) -> (B, T, C). */
struct mm_node *mm_embedding(struct mm_graph *g, struct mm_node *ids,
			     struct mm_node *table);

/* The same, but row `padding` gets no gradient (PyTorch's padding_idx). */
struct mm_node *mm_embedding_padded(struct mm_graph *g, struct mm_node *ids,
				    struct mm_node *table, int padding);

/*
 * RoBERTa's positions: the n-th id of a text that is not `padding` gets row
 * padding + n of the table (> padding + T, C), others row `padding`, which gets
 * no gradient -> (B, T, C).
 */
struct mm_node *mm_embedding_counted(struct mm_graph *g, struct mm_node *ids,
				     struct mm_node *table, int padding);

/* x (B, T, C) + the first T rows of pos (>= T, C). */
struct mm_node *mm_add_positions(struct mm_graph *g, struct mm_node *x,
				 struct mm_node *pos);

/* x (B, T, C) with row cls (C) in front of each sample: (B, T+1, C). */
struct mm_node *mm_prepend(struct mm_graph *g, struct mm_node *x,
			   struct mm_node *cls);

/*
 * A picture as rows: x (B, 3, H, W) real or U8 -> (B, H/P * W/P, 3 P P), in
 * the order of a convolution's weight.  U8 is normalised on the way: byte x of
 * channel c becomes value[c][x]; the table outlives the graph.  What is less
 * than a patch at the right and below is left out.
 */
struct mm_node *mm_patches(struct mm_graph *g, struct mm_node *x, size_t patch,
			   const float (*value)[256]);

/*
 * Row t(b) of every sample, x (B, T, C) -> (B, C).  t is the first position
 * whose id is `eos`, 0 where there is none; eos = MM_EOS_LARGEST: the first
 * position of the largest id (OpenAI's rule).
 */
enum { MM_EOS_LARGEST = -1 };
struct mm_node *mm_pick_end(struct mm_graph *g, struct mm_node *x,
			    struct mm_node *ids, int eos);

/* Row t of every sample; t < 0 counts from the end. */
struct mm_node *mm_pick_row(struct mm_graph *g, struct mm_node *x, int t);

/* The mean over tokens: (B, T, C) -> (B, C); of those that mask (B, T) U8
 * does not hide, 0 where it hides all.  NULL: it hides none. */
struct mm_node *mm_mean_tokens(struct mm_graph *g, struct mm_node *x,
			       struct mm_node *mask);

/*
 * A table of positions for another grid: pos (n + G*G, C) whose first n rows
 * stay, the others a G x G map resized to h x w, bicubic with a = -0.75, the
 * border repeated, no antialiasing (transformers' interpolate_pos_encoding).
 */
struct mm_node *mm_resize_positions(struct mm_graph *g, struct mm_node *pos,
				    size_t n, size_t h, size_t w);

/* The same with a = -0.5, averaging where it shrinks, windows cut at the
 * border: what open_clip does. */
struct mm_node *mm_resample_positions(struct mm_graph *g, struct mm_node *pos,
				      size_t n, size_t h, size_t w);

/* ---- op_conv.c ---- */

/*
 * y = act(w * x + b) + residual, maps x (B, C, H, W), w (F, C, k, k), b (F)
 * optional, residual optional; see kernel/conv.h.  pad: left, right, top,
 * bottom; NULL: none.  Depthwise: w (C, 1, k, k).
 */
struct mm_node *mm_conv2d(struct mm_graph *g, struct mm_node *x,
			  struct mm_node *w, struct mm_node *b,
			  struct mm_node *residual, enum mm_act act,
			  size_t stride, const size_t pad[4]);
struct mm_node *mm_depthwise(struct mm_graph *g, struct mm_node *x,
			     struct mm_node *w, struct mm_node *b,
			     struct mm_node *residual, enum mm_act act,
			     size_t stride, const size_t pad[4]);

/* ---- op_batchnorm.c ---- */

/* (C) each; mean, var and count (batches seen; or NULL) are mm_buffers. */
struct mm_batch_norm_params {
	struct mm_node *gain, *bias, *mean, *var, *count;
};

/*
 * act(batch norm of x (B, C, ...) + residual), residual optional.  In a
 * training graph with the batch's statistics, which move the running ones,
 * unless the gain is frozen; see kernel/batchnorm.h.
 */
struct mm_node *mm_batch_norm(struct mm_graph *g, struct mm_node *x,
			      const struct mm_batch_norm_params *p,
			      struct mm_node *residual, enum mm_act act,
			      double eps, double momentum);

/* Weights (F, ...) and bias (F) of the convolution in front, with the running
 * statistics in them: bn(conv(x, w)) = conv(x, fold_weight) + fold_bias. */
struct mm_node *mm_fold_weight(struct mm_graph *g, struct mm_node *w,
			       const struct mm_batch_norm_params *p,
			       double eps);
struct mm_node *mm_fold_bias(struct mm_graph *g,
			     const struct mm_batch_norm_params *p, double eps);

/* ---- op_pool.c ---- */

/* Windows of k x k; the border of max_pool is left, right, top, bottom. */
struct mm_node *mm_max_pool(struct mm_graph *g, struct mm_node *x, size_t k,
			    size_t stride, const size_t pad[4]);
struct mm_node *mm_avg_pool(struct mm_graph *g, struct mm_node *x, size_t k,
			    size_t stride);

/* The mean of each map: (B, C, H, W) -> (B, C). */
struct mm_node *mm_mean_map(struct mm_graph *g, struct mm_node *x);

/* Each map of x (B, C, H, W) times its number of s (B, C). */
struct mm_node *mm_scale_maps(struct mm_graph *g, struct mm_node *x,
			      struct mm_node *s);

/* Pictures (B, 3, H, W) as reals; U8 is normalised as mm_patches does. */
struct mm_node *mm_pixels(struct mm_graph *g, struct mm_node *x,
			  const float (*value)[256]);

/* ---- op_shape.c ---- */

/* The same elements in another shape; no copy. */
struct mm_node *mm_reshape(struct mm_graph *g, struct mm_node *x,
			   struct mm_shape shape);
/* Output axis i is input axis order[i]. */
struct mm_node *mm_permute(struct mm_graph *g, struct mm_node *x,
			   const int *order);
struct mm_node *mm_slice(struct mm_graph *g, struct mm_node *x, size_t axis,
			 size_t begin, size_t end);
struct mm_node *mm_concat(struct mm_graph *g, struct mm_node *a,
			  struct mm_node *b, size_t axis);

/* ---- op_elementwise.c ---- */

/*
 * x + y, x - y, x * y, x / y.  y has x's shape, or a trailing part of it (a
 * bias), or is a scalar: it is repeated over the leading dimensions.
 */
struct mm_node *mm_add(struct mm_graph *g, struct mm_node *x,
		       struct mm_node *y);
struct mm_node *mm_sub(struct mm_graph *g, struct mm_node *x,
		       struct mm_node *y);
struct mm_node *mm_mul(struct mm_graph *g, struct mm_node *x,
		       struct mm_node *y);
struct mm_node *mm_div(struct mm_graph *g, struct mm_node *x,
		       struct mm_node *y);

/* factor * x + bias, two constants. */
struct mm_node *mm_affine(struct mm_graph *g, struct mm_node *x, double factor,
			  double bias);
struct mm_node *mm_activate(struct mm_graph *g, struct mm_node *x,
			    enum mm_act act);
struct mm_node *mm_exp(struct mm_graph *g, struct mm_node *x);
struct mm_node *mm_log(struct mm_graph *g, struct mm_node *x);

/* Zero with probability p, else x / (1 - p); the identity outside training. */
struct mm_node *mm_dropout_node(struct mm_graph *g, struct mm_node *x,
				double p);
/* The same for whole samples (stochastic depth). */
struct mm_node *mm_drop_path(struct mm_graph *g, struct mm_node *x, double p);

/* ---- op_loss.c: scalars, means over rows ---- */

/* Rows of logits (N, K) against targets (N) I32, -100 = does not count. */
struct mm_node *mm_cross_entropy(struct mm_graph *g, struct mm_node *logits,
				 struct mm_node *targets, double smoothing);

/*
 * Symmetric cross-entropy of (N, N) logits, the mean of both directions.
 * labels (N) I32 optional: columns with the row's label share the mass.
 */
struct mm_node *mm_infonce(struct mm_graph *g, struct mm_node *logits,
			   struct mm_node *labels, double smoothing);

/* -sum_ij log sigmoid(y_ij logits_ij) / N, y = 1 for pairs, else -1. */
struct mm_node *mm_sigmoid_loss(struct mm_graph *g, struct mm_node *logits,
				struct mm_node *labels);

/*
 * -sum_k q_k log softmax(z)_k, the mean over rows; logits z and targets q
 * (N, K), rows of q sum to 1.  q is data and gets no gradient.
 */
struct mm_node *mm_soft_cross_entropy(struct mm_graph *g,
				      struct mm_node *logits,
				      struct mm_node *q);

/*
 * The hinge of each pair's hardest negative in the batch, both directions
 * (Faghri et al., "VSE++", 2018), from similarities z (N, N):
 *	mean_i (m - z_ii + max_j z_ij)+ + (m - z_ii + max_j z_ji)+
 * over j != i whose label, where labels (N) I32 are given, differs from i's.
 */
struct mm_node *mm_hardest_loss(struct mm_graph *g, struct mm_node *z,
				struct mm_node *labels, double margin);

/* Means over all elements; y is data and gets no gradient. */
struct mm_node *mm_bce_loss(struct mm_graph *g, struct mm_node *logits,
			    struct mm_node *y);
struct mm_node *mm_mse_loss(struct mm_graph *g, struct mm_node *x,
			    struct mm_node *y);
struct mm_node *mm_smooth_l1_loss(struct mm_graph *g, struct mm_node *x,
				  struct mm_node *y);

#endif
