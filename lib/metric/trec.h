/*
 * trec.h - what NIST's trec_eval computes, number for number.
 *
 * Formats (fields apart by white space, one record a line; blank lines and
 * lines that begin with '#' are skipped):
 *
 *	qrels	query  anything  document  relevance
 *	run	query  anything  document  anything  score  run-name ...
 *
 * Documents of a query are ranked by score, best first; documents of equal
 * score by their names in descending byte order.  A relevance of at least
 * `level` is relevant; a negative one means pooled but not judged.  Queries
 * are taken in byte order of their names.
 *
 * Source: trec_eval 10.0 (github.com/usnistgov/trec_eval), whose measures and
 * conventions for divisions by zero are kept:
 *
 *	- a measure without relevant or retrieved documents is 0, but
 *	  iprec_at_recall and 11pt_avg of a query with nothing retrieved (after
 *	  -J) and Rndcg of a query without a change of gain are 0/0: nan
 *	- with `complete`, a query without results counts as one that retrieved
 *	  a single document from outside the pool; num_ret, utility, unj,
 *	  rbp_resid and relstring are then cleared, unless parameters changed
 *	  their names; num_rel of the summary counts relevance > 0, whatever
 *	  the level
 *	- gains of ndcg, Rndcg, ndcg_rel, G that differ by less than 1 count as
 *	  equal when levels are put in order
 *	- rbp brings gains into 0..1 where they leave it
 *
 * Departures, all where trec_eval goes on with something arbitrary: a score
 * or relevance that is no number, a NaN, a relevance above 2^20, and NUL bytes
 * are errors.  Without `complete` a query that the run lacks is left out, as
 * trec_eval's manual says (10.0rc3 stops there).
 *
 * Memory: about 1.5 times the files, and 8 bytes per query and value.
 */
#ifndef MM_METRIC_TREC_H
#define MM_METRIC_TREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct mm_trec_doc {
	const char *id;
	union {
		double score; /* of a run */
		int64_t rel;  /* of qrels */
	} u;
};

struct mm_trec_query {
	const char *id;
	struct mm_trec_doc *doc; /* n of them, in the order of the file */
	size_t n;
};

/* A qrels file or a run in memory, queries in byte order. */
struct mm_trec {
	struct mm_trec_query *query;
	size_t n;
	const char *run_id; /* a run's name: of its last line */
	const char *name;   /* of the file, borrowed, for messages */
	char *text;
	struct mm_trec_doc *docs;
};

/* Errors name file and line.  Release also after a failure. */
int mm_trec_read_qrels(struct mm_trec *t, const void *bytes, size_t n,
		       const char *name, struct mm_err *err) MM_MUST_CHECK;
int mm_trec_read_run(struct mm_trec *t, const void *bytes, size_t n,
		     const char *name, struct mm_err *err) MM_MUST_CHECK;
void mm_trec_release(struct mm_trec *t);

/* The query of that name, or NULL. */
const struct mm_trec_query *mm_trec_find(const struct mm_trec *t,
					 const char *id);

struct mm_trec_options {
	bool complete;	  /* -c: average over all queries of the qrels */
	bool judged_only; /* -J: drop documents without judgement first */
	int64_t level;	  /* -l: least relevance that counts; 1 */
	int64_t max_docs; /* -M: documents per query that count */
	int64_t n_docs;	  /* -N: documents in the collection, for utility */
};

extern const struct mm_trec_options mm_trec_defaults;

/* How a value is printed. */
enum mm_trec_kind { MM_TREC_REAL, MM_TREC_COUNT, MM_TREC_TEXT };

/* One value of the output: "P_5". */
struct mm_trec_value {
	const char *name;
	enum mm_trec_kind kind;
	bool per_query; /* is it printed for single queries? */
	bool summary;	/* is it printed in the summary? */
};

/* Which measures, with which parameters. */
struct mm_trec_plan {
	struct mm_trec_chosen *chosen; /* by measure, private */
	struct mm_trec_value *value;   /* in the order of output */
	size_t n_values;
	struct mm_arena arena;
};

/*
 * Choose by what -m takes: "all_trec", "official", "set", "P", "P.5,10",
 * "ndcg.1=3,2=9".  As in trec_eval the first parameters given for a measure
 * hold.  n_specs = 0 is "official".
 */
int mm_trec_plan_init(struct mm_trec_plan *p, const char *const *specs,
		      size_t n_specs, struct mm_err *err) MM_MUST_CHECK;
void mm_trec_plan_release(struct mm_trec_plan *p);

struct mm_trec_result {
	size_t n_queries;
	const char **query;	/* (n_queries) names, borrowed from the qrels */
	double *each;		/* (n_queries, n_values) */
	const char **relstring; /* (n_queries) or NULL where not chosen */
	double *all;		/* (n_values) the summary */
	const char *run_id;
	struct mm_arena arena;
};

/* MM_ERR_FORMAT: a document twice in a query, or no query in common. */
int mm_trec_eval(struct mm_trec_result *r, const struct mm_trec_plan *plan,
		 const struct mm_trec_options *options,
		 const struct mm_trec *qrels, const struct mm_trec *run,
		 struct mm_err *err) MM_MUST_CHECK;
void mm_trec_result_release(struct mm_trec_result *r);

/* trec_eval's output: per query (-q), then the summary (unless -n). */
void mm_trec_print(struct mm_buf *out, const struct mm_trec_plan *plan,
		   const struct mm_trec_result *r, bool per_query,
		   bool summary);

/*
 * The metrics table's sample of task "trec": one query's documents ranked and
 * judged, rel[i] of the document at rank i + 1 (-1: not in the qrels, -2: not
 * judged), and how many judged documents each level has.
 */
struct mm_trec_sample {
	const int64_t *rel;
	size_t n;
	const size_t *levels; /* [n_levels] */
	size_t n_levels;
};

#endif
