/*
 * recompute.h - activations that are computed a second time instead of being
 * kept (Chen et al., "Training deep nets with sublinear memory cost", 2016).
 *
 * The hidden states that a model names (mm_tap) cut its graph into segments: a
 * transformer block, a stage of a residual network.  Before backward enters
 * one, those of its nodes run again whose values or notes it reads, and those
 * that they are computed from:
 *
 *	forward		0 ................ N-1
 *	backward	again b..e, back e..b;  again a..b, back b..a;  ...
 *
 * Between its two lives a value's memory belongs to others.  What a later
 * segment or the caller reads lives on from the first.
 */
#ifndef MM_GRAPH_RECOMPUTE_H
#define MM_GRAPH_RECOMPUTE_H

#include "graph/graph.h"

struct mm_segment {
	size_t begin, end; /* nodes begin .. end - 1 */
};

/* g->segment, where g->recompute asks for them; none otherwise. */
int mm_segments_cut(struct mm_graph *g, struct mm_err *err) MM_MUST_CHECK;

/* Compute the first n of them twice and keep what the others compute. */
void mm_segments_use(struct mm_graph *g, size_t n);

/*
 * node->rerun: who runs again; node->again and node->back: when it does and
 * when it runs backward, forward being at node->index.  Returns the time when
 * all is over.  Which nodes need gradients is known.
 */
size_t mm_segments_schedule(struct mm_graph *g);

/* Run forward again what backward will read in the segment. */
void mm_segment_rerun(struct mm_graph *g, const struct mm_segment *s);

#endif
