/* time_clocks.c - see time_clocks.h. */
#include "time_clocks.h"

#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "media/av.h"
#include "table.h"

static double micro(double x)
{
	return round(x * 1e6) / 1e6;
}

static void put_clock(struct mm_json_writer *w, const char *name,
		      const struct mm_av_clock *c, bool video)
{
	if (!c->present)
		return;
	mm_json_open(w, name, '{');
	mm_json_put_num(w, "start", micro(c->start));
	mm_json_put_num(w, "end", micro(c->end));
	mm_json_put_num(w, "edit", micro(c->edit));
	mm_json_put_num(w, "rate", micro(c->rate));
	mm_json_put_int(w, video ? "frames" : "samples", (int64_t)c->count);
	mm_json_put_num(w, "drift", micro(c->drift));
	if (video)
		mm_json_put_bool(w, "even", c->even);
	mm_json_close(w);
}

static void row(struct mm_table *t, const char *name,
		const struct mm_av_clock *c)
{
	if (!c->present)
		return;
	mm_table_cell(t, "%s", name);
	mm_table_cell(t, "%.3f", c->start);
	mm_table_cell(t, "%.3f", c->end);
	mm_table_cell(t, "%.3f", c->edit);
	mm_table_cell(t, "%.6g", c->rate);
	mm_table_cell(t, "%" PRIu64, c->count);
	mm_table_cell(t, "%.6f", c->drift);
	mm_table_cell(t, "%s", c->even ? "even" : "variable");
	mm_table_row(t);
}

static void print_table(struct mm_buf *out, const struct mm_av_clock *video,
			const struct mm_av_clock *audio)
{
	static const char *const heads[] = {
		"", "start", "end", "edit", "rate", "count", "drift", "steps"
	};
	struct mm_table t = { 0 };

	for (int i = 0; i < 8; i++)
		mm_table_cell(&t, "%s", heads[i]);
	mm_table_row(&t);
	row(&t, "video", video);
	row(&t, "audio", audio);
	mm_table_print(&t, out, 0);
	if (video->present && audio->present)
		mm_buf_printf(out,
			      "audio starts %+.3f s after video, ends %+.3f s "
			      "after it\n",
			      audio->start - video->start,
			      audio->end - video->end);
}

int mm_time_clocks(const struct mm_common *c, const char *path,
		   struct mm_err *err)
{
	struct mm_json_writer *w;
	struct mm_av_clock video, audio;
	struct mm_buf out = { 0 };
	int rc = mm_av_clocks(&video, &audio, path, err);

	if (rc)
		return rc;
	if (!(w = mm_calloc(1, sizeof(*w))))
		return mm_fail_nomem(err, "a report");
	if (c->json) {
		mm_json_writer_init(w, &out, 0);
		mm_json_open(w, NULL, '{');
		put_clock(w, "video", &video, true);
		put_clock(w, "audio", &audio, false);
		if (video.present && audio.present) {
			mm_json_put_num(w, "start_difference",
					micro(audio.start - video.start));
			mm_json_put_num(w, "end_difference",
					micro(audio.end - video.end));
		}
		mm_json_close(w);
		mm_buf_addc(&out, '\n');
	} else {
		print_table(&out, &video, &audio);
	}
	rc = mm_output_text(c, &out, err);
	mm_free(w);
	mm_buf_release(&out);
	return rc;
}
