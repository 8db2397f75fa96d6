/*
 * class_report.h - what eval classify and zeroshot print: figures over all
 * samples, a table of the classes, the confusion matrix.
 */
#ifndef MM_CLASS_REPORT_H
#define MM_CLASS_REPORT_H

#include "common.h"
#include "metric/class_names.h"
#include "metric/classify.h"

struct class_report {
	const struct mm_class_names *names; /* borrowed */
	size_t K, n;
	size_t *order; /* (K) classes as they are listed */
	struct mm_class_counts *counts;
	uint64_t *confusion; /* (K, K) [true][predicted]; NULL: not wanted */
	struct mm_classification all;
	bool multi;		/* several labels a sample */
	bool keep_order;	/* list classes by their number */
	double acc5;		/* NaN: not known */
	double f1_samples, map; /* multi; map NaN: no scores */
	double *each;		/* (n, 2): acc1 and acc5, or accuracy and F1 */
};

/*
 * One label a sample; guess: the predictions of each, best first, one at
 * least.  `confusion`: count the matrix too.
 */
int class_report_single(struct class_report *r,
			const struct mm_class_names *names,
			const struct mm_labels *truth,
			const struct mm_labels *guess, bool confusion,
			struct mm_err *err);

/* Any number of labels a sample; score (n, K) or NULL. */
int class_report_multi(struct class_report *r,
		       const struct mm_class_names *names,
		       const struct mm_labels *truth,
		       const struct mm_labels *guess, const float *score,
		       struct mm_err *err);
void class_report_release(struct class_report *r);

/* Members of an object that is open: figures, "classes", "confusion". */
void class_report_json(const struct class_report *r, struct mm_json_writer *w,
		       bool classes);
void class_report_table(const struct class_report *r, struct mm_buf *out,
			bool classes);

/* The matrix as text; of more than 24 classes, what is confused most. */
void class_report_matrix(const struct class_report *r, struct mm_buf *out);

/* "samples" of an open object: ids (NULL: numbers) and figures of each. */
void class_report_samples(const struct class_report *r,
			  const struct mm_lines *id, struct mm_json_writer *w);

/* To a file: .svg, .png, or tab-separated. */
int class_report_save_matrix(const struct class_report *r, const char *path,
			     struct mm_err *err);

/* Figures of each sample, tab-separated. */
int class_report_save_each(const struct class_report *r,
			   const struct mm_lines *id, const char *path,
			   struct mm_err *err);

#endif
