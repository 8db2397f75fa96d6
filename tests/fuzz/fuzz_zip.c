/* Bytes as a zip archive; every entry is read to the last byte. */
#include "fuzz.h"

#include "tensor/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_arena arena = { 0 };
	struct mm_err err = { 0 };
	struct mm_zip z = { 0 };

	fuzz_status(mm_zip_open(&z, data, size, &err), &err);
	for (size_t i = 0; i < z.n; i++) {
		const struct mm_zip_entry *e = &z.entry[i];
		const unsigned char *bytes = NULL;
		int rc;

		FUZZ_ASSERT(mm_zip_find(&z, e->name, e->name_len) == e);
		/* Many entries may share bytes that inflate a thousandfold. */
		if (e->size > 1 << 20)
			continue;
		rc = mm_zip_view(e, &arena, &bytes, &err);
		fuzz_status(rc, &err);
		if (!rc)
			fuzz_touch(bytes, e->size);
		mm_arena_reset(&arena);
	}
	mm_zip_release(&z);
	mm_arena_release(&arena);
	return 0;
}
