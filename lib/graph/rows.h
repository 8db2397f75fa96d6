/*
 * rows.h - computing only the rows that somebody reads.
 *
 * A tower of which one row of each sample is picked at the end (the class
 * token, the end of the text) computes the others in vain from its last
 * attention on.  mm_graph_narrow moves the picking up, in front of every
 * operator that makes a row of out of the same row of its inputs
 * (mm_op.by_row), as far as nobody else reads the other rows:
 *
 *	pick(norm(x))			norm(pick(x))
 *	pick(linear(h, w, b, x))	linear(pick(h), w, b, pick(x))
 *	pick(attention(q, k, v))	attention(pick(q), k, v)
 *
 * The numbers are the same, forward and backward.  Results, hidden states that
 * are kept (graph->taps) and what draws noise stay whole.
 */
#ifndef MM_GRAPH_ROWS_H
#define MM_GRAPH_ROWS_H

#include "graph/graph.h"

/* Before the plan; a narrowed node has the shape (B, C) in place of (B, T, C).
 * Where memory ends the graph fails. */
void mm_graph_narrow(struct mm_graph *g);

/* Is n one that picks a row?  Which one, of sample b; its ids in place. */
bool mm_picks(const struct mm_node *n);
size_t mm_pick_at(const struct mm_node *pick, size_t b);

/* The row of sample b that mm_pick_end takes, or where ids is NULL, `row`. */
size_t mm_row_at(const struct mm_node *ids, int eos, size_t row, size_t b);

#endif
