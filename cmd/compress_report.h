/*
 * compress_report.h - what quantize and prune tell of the model that they made
 * beside the one that it was made from.
 */
#ifndef MM_CMD_COMPRESS_REPORT_H
#define MM_CMD_COMPRESS_REPORT_H

#include "base/json.h"
#include "compress/measure.h"

/* "before" and "after": recalls of both sides. */
void mm_report_recall(struct mm_json_writer *w, const struct mm_fidelity *f);
void mm_report_recall_table(struct mm_buf *out, const struct mm_fidelity *f);

/* To standard output; releases the text. */
int mm_report_print(struct mm_buf *text, struct mm_err *err) MM_MUST_CHECK;

#endif
