/*
 * Bytes as a checkpoint: zip archive, pickle and views; each tensor's bytes are
 * read to the last.
 */
#include "fuzz.h"

#include "tensor/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_weights w = { 0 };
	struct mm_err err = { 0 };
	int rc = mm_weights_parse(&w, data, size, "input", &err);

	fuzz_status(rc, &err);
	for (size_t i = 0; i < w.n; i++) {
		const struct mm_tensor *t = w.tensor[i];

		FUZZ_ASSERT(t->nbytes ==
			    mm_tensor_count(t) * mm_dtype_size(t->dtype));
		fuzz_touch(t->data, t->nbytes);
		FUZZ_ASSERT(mm_weights_find(&w, t->name) == t);
	}
	mm_weights_release(&w);
	return 0;
}
