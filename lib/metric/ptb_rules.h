/*
 * ptb_rules.h - what the tokens of Stanford's PTBTokenizer 3.4.1 look like;
 * used by ptb.c alone.
 */
#ifndef MM_METRIC_PTB_RULES_H
#define MM_METRIC_PTB_RULES_H

#include "metric/lexer.h"

/* What becomes of the text that a rule matched. */
enum mm_ptb_action {
	MM_PTB_KEEP,	   /* a token as it stands                           */
	MM_PTB_SKIP,	   /* nothing                                        */
	MM_PTB_LINE,	   /* the end of a line                              */
	MM_PTB_SOFT,	   /* without soft hyphens; "-" where nothing is left */
	MM_PTB_AMP,	   /* &amp; becomes &                                */
	MM_PTB_GLUE,	   /* spaces become no-break spaces                  */
	MM_PTB_GLUE_PAREN, /* and parentheses -LRB-, -RRB-                   */
	MM_PTB_PAREN,	   /* only the parentheses                           */
	MM_PTB_OPEN,	   /* quotation marks, as opening ones               */
	MM_PTB_CLOSE,	   /* quotation marks, as closing ones               */
	MM_PTB_MONEY,	   /* currency signs to cents, # and $               */
	MM_PTB_FRACTION,   /* one-character fractions to 1/2                 */
	MM_PTB_DASH,	   /* --                                             */
	MM_PTB_HYPHENS,	   /* three or four hyphens are --                   */
	MM_PTB_DOTS,	   /* ...                                            */
	MM_PTB_LESS,	   /* <                                              */
	MM_PTB_GREATER,	   /* >                                              */
	MM_PTB_LRB,
	MM_PTB_RRB,
	MM_PTB_LCB,
	MM_PTB_RCB,
	MM_PTB_LSB,
	MM_PTB_RSB,
	MM_PTB_LESS_2,	/* all but its last two units; those come again   */
	MM_PTB_LESS_3,	/* all but its last three                         */
	MM_PTB_STOP,	/* all of it, and its full stop comes again       */
	MM_PTB_INITIAL, /* as STOP, but a single letter leaves its stop   */
};

extern const struct mm_lexer_def mm_ptb_defs[];
extern const struct mm_lexer_rule mm_ptb_rules[];
extern const size_t mm_ptb_n_rules;

#endif
