/* view.h - the parts of mmtool view. */
#ifndef MM_VIEW_H
#define MM_VIEW_H

#include "base/json.h"
#include "cmd.h"
#include "tensor/stream.h"

struct view_args {
	struct mm_common common;
	int64_t rows, image;
	struct mm_list columns;
	const char *sheet;
	bool stats;
	int to; /* 0: nothing, 1: webdataset */
	bool log;
};

/* ---- view_value.c: one sample's value of a column ---- */

/*
 * All of it on one line: numbers with commas between, strings with \t, \n, \\
 * and, for what is no text, \xHH.
 */
void view_full(struct mm_buf *out, const struct mm_column *c, size_t i);

/* The same cut to what fits a table: "a red bicy...", "1 2 3 ...". */
void view_brief(struct mm_buf *out, const struct mm_column *c, size_t i);

/* A string, a number, or arrays nested as the shape says. */
void view_json(struct mm_json_writer *w, const struct mm_column *c, size_t i);

/* ---- view_picture.c ---- */

/* The picture of sample args->image as PNG to where -o says. */
int view_image(const struct view_args *args, struct mm_stream *s,
	       struct mm_err *err) MM_MUST_CHECK;

/* The first pictures with their captions, as PNG, to args->sheet. */
int view_sheet(const struct view_args *args, struct mm_stream *s,
	       struct mm_err *err) MM_MUST_CHECK;

/* ---- view_log.c ---- */

/* Runs of `mmtool train` beside each other: folders, or log files. */
int view_logs(const struct mm_common *c, int n, char *const *runs,
	      struct mm_err *err) MM_MUST_CHECK;

/* ---- view_tar.c ---- */

/* The samples as a tar that the Python package webdataset reads. */
int view_tar(const struct view_args *args, struct mm_stream *s,
	     struct mm_err *err) MM_MUST_CHECK;

#endif
