/* Bytes as results of eval, compared with themselves. */
#include "fuzz.h"

#include "base/mem.h"
#include "metric/result_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_results r;
	struct mm_err err = { 0 };
	int rc = mm_results_parse(&r, (const char *)data, size, "input", &err);

	fuzz_status(rc, &err);
	for (size_t i = 0; !rc && i < r.name.n; i++) {
		double *each[2];
		size_t n;

		FUZZ_ASSERT(!mm_results_pair(each, &n, &r, i, &r, i, &err));
		if (n)
			fuzz_touch((const char *)each[1], n * sizeof(double));
		mm_free(each[0]);
		mm_free(each[1]);
	}
	mm_results_release(&r);
	return 0;
}
