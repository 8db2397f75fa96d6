/*
 * call.h - what a request asks for, read from its body.
 *
 * Pictures and texts stay where they are in the body (or in the JSON made of
 * it) and are decoded later, one by one.
 *
 *	embeddings	JSON: input (text | data URI | {"text"} | {"image"},
 *			or a list of them), model, modality (text | image),
 *			encoding_format (float | base64), dimensions
 *	inference	multipart or JSON: image and text, one or several of
 *			each; in JSON a picture is base64 or a data URI
 *	search		as inference, with one picture or one text, and k
 */
#ifndef MM_SERVE_CALL_H
#define MM_SERVE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "serve/lift.h"
#include "serve/multipart.h"
#include "serve/problem.h"

struct mm_input {
	bool image;
	bool base64; /* data is such text, not the picture itself */
	struct mm_span data;
	char name[32]; /* for messages: "input[3]" */
};

struct mm_call_limits {
	size_t inputs;	   /* pictures and texts of one request */
	size_t text_bytes; /* of one text */
	size_t embed_dim;
	const char *model; /* the name that a request may ask for */
};

struct mm_call {
	struct mm_input *input; /* pictures first, each kind in order */
	size_t n, cap, n_images;
	bool base64; /* encoding_format of the reply */
	int64_t k;
	struct mm_json *json; /* owns what the inputs point to; or NULL */
	struct mm_lift lift;  /* long strings of the body */
};

/*
 * Read a body.  0, or the HTTP status of *p.  The body must outlive the call;
 * mm_call_release in any case.
 */
int mm_call_embeddings(struct mm_call *c, const char *content_type,
		       const char *body, size_t n,
		       const struct mm_call_limits *limits,
		       struct mm_problem *p);
int mm_call_inference(struct mm_call *c, const char *content_type,
		      const char *body, size_t n,
		      const struct mm_call_limits *limits,
		      struct mm_problem *p);
int mm_call_search(struct mm_call *c, const char *content_type,
		   const char *body, size_t n,
		   const struct mm_call_limits *limits, struct mm_problem *p);
void mm_call_release(struct mm_call *c);

/*
 * "data:image/png;base64,...": the text behind the comma.  false: s is no data
 * URI at all.  MM_ERR_FORMAT by *rc: it is one, but not of a picture in base64.
 */
bool mm_data_uri(struct mm_span *base64, const char *s, size_t n, int *rc,
		 struct mm_err *err);

#endif
