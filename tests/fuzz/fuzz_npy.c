/* Bytes as one array of NumPy's. */
#include "fuzz.h"

#include "tensor/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_arena arena = { 0 };
	struct mm_err err = { 0 };
	struct mm_tensor t = { 0 };
	int rc = mm_npy_parse(&t, data, size, &arena, &err);

	fuzz_status(rc, &err);
	if (!rc) {
		FUZZ_ASSERT(t.nbytes ==
			    mm_tensor_count(&t) * mm_dtype_size(t.dtype));
		fuzz_touch(t.data, t.nbytes);
	}
	mm_arena_release(&arena);
	return 0;
}
