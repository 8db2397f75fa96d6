/* eval_caption.c - mmtool eval caption: captions against references. */
#include <string.h>

#include "base/mem.h"
#include "clip_captions.h"
#include "cmd.h"
#include "eval_text.h"
#include "metric/bleu.h"
#include "metric/caption.h"
#include "metric/caption_file.h"
#include "metric/ptb.h"
#include "metric/rouge.h"
#include "table.h"

struct caption_args {
	struct mm_common common;
	const char *refs, *hyps, *per_sample, *tokens_out, *df, *df_out,
		*images;
	int tokenize, format;
	bool lowercase, stem, subset, samples;
};

static const struct caption_args defaults = {
	.common = { .batch_size = 64 },
};

enum { PTB, PLAIN, THIRTEEN_A };
static const char *const tokenizers[] = { "ptb", "none", "13a", NULL };
static const char *const formats[] = { "auto", "json", "lines", NULL };

static const struct mm_opt opts[] = {
	MM_PATH(0, "refs", struct caption_args, refs, "FILE",
		"the references: COCO annotations, an object of lists by id, "
		"or lines with tabs between the captions of an image"),
	MM_PATH(0, "hyps", struct caption_args, hyps, "FILE",
		"the captions to be scored: COCO results, an object by id, or "
		"lines"),
	MM_ENUM(0, "format", struct caption_args, format, formats,
		"what the files are; auto tells by the name .json or by the "
		"outer brackets"),
	MM_ENUM(0, "tokenize", struct caption_args, tokenize, tokenizers,
		"what a word is: Stanford's Penn Treebank rules in lower "
		"case without punctuation, blanks, or mteval-v13a's rules"),
	MM_FLAG(0, "lowercase", struct caption_args, lowercase,
		"compare in lower case (ptb always does)"),
	MM_FLAG(0, "subset", struct caption_args, subset,
		"leave out images that have no hypothesis"),
	MM_FLAG(0, "stem", struct caption_args, stem,
		"ROUGE-1, ROUGE-2, rougeL and rougeLsum compare stems"),
	MM_PATH(0, "df", struct caption_args, df, "FILE",
		"document frequencies for CIDEr [those of the references]"),
	MM_PATH(0, "df-out", struct caption_args, df_out, "FILE",
		"write the references' document frequencies"),
	MM_OPT_MODEL(struct caption_args),
	MM_PATH(0, "images", struct caption_args, images, "SOURCE",
		"the pictures, for CLIPScore and RefCLIPScore by --model; "
		"found by their ids"),
	MM_OPT_BATCH(struct caption_args),
	MM_PATH(0, "per-sample", struct caption_args, per_sample, "FILE",
		"write the figures of each image, tab-separated"),
	MM_PATH(0, "tokens-out", struct caption_args, tokens_out, "PREFIX",
		"write the tokenised captions to PREFIX.hyps and PREFIX.refs"),
	MM_FLAG(0, "samples", struct caption_args, samples,
		"keep each sample's figures in the --json object, for eval "
		"compare"),
	MM_OPT_OUTPUT(struct caption_args),
	MM_OPT_JSON(struct caption_args),
	MM_OPT_GENERAL(struct caption_args),
	MM_OPTS_END,
};

/* In the order of the result. */
static const char *const names[] = {
	"BLEU-1",    "BLEU-2",	  "BLEU-3",	  "BLEU-4",  "ROUGE-1",
	"ROUGE-2",   "ROUGE-L",	  "CIDEr",	  "CIDEr-D", "rougeL",
	"rougeLsum", "CLIPScore", "RefCLIPScore", "ratio",
};
enum {
	N_NAMES = sizeof(names) / sizeof(names[0]),
	N_EACH = N_NAMES - 1,
	N_TEXT = N_EACH - 2, /* without a model */
	RATIO = N_NAMES - 1,
};

/*
 * The images in scoring order.  Captions of image i: hyps line i, refs lines
 * first[i] .. first[i + 1].
 */
struct set {
	struct mm_captions refs_in, hyps_in;
	struct mm_lines id, hyps, refs;
	struct mm_lines hyp_words, ref_words; /* tokenised */
	size_t *first;
	struct mm_line *ref; /* scratch: the references of one image */
	double *each;	     /* [images][n_each] */
	size_t n_each;
	double value[N_NAMES];
};

static void set_release(struct set *s)
{
	mm_captions_release(&s->refs_in);
	mm_captions_release(&s->hyps_in);
	mm_lines_release(&s->id);
	mm_lines_release(&s->hyps);
	mm_lines_release(&s->refs);
	mm_lines_release(&s->hyp_words);
	mm_lines_release(&s->ref_words);
	mm_free(s->first);
	mm_free(s->ref);
	mm_free(s->each);
}

/* Print which ids have no partner, all of them, and refuse. */
static int match(const struct caption_args *a, struct set *s,
		 struct mm_err *err)
{
	struct mm_buf list = { 0 };
	int rc = mm_captions_match(&s->refs_in, &s->hyps_in, a->subset, &list,
				   err);

	for (const char *at = mm_buf_str(&list); *at;) {
		const char *eol = strchr(at, '\n');

		mm_note(&a->common, "%.*s", (int)(eol - at), at);
		at = eol + 1;
	}
	mm_buf_release(&list);
	return rc;
}

/* Image i of the references, if it has a hypothesis. */
static int take_image(struct set *s, size_t i, size_t *most, struct mm_err *err)
{
	const struct mm_captions *r = &s->refs_in, *h = &s->hyps_in;
	struct mm_line id = mm_lines_at(&r->id, i), text;
	const int64_t *k = mm_map_find(&h->index, id.s, id.len);
	int rc;

	if (!k || h->first[*k] == h->first[*k + 1])
		return MM_OK;
	rc = mm_lines_add(&s->id, id.s, id.len, err);
	text = mm_lines_at(&h->text, h->first[*k]);
	if (!rc)
		rc = mm_lines_add(&s->hyps, text.s, text.len, err);
	for (size_t c = r->first[i]; !rc && c < r->first[i + 1]; c++) {
		text = mm_lines_at(&r->text, c);
		rc = mm_lines_add(&s->refs, text.s, text.len, err);
	}
	if (r->first[i + 1] - r->first[i] > *most)
		*most = r->first[i + 1] - r->first[i];
	s->first[s->id.n] = s->refs.n;
	return rc;
}

static int load(const struct caption_args *a, struct set *s, struct mm_err *err)
{
	enum mm_caption_format format = (enum mm_caption_format)a->format;
	size_t most = 0;
	int rc;

	rc = mm_captions_load(&s->refs_in, a->refs, format, false, err);
	if (!rc)
		rc = mm_captions_load(&s->hyps_in, a->hyps, format, true, err);
	if (!rc)
		rc = match(a, s, err);
	if (rc)
		return rc;
	s->first = mm_calloc(s->refs_in.id.n + 1, sizeof(*s->first));
	if (!s->first)
		return mm_fail_nomem(err, "captions");
	for (size_t i = 0; !rc && i < s->refs_in.id.n; i++)
		rc = take_image(s, i, &most, err);
	if (!rc && !s->id.n)
		rc = mm_fail(err, MM_ERR_FORMAT, "there is no caption");
	s->ref = mm_calloc(most, sizeof(*s->ref));
	s->n_each = a->images ? N_EACH : N_TEXT;
	s->each = mm_calloc(s->id.n, s->n_each * sizeof(*s->each));
	if (!rc && (!s->ref || !s->each))
		rc = mm_fail_nomem(err, "captions");
	return rc;
}

static int tokenize_lines(const struct caption_args *a, struct mm_lines *out,
			  const struct mm_lines *in, struct mm_err *err)
{
	enum mm_bleu_tokenizer how =
		a->tokenize == THIRTEEN_A ? MM_BLEU_13A : MM_BLEU_NONE;
	int rc = MM_OK;

	for (size_t i = 0; !rc && i < in->n; i++) {
		mm_bleu_tokenize(&out->bytes, mm_lines_at(in, i), how,
				 a->lowercase);
		rc = mm_lines_end(out, err);
	}
	return rc;
}

static int tokenize(const struct caption_args *a, struct set *s,
		    struct mm_err *err)
{
	struct mm_ptb *ptb;
	int rc;

	if (a->tokenize != PTB) {
		rc = tokenize_lines(a, &s->hyp_words, &s->hyps, err);
		return rc ? rc
			  : tokenize_lines(a, &s->ref_words, &s->refs, err);
	}
	rc = mm_ptb_new(&ptb, err);
	if (rc)
		return rc;
	rc = mm_ptb_tokenize(ptb, &s->hyp_words, &s->hyps, false, err);
	if (!rc)
		rc = mm_ptb_tokenize(ptb, &s->ref_words, &s->refs, false, err);
	mm_ptb_free(ptb);
	return rc;
}

static int write_lines(const char *prefix, const char *suffix,
		       const struct mm_lines *t, struct mm_err *err)
{
	struct mm_buf path = { 0 }, out = { 0 };
	int rc;

	mm_buf_printf(&path, "%s.%s", prefix, suffix);
	for (size_t i = 0; i < t->n; i++) {
		struct mm_line s = mm_lines_at(t, i);

		mm_buf_add(&out, s.s, s.len);
		mm_buf_addc(&out, '\n');
	}
	rc = mm_buf_check(&path, "a path", err);
	if (!rc)
		rc = mm_buf_check(&out, "captions", err);
	if (!rc)
		rc = mm_file_write(mm_buf_str(&path), mm_buf_str(&out), out.len,
				   err);
	mm_buf_release(&path);
	mm_buf_release(&out);
	return rc;
}

/*
 * All images through an open metric; its figure from[i] becomes ours to[i],
 * -1 ending the list.
 */
static int score(struct set *s, const struct mm_metric *m, void *state,
		 const struct mm_lines *hyps, const struct mm_lines *refs,
		 const int from[], const int to[], struct mm_err *err)
{
	size_t width = mm_metric_n_figures(m);
	double *each = mm_calloc(s->id.n, width * sizeof(*each));
	double *value = mm_calloc(width, sizeof(*value));
	int rc = each && value ? MM_OK : mm_fail_nomem(err, "figures");

	for (size_t i = 0; !rc && i < s->id.n; i++) {
		struct mm_text_sample t = { mm_lines_at(hyps, i), s->ref,
					    s->first[i + 1] - s->first[i] };

		for (size_t k = 0; k < t.n_refs; k++)
			s->ref[k] = mm_lines_at(refs, s->first[i] + k);
		if ((rc = m->add(state, &t, err))) {
			const struct mm_line id = mm_lines_at(&s->id, i);

			mm_fail_ctx(err, "image '%.*s'", (int)id.len, id.s);
		}
	}
	if (!rc)
		rc = m->result(state, value, each, err);
	for (size_t f = 0; !rc && to[f] >= 0; f++) {
		s->value[to[f]] = value[from[f]];
		for (size_t i = 0; to[f] < N_EACH && i < s->id.n; i++)
			s->each[i * s->n_each + (size_t)to[f]] =
				each[i * width + (size_t)from[f]];
	}
	mm_free(each);
	mm_free(value);
	return rc;
}

static int score_words(struct set *s, const char *name, const int from[],
		       const int to[], struct mm_err *err)
{
	const struct mm_metric *m = mm_metric_find("caption", name);
	void *state;
	int rc = m->open(&state, NULL, err);

	if (!rc)
		rc = score(s, m, state, &s->hyp_words, &s->ref_words, from, to,
			   err);
	m->close(state);
	return rc;
}

static int score_cider(const struct caption_args *a, struct set *s,
		       struct mm_err *err)
{
	const struct mm_metric *m = mm_metric_find("caption", "CIDEr");
	struct mm_cider_df *df = NULL;
	struct mm_cider_options o;
	struct mm_buf text = { 0 };
	void *state = NULL;
	int rc = a->df ? mm_cider_df_load(&df, a->df, err) : MM_OK;

	o.df = df;
	if (!rc)
		rc = m->open(&state, &o, err);
	if (!rc)
		rc = score(s, m, state, &s->hyp_words, &s->ref_words,
			   (int[]){ 0, 1 }, (int[]){ 7, 8, -1 }, err);
	if (!rc && a->df_out) {
		rc = mm_cider_df_write(state, &text, err);
		if (!rc)
			rc = mm_file_write(a->df_out, mm_buf_str(&text),
					   text.len, err);
	}
	m->close(state);
	mm_buf_release(&text);
	mm_cider_df_free(df);
	return rc;
}

static int score_rouge(const struct caption_args *a, struct set *s,
		       struct mm_err *err)
{
	const struct mm_metric *m = mm_metric_find("text", "rouge");
	struct mm_rouge_options o = { .stem = a->stem };
	void *state;
	int rc = m->open(&state, &o, err);

	if (!rc)
		rc = score(s, m, state, &s->hyps, &s->refs,
			   (int[]){ 3 * MM_ROUGE_1 + MM_ROUGE_F,
				    3 * MM_ROUGE_2 + MM_ROUGE_F,
				    3 * MM_ROUGE_L + MM_ROUGE_F,
				    3 * MM_ROUGE_LSUM + MM_ROUGE_F },
			   (int[]){ 4, 5, 9, 10, -1 }, err);
	m->close(state);
	return rc;
}

/* Whether figure i was measured. */
static bool has(const struct set *s, size_t i)
{
	return i < s->n_each || i == RATIO;
}

static void put_json(struct mm_buf *out, const struct set *s, bool samples)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 1);
	mm_json_open(&w, NULL, '{');
	for (size_t i = 0; i < N_NAMES; i++)
		if (has(s, i))
			mm_json_put_num(&w, names[i], s->value[i]);
	mm_json_put_int(&w, "n", (int64_t)s->id.n);
	if (samples)
		eval_put_samples(&w, &s->id, names, s->each, s->id.n,
				 s->n_each);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_table(struct mm_buf *out, const struct set *s)
{
	struct mm_table t = { 0 };

	for (size_t i = 0; i < N_NAMES; i++) {
		if (!has(s, i))
			continue;
		mm_table_cell(&t, "%s", names[i]);
		mm_table_cell(&t, "%.4f", s->value[i]);
		mm_table_row(&t);
	}
	mm_table_cell(&t, "n");
	mm_table_cell(&t, "%zu", s->id.n);
	mm_table_row(&t);
	mm_table_print(&t, out, 0);
}

/* By the model, where there are pictures. */
static int score_clip(const struct caption_args *a, struct set *s,
		      struct mm_err *err)
{
	const struct clip_captions c = { &s->id, &s->hyps, &s->refs, s->first };
	double *each = mm_malloc(s->id.n, 2 * sizeof(*each));
	char *path = mm_strdup(a->images);
	int rc = each && path
			 ? clip_captions_score(&a->common, path, &c,
					       s->value + N_TEXT, each, err)
			 : mm_fail_nomem(err, "figures");

	for (size_t i = 0; i < s->id.n && !rc; i++)
		memcpy(s->each + i * s->n_each + N_TEXT, each + 2 * i,
		       2 * sizeof(*each));
	mm_free(path);
	mm_free(each);
	return rc;
}

static int score_all(const struct caption_args *a, struct set *s,
		     struct mm_err *err)
{
	int rc = score_words(s, "BLEU", (int[]){ 0, 1, 2, 3, 4 },
			     (int[]){ 0, 1, 2, 3, RATIO, -1 }, err);

	if (!rc)
		rc = score_rouge(a, s, err);
	if (!rc)
		rc = score_words(s, "ROUGE-L", (int[]){ 0 }, (int[]){ 6, -1 },
				 err);
	if (!rc)
		rc = score_cider(a, s, err);
	return rc || !a->images ? rc : score_clip(a, s, err);
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct caption_args *a = args;
	struct mm_buf out = { 0 };
	struct set s = { 0 };
	int rc;

	(void)argc;
	(void)argv;
	if (!a->refs || !a->hyps)
		return mm_fail(err, MM_ERR_USAGE,
			       "--refs FILE and --hyps FILE are needed");
	if (!a->images != !a->common.model)
		return mm_fail(err, MM_ERR_USAGE,
			       "CLIPScore needs both --model and --images");
	rc = load(a, &s, err);
	if (!rc)
		rc = tokenize(a, &s, err);
	if (!rc && a->tokens_out)
		rc = write_lines(a->tokens_out, "hyps", &s.hyp_words, err);
	if (!rc && a->tokens_out)
		rc = write_lines(a->tokens_out, "refs", &s.ref_words, err);
	if (!rc)
		rc = score_all(a, &s, err);
	if (!rc && a->per_sample)
		rc = eval_text_per_sample(a->per_sample, &s.id, names, s.each,
					  s.id.n, s.n_each, err);
	if (!rc) {
		if (a->common.json)
			put_json(&out, &s, a->samples);
		else
			put_table(&out, &s);
		rc = mm_output_text(&a->common, &out, err);
	}
	mm_buf_release(&out);
	set_release(&s);
	return rc;
}

const struct mm_cmd mm_cmd_eval_caption = {
	.name = "eval",
	.mode = "caption",
	.group = MM_MEASURE,
	.summary = "BLEU, ROUGE and CIDEr of captions, as coco-caption",
	.synopsis = "[OPTION]... --refs FILE --hyps FILE",
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct caption_args, defaults),
	.run = run,
};
