/*
 * safetensors.h - named arrays in a file.
 *
 * Source: the format's description and reference reader at
 * github.com/huggingface/safetensors.
 *
 *	[n: u64 LE][header: n bytes of JSON][data ..............]
 *	{"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
 *	 ..., "__metadata__": {"key": "value", ...}}
 *
 * Refused, naming file and byte: a header of more than 100 MB, that is not a
 * JSON object in UTF-8, has a key twice or nests deeply; an unknown type, more
 * than 8 axes, a shape whose product wraps or differs from the offsets; arrays
 * that overlap, leave holes or reach beyond the file; bytes behind the last.
 */
#ifndef MM_TENSOR_SAFETENSORS_H
#define MM_TENSOR_SAFETENSORS_H

#include "base/arena.h"
#include "base/io.h"
#include "base/map.h"
#include "tensor/dtype.h"

/* Metadata: strings by name, in the file's order. */
struct mm_meta {
	const char *key, *value;
};

/*
 * One parsed header with its data (a whole .safetensors file, or one segment
 * of a stream).  Names and metadata live in the arena; data points into the
 * file, or into the arena where the file left it badly aligned.
 */
struct mm_blob {
	struct mm_tensor *tensor; /* n of them, in the order of their data */
	size_t *begin;		  /* where each starts in the data */
	size_t n;
	struct mm_meta *meta;
	size_t n_meta;
	struct mm_map by_name; /* name -> index into tensor */
	size_t data_size;      /* bytes of data behind the header */
	struct mm_arena arena;
};

enum { MM_BLOB_MAX_HEADER = 100 << 20 };

/*
 * Parse the header's text.  `path` is for messages, `at` the byte of the file
 * at which the header's 8 length bytes lie.  On success tensor[i].data is an
 * offset from the start of the data, dressed as a pointer, until
 * mm_blob_bind.  After an error there is nothing to release.
 */
int mm_blob_parse(struct mm_blob *b, const char *header, size_t len,
		  const char *path, uint64_t at,
		  struct mm_err *err) MM_MUST_CHECK;

/* Point the tensors into data (data_size bytes, which must outlive b). */
int mm_blob_bind(struct mm_blob *b, const void *data,
		 struct mm_err *err) MM_MUST_CHECK;

void mm_blob_release(struct mm_blob *b); /* safe on all zeros, and twice */

/* NULL where there is no such tensor, no such key. */
const struct mm_tensor *mm_blob_find(const struct mm_blob *b, const char *name);
const char *mm_blob_meta(const struct mm_blob *b, const char *key);

/* The header for `n` tensors, padded with blanks so that data starts 64-byte
 * aligned; tensors must be written in the order given.  Appended to out. */
int mm_blob_header(struct mm_buf *out, const struct mm_tensor *t, size_t n,
		   const struct mm_meta *meta, size_t n_meta,
		   struct mm_err *err) MM_MUST_CHECK;

/* A file, mapped.  "-" is read whole. */
struct mm_safetensors {
	struct mm_blob blob;
	struct mm_file file;
};

int mm_safetensors_open(struct mm_safetensors *s, const char *path,
			struct mm_err *err) MM_MUST_CHECK;

/* The same from memory, which must outlive s; `path` is for messages. */
int mm_safetensors_parse(struct mm_safetensors *s, const void *bytes,
			 size_t size, const char *path,
			 struct mm_err *err) MM_MUST_CHECK;
void mm_safetensors_release(struct mm_safetensors *s); /* safe on zeros */

const struct mm_tensor *mm_safetensors_find(const struct mm_safetensors *s,
					    const char *name);
const char *mm_safetensors_meta(const struct mm_safetensors *s,
				const char *key);

/*
 * Write a file (it appears when complete).  Data is laid out by falling
 * element size, names in the order given among equals, so that every array is
 * aligned to its element.  Names must differ.
 */
int mm_safetensors_write(const char *path, const struct mm_tensor *t, size_t n,
			 const struct mm_meta *meta, size_t n_meta,
			 struct mm_err *err) MM_MUST_CHECK;

/* The same into a writer that the caller opened and will commit. */
int mm_safetensors_put(struct mm_writer *w, const struct mm_tensor *t, size_t n,
		       const struct mm_meta *meta, size_t n_meta,
		       struct mm_err *err) MM_MUST_CHECK;

#endif
