/*
 * sources.h - options of every command that reads pairs from SOURCEs.
 *
 *	struct preprocess_args {
 *		struct mm_common common;
 *		struct mm_source_args source;
 *	};
 *	... MM_OPT_SOURCE(struct preprocess_args), ...
 *	o = mm_source_options(&a->source);
 *	o.need_image = true;
 */
#ifndef MM_CMD_SOURCES_H
#define MM_CMD_SOURCES_H

#include "common.h"
#include "data/source.h"

enum mm_label_from { MM_LABEL_FROM_SOURCE, MM_LABEL_FROM_FOLDER };

struct mm_source_args {
	int kind; /* index into mm_source_kinds */
	int label_from;
	const char *root, *image_column, *text_column, *id_column;
	const char *split, *instances;
};

extern const char *const mm_label_from_words[];

#define MM_OPT_SOURCE(T)                                                      \
	MM_GROUP("Sources"),                                                  \
		MM_ENUM(0, "kind", T, source.kind, mm_source_kinds,           \
			"what SOURCE is, where its name and contents do not " \
			"tell"),                                              \
		MM_DIR(0, "root", T, source.root, "DIR",                      \
		       "folder of relative image paths [the source's own]"),  \
		MM_STR(0, "image-column", T, source.image_column, "C",        \
		       "column or key of the picture's path [image, "         \
		       "filepath, filename, ...]"),                           \
		MM_STR(0, "text-column", T, source.text_column, "C",          \
		       "column or key of the caption [text, caption, ...]"),  \
		MM_STR(0, "id-column", T, source.id_column, "C",              \
		       "column or key of the id [id, key, ...; without one, " \
		       "the picture's name]"),                                \
		MM_STR(0, "split", T, source.split, "S",                      \
		       "only samples of this split, or of these: "            \
		       "train,restval"),                                      \
		MM_ENUM(0, "label-from", T, source.label_from,                \
			mm_label_from_words,                                  \
			"where a sample's label is: told by the source, or "  \
			"the name of the top folder that it is in")

/* What the options say, with nothing needed yet. */
struct mm_source_options mm_source_options(const struct mm_source_args *a);

/*
 * The next sample of ours: bad ones are listed or end it (--on-error), those
 * of other shards are passed over.  *sample NULL at the end.
 */
int mm_sources_ours(struct mm_sources *s, const struct mm_common *c,
		    struct mm_bad *bad, const char *stage,
		    const struct mm_sample **sample,
		    struct mm_err *err) MM_MUST_CHECK;

/* The same with the good samples of other shards too: *ours false. */
int mm_sources_any(struct mm_sources *s, const struct mm_common *c,
		   struct mm_bad *bad, const char *stage,
		   const struct mm_sample **sample, bool *ours,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
