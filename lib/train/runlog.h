/*
 * runlog.h - log.jsonl of a run as series of numbers, and drawn.
 *
 * Every number of every line becomes a point of a series named by its path:
 * "loss", "lr.image", "val.image_to_text.recall@1"; x is the line's step.
 */
#ifndef MM_TRAIN_RUNLOG_H
#define MM_TRAIN_RUNLOG_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct mm_series {
	char name[64];
	size_t n, cap;
	double *x, *y;
};

struct mm_runlog {
	const char *name; /* borrowed: what the legend says */
	struct mm_series *series;
	size_t n;
};

/*
 * Lines that are no objects with a step are MM_ERR_FORMAT with their number,
 * but for an unfinished last one.  Zeros and NULLs to start; release in any
 * case.
 */
int mm_runlog_read(struct mm_runlog *l, const char *path,
		   struct mm_err *err) MM_MUST_CHECK;
void mm_runlog_release(struct mm_runlog *l);

/* The series of that name, or NULL. */
const struct mm_series *mm_runlog_find(const struct mm_runlog *l,
				       const char *name);

/*
 * Panels of losses, rates, held-out figures and gradient norms, one colour a
 * series, as an SVG; html: inside a page that needs nothing else.
 */
void mm_runlog_draw(struct mm_buf *out, const struct mm_runlog *logs, size_t n,
		    int html);

#endif
