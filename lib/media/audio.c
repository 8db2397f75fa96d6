/* audio.c - see audio.h. */
#include "media/audio.h"

#include <string.h>

#include "base/mem.h"
#include "media/av.h"

int mm_audio_open(struct mm_audio *a, const char *path, struct mm_err *err)
{
	const unsigned char *head;
	size_t n;
	int rc;

	*a = (struct mm_audio){ .path = path };
	if ((rc = mm_reader_open(&a->in, path, err)))
		return rc;
	if (!(rc = mm_reader_peek(&a->in, 12, &head, &n, err))) {
		if (mm_wav_sniff(head, n))
			rc = mm_wav_open(a, err);
		else if (!n)
			rc = mm_fail(err, MM_ERR_FORMAT, "'%s' is empty",
				     a->in.name);
		else
			rc = mm_av_audio_open(&a->av, path, &a->rate,
					      &a->channels, &a->start, err);
	}
	if (rc)
		mm_audio_release(a);
	return rc;
}

int mm_audio_read(struct mm_audio *a, float *mono, size_t n, size_t *got,
		  struct mm_err *err)
{
	return a->av ? mm_av_audio_read(a->av, mono, n, got, err)
		     : mm_wav_read(a, mono, n, got, err);
}

void mm_audio_release(struct mm_audio *a)
{
	mm_av_audio_close(a->av);
	mm_reader_release(&a->in);
	mm_free(a->raw);
	*a = (struct mm_audio){ 0 };
}

int mm_audio_load(const char *path, float **mono, size_t *n, double *rate,
		  size_t most, struct mm_err *err)
{
	enum { BLOCK = 1 << 16 };
	struct mm_audio a;
	size_t cap = 0, got;
	int rc;

	*mono = NULL;
	*n = 0;
	if ((rc = mm_audio_open(&a, path, err)))
		return rc;
	*rate = a.rate;
	do {
		if (*n + BLOCK > cap) {
			float *p;

			cap = cap ? 2 * cap : 4 * BLOCK;
			if (!(p = mm_realloc(*mono, cap, sizeof(**mono)))) {
				rc = mm_fail_nomem(err, "the sound");
				break;
			}
			*mono = p;
		}
		if ((rc = mm_audio_read(&a, *mono + *n, BLOCK, &got, err)))
			break;
		*n += got;
		if (*n > most)
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'%s' is longer than %.0f minutes", path,
				     (double)most / a.rate / 60);
	} while (!rc && got == BLOCK);
	mm_audio_release(&a);
	if (rc) {
		mm_free(*mono);
		*mono = NULL;
	}
	return rc;
}
