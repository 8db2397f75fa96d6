/*
 * Bytes as a folder of kind voc with one picture: up to the first NUL its
 * sentences, behind it the XML.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tmp.h"
#include "fuzz_source.h"

static char root[128];
static const char *const folders[] = { "Sentences", "Annotations", "images" };
static const char *const files[] = { "Sentences/1.txt", "Annotations/1.xml",
				     "images/1.jpg" };

static const char *in_root(const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void clean_up(void)
{
	for (int i = 0; i < 3; i++)
		unlink(in_root(files[i]));
	for (int i = 0; i < 3; i++)
		rmdir(in_root(folders[i]));
	rmdir(root);
}

static void put(const char *name, const uint8_t *data, size_t n)
{
	FILE *f = fopen(in_root(name), "wb");

	FUZZ_ASSERT(f && fwrite(data, 1, n, f) == n && !fclose(f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	const size_t n = nul ? (size_t)(nul - data) : size;
	static bool made;

	if (!made) {
		FUZZ_ASSERT(tmp_template(root, sizeof(root), "fuzz") &&
			    mkdtemp(root));
		for (int i = 0; i < 3; i++)
			FUZZ_ASSERT(!mkdir(in_root(folders[i]), 0700));
		atexit(clean_up);
		put(files[2], data, 0);
		made = true;
	}
	put(files[0], data, n);
	put(files[1], nul ? nul + 1 : data, nul ? size - n - 1 : 0);
	fuzz_source_path("voc", root);
	return 0;
}
