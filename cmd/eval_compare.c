/* eval_compare.c - mmtool eval compare: two results side by side. */
#include "cmd.h"
#include "compare.h"

struct compare_command {
	struct mm_common common;
	struct compare_args how;
};

static const struct compare_command defaults = {
	.how = { .resamples = 10000, .level = 0.95 },
};

#define T struct compare_command
static const struct mm_opt opts[] = {
	MM_OPTS_COMPARE(T, how), MM_OPT_SEED(T),    MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),		 MM_OPT_GENERAL(T), MM_OPTS_END,
};
#undef T

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct compare_command *a = args;

	(void)argc;
	return compare_run(&a->common, &a->how, argv[0], argv[1], err);
}

const struct mm_cmd mm_cmd_eval_compare = {
	.name = "eval",
	.mode = "compare",
	.group = MM_MEASURE,
	.summary = "differences of two results, with p where samples were kept",
	.synopsis = "[OPTION]... A B",
	.details = "A and B are objects that the other modes print with --json "
		   "(and --samples), or tables of --per-sample.",
	.min_operands = 2,
	.max_operands = 2,
	.opts = opts,
	MM_ARGS(struct compare_command, defaults),
	.run = run,
};
