/* Logs of training: what is read is drawn, whatever it says. */
#include "base/io.h"
#include "fuzz.h"
#include "train/runlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_runlog l = { .name = "a <b>" };
	struct mm_buf out = { 0 };
	struct mm_err err = { 0 };

	fuzz_status(mm_runlog_read(&l, fuzz_file(data, size), &err), &err);
	mm_runlog_draw(&out, &l, 1, 1);
	FUZZ_ASSERT(out.len > 0);
	mm_buf_release(&out);
	mm_runlog_release(&l);
	return 0;
}
