/*
 * vocab.c - see vocab.h.
 *
 * Counts of pairs live in a hash table, the order in a heap of (count, pair)
 * entries; an entry whose count is no longer the pair's is put back with the
 * right one when it comes up.  A merge visits only the words that hold the
 * pair: its word's pairs are all taken off, the word rewritten, its pairs
 * added again.
 */
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/unicode.h"
#include "text/vocab_impl.h"

/* Characters beyond these, the rarest first, get no token (as HF's 1000). */
enum { ALPHABET_LIMIT = 1000 };

int mm_vocab_new(struct mm_vocab **out, const struct mm_vocab_opts *opts,
		 struct mm_err *err)
{
	struct mm_vocab *v = mm_calloc(1, sizeof(*v));
	const bool clip = opts->type == MM_VOCAB_CLIP;
	int rc;

	*out = NULL;
	if (!v)
		return mm_fail_nomem(err, "a vocabulary");
	v->opts = *opts;
	if (!v->opts.max_length)
		v->opts.max_length = clip ? 77 : 512;
	mm_map_init(&v->words);
	mm_map_init(&v->ids);
	mm_arena_init(&v->arena);
	rc = mm_tokenizer_parts(&v->parts, clip ? FAMILY_CLIP : FAMILY_BERT,
				!opts->cased, err);
	if (!rc && !(v->work = mm_token_work_new(v->parts)))
		rc = mm_fail_nomem(err, "a vocabulary");
	if (rc) {
		mm_vocab_free(v);
		return rc;
	}
	*out = v;
	return MM_OK;
}

void mm_vocab_free(struct mm_vocab *v)
{
	if (!v)
		return;
	mm_token_work_free(v->work);
	mm_tokenizer_free(v->parts);
	mm_map_release(&v->words);
	mm_map_release(&v->ids);
	mm_arena_release(&v->arena);
	mm_free(v->token);
	mm_free(v->merge);
	mm_free(v);
}

size_t mm_vocab_size(const struct mm_vocab *v)
{
	return v->n_tokens;
}

static int count_word(struct mm_vocab *v, const char *s, size_t n,
		      uint64_t count, struct mm_err *err)
{
	int64_t *at = mm_map_put(&v->words, s, n, NULL);

	if (!at)
		return mm_fail_nomem(err, "the words of the texts");
	if (count > (uint64_t)(INT64_MAX / 4 - *at))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a word is counted too often");
	*at += (int64_t)count;
	return MM_OK;
}

int mm_vocab_add(struct mm_vocab *v, const char *text, size_t len,
		 struct mm_err *err)
{
	const struct mm_token_work *w = v->work;
	int rc = mm_tokenizer_words(v->parts, v->work, text, len, err);

	for (size_t i = 0; !rc && i < w->spans.n; i++)
		rc = count_word(v, w->text.data + w->spans.v[i].off,
				w->spans.v[i].len, 1, err);
	return rc;
}

/* A byte-level alphabet stands for bytes. */
int mm_vocab_add_word(struct mm_vocab *v, const char *word, size_t len,
		      uint64_t count, struct mm_err *err)
{
	struct mm_buf bytes = { 0 };
	int rc = MM_OK;

	if (mm_utf8_valid(word, len) < len)
		return mm_fail(err, MM_ERR_FORMAT, "a word is not UTF-8");
	if (v->opts.type != MM_VOCAB_CLIP)
		return count_word(v, word, len, count, err);
	for (size_t i = 0; !rc && i < len;) {
		const int b = mm_char_byte(mm_utf8_next(word, &i));

		if (b < 0)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "\"%.*s\" is not in byte symbols",
				     (int)(len < 80 ? len : 80), word);
		mm_buf_addc(&bytes, (char)b);
	}
	if (!rc && !(rc = mm_buf_check(&bytes, "a word", err)))
		rc = count_word(v, mm_buf_str(&bytes), bytes.len, count, err);
	mm_buf_release(&bytes);
	return rc;
}

/* ----------------------------------------------------------- tokens */

/* The id of a token, made where it is new. */
static int put_token(struct mm_vocab *v, const char *s, size_t n, int32_t *id,
		     struct mm_err *err)
{
	bool fresh;
	int64_t *at = mm_map_put(&v->ids, s, n, &fresh);
	struct mm_str *t;

	if (!at)
		return mm_fail_nomem(err, "a vocabulary");
	if (!fresh) {
		*id = (int32_t)*at;
		return MM_OK;
	}
	if (v->n_tokens == v->cap_tokens) {
		const size_t cap = v->cap_tokens ? 2 * v->cap_tokens : 1024;

		if (cap > INT32_MAX ||
		    !(t = mm_realloc(v->token, cap, sizeof(*t))))
			return mm_fail_nomem(err, "a vocabulary");
		v->token = t;
		v->cap_tokens = cap;
	}
	t = &v->token[v->n_tokens];
	t->s = mm_arena_strndup(&v->arena, s, n);
	t->n = n;
	if (!t->s)
		return mm_fail_nomem(err, "a vocabulary");
	*at = *id = (int32_t)v->n_tokens++;
	return MM_OK;
}

static int put_parts(struct mm_vocab *v, const char *a, const char *s, size_t n,
		     const char *b, int32_t *id, struct mm_err *err)
{
	char key[32];
	const size_t na = strlen(a), nb = strlen(b);

	memcpy(key, a, na);
	memcpy(key + na, s, n);
	memcpy(key + na + n, b, nb);
	return put_token(v, key, na + n + nb, id, err);
}

/* The 256 byte symbols in the order of OpenAI's file, then with </w>. */
static int byte_alphabet(struct mm_vocab *v, struct mm_err *err)
{
	for (int end = 0; end < 2; end++)
		for (int mapped = 0; mapped < 2; mapped++)
			for (unsigned b = 0; b < 256; b++) {
				const uint32_t c =
					mm_byte_char((unsigned char)b);
				char s[4];
				int32_t id;
				int rc;

				if ((c != b) != (mapped == 1))
					continue;
				rc = put_parts(v, "", s, mm_utf8_put(s, c),
					       end ? "</w>" : "", &id, err);
				if (rc)
					return rc;
			}
	return MM_OK;
}

struct letter {
	uint32_t cp;
	int64_t count;
	bool first, later; /* begins a word, goes on in one */
};

static int by_count(const void *x, const void *y)
{
	const struct letter *a = x, *b = y;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->cp < b->cp ? -1 : a->cp > b->cp;
}

static int by_code(const void *x, const void *y)
{
	const struct letter *a = x, *b = y;

	return a->cp < b->cp ? -1 : a->cp > b->cp;
}

static void note_letters(struct letter *l, const struct mm_map_slot *word)
{
	for (size_t i = 0; i < word->len;) {
		const bool first = i == 0;
		struct letter *x = &l[mm_utf8_next(word->key, &i)];

		x->count += word->value;
		x->first |= first;
		x->later |= !first;
	}
}

/* The letters of all words, those kept in the order of code points. */
static int find_letters(const struct mm_vocab *v, struct letter **out,
			size_t *n, struct mm_err *err)
{
	struct letter *all = mm_calloc(0x110000, sizeof(*all));

	if (!all)
		return mm_fail_nomem(err, "an alphabet");
	for (size_t i = 0; i < v->words.n_slots; i++)
		if (v->words.slot[i].key)
			note_letters(all, &v->words.slot[i]);
	*n = 0;
	for (uint32_t c = 0; c < 0x110000; c++) {
		if (!all[c].count)
			continue;
		all[*n] = all[c];
		all[(*n)++].cp = c;
	}
	qsort(all, *n, sizeof(*all), by_count);
	if (*n > ALPHABET_LIMIT)
		*n = ALPHABET_LIMIT;
	qsort(all, *n, sizeof(*all), by_code);
	*out = all;
	return MM_OK;
}

static int letter_alphabet(struct mm_vocab *v, struct mm_err *err)
{
	static const char *const special[] = { "[PAD]", "[UNK]", "[CLS]",
					       "[SEP]", "[MASK]" };
	struct letter *l = NULL;
	size_t n = 0;
	int rc = MM_OK;

	for (size_t i = 0; !rc && i < 5; i++) {
		int32_t id;

		rc = put_token(v, special[i], strlen(special[i]), &id, err);
	}
	if (!rc)
		rc = find_letters(v, &l, &n, err);
	for (size_t i = 0; !rc && i < 2 * n; i++) {
		const struct letter *x = &l[i % n];
		char s[4];
		int32_t id;

		if (i >= n && !x->later)
			continue;
		rc = put_parts(v, i < n ? "" : "##", s, mm_utf8_put(s, x->cp),
			       "", &id, err);
	}
	mm_free(l);
	return rc;
}

/* ---------------------------------------------------------- training */

struct word {
	size_t start, n; /* symbols */
	int64_t count;
};

struct pair {
	uint64_t key; /* left << 32 | right, plus 1; 0: free */
	int64_t count;
	uint32_t *where; /* words; some may be there twice */
	size_t n, cap;
};

struct entry {
	int64_t count;
	uint64_t key;
};

struct training {
	struct word *word;
	size_t n_words;
	int32_t *symbol;
	struct pair *pair;
	size_t n_pairs, n_slots;
	struct entry *heap;
	size_t n_heap, cap_heap;
	struct mm_err *err;
};

static struct pair *slot_of(struct pair *p, size_t n, uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (n - 1);

	while (p[i].key && p[i].key != key)
		i = (i + 1) & (n - 1);
	return &p[i];
}

static struct pair *pair_of(struct training *t, uint64_t key)
{
	struct pair *p;

	if (2 * (t->n_pairs + 1) > t->n_slots) {
		const size_t n = t->n_slots ? 2 * t->n_slots : 1024;
		struct pair *fresh = mm_calloc(n, sizeof(*fresh));

		if (!fresh)
			return NULL;
		for (size_t i = 0; i < t->n_slots; i++)
			if (t->pair[i].key)
				*slot_of(fresh, n, t->pair[i].key) = t->pair[i];
		mm_free(t->pair);
		t->pair = fresh;
		t->n_slots = n;
	}
	p = slot_of(t->pair, t->n_slots, key);
	if (!p->key) {
		p->key = key;
		t->n_pairs++;
	}
	return p;
}

/* Highest count first, then the smaller pair. */
static bool ahead(struct entry a, struct entry b)
{
	return a.count != b.count ? a.count > b.count : a.key < b.key;
}

static int heap_push(struct training *t, struct entry e)
{
	size_t i;

	if (t->n_heap == t->cap_heap) {
		const size_t cap = t->cap_heap ? 2 * t->cap_heap : 1024;
		struct entry *h = mm_realloc(t->heap, cap, sizeof(*h));

		if (!h)
			return mm_fail_nomem(t->err, "pairs");
		t->heap = h;
		t->cap_heap = cap;
	}
	for (i = t->n_heap++; i && ahead(e, t->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		t->heap[i] = t->heap[(i - 1) / 2];
	t->heap[i] = e;
	return MM_OK;
}

static struct entry heap_pop(struct training *t)
{
	const struct entry top = t->heap[0], last = t->heap[--t->n_heap];
	size_t i = 0;

	for (size_t kid; (kid = 2 * i + 1) < t->n_heap; i = kid) {
		if (kid + 1 < t->n_heap &&
		    ahead(t->heap[kid + 1], t->heap[kid]))
			kid++;
		if (!ahead(t->heap[kid], last))
			break;
		t->heap[i] = t->heap[kid];
	}
	t->heap[i] = last;
	return top;
}

static uint64_t key_of(int32_t a, int32_t b)
{
	return ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) + 1;
}

static int add_where(struct training *t, struct pair *p, uint32_t w)
{
	if (p->n && p->where[p->n - 1] == w)
		return MM_OK;
	if (p->n == p->cap) {
		const size_t cap = p->cap ? 2 * p->cap : 4;
		uint32_t *x = mm_realloc(p->where, cap, sizeof(*x));

		if (!x)
			return mm_fail_nomem(t->err, "pairs");
		p->where = x;
		p->cap = cap;
	}
	p->where[p->n++] = w;
	return MM_OK;
}

/* All pairs of a word, added (sign 1) or taken off (-1). */
static int count_pairs(struct training *t, uint32_t w, int sign, bool queue)
{
	const struct word *x = &t->word[w];
	const int32_t *s = t->symbol + x->start;
	int rc = MM_OK;

	for (size_t i = 0; !rc && i + 1 < x->n; i++) {
		struct pair *p = pair_of(t, key_of(s[i], s[i + 1]));

		if (!p)
			return mm_fail_nomem(t->err, "pairs");
		p->count += sign * x->count;
		if (sign > 0)
			rc = add_where(t, p, w);
		if (!rc && sign > 0 && queue)
			rc = heap_push(t, (struct entry){ p->count, p->key });
	}
	return rc;
}

static bool join_in_word(struct training *t, uint32_t w, int32_t a, int32_t b,
			 int32_t to)
{
	struct word *x = &t->word[w];
	int32_t *s = t->symbol + x->start;
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (s[i] == a && i + 1 < x->n && s[i + 1] == b) {
			s[n++] = to;
			i++;
		} else {
			s[n++] = s[i];
		}
	}
	if (n == x->n)
		return false;
	x->n = n;
	return true;
}

static bool holds(const struct training *t, uint32_t w, int32_t a, int32_t b)
{
	const struct word *x = &t->word[w];
	const int32_t *s = t->symbol + x->start;

	for (size_t i = 0; i + 1 < x->n; i++)
		if (s[i] == a && s[i + 1] == b)
			return true;
	return false;
}

/* The token that a merge makes, and the merge in the list. */
static int record(struct mm_vocab *v, int32_t a, int32_t b, int32_t *to,
		  struct mm_err *err)
{
	const size_t cut = v->opts.type == MM_VOCAB_WORDPIECE ? 2 : 0;
	const struct mm_str x = v->token[a], y = v->token[b];
	struct mm_buf joined = { 0 };
	int rc;

	mm_buf_add(&joined, x.s, x.n);
	mm_buf_add(&joined, y.s + cut, y.n - cut);
	rc = mm_buf_check(&joined, "a token", err);
	if (!rc)
		rc = put_token(v, joined.data, joined.len, to, err);
	mm_buf_release(&joined);
	if (rc)
		return rc;
	if (v->n_merges == v->cap_merges) {
		const size_t cap = v->cap_merges ? 2 * v->cap_merges : 1024;
		struct mm_vocab_merge *m =
			mm_realloc(v->merge, cap, sizeof(*m));

		if (!m)
			return mm_fail_nomem(err, "merges");
		v->merge = m;
		v->cap_merges = cap;
	}
	v->merge[v->n_merges++] = (struct mm_vocab_merge){ a, b };
	return MM_OK;
}

static int merge_pair(struct mm_vocab *v, struct training *t, uint64_t key)
{
	const int32_t a = (int32_t)((key - 1) >> 32);
	const int32_t b = (int32_t)((key - 1) & UINT32_MAX);
	struct pair *p = pair_of(t, key);
	uint32_t *where;
	size_t n;
	int32_t to;
	int rc = record(v, a, b, &to, t->err);

	if (rc || !p)
		return rc ? rc : mm_fail_nomem(t->err, "pairs");
	/* the list is ours from here: counting may grow the table */
	where = p->where;
	n = p->n;
	p->where = NULL;
	p->n = p->cap = 0;
	for (size_t i = 0; !rc && i < n; i++) {
		if (!holds(t, where[i], a, b))
			continue;
		if ((rc = count_pairs(t, where[i], -1, false)))
			break;
		join_in_word(t, where[i], a, b, to);
		rc = count_pairs(t, where[i], 1, true);
	}
	mm_free(where);
	return rc;
}

static int learn(struct mm_vocab *v, struct training *t, size_t size)
{
	const int64_t least =
		v->opts.min_count > 1 ? (int64_t)v->opts.min_count : 1;
	int rc;

	for (size_t i = 0; i < t->n_words; i++)
		if ((rc = count_pairs(t, (uint32_t)i, 1, false)))
			return rc;
	for (size_t i = 0; i < t->n_slots; i++)
		if (t->pair[i].count > 0 &&
		    (rc = heap_push(t, (struct entry){ t->pair[i].count,
						       t->pair[i].key })))
			return rc;
	while (v->n_tokens < size && t->n_heap) {
		struct entry e = heap_pop(t);
		const struct pair *p = pair_of(t, e.key);

		if (!p)
			return mm_fail_nomem(t->err, "pairs");
		if (p->count != e.count) {
			/* a higher count has an entry of its own */
			if (p->count > 0 && p->count < e.count &&
			    (rc = heap_push(t,
					    (struct entry){ p->count, e.key })))
				return rc;
			continue;
		}
		if (e.count < least)
			break;
		if ((rc = merge_pair(v, t, e.key)))
			return rc;
	}
	return MM_OK;
}

static int word_symbols(struct mm_vocab *v, struct training *t,
			const struct mm_map_slot *w, size_t *used)
{
	const bool clip = v->opts.type == MM_VOCAB_CLIP;
	struct word *x = &t->word[t->n_words++];

	*x = (struct word){ *used, 0, w->value };
	for (size_t i = 0, from = 0; i < w->len; from = i) {
		char s[16];
		size_t n = 0;
		const int64_t *id;

		if (clip) {
			const unsigned char b = (unsigned char)w->key[i++];

			n = mm_utf8_put(s, mm_byte_char(b));
			if (i == w->len) {
				memcpy(s + n, "</w>", 4);
				n += 4;
			}
		} else {
			if (i) {
				memcpy(s, "##", 2);
				n = 2;
			}
			mm_utf8_next(w->key, &i);
			memcpy(s + n, w->key + from, i - from);
			n += i - from;
		}
		id = mm_map_find(&v->ids, s, n);
		if (id)
			t->symbol[x->start + x->n++] = (int32_t)*id;
	}
	*used += x->n;
	return MM_OK;
}

static int run(struct mm_vocab *v, size_t size, struct mm_err *err)
{
	struct training t = { .err = err };
	size_t bytes = 1, used = 0;
	int rc = MM_OK;

	for (size_t i = 0; i < v->words.n_slots; i++)
		bytes += v->words.slot[i].key ? v->words.slot[i].len : 0;
	t.word = mm_calloc(v->words.n + 1, sizeof(*t.word));
	t.symbol = mm_malloc(bytes, sizeof(*t.symbol));
	if (!t.word || !t.symbol || v->words.n > UINT32_MAX)
		rc = mm_fail_nomem(err, "the words of the texts");
	for (size_t i = 0; !rc && i < v->words.n_slots; i++)
		if (v->words.slot[i].key)
			rc = word_symbols(v, &t, &v->words.slot[i], &used);
	if (!rc)
		rc = learn(v, &t, size);
	for (size_t i = 0; i < t.n_slots; i++)
		mm_free(t.pair[i].where);
	mm_free(t.pair);
	mm_free(t.heap);
	mm_free(t.word);
	mm_free(t.symbol);
	return rc;
}

int mm_vocab_train(struct mm_vocab *v, struct mm_err *err)
{
	const bool clip = v->opts.type == MM_VOCAB_CLIP;
	const size_t behind = clip ? 2 : 0;
	int32_t id;
	int rc;

	if (v->n_tokens)
		return mm_fail(err, MM_ERR_USAGE, "trained already");
	if (!v->words.n)
		return mm_fail(err, MM_ERR_FORMAT, "the texts hold no word");
	if ((rc = clip ? byte_alphabet(v, err) : letter_alphabet(v, err)))
		return rc;
	if (v->opts.size < v->n_tokens + behind)
		return mm_fail(err, MM_ERR_REFUSED,
			       "a vocabulary of %zu tokens has no room for the "
			       "alphabet and special tokens, %zu together",
			       v->opts.size, v->n_tokens + behind);
	if ((rc = run(v, v->opts.size - behind, err)) || !clip)
		return rc;
	if ((rc = put_token(v, "<|startoftext|>", 15, &id, err)))
		return rc;
	return put_token(v, "<|endoftext|>", 13, &id, err);
}
