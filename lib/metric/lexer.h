/*
 * lexer.h - a longest-match scanner made from a table of regular expressions.
 *
 * Text is a sequence of UTF-16 code units (that is how the programs whose
 * tokens must be met see it).  At a position the rule wins whose match is the
 * longest, what must follow it included; of several, the first.  A rule whose
 * `ahead` is not NULL matches only in front of that expression; the token then
 * ends where the longest `match` in front of an `ahead` ends.
 *
 * Expressions:
 *
 *	a		the letter a or A, and what Unicode folds to it
 *	[abc-f] [^...]	one of these units exactly (cases do not fold), or not
 *	.		anything but a line end
 *	( ) | * + ?	as usual
 *	{2} {2,4}	counted repetition
 *	{name}		the definition of that name, as if in parentheses
 *	%uHHHH		a code unit
 *	%l %d %c	a letter, a decimal digit, a capital (Unicode 6.3)
 *	%X		the character X itself, for any other X
 *
 * The automaton's states are made when a text first needs them.  A scanner
 * therefore belongs to one thread at a time.
 */
#ifndef MM_METRIC_LEXER_H
#define MM_METRIC_LEXER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mm_lexer;

struct mm_lexer_def {
	const char *name, *expr;
};

struct mm_lexer_rule {
	const char *match;
	const char *ahead; /* what must follow, or NULL */
	int action;	   /* the caller's */
};

/*
 * A scanner for `rules`; `defs` ends with a NULL name.  Errors: MM_ERR_USAGE
 * for an expression that does not parse, MM_ERR_NOMEM.
 */
int mm_lexer_new(struct mm_lexer **lexer, const struct mm_lexer_def *defs,
		 const struct mm_lexer_rule *rules, size_t n_rules,
		 struct mm_err *err) MM_MUST_CHECK;
void mm_lexer_free(struct mm_lexer *lexer);

/* A new text of n units, borrowed until the next call. */
void mm_lexer_begin(struct mm_lexer *lexer, const uint16_t *text, size_t n);

/*
 * The token at `pos`: *rule is the row that matched (-1: none), *end where the
 * token ends.  Time over a whole text is linear in its length: a scan that
 * went far and found nothing is remembered (Reps, "Maximal-munch tokenization
 * in linear time", TOPLAS 1998).
 */
int mm_lexer_match(struct mm_lexer *lexer, size_t pos, int *rule, size_t *end,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
