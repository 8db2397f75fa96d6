/* Bytes as a tensor stream, from a file and from a pipe, to the same end. */
#include "fuzz.h"

#include <string.h>

#include "base/map.h"
#include "tensor/stream.h"

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	return h * 31 + mm_hash64(bytes, n);
}

static uint64_t rows(const struct mm_segment *g, uint64_t h)
{
	for (size_t k = 0; k < g->n_columns; k++) {
		const struct mm_column *c = &g->column[k];

		h = mix(h, c->name, strlen(c->name));
		for (size_t i = 0; i < g->n; i++) {
			size_t n;
			const void *p = mm_column_row(c, i, &n);

			h = mix(h, p, n * c->row_bytes);
		}
	}
	for (size_t i = 0; i < g->n_meta; i++)
		h = mix(h, g->meta[i].value, strlen(g->meta[i].value));
	return h;
}

/* The status; *hash of everything read before it. */
static int read_all(const char *path, uint64_t *hash)
{
	const struct mm_segment *g;
	struct mm_err err = { 0 };
	struct mm_stream s;
	int rc = mm_stream_open(&s, path, &err);

	*hash = 0;
	while (!rc && !(rc = mm_stream_next(&s, &g, &err)) && g)
		*hash = rows(g, *hash);
	fuzz_status(rc, &err);
	mm_stream_release(&s);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t a, b;
	const int rc = read_all(fuzz_file(data, size), &a);

	if (size > FUZZ_PIPE_MAX)
		return 0;
	fuzz_stdin(data, size);
	FUZZ_ASSERT(read_all("-", &b) == rc);
	FUZZ_ASSERT(a == b);
	return 0;
}
