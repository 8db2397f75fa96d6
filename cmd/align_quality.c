/*
 * align_quality.c - mmtool align quality: how good pictures and captions are,
 * and whether they fit each other.
 *
 * Percentiles need the whole set, so it is read twice: once to measure, once
 * to write.  What comes from a pipe waits in an unnamed temporary file.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "align/near.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/group.h"
#include "quality.h"
#include "sources.h"
#include "spool.h"

struct quality_args {
	struct mm_common common;
	struct mm_source_args source;
	double max_gap, max_aspect;
	int64_t distance, min_side, min_words, min_chars;
	int hash;
	bool drop, duplicates;
	const char *html;
	struct mm_list language;
};

static const struct quality_args defaults = {
	.common = { .batch_size = 64 },
	.max_gap = MM_UNSET_REAL,
	.max_aspect = MM_UNSET_REAL,
	.distance = 4,
};

static const char *const hash_words[] = { "phash", "dhash", "average", NULL };

const char *const quality_flag_names[QUALITY_N_FLAGS] = {
	"gap", "duplicate", "side", "aspect", "words", "chars", "language"
};

#define T struct quality_args
static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(T),
	MM_GROUP("Flags"),
	MM_REAL(0, "max-gap", T, max_gap, "P", 0, 100,
		"flag pairs whose percentiles of picture and caption are "
		"further apart"),
	MM_FLAG(0, "duplicates", T, duplicates,
		"flag pictures that are near duplicates of one before"),
	MM_INT(0, "min-side", T, min_side, "N", 0, 1e9,
	       "flag pictures with a side of fewer pixels"),
	MM_REAL(0, "max-aspect", T, max_aspect, "R", 1, 1e9,
		"flag pictures that are longer than R times their width"),
	MM_INT(0, "min-words", T, min_words, "N", 0, 1e9,
	       "flag captions of fewer words"),
	MM_INT(0, "min-chars", T, min_chars, "N", 0, 1e9,
	       "flag captions of fewer characters"),
	MM_LIST(0, "language", T, language, "CODE",
		"flag captions that are, by a guess, in no such language: en; "
		"given again, one more"),
	MM_FLAG(0, "drop", T, drop, "leave flagged samples out"),
	MM_GROUP("Report"),
	MM_OPT_JSON(T),
	MM_PATH(0, "html", T, html, "FILE",
		"write the report as a page with histograms"),
	MM_ENUM(0, "hash", T, hash, hash_words,
		"perceptual hash that tells near duplicates"),
	MM_INT(0, "distance", T, distance, "BITS", 0, MM_NEAR_MAX,
	       "two hashes with at most so many different bits are near"),
	MM_OPT_BATCH(T),
	MM_OPT_SHARD(T),
	MM_OPT_ON_ERROR(T),
	MM_OPT_SOURCE(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct run {
	const struct quality_args *args;
	struct mm_spool operands;
	struct mm_sources sources;
	struct mm_sample_group group;
	struct mm_quality_work *work; /* of each thread */
	struct mm_quality_row *row;
	size_t n, cap;
	char **id;	   /* n of them, NULL where not needed */
	uint32_t *members; /* of each group, at its first row */
	struct quality_set set;
	struct mm_stream_writer out;
	struct mm_bad bad;
	struct mm_progress progress;
	struct mm_buf scratch, flags;
};

/* ---- pass 1: measure ---- */

static int measure(void *ctx, size_t i, size_t thread, struct mm_err *err)
{
	struct run *r = ctx;
	const struct mm_sample *s = &r->group.item[i].sample;
	const int rc = mm_quality_measure(
		&r->row[r->n - r->group.n + i], &r->work[thread], s,
		(enum mm_hash_kind)r->args->hash, err);

	return rc ? mm_fail_ctx(err, "'%s' %s, '%s'", s->source, s->where,
				s->id.str)
		  : MM_OK;
}

static int finish_group(struct run *r, struct mm_err *err)
{
	const size_t first = r->n - r->group.n;
	int rc = MM_OK;

	mm_sample_group_run(&r->group, measure, r);
	for (size_t i = 0; !rc && i < r->group.n; i++) {
		if (!(rc = mm_sample_group_result(&r->group, i, err)))
			continue;
		r->row[first + i].bad = true;
		rc = mm_bad_sample(&r->bad, r->group.item[i].sample.id.str,
				   "quality", err);
	}
	r->group.n = 0;
	mm_progress_show(&r->progress, r->n, NULL);
	return rc;
}

static int add(struct run *r, const struct mm_sample *s, struct mm_err *err)
{
	int rc;

	if (r->n == r->cap) {
		const size_t cap = r->cap ? 2 * r->cap : 1024;
		struct mm_quality_row *p = mm_realloc(r->row, cap, sizeof(*p));

		if (!p || cap > UINT32_MAX)
			return mm_fail_nomem(err, "the samples' figures");
		r->row = p;
		r->cap = cap;
	}
	if ((rc = mm_sample_group_add(&r->group, s, 0, err)))
		return rc;
	r->n++;
	return r->group.n == r->group.size ? finish_group(r, err) : MM_OK;
}

static int open_sources(struct run *r, struct mm_err *err)
{
	const struct mm_source_options o = mm_source_options(&r->args->source);
	int rc = mm_spool_rewind(&r->operands, err);

	return rc ? rc
		  : mm_sources_open(&r->sources, r->operands.path,
				    r->operands.n, &o, err);
}

static int measure_all(struct run *r, struct mm_err *err)
{
	const size_t threads = (size_t)mm_threads();
	const struct mm_sample *s;
	bool ours;
	int rc;

	if (!(r->work = mm_calloc(threads, sizeof(*r->work))))
		return mm_fail_nomem(err, "a group of samples");
	if ((rc = mm_sample_group_init(
		     &r->group, (size_t)r->args->common.batch_size, err)) ||
	    (rc = open_sources(r, err)))
		return rc;
	while (!(rc = mm_sources_any(&r->sources, &r->args->common, &r->bad,
				     "read", &s, &ours, err)) &&
	       s)
		if ((rc = add(r, s, err)))
			return rc;
	if (!rc)
		rc = finish_group(r, err);
	if (!rc)
		rc = mm_bad_close(&r->bad, r->sources.n, rc, err);
	mm_sources_release(&r->sources);
	return rc ? rc
		  : mm_quality_rank(r->row, r->n, (int)r->args->distance, err);
}

/* ---- what is flagged ---- */

static bool speaks(const struct mm_list *languages, const char *code)
{
	for (size_t i = 0; i < languages->n; i++)
		if (!strcmp(languages->item[i], code))
			return true;
	return !languages->n;
}

static unsigned flags_of(const struct run *r, size_t i)
{
	const struct quality_args *a = r->args;
	const struct mm_quality_row *q = &r->row[i];
	const double aspect = (double)q->figure[MM_FIGURE_ASPECT];
	const bool on[QUALITY_N_FLAGS] = {
		[QUALITY_GAP] =
			q->has_image && q->has_text &&
			fabs((double)q->image - (double)q->text) > a->max_gap,
		[QUALITY_DUPLICATE] =
			a->duplicates && mm_quality_duplicate(r->row, i),
		[QUALITY_SIDE] =
			q->has_image &&
			(double)q->figure[MM_FIGURE_SIDE] < (double)a->min_side,
		[QUALITY_ASPECT] = q->has_image && aspect > a->max_aspect,
		[QUALITY_WORDS] =
			q->has_text && (double)q->figure[MM_FIGURE_WORDS] <
					       (double)a->min_words,
		[QUALITY_CHARS] =
			q->has_text && (double)q->figure[MM_FIGURE_CHARS] <
					       (double)a->min_chars,
		[QUALITY_LANGUAGE] =
			q->has_text && !speaks(&a->language, q->language),
	};
	unsigned bits = 0;

	for (unsigned f = 0; f < QUALITY_N_FLAGS; f++)
		bits |= (unsigned)on[f] << f;
	return bits;
}

static int summarise(struct run *r, struct mm_err *err)
{
	struct quality_set *s = &r->set;

	s->row = r->row;
	s->n = r->n;
	s->distance = (int)r->args->distance;
	r->id = mm_calloc(r->n, sizeof(*r->id));
	r->members = mm_calloc(r->n, sizeof(*r->members));
	if (!r->id || !r->members)
		return mm_fail_nomem(err, "ids");
	for (size_t i = 0; i < r->n; i++) {
		unsigned bits;

		if (r->row[i].bad) {
			s->n_bad++;
			continue;
		}
		r->members[r->row[i].group]++;
		s->n_images += r->row[i].has_image;
		s->n_texts += r->row[i].has_text;
		bits = flags_of(r, i);
		s->n_flagged += bits != 0;
		for (unsigned f = 0; f < QUALITY_N_FLAGS; f++)
			s->n_flag[f] += bits >> f & 1;
	}
	return MM_OK;
}

/* ---- pass 2: write ---- */

static int put_figures(struct run *r, size_t i, struct mm_err *err)
{
	static const char *const name[MM_N_FIGURES] = {
		"quality.side",	      "quality.aspect",	 "quality.blur",
		"quality.clipped",    "quality.entropy", "quality.jpeg",
		"quality.chars",      "quality.words",	 "quality.unique",
		"quality.repetition", "quality.alnum",
	};
	const struct mm_quality_row *q = &r->row[i];
	int rc = MM_OK;

	for (int f = 0; !rc && f < MM_N_FIGURES; f++)
		rc = mm_stream_put(&r->out, name[f], MM_F32, 0, NULL,
				   &q->figure[f], err);
	return rc;
}

static int put(struct run *r, const struct mm_sample *s, size_t i,
	       struct mm_err *err)
{
	const struct mm_quality_row *q = &r->row[i];
	const unsigned bits = flags_of(r, i);
	const int64_t group = (int64_t)q->group;
	char hash[17] = "";
	int rc;

	if (bits && r->args->drop)
		return MM_OK;
	if (q->has_image)
		snprintf(hash, sizeof(hash), "%016" PRIx64, q->hash);
	mm_buf_clear(&r->flags);
	for (unsigned f = 0; f < QUALITY_N_FLAGS; f++)
		if (bits >> f & 1)
			mm_buf_printf(&r->flags, "%s%s",
				      r->flags.len ? "," : "",
				      quality_flag_names[f]);
	if ((rc = mm_buf_check(&r->flags, "flags", err)) ||
	    (rc = mm_stream_put(&r->out, "quality.image", MM_F32, 0, NULL,
				&q->image, err)) ||
	    (rc = mm_stream_put(&r->out, "quality.text", MM_F32, 0, NULL,
				&q->text, err)) ||
	    (rc = mm_stream_put(&r->out, "quality.group", MM_I64, 0, NULL,
				&group, err)) ||
	    (rc = mm_stream_put_str(&r->out, "quality.hash", hash, strlen(hash),
				    err)) ||
	    (rc = mm_stream_put_str(&r->out, "quality.language", q->language,
				    strlen(q->language), err)) ||
	    (rc = mm_stream_put_str(&r->out, "quality.flags",
				    mm_buf_str(&r->flags), r->flags.len,
				    err)) ||
	    (rc = put_figures(r, i, err)) ||
	    (rc = mm_sample_put(&r->out, s, NULL, &r->scratch, err)))
		return rc;
	return mm_stream_end_row(&r->out, err);
}

static int changed(struct mm_err *err)
{
	return mm_fail(err, MM_ERR_IO,
		       "a source changed between the first and the second "
		       "reading");
}

/* The samples again, those that were bad left out as before. */
static int second_pass(struct run *r, bool write, struct mm_err *err)
{
	const struct mm_sample *s;
	size_t i = 0;
	int rc = open_sources(r, err);

	while (!rc) {
		rc = mm_sources_next(&r->sources, &s, err);
		if (rc && r->sources.bad_sample) {
			rc = MM_OK;
			continue;
		}
		if (rc || !s)
			break;
		if (i == r->n)
			return changed(err);
		if (!r->row[i].bad && r->members[r->row[i].group] > 1 &&
		    !(r->id[i] = mm_strndup(s->id.str, s->id.len)))
			return mm_fail_nomem(err, "ids");
		if (!r->row[i].bad && write &&
		    mm_shard_has(&r->args->common.shard, r->sources.position))
			rc = put(r, s, i, err);
		i++;
	}
	mm_sources_release(&r->sources);
	return !rc && i != r->n ? changed(err) : rc;
}

static int write_report(struct run *r, bool on_stdout, struct mm_err *err)
{
	const struct quality_args *a = r->args;
	struct mm_common to = { .output = "-" };
	struct mm_buf b = { 0 };
	int rc = MM_OK;

	if (a->html && !(rc = quality_html(&b, &r->set, err)) &&
	    !(rc = mm_buf_check(&b, "the report", err)))
		rc = mm_file_write(a->html, b.data, b.len, err);
	mm_buf_clear(&b);
	if (!rc && on_stdout) {
		rc = a->common.json ? quality_json(&b, &r->set, err)
				    : quality_text(&b, &r->set, err);
		if (!rc)
			rc = mm_output_text(&to, &b, err);
	}
	mm_buf_release(&b);
	return rc;
}

static int write_all(struct run *r, struct mm_err *err)
{
	const struct quality_args *a = r->args;
	const char *to = a->common.output ? a->common.output : "-";
	const bool named = strcmp(to, "-") != 0;
	const bool terminal = !named && isatty(STDOUT_FILENO);
	const bool stream = named || (!a->common.json && !terminal);
	int rc = MM_OK;

	if (stream && !(rc = mm_stream_writer_open(&r->out, to, err)))
		rc = mm_stream_set_meta(&r->out, "mmtool.stage",
					"align quality", err);
	if (!rc)
		rc = second_pass(r, stream, err);
	r->set.id = (const char *const *)r->id;
	if (!rc)
		rc = write_report(r, !stream || named, err);
	if (!rc && stream)
		return mm_stream_commit(&r->out, err);
	mm_stream_abort(&r->out);
	return rc;
}

static int run_all(struct run *r, int argc, char **argv, struct mm_err *err)
{
	const struct quality_args *a = r->args;
	int rc = mm_spool_open(&r->operands, argc, argv, err);

	if (rc || (rc = mm_bad_open(&r->bad, &a->common, err)))
		return rc;
	mm_progress_start(&r->progress, &a->common, "samples", 0);
	rc = measure_all(r, err);
	mm_progress_end(&r->progress);
	if (rc || (rc = summarise(r, err)) || (rc = write_all(r, err)))
		return rc;
	mm_note(&a->common, "%zu samples, %llu flagged%s",
		r->n - (size_t)r->set.n_bad,
		(unsigned long long)r->set.n_flagged,
		a->drop ? " and left out" : "");
	return MM_OK;
}

static int run_quality(const void *args, int argc, char **argv,
		       struct mm_err *err)
{
	struct run *r = mm_calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return mm_fail_nomem(err, "a run");
	r->args = args;
	rc = run_all(r, argc, argv, err);
	mm_sources_release(&r->sources);
	for (int t = 0; r->work && t < mm_threads(); t++)
		mm_quality_work_release(&r->work[t]);
	for (size_t i = 0; r->id && i < r->n; i++)
		mm_free(r->id[i]);
	mm_sample_group_release(&r->group);
	mm_buf_release(&r->scratch);
	mm_buf_release(&r->flags);
	mm_free(r->members);
	mm_free(r->work);
	mm_free(r->row);
	mm_free(r->id);
	mm_spool_release(&r->operands);
	mm_free(r);
	return rc;
}

const struct mm_cmd mm_cmd_align_quality = {
	.name = "align",
	.mode = "quality",
	.group = MM_PREPARE,
	.summary = "measure pictures and captions, find near duplicates",
	.synopsis = "[OPTION]... [SOURCE]...",
	.details = "Adds figures and percentiles to each sample; the report "
		   "goes to standard output where -o names a file.  The whole "
		   "set is measured whatever --shard says: percentiles and "
		   "duplicates are of all.",
	.min_operands = 1,
	.reads_stdin = true,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct quality_args, defaults),
	.run = run_quality,
};
