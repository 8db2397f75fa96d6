/*
 * compress_report.h - what quantize and prune tell of the model that they made
 * beside the one that it was made from, and what they measure it on.
 */
#ifndef MM_CMD_COMPRESS_REPORT_H
#define MM_CMD_COMPRESS_REPORT_H

#include "base/json.h"
#include "cmd.h"
#include "compress/measure.h"

/* "before" and "after": recalls of both sides. */
void mm_report_recall(struct mm_json_writer *w, const struct mm_fidelity *f);
void mm_report_recall_table(struct mm_buf *out, const struct mm_fidelity *f);

/* To standard output what one of the two writes of ctx. */
int mm_report(bool json, void (*put_json)(struct mm_buf *out, const void *ctx),
	      void (*put_table)(struct mm_buf *out, const void *ctx),
	      const void *ctx, struct mm_err *err) MM_MUST_CHECK;

/* The first `limit` rows (0: all) of the streams in a list. */
struct mm_sample_set mm_samples_of(const struct mm_list *l, int64_t limit,
				   const struct mm_common *common);

#endif
