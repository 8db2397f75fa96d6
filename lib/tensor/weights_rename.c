/* weights_rename.c - see mm_weights_rename in weights.h. */
#include <string.h>

#include "base/mem.h"
#include "tensor/weights.h"

struct rule {
	const char *from, *to;
	size_t line; /* where it stands */
};

/* The next word of a line, NULL where there is none; *s moves behind it. */
static char *next_word(char **s)
{
	char *word = *s + strspn(*s, " \t\r");

	if (!*word || *word == '#')
		return NULL;
	*s = word + strcspn(word, " \t\r");
	if (**s)
		*(*s)++ = 0;
	return word;
}

static size_t stars(const char *s)
{
	size_t n = 0;

	while ((s = strchr(s, '*'))) {
		n++;
		s++;
	}
	return n;
}

static int read_line(struct rule *r, char *line, struct mm_err *err)
{
	r->from = next_word(&line);
	if (!r->from)
		return MM_OK;
	r->to = next_word(&line);
	if (!r->to || next_word(&line))
		return mm_fail(err, MM_ERR_FORMAT,
			       "line %zu must be two names, FROM and TO",
			       r->line);
	if (stars(r->from) > 1 || stars(r->to) > stars(r->from))
		return mm_fail(err, MM_ERR_FORMAT,
			       "line %zu: one '*' in FROM, and in TO only "
			       "where FROM has it",
			       r->line);
	return MM_OK;
}

/* Rules of a text that is cut up; *n of them. */
static int read_rules(struct rule **out, size_t *n, struct mm_arena *arena,
		      char *text, struct mm_err *err)
{
	size_t lines = 1, line = 0;
	struct rule *rule;
	int rc = MM_OK;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	if (!(rule = mm_arena_alloc(arena, lines, sizeof(*rule))))
		return mm_fail_nomem(err, "the rules");
	*out = rule;
	*n = 0;
	for (char *next; text && !rc; text = next) {
		next = strchr(text, '\n');
		if (next)
			*next++ = 0;
		rule[*n].line = ++line;
		rc = read_line(&rule[*n], text, err);
		*n += rule[*n].from != NULL;
	}
	return rc;
}

/* Does name fit?  Then *hit[0..n) is what the '*' stands for. */
static bool fits(const char *name, const char *from, const char **hit,
		 size_t *n)
{
	const size_t len = strlen(name);
	const char *star = strchr(from, '*');
	const size_t head = star ? (size_t)(star - from) : 0;
	const size_t tail = star ? strlen(star + 1) : 0;

	if (!star)
		return !strcmp(name, from);
	if (len < head + tail || memcmp(name, from, head) ||
	    memcmp(name + len - tail, star + 1, tail))
		return false;
	*hit = name + head;
	*n = len - head - tail;
	return true;
}

/* The new name; NULL: left out.  `name` itself where no rule fits. */
static int apply(const char **name, struct mm_arena *arena,
		 const struct rule *rule, size_t n, struct mm_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const char *hit = NULL, *star = strchr(rule[i].to, '*');
		size_t len = 0;

		if (!fits(*name, rule[i].from, &hit, &len))
			continue;
		if (!strcmp(rule[i].to, "-"))
			*name = NULL;
		else if (!star)
			*name = rule[i].to;
		else if (!(*name = mm_arena_printf(arena, "%.*s%.*s%s",
						   (int)(star - rule[i].to),
						   rule[i].to, (int)len, hit,
						   star + 1)))
			return mm_fail_nomem(err, "a tensor's name");
		return MM_OK;
	}
	return MM_OK;
}

static int rename_all(struct mm_weights *w, const struct rule *rule, size_t n,
		      struct mm_err *err)
{
	struct mm_tensor *t = mm_arena_alloc(&w->arena, w->n, sizeof(*t));
	const size_t count = w->n;
	int rc;

	if (!t)
		return mm_fail_nomem(err, "a list of tensors");
	mm_map_release(&w->by_name);
	w->n = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t *slot;
		bool added;

		t[i] = *w->tensor[i];
		if ((rc = apply(&t[i].name, &w->arena, rule, n, err)))
			return rc;
		if (!t[i].name)
			continue;
		slot = mm_map_put(&w->by_name, t[i].name, strlen(t[i].name),
				  &added);
		if (!slot)
			return mm_fail_nomem(err, "a list of tensors");
		if (!added)
			return mm_fail(err, MM_ERR_FORMAT,
				       "two tensors would be called '%s'",
				       t[i].name);
		*slot = (int64_t)w->n;
		w->tensor[w->n++] = &t[i];
	}
	return MM_OK;
}

int mm_weights_rename(struct mm_weights *w, const char *rules, size_t len,
		      const char *name, struct mm_err *err)
{
	char *text = mm_arena_strndup(&w->arena, rules, len);
	struct rule *rule = NULL;
	size_t n = 0;
	int rc;

	if (!text)
		return mm_fail_nomem(err, "the rules");
	if ((rc = read_rules(&rule, &n, &w->arena, text, err)) ||
	    (rc = rename_all(w, rule, n, err)))
		return mm_fail_ctx(err, "'%s'", name);
	return MM_OK;
}
