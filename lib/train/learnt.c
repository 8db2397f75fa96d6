/* learnt.c - see learnt.h. */
#include "train/learnt.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { PATH = 4096 };

/* The line that stands for p. */
static const char *key(const struct mm_param *p)
{
	return p->group == MM_GROUP_HEAD ? p->name : mm_group_names[p->group];
}

int mm_learnt_parse(struct mm_map *learnt, const char *text, int64_t run,
		    struct mm_err *err)
{
	while (*text) {
		const size_t n = strcspn(text, "\n");
		bool added;
		int64_t *at = mm_map_put(learnt, text, n, &added);

		if (!at)
			return mm_fail_nomem(err, "what a run has learnt");
		if (added)
			*at = run;
		text += n + (text[n] == '\n');
	}
	return MM_OK;
}

int mm_learnt_format(struct mm_run *r, struct mm_buf *out, struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	struct mm_map *all = &r->learnt;

	for (size_t i = 0; i < s->n; i++) {
		const struct mm_param *p = s->param[i];

		/* Adapters become part of the tower; other helpers go. */
		if (!p->grad || (p->aux && !mm_lora_adapter(s, p)))
			continue;
		if (!mm_map_put(all, key(p), strlen(key(p)), NULL))
			return mm_fail_nomem(err, "what a run has learnt");
	}
	for (int g = 0; g < MM_N_GROUPS; g++)
		if (mm_map_find_str(all, mm_group_names[g]))
			mm_buf_printf(out, "%s\n", mm_group_names[g]);
	for (size_t i = 0; i < s->n; i++) {
		const struct mm_param *p = s->param[i];

		if (p->group == MM_GROUP_HEAD && !p->aux &&
		    mm_map_find_str(all, p->name))
			mm_buf_printf(out, "%s\n", p->name);
	}
	return mm_buf_check(out, "a checkpoint", err);
}

/* What the run in `dir` has learnt; several: it must say so. */
static int read_learnt(struct mm_map *learnt, const char *dir, bool several,
		       struct mm_err *err)
{
	struct mm_safetensors f;
	char path[PATH];
	const char *text;
	int rc;

	snprintf(path, sizeof(path), "%s/train.safetensors", dir);
	if ((rc = mm_safetensors_open(&f, path, err)))
		return rc;
	text = mm_safetensors_meta(&f, "mmtool.learnt");
	if (text)
		rc = mm_learnt_parse(learnt, text, 0, err);
	else if (several)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'%s' does not say what the run has learnt: it "
			     "was made by an earlier version",
			     path);
	mm_safetensors_release(&f);
	return rc;
}

/* Does r take p from a run that gives these? */
static bool wanted(const struct mm_run *r, const struct mm_param *p,
		   const struct mm_map *gives)
{
	return !p->aux && !(p->extra && r->o->new_head) &&
	       mm_map_find_str(gives, key(p));
}

/* The model of a run, with the heads of ours that it gives. */
static int open_giver(struct mm_model *m, const struct mm_run *r,
		      const char *dir, const struct mm_map *gives,
		      struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	struct mm_param *p;
	int rc = mm_model_open(m, dir, err);

	if (rc)
		return rc;
	if (m->arch != r->m->arch)
		return mm_fail(err, MM_ERR_SHAPE,
			       "'%s' is a model '%s', '%s' one '%s': a run "
			       "begins with runs of one architecture",
			       r->o->init[0], r->m->arch->model_type, dir,
			       m->arch->model_type);
	if ((rc = mm_model_resize(m, r->m->image_size, err)) ||
	    (rc = mm_model_declare(m, err)))
		return rc;
	m->store.extra = true;
	for (size_t i = 0; i < s->n && !rc; i++)
		if (s->param[i]->extra && wanted(r, s->param[i], gives))
			rc = mm_store_declare(&m->store, s->param[i]->name,
					      &s->param[i]->shape,
					      s->param[i]->init, &p, err);
	return rc ? rc : mm_model_bind(m, false, err);
}

/* p, which the run in folder k learnt, into the place of ours. */
static int take(const struct mm_run *r, size_t k, struct mm_param *p,
		const struct mm_param *given, struct mm_err *err)
{
	const int64_t *first = mm_map_find_str(&r->learnt, key(p));
	char a[128], b[128];

	if (!given || !mm_shape_equal(&given->shape, &p->shape))
		return mm_fail(
			err, MM_ERR_SHAPE,
			"'%s' is %s in '%s' and %s in '%s': runs that "
			"are put together have one preset, vocabulary "
			"and size of pictures",
			p->name, mm_shape_str(a, &p->shape), r->o->init[0],
			given ? mm_shape_str(b, &given->shape) : "missing",
			r->o->init[k]);
	if (!given->val)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' in '%s' is not of floats", p->name,
			       r->o->init[k]);
	if (first && memcmp(p->val, given->val, p->n * sizeof(*p->val)))
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' and '%s' both learnt '%s': 'init' takes a "
			       "tower, or a parameter, from one stage",
			       r->o->init[*first], r->o->init[k], p->name);
	memcpy(p->val, given->val, p->n * sizeof(*p->val));
	return MM_OK;
}

static int take_all(struct mm_run *r, size_t k, const struct mm_map *gives,
		    struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	struct mm_model m = { 0 };
	int rc = open_giver(&m, r, r->o->init[k], gives, err);

	for (size_t i = 0; i < s->n && !rc; i++) {
		struct mm_param *p = s->param[i];

		if (wanted(r, p, gives))
			rc = take(r, k, p, mm_store_find(&m.store, p->name),
				  err);
	}
	mm_model_release(&m);
	return rc;
}

/* What r has by now counts as the first's that gave it. */
static int add(struct mm_run *r, size_t k, const struct mm_map *gives,
	       struct mm_err *err)
{
	for (size_t i = 0; i < gives->n_slots; i++) {
		const struct mm_map_slot *slot = &gives->slot[i];
		bool added;
		int64_t *at;

		if (!slot->key)
			continue;
		at = mm_map_put(&r->learnt, slot->key, slot->len, &added);
		if (!at)
			return mm_fail_nomem(err, "what a run has learnt");
		if (added)
			*at = (int64_t)k;
	}
	return MM_OK;
}

int mm_learnt_begin(struct mm_run *r, struct mm_err *err)
{
	const struct mm_train_options *o = r->o;
	int rc = MM_OK;

	for (size_t k = 0; k < o->n_init && !rc; k++) {
		struct mm_map gives;

		mm_map_init(&gives);
		rc = read_learnt(&gives, o->init[k], o->n_init > 1, err);
		if (!rc && k)
			rc = take_all(r, k, &gives, err);
		if (!rc)
			rc = add(r, k, &gives, err);
		mm_map_release(&gives);
	}
	return rc;
}
