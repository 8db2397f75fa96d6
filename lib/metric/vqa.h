/*
 * vqa.h - visual question answering: agreement with what people answered.
 *
 *	accuracy of a prediction = mean over the n given answers a of
 *		min(1, #(answers but a that equal the prediction) / 3)
 *
 * as in the official evaluation of VQA (github.com/GT-Vision-Lab/VQA,
 * vqaEval.py), with its quirks:
 *
 *	- new lines and tabs become blanks and the ends are trimmed; the rest
 *	  is normalised only where the given answers are not all the same: else
 *	  case and punctuation count
 *	- "but a" leaves out every answer that agrees with a in all members,
 *	  which are several only where answer_id is missing or repeated
 *	- normalised is: each of ; / [ ] " { } ( ) = + \ _ - > < @ ` , ? ! goes
 *	  where the answer has it beside a blank, or has a comma between digits
 *	  anywhere, and becomes a blank elsewhere; the first 32 full stops that
 *no digit follows go; lower case; "none", "zero".."ten" become digits; a, an,
 *the go; apostrophes are put into a list of contractions; one blank between
 *words
 *	- figures are per cent, rounded to two decimals
 *
 * MM_VQA_RELAXED normalises always.  MM_VQA_ANY is for open questions with a
 * list of acceptable answers: 1 where the normalised prediction equals any of
 * them, else 0.
 */
#ifndef MM_METRIC_VQA_H
#define MM_METRIC_VQA_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "metric/text.h"

enum mm_vqa_mode { MM_VQA_OFFICIAL, MM_VQA_RELAXED, MM_VQA_ANY };

/* Punctuation, digits and articles; UTF-8 in and out, appended. */
void mm_vqa_normalise(struct mm_buf *out, const char *s, size_t n);

/*
 * One question.  rest[i] < n tells answers apart that read the same: equal
 * numbers mean that all other members agree; NULL: all differ.  *out in 0..1.
 */
struct mm_vqa_sample {
	struct mm_line prediction;
	const struct mm_line *answer; /* n >= 1 */
	const size_t *rest;
	size_t n;
};

int mm_vqa_accuracy(double *out, const struct mm_vqa_sample *q,
		    enum mm_vqa_mode mode, struct mm_err *err) MM_MUST_CHECK;

/* x as per cent with two decimals, rounded as Python's round() does. */
double mm_vqa_percent(double x);

/* ---- the files of the official evaluation ---- */

struct mm_arena;

struct mm_vqa_group {
	const char *name; /* "yes/no" */
	double sum;
	size_t n;
};

struct mm_vqa_result {
	size_t n;	  /* questions, in the order of the annotations */
	const char **id;  /* question_id as JSON text */
	double *accuracy; /* (n) 0..1 */
	double overall;	  /* 0..1 */
	struct mm_vqa_group *question_type, *answer_type; /* first met first */
	size_t n_question_types, n_answer_types;
	struct mm_arena *memory; /* owns all of this */
};

struct mm_json;

/*
 * annotations	{"annotations": [{"question_id", "answers": [{"answer", ...}
 *		or "text", ...], "question_type", "answer_type"}, ...]}; the
 *		types may be missing
 * results	[{"question_id", "answer"}, ...]
 * questions	{"questions": [{"question_id"}, ...]} or NULL: not looked at
 *
 * Names are for messages.  Where the ids do not match, each difference is a
 * line in *differences and the call fails (MM_ERR_FORMAT).  Release with
 * mm_vqa_result_release, after a failure too.
 */
struct mm_vqa_files {
	const struct mm_json *annotations, *results, *questions;
	const char *annotations_name, *results_name, *questions_name;
};

int mm_vqa_eval(struct mm_vqa_result *r, const struct mm_vqa_files *files,
		enum mm_vqa_mode mode, struct mm_buf *differences,
		struct mm_err *err) MM_MUST_CHECK;
void mm_vqa_result_release(struct mm_vqa_result *r);

/*
 * The metrics table's sample of task "vqa" is a struct mm_vqa_sample, its
 * options an enum mm_vqa_mode; the figure is "accuracy", 0..1.
 */

#endif
