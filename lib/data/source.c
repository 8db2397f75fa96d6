/* source.c - see source.h: the list of sources and what every sample obeys. */
#include "data/source.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "data/braces.h"
#include "data/source_kind.h"

static const struct mm_source *const kinds[] = {
#define MM_SOURCE(x) &mm_source_##x,
#include "data/sources.def"
#undef MM_SOURCE
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const char *const mm_source_kinds[] = {
	"auto",
#define MM_SOURCE(x) #x,
#include "data/sources.def"
#undef MM_SOURCE
	NULL,
};

/* ---- opening ---- */

static int check_path(const char *path, struct mm_err *err)
{
	struct stat st;

	if (strcmp(path, "-") && stat(path, &st))
		return mm_fail_errno(err, "cannot open '%s'", path);
	return MM_OK;
}

int mm_sources_open(struct mm_sources *s, char *const *paths, size_t n_paths,
		    const struct mm_source_options *o, struct mm_err *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->options = *o;
	rc = mm_braces_expand(&s->path, &s->n_paths, paths, n_paths, err);
	for (size_t i = 0; i < s->n_paths && !rc; i++)
		rc = check_path(s->path[i], err);
	if (rc)
		mm_sources_release(s);
	return rc;
}

static int find_kind(struct mm_input *in, bool folder, struct mm_err *err)
{
	struct mm_sniff x = { .path = in->path, .folder = folder };
	const char *name = in->all->options.kind;
	int rc;

	if (!name)
		name = "auto";
	for (size_t i = 0; i < N_KINDS && strcmp(name, "auto"); i++)
		if (!strcmp(kinds[i]->name, name))
			in->kind = kinds[i];
	if (in->kind)
		return MM_OK;
	if (strcmp(name, "auto"))
		return mm_fail(err, MM_ERR_USAGE, "there is no kind '%s'",
			       name);
	if (!folder && (rc = mm_reader_peek(&in->reader, MM_SNIFF_BYTES,
					    &x.head, &x.n, err)))
		return rc;
	for (size_t i = 0; i < N_KINDS && !in->kind; i++)
		if (kinds[i]->sniff(&x))
			in->kind = kinds[i];
	if (in->kind)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       folder || x.n ? "'%s' is of no kind that is known; "
				       "name it with --kind"
				     : "'%s' is empty",
		       folder ? in->path : in->reader.name);
}

static void close_input(struct mm_sources *s)
{
	struct mm_input *in = s->input;

	if (!in)
		return;
	if (in->kind)
		in->kind->close(in);
	mm_reader_release(&in->reader);
	mm_free(in);
	s->input = NULL;
}

static int open_input(struct mm_sources *s, const char *path,
		      struct mm_err *err)
{
	struct mm_input *in = mm_calloc(1, sizeof(*in));
	struct stat st;
	bool folder;
	int rc;

	if (!in)
		return mm_fail_nomem(err, "a source");
	in->all = s;
	in->path = path;
	in->reader.fd = -1;
	s->input = in;
	folder = strcmp(path, "-") && !stat(path, &st) && S_ISDIR(st.st_mode);
	if (!folder && (rc = mm_reader_open(&in->reader, path, err)))
		return rc;
	if ((rc = find_kind(in, folder, err)))
		return rc;
	return in->kind->open(in, err);
}

void mm_sources_release(struct mm_sources *s)
{
	close_input(s);
	mm_braces_free(s->path, s->n_paths);
	mm_idset_release(&s->ids);
	mm_map_release(&s->names);
	mm_arena_release(&s->text);
	memset(s, 0, sizeof(*s));
}

/* ---- what every sample obeys ---- */

static bool blank(const struct mm_str *s)
{
	size_t i = 0;

	while (i < s->len && strchr(" \t\r\n", s->str[i]))
		i++;
	return i == s->len;
}

/* Text that the world outside gave. */
static int check_text(const struct mm_str *s, const char *what,
		      struct mm_err *err)
{
	size_t good;

	if (!s->str)
		return MM_OK;
	if (memchr(s->str, 0, s->len))
		return mm_fail(err, MM_ERR_FORMAT, "its %s holds a NUL byte",
			       what);
	good = mm_utf8_prefix(s->str, s->len);
	if (good == s->len)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "its %s is not UTF-8 at byte %zu (0x%02x)", what, good,
		       (unsigned)(unsigned char)s->str[good]);
}

static int check_texts(const struct mm_sample *p, struct mm_err *err)
{
	int rc;

	if ((rc = check_text(&p->id, "id", err)) ||
	    (rc = check_text(&p->text, "text", err)) ||
	    (rc = check_text(&p->image_id, "image id", err)) ||
	    (rc = check_text(&p->label_name, "label", err)))
		return rc;
	if (p->image_path.str &&
	    memchr(p->image_path.str, 0, p->image_path.len))
		return mm_fail(err, MM_ERR_FORMAT,
			       "its image path holds a NUL byte");
	for (size_t i = 0; p->phrases && i < p->n_boxes; i++)
		if ((rc = check_text(&p->phrases[i], "phrase", err)))
			return rc;
	return MM_OK;
}

/* What a pair must have; rows of streams are taken as they are. */
static int check_pair(const struct mm_sources *s, const struct mm_sample *p,
		      struct mm_err *err)
{
	struct stat st;

	if (p->segment)
		return MM_OK;
	if (s->options.need_image && !p->image_data && !p->image_path.len)
		return mm_fail(err, MM_ERR_FORMAT, "it has no image");
	if (s->options.need_text && blank(&p->text) && !p->has_boxes &&
	    !(p->has_label && s->options.label_from_folder))
		return mm_fail(err, MM_ERR_FORMAT, "it has no text");
	if (p->image_data || !p->image_path.len)
		return MM_OK;
	if (stat(p->image_path.str, &st))
		return mm_fail_errno(err, "cannot open '%s'",
				     p->image_path.str);
	if (!S_ISREG(st.st_mode))
		return mm_fail(err, MM_ERR_IO, "'%s' is not a file",
			       p->image_path.str);
	return MM_OK;
}

static int check_sample(struct mm_sources *s, struct mm_err *err)
{
	const struct mm_sample *p = &s->sample;
	uint32_t before;
	int rc;

	if ((rc = check_texts(p, err)))
		return rc;
	if (!p->id.len)
		return mm_fail(err, MM_ERR_FORMAT, "its id is empty");
	if ((rc = check_pair(s, p, err)) ||
	    (rc = mm_idset_add(&s->ids, p->id.str, p->id.len, &before, err)))
		return rc;
	if (before)
		return mm_fail(err, MM_ERR_FORMAT,
			       "its id '%s' was there before", p->id.str);
	return MM_OK;
}

/* Say where the sample came from, and whether reading can go on. */
static int bad_sample(struct mm_sources *s, int rc, struct mm_err *err)
{
	const char *source = s->sample.source;
	const char *gap = s->sample.where[0] ? " " : "";

	if (rc == MM_ERR_NOMEM || rc == MM_ERR_SIGNAL)
		return rc;
	s->bad_sample = true;
	return mm_fail_ctx(err, "'%s'%s%s", source, gap, s->sample.where);
}

/* The first folder of the picture's name, unless that is an absolute one. */
static int label_from_folder(struct mm_input *in, struct mm_sample *p,
			     struct mm_err *err)
{
	const char *name = in->relative.str, *slash;

	if (!in->all->options.label_from_folder || !name)
		return MM_OK;
	while (!strncmp(name, "./", 2))
		name += 2;
	slash = strchr(name, '/');
	if (!slash || slash == name)
		return MM_OK;
	return mm_input_label(in, p, name, (size_t)(slash - name), err);
}

/* Read one sample from the source in hand; *end where it has no more. */
static int read_sample(struct mm_sources *s, bool *end, struct mm_err *err)
{
	struct mm_input *in = s->input;
	struct mm_sample *p = &s->sample;
	int rc;

	mm_arena_reset(&s->text);
	memset(p, 0, sizeof(*p));
	p->source = strcmp(in->path, "-") ? in->path : "standard input";
	in->bad_sample = false;
	in->relative = (struct mm_str){ 0 };
	rc = in->kind->next(in, p, end, err);
	if (*end || (rc && !in->bad_sample))
		return rc;
	s->position = s->n++;
	if (!rc)
		rc = label_from_folder(in, p, err);
	if (!rc)
		rc = check_sample(s, err);
	return rc ? bad_sample(s, rc, err) : MM_OK;
}

int mm_sources_next(struct mm_sources *s, const struct mm_sample **sample,
		    struct mm_err *err)
{
	bool end;
	int rc;

	*sample = NULL;
	s->bad_sample = false;
	for (;;) {
		if (!s->input) {
			if (s->next_path == s->n_paths)
				return MM_OK;
			rc = open_input(s, s->path[s->next_path++], err);
			if (rc)
				return rc;
		}
		end = false;
		if ((rc = read_sample(s, &end, err)))
			return rc;
		if (!end) {
			*sample = &s->sample;
			return MM_OK;
		}
		close_input(s);
	}
}

const char *mm_sources_bad_id(const struct mm_sources *s)
{
	const struct mm_sample *p = &s->sample;

	if (p->id.len && !memchr(p->id.str, 0, p->id.len) &&
	    mm_utf8_prefix(p->id.str, p->id.len) == p->id.len)
		return p->id.str;
	return p->where[0] ? p->where : p->source;
}

/* ---- helpers for the kinds ---- */

bool mm_path_has_ext(const char *path, const char *ext)
{
	const size_t n = strlen(path), k = strlen(ext);

	if (n <= k || path[n - k - 1] != '.')
		return false;
	for (size_t i = 0; i < k; i++)
		if ((path[n - k + i] | 32) != (ext[i] | 32))
			return false;
	return true;
}

bool mm_sniff_is_text(const struct mm_sniff *x)
{
	if (x->folder || !x->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->head[i] < 0x20 && !strchr("\t\n\r", x->head[i]))
			return false;
	return true;
}

char mm_sniff_first(const struct mm_sniff *x)
{
	size_t i = x->n >= 3 && !memcmp(x->head, "\xef\xbb\xbf", 3) ? 3 : 0;

	if (!mm_sniff_is_text(x))
		return 0;
	while (i < x->n && strchr(" \t\r\n", x->head[i]))
		i++;
	return i < x->n ? (char)x->head[i] : 0;
}

bool mm_sniff_has(const struct mm_sniff *x, const char *word)
{
	const size_t n = strlen(word);

	for (size_t i = 0; i + n <= x->n; i++)
		if (!memcmp(x->head + i, word, n))
			return true;
	return false;
}

int mm_input_keep(struct mm_input *in, struct mm_str *out, const char *s,
		  size_t len, struct mm_err *err)
{
	*out = (struct mm_str){ 0 };
	if (!s)
		return MM_OK;
	out->str = mm_arena_strndup(&in->all->text, s, len);
	out->len = len;
	return out->str ? MM_OK : mm_fail_nomem(err, "a sample");
}

int mm_input_resolve(struct mm_input *in, struct mm_str *out, const char *name,
		     size_t len, struct mm_err *err)
{
	const char *root = in->all->options.root;
	const char *slash = strrchr(in->path, '/');
	struct mm_buf b = { 0 };
	int rc;

	if ((rc = mm_input_keep(in, &in->relative, name, len, err)))
		return rc;
	if (!len || name[0] == '/') {
		*out = in->relative;
		return MM_OK;
	}
	if (root) {
		mm_buf_adds(&b, root);
		if (b.len && b.data[b.len - 1] != '/')
			mm_buf_addc(&b, '/');
	} else if (slash) {
		mm_buf_add(&b, in->path, (size_t)(slash - in->path) + 1);
	}
	mm_buf_add(&b, name, len);
	if (!(rc = mm_buf_check(&b, "a path", err)))
		rc = mm_input_keep(in, out, b.data, b.len, err);
	mm_buf_release(&b);
	return rc;
}

/* A whole number, or false. */
static bool parse_number(const char *s, size_t len, int64_t *out)
{
	const bool minus = len && s[0] == '-';
	int64_t x = 0;

	if (len == minus || len > 18)
		return false;
	for (size_t i = minus; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		x = x * 10 + (s[i] - '0');
	}
	*out = minus ? -x : x;
	return true;
}

int mm_input_label(struct mm_input *in, struct mm_sample *s, const char *text,
		   size_t len, struct mm_err *err)
{
	int64_t *slot;
	bool added;

	while (len && strchr(" \t\r\n", text[0]))
		text++, len--;
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	s->has_label = len > 0;
	if (!len || parse_number(text, len, &s->label))
		return MM_OK;
	if (!(slot = mm_map_put(&in->all->names, text, len, &added)))
		return mm_fail_nomem(err, "label names");
	if (added)
		*slot = (int64_t)in->all->names.n - 1;
	s->label = *slot;
	return mm_input_keep(in, &s->label_name, text, len, err);
}

bool mm_input_wants_split(const struct mm_input *in, const char *split,
			  size_t len)
{
	const char *p = in->all->options.split;

	if (!p)
		return true;
	for (;;) {
		const size_t n = strcspn(p, ",");

		if (n == len && !memcmp(p, split, n))
			return true;
		if (!p[n])
			return false;
		p += n + 1;
	}
}
