/*
 * cues_impl.h - what the formats of cues.h share; private to lib/media.
 *
 * A parser gets UTF-8 without byte order mark and without NUL.
 */
#ifndef MM_MEDIA_CUES_IMPL_H
#define MM_MEDIA_CUES_IMPL_H

#include "base/buf.h"
#include "media/cues.h"

typedef int mm_cues_parser(struct mm_cues *c, const char *text, size_t n,
			   const char *name, struct mm_err *err);
mm_cues_parser mm_srt_parse, mm_vtt_parse, mm_lrc_parse, mm_textgrid_parse,
	mm_eaf_parse;

/* Lines end in LF, CR LF or CR. */
struct mm_lines {
	const char *at, *end;
	size_t number; /* of the line last returned, from 1 */
};

/* False at the end; a last line without end counts, an empty one does not. */
bool mm_lines_next(struct mm_lines *l, const char **line, size_t *n);

/* s without blanks at both ends. */
void mm_trim(const char **s, size_t *n);

/*
 * The bytes as UTF-8: UTF-16 with a byte order mark is converted, a mark of
 * UTF-8 skipped.  replace: what is no UTF-8, and NUL, becomes U+FFFD; else
 * MM_ERR_FORMAT with the line.
 */
int mm_text_decode(struct mm_buf *out, const void *bytes, size_t n,
		   bool replace, const char *name,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
