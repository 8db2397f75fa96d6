/*
 * cmd.h - the command table.
 *
 * A command is one file cmd/NAME.c (or cmd/NAME_MODE.c) that defines
 * `const struct mm_cmd mm_cmd_NAME`, and one row in commands.def.
 */
#ifndef MM_CMD_H
#define MM_CMD_H

#include <limits.h>

#include "common.h"
#include "opt.h"

enum mm_cmd_group { MM_PREPARE, MM_LEARN, MM_MEASURE, MM_SHIP };

enum { MM_MANY = INT_MAX };

struct mm_cmd {
	const char *name; /* what the user types: "align" */
	const char *mode; /* and then: "pairs"; NULL where there are none */
	bool family;	  /* only a heading over modes: cannot be run */
	enum mm_cmd_group group;
	const char *summary;  /* one clause, no capital, no full stop */
	const char *synopsis; /* what follows the name in the usage line */
	const char *details;  /* one paragraph for --help, may be NULL */
	int min_operands, max_operands; /* MM_MANY: no limit */
	bool reads_stdin; /* where no operand is given, unless a terminal */
	const struct mm_opt *opts;
	const void *defaults; /* an args struct, copied before parsing */
	size_t args_size;     /* its first member is a struct mm_common */
	/* args: the parsed struct.  Fails with a message; main prints it. */
	int (*run)(const void *args, int argc, char **argv, struct mm_err *err);
};

/* .defaults and .args_size of a row; sees that T begins with `common`. */
#define MM_ARGS(T, d)                        \
	.defaults = 1 ? &(d) : (const T *)0, \
	.args_size = sizeof(T) +             \
		     0 * sizeof(char[offsetof(T, common) == 0 ? 1 : -1])

#define MM_CMD(id)		      extern const struct mm_cmd mm_cmd_##id;
#define MM_MODE(id, mode)	      extern const struct mm_cmd mm_cmd_##id##_##mode;
#define MM_FAMILY(id, group, summary) extern const struct mm_cmd mm_cmd_##id;
#include "commands.def"
#undef MM_CMD
#undef MM_MODE
#undef MM_FAMILY

/* Every row, in the order of commands.def; ends with NULL. */
extern const struct mm_cmd *const mm_cmds[];
extern const char *const mm_cmd_groups[]; /* by enum mm_cmd_group */

/* The row of `name` and, unless NULL, `mode`.  NULL where there is none. */
const struct mm_cmd *mm_cmd_find(const char *name, const char *mode);

/*
 * What the tables say, as text: --help of a command or of a family (its
 * modes), the list of all commands, roff for a man page (OPTIONS of a command;
 * cmd NULL: COMMANDS of mmtool(1)), and the bash completion for everything.
 */
void mm_describe_help(struct mm_buf *out, const struct mm_cmd *cmd);
void mm_describe_commands(struct mm_buf *out);
void mm_describe_man(struct mm_buf *out, const struct mm_cmd *cmd);
void mm_describe_completion(struct mm_buf *out);
void mm_describe_archs(struct mm_buf *out); /* NAME PRESET...; a line each */

#endif
