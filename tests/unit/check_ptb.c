/*
 * Penn Treebank tokens.  tests/golden/ptb: made-up lines with what Stanford's
 * program (CoreNLP 3.4.1, -preserveLines -lowerCase) prints for them.
 */
#include "unit.h"

#include "base/mem.h"
#include "fixture.h"
#include "metric/ptb.h"
#include "metric/unicode.h"

/* Lines as they are: a '\r' or broken UTF-8 matters here. */
static void read_lines(struct mm_lines *t, const char *path)
{
	size_t n;
	char *text = file_bytes(path, &n), *at = text;

	while (at < text + n) {
		char *eol = memchr(at, '\n', (size_t)(text + n - at));
		size_t len = (size_t)((eol ? eol : text + n) - at);

		ck_ok(mm_lines_add(t, at, len, err));
		at += len + 1;
	}
	free(text);
}

static void compare_files(const char *raw, const char *tokens)
{
	struct mm_lines in = { 0 }, want = { 0 }, out = { 0 };
	struct mm_ptb *ptb;

	read_lines(&in, raw);
	read_lines(&want, tokens);
	ck_ok(mm_ptb_new(&ptb, err));
	ck_ok(mm_ptb_tokenize(ptb, &out, &in, true, err));
	ck_assert_uint_eq(in.n, want.n);
	ck_assert_uint_eq(out.n, want.n);
	for (size_t i = 0; i < want.n; i++) {
		struct mm_line a = mm_lines_at(&out, i);
		struct mm_line b = mm_lines_at(&want, i);
		struct mm_line s = mm_lines_at(&in, i);
		size_t n = mm_unicode_strip_end(b.s, b.len);

		ck_assert_msg(a.len == n && !memcmp(a.s, b.s, n),
			      "line %zu: '%.*s' gives '%.*s', not '%.*s'",
			      i + 1, (int)s.len, s.s, (int)a.len, a.s,
			      (int)b.len, b.s);
	}
	mm_ptb_free(ptb);
	mm_lines_release(&in);
	mm_lines_release(&want);
	mm_lines_release(&out);
}

START_TEST(test_golden)
{
	compare_files("tests/golden/ptb/raw.txt",
		      "tests/golden/ptb/tokens.txt");
}
END_TEST

START_TEST(test_fixtures)
{
	static const char *const pair[][2] = {
		{ "ptb/coco_raw.txt", "ptb/coco_tokenized.txt" },
		{ "ptb/hard_raw.txt", "ptb/hard_tok.txt" },
		{ "reference/ptb_raw.txt", "reference/ptb_tokenized.txt" },
	};

	for (size_t i = 0; i < 3; i++) {
		const char *raw = fixture(pair[i][0]);

		if (raw)
			compare_files(raw, fixture(pair[i][1]));
	}
}
END_TEST

/* Texts in, texts out, '|' between lines. */
static void expect(const char *in, const char *want, bool punctuation)
{
	struct mm_lines text = { 0 }, out = { 0 };
	struct mm_buf all = { 0 };
	struct mm_ptb *ptb;

	for (const char *at = in;; at++) {
		size_t n = strcspn(at, "|");

		ck_ok(mm_lines_add(&text, at, n, err));
		at += n;
		if (!*at)
			break;
	}
	ck_ok(mm_ptb_new(&ptb, err));
	/* Twice: nothing of the first text is left. */
	ck_ok(mm_ptb_tokenize(ptb, &out, &text, punctuation, err));
	ck_ok(mm_ptb_tokenize(ptb, &out, &text, punctuation, err));
	ck_assert_uint_eq(out.n, text.n);
	for (size_t i = 0; i < out.n; i++) {
		struct mm_line s = mm_lines_at(&out, i);

		mm_buf_add(&all, s.s, s.len);
		if (i + 1 < out.n)
			mm_buf_addc(&all, '|');
	}
	ck_assert_str_eq(mm_buf_str(&all), want);
	mm_ptb_free(ptb);
	mm_buf_release(&all);
	mm_lines_release(&text);
	mm_lines_release(&out);
}

START_TEST(test_punctuation)
{
	expect("A (small) dog -- isn't it? \"Yes\"; [so] {it} is!",
	       "a -lrb- small -rrb- dog is n't it yes -lsb- so -rsb- "
	       "-lcb- it -rcb- is",
	       false);
	expect("What?! No... 'a' ``b''", "what ?! no a b", false);
	expect("||", "||", false);
	expect(".|,|", "||", false);
}
END_TEST

/* A caption's last stop depends on how the next one begins. */
START_TEST(test_next_line)
{
	expect("in the U.S.|The end", "in the u.s. .|the end", true);
	expect("in the U.S.|the end", "in the u.s.|the end", true);
	expect("so am I.|The end", "so am i .|the end", true);
	expect("<a b='x|y'> z",
	       "<a\xC2\xA0"
	       "b='x|y'> z",
	       true);
}
END_TEST

/* Line ends within a caption are blanks, and do not begin another one. */
START_TEST(test_line_ends)
{
	expect("a\nb\rc\vd\fe|f", "a b c d e|f", true);
	expect("a b\xE2\x80\xA8\x63\xE2\x80\xA9|f", "a b c|f", true);
	/* U+0085 is Windows-1252's ellipsis here. */
	expect("a\xC2\x85 b", "a ... b", true);
	expect("a\r\n|b", "a|b", true);
}
END_TEST

START_TEST(test_malformed)
{
	expect("caf\xE9 \xF0\x9F\x98 x \xED\xA0\x80 y\xC3", "caf x y", true);
	expect("http://a.b/\xFF\x63 d", "http://a.b/\xEF\xBF\xBD\x63 d", true);
}
END_TEST

/* What would take hours if scans that found nothing were repeated. */
START_TEST(test_linear)
{
	const size_t n = 1 << 20;
	static const char *const unit[] = { "a,", "<!a", "a.", "x=.[^x=" };

	for (size_t k = 0; k < sizeof(unit) / sizeof(unit[0]); k++) {
		struct mm_lines in = { 0 }, out = { 0 };
		struct mm_ptb *ptb;

		while (in.bytes.len < n)
			mm_buf_adds(&in.bytes, unit[k]);
		ck_ok(mm_lines_end(&in, err));
		ck_ok(mm_ptb_new(&ptb, err));
		ck_ok(mm_ptb_tokenize(ptb, &out, &in, true, err));
		ck_assert_uint_eq(out.n, 1);
		ck_assert_uint_gt(out.bytes.len, n / 2);
		mm_ptb_free(ptb);
		mm_lines_release(&in);
		mm_lines_release(&out);
	}
}
END_TEST

START_TEST(test_sigma)
{
	static const struct {
		const char *upper, *java, *python;
	} word[] = {
		{ "ΟΔΟΣ", "οδος", "οδος" }, { "ΣΑΣ", "σας", "σας" },
		{ "Σ", "σ", "σ" },	    { "ΑΣ.Α", "ασ.α", "ασ.α" },
		{ "Α-Σ", "α-ς", "α-σ" },    { "ΑΣ2Α", "ασ2α", "ας2α" },
		{ "ΑΣ’Α", "ας’α", "ασ’α" }, { "日Σ", "日σ", "日σ" },
		{ "İA", "i̇a", "i̇a" },
	};

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		struct mm_buf b = { 0 };

		mm_unicode_lower(&b, word[i].upper, strlen(word[i].upper),
				 true);
		ck_assert_str_eq(mm_buf_str(&b), word[i].java);
		mm_buf_clear(&b);
		mm_unicode_lower(&b, word[i].upper, strlen(word[i].upper),
				 false);
		ck_assert_str_eq(mm_buf_str(&b), word[i].python);
		mm_buf_release(&b);
	}
}
END_TEST

/* Out of memory anywhere is an error, nothing else. */
START_TEST(test_no_memory)
{
	for (long n = 1, failed = 1; failed; n += 1 + n / 8) {
		struct mm_lines in = { 0 }, out = { 0 };
		struct mm_ptb *ptb = NULL;
		struct mm_err why = { 0 };
		int rc;

		ck_ok(mm_lines_add(&in, "He's in the U.S. (now)", 22, err));
		mm_mem_fail_after(n);
		rc = mm_ptb_new(&ptb, &why);
		if (!rc)
			rc = mm_ptb_tokenize(ptb, &out, &in, true, &why);
		mm_mem_fail_after(0);
		failed = rc != 0;
		if (rc)
			ck_assert_int_eq(rc, MM_ERR_NOMEM);
		mm_ptb_free(ptb);
		mm_lines_release(&in);
		mm_lines_release(&out);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ptb");

	tcase_add_test(tc, test_golden);
	tcase_add_test(tc, test_fixtures);
	tcase_add_test(tc, test_punctuation);
	tcase_add_test(tc, test_next_line);
	tcase_add_test(tc, test_line_ends);
	tcase_add_test(tc, test_malformed);
	tcase_add_test(tc, test_linear);
	tcase_add_test(tc, test_sigma);
	tcase_add_test(tc, test_no_memory);
	return unit_run("ptb", tc);
}
