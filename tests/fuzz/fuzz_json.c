/* Bytes as JSON: what parses is written so that it parses to the same. */
#include "fuzz.h"

#include <string.h>

#include "base/json.h"

static void walk(const struct mm_json *v)
{
	const struct mm_json *value;
	const char *key;
	void *it = NULL;

	fuzz_touch(mm_json_str(v, ""), mm_json_str_len(v));
	mm_json_int(v, 0);
	mm_json_num(v, 0);
	while (mm_json_next(v, &it, &key, &value)) {
		FUZZ_ASSERT(mm_json_get(v, key) == value);
		walk(value);
	}
	if (mm_json_type(v) == MM_JSON_ARRAY)
		for (size_t i = 0; i < mm_json_size(v); i++)
			walk(mm_json_at(v, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_buf once = { 0 }, twice = { 0 };
	struct mm_json *v, *again;
	struct mm_err err = { 0 };
	int rc = mm_json_parse(&v, (const char *)data, size, "input", &err);

	fuzz_status(rc, &err);
	if (rc)
		return 0;
	walk(v);
	mm_json_dump(&once, v);
	rc = mm_json_parse(&again, once.data, once.len, "again", &err);
	FUZZ_ASSERT(!rc);
	mm_json_dump(&twice, again);
	FUZZ_ASSERT(once.len == twice.len &&
		    !memcmp(once.data, twice.data, once.len));
	mm_json_free(again);
	mm_json_free(v);
	mm_buf_release(&once);
	mm_buf_release(&twice);
	return 0;
}
