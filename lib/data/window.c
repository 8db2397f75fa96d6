/* window.c - see window.h. */
#include "data/window.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "data/dataset_part.h"

enum { N_STRINGS = 4 };

/* One place: numbers at its index of the window's arrays, strings here. */
struct place {
	char *text;
	size_t cap;
	int64_t end[N_STRINGS];
};

struct mm_window {
	struct mm_dataset *d;
	struct mm_dataset_part segment; /* the stream's current one */
	size_t row;			/* of it, that comes next */
	bool over;
	size_t passes; /* that are to come behind this one */
	size_t n;      /* places */
	struct place *place;
	unsigned char *pixels;
	int32_t *ids;
	uint8_t *mask;
	int64_t *label;
};

static size_t pixel_bytes(const struct mm_dataset *d)
{
	return 3 * d->H * d->W * (d->floats ? 4 : 1);
}

size_t mm_window_bytes(const struct mm_dataset *d)
{
	return d->n_parts * (pixel_bytes(d) + d->T * (sizeof(int32_t) + 1) +
			     sizeof(int64_t) + sizeof(struct mm_dataset_part) +
			     sizeof(struct place));
}

/* The next segment that holds anything. */
static int next_segment(struct mm_window *w, bool first, struct mm_err *err)
{
	struct mm_stream *s = &w->d->stream[0];
	const struct mm_segment *seg;
	int rc;

	w->row = 0;
	do {
		memset(&w->segment, 0, sizeof(w->segment));
		rc = mm_stream_next(s, &seg, err);
		if (!rc && !seg && w->passes && mm_stream_rewind(s)) {
			w->passes--;
			rc = mm_stream_next(s, &seg, err);
		}
		if (rc || !seg) {
			w->over = true;
			return rc;
		}
	} while (!seg->n);
	w->segment.n = seg->n;
	return mm_dataset_part_take(w->d, s, seg, &w->segment, first, err);
}

/* The arrays, as large as the first segment says. */
static int alloc(struct mm_window *w, struct mm_err *err)
{
	const struct mm_dataset *d = w->d;
	const size_t n = w->n;

	w->place = mm_calloc(n, sizeof(*w->place));
	w->pixels = mm_malloc(n, pixel_bytes(d));
	w->ids = mm_malloc(n * d->T, sizeof(*w->ids));
	w->mask = mm_malloc(n, d->T);
	w->label = mm_malloc(n, sizeof(*w->label));
	if (!w->place || !w->pixels || !w->ids || !w->mask || !w->label)
		return mm_fail(err, MM_ERR_NOMEM,
			       "out of memory for a window of %zu samples", n);
	return MM_OK;
}

static int put_strings(struct mm_window *w, struct place *to,
		       struct mm_dataset_part *p, struct mm_err *err)
{
	const struct mm_dataset_part *from = &w->segment;
	const struct mm_strings *const in[N_STRINGS] = {
		&from->id, &from->image_id, &from->text, &from->phrases
	};
	struct mm_strings *const out[N_STRINGS] = { &p->id, &p->image_id,
						    &p->text, &p->phrases };
	const char *s[N_STRINGS];
	size_t len[N_STRINGS] = { 0 }, all = 1;

	for (int k = 0; k < N_STRINGS; k++) {
		if (in[k]->text)
			s[k] = mm_strings_at(in[k], w->row, &len[k]);
		all += len[k];
	}
	if (all > to->cap) {
		char *more = mm_realloc(to->text, all, 1);

		if (!more)
			return mm_fail_nomem(err, "a sample's strings");
		to->text = more;
		to->cap = all;
	}
	all = 0;
	for (int k = 0; k < N_STRINGS; k++) {
		*out[k] = (struct mm_strings){ NULL, NULL };
		if (!in[k]->text)
			continue;
		memcpy(to->text + all, s[k], len[k]);
		to->end[k] = (int64_t)len[k];
		*out[k] = (struct mm_strings){ to->text + all, &to->end[k] };
		all += len[k];
	}
	return MM_OK;
}

/* The segment's next row into place i. */
static int put(struct mm_window *w, size_t i, struct mm_err *err)
{
	const struct mm_dataset_part *from = &w->segment;
	const size_t T = w->d->T, pixels = pixel_bytes(w->d);
	struct mm_dataset_part *p = &w->d->part[i];
	int rc = put_strings(w, &w->place[i], p, err);

	p->first = i;
	p->n = 1;
	p->pixels = memcpy(w->pixels + i * pixels,
			   from->pixels + w->row * pixels, pixels);
	p->ids = memcpy(w->ids + i * T, from->ids + w->row * T,
			T * sizeof(*w->ids));
	p->mask = from->mask
			  ? memcpy(w->mask + i * T, from->mask + w->row * T, T)
			  : NULL;
	w->label[i] = from->label ? from->label[w->row] : -1;
	p->label = from->label ? &w->label[i] : NULL;
	w->row++;
	return rc;
}

int mm_window_next(struct mm_window *w, const size_t *at, size_t n,
		   size_t *filled, struct mm_err *err)
{
	int rc = MM_OK;

	for (*filled = 0; *filled < n; ++*filled) {
		while (!w->over && w->row == w->segment.n && !rc)
			rc = next_segment(w, false, err);
		if (rc || w->over ||
		    (rc = put(w, at ? at[*filled] : *filled, err)))
			return rc;
	}
	return MM_OK;
}

static void add_fingerprint(struct mm_dataset *d)
{
	for (size_t i = 0; i < d->n; i++) {
		size_t len;
		const char *id = mm_dataset_id(d, i, &len);
		const uint64_t h[] = { d->fingerprint, mm_hash64(id, len), d->H,
				       d->W, d->T };

		d->fingerprint = mm_hash64(h, sizeof(h));
	}
}

static int fill(struct mm_dataset *d, const char *path, struct mm_err *err)
{
	struct mm_window *w = d->window;
	int rc = mm_stream_open(d->stream, path, err);

	if (rc)
		return rc;
	d->n_streams = 1;
	if (w->passes && !d->stream->mapped)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' is read as it comes, once: --epochs wants "
			       "a file, or send several (mmtool augment "
			       "--epochs)",
			       d->stream->path);
	if ((rc = next_segment(w, true, err)))
		return rc;
	if (w->over)
		return mm_fail(err, MM_ERR_FORMAT, "'%s' holds no samples",
			       path);
	if ((rc = alloc(w, err)) ||
	    (rc = mm_window_next(w, NULL, w->n, &d->n, err)))
		return rc;
	d->n_parts = d->n;
	d->first[1] = d->n;
	add_fingerprint(d);
	return MM_OK;
}

int mm_window_open(struct mm_dataset *d, const char *path, size_t places,
		   size_t passes, struct mm_err *err)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->stream = mm_calloc(1, sizeof(*d->stream));
	d->first = mm_calloc(2, sizeof(*d->first));
	d->part = mm_calloc(places, sizeof(*d->part));
	d->window = mm_calloc(1, sizeof(*d->window));
	if (!d->stream || !d->first || !d->part || !d->window) {
		rc = mm_fail(err, MM_ERR_NOMEM,
			     "out of memory for a window of %zu samples",
			     places);
	} else {
		d->window->d = d;
		d->window->n = places;
		d->window->passes = passes - 1;
		rc = fill(d, path, err);
	}
	if (rc)
		mm_dataset_release(d);
	return rc;
}

void mm_window_free(struct mm_window *w)
{
	if (!w)
		return;
	for (size_t i = 0; w->place && i < w->n; i++)
		mm_free(w->place[i].text);
	mm_free(w->place);
	mm_free(w->pixels);
	mm_free(w->ids);
	mm_free(w->mask);
	mm_free(w->label);
	mm_free(w);
}
