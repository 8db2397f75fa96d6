/* slots.c - see slots.h. */
#include "kernel/slots.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/parallel.h"

enum { MOST = 32 };

size_t mm_slots(size_t tasks)
{
	return tasks < MOST ? tasks : MOST;
}

struct queue {
	const void *ctx;
	mm_slot_fn *fn;
	mm_slot_clear_fn *clear;
	mm_real *work;
	size_t tasks, size;
	atomic_size_t next;
};

/* Whoever is free takes the next task: scratch goes with the slot. */
static void serve(void *ctx, size_t begin, size_t end)
{
	struct queue *q = ctx;
	size_t t;

	for (size_t i = begin; i < end; i++) {
		mm_real *slot = q->work + i * q->size;
		bool used = false;

		while ((t = atomic_fetch_add(&q->next, 1)) < q->tasks) {
			if (!used && q->clear)
				q->clear(q->ctx, slot);
			used = true;
			q->fn(q->ctx, t, slot);
		}
	}
}

void mm_slots_run(size_t tasks, mm_slot_fn *fn, const void *ctx, mm_real *work,
		  size_t size)
{
	mm_slots_start(tasks, NULL, fn, ctx, work, size);
}

void mm_slots_start(size_t tasks, mm_slot_clear_fn *clear, mm_slot_fn *fn,
		    const void *ctx, mm_real *work, size_t size)
{
	struct queue q = { .ctx = ctx,
			   .fn = fn,
			   .clear = clear,
			   .work = work,
			   .tasks = tasks,
			   .size = size };

	atomic_init(&q.next, 0);
	mm_parallel_for(mm_slots(tasks), 1, serve, &q);
}
