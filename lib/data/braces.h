/*
 * braces.h - paths with braces, as WebDataset writes them.
 *
 *	data-{000..031}.tar	numbers, as wide as the wider end's zeros
 *	{train,val}.tsv		alternatives
 *
 * A path that exists as it stands, and "-", is left alone; so is a brace that
 * is neither.
 */
#ifndef MM_DATA_BRACES_H
#define MM_DATA_BRACES_H

#include <stddef.h>

#include "base/err.h"

/* *out: n_out new strings, to be freed with mm_braces_free.  More than a
 * million paths are refused. */
int mm_braces_expand(char ***out, size_t *n_out, char *const *paths, size_t n,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_braces_free(char **paths, size_t n);

#endif
