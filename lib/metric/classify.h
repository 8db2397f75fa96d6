/*
 * classify.h - figures of classifiers, as scikit-learn computes them.
 *
 * For each class, with tp samples of it that were also predicted so:
 *
 *	precision	tp / predicted
 *	recall		tp / support (how many samples are of the class)
 *	f1		2 tp / (predicted + support)
 *
 * and 0 where that is 0/0.  Averages of the three over classes:
 *
 *	macro		the plain mean over all classes that occur among the
 *			labels or the predictions: one that is only predicted
 *			counts 0
 *	weighted	the mean weighted by support
 *	micro		from the sums of tp, predicted and support; with one
 *			label a sample that is the accuracy
 *	samples		(several labels a sample) the mean over samples, each
 *			sample's labels counted like a class
 *
 * balanced accuracy (mean_per_class_recall) is the mean recall of the classes
 * that have support; the others are left out of it.
 *
 * Source: sklearn.metrics 1.x, precision_recall_fscore_support with
 * zero_division=0, balanced_accuracy_score, average_precision_score.
 */
#ifndef MM_METRIC_CLASSIFY_H
#define MM_METRIC_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What was counted of one class. */
struct mm_class_counts {
	uint64_t tp, predicted, support;
};

struct mm_class_figures {
	double precision, recall, f1;
};

/* One class; counts may be sums of several. */
void mm_class_figures(struct mm_class_figures *out,
		      const struct mm_class_counts *counts);

struct mm_classification {
	uint64_t n; /* samples */
	double accuracy, balanced_accuracy;
	struct mm_class_figures macro, micro, weighted;
};

/*
 * All figures of K classes.  occurring_only: classes with neither support nor
 * predictions are left out of the macro average (one label a sample); else all
 * K count (columns of an indicator matrix).  `right` of n samples are right.
 */
void mm_classification(struct mm_classification *out,
		       const struct mm_class_counts *counts, size_t K,
		       uint64_t right, uint64_t n, bool occurring_only);

/*
 * Area under the precision-recall curve in steps: sum over thresholds of
 * (recall gained) * precision, equal scores being one threshold; 0 where no
 * sample is positive.  score and truth of sample i are score[i * stride] and
 * truth[i * stride].  MM_ERR_FORMAT: a NaN.
 */
int mm_average_precision(double *out, const float *score, const uint8_t *truth,
			 size_t n, size_t stride,
			 struct mm_err *err) MM_MUST_CHECK;

/*
 * The rank of class `truth` among scores[0..K): one more than the number of
 * other classes that score at least as much.  A tie never helps.
 */
size_t mm_class_rank(const float *scores, size_t K, size_t truth);

/*
 * A confusion matrix, count[t * K + p]: samples of class t predicted as p, as
 * a picture of coloured squares (SVG), rows being the true classes.  Shade is
 * the share of the row.  names: UTF-8.
 */
void mm_confusion_svg(struct mm_buf *out, const uint64_t *count, size_t K,
		      const char *const *names);

/*
 * The metrics table's samples.  Task "classification": one label a sample.
 * Figures acc1, acc5, mean_per_class_recall, f1_macro, f1_micro, f1_weighted;
 * acc5 is NaN unless every sample came with 5 guesses.  No options.
 */
struct mm_classification_sample {
	size_t truth;
	const size_t *guess; /* best first, n >= 1 */
	size_t n;
};

/*
 * Task "multilabel": any number of labels a sample.  Figures accuracy (all K
 * right), f1_macro, f1_micro, f1_weighted, f1_samples, map (mean average
 * precision over classes; NaN unless every sample came with scores).  K must
 * be the same for all.  No options.
 */
struct mm_multilabel_sample {
	const uint8_t *truth, *predicted; /* (K) 0 or 1 */
	const float *score;		  /* (K) or NULL */
	size_t K;
};

#endif
