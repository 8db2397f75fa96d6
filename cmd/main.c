/*
 * main.c - find the command, run it, and see that stdout really got out.
 *
 * `mmtool describe man|completion|commands|architectures` prints what the
 * tables say, for the build and the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"
#include "cmd.h"
#include "kernel/blas.h"
#include "kernel/cpu.h"

#define MM_CMD(id)
#define MM_MODE(id, mode)
#define MM_FAMILY(id, in_group, says)                          \
	const struct mm_cmd mm_cmd_##id = { .name = #id,       \
					    .family = true,    \
					    .group = in_group, \
					    .summary = says };
#include "commands.def"
#undef MM_CMD
#undef MM_MODE
#undef MM_FAMILY

#define MM_CMD(id)		      &mm_cmd_##id,
#define MM_MODE(id, mode)	      &mm_cmd_##id##_##mode,
#define MM_FAMILY(id, group, summary) &mm_cmd_##id,
const struct mm_cmd *const mm_cmds[] = {
#include "commands.def"
	NULL
};

const struct mm_cmd *mm_cmd_find(const char *name, const char *mode)
{
	for (int i = 0; mm_cmds[i]; i++) {
		const struct mm_cmd *c = mm_cmds[i];

		if (!strcmp(c->name, name) && !c->mode == !mode &&
		    (!mode || !strcmp(c->mode, mode)))
			return c;
	}
	return NULL;
}

static int fail_unknown(const char *kind, const char *family, const char *typed,
			struct mm_err *err)
{
	const char *best = NULL;

	if (!family) {
		mm_suggest(&best, typed, "--help");
		mm_suggest(&best, typed, "--version");
		mm_suggest(&best, typed, "help");
	}
	for (int i = 0; mm_cmds[i]; i++) {
		const struct mm_cmd *c = mm_cmds[i];

		if (!family && !c->mode)
			mm_suggest(&best, typed, c->name);
		else if (family && c->mode && !strcmp(c->name, family))
			mm_suggest(&best, typed, c->mode);
	}
	return mm_fail(err, MM_ERR_USAGE, "unknown %s '%s'%s%s%s", kind, typed,
		       best ? "; did you mean '" : "", best ? best : "",
		       best ? "'?" : "");
}

static int print(struct mm_buf *text, struct mm_err *err)
{
	const int rc = mm_buf_check(text, "the text", err);

	if (!rc)
		fwrite(mm_buf_str(text), 1, text->len, stdout);
	mm_buf_release(text);
	return rc;
}

static int print_help(const struct mm_cmd *cmd, struct mm_err *err)
{
	struct mm_buf text = { 0 };

	if (cmd)
		mm_describe_help(&text, cmd);
	else
		mm_describe_commands(&text);
	return print(&text, err);
}

static int check_operands(const struct mm_cmd *cmd, struct mm_parsed *p,
			  struct mm_err *err)
{
	if (!p->argc && cmd->reads_stdin && !isatty(STDIN_FILENO)) {
		p->argv = mm_standard_input;
		p->argc = 1;
	}
	if (p->argc < cmd->min_operands)
		return mm_fail(err, MM_ERR_USAGE,
			       "too few arguments; usage: "
			       "%s %s",
			       mm_program, cmd->synopsis);
	if (p->argc > cmd->max_operands)
		return mm_fail(err, MM_ERR_USAGE, "unexpected argument '%s'",
			       p->argv[cmd->max_operands]);
	return MM_OK;
}

/* The first and the last line of a log: what was run, how it ended. */
static int log_start(int argc, char **argv, struct mm_err *err)
{
	struct mm_json_writer *j = mm_log_begin("start");

	if (j) {
		mm_json_put_str(j, "program", mm_program);
		mm_json_open(j, "args", '[');
		for (int i = 1; i < argc; i++)
			mm_json_put_str(j, NULL, argv[i]);
		mm_json_close(j);
	}
	return mm_log_end(err);
}

static int log_finish(int rc, double start, struct mm_err *err)
{
	struct mm_json_writer *j = mm_log_begin("end");
	struct mm_err second;

	if (j) {
		mm_json_put_int(j, "status", mm_exit_status(rc));
		mm_json_put_num(j, "seconds", mm_now() - start);
		if (rc)
			mm_json_put_str(j, "error", err->msg);
	}
	return mm_log_end(rc ? &second : err) && !rc ? err->code : rc;
}

static int run(const struct mm_cmd *cmd, int argc, char **argv,
	       struct mm_err *err)
{
	const double start = mm_now();
	struct mm_parsed p;
	const struct mm_common *common;
	int rc = mm_opt_parse(cmd, &p, argc, argv, err);

	if (!rc && p.help) {
		rc = print_help(cmd, err);
	} else if (!rc && !(rc = check_operands(cmd, &p, err))) {
		common = p.args;
		mm_threads_set((int)common->threads);
		if (!(rc = mm_log_open(common->log, err))) {
			if (!(rc = log_start(argc, argv, err)))
				rc = cmd->run(p.args, p.argc, p.argv, err);
			rc = log_finish(rc, start, err);
		}
		mm_log_close();
	}
	mm_parsed_release(&p);
	return rc;
}

/* The row that argv[1] and, in a family, argv[2] name; *used of them. */
static int find(int argc, char **argv, const struct mm_cmd **cmd, int *used,
		struct mm_err *err)
{
	if (!(*cmd = mm_cmd_find(argv[1], NULL)))
		return fail_unknown(argv[1][0] == '-' ? "option" : "command",
				    NULL, argv[1], err);
	*used = 1;
	if (!(*cmd)->family || argc < 3 || argv[2][0] == '-')
		return MM_OK;
	if (!(*cmd = mm_cmd_find(argv[1], argv[2])))
		return fail_unknown("mode", argv[1], argv[2], err);
	*used = 2;
	return MM_OK;
}

static int describe(int argc, char **argv, struct mm_err *err)
{
	struct mm_buf text = { 0 };
	const struct mm_cmd *cmd;

	if (argc == 3 && !strcmp(argv[2], "man")) {
		mm_describe_man(&text, NULL);
	} else if (argc == 4 && !strcmp(argv[2], "man") &&
		   (cmd = mm_cmd_find(argv[3], NULL))) {
		mm_describe_man(&text, cmd);
	} else if (argc == 3 && !strcmp(argv[2], "completion")) {
		mm_describe_completion(&text);
	} else if (argc == 3 && !strcmp(argv[2], "commands")) {
		for (int i = 0; mm_cmds[i]; i++)
			mm_buf_printf(&text, "%s%s%s%s\n", mm_cmds[i]->name,
				      mm_cmds[i]->mode ? " " : "",
				      mm_cmds[i]->mode ? mm_cmds[i]->mode : "",
				      mm_cmds[i]->family ? " *" : "");
	} else if (argc == 3 && !strcmp(argv[2], "architectures")) {
		mm_describe_archs(&text);
	} else {
		return mm_fail(err, MM_ERR_USAGE,
			       "usage: mmtool describe "
			       "man [COMMAND] | completion | commands | "
			       "architectures");
	}
	return print(&text, err);
}

static void print_version(void)
{
	const char *core = mm_blas_core();

	printf("mmtool %s\n", mm_version);
	printf("kernels: %s; OpenBLAS: %s\n", mm_isa_names[mm_isa()],
	       core ? core : "not found, own kernels do its work");
}

static int dispatch(int argc, char **argv, struct mm_err *err)
{
	static char program[128];
	const struct mm_cmd *cmd = NULL;
	const bool help = argc > 1 && !strcmp(argv[1], "help");
	int used = 0, rc;

	if (argc < 2)
		return mm_fail(err, MM_ERR_USAGE,
			       "no command; 'mmtool --help' lists them");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (help && argc == 2))
		return print_help(NULL, err);
	if (!strcmp(argv[1], "--version")) {
		print_version();
		return MM_OK;
	}
	if (!strcmp(argv[1], "describe"))
		return describe(argc, argv, err);
	argc -= help;
	argv += help;
	if ((rc = find(argc, argv, &cmd, &used, err)))
		return rc;
	snprintf(program, sizeof(program), "mmtool %s%s%s", cmd->name,
		 cmd->mode ? " " : "", cmd->mode ? cmd->mode : "");
	mm_program = program;
	if (help || (cmd->family && argc > 2 &&
		     (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))))
		return print_help(cmd, err);
	if (cmd->family && argc > 2)
		return mm_fail(err, MM_ERR_USAGE, "unknown option '%s'",
			       argv[2]);
	if (cmd->family)
		return mm_fail(err, MM_ERR_USAGE,
			       "no mode given; '%s --help' lists them",
			       mm_program);
	return run(cmd, argc - used, argv + used, err);
}

/*
 * A file opened where a standard stream was closed would be taken for it.
 * Descriptors opened for reading make later writes fail, as they should.
 */
static void keep_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int main(int argc, char **argv)
{
	struct mm_err err = { 0 };
	int rc;

	keep_standard_streams();
	mm_signals_install();
	rc = dispatch(argc, argv, &err);
	if ((fflush(stdout) || ferror(stdout)) && !rc)
		rc = mm_fail_errno(&err, "cannot write standard output");
	if (rc)
		fprintf(stderr, "%s: %s\n", mm_program, err.msg);
	return mm_exit_status(rc);
}
