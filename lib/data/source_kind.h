/*
 * source_kind.h - what a kind of source implements; private to lib/data.
 *
 * To add a kind: source_KIND.c with `const struct mm_source mm_source_KIND`,
 * one row in sources.def, one harness in tests/fuzz, one paragraph in
 * mmtool-align(1).
 */
#ifndef MM_DATA_SOURCE_KIND_H
#define MM_DATA_SOURCE_KIND_H

#include "base/io.h"
#include "data/source.h"

/* What is known of a path before it is opened. */
struct mm_sniff {
	const char *path; /* "-": standard input */
	bool folder;
	const unsigned char *head; /* of a file: its first bytes */
	size_t n;
};

enum { MM_SNIFF_BYTES = 4096 };

/* Usual names of what a sample has in tables and JSON objects. */
enum mm_field {
	MM_FIELD_IMAGE,
	MM_FIELD_TEXT,
	MM_FIELD_ID,
	MM_FIELD_IMAGE_ID,
	MM_FIELD_LABEL,
	MM_FIELD_SPLIT,
	MM_FIELD_START,
	MM_FIELD_END,
	MM_N_FIELDS
};

/* One source that is being read. */
struct mm_input {
	const struct mm_source *kind;
	const char *path;
	struct mm_sources *all;	 /* options, arena, label names */
	struct mm_reader reader; /* open, nothing taken; not for folders */
	bool bad_sample;	 /* set with a failure: go on with the next */
	/* The picture's name within the source, for --label-from folder; set
	 * by mm_input_resolve or by the kind, absent before each next. */
	struct mm_str relative;
	void *state; /* of the kind, made by its open */
	const char *named[MM_N_FIELDS][2]; /* for mm_field_names */
};

struct mm_source {
	const char *name;
	bool (*sniff)(const struct mm_sniff *x);
	int (*open)(struct mm_input *in, struct mm_err *err);
	/*
	 * Fill in `s` (all zeros before), or set *end.  Strings live in
	 * in->all->text or in the kind's state until the next call.  Paths of
	 * pictures are resolved (mm_input_resolve) but need not exist, texts
	 * need not be UTF-8, ids need not be unique: source.c checks.  A
	 * failure that leaves the rest readable sets in->bad_sample and says
	 * neither path nor place: source.c prepends s->where.
	 */
	int (*next)(struct mm_input *in, struct mm_sample *s, bool *end,
		    struct mm_err *err);
	void (*close)(struct mm_input *in); /* also after a failed open */
};

#define MM_SOURCE(x) extern const struct mm_source mm_source_##x;
#include "data/sources.def"
#undef MM_SOURCE

/* Does the path end in ".ext" (any case)? */
bool mm_path_has_ext(const char *path, const char *ext);

/* Do the bytes begin as text: no NUL, no control characters? */
bool mm_sniff_is_text(const struct mm_sniff *x);

/* The first byte of a text that is no blank and no byte order mark, or 0. */
char mm_sniff_first(const struct mm_sniff *x);

/* Do the first bytes hold the word? */
bool mm_sniff_has(const struct mm_sniff *x, const char *word);

/* A copy in the sample's arena; mm_str of NULL is absent, not an error. */
int mm_input_keep(struct mm_input *in, struct mm_str *out, const char *s,
		  size_t len, struct mm_err *err) MM_MUST_CHECK;

/*
 * Where a picture that the source calls `name` lies: as it is where that is
 * absolute, else in --root, else beside the source.
 */
int mm_input_resolve(struct mm_input *in, struct mm_str *out, const char *name,
		     size_t len, struct mm_err *err) MM_MUST_CHECK;

/* A label from text: a whole number is one, anything else is a name. */
int mm_input_label(struct mm_input *in, struct mm_sample *s, const char *text,
		   size_t len, struct mm_err *err) MM_MUST_CHECK;

/* Is the split among those that are wanted? */
bool mm_input_wants_split(const struct mm_input *in, const char *split,
			  size_t len);

/* NULL-terminated, best first; what the options name comes alone. */
const char *const *mm_field_names(struct mm_input *in, enum mm_field f);

/* "image, image.path, ..." for messages, appended. */
void mm_field_list(struct mm_buf *out, const char *const *names);

#endif
