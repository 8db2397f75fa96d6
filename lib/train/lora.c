/* lora.c - adapters become part of the weights that they stand beside. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "train/internal.h"

/* The weight of adapter A, or NULL. */
static struct mm_param *adapted(const struct mm_store *s,
				const struct mm_param *a, struct mm_param **b)
{
	static const char tail[] = ".lora_A.weight";
	const size_t n = strlen(a->name), k = strlen(tail);
	char name[512];

	if (!a->aux || n < k || strcmp(a->name + n - k, tail))
		return NULL;
	snprintf(name, sizeof(name), "%.*s.lora_B.weight", (int)(n - k),
		 a->name);
	*b = mm_store_find(s, name);
	snprintf(name, sizeof(name), "%.*s.weight", (int)(n - k), a->name);
	return mm_store_find(s, name);
}

bool mm_lora_adapter(const struct mm_store *s, const struct mm_param *p)
{
	return s->lora && p->aux && p->group != MM_GROUP_HEAD;
}

/* w += b a, as the graph computes it: the product first, then the sum. */
static void merge(struct mm_param *w, const struct mm_param *a,
		  const struct mm_param *b)
{
	const size_t r = a->shape.dim[0], in = a->shape.dim[1];

	for (size_t i = 0; i < w->n; i++) {
		double sum = 0;

		for (size_t k = 0; k < r; k++)
			sum += (double)b->val[i / in * r + k] *
			       (double)a->val[k * in + i % in];
		w->val[i] += (mm_real)sum;
	}
}

int mm_lora_merge(struct mm_store *s, mm_real **undo, struct mm_err *err)
{
	size_t n = 0;

	*undo = NULL;
	if (!s->lora)
		return MM_OK;
	for (size_t i = 0; i < s->n; i++)
		n += s->param[i]->n;
	if (!(*undo = mm_malloc(n, sizeof(**undo))))
		return mm_fail_nomem(err, "the merged weights");
	n = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct mm_param *a = s->param[i], *b, *w = adapted(s, a, &b);

		if (!w || !b)
			continue;
		memcpy(*undo + n, w->val, w->n * sizeof(*w->val));
		n += w->n;
		merge(w, a, b);
	}
	return MM_OK;
}

void mm_lora_undo(struct mm_store *s, mm_real *undo)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n && undo; i++) {
		struct mm_param *b, *w = adapted(s, s->param[i], &b);

		if (!w || !b)
			continue;
		memcpy(w->val, undo + n, w->n * sizeof(*w->val));
		n += w->n;
	}
	mm_free(undo);
}
