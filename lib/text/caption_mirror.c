/*
 * caption_mirror.c - left and right in the caption of a mirrored picture.
 *
 * A caption is cut into words (letters, with hyphens and apostrophes between
 * them).  Words that are nothing but a side ("leftmost", "clockwise") always
 * turn; "left" and "right" by themselves turn where the words around them show
 * that they are a side, stay where these show that they are none ("right
 * now"), and make the caption ambiguous otherwise ("left the room").  So does
 * anything that tells of writing in the picture.
 */
#include <string.h>

#include "base/mem.h"
#include "text/caption.h"

enum { MAX_WORD = 32 };

struct word {
	size_t from, to;
	char low[MAX_WORD]; /* lower case; "" where it is longer */
	char before, after; /* the characters beside it, blanks skipped */
	bool title, upper;
};

struct words {
	struct word *v;
	size_t n;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

static bool in(const char *const *list, const char *word)
{
	for (; *word && *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

static char beside(const char *s, size_t n, size_t at, int step)
{
	for (; at < n && s[at] == ' '; at += (size_t)step)
		;
	return at < n ? s[at] : '\0';
}

static size_t word_end(const char *s, size_t n, size_t at)
{
	while (at < n &&
	       (is_letter(s[at]) || ((s[at] == '-' || s[at] == '\'') &&
				     at + 1 < n && is_letter(s[at + 1]))))
		at++;
	return at;
}

static int cut_words(const char *s, size_t n, struct words *out,
		     struct mm_err *err)
{
	out->n = 0;
	out->v = mm_calloc(n / 2 + 1, sizeof(*out->v));
	if (!out->v)
		return mm_fail_nomem(err, "a caption");
	for (size_t i = 0; i < n;) {
		struct word *w = &out->v[out->n];
		size_t len, capitals = 0;

		if (!is_letter(s[i])) {
			i++;
			continue;
		}
		w->from = i;
		w->to = i = word_end(s, n, i);
		len = w->to - w->from;
		for (size_t k = 0; k < len; k++) {
			const char c = s[w->from + k];
			const bool capital = c >= 'A' && c <= 'Z';

			capitals += capital;
			if (len < MAX_WORD)
				w->low[k] = (char)(capital ? c + 32 : c);
		}
		w->title = s[w->from] >= 'A' && s[w->from] <= 'Z';
		w->upper = capitals > 1;
		w->before = w->from ? beside(s, n, w->from - 1, -1) : '\0';
		w->after = beside(s, n, w->to, 1);
		out->n++;
	}
	return MM_OK;
}

/* ---------------------------------------------- writing in the picture */

static bool quoted(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c == '"' || (c >= '0' && c <= '9'))
			return true;
		/* U+201C..201F, U+00AB, U+00BB, U+300C..300F */
		if (c == 0xe2 && n - i >= 3 &&
		    (unsigned char)s[i + 1] == 0x80 &&
		    (unsigned char)s[i + 2] >= 0x9c &&
		    (unsigned char)s[i + 2] <= 0x9f)
			return true;
		if (c == 0xc2 && n - i >= 2 &&
		    ((unsigned char)s[i + 1] == 0xab ||
		     (unsigned char)s[i + 1] == 0xbb))
			return true;
		if (c == 0xe3 && n - i >= 3 &&
		    (unsigned char)s[i + 1] == 0x80 &&
		    (unsigned char)s[i + 2] >= 0x8c &&
		    (unsigned char)s[i + 2] <= 0x8f)
			return true;
		/* 'a word': an opening quote, not an apostrophe */
		if (c == '\'' &&
		    (i == 0 || s[i - 1] == ' ' || s[i - 1] == '(') &&
		    i + 1 < n && is_letter(s[i + 1]) &&
		    memchr(s + i + 1, '\'', n - i - 1))
			return true;
		if (c == 0xe2 && n - i >= 3 &&
		    (unsigned char)s[i + 1] == 0x80 &&
		    (unsigned char)s[i + 2] == 0x98)
			return true;
	}
	return false;
}

static bool tells_writing(const char *s, size_t n, const struct words *w)
{
	static const char *const words[] = {
		"says",	    "saying",	   "reads",	  "letter",
		"letters",  "lettering",   "lettered",	  "text",
		"texts",    "word",	   "words",	  "wording",
		"writing",  "written",	   "inscribed",	  "inscription",
		"spells",   "spelling",	   "spelled",	  "labeled",
		"labelled", "captioned",   "numeral",	  "numerals",
		"monogram", "handwritten", "handwriting", "typed",
		"printed",  "titled",	   "entitled",	  "logo",
		"signage",  "alphabet",	   "slogan",	  "calligraphy",
		NULL,
	};

	for (size_t i = 0; i < w->n; i++)
		if (in(words, w->v[i].low))
			return true;
	return quoted(s, n);
}

/* ------------------------------------------------------- which words turn */

static const char *const always[][2] = {
	{ "leftmost", "rightmost" },
	{ "left-most", "right-most" },
	{ "lefthand", "righthand" },
	{ "leftward", "rightward" },
	{ "leftwards", "rightwards" },
	{ "leftside", "rightside" },
	{ "lefthanded", "righthanded" },
	{ "leftie", "rightie" },
	{ "clockwise", "counterclockwise" },
	{ "clockwise", "counter-clockwise" },
	{ "clockwise", "anticlockwise" },
	{ "clockwise", "anti-clockwise" },
};

static const char *other_word(const char *low)
{
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++) {
		if (!strcmp(low, always[i][0]))
			return always[i][1];
		if (!strcmp(low, always[i][1]))
			return always[i][0];
	}
	return NULL;
}

static bool is_side(const char *low)
{
	return !strcmp(low, "left") || !strcmp(low, "right");
}

static const char *word_at(const struct words *w, size_t i, long step)
{
	const long k = (long)i + step;

	return k < 0 || k >= (long)w->n ? "" : w->v[k].low;
}

/* Is there nothing but blanks between word i and the one `step` away? */
static bool joined(const struct words *w, size_t i, long step)
{
	const long k = (long)i + step;

	if (k < 0 || k >= (long)w->n)
		return false;
	return step < 0 ? is_letter(w->v[i].before) : is_letter(w->v[i].after);
}

static bool determiner(const char *word)
{
	static const char *const words[] = {
		"the", "his", "her",  "its",  "their", "your", "my",	  "our",
		"a",   "an",  "this", "that", "whose", "each", "another", NULL,
	};
	const size_t n = strlen(word);

	return in(words, word) ||
	       (n > 2 && !strcmp(word + n - 2, "'s")); /* the man's left */
}

/* "right" that is no side by what comes next: right now, right at ... */
static bool right_is_adverb(const struct words *w, size_t i)
{
	static const char *const next[] = {
		"now",	      "away",	 "here",    "there",	 "before",
		"after",      "behind",	 "next",    "in",	 "into",
		"beside",     "by",	 "above",   "below",	 "under",
		"underneath", "beneath", "on",	    "onto",	 "at",
		"when",	      "where",	 "through", "across",	 "off",
		"outside",    "inside",	 "around",  "against",	 "along",
		"over",	      "up",	 "down",    "near",	 "past",
		"out",	      "back",	 "until",   "amongst",	 "between",
		"angle",      "angles",	 "angled",  "alongside", "about",
		NULL,
	};
	static const char *const nouns[] = { "angle", "angles", "angled",
					     NULL };
	static const char *const idiom_before[] = { "all",    "alright",
						    "just's", "that's",
						    "it's",   NULL };
	static const char *const place[] = { "at", "to", "from", "far", NULL };
	const char *p = word_at(w, i, -1);

	if (strcmp(w->v[i].low, "right") != 0)
		return false;
	if (joined(w, i, -1) && in(idiom_before, p))
		return true;
	if (!joined(w, i, 1) || !in(next, word_at(w, i, 1)))
		return false;
	/* "on the right in the back", "at right in blue": a side after all */
	return !joined(w, i, -1) || in(nouns, word_at(w, i, 1)) ||
	       !(determiner(p) || in(place, p));
}

/* Nouns that have a left and a right one. */
static bool sided_noun(const char *word)
{
	static const char *const words[] = {
		"side",	    "sides",   "hand",	     "hands",	   "arm",
		"arms",	    "leg",     "legs",	     "foot",	   "feet",
		"eye",	    "eyes",    "ear",	     "ears",	   "corner",
		"corners",  "edge",    "edges",	     "half",	   "part",
		"lane",	    "lanes",   "paw",	     "paws",	   "shoulder",
		"wrist",    "ankle",   "knee",	     "knees",	   "cheek",
		"thumb",    "finger",  "fingers",    "elbow",	   "hip",
		"thigh",    "field",   "end",	     "bank",	   "border",
		"panel",    "column",  "wall",	     "turn",	   "door",
		"window",   "wheel",   "tire",	     "shoe",	   "glove",
		"sleeve",   "page",    "tower",	     "image",	   "picture",
		"photo",    "frame",   "portion",    "section",	   "area",
		"third",    "quarter", "row",	     "one",	   "ones",
		"hoof",	    "horn",    "breast",     "chest",	   "forearm",
		"front",    "rear",    "top",	     "bottom",	   "center",
		"centre",   "middle",  "background", "foreground", "hemisphere",
		"fist",	    "palm",    "heel",	     "toe",	   "headlight",
		"mirror",   "handle",  "burner",     "pocket",	   "seat",
		"margin",   "flank",   "profile",    "boot",	   "sock",
		"skate",    "ski",     "engine",     "propeller",  "rail",
		"track",    "tracks",  "curb",	     "sidewalk",   "shore",
		"goalpost", "pole",    "screen",     "monitor",	   "speaker",
		"bed",	    "chair",   "couch",	     "cabinet",	   "drawer",
		"shelf",    "sink",    "curtain",    "pillar",	   "column",
		"man",	    "woman",   "boy",	     "girl",	   "person",
		"child",    "player",  "dog",	     "cat",	   "horse",
		"zebra",    "giraffe", "elephant",   "bear",	   "cow",
		"sheep",    "bird",    "bus",	     "car",	   "truck",
		"train",    "plane",   "boat",	     "bike",	   "motorcycle",
		"bicycle",  "vase",    "plate",	     "bowl",	   "glass",
		"cup",	    "bottle",  "building",   "tree",	   "light",
		"lamp",	    NULL,
	};

	return in(words, word);
}

/* Words after which a bare left or right is a direction. */
static bool points(const char *word)
{
	static const char *const words[] = {
		"turn",	   "turns",    "turned",     "turning",	  "face",
		"faces",   "faced",    "facing",     "point",	  "points",
		"pointed", "pointing", "look",	     "looks",	  "looked",
		"looking", "head",     "heads",	     "heading",	  "headed",
		"move",	   "moves",    "moving",     "lean",	  "leans",
		"leaning", "leaned",   "swerve",     "swerves",	  "swerving",
		"veer",	   "veers",    "veering",    "bank",	  "banks",
		"banking", "tilt",     "tilts",	     "tilted",	  "tilting",
		"go",	   "goes",     "going",	     "bend",	  "bends",
		"bending", "curve",    "curves",     "curving",	  "swing",
		"swings",  "swinging", "slide",	     "slides",	  "sliding",
		"top",	   "bottom",   "upper",	     "lower",	  "far",
		"front",   "back",     "rear",	     "middle",	  "center",
		"centre",  "stage",    "extreme",    "near",	  "second",
		"third",   "first",    "fourth",     "frame",	  "camera",
		"hand",	   "fork",     "forking",    "walk",	  "walking",
		"runs",	   "running",  "travelling", "traveling", "flying",
		NULL,
	};

	return in(words, word);
}

/* "from left to right", "left and right", "left or right". */
static bool paired(const struct words *w, size_t i)
{
	static const char *const between[] = { "and", "or", "to", NULL };

	for (long step = -1; step <= 1; step += 2) {
		const char *far = word_at(w, i, 2 * step);

		if (joined(w, i, step) && in(between, word_at(w, i, step)) &&
		    is_side(far) && strcmp(far, w->v[i].low) != 0)
			return true;
	}
	return false;
}

static bool opens(char c)
{
	return c == '(' || c == '[' || c == ',' || c == ';' || c == ':' ||
	       c == '/' || c == '\0';
}

static bool closes(char c)
{
	return c == ')' || c == ']' || c == ',' || c == ';' || c == ':' ||
	       c == '/' || c == '.' || c == '!' || c == '\0';
}

/* "Smith, left, and Jones", "(right)", "Left: a cat". */
static bool set_apart(const struct words *w, size_t i)
{
	const char a = w->v[i].before, b = w->v[i].after;

	if (a == '\0' || a == '.')
		return b == ':' || b == ')' || b == '/' || b == ']';
	return opens(a) && closes(b);
}

/* "to the left of", "on his right": a side that stands for itself. */
static bool stands_alone(const struct words *w, size_t i)
{
	static const char *const prepositions[] = {
		"on",	   "to", "at",	 "from", "in",	 "toward",
		"towards", "of", "with", "and",	 "down", NULL,
	};
	static const char *const next[] = {
		"of",	   "is",      "are",	"and",	    "with",
		"while",   "has",     "have",	"holds",    "wears",
		"was",	   "were",    "in",	"on",	    "at",
		"by",	   "from",    "or",	"holding",  "next",
		"near",	   "as",      "to",	"hand",	    "side",
		"wearing", "sits",    "stands", "standing", "sitting",
		"looking", "which",   "behind", "above",    "beside",
		"below",   "under",   "for",	"lies",	    "shows",
		"seems",   "walking", "looks",	"watching", "talking",
		"smiling", NULL,
	};
	static const char *const bare[] = { "at", "to", "from", "on", NULL };
	const char *p = word_at(w, i, -1), *pp = word_at(w, i, -2);

	if (!joined(w, i, -1))
		return false;
	if (in(bare, p) && joined(w, i, 1) && in(next, word_at(w, i, 1)))
		return true;
	if (in(prepositions, p) && strcmp(p, "and") && strcmp(p, "in"))
		return !joined(w, i, 1) || !strcmp(word_at(w, i, 1), "of");
	if (!determiner(p))
		return false;
	if (!joined(w, i, 1) || in(next, word_at(w, i, 1)))
		return strcmp(w->v[i].low, "right") != 0 ||
		       (joined(w, i, 1) && !strcmp(word_at(w, i, 1), "of")) ||
		       in(prepositions, pp) || in(next, word_at(w, i, 1));
	return false;
}

/* "right of the man", but not "what is left of the cake". */
static bool side_of(const struct words *w, size_t i)
{
	static const char *const rest[] = {
		"what",	  "what's", "is",   "are",  "was",  "were", "all",
		"that's", "little", "much", "has",  "have", "been", "nothing",
		"enough", "lot",    "some", "only", NULL,
	};

	if (!joined(w, i, 1) || strcmp(word_at(w, i, 1), "of") ||
	    !strcmp(word_at(w, i, 2), "way"))
		return false;
	return strcmp(w->v[i].low, "left") != 0 || !joined(w, i, -1) ||
	       !in(rest, word_at(w, i, -1));
}

enum verdict { STAYS, TURNS, UNSURE };

static enum verdict judge(const struct words *w, size_t i)
{
	const char *next = word_at(w, i, 1), *last = word_at(w, i, -1);
	const bool left = !strcmp(w->v[i].low, "left");

	if (paired(w, i))
		return TURNS;
	if (right_is_adverb(w, i))
		return STAYS;
	if (stands_alone(w, i) || set_apart(w, i) || side_of(w, i))
		return TURNS;
	if (joined(w, i, 1) &&
	    (!strcmp(next, "wing") || !strcmp(next, "wings")))
		return UNSURE; /* of a bird, or of a parliament */
	if (joined(w, i, -1) && determiner(last) && joined(w, i, 1))
		/* before a noun "left" is a side, "right" may be "correct" */
		return left || sided_noun(next) ? TURNS : UNSURE;
	if (joined(w, i, -1) && points(last))
		return joined(w, i, 1) && left && determiner(next) ? UNSURE
								   : TURNS;
	if (joined(w, i, 1) && sided_noun(next) &&
	    (i == 0 || !joined(w, i, -1)))
		return TURNS; /* "Left side of a bus" */
	return UNSURE;
}

/* ------------------------------------------------------------- writing */

static void put_cased(const char *low, bool title, bool upper,
		      struct mm_buf *out)
{
	for (size_t i = 0; low[i]; i++) {
		const bool letter = low[i] >= 'a' && low[i] <= 'z';

		mm_buf_addc(out, (char)(letter && (upper || (title && !i))
						? low[i] - 32
						: low[i]));
	}
}

/* The parts of a hyphenated word, sides exchanged: top-left, right-handed. */
static bool put_compound(const char *s, const struct word *w,
			 struct mm_buf *out)
{
	bool turned = false;
	size_t from = 0;

	for (size_t i = 0; w->low[i] || i > from; i++) {
		const size_t n = i - from;
		const bool end = !w->low[i];
		const bool left = n == 4 && !memcmp(w->low + from, "left", 4);
		const bool right = n == 5 && !memcmp(w->low + from, "right", 5);

		if (!end && w->low[i] != '-')
			continue;
		if (left || right) {
			const char c = s[w->from + from];
			const char d = s[w->from + from + 1];

			put_cased(left ? "right" : "left", c >= 'A' && c <= 'Z',
				  d >= 'A' && d <= 'Z', out);
			turned = true;
		} else {
			mm_buf_add(out, s + w->from + from, n);
		}
		if (end)
			break;
		mm_buf_addc(out, '-');
		from = i + 1;
	}
	return turned;
}

static enum verdict judge_compound(const char *low)
{
	static const char *const none[] = {
		"right-of-way",	 "left-over",	"left-overs",
		"right-side-up", "right-angle", "right-angled",
		"right-angles",	 "all-right",	NULL,
	};
	static const char *const unsure[] = {
		"left-wing",   "right-wing", "left-winger",  "right-winger",
		"right-click", "left-click", "right-minded", "left-behind",
		"right-on",    NULL,
	};
	bool side = false;

	if (!strchr(low, '-') || in(none, low))
		return STAYS;
	if (in(unsure, low))
		return UNSURE;
	for (const char *p = low; p; p = strchr(p, '-')) {
		p += *p == '-';
		side |= (!strncmp(p, "left", 4) && (!p[4] || p[4] == '-')) ||
			(!strncmp(p, "right", 5) && (!p[5] || p[5] == '-'));
	}
	return side ? TURNS : STAYS;
}

static void turn(const char *s, size_t n, const struct words *w,
		 struct mm_buf *out, enum mm_mirror *what)
{
	size_t done = 0;

	*what = MM_MIRROR_SAME;
	for (size_t i = 0; i < w->n; i++) {
		const struct word *x = &w->v[i];
		const char *to = other_word(x->low);
		enum verdict v = to ? TURNS : STAYS;

		if (!to && is_side(x->low)) {
			v = judge(w, i);
			to = x->low[0] == 'l' ? "right" : "left";
		} else if (!to) {
			v = judge_compound(x->low);
		}
		if (v == UNSURE) {
			*what = MM_MIRROR_AMBIGUOUS;
			return;
		}
		if (v == STAYS)
			continue;
		mm_buf_add(out, s + done, x->from - done);
		done = x->to;
		*what = MM_MIRROR_TURNED;
		if (to)
			put_cased(to, x->title, x->upper, out);
		else
			put_compound(s, x, out);
	}
	mm_buf_add(out, s + done, n - done);
}

int mm_caption_mirror(const char *text, size_t len, struct mm_buf *out,
		      enum mm_mirror *what, struct mm_err *err)
{
	const size_t start = out->len;
	struct words w;
	int rc = cut_words(text, len, &w, err);

	if (rc)
		return rc;
	*what = MM_MIRROR_AMBIGUOUS;
	if (!tells_writing(text, len, &w))
		turn(text, len, &w, out, what);
	if (*what == MM_MIRROR_AMBIGUOUS) {
		out->len = start;
		mm_buf_add(out, text, len);
	}
	mm_free(w.v);
	return mm_buf_check(out, "a caption", err);
}
