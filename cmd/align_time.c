/* align_time.c - mmtool align time: texts and what happens at their times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "align/time_join.h"
#include "align/time_media.h"
#include "align/time_table.h"
#include "base/map.h"
#include "base/mem.h"
#include "cmd.h"
#include "image/encode.h"
#include "media/av.h"
#include "tensor/stream.h"
#include "time_clocks.h"

static const char *const match_words[] = { "nearest", "previous", "overlap",
					   NULL };

static const char *const auto_words[] = { "auto", NULL };

struct time_args {
	struct mm_common common;
	const char *text, *frames, *events, *pick, *media;
	int format, match;
	struct mm_list tiers, audio;
	struct mm_word offset, drift;
	double tolerance, min_overlap, fps, first, min_confidence;
	bool force;
};

static const struct time_args defaults = {
	.pick = "middle",
	.match = MM_JOIN_NEAREST,
	.tolerance = MM_UNSET_REAL,
	.fps = MM_UNSET_REAL,
	.min_overlap = 0.5,
	.first = 1,
	.offset = { MM_WORD_UNSET, NAN },
	.drift = { MM_WORD_UNSET, NAN },
	.min_confidence = MM_UNSET_REAL,
};

#define T struct time_args
static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(T),
	MM_PATH(0, "text", T, text, "CUES",
		"subtitles, lyrics or a transcript: .srt .vtt .lrc .csv .tsv "
		".TextGrid .eaf"),
	MM_ENUM(0, "format", T, format, mm_cue_formats,
		"what CUES is, where its name and contents do not tell"),
	MM_LIST(0, "tier", T, tiers, "NAME",
		"of TextGrid and EAF only this tier; may be given again"),
	MM_OPT_ON_ERROR(T),
	MM_GROUP("Offset and drift"),
	MM_PATH(0, "media", T, media, "FILE",
		"find offset and drift of the cues from the speech in FILE: "
		"WAV, or what FFmpeg's libraries open"),
	MM_WORD(0, "offset", T, offset, auto_words, "SECONDS", -1e6, 1e6,
		"seconds to add to the cues' times [auto with --media, else "
		"0]"),
	MM_WORD(0, "drift", T, drift, auto_words, "RATIO", 0.5, 2,
		"factor of the cues' times, before the offset [auto with "
		"--media, else 1]"),
	MM_LIST(0, "audio", T, audio, "FILE",
		"given twice, without --text: by how much the second "
		"recording is late against the first"),
	MM_REAL(0, "min-confidence", T, min_confidence, "Z", 0, 1e6,
		"refuse to tell what is less sure [4; 10 with --audio]"),
	MM_FLAG(0, "force", T, force, "do not refuse"),
	MM_OPT_JSON(T),
	MM_GROUP("Pairing"),
	MM_PATH(0, "frames", T, frames, "TIMES",
		"pair each cue with frames: a table of id and time, a folder "
		"of pictures named by their time, or a video"),
	MM_PATH(0, "events", T, events, "TIMES",
		"pair each cue with events: a table of id and time, or id, "
		"start and end"),
	MM_STR(0, "pick", T, pick, "middle|uniform:N",
	       "at which points of a cue a frame or event is looked for"),
	MM_ENUM(0, "match", T, match, match_words,
		"which one: nearest to the point, the last that began before "
		"it, or every one that overlaps the cue"),
	MM_REAL(0, "tolerance", T, tolerance, "S", 0, 1e9,
		"seconds that a frame or event may be away [any]"),
	MM_REAL(0, "min-overlap", T, min_overlap, "X", 0, 1,
		"share of the shorter of cue and event that must be common, "
		"with --match overlap"),
	MM_REAL(0, "fps", T, fps, "R", 1e-6, 1e6,
		"frames a second, where the pictures' names count frames"),
	MM_REAL(0, "first-frame", T, first, "N", 0, 1e9,
		"number of the frame at 0 s, with --fps"),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

/* What one run holds. */
struct job {
	const struct time_args *a;
	struct mm_cues cues;
	struct mm_moments moments;
	struct mm_stream_writer out;
	struct mm_bad bad;
	struct mm_map ids; /* how often each was used */
	struct mm_buf id;
	double cue_time[2], event_time[2]; /* of the row in the making */
	size_t n_picks;
	struct mm_sync sync;
	struct mm_av_video *video;
	struct mm_buf picture; /* of the row in the making, as a file */
	bool has_tier, has_speaker, has_image, has_text;
	uint64_t n_alone; /* cues that found nothing */
};

/* ---- cues ---- */

static int read_cues(struct job *j, struct mm_err *err)
{
	const struct time_args *a = j->a;
	const char *format = mm_cue_formats[a->format];
	unsigned char head[64];
	struct mm_file f;
	size_t n;
	int rc;

	if (!strcmp(format, "auto")) {
		if ((rc = mm_input_peek(a->text, head, sizeof(head), &n, err)))
			return rc;
		format = mm_cues_sniff(a->text, head, n);
	}
	if (format && format[1] == 's' && format[2] == 'v')
		return mm_cues_table(&j->cues, a->text,
				     (char)(*format == 'c' ? ',' : '\t'), err);
	if ((rc = mm_file_open(&f, a->text, err)))
		return rc;
	if (!format)
		format = mm_cues_sniff(a->text, f.data, f.size);
	if (!format)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "cannot tell what '%s' is; --format says it",
			     a->text);
	else
		rc = mm_cues_parse(&j->cues, format, f.data, f.size, a->text,
				   err);
	mm_file_release(&f);
	return rc;
}

static bool wanted_tier(const struct mm_list *tiers, const char *tier)
{
	for (size_t i = 0; i < tiers->n; i++)
		if (!strcmp(tiers->item[i], tier))
			return true;
	return !tiers->n;
}

/* Cues without text, and those of other tiers, go. */
static int choose_cues(struct job *j, struct mm_err *err)
{
	struct mm_cues *c = &j->cues;
	const size_t all = c->n;

	c->n = 0;
	for (size_t i = 0; i < all; i++) {
		const struct mm_cue *cue = &c->cue[i];

		if (!*cue->text || !wanted_tier(&j->a->tiers, cue->tier))
			continue;
		j->has_tier |= *cue->tier != '\0';
		j->has_speaker |= *cue->speaker != '\0';
		c->cue[c->n++] = *cue;
	}
	if (c->n || !j->a->tiers.n)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT, "'%s' has no tier '%s' with text",
		       j->a->text, j->a->tiers.item[0]);
}

/* A bad cue is a bad sample; what a standard leaves out is told. */
static int report_problems(struct job *j, struct mm_err *err)
{
	for (size_t i = 0; i < j->cues.n_problems; i++) {
		const struct mm_cue_problem *p = &j->cues.problem[i];
		char id[32];
		int rc;

		if (p->dropped) {
			mm_note(&j->a->common, "'%s' line %zu: %s; left out",
				j->a->text, p->line, p->what);
			continue;
		}
		snprintf(id, sizeof(id), "line %zu", p->line);
		(void)mm_fail(err, MM_ERR_FORMAT, "'%s' %s: %s", j->a->text, id,
			      p->what);
		if ((rc = mm_bad_sample(&j->bad, id, "cue", err)))
			return rc;
	}
	return MM_OK;
}

/* ---- offset and drift ---- */

static int too_unsure(const struct time_args *a, double confidence,
		      double least, const char *what, struct mm_err *err)
{
	if (!isnan(a->min_confidence))
		least = a->min_confidence;
	if (confidence >= least || a->force)
		return MM_OK;
	return mm_fail(err, MM_ERR_REFUSED,
		       "%s: not sure enough, %.1f where %.4g is asked for; "
		       "--force takes it anyway",
		       what, confidence, least);
}

static void print_sync(const struct time_args *a, const struct mm_sync *s,
		       bool drift, struct mm_buf *out)
{
	struct mm_json_writer *w = mm_calloc(1, sizeof(*w));

	if (a->common.json && w) {
		mm_json_writer_init(w, out, 0);
		mm_json_open(w, NULL, '{');
		mm_json_put_num(w, "offset", round(s->offset * 1e6) / 1e6);
		if (drift)
			mm_json_put_num(w, "drift",
					round(s->drift * 1e9) / 1e9);
		mm_json_put_num(w, "confidence",
				round(s->confidence * 100) / 100);
		mm_json_close(w);
		mm_buf_addc(out, '\n');
	} else if (!a->common.json) {
		mm_buf_printf(out, "offset %.6f s, ", s->offset);
		if (drift)
			mm_buf_printf(out, "drift %.6f, ", s->drift);
		mm_buf_printf(out, "confidence %.1f\n", s->confidence);
	}
	mm_free(w);
}

static int run_audio(const struct time_args *a, struct mm_err *err)
{
	struct mm_sync s = { .drift = 1 };
	struct mm_buf out = { 0 };
	int rc = mm_sync_audio(a->audio.item[0], a->audio.item[1], &s.offset,
			       &s.confidence, err);

	if (!rc)
		rc = too_unsure(a, s.confidence, 10, "the two recordings", err);
	if (rc)
		return rc;
	print_sync(a, &s, false, &out);
	rc = mm_output_text(&a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

/* From the speech in --media. */
static int find_sync(struct job *j, struct mm_sync *s, struct mm_err *err)
{
	const struct time_args *a = j->a;
	const struct mm_sync_options o = {
		.max_offset = 60,
		.fixed_offset = a->offset.word == MM_WORD_NUMBER,
		.fixed_drift = a->drift.word == MM_WORD_NUMBER,
		.offset = a->offset.value,
		.drift = a->drift.value,
	};
	struct mm_span *span = mm_malloc(j->cues.n, sizeof(*span));
	int rc;

	if (!span)
		return mm_fail_nomem(err, "cues");
	for (size_t i = 0; i < j->cues.n; i++) {
		span[i].start = j->cues.cue[i].start;
		span[i].end = j->cues.cue[i].end;
	}
	rc = mm_sync_media(s, a->media, span, j->cues.n, &o, err);
	mm_free(span);
	return rc ? rc
		  : too_unsure(a, s->confidence, 4, "the cues and the speech",
			       err);
}

/* To the microsecond: what files hold has no more digits. */
static double moved(double t, const struct mm_sync *s)
{
	return round((t * s->drift + s->offset) * 1e6) / 1e6;
}

/* Find them or take them as told, and move the cues. */
static int move_cues(struct job *j, struct mm_err *err)
{
	const struct time_args *a = j->a;
	int rc;

	j->sync = (struct mm_sync){ .drift = 1 };
	if (a->media) {
		if ((rc = find_sync(j, &j->sync, err)))
			return rc;
		if (!a->common.json)
			mm_note(&a->common,
				"offset %.3f s, drift %.6f, confidence %.1f",
				j->sync.offset, j->sync.drift,
				j->sync.confidence);
	} else {
		if (a->offset.word == MM_WORD_NUMBER)
			j->sync.offset = a->offset.value;
		if (a->drift.word == MM_WORD_NUMBER)
			j->sync.drift = a->drift.value;
	}
	for (size_t i = 0; i < j->cues.n; i++) {
		struct mm_cue *c = &j->cues.cue[i];

		c->start = moved(c->start, &j->sync);
		c->end = moved(c->end, &j->sync);
	}
	return MM_OK;
}

/* ---- rows ---- */

/* The cue's own name, or its number; made unique by "#1", "#2", ... */
static int put_id(struct job *j, size_t cue, size_t pick, struct mm_err *err)
{
	const char *own = j->cues.cue[cue].id;
	int64_t *used;

	mm_buf_clear(&j->id);
	if (*own)
		mm_buf_adds(&j->id, own);
	else
		mm_buf_printf(&j->id, "%zu", cue + 1);
	if (j->n_picks > 1)
		mm_buf_printf(&j->id, "@%zu", pick);
	used = mm_map_put(&j->ids, mm_buf_str(&j->id), j->id.len, NULL);
	if (!used)
		return mm_fail_nomem(err, "ids");
	if ((*used)++)
		mm_buf_printf(&j->id, "#%lld", (long long)*used - 1);
	return mm_stream_put_str(&j->out, "id", j->id.data, j->id.len, err);
}

static int put_str(struct job *j, const char *name, const char *s,
		   struct mm_err *err)
{
	return mm_stream_put_str(&j->out, name, s, strlen(s), err);
}

static int put_cue(struct job *j, size_t i, size_t pick, struct mm_err *err)
{
	const struct mm_cue *cue = &j->cues.cue[i];
	static const size_t two = 2;
	int rc = put_id(j, i, pick, err);

	j->cue_time[0] = cue->start;
	j->cue_time[1] = cue->end;
	if (!rc)
		rc = put_str(j, "text", cue->text, err);
	if (!rc)
		rc = mm_stream_put(&j->out, "time", MM_F64, 1, &two,
				   j->cue_time, err);
	if (!rc && j->has_tier)
		rc = put_str(j, "tier", cue->tier, err);
	if (!rc && j->has_speaker)
		rc = put_str(j, "speaker", cue->speaker, err);
	return rc;
}

static int write_cues(struct job *j, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < j->cues.n && !rc; i++) {
		rc = put_cue(j, i, 0, err);
		if (!rc)
			rc = mm_stream_end_row(&j->out, err);
	}
	return rc;
}

/* ---- pairing ---- */

/* The video's frame, as a PNG file. */
static int put_video_frame(struct job *j, const struct mm_moment *m,
			   struct mm_err *err)
{
	struct mm_image im = { .mode = MM_IMAGE_RGB };
	const uint8_t *rgb;
	int rc = mm_av_video_frame(j->video, m->start, &rgb, &im.w, &im.h, err);

	if (rc)
		return mm_fail_ctx(err, "'%s'", j->a->frames);
	im.data = (uint8_t *)(uintptr_t)rgb; /* read only */
	mm_buf_clear(&j->picture);
	if ((rc = mm_image_png(&j->picture, &im, err)))
		return rc;
	if ((rc = mm_stream_put_str(&j->out, "image.data", j->picture.data,
				    j->picture.len, err)))
		return rc;
	return put_str(j, "image.id", m->id, err);
}

static int put_frame(struct job *j, const struct mm_moment *m,
		     struct mm_err *err)
{
	int rc = put_str(j, "frame.id", m->id, err);

	if (!rc)
		rc = mm_stream_put(&j->out, "frame.time", MM_F64, 0, NULL,
				   &m->start, err);
	if (!rc && j->video)
		return put_video_frame(j, m, err);
	if (rc || !j->has_image)
		return rc;
	if ((rc = put_str(j, "image.path", m->image ? m->image : "", err)))
		return rc;
	return put_str(j, "image.id", m->id, err);
}

static int put_event(struct job *j, const struct mm_moment *m,
		     struct mm_err *err)
{
	static const size_t two = 2;
	int rc = put_str(j, "event.id", m->id, err);

	j->event_time[0] = m->start;
	j->event_time[1] = m->end;
	if (!rc)
		rc = mm_stream_put(&j->out, "event.time", MM_F64, 1, &two,
				   j->event_time, err);
	if (!rc && j->has_text)
		rc = put_str(j, "event.text", m->text ? m->text : "", err);
	return rc;
}

static int put_pair(void *ctx, const struct mm_query *q,
		    const struct mm_moment *m, struct mm_err *err)
{
	struct job *j = ctx;
	int rc;

	if (!m) {
		j->n_alone++;
		return MM_OK;
	}
	rc = put_cue(j, q->cue, q->pick, err);
	if (!rc)
		rc = j->a->frames ? put_frame(j, m, err) : put_event(j, m, err);
	return rc ? rc : mm_stream_end_row(&j->out, err);
}

/* Neither a folder nor text. */
static int is_video(const char *path, bool *is, struct mm_err *err)
{
	unsigned char head[64];
	size_t n;
	int rc = mm_input_peek(path, head, sizeof(head), &n, err);

	*is = false;
	for (size_t i = 0; !rc && i < n; i++)
		*is |= head[i] < 9;
	return rc;
}

/* Every frame by its time; the pictures come when they are asked for. */
static int read_video(struct job *j, const char *path, struct mm_err *err)
{
	double *times;
	size_t n;
	int rc = mm_av_video_times(&times, &n, path, err);

	for (size_t i = 0; i < n && !rc; i++) {
		struct mm_moment m = { .start = times[i], .end = times[i] };

		m.id = mm_arena_printf(&j->moments.arena, "%zu", i);
		rc = m.id ? mm_moments_add(&j->moments, &m, err)
			  : mm_fail_nomem(err, "times of frames");
	}
	mm_free(times);
	return rc ? rc : mm_av_video_open(&j->video, path, err);
}

static int read_moments(struct job *j, struct mm_err *err)
{
	const struct time_args *a = j->a;
	const char *path = a->frames ? a->frames : a->events;
	struct stat st;
	bool video = false;
	int rc;

	if (a->frames && !(stat(path, &st) == 0 && S_ISDIR(st.st_mode)) &&
	    (rc = is_video(path, &video, err)))
		return rc;
	if (video)
		rc = read_video(j, path, err);
	else if (a->frames && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		rc = mm_moments_folder(&j->moments, path, a->fps, a->first,
				       err);
	else
		rc = mm_moments_table(&j->moments, path, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < j->moments.n; i++) {
		j->has_image |= j->moments.at[i].image != NULL;
		j->has_text |= j->moments.at[i].text != NULL;
	}
	return MM_OK;
}

static int by_point(const void *a, const void *b)
{
	const struct mm_query *p = a, *q = b;

	if (p->at < q->at || p->at > q->at)
		return p->at < q->at ? -1 : 1;
	if (p->cue != q->cue)
		return p->cue < q->cue ? -1 : 1;
	return p->pick < q->pick ? -1 : p->pick > q->pick;
}

/* The points of all cues in the order of their times. */
static struct mm_query *make_queries(const struct job *j, size_t *n)
{
	const bool spans = j->a->match == MM_JOIN_OVERLAP;
	const size_t picks = spans ? 1 : j->n_picks;
	struct mm_query *q;

	*n = 0;
	if (!mm_mul_ok(n, j->cues.n, picks) || !(q = mm_calloc(*n, sizeof(*q))))
		return NULL;
	for (size_t i = 0; i < *n; i++) {
		const struct mm_cue *c = &j->cues.cue[i / picks];
		const double share =
			((double)(i % picks) + 0.5) / (double)picks;

		q[i].start = c->start;
		q[i].end = c->end;
		q[i].at = spans ? c->start
				: c->start + (c->end - c->start) * share;
		q[i].cue = i / picks;
		q[i].pick = i % picks;
	}
	if (*n)
		qsort(q, *n, sizeof(*q), by_point);
	return q;
}

static int write_pairs(struct job *j, struct mm_err *err)
{
	const struct time_args *a = j->a;
	const struct mm_join_rule rule = {
		.how = (enum mm_join)a->match,
		.tolerance = isnan(a->tolerance) ? INFINITY : a->tolerance,
		.overlap = a->min_overlap,
	};
	struct mm_query *q = NULL;
	size_t n;
	int rc = read_moments(j, err);

	if (rc)
		return rc;
	if (rule.how == MM_JOIN_NEAREST)
		mm_moments_by_middle(&j->moments);
	if (!(q = make_queries(j, &n)))
		return mm_fail_nomem(err, "the points of the cues");
	rc = mm_join(q, n, &j->moments, &rule, put_pair, j, err);
	if (!rc && j->n_alone)
		mm_note(&a->common, "%llu of %zu points found no %s",
			(unsigned long long)j->n_alone, n,
			a->frames ? "frame" : "event");
	mm_free(q);
	return rc;
}

/* ---- the run ---- */

static int parse_pick(struct job *j, struct mm_err *err)
{
	const char *s = j->a->pick;
	char *end;
	long n;

	j->n_picks = 1;
	if (!strcmp(s, "middle"))
		return MM_OK;
	if (!strncmp(s, "uniform:", 8)) {
		n = strtol(s + 8, &end, 10);
		if (end != s + 8 && !*end && n >= 1 && n <= 10000) {
			j->n_picks = (size_t)n;
			return MM_OK;
		}
	}
	return mm_fail(err, MM_ERR_USAGE,
		       "--pick is 'middle' or 'uniform:N' with N from 1 to "
		       "10000, not '%s'",
		       s);
}

static int check_args(struct job *j, struct mm_err *err)
{
	const struct time_args *a = j->a;

	if (a->audio.n && (a->audio.n != 2 || a->text || a->media))
		return mm_fail(err, MM_ERR_USAGE,
			       "--audio is given twice, and without --text and "
			       "--media");
	if (!a->text && !a->audio.n && !a->media)
		return mm_fail(err, MM_ERR_USAGE,
			       "--text names the subtitles or the transcript");
	if (a->frames && a->events)
		return mm_fail(err, MM_ERR_USAGE,
			       "--frames and --events exclude each other");
	if (!a->media && (a->offset.word == 0 || a->drift.word == 0))
		return mm_fail(err, MM_ERR_USAGE,
			       "--offset auto and --drift auto need --media");
	if (a->common.json && !a->media && !a->audio.n)
		return mm_fail(err, MM_ERR_USAGE,
			       "--json prints what --media or --audio finds");
	return parse_pick(j, err);
}

/* Offset, drift and confidence alone. */
static int write_sync(struct job *j, struct mm_err *err)
{
	struct mm_buf out = { 0 };
	int rc;

	print_sync(j->a, &j->sync, true, &out);
	rc = mm_output_text(&j->a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

static int write_stream(struct job *j, struct mm_err *err)
{
	const struct mm_common *c = &j->a->common;
	int rc = mm_stream_writer_open(&j->out, c->output ? c->output : "-",
				       err);

	if (rc)
		return rc;
	rc = mm_stream_set_meta(&j->out, "mmtool.stage", "align time", err);
	if (!rc)
		rc = j->a->frames || j->a->events ? write_pairs(j, err)
						  : write_cues(j, err);
	if (!rc)
		return mm_stream_commit(&j->out, err);
	mm_stream_abort(&j->out);
	return rc;
}

static int run_time(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args };
	int rc = check_args(&j, err);

	(void)argc, (void)argv;
	if (!rc && j.a->audio.n)
		return run_audio(j.a, err);
	if (!rc && !j.a->text)
		return mm_time_clocks(&j.a->common, j.a->media, err);
	if (rc || (rc = mm_bad_open(&j.bad, &j.a->common, err)))
		return rc;
	if (!(rc = read_cues(&j, err)) && !(rc = report_problems(&j, err)) &&
	    !(rc = choose_cues(&j, err)) && !(rc = move_cues(&j, err)))
		rc = j.a->common.json ? write_sync(&j, err)
				      : write_stream(&j, err);
	rc = mm_bad_close(&j.bad, j.cues.n + j.cues.n_problems, rc, err);
	mm_cues_release(&j.cues);
	mm_moments_release(&j.moments);
	mm_map_release(&j.ids);
	mm_av_video_close(j.video);
	mm_buf_release(&j.picture);
	mm_buf_release(&j.id);
	return rc;
}

const struct mm_cmd mm_cmd_align_time = {
	.name = "align",
	.mode = "time",
	.group = MM_PREPARE,
	.summary = "bring texts together with what happens at their times",
	.synopsis = "(--text CUES [--media FILE] [--frames TIMES | --events "
		    "TIMES] | --media FILE | --audio A --audio B) [OPTION]...",
	.details = "The cues alone become a stream of id, text and time; with "
		   "TIMES each is paired with frames or events.",
	.min_operands = 0,
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct time_args, defaults),
	.run = run_time,
};
