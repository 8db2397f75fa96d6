/*
 * tokenizer.c - see tokenizer.h: the way of a text through the parts.
 *
 * Words repeat, so each thread keeps the ids of those it met in a table of
 * cache lines; a word that is not there costs a run of the model and replaces
 * what had its place.
 */
#include "text/tokenizer.h"

#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

int mm_clean_parse(enum mm_clean *clean, const char *name, struct mm_err *err)
{
	if (!strcmp(name, "hf"))
		*clean = MM_CLEAN_HF;
	else if (!strcmp(name, "open_clip"))
		*clean = MM_CLEAN_OPEN_CLIP;
	else if (!strcmp(name, "none"))
		*clean = MM_CLEAN_NONE;
	else
		return mm_fail(err, MM_ERR_USAGE,
			       "unknown cleaning \"%s\"; there are hf, "
			       "open_clip and none",
			       name);
	return MM_OK;
}

void mm_tokenizer_free(struct mm_tokenizer *tok)
{
	if (!tok)
		return;
	for (size_t i = 0; i < tok->n_norm; i++)
		mm_regex_free(tok->norm[i].re);
	for (size_t i = 0; i < tok->n_pretok; i++)
		mm_regex_free(tok->pretok[i].re);
	for (size_t i = 0; i < tok->n_decoder; i++)
		mm_regex_free(tok->decoder[i].re);
	mm_map_release(&tok->ids);
	mm_map_release(&tok->added_ids);
	mm_trie_release(&tok->raw);
	mm_trie_release(&tok->normal);
	mm_trie_release(&tok->trie);
	mm_free(tok->token);
	mm_free(tok->score);
	mm_free(tok->added);
	mm_free(tok->bpe.slot);
	mm_arena_release(&tok->arena);
	mm_free(tok);
}

const struct mm_tokenizer_info *
mm_tokenizer_info(const struct mm_tokenizer *tok)
{
	return &tok->info;
}

int32_t mm_tokenizer_id(const struct mm_tokenizer *tok, const char *token)
{
	const int64_t *i = mm_map_find_str(&tok->added_ids, token);

	if (i)
		return tok->added[*i].id;
	i = mm_map_find_str(&tok->ids, token);
	return i ? (int32_t)*i : -1;
}

const char *mm_tokenizer_token(const struct mm_tokenizer *tok, int32_t id,
			       size_t *len)
{
	for (size_t i = tok->n_added; i-- > 0;) {
		if (tok->added[i].id != id)
			continue;
		*len = tok->added[i].content.n;
		return tok->added[i].content.s;
	}
	if (id < 0 || (size_t)id >= tok->n_tokens || !tok->token[id].s)
		return NULL;
	*len = tok->token[id].n;
	return tok->token[id].s;
}

struct mm_token_work *mm_token_work_new(const struct mm_tokenizer *tok)
{
	struct mm_token_work *w = mm_calloc(1, sizeof(*w));

	(void)tok;
	if (!w)
		return NULL;
	w->cache = mm_calloc(MM_CACHE_SLOTS, sizeof(*w->cache));
	if (!w->cache) {
		mm_free(w);
		return NULL;
	}
	return w;
}

void mm_token_work_free(struct mm_token_work *w)
{
	if (!w)
		return;
	mm_buf_release(&w->clean);
	mm_buf_release(&w->text);
	mm_buf_release(&w->other);
	for (size_t i = 0; i < sizeof(w->norm) / sizeof(*w->norm); i++)
		mm_buf_release(&w->norm[i]);
	mm_free(w->pieces.v);
	mm_free(w->spans.v);
	mm_free(w->next.v);
	mm_free(w->matches.v);
	mm_regex_work_release(&w->re);
	mm_free(w->ids[0].v);
	mm_free(w->ids[1].v);
	mm_free(w->out.v);
	mm_free(w->types);
	mm_free(w->cache);
	mm_free(w->symbol);
	mm_free(w->heap);
	mm_free(w->node);
	mm_free(w);
}

int mm_ids_reserve(struct mm_ids *ids, size_t more, struct mm_err *err)
{
	size_t cap = ids->cap ? ids->cap : 64;
	int32_t *v;

	while (cap - ids->n < more)
		if (!mm_mul_ok(&cap, cap, 2))
			return mm_fail_nomem(err, "a text's ids");
	if (cap == ids->cap)
		return MM_OK;
	if (!(v = mm_realloc(ids->v, cap, sizeof(*v))))
		return mm_fail_nomem(err, "a text's ids");
	ids->v = v;
	ids->cap = cap;
	return MM_OK;
}

/* Eight bytes at a time; the last ones may overlap those before. */
static uint32_t hash_word(const char *s, size_t n)
{
	const uint64_t k = 0x9e3779b97f4a7c15u;
	uint64_t h = n * k, x = 0;
	uint32_t a, b;

	if (n >= 8) {
		for (size_t i = 0; i + 8 < n; i += 8) {
			memcpy(&x, s + i, 8);
			h = (h ^ x) * k;
			h ^= h >> 29;
		}
		memcpy(&x, s + n - 8, 8);
	} else if (n >= 4) {
		memcpy(&a, s, 4);
		memcpy(&b, s + n - 4, 4);
		x = (uint64_t)a << 32 | b;
	} else {
		x = (uint64_t)(unsigned char)s[0] << 16 |
		    (uint64_t)(unsigned char)s[n / 2] << 8 |
		    (unsigned char)s[n - 1];
	}
	h = (h ^ x) * k;
	return (uint32_t)(h >> 32);
}

/* memcmp for words of at most MM_CACHE_KEY bytes, without the call. */
static bool same_word(const char *a, const char *b, size_t n)
{
	uint64_t x, y;

	if (n < 8) {
		for (size_t i = 0; i < n; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	for (size_t i = 0; i + 8 < n; i += 8) {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	memcpy(&x, a + n - 8, 8);
	memcpy(&y, b + n - 8, 8);
	return x == y;
}

/* A word's two places: where it is, or the one to give up for it. */
static struct mm_cached *find_word(struct mm_token_work *w, uint32_t hash,
				   const char *s, size_t n, bool *found)
{
	struct mm_cached *c = &w->cache[hash & (MM_CACHE_SLOTS - 2)];

	for (int k = 0; k < 2; k++) {
		*found = c[k].len == n && c[k].hash == hash &&
			 same_word(c[k].key, s, n);
		if (*found)
			return &c[k];
	}
	/* the newer one moves over, the older one goes */
	c[1] = c[0];
	return c;
}

static int run_model(const struct mm_tokenizer *tok, struct mm_token_work *w,
		     const char *s, size_t n, struct mm_ids *out,
		     struct mm_err *err)
{
	switch (tok->model) {
	case MODEL_BPE: return mm_bpe_encode(tok, w, s, n, out, err);
	case MODEL_WORDPIECE: return mm_wordpiece_encode(tok, s, n, out, err);
	case MODEL_UNIGRAM: return mm_unigram_encode(tok, w, s, n, out, err);
	case MODEL_WORDLEVEL: return mm_wordlevel_encode(tok, s, n, out, err);
	}
	return MM_OK;
}

static int encode_word(const struct mm_tokenizer *tok, struct mm_token_work *w,
		       const char *s, size_t n, struct mm_ids *out,
		       struct mm_err *err)
{
	const size_t before = out->n;
	struct mm_cached *c;
	uint32_t hash;
	bool found;
	int rc;

	if (n > MM_CACHE_KEY)
		return run_model(tok, w, s, n, out, err);
	hash = hash_word(s, n);
	c = find_word(w, hash, s, n, &found);
	if (found) {
		if (out->cap - out->n < MM_CACHE_IDS &&
		    (rc = mm_ids_reserve(out, MM_CACHE_IDS, err)))
			return rc;
		memcpy(out->v + before, c->ids, sizeof(c->ids));
		out->n += c->n;
		return MM_OK;
	}
	c->len = 0;
	if ((rc = run_model(tok, w, s, n, out, err)))
		return rc;
	if (out->n - before > MM_CACHE_IDS)
		return MM_OK;
	c->hash = hash;
	c->len = (uint8_t)n;
	c->n = (uint8_t)(out->n - before);
	memcpy(c->key, s, n);
	if (c->n)
		memcpy(c->ids, out->v + before, c->n * sizeof(*c->ids));
	return MM_OK;
}

/* A stretch without added tokens: normalised, then cut at the others. */
static int normalize_piece(const struct mm_tokenizer *tok,
			   struct mm_token_work *w, const char *text,
			   const struct mm_span *piece, struct mm_err *err)
{
	const size_t off = w->text.len, before = w->spans.n;
	bool first = piece->off == 0;
	int rc;

	if ((rc = mm_norm_apply(tok, w, text + piece->off, piece->len, &w->text,
				&first, err)))
		return rc;
	if (w->text.len == off)
		return MM_OK;
	rc = mm_added_cut(tok, true, w->text.data + off, w->text.len - off, off,
			  &w->spans, err);
	if (!rc && first && w->spans.v[before].off == off)
		w->spans.v[before].flags |= MM_SPAN_FIRST;
	return rc;
}

int mm_tokenizer_words(const struct mm_tokenizer *tok, struct mm_token_work *w,
		       const char *text, size_t len, struct mm_err *err)
{
	const size_t valid = mm_utf8_valid(text, len);
	int rc;

	if (valid < len)
		return mm_fail(err, MM_ERR_FORMAT,
			       "text is not UTF-8 at byte %zu", valid);
	w->pieces.n = w->spans.n = 0;
	mm_buf_clear(&w->text);
	mm_buf_clear(&w->clean);
	if (tok->tidy) {
		if ((rc = tok->tidy(text, len, &w->clean, err)))
			return rc;
		text = mm_buf_str(&w->clean);
		len = w->clean.len;
	}
	if ((rc = mm_added_cut(tok, false, text, len, 0, &w->pieces, err)))
		return rc;
	for (size_t i = 0; i < w->pieces.n; i++) {
		const struct mm_span *p = &w->pieces.v[i];

		if (p->id >= 0)
			rc = mm_spans_add(&w->spans, *p, err);
		else
			rc = normalize_piece(tok, w, text, p, err);
		if (rc)
			return rc;
	}
	return mm_pretok_apply(tok, w, err);
}

static int encode_segment(const struct mm_tokenizer *tok,
			  struct mm_token_work *w, const char *text, size_t len,
			  struct mm_ids *out, struct mm_err *err)
{
	int rc = mm_tokenizer_words(tok, w, text, len, err);

	out->n = 0;
	for (size_t i = 0; !rc && i < w->spans.n; i++) {
		const struct mm_span *p = &w->spans.v[i];

		if (p->id >= 0)
			rc = mm_ids_add(out, p->id, err);
		else if (p->flags & (MM_SPAN_BOS | MM_SPAN_EOS))
			rc = mm_ids_add(out,
					p->flags & MM_SPAN_BOS ? tok->info.bos
							       : tok->info.eos,
					err);
		else
			rc = encode_word(tok, w, w->text.data + p->off, p->len,
					 out, err);
	}
	return rc;
}

int mm_tokenizer_encode(const struct mm_tokenizer *tok, struct mm_token_work *w,
			const char *text, size_t len, const char *pair,
			size_t pair_len, const struct mm_encode_opts *opts,
			struct mm_tokens *out, struct mm_err *err)
{
	static const struct mm_encode_opts none = { 0 };
	const bool two = pair && pair_len;
	size_t added;
	int rc;

	if (!opts)
		opts = &none;
	added = opts->plain ? 0
		: two	    ? tok->info.added_pair
			    : tok->info.added_single;
	w->ids[1].n = 0;
	if ((rc = encode_segment(tok, w, text, len, &w->ids[0], err)) ||
	    (two &&
	     (rc = encode_segment(tok, w, pair, pair_len, &w->ids[1], err))) ||
	    (rc = mm_post_truncate(tok, w, two, opts, added, err)))
		return rc;
	return mm_post_apply(tok, w, two, opts->plain, out, err);
}

int mm_tokenizer_encode_row(const struct mm_tokenizer *tok,
			    struct mm_token_work *w, const char *text,
			    size_t len, const char *pair, size_t pair_len,
			    size_t T, int32_t *ids, uint8_t *mask,
			    uint8_t *types, struct mm_err *err)
{
	const struct mm_encode_opts opts = { .max_length = T };
	const int32_t pad = tok->info.pad >= 0 ? tok->info.pad : 0;
	struct mm_tokens t;
	size_t from;
	int rc;

	if (!T)
		return mm_fail(err, MM_ERR_USAGE, "a row of no ids");
	if ((rc = mm_tokenizer_encode(tok, w, text, len, pair, pair_len, &opts,
				      &t, err)))
		return rc;
	from = tok->info.pad_left ? T - t.n : 0;
	for (size_t i = 0; i < T; i++) {
		const bool in = i >= from && i - from < t.n;

		ids[i] = in ? t.ids[i - from] : pad;
		if (tok->strip_sep && ids[i] == tok->info.sep)
			ids[i] = 0;
		if (mask)
			mask[i] = in && (!tok->hide_pad || ids[i] != pad);
		if (types)
			types[i] = in ? t.types[i - from] : tok->info.pad_type;
	}
	return MM_OK;
}
