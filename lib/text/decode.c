/*
 * decode.c - ids to text: the "decoder" of tokenizer.json.
 *
 * A decoder works on the list of the tokens' spellings, which lie end to end
 * in a buffer; the text is what is left of them, put together.
 */
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

enum { MAX_STEPS = 32 };

struct list {
	struct mm_buf text;
	size_t *end, n, cap;
	bool failed;
};

static void list_end(struct list *l)
{
	if (l->n == l->cap) {
		const size_t cap = l->cap ? 2 * l->cap : 64;
		size_t *e = mm_realloc(l->end, cap, sizeof(*e));

		if (!e) {
			l->failed = true;
			return;
		}
		l->end = e;
		l->cap = cap;
	}
	l->end[l->n++] = l->text.len;
}

static void list_release(struct list *l)
{
	mm_buf_release(&l->text);
	mm_free(l->end);
}

static struct mm_str item(const struct list *l, size_t i)
{
	const size_t from = i ? l->end[i - 1] : 0;

	return (struct mm_str){ mm_buf_str(&l->text) + from, l->end[i] - from };
}

static bool begins(struct mm_str s, struct mm_str with)
{
	return s.n >= with.n && !memcmp(s.s, with.s, with.n);
}

/* ------------------------------------------------------- the steps */

/* A token all of whose characters stand for bytes is these bytes. */
static bool token_bytes(struct mm_str t, struct mm_buf *out)
{
	const size_t start = out->len;

	for (size_t i = 0; i < t.n;) {
		const int b = mm_char_byte(mm_utf8_next(t.s, &i));

		if (b < 0) {
			out->len = start;
			return false;
		}
		mm_buf_addc(out, (char)b);
	}
	return true;
}

static void byte_level(const struct list *in, struct list *out)
{
	struct mm_buf bytes = { 0 };

	for (size_t i = 0; i < in->n; i++) {
		const struct mm_str t = item(in, i);

		if (!token_bytes(t, &bytes))
			mm_buf_add(&bytes, t.s, t.n);
	}
	mm_utf8_lossy(mm_buf_str(&bytes), bytes.len, &out->text);
	list_end(out);
	out->failed |= bytes.failed;
	mm_buf_release(&bytes);
}

static void replace_all(struct mm_str t, struct mm_str from, struct mm_str to,
			struct mm_buf *out)
{
	for (size_t i = 0; i < t.n;) {
		const struct mm_str rest = { t.s + i, t.n - i };

		if (from.n && begins(rest, from)) {
			mm_buf_add(out, to.s, to.n);
			i += from.n;
		} else {
			mm_buf_addc(out, t.s[i++]);
		}
	}
}

/* What was taken apart at punctuation comes together again. */
static void clean_up(struct mm_str t, struct mm_buf *out, struct list *l)
{
	static const char *const pairs[][2] = {
		{ " .", "." },	   { " ?", "?" },	    { " !", "!" },
		{ " ,", "," },	   { " ' ", "'" },	    { " n't", "n't" },
		{ " 'm", "'m" },   { " do not", " don't" }, { " 's", "'s" },
		{ " 've", "'ve" }, { " 're", "'re" },
	};
	struct mm_buf b[2] = { { 0 }, { 0 } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const struct mm_str from = { pairs[i][0], strlen(pairs[i][0]) };
		const struct mm_str to = { pairs[i][1], strlen(pairs[i][1]) };
		struct mm_buf *o = &b[i & 1];

		mm_buf_clear(o);
		replace_all(t, from, to, o);
		t = (struct mm_str){ mm_buf_str(o), o->len };
	}
	mm_buf_add(out, t.s, t.n);
	l->failed |= b[0].failed || b[1].failed;
	mm_buf_release(&b[0]);
	mm_buf_release(&b[1]);
}

static void wordpiece(const struct mm_decoder *d, const struct list *in,
		      struct list *out)
{
	struct mm_buf b = { 0 };

	for (size_t i = 0; i < in->n; i++) {
		struct mm_str t = item(in, i);

		mm_buf_clear(&b);
		if (i && begins(t, d->text)) {
			t.s += d->text.n;
			t.n -= d->text.n;
		} else if (i) {
			mm_buf_addc(&b, ' ');
		}
		mm_buf_add(&b, t.s, t.n);
		t = (struct mm_str){ mm_buf_str(&b), b.len };
		if (d->cleanup)
			clean_up(t, &out->text, out);
		else
			mm_buf_add(&out->text, t.s, t.n);
		list_end(out);
	}
	out->failed |= b.failed;
	mm_buf_release(&b);
}

static void metaspace(const struct mm_decoder *d, const struct list *in,
		      struct list *out)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct mm_str t = item(in, i);
		const struct mm_str to = { i == 0 && d->prepend ? "" : " ",
					   i == 0 && d->prepend ? 0 : 1 };

		replace_all(t, d->text, to, &out->text);
		list_end(out);
	}
}

static void bpe_suffix(const struct mm_decoder *d, const struct list *in,
		       struct list *out)
{
	for (size_t i = 0; i < in->n; i++) {
		const bool last = i + 1 == in->n;
		const struct mm_str to = { last ? "" : " ", last ? 0 : 1 };

		replace_all(item(in, i), d->text, to, &out->text);
		list_end(out);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int byte_token(struct mm_str t)
{
	int hi, lo;

	if (t.n != 6 || memcmp(t.s, "<0x", 3) != 0 || t.s[5] != '>')
		return -1;
	hi = hex_digit(t.s[3]);
	lo = hex_digit(t.s[4]);
	return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

/* Runs of <0xHH> are UTF-8 together, or as many U+FFFD. */
static void byte_fallback(const struct list *in, struct list *out)
{
	struct mm_buf run = { 0 };

	for (size_t i = 0; i <= in->n; i++) {
		const struct mm_str none = { "", 0 };
		const struct mm_str t = i < in->n ? item(in, i) : none;
		const int b = byte_token(t);

		if (b >= 0) {
			mm_buf_addc(&run, (char)b);
			continue;
		}
		if (run.len && mm_utf8_valid(run.data, run.len) == run.len) {
			mm_buf_add(&out->text, run.data, run.len);
			list_end(out);
		} else {
			for (size_t k = 0; k < run.len; k++) {
				mm_utf8_add(&out->text, 0xfffd);
				list_end(out);
			}
		}
		mm_buf_clear(&run);
		if (i < in->n) {
			mm_buf_add(&out->text, t.s, t.n);
			list_end(out);
		}
	}
	out->failed |= run.failed;
	mm_buf_release(&run);
}

/* Up to `start` and `stop` times the character off both ends. */
static void strip(const struct mm_decoder *d, const struct list *in,
		  struct list *out)
{
	for (size_t i = 0; i < in->n; i++) {
		struct mm_str t = item(in, i);
		size_t k;

		for (k = 0; k < d->start && t.n && begins(t, d->text); k++) {
			t.s += d->text.n;
			t.n -= d->text.n;
		}
		for (k = 0;
		     k < d->stop && t.n >= d->text.n &&
		     !memcmp(t.s + t.n - d->text.n, d->text.s, d->text.n);
		     k++)
			t.n -= d->text.n;
		mm_buf_add(&out->text, t.s, t.n);
		list_end(out);
	}
}

static void replace_regex(const struct mm_decoder *d, struct mm_str t,
			  struct list *out)
{
	struct mm_regex_work w = { 0 };
	struct mm_regex_iter it = { .last = SIZE_MAX };
	size_t done = 0;

	for (;;) {
		if (mm_regex_next(d->re, &w, t.s, t.n, &it, NULL)) {
			out->failed = true;
			break;
		}
		if (it.start == SIZE_MAX)
			break;
		mm_buf_add(&out->text, t.s + done, it.start - done);
		mm_buf_add(&out->text, d->content.s, d->content.n);
		done = it.end;
	}
	mm_buf_add(&out->text, t.s + done, t.n - done);
	mm_regex_work_release(&w);
}

static void replace(const struct mm_decoder *d, const struct list *in,
		    struct list *out)
{
	for (size_t i = 0; i < in->n; i++) {
		if (d->re)
			replace_regex(d, item(in, i), out);
		else
			replace_all(item(in, i), d->text, d->content,
				    &out->text);
		list_end(out);
	}
}

static void ctc(const struct mm_decoder *d, const struct list *in,
		struct list *out)
{
	const struct mm_str none = { "", 0 }, blank = { " ", 1 };
	struct mm_buf a = { 0 }, b = { 0 };

	for (size_t i = 0; i < in->n; i++) {
		const struct mm_str t = item(in, i);

		if (i && item(in, i - 1).n == t.n &&
		    !memcmp(item(in, i - 1).s, t.s, t.n))
			continue;
		mm_buf_clear(&a);
		mm_buf_clear(&b);
		replace_all(t, d->text, none, &a);
		if (d->cleanup) {
			clean_up((struct mm_str){ mm_buf_str(&a), a.len }, &b,
				 out);
			mm_buf_clear(&a);
			replace_all((struct mm_str){ mm_buf_str(&b), b.len },
				    d->delimiter, blank, &a);
		}
		if (!a.len)
			continue;
		mm_buf_add(&out->text, a.data, a.len);
		list_end(out);
	}
	out->failed |= a.failed || b.failed;
	mm_buf_release(&a);
	mm_buf_release(&b);
}

static void one_step(const struct mm_decoder *d, const struct list *in,
		     struct list *out)
{
	switch (d->kind) {
	case DEC_BYTE_LEVEL: byte_level(in, out); break;
	case DEC_WORDPIECE: wordpiece(d, in, out); break;
	case DEC_METASPACE: metaspace(d, in, out); break;
	case DEC_BPE: bpe_suffix(d, in, out); break;
	case DEC_BYTE_FALLBACK: byte_fallback(in, out); break;
	case DEC_FUSE:
		mm_buf_add(&out->text, mm_buf_str(&in->text), in->text.len);
		list_end(out);
		break;
	case DEC_STRIP: strip(d, in, out); break;
	case DEC_REPLACE: replace(d, in, out); break;
	case DEC_CTC: ctc(d, in, out); break;
	}
}

/* ------------------------------------------------------------ decode */

static bool is_special(const struct mm_tokenizer *tok, struct mm_str t)
{
	const int64_t *i = mm_map_find(&tok->added_ids, t.s, t.n);

	return i && tok->added[*i].special;
}

/* The spelling of an id: an added token's normal form, else the model's. */
static struct mm_str spelling(const struct mm_tokenizer *tok, int32_t id)
{
	for (size_t i = tok->n_added; i-- > 0;) {
		const struct mm_added *a = &tok->added[i];

		if (a->id == id)
			return a->normalized ? a->normal : a->content;
	}
	if (id >= 0 && (size_t)id < tok->n_tokens)
		return tok->token[id];
	return (struct mm_str){ NULL, 0 };
}

/* What Python's str.strip takes away. */
static bool python_space(uint32_t c)
{
	return mm_u_space(c) || (c >= 0x1c && c <= 0x1f);
}

/* transformers' CLIPTokenizer: the end of a word is a blank. */
static void clip_blanks(const struct mm_buf *in, struct mm_buf *out)
{
	const struct mm_str end = { "</w>", 4 }, blank = { " ", 1 };
	struct mm_buf b = { 0 };
	size_t from = 0, to;

	replace_all((struct mm_str){ mm_buf_str(in), in->len }, end, blank, &b);
	for (size_t i = 0; i < b.len; from = i)
		if (!python_space(mm_utf8_next(b.data, &i)))
			break;
	for (to = b.len; to > from;) {
		const size_t back = mm_utf8_back(b.data, to);
		size_t i = back;

		if (!python_space(mm_utf8_next(b.data, &i)))
			break;
		to = back;
	}
	mm_buf_add(out, mm_buf_str(&b) + from, to - from);
	out->failed |= b.failed;
	mm_buf_release(&b);
}

int mm_tokenizer_decode(const struct mm_tokenizer *tok, const int32_t *ids,
			size_t n, bool skip_special, struct mm_buf *out,
			struct mm_err *err)
{
	struct list l[2] = { { .n = 0 }, { .n = 0 } }, *in = &l[0];
	bool failed;

	for (size_t i = 0; i < n; i++) {
		const struct mm_str t = spelling(tok, ids[i]);

		if (!t.s || (skip_special && is_special(tok, t)))
			continue;
		if (!tok->has_decoder && in->n)
			mm_buf_addc(&in->text, ' ');
		mm_buf_add(&in->text, t.s, t.n);
		list_end(in);
	}
	for (size_t i = 0; i < tok->n_decoder; i++) {
		struct list *to = in == &l[0] ? &l[1] : &l[0];

		mm_buf_clear(&to->text);
		to->n = 0;
		one_step(&tok->decoder[i], in, to);
		in = to;
	}
	if (tok->clip_decode)
		clip_blanks(&in->text, out);
	else
		mm_buf_add(out, mm_buf_str(&in->text), in->text.len);
	failed = out->failed || l[0].failed || l[1].failed ||
		 l[0].text.failed || l[1].text.failed;
	list_release(&l[0]);
	list_release(&l[1]);
	return failed ? mm_fail_nomem(err, "a decoded text") : MM_OK;
}

/* ------------------------------------------------------------- load */

static int add_step(struct mm_tokenizer *tok, struct mm_decoder step,
		    struct mm_err *err)
{
	if (!tok->decoder)
		tok->decoder = mm_arena_alloc(&tok->arena, MAX_STEPS,
					      sizeof(*tok->decoder));
	if (!tok->decoder)
		return mm_fail_nomem(err, "a decoder");
	if (tok->n_decoder == MAX_STEPS)
		return mm_fail(err, MM_ERR_FORMAT, "too many decoders");
	tok->decoder[tok->n_decoder++] = step;
	return MM_OK;
}

static int load_replace(struct mm_tokenizer *tok, const struct mm_json *json,
			struct mm_err *err)
{
	struct mm_decoder d = { .kind = DEC_REPLACE };
	const struct mm_json *p = mm_json_get(json, "pattern");
	const struct mm_json *re = mm_json_get(p, "Regex");
	int rc;

	if ((rc = mm_json_str_copy(tok, &d.content,
				   mm_json_get(json, "content"), err)))
		return rc;
	if (!re && (rc = mm_json_str_copy(tok, &d.text,
					  mm_json_get(p, "String"), err)))
		return rc;
	if ((rc = add_step(tok, d, err)) || !re)
		return rc;
	return mm_regex_new(&tok->decoder[tok->n_decoder - 1].re,
			    mm_json_str(re, ""), mm_json_str_len(re), err);
}

static int load_strip(struct mm_tokenizer *tok, const struct mm_json *json,
		      struct mm_err *err)
{
	struct mm_decoder d = { .kind = DEC_STRIP };
	int64_t start = 0, stop = 0;
	int rc;

	if ((rc = mm_json_want_int(json, "start", 0, INT32_MAX, &start, err)) ||
	    (rc = mm_json_want_int(json, "stop", 0, INT32_MAX, &stop, err)) ||
	    (rc = mm_json_str_copy(tok, &d.text, mm_json_get(json, "content"),
				   err)))
		return rc;
	if (!d.text.n)
		return mm_fail(err, MM_ERR_FORMAT, "no \"content\" to strip");
	d.start = (size_t)start;
	d.stop = (size_t)stop;
	return add_step(tok, d, err);
}

/* Types that need at most one string and one switch. */
static int load_simple(struct mm_tokenizer *tok, const struct mm_json *json,
		       const char *type, struct mm_err *err)
{
	static const struct {
		const char *type, *key, *fallback;
		enum mm_decoder_kind kind;
	} simple[] = {
		{ "ByteLevel", NULL, NULL, DEC_BYTE_LEVEL },
		{ "WordPiece", "prefix", "##", DEC_WORDPIECE },
		{ "Metaspace", "replacement", "\xe2\x96\x81", DEC_METASPACE },
		{ "BPEDecoder", "suffix", "</w>", DEC_BPE },
		{ "ByteFallback", NULL, NULL, DEC_BYTE_FALLBACK },
		{ "Fuse", NULL, NULL, DEC_FUSE },
		{ "CTC", "pad_token", "<pad>", DEC_CTC },
	};

	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++) {
		struct mm_decoder d = { .kind = simple[i].kind };
		const struct mm_json *v;
		const char *s;
		int rc;

		if (strcmp(type, simple[i].type) != 0)
			continue;
		if (simple[i].key) {
			v = mm_json_get(json, simple[i].key);
			s = mm_json_str(v, simple[i].fallback);
			if ((rc = mm_str_copy(tok, &d.text, s, strlen(s), err)))
				return rc;
		}
		s = mm_json_str(mm_json_get(json, "word_delimiter_token"), "|");
		if ((rc = mm_str_copy(tok, &d.delimiter, s, strlen(s), err)))
			return rc;
		d.cleanup = mm_json_bool(mm_json_get(json, "cleanup"), true);
		d.prepend =
			mm_json_bool(mm_json_get(json, "add_prefix_space"),
				     true) &&
			strcmp(mm_json_str(mm_json_get(json, "prepend_scheme"),
					   ""),
			       "never") != 0;
		return add_step(tok, d, err);
	}
	return mm_fail(err, MM_ERR_FORMAT, "unknown decoder \"%s\"", type);
}

static int load_one(struct mm_tokenizer *tok, const struct mm_json *json,
		    int depth, struct mm_err *err)
{
	const char *type = mm_json_str(mm_json_get(json, "type"), "");
	const struct mm_json *list = mm_json_get(json, "decoders");
	int rc = MM_OK;

	if (depth > 8)
		return mm_fail(err, MM_ERR_FORMAT,
			       "decoders are nested too deeply");
	if (!strcmp(type, "Sequence")) {
		for (size_t i = 0; !rc && i < mm_json_size(list); i++)
			rc = load_one(tok, mm_json_at(list, i), depth + 1, err);
		return rc;
	}
	if (!strcmp(type, "Replace"))
		return load_replace(tok, json, err);
	if (!strcmp(type, "Strip"))
		return load_strip(tok, json, err);
	return load_simple(tok, json, type, err);
}

int mm_decoder_load(struct mm_tokenizer *tok, const struct mm_json *json,
		    struct mm_err *err)
{
	if (mm_json_type(json) <= MM_JSON_NULL)
		return MM_OK;
	tok->has_decoder = true;
	return load_one(tok, json, 0, err);
}
