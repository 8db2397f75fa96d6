/* opt_value.c - one option's text into its field, checked; see opt.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"

/* Values from here on are "no upper bound" in messages. */
#define HUGE_BOUND 0x1p62

static int fail_range(const struct mm_opt *o, const char *text,
		      struct mm_err *err)
{
	if (o->hi >= HUGE_BOUND)
		return mm_fail(err, MM_ERR_USAGE,
			       "--%s must be at least %.15g, not '%s'", o->name,
			       o->lo, text);
	if (o->lo <= -HUGE_BOUND)
		return mm_fail(err, MM_ERR_USAGE,
			       "--%s must be at most %.15g, not '%s'", o->name,
			       o->hi, text);
	return mm_fail(err, MM_ERR_USAGE,
		       "--%s must be in %.15g..%.15g, not '%s'", o->name, o->lo,
		       o->hi, text);
}

static int fail_kind(const struct mm_opt *o, const char *what, const char *text,
		     struct mm_err *err)
{
	return mm_fail(err, MM_ERR_USAGE, "--%s wants %s, not '%s'", o->name,
		       what, text);
}

/* The whole of text[0..n) as a finite number. */
static bool number(const char *text, size_t n, double *out)
{
	char copy[64], *end;

	if (!n || n >= sizeof(copy) || isspace((unsigned char)*text))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*out = strtod(copy, &end);
	return !*end && isfinite(*out);
}

/* Decimal digits with a sign; *out saturates (errno = ERANGE). */
static bool whole(const char *text, const char **end, int64_t *out)
{
	char *e;

	if (!isdigit((unsigned char)text[*text == '-' || *text == '+']))
		return false;
	errno = 0;
	*out = strtoll(text, &e, 10);
	*end = e;
	return true;
}

static int store_int(const struct mm_opt *o, int64_t *field, const char *text,
		     struct mm_err *err)
{
	const char *end;
	int64_t v;

	if (!whole(text, &end, &v) || *end)
		return fail_kind(o, "a whole number", text, err);
	if (errno || (double)v < o->lo || (double)v > o->hi)
		return fail_range(o, text, err);
	*field = v;
	return MM_OK;
}

static int store_bytes(const struct mm_opt *o, int64_t *field, const char *text,
		       struct mm_err *err)
{
	static const char units[] = "kMGT";
	const char *end, *unit = "";
	int64_t v;
	int shift = 0;

	if (!whole(text, &end, &v))
		return fail_kind(o, "a number of bytes", text, err);
	if (*end && (unit = strchr(units, *end == 'K' ? 'k' : *end)))
		shift = 10 * (int)(unit - units + 1);
	if (!unit || (*end && end[1]))
		return fail_kind(o, "a number of bytes (512, 64k, 10M, 2G)",
				 text, err);
	if (errno || v < 0 || v > (INT64_MAX >> shift) ||
	    (double)(v << shift) < o->lo || (double)(v << shift) > o->hi)
		return fail_range(o, text, err);
	*field = v << shift;
	return MM_OK;
}

static int store_real(const struct mm_opt *o, double *field, const char *text,
		      struct mm_err *err)
{
	double v;

	if (!number(text, strlen(text), &v))
		return fail_kind(o, "a number", text, err);
	if (v < o->lo || v > o->hi)
		return fail_range(o, text, err);
	*field = v;
	return MM_OK;
}

/* The index of text among choices; -1 where it is none of them. */
static int choice(const struct mm_opt *o, const char *text)
{
	for (int i = 0; o->choices[i]; i++)
		if (!strcmp(text, o->choices[i]))
			return i;
	return -1;
}

/* "--progress wants auto, always or never (or a number), not 'x'" */
static int fail_choice(const struct mm_opt *o, const char *text,
		       const char *also, struct mm_err *err)
{
	char words[512] = "";
	size_t used = 0;

	for (int i = 0; o->choices[i]; i++) {
		const char *gap = !i ? "" : o->choices[i + 1] ? ", " : " or ";
		const size_t need = strlen(gap) + strlen(o->choices[i]);

		if (used + need + 1 > sizeof(words))
			break;
		strcat(strcat(words, gap), o->choices[i]);
		used += need;
	}
	return mm_fail(err, MM_ERR_USAGE, "--%s wants %s%s, not '%s'", o->name,
		       words, also, text);
}

static int store_enum(const struct mm_opt *o, int *field, const char *text,
		      struct mm_err *err)
{
	const int i = choice(o, text);

	if (i < 0)
		return fail_choice(o, text, "", err);
	*field = i;
	return MM_OK;
}

static int store_word(const struct mm_opt *o, struct mm_word *field,
		      const char *text, struct mm_err *err)
{
	struct mm_word w = { .word = choice(o, text) };

	if (w.word < 0) {
		w.word = MM_WORD_NUMBER;
		if (!number(text, strlen(text), &w.value))
			return fail_choice(o, text, " or a number", err);
		if (w.value < o->lo || w.value > o->hi)
			return fail_range(o, text, err);
	}
	*field = w;
	return MM_OK;
}

/* Grows the list by one; the arena keeps the arrays it has outgrown. */
static int store_list(struct mm_list *field, const char *text,
		      struct mm_arena *arena, struct mm_err *err)
{
	const char **item = mm_arena_alloc(arena, field->n + 1, sizeof(*item));

	if (!item)
		return mm_fail_nomem(err, "options");
	for (size_t i = 0; i < field->n; i++)
		item[i] = field->item[i];
	item[field->n++] = text;
	field->item = item;
	return MM_OK;
}

static int fail_count(const struct mm_opt *o, const char *text,
		      struct mm_err *err)
{
	if (o->min_n == o->max_n)
		return mm_fail(err, MM_ERR_USAGE,
			       "--%s wants %zu numbers with commas between, "
			       "not '%s'",
			       o->name, o->min_n, text);
	return mm_fail(err, MM_ERR_USAGE,
		       "--%s wants %zu to %zu numbers with commas between, "
		       "not '%s'",
		       o->name, o->min_n, o->max_n, text);
}

static int store_nums(const struct mm_opt *o, struct mm_nums *field,
		      const char *text, struct mm_err *err)
{
	struct mm_nums v = { 0 };

	for (const char *s = text;; s++) {
		const size_t n = strcspn(s, ",");

		if (v.n == o->max_n || v.n == MM_NUMS_MAX)
			return fail_count(o, text, err);
		if (!number(s, n, &v.at[v.n]) ||
		    (o->kind == MM_OPT_INTS && v.at[v.n] != floor(v.at[v.n])))
			return fail_kind(o,
					 o->kind == MM_OPT_INTS
						 ? "whole numbers"
						 : "numbers",
					 text, err);
		if (v.at[v.n] < o->lo || v.at[v.n] > o->hi)
			return fail_range(o, text, err);
		v.n++;
		s += n;
		if (!*s)
			break;
	}
	if (v.n < o->min_n)
		return fail_count(o, text, err);
	*field = v;
	return MM_OK;
}

static int store_amount(const struct mm_opt *o, struct mm_amount *field,
			const char *text, struct mm_err *err)
{
	const size_t n = strlen(text);
	const bool percent = n && text[n - 1] == '%';
	struct mm_amount a;

	a.fraction = percent || strspn(text, "0123456789") != n;
	if (!number(text, n - percent, &a.value))
		return fail_kind(o, "a number, a fraction or a percentage",
				 text, err);
	if (percent)
		a.value /= 100;
	if (a.fraction && !(a.value >= 0 && a.value <= 1))
		return mm_fail(err, MM_ERR_USAGE,
			       "--%s as a fraction must be in 0..1, not '%s'",
			       o->name, text);
	if (!a.fraction && a.value > o->hi)
		return fail_range(o, text, err);
	*field = a;
	return MM_OK;
}

static int store_extent(const struct mm_opt *o, struct mm_extent *field,
			const char *text, struct mm_err *err)
{
	struct mm_extent e = { 0, 0 };
	const char *end;
	bool ok = whole(text, &end, &e.width);

	if (ok && *end == 'x')
		ok = whole(end + 1, &end, &e.height);
	else
		e.height = 0;
	if (!ok || *end)
		return fail_kind(o, "N or WxH in pixels", text, err);
	if ((double)e.width < o->lo || (double)e.width > o->hi ||
	    (strchr(text, 'x') && (double)e.height < o->lo) ||
	    (double)e.height > o->hi)
		return fail_range(o, text, err);
	*field = e;
	return MM_OK;
}

static int store_shard(const struct mm_opt *o, struct mm_shard *field,
		       const char *text, struct mm_err *err)
{
	struct mm_shard s = { 0, 0 };
	const char *end;

	if (!whole(text, &end, &s.index) || *end != '/' ||
	    !whole(end + 1, &end, &s.count) || *end)
		return fail_kind(o, "I/N, as in 0/8", text, err);
	if (s.index < 0 || s.index >= s.count)
		return mm_fail(err, MM_ERR_USAGE,
			       "--%s counts from 0 to N-1, not '%s'", o->name,
			       text);
	*field = s;
	return MM_OK;
}

int mm_opt_store(const struct mm_opt *o, void *args, const char *text,
		 struct mm_arena *arena, struct mm_err *err)
{
	void *field = (char *)args + o->offset;

	switch (o->kind) {
	case MM_OPT_INT: return store_int(o, field, text, err);
	case MM_OPT_BYTES: return store_bytes(o, field, text, err);
	case MM_OPT_REAL: return store_real(o, field, text, err);
	case MM_OPT_STR:
	case MM_OPT_PATH:
	case MM_OPT_DIR:
		if (o->kind != MM_OPT_STR && !*text)
			return fail_kind(o, "a name", text, err);
		*(const char **)field = text;
		return MM_OK;
	case MM_OPT_ENUM: return store_enum(o, field, text, err);
	case MM_OPT_LIST: return store_list(field, text, arena, err);
	case MM_OPT_NUMS:
	case MM_OPT_INTS: return store_nums(o, field, text, err);
	case MM_OPT_AMOUNT: return store_amount(o, field, text, err);
	case MM_OPT_WORD: return store_word(o, field, text, err);
	case MM_OPT_EXTENT: return store_extent(o, field, text, err);
	case MM_OPT_SHARD: return store_shard(o, field, text, err);
	case MM_OPT_END:
	case MM_OPT_GROUP:
	case MM_OPT_HELP:
	case MM_OPT_FLAG: break;
	}
	return mm_fail(err, MM_ERR_USAGE, "--%s takes no value", o->name);
}
