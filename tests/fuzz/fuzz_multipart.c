/* Bodies of forms, as /multimodal/inference and /v1/search read them. */
#include "fuzz.h"
#include "serve/call.h"

static void touch_all(struct mm_call *c)
{
	size_t images = 0;

	for (size_t i = 0; i < c->n; i++) {
		fuzz_touch(c->input[i].data.at, c->input[i].data.len);
		FUZZ_ASSERT(!i || c->input[i - 1].image || !c->input[i].image);
		images += c->input[i].image;
	}
	FUZZ_ASSERT(images == c->n_images);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mm_call_limits limits = {
		.inputs = 8, .text_bytes = 100, .embed_dim = 4, .model = "m"
	};
	const char *body = (const char *)data;
	struct mm_problem p = { 0 };
	struct mm_call c;
	int status;

	status = mm_call_inference(&c, "multipart/form-data; boundary=xyz",
				   body, size, &limits, &p);
	FUZZ_ASSERT(status == p.status);
	FUZZ_ASSERT(!status || p.message[0]);
	if (!status)
		touch_all(&c);
	mm_call_release(&c);
	p.status = 0;
	status = mm_call_search(&c, "multipart/form-data; boundary=\"xyz\"",
				body, size, &limits, &p);
	FUZZ_ASSERT(status == p.status);
	FUZZ_ASSERT(status || (c.n == 1 && c.k >= 1 && c.k <= 1000));
	if (!status)
		touch_all(&c);
	mm_call_release(&c);
	return 0;
}
