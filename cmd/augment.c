/* augment.c - mmtool augment: random copies of a stream's samples. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "data/augment_group.h"
#include "sources.h"

struct augment_args {
	struct mm_common common;
	int64_t copies, epochs, shift;
	double flip, jitter_p, gray, blur, erase;
	double synonyms, insert, swap, remove;
	struct mm_nums jitter, crop;
	const char *spec, *wordnet, *tokenizer;
	int clean;
};

static const struct augment_args defaults = {
	.common = { .batch_size = 64 },
	.copies = MM_UNSET,
	.epochs = MM_UNSET,
	.jitter_p = 1,
};

static const char *const clean_words[] = { "hf", "open_clip", "none", NULL };

static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(struct augment_args),
	MM_INT(0, "copies", struct augment_args, copies, "N", 1, 1e6,
	       "copies of each sample, one behind the other [1]"),
	MM_INT(0, "epochs", struct augment_args, epochs, "N", 1, 1e6,
	       "go over the stream N times, a copy of each sample each time"),
	MM_OPT_BATCH(struct augment_args),
	MM_OPT_SEED(struct augment_args),
	MM_OPT_SHARD(struct augment_args),
	MM_OPT_ON_ERROR(struct augment_args),
	MM_GROUP("Pictures"),
	MM_REAL(0, "flip", struct augment_args, flip, "P", 0, 1,
		"exchange left and right with probability P, in the caption "
		"too; not where the caption forbids it"),
	MM_NUMS(0, "jitter", struct augment_args, jitter, "B,C,S,H", 4, 4, 0,
		100, "brightness, contrast, saturation and hue, up to so much"),
	MM_REAL(0, "jitter-p", struct augment_args, jitter_p, "P", 0, 1,
		"how often --jitter is done"),
	MM_NUMS(0, "crop", struct augment_args, crop, "MIN,MAX", 2, 2, 1e-6, 1,
		"cut out a box with such a part of the area and enlarge it"),
	MM_INT(0, "shift", struct augment_args, shift, "PIXELS", 0, 4096,
	       "move by up to so many pixels"),
	MM_REAL(0, "gray", struct augment_args, gray, "P", 0, 1,
		"take the colours away with probability P"),
	MM_REAL(0, "blur", struct augment_args, blur, "P", 0, 1,
		"blur with probability P, radius 0.1 to 2"),
	MM_REAL(0, "erase", struct augment_args, erase, "P", 0, 1,
		"blank out a box with probability P"),
	MM_GROUP("Captions"),
	MM_REAL(0, "synonyms", struct augment_args, synonyms, "P", 0, 1,
		"replace words by safe synonyms, each with probability P"),
	MM_REAL(0, "insert", struct augment_args, insert, "A", 0, 1,
		"insert synonyms of random words, A of the length"),
	MM_REAL(0, "swap", struct augment_args, swap, "A", 0, 1,
		"swap random words, A of the length"),
	MM_REAL(0, "delete", struct augment_args, remove, "A", 0, 1,
		"leave out words, each with probability A"),
	MM_DIR(0, "wordnet", struct augment_args, wordnet, "DIR",
	       "WordNet's database files [$MMTOOL_WORDNET, or where they are "
	       "installed]"),
	MM_PATH(0, "tokenizer", struct augment_args, tokenizer, "PATH",
		"for the ids of changed captions [the one that the stream "
		"names]"),
	MM_ENUM(0, "clean", struct augment_args, clean, clean_words,
		"how texts are cleaned before they are cut into words"),
	MM_STR(0, "spec", struct augment_args, spec, "SPEC",
	       "everything at once, as `train --augment` takes it: "
	       "flip:0.5,crop:0.8:1"),
	MM_OPT_GENERAL(struct augment_args),
	MM_OPTS_END,
};

/* What one run holds. */
struct run {
	const struct augment_args *args;
	char **paths;
	size_t n_paths;
	struct mm_augment_options o;
	struct mm_wordnet *wordnet;
	struct mm_tokenizer *tokenizer;
	struct mm_augment_group *group; /* made at the first sample */
	struct mm_sources sources;
	struct mm_stream_writer out;
	struct mm_bad bad;
	struct mm_progress progress;
	uint64_t seen;
};

/* ---- what to do ---- */

static int choose_spec(struct run *r, struct mm_err *err)
{
	const struct augment_args *a = r->args;
	struct mm_augment_spec *s = &r->o.spec, none = mm_augment_none();

	*s = none;
	s->flip = a->flip;
	s->shift = a->shift;
	s->gray = a->gray;
	s->blur = a->blur;
	s->erase = a->erase;
	s->jitter_p = a->jitter_p;
	s->synonyms = a->synonyms;
	s->insert = a->insert;
	s->swap = a->swap;
	s->remove = a->remove;
	for (size_t i = 0; i < a->jitter.n; i++)
		s->jitter[i] = a->jitter.at[i];
	for (size_t i = 0; i < a->crop.n; i++)
		s->crop[i] = a->crop.at[i];
	if (s->jitter[3] > 0.5)
		return mm_fail(err, MM_ERR_USAGE,
			       "--jitter: hue must be in 0..0.5, not %g",
			       s->jitter[3]);
	if (s->crop[0] > s->crop[1])
		return mm_fail(err, MM_ERR_USAGE,
			       "--crop: MIN %g is above MAX %g", s->crop[0],
			       s->crop[1]);
	if (a->spec && memcmp(s, &none, sizeof(none)))
		return mm_fail(err, MM_ERR_USAGE,
			       "--spec stands in place of the other options");
	return a->spec ? mm_augment_parse(s, a->spec, err) : MM_OK;
}

static int choose(struct run *r, struct mm_err *err)
{
	const struct augment_args *a = r->args;
	int rc;

	if ((rc = choose_spec(r, err)))
		return rc;
	if (!mm_augment_pictures(&r->o.spec) && !mm_augment_texts(&r->o.spec))
		return mm_fail(err, MM_ERR_USAGE,
			       "nothing to do; try --flip 0.5 --crop 0.8,1");
	if (a->copies != MM_UNSET && a->epochs != MM_UNSET)
		return mm_fail(err, MM_ERR_USAGE,
			       "--copies or --epochs, not both");
	for (size_t i = 0; a->epochs > 1 && i < r->n_paths; i++)
		if (!strcmp(r->paths[i], "-"))
			return mm_fail(err, MM_ERR_USAGE,
				       "standard input cannot be read %lld "
				       "times; use --copies, or a file",
				       (long long)a->epochs);
	r->o.seed = (uint64_t)a->common.seed;
	if (r->o.spec.synonyms > 0 || r->o.spec.insert > 0) {
		rc = mm_wordnet_open(&r->wordnet, a->wordnet, err);
		r->o.wordnet = r->wordnet;
	}
	return rc;
}

/* The first sample tells whether ids must be made anew, and by what. */
static int start(struct run *r, const struct mm_sample *s, struct mm_err *err)
{
	const struct augment_args *a = r->args;
	const char *path = a->tokenizer;
	int rc;

	if (s->segment && mm_segment_find(s->segment, "ids") &&
	    mm_augment_texts(&r->o.spec)) {
		if (!path)
			path = mm_segment_meta(s->segment, "tokenizer");
		if (!path)
			return mm_fail(err, MM_ERR_USAGE,
				       "captions change, so that 'ids' must "
				       "be made anew: give --tokenizer");
		rc = mm_tokenizer_open(&r->tokenizer, path,
				       (enum mm_clean)a->clean, err);
		if (rc)
			return a->tokenizer ? rc
					    : mm_fail_ctx(err, "the stream's "
							       "tokenizer (see "
							       "--tokenizer)");
		r->o.tokenizer = r->tokenizer;
	}
	return mm_augment_group_new(&r->group, &r->o,
				    (size_t)a->common.batch_size, err);
}

/* ---- the samples ---- */

static int finish_group(struct run *r, struct mm_err *err)
{
	int rc = MM_OK;

	if (!r->group)
		return MM_OK;
	mm_augment_group_run(r->group);
	for (size_t i = 0; !rc && i < mm_augment_group_count(r->group); i++) {
		if ((rc = mm_augment_group_result(r->group, i, err)))
			rc = mm_bad_sample(&r->bad,
					   mm_augment_group_id(r->group, i),
					   "augment", err);
		else
			rc = mm_augment_group_put(r->group, i, &r->out, err);
	}
	mm_augment_group_clear(r->group);
	mm_progress_show(&r->progress, r->out.total_rows, NULL);
	return rc;
}

static int add(struct run *r, const struct mm_sample *s, uint32_t copy,
	       struct mm_err *err)
{
	int rc;

	if (!r->group && (rc = start(r, s, err)))
		return rc;
	if (mm_augment_group_full(r->group) && (rc = finish_group(r, err)))
		return rc;
	return mm_augment_group_add(r->group, s, copy, err);
}

/* Once over the stream. */
static int pass(struct run *r, uint32_t epoch, uint32_t copies,
		struct mm_err *err)
{
	const struct mm_source_options o = { .kind = "stream" };
	const struct mm_sample *s;
	int rc = mm_sources_open(&r->sources, r->paths, r->n_paths, &o, err);

	while (!rc &&
	       !(rc = mm_sources_ours(&r->sources, &r->args->common, &r->bad,
				      "read", &s, err)) &&
	       s)
		for (uint32_t c = 0; !rc && c < copies; c++)
			rc = add(r, s, epoch + c, err);
	if (!rc)
		rc = finish_group(r, err);
	r->seen += r->sources.n * copies;
	mm_sources_release(&r->sources);
	return rc;
}

static int set_meta(struct run *r, struct mm_err *err)
{
	struct mm_buf spec = { 0 };
	char seed[24];
	int rc;

	snprintf(seed, sizeof(seed), "%" PRId64, r->args->common.seed);
	mm_augment_format(&spec, &r->o.spec);
	if (!(rc = mm_buf_check(&spec, "metadata", err)) &&
	    !(rc = mm_stream_set_meta(&r->out, "mmtool.stage", "augment",
				      err)) &&
	    !(rc = mm_stream_set_meta(&r->out, "augment", mm_buf_str(&spec),
				      err)))
		rc = mm_stream_set_meta(&r->out, "seed", seed, err);
	mm_buf_release(&spec);
	return rc;
}

static void tell_counts(const struct run *r)
{
	const struct mm_augment_counts n =
		r->group ? mm_augment_group_counts(r->group)
			 : (struct mm_augment_counts){ 0 };

	if (r->o.spec.flip > 0)
		mm_note(&r->args->common,
			"%" PRIu64 " of %" PRIu64 " flipped; %" PRIu64
			" not, because their captions forbid it",
			n.flipped, n.samples, n.refused);
	if (r->o.spec.synonyms > 0)
		mm_note(&r->args->common, "%" PRIu64 " words replaced",
			n.synonyms);
}

static int write_all(struct run *r, struct mm_err *err)
{
	const struct augment_args *a = r->args;
	const uint32_t copies = a->copies == MM_UNSET ? 1 : (uint32_t)a->copies;
	const uint32_t epochs = a->epochs == MM_UNSET ? 1 : (uint32_t)a->epochs;
	int rc = mm_stream_writer_open(
		&r->out, a->common.output ? a->common.output : "-", err);

	if (rc)
		return rc;
	mm_progress_start(&r->progress, &a->common, "samples", 0);
	rc = set_meta(r, err);
	for (uint32_t e = 0; !rc && e < epochs; e++)
		rc = pass(r, e, copies, err);
	mm_progress_end(&r->progress);
	rc = mm_bad_close(&r->bad, r->seen, rc, err);
	if (!rc)
		return mm_stream_commit(&r->out, err);
	mm_stream_abort(&r->out);
	return rc;
}

static int run_augment(const void *args, int argc, char **argv,
		       struct mm_err *err)
{
	const struct augment_args *a = args;
	struct run *r = mm_calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return mm_fail_nomem(err, "a run");
	r->args = a;
	r->paths = argv;
	r->n_paths = (size_t)argc;
	if (!(rc = choose(r, err)) &&
	    !(rc = mm_bad_open(&r->bad, &a->common, err)))
		rc = write_all(r, err);
	if (!rc)
		tell_counts(r);
	mm_augment_group_free(r->group);
	mm_sources_release(&r->sources);
	mm_tokenizer_free(r->tokenizer);
	mm_wordnet_free(r->wordnet);
	mm_free(r);
	return rc;
}

const struct mm_cmd mm_cmd_augment = {
	.name = "augment",
	.group = MM_PREPARE,
	.summary =
		"make random copies of samples, caption and picture together",
	.synopsis = "[OPTION]... [STREAM]...",
	.details = "The same operators and random numbers as `mmtool train "
		   "--augment`.  A copy's id is the sample's with `#` and the "
		   "number of the copy behind it.",
	.min_operands = 1,
	.reads_stdin = true,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct augment_args, defaults),
	.run = run_augment,
};
