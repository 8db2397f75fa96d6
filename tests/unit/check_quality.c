/*
 * Quality of pairs: groups of near duplicates against comparing all with all,
 * figures of texts, language guesses, percentiles.
 */
#include <math.h>
#include <stdlib.h>

#include "align/near.h"
#include "align/quality.h"
#include "align/space.h"
#include "base/rng.h"
#include "unit.h"

enum { N = 1500 };

static uint32_t root(const uint32_t *g, uint32_t i)
{
	while (g[i] != i)
		i = g[i];
	return i;
}

/* Hashes of which many are a few bits away from another. */
static void make_hashes(uint64_t *h, uint32_t seed)
{
	struct mm_rng r;

	mm_rng_init(&r, seed, 0, 0, MM_RNG_SAMPLE);
	for (size_t i = 0; i < N; i++) {
		h[i] = mm_rng_u64(&r);
		if (i && mm_rng_below(&r, 2)) {
			h[i] = h[mm_rng_below(&r, i)];
			for (uint64_t k = mm_rng_below(&r, 8); k > 0; k--)
				h[i] ^= (uint64_t)1 << mm_rng_below(&r, 64);
		}
	}
}

START_TEST(near_groups_are_exact)
{
	static uint64_t h[N];
	static uint32_t group[N], want[N];
	struct mm_err err;

	make_hashes(h, 1);
	ck_assert_int_eq(mm_near_groups(group, h, N, _i, &err), MM_OK);
	for (uint32_t i = 0; i < N; i++) {
		want[i] = i;
		for (uint32_t k = 0; k < i; k++) {
			const uint32_t a = root(want, i), b = root(want, k);

			if (__builtin_popcountll(h[i] ^ h[k]) > _i || a == b)
				continue;
			want[a < b ? b : a] = a < b ? a : b;
		}
	}
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_eq(group[i], root(want, i));
}
END_TEST

static const struct {
	const char *text, *language;
	size_t chars, words;
	double unique, alnum;
} texts[] = {
	{ "", "", 0, 0, 0, 0 },
	{ "A dog, a dog", "en", 12, 4, 0.75, 8.0 / 9 },
	{ "two people standing next to a red bus", "en", 37, 8, 1, 1 },
	{ "ein Hund sitzt auf dem Sofa", "de", 27, 6, 1, 1 },
	{ "un chien blanc dans la neige", "fr", 28, 6, 1, 1 },
	{ "dos perros en la playa", "es", 22, 5, 1, 1 },
	{ "due cani sulla spiaggia", "it", 23, 4, 1, 1 },
	{ "dois cães na praia", "pt", 18, 4, 1, 1 },
	{ "twee honden op het strand", "nl", 25, 5, 1, 1 },
	{ "två hundar på stranden", "sv", 22, 4, 1, 1 },
	{ "dwa psy na plaży", "pl", 16, 4, 1, 1 },
	{ "две собаки на пляже", "ru", 19, 4, 1, 1 },
	{ "два собаки, її ім'я", "uk", 19, 4, 1, 14.0 / 16 },
	{ "二匹の犬", "ja", 4, 1, 1, 1 },
	{ "两只狗在海滩上", "zh", 7, 1, 1, 1 },
	{ "해변의 개 두 마리", "ko", 10, 4, 1, 1 },
	{ "DSC00123.JPG", "", 12, 1, 1, 11.0 / 12 },
};

START_TEST(texts_have_figures)
{
	struct mm_text_figures f;
	struct mm_buf scratch = { 0 };
	struct mm_err err;
	const char *t = texts[_i].text;

	ck_assert_int_eq(mm_text_figures(&f, t, strlen(t), &scratch, &err),
			 MM_OK);
	ck_assert_msg(!strcmp(f.language, texts[_i].language),
		      "'%s' is said to be '%s'", t, f.language);
	ck_assert_uint_eq(f.chars, texts[_i].chars);
	ck_assert_uint_eq(f.words, texts[_i].words);
	ck_assert_double_eq_tol(f.unique, texts[_i].unique, 1e-12);
	ck_assert_double_eq_tol(f.alnum, texts[_i].alnum, 1e-12);
	mm_buf_release(&scratch);
}
END_TEST

START_TEST(repetition_counts_runs_of_ten)
{
	static const char twice[] = "0123456789abc0123456789abc";
	struct mm_text_figures f;
	struct mm_buf scratch = { 0 };
	struct mm_err err;

	ck_assert_int_eq(mm_text_figures(&f, twice, 26, &scratch, &err), MM_OK);
	ck_assert_double_eq_tol(f.repetition, 4.0 / 17, 1e-12);
	ck_assert_int_eq(mm_text_figures(&f, twice, 9, &scratch, &err), MM_OK);
	ck_assert_double_eq_tol(f.repetition, 0, 1e-12);
	mm_buf_release(&scratch);
}
END_TEST

START_TEST(percentiles_share_ties)
{
	static const float words[] = { 5, 1, 5, 9 };
	static const float want[] = { 50, 12.5f, 50, 87.5f };
	struct mm_quality_row row[5];
	struct mm_err err;

	memset(row, 0, sizeof(row));
	for (int i = 0; i < 5; i++) {
		for (int f = 0; f < MM_N_FIGURES; f++)
			row[i].figure[f] = NAN;
		row[i].image = row[i].text = NAN;
		if (i < 4)
			row[i].figure[MM_FIGURE_WORDS] = words[i];
	}
	ck_assert_int_eq(mm_quality_rank(row, 5, 4, &err), MM_OK);
	for (int i = 0; i < 4; i++)
		ck_assert_float_eq_tol(row[i].text, want[i], 1e-5f);
	ck_assert(isnan(row[4].text) && isnan(row[0].image));
}
END_TEST

static const struct {
	const char *caption, *phrase;
	bool in;
} phrases[] = {
	{ "a red cross", "red cross", true },
	{ "a red  cross", "Red\tCross", true },
	{ "a bored crossing", "red cross", false },
	{ "a red crossing", "red cross", false },
	{ "redder red", "red", true },
	{ "un Été", "été", true },
	{ "dogs", "dog", false },
	{ "the dog's", "dog", true },
	{ "anything", "", true },
	{ "", "a", false },
};

START_TEST(phrases_are_whole_words)
{
	ck_assert_int_eq(
		mm_phrase_in(phrases[_i].caption, strlen(phrases[_i].caption),
			     phrases[_i].phrase, strlen(phrases[_i].phrase)),
		phrases[_i].in);
}
END_TEST

START_TEST(boxes_are_cut)
{
	float box[4] = { -5, 2, 5, 12 };

	ck_assert_int_eq(mm_box_check(box, 10, 10), MM_BOX_CUT);
	ck_assert_double_eq_tol(mm_box_clip(box, 10, 10), 0.4, 1e-7);
	ck_assert(box[0] <= 0 && box[1] == 2 && box[2] == 5 && box[3] == 10);
	ck_assert_int_eq(mm_box_check(box, 10, 10), MM_BOX_FINE);
	ck_assert_int_eq(mm_box_check(box, 10, 2), MM_BOX_OUTSIDE);
	ck_assert_double_eq_tol(mm_box_clip(box, 10, 2), 0, 1e-7);
	ck_assert_int_eq(mm_box_check(box, 10, 10), MM_BOX_EMPTY);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("quality");

	tcase_add_loop_test(t, near_groups_are_exact, 0, MM_NEAR_MAX + 1);
	tcase_add_loop_test(t, texts_have_figures, 0,
			    (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_test(t, repetition_counts_runs_of_ten);
	tcase_add_test(t, percentiles_share_ties);
	tcase_add_loop_test(t, phrases_are_whole_words, 0,
			    (int)(sizeof(phrases) / sizeof(phrases[0])));
	tcase_add_test(t, boxes_are_cut);
	return unit_run("quality", t);
}
