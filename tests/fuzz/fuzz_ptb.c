/* Bytes as captions, one a line: as many lines come out, without blanks more.
 */
#include "fuzz.h"

#include <string.h>

#include "metric/ptb.h"

static struct mm_ptb *ptb; /* made once: it keeps its automaton */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_lines in = { 0 }, out = { 0 };
	struct mm_err err = { 0 };
	const char *at = (const char *)data;
	int rc = ptb ? 0 : mm_ptb_new(&ptb, &err);

	for (size_t left = size; !rc && left;) {
		const char *eol = memchr(at, '\n', left);
		size_t n = eol ? (size_t)(eol - at) : left;

		rc = mm_lines_add(&in, at, n, &err);
		at += n + (eol != NULL);
		left -= n + (eol != NULL);
	}
	for (int punctuation = 0; !rc && punctuation < 2; punctuation++) {
		rc = mm_ptb_tokenize(ptb, &out, &in, punctuation, &err);
		fuzz_status(rc, &err);
		FUZZ_ASSERT(rc || out.n == in.n);
		for (size_t i = 0; i < out.n; i++) {
			struct mm_line s = mm_lines_at(&out, i);

			FUZZ_ASSERT(!memchr(s.s, '\n', s.len));
		}
		fuzz_touch(mm_buf_str(&out.bytes), out.bytes.len);
	}
	mm_lines_release(&in);
	mm_lines_release(&out);
	return 0;
}
