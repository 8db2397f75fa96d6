/*
 * trie.h - byte strings to numbers, for finding every prefix of a text at once.
 *
 * The edges of all nodes share one hash table keyed by (node, byte), so that a
 * step costs one look-up whatever the fan-out.  Node 0 is the root.
 */
#ifndef MM_TEXT_TRIE_H
#define MM_TEXT_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mm_trie_edge {
	uint64_t key; /* node << 8 | byte, plus 1; 0: free */
	uint32_t child;
};

struct mm_trie {
	struct mm_trie_edge *edge; /* n_edges of them, a power of two */
	size_t n_edges, used;
	int32_t *value; /* per node, -1: no string ends here */
	size_t n_nodes, cap;
};

void mm_trie_init(struct mm_trie *t);
void mm_trie_release(struct mm_trie *t);

/* Later values replace earlier ones.  False: out of memory. */
bool mm_trie_put(struct mm_trie *t, const void *key, size_t len, int32_t value)
	__attribute__((warn_unused_result));

/* The child of a node, 0 where there is none (the root is no child). */
static inline uint32_t mm_trie_step(const struct mm_trie *t, uint32_t node,
				    unsigned char byte)
{
	const uint64_t key = ((uint64_t)node << 8 | byte) + 1;
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (t->n_edges - 1);

	while (t->edge[i].key && t->edge[i].key != key)
		i = (i + 1) & (t->n_edges - 1);
	return t->edge[i].key ? t->edge[i].child : 0;
}

/* Longest string that is a prefix of s[0..n): its length, 0 where none is. */
size_t mm_trie_longest(const struct mm_trie *t, const char *s, size_t n,
		       int32_t *value);

#endif
