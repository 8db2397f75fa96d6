/* time_folder.c - pictures whose names are times; see time_table.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "align/time_table.h"
#include "base/mem.h"

static bool is_picture(const char *name)
{
	static const char *const ends[] = { ".png", ".jpg", ".jpeg", ".webp",
					    ".bmp", ".gif", ".tif",  ".tiff" };
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strcasecmp(dot, ends[i]))
			return *name != '.';
	return false;
}

/* The part of the stem that is a time: digits with '.', '-' or '_' inside. */
static const char *number_part(const char *stem)
{
	const char *p = stem + strlen(stem);

	while (p > stem &&
	       (isdigit((unsigned char)p[-1]) ||
		(strchr(".-_", p[-1]) && p - 1 > stem &&
		 isdigit((unsigned char)p[-2]) && isdigit((unsigned char)*p))))
		p--;
	return p;
}

/* 12.480, 00-01-02.500, 1-02.5 to seconds; a whole number to that number. */
static bool read_name(const char *stem, double *value, bool *whole)
{
	const char *p = number_part(stem), *last = strrchr(p, '.');
	double part[3];
	int n = 0;
	char *end;

	*whole = !last;
	if (!*p)
		return false;
	/* A clock's parts count from the right: "take2-01-30.5". */
	if (last) {
		const char *q = last;
		int dashes = 0;

		while (q > p && (q[-1] != '-' || ++dashes < 3))
			q--;
		p = q;
	} else {
		const char *dash = strrchr(p, '-'), *under = strrchr(p, '_');
		const char *cut = dash > under ? dash : under;

		p = cut ? cut + 1 : p;
	}
	for (; n < 3; p = end + 1) {
		part[n++] = strtod(p, &end);
		if (*end != '-')
			break;
	}
	*value = part[0];
	for (int i = 1; i < n; i++)
		*value = *value * 60 + part[i];
	return *end == '\0' && *value < 1e9;
}

static int add_file(struct mm_moments *m, const char *dir, const char *name,
		    double fps, double first, struct mm_err *err)
{
	const size_t n = (size_t)(strrchr(name, '.') - name);
	char *stem = mm_arena_strndup(&m->arena, name, n);
	const size_t len = strlen(dir);
	struct mm_moment x = { .id = name };
	double value;
	bool whole;

	x.id = mm_arena_strdup(&m->arena, name);
	x.image = mm_arena_printf(&m->arena, "%s%s%s", dir,
				  len && dir[len - 1] == '/' ? "" : "/", name);
	if (!stem || !x.id || !x.image)
		return mm_fail_nomem(err, "times");
	if (!read_name(stem, &value, &whole))
		return mm_fail(err, MM_ERR_FORMAT,
			       "the name of '%s' holds no time; list the times "
			       "in a table",
			       x.image);
	if (whole && !(fps > 0))
		return mm_fail(err, MM_ERR_FORMAT,
			       "the name of '%s' holds a number, not seconds; "
			       "--fps tells the frames of a second",
			       x.image);
	x.start = x.end = whole ? (value - first) / fps : value;
	return mm_moments_add(m, &x, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int mm_moments_folder(struct mm_moments *m, const char *dir, double fps,
		      double first, struct mm_err *err)
{
	struct dirent **list = NULL;
	const int n = scandir(dir, &list, NULL, by_name);
	int rc = MM_OK;

	*m = (struct mm_moments){ 0 };
	if (n < 0)
		return mm_fail_errno(err, "cannot read the folder '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (!rc && is_picture(list[i]->d_name))
			rc = add_file(m, dir, list[i]->d_name, fps, first, err);
		free(list[i]);
	}
	free(list);
	if (!rc && !m->n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' holds no pictures", dir);
	mm_moments_sort(m);
	return rc;
}
