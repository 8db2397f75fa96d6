/*
 * unigram.c - the likeliest segmentation under a unigram model (Kudo, ACL
 * 2018), by Viterbi over the places between characters.
 *
 * Sums are in double from left to right and a later candidate must be strictly
 * better, so that ties fall as in the reference.  A character without a piece
 * of its own costs min(score) - 10; such neighbours are one <unk>.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

/*
 * The reference's JSON reader takes the digits as an integer and divides by a
 * power of ten, which is off by one in the last bit for many scores; that
 * decides ties.  The text is the shortest that reads back as `exact`.
 */
double mm_unigram_score(double exact)
{
	char text[40], *e, *digits = text;
	double value = 0, power = 1;
	uint64_t mantissa = 0;
	int exponent;

	for (int digits_n = 14; digits_n <= 16; digits_n++) {
		snprintf(text, sizeof(text), "%.*e", digits_n, fabs(exact));
		if (strtod(text, NULL) == fabs(exact))
			break;
	}
	if (!(e = strchr(text, 'e')))
		return exact; /* not finite */
	exponent = (int)strtol(e + 1, NULL, 10);
	while (e > text + 1 && (e[-1] == '0' || e[-1] == '.'))
		e--;
	for (; digits < e; digits++) {
		if (*digits == '.')
			continue;
		mantissa = mantissa * 10 + (uint64_t)(*digits - '0');
		exponent -= digits > text;
	}
	if (exponent < -300 || exponent > 300)
		return exact;
	value = (double)mantissa;
	for (int i = abs(exponent); i > 0; i--)
		power *= 10; /* exact up to 1e22 */
	if (abs(exponent) > 22) {
		snprintf(text, sizeof(text), "1e%d", abs(exponent));
		power = strtod(text, NULL);
	}
	value = exponent < 0 ? value / power : value * power;
	return exact < 0 ? -value : value;
}

int mm_unigram_finish(struct mm_tokenizer *tok, struct mm_err *err)
{
	static const char digits[] = "0123456789ABCDEF";
	double least = INFINITY;

	for (size_t i = 0; i < tok->n_tokens; i++) {
		const struct mm_str *t = &tok->token[i];
		const int64_t *id;

		if (!t->s)
			continue;
		if (tok->score[i] < least)
			least = tok->score[i];
		/* of equal pieces the last one counts */
		id = mm_map_find(&tok->ids, t->s, t->n);
		if (id && t->n &&
		    !mm_trie_put(&tok->trie, t->s, t->n, (int32_t)*id))
			return mm_fail_nomem(err, "a vocabulary");
	}
	if (!tok->trie.n_nodes && !mm_trie_put(&tok->trie, "", 0, -1))
		return mm_fail_nomem(err, "a vocabulary");
	tok->unk_score = least - 10;
	for (unsigned b = 0; b < 256; b++) {
		const char name[6] = {
			'<', '0', 'x', digits[b >> 4], digits[b & 15], '>'
		};
		const int64_t *id = mm_map_find(&tok->ids, name, 6);

		tok->bpe.byte_token[b] = id ? (int32_t)*id : -1;
	}
	return MM_OK;
}

static void offer(struct mm_lattice_node *to, size_t start, double score,
		  int32_t id)
{
	if (to->start != SIZE_MAX && !(score > to->score))
		return;
	to->score = score;
	to->start = start;
	to->id = id;
}

static int viterbi(const struct mm_tokenizer *tok, struct mm_token_work *w,
		   const char *s, size_t n, struct mm_err *err)
{
	struct mm_lattice_node *v = w->node;

	for (size_t i = 0; i <= n; i++)
		v[i] = (struct mm_lattice_node){ 0, SIZE_MAX, -1 };
	for (size_t at = 0, next; at < n; at = next) {
		uint32_t node = 0;
		bool single = false;

		next = at;
		mm_utf8_next(s, &next);
		for (size_t i = at; i < n; i++) {
			int32_t id;

			node = mm_trie_step(&tok->trie, node,
					    (unsigned char)s[i]);
			if (!node)
				break;
			id = tok->trie.value[node];
			if (id < 0)
				continue;
			offer(&v[i + 1], at, tok->score[id] + v[at].score, id);
			single |= i + 1 == next;
		}
		if (single)
			continue;
		if (tok->unk < 0)
			return mm_fail(err, MM_ERR_REFUSED,
				       "a character has no token and the "
				       "vocabulary no token for unknown ones");
		offer(&v[next], at, tok->unk_score + v[at].score, tok->unk);
	}
	return MM_OK;
}

/* A piece of text that is <unk>, or a token by its spelling after all. */
static int add_unknown(const struct mm_tokenizer *tok, const char *s, size_t n,
		       struct mm_ids *out, struct mm_err *err)
{
	const int64_t *id = mm_map_find(&tok->ids, s, n);
	bool bytes = tok->byte_fallback && !id;
	int rc = MM_OK;

	for (size_t i = 0; bytes && i < n; i++)
		bytes = tok->bpe.byte_token[(unsigned char)s[i]] >= 0;
	if (!bytes)
		return mm_ids_add(out, id ? (int32_t)*id : tok->unk, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = mm_ids_add(out, tok->bpe.byte_token[(unsigned char)s[i]],
				err);
	return rc;
}

int mm_unigram_encode(const struct mm_tokenizer *tok, struct mm_token_work *w,
		      const char *s, size_t n, struct mm_ids *out,
		      struct mm_err *err)
{
	struct mm_lattice_node *v;
	size_t at, next;
	int rc;

	if (n >= w->node_cap) {
		const size_t cap = n + n / 2 + 64;

		if (cap < n || !(v = mm_realloc(w->node, cap, sizeof(*v))))
			return mm_fail_nomem(err, "a word");
		w->node = v;
		w->node_cap = cap;
	}
	if ((rc = viterbi(tok, w, s, n, err)))
		return rc;
	/* turn the links round: .start of a node becomes where it ends */
	v = w->node;
	for (at = n, next = SIZE_MAX; at > 0;) {
		const size_t from = v[at].start;

		v[at].start = next;
		next = at;
		at = from;
	}
	for (at = 0; next != SIZE_MAX;) {
		size_t end = next;

		next = v[end].start;
		if (v[end].id != tok->unk) {
			if ((rc = mm_ids_add(out, v[end].id, err)))
				return rc;
			at = end;
			continue;
		}
		while (next != SIZE_MAX && v[next].id == tok->unk) {
			end = next;
			next = v[end].start;
		}
		if ((rc = add_unknown(tok, s + at, end - at, out, err)))
			return rc;
		at = end;
	}
	return MM_OK;
}
