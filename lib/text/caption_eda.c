/*
 * caption_eda.c - random insertion, swap and deletion (Wei and Zou, "EDA: Easy
 * Data Augmentation Techniques", EMNLP 2019), written from the paper.
 *
 * Words are what blanks divide, so that case and punctuation stay.
 */
#include <string.h>

#include "base/arena.h"
#include "text/caption.h"
#include "text/caption_words.h"

struct piece {
	const char *s;
	size_t n;
};

struct pieces {
	struct piece *v;
	size_t n;
	struct mm_arena arena;
};

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Room for `more` pieces besides. */
static int cut(const char *s, size_t n, size_t more, struct pieces *out,
	       struct mm_err *err)
{
	memset(out, 0, sizeof(*out));
	out->v = mm_arena_alloc(&out->arena, n / 2 + 1 + more, sizeof(*out->v));
	if (!out->v)
		return mm_fail_nomem(err, "a caption");
	for (size_t i = 0; i < n;) {
		const size_t from = i;

		if (blank(s[i])) {
			i++;
			continue;
		}
		while (i < n && !blank(s[i]))
			i++;
		out->v[out->n++] = (struct piece){ s + from, i - from };
	}
	return MM_OK;
}

static int join(struct pieces *p, struct mm_buf *out, struct mm_err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			mm_buf_addc(out, ' ');
		mm_buf_add(out, p->v[i].s, p->v[i].n);
	}
	mm_arena_release(&p->arena);
	return mm_buf_check(out, "a caption", err);
}

static size_t times(double alpha, size_t words)
{
	const double k = alpha * (double)words;

	return k < 1 ? 1 : k > (double)words ? words : (size_t)k;
}

/* The letters of a piece, without the punctuation round them. */
static struct piece bare(struct piece p)
{
	while (p.n && !((*p.s | 32) >= 'a' && (*p.s | 32) <= 'z')) {
		p.s++;
		p.n--;
	}
	while (p.n &&
	       !((p.s[p.n - 1] | 32) >= 'a' && (p.s[p.n - 1] | 32) <= 'z'))
		p.n--;
	return p;
}

/* A synonym of a random word, tried ten times; false where none was found. */
static bool any_synonym(const struct mm_wordnet *wn, struct pieces *p,
			size_t n_old, struct mm_rng *rng, struct piece *out)
{
	for (int attempt = 0; attempt < 10; attempt++) {
		const struct piece w = bare(p->v[mm_rng_below(rng, n_old)]);
		char word[MM_CAPTION_WORD];
		size_t k = 0;

		if (w.n)
			k = mm_caption_synonym(wn, w.s, w.n, false, rng, word);
		if (!k)
			continue;
		out->s = mm_arena_strndup(&p->arena, word, k);
		out->n = k;
		return out->s != NULL;
	}
	return false;
}

int mm_caption_insert(const struct mm_wordnet *wn, const char *text, size_t len,
		      double alpha, struct mm_rng *rng, struct mm_buf *out,
		      struct mm_err *err)
{
	struct pieces p;
	size_t k, n_old;
	int rc = cut(text, len, len / 2 + 1, &p, err);

	if (rc)
		return rc;
	n_old = p.n;
	k = n_old ? times(alpha, n_old) : 0;
	while (k--) {
		struct piece w;
		size_t at;

		if (!any_synonym(wn, &p, p.n, rng, &w))
			continue;
		at = (size_t)mm_rng_below(rng, p.n + 1);
		memmove(p.v + at + 1, p.v + at, (p.n - at) * sizeof(*p.v));
		p.v[at] = w;
		p.n++;
	}
	return join(&p, out, err);
}

int mm_caption_swap(const char *text, size_t len, double alpha,
		    struct mm_rng *rng, struct mm_buf *out, struct mm_err *err)
{
	struct pieces p;
	size_t k;
	int rc = cut(text, len, 0, &p, err);

	if (rc)
		return rc;
	k = p.n > 1 ? times(alpha, p.n) : 0;
	while (k--) {
		const size_t i = (size_t)mm_rng_below(rng, p.n);
		const size_t j = (size_t)mm_rng_below(rng, p.n - 1);
		const size_t other = j + (j >= i);
		const struct piece held = p.v[i];

		p.v[i] = p.v[other];
		p.v[other] = held;
	}
	return join(&p, out, err);
}

int mm_caption_delete(const char *text, size_t len, double alpha,
		      struct mm_rng *rng, struct mm_buf *out,
		      struct mm_err *err)
{
	struct pieces p;
	size_t kept = 0, n;
	int rc = cut(text, len, 0, &p, err);

	if (rc)
		return rc;
	n = p.n;
	for (size_t i = 0; i < n; i++)
		if (n == 1 || mm_rng_uniform(rng) >= alpha)
			p.v[kept++] = p.v[i];
	if (!kept && n)
		p.v[kept++] = p.v[mm_rng_below(rng, n)];
	p.n = kept;
	return join(&p, out, err);
}
