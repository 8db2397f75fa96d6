/*
 * regex_impl.h - between the files of the regular expressions only.
 *
 *	regex_parse.c	pattern to tree
 *	regex_set.c	classes of code points
 *	regex_compile.c	tree to program
 *	regex_run.c	program on text
 */
#ifndef MM_TEXT_REGEX_IMPL_H
#define MM_TEXT_REGEX_IMPL_H

#include "base/arena.h"
#include "text/regex.h"

enum {
	MM_RE_INF = 0x7fffffff,
	MM_RE_MAX_PROGRAM = 20000,
	MM_RE_MAX_REGISTERS = 32, /* loops whose body may be empty */
};

/* What one item of a class tests; each may be negated. */
enum mm_re_item_kind {
	RE_RANGE,    /* first..last                       */
	RE_CATEGORY, /* bit set of general categories     */
	RE_SPACE,
	RE_WORD,
	RE_WORD_LATIN, /* \w outside of classes: and six Latin-1 numbers */
	RE_SCRIPT,     /* pairs of first and last           */
	RE_CLASS,      /* another class                     */
};

struct mm_re_item {
	enum mm_re_item_kind kind;
	bool negate;
	uint32_t first, last; /* RE_RANGE; RE_CATEGORY: bits in first */
	const uint32_t *pairs;
	struct mm_re_set *set;
	struct mm_re_item *next;
};

/* Any of the items, and (where there is one) also the set `both`. */
struct mm_re_set {
	struct mm_re_item *items;
	struct mm_re_set *both;
	bool negate, fold;
	uint32_t ascii[4]; /* the answer for 0..127, folding included */
};

bool mm_re_set_has_slow(const struct mm_re_set *set, uint32_t cp);
void mm_re_set_finish(struct mm_re_set *set);

static inline bool mm_re_set_has(const struct mm_re_set *set, uint32_t cp)
{
	return cp < 128 ? set->ascii[cp / 32] >> cp % 32 & 1
			: mm_re_set_has_slow(set, cp);
}

enum mm_re_node_kind {
	RE_EMPTY,
	RE_SET,	 /* one code point of a class */
	RE_CAT,	 /* a then b */
	RE_ALT,	 /* a or b */
	RE_REP,	 /* a, min..max times */
	RE_LOOK, /* look-around */
	RE_ATOMIC,
	RE_AT, /* an anchor */
};

enum mm_re_anchor {
	RE_LINE_START,
	RE_LINE_END,
	RE_TEXT_START,
	RE_TEXT_END,
	RE_TEXT_END_NL,
	RE_BORDER,
	RE_NO_BORDER,
};

struct mm_re_node {
	enum mm_re_node_kind kind;
	struct mm_re_node *a, *b;
	struct mm_re_set *set;
	int min, max;
	bool lazy, possessive;
	bool behind, negate;
	enum mm_re_anchor anchor;
};

/* Ops of a program; x and y are places in it unless said otherwise. */
enum mm_re_op {
	RE_OP_SET,    /* one code point of set                          */
	RE_OP_RUN,    /* set, x..y times, backwards one at a time       */
	RE_OP_SPLIT,  /* try x, then y                                  */
	RE_OP_JUMP,   /* x                                              */
	RE_OP_MARK,   /* remember the position in register x            */
	RE_OP_MOVED,  /* not moved since register x was set: go to y    */
	RE_OP_LOOK,   /* sub-program behind it, goes on at x            */
	RE_OP_ATOMIC, /* the same, and takes what matched               */
	RE_OP_AT,     /* anchor x                                       */
	RE_OP_MATCH,
};

struct mm_re_insn {
	enum mm_re_op op;
	int x, y;
	bool lazy, possessive; /* of a run */
	bool negate;	       /* of a look-around */
	int back;	       /* code points to step back; -1: ahead */
	const struct mm_re_set *set;
	const uint32_t *first_x, *first_y; /* ASCII that x, y may begin with */
};

struct mm_regex {
	struct mm_arena arena;
	struct mm_re_insn *insn;
	size_t n, cap, n_registers;
	const uint32_t *first; /* ASCII that a match may begin with, or NULL */
	char *pattern;	       /* for messages */
};

/* The tree of a pattern, in the arena. */
int mm_re_parse(struct mm_re_node **root, struct mm_arena *arena,
		const char *pattern, size_t len,
		struct mm_err *err) MM_MUST_CHECK;

bool mm_re_word(uint32_t cp); /* RE_WORD_LATIN: what \b goes by, too */

/* \p{name}; false where the name is unknown. */
bool mm_re_property(struct mm_re_item *item, const char *name, size_t len);

#endif
