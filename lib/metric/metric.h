/*
 * metric.h - the metrics table: what every figure of `mmtool eval` has in
 * common.
 *
 * A metric looks at samples one after another and gives one or more named
 * figures at the end.  What a sample is depends on the task alone ("caption":
 * struct mm_caption_sample, and so on; the task's header says it), so that all
 * metrics of a task can be fed in one pass:
 *
 *	void *state;
 *	m->open(&state, options, err);
 *	for each sample: m->add(state, &sample, err);
 *	m->result(state, figures, each, err);
 *	m->close(state);
 *
 * Adding a metric: one file lib/metric/<task>.c (or a function in it), one row
 * in metrics.def.
 */
#ifndef MM_METRIC_METRIC_H
#define MM_METRIC_METRIC_H

#include <stddef.h>

#include "base/err.h"

struct mm_metric {
	const char *task;	   /* what kind of sample: "caption", ...   */
	const char *name;	   /* of the row, unique within the task    */
	const char *const *figure; /* names of its figures, NULL at the end */
	const char *equals;	   /* the program whose numbers these are   */

	/*
	 * Begin.  `options` is the task's option struct, or NULL for its
	 * defaults; it is copied.  *state is NULL on failure.
	 */
	int (*open)(void **state, const void *options, struct mm_err *err);

	/* One more sample; what it points to is not kept. */
	int (*add)(void *state, const void *sample, struct mm_err *err);

	/*
	 * The figures: value[i] is figure[i] over all samples.  `each`, where
	 * it is not NULL, gets the same per sample, [samples][figures]; a
	 * metric without per-sample figures fills it with NaN.
	 */
	int (*result)(void *state, double *value, double *each,
		      struct mm_err *err);

	void (*close)(void *state); /* NULL is fine */
};

#define MM_METRIC(name) extern const struct mm_metric mm_metric_##name;
#include "metric/metrics.def"
#undef MM_METRIC

/* All rows, NULL at the end. */
extern const struct mm_metric *const mm_metrics[];

/* The row of a task, or NULL. */
const struct mm_metric *mm_metric_find(const char *task, const char *name);

/* How many figures it has. */
size_t mm_metric_n_figures(const struct mm_metric *m);

#endif
