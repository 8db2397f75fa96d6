/*
 * lexer_nfa.h - regular expressions to a nondeterministic automaton; used by
 * lexer.c alone.
 *
 * A node either consumes one unit of a set and goes to `out`, or (set < 0)
 * goes to `out` and `out1` for nothing.  Node 0 is never reached: 0 means "no
 * edge".  A node with accept >= 0 ends that rule's expression.
 */
#ifndef MM_METRIC_LEXER_NFA_H
#define MM_METRIC_LEXER_NFA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "metric/lexer.h"

enum { MM_NFA_EPSILON = -1, MM_NFA_MAX_CLASSES = 256 };

struct mm_nfa_node {
	int set, accept;
	uint32_t out, out1;
};

/* A set of code units: bit u of `bit` is unit u. */
struct mm_nfa_set {
	uint64_t bit[65536 / 64];
};

struct mm_nfa {
	struct mm_nfa_node *node;
	size_t n_nodes, cap;
	struct mm_arena memory;
	struct mm_nfa_set **set; /* different ones only */
	size_t n_sets, set_cap;
	const struct mm_nfa_set *letter, *digit, *capital;

	/* After mm_nfa_classes: units that every set treats alike. */
	uint8_t class_of[65536];
	size_t n_classes;
	bool (*has)[MM_NFA_MAX_CLASSES]; /* has[set][class] */
};

/* An automaton without nodes. */
int mm_nfa_init(struct mm_nfa *nfa, struct mm_err *err) MM_MUST_CHECK;
void mm_nfa_release(struct mm_nfa *nfa);

/* A fresh node that accepts nothing.  0: out of memory. */
uint32_t mm_nfa_node(struct mm_nfa *nfa, int set, uint32_t out, uint32_t out1);

static inline struct mm_nfa_node *mm_nfa_at(const struct mm_nfa *nfa,
					    uint32_t i)
{
	return &nfa->node[i];
}

/* Nodes for an expression: enter at *start; *end is a node without edges. */
int mm_nfa_parse(struct mm_nfa *nfa, const struct mm_lexer_def *defs,
		 const char *expr, uint32_t *start, uint32_t *end,
		 struct mm_err *err) MM_MUST_CHECK;

/* Fill class_of, n_classes and has. */
int mm_nfa_classes(struct mm_nfa *nfa, struct mm_err *err) MM_MUST_CHECK;

#endif
