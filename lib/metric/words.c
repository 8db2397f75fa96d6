/* words.c - words and n-grams as numbers (words.h). */
#include <string.h>

#include "base/mem.h"
#include "metric/unicode.h"
#include "metric/words.h"

/* How many look-ups are under way at once in mm_grams_of. */
enum { AHEAD = 16 };

void mm_u32s_release(struct mm_u32s *ids)
{
	mm_free(ids->at);
	memset(ids, 0, sizeof(*ids));
}

int mm_u32s_reserve(struct mm_u32s *ids, size_t cap, struct mm_err *err)
{
	uint32_t *at;

	if (ids->at && cap <= ids->cap) /* never NULL hereafter */
		return 0;
	if (cap < 2 * ids->cap)
		cap = 2 * ids->cap;
	if (cap < 64)
		cap = 64;
	at = mm_realloc(ids->at, cap, sizeof(*at));
	if (!at)
		return mm_fail_nomem(err, "words");
	ids->at = at;
	ids->cap = cap;
	return 0;
}

int mm_u32s_add(struct mm_u32s *ids, uint32_t id, struct mm_err *err)
{
	int rc = ids->n < ids->cap ? 0 : mm_u32s_reserve(ids, ids->n + 1, err);

	if (!rc)
		ids->at[ids->n++] = id;
	return rc;
}

void mm_words_release(struct mm_words *w)
{
	mm_free(w->slot);
	mm_buf_release(&w->text);
	memset(w, 0, sizeof(*w));
}

/* The finaliser of splitmix64. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xBF58476D1CE4E5B9);
	x ^= x >> 27;
	x *= UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

/*
 * Up to 8 bytes as one number: of two texts of the same length <= 8 the
 * numbers are equal only where the texts are.
 */
static inline uint64_t first_bytes(const char *s, size_t len)
{
	const unsigned char *b = (const unsigned char *)s;
	uint32_t lo, hi;
	uint64_t head;

	if (len >= 8) {
		memcpy(&head, s, 8);
		return head;
	}
	if (len >= 4) {
		memcpy(&lo, s, 4);
		memcpy(&hi, s + len - 4, 4);
		return (uint64_t)hi << 32 | lo;
	}
	if (!len)
		return 0;
	return b[0] | (uint64_t)b[len / 2] << 8 | (uint64_t)b[len - 1] << 16;
}

/* The word's slot, or the free one where it belongs. */
static struct mm_word_slot *word_slot(const struct mm_words *w, const char *s,
				      size_t len)
{
	uint64_t head = first_bytes(s, len), hash = mix(head ^ len);
	size_t i;

	for (size_t k = 8; k < len; k += 8)
		hash = mix(hash ^ first_bytes(s + k, len - k));
	for (i = (size_t)hash;; i++) {
		struct mm_word_slot *slot = &w->slot[i & (w->n_slots - 1)];

		if (!slot->end)
			return slot;
		if (slot->head == head && slot->len == len &&
		    (len <= 8 ||
		     !memcmp(mm_words_str(w, slot) + 8, s + 8, len - 8)))
			return slot;
	}
}

static int grow_words(struct mm_words *w, struct mm_err *err)
{
	struct mm_words bigger = *w;

	bigger.n_slots = w->n_slots ? 2 * w->n_slots : 1024;
	bigger.slot = mm_calloc(bigger.n_slots, sizeof(*bigger.slot));
	if (!bigger.slot)
		return mm_fail_nomem(err, "words");
	for (size_t i = 0; i < w->n_slots; i++) {
		const struct mm_word_slot *old = &w->slot[i];

		if (old->end)
			*word_slot(&bigger, mm_words_str(w, old), old->len) =
				*old;
	}
	mm_free(w->slot);
	*w = bigger;
	return 0;
}

int mm_words_id(struct mm_words *w, const char *s, size_t len, uint32_t *id,
		struct mm_err *err)
{
	struct mm_word_slot *slot;
	int rc = 2 * w->n < w->n_slots ? 0 : grow_words(w, err);

	if (rc)
		return rc;
	slot = word_slot(w, s, len);
	if (!slot->end) {
		if (len > UINT32_MAX || w->n + 1 >= MM_NO_GRAM)
			return mm_fail_nomem(err, "words");
		mm_buf_add(&w->text, s, len);
		mm_buf_addc(&w->text, 0);
		rc = mm_buf_check(&w->text, "words", err);
		if (rc)
			return rc;
		slot->head = first_bytes(s, len);
		slot->end = w->text.len;
		slot->len = (uint32_t)len;
		slot->id = (uint32_t)w->n++;
	}
	*id = slot->id;
	return 0;
}

const struct mm_word_slot *mm_words_find(const struct mm_words *w,
					 const char *s, size_t len)
{
	const struct mm_word_slot *slot;

	slot = w->n_slots ? word_slot(w, s, len) : NULL;
	return slot && slot->end ? slot : NULL;
}

static int add_word(struct mm_words *w, const char *s, size_t len,
		    struct mm_u32s *ids, struct mm_err *err)
{
	uint32_t id;
	int rc = mm_words_id(w, s, len, &id, err);

	return rc ? rc : mm_u32s_add(ids, id, err);
}

int mm_words_split(struct mm_words *w, struct mm_line text, struct mm_u32s *ids,
		   struct mm_err *err)
{
	size_t from = 0;
	int rc;

	for (size_t i = 0; i < text.len;) {
		size_t at = i;

		if ((unsigned char)text.s[i] > ' ' &&
		    (unsigned char)text.s[i] < 0x80) {
			i++;
			continue;
		}
		if (!mm_unicode_space(mm_unicode_next(text.s, text.len, &i)))
			continue;
		if (at > from) {
			rc = add_word(w, text.s + from, at - from, ids, err);
			if (rc)
				return rc;
		}
		from = i;
	}
	if (from == text.len)
		return 0;
	return add_word(w, text.s + from, text.len - from, ids, err);
}

int mm_words_split_blank(struct mm_words *w, struct mm_line text,
			 struct mm_u32s *ids, struct mm_err *err)
{
	size_t from = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i <= text.len; i++) {
		if (i < text.len && text.s[i] != ' ')
			continue;
		rc = add_word(w, text.s + from, i - from, ids, err);
		from = i + 1;
	}
	return rc;
}

void mm_grams_release(struct mm_grams *g)
{
	mm_free(g->slot);
	memset(g, 0, sizeof(*g));
}

void mm_grams_clear(struct mm_grams *g)
{
	g->n = 0;
	if (++g->era == 0) { /* wrapped: old marks could be taken for new */
		for (size_t i = 0; i < g->n_slots; i++)
			g->slot[i].era = 0;
		g->era = 1;
	}
}

/* The slot of key, or the free one where it belongs. */
static struct mm_gram_slot *slot_of(const struct mm_grams *g, uint64_t key)
{
	size_t i = (size_t)mix(key) & (g->n_slots - 1);

	while (g->slot[i].era == g->era && g->slot[i].key != key)
		i = (i + 1) & (g->n_slots - 1);
	return &g->slot[i];
}

static int grow_slots(struct mm_grams *g, size_t n_slots, struct mm_err *err)
{
	struct mm_grams bigger = *g;

	if (!g->era)
		g->era = 1;
	bigger.era = 1;
	bigger.n_slots = n_slots;
	bigger.slot = mm_calloc(n_slots, sizeof(*bigger.slot));
	if (!bigger.slot)
		return mm_fail_nomem(err, "n-grams");
	for (size_t i = 0; i < g->n_slots; i++) {
		if (g->slot[i].era != g->era)
			continue;
		*slot_of(&bigger, g->slot[i].key) =
			(struct mm_gram_slot){ g->slot[i].key, g->slot[i].id,
					       1 };
	}
	mm_free(g->slot);
	*g = bigger;
	return 0;
}

/* Room for `more` further n-grams at a load of 2/3 at most. */
static int reserve_slots(struct mm_grams *g, size_t more, struct mm_err *err)
{
	size_t need, n_slots = g->n_slots ? g->n_slots : 256;

	if (!mm_add_ok(&need, g->n, more) || need >= MM_NO_GRAM)
		return mm_fail_nomem(err, "n-grams");
	while (n_slots / 3 * 2 < need)
		n_slots *= 2;
	return n_slots == g->n_slots ? 0 : grow_slots(g, n_slots, err);
}

/* Numbers of the keys, in place: many misses of the cache at a time. */
static void number_keys(struct mm_grams *g, const uint64_t *key, size_t n,
			uint32_t *id)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(
			&g->slot[(size_t)mix(key[i]) & (g->n_slots - 1)]);
	for (size_t i = 0; i < n; i++) {
		struct mm_gram_slot *s = slot_of(g, key[i]);

		if (s->era != g->era)
			*s = (struct mm_gram_slot){ key[i], g->n++, g->era };
		id[i] = s->id;
	}
}

int mm_grams_of(struct mm_grams *g, const uint32_t *word, size_t n,
		size_t order, struct mm_u32s *out, struct mm_err *err)
{
	uint64_t key[AHEAD];
	size_t more;
	int rc;

	if (!mm_mul_ok(&more, n, order) || !mm_add_ok(&more, more, out->n))
		return mm_fail_nomem(err, "n-grams");
	rc = mm_u32s_reserve(out, more, err);
	if (!rc)
		rc = reserve_slots(g, n * order, err);
	if (rc)
		return rc;
	for (size_t k = 0; k < order && k < n; k++) {
		uint32_t *id = out->at + out->n;
		const uint32_t *prefix = k ? id - (n - k + 1) : NULL;

		for (size_t i = 0; i < n - k; i += AHEAD) {
			size_t m = n - k - i < AHEAD ? n - k - i : AHEAD;

			for (size_t j = 0; j < m; j++)
				key[j] = (uint64_t)(k ? prefix[i + j]
						      : MM_NO_GRAM)
						 << 32 |
					 word[i + j + k];
			number_keys(g, key, m, id + i);
		}
		out->n += n - k;
	}
	return 0;
}

uint32_t mm_grams_step(const struct mm_grams *g, uint32_t prefix, uint32_t word)
{
	const struct mm_gram_slot *s;

	if (!g->n_slots)
		return MM_NO_GRAM;
	s = slot_of(g, (uint64_t)prefix << 32 | word);
	return s->era == g->era ? s->id : MM_NO_GRAM;
}

void mm_overlap_release(struct mm_overlap_scratch *s)
{
	mm_words_release(&s->words);
	mm_grams_release(&s->grams);
	mm_u32s_release(&s->word);
	mm_u32s_release(&s->gram);
	mm_u32s_release(&s->count);
	mm_u32s_release(&s->most);
}

/* s->gram = the n-grams of one text; *len = its number of words. */
static int grams_of_text(struct mm_overlap_scratch *s, struct mm_line text,
			 size_t order, size_t *len, struct mm_err *err)
{
	size_t known = s->grams.n;
	int rc;

	s->word.n = s->gram.n = 0;
	rc = mm_words_split(&s->words, text, &s->word, err);
	if (!rc)
		rc = mm_grams_of(&s->grams, s->word.at, s->word.n, order,
				 &s->gram, err);
	if (!rc)
		rc = mm_u32s_reserve(&s->count, s->grams.n, err);
	if (!rc)
		rc = mm_u32s_reserve(&s->most, s->grams.n, err);
	if (rc)
		return rc;
	for (size_t i = known; i < s->grams.n; i++)
		s->count.at[i] = s->most.at[i] = 0;
	*len = s->word.n;
	return 0;
}

int mm_overlap_count(struct mm_overlap_scratch *s, struct mm_overlap *out,
		     const struct mm_text_sample *sample, size_t order,
		     struct mm_err *err)
{
	size_t hyp_len = 0, len, best = SIZE_MAX, at = 0;
	uint32_t *count, *most;
	int rc;

	memset(out, 0, sizeof(*out));
	mm_grams_clear(&s->grams);
	/* Its length first: it decides which reference is the closest. */
	s->word.n = 0;
	rc = mm_words_split(&s->words, sample->hyp, &s->word, err);
	if (rc)
		return rc;
	hyp_len = s->word.n;
	for (size_t r = 0; r < sample->n_refs; r++) {
		size_t gap;

		rc = grams_of_text(s, sample->ref[r], order, &len, err);
		if (rc)
			return rc;
		gap = len > hyp_len ? len - hyp_len : hyp_len - len;
		if (gap < best || (gap == best && len < out->ref_len))
			out->ref_len = len;
		best = gap < best ? gap : best;
		count = s->count.at;
		most = s->most.at;
		for (size_t i = 0; i < s->gram.n; i++)
			count[s->gram.at[i]]++;
		for (size_t i = 0; i < s->gram.n; i++) {
			uint32_t id = s->gram.at[i];

			if (count[id] > most[id])
				most[id] = count[id];
			count[id] = 0;
		}
	}
	rc = grams_of_text(s, sample->hyp, order, &out->hyp_len, err);
	if (rc)
		return rc;
	count = s->count.at;
	most = s->most.at;
	for (size_t k = 0; k < order && k < hyp_len; k++) {
		out->total[k] = hyp_len - k;
		for (size_t i = 0; i < hyp_len - k; i++, at++) {
			uint32_t id = s->gram.at[at];

			/* The first `most` of them are right. */
			out->correct[k] += count[id]++ < most[id];
		}
	}
	return 0;
}

int mm_lcs_length(const uint32_t *a, size_t na, const uint32_t *b, size_t nb,
		  struct mm_u32s *row, size_t *length, struct mm_err *err)
{
	size_t cells, same = 0;
	int rc;

	/* What both begin and end with is in it. */
	for (; na && nb && *a == *b; a++, b++, na--, nb--)
		same++;
	for (; na && nb && a[na - 1] == b[nb - 1]; na--, nb--)
		same++;
	if (!mm_mul_ok(&cells, na, nb) || cells > MM_LCS_MAX)
		return mm_fail(err, MM_ERR_REFUSED,
			       "the common subsequence of %zu and %zu words "
			       "would take too long",
			       na, nb);
	if (na < nb) {
		const uint32_t *c = a;
		size_t nc = na;

		a = b;
		na = nb;
		b = c;
		nb = nc;
	}
	rc = mm_u32s_reserve(row, nb + 1, err);
	if (rc)
		return rc;
	memset(row->at, 0, (nb + 1) * sizeof(*row->at));
	for (size_t i = 0; i < na; i++) {
		uint32_t diagonal = 0;

		for (size_t j = 0; j < nb; j++) {
			uint32_t up = row->at[j + 1];

			if (a[i] == b[j])
				row->at[j + 1] = diagonal + 1;
			else if (row->at[j] > up)
				row->at[j + 1] = row->at[j];
			diagonal = up;
		}
	}
	*length = same + row->at[nb];
	return 0;
}
