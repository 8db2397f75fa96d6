/*
 * teacher.h - a teacher's embeddings, as `mmtool embed --both` writes them.
 *
 * A stream with `id`, `image.embedding` and `text.embedding`; samples find
 * their rows by id.
 */
#ifndef MM_TRAIN_TEACHER_H
#define MM_TRAIN_TEACHER_H

#include "data/dataset.h"

struct mm_teacher {
	size_t D;
	float *side[2]; /* image, text: (samples, D), of unit length */
};

/*
 * The rows of d's samples, in its order.  MM_ERR_FORMAT names the first sample
 * that the file lacks and how many there are.
 */
int mm_teacher_open(struct mm_teacher **t, const char *path,
		    const struct mm_dataset *d,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_teacher_free(struct mm_teacher *t); /* NULL is fine */

#endif
