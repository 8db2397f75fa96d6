/*
 * caption_file.h - files of captions, one or several per image.
 *
 *	COCO annotations {"images": [{"id": 7}, ...],
 *			  "annotations": [{"image_id": 7, "caption": ""}, ...]}
 *	COCO results	 [{"image_id": 7, "caption": "..."}, ...]
 *	by id		 {"7": ["...", "..."], "8": "..."}
 *	lines		 one image a line, its captions separated by tabs; the
 *			 id is the line's number from 1
 *
 * Ids are texts: the number 7 and the string "7" are the same id.  Images come
 * in the order of "images" or, where there is none, of their first caption.
 */
#ifndef MM_METRIC_CAPTION_FILE_H
#define MM_METRIC_CAPTION_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "metric/text.h"

enum mm_caption_format {
	MM_CAPTION_AUTO, /* JSON by the name .json or by the outer brackets */
	MM_CAPTION_JSON,
	MM_CAPTION_LINES,
};

struct mm_captions {
	struct mm_lines text; /* the captions of image 0, of image 1, ... */
	struct mm_lines id;   /* of each image */
	struct mm_map index;  /* id -> image */
	size_t *first;	      /* [id.n + 1]: image i has text first[i].. */
};

/*
 * `single`: one caption an image; a second one is an error, and a tab in a
 * line is a blank.  Errors name file, line or key.  Release after failure too.
 */
int mm_captions_load(struct mm_captions *c, const char *path,
		     enum mm_caption_format format, bool single,
		     struct mm_err *err) MM_MUST_CHECK;

/* The same from memory; `name` is for messages. */
int mm_captions_parse(struct mm_captions *c, const char *text, size_t len,
		      const char *name, enum mm_caption_format format,
		      bool single, struct mm_err *err) MM_MUST_CHECK;
void mm_captions_release(struct mm_captions *c);

/*
 * Do both have the same ids, and every image of `refs` a caption?  Otherwise
 * MM_ERR_REFUSED, and `list` gets a line for each id at fault:
 *
 *	7: no hypothesis
 *	9: no reference
 *
 * `subset`: images that have no hypothesis are left alone.
 */
int mm_captions_match(const struct mm_captions *refs,
		      const struct mm_captions *hyps, bool subset,
		      struct mm_buf *list, struct mm_err *err) MM_MUST_CHECK;

#endif
