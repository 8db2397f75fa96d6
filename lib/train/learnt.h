/*
 * learnt.h - what a run has taught, so that one may begin with several.
 *
 * train.safetensors says it in mmtool.learnt, a line each: "image", "text" or
 * "fusion" where anything of that group learnt, and the name of every other
 * parameter that did; with what the runs that it began with had learnt before.
 *
 * A run that begins with the runs A, B, C has the model of A, and from B and C
 * what they learnt: all of a group, running statistics too, or a parameter.
 * Where two of them learnt the same it must have the same bits (both began with
 * it), or the run is refused.
 */
#ifndef MM_TRAIN_LEARNT_H
#define MM_TRAIN_LEARNT_H

#include "base/buf.h"
#include "train/internal.h"

/*
 * Weights are in place, the first run's: bring in those of the others.  Errors
 * name folders and parameter.
 */
int mm_learnt_begin(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;

/* The lines as a checkpoint has them, and back. */
int mm_learnt_format(struct mm_run *r, struct mm_buf *out,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_learnt_parse(struct mm_map *learnt, const char *text, int64_t run,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
