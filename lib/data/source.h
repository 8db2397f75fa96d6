/*
 * source.h - image-text pairs from wherever they are.
 *
 * A source is a folder, a table, a dataset's JSON, a tar or a tensor stream;
 * each kind is one file source_KIND.c and one row of sources.def.  Several
 * sources are read one after another as one list of samples:
 *
 *	rc = mm_sources_open(&s, paths, n, &options, err);
 *	while (!rc && !(rc = mm_sources_next(&s, &sample, err)) && sample)
 *		use(sample);
 *	mm_sources_release(&s);
 *
 * Samples come one by one; what is held grows only by a few bytes a sample
 * (ids, to find duplicates).  Every sample has an id that is its own, texts
 * are UTF-8 without NUL, pictures that are files exist.
 */
#ifndef MM_DATA_SOURCE_H
#define MM_DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "data/idset.h"
#include "tensor/stream.h"

/* Bytes that are UTF-8 and have a NUL behind; str NULL: absent. */
struct mm_str {
	const char *str;
	size_t len;
};

/*
 * One sample.  Everything is borrowed until the next call; what the source
 * does not tell is absent (NULL, 0, false).
 */
struct mm_sample {
	struct mm_str id;	  /* never absent, unique over all sources */
	struct mm_str text;	  /* caption */
	struct mm_str image_path; /* of a file that exists */
	const void *image_data;	  /* or the encoded bytes */
	size_t image_size;
	struct mm_str image_id;	  /* shared by the captions of one picture */
	struct mm_str label_name; /* the class in words */
	int64_t label;		  /* its number */
	double time[2];		  /* begin and end, seconds */
	bool has_label, has_time, has_boxes;
	const float *boxes; /* (n_boxes, 4) x0 y0 x1 y1 in pixels */
	size_t n_boxes;
	const struct mm_str *phrases; /* of each box, or NULL */

	/* A sample of a tensor stream: the row with all of its columns. */
	const struct mm_segment *segment;
	size_t row;

	const char *source; /* the file or folder it comes from */
	char where[96];	    /* place in it: "line 7", "byte 1234", "" */
};

struct mm_source_options {
	const char *kind;	  /* a name in sources.def; NULL or "auto" */
	const char *root;	  /* of relative image paths; NULL: beside */
	const char *image_column; /* names in tables; NULL: the usual ones */
	const char *text_column;
	const char *id_column;
	const char *split;     /* only these splits: "train,val"; NULL: all */
	const char *instances; /* coco: boxes of the pictures; NULL: none */
	bool label_from_folder;
	/* A sample without it is a bad one. */
	bool need_image, need_text;
};

struct mm_source; /* a row of sources.def, see source_kind.h */
struct mm_input;

struct mm_sources {
	struct mm_source_options options;
	char **path; /* n_paths of them, braces expanded */
	size_t n_paths, next_path;
	struct mm_input *input; /* the one being read, or NULL */
	struct mm_idset ids;
	struct mm_sample sample;
	struct mm_map names; /* label name -> number */
	uint64_t position;   /* of the current sample, from 0; bad ones count */
	uint64_t n;	     /* samples begun so far, bad ones included */
	bool bad_sample;     /* after a failure: only this sample is bad */
	struct mm_arena text; /* of the current sample */
};

/*
 * Paths may hold braces as WebDataset's do: "{000..031}.tar", "{a,b}.tsv".
 * "-" is standard input.  Each is opened when its turn comes, but a path that
 * is not there is an error at once.  `o` is copied, its strings are borrowed.
 */
int mm_sources_open(struct mm_sources *s, char *const *paths, size_t n_paths,
		    const struct mm_source_options *o,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * The next sample, or NULL at the end.  After a failure that leaves
 * s->bad_sample true, the caller may go on with the next call;
 * mm_sources_bad_id names what failed.
 */
int mm_sources_next(struct mm_sources *s, const struct mm_sample **sample,
		    struct mm_err *err) MM_MUST_CHECK;
const char *mm_sources_bad_id(const struct mm_sources *s);
void mm_sources_release(struct mm_sources *s); /* safe on zeros */

/*
 * The sample's picture as encoded bytes: image_data, or the file read into
 * *file (cleared first).  MM_ERR_FORMAT where it has none.
 */
int mm_sample_image(const struct mm_sample *sample, struct mm_buf *file,
		    const void **bytes, size_t *size,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * Put the sample's standard columns into the row in the making: id, text,
 * image.path or image.data, image.id, label, label.name, time, boxes,
 * phrases; for a row of a stream, all of its columns, but those put already
 * and those in drop (NULL-terminated; may be NULL).
 */
int mm_sample_put(struct mm_stream_writer *w, const struct mm_sample *sample,
		  const char *const *drop, struct mm_buf *scratch,
		  struct mm_err *err) MM_MUST_CHECK;

/* The kinds by name, NULL-terminated, "auto" first: for option tables. */
extern const char *const mm_source_kinds[];

#endif
