/*
 * language.c - see figures.h: which language a caption is in.
 *
 * No statistics of a corpus: lists of the words that a caption can hardly do
 * without (articles, prepositions, what pictures show), and letters that few
 * languages have.  A word counts 2, one that several languages share 1, a
 * letter 1.
 */
#include <string.h>

#include "text/figures.h"
#include "text/unicode.h"

/* Words between blanks, letters one after another. */
static const struct latin {
	const char *code, *words, *letters;
} latin[] = {
	{ "en",
	  " the a an of and with on in is are at to for by from his her this "
	  "that man woman people two photo picture image white black red blue "
	  "green yellow brown grey orange pink purple three one some no not has "
	  "standing sitting next near while its it their some dog street "
	  "girl boy small large old new sign view house water you your how "
	  "holding wearing front under over into ",
	  "" },
	{ "de",
	  " der die das den dem des ein eine einen einem einer und mit auf im "
	  "in ist sind von vor zu zum zur bei mann frau zwei foto bild hund "
	  "weiss schwarz rot blau grün sitzt steht neben für über unter nicht "
	  "aus am an ",
	  "äöüß" },
	{ "fr",
	  " le la les un une des du de et avec sur dans est sont au aux en "
	  "par pour homme femme deux photo image chien blanc noir rouge bleu "
	  "qui ce cette son sa ses devant debout assis à l d ",
	  "éèêàçùâîôœë" },
	{ "es",
	  " el la los las un una unos y con en de del al es son por para su "
	  "que hombre mujer dos foto imagen perro blanco negro rojo azul "
	  "sobre junto frente se ",
	  "ñáíóú¿¡é" },
	{ "it",
	  " il lo la gli le un una uno e con su nel nella di del della dei "
	  "è sono per che uomo donna due foto immagine cane bianco nero rosso "
	  "blu accanto sul sulla al alla si da ",
	  "àèìòù" },
	{ "pt",
	  " o a os as um uma uns e com em no na nos nas de do da dos das é "
	  "são por para que homem mulher dois duas foto imagem cão cachorro "
	  "branco preto vermelho azul sobre ao se ",
	  "ãõçáâêóé" },
	{ "nl",
	  " de het een en met op in is zijn van voor naar bij man vrouw twee "
	  "foto beeld hond wit zwart rood blauw staat zit naast aan te dat die "
	  "uit ",
	  "ëï" },
	{ "sv",
	  " en ett och med på i är av för till från vid man kvinna två foto "
	  "bild hund vit svart röd blå står sitter bredvid som det den de ",
	  "åäö" },
	{ "pl",
	  " i w z na do od dla nie jest są się przy mężczyzna kobieta dwa dwie "
	  "zdjęcie obraz pies biały czarny czerwony niebieski obok to ",
	  "ąćęłńśźżó" },
	{ "tr",
	  " bir ve ile bu da de için adam kadın iki fotoğraf resim köpek beyaz "
	  "siyah kırmızı mavi üzerinde yanında olan ",
	  "ğışçöü" },
};

enum { N_LATIN = sizeof(latin) / sizeof(latin[0]) };

/* Blocks of letters that name a language by themselves. */
static const struct script {
	uint32_t first, last;
	const char *code;
} scripts[] = {
	{ 0x3040, 0x30ff, "ja" }, { 0xac00, 0xd7a3, "ko" },
	{ 0x4e00, 0x9fff, "zh" }, { 0x3400, 0x4dbf, "zh" },
	{ 0x0370, 0x03ff, "el" }, { 0x0590, 0x05ff, "he" },
	{ 0x0e00, 0x0e7f, "th" }, { 0x0900, 0x097f, "hi" },
	{ 0x0600, 0x06ff, "ar" }, { 0x0400, 0x04ff, "ru" },
};

enum { N_SCRIPTS = sizeof(scripts) / sizeof(scripts[0]) };

static bool has_letter(const char *letters, uint32_t c)
{
	const size_t n = strlen(letters);
	size_t at = 0;

	while (at < n)
		if (mm_utf8_next(letters, &at) == c)
			return true;
	return false;
}

/* Is the word, blanks around it, in the list? */
static bool has_word(const char *list, const char *word, size_t n)
{
	for (const char *p = list; (p = strchr(p, ' ')) && p[1]; p++)
		if (!strncmp(p + 1, word, n) && p[1 + n] == ' ')
			return true;
	return false;
}

static void count_word(int score[N_LATIN], const char *word, size_t n)
{
	bool has[N_LATIN];
	int languages = 0;

	for (size_t k = 0; k < N_LATIN; k++)
		languages += has[k] = has_word(latin[k].words, word, n);
	for (size_t k = 0; k < N_LATIN; k++)
		score[k] += has[k] ? (languages > 1 ? 1 : 2) : 0;
}

static const char *best_latin(const int score[N_LATIN])
{
	size_t best = 0;
	int second = 0;

	for (size_t k = 1; k < N_LATIN; k++)
		if (score[k] > score[best])
			best = k;
	for (size_t k = 0; k < N_LATIN; k++)
		if (k != best && score[k] > second)
			second = score[k];
	return score[best] > second ? latin[best].code : "";
}

/* Kana makes it Japanese, whatever else there is; і, ї, є Ukrainian. */
static const char *best_script(const size_t count[N_SCRIPTS], size_t other,
			       bool ukrainian)
{
	size_t best = 0, total = other;

	if (count[0])
		return "ja";
	for (size_t k = 0; k < N_SCRIPTS; k++) {
		total += count[k];
		if (count[k] > count[best])
			best = k;
	}
	if (2 * count[best] <= total)
		return NULL;
	return ukrainian && !strcmp(scripts[best].code, "ru")
		       ? "uk"
		       : scripts[best].code;
}

const char *mm_text_language(const char *s, size_t n)
{
	size_t count[N_SCRIPTS] = { 0 }, other = 0, at = 0, len = 0;
	int score[N_LATIN] = { 0 };
	bool ukrainian = false;
	char word[32];
	const char *code;

	while (at < n) {
		const uint32_t c = mm_u_fold(mm_utf8_next(s, &at));
		bool found = false;

		if (!(mm_u_class(c) & MM_U_LETTER)) {
			if (len && len <= sizeof(word) - 4)
				count_word(score, word, len);
			len = 0;
			continue;
		}
		if (len <= sizeof(word) - 4)
			len += mm_utf8_put(word + len, c);
		ukrainian |= c == 0x456 || c == 0x457 || c == 0x454;
		for (size_t k = 0; k < N_SCRIPTS; k++)
			if (c >= scripts[k].first && c <= scripts[k].last) {
				count[k]++;
				found = true;
			}
		other += !found;
		for (size_t k = 0; c > 127 && k < N_LATIN; k++)
			score[k] += has_letter(latin[k].letters, c);
	}
	if (len && len <= sizeof(word) - 4)
		count_word(score, word, len);
	code = best_script(count, other, ukrainian);
	return code ? code : best_latin(score);
}
