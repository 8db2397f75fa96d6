/* Bytes, made UTF-8, as a caption that open_clip's cleaning gets. */
#include "fuzz.h"

#include "base/utf8.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_buf text = { 0 }, out = { 0 };
	struct mm_err err = { 0 };

	mm_utf8_lossy((const char *)data, size, &text);
	fuzz_status(mm_clean_open_clip(mm_buf_str(&text), text.len, &out, &err),
		    &err);
	FUZZ_ASSERT(mm_utf8_prefix(mm_buf_str(&out), out.len) == out.len);
	mm_buf_release(&text);
	mm_buf_release(&out);
	return 0;
}
