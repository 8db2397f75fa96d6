/*
 * npy.c - see npy.h.
 *
 *	"\x93NUMPY" 1 0 [len: u16 LE][header text, padded to 64 bytes, '\n']
 */
#include "data/npy.h"

#include <stdio.h>
#include <string.h>

int mm_npy_put(struct mm_writer *w, const float *x, size_t rows, size_t cols,
	       struct mm_err *err)
{
	unsigned char head[128];
	char text[118];
	int rc, n;

	n = snprintf(text, sizeof(text),
		     "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, "
		     "%zu), }",
		     rows, cols);
	memset(head, ' ', sizeof(head));
	memcpy(head, "\x93NUMPY\x01\x00", 8);
	head[8] = sizeof(text);
	head[9] = 0;
	memcpy(head + 10, text, (size_t)n);
	head[127] = '\n';
	if ((rc = mm_writer_write(w, head, sizeof(head), err)))
		return rc;
	return mm_writer_write(w, x, rows * cols * sizeof(*x), err);
}
