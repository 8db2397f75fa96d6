/* head_labels.h - what a model's classifier says of streams, as labels. */
#ifndef MM_HEAD_LABELS_H
#define MM_HEAD_LABELS_H

#include "metric/class_names.h"

/*
 * A line a sample: its label, and the model's guesses, best first, tabs
 * between.  Classes by the names, where there are any, else by their numbers.
 */
int head_labels(struct mm_lines *truth, struct mm_lines *guess,
		const struct mm_class_names *names, const char *model,
		const char *const *streams, size_t n,
		struct mm_err *err) MM_MUST_CHECK;

#endif
