/*
 * wordnet.c - see wordnet.h.
 *
 * Lines of an index file, after 29 lines of licence that begin with blanks:
 *
 *	lemma pos synset_cnt p_cnt ptr_symbol{p_cnt} sense_cnt tagsense_cnt
 *		offset{synset_cnt}
 *
 * of a data file, at the offset that the index tells:
 *
 *	offset lex_filenum ss_type w_cnt(hex) {word lex_id(hex)}
 *		p_cnt {ptr_symbol offset pos source/target} ... | gloss
 *
 * of cntlist.rev: sense_key sense_number tag_count, the key lemma%type:...
 */
#include "text/wordnet.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/map.h"
#include "base/mem.h"

static const char *const names[MM_N_POS] = { "noun", "verb", "adj", "adv" };

struct mm_wordnet {
	struct mm_file index[MM_N_POS], data[MM_N_POS], exc[MM_N_POS];
	struct mm_file counts;		   /* cntlist.rev */
	struct mm_map forms[MM_N_POS];	   /* inflected to base, in `bases` */
	struct mm_map irregular[MM_N_POS]; /* base */
	struct mm_arena bases;
};

static int open_file(struct mm_file *f, const char *dir, const char *kind,
		     const char *pos, struct mm_err *err)
{
	struct mm_buf path = { 0 };
	int rc;

	mm_buf_printf(&path, "%s/%s%s%s", dir, kind, *pos ? "." : "", pos);
	if (!strcmp(kind, "exc")) {
		mm_buf_clear(&path);
		mm_buf_printf(&path, "%s/%s.exc", dir, pos);
	}
	if (!(rc = mm_buf_check(&path, "a path", err)))
		rc = mm_file_open(f, path.data, err);
	mm_buf_release(&path);
	return rc;
}

/* "inflected base [base...]" lines; the first base counts. */
static int load_exceptions(struct mm_wordnet *wn, enum mm_pos pos,
			   struct mm_err *err)
{
	const char *s = (const char *)wn->exc[pos].data;
	const char *end = s + wn->exc[pos].size;

	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		const char *blank, *stop;
		int64_t *at;
		char *base;

		if (!eol)
			eol = end;
		blank = memchr(s, ' ', (size_t)(eol - s));
		if (blank) {
			stop = memchr(blank + 1, ' ',
				      (size_t)(eol - blank) - 1);
			if (!stop)
				stop = eol;
			base = mm_arena_strndup(&wn->bases, blank + 1,
						(size_t)(stop - blank) - 1);
			at = mm_map_put(&wn->forms[pos], s, (size_t)(blank - s),
					NULL);
			if (!base || !at ||
			    !mm_map_put(&wn->irregular[pos], base, strlen(base),
					NULL))
				return mm_fail_nomem(err, "WordNet");
			*at = (int64_t)(intptr_t)base;
		}
		s = eol + 1;
	}
	return MM_OK;
}

static int open_all(struct mm_wordnet *wn, const char *dir, struct mm_err *err)
{
	int rc;

	for (int p = 0; p < MM_N_POS; p++) {
		if ((rc = open_file(&wn->index[p], dir, "index", names[p],
				    err)) ||
		    (rc = open_file(&wn->data[p], dir, "data", names[p],
				    err)) ||
		    (rc = open_file(&wn->exc[p], dir, "exc", names[p], err)) ||
		    (rc = load_exceptions(wn, (enum mm_pos)p, err)))
			return rc;
	}
	return open_file(&wn->counts, dir, "cntlist.rev", "", err);
}

int mm_wordnet_open(struct mm_wordnet **out, const char *dir,
		    struct mm_err *err)
{
	static const char *const places[] = {
		"/usr/share/wordnet",	       "/usr/share/wordnet/dict",
		"/usr/local/share/wordnet",    "/usr/local/WordNet-3.0/dict",
		"/opt/homebrew/share/wordnet",
	};
	struct mm_wordnet *wn = mm_calloc(1, sizeof(*wn));
	const char *named = dir ? dir : getenv("MMTOOL_WORDNET");
	int rc = MM_ERR_IO;

	*out = NULL;
	if (!wn)
		return mm_fail_nomem(err, "WordNet");
	if (named && *named) {
		rc = open_all(wn, named, err);
		if (rc)
			mm_fail_ctx(err, "WordNet");
	} else {
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			struct mm_file probe;

			if (open_file(&probe, places[i], "index", "noun", NULL))
				continue;
			mm_file_release(&probe);
			rc = open_all(wn, places[i], err);
			break;
		}
		if (rc == MM_ERR_IO && !wn->index[0].data)
			rc = mm_fail(err, MM_ERR_IO,
				     "there is no WordNet here; install "
				     "wordnet-base or name its folder with "
				     "--wordnet");
	}
	if (rc) {
		mm_wordnet_free(wn);
		return rc;
	}
	*out = wn;
	return MM_OK;
}

void mm_wordnet_free(struct mm_wordnet *wn)
{
	if (!wn)
		return;
	for (int p = 0; p < MM_N_POS; p++) {
		if (wn->index[p].data)
			mm_file_release(&wn->index[p]);
		if (wn->data[p].data)
			mm_file_release(&wn->data[p]);
		if (wn->exc[p].data)
			mm_file_release(&wn->exc[p]);
		mm_map_release(&wn->forms[p]);
		mm_map_release(&wn->irregular[p]);
	}
	if (wn->counts.data)
		mm_file_release(&wn->counts);
	mm_arena_release(&wn->bases);
	mm_free(wn);
}

/* ---------------------------------------------------------- reading */

struct cursor {
	const char *s, *end;
};

/* The next field of a line; n 0 at its end. */
static const char *field(struct cursor *c, size_t *n)
{
	const char *start;

	while (c->s < c->end && *c->s == ' ')
		c->s++;
	start = c->s;
	while (c->s < c->end && *c->s != ' ' && *c->s != '\n')
		c->s++;
	*n = (size_t)(c->s - start);
	return start;
}

static unsigned long number(struct cursor *c, int base)
{
	unsigned long x = 0;
	size_t n;
	const char *s = field(c, &n);

	for (size_t i = 0; i < n && i < 10; i++) {
		const char ch = (char)(s[i] | 32);
		const unsigned d =
			s[i] >= '0' && s[i] <= '9' ? (unsigned)(s[i] - '0')
			: ch >= 'a' && ch <= 'f'   ? (unsigned)(ch - 'a') + 10
						   : 99;

		if (d >= (unsigned)base)
			break;
		x = x * (unsigned)base + d;
	}
	return x;
}

static void skip(struct cursor *c, unsigned long fields)
{
	size_t n = 1;

	while (fields-- && n)
		field(c, &n);
}

/*
 * The first line of a sorted file that does not begin below `key` (bytes
 * compared); where it begins, f->size behind the last.
 */
static size_t lower_bound(const struct mm_file *f, const char *key, size_t n)
{
	const char *s = (const char *)f->data;
	size_t lo = 0, hi = f->size;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2, line = mid, len;
		const char *eol;

		while (line > lo && s[line - 1] != '\n')
			line--;
		eol = memchr(s + line, '\n', f->size - line);
		len = eol ? (size_t)(eol - s) - line : f->size - line;
		if (memcmp(s + line, key, n < len ? n : len) < 0 ||
		    (len < n && !memcmp(s + line, key, len)))
			lo = line + len + 1 < f->size ? line + len + 1
						      : f->size;
		else
			hi = line;
	}
	return lo;
}

static bool begins(const struct mm_file *f, size_t at, const char *key,
		   size_t n)
{
	return at <= f->size && f->size - at >= n &&
	       !memcmp(f->data + at, key, n);
}

/* How often the senses occur: lines "lemma%TYPE:... number count". */
static void count_tags(const struct mm_wordnet *wn, char type,
		       const char *lemma, size_t len, struct mm_wn_lemma *out)
{
	const struct mm_file *f = &wn->counts;
	char key[96];
	size_t n = len + 3;

	if (n > sizeof(key))
		return;
	memcpy(key, lemma, len);
	key[len] = '%';
	key[len + 1] = type;
	key[len + 2] = ':';
	for (size_t at = lower_bound(f, key, n); begins(f, at, key, n);) {
		struct cursor c = { (const char *)f->data + at,
				    (const char *)f->data + f->size };
		unsigned long sense, count;

		skip(&c, 1);
		sense = number(&c, 10);
		count = number(&c, 10);
		if (sense == 1)
			out->tagged += (unsigned)count;
		out->total += (unsigned)count;
		while (c.s < c.end && *c.s != '\n')
			c.s++;
		at = (size_t)(c.s - (const char *)f->data) + 1;
	}
}

/* A sense's line from its words on; false where the offset is nonsense. */
static bool open_sense(const struct mm_wordnet *wn, enum mm_pos pos,
		       size_t sense, struct cursor *c, unsigned *file,
		       unsigned long *n_words)
{
	const struct mm_file *f = &wn->data[pos];

	if (sense >= f->size || (sense && f->data[sense - 1] != '\n'))
		return false;
	c->s = (const char *)f->data + sense;
	c->end = (const char *)f->data + f->size;
	skip(c, 1);
	*file = (unsigned)number(c, 10);
	skip(c, 1);
	*n_words = number(c, 16);
	return true;
}

static bool is_instance(const struct mm_wordnet *wn, enum mm_pos pos,
			size_t sense, unsigned *file)
{
	struct cursor c;
	unsigned long words, pointers;

	if (!open_sense(wn, pos, sense, &c, file, &words))
		return false;
	skip(&c, 2 * words);
	for (pointers = number(&c, 10); pointers; pointers--) {
		size_t n;
		const char *symbol = field(&c, &n);

		if (n == 2 && !memcmp(symbol, "@i", 2))
			return true;
		if (!n)
			break;
		skip(&c, 3);
	}
	return false;
}

bool mm_wn_find(const struct mm_wordnet *wn, enum mm_pos pos, const char *lemma,
		size_t len, struct mm_wn_lemma *out)
{
	static const char types[MM_N_POS][2] = {
		{ '1', 0 }, { '2', 0 }, { '3', '5' }, { '4', 0 }
	};
	const struct mm_file *f = &wn->index[pos];
	struct cursor c;
	char key[96];
	size_t at;

	memset(out, 0, sizeof(*out));
	if (!len || len + 1 > sizeof(key) || memchr(lemma, ' ', len))
		return false;
	memcpy(key, lemma, len);
	key[len] = ' ';
	at = lower_bound(f, key, len + 1);
	if (!begins(f, at, key, len + 1))
		return false;
	c.s = (const char *)f->data + at + len;
	c.end = (const char *)f->data + f->size;
	skip(&c, 1);
	out->n_senses = (unsigned)number(&c, 10);
	skip(&c, number(&c, 10)); /* pointer symbols */
	skip(&c, 2);
	out->sense = number(&c, 10);
	out->instance = is_instance(wn, pos, out->sense, &out->file);
	for (int i = 0; i < 2; i++)
		if (types[pos][i])
			count_tags(wn, types[pos][i], lemma, len, out);
	return out->n_senses > 0;
}

const char *mm_wn_word(const struct mm_wordnet *wn, enum mm_pos pos,
		       size_t sense, unsigned i, size_t *len)
{
	struct cursor c;
	unsigned long words;
	const char *word, *mark;
	unsigned file;

	if (!open_sense(wn, pos, sense, &c, &file, &words) || i >= words)
		return NULL;
	skip(&c, 2 * (unsigned long)i);
	word = field(&c, len);
	if ((mark = memchr(word, '(', *len)))
		*len = (size_t)(mark - word);
	return *len ? word : NULL;
}

bool mm_wn_irregular(const struct mm_wordnet *wn, enum mm_pos pos,
		     const char *base, size_t len)
{
	return mm_map_find(&wn->irregular[pos], base, len) != NULL;
}

/* ------------------------------------------------------- morphology */

static size_t take(char *base, size_t cap, const char *s, size_t n,
		   const char *ending)
{
	const size_t k = strlen(ending);

	if (n + k > cap)
		return 0;
	memmove(base, s, n);
	memcpy(base + n, ending, k);
	return n + k;
}

static bool known(const struct mm_wordnet *wn, enum mm_pos pos, const char *s,
		  size_t n)
{
	struct mm_wn_lemma l;

	return mm_wn_find(wn, pos, s, n, &l);
}

size_t mm_wn_base(const struct mm_wordnet *wn, enum mm_pos pos,
		  const char *word, size_t len, char *base, size_t cap)
{
	static const struct {
		const char *suffix, *ending;
	} rules[MM_N_POS][9] = {
		{ { "s", "" },
		  { "ses", "s" },
		  { "xes", "x" },
		  { "zes", "z" },
		  { "ches", "ch" },
		  { "shes", "sh" },
		  { "men", "man" },
		  { "ies", "y" } },
		{ { "s", "" },
		  { "ies", "y" },
		  { "es", "e" },
		  { "es", "" },
		  { "ed", "e" },
		  { "ed", "" },
		  { "ing", "e" },
		  { "ing", "" } },
		{ { "er", "" }, { "est", "" }, { "er", "e" }, { "est", "e" } },
		{ { NULL, NULL } },
	};
	const int64_t *exception = mm_map_find(&wn->forms[pos], word, len);

	if (exception) {
		const char *s = (const char *)(intptr_t)*exception;

		return take(base, cap, s, strlen(s), "");
	}
	if (known(wn, pos, word, len))
		return take(base, cap, word, len, "");
	for (size_t i = 0; rules[pos][i].suffix; i++) {
		const size_t k = strlen(rules[pos][i].suffix);
		size_t n;

		if (len <= k ||
		    memcmp(word + len - k, rules[pos][i].suffix, k) != 0)
			continue;
		n = take(base, cap, word, len - k, rules[pos][i].ending);
		if (n && known(wn, pos, base, n))
			return n;
	}
	return 0;
}
