/*
 * kernel.h - loops over raw row-major buffers, forward beside backward.
 *
 * Letters: B batch, T tokens, C channels, F features, H heads, D width of a
 * head, V vocabulary, N rows, K classes, P patch.  size_t, outermost first.
 *
 * Arguments in the order outputs, saved, inputs, parameters, sizes.  Every
 * *_bwd ACCUMULATES (+=) unless it says otherwise.  Nothing here fails,
 * allocates or depends on the number of threads.
 */
#ifndef MM_KERNEL_KERNEL_H
#define MM_KERNEL_KERNEL_H

#include "kernel/act.h"
#include "kernel/attention.h"
#include "kernel/batchnorm.h"
#include "kernel/conv.h"
#include "kernel/embed.h"
#include "kernel/gemm.h"
#include "kernel/loss.h"
#include "kernel/norm.h"
#include "kernel/optim.h"
#include "kernel/pool.h"
#include "kernel/real.h"

#endif
