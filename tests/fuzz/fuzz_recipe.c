/* Recipes: stages, keys, what begins where; and sets of objectives. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "train/objective.h"
#include "train/recipe.h"

static bool begins_with(const struct mm_recipe_stage *s, int stage)
{
	for (size_t k = 0; k < s->n_init; k++)
		if (s->init[k] == stage)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_term term[MM_MAX_TERMS];
	struct mm_recipe *r = malloc(sizeof(*r));
	char *text = malloc(size + 1);
	struct mm_err err;
	size_t n;

	memcpy(text, data, size);
	text[size] = '\0';
	if (!mm_recipe_parse(r, (const char *)data, size, "fuzz", &err)) {
		/* Whatever begins with a stage runs behind it. */
		for (int i = 0; i < r->n; i++)
			for (int k = 0; k < i; k++)
				if (begins_with(&r->stage[r->order[k]],
						r->order[i]))
					abort();
		mm_recipe_release(r);
	}
	if (!mm_terms_parse(term, &n, text, &err) && (!n || n > MM_MAX_TERMS))
		abort();
	free(text);
	free(r);
	return 0;
}
