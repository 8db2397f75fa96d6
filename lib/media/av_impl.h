/* av_impl.h - FFmpeg's libraries, loaded; private to lib/media/av*.c. */
#ifndef MM_MEDIA_AV_IMPL_H
#define MM_MEDIA_AV_IMPL_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libswscale/swscale.h>

#include "base/dynlib.h"

#define MM_AV_FORMAT(F)              \
	F(avformat_open_input)       \
	F(avformat_find_stream_info) \
	F(av_find_best_stream) F(av_read_frame) F(avformat_close_input)
#define MM_AV_CODEC(F)                                                        \
	F(avcodec_find_decoder)                                               \
	F(avcodec_alloc_context3)                                             \
	F(avcodec_parameters_to_context)                                      \
	F(avcodec_open2) F(avcodec_send_packet) F(avcodec_receive_frame)      \
		F(avcodec_free_context) F(av_packet_alloc) F(av_packet_unref) \
			F(av_packet_free)
#define MM_AV_UTIL(F)     \
	F(av_frame_alloc) \
	F(av_frame_free)  \
	F(av_frame_unref) \
	F(av_strerror) F(av_dict_set) F(av_dict_free) F(av_log_set_level)
#define MM_AV_SCALE(F) F(sws_getContext) F(sws_scale) F(sws_freeContext)

struct mm_av {
	MM_AV_FORMAT(MM_DYNLIB_FIELD)
	MM_AV_CODEC(MM_DYNLIB_FIELD)
	MM_AV_UTIL(MM_DYNLIB_FIELD)
	MM_AV_SCALE(MM_DYNLIB_FIELD)
};
extern struct mm_av mm_av;

/* An open file with one stream decoded. */
struct mm_av_file {
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	int stream;
	double unit;   /* seconds of one tick of the stream */
	double origin; /* when the file begins, which players call 0 */
	bool drained;
};

/* decode false: packets only.  edits false: edit lists are not followed. */
int mm_av_file_open(struct mm_av_file *f, const char *path,
		    enum AVMediaType type, bool decode, bool edits,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_av_file_close(struct mm_av_file *f);

/* The next packet of the stream in f->packet, or *end. */
int mm_av_file_packet(struct mm_av_file *f, bool *end,
		      struct mm_err *err) MM_MUST_CHECK;

/* The next decoded frame in f->frame, or *end. */
int mm_av_file_frame(struct mm_av_file *f, bool *end,
		     struct mm_err *err) MM_MUST_CHECK;

int mm_av_fail(struct mm_err *err, const char *path, int code);

#endif
