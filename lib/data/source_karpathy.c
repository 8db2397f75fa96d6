/*
 * source_karpathy.c - Karpathy's splits of COCO, Flickr8k and Flickr30k.
 *
 * Source: the files dataset_*.json of "Deep visual-semantic alignments"
 * (Karpathy and Fei-Fei, CVPR 2015).
 *
 *	{"images": [{"filepath": "val2014", "filename": "...jpg",
 *		     "imgid": 0, "split": "test", "sentids": [...],
 *		     "sentences": [{"raw": "...", "tokens": [...],
 *				    "sentid": 770337, ...}, ...]}, ...],
 *	 "dataset": "coco"}
 *
 * A sample for each sentence: sentid is its id, the raw sentence its text,
 * imgid its image.id.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/coco_index.h"
#include "data/json_sample.h"

struct state {
	struct mm_coco_doc doc;
	struct mm_scan scan;
	struct mm_slice at;    /* the current image */
	struct mm_json *image; /* parsed */
	size_t sentence;       /* next one */
};

static bool sniff(const struct mm_sniff *x)
{
	return mm_sniff_first(x) == '{' && !mm_path_has_ext(x->path, "jsonl") &&
	       (mm_sniff_has(x, "\"sentids\"") ||
		mm_sniff_has(x, "\"sentences\""));
}

static int open_karpathy(struct mm_input *in, struct mm_err *err)
{
	struct state *st = mm_calloc(1, sizeof(*st));
	int rc;

	if (!(in->state = st))
		return mm_fail_nomem(err, "a source");
	if ((rc = mm_coco_open(&st->doc, in->path, &in->reader, err)))
		return rc;
	st->scan = st->doc.scan;
	return mm_scan_enter(&st->scan, st->doc.images, '[', "images", err);
}

/* The next image of a wanted split; st->image NULL at the end. */
static int next_image(struct mm_input *in, struct state *st, struct mm_err *err)
{
	struct mm_slice key;
	const char *split;
	int rc;

	for (;;) {
		mm_json_free(st->image);
		st->image = NULL;
		st->sentence = 0;
		in->bad_sample = false;
		if ((rc = mm_scan_next(&st->scan, &key, &st->at, err)) ||
		    !st->at.n)
			return rc;
		in->bad_sample = true;
		if ((rc = mm_scan_parse(st->at, &st->image, err)))
			return rc;
		split = mm_json_str(mm_json_get(st->image, "split"), "");
		if (mm_input_wants_split(in, split, strlen(split)))
			return MM_OK;
	}
}

/* filepath/filename, as far as they are there. */
static int set_path(struct mm_input *in, struct mm_sample *s,
		    const struct mm_json *image, struct mm_err *err)
{
	const char *folder = mm_json_str(mm_json_get(image, "filepath"), "");
	const char *file = mm_json_str(mm_json_get(image, "filename"), "");
	const char *path;

	if (!*file)
		return mm_fail(err, MM_ERR_FORMAT, "it has no filename");
	path = mm_arena_printf(&in->all->text, "%s%s%s", folder,
			       *folder ? "/" : "", file);
	if (!path)
		return mm_fail_nomem(err, "a sample");
	return mm_input_resolve(in, &s->image_path, path, strlen(path), err);
}

static int fill(struct mm_input *in, struct mm_sample *s, struct state *st,
		struct mm_err *err)
{
	const struct mm_json *list = mm_json_get(st->image, "sentences");
	const struct mm_json *sentence = mm_json_at(list, st->sentence);
	struct mm_arena *a = &in->all->text;
	int rc;

	if ((rc = mm_json_keep(in, &s->image_id,
			       mm_json_get(st->image, "imgid"), "imgid",
			       err)) ||
	    (rc = set_path(in, s, st->image, err)) ||
	    (rc = mm_json_keep(in, &s->text, mm_json_get(sentence, "raw"),
			       "raw sentence", err)) ||
	    (rc = mm_json_keep(in, &s->id, mm_json_get(sentence, "sentid"),
			       "sentid", err)))
		return rc;
	if (!s->image_id.str)
		s->image_id = s->image_path;
	if (s->id.str)
		return MM_OK;
	s->id.str = mm_arena_printf(a, "%s#%zu", s->image_id.str, st->sentence);
	if (!s->id.str)
		return mm_fail_nomem(err, "a sample");
	s->id.len = strlen(s->id.str);
	return MM_OK;
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	const struct mm_json *list = mm_json_get(st->image, "sentences");
	int rc = MM_OK;

	/* An image without sentences is one sample, without text. */
	if (!st->image || st->sentence >= mm_json_size(list))
		rc = next_image(in, st, err);
	if (!rc && (*end = !st->image))
		return MM_OK;
	if (st->at.n)
		snprintf(s->where, sizeof(s->where), "byte %zu",
			 mm_scan_at(&st->scan, st->at));
	if (rc)
		return rc;
	in->bad_sample = true;
	rc = fill(in, s, st, err);
	st->sentence++;
	return rc;
}

static void close_karpathy(struct mm_input *in)
{
	struct state *st = in->state;

	if (!st)
		return;
	mm_json_free(st->image);
	mm_coco_close(&st->doc);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_karpathy = {
	.name = "karpathy",
	.sniff = sniff,
	.open = open_karpathy,
	.next = next,
	.close = close_karpathy,
};
