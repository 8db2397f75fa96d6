/* SentencePiece's model files: the ids that its own program makes. */
#include "unit.h"

#include "base/buf.h"
#include "base/json.h"
#include "text/spm.h"
#include "text/tokenizer.h"

/* Made by sentencepiece 0.2.3, </s> added: rules for characters that need
 * those around them; bytes for what has no piece, and symbols that must stay
 * whole; blanks as they stand. */
static const char *const models[] = { "map", "bytes", "blanks" };

static void compare(struct mm_tokenizer *tok, struct mm_token_work *w,
		    const struct mm_json *line)
{
	const struct mm_json *text = mm_json_get(line, "text");
	const struct mm_json *ids = mm_json_get(line, "ids");
	const struct mm_encode_opts o = { 0 };
	struct mm_tokens t;

	ck_ok(mm_tokenizer_encode(tok, w, mm_json_str(text, ""),
				  mm_json_str_len(text), NULL, 0, &o, &t, err));
	ck_assert_msg(t.n == mm_json_size(ids), "'%s': %zu ids, not %zu",
		      mm_json_str(text, ""), t.n, mm_json_size(ids));
	for (size_t i = 0; i < t.n; i++)
		ck_assert_msg(t.ids[i] ==
				      (int)mm_json_num(mm_json_at(ids, i), -1),
			      "'%s': id %zu is %d", mm_json_str(text, ""), i,
			      (int)t.ids[i]);
}

START_TEST(ids_are_those_of_sentencepiece)
{
	char path[256];
	struct mm_tokenizer *tok;
	struct mm_token_work *w;
	char *cases, *at, *end;
	int n = 0;

	snprintf(path, sizeof(path), "tests/golden/spm/%s", models[_i]);
	ck_ok(mm_tokenizer_open(&tok, path, MM_CLEAN_HF, err));
	ck_assert_str_eq(mm_tokenizer_info(tok)->model, "Unigram");
	w = mm_token_work_new(tok);
	ck_assert_ptr_nonnull(w);
	snprintf(path, sizeof(path), "tests/golden/spm/%s/cases.jsonl",
		 models[_i]);
	cases = file_bytes(path, NULL);
	for (at = cases; (end = strchr(at, '\n')); at = end + 1, n++) {
		struct mm_json *line;

		ck_ok(mm_json_parse(&line, at, (size_t)(end - at), path, err));
		compare(tok, w, line);
		mm_json_free(line);
	}
	ck_assert_int_gt(n, 100);
	free(cases);
	mm_token_work_free(w);
	mm_tokenizer_free(tok);
}
END_TEST

static const struct {
	const char *text, *want; /* the ids of `want` without what it says */
} canonical[] = {
	{ "A RED\tCircle!", "a red circle" },
	{ "  (a) {red} [circle] ", "a red circle" },
	{ "a\xe2\x96\x81red-circle", "a redcircle" },
	{ "?!", "" },
};

/* SigLIP's tokenizer cleans before the model sees a text. */
START_TEST(siglip_cleans_first)
{
	static const char config[] =
		"{\"tokenizer_class\": \"SiglipTokenizer\"}";
	const struct mm_encode_opts o = { 0 };
	struct mm_tokenizer *tok, *plain;
	struct mm_token_work *w, *v;
	struct mm_tokens got, want;
	size_t n;
	char *model = file_bytes("tests/golden/spm/map/spiece.model", &n);

	scratch_begin();
	file_put(scratch("spiece.model"), model, n);
	file_put(scratch("tokenizer_config.json"), config, sizeof(config) - 1);
	ck_ok(mm_tokenizer_open(&tok, scratch_dir, MM_CLEAN_HF, err));
	ck_ok(mm_tokenizer_open(&plain, "tests/golden/spm/map", MM_CLEAN_HF,
				err));
	w = mm_token_work_new(tok);
	v = mm_token_work_new(plain);
	for (size_t i = 0; i < sizeof(canonical) / sizeof(*canonical); i++) {
		const char *a = canonical[i].text, *b = canonical[i].want;

		ck_ok(mm_tokenizer_encode(tok, w, a, strlen(a), NULL, 0, &o,
					  &got, err));
		ck_ok(mm_tokenizer_encode(plain, v, b, strlen(b), NULL, 0, &o,
					  &want, err));
		ck_assert_uint_eq(got.n, want.n);
		ck_assert(!memcmp(got.ids, want.ids, got.n * sizeof(*got.ids)));
	}
	mm_token_work_free(w);
	mm_token_work_free(v);
	mm_tokenizer_free(tok);
	mm_tokenizer_free(plain);
	free(model);
	scratch_end();
}
END_TEST

static const struct {
	const char *bytes;
	size_t n;
	const char *says;
} bad[] = {
	{ "", 0, "no pieces" },
	{ "\xff", 1, "the file cannot be read" },
	{ "\x0a\x7f\x0a", 3, "the file cannot be read" },
	{ "\x0a\x02\x0a\x05", 4, "piece 0 cannot be read" },
	{ "\x0a\x00", 2, "piece 0 is no text" },
	{ "\x0a\x03\x0a\x01\xc3", 5, "piece 0 is no text" },
	/* a score that is not a number; a type of the future; unused */
	{ "\x0a\x08\x0a\x01"
	  "a\x15\x00\x00\xc0\x7f",
	  10, "piece 0 is no text" },
	{ "\x0a\x05\x0a\x01"
	  "a\x18\x09",
	  7, "type 9" },
	{ "\x0a\x05\x0a\x01"
	  "a\x18\x05",
	  7, "type 5" },
	/* pieces without an unknown one; a BPE model */
	{ "\x0a\x03\x0a\x01"
	  "a",
	  5, "not the unknown one" },
	{ "\x0a\x03\x0a\x01"
	  "a\x12\x02\x18\x02",
	  9, "type 2, not 1" },
	{ "\x0a\x05\x0a\x01"
	  "a\x18\x02\x12\x03\xc0\x02\x00",
	  12, "no normal pieces" },
};

START_TEST(what_cannot_be_read_is_refused)
{
	const struct mm_spm_options o = { 0 };
	struct mm_buf out = { 0 };

	ck_fails(mm_spm_to_json(&out, bad[_i].bytes, bad[_i].n, &o, err),
		 MM_ERR_FORMAT, bad[_i].says);
	mm_buf_release(&out);
}
END_TEST

/* Cut anywhere, it is refused or has fewer pieces; nothing else happens. */
START_TEST(cut_anywhere)
{
	const struct mm_spm_options o = { 0 };
	size_t n;
	char *model = file_bytes("tests/golden/spm/blanks/spiece.model", &n);

	for (size_t k = 0; k < n; k++) {
		struct mm_buf out = { 0 };
		struct mm_err err = { 0 };
		char *part = malloc(k ? k : 1);
		int rc;

		memcpy(part, model, k);
		rc = mm_spm_to_json(&out, part, k, &o, &err);
		ck_assert(rc == MM_OK || rc == MM_ERR_FORMAT);
		mm_buf_release(&out);
		free(part);
	}
	free(model);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("spm");

	tcase_add_loop_test(tc, ids_are_those_of_sentencepiece, 0, 3);
	tcase_add_test(tc, siglip_cleans_first);
	tcase_add_loop_test(tc, what_cannot_be_read_is_refused, 0,
			    sizeof(bad) / sizeof(*bad));
	tcase_add_test(tc, cut_anywhere);
	return unit_run("spm", tc);
}
