/* checkpoint.c - see checkpoint.h. */
#include "tensor/checkpoint.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mem.h"

static const char *const names[] = {
	"model.safetensors",
	"model.safetensors.index.json",
	"open_clip_model.safetensors",
	"diffusion_pytorch_model.safetensors",
};

static char *join(const char *dir, size_t dir_len, const char *name)
{
	struct mm_buf b = { 0 };

	mm_buf_add(&b, dir, dir_len);
	if (dir_len && dir[dir_len - 1] != '/')
		mm_buf_addc(&b, '/');
	mm_buf_adds(&b, name);
	if (b.failed)
		mm_buf_release(&b);
	return b.data;
}

/* Nothing that is read here: is there what convert reads? */
static int no_weights(const char *dir, struct mm_err *err)
{
	static const char *const torch[] = { "pytorch_model.bin",
					     "pytorch_model.bin.index.json",
					     "open_clip_pytorch_model.bin" };
	struct stat st;

	for (size_t i = 0; i < sizeof(torch) / sizeof(*torch); i++) {
		char *path = join(dir, strlen(dir), torch[i]);
		const bool there = path && !stat(path, &st);

		mm_free(path);
		if (there)
			return mm_fail(err, MM_ERR_IO,
				       "'%s' holds its weights as %s only; "
				       "'mmtool convert' makes safetensors of "
				       "them",
				       dir, torch[i]);
	}
	return mm_fail(err, MM_ERR_IO,
		       "'%s' holds no weights: neither %s nor %s nor %s", dir,
		       names[0], names[1], names[2]);
}

/* The file to open: path itself, or what the folder holds. */
static int choose(struct mm_checkpoint *c, const char *path, struct mm_err *err)
{
	const size_t n = sizeof(names) / sizeof(names[0]);
	struct stat st;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		c->path = mm_strdup(path); /* opening it tells what is wrong */
		return c->path ? MM_OK : mm_fail_nomem(err, "a path");
	}
	for (size_t i = 0; i < n; i++) {
		if (!(c->path = join(path, strlen(path), names[i])))
			return mm_fail_nomem(err, "a path");
		if (!stat(c->path, &st))
			return MM_OK;
		if (errno != ENOENT)
			return mm_fail_errno(err, "cannot open '%s'", c->path);
		mm_free(c->path);
		c->path = NULL;
	}
	return no_weights(path, err);
}

bool mm_checkpoint_present(const char *dir)
{
	bool present = false;
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = join(dir, strlen(dir), names[i]);

		present |= path && !stat(path, &st);
		mm_free(path);
	}
	return present;
}

/* One more tensor; a name that is there already is refused. */
static int add(struct mm_checkpoint *c, const struct mm_tensor *t,
	       struct mm_err *err)
{
	bool added;
	int64_t *slot =
		mm_map_put(&c->by_name, t->name, strlen(t->name), &added);

	if (!slot)
		return mm_fail_nomem(err, "a list of tensors");
	if (!added)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s': tensor '%s' is in two files", c->path,
			       t->name);
	*slot = (int64_t)c->n;
	c->tensor[c->n++] = t;
	return MM_OK;
}

static int open_single(struct mm_checkpoint *c, struct mm_err *err)
{
	size_t n;
	int rc;

	if (!(c->shard = mm_calloc(1, sizeof(*c->shard))))
		return mm_fail_nomem(err, "a list of files");
	if ((rc = mm_safetensors_open(c->shard, c->path, err)))
		return rc;
	c->n_shards = 1;
	n = c->shard->blob.n;
	if (!(c->tensor = mm_calloc(n, sizeof(struct mm_tensor *))))
		return mm_fail_nomem(err, "a list of tensors");
	for (size_t i = 0; i < n && !rc; i++)
		rc = add(c, &c->shard->blob.tensor[i], err);
	return rc;
}

/* The shard called `file`, opened where it is new; files counts by name. */
static int shard_of(struct mm_checkpoint *c, struct mm_map *files,
		    const char *file, size_t *which, struct mm_err *err)
{
	const char *slash = strrchr(c->path, '/');
	bool added;
	int64_t *slot;
	char *path;
	int rc;

	if (strchr(file, '/') || !strcmp(file, "..") || !*file)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' names '%s', which is no file beside it",
			       c->path, file);
	if (!(slot = mm_map_put(files, file, strlen(file), &added)))
		return mm_fail_nomem(err, "a list of files");
	if (!added) {
		*which = (size_t)*slot;
		return MM_OK;
	}
	path = join(c->path, slash ? (size_t)(slash - c->path + 1) : 0, file);
	if (!path)
		return mm_fail_nomem(err, "a path");
	rc = mm_safetensors_open(&c->shard[c->n_shards], path, err);
	mm_free(path);
	*slot = (int64_t)c->n_shards;
	*which = c->n_shards;
	c->n_shards += !rc;
	return rc;
}

static int open_index(struct mm_checkpoint *c, const struct mm_json *index,
		      struct mm_map *files, struct mm_err *err)
{
	const struct mm_json *weights = mm_json_get(index, "weight_map");
	const size_t n = mm_json_size(weights);
	const struct mm_json *value;
	const char *key;
	void *it = NULL;

	if (mm_json_type(weights) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no object 'weight_map'", c->path);
	/* At most one file a tensor. */
	c->shard = mm_calloc(n, sizeof(*c->shard));
	c->tensor = mm_calloc(n, sizeof(struct mm_tensor *));
	if (!c->shard || !c->tensor)
		return mm_fail_nomem(err, "a list of tensors");
	while (mm_json_next(weights, &it, &key, &value)) {
		const char *file = mm_json_str(value, NULL);
		const struct mm_tensor *t;
		size_t which = 0;
		int rc;

		if (!file)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s': '%s' must be a string, not %s",
				       c->path, key, mm_json_type_name(value));
		if ((rc = shard_of(c, files, file, &which, err)))
			return rc;
		if (!(t = mm_safetensors_find(&c->shard[which], key)))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s': '%s' does not hold the tensor "
				       "'%s'",
				       c->path, file, key);
		if ((rc = add(c, t, err)))
			return rc;
	}
	return MM_OK;
}

int mm_checkpoint_open(struct mm_checkpoint *c, const char *path,
		       struct mm_err *err)
{
	struct mm_json *index = NULL;
	struct mm_map files = { 0 };
	size_t n;
	int rc;

	memset(c, 0, sizeof(*c));
	if ((rc = choose(c, path, err)))
		goto out;
	n = strlen(c->path);
	if (n < 5 || strcmp(c->path + n - 5, ".json"))
		rc = open_single(c, err);
	else if (!(rc = mm_json_load(&index, c->path, err)))
		rc = open_index(c, index, &files, err);
out:
	mm_json_free(index);
	mm_map_release(&files);
	if (rc)
		mm_checkpoint_release(c);
	return rc;
}

void mm_checkpoint_release(struct mm_checkpoint *c)
{
	for (size_t i = 0; i < c->n_shards; i++)
		mm_safetensors_release(&c->shard[i]);
	mm_free(c->shard);
	mm_free(c->tensor);
	mm_free(c->path);
	mm_map_release(&c->by_name);
	memset(c, 0, sizeof(*c));
}

const struct mm_tensor *mm_checkpoint_find(const struct mm_checkpoint *c,
					   const char *name)
{
	const int64_t *i = mm_map_find_str(&c->by_name, name);

	return i ? c->tensor[*i] : NULL;
}

int mm_checkpoint_want(const struct mm_checkpoint *c, const char *name,
		       const struct mm_tensor **t, struct mm_err *err)
{
	if ((*t = mm_checkpoint_find(c, name)))
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT, "'%s' has no tensor '%s'", c->path,
		       name);
}

const char *mm_checkpoint_meta(const struct mm_checkpoint *c, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < c->n_shards && !value; i++)
		value = mm_safetensors_meta(&c->shard[i], key);
	return value;
}
