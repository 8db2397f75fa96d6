/* clip_captions.h - CLIPScore of captions by a model, for eval caption. */
#ifndef MM_CMD_CLIP_CAPTIONS_H
#define MM_CMD_CLIP_CAPTIONS_H

#include "common.h"
#include "metric/text.h"

/* Image i has the id id[i], hypothesis i and references first[i]... */
struct clip_captions {
	const struct mm_lines *id, *hyps, *refs;
	const size_t *first;
};

/*
 * CLIPScore and RefCLIPScore: value[2], each (images, 2).  Pictures come from
 * a SOURCE and are found by id; a number finds a picture whose name ends with
 * it, as COCO_val2014_000000000042 does for 42.
 */
int clip_captions_score(const struct mm_common *common, char *source,
			const struct clip_captions *c, double *value,
			double *each, struct mm_err *err);

#endif
