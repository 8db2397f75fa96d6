/*
 * caption_synonym.c - words of a caption for others that mean the same.
 *
 * A word is exchanged only where there is hardly a doubt of its sense: four in
 * five of its tagged uses are of one part of speech, at least half of them of
 * the first sense; and the other word's own first sense is the same one.
 * Without a model of the context everything else would put words into captions
 * that are not true of the picture.
 */
#include <string.h>

#include "text/caption.h"
#include "text/caption_words.h"

enum { MAX_CHOICES = 16 };

static bool in(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

bool mm_caption_stop_word(const char *low)
{
	static const char *const words[] = {
		"a",	   "an",      "the",	    "this",    "that",
		"these",   "those",   "and",	    "or",      "but",
		"nor",	   "so",      "if",	    "as",      "at",
		"by",	   "for",     "from",	    "in",      "into",
		"of",	   "off",     "on",	    "onto",    "out",
		"over",	   "to",      "under",	    "up",      "down",
		"with",	   "within",  "without",    "about",   "above",
		"across",  "after",   "against",    "along",   "among",
		"around",  "before",  "behind",	    "below",   "beneath",
		"beside",  "between", "beyond",	    "during",  "inside",
		"near",	   "outside", "through",    "toward",  "towards",
		"upon",	   "is",      "are",	    "was",     "were",
		"be",	   "been",    "being",	    "am",      "has",
		"have",	   "had",     "having",	    "do",      "does",
		"did",	   "doing",   "can",	    "could",   "will",
		"would",   "shall",   "should",	    "may",     "might",
		"must",	   "not",     "no",	    "yes",     "it",
		"its",	   "he",      "him",	    "his",     "she",
		"her",	   "hers",    "they",	    "them",    "their",
		"theirs",  "i",	      "me",	    "my",      "mine",
		"we",	   "us",      "our",	    "ours",    "you",
		"your",	   "yours",   "who",	    "whom",    "whose",
		"which",   "what",    "when",	    "where",   "why",
		"how",	   "all",     "any",	    "both",    "each",
		"few",	   "many",    "more",	    "most",    "much",
		"other",   "some",    "such",	    "same",    "than",
		"then",	   "there",   "here",	    "too",     "very",
		"just",	   "only",    "also",	    "own",     "again",
		"once",	   "while",   "until",	    "because", "himself",
		"herself", "itself",  "themselves", "s",       "t",
		NULL,
	};

	return in(words, low);
}

/* Colours, numbers, directions and places: what a picture shows exactly. */
static const char *const exact_words[] = {
	"red",
	"orange",
	"yellow",
	"green",
	"blue",
	"purple",
	"violet",
	"pink",
	"brown",
	"black",
	"white",
	"gray",
	"grey",
	"gold",
	"golden",
	"silver",
	"beige",
	"tan",
	"teal",
	"turquoise",
	"cyan",
	"magenta",
	"maroon",
	"navy",
	"cream",
	"crimson",
	"scarlet",
	"indigo",
	"khaki",
	"lavender",
	"colorful",
	"colourful",
	"color",
	"colour",
	"dark",
	"bright",
	"light",
	"pale",
	"zero",
	"one",
	"two",
	"three",
	"four",
	"five",
	"six",
	"seven",
	"eight",
	"nine",
	"ten",
	"eleven",
	"twelve",
	"thirteen",
	"fifteen",
	"twenty",
	"thirty",
	"forty",
	"fifty",
	"hundred",
	"thousand",
	"million",
	"first",
	"second",
	"third",
	"half",
	"quarter",
	"single",
	"double",
	"pair",
	"couple",
	"dozen",
	"several",
	"left",
	"right",
	"top",
	"bottom",
	"front",
	"back",
	"side",
	"center",
	"centre",
	"middle",
	"north",
	"south",
	"east",
	"west",
	"northern",
	"southern",
	"eastern",
	"western",
	"upper",
	"lower",
	"leftmost",
	"rightmost",
	"clockwise",
	"counterclockwise",
	"anticlockwise",
	"horizontal",
	"vertical",
	NULL,
};

static bool exact_word(const char *low)
{
	return in(exact_words, low);
}

/* ------------------------------------------------------- inflection */

enum form { BASE, PLURAL_OR_S, PAST, ING, N_FORMS };

static bool ends(const char *s, size_t n, const char *suffix)
{
	const size_t k = strlen(suffix);

	return n >= k && !memcmp(s + n - k, suffix, k);
}

static bool vowel(char c)
{
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

static size_t append(char *out, size_t n, const char *suffix)
{
	const size_t k = strlen(suffix);

	if (n + k >= MM_CAPTION_WORD)
		return 0;
	memcpy(out + n, suffix, k);
	return n + k;
}

/* Regular forms; doubled consonants are among WordNet's exceptions. */
static size_t inflect(const char *base, size_t n, enum form form, char *out)
{
	const bool y = n > 1 && base[n - 1] == 'y' && !vowel(base[n - 2]);
	const bool e = base[n - 1] == 'e';

	if (n + 4 >= MM_CAPTION_WORD)
		return 0;
	memcpy(out, base, n);
	switch (form) {
	case BASE: return n;
	case PLURAL_OR_S:
		if (y)
			return append(out, n - 1, "ies");
		if (ends(base, n, "s") || ends(base, n, "x") ||
		    ends(base, n, "z") || ends(base, n, "ch") ||
		    ends(base, n, "sh"))
			return append(out, n, "es");
		return append(out, n, "s");
	case PAST:
		if (y)
			return append(out, n - 1, "ied");
		return append(out, n, e ? "d" : "ed");
	case ING:
		if (ends(base, n, "ie")) {
			out[n - 2] = 'y';
			return append(out, n - 1, "ing");
		}
		return append(out,
			      e && !ends(base, n, "ee") && n > 2 ? n - 1 : n,
			      "ing");
	default: return 0;
	}
}

/* The form that the word is of its base; N_FORMS: none that we can make. */
static enum form form_of(enum mm_pos pos, const char *word, size_t n,
			 const char *base, size_t base_n)
{
	char made[MM_CAPTION_WORD];

	for (int f = BASE; f < N_FORMS; f++) {
		size_t k;

		if (f > BASE && pos != MM_VERB &&
		    !(pos == MM_NOUN && f == PLURAL_OR_S))
			break;
		k = inflect(base, base_n, (enum form)f, made);
		if (k == n && !memcmp(made, word, n))
			return (enum form)f;
	}
	return N_FORMS;
}

/* ---------------------------------------------------------- choosing */

struct use {
	enum mm_pos pos;
	char base[MM_CAPTION_WORD];
	size_t n;
	struct mm_wn_lemma lemma;
};

/* The part of speech that a word nearly always has. */
static bool usual_use(const struct mm_wordnet *wn, const char *low, size_t n,
		      struct use *best)
{
	unsigned long all = 0;

	best->lemma.total = 0;
	for (int p = 0; p < MM_N_POS; p++) {
		struct use u = { .pos = (enum mm_pos)p };

		u.n = mm_wn_base(wn, u.pos, low, n, u.base, sizeof(u.base));
		if (!u.n || !mm_wn_find(wn, u.pos, u.base, u.n, &u.lemma))
			continue;
		all += u.lemma.total;
		if (u.lemma.total > best->lemma.total)
			*best = u;
	}
	return best->lemma.total && 5ul * best->lemma.total >= 4 * all &&
	       2ul * best->lemma.tagged >= best->lemma.total;
}

/*
 * Senses of things that one can see: lexicographer files of animals,
 * artifacts, the body, food, objects, people, plants; doings of the body,
 * consumption, contact, motion, perception.  Rare adjectives and verbs have
 * too many shades.
 */
static bool visible(const struct use *u)
{
	static const unsigned char nouns[] = { 5, 6, 8, 13, 17, 18, 20 };
	static const unsigned char verbs[] = { 29, 34, 35, 38, 39 };
	const bool noun = u->pos == MM_NOUN;
	const unsigned char *list = noun ? nouns : verbs;
	const size_t n = noun ? sizeof(nouns) : sizeof(verbs);

	if (!noun && u->lemma.tagged < 5)
		return false;
	if (u->pos == MM_ADJ)
		return true;
	for (size_t i = 0; u->pos != MM_ADV && i < n; i++)
		if (list[i] == u->lemma.file)
			return true;
	return false;
}

static bool plain_word(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 'a' || s[i] > 'z')
			return false;
	return n > 1 && n < MM_CAPTION_WORD - 4;
}

/* Does this word, too, usually mean that sense? */
static bool same_first_sense(const struct mm_wordnet *wn, const struct use *u,
			     const char *s, size_t n, unsigned *weight)
{
	struct mm_wn_lemma l, other;

	if (!mm_wn_find(wn, u->pos, s, n, &l) || l.sense != u->lemma.sense)
		return false;
	for (int p = 0; p < MM_N_POS; p++)
		if (p != (int)u->pos &&
		    mm_wn_find(wn, (enum mm_pos)p, s, n, &other) &&
		    other.total > l.total)
			return false;
	*weight = l.tagged;
	return true;
}

static size_t choose(const struct mm_wordnet *wn, const struct use *u,
		     enum form form, struct mm_rng *rng, char *out)
{
	struct {
		const char *s;
		size_t n;
		unsigned weight;
	} choice[MAX_CHOICES];
	size_t n = 0, len;
	uint64_t sum = 0, at;
	const char *s;

	for (unsigned i = 0;
	     n < MAX_CHOICES &&
	     (s = mm_wn_word(wn, u->pos, u->lemma.sense, i, &len));
	     i++) {
		if (!plain_word(s, len) ||
		    (len == u->n && !memcmp(s, u->base, len)) ||
		    (form != BASE && (s[len - 1] == 's' ||
				      mm_wn_irregular(wn, u->pos, s, len))) ||
		    !same_first_sense(wn, u, s, len, &choice[n].weight))
			continue;
		choice[n].s = s;
		choice[n].n = len;
		sum += choice[n++].weight;
	}
	/* words that are never met are taken where there are no others, and
	 * for things only */
	if (!sum && u->pos == MM_NOUN)
		for (size_t i = 0; i < n; i++)
			sum += choice[i].weight = 1;
	if (!sum)
		return 0;
	at = mm_rng_below(rng, sum);
	for (size_t i = 0; i < n; i++) {
		if (at < choice[i].weight)
			return inflect(choice[i].s, choice[i].n, form, out);
		at -= choice[i].weight;
	}
	return 0;
}

size_t mm_caption_synonym(const struct mm_wordnet *wn, const char *s, size_t n,
			  bool first, struct mm_rng *rng, char *out)
{
	char low[MM_CAPTION_WORD] = "";
	size_t capitals = 0, k;
	enum form form;
	struct use u;

	if (n < 2 || n + 1 >= sizeof(low))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const bool capital = s[i] >= 'A' && s[i] <= 'Z';

		capitals += capital;
		low[i] = (char)(capital ? s[i] + 32 : s[i]);
	}
	/* a capital inside a sentence makes a name, but not a shouted text */
	if (!plain_word(low, n) || mm_caption_stop_word(low) ||
	    exact_word(low) ||
	    (capitals && capitals < n &&
	     !(first && capitals == 1 && low[0] != s[0])))
		return 0;
	if (!usual_use(wn, low, n, &u) || u.lemma.instance || !visible(&u) ||
	    exact_word(u.base))
		return 0;
	form = form_of(u.pos, low, n, u.base, u.n);
	if (form == N_FORMS || !(k = choose(wn, &u, form, rng, out)))
		return 0;
	for (size_t i = 0; i < k; i++)
		if (capitals == n || (capitals && i == 0))
			out[i] = (char)(out[i] - 32);
	return k;
}

/* ------------------------------------------------------- the caption */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/* Sound of the first letter, by spelling. */
static bool begins_with_vowel(const char *s, size_t n)
{
	static const char *const consonant[] = { "uni", "use", "usu", "eu",
						 "one", "ute", "ura" };
	static const char *const silent[] = { "hour", "honest", "honor",
					      "honour", "heir" };
	char low[8] = "";

	for (size_t i = 0; i < n && i < sizeof(low) - 1; i++)
		low[i] = (char)(s[i] | 32);
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
		if (!strncmp(low, silent[i], strlen(silent[i])))
			return true;
	for (size_t i = 0; i < sizeof(consonant) / sizeof(*consonant); i++)
		if (!strncmp(low, consonant[i], strlen(consonant[i])))
			return false;
	return vowel(low[0]);
}

/* "a" or "an" that was just written, made right for the word that follows. */
static void fix_article(struct mm_buf *out, size_t start, bool vowel_next)
{
	size_t at = out->len;
	const char *s = out->data;
	bool an, upper;

	if (at < start + 2 || s[at - 1] != ' ')
		return;
	an = (s[at - 2] | 32) == 'n' && at >= start + 3 &&
	     (s[at - 3] | 32) == 'a';
	at -= an ? 3 : 2;
	if ((s[at] | 32) != 'a' || (at > start && is_letter(s[at - 1])) ||
	    an == vowel_next)
		return;
	upper = an && s[at + 1] == 'N';
	out->len = at + 1;
	if (vowel_next)
		mm_buf_addc(out, upper ? 'N' : 'n');
	mm_buf_addc(out, ' ');
}

int mm_caption_synonyms(const struct mm_wordnet *wn, const char *text,
			size_t len, double p, struct mm_rng *rng,
			struct mm_buf *out, size_t *n, struct mm_err *err)
{
	const size_t start = out->len;
	size_t count = 0;
	bool first = true;

	for (size_t i = 0; i < len;) {
		char word[MM_CAPTION_WORD];
		size_t from = i, k = 0;

		if (!is_letter(text[i])) {
			first |= text[i] == '.' || text[i] == '!' ||
				 text[i] == '?';
			mm_buf_addc(out, text[i++]);
			continue;
		}
		while (i < len && (is_letter(text[i]) ||
				   ((text[i] == '-' || text[i] == '\'') &&
				    i + 1 < len && is_letter(text[i + 1]))))
			i++;
		/* one draw a word, whether or not it has a synonym */
		if (mm_rng_uniform(rng) < p)
			k = mm_caption_synonym(wn, text + from, i - from, first,
					       rng, word);
		if (k) {
			fix_article(out, start, begins_with_vowel(word, k));
			mm_buf_add(out, word, k);
			count++;
		} else {
			mm_buf_add(out, text + from, i - from);
		}
		first = false;
	}
	if (n)
		*n = count;
	return mm_buf_check(out, "a caption", err);
}
