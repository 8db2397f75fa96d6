/*
 * window.h - a stream that passes by: some of its samples at a time.
 *
 * A dataset of as many places as fit the window.  Whoever has used the samples
 * in some places asks for the next ones of the stream to be put there; so
 * memory holds the window and one segment of the stream, however long it is.
 * Which sample comes to which place follows from the calls alone.
 */
#ifndef MM_DATA_WINDOW_H
#define MM_DATA_WINDOW_H

#include "data/dataset.h"

/*
 * The first samples of a stream, or all where it is shorter: d->n <= places.
 * d->fingerprint is theirs.  A file may pass by several times, one after the
 * other as if it were so long; a pipe is MM_ERR_USAGE then.
 * mm_dataset_release(d) ends it.
 */
int mm_window_open(struct mm_dataset *d, const char *path, size_t places,
		   size_t passes, struct mm_err *err) MM_MUST_CHECK;

/*
 * The next samples into places at[0], at[1], ...; *filled < n where the stream
 * ends, and the places behind are empty from then on.
 */
int mm_window_next(struct mm_window *w, const size_t *at, size_t n,
		   size_t *filled, struct mm_err *err) MM_MUST_CHECK;

/* Bytes that the places take. */
size_t mm_window_bytes(const struct mm_dataset *d);

void mm_window_free(struct mm_window *w); /* NULL is fine */

#endif
