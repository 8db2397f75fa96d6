/* porter.c - Porter's stemmer with NLTK's amendments (porter.h). */
#include <stdbool.h>
#include <string.h>

#include "metric/porter.h"

/* What must hold of what is left of the suffix. */
enum condition {
	ANY,
	MEASURE_1,    /* measure > 0 */
	MEASURE_2,    /* measure > 1 */
	MEASURE_2_ST, /* and it ends with s or t */
	MEASURE_1_L,  /* measure > 0, one letter of the suffix counted in */
};

struct rule {
	const char *suffix, *with;
	enum condition condition;
};

static bool vowel_letter(char c)
{
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* y is a consonant at the beginning and behind a vowel. */
static bool consonant(const char *w, size_t i)
{
	bool flip = false;

	if (vowel_letter(w[i]))
		return false;
	while (i > 0 && w[i] == 'y') {
		flip = !flip;
		i--;
	}
	return !vowel_letter(w[i]) != flip;
}

/* How often a vowel is followed by a consonant; *vowel: is there one? */
static size_t measure(const char *w, size_t n, bool *vowel)
{
	bool last = true;
	size_t m = 0;

	*vowel = false;
	for (size_t i = 0; i < n; i++) {
		bool is = w[i] == 'y' ? i == 0 || !last : !vowel_letter(w[i]);

		m += is && !last;
		*vowel |= !is;
		last = is;
	}
	return m;
}

static size_t measure_of(const char *w, size_t n)
{
	bool vowel;

	return measure(w, n, &vowel);
}

static bool ends_cvc(const char *w, size_t n)
{
	if (n == 2)
		return !consonant(w, 0) && consonant(w, 1);
	return n >= 3 && consonant(w, n - 3) && !consonant(w, n - 2) &&
	       consonant(w, n - 1) && !strchr("wxy", w[n - 1]);
}

static bool ends(const char *w, size_t n, const char *suffix)
{
	size_t len = strlen(suffix);

	return n >= len && !memcmp(w + n - len, suffix, len);
}

static bool holds(enum condition condition, const char *w, size_t n)
{
	switch (condition) {
	case MEASURE_1: return measure_of(w, n) > 0;
	case MEASURE_1_L: return measure_of(w, n + 1) > 0;
	case MEASURE_2: return measure_of(w, n) > 1;
	case MEASURE_2_ST:
		return measure_of(w, n) > 1 &&
		       (w[n - 1] == 's' || w[n - 1] == 't');
	default: return true;
	}
}

/* The first rule whose suffix fits decides, whether it applies or not. */
static void apply(char *w, size_t *n, const struct rule *rule)
{
	for (; rule->suffix; rule++) {
		size_t left = *n - strlen(rule->suffix), len;

		if (!ends(w, *n, rule->suffix))
			continue;
		if (holds(rule->condition, w, left)) {
			len = strlen(rule->with);
			memcpy(w + left, rule->with, len);
			*n = left + len;
		}
		return;
	}
}

static bool irregular(char *w, size_t *n)
{
	static const char *const pair[][2] = {
		{ "sky", "sky" },	   { "skies", "sky" },
		{ "dying", "die" },	   { "lying", "lie" },
		{ "tying", "tie" },	   { "news", "news" },
		{ "innings", "inning" },   { "inning", "inning" },
		{ "outings", "outing" },   { "outing", "outing" },
		{ "cannings", "canning" }, { "canning", "canning" },
		{ "howe", "howe" },	   { "proceed", "proceed" },
		{ "exceed", "exceed" },	   { "succeed", "succeed" },
	};

	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		if (strlen(pair[i][0]) != *n || memcmp(pair[i][0], w, *n))
			continue;
		*n = strlen(pair[i][1]);
		memcpy(w, pair[i][1], *n);
		return true;
	}
	return false;
}

/* Plurals. */
static void step_1a(char *w, size_t *n)
{
	static const struct rule rules[] = {
		{ "sses", "ss", ANY }, { "ies", "i", ANY }, { "ss", "ss", ANY },
		{ "s", "", ANY },      { NULL, NULL, ANY },
	};

	if (*n == 4 && ends(w, *n, "ies"))
		*n = 3; /* dies: die */
	else
		apply(w, n, rules);
}

/* What an "ed" or "ing" leaves is made a word again. */
static void repair(char *w, size_t *n)
{
	char last = w[*n - 1];

	if (ends(w, *n, "at") || ends(w, *n, "bl") || ends(w, *n, "iz")) {
		w[(*n)++] = 'e';
	} else if (*n >= 2 && last == w[*n - 2] && consonant(w, *n - 1)) {
		if (!strchr("lsz", last))
			--*n;
	} else if (measure_of(w, *n) == 1 && ends_cvc(w, *n)) {
		w[(*n)++] = 'e';
	}
}

static void step_1b(char *w, size_t *n)
{
	bool vowel = false;
	size_t left = 0;

	if (ends(w, *n, "ied")) {
		*n -= *n == 4 ? 1 : 2;
		return;
	}
	if (ends(w, *n, "eed")) {
		if (measure_of(w, *n - 3) > 0)
			--*n;
		return;
	}
	if (ends(w, *n, "ed"))
		measure(w, left = *n - 2, &vowel);
	else if (ends(w, *n, "ing"))
		measure(w, left = *n - 3, &vowel);
	if (!vowel)
		return;
	*n = left;
	repair(w, n);
}

static void step_2(char *w, size_t *n)
{
	static const struct rule rules[] = {
		{ "ational", "ate", MEASURE_1 },
		{ "tional", "tion", MEASURE_1 },
		{ "enci", "ence", MEASURE_1 },
		{ "anci", "ance", MEASURE_1 },
		{ "izer", "ize", MEASURE_1 },
		{ "bli", "ble", MEASURE_1 },
		{ "alli", "al", MEASURE_1 },
		{ "entli", "ent", MEASURE_1 },
		{ "eli", "e", MEASURE_1 },
		{ "ousli", "ous", MEASURE_1 },
		{ "ization", "ize", MEASURE_1 },
		{ "ation", "ate", MEASURE_1 },
		{ "ator", "ate", MEASURE_1 },
		{ "alism", "al", MEASURE_1 },
		{ "iveness", "ive", MEASURE_1 },
		{ "fulness", "ful", MEASURE_1 },
		{ "ousness", "ous", MEASURE_1 },
		{ "aliti", "al", MEASURE_1 },
		{ "iviti", "ive", MEASURE_1 },
		{ "biliti", "ble", MEASURE_1 },
		{ "fulli", "ful", MEASURE_1 },
		{ "logi", "log", MEASURE_1_L },
		{ NULL, NULL, ANY },
	};

	/* "alli" comes first, and then all of this step once more. */
	while (ends(w, *n, "alli") && measure_of(w, *n - 4) > 0)
		*n -= 2;
	apply(w, n, rules);
}

static void step_3(char *w, size_t *n)
{
	static const struct rule rules[] = {
		{ "icate", "ic", MEASURE_1 }, { "ative", "", MEASURE_1 },
		{ "alize", "al", MEASURE_1 }, { "iciti", "ic", MEASURE_1 },
		{ "ical", "ic", MEASURE_1 },  { "ful", "", MEASURE_1 },
		{ "ness", "", MEASURE_1 },    { NULL, NULL, ANY },
	};

	apply(w, n, rules);
}

static void step_4(char *w, size_t *n)
{
	static const struct rule rules[] = {
		{ "al", "", MEASURE_2 },    { "ance", "", MEASURE_2 },
		{ "ence", "", MEASURE_2 },  { "er", "", MEASURE_2 },
		{ "ic", "", MEASURE_2 },    { "able", "", MEASURE_2 },
		{ "ible", "", MEASURE_2 },  { "ant", "", MEASURE_2 },
		{ "ement", "", MEASURE_2 }, { "ment", "", MEASURE_2 },
		{ "ent", "", MEASURE_2 },   { "ion", "", MEASURE_2_ST },
		{ "ou", "", MEASURE_2 },    { "ism", "", MEASURE_2 },
		{ "ate", "", MEASURE_2 },   { "iti", "", MEASURE_2 },
		{ "ous", "", MEASURE_2 },   { "ive", "", MEASURE_2 },
		{ "ize", "", MEASURE_2 },   { NULL, NULL, ANY },
	};

	apply(w, n, rules);
}

static void step_5(char *w, size_t *n)
{
	if (ends(w, *n, "e")) {
		size_t m = measure_of(w, *n - 1);

		if (m > 1 || (m == 1 && !ends_cvc(w, *n - 1)))
			--*n;
	}
	if (ends(w, *n, "ll") && measure_of(w, *n - 1) > 1)
		--*n;
}

void mm_porter_stem(char *w, size_t *n)
{
	if (irregular(w, n) || *n <= 2)
		return;
	step_1a(w, n);
	step_1b(w, n);
	if (*n > 2 && w[*n - 1] == 'y' && consonant(w, *n - 2))
		w[*n - 1] = 'i';
	step_2(w, n);
	step_3(w, n);
	step_4(w, n);
	step_5(w, n);
}
