/*
 * BLEU, chrF, ROUGE and coco-caption's figures.  tests/golden/text: 60 made-up
 * lines with what sacrebleu 2.6, rouge_score 0.1.2 and pycocoevalcap 1.2 give
 * for them.
 */
#include "unit.h"

#include <math.h>

#include "base/json.h"
#include "base/mem.h"
#include "fixture.h"
#include "metric/bleu.h"
#include "metric/caption.h"
#include "metric/caption_file.h"
#include "metric/metric.h"
#include "metric/ptb.h"
#include "metric/rouge.h"

enum { MAX_REFS = 8, MAX_FIGURES = 32 };

/* Hypotheses, and for each as many references as there are sets. */
struct world {
	struct mm_lines hyp, ref[MAX_REFS];
	size_t n_refs;
	size_t *count; /* of each sample, where they differ; else NULL */
};

static void drop(struct world *w)
{
	mm_lines_release(&w->hyp);
	for (size_t i = 0; i < MAX_REFS; i++)
		mm_lines_release(&w->ref[i]);
}

static void load(struct world *w, const char *hyp, const char *ref0,
		 const char *ref1)
{
	memset(w, 0, sizeof(*w));
	ck_ok(mm_lines_load(&w->hyp, hyp, err));
	ck_ok(mm_lines_load(&w->ref[0], ref0, err));
	ck_ok(mm_lines_load(&w->ref[1], ref1, err));
	w->n_refs = 2;
}

static void load_golden(struct world *w)
{
	load(w, "tests/golden/text/hyp.txt", "tests/golden/text/ref0.txt",
	     "tests/golden/text/ref1.txt");
}

/* Sample i, its references in ref[]. */
static struct mm_text_sample sample(const struct world *w, size_t i,
				    struct mm_line ref[MAX_REFS])
{
	size_t n = w->count ? w->count[i] : w->n_refs;

	for (size_t k = 0; k < n; k++)
		ref[k] = mm_lines_at(&w->ref[k], i);
	return (struct mm_text_sample){ mm_lines_at(&w->hyp, i), ref, n };
}

/* All figures, and per sample into `each` where that is not NULL. */
static void measure(const struct world *w, const char *task, const char *name,
		    const void *options, double *value, double *each)
{
	const struct mm_metric *m = mm_metric_find(task, name);
	struct mm_line ref[MAX_REFS];
	void *state;

	ck_assert_msg(m != NULL, "no metric %s %s", task, name);
	ck_ok(m->open(&state, options, err));
	for (size_t i = 0; i < w->hyp.n; i++) {
		struct mm_text_sample s = sample(w, i, ref);

		ck_ok(m->add(state, &s, err));
	}
	ck_ok(m->result(state, value, each, err));
	m->close(state);
}

static void ck_near(double got, double want, const char *what)
{
	ck_assert_msg(fabs(got - want) <= 1e-9 * fmax(1, fabs(want)),
		      "%s: %.17g, not %.17g", what, got, want);
}

/* ---- against stored figures ---- */

static int word_index(const char *word, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (!strcmp(list[i], word))
			return i;
	ck_abort_msg("unknown word '%s'", word);
	return -1;
}

static void check_bleu_line(const struct world *w, const char *line)
{
	static const char *const tok[] = { "13a", "intl", "char", "none",
					   NULL };
	static const char *const smooth[] = { "exp", "floor", "add-k", "none",
					      NULL };
	char kind[16], t[16], s[16];
	double want, got = 0, f[MAX_FIGURES];
	double *each = malloc(w->hyp.n * MM_BLEU_FIGURES * sizeof(*each));
	struct mm_bleu_options o = { 0 };
	int lowercase;

	ck_assert_int_eq(sscanf(line, "%15s %15s %15s %lf %d %lf", kind, t, s,
				&o.smooth_value, &lowercase, &want),
			 6);
	o.tokenizer = (enum mm_bleu_tokenizer)word_index(t, tok);
	o.smoothing = (enum mm_bleu_smoothing)word_index(s, smooth);
	o.lowercase = lowercase;
	o.effective_order = kind[0] == 's';
	measure(w, "text", "bleu", &o, f, each);
	if (kind[0] == 's')
		for (size_t i = 0; i < w->hyp.n; i++)
			got += each[i * MM_BLEU_FIGURES + MM_BLEU_SCORE];
	else
		got = f[MM_BLEU_SCORE];
	ck_near(got, want, line);
	free(each);
}

static void check_chrf_line(const struct world *w, const char *line)
{
	struct mm_chrf_options o = { 0 };
	int lowercase, whitespace, eps;
	double want, got;

	ck_assert_int_eq(sscanf(line, "chrf %zu %zu %zu %d %d %d %lf",
				&o.char_order, &o.word_order, &o.beta,
				&lowercase, &whitespace, &eps, &want),
			 7);
	o.lowercase = lowercase;
	o.whitespace = whitespace;
	o.eps_smoothing = eps;
	measure(w, "text", "chrf", &o, &got, NULL);
	ck_near(got, want, line);
}

/* " a " parts sentences in the stored rouge figures. */
static void split_sentences(struct mm_lines *t)
{
	struct mm_lines out = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		struct mm_line s = mm_lines_at(t, i);

		for (size_t k = 0; k < s.len; k++) {
			bool here =
				k + 3 <= s.len && !memcmp(s.s + k, " a ", 3);

			mm_buf_addc(&out.bytes, here ? '\n' : s.s[k]);
			k += here ? 2 : 0;
		}
		ck_ok(mm_lines_end(&out, err));
	}
	mm_lines_release(t);
	*t = out;
}

static void check_rouge_line(const char *line)
{
	struct mm_rouge_options o = { 0 };
	double got[MM_ROUGE_FIGURES];
	struct world w;
	char *at;

	load_golden(&w);
	split_sentences(&w.hyp);
	split_sentences(&w.ref[0]);
	split_sentences(&w.ref[1]);
	o.stem = strtol(line + strlen("rouge"), &at, 10);
	measure(&w, "text", "rouge", &o, got, NULL);
	for (size_t k = 0; k < MM_ROUGE_FIGURES; k++)
		ck_near(got[k], strtod(at, &at), line);
	drop(&w);
}

START_TEST(test_golden)
{
	char *text = file_bytes("tests/golden/text/expected.txt", NULL);
	size_t n = 0;
	struct world w;

	load_golden(&w);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "chrf", 4))
			check_chrf_line(&w, line);
		else if (!strncmp(line, "rouge", 5))
			check_rouge_line(line);
		else
			check_bleu_line(&w, line);
		n++;
	}
	ck_assert_uint_eq(n, 72);
	drop(&w);
	free(text);
}
END_TEST

/* "all" or a number, BLEU-1 .. 4, ROUGE-L, CIDEr-D. */
START_TEST(test_coco)
{
	char *text = file_bytes("tests/golden/text/coco.txt", NULL), *at;
	double bleu[5], rouge, cider[2];
	double each_bleu[60 * 5], each_rouge[60], each_cider[60 * 2];
	struct world w;
	struct mm_ptb *ptb;

	load_golden(&w);
	ck_ok(mm_ptb_new(&ptb, err));
	for (size_t k = 0; k < 3; k++) {
		struct mm_lines *t = k ? &w.ref[k - 1] : &w.hyp, out = { 0 };

		ck_ok(mm_ptb_tokenize(ptb, &out, t, false, err));
		mm_lines_release(t);
		*t = out;
	}
	ck_assert_uint_eq(w.hyp.n, 60);
	measure(&w, "caption", "BLEU", NULL, bleu, each_bleu);
	measure(&w, "caption", "ROUGE-L", NULL, &rouge, each_rouge);
	measure(&w, "caption", "CIDEr", NULL, cider, each_cider);
	at = text + strlen("all");
	for (size_t i = 0; i <= 60; i++) {
		const double *b = i ? each_bleu + (i - 1) * 5 : bleu;

		if (i)
			ck_assert_uint_eq(strtoul(at, &at, 10), i - 1);
		for (size_t k = 0; k < 4; k++)
			ck_near(b[k], strtod(at, &at), "BLEU");
		ck_near(i ? each_rouge[i - 1] : rouge, strtod(at, &at),
			"ROUGE-L");
		ck_near(i ? each_cider[(i - 1) * 2 + 1] : cider[1],
			strtod(at, &at), "CIDEr-D");
	}
	mm_ptb_free(ptb);
	drop(&w);
	free(text);
}
END_TEST

/* ---- published figures ---- */

/* The COCO "fakecap" demo: what its notebook prints. */
START_TEST(test_fakecap)
{
	const char *path = fixture("caption/coco_fakecap_tokenized_refs.json");
	double bleu[5], rouge, cider[2];
	struct mm_json *root;
	struct mm_cider_df *df;
	struct mm_buf text = { 0 };
	const struct mm_metric *m = mm_metric_find("caption", "CIDEr");
	struct mm_cider_options o;
	struct world w = { 0 };
	void *state;

	if (!path)
		return;
	ck_ok(mm_json_load(&root, path, err));
	w.count = calloc(mm_json_size(root), sizeof(*w.count));
	for (size_t i = 0; i < mm_json_size(root); i++) {
		const struct mm_json *v = mm_json_at(root, i);
		const struct mm_json *refs = mm_json_get(v, "refs");
		const char *s = mm_json_str(mm_json_get(v, "test"), "");

		ck_ok(mm_lines_add(&w.hyp, s, strlen(s), err));
		w.count[i] = mm_json_size(refs);
		ck_assert_uint_le(w.count[i], MAX_REFS);
		for (size_t k = 0; k < MAX_REFS; k++) {
			s = mm_json_str(mm_json_at(refs, k), "");
			ck_ok(mm_lines_add(&w.ref[k], s, strlen(s), err));
		}
	}
	measure(&w, "caption", "BLEU", NULL, bleu, NULL);
	measure(&w, "caption", "ROUGE-L", NULL, &rouge, NULL);
	measure(&w, "caption", "CIDEr", NULL, cider, NULL);
	ck_assert_double_eq_tol(bleu[0], .5794, 5e-5);
	ck_assert_double_eq_tol(bleu[1], .4044, 5e-5);
	ck_assert_double_eq_tol(bleu[2], .2785, 5e-5);
	ck_assert_double_eq_tol(bleu[3], .1908, 5e-5);
	ck_assert_double_eq_tol(bleu[4], 1.00385591071, 5e-12);
	ck_assert_double_eq_tol(rouge, .3963, 5e-5);
	ck_assert_double_eq_tol(cider[0], .7111, 5e-5);
	ck_assert_double_eq_tol(cider[1], .5998, 5e-5);

	/* The same frequencies from a file. */
	ck_ok(m->open(&state, NULL, err));
	for (size_t i = 0; i < w.hyp.n; i++) {
		struct mm_line ref[MAX_REFS];
		struct mm_text_sample s = sample(&w, i, ref);

		ck_ok(m->add(state, &s, err));
	}
	ck_ok(mm_cider_df_write(state, &text, err));
	m->close(state);
	ck_ok(mm_cider_df_parse(&df, text.data, text.len, "df", err));
	o.df = df;
	measure(&w, "caption", "CIDEr", &o, bleu, NULL);
	ck_assert(bleu[0] == cider[0] && bleu[1] == cider[1]);
	mm_cider_df_free(df);
	mm_buf_release(&text);
	mm_json_free(root);
	free(w.count);
	drop(&w);
}
END_TEST

/* COCO files as pycocoevalcap scores them, corpus and each image. */
START_TEST(test_coco_files)
{
	const char *refs_path = fixture("reference/caption_refs.json");
	const char *hyps_path = fixture("reference/caption_hyps.json");
	const char *want_path = fixture("reference/caption_expected.json");
	static const char *const row[] = { "BLEU", "ROUGE-L", "CIDEr" };
	static const char *const key[] = { "BLEU-4", "ROUGE-L", "CIDEr-D" };
	static const size_t column[] = { 3, 0, 1 };
	struct mm_lines hyp = { 0 }, hyp_words = { 0 }, ref_words = { 0 };
	struct mm_captions refs, hyps;
	struct mm_buf list = { 0 };
	struct mm_json *want;
	struct mm_ptb *ptb;

	if (!refs_path)
		return;
	ck_ok(mm_captions_load(&refs, refs_path, MM_CAPTION_AUTO, false, err));
	ck_ok(mm_captions_load(&hyps, hyps_path, MM_CAPTION_AUTO, true, err));
	ck_ok(mm_captions_match(&refs, &hyps, false, &list, err));
	ck_ok(mm_json_load(&want, want_path, err));
	for (size_t i = 0; i < refs.id.n; i++) {
		struct mm_line id = mm_lines_at(&refs.id, i), s;
		int64_t at = *mm_map_find(&hyps.index, id.s, id.len);

		s = mm_lines_at(&hyps.text, hyps.first[at]);
		ck_ok(mm_lines_add(&hyp, s.s, s.len, err));
	}
	ck_ok(mm_ptb_new(&ptb, err));
	ck_ok(mm_ptb_tokenize(ptb, &hyp_words, &hyp, false, err));
	ck_ok(mm_ptb_tokenize(ptb, &ref_words, &refs.text, false, err));
	for (size_t k = 0; k < 3; k++) {
		const struct mm_metric *m = mm_metric_find("caption", row[k]);
		size_t width = mm_metric_n_figures(m);
		double *each = calloc(refs.id.n * width, sizeof(*each));
		double value[MAX_FIGURES];
		void *state;

		ck_ok(m->open(&state, NULL, err));
		for (size_t i = 0; i < refs.id.n; i++) {
			struct mm_line r[MAX_REFS];
			struct mm_text_sample s = { mm_lines_at(&hyp_words, i),
						    r,
						    refs.first[i + 1] -
							    refs.first[i] };

			for (size_t c = 0; c < s.n_refs; c++)
				r[c] = mm_lines_at(&ref_words,
						   refs.first[i] + c);
			ck_ok(m->add(state, &s, err));
		}
		ck_ok(m->result(state, value, each, err));
		m->close(state);
		ck_near(value[column[k]],
			mm_json_num(mm_json_get(mm_json_get(want, "corpus"),
						key[k]),
				    NAN),
			key[k]);
		for (size_t i = 0; i < refs.id.n; i++) {
			const struct mm_json *v;
			char id[32];
			struct mm_line s = mm_lines_at(&refs.id, i);

			snprintf(id, sizeof(id), "%.*s", (int)s.len, s.s);
			v = mm_json_get(mm_json_get(want, "per_image"), id);
			ck_near(each[i * width + column[k]],
				mm_json_num(mm_json_get(v, key[k]), NAN), id);
		}
		free(each);
	}
	mm_ptb_free(ptb);
	mm_json_free(want);
	mm_buf_release(&list);
	mm_captions_release(&refs);
	mm_captions_release(&hyps);
	mm_lines_release(&hyp);
	mm_lines_release(&hyp_words);
	mm_lines_release(&ref_words);
}
END_TEST

START_TEST(test_sacrebleu_fixture)
{
	const char *hyp = fixture("reference/bleu_hyp.txt");
	struct mm_bleu_options o = { .effective_order = true };
	const struct mm_json *list;
	struct mm_json *want;
	struct mm_buf text = { 0 };
	double f[MM_BLEU_FIGURES], *each;
	struct world w;

	if (!hyp)
		return;
	load(&w, hyp, fixture("reference/bleu_ref0.txt"),
	     fixture("reference/bleu_ref1.txt"));
	ck_ok(mm_json_load(&want, fixture("reference/bleu_expected.json"),
			   err));
	each = calloc(w.hyp.n, MM_BLEU_FIGURES * sizeof(*each));
	measure(&w, "text", "bleu", &o, f, each);
	list = mm_json_get(want, "bleu_sentence");
	for (size_t i = 0; i < mm_json_size(list); i++)
		ck_near(each[i * MM_BLEU_FIGURES],
			mm_json_num(mm_json_at(list, i), NAN), "sentence");
	measure(&w, "text", "bleu", NULL, f, NULL);
	list = mm_json_at(mm_json_get(want, "bleu"), 0);
	ck_near(f[MM_BLEU_SCORE], mm_json_num(mm_json_get(list, "score"), NAN),
		"score");
	mm_buf_printf(&text, "BLEU = %.2f ", f[MM_BLEU_SCORE]);
	mm_bleu_verbose(&text, f);
	ck_assert_str_eq(mm_buf_str(&text),
			 mm_json_str(mm_json_get(list, "line"), ""));
	mm_buf_clear(&text);
	mm_bleu_signature(&text, &mm_bleu_defaults, 2);
	ck_assert_str_eq(mm_buf_str(&text),
			 mm_json_str(mm_json_get(list, "signature"), ""));
	mm_buf_release(&text);
	mm_json_free(want);
	free(each);
	drop(&w);
}
END_TEST

/* Two pairs with the figures of the original ROUGE-1.5.5. */
START_TEST(test_rouge_pairs)
{
	/* recall, precision, F of rouge1 and rouge2; rouge1 with stems */
	static const double want[2][6] = {
		{ .40741, .68750, .51163, .30769, .53333, .39024 },
		{ .40476, .65385, .50000, .29268, .48000, .36364 },
	};
	static const double stem[3] = { .42857, .69231, .52941 };
	static const size_t place[3] = { MM_ROUGE_RECALL, MM_ROUGE_PRECISION,
					 MM_ROUGE_F };
	const struct mm_rouge_options o = { .stem = true };
	const char *target = fixture("rouge/target.txt");
	double f[MM_ROUGE_FIGURES], each[2 * MM_ROUGE_FIGURES];
	struct world w = { .n_refs = 1 };

	if (!target)
		return;
	ck_ok(mm_lines_load(&w.hyp, fixture("rouge/prediction.txt"), err));
	ck_ok(mm_lines_load(&w.ref[0], target, err));
	ck_assert_uint_eq(w.hyp.n, 2);
	measure(&w, "text", "rouge", NULL, f, each);
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 6; k++)
			ck_assert_double_eq_tol(each[i * MM_ROUGE_FIGURES +
						     k / 3 * 3 + place[k % 3]],
						want[i][k], 6e-6);
	measure(&w, "text", "rouge", &o, f, each);
	for (size_t k = 0; k < 3; k++)
		ck_assert_double_eq_tol(each[MM_ROUGE_FIGURES + place[k]],
					stem[k], 6e-6);
	drop(&w);
}
END_TEST

/* ---- small cases ---- */

static void add(struct mm_lines *t, const char *s)
{
	ck_ok(mm_lines_add(t, s, strlen(s), err));
}

/* The paper's example of rougeLsum. */
START_TEST(test_rouge_lsum)
{
	struct world w = { .n_refs = 1 };
	double f[MM_ROUGE_FIGURES], *s = f + 3 * MM_ROUGE_LSUM;

	add(&w.hyp, "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5");
	add(&w.ref[0], "w1 w2 w3 w4 w5");
	measure(&w, "text", "rouge", NULL, f, NULL);
	ck_assert_double_eq_tol(s[MM_ROUGE_RECALL], 0.8, 1e-12);
	ck_assert_double_eq_tol(s[MM_ROUGE_PRECISION], 0.4, 1e-12);
	drop(&w);
}
END_TEST

/* Nothing to divide by: what the reference programs say. */
START_TEST(test_empty)
{
	struct world w = { .n_refs = 1 };
	double f[MAX_FIGURES];

	add(&w.hyp, "");
	add(&w.ref[0], "");
	measure(&w, "text", "bleu", NULL, f, NULL);
	ck_assert(f[MM_BLEU_SCORE] == 0 && f[MM_BLEU_BP] == 1 &&
		  f[MM_BLEU_RATIO] == 0);
	measure(&w, "text", "chrf", NULL, f, NULL);
	ck_assert(f[0] == 0);
	measure(&w, "text", "rouge", NULL, f, NULL);
	for (size_t k = 0; k < MM_ROUGE_FIGURES; k++)
		ck_assert(f[k] == 0);
	/* 1e-15 / 1e-9, and ratio the same: exp(1 - 1e6) is 0. */
	measure(&w, "caption", "BLEU", NULL, f, NULL);
	ck_assert(f[0] == 0 && f[3] == 0);
	ck_assert_double_eq_tol(f[4], 1e-6, 1e-18);
	/* One empty word that matches the other. */
	measure(&w, "caption", "ROUGE-L", NULL, f, NULL);
	ck_assert_double_eq_tol(f[0], 1, 1e-15);
	measure(&w, "caption", "CIDEr", NULL, f, NULL);
	ck_assert(f[0] == 0 && f[1] == 0);
	drop(&w);
}
END_TEST

/* Every row of the table: no sample at all, names, and no memory. */
START_TEST(test_rows)
{
	struct world w = { .n_refs = 2 };
	size_t rows = 0;

	add(&w.hyp, "a red bus (2), parked");
	add(&w.ref[0], "the red bus is parked.");
	add(&w.ref[1], "two buses");
	for (size_t i = 0; mm_metrics[i]; i++) {
		const struct mm_metric *m = mm_metrics[i];
		double f[MAX_FIGURES], each[MAX_FIGURES];
		void *state;

		if (strcmp(m->task, "caption") && strcmp(m->task, "text"))
			continue;
		rows++;
		ck_assert_uint_le(mm_metric_n_figures(m), MAX_FIGURES);
		ck_assert(*m->equals);
		ck_ok(m->open(&state, NULL, err));
		ck_ok(m->result(state, f, each, err));
		m->close(state);
		m->close(NULL);
		for (long n = 1, failed = 1; failed; n++) {
			struct mm_line ref[2] = { mm_lines_at(&w.ref[0], 0),
						 mm_lines_at(&w.ref[1], 0) };
			struct mm_text_sample s = { mm_lines_at(&w.hyp, 0), ref,
						    2 };
			struct mm_err err = { 0 };
			int rc;

			mm_mem_fail_after(n);
			rc = m->open(&state, NULL, &err);
			if (!rc)
				rc = m->add(state, &s, &err);
			if (!rc)
				rc = m->result(state, f, each, &err);
			m->close(state);
			mm_mem_fail_after(0);
			failed = rc != 0;
			if (rc)
				ck_assert_int_eq(rc, MM_ERR_NOMEM);
		}
	}
	ck_assert_uint_eq(rows, 6);
	drop(&w);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("text metrics");

	tcase_add_test(tc, test_golden);
	tcase_add_test(tc, test_coco);
	tcase_add_test(tc, test_fakecap);
	tcase_add_test(tc, test_coco_files);
	tcase_add_test(tc, test_sacrebleu_fixture);
	tcase_add_test(tc, test_rouge_pairs);
	tcase_add_test(tc, test_rouge_lsum);
	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_rows);
	return unit_run("text metrics", tc);
}
