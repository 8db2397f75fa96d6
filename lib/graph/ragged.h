/*
 * ragged.h - texts without their padding.
 *
 * A batch of texts (B, T) is as wide as its longest, most are shorter.  Where
 * nobody reads what stands behind their ends, a text tower runs on the rows
 * that count, end to end:
 *
 *	(B, T, C)	a a a . . | b b b b . | c . . . .
 *	(rows, C)	a a a b b b b c
 *
 * That is so where every result is a picked row (rows.h) or a mean without
 * padding, and attention either is causal or hides padding by a mask.  Rows are counted anew in each forward
 * run, from ids and mask; memory is planned for full texts.
 */
#ifndef MM_GRAPH_RAGGED_H
#define MM_GRAPH_RAGGED_H

#include "graph/graph.h"

struct mm_ragged {
	size_t B, T;
	const struct mm_node **pick; /* what reads the rows from outside */
	size_t n_picks, n_means;
	const struct mm_node *mask; /* its keys count; NULL: causal */
	size_t rows;
	int32_t *first; /* (B + 1) rows where the texts begin */
	int32_t *at;	/* (rows) places in (B, T) */
	int32_t *t;	/* (rows) places in the text */
};

/*
 * Before the plan, after mm_graph_narrow: finds out whether g has such texts
 * and gives their nodes the shape (B T, C), to be shortened as they run.  Where
 * memory ends the graph fails.
 */
void mm_graph_find_ragged(struct mm_graph *g);

/* The rows of this run; ids and mask are in place. */
void mm_ragged_start(struct mm_graph *g);

#endif
