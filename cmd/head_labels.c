/* head_labels.c - see head_labels.h. */
#include "head_labels.h"

#include <stdio.h>

#include "base/mem.h"
#include "train/head.h"

static void put_class(struct mm_buf *b, const struct mm_class_names *names,
		      size_t k)
{
	const struct mm_line l = k < names->name.n
					 ? mm_lines_at(&names->name, k)
					 : (struct mm_line){ NULL, 0 };

	if (names->name.n)
		mm_buf_add(b, l.s, l.len);
	else
		mm_buf_printf(b, "%zu", k);
}

static int put_lines(struct mm_lines *truth, struct mm_lines *guess,
		     const struct mm_class_names *names,
		     const struct mm_dataset *d, const size_t *said,
		     struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc = MM_OK;

	for (size_t i = 0; i < d->n && !rc; i++, said += MM_HEAD_GUESSES) {
		mm_buf_clear(&b);
		put_class(&b, names, (size_t)mm_dataset_label(d, i));
		if ((rc = mm_buf_check(&b, "the labels", err)) ||
		    (rc = mm_lines_add(truth, b.data, b.len, err)))
			break;
		mm_buf_clear(&b);
		for (size_t k = 0; k < MM_HEAD_GUESSES; k++) {
			if (said[k] == SIZE_MAX)
				break;
			if (k)
				mm_buf_addc(&b, '\t');
			put_class(&b, names, said[k]);
		}
		if (!(rc = mm_buf_check(&b, "the labels", err)))
			rc = mm_lines_add(guess, b.data, b.len, err);
	}
	mm_buf_release(&b);
	return rc;
}

static int ask(struct mm_lines *truth, struct mm_lines *guess,
	       const struct mm_class_names *names, struct mm_model *m,
	       const struct mm_dataset *d, struct mm_err *err)
{
	size_t *said = mm_malloc(d->n, MM_HEAD_GUESSES * sizeof(*said)), K;
	int rc = said ? mm_head_guess(m, d, said, &K, err)
		      : mm_fail_nomem(err, "the labels");

	if (!rc && names->name.n && names->name.n != K)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "%zu names of classes, and the model knows %zu",
			     names->name.n, K);
	if (!rc)
		rc = put_lines(truth, guess, names, d, said, err);
	mm_free(said);
	return rc;
}

int head_labels(struct mm_lines *truth, struct mm_lines *guess,
		const struct mm_class_names *names, const char *model,
		const char *const *streams, size_t n, struct mm_err *err)
{
	struct mm_dataset d;
	struct mm_model m;
	int rc = mm_dataset_open(&d, streams, n, err);

	if (rc)
		return rc;
	if (!(rc = mm_model_open(&m, model, err))) {
		rc = ask(truth, guess, names, &m, &d, err);
		mm_model_release(&m);
	}
	mm_dataset_release(&d);
	return rc;
}
