/*
 * vocab_write.c - a trained vocabulary as the files that Hugging Face reads:
 * tokenizer.json, the classic files beside it, and the two configurations.
 */
#include <string.h>

#include "base/io.h"
#include "text/vocab_impl.h"

static const char *const clip_special[] = { "<|startoftext|>",
					    "<|endoftext|>" };
static const char *const bert_special[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]",
					    "[MASK]" };

static bool is_clip(const struct mm_vocab *v)
{
	return v->opts.type == MM_VOCAB_CLIP;
}

static int32_t id_of(const struct mm_vocab *v, const char *token)
{
	const int64_t *id = mm_map_find_str(&v->ids, token);

	return id ? (int32_t)*id : -1;
}

static int save(const char *dir, const char *name, struct mm_buf *text,
		struct mm_err *err)
{
	struct mm_buf path = { 0 };
	int rc;

	mm_buf_printf(&path, "%s/%s", dir, name);
	rc = mm_buf_check(&path, "a path", err);
	if (!rc)
		rc = mm_buf_check(text, "a vocabulary", err);
	if (!rc)
		rc = mm_file_write(path.data, text->data, text->len, err);
	mm_buf_release(&path);
	mm_buf_clear(text);
	return rc;
}

static void put_vocab(const struct mm_vocab *v, struct mm_json_writer *w,
		      const char *key)
{
	mm_json_open(w, key, '{');
	for (size_t i = 0; i < v->n_tokens; i++)
		mm_json_put_int(w, v->token[i].s, (int64_t)i);
	mm_json_close(w);
}

static void put_added(const struct mm_vocab *v, struct mm_json_writer *w,
		      const char *key, const char *content, bool with_id)
{
	/* the hub's flag: <|STARTOFTEXT|> is found after lower case, too */
	const bool normalized = !strcmp(content, clip_special[0]);

	mm_json_open(w, key, '{');
	if (with_id)
		mm_json_put_int(w, "id", id_of(v, content));
	mm_json_put_str(w, "content", content);
	mm_json_put_bool(w, "single_word", false);
	mm_json_put_bool(w, "lstrip", false);
	mm_json_put_bool(w, "rstrip", false);
	mm_json_put_bool(w, "normalized", normalized);
	mm_json_put_bool(w, "special", true);
	mm_json_close(w);
}

static void put_type(struct mm_json_writer *w, const char *key,
		     const char *type)
{
	mm_json_open(w, key, '{');
	mm_json_put_str(w, "type", type);
}

static void put_regex(struct mm_json_writer *w, const char *regex)
{
	mm_json_open(w, "pattern", '{');
	mm_json_put_str(w, "Regex", regex);
	mm_json_close(w);
}

static void clip_parts(const struct mm_vocab *v, struct mm_json_writer *w)
{
	put_type(w, "normalizer", "Sequence");
	mm_json_open(w, "normalizers", '[');
	put_type(w, NULL, "NFC");
	mm_json_close(w);
	put_type(w, NULL, "Replace");
	put_regex(w, "\\s+");
	mm_json_put_str(w, "content", " ");
	mm_json_close(w);
	put_type(w, NULL, "Lowercase");
	mm_json_close(w);
	mm_json_close(w);
	mm_json_close(w);
	put_type(w, "pre_tokenizer", "Sequence");
	mm_json_open(w, "pretokenizers", '[');
	put_type(w, NULL, "Split");
	put_regex(w, "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|"
		     "'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+");
	mm_json_put_str(w, "behavior", "Removed");
	mm_json_put_bool(w, "invert", true);
	mm_json_close(w);
	put_type(w, NULL, "ByteLevel");
	mm_json_put_bool(w, "add_prefix_space", false);
	mm_json_put_bool(w, "trim_offsets", true);
	mm_json_put_bool(w, "use_regex", true);
	mm_json_close(w);
	mm_json_close(w);
	mm_json_close(w);
	put_type(w, "post_processor", "RobertaProcessing");
	for (int k = 1; k >= 0; k--) {
		mm_json_open(w, k ? "sep" : "cls", '[');
		mm_json_put_str(w, NULL, clip_special[k]);
		mm_json_put_int(w, NULL, id_of(v, clip_special[k]));
		mm_json_close(w);
	}
	mm_json_put_bool(w, "trim_offsets", false);
	mm_json_put_bool(w, "add_prefix_space", false);
	mm_json_close(w);
	put_type(w, "decoder", "ByteLevel");
	mm_json_put_bool(w, "add_prefix_space", true);
	mm_json_put_bool(w, "trim_offsets", true);
	mm_json_put_bool(w, "use_regex", true);
	mm_json_close(w);
}

static void clip_model(const struct mm_vocab *v, struct mm_json_writer *w)
{
	put_type(w, "model", "BPE");
	mm_json_put_null(w, "dropout");
	mm_json_put_str(w, "unk_token", clip_special[1]);
	mm_json_put_str(w, "continuing_subword_prefix", "");
	mm_json_put_str(w, "end_of_word_suffix", "</w>");
	mm_json_put_bool(w, "fuse_unk", false);
	mm_json_put_bool(w, "byte_fallback", false);
	mm_json_put_bool(w, "ignore_merges", false);
	put_vocab(v, w, "vocab");
	mm_json_open(w, "merges", '[');
	for (size_t i = 0; i < v->n_merges; i++) {
		const struct mm_str a = v->token[v->merge[i].left];
		const struct mm_str b = v->token[v->merge[i].right];

		mm_json_open(w, NULL, '[');
		mm_json_put_strn(w, NULL, a.s, a.n);
		mm_json_put_strn(w, NULL, b.s, b.n);
		mm_json_close(w);
	}
	mm_json_close(w);
	mm_json_close(w);
}

/* One piece of the template: a token, or segment "A" or "B". */
static void put_piece(struct mm_json_writer *w, const char *kind,
		      const char *id, int type)
{
	mm_json_open(w, NULL, '{');
	mm_json_open(w, kind, '{');
	mm_json_put_str(w, "id", id);
	mm_json_put_int(w, "type_id", type);
	mm_json_close(w);
	mm_json_close(w);
}

static void bert_template(const struct mm_vocab *v, struct mm_json_writer *w)
{
	put_type(w, "post_processor", "TemplateProcessing");
	for (int pair = 0; pair < 2; pair++) {
		mm_json_open(w, pair ? "pair" : "single", '[');
		put_piece(w, "SpecialToken", "[CLS]", 0);
		put_piece(w, "Sequence", "A", 0);
		put_piece(w, "SpecialToken", "[SEP]", 0);
		if (pair) {
			put_piece(w, "Sequence", "B", 1);
			put_piece(w, "SpecialToken", "[SEP]", 1);
		}
		mm_json_close(w);
	}
	mm_json_open(w, "special_tokens", '{');
	for (size_t k = 2; k < 4; k++) {
		mm_json_open(w, bert_special[k], '{');
		mm_json_put_str(w, "id", bert_special[k]);
		mm_json_open(w, "ids", '[');
		mm_json_put_int(w, NULL, id_of(v, bert_special[k]));
		mm_json_close(w);
		mm_json_open(w, "tokens", '[');
		mm_json_put_str(w, NULL, bert_special[k]);
		mm_json_close(w);
		mm_json_close(w);
	}
	mm_json_close(w);
	mm_json_close(w);
}

static void bert_parts(const struct mm_vocab *v, struct mm_json_writer *w)
{
	put_type(w, "normalizer", "BertNormalizer");
	mm_json_put_bool(w, "clean_text", true);
	mm_json_put_bool(w, "handle_chinese_chars", true);
	mm_json_put_null(w, "strip_accents");
	mm_json_put_bool(w, "lowercase", !v->opts.cased);
	mm_json_close(w);
	put_type(w, "pre_tokenizer", "BertPreTokenizer");
	mm_json_close(w);
	bert_template(v, w);
	put_type(w, "decoder", "WordPiece");
	mm_json_put_str(w, "prefix", "##");
	mm_json_put_bool(w, "cleanup", true);
	mm_json_close(w);
}

static void bert_model(const struct mm_vocab *v, struct mm_json_writer *w)
{
	put_type(w, "model", "WordPiece");
	mm_json_put_str(w, "unk_token", "[UNK]");
	mm_json_put_str(w, "continuing_subword_prefix", "##");
	mm_json_put_int(w, "max_input_chars_per_word", 100);
	put_vocab(v, w, "vocab");
	mm_json_close(w);
}

static void tokenizer_json(const struct mm_vocab *v, struct mm_buf *out)
{
	const char *const *special = is_clip(v) ? clip_special : bert_special;
	const size_t n = is_clip(v) ? 2 : 5;
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 1);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "version", "1.0");
	mm_json_put_null(&w, "truncation");
	mm_json_put_null(&w, "padding");
	mm_json_open(&w, "added_tokens", '[');
	for (size_t i = 0; i < n; i++)
		put_added(v, &w, NULL, special[i], true);
	mm_json_close(&w);
	if (is_clip(v)) {
		clip_parts(v, &w);
		clip_model(v, &w);
	} else {
		bert_parts(v, &w);
		bert_model(v, &w);
	}
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_names(const struct mm_vocab *v, struct mm_json_writer *w)
{
	if (is_clip(v)) {
		mm_json_put_str(w, "bos_token", clip_special[0]);
		mm_json_put_str(w, "eos_token", clip_special[1]);
		mm_json_put_str(w, "pad_token", clip_special[1]);
		mm_json_put_str(w, "unk_token", clip_special[1]);
		return;
	}
	mm_json_put_str(w, "cls_token", "[CLS]");
	mm_json_put_str(w, "mask_token", "[MASK]");
	mm_json_put_str(w, "pad_token", "[PAD]");
	mm_json_put_str(w, "sep_token", "[SEP]");
	mm_json_put_str(w, "unk_token", "[UNK]");
}

static void config_json(const struct mm_vocab *v, struct mm_buf *out)
{
	const char *const *special = is_clip(v) ? clip_special : bert_special;
	const size_t n = is_clip(v) ? 2 : 5;
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "added_tokens_decoder", '{');
	for (size_t i = 0; i < n; i++) {
		struct mm_buf id = { 0 };

		mm_buf_printf(&id, "%d", (int)id_of(v, special[i]));
		put_added(v, &w, mm_buf_str(&id), special[i], false);
		out->failed |= id.failed;
		mm_buf_release(&id);
	}
	mm_json_close(&w);
	put_names(v, &w);
	mm_json_put_bool(&w, "do_lower_case", is_clip(v) || !v->opts.cased);
	mm_json_put_int(&w, "model_max_length", (int64_t)v->opts.max_length);
	mm_json_put_str(&w, "tokenizer_class",
			is_clip(v) ? "CLIPTokenizer" : "BertTokenizer");
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void special_json(const struct mm_vocab *v, struct mm_buf *out)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	put_names(v, &w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static int classic_files(const struct mm_vocab *v, const char *dir,
			 struct mm_buf *b, struct mm_err *err)
{
	int rc;

	if (!is_clip(v)) {
		for (size_t i = 0; i < v->n_tokens; i++) {
			mm_buf_add(b, v->token[i].s, v->token[i].n);
			mm_buf_addc(b, '\n');
		}
		return save(dir, "vocab.txt", b, err);
	}
	for (size_t i = 0; i < v->n_tokens; i++) {
		struct mm_json_writer w; /* for the quotes only */

		mm_buf_addc(b, i ? ',' : '{');
		mm_json_writer_init(&w, b, 0);
		mm_json_put_strn(&w, NULL, v->token[i].s, v->token[i].n);
		mm_buf_printf(b, ":%zu", i);
	}
	mm_buf_addc(b, '}');
	if ((rc = save(dir, "vocab.json", b, err)))
		return rc;
	mm_buf_adds(b, "#version: 0.2\n");
	for (size_t i = 0; i < v->n_merges; i++) {
		const struct mm_str x = v->token[v->merge[i].left];
		const struct mm_str y = v->token[v->merge[i].right];

		mm_buf_add(b, x.s, x.n);
		mm_buf_addc(b, ' ');
		mm_buf_add(b, y.s, y.n);
		mm_buf_addc(b, '\n');
	}
	return save(dir, "merges.txt", b, err);
}

int mm_vocab_write(const struct mm_vocab *v, const char *dir,
		   struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc = mm_mkdirs(dir, err);

	if (!rc)
		rc = classic_files(v, dir, &b, err);
	if (!rc) {
		special_json(v, &b);
		rc = save(dir, "special_tokens_map.json", &b, err);
	}
	if (!rc) {
		config_json(v, &b);
		rc = save(dir, "tokenizer_config.json", &b, err);
	}
	if (!rc) {
		tokenizer_json(v, &b);
		rc = save(dir, "tokenizer.json", &b, err);
	}
	mm_buf_release(&b);
	return rc;
}
