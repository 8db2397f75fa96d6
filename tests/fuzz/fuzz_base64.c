/* Base64: what decodes, encodes to something that decodes to the same. */
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *one = mm_malloc(mm_base64_bound(size), 1), *two;
	struct mm_err err = { 0 };
	struct mm_buf text = { 0 };
	size_t n = 0, again = 0;
	int rc;

	FUZZ_ASSERT(one);
	rc = mm_base64_decode(one, &n, (const char *)data, size, &err);
	fuzz_status(rc, &err);
	if (!rc) {
		FUZZ_ASSERT(n <= mm_base64_bound(size));
		mm_base64_encode(&text, one, n);
		FUZZ_ASSERT(!text.failed);
		two = mm_malloc(mm_base64_bound(text.len), 1);
		FUZZ_ASSERT(two &&
			    !mm_base64_decode(two, &again, mm_buf_str(&text),
					      text.len, &err));
		FUZZ_ASSERT(again == n && !memcmp(one, two, n));
		mm_free(two);
	}
	mm_buf_release(&text);
	mm_free(one);
	return 0;
}
