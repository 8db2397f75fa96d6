/*
 * lexer_nfa.c - the parser of the expressions (lexer.h says which), Thompson's
 * construction, and the partition of the code units into classes.
 */
#include <string.h>

#include "base/mem.h"
#include "metric/lexer_nfa.h"
#include "metric/unicode.h"

enum { MAX_DEPTH = 64 };

struct parser {
	struct mm_nfa *nfa;
	const struct mm_lexer_def *defs;
	const char *expr, *at; /* whole, and where we are */
	int depth;
	struct mm_err *err;
};

struct frag {
	uint32_t start, end;
};

static void set_add(struct mm_nfa_set *s, unsigned unit)
{
	s->bit[unit / 64] |= UINT64_C(1) << (unit % 64);
}

static bool set_has(const struct mm_nfa_set *s, unsigned unit)
{
	return s->bit[unit / 64] >> (unit % 64) & 1;
}

static void set_merge(struct mm_nfa_set *s, const struct mm_nfa_set *other)
{
	for (size_t i = 0; i < 65536 / 64; i++)
		s->bit[i] |= other->bit[i];
}

static const struct mm_nfa_set *named_set(struct mm_nfa *nfa,
					  bool (*is)(uint32_t))
{
	struct mm_nfa_set *s = mm_arena_alloc(&nfa->memory, 1, sizeof(*s));

	for (unsigned u = 0; s && u < 65536; u++)
		if (is(u))
			set_add(s, u);
	return s;
}

int mm_nfa_init(struct mm_nfa *nfa, struct mm_err *err)
{
	memset(nfa, 0, sizeof(*nfa));
	nfa->letter = named_set(nfa, mm_unicode6_letter);
	nfa->digit = named_set(nfa, mm_unicode6_digit);
	nfa->capital = named_set(nfa, mm_unicode6_capital);
	if (!nfa->letter || !nfa->digit || !nfa->capital)
		return mm_fail_nomem(err, "the scanner");
	mm_nfa_node(nfa, MM_NFA_EPSILON, 0, 0); /* number 0 is no node */
	return nfa->n_nodes ? 0 : mm_fail_nomem(err, "the scanner");
}

void mm_nfa_release(struct mm_nfa *nfa)
{
	mm_arena_release(&nfa->memory);
	mm_free(nfa->node);
	mm_free(nfa->set);
	mm_free(nfa->has);
	memset(nfa, 0, sizeof(*nfa));
}

uint32_t mm_nfa_node(struct mm_nfa *nfa, int set, uint32_t out, uint32_t out1)
{
	if (nfa->n_nodes == nfa->cap) {
		size_t cap = nfa->cap ? 2 * nfa->cap : 4096;
		struct mm_nfa_node *node =
			mm_realloc(nfa->node, cap, sizeof(*node));

		if (!node)
			return 0;
		nfa->node = node;
		nfa->cap = cap;
	}
	nfa->node[nfa->n_nodes] = (struct mm_nfa_node){
		.set = set, .accept = -1, .out = out, .out1 = out1
	};
	return (uint32_t)nfa->n_nodes++;
}

static int broken(struct parser *p, const char *what)
{
	return mm_fail(p->err, MM_ERR_USAGE,
		       "%s at character %zu of expression \"%.60s\"", what,
		       (size_t)(p->at - p->expr), p->expr);
}

/* The number of the set that equals *s, added where it is new. */
static int set_number(struct parser *p, const struct mm_nfa_set *s, int *number)
{
	struct mm_nfa *nfa = p->nfa;

	for (size_t i = 0; i < nfa->n_sets; i++) {
		if (!memcmp(nfa->set[i], s, sizeof(*s))) {
			*number = (int)i;
			return 0;
		}
	}
	if (nfa->n_sets == nfa->set_cap) {
		size_t cap = nfa->set_cap ? 2 * nfa->set_cap : 64;
		struct mm_nfa_set **set =
			mm_realloc(nfa->set, cap, sizeof(*set));

		if (!set)
			return mm_fail_nomem(p->err, "the scanner's sets");
		nfa->set = set;
		nfa->set_cap = cap;
	}
	nfa->set[nfa->n_sets] = mm_arena_alloc(&nfa->memory, 1, sizeof(*s));
	if (!nfa->set[nfa->n_sets])
		return mm_fail_nomem(p->err, "the scanner's sets");
	memcpy(nfa->set[nfa->n_sets], s, sizeof(*s));
	*number = (int)nfa->n_sets++;
	return 0;
}

/* One node that consumes a unit of *s. */
static int frag_of_set(struct parser *p, const struct mm_nfa_set *s,
		       struct frag *f)
{
	int number = 0, rc = set_number(p, s, &number);

	if (rc)
		return rc;
	f->end = mm_nfa_node(p->nfa, MM_NFA_EPSILON, 0, 0);
	f->start = f->end ? mm_nfa_node(p->nfa, number, f->end, 0) : 0;
	return f->start ? 0 : mm_fail_nomem(p->err, "the scanner");
}

/* Join f and then g. */
static void frag_append(struct parser *p, struct frag *f, struct frag g)
{
	if (f->start) {
		mm_nfa_at(p->nfa, f->end)->out = g.start;
		f->end = g.end;
	} else {
		*f = g;
	}
}

/* f once, at most once, or any number of times: op is '?', '+' or '*'. */
static int frag_repeat(struct parser *p, struct frag *f, char op)
{
	uint32_t end = mm_nfa_node(p->nfa, MM_NFA_EPSILON, 0, 0), loop;

	if (!end)
		return mm_fail_nomem(p->err, "the scanner");
	loop = mm_nfa_node(p->nfa, MM_NFA_EPSILON, f->start, end);
	if (!loop)
		return mm_fail_nomem(p->err, "the scanner");
	mm_nfa_at(p->nfa, f->end)->out = op == '?' ? end : loop;
	*f = (struct frag){ op == '+' ? f->start : loop, end };
	return 0;
}

/* The code unit after a '%u'. */
static int parse_hex(struct parser *p, unsigned *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++, p->at++) {
		const char *digits = "0123456789ABCDEF", *d;

		d = *p->at ? strchr(digits, *p->at) : NULL;
		if (!d)
			return broken(p, "four hexadecimal digits expected");
		*unit = *unit * 16 + (unsigned)(d - digits);
	}
	return 0;
}

/*
 * What stands behind a '%' or, for one character, by itself: either a named
 * set is returned or *unit.
 */
static const struct mm_nfa_set *parse_unit(struct parser *p, unsigned *unit,
					   int *rc)
{
	*rc = 0;
	*unit = (unsigned char)*p->at++;
	if (*unit >= 128)
		*rc = broken(p, "a character beyond ascii");
	if (*unit != '%')
		return NULL;
	*unit = (unsigned char)*p->at;
	if (!*unit) {
		*rc = broken(p, "nothing after '%'");
		return NULL;
	}
	p->at++;
	switch (*unit) {
	case 'l': return p->nfa->letter;
	case 'd': return p->nfa->digit;
	case 'c': return p->nfa->capital;
	case 'u': *rc = parse_hex(p, unit); return NULL;
	default: return NULL;
	}
}

/* Behind a '[': up to and with its ']'. */
static int parse_class(struct parser *p, struct frag *f)
{
	struct mm_nfa_set s = { { 0 } };
	bool invert = *p->at == '^';
	int rc;

	p->at += invert;
	while (*p->at && *p->at != ']') {
		const struct mm_nfa_set *named;
		unsigned lo, hi;

		named = parse_unit(p, &lo, &rc);
		if (rc)
			return rc;
		if (named) {
			set_merge(&s, named);
			continue;
		}
		hi = lo;
		if (*p->at == '-' && p->at[1] != ']') {
			p->at++;
			if (parse_unit(p, &hi, &rc) || rc || hi < lo)
				return broken(p, "bad range");
		}
		for (; lo <= hi; lo++)
			set_add(&s, lo);
	}
	if (*p->at++ != ']')
		return broken(p, "missing ']'");
	for (size_t i = 0; invert && i < 65536 / 64; i++)
		s.bit[i] = ~s.bit[i];
	return frag_of_set(p, &s, f);
}

/* A literal character with what folds to it, or a named set. */
static int parse_literal(struct parser *p, struct frag *f)
{
	struct mm_nfa_set s = { { 0 } };
	const struct mm_nfa_set *named;
	bool dot = *p->at == '.';
	uint32_t fold[4];
	unsigned unit;
	int rc;

	named = parse_unit(p, &unit, &rc);
	if (rc)
		return rc;
	if (named)
		return frag_of_set(p, named, f);
	if (!dot) {
		size_t n = mm_unicode_folds(unit, fold);

		for (size_t i = 0; i < n; i++)
			set_add(&s, fold[i]);
		return frag_of_set(p, &s, f);
	}
	for (unsigned u = 0; u < 65536; u++)
		if (!((u >= 0x0A && u <= 0x0D) || u == 0x85 || u == 0x2028 ||
		      u == 0x2029))
			set_add(&s, u);
	return frag_of_set(p, &s, f);
}

static int parse_alternatives(struct parser *p, struct frag *f);

/* Behind a '{': a definition, its text parsed in place. */
static int parse_name(struct parser *p, struct frag *f)
{
	size_t len = strcspn(p->at, "}");
	const struct mm_lexer_def *def = p->defs;
	struct parser inner = *p;
	int rc;

	while (def->name &&
	       (strlen(def->name) != len || strncmp(def->name, p->at, len)))
		def++;
	if (!def->name || p->at[len] != '}' || p->depth == MAX_DEPTH)
		return broken(p, "no such definition");
	inner.expr = inner.at = def->expr;
	inner.depth++;
	rc = parse_alternatives(&inner, f);
	if (!rc && *inner.at)
		rc = broken(&inner, "unexpected ')'");
	p->at += len + 1;
	return rc;
}

static int parse_atom(struct parser *p, struct frag *f)
{
	int rc;

	switch (*p->at) {
	case '(':
		p->at++;
		p->depth++;
		rc = p->depth > MAX_DEPTH ? broken(p, "too deep")
					  : parse_alternatives(p, f);
		if (!rc && *p->at++ != ')')
			rc = broken(p, "missing ')'");
		p->depth--;
		return rc;
	case '[': p->at++; return parse_class(p, f);
	case '{': p->at++; return parse_name(p, f);
	case '*':
	case '+':
	case '?': return broken(p, "nothing to repeat");
	default: return parse_literal(p, f);
	}
}

/*
 * "{2}" or "{2,4}" at p->at, the atom standing at `atom` and parsed once into
 * *f: the atom's text is parsed again for each further copy.
 */
static int parse_count(struct parser *p, const char *atom, struct frag *f)
{
	unsigned lo = (unsigned char)p->at[1] - '0', hi = lo;
	const char *after = p->at + 2;
	struct frag more;
	int rc;

	if (*after == ',') {
		hi = (unsigned char)after[1] - '0';
		after += 2;
	}
	if (*after++ != '}' || lo > 9 || hi > 9 || hi < lo || hi == 0)
		return broken(p, "bad count");
	if (lo == 0 && (rc = frag_repeat(p, f, '?')))
		return rc;
	for (unsigned i = 1; i < hi; i++) {
		p->at = atom;
		rc = parse_atom(p, &more);
		if (!rc && i >= lo)
			rc = frag_repeat(p, &more, '?');
		if (rc)
			return rc;
		frag_append(p, f, more);
	}
	p->at = after;
	return 0;
}

static int parse_sequence(struct parser *p, struct frag *f)
{
	int rc = 0;

	*f = (struct frag){ 0, 0 };
	while (!rc && *p->at && *p->at != '|' && *p->at != ')') {
		const char *atom = p->at;
		struct frag one;

		rc = parse_atom(p, &one);
		if (rc)
			return rc;
		if (*p->at && strchr("?+*", *p->at))
			rc = frag_repeat(p, &one, *p->at++);
		else if (*p->at == '{' && p->at[1] >= '0' && p->at[1] <= '9')
			rc = parse_count(p, atom, &one);
		if (!rc)
			frag_append(p, f, one);
	}
	if (!rc && !f->start)
		rc = broken(p, "an empty expression");
	return rc;
}

static int parse_alternatives(struct parser *p, struct frag *f)
{
	int rc = parse_sequence(p, f);

	while (!rc && *p->at == '|') {
		struct frag other;
		uint32_t split, join;

		p->at++;
		rc = parse_sequence(p, &other);
		if (rc)
			return rc;
		join = mm_nfa_node(p->nfa, MM_NFA_EPSILON, 0, 0);
		split = join ? mm_nfa_node(p->nfa, MM_NFA_EPSILON, f->start,
					   other.start)
			     : 0;
		if (!split)
			return mm_fail_nomem(p->err, "the scanner");
		mm_nfa_at(p->nfa, f->end)->out = join;
		mm_nfa_at(p->nfa, other.end)->out = join;
		*f = (struct frag){ split, join };
	}
	return rc;
}

int mm_nfa_parse(struct mm_nfa *nfa, const struct mm_lexer_def *defs,
		 const char *expr, uint32_t *start, uint32_t *end,
		 struct mm_err *err)
{
	struct parser p = { nfa, defs, expr, expr, 0, err };
	struct frag f;
	int rc = parse_alternatives(&p, &f);

	if (!rc && *p.at)
		rc = broken(&p, "unexpected ')'");
	if (rc)
		return rc;
	*start = f.start;
	*end = f.end;
	return 0;
}

/* Units whose membership in some set differs from that of the unit before. */
static void find_borders(const struct mm_nfa *nfa, struct mm_nfa_set *border)
{
	memset(border, 0, sizeof(*border));
	border->bit[0] = 1;
	for (size_t s = 0; s < nfa->n_sets; s++) {
		uint64_t last = 0;

		for (size_t i = 0; i < 65536 / 64; i++) {
			uint64_t b = nfa->set[s]->bit[i];

			border->bit[i] |= b ^ (b << 1 | last);
			last = b >> 63;
		}
	}
}

/* The class of units that are in the same sets as u. */
static int class_like(struct mm_nfa *nfa, struct mm_map *seen, uint64_t *in,
		      unsigned u, uint8_t *out, struct mm_err *err)
{
	size_t words = nfa->n_sets / 64 + 1;
	bool added = false;
	int64_t *class;

	memset(in, 0, words * sizeof(*in));
	for (size_t s = 0; s < nfa->n_sets; s++)
		in[s / 64] |= (uint64_t)set_has(nfa->set[s], u) << (s % 64);
	class = mm_map_put(seen, in, words * sizeof(*in), &added);
	if (!class)
		return mm_fail_nomem(err, "the scanner's classes");
	if (added && nfa->n_classes == MM_NFA_MAX_CLASSES)
		return mm_fail(err, MM_ERR_USAGE, "too many character classes");
	if (added)
		*class = (int64_t)nfa->n_classes++;
	for (size_t s = 0; added && s < nfa->n_sets; s++)
		nfa->has[s][*class] = set_has(nfa->set[s], u);
	*out = (uint8_t) * class;
	return 0;
}

/* Units that are in exactly the same sets get the same class. */
int mm_nfa_classes(struct mm_nfa *nfa, struct mm_err *err)
{
	uint64_t *in = mm_calloc(nfa->n_sets / 64 + 1, sizeof(*in));
	struct mm_nfa_set border;
	struct mm_map seen;
	uint8_t class = 0;
	int rc = 0;

	mm_map_init(&seen);
	nfa->has = mm_calloc(nfa->n_sets + 1, sizeof(*nfa->has));
	if (!in || !nfa->has)
		rc = mm_fail_nomem(err, "the scanner's classes");
	find_borders(nfa, &border);
	for (unsigned u = 0; !rc && u < 65536; u++) {
		if (set_has(&border, u))
			rc = class_like(nfa, &seen, in, u, &class, err);
		nfa->class_of[u] = class;
	}
	mm_map_release(&seen);
	mm_free(in);
	return rc;
}
