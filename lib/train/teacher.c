/* teacher.c - see teacher.h. */
#include "train/teacher.h"

#include <math.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "model/embed.h"

static const char *const column[2] = { "image.embedding", "text.embedding" };

struct job {
	struct mm_teacher *t;
	struct mm_map rows; /* id -> sample */
	uint8_t *seen;
	size_t n; /* samples */
};

static int index_ids(struct job *j, const struct mm_dataset *d,
		     struct mm_err *err)
{
	for (size_t i = 0; i < d->n; i++) {
		size_t len;
		const char *id = mm_dataset_id(d, i, &len);
		int64_t *at = mm_map_put(&j->rows, id, len, NULL);

		if (!at)
			return mm_fail_nomem(err, "the teacher's index");
		*at = (int64_t)i;
	}
	return MM_OK;
}

static int make_room(struct job *j, size_t D, struct mm_err *err)
{
	for (int s = 0; s < 2; s++)
		if (!(j->t->side[s] = mm_calloc(j->n * D, sizeof(float))))
			return mm_fail_nomem(err, "the teacher's vectors");
	j->t->D = D;
	return MM_OK;
}

static int take_row(struct job *j, const struct mm_segment *seg, size_t row,
		    size_t sample, const struct mm_column *const c[2],
		    struct mm_err *err)
{
	const size_t D = j->t->D;
	size_t n;

	for (int s = 0; s < 2; s++) {
		float *out = j->t->side[s] + sample * D;

		memcpy(out, mm_column_row(c[s], row, &n), D * sizeof(*out));
		mm_embed_normalise(out, 1, D);
		for (size_t k = 0; k < D; k++)
			if (!isfinite(out[k]))
				return mm_fail(err, MM_ERR_FORMAT,
					       "'%s' byte %llu: row %zu of "
					       "'%s' is not finite",
					       seg->path,
					       (unsigned long long)seg->offset,
					       row, column[s]);
	}
	j->seen[sample] = 1;
	return MM_OK;
}

static int take(struct job *j, const struct mm_segment *seg, struct mm_err *err)
{
	const struct mm_column *c[2], *ids;
	size_t D = j->t->D ? j->t->D : SIZE_MAX;
	int rc = mm_segment_want_str(seg, "id", &ids, err);

	for (int s = 0; s < 2 && !rc; s++) {
		rc = mm_segment_want(seg, column[s], MM_F32, false, 1, &D,
				     &c[s], err);
		if (!rc)
			D = c[s]->items.dim[1];
	}
	if (!rc && !j->t->D)
		rc = make_room(j, D, err);
	for (size_t i = 0; i < seg->n && !rc; i++) {
		size_t len;
		const char *id = mm_column_str(ids, i, &len);
		const int64_t *at = mm_map_find(&j->rows, id, len);

		if (at)
			rc = take_row(j, seg, i, (size_t)*at, c, err);
	}
	return rc;
}

static int complete(const struct job *j, const char *path,
		    const struct mm_dataset *d, struct mm_err *err)
{
	size_t missing = 0, first = 0, len;
	const char *id;

	for (size_t i = 0; i < j->n; i++)
		if (!j->seen[i] && !missing++)
			first = i;
	if (!missing)
		return MM_OK;
	id = mm_dataset_id(d, first, &len);
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' has no vectors of sample '%.*s'%s (%zu of %zu "
		       "samples are missing): it was made from other data",
		       path, (int)(len > 200 ? 200 : len), id,
		       missing > 1 ? " and others" : "", missing, j->n);
}

int mm_teacher_open(struct mm_teacher **t, const char *path,
		    const struct mm_dataset *d, struct mm_err *err)
{
	struct job j = { .n = d->n };
	const struct mm_segment *seg;
	struct mm_stream s = { 0 };
	int rc;

	*t = j.t = mm_calloc(1, sizeof(*j.t));
	j.seen = mm_calloc(d->n, 1);
	mm_map_init(&j.rows);
	rc = j.t && j.seen ? index_ids(&j, d, err)
			   : mm_fail_nomem(err, "the teacher's vectors");
	if (!rc && !(rc = mm_stream_open(&s, path, err)))
		while (!(rc = mm_stream_next(&s, &seg, err)) && seg)
			if ((rc = take(&j, seg, err)))
				break;
	if (!rc)
		rc = complete(&j, path, d, err);
	mm_stream_release(&s);
	mm_map_release(&j.rows);
	mm_free(j.seen);
	if (rc) {
		mm_teacher_free(*t);
		*t = NULL;
	}
	return rc;
}

void mm_teacher_free(struct mm_teacher *t)
{
	if (!t)
		return;
	mm_free(t->side[0]);
	mm_free(t->side[1]);
	mm_free(t);
}
