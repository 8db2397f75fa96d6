/*
 * cache.h - packed weights kept beside a model, so that a cold start maps them
 * instead of packing.
 *
 * DIR/mmtool-packed.safetensors holds for each weight NAME an array U8,
 * NAME.LAYOUT, of the bytes in kernel/packed.h, filled up to 64; the metadata
 * mmtool.packed.source tells of which weights they were made (size and time of
 * change).  A file that is of other weights or of another processor's layouts
 * counts as not there, and the next save replaces it.
 */
#ifndef MM_MODEL_CACHE_H
#define MM_MODEL_CACHE_H

#include "model/model.h"

/* Map the file where it is there and fits; after mm_model_open. */
int mm_model_cache_open(struct mm_model *m, struct mm_err *err) MM_MUST_CHECK;

/* Write it anew if this run packed a weight that it lacks. */
int mm_model_cache_save(const struct mm_model *m,
			struct mm_err *err) MM_MUST_CHECK;

/* The panels of a weight, or NULL; bytes is their size without filling. */
const void *mm_model_cache_find(const struct mm_model *m,
				const struct mm_param *p, size_t bytes);

#endif
