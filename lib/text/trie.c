/* trie.c - see trie.h. */
#include "text/trie.h"

#include <string.h>

#include "base/mem.h"

void mm_trie_init(struct mm_trie *t)
{
	memset(t, 0, sizeof(*t));
}

void mm_trie_release(struct mm_trie *t)
{
	mm_free(t->edge);
	mm_free(t->value);
	mm_trie_init(t);
}

static struct mm_trie_edge *slot(struct mm_trie_edge *edge, size_t n,
				 uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (n - 1);

	while (edge[i].key && edge[i].key != key)
		i = (i + 1) & (n - 1);
	return &edge[i];
}

static bool grow_edges(struct mm_trie *t)
{
	const size_t n = t->n_edges ? t->n_edges * 2 : 64;
	struct mm_trie_edge *fresh;

	if (2 * (t->used + 1) <= t->n_edges)
		return true;
	if (!(fresh = mm_calloc(n, sizeof(*fresh))))
		return false;
	for (size_t i = 0; i < t->n_edges; i++)
		if (t->edge[i].key)
			*slot(fresh, n, t->edge[i].key) = t->edge[i];
	mm_free(t->edge);
	t->edge = fresh;
	t->n_edges = n;
	return true;
}

static bool new_node(struct mm_trie *t)
{
	if (t->n_nodes == t->cap) {
		const size_t cap = t->cap ? 2 * t->cap : 64;
		int32_t *v;

		if (cap > UINT32_MAX ||
		    !(v = mm_realloc(t->value, cap, sizeof(*v))))
			return false;
		t->value = v;
		t->cap = cap;
	}
	t->value[t->n_nodes++] = -1;
	return true;
}

bool mm_trie_put(struct mm_trie *t, const void *key, size_t len, int32_t value)
{
	const unsigned char *p = key;
	uint32_t node = 0;

	if ((!t->n_nodes && !new_node(t)) || !grow_edges(t))
		return false;
	for (size_t i = 0; i < len; i++) {
		struct mm_trie_edge *e;

		if (!grow_edges(t))
			return false;
		e = slot(t->edge, t->n_edges, ((uint64_t)node << 8 | p[i]) + 1);
		if (!e->key) {
			if (!new_node(t))
				return false;
			e->key = ((uint64_t)node << 8 | p[i]) + 1;
			e->child = (uint32_t)t->n_nodes - 1;
			t->used++;
		}
		node = e->child;
	}
	t->value[node] = value;
	return true;
}

size_t mm_trie_longest(const struct mm_trie *t, const char *s, size_t n,
		       int32_t *value)
{
	uint32_t node = 0;
	size_t best = 0;

	if (!t->n_nodes)
		return 0;
	for (size_t i = 0; i < n; i++) {
		node = mm_trie_step(t, node, (unsigned char)s[i]);
		if (!node)
			break;
		if (t->value[node] >= 0) {
			best = i + 1;
			*value = t->value[node];
		}
	}
	return best;
}
