/* recipe.c - see recipe.h. */
#include "train/recipe.h"

#include <ctype.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

enum { MAX_ENTRIES = 256, MAX_NAME = 64 };

struct parser {
	struct mm_recipe *r;
	struct mm_recipe_stage *at; /* the section being read */
	size_t line;
};

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int find_stage(const struct mm_recipe *r, const char *name)
{
	for (int i = 0; i < r->n; i++)
		if (!strcmp(r->stage[i].name, name))
			return i;
	return -1;
}

static bool good_name(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n <= MAX_NAME && strcmp(s, "none") &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_-") == n;
}

/* "[name]" */
static int begin_stage(struct parser *p, char *s, struct mm_err *err)
{
	struct mm_recipe *r = p->r;
	char *end = s + strlen(s) - 1;

	if (*end != ']')
		return mm_fail(err, MM_ERR_FORMAT, "no ']' behind '%.60s'", s);
	*end = '\0';
	s = trim(s + 1);
	if (!good_name(s))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a stage's name is letters, digits, '-' and "
			       "'_', and not 'none': '%.60s'",
			       s);
	if (find_stage(r, s) >= 0)
		return mm_fail(err, MM_ERR_FORMAT, "there are two stages '%s'",
			       s);
	if (r->n == MM_RECIPE_MAX_STAGES)
		return mm_fail(err, MM_ERR_FORMAT, "more than %d stages",
			       MM_RECIPE_MAX_STAGES);
	p->at = &r->stage[r->n++];
	p->at->name = s;
	p->at->line = p->line;
	return MM_OK;
}

static int add_entry(struct parser *p, char *s, struct mm_err *err)
{
	struct mm_recipe_stage *at = p->at;
	char *eq = strchr(s, '=');

	if (!eq)
		return mm_fail(err, MM_ERR_FORMAT,
			       "no '=' in '%.60s'; write name = value", s);
	*eq = '\0';
	if (!at->entry &&
	    !(at->entry = mm_arena_alloc(&p->r->arena, MAX_ENTRIES,
					 sizeof(*at->entry))))
		return mm_fail_nomem(err, "a recipe");
	if (at->n == MAX_ENTRIES)
		return mm_fail(err, MM_ERR_FORMAT,
			       "more than %d keys in one stage", MAX_ENTRIES);
	at->entry[at->n++] =
		(struct mm_recipe_entry){ trim(s), trim(eq + 1), p->line };
	return MM_OK;
}

static int take_line(struct parser *p, const char *line, size_t len,
		     struct mm_err *err)
{
	char *s;

	p->line++;
	if (memchr(line, 0, len))
		return mm_fail(err, MM_ERR_FORMAT, "a NUL byte");
	if (!(s = mm_arena_strndup(&p->r->arena, line, len)))
		return mm_fail_nomem(err, "a recipe");
	s = trim(s);
	if (!*s || *s == '#')
		return MM_OK;
	return *s == '[' ? begin_stage(p, s, err) : add_entry(p, s, err);
}

/* ---- what begins where ---- */

static int add_init(struct mm_recipe *r, struct mm_recipe_stage *s,
		    const char *name, struct mm_err *err)
{
	const int stage = find_stage(r, name);

	if (stage < 0)
		return mm_fail(err, MM_ERR_FORMAT,
			       strchr(name, '/') || !strcmp(name, "none")
				       ? "'%.60s' stands alone: a list names "
					 "stages"
				       : "there is no stage '%.60s' to begin "
					 "with; a folder is written with a '/'",
			       name);
	for (size_t k = 0; k < s->n_init; k++)
		if (s->init[k] == stage)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'init' names stage '%s' twice", name);
	if (s->n_init == MM_RECIPE_MAX_INIT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'init' names more than %d stages",
			       MM_RECIPE_MAX_INIT);
	s->init[s->n_init++] = stage;
	return MM_OK;
}

/* "words, pictures" */
static int split_init(struct mm_recipe *r, struct mm_recipe_stage *s,
		      const char *value, struct mm_err *err)
{
	int rc = MM_OK;

	if (!value[strspn(value, " \t,")])
		return mm_fail(err, MM_ERR_FORMAT,
			       "'init' is empty: it names stages, a folder or "
			       "'none'");
	while (*(value += strspn(value, " \t,")) && !rc) {
		const size_t n = strcspn(value, " \t,");
		const char *name = mm_arena_strndup(&r->arena, value, n);

		rc = name ? add_init(r, s, name, err)
			  : mm_fail_nomem(err, "a recipe");
		value += n;
	}
	return rc;
}

static int take_init(struct mm_recipe *r, int i, size_t *line,
		     struct mm_err *err)
{
	struct mm_recipe_stage *s = &r->stage[i];
	const char *value = NULL;
	size_t kept = 0;

	for (size_t k = 0; k < s->n; k++) {
		if (strcmp(s->entry[k].key, "init")) {
			s->entry[kept++] = s->entry[k];
			continue;
		}
		*line = s->entry[k].line;
		if (value)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'init' is told twice");
		value = s->entry[k].value;
	}
	s->n = kept;
	if (!value) { /* the one above */
		s->init[0] = i - 1;
		s->n_init = i > 0;
		return MM_OK;
	}
	if (!strcmp(value, "none"))
		return MM_OK;
	if (strchr(value, '/') && !value[strcspn(value, ",")]) {
		s->folder = value;
		return MM_OK;
	}
	return split_init(r, s, value, err);
}

/* Depth first; state: 0 new, 1 under way, 2 in the order. */
static int visit(struct mm_recipe *r, int i, int *state, int *n,
		 struct mm_err *err)
{
	const struct mm_recipe_stage *s = &r->stage[i];
	int rc;

	if (state[i] == 2)
		return MM_OK;
	if (state[i] == 1)
		return mm_fail(err, MM_ERR_FORMAT,
			       "stage '%s' begins with what comes of itself: "
			       "'init' goes in a circle",
			       s->name);
	state[i] = 1;
	for (size_t k = 0; k < s->n_init; k++)
		if ((rc = visit(r, s->init[k], state, n, err)))
			return rc;
	state[i] = 2;
	r->order[(*n)++] = i;
	return MM_OK;
}

static int order_stages(struct mm_recipe *r, size_t *line, struct mm_err *err)
{
	int state[MM_RECIPE_MAX_STAGES] = { 0 }, n = 0, rc = MM_OK;

	for (int i = 0; i < r->n && !rc; i++)
		rc = take_init(r, i, line, err);
	for (size_t k = 0; k < r->common.n && !rc; k++) {
		*line = r->common.entry[k].line;
		if (!strcmp(r->common.entry[k].key, "init"))
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'init' belongs to a stage");
	}
	for (int i = 0; i < r->n && !rc; i++) {
		*line = r->stage[i].line;
		rc = visit(r, i, state, &n, err);
	}
	return rc;
}

int mm_recipe_parse(struct mm_recipe *r, const char *text, size_t len,
		    const char *name, struct mm_err *err)
{
	struct parser p = { .r = r, .at = &r->common };
	size_t line = 0;
	int rc = MM_OK;

	memset(r, 0, sizeof(*r));
	for (size_t at = 0, n; at < len && !rc; at += n + 1) {
		const char *end = memchr(text + at, '\n', len - at);

		n = end ? (size_t)(end - text) - at : len - at;
		rc = take_line(&p, text + at, n, err);
		line = p.line;
	}
	if (!rc)
		rc = order_stages(r, &line, err);
	if (!rc && r->n)
		return MM_OK;
	rc = rc ? mm_fail_ctx(err, "'%s', line %zu", name, line)
		: mm_fail(err, MM_ERR_FORMAT,
			  "'%s' has no stage; one begins with a line '[name]'",
			  name);
	mm_recipe_release(r);
	return rc;
}

int mm_recipe_load(struct mm_recipe *r, const char *path, struct mm_err *err)
{
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	rc = mm_recipe_parse(r, (const char *)f.data, f.size, path, err);
	mm_file_release(&f);
	return rc;
}

void mm_recipe_release(struct mm_recipe *r)
{
	mm_arena_release(&r->arena);
	memset(r, 0, sizeof(*r));
}
