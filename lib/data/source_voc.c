/*
 * source_voc.c - folders as PASCAL VOC and Flickr30k Entities lay them out.
 *
 *	Annotations/ID.xml	boxes, their corners counted from 1
 *	Sentences/ID.txt	captions, a line each, phrases marked:
 *				[/EN#7/people/other A man] in [/EN#8/scene ...]
 *	JPEGImages/ID.jpg	or images/, flickr30k-images/, ... or --root
 *	ID.txt files		train.txt, ImageSets/Main/train.txt: --split
 *
 * With sentences (Flickr30k Entities) a sample is a sentence, "ID#0", "ID#1",
 * ...: its boxes are those of the chains that its phrases name, each with the
 * phrase.  Without (VOC) it is a picture, and the objects' names the phrases.
 */
#define _DEFAULT_SOURCE /* d_type */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/xml.h"
#include "data/source_kind.h"

enum { MAX_FILE = 16 << 20 };

/* A box of a chain ("7") or a class ("dog"). */
struct box {
	const char *name;
	float at[4];
};

struct state {
	char **id; /* n_ids of them, in order */
	size_t n_ids, cap_ids, next_id;
	bool sentences;
	const char *images;    /* folder within the source, or NULL: root */
	struct mm_arena arena; /* of one picture: its boxes */
	struct box *box;
	size_t n_boxes;
	const char *file; /* <filename>, or NULL */
	struct mm_buf path, text, plain;
	const char *line; /* the next sentence in text, or NULL */
	size_t i_line;
};

static bool has_folder(const char *path, const char *name)
{
	char full[4096];
	struct stat st;

	return snprintf(full, sizeof(full), "%s/%s", path, name) <
		       (int)sizeof(full) &&
	       !stat(full, &st) && S_ISDIR(st.st_mode);
}

static bool sniff(const struct mm_sniff *x)
{
	return x->folder && has_folder(x->path, "Annotations") &&
	       (has_folder(x->path, "Sentences") ||
		has_folder(x->path, "JPEGImages"));
}

/* ---- which pictures ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_id(struct state *st, const char *s, size_t n, struct mm_err *err)
{
	if (st->n_ids == st->cap_ids) {
		const size_t cap = st->cap_ids ? 2 * st->cap_ids : 256;
		char **list = mm_realloc(st->id, cap, sizeof(*list));

		if (!list)
			return mm_fail_nomem(err, "a list of pictures");
		st->id = list;
		st->cap_ids = cap;
	}
	if (!(st->id[st->n_ids] = mm_strndup(s, n)))
		return mm_fail_nomem(err, "a list of pictures");
	st->n_ids++;
	return MM_OK;
}

/* All files ID.ext of a folder of the source. */
static int list_folder(struct mm_input *in, struct state *st, const char *name,
		       const char *ext, struct mm_err *err)
{
	const struct dirent *e;
	DIR *d;
	int rc = MM_OK;

	mm_buf_clear(&st->path);
	mm_buf_printf(&st->path, "%s/%s", in->path, name);
	if ((rc = mm_buf_check(&st->path, "a path", err)))
		return rc;
	if (!(d = opendir(st->path.data)))
		return mm_fail_errno(err, "cannot open '%s'", st->path.data);
	while (!rc && (e = readdir(d)))
		if (e->d_name[0] != '.' && mm_path_has_ext(e->d_name, ext))
			rc = add_id(st, e->d_name,
				    strlen(e->d_name) - strlen(ext) - 1, err);
	closedir(d);
	if (!rc && st->n_ids)
		qsort(st->id, st->n_ids, sizeof(*st->id), by_name);
	return rc;
}

/* The ids of one split: the first word of each line; VOC has more behind. */
static int list_split(struct mm_input *in, struct state *st, const char *split,
		      size_t n, struct mm_err *err)
{
	static const char *const place[] = { "", "ImageSets/Main/" };
	struct mm_reader r;
	struct stat s;
	char *line;
	size_t len;
	int rc = MM_OK;

	for (int i = 0; i < 2; i++) {
		mm_buf_clear(&st->path);
		mm_buf_printf(&st->path, "%s/%s%.*s.txt", in->path, place[i],
			      (int)n, split);
		if ((rc = mm_buf_check(&st->path, "a path", err)))
			return rc;
		if (!stat(st->path.data, &s))
			break;
	}
	if ((rc = mm_reader_open(&r, st->path.data, err)))
		return rc;
	while (!rc && !(rc = mm_reader_line(&r, &line, &len, MAX_FILE, err)) &&
	       line) {
		size_t k = 0;

		while (k < len && !strchr(" \t\r", line[k]))
			k++;
		rc = k ? add_id(st, line, k, err) : MM_OK;
	}
	mm_reader_release(&r);
	return rc;
}

static int list_ids(struct mm_input *in, struct state *st, struct mm_err *err)
{
	const char *p = in->all->options.split;
	int rc = MM_OK;

	if (!p)
		return list_folder(in, st,
				   st->sentences ? "Sentences" : "Annotations",
				   st->sentences ? "txt" : "xml", err);
	while (!rc && *p) {
		const size_t n = strcspn(p, ",");

		rc = list_split(in, st, p, n, err);
		p += n + (p[n] == ',');
	}
	return rc;
}

static int open_voc(struct mm_input *in, struct mm_err *err)
{
	static const char *const folders[] = {
		"JPEGImages",	    "Images",		"images",
		"flickr30k-images", "flickr30k_images", "flickr30k",
	};
	struct state *st = mm_calloc(1, sizeof(*st));

	if (!(in->state = st))
		return mm_fail_nomem(err, "a source");
	if (!has_folder(in->path, "Annotations"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no folder 'Annotations'", in->path);
	st->sentences = has_folder(in->path, "Sentences");
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!st->images && has_folder(in->path, folders[i]))
			st->images = folders[i];
	return list_ids(in, st, err);
}

/* ---- one picture ---- */

static int read_file(struct mm_input *in, struct state *st, const char *folder,
		     const char *id, const char *ext, struct mm_file *f,
		     struct mm_err *err)
{
	int rc;

	mm_buf_clear(&st->path);
	mm_buf_printf(&st->path, "%s/%s/%s.%s", in->path, folder, id, ext);
	if ((rc = mm_buf_check(&st->path, "a path", err)) ||
	    (rc = mm_file_open(f, st->path.data, err)))
		return rc;
	if (f->size <= MAX_FILE)
		return MM_OK;
	mm_file_release(f);
	return mm_fail(err, MM_ERR_REFUSED, "'%s' has more than %d bytes",
		       st->path.data, MAX_FILE);
}

static bool number(const struct mm_xml *box, const char *name, double *out)
{
	const struct mm_xml *x = mm_xml_child(box, name);
	char *end;

	if (!x)
		return false;
	*out = strtod(x->text, &end);
	while (*end && strchr(" \t\r\n", *end))
		end++;
	return end != x->text && !*end && *out > -1e9 && *out < 1e9;
}

/* Corners counted from 1, both inside: 1..w is 0..w. */
static int add_box(struct state *st, const struct mm_xml *object,
		   const struct mm_xml *box, struct mm_err *err)
{
	struct box *b = &st->box[st->n_boxes];
	const struct mm_xml *name;
	double at[4];

	if (!number(box, "xmin", &at[0]) || !number(box, "ymin", &at[1]) ||
	    !number(box, "xmax", &at[2]) || !number(box, "ymax", &at[3]))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: a box needs xmin, ymin, xmax "
			       "and ymax",
			       st->path.data, box->line);
	for (int k = 0; k < 2; k++)
		at[k] = at[k] > 1 ? at[k] - 1 : 0;
	for (int k = 0; k < 4; k++)
		b->at[k] = (float)at[k];
	/* One box may be of several chains: a <name> each. */
	for (name = mm_xml_child(object, "name"); name;
	     name = mm_xml_next(name, "name")) {
		st->box[st->n_boxes] = *b;
		st->box[st->n_boxes++].name = name->text;
	}
	return MM_OK;
}

static size_t count_names(const struct mm_xml *root)
{
	size_t n = 0;

	for (const struct mm_xml *o = mm_xml_child(root, "object"); o;
	     o = mm_xml_next(o, "object"))
		for (const struct mm_xml *x = mm_xml_child(o, "name"); x;
		     x = mm_xml_next(x, "name"))
			n++;
	return n;
}

static int take_objects(struct state *st, const struct mm_xml *root,
			struct mm_err *err)
{
	const struct mm_xml *file = mm_xml_child(root, "filename");
	int rc = MM_OK;

	st->file = file && file->text[0] ? file->text : NULL;
	st->box = mm_arena_alloc(&st->arena, count_names(root) + 1,
				 sizeof(*st->box));
	if (!st->box)
		return mm_fail_nomem(err, "boxes");
	for (const struct mm_xml *o = mm_xml_child(root, "object"); o && !rc;
	     o = mm_xml_next(o, "object")) {
		const struct mm_xml *box = mm_xml_child(o, "bndbox");

		if (box) /* else a scene, or nothing to be seen */
			rc = add_box(st, o, box, err);
	}
	return rc;
}

static int read_picture(struct mm_input *in, struct state *st, const char *id,
			struct mm_err *err)
{
	const struct mm_xml *root;
	struct mm_file f;
	int rc;

	mm_arena_reset(&st->arena);
	st->n_boxes = 0;
	st->line = NULL;
	st->i_line = 0;
	st->file = NULL;
	if (st->sentences) {
		if ((rc = read_file(in, st, "Sentences", id, "txt", &f, err)))
			return rc;
		mm_buf_clear(&st->text);
		mm_buf_add(&st->text, f.data, f.size);
		mm_file_release(&f);
		if ((rc = mm_buf_check(&st->text, "sentences", err)))
			return rc;
	}
	if ((rc = read_file(in, st, "Annotations", id, "xml", &f, err)))
		return rc;
	rc = mm_xml_parse(&root, f.data, f.size, st->path.data, &st->arena,
			  err);
	mm_file_release(&f);
	if (!rc)
		rc = take_objects(st, root, err);
	if (!rc)
		st->line = mm_buf_str(&st->text);
	return rc;
}

/* ---- samples ---- */

static int set_image(struct mm_input *in, struct state *st, const char *id,
		     struct mm_sample *s, struct mm_err *err)
{
	const char *root = in->all->options.root;
	struct mm_buf *p = &st->path;
	int rc;

	mm_buf_clear(p);
	mm_buf_printf(p, "%s%s%s/", root ? root : in->path,
		      !root && st->images ? "/" : "",
		      !root && st->images ? st->images : "");
	if (st->file)
		mm_buf_adds(p, st->file);
	else
		mm_buf_printf(p, "%s.jpg", id);
	if ((rc = mm_buf_check(p, "a path", err)) ||
	    (rc = mm_input_keep(in, &s->image_path, p->data, p->len, err)))
		return rc;
	return mm_input_keep(in, &s->image_id, id, strlen(id), err);
}

struct list {
	float (*at)[4];
	struct mm_str *phrase;
	size_t n, cap;
};

/* Room for n more; the old ones are copied, the arena is the sample's. */
static int more(struct mm_input *in, struct list *l, size_t n,
		struct mm_err *err)
{
	const size_t cap = 2 * (l->n + n) + 8;
	float(*at)[4];
	struct mm_str *phrase;

	if (l->n + n <= l->cap)
		return MM_OK;
	at = mm_arena_alloc(&in->all->text, cap, sizeof(*at));
	phrase = mm_arena_alloc(&in->all->text, cap, sizeof(*phrase));
	if (!at || !phrase)
		return mm_fail_nomem(err, "boxes");
	if (l->n) {
		memcpy(at, l->at, l->n * sizeof(*at));
		memcpy(phrase, l->phrase, l->n * sizeof(*phrase));
	}
	l->at = at;
	l->phrase = phrase;
	l->cap = cap;
	return MM_OK;
}

/* The boxes of a chain (name NULL: all boxes, by their own names). */
static int add_chain(struct mm_input *in, struct state *st, struct list *l,
		     const char *name, size_t n, const char *phrase, size_t len,
		     struct mm_err *err)
{
	int rc = more(in, l, st->n_boxes, err);

	for (size_t i = 0; !rc && i < st->n_boxes; i++) {
		const struct box *b = &st->box[i];

		if (name && (strlen(b->name) != n || memcmp(b->name, name, n)))
			continue;
		if (!name) {
			phrase = b->name;
			len = strlen(phrase);
		}
		memcpy(l->at[l->n], b->at, sizeof(b->at));
		rc = mm_input_keep(in, &l->phrase[l->n], phrase, len, err);
		l->n++;
	}
	return rc;
}

/* One mark of n bytes, "/EN#7/people A man", without its brackets. */
static int take_mark(struct mm_input *in, struct state *st, struct list *l,
		     const char *mark, size_t n, struct mm_err *err)
{
	const char *end = mark + n, *chain = mark + strlen("/EN#");
	const char *slash, *blank;

	slash = n > 4 && !memcmp(mark, "/EN#", 4)
			? memchr(chain, '/', (size_t)(end - chain))
			: NULL;
	blank = slash ? memchr(slash, ' ', (size_t)(end - slash)) : NULL;
	if (!blank)
		return mm_fail(err, MM_ERR_FORMAT,
			       "its mark '[%.*s]' is not '[/EN#CHAIN/TYPE "
			       "words]'",
			       (int)(n < 60 ? n : 60), mark);
	blank++;
	mm_buf_add(&st->plain, blank, (size_t)(end - blank));
	return add_chain(in, st, l, chain, (size_t)(slash - chain), blank,
			 (size_t)(end - blank), err);
}

/* A sentence: its text without marks, and the boxes that they name. */
static int take_sentence(struct mm_input *in, struct state *st, struct list *l,
			 const char *p, size_t n, struct mm_err *err)
{
	const char *end = p + n;
	int rc = MM_OK;

	mm_buf_clear(&st->plain);
	while (!rc && p < end) {
		const char *open = memchr(p, '[', (size_t)(end - p)), *close;

		mm_buf_add(&st->plain, p, (size_t)((open ? open : end) - p));
		if (!open)
			break;
		close = memchr(open, ']', (size_t)(end - open));
		if (!close)
			return mm_fail(err, MM_ERR_FORMAT,
				       "a '[' in it is not closed");
		rc = take_mark(in, st, l, open + 1, (size_t)(close - open - 1),
			       err);
		p = close + 1;
	}
	return rc ? rc : mm_buf_check(&st->plain, "a sentence", err);
}

/* The next sentence that is not blank; NULL at the end of them. */
static const char *next_line(struct state *st, size_t *n)
{
	while (st->line && *st->line) {
		const char *line = st->line;

		*n = strcspn(line, "\n");
		st->line += *n + (line[*n] == '\n');
		while (*n && strchr(" \t\r", line[*n - 1]))
			--*n;
		if (*n)
			return line;
	}
	return NULL;
}

/* A sentence of the picture in hand, or the picture itself. */
static int fill(struct mm_input *in, struct state *st, const char *line,
		size_t n, struct mm_sample *s, struct mm_err *err)
{
	const char *id = st->id[st->next_id - 1];
	struct list l = { 0 };
	int rc;

	snprintf(s->where, sizeof(s->where), "%.80s", id);
	in->bad_sample = true;
	if ((rc = set_image(in, st, id, s, err)))
		return rc;
	s->id = s->image_id;
	if (!line) {
		rc = add_chain(in, st, &l, NULL, 0, NULL, 0, err);
	} else {
		s->id.str = mm_arena_printf(&in->all->text, "%s#%zu", id,
					    st->i_line++);
		if (!s->id.str)
			return mm_fail_nomem(err, "a sample");
		s->id.len = strlen(s->id.str);
		if (!(rc = take_sentence(in, st, &l, line, n, err)))
			rc = mm_input_keep(in, &s->text, st->plain.data,
					   st->plain.len, err);
	}
	s->has_boxes = !rc;
	s->boxes = l.n ? l.at[0] : NULL;
	s->phrases = l.phrase;
	s->n_boxes = l.n;
	return rc;
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	const char *line;
	size_t n = 0;
	int rc;

	while (!(line = next_line(st, &n))) {
		if ((*end = st->next_id == st->n_ids))
			return MM_OK;
		if ((rc = read_picture(in, st, st->id[st->next_id++], err))) {
			snprintf(s->where, sizeof(s->where), "%.80s",
				 st->id[st->next_id - 1]);
			in->bad_sample = rc != MM_ERR_NOMEM;
			return rc;
		}
		if (!st->sentences)
			break;
	}
	return fill(in, st, line, n, s, err);
}

static void close_voc(struct mm_input *in)
{
	struct state *st = in->state;

	if (!st)
		return;
	for (size_t i = 0; i < st->n_ids; i++)
		mm_free(st->id[i]);
	mm_free(st->id);
	mm_arena_release(&st->arena);
	mm_buf_release(&st->path);
	mm_buf_release(&st->text);
	mm_buf_release(&st->plain);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_voc = {
	.name = "voc",
	.sniff = sniff,
	.open = open_voc,
	.next = next,
	.close = close_voc,
};
