/* view.c - mmtool view: what is inside a tensor stream. */
#include <string.h>

#include "cmd.h"
#include "table.h"
#include "tensor/summary.h"
#include "view.h"

enum { DEFAULT_ROWS = 5 };

static const struct view_args defaults = {
	.rows = MM_UNSET,
	.image = MM_UNSET,
};

static const char *const to_words[] = { "text", "webdataset", NULL };

static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(struct view_args),
	MM_INT(0, "rows", struct view_args, rows, "N", 0, 0x1p62,
	       "samples to show [5; with --column all; with --json none; with "
	       "--sheet 64]"),
	MM_LIST(0, "column", struct view_args, columns, "C",
		"only this column, in full, a sample a line; given again, "
		"one more behind a tab"),
	MM_FLAG(0, "stats", struct view_args, stats,
		"least, greatest and mean value of each column, NaNs"),
	MM_INT(0, "image", struct view_args, image, "N", 0, 0x1p62,
	       "write the picture of sample N, counted from 0, as PNG"),
	MM_PATH(0, "sheet", struct view_args, sheet, "F.png",
		"write the first pictures with their captions as one PNG "
		"(64 of them, or --rows)"),
	MM_ENUM(0, "to", struct view_args, to, to_words,
		"write the samples as a tar for the Python package webdataset"),
	MM_OPT_SHARD(struct view_args),
	MM_OPT_JSON(struct view_args),
	/* The general ones, but that --log means something else here. */
	MM_FLAG(0, "log", struct view_args, log,
		"the operands are runs of `mmtool train`: compare their "
		"curves and best figures"),
	MM_GROUP("General"),
	MM_OPT_THREADS(struct view_args),
	MM_ENUM(0, "progress", struct view_args, common.progress, mm_when_words,
		"show a progress line on standard error"),
	MM_FLAG('q', "quiet", struct view_args, common.quiet,
		"no progress, no remarks; errors only"),
	MM_PATH(0, "config", struct view_args, common.config, "FILE",
		"read options from FILE, one 'name = value' a line; the "
		"command line wins"),
	MM_HELP("show this help"),
	MM_OPTS_END,
};

/* ---- --column ---- */

static int columns_of(const struct view_args *a, const struct mm_segment *seg,
		      const struct mm_column **col, struct mm_err *err)
{
	for (size_t c = 0; c < a->columns.n; c++) {
		col[c] = mm_segment_find(seg, a->columns.item[c]);
		if (!col[c])
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' byte %llu: there is no column "
				       "'%s'",
				       seg->path,
				       (unsigned long long)seg->offset,
				       a->columns.item[c]);
	}
	return MM_OK;
}

/* One sample: a line of text, or an object. */
static void column_row(struct mm_buf *line, const struct view_args *a,
		       const struct mm_column *const *col, size_t i)
{
	struct mm_json_writer w;

	mm_buf_clear(line);
	if (a->common.json) {
		mm_json_writer_init(&w, line, 0);
		mm_json_open(&w, NULL, '{');
		for (size_t c = 0; c < a->columns.n; c++)
			view_json(&w, col[c], i);
		mm_json_close(&w);
	} else {
		for (size_t c = 0; c < a->columns.n; c++) {
			if (c)
				mm_buf_addc(line, '\t');
			view_full(line, col[c], i);
		}
	}
	mm_buf_addc(line, '\n');
}

static int column_rows(const struct view_args *a, struct mm_stream *s,
		       struct mm_writer *out, const struct mm_column **col,
		       struct mm_err *err)
{
	uint64_t left = a->rows == MM_UNSET ? UINT64_MAX : (uint64_t)a->rows;
	const struct mm_segment *seg;
	struct mm_buf line = { 0 };
	int rc = MM_OK;

	while (!rc && left && !(rc = mm_stream_next(s, &seg, err)) && seg) {
		if (!seg->n) /* may have no columns at all */
			continue;
		rc = columns_of(a, seg, col, err);
		for (size_t i = 0; !rc && left && i < seg->n; i++, left--) {
			column_row(&line, a, col, i);
			if (!(rc = mm_buf_check(&line, "a row", err)))
				rc = mm_writer_write(out, line.data, line.len,
						     err);
		}
	}
	mm_buf_release(&line);
	return rc;
}

static int show_columns(const struct view_args *a, struct mm_stream *s,
			struct mm_err *err)
{
	struct mm_arena arena = { 0 };
	const struct mm_column **col =
		mm_arena_alloc(&arena, a->columns.n, sizeof(*col));
	struct mm_writer out;
	int rc;

	if (!col)
		rc = mm_fail_nomem(err, "columns");
	else if (!(rc = mm_output_open(&out, &a->common, false, err))) {
		if (!(rc = column_rows(a, s, &out, col, err)))
			rc = mm_writer_commit(&out, err);
		else
			mm_writer_abort(&out);
	}
	mm_arena_release(&arena);
	return rc;
}

/* ---- the whole ---- */

/* What an overview gathers while the stream runs by. */
struct overview {
	const struct view_args *args;
	struct mm_summary summary;
	struct mm_table table; /* rows, brief */
	size_t n_shown;	       /* the table's columns: the first segment's */
	struct mm_buf json;    /* rows, full */
	struct mm_json_writer w;
	uint64_t rows; /* still wanted */
};

static void brief_rows(struct overview *o, const struct mm_segment *seg,
		       uint64_t first)
{
	const struct mm_summary *s = &o->summary;
	struct mm_buf cell = { 0 };

	for (size_t i = 0; i < seg->n && o->rows; i++, o->rows--) {
		if (!first && !i) {
			o->n_shown = s->n_columns;
			mm_table_cell(&o->table, "sample");
			for (size_t c = 0; c < o->n_shown; c++)
				mm_table_cell(&o->table, "%s",
					      s->column[c].name);
			mm_table_row(&o->table);
		}
		mm_table_cell(&o->table, "%llu",
			      (unsigned long long)(first + i));
		for (size_t c = 0; c < o->n_shown; c++) {
			const struct mm_column *col =
				mm_segment_find(seg, s->column[c].name);

			mm_buf_clear(&cell);
			if (col)
				view_brief(&cell, col, i);
			mm_table_cell(&o->table, "%s", mm_buf_str(&cell));
		}
		mm_table_row(&o->table);
	}
	mm_buf_release(&cell);
}

static void json_rows(struct overview *o, const struct mm_segment *seg)
{
	for (size_t i = 0; i < seg->n && o->rows; i++, o->rows--) {
		mm_json_open(&o->w, NULL, '{');
		for (size_t c = 0; c < seg->n_columns; c++)
			view_json(&o->w, &seg->column[c], i);
		mm_json_close(&o->w);
	}
}

/* "[16, 3, 32, 32]"; "*" for a size that is not the same everywhere. */
static void shape_text(struct mm_buf *out, const struct mm_summary_column *c)
{
	mm_buf_printf(out, "[%llu", (unsigned long long)c->samples);
	if (c->ragged && !c->string)
		mm_buf_adds(out, ", *");
	for (int d = 0; d < c->rank; d++) {
		if (c->dim[d] == SIZE_MAX)
			mm_buf_adds(out, ", *");
		else
			mm_buf_printf(out, ", %zu", c->dim[d]);
	}
	mm_buf_adds(out, c->rank < 0 ? ", ...]" : "]");
}

static const char *type_name(const struct mm_summary_column *c)
{
	return c->mixed	   ? "mixed"
	       : c->string ? "string"
			   : mm_dtype_name(c->dtype);
}

static void stats_cells(struct mm_table *t, const struct mm_summary_column *c)
{
	const struct mm_summary_values *v = &c->values;

	if (c->ragged)
		mm_table_cell(t, "%llu..%llu", (unsigned long long)c->shortest,
			      (unsigned long long)c->longest);
	else
		mm_table_cell(t, "%s", "");
	if (c->string)
		return;
	mm_table_cell(t, "%.6g", v->min);
	mm_table_cell(t, "%.6g", v->max);
	mm_table_cell(t, "%.6g", v->mean);
	mm_table_cell(t, "%llu", (unsigned long long)v->n_nan);
	mm_table_cell(t, "%llu", (unsigned long long)v->n_inf);
}

static void columns_table(struct mm_buf *out, const struct overview *o)
{
	static const char *const heads[] = { "column",	 "type",  "shape",
					     "bytes",	 "items", "least",
					     "greatest", "mean",  "nan",
					     "inf" };
	struct mm_table t = { 0 };
	struct mm_buf shape = { 0 };

	for (int i = 0; i < (o->args->stats ? 10 : 4); i++)
		mm_table_cell(&t, "%s", heads[i]);
	mm_table_row(&t);
	for (size_t i = 0; i < o->summary.n_columns; i++) {
		const struct mm_summary_column *c = &o->summary.column[i];

		mm_buf_clear(&shape);
		shape_text(&shape, c);
		mm_table_cell(&t, "%s", c->name);
		mm_table_cell(&t, "%s", type_name(c));
		mm_table_cell(&t, "%s", mm_buf_str(&shape));
		mm_table_cell(&t, "%llu", (unsigned long long)c->bytes);
		if (o->args->stats)
			stats_cells(&t, c);
		mm_table_row(&t);
	}
	mm_buf_release(&shape);
	mm_table_print(&t, out, 2);
}

static void print_text(struct mm_buf *out, struct overview *o,
		       const struct mm_stream *s)
{
	const struct mm_summary *sum = &o->summary;
	struct mm_table meta = { 0 };

	mm_buf_printf(
		out, "%s: %llu sample%s in %llu segment%s, %llu bytes\n",
		s->path, (unsigned long long)sum->samples,
		sum->samples == 1 ? "" : "s", (unsigned long long)sum->segments,
		sum->segments == 1 ? "" : "s", (unsigned long long)s->offset);
	if (sum->n_columns) {
		mm_buf_addc(out, '\n');
		columns_table(out, o);
	}
	if (sum->n_meta)
		mm_buf_adds(out, "\nmetadata\n");
	for (size_t i = 0; i < sum->n_meta; i++) {
		mm_table_cell(&meta, "%s", sum->meta[i].key);
		mm_table_cell(&meta, "%s%s", sum->meta[i].value,
			      sum->meta[i].differs ? " (other segments differ)"
						   : "");
		mm_table_row(&meta);
	}
	mm_table_print(&meta, out, 2);
	if (o->table.columns)
		mm_buf_adds(out, "\nsamples\n");
	mm_table_print(&o->table, out, 2);
}

static void json_column(struct mm_json_writer *w, const struct view_args *a,
			const struct mm_summary_column *c)
{
	const struct mm_summary_values *v = &c->values;

	mm_json_open(w, NULL, '{');
	mm_json_put_str(w, "name", c->name);
	mm_json_put_str(w, "type", type_name(c));
	mm_json_open(w, "shape", '[');
	mm_json_put_int(w, NULL, (int64_t)c->samples);
	if (c->ragged && !c->string)
		mm_json_put_null(w, NULL);
	for (int d = 0; d < c->rank; d++) {
		if (c->dim[d] == SIZE_MAX)
			mm_json_put_null(w, NULL);
		else
			mm_json_put_int(w, NULL, (int64_t)c->dim[d]);
	}
	mm_json_close(w);
	mm_json_put_bool(w, "ragged", c->ragged);
	mm_json_put_int(w, "items", (int64_t)c->items);
	mm_json_put_int(w, "bytes", (int64_t)c->bytes);
	if (c->ragged) {
		mm_json_put_int(w, "shortest", (int64_t)c->shortest);
		mm_json_put_int(w, "longest", (int64_t)c->longest);
	}
	if (a->stats && !c->string) {
		mm_json_put_num(w, "least", v->n ? v->min : NAN);
		mm_json_put_num(w, "greatest", v->n ? v->max : NAN);
		mm_json_put_num(w, "mean", v->n ? v->mean : NAN);
		mm_json_put_int(w, "nan", (int64_t)v->n_nan);
		mm_json_put_int(w, "inf", (int64_t)v->n_inf);
	}
	mm_json_close(w);
}

/* The rows are in o->json already: they stand in front. */
static void print_json(struct overview *o, const struct mm_stream *s)
{
	const struct mm_summary *sum = &o->summary;
	struct mm_json_writer *w = &o->w;

	mm_json_close(w);
	mm_json_put_str(w, "file", s->path);
	mm_json_put_int(w, "samples", (int64_t)sum->samples);
	mm_json_put_int(w, "segments", (int64_t)sum->segments);
	mm_json_put_int(w, "bytes", (int64_t)s->offset);
	mm_json_open(w, "columns", '[');
	for (size_t i = 0; i < sum->n_columns; i++)
		json_column(w, o->args, &sum->column[i]);
	mm_json_close(w);
	mm_json_open(w, "metadata", '{');
	for (size_t i = 0; i < sum->n_meta; i++)
		mm_json_put_str(w, sum->meta[i].key, sum->meta[i].value);
	mm_json_close(w);
	mm_json_close(w);
	mm_buf_addc(&o->json, '\n');
}

static int show_overview(const struct view_args *a, struct mm_stream *s,
			 struct mm_err *err)
{
	struct overview o = { .args = a };
	const struct mm_segment *seg;
	struct mm_buf text = { 0 };
	int rc;

	mm_summary_init(&o.summary, a->stats);
	o.rows = a->rows != MM_UNSET ? (uint64_t)a->rows
		 : a->common.json    ? 0
				     : DEFAULT_ROWS;
	mm_json_writer_init(&o.w, &o.json, 0);
	mm_json_open(&o.w, NULL, '{');
	mm_json_open(&o.w, "rows", '[');
	while (!(rc = mm_stream_next(s, &seg, err)) && seg) {
		const uint64_t first = o.summary.samples;

		if ((rc = mm_summary_add(&o.summary, seg, err)))
			break;
		if (a->common.json)
			json_rows(&o, seg);
		else
			brief_rows(&o, seg, first);
	}
	if (!rc && a->common.json)
		print_json(&o, s);
	else if (!rc)
		print_text(&text, &o, s);
	if (!rc)
		rc = mm_output_text(&a->common,
				    a->common.json ? &o.json : &text, err);
	mm_summary_release(&o.summary);
	mm_buf_release(&o.table.text);
	mm_buf_release(&o.json);
	mm_buf_release(&text);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct view_args *a = args;
	struct mm_stream s;
	int rc;

	if (a->log)
		return view_logs(&a->common, argc, argv, err);
	if (argc > 1)
		return mm_fail(err, MM_ERR_USAGE, "unexpected argument '%s'",
			       argv[1]);
	if ((rc = mm_stream_open(&s, argv[0], err)))
		return rc;
	if (a->common.shard.count && !a->to)
		rc = mm_fail(err, MM_ERR_USAGE,
			     "--shard goes with --to webdataset");
	else if (a->to)
		rc = view_tar(a, &s, err);
	else if (a->image != MM_UNSET)
		rc = view_image(a, &s, err);
	else if (a->sheet)
		rc = view_sheet(a, &s, err);
	else if (a->columns.n)
		rc = show_columns(a, &s, err);
	else
		rc = show_overview(a, &s, err);
	mm_stream_release(&s);
	return rc;
}

const struct mm_cmd mm_cmd_view = {
	.name = "view",
	.group = MM_PREPARE,
	.summary = "show what a tensor stream holds",
	.synopsis = "[OPTION]... [STREAM] | --log RUN...",
	.details = "Columns, shapes, metadata and the first samples of a "
		   "stream; all of one column; one picture as PNG; or all "
		   "samples as a tar. '-' is standard input.",
	.min_operands = 1,
	.reads_stdin = true,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct view_args, defaults),
	.run = run,
};
