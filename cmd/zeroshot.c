/* zeroshot.c - see zeroshot.h. */
#include "zeroshot.h"

#include <string.h>

#include "base/mem.h"
#include "kernel/gemm.h"
#include "metric/scores.h"

const char *const zeroshot_by_words[] = { "auto", "name", "number", NULL };

static const char usual[] = "a photo of a {c}.";

void zeroshot_release(struct zeroshot *z)
{
	mm_class_names_release(&z->names);
	mm_lines_release(&z->templates);
	mm_labels_release(&z->truth);
	mm_labels_release(&z->guess);
	mm_free(z->classes);
}

/* ---- classes and templates ---- */

static int names_of_samples(struct zeroshot *z, const struct mm_vectors *v,
			    struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < v->n_images && !rc; i++) {
		const struct mm_line s = mm_lines_at(&v->label_name, i);
		size_t number;

		if (s.len)
			rc = mm_class_names_add(&z->names, s.s, s.len, &number,
						err);
	}
	return rc;
}

/* Where the name goes: "{c}" or "{}"; *len of that, 0 where there is none. */
static size_t place(struct mm_line t, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i + 1 < t.len; i++) {
		if (t.s[i] != '{')
			continue;
		if (t.s[i + 1] == '}')
			*len = 2;
		else if (i + 2 < t.len && !memcmp(t.s + i, "{c}", 3))
			*len = 3;
		if (*len)
			return i;
	}
	return 0;
}

static int load_templates(struct zeroshot *z, const char *path,
			  struct mm_err *err)
{
	int rc = path ? mm_lines_load(&z->templates, path, err)
		      : mm_lines_add(&z->templates, usual, strlen(usual), err);

	if (!rc && !z->templates.n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' has no template", path);
	for (size_t i = 0; i < z->templates.n && !rc; i++) {
		const struct mm_line t = mm_lines_at(&z->templates, i);
		size_t len;

		place(t, &len);
		if (!len)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'%s', line %zu: '%.*s' has no {c} where "
				     "the name of the class goes",
				     path, i + 1, (int)t.len, t.s);
	}
	return rc;
}

int zeroshot_load(struct zeroshot *z, const char *classes,
		  const char *templates, const struct mm_vectors *v,
		  struct mm_err *err)
{
	int rc = classes ? mm_class_names_load(&z->names, classes, err)
			 : names_of_samples(z, v, err);

	return rc ? rc : load_templates(z, templates, err);
}

void zeroshot_prompt(const struct zeroshot *z, size_t i, struct mm_buf *out)
{
	const size_t n = z->templates.n;
	const struct mm_line t = mm_lines_at(&z->templates, i % n);
	const struct mm_line c = mm_lines_at(&z->names.name, i / n);
	size_t len;
	const size_t at = place(t, &len);

	mm_buf_clear(out);
	mm_buf_add(out, t.s, at);
	mm_buf_add(out, c.s, c.len);
	mm_buf_add(out, t.s + at + len, t.len - at - len);
}

/* Prompts [at, at + n) of class after class: unit vectors into out (n, D). */
static int encode_prompts(const struct zeroshot *z, struct mm_vectors *v,
			  struct mm_encode_item *item, struct mm_buf *prompt,
			  size_t at, size_t n, float *out, struct mm_err *err)
{
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct mm_buf *p = &prompt[i];

		zeroshot_prompt(z, at + i, p);
		if ((rc = mm_buf_check(p, "a prompt", err)))
			return rc;
		memset(&item[i], 0, sizeof(item[i]));
		item[i].has_text = true;
		item[i].text = mm_buf_str(p);
		item[i].text_len = p->len;
	}
	if ((rc = mm_encode_items_run(&v->items, item, n, NULL, out, err)))
		return rc;
	for (size_t i = 0; i < n; i++)
		if (item[i].rc) {
			*err = item[i].err;
			return mm_fail_ctx(err, "'%s'", item[i].text);
		}
	mm_embed_normalise(out, n, v->D);
	return MM_OK;
}

static int encode_classes(struct zeroshot *z, struct mm_vectors *v,
			  struct mm_err *err)
{
	const size_t B = v->items.most, D = v->D, K = z->names.name.n;
	const size_t n = K * z->templates.n;
	struct mm_encode_item *item = mm_calloc(B, sizeof(*item));
	struct mm_buf *prompt = mm_calloc(B, sizeof(*prompt));
	float *out = mm_malloc(B, D * sizeof(*out));
	int rc = MM_OK;

	z->classes = mm_calloc(K, D * sizeof(*z->classes));
	if (!item || !prompt || !out || !z->classes)
		rc = mm_fail_nomem(err, "the classes");
	for (size_t at = 0; at < n && !rc; at += B) {
		const size_t some = n - at < B ? n - at : B;

		rc = encode_prompts(z, v, item, prompt, at, some, out, err);
		for (size_t i = 0; i < some && !rc; i++) {
			float *c = z->classes + (at + i) / z->templates.n * D;

			for (size_t d = 0; d < D; d++)
				c[d] += out[i * D + d];
		}
	}
	if (!rc)
		mm_embed_normalise(z->classes, K, D);
	for (size_t i = 0; prompt && i < B; i++)
		mm_buf_release(&prompt[i]);
	mm_free(item);
	mm_free(prompt);
	mm_free(out);
	return rc;
}

/* ---- labels ---- */

static int64_t label_of(const struct mm_vectors *v, size_t i)
{
	return ((const int64_t *)(const void *)mm_buf_str(&v->label))[i];
}

/* By name where the first name that there is names a class. */
static bool by_name(const struct zeroshot *z, const struct mm_vectors *v,
		    int by)
{
	if (by != ZEROSHOT_AUTO)
		return by == ZEROSHOT_NAME;
	for (size_t i = 0; i < v->n_images; i++) {
		const struct mm_line s = mm_lines_at(&v->label_name, i);

		if (s.len)
			return mm_class_names_find(&z->names, s.s, s.len) !=
			       SIZE_MAX;
	}
	return false;
}

static int take_truth(struct zeroshot *z, const struct mm_vectors *v, int by,
		      struct mm_err *err)
{
	const bool named = by_name(z, v, by);
	struct mm_labels *t = &z->truth;

	t->label = mm_malloc(v->n_images, sizeof(*t->label));
	t->end = mm_malloc(v->n_images, sizeof(*t->end));
	if (!t->label || !t->end)
		return mm_fail_nomem(err, "labels");
	for (size_t i = 0; i < v->n_images; i++) {
		const struct mm_line id = mm_lines_at(&v->image_id, i);
		const struct mm_line s = mm_lines_at(&v->label_name, i);
		const int64_t number = label_of(v, i);

		if (named ? !s.len : number < 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "sample '%.*s' has no %s", (int)id.len,
				       id.s, named ? "label.name" : "label");
		t->label[i] = named ? mm_class_names_find(&z->names, s.s, s.len)
				    : (size_t)number;
		if (named && t->label[i] == SIZE_MAX)
			return mm_fail(err, MM_ERR_FORMAT,
				       "sample '%.*s': its label '%.*s' is "
				       "not one of the classes",
				       (int)id.len, id.s, (int)s.len, s.s);
		if (t->label[i] >= z->names.name.n)
			return mm_fail(err, MM_ERR_FORMAT,
				       "sample '%.*s': label %zu (from 0) of "
				       "%zu classes",
				       (int)id.len, id.s, t->label[i],
				       z->names.name.n);
		t->end[i] = i + 1;
	}
	t->n = t->n_labels = v->n_images;
	return MM_OK;
}

/* ---- scores ---- */

/* Append the ranks of pictures [i, i + s->n). */
static int rank_block(struct zeroshot *z, const struct mm_scores *s, size_t i,
		      struct mm_err *err)
{
	struct mm_labels *g = &z->guess, some;
	struct mm_labels truth = {
		z->truth.label + i, z->truth.end, s->n, s->n, 0, 0, NULL, 0
	};
	int rc = mm_scores_rank(&some, s, &truth, err);
	const size_t each = rc ? 0 : some.n_labels / s->n;

	for (size_t k = 0; k < s->n && !rc; k++) {
		memcpy(g->label + (i + k) * each, some.label + k * each,
		       each * sizeof(*g->label));
		g->end[i + k] = (i + k + 1) * each;
	}
	mm_labels_release(&some);
	return rc;
}

static int rank(struct zeroshot *z, const struct mm_vectors *v,
		struct mm_err *err)
{
	enum { BLOCK = 256, GUESSES = 5 };
	const struct mm_retrieval_set set = mm_vectors_set(v);
	const size_t K = z->names.name.n, D = v->D;
	struct mm_scores s = { mm_malloc(BLOCK, K * sizeof(float)), 0, K };
	struct mm_labels *g = &z->guess;
	int rc = MM_OK;

	g->label = mm_malloc(set.n_images, GUESSES * sizeof(*g->label));
	g->end = mm_malloc(set.n_images, sizeof(*g->end));
	if (!s.score || !g->label || !g->end)
		rc = mm_fail_nomem(err, "scores");
	for (size_t i = 0; i < set.n_images && !rc; i += BLOCK) {
		s.n = set.n_images - i < BLOCK ? set.n_images - i : BLOCK;
		mm_gemm(false, true, s.n, K, D, 1, set.image + i * D, D,
			z->classes, D, 0, s.score, K);
		rc = rank_block(z, &s, i, err);
	}
	g->n = set.n_images;
	g->n_labels = g->n * (K < GUESSES ? K : GUESSES);
	mm_scores_release(&s);
	return rc;
}

int zeroshot_run(struct zeroshot *z, struct class_report *r,
		 struct mm_vectors *v, int by, bool confusion,
		 struct mm_err *err)
{
	int rc = take_truth(z, v, by, err);

	if (!rc)
		rc = encode_classes(z, v, err);
	if (!rc)
		rc = rank(z, v, err);
	return rc ? rc
		  : class_report_single(r, &z->names, &z->truth, &z->guess,
					confusion, err);
}
