/*
 * replay.c - main of a harness that is not built with libFuzzer: runs each
 * file named, and each file in each folder named, once.
 *
 *	usage: fuzz_PARSER FILE|FOLDER...
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int n_run;

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	size_t n;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0) {
		perror(path);
		return 1;
	}
	rewind(f);
	/* Of the exact size, so that a sanitizer sees a read beyond it. */
	bytes = malloc(size ? (size_t)size : 1);
	n = bytes ? fread(bytes, 1, (size_t)size, f) : 0;
	fclose(f);
	if (!bytes || n != (size_t)size) {
		fprintf(stderr, "%s: cannot read it\n", path);
		free(bytes);
		return 1;
	}
	/* The last line of a crash names its input. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(bytes, n);
	free(bytes);
	n_run++;
	return 0;
}

static int run(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[4096];
	int rc = 0;

	if (!d)
		return run_file(path);
	while (!rc && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		rc = run_file(name);
	}
	closedir(d);
	return rc;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (run(argv[i]))
			return 1;
	if (!n_run) {
		fprintf(stderr, "no input was run\n");
		return 1;
	}
	printf("%d inputs\n", n_run);
	return 0;
}
