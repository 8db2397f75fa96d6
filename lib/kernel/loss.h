/* loss.h - losses over rows of logits, with their gradients. */
#ifndef MM_KERNEL_LOSS_H
#define MM_KERNEL_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/real.h"

/*
 * Cross-entropy, the mean over rows that count:
 *	-sum_k q_k log softmax(z)_k,  q = (1 - s) onehot(target) + s / K
 *
 *	z (N, K)	lse (N), saved	   target (N), `ignore` does not count
 */
mm_real mm_cross_entropy_fwd(mm_real *lse, const mm_real *z,
			     const int32_t *target, mm_real smoothing,
			     int32_t ignore, size_t N, size_t K);
/* dz += g times the gradient. */
void mm_cross_entropy_bwd(mm_real *dz, mm_real g, const mm_real *lse,
			  const mm_real *z, const int32_t *target,
			  mm_real smoothing, int32_t ignore, size_t N,
			  size_t K);

/*
 * The same against soft targets q (N, K), rows that sum to 1 or 0:
 *	-sum_k q_k log softmax(z)_k, the mean over all N rows
 */
mm_real mm_cross_entropy_soft_fwd(mm_real *lse, const mm_real *z,
				  const mm_real *q, size_t N, size_t K);
void mm_cross_entropy_soft_bwd(mm_real *dz, mm_real g, const mm_real *lse,
			       const mm_real *z, const mm_real *q, size_t N,
			       size_t K);

/*
 * Symmetric cross-entropy of z (N, N), the mean of rows' and columns' loss.
 * Row i's target is column i, or with labels (N) equal shares of all columns
 * that carry its label; s/N is mixed in by smoothing s.
 *
 *	lse	(2 N): rows, then columns; saved
 *	labels	NULL: every pair for itself
 */
mm_real mm_infonce_fwd(mm_real *lse, const mm_real *z, const int32_t *labels,
		       mm_real smoothing, size_t N);
void mm_infonce_bwd(mm_real *dz, mm_real g, const mm_real *lse,
		    const mm_real *z, const int32_t *labels, mm_real smoothing,
		    size_t N);

/*
 * The hinge of the hardest negative, both directions:
 *	sum_i ((m - z_ii + max_j z_ij)+ + (m - z_ii + max_j z_ji)+) / N
 * over j != i, with labels only those of another label; a row without one
 * counts 0.
 *
 *	hard	(2 N): the j of rows, then of columns, N where the hinge is
 *		shut; saved
 */
mm_real mm_hardest_loss_fwd(int32_t *hard, const mm_real *z,
			    const int32_t *labels, mm_real margin, size_t N);
void mm_hardest_loss_bwd(mm_real *dz, mm_real g, const int32_t *hard, size_t N);

/*
 * -sum_ij log sigmoid(y_ij z_ij) / N; y = 1 on the diagonal, or wherever the
 * labels are equal, else -1.  Zhai et al., SigLIP (2023).
 */
mm_real mm_sigmoid_loss_fwd(const mm_real *z, const int32_t *labels, size_t N);
void mm_sigmoid_loss_bwd(mm_real *dz, mm_real g, const mm_real *z,
			 const int32_t *labels, size_t N);

#endif
