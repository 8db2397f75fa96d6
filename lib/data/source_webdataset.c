/*
 * source_webdataset.c - tars as the Python package webdataset reads them.
 *
 *	cats/0001.jpg	the picture: jpg, jpeg, png, webp, gif, bmp, tif
 *	cats/0001.txt	its caption, all of it: txt, text, caption
 *	cats/0001.cls	its class, a number or a name: cls, class
 *	cats/0001.json	an object as json_sample.h says; what the members
 *			above tell wins
 *
 * The key is the path up to the first dot of the last part, "cats/0001"; what
 * follows is the extension, in any case.  Members with one key, one behind
 * the other, are a sample.  Passed over: other extensions, names with a
 * leading dot or without any, and "__meta__" parts.
 *
 * A caption list in the .json, where there is no caption otherwise, makes
 * several samples, "#0", "#1", ... behind the id, that share image.id.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/tar.h"
#include "data/json_sample.h"

enum { MAX_PICTURE = 1 << 30, MAX_TEXT = 64 << 20 };

enum part { PICTURE, TEXT, CLASS, JSON, N_PARTS };

static const char *const part_words[N_PARTS] = { "picture", "text", "class",
						 "object" };

static const struct extension {
	const char *name;
	enum part part;
} extensions[] = {
	{ "jpg", PICTURE },  { "jpeg", PICTURE }, { "png", PICTURE },
	{ "webp", PICTURE }, { "gif", PICTURE },  { "bmp", PICTURE },
	{ "tif", PICTURE },  { "tiff", PICTURE }, { "txt", TEXT },
	{ "text", TEXT },    { "caption", TEXT }, { "cls", CLASS },
	{ "class", CLASS },  { "json", JSON },
};

enum { N_EXTENSIONS = sizeof(extensions) / sizeof(extensions[0]) };

struct state {
	struct mm_tar_reader *tar;
	struct mm_tar_member member; /* read ahead; name NULL: none */
	bool ended;
	struct mm_buf key; /* of the sample in hand */
	struct mm_buf part[N_PARTS];
	bool has[N_PARTS];
	struct mm_json *object;
	size_t caption, n_captions; /* in the object; 0: one sample */
};

static bool sniff(const struct mm_sniff *x)
{
	static const char *const ext[] = { "tar", "tgz", "tbz2", "txz",
					   "tzst" };
	static const unsigned char gz[] = { 0x1f, 0x8b, 8 }, bz[] = "BZh",
				   xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 },
				   zst[] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (x->folder)
		return false;
	for (size_t i = 0; i < sizeof(ext) / sizeof(ext[0]); i++)
		if (mm_path_has_ext(x->path, ext[i]))
			return true;
	if (x->n >= 262 && !memcmp(x->head + 257, "ustar", 5))
		return true;
	return (x->n > sizeof(gz) && !memcmp(x->head, gz, sizeof(gz))) ||
	       (x->n > sizeof(bz) && !memcmp(x->head, bz, 3)) ||
	       (x->n > sizeof(xz) && !memcmp(x->head, xz, sizeof(xz))) ||
	       (x->n > sizeof(zst) && !memcmp(x->head, zst, sizeof(zst)));
}

static int open_tar(struct mm_input *in, struct mm_err *err)
{
	struct state *st = mm_calloc(1, sizeof(*st));

	if (!(in->state = st))
		return mm_fail_nomem(err, "a tar");
	if (in->all->options.split)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s': a tar has no splits; name the shards of "
			       "one",
			       in->path);
	return mm_tar_open(&st->tar, &in->reader, err);
}

/* Does a part of the path have a leading dot, or underscores around it? */
static bool is_hidden(const char *name)
{
	for (; name; name = strchr(name, '/')) {
		size_t n;

		name += *name == '/';
		n = strcspn(name, "/");
		if (n >= 4 && !memcmp(name, "__", 2) &&
		    !memcmp(name + n - 2, "__", 2))
			return true;
		if (n > 1 && name[0] == '.' && (n > 2 || name[1] != '.'))
			return true;
	}
	return false;
}

/* Bytes of the key in a member's name; 0: not of a sample. */
static size_t key_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *dot = strchr(base, '.');

	return !dot || dot == base || is_hidden(name) ? 0
						      : (size_t)(dot - name);
}

static bool same_word(const char *a, const char *lower)
{
	for (; *a && *lower; a++, lower++)
		if ((*a >= 'A' && *a <= 'Z' ? *a | 32 : *a) != *lower)
			return false;
	return !*a && !*lower;
}

/* Which part the name behind the key's dot is: "jpg", or "seg.png". */
static const struct extension *extension_of(const char *ext)
{
	const char *last = strrchr(ext, '.');

	for (size_t i = 0; i < N_EXTENSIONS; i++)
		if (same_word(last ? last + 1 : ext, extensions[i].name))
			return &extensions[i];
	return NULL;
}

/* The member in hand, where it is a part of the sample; then the next. */
static int take_member(struct mm_input *in, struct state *st, size_t key,
		       struct mm_err *err)
{
	const char *ext = st->member.name + key + 1;
	const struct extension *x = extension_of(ext);
	uint64_t most;

	if (!x)
		return MM_OK;
	/* "0001.jpg" goes before "0001.seg.jpg", and the first one counts. */
	if (st->has[x->part] && strchr(ext, '.'))
		return MM_OK;
	most = x->part == PICTURE ? MAX_PICTURE : MAX_TEXT;
	in->bad_sample = st->member.size > most;
	if (in->bad_sample)
		return mm_fail(err, MM_ERR_REFUSED,
			       "its %s has %llu bytes, more than %llu",
			       part_words[x->part],
			       (unsigned long long)st->member.size,
			       (unsigned long long)most);
	st->has[x->part] = true;
	return mm_tar_read(st->tar, &st->part[x->part], err);
}

static void forget(struct state *st)
{
	mm_buf_clear(&st->key);
	memset(st->has, 0, sizeof(st->has));
	mm_json_free(st->object);
	st->object = NULL;
	st->caption = st->n_captions = 0;
}

/* All members of the next key; *end where there is none. */
static int gather(struct mm_input *in, struct state *st, bool *end,
		  struct mm_err *err)
{
	bool any = false;
	int rc = MM_OK, bad = MM_OK;

	forget(st);
	while (!rc) {
		size_t key = 0;

		if (!st->member.name && !st->ended)
			rc = mm_tar_next(st->tar, &st->member, err);
		st->ended = !rc && !st->member.name;
		if (rc || st->ended)
			break;
		if ((key = key_of(st->member.name))) {
			if (any && (key != st->key.len ||
				    memcmp(st->member.name, st->key.data, key)))
				break;
			if (!any)
				mm_buf_add(&st->key, st->member.name, key);
			any = true;
			if (!bad)
				bad = take_member(in, st, key, err);
			if (bad && !in->bad_sample)
				rc = bad;
		}
		st->member.name = NULL;
	}
	if (rc)
		return rc;
	*end = !any;
	return bad ? bad : mm_buf_check(&st->key, "a tar", err);
}

static size_t trimmed(const struct mm_buf *b)
{
	size_t n = b->len;

	while (n && strchr("\r\n", b->data[n - 1]))
		n--;
	return n;
}

/* What the .json says; its captions count where there is no .txt. */
static int parse_object(struct mm_input *in, struct state *st,
			struct mm_err *err)
{
	const struct mm_buf *b = &st->part[JSON];
	int rc;

	if (!st->has[JSON])
		return MM_OK;
	in->bad_sample = true;
	if ((rc = mm_json_parse(&st->object, mm_buf_str(b), b->len, "its json",
				err)))
		return rc;
	if (mm_json_type(st->object) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "its json is %s, not an object",
			       mm_json_type_name(st->object));
	if (!st->has[TEXT])
		st->n_captions = mm_json_n_captions(in, st->object);
	return MM_OK;
}

static int set_ids(struct mm_input *in, struct state *st, struct mm_sample *s,
		   struct mm_err *err)
{
	const struct mm_json *id = NULL;
	int rc = mm_input_keep(in, &in->relative, st->key.data, st->key.len,
			       err);

	if (rc)
		return rc;
	s->image_id = s->id = in->relative;
	if (in->all->options.id_column &&
	    !(id = mm_json_field(in, st->object, MM_FIELD_ID)))
		return mm_fail(err, MM_ERR_FORMAT, "its json has no '%s'",
			       in->all->options.id_column);
	if (id && (rc = mm_json_keep(in, &s->id, id, "id", err)))
		return rc;
	if ((id = mm_json_field(in, st->object, MM_FIELD_IMAGE_ID)) &&
	    (rc = mm_json_keep(in, &s->image_id, id, "image id", err)))
		return rc;
	if (st->n_captions < 2)
		return MM_OK;
	s->id.str = mm_arena_printf(&in->all->text, "%s#%zu", s->id.str,
				    st->caption);
	if (!s->id.str)
		return mm_fail_nomem(err, "a sample");
	s->id.len = strlen(s->id.str);
	return MM_OK;
}

static int fill(struct mm_input *in, struct state *st, struct mm_sample *s,
		struct mm_err *err)
{
	int rc;

	in->bad_sample = true;
	if ((rc = set_ids(in, st, s, err)))
		return rc;
	if (st->object &&
	    (rc = mm_json_sample(in, s, st->object, st->caption, err)))
		return rc;
	if (st->has[TEXT]) {
		s->text.str = mm_buf_str(&st->part[TEXT]);
		if ((rc = mm_input_keep(in, &s->text, s->text.str,
					trimmed(&st->part[TEXT]), err)))
			return rc;
	}
	if (st->has[PICTURE]) {
		s->image_data = mm_buf_str(&st->part[PICTURE]);
		s->image_size = st->part[PICTURE].len;
	}
	if (!st->has[CLASS])
		return MM_OK;
	s->label_name = (struct mm_str){ 0 };
	return mm_input_label(in, s, mm_buf_str(&st->part[CLASS]),
			      st->part[CLASS].len, err);
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	int rc = MM_OK;

	if (++st->caption >= st->n_captions) {
		rc = gather(in, st, end, err);
		if (*end || (rc && !in->bad_sample))
			return rc;
		if (!rc)
			rc = parse_object(in, st, err);
	}
	snprintf(s->where, sizeof(s->where), "key %.80s", mm_buf_str(&st->key));
	return rc ? rc : fill(in, st, s, err);
}

static void close_tar(struct mm_input *in)
{
	struct state *st = in->state;

	if (!st)
		return;
	forget(st);
	mm_tar_close(st->tar);
	mm_buf_release(&st->key);
	for (int i = 0; i < N_PARTS; i++)
		mm_buf_release(&st->part[i]);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_webdataset = {
	.name = "webdataset",
	.sniff = sniff,
	.open = open_tar,
	.next = next,
	.close = close_tar,
};
