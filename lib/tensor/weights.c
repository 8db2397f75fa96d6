/* weights.c - see weights.h. */
#include "tensor/weights.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mem.h"
#include "tensor/npz.h"
#include "tensor/torch.h"

/* One file. */
struct mm_weights_part {
	struct mm_file file;
	struct mm_torch torch;
	struct mm_safetensors safetensors;
	struct mm_zip zip;
	struct mm_tensor *array; /* of an .npz, in the weights' arena */
	size_t n_arrays;
};

static int nomem(struct mm_err *err)
{
	return mm_fail_nomem(err, "a list of tensors");
}

/* ---- the list ---- */

static int add(struct mm_weights *w, const struct mm_tensor *t,
	       struct mm_err *err)
{
	bool added;
	int64_t *slot =
		mm_map_put(&w->by_name, t->name, strlen(t->name), &added);

	if (!slot)
		return nomem(err);
	if (!added)
		return mm_fail(err, MM_ERR_FORMAT, "tensor '%s' is there twice",
			       t->name);
	*slot = (int64_t)w->n;
	w->tensor[w->n++] = t;
	return MM_OK;
}

static int add_all(struct mm_weights *w, const struct mm_tensor *t, size_t n,
		   struct mm_err *err)
{
	const struct mm_tensor **more =
		mm_realloc(w->tensor, w->n + n + 1, sizeof(struct mm_tensor *));
	int rc = MM_OK;

	if (!more)
		return nomem(err);
	w->tensor = more;
	for (size_t i = 0; i < n && !rc; i++)
		rc = add(w, &t[i], err);
	return rc;
}

/* ---- what a file is ---- */

static int refuse_known(const unsigned char *p, size_t size, struct mm_err *err)
{
	static const struct {
		size_t at;
		const char *bytes, *what;
	} known[] = {
		{ 0, "version https://git-lfs",
		  "a Git LFS pointer instead of the file: fetch it with 'git "
		  "lfs pull'" },
		{ 0, "\x89HDF", "an HDF5 file, which is not supported" },
		{ 0, "\x89PNG", "a picture" },
		{ 0, "\xff\xd8\xff", "a picture" },
		{ 0, "GGUF", "a GGUF file, which is not supported" },
		{ 0, "\x93NUMPY",
		  "one array without a name: put it into an .npz" },
		{ 0, "\x1f\x8b", "packed by gzip: unpack it first" },
		{ 257, "ustar",
		  "a tar archive, as PyTorch wrote before 0.1.10, which is "
		  "not supported" },
	};

	if (!size)
		return mm_fail(err, MM_ERR_FORMAT, "is empty");
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const size_t n = strlen(known[i].bytes);

		if (size >= known[i].at + n &&
		    !memcmp(p + known[i].at, known[i].bytes, n))
			return mm_fail(err, MM_ERR_FORMAT, "is %s",
				       known[i].what);
	}
	return mm_fail(err, MM_ERR_FORMAT,
		       "is no checkpoint: neither safetensors nor PyTorch's "
		       "nor an .npz");
}

static int open_npz(struct mm_weights *w, struct mm_weights_part *p,
		    struct mm_err *err)
{
	int rc = mm_npz_read(&p->zip, &w->arena, &p->array, &p->n_arrays, err);

	return rc ? rc : add_all(w, p->array, p->n_arrays, err);
}

static int open_torch(struct mm_weights *w, struct mm_weights_part *p,
		      const void *bytes, size_t size, const char *path,
		      struct mm_err *err)
{
	int rc = mm_torch_open(&p->torch, bytes, size, path, err);

	w->script |= p->torch.script;
	return rc ? rc : add_all(w, p->torch.tensor, p->torch.n, err);
}

static int parse(struct mm_weights *w, struct mm_weights_part *p,
		 const void *bytes, size_t size, const char *path,
		 struct mm_err *err)
{
	const char *b = bytes;
	int rc;

	if (size >= 4 && !memcmp(b, "PK", 2) &&
	    !mm_zip_open(&p->zip, bytes, size, NULL) && mm_npz_is(&p->zip)) {
		rc = open_npz(w, p, err);
		return rc ? mm_fail_ctx(err, "'%s'", path) : MM_OK;
	}
	if (mm_torch_sniff(bytes, size))
		return open_torch(w, p, bytes, size, path, err);
	if (size < 9 || b[8] != '{') {
		rc = refuse_known(bytes, size, err);
		return mm_fail_ctx(err, "'%s'", path);
	}
	if ((rc = mm_safetensors_parse(&p->safetensors, bytes, size, path,
				       err)))
		return rc;
	return add_all(w, p->safetensors.blob.tensor, p->safetensors.blob.n,
		       err);
}

int mm_weights_parse(struct mm_weights *w, const void *bytes, size_t size,
		     const char *path, struct mm_err *err)
{
	int rc;

	memset(w, 0, sizeof(*w));
	if (!(w->part = mm_calloc(1, sizeof(*w->part))))
		return nomem(err);
	w->n_parts = 1;
	if ((rc = parse(w, w->part, bytes, size, path, err)))
		mm_weights_release(w);
	return rc;
}

/* One more file. */
static int open_part(struct mm_weights *w, const char *path, struct mm_err *err)
{
	struct mm_weights_part *p = &w->part[w->n_parts];
	int rc = mm_file_open(&p->file, path, err);

	if (rc)
		return rc;
	w->n_parts++;
	return parse(w, p, p->file.data, p->file.size, path, err);
}

/* ---- folders ---- */

/* The files of a pytorch_model.bin.index.json, each once. */
static int open_index(struct mm_weights *w, const char *dir, const char *path,
		      struct mm_err *err)
{
	const struct mm_json *map, *value;
	struct mm_json *root = NULL;
	struct mm_map files = { 0 };
	const char *key;
	void *it = NULL;
	bool added;
	int rc;

	if ((rc = mm_json_load(&root, path, err)))
		return rc;
	map = mm_json_get(root, "weight_map");
	w->part = mm_calloc(mm_json_size(map), sizeof(*w->part));
	if (!w->part)
		rc = nomem(err);
	else if (!mm_json_size(map))
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' names no files", path);
	while (!rc && mm_json_next(map, &it, &key, &value)) {
		const char *name = mm_json_str(value, "");
		char *file;

		if (!*name || strchr(name, '/') || !strcmp(name, ".."))
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "'%s' names '%s', which is no file beside "
				     "it",
				     path, name);
		else if (!mm_map_put(&files, name, strlen(name), &added))
			rc = nomem(err);
		else if (added && (file = mm_arena_printf(&w->arena, "%s/%s",
							  dir, name)))
			rc = open_part(w, file, err);
		else if (added)
			rc = nomem(err);
	}
	mm_map_release(&files);
	mm_json_free(root);
	return rc;
}

/* PyTorch's file in a folder: its path, or NULL. */
static char *find_torch(struct mm_weights *w, const char *dir)
{
	static const char *const names[] = { "pytorch_model.bin",
					     "pytorch_model.bin.index.json",
					     "open_clip_pytorch_model.bin" };
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = mm_arena_printf(&w->arena, "%s/%s", dir, names[i]);

		if (path && !stat(path, &st))
			return path;
	}
	return NULL;
}

static int open_checkpoint(struct mm_weights *w, const char *path,
			   struct mm_err *err)
{
	int rc = mm_checkpoint_open(&w->checkpoint, path, err);

	if (rc)
		return rc;
	w->tensor = mm_calloc(w->checkpoint.n, sizeof(struct mm_tensor *));
	if (!w->tensor)
		return nomem(err);
	for (size_t i = 0; i < w->checkpoint.n && !rc; i++)
		rc = add(w, w->checkpoint.tensor[i], err);
	return rc;
}

static int open_folder(struct mm_weights *w, const char *dir,
		       struct mm_err *err)
{
	char *path;
	size_t n;

	if (mm_checkpoint_present(dir) || !(path = find_torch(w, dir)))
		return open_checkpoint(w, dir, err);
	n = strlen(path);
	if (n > 5 && !strcmp(path + n - 5, ".json"))
		return open_index(w, dir, path, err);
	if (!(w->part = mm_calloc(1, sizeof(*w->part))))
		return nomem(err);
	return open_part(w, path, err);
}

static bool ends_in(const char *s, const char *tail)
{
	const size_t n = strlen(s), k = strlen(tail);

	return n >= k && !strcmp(s + n - k, tail);
}

int mm_weights_open(struct mm_weights *w, const char *path, struct mm_err *err)
{
	struct stat st;
	int rc;

	memset(w, 0, sizeof(*w));
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		rc = open_folder(w, path, err);
	else if (ends_in(path, ".safetensors.index.json"))
		rc = open_checkpoint(w, path, err);
	else if (!(w->part = mm_calloc(1, sizeof(*w->part))))
		rc = nomem(err);
	else
		rc = open_part(w, path, err);
	if (rc)
		mm_weights_release(w);
	return rc;
}

void mm_weights_release(struct mm_weights *w)
{
	for (size_t i = 0; i < w->n_parts; i++) {
		mm_safetensors_release(&w->part[i].safetensors);
		mm_torch_release(&w->part[i].torch);
		mm_zip_release(&w->part[i].zip);
		mm_file_release(&w->part[i].file);
	}
	mm_free(w->part);
	mm_free(w->tensor);
	mm_map_release(&w->by_name);
	mm_checkpoint_release(&w->checkpoint);
	mm_arena_release(&w->arena);
	memset(w, 0, sizeof(*w));
}

const struct mm_tensor *mm_weights_find(const struct mm_weights *w,
					const char *name)
{
	const int64_t *i = mm_map_find_str(&w->by_name, name);

	return i ? w->tensor[*i] : NULL;
}
