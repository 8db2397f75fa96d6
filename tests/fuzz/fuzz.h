/*
 * fuzz.h - for the harnesses: an input as a file or a pipe, and checks.
 *
 * A harness is tests/fuzz/fuzz_PARSER.c with LLVMFuzzerTestOneInput; its seeds
 * are the files in tests/fuzz/corpus/PARSER/.  `make check` replays them,
 * `make fuzz` builds build/fuzz/tests/fuzz/fuzz_PARSER with libFuzzer:
 *
 *	build/fuzz/tests/fuzz/fuzz_json /tmp/new tests/fuzz/corpus/json
 */
#ifndef MM_TESTS_FUZZ_H
#define MM_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a regular file, by a path that opens it; as a pipe on standard
 * input (size <= FUZZ_PIPE_MAX).  Either is gone at the next call. */
enum { FUZZ_PIPE_MAX = 60000 };
const char *fuzz_file(const uint8_t *data, size_t size);
void fuzz_stdin(const uint8_t *data, size_t size);

/*
 * The input as files of a folder: a line "== NAME", NAME one of `names` (up to
 * a NULL), begins each.  The path of the first, NULL where there is none; all
 * are gone at the next call.
 */
const char *fuzz_folder(const uint8_t *data, size_t size,
			const char *const *names);

/* Read every byte, so that a sanitizer sees where they lie. */
void fuzz_touch(const void *bytes, size_t n);
extern volatile unsigned char fuzz_sink; /* what they add up to */

/* rc is MM_OK, or a failure with a message of one line; else abort. */
void fuzz_status(int rc, const struct mm_err *err);

/* Abort, saying where, unless `ok`. */
#define FUZZ_ASSERT(ok) ((ok) ? (void)0 : fuzz_die(__FILE__, __LINE__, #ok))
_Noreturn void fuzz_die(const char *file, int line, const char *what);

#endif
