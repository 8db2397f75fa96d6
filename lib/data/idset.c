/* idset.c - see idset.h. */
#include "data/idset.h"

#include <stdbool.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum { FIRST_SLOTS = 1024 };

struct mm_idset_slot {
	uint64_t a, b;
	uint32_t count; /* 0: free */
};

/* A second hash, unlike mm_hash64: mixes down after every byte. */
static uint64_t other_hash(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t h = 0x9e3779b97f4a7c15u ^ n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ p[i]) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
	}
	return h * 0xd6e8feb86659fd93u;
}

static struct mm_idset_slot *probe(struct mm_idset_slot *slot, size_t n_slots,
				   uint64_t a, uint64_t b)
{
	size_t i = (size_t)a & (n_slots - 1);

	while (slot[i].count && (slot[i].a != a || slot[i].b != b))
		i = (i + 1) & (n_slots - 1);
	return &slot[i];
}

static bool grow(struct mm_idset *s)
{
	const size_t n = s->n_slots ? s->n_slots * 2 : FIRST_SLOTS;
	struct mm_idset_slot *fresh = mm_calloc(n, sizeof(*fresh));

	if (!fresh)
		return false;
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slot[i].count)
			*probe(fresh, n, s->slot[i].a, s->slot[i].b) =
				s->slot[i];
	mm_free(s->slot);
	s->slot = fresh;
	s->n_slots = n;
	return true;
}

int mm_idset_add(struct mm_idset *s, const void *bytes, size_t len,
		 uint32_t *before, struct mm_err *err)
{
	const uint64_t a = mm_hash64(bytes, len), b = other_hash(bytes, len);
	struct mm_idset_slot *slot;

	if (2 * (s->n + 1) > s->n_slots && !grow(s))
		return mm_fail_nomem(err, "the set of ids");
	slot = probe(s->slot, s->n_slots, a, b);
	*before = slot->count;
	if (!slot->count) {
		slot->a = a;
		slot->b = b;
		s->n++;
	}
	if (slot->count < UINT32_MAX)
		slot->count++;
	return MM_OK;
}

void mm_idset_release(struct mm_idset *s)
{
	mm_free(s->slot);
	memset(s, 0, sizeof(*s));
}
