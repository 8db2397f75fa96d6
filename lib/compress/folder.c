/* folder.c - see folder.h. */
#include "compress/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

enum { PATH = 4096 };

/* Written anew, or of no meaning in another model's folder. */
static const char *const left_behind[] = {
	"*.safetensors", "*.safetensors.index.json",
	"*.bin",	 "*.bin.index.json",
	"*.pt",		 "*.onnx",
	"*.onnx_data",
	"config.json",	 "open_clip_config.json",
	"log.jsonl",	 ".*",
};

static bool stays(const struct mm_model *m, const char *name)
{
	const size_t n = sizeof(left_behind) / sizeof(*left_behind);

	/* The text model's. */
	if (m->open_clip_config && !strcmp(name, "config.json"))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!fnmatch(left_behind[i], name, 0))
			return true;
	return false;
}

size_t mm_folder_heads(struct mm_tensor *out, const struct mm_model *m)
{
	const struct mm_checkpoint *c = &m->weights;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!strncmp(c->tensor[i]->name, "classifier.", 11) ||
		    !strncmp(c->tensor[i]->name, "fusion.", 7))
			out[n++] = *c->tensor[i];
	return n;
}

static int join(char path[PATH], const char *dir, const char *name,
		struct mm_err *err)
{
	if (snprintf(path, PATH, "%s/%s", dir, name) >= PATH)
		return mm_fail(err, MM_ERR_IO, "the path of '%s' is too long",
			       name);
	return MM_OK;
}

static int carry_one(const char *from, const char *to, const char *name,
		     struct mm_err *err)
{
	char source[PATH], target[PATH];
	struct mm_file f;
	struct stat st;
	int rc;

	if ((rc = join(source, from, name, err)) ||
	    (rc = join(target, to, name, err)))
		return rc;
	if (stat(source, &st))
		return mm_fail_errno(err, "cannot read '%s'", source);
	if (!S_ISREG(st.st_mode))
		return MM_OK;
	if ((rc = mm_file_open(&f, source, err)))
		return rc;
	rc = mm_file_write(target, f.data, f.size, err);
	mm_file_release(&f);
	return rc;
}

static int remove_config(const char *dir, const char *name, struct mm_err *err)
{
	char path[PATH];
	int rc = join(path, dir, name, err);

	return rc ? rc : mm_file_remove(path, err);
}

int mm_folder_begin(const struct mm_model *m, const char *dir,
		    struct mm_err *err)
{
	struct stat from, to;
	struct dirent *e;
	DIR *d;
	int rc;

	if ((rc = mm_mkdirs(dir, err)))
		return rc;
	if (stat(m->dir, &from) || stat(dir, &to))
		return mm_fail_errno(err, "cannot open '%s'", m->dir);
	if (from.st_dev == to.st_dev && from.st_ino == to.st_ino)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' is the model's own folder: name another "
			       "one for the result",
			       dir);
	if ((rc = remove_config(dir, "config.json", err)) ||
	    (rc = remove_config(dir, "open_clip_config.json", err)))
		return rc;
	if (!(d = opendir(m->dir)))
		return mm_fail_errno(err, "cannot open '%s'", m->dir);
	while (!rc && (errno = 0, e = readdir(d)))
		if (!stays(m, e->d_name))
			rc = carry_one(m->dir, dir, e->d_name, err);
	if (!rc && errno)
		rc = mm_fail_errno(err, "cannot read '%s'", m->dir);
	closedir(d);
	return rc;
}

int mm_folder_config(const struct mm_model *m, const char *dir,
		     void (*more)(const void *ctx, struct mm_json_writer *w),
		     const void *ctx, struct mm_err *err)
{
	const char *name =
		m->open_clip_config ? "open_clip_config.json" : "config.json";
	const char *key;
	const struct mm_json *value;
	struct mm_json *root = NULL;
	struct mm_json_writer w;
	struct mm_buf text = { 0 };
	char path[PATH];
	void *it = NULL;
	int rc;

	if ((rc = join(path, m->dir, name, err)) ||
	    (rc = mm_json_load(&root, path, err)))
		return rc;
	mm_json_writer_init(&w, &text, 2);
	mm_json_open(&w, NULL, '{');
	while (mm_json_next(root, &it, &key, &value))
		mm_json_put(&w, key, value);
	more(ctx, &w);
	mm_json_close(&w);
	mm_buf_addc(&text, '\n');
	if (!(rc = mm_buf_check(&text, name, err)) &&
	    !(rc = join(path, dir, name, err)))
		rc = mm_file_write(path, text.data, text.len, err);
	mm_buf_release(&text);
	mm_json_free(root);
	return rc;
}
