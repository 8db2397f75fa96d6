/*
 * pack.h - inference on packed weights (kernel/packed.h): which linear layers
 * have panels, and which of them share one pass over their input.
 *
 * Layers that read the same input one after another (q, k and v) form a group:
 * its first node packs the activations once and computes all of them.  Bits do
 * not change, for each output is summed by itself.
 */
#ifndef MM_GRAPH_PACK_H
#define MM_GRAPH_PACK_H

#include "graph/graph.h"

enum { MM_MAX_GROUP = 8 };

/* Link the groups of a graph of mode MM_INFER; before its lives are planned. */
void mm_graph_group(struct mm_graph *g);

/*
 * Panels for every linear layer's weight where the store is fixed.  Memory is
 * the store's.  Groups whose panels do not fit together are taken apart.
 */
int mm_graph_pack(struct mm_graph *g, struct mm_err *err) MM_MUST_CHECK;

/* Has this linear layer panels to multiply with? */
bool mm_graph_packed(const struct mm_node *out);

/* Its forward pass on them, and that of the layers it leads. */
void mm_graph_packed_fwd(struct mm_node *out);

#endif
