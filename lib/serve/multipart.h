/*
 * multipart.h - the parts of a multipart/form-data body (RFC 7578, RFC 2046).
 *
 *	preamble
 *	--BOUNDARY CRLF
 *	Content-Disposition: form-data; name="image"; filename="cat.jpg" CRLF
 *	Content-Type: image/jpeg CRLF
 *	CRLF
 *	bytes CRLF
 *	--BOUNDARY-- epilogue
 *
 * The whole body is in memory; nothing is copied.
 */
#ifndef MM_SERVE_MULTIPART_H
#define MM_SERVE_MULTIPART_H

#include <stddef.h>

#include "base/err.h"

/* Bytes of the body or of the header: not terminated. */
struct mm_span {
	const char *at; /* NULL: not given */
	size_t len;
};

struct mm_part {
	struct mm_span name, filename, type; /* as they stand, unquoted */
	struct mm_span data;
};

/* A non-zero answer ends the parsing with it. */
typedef int mm_part_fn(void *ctx, const struct mm_part *part,
		       struct mm_err *err);

/*
 * boundary: 1 to 70 characters, from mm_multipart_boundary.  MM_ERR_FORMAT
 * says what is broken at which byte; a body that ends before its closing
 * boundary, a part without a name or in an encoding other than binary is.
 */
int mm_multipart_parse(const char *body, size_t n, struct mm_span boundary,
		       mm_part_fn *each, void *ctx,
		       struct mm_err *err) MM_MUST_CHECK;

/* The parameter of a header "multipart/form-data; boundary=...". */
int mm_multipart_boundary(struct mm_span *boundary, const char *content_type,
			  struct mm_err *err) MM_MUST_CHECK;

/*
 * The media type of a header value, without its parameters: does it equal
 * `type`, case aside?
 */
int mm_media_type_is(const char *value, const char *type);

#endif
