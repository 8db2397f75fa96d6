/* search.c - mmtool search: the nearest vectors of a gallery. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cmd.h"
#include "data/collection.h"
#include "image/draw.h"
#include "image/encode.h"
#include "image/colour.h"
#include "image/decode.h"
#include "model/cache.h"
#include "model/encode.h"

struct search_args {
	struct mm_common common;
	struct mm_list gallery;
	int64_t k;
	const char *sheet;
	int column;
	bool int8;
};

static const char *const columns[] = { "auto", "image", "text", NULL };
static const char *const column_names[] = { NULL, "image.embedding",
					    "text.embedding" };

static const struct search_args defaults = { .k = 10 };

#define T struct search_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_OPT_CACHE(T),
	MM_LIST('g', "gallery", T, gallery, "STREAM",
		"stream with the vectors to search; several may be given "
		"[standard input]"),
	MM_INT('k', "top", T, k, "K", 1, 1e6, "hits for each query"),
	MM_ENUM(0, "column", T, column, columns,
		"which of the gallery's vectors: image.embedding or "
		"text.embedding; auto: the first that is there"),
	MM_FLAG(0, "int8", T, int8,
		"search vectors rounded to 8 bits, a quarter of the memory "
		"to read, then score the best again"),
	MM_PATH(0, "sheet", T, sheet, "F.png",
		"a picture of the hits, a row for each query"),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct search_args *a;
	struct mm_encoder enc;
	bool has_model;
	size_t D;
	struct mm_buf vectors; /* of the queries */
	struct mm_buf names;   /* of the queries, each with its NUL */
	struct mm_buf name_at; /* size_t: where each begins */
	size_t n;
	struct mm_collection c;
	struct mm_hit *hit; /* (n, n_hits) */
	size_t n_hits;
};

static const char *query_name(const struct job *j, size_t q)
{
	size_t at;

	memcpy(&at, j->name_at.data + q * sizeof(at), sizeof(at));
	return j->names.data + at;
}

/* ---- queries ---- */

static int add_query(struct job *j, const char *name, size_t len,
		     const float *v, struct mm_err *err)
{
	const size_t at = j->names.len;

	mm_buf_add(&j->names, name, len);
	mm_buf_addc(&j->names, '\0');
	mm_buf_add(&j->name_at, &at, sizeof(at));
	mm_buf_add(&j->vectors, v, j->D * sizeof(*v));
	j->n++;
	return j->names.failed || j->name_at.failed || j->vectors.failed
		       ? mm_fail_nomem(err, "the queries")
		       : MM_OK;
}

static int query_stream(struct job *j, const char *path, struct mm_err *err)
{
	const struct mm_segment *seg;
	const struct mm_column *c, *id;
	struct mm_stream s;
	char number[32];
	int rc = mm_stream_open(&s, path, err);

	while (!rc && !(rc = mm_stream_next(&s, &seg, err)) && seg) {
		const size_t D = j->D ? j->D : SIZE_MAX;
		const char *name = mm_segment_find(seg, "text.embedding")
					   ? "text.embedding"
					   : "image.embedding";

		if ((rc = mm_segment_want(seg, name, MM_F32, false, 1, &D, &c,
					  err)))
			break;
		j->D = c->items.dim[1];
		id = mm_segment_find(seg, "id");
		for (size_t i = 0; i < seg->n && !rc; i++) {
			size_t len;
			const char *at = mm_column_str(id, i, &len);

			if (!at) {
				snprintf(number, sizeof(number), "%zu",
					 j->n + 1);
				at = number;
				len = strlen(number);
			}
			rc = add_query(j, at, len,
				       (const float *)c->items.data + i * j->D,
				       err);
		}
	}
	mm_stream_release(&s);
	return rc;
}

static int need_encoder(struct job *j, struct mm_err *err)
{
	int rc;

	if (j->has_model)
		return MM_OK;
	if ((rc = mm_need_model(&j->a->common, err)) ||
	    (rc = mm_encoder_open(&j->enc, j->a->common.model, err)) ||
	    (j->a->common.cache &&
	     (rc = mm_model_cache_open(&j->enc.model, err))))
		return rc;
	mm_encoder_resize(&j->enc, (size_t)j->a->common.image_size);
	j->has_model = true;
	if (j->D && j->D != j->enc.model.embed_dim)
		return mm_fail(err, MM_ERR_SHAPE,
			       "the model makes vectors of %zu, the queries "
			       "before have %zu",
			       j->enc.model.embed_dim, j->D);
	j->D = j->enc.model.embed_dim;
	return MM_OK;
}

/* A stream's or a picture's path where such a file is there, else a text. */
static int query_words(struct job *j, const char *word, struct mm_err *err)
{
	enum mm_operand kind = MM_OPERAND_TEXT;
	struct stat st;
	float *v;
	int rc;

	if (!stat(word, &st) && S_ISREG(st.st_mode) &&
	    (rc = mm_operand_sniff(word, &kind, err)))
		return rc;
	if (kind == MM_OPERAND_STREAM)
		return query_stream(j, word, err);
	if ((rc = need_encoder(j, err)))
		return rc;
	if (!(v = mm_malloc(j->D, sizeof(*v))))
		return mm_fail_nomem(err, "a vector");
	rc = kind == MM_OPERAND_PICTURE
		     ? mm_encode_file(&j->enc, v, word, err)
		     : mm_encode_line(&j->enc, v, word, strlen(word), err);
	if (!rc) {
		mm_embed_normalise(v, 1, j->D);
		rc = add_query(j, word, strlen(word), v, err);
	}
	mm_free(v);
	return rc;
}

/* ---- the gallery ---- */

static int load_galleries(struct job *j, struct mm_err *err)
{
	const struct search_args *a = j->a;
	const char *column = column_names[a->column];
	int rc = MM_OK;

	j->c.gallery.D = j->D;
	if (!a->gallery.n)
		rc = mm_collection_add(&j->c, "-", column, err);
	for (size_t i = 0; i < a->gallery.n && !rc; i++)
		rc = mm_collection_add(&j->c, a->gallery.item[i], column, err);
	if (!rc && a->int8)
		rc = mm_gallery_quantise(&j->c.gallery, err);
	return rc;
}

static int search(struct job *j, struct mm_err *err)
{
	const struct mm_topk_options o = { .k = (size_t)j->a->k,
					   .int8 = j->a->int8,
					   .before = mm_collection_before,
					   .ctx = &j->c };
	size_t cells;

	j->n_hits = mm_topk_hits(&j->c.gallery, &o);
	if (!mm_mul_ok(&cells, j->n, j->n_hits) ||
	    !(j->hit = mm_malloc(cells, sizeof(*j->hit))))
		return mm_fail_nomem(err, "the hits");
	return mm_topk(j->hit, &j->c.gallery,
		       (const float *)(const void *)mm_buf_str(&j->vectors),
		       j->n, &o, err);
}

/* ---- what comes out ---- */

static void put_text(struct mm_buf *out, const struct job *j)
{
	for (size_t q = 0; q < j->n; q++) {
		if (j->n > 1)
			mm_buf_printf(out, "%s# %s\n", q ? "\n" : "",
				      query_name(j, q));
		for (size_t i = 0; i < j->n_hits; i++) {
			const struct mm_hit *h = &j->hit[q * j->n_hits + i];
			size_t len;
			const char *id = mm_collection_id(&j->c, h->row, &len);

			mm_buf_printf(out, "%zu %.4f %.*s\n", i + 1, h->score,
				      (int)len, id);
		}
	}
}

static void put_string(struct mm_json_writer *w, const char *key, const char *s,
		       size_t len)
{
	if (s)
		mm_json_put_strn(w, key, s, len);
}

static void put_hit(struct mm_json_writer *w, const struct job *j,
		    const struct mm_hit *h, size_t rank)
{
	size_t len;
	const char *s;

	mm_json_open(w, NULL, '{');
	mm_json_put_int(w, "rank", (int64_t)rank);
	mm_json_put_num(w, "score", h->score);
	s = mm_collection_id(&j->c, h->row, &len);
	put_string(w, "id", s, len);
	s = mm_collection_text(&j->c, h->row, &len);
	put_string(w, "text", s, len);
	s = mm_collection_path(&j->c, h->row, &len);
	put_string(w, "image.path", s, len);
	mm_json_close(w);
}

static void put_json(struct mm_buf *out, const struct job *j)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '[');
	for (size_t q = 0; q < j->n; q++) {
		mm_json_open(&w, NULL, '{');
		mm_json_put_str(&w, "query", query_name(j, q));
		mm_json_open(&w, "hits", '[');
		for (size_t i = 0; i < j->n_hits; i++)
			put_hit(&w, j, &j->hit[q * j->n_hits + i], i + 1);
		mm_json_close(&w);
		mm_json_close(&w);
	}
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static int load_picture(struct mm_image *rgb, const char *path,
			struct mm_err *err)
{
	struct mm_image raw;
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	mm_image_init(&raw);
	if (!(rc = mm_image_decode(&raw, NULL, f.data, f.size, NULL, err)))
		rc = mm_image_to_rgb(rgb, &raw, MM_ALPHA_WHITE, MM_GREY16_CLIP,
				     err);
	mm_image_release(&raw);
	mm_file_release(&f);
	return rc ? mm_fail_ctx(err, "'%s'", path) : MM_OK;
}

/* The picture of a hit, with the query and the hit's id underneath. */
static int put_tile(const struct job *j, struct mm_sheet *s, size_t tile,
		    struct mm_image *rgb, struct mm_err *err)
{
	const size_t row = j->hit[tile].row;
	char path[4096], text[256];
	size_t len, id_len;
	const char *at = mm_collection_path(&j->c, row, &len);
	const char *id = mm_collection_id(&j->c, row, &id_len);
	int rc;

	if (!at || len >= sizeof(path))
		return mm_fail(err, MM_ERR_FORMAT,
			       "the gallery has no column 'image.path' to "
			       "make a sheet of");
	memcpy(path, at, len);
	path[len] = '\0';
	snprintf(text, sizeof(text), "%s: %.*s",
		 query_name(j, tile / j->n_hits), (int)id_len, id);
	if ((rc = load_picture(rgb, path, err)))
		return rc;
	return mm_sheet_put(s, tile, rgb, text, strlen(text), err);
}

static int put_sheet(const struct job *j, struct mm_err *err)
{
	const size_t n = j->n * j->n_hits;
	struct mm_buf png = { 0 };
	struct mm_image rgb;
	struct mm_sheet s;
	int rc;

	if ((rc = mm_sheet_init(&s, n, j->n_hits, 128, err)))
		return rc;
	mm_image_init(&rgb);
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_tile(j, &s, i, &rgb, err);
	if (!rc)
		rc = mm_image_png(&png, &s.rgb, err);
	if (!rc)
		rc = mm_file_write(j->a->sheet, png.data, png.len, err);
	mm_buf_release(&png);
	mm_image_release(&rgb);
	mm_sheet_release(&s);
	return rc;
}

static int report(const struct job *j, struct mm_err *err)
{
	struct mm_buf out = { 0 };
	int rc;

	if (j->a->common.json)
		put_json(&out, j);
	else
		put_text(&out, j);
	rc = mm_output_text(&j->a->common, &out, err);
	mm_buf_release(&out);
	if (!rc && j->a->sheet && j->n_hits && j->n)
		rc = put_sheet(j, err);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args };
	bool piped = !j.a->gallery.n;
	int rc = MM_OK;

	for (int i = 0; i < argc && !rc; i++) {
		const bool standard = !strcmp(argv[i], "-");

		if (standard && piped)
			rc = mm_fail(err, MM_ERR_USAGE,
				     "standard input is the gallery; name one "
				     "with -g, or '-' once");
		else
			rc = standard ? query_stream(&j, "-", err)
				      : query_words(&j, argv[i], err);
		piped = piped || standard;
	}
	if (!rc)
		rc = load_galleries(&j, err);
	if (!rc && !(rc = search(&j, err)))
		rc = report(&j, err);
	if (!rc && j.has_model && j.a->common.cache)
		rc = mm_model_cache_save(&j.enc.model, err);
	mm_free(j.hit);
	mm_buf_release(&j.vectors);
	mm_buf_release(&j.names);
	mm_buf_release(&j.name_at);
	mm_collection_release(&j.c);
	if (j.has_model)
		mm_encoder_release(&j.enc);
	return rc;
}

const struct mm_cmd mm_cmd_search = {
	.name = "search",
	.group = MM_MEASURE,
	.summary = "find a gallery's nearest pictures or texts",
	.synopsis = "[-m DIR] [-g STREAM]... [-k K] [OPTION]... QUERY...",
	.details = "A QUERY is a text, a picture's path, or '-' for a stream "
		   "of vectors. Prints rank, score and id.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct search_args, defaults),
	.run = run,
};
