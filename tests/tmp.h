/* tmp.h - where tests and benches put what they make: $TMPDIR, else /tmp. */
#ifndef MM_TESTS_TMP_H
#define MM_TESTS_TMP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A template for mkdtemp or mkstemp; false where it does not fit. */
static inline bool tmp_template(char *path, size_t n, const char *name)
{
	const char *dir = getenv("TMPDIR");
	const int len = snprintf(path, n, "%s/mmtool-%s-XXXXXX",
				 dir && dir[0] ? dir : "/tmp", name);

	return len > 0 && (size_t)len < n;
}

/* The folder and all in it. */
static inline bool tmp_remove(const char *dir)
{
	char command[512];
	const int len = snprintf(command, sizeof(command), "rm -rf '%s'", dir);

	return len > 0 && (size_t)len < sizeof(command) && !system(command);
}

#endif
