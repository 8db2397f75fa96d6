/* av_video.c - frames and clocks of any container; see av.h. */
#include "media/av.h"

#include "base/mem.h"

#ifdef HAVE_LIBAV
#include <math.h>
#include <stdlib.h>

#include "media/av_impl.h"

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The time stamp of the packet at hand; false where it is not shown. */
static bool stamp(const struct mm_av_file *f, double *t)
{
	const AVPacket *p = f->packet;
	const int64_t at = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;

	if (at == AV_NOPTS_VALUE || p->flags & AV_PKT_FLAG_DISCARD)
		return false;
	*t = (double)at * f->unit;
	return true;
}

int mm_av_video_times(double **times, size_t *n, const char *path,
		      struct mm_err *err)
{
	struct mm_av_file f;
	size_t cap = 0;
	bool end = false;
	double t;
	int rc;

	*times = NULL;
	*n = 0;
	rc = mm_av_file_open(&f, path, AVMEDIA_TYPE_VIDEO, false, true, err);
	if (rc)
		return rc;
	while (!(rc = mm_av_file_packet(&f, &end, err)) && !end) {
		if (!stamp(&f, &t))
			continue;
		if (*n == cap) {
			double *p;

			cap = cap ? 2 * cap : 4096;
			if (!(p = mm_realloc(*times, cap, sizeof(*p)))) {
				rc = mm_fail_nomem(err, "times of frames");
				break;
			}
			*times = p;
		}
		(*times)[(*n)++] = round((t - f.origin) * 1e6) / 1e6;
	}
	mm_av_file_close(&f);
	if (!rc && *n)
		qsort(*times, *n, sizeof(**times), by_value);
	return rc;
}

struct mm_av_video {
	struct mm_av_file file;
	struct SwsContext *scale;
	int width, height, format; /* that scale is for */
	uint8_t *rgb;
	double time; /* of the frame at hand; NAN: none yet */
	bool drawn;  /* it is in rgb */
};

int mm_av_video_open(struct mm_av_video **out, const char *path,
		     struct mm_err *err)
{
	struct mm_av_video *v = mm_calloc(1, sizeof(*v));
	int rc;

	*out = NULL;
	if (!v)
		return mm_fail_nomem(err, path);
	v->time = NAN;
	rc = mm_av_file_open(&v->file, path, AVMEDIA_TYPE_VIDEO, true, true,
			     err);
	if (rc)
		mm_av_video_close(v);
	else
		*out = v;
	return rc;
}

void mm_av_video_close(struct mm_av_video *v)
{
	if (!v)
		return;
	if (v->scale)
		mm_av.sws_freeContext(v->scale);
	mm_av_file_close(&v->file);
	mm_free(v->rgb);
	mm_free(v);
}

static int draw(struct mm_av_video *v, struct mm_err *err)
{
	const AVFrame *f = v->file.frame;
	int stride[4] = { 3 * f->width };
	uint8_t *plane[4] = { NULL };

	if (f->width <= 0 || f->height <= 0 || f->width > 1 << 15 ||
	    f->height > 1 << 15)
		return mm_fail(err, MM_ERR_FORMAT, "a frame of %dx%d pixels",
			       f->width, f->height);
	if (!v->scale || v->width != f->width || v->height != f->height ||
	    v->format != f->format) {
		if (v->scale)
			mm_av.sws_freeContext(v->scale);
		mm_free(v->rgb);
		v->rgb =
			mm_malloc((size_t)f->width * (size_t)f->height + 32, 3);
		v->scale = mm_av.sws_getContext(
			f->width, f->height, (enum AVPixelFormat)f->format,
			f->width, f->height, AV_PIX_FMT_RGB24,
			SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND,
			NULL, NULL, NULL);
		if (!v->rgb || !v->scale)
			return mm_fail_nomem(err, "a frame");
		v->width = f->width;
		v->height = f->height;
		v->format = f->format;
	}
	plane[0] = v->rgb;
	if (mm_av.sws_scale(v->scale, (const uint8_t *const *)f->data,
			    f->linesize, 0, f->height, plane,
			    stride) != f->height)
		return mm_fail(err, MM_ERR_FORMAT, "a frame's colours");
	v->drawn = true;
	return MM_OK;
}

int mm_av_video_frame(struct mm_av_video *v, double time, const uint8_t **rgb,
		      size_t *width, size_t *height, struct mm_err *err)
{
	const double slack = v->file.unit / 2;
	bool end;
	int rc;

	while (!(v->time >= time - slack)) {
		if ((rc = mm_av_file_frame(&v->file, &end, err)))
			return rc;
		if (end)
			return mm_fail(err, MM_ERR_FORMAT,
				       "no frame at %.3f s: the video ends or "
				       "is damaged",
				       time);
		v->drawn = false;
		if (v->file.frame->best_effort_timestamp != AV_NOPTS_VALUE)
			v->time = (double)v->file.frame->best_effort_timestamp *
					  v->file.unit -
				  v->file.origin;
	}
	if (!v->drawn && (rc = draw(v, err)))
		return rc;
	*rgb = v->rgb;
	*width = (size_t)v->width;
	*height = (size_t)v->height;
	return MM_OK;
}

/* ---- clocks ---- */

/* What one stream's packets say. */
struct packets {
	double first, last, end; /* by time */
	double shortest, longest, before;
	double samples; /* sum of durations */
	uint64_t n;
};

static int read_packets(struct packets *p, struct mm_av_file *f,
			struct mm_err *err)
{
	bool end = false;
	double t;
	int rc;

	*p = (struct packets){ .first = INFINITY,
			       .last = -INFINITY,
			       .end = -INFINITY };
	while (!(rc = mm_av_file_packet(f, &end, err)) && !end) {
		const double d = (double)f->packet->duration * f->unit;

		if (!stamp(f, &t))
			continue;
		p->first = fmin(p->first, t);
		p->last = fmax(p->last, t);
		p->end = fmax(p->end, t + d);
		p->samples += d;
		p->n++;
	}
	return rc;
}

static int first_unedited(double *first, const char *path,
			  enum AVMediaType type, struct mm_err *err)
{
	struct mm_av_file f;
	bool end;
	int rc = mm_av_file_open(&f, path, type, false, false, err);

	*first = NAN;
	if (rc)
		return rc;
	rc = mm_av_file_packet(&f, &end, err);
	if (!rc && !end)
		(void)stamp(&f, first);
	mm_av_file_close(&f);
	return rc;
}

/* Steps between frames, in order of display, that differ by more than a
 * tick. */
static int is_even(bool *even, const char *path, double unit,
		   struct mm_err *err)
{
	double *t;
	size_t n;
	int rc = mm_av_video_times(&t, &n, path, err);

	*even = true;
	for (size_t i = 2; !rc && i < n; i++)
		if (fabs((t[i] - t[i - 1]) - (t[1] - t[0])) > 1.5 * unit + 1e-4)
			*even = false;
	mm_free(t);
	return rc;
}

static int clock_of(struct mm_av_clock *c, const char *path,
		    enum AVMediaType type, struct mm_err *err)
{
	const bool video = type == AVMEDIA_TYPE_VIDEO;
	struct mm_av_file f;
	struct packets p;
	const AVStream *s;
	double raw, rate;
	int rc = mm_av_file_open(&f, path, type, false, true, err);

	*c = (struct mm_av_clock){ .drift = 1, .even = true };
	if (rc)
		return rc;
	s = f.format->streams[f.stream];
	rate = video ? (double)s->avg_frame_rate.num /
			       (s->avg_frame_rate.den ? s->avg_frame_rate.den
						      : 1)
		     : s->codecpar->sample_rate;
	rc = read_packets(&p, &f, err);
	if (!rc && p.n) {
		c->present = true;
		c->start = p.first;
		c->end = p.end;
		c->rate = rate;
		c->count = video ? p.n : (uint64_t)llround(p.samples * rate);
		if (!video && p.samples > 0)
			c->drift = (p.end - p.first) / p.samples;
		else if (video && p.n > 1 && s->r_frame_rate.num > 0)
			c->drift = (p.last - p.first) * s->r_frame_rate.num /
				   s->r_frame_rate.den / (double)(p.n - 1);
	}
	if (!rc && c->present)
		rc = first_unedited(&raw, path, type, err);
	if (!rc && c->present && !isnan(raw))
		c->edit = c->start - raw;
	if (!rc && c->present && video)
		rc = is_even(&c->even, path, f.unit, err);
	mm_av_file_close(&f);
	return rc;
}

int mm_av_clocks(struct mm_av_clock *video, struct mm_av_clock *audio,
		 const char *path, struct mm_err *err)
{
	int rc = clock_of(video, path, AVMEDIA_TYPE_VIDEO, err);
	int rc2 = clock_of(audio, path, AVMEDIA_TYPE_AUDIO, rc ? NULL : err);

	/* One of the two is enough. */
	return rc && rc2 ? rc : MM_OK;
}
#else
static int no_ffmpeg(const char *path, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_IO,
		       "'%s': this build has no FFmpeg; build it with the "
		       "packages libavformat-dev and libswscale-dev",
		       path);
}

int mm_av_video_times(double **times, size_t *n, const char *path,
		      struct mm_err *err)
{
	*times = NULL;
	*n = 0;
	return no_ffmpeg(path, err);
}

int mm_av_video_open(struct mm_av_video **v, const char *path,
		     struct mm_err *err)
{
	*v = NULL;
	return no_ffmpeg(path, err);
}

int mm_av_video_frame(struct mm_av_video *v, double time, const uint8_t **rgb,
		      size_t *width, size_t *height, struct mm_err *err)
{
	(void)v, (void)time, (void)rgb, (void)width, (void)height;
	return no_ffmpeg("a video", err);
}

void mm_av_video_close(struct mm_av_video *v)
{
	(void)v;
}

int mm_av_clocks(struct mm_av_clock *video, struct mm_av_clock *audio,
		 const char *path, struct mm_err *err)
{
	(void)video, (void)audio;
	return no_ffmpeg(path, err);
}
#endif
