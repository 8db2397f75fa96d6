/*
 * cues.h - texts with times: subtitles, lyrics, transcripts.
 *
 * One format is one file and one row of `formats` in cues.c.  Times are
 * seconds, texts UTF-8 with the markup taken off; the lines of a cue stay
 * lines.
 *
 *	srt		SubRip, as players read it
 *	vtt		WebVTT, W3C Candidate Recommendation; its parser never
 *			fails on a cue, it leaves it out
 *	lrc		LRC lyrics: several stamps a line, offset, length
 *	textgrid	Praat TextGrid, long and short; UTF-8, UTF-16
 *	eaf		ELAN annotation format (XML): aligned and reference
 *			annotations
 *
 * Tables (CSV, TSV) are read by align/time_table.h.
 */
#ifndef MM_MEDIA_CUES_H
#define MM_MEDIA_CUES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct mm_cue {
	double start, end;
	const char *text;
	const char *id;	     /* as the file says it; "" where it does not */
	const char *tier;    /* TextGrid, EAF: of the annotation; else "" */
	const char *speaker; /* <v NAME>, EAF's participant; else "" */
	size_t line;	     /* where it begins, from 1 */
	const struct mm_vtt_settings *settings; /* of a vtt cue, else NULL */
};

/*
 * A cue that could not be read.  `dropped`: the standard itself says that the
 * cue is left out; otherwise the file is at fault.
 */
struct mm_cue_problem {
	size_t line;
	const char *what;
	bool dropped;
};

struct mm_cues {
	struct mm_cue *cue; /* n of them, in the order of the file */
	size_t n, cap;
	struct mm_cue_problem *problem;
	size_t n_problems, cap_problems;
	struct mm_arena arena; /* holds all strings */
};

/* Names of the formats, NULL-terminated, "auto" first: for option tables. */
extern const char *const mm_cue_formats[];

/* The format by the name's extension, else by the first bytes; NULL: none. */
const char *mm_cues_sniff(const char *path, const void *bytes, size_t n);

/*
 * Read bytes of that format.  `name` is for messages.  A failure is one that
 * leaves nothing to read; a bad cue among good ones is a problem.
 */
int mm_cues_parse(struct mm_cues *c, const char *format, const void *bytes,
		  size_t n, const char *name, struct mm_err *err) MM_MUST_CHECK;
void mm_cues_release(struct mm_cues *c); /* safe on zeros */

/*
 * [H+:]MM:SS[.,]f+ at *s: seconds, and *s moved behind it.  `hours`: H may
 * not be left out; the fraction may.  False where there is no such thing, or
 * minutes or seconds are over 59.
 */
bool mm_clock_read(const char **s, const char *end, double *seconds);

/* ---- for the formats ---- */

/* A cue at the end; strings are the caller's (mm_cues_str). */
int mm_cues_add(struct mm_cues *c, const struct mm_cue *cue,
		struct mm_err *err) MM_MUST_CHECK;
int mm_cues_problem(struct mm_cues *c, size_t line, bool dropped,
		    struct mm_err *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6))) MM_MUST_CHECK;

/* *out = a copy of s[0..n) that lives as long as the cues. */
int mm_cues_str(struct mm_cues *c, const char **out, const char *s, size_t n,
		struct mm_err *err) MM_MUST_CHECK;

#endif
