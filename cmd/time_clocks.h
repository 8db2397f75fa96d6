/* time_clocks.h - for align time: the clocks of a file's video and sound. */
#ifndef MM_CMD_TIME_CLOCKS_H
#define MM_CMD_TIME_CLOCKS_H

#include "common.h"

/* Print when both start and end, what an edit list moved, and how their
 * clocks run against each other. */
int mm_time_clocks(const struct mm_common *c, const char *path,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
