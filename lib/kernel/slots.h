/*
 * slots.h - tasks that need scratch each, on however many threads.
 *
 * A slot is the scratch of one running task.  Their number depends on the
 * number of tasks alone, so a plan made for some threads holds for any other;
 * slots that no thread uses are never touched.
 */
#ifndef MM_KERNEL_SLOTS_H
#define MM_KERNEL_SLOTS_H

#include <stddef.h>

#include "kernel/real.h"

/* How many slots `tasks` tasks may use at a time. */
size_t mm_slots(size_t tasks);

typedef void mm_slot_fn(const void *ctx, size_t task, mm_real *slot);

/* fn for each task; `work` holds mm_slots(tasks) slots of `size` each. */
void mm_slots_run(size_t tasks, mm_slot_fn *fn, const void *ctx, mm_real *work,
		  size_t size);

/* The same; `clear` prepares a slot before its first task. */
typedef void mm_slot_clear_fn(const void *ctx, mm_real *slot);
void mm_slots_start(size_t tasks, mm_slot_clear_fn *clear, mm_slot_fn *fn,
		    const void *ctx, mm_real *work, size_t size);

#endif
