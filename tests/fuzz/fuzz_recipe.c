/* Recipes: stages, keys, what begins where; and sets of objectives. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "train/objective.h"
#include "train/recipe.h"

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
				if (r->stage[r->order[k]].init == r->order[i])
					abort();
		mm_recipe_release(r);
	}
	if (!mm_terms_parse(term, &n, text, &err) && (!n || n > MM_MAX_TERMS))
		abort();
	free(text);
	free(r);
	return 0;
}
