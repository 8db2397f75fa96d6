/* av.c - see av.h. */
#include "media/av.h"

int mm_av_audio_open(struct mm_av_audio **a, const char *path, double *rate,
		     size_t *channels, double *start, struct mm_err *err)
{
	(void)a, (void)rate, (void)channels, (void)start;
	return mm_fail(err, MM_ERR_IO, "'%s' is no WAV file", path);
}

int mm_av_audio_read(struct mm_av_audio *a, float *mono, size_t n, size_t *got,
		     struct mm_err *err)
{
	(void)a, (void)mono, (void)n, (void)got;
	return mm_fail(err, MM_ERR_IO, "no sound");
}

void mm_av_audio_close(struct mm_av_audio *a)
{
	(void)a;
}
