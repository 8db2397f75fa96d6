/* av.c - opening files and decoding through FFmpeg's libraries; see av.h. */
#include "media/av.h"

#ifdef HAVE_LIBAV
#include <string.h>

#include "base/arena.h"
#include "media/av_impl.h"

struct mm_av mm_av;

#define SO(name, major)	 "lib" name ".so." AV_STRINGIFY(major)
#define DEB(name, major) "lib" name AV_STRINGIFY(major)

/* The fields of mm_av are the calls of four libraries, one after another. */
static const char *const format_names[] = { MM_AV_FORMAT(MM_DYNLIB_NAME) };
static const char *const codec_names[] = { MM_AV_CODEC(MM_DYNLIB_NAME) };
static const char *const util_names[] = { MM_AV_UTIL(MM_DYNLIB_NAME) };
static const char *const scale_names[] = { MM_AV_SCALE(MM_DYNLIB_NAME) };

static struct mm_dynlib libs[] = {
	MM_DYNLIB(SO("avformat", LIBAVFORMAT_VERSION_MAJOR),
		  DEB("avformat", LIBAVFORMAT_VERSION_MAJOR), format_names,
		  mm_av.avformat_open_input),
	MM_DYNLIB(SO("avcodec", LIBAVCODEC_VERSION_MAJOR),
		  DEB("avcodec", LIBAVCODEC_VERSION_MAJOR), codec_names,
		  mm_av.avcodec_find_decoder),
	MM_DYNLIB(SO("avutil", LIBAVUTIL_VERSION_MAJOR),
		  DEB("avutil", LIBAVUTIL_VERSION_MAJOR), util_names,
		  mm_av.av_frame_alloc),
	MM_DYNLIB(SO("swscale", LIBSWSCALE_VERSION_MAJOR),
		  DEB("swscale", LIBSWSCALE_VERSION_MAJOR), scale_names,
		  mm_av.sws_getContext),
};

static int load(struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < sizeof(libs) / sizeof(libs[0]) && !rc; i++)
		rc = mm_dynlib_load(&libs[i], err);
	if (!rc)
		mm_av.av_log_set_level(AV_LOG_QUIET);
	return rc;
}

int mm_av_fail(struct mm_err *err, const char *path, int code)
{
	char why[128] = "unknown error";

	if (code == AVERROR(ENOMEM))
		return mm_fail_nomem(err, path);
	(void)mm_av.av_strerror(code, why, sizeof(why));
	return mm_fail(err, MM_ERR_FORMAT, "'%s': %s", path, why);
}

void mm_av_file_close(struct mm_av_file *f)
{
	if (f->codec)
		mm_av.avcodec_free_context(&f->codec);
	if (f->format)
		mm_av.avformat_close_input(&f->format);
	if (f->packet)
		mm_av.av_packet_free(&f->packet);
	if (f->frame)
		mm_av.av_frame_free(&f->frame);
	*f = (struct mm_av_file){ 0 };
}

/* Local files only, whatever the name or the contents (playlists) say. */
static int open_format(struct mm_av_file *f, const char *path, bool edits,
		       struct mm_err *err)
{
	struct mm_arena a = { 0 };
	const char *url = mm_arena_printf(&a, "file:%s", path);
	AVDictionary *o = NULL;
	int code;

	if (!url)
		return mm_fail_nomem(err, path);
	(void)mm_av.av_dict_set(&o, "protocol_whitelist", "file", 0);
	if (!edits)
		(void)mm_av.av_dict_set(&o, "ignore_editlist", "1", 0);
	code = mm_av.avformat_open_input(&f->format, url, NULL, &o);
	mm_av.av_dict_free(&o);
	mm_arena_release(&a);
	if (code >= 0)
		code = mm_av.avformat_find_stream_info(f->format, NULL);
	return code < 0 ? mm_av_fail(err, path, code) : MM_OK;
}

static int open_codec(struct mm_av_file *f, const AVStream *s, const char *path,
		      struct mm_err *err)
{
	const AVCodec *c = mm_av.avcodec_find_decoder(s->codecpar->codec_id);
	int code;

	if (!c)
		return mm_fail(err, MM_ERR_FORMAT, "'%s': no decoder for it",
			       path);
	if (!(f->codec = mm_av.avcodec_alloc_context3(c)))
		return mm_fail_nomem(err, path);
	f->codec->thread_count = 1;
	f->codec->pkt_timebase = s->time_base;
	code = mm_av.avcodec_parameters_to_context(f->codec, s->codecpar);
	if (code >= 0)
		code = mm_av.avcodec_open2(f->codec, c, NULL);
	return code < 0 ? mm_av_fail(err, path, code) : MM_OK;
}

int mm_av_file_open(struct mm_av_file *f, const char *path,
		    enum AVMediaType type, bool decode, bool edits,
		    struct mm_err *err)
{
	const AVStream *s;
	int rc;

	*f = (struct mm_av_file){ 0 };
	if ((rc = load(err)) || (rc = open_format(f, path, edits, err))) {
		mm_av_file_close(f);
		return rc;
	}
	f->stream = mm_av.av_find_best_stream(f->format, type, -1, -1, NULL, 0);
	if (f->stream < 0) {
		mm_av_file_close(f);
		return mm_fail(err, MM_ERR_FORMAT, "'%s' has no %s", path,
			       type == AVMEDIA_TYPE_AUDIO ? "sound" : "video");
	}
	s = f->format->streams[f->stream];
	f->unit = (double)s->time_base.num / s->time_base.den;
	if (f->format->start_time != AV_NOPTS_VALUE &&
	    f->format->start_time > 0)
		f->origin = (double)f->format->start_time / AV_TIME_BASE;
	f->packet = mm_av.av_packet_alloc();
	f->frame = mm_av.av_frame_alloc();
	if (!f->packet || !f->frame)
		rc = mm_fail_nomem(err, path);
	else if (decode)
		rc = open_codec(f, s, path, err);
	if (rc)
		mm_av_file_close(f);
	return rc;
}

int mm_av_file_packet(struct mm_av_file *f, bool *end, struct mm_err *err)
{
	int code;

	do {
		mm_av.av_packet_unref(f->packet);
		code = mm_av.av_read_frame(f->format, f->packet);
	} while (code >= 0 && f->packet->stream_index != f->stream);
	*end = code == AVERROR_EOF;
	return code < 0 && !*end ? mm_av_fail(err, f->format->url + 5, code)
				 : MM_OK;
}

int mm_av_file_frame(struct mm_av_file *f, bool *end, struct mm_err *err)
{
	int rc, code;
	bool last;

	*end = false;
	for (;;) {
		mm_av.av_frame_unref(f->frame);
		code = mm_av.avcodec_receive_frame(f->codec, f->frame);
		if (code >= 0)
			return MM_OK;
		*end = code == AVERROR_EOF;
		if (*end)
			return MM_OK;
		if (code == AVERROR(ENOMEM))
			return mm_fail_nomem(err, "a frame");
		if ((rc = mm_av_file_packet(f, &last, err)))
			return rc;
		code = mm_av.avcodec_send_packet(f->codec,
						 last ? NULL : f->packet);
		/* A damaged packet costs what it holds, as in any player. */
		if (code == AVERROR(ENOMEM))
			return mm_fail_nomem(err, "a frame");
	}
}
#endif
