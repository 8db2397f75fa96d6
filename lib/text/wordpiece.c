/*
 * wordpiece.c - WordPiece: the longest token that begins the word, then the
 * longest "##" token that goes on, until the word is used up; a word with a
 * rest that no token begins is [UNK] as a whole.  And WordLevel: whole words.
 */
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

int mm_wordpiece_finish(struct mm_tokenizer *tok, struct mm_str prefix,
			struct mm_err *err)
{
	uint32_t node = 0;

	for (size_t i = 0; i < tok->n_tokens; i++) {
		const struct mm_str *t = &tok->token[i];
		const int64_t *id =
			t->s ? mm_map_find(&tok->ids, t->s, t->n) : NULL;

		if (id && t->n &&
		    !mm_trie_put(&tok->trie, t->s, t->n, (int32_t)*id))
			return mm_fail_nomem(err, "a vocabulary");
	}
	/* the prefix alone must be a node even where nothing continues */
	if (!tok->trie.n_nodes && !mm_trie_put(&tok->trie, "", 0, -1))
		return mm_fail_nomem(err, "a vocabulary");
	for (size_t i = 0; i < prefix.n && (i == 0 || node); i++)
		node = mm_trie_step(&tok->trie, node,
				    (unsigned char)prefix.s[i]);
	tok->continuing = prefix.n ? node : UINT32_MAX;
	return MM_OK;
}

/* The end of the longest token at `at`, its id; `at` itself: none. */
static size_t longest(const struct mm_tokenizer *tok, const char *s, size_t n,
		      size_t at, int32_t *id)
{
	uint32_t node = 0;
	size_t end = at;

	if (at > 0 && tok->continuing != UINT32_MAX)
		node = tok->continuing;
	if (at > 0 && node == 0 && tok->continuing == 0)
		return at; /* no token continues a word */
	for (size_t i = at; i < n; i++) {
		node = mm_trie_step(&tok->trie, node, (unsigned char)s[i]);
		if (!node)
			break;
		if (tok->trie.value[node] >= 0) {
			end = i + 1;
			*id = tok->trie.value[node];
		}
	}
	return end;
}

static int unknown(const struct mm_tokenizer *tok, struct mm_ids *out,
		   struct mm_err *err)
{
	if (tok->unk < 0)
		return mm_fail(err, MM_ERR_REFUSED,
			       "a word has no token and the vocabulary no "
			       "token for unknown words");
	return mm_ids_add(out, tok->unk, err);
}

int mm_wordpiece_encode(const struct mm_tokenizer *tok, const char *s, size_t n,
			struct mm_ids *out, struct mm_err *err)
{
	const size_t start = out->n;

	if (n > tok->max_chars && mm_utf8_count(s, n) > tok->max_chars)
		return unknown(tok, out, err);
	for (size_t at = 0, end; at < n; at = end) {
		int32_t id = -1;
		int rc;

		end = longest(tok, s, n, at, &id);
		if (end == at) {
			out->n = start;
			return unknown(tok, out, err);
		}
		if ((rc = mm_ids_add(out, id, err)))
			return rc;
	}
	return MM_OK;
}

int mm_wordlevel_encode(const struct mm_tokenizer *tok, const char *s, size_t n,
			struct mm_ids *out, struct mm_err *err)
{
	const int64_t *id = mm_map_find(&tok->ids, s, n);

	return id ? mm_ids_add(out, (int32_t)*id, err) : unknown(tok, out, err);
}
