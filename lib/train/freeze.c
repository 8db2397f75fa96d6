/* freeze.c - which parameters a stage teaches; the others stay as they are. */
#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "train/internal.h"

/* A name of a group, or a glob over names of parameters. */
static bool fits(const char *what, const struct mm_param *p)
{
	for (int g = 0; g < MM_N_GROUPS; g++)
		if (!strcmp(what, mm_group_names[g]))
			return (int)p->group == g && !p->extra;
	return !fnmatch(what, p->name, 0);
}

static int freeze_named(struct mm_run *r, struct mm_err *err)
{
	struct mm_store *s = &r->m->store;

	for (size_t k = 0; k < r->o->n_no_decay; k++) {
		size_t i = 0;

		while (i < s->n &&
		       fnmatch(r->o->no_decay[k], s->param[i]->name, 0))
			i++;
		if (i == s->n)
			return mm_fail(err, MM_ERR_USAGE,
				       "--no-decay '%s' fits no parameter",
				       r->o->no_decay[k]);
	}
	for (size_t k = 0; k < r->o->n_freeze; k++) {
		size_t hits = 0;

		for (size_t i = 0; i < s->n; i++)
			if (fits(r->o->freeze[k], s->param[i])) {
				s->param[i]->frozen = true;
				hits++;
			}
		if (!hits)
			return mm_fail(err, MM_ERR_USAGE,
				       "--freeze '%s' fits no parameter",
				       r->o->freeze[k]);
	}
	return MM_OK;
}

/* Mark the parameters that node `from` of g depends on. */
static int mark(const struct mm_graph *g, const struct mm_node *from,
		uint8_t *live, struct mm_err *err)
{
	uint8_t *reached = mm_calloc(g->n_nodes, 1);

	if (!reached)
		return mm_fail_nomem(err, "a training run");
	reached[from->index] = 1;
	for (size_t i = from->index + 1; i-- > 0;) {
		const struct mm_node *n = g->node[i];

		if (!reached[i])
			continue;
		for (int k = 0; k < n->n_in; k++)
			if (n->in[k])
				reached[n->in[k]->index] = 1;
		for (size_t k = 0; n->param && k < g->store->n; k++)
			live[k] |= g->store->param[k] == n->param;
	}
	mm_free(reached);
	return MM_OK;
}

/* What a picture's embedding depends on, whatever the stage learns. */
static int mark_image(struct mm_run *r, uint8_t *image, struct mm_err *err)
{
	const struct mm_model *m = r->m;
	struct mm_graph g;
	struct mm_node *x;
	int rc;

	mm_graph_init(&g, &r->m->store, MM_INFER);
	x = mm_image_input(&g, m, MM_ELEM_REAL, 1, m->image_size,
			   m->image_size);
	x = m->arch->image(&g, m, x);
	rc = g.failed ? mm_fail(err, g.err.code, "%s", g.err.msg)
		      : mark(&g, x, image, err);
	mm_graph_release(&g);
	return rc;
}

static int mark_all(struct mm_run *r, uint8_t *live, uint8_t *image,
		    struct mm_err *err)
{
	int rc = r->o->lock_image ? mark_image(r, image, err) : MM_OK;

	if (!rc && r->pairs &&
	    !(rc = mark(&r->image.g, r->image.out, live, err)))
		rc = mark(&r->text.g, r->text.out, live, err);
	for (size_t i = 0; i < r->n_terms && !rc; i++) {
		const struct mm_task *t = &r->task[i];

		rc = r->term_out[i] ? mark(&r->loss, r->term_out[i], live, err)
				    : mark(&t->g, t->loss, live, err);
	}
	return rc;
}

int mm_run_freeze(struct mm_run *r, struct mm_err *err)
{
	struct mm_store *s = &r->m->store;
	uint8_t *live = mm_calloc(s->n, 1), *image = mm_calloc(s->n, 1);
	size_t left = 0;
	int rc = live && image ? freeze_named(r, err)
			       : mm_fail_nomem(err, "a training run");

	if (!rc)
		rc = mark_all(r, live, image, err);
	for (size_t i = 0; i < s->n && !rc; i++) {
		struct mm_param *p = s->param[i];
		const bool tower =
			p->group == MM_GROUP_IMAGE || p->group == MM_GROUP_TEXT;

		p->frozen |=
			!live[i] || image[i] || (s->lora && tower && !p->aux);
		/* Heads that are thrown away are no use; adapters are kept. */
		left += !p->frozen && !p->buffer &&
			(!p->aux || (s->lora && tower));
	}
	if (!rc && !left)
		rc = mm_fail(err, MM_ERR_USAGE,
			     "everything is frozen: nothing to train");
	mm_free(live);
	mm_free(image);
	return rc;
}

bool mm_side_learns(const struct mm_side *s)
{
	for (size_t i = 0; i < s->g.n_nodes; i++) {
		const struct mm_param *p = s->g.node[i]->param;

		if (p && !p->frozen && !p->buffer)
			return true;
	}
	return false;
}
