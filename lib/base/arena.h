/*
 * arena.h - memory that is freed all at once.
 *
 * Bump allocator.  Blocks form a list, newest first; only the newest is bumped.
 *
 *	[hdr|used........|free....]->[hdr|used full..........]->NULL
 *
 * Every pointer but that of a string is 64-byte aligned.  mm_arena_reset keeps
 *the largest block, so a training loop that resets once per step stops calling
 *malloc after step 1. Not thread-safe: one arena per thread.
 */
#ifndef MM_BASE_ARENA_H
#define MM_BASE_ARENA_H

#include <stddef.h>

struct mm_arena {
	struct mm_arena_block *newest;
	size_t total; /* bytes in all blocks, headers included */
};

/* An arena of all zeros is empty and ready; this says so in words. */
void mm_arena_init(struct mm_arena *a);

/* n objects of `size` bytes, zeroed.  NULL: out of memory or n*size wraps. */
void *mm_arena_alloc(struct mm_arena *a, size_t n, size_t size)
	__attribute__((warn_unused_result));

/* A NUL-terminated copy of s[0..n). */
char *mm_arena_strndup(struct mm_arena *a, const char *s, size_t n)
	__attribute__((warn_unused_result));
char *mm_arena_strdup(struct mm_arena *a, const char *s)
	__attribute__((warn_unused_result));
char *mm_arena_printf(struct mm_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

void mm_arena_reset(struct mm_arena *a);   /* all pointers die */
void mm_arena_release(struct mm_arena *a); /* back to an empty arena */

#endif
