/* regex_set.c - classes of code points; see regex_impl.h. */
#include <string.h>

#include "text/regex_impl.h"
#include "text/unicode.h"

bool mm_re_word(uint32_t cp)
{
	/* Oniguruma's own table has superscripts and fractions below 256 */
	return mm_u_word(cp) || cp == 0xb2 || cp == 0xb3 || cp == 0xb9 ||
	       (cp >= 0xbc && cp <= 0xbe);
}

static bool item_has(const struct mm_re_item *it, uint32_t cp)
{
	bool has = false;

	switch (it->kind) {
	case RE_RANGE: has = cp >= it->first && cp <= it->last; break;
	case RE_CATEGORY: has = it->first >> mm_u_category(cp) & 1; break;
	case RE_SPACE: has = mm_u_space(cp); break;
	case RE_WORD: has = mm_u_word(cp); break;
	case RE_WORD_LATIN: has = mm_re_word(cp); break;
	case RE_SCRIPT:
		for (const uint32_t *p = it->pairs; p[0] && !has; p += 2)
			has = cp >= p[0] && cp <= p[1];
		break;
	case RE_CLASS: has = mm_re_set_has_slow(it->set, cp); break;
	}
	return has != it->negate;
}

static bool set_has_exact(const struct mm_re_set *set, uint32_t cp)
{
	bool has = false;

	for (const struct mm_re_item *it = set->items; it && !has;
	     it = it->next)
		has = item_has(it, cp);
	if (has && set->both)
		has = mm_re_set_has_slow(set->both, cp);
	return has;
}

bool mm_re_set_has_slow(const struct mm_re_set *set, uint32_t cp)
{
	bool has = set_has_exact(set, cp);

	if (set->fold && !has) {
		const uint32_t f = mm_u_fold(cp);

		has = set_has_exact(set, f) ||
		      set_has_exact(set, mm_u_lower(cp)) ||
		      set_has_exact(set, mm_u_upper(cp)) ||
		      (f == 's' && set_has_exact(set, 0x17f)) ||
		      (f == 'k' && set_has_exact(set, 0x212a));
	}
	return has != set->negate;
}

void mm_re_set_finish(struct mm_re_set *set)
{
	memset(set->ascii, 0, sizeof(set->ascii));
	for (uint32_t c = 0; c < 128; c++)
		if (mm_re_set_has_slow(set, c))
			set->ascii[c / 32] |= 1u << c % 32;
}

#define BIT(c) (1u << MM_##c)
#define L_ALL  (BIT(LU) | BIT(LL) | BIT(LT) | BIT(LM) | BIT(LO))
#define M_ALL  (BIT(MN) | BIT(MC) | BIT(ME))
#define N_ALL  (BIT(ND) | BIT(NL) | BIT(NO))
#define P_ALL \
	(BIT(PC) | BIT(PD) | BIT(PS) | BIT(PE) | BIT(PI) | BIT(PF) | BIT(PO))
#define S_ALL (BIT(SM) | BIT(SC) | BIT(SK) | BIT(SO))
#define Z_ALL (BIT(ZS) | BIT(ZL) | BIT(ZP))
#define C_ALL (BIT(CC) | BIT(CF) | BIT(CS) | BIT(CO) | BIT(CN))

static const struct {
	const char *name; /* lower case, without blanks, '-' and '_' */
	uint32_t bits;
} categories[] = {
	{ "l", L_ALL },
	{ "letter", L_ALL },
	{ "lu", BIT(LU) },
	{ "uppercaseletter", BIT(LU) },
	{ "ll", BIT(LL) },
	{ "lowercaseletter", BIT(LL) },
	{ "lt", BIT(LT) },
	{ "titlecaseletter", BIT(LT) },
	{ "lc", BIT(LU) | BIT(LL) | BIT(LT) },
	{ "casedletter", BIT(LU) | BIT(LL) | BIT(LT) },
	{ "lm", BIT(LM) },
	{ "modifierletter", BIT(LM) },
	{ "lo", BIT(LO) },
	{ "otherletter", BIT(LO) },
	{ "m", M_ALL },
	{ "mark", M_ALL },
	{ "combiningmark", M_ALL },
	{ "mn", BIT(MN) },
	{ "nonspacingmark", BIT(MN) },
	{ "mc", BIT(MC) },
	{ "spacingmark", BIT(MC) },
	{ "me", BIT(ME) },
	{ "enclosingmark", BIT(ME) },
	{ "n", N_ALL },
	{ "number", N_ALL },
	{ "nd", BIT(ND) },
	{ "decimalnumber", BIT(ND) },
	{ "digit", BIT(ND) },
	{ "nl", BIT(NL) },
	{ "letternumber", BIT(NL) },
	{ "no", BIT(NO) },
	{ "othernumber", BIT(NO) },
	{ "p", P_ALL },
	{ "punctuation", P_ALL },
	{ "punct", P_ALL },
	{ "pc", BIT(PC) },
	{ "connectorpunctuation", BIT(PC) },
	{ "pd", BIT(PD) },
	{ "dashpunctuation", BIT(PD) },
	{ "ps", BIT(PS) },
	{ "openpunctuation", BIT(PS) },
	{ "pe", BIT(PE) },
	{ "closepunctuation", BIT(PE) },
	{ "pi", BIT(PI) },
	{ "initialpunctuation", BIT(PI) },
	{ "pf", BIT(PF) },
	{ "finalpunctuation", BIT(PF) },
	{ "po", BIT(PO) },
	{ "otherpunctuation", BIT(PO) },
	{ "s", S_ALL },
	{ "symbol", S_ALL },
	{ "sm", BIT(SM) },
	{ "mathsymbol", BIT(SM) },
	{ "sc", BIT(SC) },
	{ "currencysymbol", BIT(SC) },
	{ "sk", BIT(SK) },
	{ "modifiersymbol", BIT(SK) },
	{ "so", BIT(SO) },
	{ "othersymbol", BIT(SO) },
	{ "z", Z_ALL },
	{ "separator", Z_ALL },
	{ "zs", BIT(ZS) },
	{ "spaceseparator", BIT(ZS) },
	{ "zl", BIT(ZL) },
	{ "lineseparator", BIT(ZL) },
	{ "zp", BIT(ZP) },
	{ "paragraphseparator", BIT(ZP) },
	{ "c", C_ALL },
	{ "other", C_ALL },
	{ "cc", BIT(CC) },
	{ "control", BIT(CC) },
	{ "cntrl", BIT(CC) },
	{ "cf", BIT(CF) },
	{ "format", BIT(CF) },
	{ "cs", BIT(CS) },
	{ "surrogate", BIT(CS) },
	{ "co", BIT(CO) },
	{ "privateuse", BIT(CO) },
	{ "cn", BIT(CN) },
	{ "unassigned", BIT(CN) },
	{ "any", UINT32_MAX },
	{ "assigned", ~BIT(CN) },
};

/* Scripts by which tokenizers split; pairs of first and last, then 0. */
static const uint32_t han[] = {
	0x2e80,	 0x2e99,  0x2e9b,  0x2ef3,  0x2f00,  0x2fd5,  0x3005,  0x3005,
	0x3007,	 0x3007,  0x3021,  0x3029,  0x3038,  0x303b,  0x3400,  0x4dbf,
	0x4e00,	 0x9fff,  0xf900,  0xfa6d,  0xfa70,  0xfad9,  0x16fe2, 0x16fe3,
	0x16ff0, 0x16ff1, 0x20000, 0x2a6df, 0x2a700, 0x2b739, 0x2b740, 0x2b81d,
	0x2b820, 0x2cea1, 0x2ceb0, 0x2ebe0, 0x2ebf0, 0x2ee5d, 0x2f800, 0x2fa1d,
	0x30000, 0x3134a, 0x31350, 0x323af, 0,	     0,
};
static const uint32_t hiragana[] = {
	0x3041,	 0x3096,  0x309d,  0x309f,  0x1b001, 0x1b11f, 0x1b132,
	0x1b132, 0x1b150, 0x1b152, 0x1f200, 0x1f200, 0,	      0,
};
static const uint32_t katakana[] = {
	0x30a1,	 0x30fa,  0x30fd,  0x30ff,  0x31f0,  0x31ff,  0x32d0,  0x32fe,
	0x3300,	 0x3357,  0xff66,  0xff6f,  0xff71,  0xff9d,  0x1aff0, 0x1aff3,
	0x1aff5, 0x1affb, 0x1affd, 0x1affe, 0x1b000, 0x1b000, 0x1b120, 0x1b122,
	0x1b155, 0x1b155, 0x1b164, 0x1b167, 0,	     0,
};
static const uint32_t hangul[] = {
	0x1100, 0x11ff, 0x302e, 0x302f, 0x3131, 0x318e, 0x3200, 0x321e,
	0x3260, 0x327e, 0xa960, 0xa97c, 0xac00, 0xd7a3, 0xd7b0, 0xd7c6,
	0xd7cb, 0xd7fb, 0xffa0, 0xffbe, 0xffc2, 0xffc7, 0xffca, 0xffcf,
	0xffd2, 0xffd7, 0xffda, 0xffdc, 0,	0,
};

static const struct {
	const char *name;
	const uint32_t *pairs;
} scripts[] = {
	{ "han", han },
	{ "hiragana", hiragana },
	{ "katakana", katakana },
	{ "hangul", hangul },
};

bool mm_re_property(struct mm_re_item *item, const char *name, size_t len)
{
	char plain[32];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (c == '^' && i == 0) {
			item->negate = !item->negate;
			continue;
		}
		if (c == ' ' || c == '-' || c == '_')
			continue;
		if (n + 1 == sizeof(plain))
			return false;
		plain[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	plain[n] = '\0';
	if (!strcmp(plain, "space") || !strcmp(plain, "whitespace")) {
		item->kind = RE_SPACE;
		return true;
	}
	if (!strcmp(plain, "word")) {
		item->kind = RE_WORD;
		return true;
	}
	item->kind = RE_CATEGORY;
	for (size_t i = 0; i < sizeof(categories) / sizeof(*categories); i++) {
		if (strcmp(plain, categories[i].name))
			continue;
		item->first = categories[i].bits;
		return true;
	}
	item->kind = RE_SCRIPT;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		if (strcmp(plain, scripts[i].name))
			continue;
		item->pairs = scripts[i].pairs;
		return true;
	}
	return false;
}
