/*
 * class_names.h - the names of classes, and labels by line.
 *
 *	classes	one name a line; its number is the line's, from 0
 *	labels	one sample a line: its label, or several with tabs between
 */
#ifndef MM_METRIC_CLASS_NAMES_H
#define MM_METRIC_CLASS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "metric/text.h"

/* All zeros: no class yet. */
struct mm_class_names {
	struct mm_lines name;
	struct mm_map index; /* name -> number */
};

/*
 * The classes of a file ("-": standard input).  MM_ERR_FORMAT, naming file and
 * line: an empty name, a name twice, what is not UTF-8.  Release with
 * mm_class_names_release, after a failure too.
 */
int mm_class_names_load(struct mm_class_names *c, const char *path,
			struct mm_err *err) MM_MUST_CHECK;
int mm_class_names_parse(struct mm_class_names *c, const char *text, size_t len,
			 const char *name, struct mm_err *err) MM_MUST_CHECK;
void mm_class_names_release(struct mm_class_names *c);

/* Number of a name, SIZE_MAX where there is none. */
size_t mm_class_names_find(const struct mm_class_names *c, const char *s,
			   size_t len);

/* The same; a new name gets the next number. */
int mm_class_names_add(struct mm_class_names *c, const char *s, size_t len,
		       size_t *number, struct mm_err *err) MM_MUST_CHECK;

/*
 * order[0..n): the classes as scikit-learn lists them: by value where all
 * names are whole numbers, else by bytes.
 */
int mm_class_names_order(const struct mm_class_names *c, size_t *order,
			 struct mm_err *err) MM_MUST_CHECK;

/*
 * Labels of one sample a line.  Sample i has label[end[i - 1]..end[i]); an
 * empty line none.
 */
struct mm_labels {
	size_t *label, *end;
	size_t n, n_labels, cap, cap_labels;
	size_t *seen; /* by class: the last line with it, from 1 */
	size_t cap_seen;
};

/*
 * The samples of lines.  `grow`: names that are not there yet become classes;
 * else they are MM_ERR_FORMAT naming `name` and the line, as is a name twice
 * in a line.  Release with mm_labels_release, after a failure too.
 */
int mm_labels_parse(struct mm_labels *out, struct mm_class_names *c,
		    const struct mm_lines *lines, const char *name, bool grow,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_labels_release(struct mm_labels *l);

/* Labels of sample i. */
static inline const size_t *mm_labels_at(const struct mm_labels *l, size_t i,
					 size_t *n)
{
	const size_t from = i ? l->end[i - 1] : 0;

	*n = l->end[i] - from;
	return l->n_labels ? l->label + from : NULL;
}

#endif
