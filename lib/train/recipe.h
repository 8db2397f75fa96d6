/*
 * recipe.h - a file of stages: what is trained after what.
 *
 *	# comment
 *	batch-size = 64			for every stage
 *
 *	[words]				a stage and its name
 *	loss = lm
 *	epochs = 5
 *
 *	[pairs]
 *	init = words, pictures		begins with those stages' weights
 *	loss = infonce
 *
 * A key is the name of an option of `mmtool train`; here only its form is
 * looked at, but for `init`: the names of one or more stages (see learnt.h),
 * `none` (what the command line begins with), or a model folder, written with a
 * '/'.  Without it a stage begins where the one above it ended, the first with
 * `none`.  Stages run in the order of the file, one that another begins with
 * before it.
 */
#ifndef MM_TRAIN_RECIPE_H
#define MM_TRAIN_RECIPE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum { MM_RECIPE_MAX_STAGES = 64, MM_RECIPE_MAX_INIT = 8 };

struct mm_recipe_entry {
	const char *key, *value;
	size_t line;
};

struct mm_recipe_stage {
	const char *name; /* letters, digits, '-' and '_' */
	size_t line;
	struct mm_recipe_entry *entry;
	size_t n;
	int init[MM_RECIPE_MAX_INIT]; /* numbers of stages */
	size_t n_init;
	const char *folder; /* not NULL: it begins with that; n_init is 0 */
};

struct mm_recipe {
	struct mm_arena arena;
	struct mm_recipe_stage common; /* what stands above the first stage */
	struct mm_recipe_stage stage[MM_RECIPE_MAX_STAGES];
	int n;
	int order[MM_RECIPE_MAX_STAGES]; /* stages as they are to be run */
};

/*
 * Errors name `name` and the line.  Release after success only; the text need
 * not live on.
 */
int mm_recipe_parse(struct mm_recipe *r, const char *text, size_t len,
		    const char *name, struct mm_err *err) MM_MUST_CHECK;
int mm_recipe_load(struct mm_recipe *r, const char *path,
		   struct mm_err *err) MM_MUST_CHECK;
void mm_recipe_release(struct mm_recipe *r);

#endif
