/* av_audio.c - sound of any container as one channel of floats; see av.h. */
#include "media/av.h"

#ifdef HAVE_LIBAV
#include <libavutil/samplefmt.h>
#include <math.h>

#include "base/mem.h"
#include "media/av_impl.h"

struct mm_av_audio {
	struct mm_av_file file;
	int at; /* samples of the frame that are taken already */
};

static int n_channels(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 24, 100)
	return f->ch_layout.nb_channels;
#else
	return f->channels;
#endif
}

static double value(const void *p, enum AVSampleFormat format, size_t i)
{
	switch (format) {
	case AV_SAMPLE_FMT_U8: return (((const uint8_t *)p)[i] - 128) / 128.0;
	case AV_SAMPLE_FMT_S16: return ((const int16_t *)p)[i] / 32768.0;
	case AV_SAMPLE_FMT_S32: return ((const int32_t *)p)[i] / 2147483648.0;
	case AV_SAMPLE_FMT_FLT: return (double)((const float *)p)[i];
	case AV_SAMPLE_FMT_DBL: return ((const double *)p)[i];
	default: return 0;
	}
}

/* The packed format of the same samples. */
static enum AVSampleFormat packed(int format, bool *planar)
{
	static const enum AVSampleFormat pairs[][2] = {
		{ AV_SAMPLE_FMT_U8P, AV_SAMPLE_FMT_U8 },
		{ AV_SAMPLE_FMT_S16P, AV_SAMPLE_FMT_S16 },
		{ AV_SAMPLE_FMT_S32P, AV_SAMPLE_FMT_S32 },
		{ AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_FLT },
		{ AV_SAMPLE_FMT_DBLP, AV_SAMPLE_FMT_DBL },
	};

	*planar = true;
	for (int i = 0; i < 5; i++)
		if ((enum AVSampleFormat)format == pairs[i][0])
			return pairs[i][1];
	*planar = false;
	return (enum AVSampleFormat)format;
}

static float sample(const AVFrame *f, int i)
{
	const int n = n_channels(f);
	bool planar;
	const enum AVSampleFormat format = packed(f->format, &planar);
	double sum = 0;

	for (int c = 0; c < n; c++)
		sum += planar ? value(f->extended_data[c], format, (size_t)i)
			      : value(f->extended_data[0], format,
				      (size_t)i * (size_t)n + (size_t)c);
	sum /= n > 0 ? n : 1;
	return isfinite(sum) ? (float)sum : 0;
}

int mm_av_audio_open(struct mm_av_audio **out, const char *path, double *rate,
		     size_t *channels, double *start, struct mm_err *err)
{
	struct mm_av_audio *a = mm_calloc(1, sizeof(*a));
	bool end = false;
	int rc;

	*out = NULL;
	if (!a)
		return mm_fail_nomem(err, path);
	rc = mm_av_file_open(&a->file, path, AVMEDIA_TYPE_AUDIO, true, true,
			     err);
	if (!rc)
		rc = mm_av_file_frame(&a->file, &end, err);
	if (!rc && (end || a->file.frame->sample_rate <= 0 ||
		    n_channels(a->file.frame) <= 0))
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' holds no sound", path);
	if (rc) {
		mm_av_audio_close(a);
		return rc;
	}
	*rate = a->file.frame->sample_rate;
	*channels = (size_t)n_channels(a->file.frame);
	*start = a->file.frame->best_effort_timestamp != AV_NOPTS_VALUE
			 ? (double)a->file.frame->best_effort_timestamp *
					   a->file.unit -
				   a->file.origin
			 : 0;
	*out = a;
	return MM_OK;
}

int mm_av_audio_read(struct mm_av_audio *a, float *mono, size_t n, size_t *got,
		     struct mm_err *err)
{
	bool end = false;
	int rc;

	*got = 0;
	while (*got < n) {
		const AVFrame *f = a->file.frame;

		if (a->at < f->nb_samples) {
			mono[(*got)++] = sample(f, a->at++);
			continue;
		}
		if (a->file.drained)
			return MM_OK;
		if ((rc = mm_av_file_frame(&a->file, &end, err)))
			return rc;
		a->at = 0;
		a->file.drained = end;
		if (end)
			return MM_OK;
	}
	return MM_OK;
}

void mm_av_audio_close(struct mm_av_audio *a)
{
	if (!a)
		return;
	mm_av_file_close(&a->file);
	mm_free(a);
}
#else
int mm_av_audio_open(struct mm_av_audio **a, const char *path, double *rate,
		     size_t *channels, double *start, struct mm_err *err)
{
	(void)rate, (void)channels, (void)start;
	*a = NULL;
	return mm_fail(err, MM_ERR_IO,
		       "'%s' is no WAV file, and this build has no FFmpeg: "
		       "build it with the packages libavformat-dev and "
		       "libswscale-dev, or convert it with ffmpeg(1)",
		       path);
}

int mm_av_audio_read(struct mm_av_audio *a, float *mono, size_t n, size_t *got,
		     struct mm_err *err)
{
	(void)a, (void)mono, (void)n;
	*got = 0;
	return mm_fail(err, MM_ERR_IO, "this build has no FFmpeg");
}

void mm_av_audio_close(struct mm_av_audio *a)
{
	(void)a;
}
#endif
