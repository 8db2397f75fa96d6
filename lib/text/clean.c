/*
 * clean.c - open_clip's cleaning of a caption before CLIP's pattern.
 *
 * White space as Python's str.split() sees it (U+001C..1F and U+0085 count)
 * becomes one blank, ends are stripped, letters become lower case by Python's
 * rules, final sigma included.
 */
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

static bool python_space(uint32_t c)
{
	return mm_u_space(c) || (c >= 0x1c && c <= 0x1f);
}

static void split_join(const char *s, size_t n, struct mm_buf *out)
{
	bool blank = false;

	for (size_t i = 0, from = 0; i < n; from = i) {
		if (python_space(mm_utf8_next(s, &i))) {
			blank = out->len > 0;
			continue;
		}
		if (blank)
			mm_buf_addc(out, ' ');
		blank = false;
		mm_buf_add(out, s + from, i - from);
	}
}

int mm_clean_open_clip(const char *s, size_t n, struct mm_buf *out,
		       struct mm_err *err)
{
	struct mm_buf text = { 0 };
	int rc;

	split_join(s, n, &text);
	mm_u_lower_python(mm_buf_str(&text), text.len, out);
	rc = mm_buf_check(&text, "a caption", err);
	mm_buf_release(&text);
	return rc ? rc : mm_buf_check(out, "a caption", err);
}
