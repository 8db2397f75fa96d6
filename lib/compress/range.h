/*
 * range.h - the range of an activation, from what is seen of it: a histogram
 * of |x| whose width doubles (neighbours joined) when a larger value comes, so
 * that memory does not grow with the samples.
 */
#ifndef MM_COMPRESS_RANGE_H
#define MM_COMPRESS_RANGE_H

#include <stddef.h>
#include <stdint.h>

enum { MM_RANGE_BINS = 2048 };

struct mm_range {
	float width; /* the bins cover |x| in [0, width); 0: nothing seen */
	float largest;
	uint64_t bin[MM_RANGE_BINS], n;
};

enum mm_range_rule {
	MM_RANGE_MINMAX,     /* the largest |x| */
	MM_RANGE_PERCENTILE, /* of |x|: outliers are cut */
	MM_RANGE_MSE,	     /* what makes the squared error of int8 least */
};

void mm_range_add(struct mm_range *r, const float *x, size_t n);

/*
 * The scale of int8 activations, q = round(x / scale) cut to +-127; 0 where
 * only zeros were seen.  `percentile` in 0..100 is of that rule alone.
 */
float mm_range_scale(const struct mm_range *r, enum mm_range_rule rule,
		     double percentile);

#endif
