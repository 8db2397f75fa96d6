/*
 * vtt.h - WebVTT beyond the cues: settings of a cue, the tree of its text.
 *
 * Source: W3C, "WebVTT: The Web Video Text Tracks Format", sections 6.1 to
 * 6.4; the parser follows its algorithms step by step.
 */
#ifndef MM_MEDIA_VTT_H
#define MM_MEDIA_VTT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum mm_vtt_align {
	MM_VTT_START,
	MM_VTT_CENTER,
	MM_VTT_END,
	MM_VTT_LEFT,
	MM_VTT_RIGHT,
	MM_VTT_LINE_LEFT,
	MM_VTT_LINE_RIGHT,
	MM_VTT_AUTO,
};

struct mm_vtt_settings {
	char vertical[3]; /* "", "rl", "lr" */
	bool snap_to_lines, line_auto, position_auto;
	double line;	 /* a line's number, or per cent */
	double position; /* per cent */
	double size;	 /* per cent */
	enum mm_vtt_align line_align, position_align, align;
	const char *region; /* its id, "": none */
};

/* What is written behind the times of a cue.  region is in the arena. */
int mm_vtt_settings_parse(struct mm_vtt_settings *out, const char *s, size_t n,
			  struct mm_arena *arena,
			  struct mm_err *err) MM_MUST_CHECK;

/* [HH+:]MM:SS.mmm at *s; *s moved behind it.  6.3, "collect a timestamp". */
bool mm_vtt_time(const char **s, const char *end, double *seconds);

enum mm_vtt_kind {
	MM_VTT_ROOT,
	MM_VTT_CLASS,
	MM_VTT_ITALIC,
	MM_VTT_BOLD,
	MM_VTT_UNDERLINE,
	MM_VTT_RUBY,
	MM_VTT_RUBY_TEXT,
	MM_VTT_VOICE,
	MM_VTT_LANGUAGE,
	MM_VTT_TEXT,
	MM_VTT_TIMESTAMP,
};

struct mm_vtt_node {
	enum mm_vtt_kind kind;
	struct mm_vtt_node *parent, *first, *last, *next;
	const char *text;    /* TEXT; of VOICE and LANGUAGE the annotation */
	const char *classes; /* joined by one '.', "" where there are none */
	double time;	     /* TIMESTAMP */
};

/* The tree of a cue's text, in the arena.  Every text has one. */
int mm_vtt_tree(struct mm_vtt_node **root, const char *s, size_t n,
		struct mm_arena *arena, struct mm_err *err) MM_MUST_CHECK;

/* Its texts in order, ruby annotations left out. */
void mm_vtt_plain(struct mm_buf *out, const struct mm_vtt_node *root);

/* The annotation of the first voice, or "". */
const char *mm_vtt_speaker(const struct mm_vtt_node *root);

#endif
