/*
 * result_file.h - results of eval, read back to be compared.
 *
 *	JSON	every number of the object is a figure, named by its path
 *		("image_to_text.recall@1"); a member "samples" of an object,
 *		{"id": [...], "recall@1": [...], ...}, has those of each sample
 *	TSV	--per-sample: a line of names, "id" first, then a line a sample
 *
 * Lists, counts ("n", "n_images") and the members "interval", "classes" and
 * "confusion" are no figures.
 */
#ifndef MM_METRIC_RESULT_FILE_H
#define MM_METRIC_RESULT_FILE_H

#include "base/map.h"
#include "metric/text.h"

/* The samples of one object; several figures share them. */
struct mm_result_group {
	struct mm_lines id;
	struct mm_map index; /* id -> row */
};

struct mm_result_figure {
	double value; /* NaN where only samples are there */
	double *each; /* by sample, or NULL */
	size_t group; /* whose samples; of no use where each is NULL */
};

struct mm_results {
	struct mm_lines name;
	struct mm_map index; /* name -> figure */
	struct mm_result_figure *figure;
	size_t cap;
	struct mm_result_group *group;
	size_t n_groups, cap_groups;
};

/*
 * MM_ERR_FORMAT naming file and key or line: a list of samples that is not as
 * long as the ids, an id twice, what is no number.  JSON where the first sign
 * is '{'.  Release with mm_results_release, after a failure too.
 */
int mm_results_load(struct mm_results *r, const char *path,
		    struct mm_err *err) MM_MUST_CHECK;
int mm_results_parse(struct mm_results *r, const char *text, size_t len,
		     const char *name, struct mm_err *err) MM_MUST_CHECK;
void mm_results_release(struct mm_results *r);

/*
 * Figures x of a and y of b sample by sample, in a's order, into out[0] and
 * out[1], which the caller frees with mm_free; *n 0 where one has no samples.
 * MM_ERR_REFUSED: an id that only one of them has.
 */
int mm_results_pair(double *out[2], size_t *n, const struct mm_results *a,
		    size_t x, const struct mm_results *b, size_t y,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
