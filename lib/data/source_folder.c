/*
 * source_folder.c - pictures beside text files of the same name, in a folder
 * and the folders inside it.
 *
 *	cats/007.jpg	the picture; png, webp, ... too
 *	cats/007.txt	its captions, a line each
 *
 * The id is the path without its extension, "cats/007"; several captions get
 * "#0", "#1", ... behind it and share image.id.  With --label-from folder the
 * first folder's name is the label, numbered in the order of the names.  Order
 * is by bytes: a folder's files, then the folders inside it.  Names with a
 * leading dot are passed over.
 */
#define _DEFAULT_SOURCE /* d_type */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "data/source_kind.h"

enum { MAX_DEPTH = 64, MAX_TEXT = 16 << 20 };

static const char *const pictures[] = {
	"jpg", "jpeg", "jpe", "jfif", "png", "webp",
	"gif", "bmp",  "tif", "tiff", NULL,
};

struct entry {
	char *name;
	size_t stem;  /* bytes before the last dot */
	bool is_text; /* else a picture */
};

/* A folder whose entries are sorted; `at` is the next one. */
struct level {
	char *path; /* from the root, "" or "a/b/" */
	struct entry *file;
	char **folder;
	size_t n_files, n_folders, file_at, folder_at;
	dev_t device; /* which folder it is, to find loops of links */
	ino_t inode;
};

struct state {
	struct level level[MAX_DEPTH];
	int depth;		     /* levels in use */
	struct mm_buf path;	     /* of what is being opened */
	struct mm_buf caption;	     /* the current text file */
	const char *line;	     /* the next caption in it, or NULL */
	struct mm_buf stem, picture; /* of the current sample, from the root */
	size_t i_caption;
	bool several; /* captions */
};

static bool sniff(const struct mm_sniff *x)
{
	return x->folder;
}

static bool is_picture(const char *name)
{
	for (size_t i = 0; pictures[i]; i++)
		if (mm_path_has_ext(name, pictures[i]))
			return true;
	return false;
}

/* Root, slash, rest. */
static const char *full_path(struct mm_input *in, const char *rest)
{
	struct state *st = in->state;

	mm_buf_clear(&st->path);
	mm_buf_adds(&st->path, in->path);
	if (st->path.len && st->path.data[st->path.len - 1] != '/')
		mm_buf_addc(&st->path, '/');
	mm_buf_adds(&st->path, rest);
	return mm_buf_str(&st->path);
}

/* ---- one folder's names ---- */

static int by_stem(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const size_t n = x->stem < y->stem ? x->stem : y->stem;
	const int c = memcmp(x->name, y->name, n);

	if (c || x->stem != y->stem)
		return c ? c : x->stem < y->stem ? -1 : 1;
	return strcmp(x->name + n, y->name + n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void release_level(struct level *l)
{
	for (size_t i = 0; i < l->n_files; i++)
		mm_free(l->file[i].name);
	for (size_t i = 0; i < l->n_folders; i++)
		mm_free(l->folder[i]);
	mm_free(l->file);
	mm_free(l->folder);
	mm_free(l->path);
	memset(l, 0, sizeof(*l));
}

/* Room for one more of `size` bytes behind n. */
static void *grow(void *p, size_t n, size_t size)
{
	const size_t full = n & (n - 1); /* 0 at powers of two, and at 0 */

	return full ? p : mm_realloc(p, n ? 2 * n : 1, size);
}

static int add_file(struct level *l, const char *name, struct mm_err *err)
{
	const bool is_text = mm_path_has_ext(name, "txt");
	struct entry *f;

	if (!is_text && !is_picture(name))
		return MM_OK;
	if (!(f = grow(l->file, l->n_files, sizeof(*f))))
		return mm_fail_nomem(err, "a folder");
	l->file = f;
	f += l->n_files;
	if (!(f->name = mm_strdup(name)))
		return mm_fail_nomem(err, "a folder");
	f->stem = (size_t)(strrchr(name, '.') - name);
	f->is_text = is_text;
	l->n_files++;
	return MM_OK;
}

static int add_folder(struct level *l, const char *name, struct mm_err *err)
{
	char **f = grow(l->folder, l->n_folders, sizeof(*f));

	if (!f)
		return mm_fail_nomem(err, "a folder");
	l->folder = f;
	if (!(f[l->n_folders] = mm_strdup(name)))
		return mm_fail_nomem(err, "a folder");
	l->n_folders++;
	return MM_OK;
}

static bool is_folder(struct mm_input *in, const struct level *l,
		      const struct dirent *e)
{
	struct state *st = in->state;
	struct stat s;

	if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	full_path(in, l->path);
	mm_buf_adds(&st->path, e->d_name);
	return !stat(mm_buf_str(&st->path), &s) && S_ISDIR(s.st_mode);
}

static int read_names(struct mm_input *in, struct level *l, DIR *d,
		      struct mm_err *err)
{
	struct dirent *e;
	int rc = MM_OK;

	while (!rc && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		rc = is_folder(in, l, e) ? add_folder(l, e->d_name, err)
					 : add_file(l, e->d_name, err);
	}
	if (l->n_files)
		qsort(l->file, l->n_files, sizeof(*l->file), by_stem);
	if (l->n_folders)
		qsort(l->folder, l->n_folders, sizeof(*l->folder), by_name);
	return rc;
}

static int check_loop(struct mm_input *in, struct level *l, int fd,
		      struct mm_err *err)
{
	const struct state *st = in->state;
	struct stat s;

	if (fstat(fd, &s))
		return mm_fail_errno(err, "cannot open '%s'",
				     full_path(in, l->path));
	l->device = s.st_dev;
	l->inode = s.st_ino;
	for (const struct level *up = st->level; up < l; up++)
		if (up->device == s.st_dev && up->inode == s.st_ino)
			return mm_fail(err, MM_ERR_REFUSED,
				       "'%s' is a link to a folder that it "
				       "is in",
				       full_path(in, l->path));
	return MM_OK;
}

/* Go down into a folder, by its path from the root ("" or "a/b/"). */
static int enter(struct mm_input *in, const char *path, struct mm_err *err)
{
	struct state *st = in->state;
	struct level *l = &st->level[st->depth];
	DIR *d;
	int rc;

	if (st->depth == MAX_DEPTH)
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s': folders deeper than %d levels",
			       full_path(in, path), MAX_DEPTH);
	st->depth++;
	if (!(l->path = mm_strdup(path)))
		return mm_fail_nomem(err, "a folder");
	if (!(d = opendir(full_path(in, path))))
		return mm_fail_errno(err, "cannot open '%s'",
				     full_path(in, path));
	if (!(rc = check_loop(in, l, dirfd(d), err)))
		rc = read_names(in, l, d, err);
	closedir(d);
	return rc;
}

static int open_folder(struct mm_input *in, struct mm_err *err)
{
	const struct mm_source_options *o = &in->all->options;
	struct state *st = mm_calloc(1, sizeof(*st));
	const struct level *top;
	int rc;

	if (!(in->state = st))
		return mm_fail_nomem(err, "a source");
	if ((rc = enter(in, "", err)))
		return rc;
	/* Number the labels now: by name, not by which one has a sample. */
	top = &st->level[0];
	for (size_t i = 0; i < top->n_folders && o->label_from_folder; i++) {
		struct mm_sample unused = { 0 };

		rc = mm_input_label(in, &unused, top->folder[i],
				    strlen(top->folder[i]), err);
		if (rc)
			return rc;
	}
	return MM_OK;
}

/* ---- one sample ---- */

static int read_captions(struct mm_input *in, const char *folder,
			 const char *name, struct mm_err *err)
{
	struct state *st = in->state;
	struct mm_reader r;
	char *p = mm_buf_reserve(&st->caption, MAX_TEXT + 1);
	size_t got;
	int rc;

	if (!p)
		return mm_fail_nomem(err, "captions");
	full_path(in, folder);
	mm_buf_adds(&st->path, name);
	if ((rc = mm_buf_check(&st->path, "a path", err)) ||
	    (rc = mm_reader_open(&r, st->path.data, err)))
		return rc;
	rc = mm_reader_read(&r, p, MAX_TEXT + 1, &got, err);
	mm_reader_release(&r);
	if (!rc && got > MAX_TEXT)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'%s' is no caption: more than 16 MiB", name);
	if (rc)
		return rc;
	st->caption.len = got;
	p[got] = '\0';
	st->line = p + (got >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0);
	return MM_OK;
}

/* The next line of captions that is not blank, from *p on; NULL at the end. */
static const char *next_line(const struct mm_buf *text, const char **p,
			     size_t *len)
{
	const char *end = text->data + text->len;

	while (*p && *p < end) {
		const char *line = *p;
		const char *nl = memchr(line, '\n', (size_t)(end - line));

		*len = (size_t)((nl ? nl : end) - line);
		*p = nl ? nl + 1 : end;
		if (*len && line[*len - 1] == '\r')
			--*len;
		for (size_t i = 0; i < *len; i++)
			if (!strchr(" \t", line[i]))
				return line;
	}
	*p = NULL;
	return NULL;
}

static size_t count_lines(const struct state *st)
{
	const char *p = st->line;
	size_t n = 0, len;

	while (next_line(&st->caption, &p, &len))
		n++;
	return n;
}

/* Take the files of one stem: st->stem, st->picture, the captions. */
static int take_stem(struct mm_input *in, struct level *l, struct mm_err *err)
{
	struct state *st = in->state;
	const struct entry *first = &l->file[l->file_at];
	const struct entry *picture = NULL, *text = NULL;
	const struct entry *end = l->file + l->n_files;
	int n_pictures = 0, rc;

	mm_buf_clear(&st->stem);
	mm_buf_clear(&st->picture);
	mm_buf_clear(&st->caption);
	st->line = NULL;
	st->several = false;
	st->i_caption = 0;
	mm_buf_printf(&st->stem, "%s%.*s", l->path, (int)first->stem,
		      first->name);
	for (const struct entry *f = first;
	     f < end && f->stem == first->stem &&
	     !memcmp(f->name, first->name, f->stem);
	     f++, l->file_at++) {
		if (f->is_text)
			text = f;
		else if (!n_pictures++)
			picture = f;
	}
	if (picture)
		mm_buf_printf(&st->picture, "%s%s", l->path, picture->name);
	if (st->stem.failed || st->picture.failed)
		return mm_fail_nomem(err, "a path");
	if (n_pictures > 1)
		return mm_fail(err, MM_ERR_FORMAT, "%d pictures have this name",
			       n_pictures);
	if (!text)
		return MM_OK;
	rc = read_captions(in, l->path, text->name, err);
	st->several = !rc && count_lines(st) > 1;
	return rc;
}

/* Fill in the sample of the current stem with its next caption. */
static int fill(struct mm_input *in, struct mm_sample *s, struct mm_err *err)
{
	struct state *st = in->state;
	const char *stem = mm_buf_str(&st->stem), *slash = strchr(stem, '/');
	const char *line;
	size_t len;
	int rc;

	if ((line = next_line(&st->caption, &st->line, &len)) &&
	    (rc = mm_input_keep(in, &s->text, line, len, err)))
		return rc;
	if (st->line) { /* another one follows? */
		const char *p = st->line;
		size_t n;

		if (!next_line(&st->caption, &p, &n))
			st->line = NULL;
	}
	if ((rc = mm_input_keep(in, &s->image_id, stem, st->stem.len, err)))
		return rc;
	s->id = s->image_id;
	if (st->several) {
		s->id.str = mm_arena_printf(&in->all->text, "%s#%zu", stem,
					    st->i_caption++);
		if (!s->id.str)
			return mm_fail_nomem(err, "a sample");
		s->id.len = strlen(s->id.str);
	}
	if (st->picture.len) {
		const char *p = full_path(in, mm_buf_str(&st->picture));

		rc = mm_input_keep(in, &s->image_path, p, st->path.len, err);
		if (rc)
			return rc;
	}
	if (in->all->options.label_from_folder && slash)
		return mm_input_label(in, s, stem, (size_t)(slash - stem), err);
	return MM_OK;
}

/* Go to the next folder; *end where there is none. */
static int advance(struct mm_input *in, bool *end, struct mm_err *err)
{
	struct state *st = in->state;
	struct level *l = &st->level[st->depth - 1];
	struct mm_buf path = { 0 };
	int rc;

	if (l->folder_at == l->n_folders) {
		release_level(l);
		*end = !--st->depth;
		return MM_OK;
	}
	mm_buf_printf(&path, "%s%s/", l->path, l->folder[l->folder_at++]);
	if (!(rc = mm_buf_check(&path, "a path", err)))
		rc = enter(in, path.data, err);
	mm_buf_release(&path);
	return rc;
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	int rc = MM_OK;

	if (!st->line) {
		for (;;) {
			struct level *l = &st->level[st->depth - 1];

			if (l->file_at < l->n_files) {
				in->bad_sample = true;
				rc = take_stem(in, l, err);
				break;
			}
			if ((rc = advance(in, end, err)) || *end)
				return rc;
		}
	}
	in->bad_sample = true;
	snprintf(s->where, sizeof(s->where), "%.90s", mm_buf_str(&st->stem));
	if (rc) {
		st->line = NULL;
		s->id.str = mm_buf_str(&st->stem);
		s->id.len = st->stem.len;
		return rc;
	}
	return fill(in, s, err);
}

static void close_folder(struct mm_input *in)
{
	struct state *st = in->state;

	if (!st)
		return;
	while (st->depth)
		release_level(&st->level[--st->depth]);
	mm_buf_release(&st->path);
	mm_buf_release(&st->caption);
	mm_buf_release(&st->stem);
	mm_buf_release(&st->picture);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_folder = {
	.name = "folder",
	.sniff = sniff,
	.open = open_folder,
	.next = next,
	.close = close_folder,
};
