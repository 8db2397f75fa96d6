/*
 * zeroshot.h - pictures classified by the names of classes, as CLIP does it.
 *
 *	class k = unit(mean over templates of unit(text of template with k))
 *	score of picture i and class k = <image_i, class_k>
 *
 * For eval zeroshot and all.
 */
#ifndef MM_CMD_ZEROSHOT_H
#define MM_CMD_ZEROSHOT_H

#include "class_report.h"
#include "vectors.h"

enum zeroshot_by { ZEROSHOT_AUTO, ZEROSHOT_NAME, ZEROSHOT_NUMBER };
extern const char *const zeroshot_by_words[];

struct zeroshot {
	struct mm_class_names names;
	struct mm_lines templates; /* each has a place for the name */
	struct mm_labels truth, guess;
	float *classes; /* (K, D) */
};

/*
 * Classes of a file, or where that is NULL, of the samples' label.name
 * (v may be NULL where there is a file).  templates NULL: "a photo of a {c}."
 */
int zeroshot_load(struct zeroshot *z, const char *classes,
		  const char *templates, const struct mm_vectors *v,
		  struct mm_err *err);

/* Prompt i < classes * templates, those of a class together; out is cleared. */
void zeroshot_prompt(const struct zeroshot *z, size_t i, struct mm_buf *out);

/* Encode the classes, score the pictures, count. */
int zeroshot_run(struct zeroshot *z, struct class_report *r,
		 struct mm_vectors *v, int by, bool confusion,
		 struct mm_err *err);
void zeroshot_release(struct zeroshot *z);

#endif
