/*
 * opt.h - command-line options, declared once per command.
 *
 * One static table drives parsing, --help, the OPTIONS part of the man page,
 * shell completion and `name = value` config files.  Values land in the
 * command's args struct; its defaults struct is the only place where a default
 * is written.
 *
 * Parsing is getopt_long's (options and operands in any order, "--" ends the
 * options, -abc, -o3, --name=value, --name value), but long names must be
 * exact: an abbreviation in a script breaks when an option is added.
 *
 *	static const struct mm_opt opts[] = {
 *		MM_OPT_OUTPUT(struct view_args),
 *		MM_INT('n', "rows", struct view_args, rows, "N", 0, 1e9,
 *		       "how many rows to show"),
 *		MM_OPT_GENERAL(struct view_args),
 *		MM_OPTS_END,
 *	};
 */
#ifndef MM_OPT_H
#define MM_OPT_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct mm_cmd; /* cmd.h */

enum mm_opt_kind {
	MM_OPT_END = 0,
	MM_OPT_GROUP,  /* a heading; only .help is used                     */
	MM_OPT_HELP,   /* -h                                                */
	MM_OPT_FLAG,   /* bool; --x and --no-x                              */
	MM_OPT_INT,    /* int64_t in lo..hi                                 */
	MM_OPT_BYTES,  /* int64_t in lo..hi; k, M, G, T for powers of 1024  */
	MM_OPT_REAL,   /* double in lo..hi, finite                          */
	MM_OPT_STR,    /* const char *                                      */
	MM_OPT_PATH,   /* the same, completes file names                    */
	MM_OPT_DIR,    /* the same, completes folder names                  */
	MM_OPT_ENUM,   /* int, an index into .choices; .arg: see describe.c */
	MM_OPT_LIST,   /* struct mm_list; may be given several times        */
	MM_OPT_NUMS,   /* struct mm_nums; min_n..max_n numbers, commas      */
	MM_OPT_INTS,   /* the same, whole numbers only                      */
	MM_OPT_AMOUNT, /* struct mm_amount: 100, 0.1 or 10%                 */
	MM_OPT_WORD,   /* struct mm_word: one of .choices or a number       */
	MM_OPT_EXTENT, /* struct mm_extent: N or WxH                        */
	MM_OPT_SHARD,  /* struct mm_shard: I/N with 0 <= I < N              */
};

/*
 * Defaults that mean "not given": such a default is not printed, and the
 * command can tell whether the user spoke.  Strings use NULL, lists n = 0.
 */
#define MM_UNSET      INT64_MIN /* INT, BYTES */
#define MM_UNSET_REAL NAN	/* REAL; AMOUNT and WORD in .value */
#define MM_UNSET_ENUM (-1)	/* ENUM */

enum { MM_NUMS_MAX = 64, MM_WORD_NUMBER = -1, MM_WORD_UNSET = -2 };

struct mm_list {
	size_t n;
	const char *const *item;
};

struct mm_nums {
	size_t n;
	double at[MM_NUMS_MAX];
};

/*
 * STEPS|FRACTION: a whole number (digits alone) is a count; anything with a
 * point, an exponent or '%' is a share of the whole in 0..1.  value is NAN
 * where it was not given.
 */
struct mm_amount {
	double value;
	bool fraction;
};

/* word: index into choices; MM_WORD_NUMBER: `value` counts; MM_WORD_UNSET. */
struct mm_word {
	int word;
	double value;
};

/* N alone leaves height 0; {0, 0} is "not given". */
struct mm_extent {
	int64_t width, height;
};

/* count 0: not given, everything is ours. */
struct mm_shard {
	int64_t index, count;
};

struct mm_opt {
	enum mm_opt_kind kind;
	char letter;	     /* short option, 0 where there is none */
	const char *name;    /* long option, without the dashes */
	const char *arg;     /* "FILE", "N"; NULL for flags */
	size_t offset;	     /* of the field inside the command's args struct */
	double lo, hi;	     /* range of numbers, ends included */
	size_t min_n, max_n; /* NUMS and INTS */
	const char *const *choices; /* ENUM and WORD, NULL-terminated */
	bool no_default;	    /* the help text tells the default itself */
	const char *help;	    /* one clause, no capital, no full stop */
};

/* Offset of T.m; does not compile cleanly unless T.m has type `type`. */
#define MM_FIELD(T, m, type) \
	(offsetof(T, m) + 0 * sizeof((type *)0 == &((T *)0)->m))

#define MM_OPT_OF(k, c, l, T, m, type, ...)                 \
	{                                                   \
		.kind = (k), .letter = (c), .name = (l),    \
		.offset = MM_FIELD(T, m, type), __VA_ARGS__ \
	}

#define MM_FLAG(c, l, T, m, h) \
	MM_OPT_OF(MM_OPT_FLAG, c, l, T, m, bool, .help = (h))
#define MM_INT(c, l, T, m, a, from, to, h)                                   \
	MM_OPT_OF(MM_OPT_INT, c, l, T, m, int64_t, .arg = (a), .lo = (from), \
		  .hi = (to), .help = (h))
#define MM_BYTES(c, l, T, m, a, from, to, h)                                   \
	MM_OPT_OF(MM_OPT_BYTES, c, l, T, m, int64_t, .arg = (a), .lo = (from), \
		  .hi = (to), .help = (h))
#define MM_REAL(c, l, T, m, a, from, to, h)                                  \
	MM_OPT_OF(MM_OPT_REAL, c, l, T, m, double, .arg = (a), .lo = (from), \
		  .hi = (to), .help = (h))
#define MM_STR(c, l, T, m, a, h) \
	MM_OPT_OF(MM_OPT_STR, c, l, T, m, const char *, .arg = (a), .help = (h))
#define MM_PATH(c, l, T, m, a, h)                                    \
	MM_OPT_OF(MM_OPT_PATH, c, l, T, m, const char *, .arg = (a), \
		  .help = (h))
#define MM_DIR(c, l, T, m, a, h) \
	MM_OPT_OF(MM_OPT_DIR, c, l, T, m, const char *, .arg = (a), .help = (h))
#define MM_ENUM(c, l, T, m, words, h) \
	MM_OPT_OF(MM_OPT_ENUM, c, l, T, m, int, .choices = (words), .help = (h))
#define MM_LIST(c, l, T, m, a, h)                                      \
	MM_OPT_OF(MM_OPT_LIST, c, l, T, m, struct mm_list, .arg = (a), \
		  .help = (h))
#define MM_NUMS(c, l, T, m, a, least, most, from, to, h)                       \
	MM_OPT_OF(MM_OPT_NUMS, c, l, T, m, struct mm_nums, .arg = (a),         \
		  .min_n = (least), .max_n = (most), .lo = (from), .hi = (to), \
		  .help = (h))
#define MM_INTS(c, l, T, m, a, least, most, from, to, h)                       \
	MM_OPT_OF(MM_OPT_INTS, c, l, T, m, struct mm_nums, .arg = (a),         \
		  .min_n = (least), .max_n = (most), .lo = (from), .hi = (to), \
		  .help = (h))
#define MM_AMOUNT(c, l, T, m, a, to, h)                                    \
	MM_OPT_OF(MM_OPT_AMOUNT, c, l, T, m, struct mm_amount, .arg = (a), \
		  .hi = (to), .help = (h))
#define MM_WORD(c, l, T, m, words, a, from, to, h)                     \
	MM_OPT_OF(MM_OPT_WORD, c, l, T, m, struct mm_word, .arg = (a), \
		  .choices = (words), .lo = (from), .hi = (to), .help = (h))
#define MM_EXTENT(c, l, T, m, to, h)                                           \
	MM_OPT_OF(MM_OPT_EXTENT, c, l, T, m, struct mm_extent, .arg = "N|WxH", \
		  .lo = 1, .hi = (to), .help = (h))
#define MM_SHARD(c, l, T, m, h)                                            \
	MM_OPT_OF(MM_OPT_SHARD, c, l, T, m, struct mm_shard, .arg = "I/N", \
		  .help = (h))
#define MM_HELP(h)                                                  \
	{                                                           \
		.kind = MM_OPT_HELP, .letter = 'h', .name = "help", \
		.help = (h)                                         \
	}
#define MM_GROUP(h)                               \
	{                                         \
		.kind = MM_OPT_GROUP, .help = (h) \
	}
#define MM_OPTS_END                \
	{                          \
		.kind = MM_OPT_END \
	}

/* What the user typed, read.  Release with mm_parsed_release. */
struct mm_parsed {
	void *args; /* the command's args struct, defaults filled in */
	int argc;   /* operands; argv[argc] is NULL */
	char **argv;
	bool help;	       /* -h was seen: nothing else counts */
	struct mm_arena arena; /* holds args, operands, lists, config text */
};

/*
 * Read argv[1..argc) by cmd's table.  A --config file is read first, so that
 * the command line wins.  MM_ERR_USAGE for what the user typed wrong (the
 * message suggests the nearest name), MM_ERR_IO for a config file that cannot
 * be read.  Strings point into argv or the arena.
 */
int mm_opt_parse(const struct mm_cmd *cmd, struct mm_parsed *out, int argc,
		 char **argv, struct mm_err *err) MM_MUST_CHECK;
void mm_parsed_release(struct mm_parsed *p);

/*
 * One `name = value` of a file into args.  fresh: a list is emptied first.
 * Names and values are checked as on the command line; a flag wants yes or no.
 */
int mm_opt_set(const struct mm_cmd *cmd, void *args, const char *name,
	       const char *value, bool fresh, struct mm_arena *arena,
	       struct mm_err *err) MM_MUST_CHECK;

/* Store `text` as o's value in args; for the parser and for tests. */
int mm_opt_store(const struct mm_opt *o, void *args, const char *text,
		 struct mm_arena *arena, struct mm_err *err) MM_MUST_CHECK;

/* The option of that long name (n bytes), NULL where there is none. */
const struct mm_opt *mm_opt_find(const struct mm_cmd *cmd, const char *name,
				 size_t n);

/*
 * Of two words, how many letters must be added, dropped, changed or swapped
 * with their neighbour to make one the other.
 */
size_t mm_edit_distance(const char *a, const char *b);

/* Keeps the better of *best (may be NULL) and `name` as a guess for `typed`. */
void mm_suggest(const char **best, const char *typed, const char *name);

#endif
