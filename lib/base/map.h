/*
 * map.h - hash map from byte strings to 64-bit numbers.
 *
 * Open addressing, linear probing, load <= 4/5.  Keys are copied into the
 * map's own arena, so the caller's bytes may go.  Look-ups from several
 * threads are safe while nobody adds.
 */
#ifndef MM_BASE_MAP_H
#define MM_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct mm_map_slot {
	const char *key; /* NULL: free */
	uint32_t len, hash;
	int64_t value;
};

struct mm_map {
	struct mm_map_slot *slot; /* n_slots of them, a power of two */
	size_t n_slots, n;	  /* n: keys held */
	struct mm_arena keys;
};

void mm_map_init(struct mm_map *m);
void mm_map_release(struct mm_map *m);

/* The value's place, or NULL where the key is absent. */
int64_t *mm_map_find(const struct mm_map *m, const void *key, size_t len);
int64_t *mm_map_find_str(const struct mm_map *m, const char *key);

/*
 * The value's place, made (value 0, *added true) where the key is new.
 * NULL: out of memory, or a key of 4 GiB and more.  `added` may be NULL.
 * The pointer lives until the next mm_map_put.
 */
int64_t *mm_map_put(struct mm_map *m, const void *key, size_t len, bool *added)
	__attribute__((warn_unused_result));

/* Room for n keys in all, so that they are put without rehashing.  False: out
 * of memory. */
bool mm_map_reserve(struct mm_map *m, size_t n)
	__attribute__((warn_unused_result));

/* The map's own copy of the key whose value mm_map_find or mm_map_put gave; a
 * NUL follows.  It lives as long as the map. */
const char *mm_map_key(const int64_t *value);

/* FNV-1a, 64 bits, finished with murmur3's mixer. */
uint64_t mm_hash64(const void *bytes, size_t n);

#endif
