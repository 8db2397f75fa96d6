/* near.c - see near.h. */
#include "align/near.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A hash and where it was; `key` is what is sorted by. */
struct entry {
	uint64_t key, hash;
	uint32_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static uint32_t root(uint32_t *group, uint32_t i)
{
	while (group[i] != i) {
		group[i] = group[group[i]];
		i = group[i];
	}
	return i;
}

/* The smaller index stays the root. */
static void join(uint32_t *group, uint32_t a, uint32_t b)
{
	a = root(group, a);
	b = root(group, b);
	if (a < b)
		group[b] = a;
	else
		group[a] = b;
}

/* Equal hashes are one; what is left, n of them, is different. */
static size_t unify(struct entry *e, size_t n, uint32_t *group)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		e[i].key = e[i].hash;
	qsort(e, n, sizeof(*e), by_key);
	for (size_t i = 0; i < n; i++) {
		if (left && e[left - 1].hash == e[i].hash)
			join(group, e[left - 1].index, e[i].index);
		else
			e[left++] = e[i];
	}
	return left;
}

/* Compare all that agree in bits [first, first + bits). */
static void join_part(struct entry *e, size_t n, uint32_t *group, int first,
		      int bits, int distance)
{
	const uint64_t mask = bits < 64 ? ((uint64_t)1 << bits) - 1 : ~0ull;

	for (size_t i = 0; i < n; i++)
		e[i].key = e[i].hash >> first & mask;
	qsort(e, n, sizeof(*e), by_key);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && e[k].key == e[i].key; k++)
			if (__builtin_popcountll(e[i].hash ^ e[k].hash) <=
			    distance)
				join(group, e[i].index, e[k].index);
}

int mm_near_groups(uint32_t *group, const uint64_t *hash, size_t n,
		   int distance, struct mm_err *err)
{
	const int parts = distance + 1;
	const size_t total = n;
	struct entry *e = mm_malloc(n, sizeof(*e));

	if (!e)
		return mm_fail_nomem(err, "groups of near duplicates");
	for (size_t i = 0; i < n; i++) {
		e[i] = (struct entry){ 0, hash[i], (uint32_t)i };
		group[i] = (uint32_t)i;
	}
	n = unify(e, n, group);
	for (int p = 0; distance > 0 && p < parts; p++) {
		const int first = p * 64 / parts, end = (p + 1) * 64 / parts;

		join_part(e, n, group, first, end - first, distance);
	}
	for (size_t i = 0; i < total; i++)
		group[i] = root(group, (uint32_t)i);
	mm_free(e);
	return MM_OK;
}
