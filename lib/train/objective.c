/* objective.c - see objective.h. */
#include "train/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MM_OBJECTIVE(name) &mm_objective_##name,
const struct mm_objective *const mm_objectives[] = {
#include "train/objectives.def"
	NULL,
};
#undef MM_OBJECTIVE

static const struct mm_objective *find(const char *name, size_t n)
{
	for (int i = 0; mm_objectives[i]; i++)
		if (!strncmp(mm_objectives[i]->name, name, n) &&
		    !mm_objectives[i]->name[n])
			return mm_objectives[i];
	return NULL;
}

static int unknown(const char *name, size_t n, struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	for (int i = 0; mm_objectives[i]; i++)
		mm_buf_printf(&b, "%s%s", i ? ", " : "",
			      mm_objectives[i]->name);
	rc = mm_fail(err, MM_ERR_USAGE,
		     "there is no objective '%.*s'; known are %s", (int)n, name,
		     mm_buf_str(&b));
	mm_buf_release(&b);
	return rc;
}

int mm_terms_parse(struct mm_term term[MM_MAX_TERMS], size_t *n,
		   const char *text, struct mm_err *err)
{
	*n = 0;
	do {
		const size_t len = strcspn(text, ",");
		const size_t name = strcspn(text, ":,");
		struct mm_term *t = &term[*n];
		char *end;

		if (*n == MM_MAX_TERMS)
			return mm_fail(err, MM_ERR_USAGE,
				       "more than %d objectives in one stage",
				       MM_MAX_TERMS);
		*t = (struct mm_term){ find(text, name), 1 };
		if (!t->objective)
			return unknown(text, name, err);
		for (size_t i = 0; i < *n; i++)
			if (term[i].objective == t->objective)
				return mm_fail(err, MM_ERR_USAGE,
					       "objective '%s' is named twice",
					       t->objective->name);
		if (name < len) {
			t->weight = strtod(text + name + 1, &end);
			if (end != text + len || end == text + name + 1 ||
			    !(t->weight > 0 && t->weight <= 1e6))
				return mm_fail(err, MM_ERR_USAGE,
					       "the weight of objective '%s' "
					       "is no number above 0",
					       t->objective->name);
		}
		++*n;
		text += len;
	} while (*text++ == ',');
	return MM_OK;
}

void mm_terms_format(struct mm_buf *out, const struct mm_term *term, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mm_buf_printf(out, "%s%s:%.17g", i ? "," : "",
			      term[i].objective->name, term[i].weight);
}

void mm_task_image_input(struct mm_task *t)
{
	t->pixels = mm_image_input(&t->g, t->m,
				   t->data->floats ? MM_ELEM_REAL : MM_ELEM_U8,
				   t->piece, t->data->H, t->data->W);
}

void mm_task_text_input(struct mm_task *t)
{
	t->text = mm_text_inputs(&t->g, t->piece, t->data->T,
				 t->data->has_mask && !t->m->unmasked_text,
				 false);
}
