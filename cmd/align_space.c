/* align_space.c - mmtool align space: boxes and phrases, checked and moved. */
#include <inttypes.h>
#include <string.h>

#include "align/space.h"
#include "base/mem.h"
#include "cmd.h"
#include "image/decode.h"
#include "image/geometry.h"
#include "sources.h"

enum to { CURRENT, ORIGINAL };

static const char *const to_words[] = { "current", "original", NULL };

struct space_args {
	struct mm_common common;
	struct mm_source_args source;
	int to;
	bool check;
	double min_visible;
};

static const struct space_args defaults = { 0 };

#define T struct space_args
static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(T),
	MM_FLAG(0, "check", T, check,
		"list what is wrong with boxes and phrases, and write no "
		"stream"),
	MM_ENUM(0, "to", T, to, to_words,
		"pixels of the picture as it is in the stream, or of the file "
		"that it was made from"),
	MM_REAL(0, "min-visible", T, min_visible, "F", 0, 1,
		"with --to current: drop boxes with less than this part of "
		"their area within the picture (always those with none)"),
	MM_OPT_SHARD(T),
	MM_OPT_ON_ERROR(T),
	MM_OPT_SOURCE(T),
	MM_PATH(0, "instances", T, source.instances, "FILE",
		"kind coco: JSON whose boxes go to the captions' pictures"),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

/* One sample's boxes, moved or checked. */
struct boxes {
	float (*at)[4];
	struct mm_str *phrase; /* NULL: there are none */
	size_t n;
};

struct run {
	const struct space_args *args;
	struct mm_sources sources;
	struct mm_stream_writer out;
	struct mm_writer list;
	struct mm_bad bad;
	struct mm_progress progress;
	struct mm_arena arena; /* of the sample */
	struct mm_buf text;
	struct boxes boxes;
	double w, h; /* of the picture in hand */
	uint64_t n_boxes, n_cut, n_dropped, n_samples;
	uint64_t n_faults[4], n_lost; /* --check */
	bool first;		      /* of the JSON list */
};

/* ---- what a sample has ---- */

static int take_phrases(struct run *r, const struct mm_sample *s,
			struct mm_err *err)
{
	const struct mm_column *c =
		s->segment ? mm_segment_find(s->segment, "phrases") : NULL;
	struct mm_str *p;
	const char *line, *end;
	size_t len, n = 0;

	r->boxes.phrase = NULL;
	if (!c && !s->phrases)
		return MM_OK;
	if (!(p = mm_arena_alloc(&r->arena, s->n_boxes + 1, sizeof(*p))))
		return mm_fail_nomem(err, "phrases");
	r->boxes.phrase = p;
	if (!c) {
		memcpy(p, s->phrases, s->n_boxes * sizeof(*p));
		return MM_OK;
	}
	if (!(line = mm_column_str(c, s->row, &len)))
		return mm_fail(err, MM_ERR_SHAPE,
			       "column 'phrases' must be strings");
	for (end = line + len; line < end && n <= s->n_boxes; n++) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));

		nl = nl ? nl : end;
		p[n] = (struct mm_str){ line, (size_t)(nl - line) };
		line = nl + 1;
	}
	if (n != s->n_boxes || line < end)
		return mm_fail(err, MM_ERR_FORMAT,
			       "it has %zu boxes and another number of phrases",
			       s->n_boxes);
	return MM_OK;
}

static int take_boxes(struct run *r, const struct mm_sample *s,
		      struct mm_err *err)
{
	mm_arena_reset(&r->arena);
	r->boxes.n = s->n_boxes;
	r->boxes.at =
		mm_arena_alloc(&r->arena, s->n_boxes + 1, sizeof(*r->boxes.at));
	if (!r->boxes.at)
		return mm_fail_nomem(err, "boxes");
	if (s->n_boxes)
		memcpy(r->boxes.at, s->boxes,
		       s->n_boxes * sizeof(*r->boxes.at));
	return take_phrases(r, s, err);
}

/* The encoded picture's header. */
static int probe(struct run *r, const struct mm_sample *s, struct mm_err *err)
{
	struct mm_image_info info;
	struct mm_file f;
	int rc;

	if (s->image_data) {
		rc = mm_image_probe(&info, s->image_data, s->image_size, NULL,
				    err);
	} else {
		if (!s->image_path.str)
			return mm_fail(err, MM_ERR_FORMAT,
				       "it has boxes and no picture");
		if ((rc = mm_file_open(&f, s->image_path.str, err)))
			return rc;
		rc = mm_image_probe(&info, f.data, f.size, NULL, err);
		mm_file_release(&f);
	}
	r->w = (double)info.w;
	r->h = (double)info.h;
	return rc;
}

static int take_size(struct run *r, const struct mm_sample *s,
		     struct mm_err *err)
{
	static const size_t any[] = { SIZE_MAX, SIZE_MAX, SIZE_MAX };
	const struct mm_column *c =
		s->segment ? mm_segment_find(s->segment, "image") : NULL;
	int rc;

	if (!c)
		return probe(r, s, err);
	if ((rc = mm_segment_want(s->segment, "image", c->items.dtype, false, 3,
				  any, &c, err)))
		return rc;
	r->h = (double)c->items.dim[2];
	r->w = (double)c->items.dim[3];
	return MM_OK;
}

/* The map from the file's pixels to the picture's; none is the identity. */
static int take_map(const struct mm_sample *s, double a[6], struct mm_err *err)
{
	static const size_t six[] = { 6 };
	const struct mm_column *c;
	float row[6];
	size_t n;
	int rc;

	mm_affine_identity(a);
	if (!s->segment || !mm_segment_find(s->segment, "affine"))
		return MM_OK;
	if ((rc = mm_segment_want(s->segment, "affine", MM_F32, false, 1, six,
				  &c, err)))
		return rc;
	memcpy(row, mm_column_row(c, s->row, &n), sizeof(row));
	for (int k = 0; k < 6; k++)
		a[k] = (double)row[k];
	return MM_OK;
}

static bool in_original(const struct mm_sample *s)
{
	const char *v =
		s->segment ? mm_segment_meta(s->segment, "boxes.space") : NULL;

	return v && !strcmp(v, "original");
}

static int move(struct run *r, const struct mm_sample *s, enum to to,
		struct mm_err *err)
{
	double a[6], back[6];
	int rc;

	if (in_original(s) == (to == ORIGINAL))
		return MM_OK;
	if ((rc = take_map(s, a, err)))
		return rc;
	if (to == ORIGINAL && !mm_affine_invert(back, a))
		return mm_fail(err, MM_ERR_FORMAT,
			       "its 'affine' has no way back");
	for (size_t i = 0; i < r->boxes.n; i++)
		mm_box_map(r->boxes.at[i], to == ORIGINAL ? back : a);
	return MM_OK;
}

/* ---- --check ---- */

static int fault(struct run *r, const struct mm_sample *s, size_t i,
		 const char *what, struct mm_err *err)
{
	static const struct mm_str none = { "", 0 };
	const struct mm_str *phrase =
		r->boxes.phrase ? &r->boxes.phrase[i] : &none;
	const float *b = r->boxes.at[i];
	struct mm_json_writer w;
	int rc;

	mm_buf_clear(&r->text);
	if (!r->args->common.json) {
		mm_buf_printf(&r->text, "%s\t%zu\t%s\t%g %g %g %g\t%.*s\n",
			      s->id.str, i, what, (double)b[0], (double)b[1],
			      (double)b[2], (double)b[3], (int)phrase->len,
			      phrase->str);
	} else {
		mm_json_writer_init(&w, &r->text, 0);
		mm_json_open(&w, NULL, '{');
		mm_json_put_str(&w, "id", s->id.str);
		mm_json_put_int(&w, "box", (int64_t)i);
		mm_json_put_str(&w, "fault", what);
		mm_json_open(&w, "at", '[');
		for (int k = 0; k < 4; k++)
			mm_json_put_num(&w, NULL, (double)b[k]);
		mm_json_close(&w);
		mm_json_put_strn(&w, "phrase", phrase->str, phrase->len);
		mm_json_close(&w);
	}
	if ((rc = mm_buf_check(&r->text, "the list", err)))
		return rc;
	if (r->args->common.json && !r->first &&
	    (rc = mm_writer_write(&r->list, ",", 1, err)))
		return rc;
	r->first = false;
	return mm_writer_write(&r->list, r->text.data, r->text.len, err);
}

static int check_sample(struct run *r, const struct mm_sample *s,
			struct mm_err *err)
{
	const struct boxes *b = &r->boxes;
	int rc = MM_OK;

	if ((rc = move(r, s, CURRENT, err)))
		return rc;
	for (size_t i = 0; !rc && i < b->n; i++) {
		const enum mm_box_fault f = mm_box_check(b->at[i], r->w, r->h);

		r->n_faults[f]++;
		if (f != MM_BOX_FINE &&
		    (rc = fault(r, s, i, mm_box_faults[f], err)))
			return rc;
		if (!b->phrase || !b->phrase[i].len || !s->text.len ||
		    mm_phrase_in(s->text.str, s->text.len, b->phrase[i].str,
				 b->phrase[i].len))
			continue;
		r->n_lost++;
		rc = fault(r, s, i, "phrase", err);
	}
	return rc;
}

static int open_list(struct run *r, struct mm_err *err)
{
	int rc = mm_output_open(&r->list, &r->args->common, false, err);

	r->first = true;
	if (!rc && r->args->common.json)
		rc = mm_writer_write(&r->list, "{\"faults\":[", 11, err);
	else if (!rc)
		rc = mm_writer_printf(&r->list, err,
				      "id\tbox\tfault\tat\tphrase\n");
	return rc;
}

static int close_list(struct run *r, struct mm_err *err)
{
	int rc = MM_OK;

	if (r->args->common.json)
		rc = mm_writer_printf(
			&r->list, err,
			"],\"samples\":%" PRIu64 ",\"boxes\":%" PRIu64
			",\"empty\":%" PRIu64 ",\"cut\":%" PRIu64
			",\"outside\":%" PRIu64 ",\"phrase\":%" PRIu64 "}\n",
			r->n_samples, r->n_boxes, r->n_faults[MM_BOX_EMPTY],
			r->n_faults[MM_BOX_CUT], r->n_faults[MM_BOX_OUTSIDE],
			r->n_lost);
	mm_note(&r->args->common,
		"%" PRIu64 " boxes: %" PRIu64 " empty, %" PRIu64
		" cut, %" PRIu64 " outside; %" PRIu64
		" phrases not in their caption",
		r->n_boxes, r->n_faults[MM_BOX_EMPTY], r->n_faults[MM_BOX_CUT],
		r->n_faults[MM_BOX_OUTSIDE], r->n_lost);
	return rc;
}

/* ---- the stream ---- */

/* Cut to the picture; what is hardly visible goes with its phrase. */
static void clip(struct run *r)
{
	struct boxes *b = &r->boxes;
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		const double part = mm_box_clip(b->at[i], r->w, r->h);

		if (part <= 0 || part < r->args->min_visible) {
			r->n_dropped++;
			continue;
		}
		r->n_cut += part < 1 - 1e-6;
		memmove(b->at[kept], b->at[i], sizeof(b->at[i]));
		if (b->phrase)
			b->phrase[kept] = b->phrase[i];
		kept++;
	}
	b->n = kept;
}

static int put(struct run *r, const struct mm_sample *from, struct mm_err *err)
{
	static const size_t four[] = { 4 };
	struct mm_sample s = *from;
	int rc = MM_OK;

	if (s.has_boxes)
		rc = mm_stream_put_ragged(&r->out, "boxes", MM_F32, 1, four,
					  r->boxes.n, r->boxes.at, err);
	mm_buf_clear(&r->text);
	for (size_t i = 0; r->boxes.phrase && i < r->boxes.n; i++) {
		mm_buf_add(&r->text, r->boxes.phrase[i].str,
			   r->boxes.phrase[i].len);
		mm_buf_addc(&r->text, '\n');
	}
	if (!rc && s.has_boxes && r->boxes.phrase &&
	    !(rc = mm_buf_check(&r->text, "phrases", err)))
		rc = mm_stream_put_str(&r->out, "phrases", mm_buf_str(&r->text),
				       r->text.len, err);
	s.has_boxes = false;
	if (!rc)
		rc = mm_sample_put(&r->out, &s, NULL, NULL, err);
	return rc ? rc : mm_stream_end_row(&r->out, err);
}

static int one(struct run *r, const struct mm_sample *s, struct mm_err *err)
{
	const struct space_args *a = r->args;
	int rc = take_boxes(r, s, err);

	if (rc)
		return rc;
	r->n_samples++;
	r->n_boxes += r->boxes.n;
	if (s->n_boxes && (a->check || a->to == CURRENT) &&
	    (rc = take_size(r, s, err)))
		return rc;
	if (a->check)
		return check_sample(r, s, err);
	if ((rc = move(r, s, (enum to)a->to, err)))
		return rc;
	if (a->to == CURRENT)
		clip(r);
	return MM_OK;
}

static int loop(struct run *r, struct mm_err *err)
{
	const struct space_args *a = r->args;
	const struct mm_sample *s;
	int rc;

	while (!(rc = mm_sources_ours(&r->sources, &a->common, &r->bad, "align",
				      &s, err)) &&
	       s) {
		if ((rc = one(r, s, err))) {
			mm_fail_ctx(err, "'%s' %s", s->source, s->where);
			rc = mm_bad_sample(&r->bad, s->id.str, "align", err);
		} else if (!a->check) {
			rc = put(r, s, err);
		}
		if (rc)
			return rc;
		mm_progress_show(&r->progress, r->sources.n, NULL);
	}
	return rc;
}

static int open_stream(struct run *r, struct mm_err *err)
{
	const struct mm_common *c = &r->args->common;
	int rc = mm_stream_writer_open(&r->out, c->output ? c->output : "-",
				       err);

	if (!rc)
		rc = mm_stream_set_meta(&r->out, "mmtool.stage", "align space",
					err);
	return rc ? rc
		  : mm_stream_set_meta(
			    &r->out, "boxes.space",
			    r->args->to == ORIGINAL ? "original" : NULL, err);
}

static int run_all(struct run *r, struct mm_err *err)
{
	const struct space_args *a = r->args;
	int rc = a->check ? open_list(r, err) : open_stream(r, err);

	mm_progress_start(&r->progress, &a->common, "samples", 0);
	if (!rc)
		rc = loop(r, err);
	mm_progress_end(&r->progress);
	rc = mm_bad_close(&r->bad, r->sources.n, rc, err);
	if (!rc && a->check && !(rc = close_list(r, err)))
		return mm_writer_commit(&r->list, err);
	if (!rc && !a->check && a->to == CURRENT)
		mm_note(&a->common,
			"%" PRIu64 " of %" PRIu64 " boxes cut, %" PRIu64
			" dropped",
			r->n_cut, r->n_boxes, r->n_dropped);
	if (!rc && !a->check)
		return mm_stream_commit(&r->out, err);
	mm_writer_abort(&r->list);
	mm_stream_abort(&r->out);
	return rc;
}

static int run_space(const void *args, int argc, char **argv,
		     struct mm_err *err)
{
	const struct space_args *a = args;
	const struct mm_source_options o = mm_source_options(&a->source);
	struct run *r = mm_calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return mm_fail_nomem(err, "a run");
	r->args = a;
	if (a->common.json && !a->check)
		rc = mm_fail(err, MM_ERR_USAGE, "--json goes with --check");
	else if (!(rc = mm_bad_open(&r->bad, &a->common, err)) &&
		 !(rc = mm_sources_open(&r->sources, argv, (size_t)argc, &o,
					err)))
		rc = run_all(r, err);
	mm_sources_release(&r->sources);
	mm_arena_release(&r->arena);
	mm_buf_release(&r->text);
	mm_free(r);
	return rc;
}

const struct mm_cmd mm_cmd_align_space = {
	.name = "align",
	.mode = "space",
	.group = MM_PREPARE,
	.summary = "check boxes and phrases, carry boxes to other pixels",
	.synopsis = "[OPTION]... [SOURCE]...",
	.details = "Boxes are cut to their picture; with --to original they go "
		   "back, through the stream's column affine, to pixels of "
		   "the file.",
	.min_operands = 1,
	.reads_stdin = true,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct space_args, defaults),
	.run = run_space,
};
