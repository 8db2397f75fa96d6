/* operand.c - what a file on the command line is; folders of pictures. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/mem.h"
#include "model/encode.h"

const char *const mm_operand_names[] = { "a tensor stream", "a folder",
					 "a picture", "text" };

int mm_operand_sniff(const char *path, enum mm_operand *kind,
		     struct mm_err *err)
{
	unsigned char head[64];
	struct stat st;
	size_t n;
	int rc;

	if (strcmp(path, "-") && !stat(path, &st) && S_ISDIR(st.st_mode)) {
		*kind = MM_OPERAND_FOLDER;
		return MM_OK;
	}
	if ((rc = mm_input_peek(path, head, sizeof(head), &n, err)))
		return rc;
	if (mm_image_sniff(head, n) != MM_IMAGE_UNKNOWN)
		*kind = MM_OPERAND_PICTURE;
	/* A text has no NUL among its first bytes; a stream's length has. */
	else if (mm_stream_sniff(head, n) || memchr(head, '\0', n))
		*kind = MM_OPERAND_STREAM;
	else
		*kind = MM_OPERAND_TEXT;
	return MM_OK;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Paths of a folder's entries, sorted; freed with the arena. */
static int list(const char *dir, struct mm_arena *arena, char ***out, size_t *n,
		struct mm_err *err)
{
	DIR *d = opendir(dir);
	char **path = NULL, **more;
	struct dirent *e;
	size_t cap = 0, len = strlen(dir);

	/* "photos/" and "photos" give the same ids. */
	while (len > 1 && dir[len - 1] == '/')
		len--;
	*n = 0;
	if (!d)
		return mm_fail_errno(err, "cannot open '%s'", dir);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (*n == cap) {
			cap = cap * 2 + 64;
			if (!(more = mm_realloc(path, cap, sizeof(*path))))
				break;
			path = more;
		}
		path[*n] = mm_arena_printf(arena, "%.*s/%s", (int)len, dir,
					   e->d_name);
		if (!path[(*n)++])
			break;
	}
	closedir(d);
	*out = path;
	if (e)
		return mm_fail_nomem(err, "a folder's entries");
	if (*n)
		qsort(path, *n, sizeof(*path), by_bytes);
	return MM_OK;
}

int mm_encode_folder(const char *dir,
		     int (*each)(void *ctx, const char *path,
				 struct mm_err *err),
		     void *ctx, struct mm_err *err)
{
	struct mm_arena arena = { 0 };
	char **path = NULL;
	size_t n = 0;
	int rc = list(dir, &arena, &path, &n, err);

	for (size_t i = 0; i < n && !rc; i++) {
		enum mm_operand kind;

		if ((rc = mm_operand_sniff(path[i], &kind, err)))
			break;
		if (kind == MM_OPERAND_FOLDER)
			rc = mm_encode_folder(path[i], each, ctx, err);
		else if (kind == MM_OPERAND_PICTURE)
			rc = each(ctx, path[i], err);
	}
	mm_free(path);
	mm_arena_release(&arena);
	return rc;
}
