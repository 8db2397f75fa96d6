/* source_stream.c - the rows of a tensor stream, with all of their columns. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "data/source_kind.h"

struct state {
	struct mm_stream stream;
	const struct mm_segment *segment;
	const struct mm_column *id, *text, *path, *data, *image_id, *label_name,
		*label, *time, *boxes;
	size_t row;
};

static bool sniff(const struct mm_sniff *x)
{
	if (x->folder)
		return false;
	return mm_path_has_ext(x->path, "mmt") ||
	       mm_path_has_ext(x->path, "safetensors") ||
	       mm_stream_sniff(x->head, x->n);
}

static int open_stream(struct mm_input *in, struct mm_err *err)
{
	struct state *st = mm_calloc(1, sizeof(*st));
	struct stat s;

	if (!(in->state = st))
		return mm_fail_nomem(err, "a stream");
	/* A file is mapped; what comes through a pipe goes on as it is. */
	if (strcmp(in->path, "-") && !stat(in->path, &s) && S_ISREG(s.st_mode))
		return mm_stream_open(&st->stream, in->path, err);
	return mm_stream_adopt(&st->stream, &in->reader, err);
}

/* The column where it is there; it must be of the type that is its own. */
static int optional(const struct mm_segment *g, const char *name,
		    enum mm_dtype dtype, bool ragged, int rank,
		    const size_t *dim, const struct mm_column **c,
		    struct mm_err *err)
{
	if (!(*c = mm_segment_find(g, name)))
		return MM_OK;
	return mm_segment_want(g, name, dtype, ragged, rank, dim, c, err);
}

static int optional_str(const struct mm_segment *g, const char *name,
			const struct mm_column **c, struct mm_err *err)
{
	return optional(g, name, MM_U8, true, 0, NULL, c, err);
}

static int next_segment(struct state *st, struct mm_err *err)
{
	static const size_t two[] = { 2 }, four[] = { 4 };
	const struct mm_segment *g;
	int rc = mm_stream_next(&st->stream, &g, err);

	st->segment = g;
	st->row = 0;
	if (rc || !g || !g->n)
		return rc;
	if ((rc = mm_segment_want_str(g, "id", &st->id, err)) ||
	    (rc = optional_str(g, "text", &st->text, err)) ||
	    (rc = optional_str(g, "image.path", &st->path, err)) ||
	    (rc = optional_str(g, "image.data", &st->data, err)) ||
	    (rc = optional_str(g, "image.id", &st->image_id, err)) ||
	    (rc = optional_str(g, "label.name", &st->label_name, err)) ||
	    (rc = optional(g, "label", MM_I64, false, 0, NULL, &st->label,
			   err)) ||
	    (rc = optional(g, "time", MM_F64, false, 1, two, &st->time, err)))
		return rc;
	return optional(g, "boxes", MM_F32, true, 1, four, &st->boxes, err);
}

static int keep(struct mm_input *in, struct mm_str *out,
		const struct mm_column *c, size_t row, struct mm_err *err)
{
	size_t len;
	const char *s = mm_column_str(c, row, &len);

	return mm_input_keep(in, out, s, len, err);
}

static int fill(struct mm_input *in, const struct state *st,
		struct mm_sample *s, struct mm_err *err)
{
	const size_t i = st->row;
	size_t n;
	int rc;

	s->segment = st->segment;
	s->row = i;
	if ((rc = keep(in, &s->id, st->id, i, err)) ||
	    (rc = keep(in, &s->text, st->text, i, err)) ||
	    (rc = keep(in, &s->image_path, st->path, i, err)) ||
	    (rc = keep(in, &s->image_id, st->image_id, i, err)) ||
	    (rc = keep(in, &s->label_name, st->label_name, i, err)))
		return rc;
	if (st->data)
		s->image_data = mm_column_row(st->data, i, &s->image_size);
	if ((s->has_label = st->label))
		memcpy(&s->label, mm_column_row(st->label, i, &n),
		       sizeof(s->label));
	if ((s->has_time = st->time))
		memcpy(s->time, mm_column_row(st->time, i, &n),
		       sizeof(s->time));
	if ((s->has_boxes = st->boxes))
		s->boxes = mm_column_row(st->boxes, i, &s->n_boxes);
	return MM_OK;
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	int rc;

	while (!st->segment || st->row == st->segment->n) {
		if ((rc = next_segment(st, err)))
			return rc;
		if ((*end = !st->segment))
			return MM_OK;
	}
	snprintf(s->where, sizeof(s->where), "sample %" PRIu64,
		 st->stream.first_sample + st->row);
	in->bad_sample = true;
	rc = fill(in, st, s, err);
	st->row++;
	return rc;
}

static void close_stream(struct mm_input *in)
{
	struct state *st = in->state;

	if (st)
		mm_stream_release(&st->stream);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_stream = {
	.name = "stream",
	.sniff = sniff,
	.open = open_stream,
	.next = next,
	.close = close_stream,
};
