/* align_pairs.c - mmtool align pairs: sources of pairs into one stream. */
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "sources.h"

enum duplicates { KEEP, DROP };

static const char *const duplicates_words[] = { "keep", "drop", NULL };

struct pairs_args {
	struct mm_common common;
	struct mm_source_args source;
	bool embed_bytes;
	int duplicates;
};

static const struct pairs_args defaults = { 0 };

static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(struct pairs_args),
	MM_FLAG(0, "embed-bytes", struct pairs_args, embed_bytes,
		"put the pictures' files into the stream, not their paths"),
	MM_ENUM(0, "duplicates", struct pairs_args, duplicates,
		duplicates_words,
		"what to do about a pair whose picture file and text were "
		"there before under another id"),
	MM_OPT_SHARD(struct pairs_args),
	MM_OPT_ON_ERROR(struct pairs_args),
	MM_OPT_SOURCE(struct pairs_args),
	MM_PATH(0, "instances", struct pairs_args, source.instances, "FILE",
		"kind coco: JSON whose boxes go to the captions' pictures"),
	MM_OPT_GENERAL(struct pairs_args),
	MM_OPTS_END,
};

/* What one run holds. */
struct pairs {
	const struct pairs_args *args;
	struct mm_sources sources;
	struct mm_stream_writer out;
	struct mm_bad bad;
	struct mm_progress progress;
	struct mm_idset contents;    /* for --duplicates drop */
	struct mm_buf file, scratch; /* a picture; phrases */
	uint64_t n_duplicates;
};

static bool has_file(const struct mm_sample *s)
{
	return !s->image_data && s->image_path.len;
}

/* Read the picture's file, where its bytes are asked for. */
static int read_picture(struct pairs *p, struct mm_sample *s,
			struct mm_err *err)
{
	if (!has_file(s) ||
	    (!p->args->embed_bytes && p->args->duplicates == KEEP))
		return MM_OK;
	return mm_sample_image(s, &p->file, &s->image_data, &s->image_size,
			       err);
}

/* Whether the same picture and text were there before. */
static int is_duplicate(struct pairs *p, const struct mm_sample *s, bool *is,
			struct mm_err *err)
{
	uint64_t size = s->image_size;
	uint32_t before;
	int rc;

	*is = false;
	if (p->args->duplicates == KEEP || !s->image_data)
		return MM_OK;
	mm_buf_clear(&p->scratch);
	mm_buf_add(&p->scratch, &size, sizeof(size));
	mm_buf_add(&p->scratch, s->image_data, s->image_size);
	mm_buf_add(&p->scratch, s->text.str, s->text.len);
	if ((rc = mm_buf_check(&p->scratch, "a picture", err)) ||
	    (rc = mm_idset_add(&p->contents, p->scratch.data, p->scratch.len,
			       &before, err)))
		return rc;
	*is = before > 0;
	return MM_OK;
}

/* `s` has the picture's bytes where they were read, `from` is as it came. */
static int put(struct pairs *p, struct mm_sample *s,
	       const struct mm_sample *from, struct mm_err *err)
{
	static const char *const path[] = { "image.path", NULL };
	const bool embed = p->args->embed_bytes && has_file(from);
	int rc = MM_OK;

	if (!embed) {
		s->image_data = from->image_data;
		s->image_size = from->image_size;
	}
	if (!s->segment && !s->text.str) /* a label or boxes stand for it */
		s->text = (struct mm_str){ "", 0 };
	if (embed && s->segment)
		rc = mm_stream_put_str(&p->out, "image.data", s->image_data,
				       s->image_size, err);
	if (!rc)
		rc = mm_sample_put(&p->out, s, embed ? path : NULL, &p->scratch,
				   err);
	return rc ? rc : mm_stream_end_row(&p->out, err);
}

static int loop(struct pairs *p, struct mm_err *err)
{
	const struct mm_sample *from;
	struct mm_sample s;
	bool ours, twice;
	int rc;

	for (;;) {
		rc = mm_sources_any(&p->sources, &p->args->common, &p->bad,
				    "align", &from, &ours, err);
		if (rc || !from)
			return rc;
		mm_progress_show(&p->progress, p->sources.n, NULL);
		if (!ours && p->args->duplicates == KEEP)
			continue;
		s = *from;
		if ((rc = read_picture(p, &s, err))) {
			if (ours && (rc = mm_bad_sample(&p->bad, s.id.str,
							"align", err)))
				return rc;
			continue;
		}
		if ((rc = is_duplicate(p, &s, &twice, err)))
			return rc;
		if (!ours)
			continue;
		p->n_duplicates += twice;
		if (!twice && (rc = put(p, &s, from, err)))
			return rc;
	}
}

static int write_all(struct pairs *p, struct mm_err *err)
{
	const struct mm_common *c = &p->args->common;
	int rc = mm_stream_writer_open(&p->out, c->output ? c->output : "-",
				       err);

	if (rc)
		return rc;
	rc = mm_stream_set_meta(&p->out, "mmtool.stage", "align pairs", err);
	mm_progress_start(&p->progress, c, "samples", 0);
	if (!rc)
		rc = loop(p, err);
	mm_progress_end(&p->progress);
	rc = mm_bad_close(&p->bad, p->sources.n, rc, err);
	if (!rc)
		return mm_stream_commit(&p->out, err);
	mm_stream_abort(&p->out);
	return rc;
}

static int run_pairs(const void *args, int argc, char **argv,
		     struct mm_err *err)
{
	const struct pairs_args *a = args;
	struct mm_source_options o = mm_source_options(&a->source);
	struct pairs *p = mm_calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return mm_fail_nomem(err, "a run");
	p->args = a;
	o.need_image = o.need_text = true;
	if (!(rc = mm_bad_open(&p->bad, &a->common, err)) &&
	    !(rc = mm_sources_open(&p->sources, argv, (size_t)argc, &o, err)))
		rc = write_all(p, err);
	if (!rc && a->duplicates == DROP)
		mm_note(&a->common, "%llu duplicates dropped",
			(unsigned long long)p->n_duplicates);
	mm_sources_release(&p->sources);
	mm_idset_release(&p->contents);
	mm_buf_release(&p->file);
	mm_buf_release(&p->scratch);
	mm_free(p);
	return rc;
}

const struct mm_cmd mm_cmd_align_pairs = {
	.name = "align",
	.mode = "pairs",
	.group = MM_PREPARE,
	.summary = "gather pairs of pictures and texts into a stream",
	.synopsis = "[OPTION]... [SOURCE]...",
	.details = "SOURCE is a folder of pictures with text files beside "
		   "them, a table (TSV, CSV, JSON lines), a dataset's JSON "
		   "(COCO, Karpathy), a folder as VOC or Flickr30k Entities "
		   "lay it out, a WebDataset tar, a tensor stream, or '-'.",
	.min_operands = 1,
	.reads_stdin = true,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct pairs_args, defaults),
	.run = run_pairs,
};
