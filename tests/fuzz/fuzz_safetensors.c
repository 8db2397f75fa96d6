/* Bytes as a .safetensors file: read, write again, read what was written. */
#include "fuzz.h"

#include <string.h>

#include "tensor/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_safetensors s = { 0 };
	struct mm_err err = { 0 };
	struct mm_buf header = { 0 };
	struct mm_blob again;
	int rc = mm_safetensors_parse(&s, data, size, "input", &err);

	fuzz_status(rc, &err);
	for (size_t i = 0; i < s.blob.n; i++) {
		const struct mm_tensor *t = &s.blob.tensor[i];

		fuzz_touch(t->data, t->nbytes);
		FUZZ_ASSERT(mm_safetensors_find(&s, t->name) == t);
	}
	if (!rc) {
		rc = mm_blob_header(&header, s.blob.tensor, s.blob.n,
				    s.blob.meta, s.blob.n_meta, &err);
		FUZZ_ASSERT(!rc);
		rc = mm_blob_parse(&again, header.data + 8, header.len - 8,
				   "again", 0, &err);
		FUZZ_ASSERT(!rc && again.n == s.blob.n &&
			    again.n_meta == s.blob.n_meta &&
			    again.data_size == s.blob.data_size);
		mm_blob_release(&again);
	}
	mm_buf_release(&header);
	mm_safetensors_release(&s);
	return 0;
}
