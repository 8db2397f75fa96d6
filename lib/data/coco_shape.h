/*
 * coco_shape.h - the box around a COCO segmentation; private to lib/data.
 *
 * Source: cocodataset.org/#format-data, and maskApi.c of the COCO API for the
 * compressed counts.
 *
 *	polygons	[[x, y, x, y, ...], ...]
 *	run lengths	{"size": [height, width], "counts": [n, n, ...]}, column
 *			by column, background first
 *	compressed	the same with counts as a string: five bits a
 *			character, differences to the count before the last
 */
#ifndef MM_DATA_COCO_SHAPE_H
#define MM_DATA_COCO_SHAPE_H

#include "data/json_scan.h"

/* box = x0 y0 x1 y1.  MM_ERR_FORMAT where the shape is none, or empty. */
int mm_coco_bounds(struct mm_slice segmentation, double box[4],
		   struct mm_err *err) MM_MUST_CHECK;

#endif
