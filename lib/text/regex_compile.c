/*
 * regex_compile.c - tree to program.
 *
 * An alternation becomes a SPLIT that knows by which ASCII characters either
 * side can begin, so that most of them are decided without a stack frame.  A
 * repeated class is one RUN; other repetitions are loops, copies where they
 * are counted.
 */
#include <string.h>

#include "base/mem.h"
#include "text/regex_impl.h"
#include "text/unicode.h"

struct compiler {
	struct mm_regex *re;
	struct mm_err *err;
};

/* Which ASCII characters can come first; true where the match may be empty. */
static bool first_of(const struct mm_re_node *n, uint32_t first[4])
{
	bool empty;

	switch (n->kind) {
	case RE_EMPTY:
	case RE_LOOK:
	case RE_AT: return true;
	case RE_SET:
		for (size_t i = 0; i < 4; i++)
			first[i] |= n->set->ascii[i];
		return false;
	case RE_CAT: return first_of(n->a, first) && first_of(n->b, first);
	case RE_ALT:
		empty = first_of(n->a, first);
		return first_of(n->b, first) || empty;
	case RE_REP:
		if (n->max == 0)
			return true;
		return first_of(n->a, first) || n->min == 0;
	case RE_ATOMIC: return first_of(n->a, first);
	}
	return true;
}

/* The set in the arena; NULL (and no error) where anything may come. */
static int first_set(struct compiler *c, const struct mm_re_node *n,
		     const uint32_t **out)
{
	uint32_t *first = mm_arena_alloc(&c->re->arena, 4, sizeof(*first));

	*out = NULL;
	if (!first)
		return mm_fail_nomem(c->err, "a regular expression");
	if (!first_of(n, first))
		*out = first;
	return MM_OK;
}

/* Code points that every match has, -1 where that differs. */
static int width(const struct mm_re_node *n)
{
	int a, b;

	switch (n->kind) {
	case RE_EMPTY:
	case RE_LOOK:
	case RE_AT: return 0;
	case RE_SET: return 1;
	case RE_CAT:
		a = width(n->a);
		b = width(n->b);
		return a < 0 || b < 0 || a + b > 10000 ? -1 : a + b;
	case RE_ALT: a = width(n->a); return a == width(n->b) ? a : -1;
	case RE_REP:
		a = width(n->a);
		if (a < 0 || n->min != n->max || n->max == MM_RE_INF)
			return a == 0 ? 0 : -1;
		return a * n->min > 10000 ? -1 : a * n->min;
	case RE_ATOMIC: return width(n->a);
	}
	return -1;
}

static int emit(struct compiler *c, struct mm_re_insn insn, size_t *at)
{
	struct mm_regex *re = c->re;

	if (re->n == re->cap) {
		const size_t cap = re->cap ? 2 * re->cap : 64;
		struct mm_re_insn *p = mm_realloc(re->insn, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(c->err, "a regular expression");
		re->insn = p;
		re->cap = cap;
	}
	if (re->n >= MM_RE_MAX_PROGRAM)
		return mm_fail(c->err, MM_ERR_FORMAT,
			       "regular expression \"%.200s\" is too large",
			       re->pattern);
	if (at)
		*at = re->n;
	re->insn[re->n++] = insn;
	return MM_OK;
}

static int compile(struct compiler *c, const struct mm_re_node *n);

static int here(const struct compiler *c)
{
	return (int)c->re->n;
}

static int compile_alt(struct compiler *c, const struct mm_re_node *n)
{
	struct mm_re_insn split = { .op = RE_OP_SPLIT };
	size_t at, jump;
	int rc;

	if ((rc = first_set(c, n->a, &split.first_x)) ||
	    (rc = first_set(c, n->b, &split.first_y)) ||
	    (rc = emit(c, split, &at)))
		return rc;
	c->re->insn[at].x = here(c);
	if ((rc = compile(c, n->a)) ||
	    (rc = emit(c, (struct mm_re_insn){ .op = RE_OP_JUMP }, &jump)))
		return rc;
	c->re->insn[at].y = here(c);
	if ((rc = compile(c, n->b)))
		return rc;
	c->re->insn[jump].x = here(c);
	return MM_OK;
}

/* A sub-program between `insn` and MATCH; the op goes on behind it. */
static int compile_sub(struct compiler *c, const struct mm_re_node *n,
		       struct mm_re_insn insn)
{
	size_t at;
	int rc;

	if ((rc = emit(c, insn, &at)) || (rc = compile(c, n)) ||
	    (rc = emit(c, (struct mm_re_insn){ .op = RE_OP_MATCH }, NULL)))
		return rc;
	c->re->insn[at].x = here(c);
	return MM_OK;
}

/* Look-behind: each top-level alternative has a width of its own. */
static int compile_behind(struct compiler *c, const struct mm_re_node *n,
			  const struct mm_re_node *body)
{
	struct mm_re_insn insn = { .op = RE_OP_LOOK, .negate = n->negate };
	struct mm_re_node left = *n, right = *n;

	insn.back = width(body);
	if (insn.back >= 0)
		return compile_sub(c, body, insn);
	if (body->kind != RE_ALT)
		return mm_fail(c->err, MM_ERR_FORMAT,
			       "regular expression \"%.200s\": a look-behind "
			       "of varying length",
			       c->re->pattern);
	left.a = body->a;
	right.a = body->b;
	if (n->negate) {
		int rc = compile_behind(c, &left, left.a);

		return rc ? rc : compile_behind(c, &right, right.a);
	}
	return compile_alt(c, &(struct mm_re_node){ .kind = RE_ALT,
						    .a = &left,
						    .b = &right });
}

/* One more time or on: a SPLIT whose `x` is the way that is tried first. */
static int emit_loop(struct compiler *c, const struct mm_re_node *n, size_t *at)
{
	struct mm_re_insn split = { .op = RE_OP_SPLIT };
	int rc = first_set(c, n->a, n->lazy ? &split.first_y : &split.first_x);

	return rc ? rc : emit(c, split, at);
}

static void set_loop(struct compiler *c, const struct mm_re_node *n, size_t at,
		     int again, int on)
{
	c->re->insn[at].x = n->lazy ? on : again;
	c->re->insn[at].y = n->lazy ? again : on;
}

/* x*: L: split(A, E); A: mark; x; moved else E; jump L; E: */
static int compile_star(struct compiler *c, const struct mm_re_node *n)
{
	uint32_t unused[4] = { 0 };
	const bool empty = first_of(n->a, unused);
	const int reg = (int)c->re->n_registers;
	size_t loop, moved = 0;
	int rc, body;

	if (empty && ++c->re->n_registers > MM_RE_MAX_REGISTERS)
		return mm_fail(c->err, MM_ERR_FORMAT,
			       "regular expression \"%.200s\" is too large",
			       c->re->pattern);
	if ((rc = emit_loop(c, n, &loop)))
		return rc;
	body = here(c);
	if (empty &&
	    (rc = emit(c, (struct mm_re_insn){ .op = RE_OP_MARK, .x = reg },
		       NULL)))
		return rc;
	if ((rc = compile(c, n->a)))
		return rc;
	if (empty &&
	    (rc = emit(c, (struct mm_re_insn){ .op = RE_OP_MOVED, .x = reg },
		       &moved)))
		return rc;
	if ((rc = emit(c,
		       (struct mm_re_insn){ .op = RE_OP_JUMP, .x = (int)loop },
		       NULL)))
		return rc;
	set_loop(c, n, loop, body, here(c));
	if (empty)
		c->re->insn[moved].y = here(c);
	return MM_OK;
}

static int compile_rep(struct compiler *c, const struct mm_re_node *n)
{
	size_t *splits, n_splits = 0;
	int rc;

	for (int i = 0; i < n->min; i++)
		if ((rc = compile(c, n->a)))
			return rc;
	if (n->max == MM_RE_INF)
		return compile_star(c, n);
	splits = mm_arena_alloc(&c->re->arena, (size_t)(n->max - n->min) + 1,
				sizeof(*splits));
	if (!splits)
		return mm_fail_nomem(c->err, "a regular expression");
	for (int i = n->min; i < n->max; i++) {
		if ((rc = emit_loop(c, n, &splits[n_splits++])) ||
		    (rc = compile(c, n->a)))
			return rc;
	}
	for (size_t i = 0; i < n_splits; i++)
		set_loop(c, n, splits[i], (int)splits[i] + 1, here(c));
	return MM_OK;
}

static int compile_run(struct compiler *c, const struct mm_re_node *n)
{
	return emit(c,
		    (struct mm_re_insn){ .op = RE_OP_RUN,
					 .x = n->min,
					 .y = n->max,
					 .lazy = n->lazy,
					 .possessive = n->possessive,
					 .set = n->a->set },
		    NULL);
}

static int compile(struct compiler *c, const struct mm_re_node *n)
{
	struct mm_re_node greedy;
	int rc;

	switch (n->kind) {
	case RE_EMPTY: return MM_OK;
	case RE_SET:
		return emit(
			c,
			(struct mm_re_insn){ .op = RE_OP_SET, .set = n->set },
			NULL);
	case RE_CAT: rc = compile(c, n->a); return rc ? rc : compile(c, n->b);
	case RE_ALT: return compile_alt(c, n);
	case RE_REP:
		if (n->a->kind == RE_SET)
			return compile_run(c, n);
		if (!n->possessive)
			return compile_rep(c, n);
		greedy = *n;
		greedy.possessive = false;
		return compile_sub(c, &greedy,
				   (struct mm_re_insn){ .op = RE_OP_ATOMIC });
	case RE_ATOMIC:
		return compile_sub(c, n->a,
				   (struct mm_re_insn){ .op = RE_OP_ATOMIC });
	case RE_LOOK:
		if (n->behind)
			return compile_behind(c, n, n->a);
		return compile_sub(c, n->a,
				   (struct mm_re_insn){ .op = RE_OP_LOOK,
							.back = -1,
							.negate = n->negate });
	case RE_AT:
		return emit(c,
			    (struct mm_re_insn){ .op = RE_OP_AT,
						 .x = (int)n->anchor },
			    NULL);
	}
	return MM_OK;
}

int mm_regex_new(struct mm_regex **out, const char *pattern, size_t len,
		 struct mm_err *err)
{
	struct mm_regex *re = mm_calloc(1, sizeof(*re));
	struct compiler c = { re, err };
	struct mm_re_node *root;
	int rc;

	*out = NULL;
	if (!re)
		return mm_fail_nomem(err, "a regular expression");
	mm_arena_init(&re->arena);
	re->pattern = mm_arena_strndup(&re->arena, pattern, len);
	if (!re->pattern)
		rc = mm_fail_nomem(err, "a regular expression");
	else if (!(rc = mm_re_parse(&root, &re->arena, pattern, len, err)) &&
		 !(rc = compile(&c, root)) &&
		 !(rc = first_set(&c, root, &re->first)))
		rc = emit(&c, (struct mm_re_insn){ .op = RE_OP_MATCH }, NULL);
	if (rc) {
		mm_regex_free(re);
		return rc;
	}
	*out = re;
	return MM_OK;
}

void mm_regex_free(struct mm_regex *re)
{
	if (!re)
		return;
	mm_free(re->insn);
	mm_arena_release(&re->arena);
	mm_free(re);
}
