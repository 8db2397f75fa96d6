/* group.c - see group.h. */
#include "data/group.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "data/sample_copy.h"

int mm_sample_group_init(struct mm_sample_group *g, size_t size,
			 struct mm_err *err)
{
	g->n = 0;
	g->size = size;
	g->item = mm_calloc(size, sizeof(*g->item));
	return g->item ? MM_OK : mm_fail_nomem(err, "a group of samples");
}

void mm_sample_group_release(struct mm_sample_group *g)
{
	for (size_t i = 0; g->item && i < g->size; i++)
		mm_arena_release(&g->item[i].arena);
	mm_free(g->item);
	memset(g, 0, sizeof(*g));
}

int mm_sample_group_add(struct mm_sample_group *g, const struct mm_sample *s,
			uint32_t copy, struct mm_err *err)
{
	struct mm_sample_group_item *it = &g->item[g->n];
	int rc;

	mm_arena_reset(&it->arena);
	it->copy = copy;
	if (!(rc = mm_sample_copy(&it->sample, s, &it->arena, err)))
		g->n++;
	return rc;
}

struct job {
	struct mm_sample_group *g;
	mm_sample_group_fn *fn;
	void *ctx;
};

static void some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t i = begin; i < end; i++) {
		struct mm_sample_group_item *it = &j->g->item[i];

		it->rc = j->fn(j->ctx, i, (size_t)mm_thread_index(), &it->err);
	}
}

void mm_sample_group_run(struct mm_sample_group *g, mm_sample_group_fn *fn,
			 void *ctx)
{
	struct job j = { g, fn, ctx };

	mm_parallel_for(g->n, 1, some, &j);
}

int mm_sample_group_result(const struct mm_sample_group *g, size_t i,
			   struct mm_err *err)
{
	if (g->item[i].rc && err)
		*err = g->item[i].err;
	return g->item[i].rc;
}
