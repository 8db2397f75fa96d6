/* map.c - see map.h. */
#include "base/map.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_SLOTS = 64 };

uint64_t mm_hash64(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 33);
}

void mm_map_init(struct mm_map *m)
{
	memset(m, 0, sizeof(*m));
}

void mm_map_release(struct mm_map *m)
{
	mm_free(m->slot);
	mm_arena_release(&m->keys);
	mm_map_init(m);
}

/* The slot that holds the key, or the free one where it would go. */
static struct mm_map_slot *probe(struct mm_map_slot *slot, size_t n_slots,
				 const void *key, size_t len, uint32_t hash)
{
	size_t i = hash & (n_slots - 1);

	while (slot[i].key &&
	       !(slot[i].hash == hash && slot[i].len == len &&
		 (!len || !memcmp(slot[i].key, key, len))))
		i = (i + 1) & (n_slots - 1);
	return &slot[i];
}

int64_t *mm_map_find(const struct mm_map *m, const void *key, size_t len)
{
	struct mm_map_slot *s;

	if (!m->n || len > UINT32_MAX)
		return NULL;
	s = probe(m->slot, m->n_slots, key, len, (uint32_t)mm_hash64(key, len));
	return s->key ? &s->value : NULL;
}

int64_t *mm_map_find_str(const struct mm_map *m, const char *key)
{
	return mm_map_find(m, key, strlen(key));
}

static bool rehash(struct mm_map *m, size_t n_slots)
{
	struct mm_map_slot *fresh = mm_calloc(n_slots, sizeof(*fresh));

	if (!fresh)
		return false;
	for (size_t i = 0; i < m->n_slots; i++) {
		const struct mm_map_slot *s = &m->slot[i];

		if (s->key)
			*probe(fresh, n_slots, s->key, s->len, s->hash) = *s;
	}
	mm_free(m->slot);
	m->slot = fresh;
	m->n_slots = n_slots;
	return true;
}

bool mm_map_reserve(struct mm_map *m, size_t n)
{
	size_t n_slots = m->n_slots ? m->n_slots : FIRST_SLOTS;

	if (n > SIZE_MAX / 4)
		return false;
	while (n_slots < n + n / 4 + 1)
		n_slots *= 2;
	return n_slots == m->n_slots || rehash(m, n_slots);
}

const char *mm_map_key(const int64_t *value)
{
	const char *slot =
		(const char *)value - offsetof(struct mm_map_slot, value);

	return ((const struct mm_map_slot *)(const void *)slot)->key;
}

int64_t *mm_map_put(struct mm_map *m, const void *key, size_t len, bool *added)
{
	const uint32_t hash = (uint32_t)mm_hash64(key, len);
	struct mm_map_slot *s;

	if (added)
		*added = false;
	if (len >= UINT32_MAX || !mm_map_reserve(m, m->n + 1))
		return NULL;
	s = probe(m->slot, m->n_slots, key, len, hash);
	if (s->key)
		return &s->value;
	if (!(s->key = mm_arena_strndup(&m->keys, key, len)))
		return NULL;
	s->len = (uint32_t)len;
	s->hash = hash;
	s->value = 0;
	m->n++;
	if (added)
		*added = true;
	return &s->value;
}
