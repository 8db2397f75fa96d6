/* JSON bodies of requests: /v1/embeddings, /multimodal/inference, /v1/search,
 * and the headers that say what a body is. */
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "fuzz.h"
#include "serve/call.h"

/* Pictures are decoded as far as base64 goes. */
static void touch_all(struct mm_call *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct mm_span s = c->input[i].data;
		struct mm_err err;
		size_t n;
		void *room;

		fuzz_touch(s.at, s.len);
		if (!c->input[i].base64)
			continue;
		room = mm_malloc(mm_base64_bound(s.len), 1);
		FUZZ_ASSERT(room);
		if (!mm_base64_decode(room, &n, s.at, s.len, &err))
			fuzz_touch(room, n);
		mm_free(room);
	}
}

typedef int read_fn(struct mm_call *c, const char *content_type,
		    const char *body, size_t n,
		    const struct mm_call_limits *limits, struct mm_problem *p);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static read_fn *const reads[] = { mm_call_embeddings, mm_call_inference,
					  mm_call_search };
	static const struct mm_call_limits limits = {
		.inputs = 8, .text_bytes = 100, .embed_dim = 4, .model = "m"
	};
	char *text = mm_strndup((const char *)data, size);
	struct mm_span boundary;
	struct mm_err err;

	for (int i = 0; i < 3; i++) {
		struct mm_problem p = { 0 };
		struct mm_call c;
		const int status =
			reads[i](&c, "application/json", (const char *)data,
				 size, &limits, &p);

		FUZZ_ASSERT(status == p.status);
		FUZZ_ASSERT(!status || p.message[0]);
		FUZZ_ASSERT(c.n <= limits.inputs);
		touch_all(&c);
		mm_call_release(&c);
	}
	FUZZ_ASSERT(text);
	if (!mm_multipart_boundary(&boundary, text, &err))
		fuzz_touch(boundary.at, boundary.len);
	mm_free(text);
	return 0;
}
