/*
 * stream.h - the tensor stream: safetensors blobs one after another.
 *
 * A blob (a segment) holds N samples as columns:
 *	dense	NAME [N, ...]
 *	ragged	NAME [M, ...] all items end to end, NAME.ends I64 [N] where
 *		each sample's items end
 *	string	a ragged U8 column
 * A file is mapped, a pipe copied segment by segment.  See mmtool-stream(5).
 *
 * Refused, naming file and byte: all that tensor/safetensors.h refuses, an
 * input without any segment, columns with different numbers of samples, ends
 * that fall or do not end with the items.
 */
#ifndef MM_TENSOR_STREAM_H
#define MM_TENSOR_STREAM_H

#include "base/arena.h"
#include "base/io.h"
#include "tensor/safetensors.h"

/* ---- reading ---- */

struct mm_column {
	const char *name;
	struct mm_tensor items; /* dense: dim[0] == N; ragged: all items */
	const int64_t *ends;	/* N of them; NULL: dense */
	size_t row_bytes;	/* of one sample (dense), one item (ragged) */
};

struct mm_segment {
	size_t n; /* samples */
	struct mm_column *column;
	size_t n_columns;
	const struct mm_meta *meta;
	size_t n_meta;
	uint64_t offset;  /* of the segment in its file, in bytes */
	const char *path; /* for messages */
};

struct mm_stream {
	struct mm_segment segment; /* the current one */
	char *path;
	bool mapped;
	struct mm_file file;	 /* mapped */
	struct mm_reader reader; /* not mapped */
	uint64_t offset;	 /* of the next segment */
	uint64_t first_sample;	 /* of the current segment in the stream */
	struct mm_blob blob;
	void *data; /* of the current segment of a pipe */
	size_t data_cap;
};

/* "-" is standard input. */
int mm_stream_open(struct mm_stream *s, const char *path,
		   struct mm_err *err) MM_MUST_CHECK;

/* The same for an input that is open already: *r is moved from. */
int mm_stream_adopt(struct mm_stream *s, struct mm_reader *r,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * The next segment, or NULL at the end.  It and all that it points to live
 * until the next call.
 */
int mm_stream_next(struct mm_stream *s, const struct mm_segment **seg,
		   struct mm_err *err) MM_MUST_CHECK;

/* Back to the first segment.  Of a file alone: false where it is a pipe. */
bool mm_stream_rewind(struct mm_stream *s) MM_MUST_CHECK;
void mm_stream_release(struct mm_stream *s); /* safe on zeros */

/* Whether the bytes begin as a stream does (length, then '{'). */
bool mm_stream_sniff(const void *bytes, size_t n);

const struct mm_column *mm_segment_find(const struct mm_segment *seg,
					const char *name);
const char *mm_segment_meta(const struct mm_segment *seg, const char *key);

/*
 * Sample i of a column: where its data lies and, for ragged columns, of how
 * many items it consists (1 for dense ones).
 */
const void *mm_column_row(const struct mm_column *c, size_t i, size_t *n_items);

/* Sample i of a string column (no NUL behind it); NULL where c is NULL or no
 * string column. */
const char *mm_column_str(const struct mm_column *c, size_t i, size_t *len);
bool mm_column_is_str(const struct mm_column *c);

/*
 * The column, with the type and shape of one sample (dense) or one item
 * (ragged) as wanted; SIZE_MAX in dim is any size, and rank -1 any shape.
 * Errors name file, byte and column; an absent column is MM_ERR_FORMAT.
 */
int mm_segment_want(const struct mm_segment *seg, const char *name,
		    enum mm_dtype dtype, bool ragged, int rank,
		    const size_t *dim, const struct mm_column **c,
		    struct mm_err *err) MM_MUST_CHECK;
int mm_segment_want_str(const struct mm_segment *seg, const char *name,
			const struct mm_column **c,
			struct mm_err *err) MM_MUST_CHECK;

/* ---- writing ---- */

struct mm_meta_list { /* owns its strings */
	struct mm_meta *item;
	size_t n, cap;
};

/*
 * Rows are put column by column and ended; the columns of a segment are those
 * of its first row.  A row with other columns, or a dense one of another
 * shape, starts a new segment, and so does a full one (256 samples, 64 MiB).
 */
struct mm_stream_writer {
	struct mm_writer out;
	size_t max_rows, max_bytes; /* may be set after open */
	struct mm_put *put;	    /* the row in the making */
	size_t n_put, cap_put;
	struct mm_put_column *column; /* the segment in the making */
	size_t n_columns, cap_columns, n_rows, n_bytes;
	struct mm_meta_list own, carried;
	uint64_t total_rows; /* ended so far */
	bool started;	     /* a segment has been written */
};

/* "-" is standard output; a terminal is refused. */
int mm_stream_writer_open(struct mm_stream_writer *w, const char *path,
			  struct mm_err *err) MM_MUST_CHECK;

/* Metadata of this stage; it wins over what is carried.  NULL: the key is
 * left out even where it is carried. */
int mm_stream_set_meta(struct mm_stream_writer *w, const char *key,
		       const char *value, struct mm_err *err) MM_MUST_CHECK;

/*
 * Put one value of the row.  Name and bytes are borrowed until the row ends
 * or is dropped.  `dim` is the shape of the sample (dense) or of one item
 * (ragged, `count` of them).  A column may be put once a row.
 */
int mm_stream_put(struct mm_stream_writer *w, const char *name,
		  enum mm_dtype dtype, int rank, const size_t *dim,
		  const void *data, struct mm_err *err) MM_MUST_CHECK;
int mm_stream_put_ragged(struct mm_stream_writer *w, const char *name,
			 enum mm_dtype dtype, int rank, const size_t *dim,
			 size_t count, const void *data,
			 struct mm_err *err) MM_MUST_CHECK;
int mm_stream_put_str(struct mm_stream_writer *w, const char *name,
		      const char *s, size_t len,
		      struct mm_err *err) MM_MUST_CHECK;

/*
 * Carry on: put every column of row i of `seg` that this row does not have
 * yet, but those named in drop (NULL-terminated; NULL: none), and take over
 * the segment's metadata.
 */
int mm_stream_carry(struct mm_stream_writer *w, const struct mm_segment *seg,
		    size_t i, const char *const *drop,
		    struct mm_err *err) MM_MUST_CHECK;

/* Take over the metadata alone (of a segment without rows, say). */
int mm_stream_carry_meta(struct mm_stream_writer *w,
			 const struct mm_segment *seg,
			 struct mm_err *err) MM_MUST_CHECK;

/* End the row.  mm_stream_drop_row forgets what was put instead. */
int mm_stream_end_row(struct mm_stream_writer *w,
		      struct mm_err *err) MM_MUST_CHECK;
void mm_stream_drop_row(struct mm_stream_writer *w);

/* Write out what is buffered, as a segment of its own. */
int mm_stream_flush(struct mm_stream_writer *w,
		    struct mm_err *err) MM_MUST_CHECK;

/* Flush and finish: the file appears.  A stream without rows is one segment
 * that holds metadata only.  The writer is released in any case. */
int mm_stream_commit(struct mm_stream_writer *w,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_stream_abort(struct mm_stream_writer *w); /* safe on zeros */

#endif
