/* unit.h - what every check_*.c needs: a runner, a scratch folder, errors. */
#ifndef MM_TESTS_UNIT_H
#define MM_TESTS_UNIT_H

#include <check.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tmp.h"
#include "base/err.h"

/* Run one test case as a suite; what main returns. */
static inline int unit_run(const char *name, TCase *tc)
{
	Suite *s = suite_create(name);
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}

/* A call that must work, and one that must fail and say `text`. */
#define ck_ok(CALL)                                                   \
	do {                                                          \
		struct mm_err ck_err_ = { 0 }, *err = &ck_err_;       \
		const int ck_rc_ = (CALL);                            \
		ck_assert_msg(!ck_rc_, "%s: %s", #CALL, ck_err_.msg); \
		(void)err;                                            \
	} while (0)
#define ck_fails(CALL, CODE, TEXT)                                          \
	do {                                                                \
		struct mm_err ck_err_ = { 0 }, *err = &ck_err_;             \
		const int ck_rc_ = (CALL);                                  \
		ck_assert_msg(ck_rc_ == (CODE), "%s: %d %s", #CALL, ck_rc_, \
			      ck_err_.msg);                                 \
		ck_assert_int_eq(ck_err_.code, ck_rc_);                     \
		ck_assert_msg(strstr(ck_err_.msg, TEXT) != NULL,            \
			      "'%s' does not say '%s'", ck_err_.msg, TEXT); \
		(void)err;                                                  \
	} while (0)

/* An empty folder of the test's own, removed with its files by scratch_end. */
static char scratch_dir[128];

static inline void scratch_begin(void)
{
	ck_assert(tmp_template(scratch_dir, sizeof(scratch_dir), "unit"));
	ck_assert_ptr_nonnull(mkdtemp(scratch_dir));
}

/* A path in the scratch folder; good for the next seven calls. */
static inline const char *scratch(const char *name)
{
	static char path[8][256];
	static int turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", scratch_dir, name);
	return p;
}

/* How many files lie in the scratch folder. */
static inline int scratch_count(void)
{
	DIR *d = opendir(scratch_dir);
	int n = -2; /* . and .. */

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static inline void scratch_end(void)
{
	ck_assert(tmp_remove(scratch_dir));
}

/* The file's bytes, to be freed; n may be NULL. */
static inline char *file_bytes(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long size;

	ck_assert_msg(f != NULL, "cannot open %s", path);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	p = malloc((size_t)size + 1);
	ck_assert_uint_eq(fread(p, 1, (size_t)size, f), (size_t)size);
	p[size] = '\0';
	fclose(f);
	if (n)
		*n = (size_t)size;
	return p;
}

static inline void file_put(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_msg(f != NULL, "cannot create %s", path);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

#endif
