/*
 * tokenizer_load.c - reads tokenizer.json, tokenizer_config.json and
 * special_tokens_map.json.
 *
 * Ids of added tokens that the model lacks are given out in the order of the
 * file, as the reference does it, whatever the file says.
 */
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "text/spm.h"
#include "text/tokenizer_impl.h"
#include "text/vocab_scan.h"

enum { MAX_ID = 1 << 28, NOT_KNOWN = 1 /* no status: try otherwise */ };

int mm_str_copy(struct mm_tokenizer *tok, struct mm_str *out, const char *s,
		size_t n, struct mm_err *err)
{
	out->s = mm_arena_strndup(&tok->arena, s, n);
	out->n = n;
	return out->s ? MM_OK : mm_fail_nomem(err, "a tokenizer");
}

int mm_json_str_copy(struct mm_tokenizer *tok, struct mm_str *out,
		     const struct mm_json *v, struct mm_err *err)
{
	return mm_str_copy(tok, out, mm_json_str(v, ""), mm_json_str_len(v),
			   err);
}

/* ------------------------------------------------------- vocabulary */

static int room_for(struct mm_tokenizer *tok, size_t n, struct mm_err *err)
{
	size_t cap = tok->n_tokens ? tok->n_tokens : 256;
	struct mm_str *t;

	if (n <= tok->n_tokens)
		return MM_OK;
	while (cap < n)
		cap *= 2;
	if (!(t = mm_realloc(tok->token, cap, sizeof(*t))))
		return mm_fail_nomem(err, "a vocabulary");
	memset(t + tok->n_tokens, 0, (cap - tok->n_tokens) * sizeof(*t));
	tok->token = t;
	tok->n_tokens = cap;
	return MM_OK;
}

int mm_vocab_put(struct mm_tokenizer *tok, const char *s, size_t n, int64_t id,
		 struct mm_err *err)
{
	int64_t *at;
	int rc;

	if (id < 0 || id > MAX_ID)
		return mm_fail(err, MM_ERR_FORMAT,
			       "token \"%.*s\" has the impossible id %lld",
			       (int)(n < 80 ? n : 80), s, (long long)id);
	if (!(at = mm_map_put(&tok->ids, s, n, NULL)))
		return mm_fail_nomem(err, "a vocabulary");
	*at = id;
	if ((rc = room_for(tok, (size_t)id + 1, err)))
		return rc;
	tok->token[id] = (struct mm_str){ mm_map_key(at), n };
	return MM_OK;
}

int mm_vocab_reserve(struct mm_tokenizer *tok, size_t n, struct mm_err *err)
{
	if (!mm_map_reserve(&tok->ids, n))
		return mm_fail_nomem(err, "a vocabulary");
	return room_for(tok, n, err);
}

/* Behind the last mm_vocab_put. */
int mm_vocab_finish(struct mm_tokenizer *tok, struct mm_err *err)
{
	while (tok->n_tokens && !tok->token[tok->n_tokens - 1].s)
		tok->n_tokens--;
	tok->n_distinct = tok->ids.n;
	if (!tok->n_distinct)
		return mm_fail(err, MM_ERR_FORMAT, "the vocabulary is empty");
	return MM_OK;
}

static int load_vocab_object(struct mm_tokenizer *tok,
			     const struct mm_json *vocab, struct mm_err *err)
{
	void *it = NULL;
	const char *key;
	const struct mm_json *v;
	int64_t largest = -1;
	bool known;

	if (tok->vocab_json.s) {
		const int rc =
			mm_vocab_scan_tokens(tok, tok->vocab_json, &known, err);

		return rc ? rc : known ? mm_vocab_finish(tok, err) : NOT_KNOWN;
	}
	/* first the size, so that huge ids fail before memory is taken */
	while (mm_json_next(vocab, &it, &key, &v)) {
		const int64_t id = mm_json_int(v, -1);

		largest = id > largest ? id : largest;
	}
	if (largest > 16 * (int64_t)mm_json_size(vocab) + 65536)
		return mm_fail(err, MM_ERR_FORMAT,
			       "id %lld in a vocabulary of %zu tokens",
			       (long long)largest, mm_json_size(vocab));
	it = NULL;
	while (mm_json_next(vocab, &it, &key, &v)) {
		int rc = mm_vocab_put(tok, key, strlen(key), mm_json_int(v, -1),
				      err);

		if (rc)
			return rc;
	}
	return mm_vocab_finish(tok, err);
}

static int load_merges(struct mm_tokenizer *tok, const struct mm_json *merges,
		       struct mm_err *err)
{
	bool known;

	if (tok->merges_json.s) {
		const int rc = mm_vocab_scan_merges(tok, tok->merges_json,
						    &known, err);

		return rc ? rc : known ? MM_OK : NOT_KNOWN;
	}
	for (size_t i = 0; i < mm_json_size(merges); i++) {
		const struct mm_json *m = mm_json_at(merges, i);
		const struct mm_json *x = mm_json_at(m, 0),
				     *y = mm_json_at(m, 1);
		struct mm_str a = { mm_json_str(m, ""), mm_json_str_len(m) }, b;
		const char *blank;
		int rc;

		if (mm_json_type(m) == MM_JSON_STRING) {
			if (!strncmp(a.s, "#version", 8))
				continue;
			blank = memchr(a.s, ' ', a.n);
			if (!blank || memchr(blank + 1, ' ',
					     a.n - (size_t)(blank - a.s) - 1))
				return mm_fail(err, MM_ERR_FORMAT,
					       "merge %zu is not two tokens",
					       i + 1);
			b.s = blank + 1;
			b.n = a.n - (size_t)(blank - a.s) - 1;
			a.n = (size_t)(blank - a.s);
		} else {
			if (mm_json_type(x) != MM_JSON_STRING ||
			    mm_json_type(y) != MM_JSON_STRING)
				return mm_fail(err, MM_ERR_FORMAT,
					       "merge %zu is not two tokens",
					       i + 1);
			a = (struct mm_str){ mm_json_str(x, ""),
					     mm_json_str_len(x) };
			b = (struct mm_str){ mm_json_str(y, ""),
					     mm_json_str_len(y) };
		}
		if ((rc = mm_bpe_add_merge(tok, a, b, err)))
			return rc;
	}
	return MM_OK;
}

static void find_unk(struct mm_tokenizer *tok, const char *unk)
{
	const int64_t *id = unk ? mm_map_find_str(&tok->ids, unk) : NULL;

	tok->unk = id ? (int32_t)*id : -1;
}

static int load_bpe(struct mm_tokenizer *tok, const struct mm_json *m,
		    struct mm_err *err)
{
	struct mm_bpe *b = &tok->bpe;
	int rc;

	tok->model = MODEL_BPE;
	tok->info.model = "BPE";
	b->fuse_unk = mm_json_bool(mm_json_get(m, "fuse_unk"), false);
	b->byte_fallback = mm_json_bool(mm_json_get(m, "byte_fallback"), false);
	b->ignore_merges = mm_json_bool(mm_json_get(m, "ignore_merges"), false);
	if (mm_json_num(mm_json_get(m, "dropout"), 0) > 0)
		return mm_fail(err, MM_ERR_FORMAT,
			       "merges with dropout give no fixed ids");
	if ((rc = mm_json_str_copy(tok, &b->prefix,
				   mm_json_get(m, "continuing_subword_prefix"),
				   err)) ||
	    (rc = mm_json_str_copy(tok, &b->suffix,
				   mm_json_get(m, "end_of_word_suffix"),
				   err)) ||
	    (rc = load_vocab_object(tok, mm_json_get(m, "vocab"), err)) ||
	    (rc = load_merges(tok, mm_json_get(m, "merges"), err)))
		return rc;
	find_unk(tok, mm_json_str(mm_json_get(m, "unk_token"), NULL));
	return mm_bpe_finish(tok, err);
}

static int load_wordpiece(struct mm_tokenizer *tok, const struct mm_json *m,
			  struct mm_err *err)
{
	const char *prefix =
		mm_json_str(mm_json_get(m, "continuing_subword_prefix"), "##");
	int64_t max = 100;
	int rc;

	tok->model = MODEL_WORDPIECE;
	tok->info.model = "WordPiece";
	if ((rc = mm_json_want_int(m, "max_input_chars_per_word", 0, INT32_MAX,
				   &max, err)) ||
	    (rc = load_vocab_object(tok, mm_json_get(m, "vocab"), err)))
		return rc;
	tok->max_chars = (size_t)max;
	find_unk(tok, mm_json_str(mm_json_get(m, "unk_token"), "[UNK]"));
	return mm_wordpiece_finish(
		tok, (struct mm_str){ prefix, strlen(prefix) }, err);
}

static int load_wordlevel(struct mm_tokenizer *tok, const struct mm_json *m,
			  struct mm_err *err)
{
	tok->model = MODEL_WORDLEVEL;
	tok->info.model = "WordLevel";
	{
		int rc = load_vocab_object(tok, mm_json_get(m, "vocab"), err);

		if (rc)
			return rc;
	}
	find_unk(tok, mm_json_str(mm_json_get(m, "unk_token"), "<unk>"));
	return MM_OK;
}

static int load_unigram(struct mm_tokenizer *tok, const struct mm_json *m,
			struct mm_err *err)
{
	const struct mm_json *vocab = mm_json_get(m, "vocab");
	const size_t n = mm_json_size(vocab);
	int64_t unk = -1;
	int rc;

	tok->model = MODEL_UNIGRAM;
	tok->info.model = "Unigram";
	tok->byte_fallback =
		mm_json_bool(mm_json_get(m, "byte_fallback"), false);
	if (mm_json_type(vocab) != MM_JSON_ARRAY || !n)
		return mm_fail(err, MM_ERR_FORMAT, "the vocabulary is empty");
	if ((rc = mm_json_want_int(m, "unk_id", 0, (int64_t)n - 1, &unk, err)))
		return rc;
	if (!(tok->score = mm_calloc(n, sizeof(*tok->score))))
		return mm_fail_nomem(err, "a vocabulary");
	for (size_t i = 0; i < n; i++) {
		const struct mm_json *pair = mm_json_at(vocab, i);
		const struct mm_json *piece = mm_json_at(pair, 0);
		const struct mm_json *score = mm_json_at(pair, 1);

		if (mm_json_type(piece) != MM_JSON_STRING ||
		    (mm_json_type(score) != MM_JSON_REAL &&
		     mm_json_type(score) != MM_JSON_INT))
			return mm_fail(err, MM_ERR_FORMAT,
				       "piece %zu is not a string and a score",
				       i);
		tok->score[i] = mm_unigram_score(mm_json_num(score, 0));
		if ((rc = mm_vocab_put(tok, mm_json_str(piece, ""),
				       mm_json_str_len(piece), (int64_t)i,
				       err)))
			return rc;
	}
	if ((rc = mm_vocab_finish(tok, err)))
		return rc;
	tok->n_distinct = n;
	tok->unk = (int32_t)unk;
	return mm_unigram_finish(tok, err);
}

static int load_model(struct mm_tokenizer *tok, const struct mm_json *m,
		      struct mm_err *err)
{
	const char *type = mm_json_str(mm_json_get(m, "type"), NULL);

	if (mm_json_type(m) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT, "no \"model\"");
	if (!type) /* old files leave it out */
		type = mm_json_get(m, "merges") ? "BPE"
		       : mm_json_type(mm_json_get(m, "vocab")) == MM_JSON_ARRAY
			       ? "Unigram"
		       : mm_json_get(m, "max_input_chars_per_word")
			       ? "WordPiece"
			       : "WordLevel";
	if (!strcmp(type, "BPE"))
		return load_bpe(tok, m, err);
	if (!strcmp(type, "WordPiece"))
		return load_wordpiece(tok, m, err);
	if (!strcmp(type, "WordLevel"))
		return load_wordlevel(tok, m, err);
	if (!strcmp(type, "Unigram"))
		return load_unigram(tok, m, err);
	return mm_fail(err, MM_ERR_FORMAT, "unknown model \"%s\"", type);
}

/* ----------------------------------------------------- added tokens */

/* The id that the next token without one gets. */
static int32_t next_id(const struct mm_tokenizer *tok)
{
	int32_t id = (int32_t)tok->n_distinct;

	for (size_t i = 0; i < tok->n_added; i++)
		if (tok->added[i].id >= id)
			id = tok->added[i].id + 1;
	return id;
}

static int add_token(struct mm_tokenizer *tok, const struct mm_json *v,
		     bool special, struct mm_err *err)
{
	const bool object = mm_json_type(v) == MM_JSON_OBJECT;
	const struct mm_json *content = object ? mm_json_get(v, "content") : v;
	struct mm_added a = { .special = special };
	const int64_t *id;
	int rc;

	if (mm_json_type(content) != MM_JSON_STRING)
		return object ? mm_fail(err, MM_ERR_FORMAT,
					"an added token without \"content\"")
			      : MM_OK;
	if ((rc = mm_json_str_copy(tok, &a.content, content, err)))
		return rc;
	a.special = mm_json_bool(mm_json_get(v, "special"), special);
	a.single_word = mm_json_bool(mm_json_get(v, "single_word"), false);
	a.lstrip = mm_json_bool(mm_json_get(v, "lstrip"), false);
	a.rstrip = mm_json_bool(mm_json_get(v, "rstrip"), false);
	a.normalized = mm_json_bool(mm_json_get(v, "normalized"), !a.special);
	id = mm_map_find(&tok->ids, a.content.s, a.content.n);
	a.id = id ? (int32_t)*id : next_id(tok);
	return mm_added_put(tok, a, err);
}

static int add_tokens(struct mm_tokenizer *tok, const struct mm_json *list,
		      struct mm_err *err)
{
	for (size_t i = 0; i < mm_json_size(list); i++) {
		int rc = add_token(tok, mm_json_at(list, i), false, err);

		if (rc)
			return rc;
	}
	return MM_OK;
}

/* A special token by name, where it is not added yet. */
static int add_special(struct mm_tokenizer *tok, const struct mm_json *v,
		       struct mm_err *err)
{
	const struct mm_json *c = mm_json_get(v, "content");
	const char *s = mm_json_str(c ? c : v, NULL);
	int rc;

	if (!s || mm_map_find_str(&tok->added_ids, s))
		return MM_OK;
	if ((rc = add_token(tok, v, true, err)))
		return rc;
	tok->added[tok->n_added - 1].special = true;
	return MM_OK;
}

static int32_t named_id(const struct mm_tokenizer *tok, const struct mm_json *v)
{
	const struct mm_json *c = mm_json_get(v, "content");
	const char *s = mm_json_str(c ? c : v, NULL);

	return s ? mm_tokenizer_id(tok, s) : -1;
}

static int load_added_decoder(struct mm_tokenizer *tok,
			      const struct mm_json *list, struct mm_err *err)
{
	int64_t done = -1;

	/* in the order of the ids, which are the keys */
	for (;;) {
		const struct mm_json *v, *best = NULL;
		int64_t least = INT64_MAX;
		const char *key;
		void *it = NULL;
		int rc;

		while (mm_json_next(list, &it, &key, &v)) {
			int64_t id = 0;
			const char *c = key;

			for (; *c >= '0' && *c <= '9' && id < MAX_ID; c++)
				id = id * 10 + (*c - '0');
			if (*c || id <= done || id >= least)
				continue;
			least = id;
			best = v;
		}
		if (!best)
			return MM_OK;
		if ((rc = add_token(tok, best, false, err)))
			return rc;
		done = least;
	}
}

static const struct mm_json *first_of(const struct mm_json *const from[3],
				      const char *name)
{
	for (size_t i = 0; i < 3; i++)
		if (mm_json_type(mm_json_get(from[i], name)) > MM_JSON_NULL)
			return mm_json_get(from[i], name);
	return NULL;
}

static int load_named(struct mm_tokenizer *tok,
		      const struct mm_json *const from[3], struct mm_err *err)
{
	struct mm_tokenizer_info *f = &tok->info;
	static const char *const names[] = { "bos_token", "eos_token",
					     "unk_token", "sep_token",
					     "pad_token", "cls_token",
					     "mask_token" };
	int32_t *const ids[] = { &f->bos, &f->eos, &f->unk, &f->sep,
				 &f->pad, &f->cls, &f->mask };
	static const char *const lists[] = { "additional_special_tokens",
					     "extra_special_tokens" };

	for (size_t i = 0; i < 7; i++) {
		const struct mm_json *v = first_of(from, names[i]);
		int rc;

		if ((rc = add_special(tok, v, err)))
			return rc;
		if (named_id(tok, v) >= 0)
			*ids[i] = named_id(tok, v);
	}
	for (size_t k = 0; k < 2; k++) {
		const struct mm_json *v = first_of(from, lists[k]);

		if (mm_json_type(v) != MM_JSON_ARRAY)
			continue;
		for (size_t i = 0; i < mm_json_size(v); i++) {
			int rc = add_special(tok, mm_json_at(v, i), err);

			if (rc)
				return rc;
		}
	}
	return MM_OK;
}

/* add_bos_token and add_eos_token make a template of their own. */
static int load_add_bos(struct mm_tokenizer *tok, const struct mm_json *config,
			struct mm_err *err)
{
	const struct mm_json *b = mm_json_get(config, "add_bos_token");
	const struct mm_json *e = mm_json_get(config, "add_eos_token");
	const bool bos = mm_json_bool(b, false) && tok->info.bos >= 0;
	const bool eos = mm_json_bool(e, false) && tok->info.eos >= 0;
	struct mm_piece v[6];
	size_t n = 0;
	int rc;

	if (!b && !e)
		return MM_OK;
	for (uint8_t k = 0; k < 2; k++) {
		if (bos)
			v[n++] = (struct mm_piece){ -1, tok->info.bos, k };
		v[n++] = (struct mm_piece){ k, -1, k };
		if (eos)
			v[n++] = (struct mm_piece){ -1, tok->info.eos, k };
		if ((rc = mm_post_set(tok, k, v, n, err)))
			return rc;
	}
	return MM_OK;
}

/* Classes that make their template themselves. */
static bool own_template(const struct mm_json *config)
{
	static const char *const names[] = { "Bert",	"CLIP",	 "Roberta",
					     "Electra", "MPNet", "Bart" };
	const char *name =
		mm_json_str(mm_json_get(config, "tokenizer_class"), "");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strstr(name, names[i]))
			return true;
	return false;
}

int mm_tokenizer_load_config(struct mm_tokenizer *tok,
			     const struct mm_json *config,
			     const struct mm_json *special,
			     const struct mm_json *defaults, struct mm_err *err)
{
	const struct mm_json *const from[3] = { config, special, defaults };
	struct mm_tokenizer_info *f = &tok->info;
	const double length =
		mm_json_num(mm_json_get(config, "model_max_length"), 0);
	const char *side;
	int rc;

	if (length >= 1 && length < 1e9)
		f->max_length = (size_t)length;
	side = mm_json_str(mm_json_get(config, "padding_side"), NULL);
	if (side)
		f->pad_left = !strcmp(side, "left");
	side = mm_json_str(mm_json_get(config, "truncation_side"), NULL);
	if (side)
		f->truncate_left = !strcmp(side, "left");
	tok->split_special = mm_json_bool(
		mm_json_get(config, "split_special_tokens"), false);
	if ((rc = load_added_decoder(
		     tok, mm_json_get(config, "added_tokens_decoder"), err)) ||
	    (rc = load_named(tok, from, err)))
		return rc;
	return own_template(config) ? MM_OK : load_add_bos(tok, config, err);
}

/* --------------------------------------------------- tokenizer.json */

static void load_padding(struct mm_tokenizer *tok, const struct mm_json *root)
{
	const struct mm_json *p = mm_json_get(root, "padding");
	const struct mm_json *t = mm_json_get(root, "truncation");
	const int64_t pad = mm_json_int(mm_json_get(p, "pad_id"), -1);
	const int64_t type = mm_json_int(mm_json_get(p, "pad_type_id"), 0);

	if (pad >= 0 && pad <= MAX_ID)
		tok->info.pad = (int32_t)pad;
	if (type >= 0 && type < 256)
		tok->info.pad_type = (uint8_t)type;
	tok->info.pad_left =
		!strcmp(mm_json_str(mm_json_get(p, "direction"), ""), "Left");
	tok->info.truncate_left =
		!strcmp(mm_json_str(mm_json_get(t, "direction"), ""), "Left");
}

static int load_parts(struct mm_tokenizer *tok, const struct mm_json *root,
		      struct mm_err *err)
{
	int rc;

	if ((rc = load_model(tok, mm_json_get(root, "model"), err)) ||
	    (rc = mm_norm_load(tok, mm_json_get(root, "normalizer"), err)) ||
	    (rc = mm_pretok_load(tok, mm_json_get(root, "pre_tokenizer"),
				 err)) ||
	    (rc = mm_post_load(tok, mm_json_get(root, "post_processor"),
			       err)) ||
	    (rc = mm_decoder_load(tok, mm_json_get(root, "decoder"), err)))
		return rc;
	load_padding(tok, root);
	return add_tokens(tok, mm_json_get(root, "added_tokens"), err);
}

/*
 * tokenizer.json with its vocabulary and merges taken out, and read by
 * themselves; NOT_KNOWN where something in it asks for the ordinary way.
 */
static int load_quickly(struct mm_tokenizer *tok, struct mm_str file,
			const char *path, struct mm_err *err)
{
	struct mm_str *const cut[] = { &tok->vocab_json, &tok->merges_json };
	const char *at = file.s;
	struct mm_json *root = NULL;
	struct mm_buf rest = { 0 };
	int rc = NOT_KNOWN;

	if (!mm_vocab_scan_find(file, cut[0], cut[1]))
		goto done;
	for (int i = 0; i < 2 && cut[i]->s; i++) {
		mm_buf_add(&rest, at, (size_t)(cut[i]->s - at));
		mm_buf_adds(&rest, i ? "[]" : "{}");
		at = cut[i]->s + cut[i]->n;
	}
	mm_buf_add(&rest, at, (size_t)(file.s + file.n - at));
	if ((rc = mm_buf_check(&rest, path, err)))
		goto done;
	if (mm_json_parse(&root, rest.data, rest.len, path, NULL))
		rc = NOT_KNOWN;
	else
		rc = load_parts(tok, root, err);
done:
	mm_json_free(root);
	mm_buf_release(&rest);
	tok->vocab_json = tok->merges_json = (struct mm_str){ 0 };
	return rc;
}

int mm_tokenizer_load_json(struct mm_tokenizer *tok, const char *path,
			   struct mm_err *err)
{
	struct mm_json *root;
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	rc = load_quickly(tok, (struct mm_str){ (const char *)f.data, f.size },
			  path, err);
	if (rc == NOT_KNOWN && !(rc = mm_json_parse(&root, (const char *)f.data,
						    f.size, path, err))) {
		rc = load_parts(tok, root, err);
		mm_json_free(root);
	}
	mm_file_release(&f);
	return rc;
}

int mm_tokenizer_load_spm(struct mm_tokenizer *tok, const char *path,
			  const struct mm_json *config, struct mm_err *err)
{
	const char *class =
		mm_json_str(mm_json_get(config, "tokenizer_class"), "");
	const struct mm_spm_options o = {
		.canonical = !strcmp(class, "SiglipTokenizer"),
		.lower = mm_json_bool(mm_json_get(config, "do_lower_case"),
				      true),
		.fairseq = strstr(path, "sentencepiece.bpe.model"),
	};
	struct mm_json *root = NULL;
	struct mm_buf text = { 0 };
	struct mm_file f;
	int rc;

	if (o.fairseq && *class && strncmp(class, "XLMRoberta", 10))
		return mm_fail(err, MM_ERR_FORMAT,
			       "of sentencepiece.bpe.model XLM-RoBERTa's ids "
			       "are known, not those of '%s'",
			       class);
	if ((rc = mm_file_open(&f, path, err)))
		return rc;
	if (o.fairseq) {
		tok->family = FAMILY_ROBERTA;
		tok->defaults = mm_roberta_tokens;
	}
	if (!(rc = mm_spm_to_json(&text, f.data, f.size, &o, err)) &&
	    !(rc = mm_json_parse(&root, text.data, text.len, path, err)))
		rc = load_parts(tok, root, err);
	mm_json_free(root);
	mm_buf_release(&text);
	mm_file_release(&f);
	return rc;
}
