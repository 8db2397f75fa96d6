/*
 * bpe.c - byte-pair encoding (Sennrich, Haddow, Birch, ACL 2016): the pair of
 * the lowest rank is joined first, the leftmost among equals, until no pair is
 * left that the merges know.
 *
 * A heap of candidate merges keeps long words (a sentence of Chinese is one)
 * at n log n.  A candidate is stale when the pair at its place no longer gives
 * its id; it is then passed over, as in Hugging Face's implementation.
 */
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

uint32_t mm_byte_char(unsigned char b)
{
	if ((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174)
		return b;
	/* the others follow from U+0100 on, in their order */
	if (b <= 32)
		return 256u + b;
	return b == 173 ? 256u + 33 + 34 : 256u + 33 + (b - 127u);
}

int mm_char_byte(uint32_t cp)
{
	if ((cp >= 33 && cp <= 126) || (cp >= 161 && cp <= 172) ||
	    (cp >= 174 && cp <= 255))
		return (int)cp;
	if (cp >= 256 && cp <= 288)
		return (int)cp - 256;
	if (cp >= 289 && cp <= 322)
		return (int)cp - 289 + 127;
	return cp == 323 ? 173 : -1;
}

void mm_byte_map(const char *s, size_t n, struct mm_buf *out)
{
	for (size_t i = 0; i < n; i++)
		mm_utf8_add(out, mm_byte_char((unsigned char)s[i]));
}

static size_t hash_pair(uint64_t pair)
{
	return (size_t)(pair * 0x9e3779b97f4a7c15u >> 32);
}

static struct mm_merge_slot *find_slot(struct mm_merge_slot *slot, size_t n,
				       uint64_t pair)
{
	size_t i = hash_pair(pair) & (n - 1);

	while (slot[i].pair && slot[i].pair != pair)
		i = (i + 1) & (n - 1);
	return &slot[i];
}

static uint64_t pair_key(int32_t a, int32_t b)
{
	return ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) + 1;
}

static bool reserve_merges(struct mm_bpe *b, size_t n_merges)
{
	size_t n = b->n_slots ? b->n_slots : 256;
	struct mm_merge_slot *fresh;

	while (n < 2 * n_merges)
		n *= 2;
	if (n == b->n_slots)
		return true;
	if (!(fresh = mm_calloc(n, sizeof(*fresh))))
		return false;
	for (size_t i = 0; i < b->n_slots; i++)
		if (b->slot[i].pair)
			*find_slot(fresh, n, b->slot[i].pair) = b->slot[i];
	mm_free(b->slot);
	b->slot = fresh;
	b->n_slots = n;
	return true;
}

int mm_bpe_reserve(struct mm_tokenizer *tok, size_t n_merges,
		   struct mm_err *err)
{
	return reserve_merges(&tok->bpe, n_merges)
		       ? MM_OK
		       : mm_fail_nomem(err, "merges");
}

void mm_bpe_forget(struct mm_tokenizer *tok)
{
	struct mm_bpe *b = &tok->bpe;

	if (b->n_slots)
		memset(b->slot, 0, b->n_slots * sizeof(*b->slot));
	b->n_merges = 0;
	b->last = 0;
}

/* Is it the token of that id? */
static bool is_token(const struct mm_tokenizer *tok, size_t id, struct mm_str a,
		     struct mm_str b)
{
	const struct mm_str *t = tok->token + id;

	return id < tok->n_tokens && t->s && t->n == a.n + b.n &&
	       !memcmp(t->s, a.s, a.n) && !memcmp(t->s + a.n, b.s, b.n);
}

/*
 * The token that a and b make, or -1.  Vocabularies list what merges give in
 * the order of the merges, so the next id is looked at first.
 */
static int64_t joined_id(struct mm_tokenizer *tok, struct mm_str a,
			 struct mm_str b)
{
	const size_t guess = (size_t)(tok->bpe.last + 1);
	struct mm_buf joined = { 0 };
	const int64_t *id;

	if (is_token(tok, guess, a, b))
		return (int64_t)guess;
	mm_buf_add(&joined, a.s, a.n);
	mm_buf_add(&joined, b.s, b.n);
	id = joined.failed
		     ? NULL
		     : mm_map_find(&tok->ids, mm_buf_str(&joined), joined.len);
	mm_buf_release(&joined);
	return id ? *id : -1;
}

/* Merges come in the order of their ranks. */
int mm_bpe_add_merge(struct mm_tokenizer *tok, struct mm_str a, struct mm_str b,
		     struct mm_err *err)
{
	struct mm_bpe *m = &tok->bpe;
	const size_t cut = b.n >= m->prefix.n ? m->prefix.n : b.n;
	const int64_t *left = mm_map_find(&tok->ids, a.s, a.n),
		      *right = mm_map_find(&tok->ids, b.s, b.n);
	const int64_t both =
		joined_id(tok, a, (struct mm_str){ b.s + cut, b.n - cut });
	struct mm_merge_slot *slot;

	if (!left || !right || both < 0)
		return mm_fail(err, MM_ERR_FORMAT,
			       "merge %zu, \"%.*s %.*s\": %s is not in the "
			       "vocabulary",
			       m->n_merges + 1, (int)a.n, a.s, (int)b.n, b.s,
			       !left	? "the first part"
			       : !right ? "the second part"
					: "the result");
	if (!reserve_merges(m, m->n_merges + 1))
		return mm_fail_nomem(err, "merges");
	slot = find_slot(m->slot, m->n_slots,
			 pair_key((int32_t)*left, (int32_t)*right));
	slot->pair = pair_key((int32_t)*left, (int32_t)*right);
	slot->rank = (uint32_t)m->n_merges++;
	slot->id = m->last = (int32_t)both;
	return MM_OK;
}

static int32_t lookup(const struct mm_tokenizer *tok, struct mm_str prefix,
		      const char *s, size_t n, struct mm_str suffix)
{
	char key[64];
	const size_t len = prefix.n + n + suffix.n;
	const int64_t *id;

	if (len > sizeof(key))
		return -1;
	memcpy(key, prefix.n ? prefix.s : "", prefix.n);
	memcpy(key + prefix.n, s, n);
	memcpy(key + prefix.n + n, suffix.n ? suffix.s : "", suffix.n);
	id = mm_map_find(&tok->ids, key, len);
	return id ? (int32_t)*id : -1;
}

/* Tables for the single bytes, so that no word needs a look-up for them. */
int mm_bpe_finish(struct mm_tokenizer *tok, struct mm_err *err)
{
	static const char digits[] = "0123456789ABCDEF";
	const struct mm_str none = { "", 0 };
	struct mm_bpe *m = &tok->bpe;

	if (m->prefix.n + m->suffix.n > 48)
		return mm_fail(err, MM_ERR_FORMAT,
			       "prefix or suffix of the merges is too long");
	for (unsigned b = 0; b < 256; b++) {
		char c[4], name[6] = {
			'<', '0', 'x', digits[b >> 4], digits[b & 15], '>'
		};
		const size_t n = mm_utf8_put(c, mm_byte_char((unsigned char)b));

		for (int k = 0; k < 4; k++)
			m->byte_symbol[k][b] =
				lookup(tok, k & 1 ? m->prefix : none, c, n,
				       k & 2 ? m->suffix : none);
		m->byte_token[b] = lookup(tok, none, name, 6, none);
	}
	return MM_OK;
}

static const struct mm_merge_slot *find_merge(const struct mm_bpe *m, int32_t a,
					      int32_t b)
{
	const uint64_t key = pair_key(a, b);
	size_t i;

	if (!m->n_slots)
		return NULL;
	i = hash_pair(key) & (m->n_slots - 1);
	while (m->slot[i].pair && m->slot[i].pair != key)
		i = (i + 1) & (m->n_slots - 1);
	return m->slot[i].pair ? &m->slot[i] : NULL;
}

static bool before(const struct mm_bpe_merge *a, const struct mm_bpe_merge *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->pos < b->pos;
}

/* Room was made beforehand: a word of n symbols pushes at most 3n merges. */
static void heap_push(struct mm_token_work *w, struct mm_bpe_merge m)
{
	size_t i = w->heap_n++;

	while (i && before(&m, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = m;
}

static struct mm_bpe_merge heap_pop(struct mm_token_work *w)
{
	const struct mm_bpe_merge top = w->heap[0];
	const struct mm_bpe_merge last = w->heap[--w->heap_n];
	size_t i = 0;

	for (size_t kid; (kid = 2 * i + 1) < w->heap_n; i = kid) {
		if (kid + 1 < w->heap_n &&
		    before(&w->heap[kid + 1], &w->heap[kid]))
			kid++;
		if (!before(&w->heap[kid], &last))
			break;
		w->heap[i] = w->heap[kid];
	}
	w->heap[i] = last;
	return top;
}

static void propose(const struct mm_bpe *m, struct mm_token_work *w, int32_t i)
{
	const int32_t j = w->symbol[i].next;
	const struct mm_merge_slot *s;

	if (j < 0)
		return;
	s = find_merge(m, w->symbol[i].id, w->symbol[j].id);
	if (s)
		heap_push(w, (struct mm_bpe_merge){ s->rank, s->id, i });
}

static void merge_all(const struct mm_bpe *m, struct mm_token_work *w, size_t n)
{
	struct mm_bpe_symbol *sym = w->symbol;

	w->heap_n = 0;
	for (size_t i = 0; i + 1 < n; i++)
		propose(m, w, (int32_t)i);
	while (w->heap_n) {
		const struct mm_bpe_merge top = heap_pop(w);
		struct mm_bpe_symbol *a = &sym[top.pos], *b;
		const struct mm_merge_slot *s;

		if (a->gone || a->next < 0)
			continue;
		b = &sym[a->next];
		s = find_merge(m, a->id, b->id);
		if (!s || s->id != top.id)
			continue;
		a->id = top.id;
		a->next = b->next;
		b->gone = true;
		if (a->next >= 0)
			sym[a->next].prev = top.pos;
		if (a->prev >= 0)
			propose(m, w, a->prev);
		propose(m, w, top.pos);
	}
}

static int reserve(struct mm_token_work *w, size_t n, struct mm_err *err)
{
	if (n > w->symbol_cap) {
		const size_t cap = n + n / 2 + 64;
		void *p;

		if (cap > INT32_MAX / 4)
			return mm_fail(err, MM_ERR_REFUSED,
				       "a word of %zu bytes is too long", n);
		if (!(p = mm_realloc(w->symbol, cap, sizeof(*w->symbol))))
			return mm_fail_nomem(err, "a word");
		w->symbol = p;
		if (!(p = mm_realloc(w->heap, 3 * cap, sizeof(*w->heap))))
			return mm_fail_nomem(err, "a word");
		w->heap = p;
		w->symbol_cap = cap;
	}
	return MM_OK;
}

struct symbols {
	struct mm_token_work *w;
	size_t n;
	int32_t unk; /* waiting to be written, -1: none */
};

static void add_symbol(struct symbols *s, int32_t id)
{
	struct mm_bpe_symbol *v = &s->w->symbol[s->n];

	v->id = id;
	v->prev = (int32_t)s->n - 1;
	v->next = (int32_t)s->n + 1;
	v->gone = false;
	s->n++;
}

/* The bytes of a character that the vocabulary lacks; false where they miss. */
static bool add_bytes(struct symbols *s, const struct mm_bpe *m,
		      struct mm_str prefix, const char *c, size_t n,
		      struct mm_str suffix)
{
	const struct mm_str part[3] = { prefix, { c, n }, suffix };

	for (int pass = 0; pass < 2; pass++)
		for (size_t k = 0; k < 3; k++)
			for (size_t i = 0; i < part[k].n; i++) {
				const unsigned char b =
					(unsigned char)part[k].s[i];

				if (m->byte_token[b] < 0)
					return false;
				if (pass)
					add_symbol(s, m->byte_token[b]);
			}
	return true;
}

static void flush_unk(struct symbols *s)
{
	if (s->unk >= 0)
		add_symbol(s, s->unk);
	s->unk = -1;
}

static void add_missing(const struct mm_tokenizer *tok, struct symbols *s,
			struct mm_str prefix, const char *c, size_t n,
			struct mm_str suffix)
{
	const struct mm_bpe *m = &tok->bpe;

	if (m->byte_fallback && add_bytes(s, m, prefix, c, n, suffix))
		return;
	if (tok->unk < 0)
		return;
	if (s->unk >= 0 && !m->fuse_unk)
		flush_unk(s);
	s->unk = tok->unk;
}

/* The word's first symbols: one per byte, or per character. */
static size_t split_word(const struct mm_tokenizer *tok,
			 struct mm_token_work *w, const char *word, size_t n)
{
	const struct mm_bpe *m = &tok->bpe;
	const struct mm_str none = { "", 0 };
	struct symbols s = { w, 0, -1 };

	for (size_t i = 0, next = 0; i < n; i = next) {
		struct mm_str prefix = i ? m->prefix : none, suffix = none;
		int32_t id;

		next = i;
		if (m->raw_bytes)
			next++;
		else
			mm_utf8_next(word, &next);
		if (next == n)
			suffix = m->suffix;
		if (m->raw_bytes)
			id = m->byte_symbol[(i > 0) | (next == n) << 1]
					   [(unsigned char)word[i]];
		else
			id = lookup(tok, prefix, word + i, next - i, suffix);
		if (id >= 0) {
			flush_unk(&s);
			add_symbol(&s, id);
		} else {
			char c[4];
			size_t k = next - i;

			memcpy(c, word + i, k);
			if (m->raw_bytes)
				k = mm_utf8_put(
					c,
					mm_byte_char((unsigned char)word[i]));
			add_missing(tok, &s, prefix, c, k, suffix);
		}
	}
	flush_unk(&s);
	if (s.n)
		w->symbol[s.n - 1].next = -1;
	return s.n;
}

/* The whole word as a token, where the file says "ignore_merges". */
static int whole(const struct mm_tokenizer *tok, struct mm_token_work *w,
		 const char *s, size_t n, const int64_t **id,
		 struct mm_err *err)
{
	struct mm_buf *b = &w->norm[0];

	if (!tok->bpe.raw_bytes) {
		*id = mm_map_find(&tok->ids, s, n);
		return MM_OK;
	}
	mm_buf_clear(b);
	mm_byte_map(s, n, b);
	*id = mm_map_find(&tok->ids, mm_buf_str(b), b->len);
	return mm_buf_check(b, "a word", err);
}

int mm_bpe_encode(const struct mm_tokenizer *tok, struct mm_token_work *w,
		  const char *s, size_t n, struct mm_ids *out,
		  struct mm_err *err)
{
	/* a character without a token may become prefix, bytes and suffix */
	const size_t extra = tok->bpe.byte_fallback
				     ? tok->bpe.prefix.n + tok->bpe.suffix.n + 1
				     : 1;
	const int64_t *id = NULL;
	size_t k;
	int rc;

	if (tok->bpe.ignore_merges) {
		if ((rc = whole(tok, w, s, n, &id, err)))
			return rc;
		if (id)
			return mm_ids_add(out, (int32_t)*id, err);
	}
	if (n > SIZE_MAX / 8 / (extra + 1))
		return mm_fail_nomem(err, "a word");
	if ((rc = reserve(w, n * (extra + 1), err)))
		return rc;
	k = split_word(tok, w, s, n);
	merge_all(&tok->bpe, w, k);
	for (int32_t i = 0; k && i >= 0; i = w->symbol[i].next)
		if ((rc = mm_ids_add(out, w->symbol[i].id, err)))
			return rc;
	return MM_OK;
}
