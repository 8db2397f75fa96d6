/*
 * {"a": annotations, "r": results, "q": questions or absent} through the
 * official evaluation, in every mode.
 */
#include "fuzz.h"

#include <string.h>

#include "base/json.h"
#include "metric/vqa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_err err = { 0 };
	struct mm_json *v;

	if (mm_json_parse(&v, (const char *)data, size, "input", &err))
		return 0;
	for (int mode = MM_VQA_OFFICIAL; mode <= MM_VQA_ANY; mode++) {
		const struct mm_vqa_files f = { mm_json_get(v, "a"),
						mm_json_get(v, "r"),
						mm_json_get(v, "q"),
						"a",
						"r",
						"q" };
		struct mm_buf differences = { 0 };
		struct mm_vqa_result r;
		const int rc = mm_vqa_eval(&r, &f, (enum mm_vqa_mode)mode,
					   &differences, &err);

		fuzz_status(rc, &err);
		if (!rc)
			FUZZ_ASSERT(r.overall >= 0 && r.overall <= 1);
		fuzz_touch(mm_buf_str(&differences), differences.len);
		mm_buf_release(&differences);
		mm_vqa_result_release(&r);
	}
	mm_json_free(v);
	return 0;
}
