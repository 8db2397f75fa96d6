/* quality.h - the parts of mmtool align quality. */
#ifndef MM_QUALITY_H
#define MM_QUALITY_H

#include "align/quality.h"
#include "cmd.h"

/* Why a sample is flagged, bits. */
enum quality_flag {
	QUALITY_GAP,
	QUALITY_DUPLICATE,
	QUALITY_SIDE,
	QUALITY_ASPECT,
	QUALITY_WORDS,
	QUALITY_CHARS,
	QUALITY_LANGUAGE,
	QUALITY_N_FLAGS
};

extern const char *const quality_flag_names[QUALITY_N_FLAGS];

/* All that is known once the set has been read. */
struct quality_set {
	const struct mm_quality_row *row;
	size_t n; /* rows; bad ones count */
	uint64_t n_bad, n_images, n_texts, n_flagged;
	uint64_t n_flag[QUALITY_N_FLAGS];
	int distance;
	/* Of rows that have near duplicates, "" elsewhere: n of them. */
	const char *const *id;
};

/* The report as one JSON object, as tables, as a page with histograms. */
int quality_json(struct mm_buf *out, const struct quality_set *s,
		 struct mm_err *err) MM_MUST_CHECK;
int quality_text(struct mm_buf *out, const struct quality_set *s,
		 struct mm_err *err) MM_MUST_CHECK;
int quality_html(struct mm_buf *out, const struct quality_set *s,
		 struct mm_err *err) MM_MUST_CHECK;

#endif
