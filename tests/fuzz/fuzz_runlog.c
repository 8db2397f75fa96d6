/* Logs of training: what is read is drawn, whatever it says. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "fuzz.h"
#include "train/runlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/mmtool-fuzz-XXXXXX";
	struct mm_runlog l = { .name = "a <b>" };
	struct mm_buf out = { 0 };
	struct mm_err err = { 0 };
	const int fd = mkstemp(path);

	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	fuzz_status(mm_runlog_read(&l, path, &err), &err);
	mm_runlog_draw(&out, &l, 1, 1);
	FUZZ_ASSERT(out.len > 0);
	mm_buf_release(&out);
	mm_runlog_release(&l);
	unlink(path);
	return 0;
}
