/*
 * tokenizer_classic.c - vocabularies from before tokenizer.json.
 *
 * vocab.json with merges.txt (CLIP, GPT-2, RoBERTa), vocab.txt (BERT) and
 * OpenAI's bpe_simple_vocab_16e6.txt.gz hold tokens only; the rest is what
 * transformers' classes of these names build, written here as the pieces of
 * tokenizer.json that it amounts to.
 */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/io.h"
#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"
#include "text/vocab_scan.h"

enum { MAX_UNZIPPED = 256 << 20, CLIP_MERGES = 49152 - 256 - 2 };

static const char clip_parts[] =
	"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["
	"{\"type\":\"NFC\"},"
	"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},"
	"\"content\":\" \"},{\"type\":\"Lowercase\"}]},"
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
	"{\"type\":\"Split\",\"pattern\":{\"Regex\":"
	"\"<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|'s|'t|'re|'ve|'m|'ll|"
	"'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\"},"
	"\"behavior\":\"Removed\",\"invert\":true},"
	"{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
	"\"use_regex\":true}]},\"decoder\":{\"type\":\"ByteLevel\"}}";
static const char clip_tokens[] =
	"{\"bos_token\":\"<|startoftext|>\",\"eos_token\":\"<|endoftext|>\","
	"\"unk_token\":\"<|endoftext|>\",\"pad_token\":\"<|endoftext|>\"}";

/* the hub's flags: <|STARTOFTEXT|> is the token, too */
static const char openai_tokens[] =
	"{\"bos_token\":{\"content\":\"<|startoftext|>\",\"special\":true,"
	"\"normalized\":true},\"eos_token\":\"<|endoftext|>\","
	"\"unk_token\":\"<|endoftext|>\",\"pad_token\":\"<|endoftext|>\"}";

static const char gpt2_parts[] =
	"{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
	"\"decoder\":{\"type\":\"ByteLevel\"}}";
static const char gpt2_space_parts[] =
	"{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true},"
	"\"decoder\":{\"type\":\"ByteLevel\"}}";
static const char gpt2_tokens[] =
	"{\"bos_token\":\"<|endoftext|>\",\"eos_token\":\"<|endoftext|>\","
	"\"unk_token\":\"<|endoftext|>\"}";
const char mm_roberta_tokens[] =
	"{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"sep_token\":\"</s>\","
	"\"cls_token\":\"<s>\",\"unk_token\":\"<unk>\",\"pad_token\":\"<pad>\","
	"\"mask_token\":{\"content\":\"<mask>\",\"lstrip\":true,"
	"\"special\":true,\"normalized\":false}}";

static const char bert_tokens[] =
	"{\"unk_token\":\"[UNK]\",\"sep_token\":\"[SEP]\","
	"\"pad_token\":\"[PAD]\",\"cls_token\":\"[CLS]\","
	"\"mask_token\":\"[MASK]\"}";

/* The parts beside the model, from JSON text. */
static int load_parts(struct mm_tokenizer *tok, const char *text,
		      struct mm_err *err)
{
	struct mm_json *root;
	int rc = mm_json_parse(&root, text, strlen(text), "defaults", err);

	if (rc)
		return rc;
	if (!(rc = mm_norm_load(tok, mm_json_get(root, "normalizer"), err)) &&
	    !(rc = mm_pretok_load(tok, mm_json_get(root, "pre_tokenizer"),
				  err)) &&
	    !(rc = mm_decoder_load(tok, mm_json_get(root, "decoder"), err)))
		rc = mm_post_load(tok, NULL, err);
	mm_json_free(root);
	return rc;
}

/* The template of a class, once its special ids are known. */
int mm_tokenizer_family_template(struct mm_tokenizer *tok, struct mm_err *err)
{
	const struct mm_tokenizer_info *f = &tok->info;
	const bool bert = tok->family == FAMILY_BERT;
	const bool clip = tok->family == FAMILY_CLIP;
	const int32_t first = clip ? f->bos : f->cls;
	const int32_t last = clip ? f->eos : f->sep;
	const struct mm_piece all[] = {
		{ -1, first, 0 }, { 0, -1, 0 },	   { -1, last, 0 },
		{ -1, last, 0 },  { 1, -1, bert }, { -1, last, bert },
	};
	struct mm_piece pair[6];
	size_t n = 3;
	int rc;

	if (tok->family == FAMILY_NONE || tok->family == FAMILY_GPT2)
		return MM_OK;
	if (first < 0 || last < 0)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the special tokens at the ends are missing");
	memcpy(pair, all, 3 * sizeof(*pair));
	for (size_t i = bert ? 4 : 3; i < 6; i++)
		pair[n++] = all[i];
	if ((rc = mm_post_set(tok, 0, all, 3, err)))
		return rc;
	return mm_post_set(tok, 1, pair, n, err);
}

/* ------------------------------------------- vocab.json, merges.txt */

static int load_object(struct mm_tokenizer *tok, const struct mm_json *root,
		       struct mm_err *err)
{
	const char *key;
	const struct mm_json *v;
	void *it = NULL;
	int rc = MM_OK;

	while (!rc && mm_json_next(root, &it, &key, &v)) {
		const int64_t id = mm_json_int(v, -1);

		if (id > 16 * (int64_t)mm_json_size(root) + 65536)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "id %lld in a vocabulary of %zu tokens",
				     (long long)id, mm_json_size(root));
		else
			rc = mm_vocab_put(tok, key, strlen(key), id, err);
	}
	return rc;
}

static int load_vocab_json(struct mm_tokenizer *tok, const char *path,
			   struct mm_err *err)
{
	struct mm_json *root;
	struct mm_file f;
	bool known;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	rc = mm_vocab_scan_tokens(
		tok, (struct mm_str){ (const char *)f.data, f.size }, &known,
		err);
	if (!rc && !known &&
	    !(rc = mm_json_parse(&root, (const char *)f.data, f.size, path,
				 err))) {
		rc = load_object(tok, root, err);
		mm_json_free(root);
	}
	mm_file_release(&f);
	return rc ? rc : mm_vocab_finish(tok, err);
}

static int merge_line(struct mm_tokenizer *tok, const char *s, size_t n,
		      size_t line, struct mm_err *err)
{
	const char *blank = memchr(s, ' ', n);
	struct mm_str a, b;

	if (!blank || memchr(blank + 1, ' ', n - (size_t)(blank - s) - 1))
		return mm_fail(err, MM_ERR_FORMAT,
			       "line %zu of the merges is not two tokens",
			       line);
	a = (struct mm_str){ s, (size_t)(blank - s) };
	b = (struct mm_str){ blank + 1, n - a.n - 1 };
	return mm_bpe_add_merge(tok, a, b, err);
}

/* A line of [*at, n) without its end; false behind the last. */
static bool next_line(const char *s, size_t n, size_t *at, struct mm_str *line)
{
	const char *end;

	if (*at >= n)
		return false;
	end = memchr(s + *at, '\n', n - *at);
	line->s = s + *at;
	line->n = end ? (size_t)(end - line->s) : n - *at;
	*at += line->n + 1;
	if (line->n && line->s[line->n - 1] == '\r')
		line->n--;
	return true;
}

static int load_merges_txt(struct mm_tokenizer *tok, const char *path,
			   struct mm_err *err)
{
	struct mm_file f;
	struct mm_str line;
	size_t at = 0, count = 0;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	rc = mm_bpe_reserve(tok, tok->ids.n, err);
	while (!rc && next_line((const char *)f.data, f.size, &at, &line)) {
		count++;
		if ((line.n >= 8 && !memcmp(line.s, "#version", 8)) || !line.n)
			continue;
		rc = merge_line(tok, line.s, line.n, count, err);
	}
	mm_file_release(&f);
	return rc;
}

static enum mm_family guess_family(const struct mm_tokenizer *tok,
				   const struct mm_json *config)
{
	const char *name =
		mm_json_str(mm_json_get(config, "tokenizer_class"), "");

	if (strstr(name, "CLIP"))
		return FAMILY_CLIP;
	if (strstr(name, "Roberta") || strstr(name, "Bart"))
		return FAMILY_ROBERTA;
	if (strstr(name, "GPT2"))
		return FAMILY_GPT2;
	if (mm_map_find_str(&tok->ids, "a</w>"))
		return FAMILY_CLIP;
	return mm_map_find_str(&tok->ids, "<mask>") ? FAMILY_ROBERTA
						    : FAMILY_GPT2;
}

static int finish_bpe(struct mm_tokenizer *tok, bool prefix_space,
		      struct mm_err *err)
{
	static const char *const tokens[] = { NULL, clip_tokens, gpt2_tokens,
					      mm_roberta_tokens, bert_tokens };
	const int64_t *unk = NULL;

	tok->defaults = tokens[tok->family];
	tok->clip_decode = tok->family == FAMILY_CLIP;
	if (tok->family == FAMILY_CLIP)
		unk = mm_map_find_str(&tok->ids, "<|endoftext|>");
	tok->unk = unk ? (int32_t)*unk : -1;
	{
		int rc = mm_bpe_finish(tok, err);

		if (rc)
			return rc;
	}
	return load_parts(tok,
			  tok->family == FAMILY_CLIP ? clip_parts
			  : prefix_space	     ? gpt2_space_parts
						     : gpt2_parts,
			  err);
}

int mm_tokenizer_load_merges(struct mm_tokenizer *tok, const char *vocab,
			     const char *merges, const struct mm_json *config,
			     struct mm_err *err)
{
	int rc;

	tok->model = MODEL_BPE;
	tok->info.model = "BPE";
	if ((rc = load_vocab_json(tok, vocab, err)))
		return rc;
	tok->family = guess_family(tok, config);
	if (tok->family == FAMILY_CLIP &&
	    (rc = mm_str_copy(tok, &tok->bpe.suffix, "</w>", 4, err)))
		return rc;
	if ((rc = load_merges_txt(tok, merges, err)))
		return rc;
	return finish_bpe(
		tok,
		mm_json_bool(mm_json_get(config, "add_prefix_space"), false),
		err);
}

/* --------------------------------------------------------- vocab.txt */

static size_t trim_end(const char *s, size_t n)
{
	while (n > 0) {
		const size_t back = mm_utf8_back(s, n);
		size_t i = back;

		if (!mm_u_space(mm_utf8_next(s, &i)))
			break;
		n = back;
	}
	return n;
}

static int load_lines(struct mm_tokenizer *tok, const char *path,
		      struct mm_err *err)
{
	struct mm_file f;
	struct mm_str line;
	size_t at = 0, valid;
	int64_t id = 0;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	valid = mm_utf8_valid((const char *)f.data, f.size);
	if (valid < f.size)
		rc = mm_fail(err, MM_ERR_FORMAT, "no UTF-8 at byte %zu", valid);
	while (!rc && next_line((const char *)f.data, f.size, &at, &line))
		rc = mm_vocab_put(tok, line.s, trim_end(line.s, line.n), id++,
				  err);
	mm_file_release(&f);
	return rc ? rc : mm_vocab_finish(tok, err);
}

/* What BertTokenizer builds from its configuration. */
static int bert_parts(struct mm_tokenizer *tok, const struct mm_json *config,
		      struct mm_err *err)
{
	const struct mm_json *strip = mm_json_get(config, "strip_accents");
	const bool lower =
		mm_json_bool(mm_json_get(config, "do_lower_case"), true);
	const bool cjk = mm_json_bool(
		mm_json_get(config, "tokenize_chinese_chars"), true);
	char parts[512];

	snprintf(parts, sizeof(parts),
		 "{\"normalizer\":{\"type\":\"BertNormalizer\","
		 "\"clean_text\":true,\"handle_chinese_chars\":%s,"
		 "\"strip_accents\":%s,\"lowercase\":%s},"
		 "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
		 "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\","
		 "\"cleanup\":true}}",
		 cjk ? "true" : "false",
		 mm_json_type(strip) != MM_JSON_BOOL ? "null"
		 : mm_json_bool(strip, false)	     ? "true"
						     : "false",
		 lower ? "true" : "false");
	return load_parts(tok, parts, err);
}

int mm_tokenizer_load_vocab_txt(struct mm_tokenizer *tok, const char *path,
				const struct mm_json *config,
				struct mm_err *err)
{
	const struct mm_json *unk = mm_json_get(config, "unk_token");
	const int64_t *id;
	int rc;

	tok->model = MODEL_WORDPIECE;
	tok->info.model = "WordPiece";
	tok->family = FAMILY_BERT;
	tok->defaults = bert_tokens;
	tok->max_chars = 100;
	if ((rc = load_lines(tok, path, err)) ||
	    (rc = mm_wordpiece_finish(tok, (struct mm_str){ "##", 2 }, err)))
		return rc;
	id = mm_map_find_str(&tok->ids, mm_json_str(unk, "[UNK]"));
	tok->unk = id ? (int32_t)*id : -1;
	return bert_parts(tok, config, err);
}

int mm_tokenizer_parts(struct mm_tokenizer **out, enum mm_family family,
		       bool lower, struct mm_err *err)
{
	static const char cased[] = "{\"do_lower_case\":false}";
	struct mm_tokenizer *tok = mm_calloc(1, sizeof(*tok));
	struct mm_json *config = NULL;
	int rc = MM_OK;

	*out = NULL;
	if (!tok)
		return mm_fail_nomem(err, "a tokenizer");
	tok->model = family == FAMILY_CLIP ? MODEL_BPE : MODEL_WORDPIECE;
	if (!lower)
		rc = mm_json_parse(&config, cased, strlen(cased), "cased", err);
	if (!rc)
		rc = family == FAMILY_CLIP ? load_parts(tok, clip_parts, err)
					   : bert_parts(tok, config, err);
	mm_json_free(config);
	if (rc) {
		mm_tokenizer_free(tok);
		return rc;
	}
	*out = tok;
	return MM_OK;
}

/* ------------------------------------------------------ OpenAI's file */

/* Does out[from..] end what is read of the file: line CLIP_MERGES? */
static bool has_all(const struct mm_buf *out, size_t from, size_t *lines)
{
	const char *p = out->data + from, *end = out->data + out->len;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		++*lines;
	}
	return *lines > CLIP_MERGES;
}

/* The file, at least as far as it is read. */
static int unzip(const struct mm_file *f, struct mm_buf *out,
		 struct mm_err *err)
{
	z_stream z = { 0 };
	size_t lines = 0;
	int rc = Z_OK;

	if (f->size < 2 || f->data[0] != 0x1f || f->data[1] != 0x8b) {
		mm_buf_add(out, f->data, f->size);
		return mm_buf_check(out, "a vocabulary", err);
	}
	if (f->size > UINT32_MAX || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return mm_fail(err, MM_ERR_IO, "zlib does not start");
	z.next_in = (z_const Bytef *)(uintptr_t)f->data;
	z.avail_in = (uInt)f->size;
	while (rc == Z_OK && out->len < MAX_UNZIPPED) {
		const size_t from = out->len;
		char *d = mm_buf_reserve(out, 1 << 16);

		if (!d)
			break;
		z.next_out = (Bytef *)d;
		z.avail_out = 1 << 16;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += (1u << 16) - z.avail_out;
		if (rc == Z_OK && has_all(out, from, &lines))
			rc = Z_STREAM_END;
	}
	inflateEnd(&z);
	if (out->failed)
		return mm_fail_nomem(err, "a vocabulary");
	return rc == Z_STREAM_END ? MM_OK
				  : mm_fail(err, MM_ERR_FORMAT,
					    "damaged or too large gzip data");
}

/* 256 byte symbols in the order of bytes_to_unicode, plain or with </w>. */
static int put_alphabet(struct mm_tokenizer *tok, const char *suffix,
			int64_t *id, struct mm_err *err)
{
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned b = 0; b < 256; b++) {
			const uint32_t c = mm_byte_char((unsigned char)b);
			char name[16];
			size_t n;
			int rc;

			if ((c == b) != (pass == 0))
				continue;
			n = mm_utf8_put(name, c);
			memcpy(name + n, suffix, strlen(suffix));
			n += strlen(suffix);
			if ((rc = mm_vocab_put(tok, name, n, (*id)++, err)))
				return rc;
		}
	}
	return MM_OK;
}

/* Lines 1..48894 are the merges of CLIP; line 0 is a comment. */
static int put_merges(struct mm_tokenizer *tok, const struct mm_buf *text,
		      int64_t *id, bool tokens, struct mm_err *err)
{
	struct mm_str line;
	size_t at = 0;

	for (size_t i = 0; next_line(text->data, text->len, &at, &line); i++) {
		const char *blank = memchr(line.s, ' ', line.n);
		char joined[1024];
		int rc;

		if (i == 0)
			continue;
		if (i > CLIP_MERGES)
			break;
		if (!tokens) {
			if ((rc = merge_line(tok, line.s, line.n, i + 1, err)))
				return rc;
			continue;
		}
		if (!blank || line.n > sizeof(joined))
			return mm_fail(err, MM_ERR_FORMAT,
				       "line %zu is not two tokens", i + 1);
		memcpy(joined, line.s, (size_t)(blank - line.s));
		memcpy(joined + (blank - line.s), blank + 1,
		       line.n - (size_t)(blank - line.s) - 1);
		if ((rc = mm_vocab_put(tok, joined, line.n - 1, (*id)++, err)))
			return rc;
	}
	return MM_OK;
}

int mm_tokenizer_load_openai(struct mm_tokenizer *tok, const char *path,
			     struct mm_err *err)
{
	struct mm_buf text = { 0 };
	struct mm_file f;
	int64_t id = 0;
	size_t valid;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	rc = unzip(&f, &text, err);
	mm_file_release(&f);
	if (rc)
		goto done;
	valid = mm_utf8_valid(mm_buf_str(&text), text.len);
	if (valid < text.len) {
		rc = mm_fail(err, MM_ERR_FORMAT, "no UTF-8 at byte %zu", valid);
		goto done;
	}
	tok->model = MODEL_BPE;
	tok->info.model = "BPE";
	tok->info.max_length = 77;
	tok->family = FAMILY_CLIP;
	if ((rc = mm_str_copy(tok, &tok->bpe.suffix, "</w>", 4, err)) ||
	    (rc = mm_vocab_reserve(tok, CLIP_MERGES + 514, err)) ||
	    (rc = mm_bpe_reserve(tok, CLIP_MERGES, err)) ||
	    (rc = put_alphabet(tok, "", &id, err)) ||
	    (rc = put_alphabet(tok, "</w>", &id, err)) ||
	    (rc = put_merges(tok, &text, &id, true, err)) ||
	    (rc = mm_vocab_put(tok, "<|startoftext|>", 15, id++, err)) ||
	    (rc = mm_vocab_put(tok, "<|endoftext|>", 13, id++, err)) ||
	    (rc = mm_vocab_finish(tok, err)) ||
	    (rc = put_merges(tok, &text, &id, false, err)))
		goto done;
	rc = finish_bpe(tok, false, err);
	tok->defaults = openai_tokens;
done:
	mm_buf_release(&text);
	return rc;
}
