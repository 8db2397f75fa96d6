/*
 * eaf.c - ELAN's annotation format, EAF 2.x and 3.0 (XML).
 *
 *	TIME_ORDER	slots; one without a value lies somewhere between its
 *			neighbours: ELAN draws such a chain of annotations with
 *			equal widths, and so is it read here
 *	TIER		ALIGNABLE_ANNOTATION from slot to slot, REF_ANNOTATION
 *			with the times of the one it refers to; several that
 *			refer to the same one, each naming its predecessor,
 *			divide it equally
 *
 * Annotations without text are no cues.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/xml.h"
#include "media/cues_impl.h"

enum { NONE = -1 };

struct slot {
	double time;
	bool known;
};

struct note {
	const struct mm_xml *xml;
	const char *text, *tier, *speaker;
	int64_t slot[2];      /* of an aligned one, or NONE */
	int64_t of, previous; /* of a reference: other notes, or NONE */
	int64_t group;	      /* of a reference: its siblings */
	size_t place;	      /* among them */
	double start, end;
	bool aligned, placed, known;
};

struct eaf {
	struct mm_cues *cues;
	const char *name;
	struct mm_arena tree;
	double unit; /* seconds of one */
	struct slot *slot;
	size_t n_slots;
	struct note *note;
	size_t n_notes;
	struct mm_map slots, notes, groups;
	size_t *members, *roots; /* of each group; without predecessor */
};

static size_t count(const struct mm_xml *x, const char *name)
{
	size_t n = 0;

	for (x = mm_xml_child(x, name); x; x = mm_xml_next(x, name))
		n++;
	return n;
}

/* ---- time slots ---- */

static int read_slots(struct eaf *p, const struct mm_xml *order,
		      struct mm_err *err)
{
	const struct mm_xml *x;
	size_t i = 0;

	p->n_slots = count(order, "TIME_SLOT");
	if (!(p->slot = mm_calloc(p->n_slots, sizeof(*p->slot))))
		return mm_fail_nomem(err, "time slots");
	for (x = mm_xml_child(order, "TIME_SLOT"); x;
	     x = mm_xml_next(x, "TIME_SLOT"), i++) {
		const char *id = mm_xml_attr(x, "TIME_SLOT_ID");
		const char *value = mm_xml_attr(x, "TIME_VALUE");
		char *end = NULL;
		int64_t *at;

		if (!id)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' line %zu: a time slot without "
				       "TIME_SLOT_ID",
				       p->name, x->line);
		if (!(at = mm_map_put(&p->slots, id, strlen(id), NULL)))
			return mm_fail_nomem(err, "time slots");
		*at = (int64_t)i;
		if (!value)
			continue;
		p->slot[i].time = strtod(value, &end) * p->unit;
		p->slot[i].known = true;
		if (end == value || *end || !(p->slot[i].time >= 0) ||
		    !(p->slot[i].time < 1e9))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' line %zu: time value '%s'",
				       p->name, x->line, value);
	}
	return MM_OK;
}

/* Slots of a chain that are not known, between two that are: equal steps. */
static void spread(struct eaf *p, const int64_t *chain, size_t n)
{
	const double a = p->slot[chain[0]].time;
	const double b = p->slot[chain[n - 1]].time;

	for (size_t i = 1; i + 1 < n; i++) {
		struct slot *s = &p->slot[chain[i]];

		s->time = a + (b - a) * (double)i / (double)(n - 1);
		s->known = true;
	}
}

/* Every run of unknown slots in the chain that has known ones around it. */
static void spread_runs(struct eaf *p, const int64_t *chain, size_t n)
{
	size_t from = n;

	for (size_t i = 0; i < n; i++) {
		if (!p->slot[chain[i]].known)
			continue;
		if (from < i)
			spread(p, chain + from, i - from + 1);
		from = i;
	}
}

/* Chains are neighbours in a tier that share a slot; what is left then takes
 * the order of the file. */
static int resolve_slots(struct eaf *p, struct mm_err *err)
{
	const size_t most = p->n_slots > p->n_notes ? p->n_slots : p->n_notes;
	int64_t *chain = mm_malloc(most + 2, sizeof(*chain));
	size_t n = 0;

	if (!chain)
		return mm_fail_nomem(err, "time slots");
	for (size_t i = 0; i < p->n_notes; i++) {
		const struct note *a = &p->note[i];

		if (!a->aligned)
			continue;
		if (!n || chain[n - 1] != a->slot[0]) {
			spread_runs(p, chain, n);
			chain[0] = a->slot[0];
			n = 1;
		}
		chain[n++] = a->slot[1];
	}
	spread_runs(p, chain, n);
	for (n = 0; n < p->n_slots; n++)
		chain[n] = (int64_t)n;
	spread_runs(p, chain, n);
	mm_free(chain);
	return MM_OK;
}

/* ---- annotations ---- */

static int64_t find(const struct mm_map *m, const char *id)
{
	const int64_t *at = id ? mm_map_find_str(m, id) : NULL;

	return at ? *at : NONE;
}

static int read_note(struct eaf *p, struct note *a, const struct mm_xml *x,
		     const struct mm_xml *tier, struct mm_err *err)
{
	const char *id = mm_xml_attr(x, "ANNOTATION_ID");
	const struct mm_xml *value = mm_xml_child(x, "ANNOTATION_VALUE");
	int64_t *at;

	a->xml = x;
	a->text = value ? value->text : "";
	a->tier = mm_xml_attr(tier, "TIER_ID");
	a->speaker = mm_xml_attr(tier, "PARTICIPANT");
	a->aligned = !strcmp(x->name, "ALIGNABLE_ANNOTATION");
	a->of = a->previous = NONE;
	if (!id)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: an annotation without "
			       "ANNOTATION_ID",
			       p->name, x->line);
	if (!(at = mm_map_put(&p->notes, id, strlen(id), NULL)))
		return mm_fail_nomem(err, "annotations");
	*at = a - p->note;
	if (!a->aligned)
		return MM_OK;
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "TIME_SLOT_REF2" : "TIME_SLOT_REF1";
		const char *ref = mm_xml_attr(x, name);

		a->slot[i] = find(&p->slots, ref);
		if (a->slot[i] == NONE)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' line %zu: %s '%s' is no time "
				       "slot",
				       p->name, x->line, name, ref ? ref : "");
	}
	return MM_OK;
}

static bool is_note(const struct mm_xml *x)
{
	return !strcmp(x->name, "ALIGNABLE_ANNOTATION") ||
	       !strcmp(x->name, "REF_ANNOTATION");
}

static int read_notes(struct eaf *p, const struct mm_xml *root,
		      struct mm_err *err)
{
	const struct mm_xml *tier, *a;
	size_t n = 0;
	int rc = MM_OK;

	for (tier = mm_xml_child(root, "TIER"); tier;
	     tier = mm_xml_next(tier, "TIER"))
		n += count(tier, "ANNOTATION");
	if (!(p->note = mm_calloc(n, sizeof(*p->note))))
		return mm_fail_nomem(err, "annotations");
	for (tier = mm_xml_child(root, "TIER"); tier;
	     tier = mm_xml_next(tier, "TIER"))
		for (a = mm_xml_child(tier, "ANNOTATION"); a && !rc;
		     a = mm_xml_next(a, "ANNOTATION"))
			if (a->first && is_note(a->first))
				rc = read_note(p, &p->note[p->n_notes++],
					       a->first, tier, err);
	return rc;
}

/* References: what to, after which one, and how many siblings. */
static int link_notes(struct eaf *p, struct mm_err *err)
{
	struct mm_buf key = { 0 };
	int rc = MM_OK;

	p->members = mm_calloc(p->n_notes, sizeof(*p->members));
	p->roots = mm_calloc(p->n_notes, sizeof(*p->roots));
	if (!p->members || !p->roots)
		return mm_fail_nomem(err, "annotations");
	for (size_t i = 0; i < p->n_notes && !rc; i++) {
		struct note *a = &p->note[i];
		const char *of = mm_xml_attr(a->xml, "ANNOTATION_REF");
		bool added;
		int64_t *group;

		if (a->aligned)
			continue;
		a->of = find(&p->notes, of);
		a->previous = find(&p->notes,
				   mm_xml_attr(a->xml, "PREVIOUS_ANNOTATION"));
		mm_buf_clear(&key);
		mm_buf_printf(&key, "%s\n%s", of ? of : "",
			      a->tier ? a->tier : "");
		if ((rc = mm_buf_check(&key, "annotations", err)))
			break;
		group = mm_map_put(&p->groups, key.data, key.len, &added);
		if (!group) {
			rc = mm_fail_nomem(err, "annotations");
			break;
		}
		if (added)
			*group = (int64_t)p->groups.n - 1;
		a->group = *group;
		p->members[a->group]++;
		a->placed = a->previous == NONE || (size_t)a->previous == i;
		if (a->placed)
			a->place = p->roots[a->group]++;
	}
	mm_buf_release(&key);
	return rc;
}

/* Times of a note whose like is known; true where it got some. */
static bool resolve(struct eaf *p, struct note *a)
{
	const struct note *of, *before;
	double step;

	if (a->known)
		return false;
	if (a->aligned) {
		const struct slot *s = &p->slot[a->slot[0]];
		const struct slot *e = &p->slot[a->slot[1]];

		a->known = s->known && e->known;
		a->start = s->time;
		a->end = e->time;
		return a->known;
	}
	if (a->of == NONE || !p->note[a->of].known)
		return false;
	if (!a->placed) {
		before = &p->note[a->previous];
		if (!before->known)
			return false;
		if (before->group == a->group)
			a->place = before->place + 1;
	}
	of = &p->note[a->of];
	step = (of->end - of->start) / (double)p->members[a->group];
	a->start = of->start + step * (double)a->place;
	a->end = a->start + step;
	return a->known = true;
}

static int emit(struct eaf *p, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < p->n_notes && !rc; i++) {
		const struct note *a = &p->note[i];
		struct mm_cue cue = { .start = a->start,
				      .end = a->end,
				      .line = a->xml->line };
		const char *text = a->text;
		const char *id = mm_xml_attr(a->xml, "ANNOTATION_ID");
		const char *tier = a->tier ? a->tier : "";
		const char *speaker = a->speaker ? a->speaker : "";
		size_t n = strlen(text);

		mm_trim(&text, &n);
		if (!n)
			continue;
		if (!a->known || a->end < a->start) {
			rc = mm_cues_problem(p->cues, cue.line, false, err,
					     a->known ? "annotation '%s' ends "
							"before it starts"
						      : "annotation '%s' has "
							"no times",
					     id);
			continue;
		}
		if (!(rc = mm_cues_str(p->cues, &cue.text, text, n, err)) &&
		    !(rc = mm_cues_str(p->cues, &cue.id, id, strlen(id),
				       err)) &&
		    !(rc = mm_cues_str(p->cues, &cue.tier, tier, strlen(tier),
				       err)) &&
		    !(rc = mm_cues_str(p->cues, &cue.speaker, speaker,
				       strlen(speaker), err)))
			rc = mm_cues_add(p->cues, &cue, err);
	}
	return rc;
}

static int document(struct eaf *p, const struct mm_xml *root,
		    struct mm_err *err)
{
	const struct mm_xml *head = mm_xml_child(root, "HEADER");
	const struct mm_xml *order = mm_xml_child(root, "TIME_ORDER");
	const char *units = head ? mm_xml_attr(head, "TIME_UNITS") : NULL;
	bool more = true;
	int rc;

	if (strcmp(root->name, "ANNOTATION_DOCUMENT"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: no ANNOTATION_DOCUMENT but "
			       "'%s'",
			       p->name, root->line, root->name);
	if (!order)
		return mm_fail(err, MM_ERR_FORMAT, "'%s': no TIME_ORDER",
			       p->name);
	if (units && strcmp(units, "milliseconds"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: times in '%s'; only "
			       "milliseconds are known",
			       p->name, head->line, units);
	p->unit = 1e-3;
	if ((rc = read_slots(p, order, err)) ||
	    (rc = read_notes(p, root, err)) || (rc = link_notes(p, err)) ||
	    (rc = resolve_slots(p, err)))
		return rc;
	/* One pass is enough for tiers in their usual order, parents first. */
	while (more) {
		more = false;
		for (size_t i = 0; i < p->n_notes; i++)
			more |= resolve(p, &p->note[i]);
	}
	return emit(p, err);
}

int mm_eaf_parse(struct mm_cues *c, const char *text, size_t n,
		 const char *name, struct mm_err *err)
{
	struct eaf p = { .cues = c, .name = name };
	const struct mm_xml *root;
	int rc = mm_xml_parse(&root, text, n, name, &p.tree, err);

	if (!rc)
		rc = document(&p, root, err);
	mm_free(p.slot);
	mm_free(p.note);
	mm_free(p.members);
	mm_free(p.roots);
	mm_map_release(&p.slots);
	mm_map_release(&p.notes);
	mm_map_release(&p.groups);
	mm_arena_release(&p.tree);
	return rc;
}
