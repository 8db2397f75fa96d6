/*
 * regex_run.c - a program on a text, by backtracking with a stack of our own.
 *
 * A frame says where to go on when the present way fails: a place in the
 * program and in the text, or a whole run of a class that may still give back
 * characters, or a register to be set back.
 */
#include <string.h>

#include "base/mem.h"
#include "text/regex_impl.h"
#include "text/unicode.h"

enum { MAX_FRAMES = 1 << 24 };

/* kind: 0 a place; 1 a greedy run down to `low`; 2 a lazy run; 3 a register */
struct mm_regex_frame {
	int kind, pc;
	size_t at, low;
};

enum { F_PLACE, F_GREEDY, F_LAZY, F_REGISTER };

struct run {
	const struct mm_regex *re;
	struct mm_regex_work *w;
	const char *s;
	size_t n, depth;
	size_t reg[MM_RE_MAX_REGISTERS];
	uint64_t budget;
	struct mm_err *err;
};

void mm_regex_work_release(struct mm_regex_work *w)
{
	mm_free(w->frame);
	w->frame = NULL;
	w->cap = 0;
}

static int push(struct run *r, int kind, int pc, size_t at, size_t low)
{
	struct mm_regex_work *w = r->w;

	if (r->depth == w->cap) {
		const size_t cap = w->cap ? 2 * w->cap : 64;
		struct mm_regex_frame *f;

		if (cap > MAX_FRAMES)
			return mm_fail(r->err, MM_ERR_REFUSED,
				       "regular expression \"%.200s\" goes too "
				       "deep on this text",
				       r->re->pattern);
		if (!(f = mm_realloc(w->frame, cap, sizeof(*f))))
			return mm_fail_nomem(r->err, "a regular expression");
		w->frame = f;
		w->cap = cap;
	}
	w->frame[r->depth++] = (struct mm_regex_frame){ kind, pc, at, low };
	return MM_OK;
}

static bool set_at(const struct run *r, const struct mm_re_set *set, size_t *at)
{
	size_t i = *at;

	if (i >= r->n || !mm_re_set_has(set, mm_utf8_next(r->s, &i)))
		return false;
	*at = i;
	return true;
}

static bool word_at(const struct run *r, size_t at)
{
	return at < r->n && mm_re_word(mm_utf8_next(r->s, &at));
}

static bool word_before(const struct run *r, size_t at)
{
	return at > 0 && word_at(r, mm_utf8_back(r->s, at));
}

static bool anchor_holds(const struct run *r, enum mm_re_anchor a, size_t at)
{
	switch (a) {
	case RE_LINE_START: return at == 0 || r->s[at - 1] == '\n';
	case RE_LINE_END: return at == r->n || r->s[at] == '\n';
	case RE_TEXT_START: return at == 0;
	case RE_TEXT_END: return at == r->n;
	case RE_TEXT_END_NL:
		return at == r->n || (at + 1 == r->n && r->s[at] == '\n');
	case RE_BORDER: return word_before(r, at) != word_at(r, at);
	case RE_NO_BORDER: return word_before(r, at) == word_at(r, at);
	}
	return false;
}

/* Can a branch with this set of first characters begin here? */
static bool may_begin(const struct run *r, const uint32_t *first, size_t at)
{
	unsigned char c;

	if (!first)
		return true;
	if (at >= r->n)
		return false;
	c = (unsigned char)r->s[at];
	return c >= 128 || (first[c / 32] >> c % 32 & 1);
}

/* All of a run that can be had at once; false where there are too few. */
static int do_run(struct run *r, int pc, size_t *at, bool *ok)
{
	const struct mm_re_insn *in = &r->re->insn[pc];
	size_t i = *at, low = i;
	int count = 0;

	while (count < in->x && set_at(r, in->set, &i))
		count++;
	low = i;
	*ok = count == in->x;
	if (!*ok)
		return MM_OK;
	if (in->lazy) {
		*at = i;
		return count < in->y ? push(r, F_LAZY, pc, i, (size_t)count)
				     : MM_OK;
	}
	while (count < in->y && set_at(r, in->set, &i))
		count++;
	*at = i;
	if (in->possessive || i == low)
		return MM_OK;
	return push(r, F_GREEDY, pc, i, low);
}

/* Go back to the newest way that was left open. */
static int backtrack(struct run *r, size_t base, int *pc, size_t *at, bool *ok)
{
	*ok = false;
	while (r->depth > base) {
		struct mm_regex_frame *f = &r->w->frame[--r->depth];
		const struct mm_re_insn *in;
		size_t i;

		switch (f->kind) {
		case F_PLACE:
			*pc = f->pc;
			*at = f->at;
			*ok = true;
			return MM_OK;
		case F_GREEDY:
			*pc = f->pc + 1;
			*at = f->at = mm_utf8_back(r->s, f->at);
			if (f->at > f->low)
				r->depth++;
			*ok = true;
			return MM_OK;
		case F_LAZY:
			in = &r->re->insn[f->pc];
			i = f->at;
			if (!set_at(r, in->set, &i))
				break;
			*pc = f->pc + 1;
			*at = f->at = i;
			if ((int)++f->low < in->y)
				r->depth++;
			*ok = true;
			return MM_OK;
		default: r->reg[f->pc] = f->at; break;
		}
	}
	return MM_OK;
}

static int match(struct run *r, int pc, size_t at, size_t *end, bool *ok);

/* Look-around and atomic groups: the sub-program behind pc. */
static int do_sub(struct run *r, int pc, size_t *at, bool *ok)
{
	const struct mm_re_insn *in = &r->re->insn[pc];
	size_t from = *at, end = 0, saved[MM_RE_MAX_REGISTERS];
	int rc, i = 0;

	if (in->op == RE_OP_LOOK)
		for (; i < in->back && from > 0; i++)
			from = mm_utf8_back(r->s, from);
	*ok = in->op == RE_OP_ATOMIC || in->back < 0 || i == in->back;
	memcpy(saved, r->reg, sizeof(saved));
	if (*ok && (rc = match(r, pc + 1, from, &end, ok)))
		return rc;
	memcpy(r->reg, saved, sizeof(saved));
	if (in->op == RE_OP_ATOMIC)
		*at = *ok ? end : *at;
	else
		*ok = *ok != in->negate;
	return MM_OK;
}

static int do_split(struct run *r, int *pc, size_t at)
{
	const struct mm_re_insn *in = &r->re->insn[*pc];

	if (!may_begin(r, in->first_x, at)) {
		*pc = in->y;
		return MM_OK;
	}
	*pc = in->x;
	return may_begin(r, in->first_y, at) ? push(r, F_PLACE, in->y, at, 0)
					     : MM_OK;
}

/* One step at *pc; *ok false where this way fails. */
static int step(struct run *r, int *pc, size_t *at, bool *ok)
{
	const struct mm_re_insn *in = &r->re->insn[*pc];
	int rc = MM_OK;

	switch (in->op) {
	case RE_OP_SET:
		*ok = set_at(r, in->set, at);
		++*pc;
		break;
	case RE_OP_RUN:
		rc = do_run(r, *pc, at, ok);
		++*pc;
		break;
	case RE_OP_SPLIT: return do_split(r, pc, *at);
	case RE_OP_JUMP: *pc = in->x; break;
	case RE_OP_MARK:
		rc = push(r, F_REGISTER, in->x, r->reg[in->x], 0);
		r->reg[in->x] = *at;
		++*pc;
		break;
	case RE_OP_MOVED: *pc = r->reg[in->x] == *at ? in->y : *pc + 1; break;
	case RE_OP_LOOK:
	case RE_OP_ATOMIC:
		rc = do_sub(r, *pc, at, ok);
		*pc = in->x;
		break;
	case RE_OP_AT:
		*ok = anchor_holds(r, (enum mm_re_anchor)in->x, *at);
		++*pc;
		break;
	case RE_OP_MATCH: break;
	}
	return rc;
}

static int match(struct run *r, int pc, size_t at, size_t *end, bool *ok)
{
	const size_t base = r->depth;
	int rc;

	for (;;) {
		if (r->re->insn[pc].op == RE_OP_MATCH) {
			*end = at;
			*ok = true;
			r->depth = base;
			return MM_OK;
		}
		if (!r->budget--)
			return mm_fail(r->err, MM_ERR_REFUSED,
				       "regular expression \"%.200s\" takes "
				       "too long on this text",
				       r->re->pattern);
		*ok = true;
		if ((rc = step(r, &pc, &at, ok)))
			return rc;
		if (*ok)
			continue;
		if ((rc = backtrack(r, base, &pc, &at, ok)) || !*ok)
			return rc;
	}
}

int mm_regex_find(const struct mm_regex *re, struct mm_regex_work *w,
		  const char *s, size_t n, size_t from, size_t *start,
		  size_t *end, struct mm_err *err)
{
	struct run r = { .re = re, .w = w, .s = s, .n = n, .err = err };

	*start = SIZE_MAX;
	*end = 0;
	for (size_t at = from; at <= n;) {
		bool ok = false;
		int rc;

		if (may_begin(&r, re->first, at)) {
			r.depth = 0;
			r.budget = 10000000;
			if ((rc = match(&r, 0, at, end, &ok)))
				return rc;
		}
		if (ok) {
			*start = at;
			return MM_OK;
		}
		if (at == n)
			break;
		mm_utf8_next(s, &at);
	}
	return MM_OK;
}

int mm_regex_next(const struct mm_regex *re, struct mm_regex_work *w,
		  const char *s, size_t n, struct mm_regex_iter *it,
		  struct mm_err *err)
{
	for (;;) {
		int rc;

		it->start = SIZE_MAX;
		if (it->from > n)
			return MM_OK;
		rc = mm_regex_find(re, w, s, n, it->from, &it->start, &it->end,
				   err);
		if (rc || it->start == SIZE_MAX)
			return rc;
		if (it->end > it->start || it->end != it->last) {
			it->from = it->last = it->end;
			return MM_OK;
		}
		/* an empty match right behind the last one does not count */
		if (it->from == n)
			it->from = n + 1;
		else
			mm_utf8_next(s, &it->from);
	}
}
