/* compress_report.c - see compress_report.h. */
#include "compress_report.h"

#include <stdio.h>

#include "table.h"

static const char *const sides[] = { "image_to_text", "text_to_image" };

static void put_side(struct mm_json_writer *w, const char *key,
		     const struct mm_retrieval_figures f[2])
{
	mm_json_open(w, key, '{');
	for (int s = 0; s < 2; s++) {
		mm_json_open(w, sides[s], '{');
		mm_json_put_num(w, "recall@1", f[s].recall[0]);
		mm_json_put_num(w, "recall@5", f[s].recall[1]);
		mm_json_put_num(w, "recall@10", f[s].recall[2]);
		mm_json_close(w);
	}
	mm_json_close(w);
}

void mm_report_recall(struct mm_json_writer *w, const struct mm_fidelity *f)
{
	put_side(w, "before", f->before);
	put_side(w, "after", f->after);
}

static void put_rows(struct mm_table *t, const char *when,
		     const struct mm_retrieval_figures f[2])
{
	for (int s = 0; s < 2; s++) {
		mm_table_cell(t, "%s %s", s ? "text to image" : "image to text",
			      when);
		for (int k = 0; k < 3; k++)
			mm_table_cell(t, "%.2f", 100 * f[s].recall[k]);
		mm_table_row(t);
	}
}

void mm_report_recall_table(struct mm_buf *out, const struct mm_fidelity *f)
{
	struct mm_table t = { 0 };

	mm_table_cell(&t, "%s", "");
	mm_table_cell(&t, "R@1");
	mm_table_cell(&t, "R@5");
	mm_table_cell(&t, "R@10");
	mm_table_row(&t);
	put_rows(&t, "before", f->before);
	put_rows(&t, "after", f->after);
	mm_table_print(&t, out, 0);
}

int mm_report(bool json, void (*put_json)(struct mm_buf *out, const void *ctx),
	      void (*put_table)(struct mm_buf *out, const void *ctx),
	      const void *ctx, struct mm_err *err)
{
	struct mm_buf text = { 0 };
	int rc;

	(json ? put_json : put_table)(&text, ctx);
	rc = mm_buf_check(&text, "the report", err);
	if (!rc && fwrite(text.data, 1, text.len, stdout) != text.len)
		rc = mm_fail_errno(err, "cannot write standard output");
	mm_buf_release(&text);
	return rc;
}

struct mm_sample_set mm_samples_of(const struct mm_list *l, int64_t limit,
				   const struct mm_common *common)
{
	return (struct mm_sample_set){
		.path = l->item,
		.n = l->n,
		.limit = (size_t)limit,
		.batch = (size_t)common->batch_size,
	};
}
