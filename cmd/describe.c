/*
 * describe.c - the option tables as text: --help, the OPTIONS part of the man
 * pages, bash completion.
 */
#include <string.h>

#include "base/buf.h"
#include "cmd.h"
#include "model/model.h"

enum { WIDTH = 79, INDENT = 28 };

const char *const mm_cmd_groups[] = { "Prepare", "Learn", "Measure", "Ship",
				      NULL };

/* Words of `text` at column `at` (the caret is at column `col` now). */
static void wrap(struct mm_buf *out, size_t col, size_t at, const char *text)
{
	bool first = true;

	while (*(text += strspn(text, " "))) {
		const size_t n = strcspn(text, " ");

		if (!first && col + 1 + n > WIDTH) {
			mm_buf_addc(out, '\n');
			mm_buf_printf(out, "%*s", (int)at, "");
			col = at;
		} else if (!first) {
			mm_buf_addc(out, ' ');
			col++;
		}
		mm_buf_add(out, text, n);
		col += n;
		text += n;
		first = false;
	}
	mm_buf_addc(out, '\n');
}

static void add_words(struct mm_buf *out, const struct mm_opt *o)
{
	for (int i = 0; o->choices[i]; i++)
		mm_buf_printf(out, "%s%s", i ? "|" : "", o->choices[i]);
}

/*
 * What follows the option's name: "FILE", "a|b", "auto|SECONDS"; "NAME" where
 * the words are too many and told by the help.
 */
static void add_arg(struct mm_buf *out, const struct mm_opt *o)
{
	const bool words = o->choices && !(o->kind == MM_OPT_ENUM && o->arg);

	if (words)
		add_words(out, o);
	if (words && o->arg)
		mm_buf_addc(out, '|');
	if (o->arg)
		mm_buf_adds(out, o->arg);
}

static void add_nums(struct mm_buf *out, const struct mm_nums *v)
{
	for (size_t i = 0; i < v->n; i++)
		mm_buf_printf(out, "%s%.10g", i ? "," : "", v->at[i]);
}

static void add_bytes(struct mm_buf *out, int64_t v)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	int u = 0;

	while (u < 4 && v && v % 1024 == 0) {
		v /= 1024;
		u++;
	}
	mm_buf_printf(out, "%lld%s", (long long)v, units[u]);
}

static void add_word(struct mm_buf *out, const struct mm_opt *o,
		     const struct mm_word *w)
{
	if (w->word >= 0)
		mm_buf_adds(out, o->choices[w->word]);
	else if (w->word == MM_WORD_NUMBER)
		mm_buf_printf(out, "%.10g", w->value);
}

static void add_extent(struct mm_buf *out, const struct mm_extent *e)
{
	if (e->width)
		mm_buf_printf(out, "%lld", (long long)e->width);
	if (e->height)
		mm_buf_printf(out, "x%lld", (long long)e->height);
}

/* The default as the user would type it; nothing where there is none. */
static void add_default(struct mm_buf *out, const struct mm_cmd *cmd,
			const struct mm_opt *o)
{
	const void *p = (const char *)cmd->defaults + o->offset;
	int64_t whole = 0;
	double real = 0;

	switch (o->kind) {
	case MM_OPT_INT:
	case MM_OPT_BYTES:
		memcpy(&whole, p, sizeof(whole));
		if (whole != MM_UNSET && o->kind == MM_OPT_INT)
			mm_buf_printf(out, "%lld", (long long)whole);
		else if (whole != MM_UNSET)
			add_bytes(out, whole);
		break;
	case MM_OPT_AMOUNT: /* its first member is the value */
	case MM_OPT_REAL:
		memcpy(&real, p, sizeof(real));
		if (!isnan(real))
			mm_buf_printf(out, "%.10g", real);
		break;
	case MM_OPT_STR:
	case MM_OPT_PATH:
	case MM_OPT_DIR:
		if (*(const char *const *)p)
			mm_buf_adds(out, *(const char *const *)p);
		break;
	case MM_OPT_ENUM:
		if (*(const int *)p >= 0)
			mm_buf_adds(out, o->choices[*(const int *)p]);
		break;
	case MM_OPT_NUMS:
	case MM_OPT_INTS: add_nums(out, p); break;
	case MM_OPT_WORD: add_word(out, o, p); break;
	case MM_OPT_EXTENT: add_extent(out, p); break;
	default: break;
	}
}

/* A flag that is on by default is shown the way one would type it. */
static bool shown_negated(const struct mm_cmd *cmd, const struct mm_opt *o)
{
	const void *p = (const char *)cmd->defaults + o->offset;

	return o->kind == MM_OPT_FLAG && *(const bool *)p;
}

static void add_option(struct mm_buf *out, const struct mm_cmd *cmd,
		       const struct mm_opt *o)
{
	struct mm_buf left = { 0 }, text = { 0 };
	struct mm_buf preset = { 0 };

	if (o->letter)
		mm_buf_printf(&left, "  -%c, ", o->letter);
	else
		mm_buf_adds(&left, "      ");
	mm_buf_printf(&left, "--%s%s", shown_negated(cmd, o) ? "[no-]" : "",
		      o->name);
	if (o->arg || o->choices) {
		mm_buf_addc(&left, ' ');
		add_arg(&left, o);
	}
	mm_buf_adds(&text, o->help);
	if (!o->no_default)
		add_default(&preset, cmd, o);
	if (preset.len)
		mm_buf_printf(&text, " [%s]", preset.data);
	else if (shown_negated(cmd, o))
		mm_buf_adds(&text, " [yes]");
	mm_buf_adds(out, mm_buf_str(&left));
	if (left.len + 2 > INDENT)
		mm_buf_printf(out, "\n%*s", INDENT, "");
	else
		mm_buf_printf(out, "%*s", INDENT - (int)left.len, "");
	wrap(out, INDENT, INDENT, mm_buf_str(&text));
	mm_buf_release(&left);
	mm_buf_release(&text);
	mm_buf_release(&preset);
}

/* Rows of the modes (family given) or commands of a group, aligned. */
static void add_row(struct mm_buf *out, const char *name, const char *summary)
{
	const size_t n = strlen(name);

	mm_buf_printf(out, "  %s%*s", name, n < 12 ? 12 - (int)n : 1, "");
	wrap(out, 14, 14, summary);
}

static void family_help(struct mm_buf *out, const struct mm_cmd *cmd)
{
	mm_buf_printf(out, "usage: mmtool %s MODE [OPTION]... [ARG]...\n\n",
		      cmd->name);
	wrap(out, 0, 0, cmd->summary);
	mm_buf_adds(out, "\nModes\n");
	for (int i = 0; mm_cmds[i]; i++)
		if (mm_cmds[i]->mode && !strcmp(mm_cmds[i]->name, cmd->name))
			add_row(out, mm_cmds[i]->mode, mm_cmds[i]->summary);
	mm_buf_printf(out,
		      "\n'mmtool %s MODE --help' tells the options of "
		      "one, 'man mmtool-%s' all.\n",
		      cmd->name, cmd->name);
}

void mm_describe_help(struct mm_buf *out, const struct mm_cmd *cmd)
{
	struct mm_buf usage = { 0 };

	if (cmd->family) {
		family_help(out, cmd);
		return;
	}
	mm_buf_printf(&usage, "usage: mmtool %s%s%s %s", cmd->name,
		      cmd->mode ? " " : "", cmd->mode ? cmd->mode : "",
		      cmd->synopsis);
	wrap(out, 0, 8, mm_buf_str(&usage));
	mm_buf_release(&usage);
	mm_buf_addc(out, '\n');
	wrap(out, 0, 0, cmd->summary);
	if (cmd->details) {
		mm_buf_addc(out, '\n');
		wrap(out, 0, 0, cmd->details);
	}
	if (cmd->opts->kind != MM_OPT_GROUP)
		mm_buf_adds(out, "\nOptions\n");
	for (const struct mm_opt *o = cmd->opts; o->kind; o++) {
		if (o->kind == MM_OPT_GROUP)
			mm_buf_printf(out, "\n%s\n", o->help);
		else
			add_option(out, cmd, o);
	}
}

void mm_describe_commands(struct mm_buf *out)
{
	mm_buf_adds(out, "usage: mmtool COMMAND [MODE] [OPTION]... [ARG]...\n"
			 "       mmtool --help | --version | help COMMAND\n"
			 "\nimage-text machine learning in plain files and "
			 "pipes\n");
	for (int g = 0; mm_cmd_groups[g]; g++) {
		bool any = false;

		for (int i = 0; mm_cmds[i]; i++) {
			if ((int)mm_cmds[i]->group != g || mm_cmds[i]->mode)
				continue;
			if (!any)
				mm_buf_printf(out, "\n%s\n", mm_cmd_groups[g]);
			any = true;
			add_row(out, mm_cmds[i]->name, mm_cmds[i]->summary);
		}
	}
}

void mm_describe_archs(struct mm_buf *out)
{
	for (int i = 0; mm_archs[i]; i++) {
		mm_buf_adds(out, mm_archs[i]->model_type);
		for (int k = 0; mm_archs[i]->presets[k]; k++)
			mm_buf_printf(out, " %s", mm_archs[i]->presets[k]);
		mm_buf_addc(out, '\n');
	}
}

/* ---- roff ---- */

static void roff(struct mm_buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		mm_buf_adds(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			mm_buf_adds(out, "\\e");
		else if (*text == '-')
			mm_buf_adds(out, "\\-");
		else
			mm_buf_addc(out, *text);
	}
}

static void roff_option(struct mm_buf *out, const struct mm_cmd *cmd,
			const struct mm_opt *o)
{
	struct mm_buf arg = { 0 }, preset = { 0 };

	add_arg(&arg, o);
	if (!o->no_default)
		add_default(&preset, cmd, o);
	mm_buf_adds(out, ".TP\n");
	if (o->letter)
		mm_buf_printf(out, "\\fB\\-%c\\fR, ", o->letter);
	mm_buf_adds(out, "\\fB\\-\\-");
	if (o->kind == MM_OPT_FLAG)
		mm_buf_adds(out, shown_negated(cmd, o) ? "no\\-" : "");
	roff(out, o->name);
	mm_buf_adds(out, "\\fR");
	if (arg.len) {
		mm_buf_adds(out, " \\fI");
		roff(out, arg.data);
		mm_buf_adds(out, "\\fR");
	}
	mm_buf_addc(out, '\n');
	if (shown_negated(cmd, o))
		mm_buf_adds(out, "do not ");
	roff(out, o->help);
	if (preset.len) {
		mm_buf_adds(out, " [");
		roff(out, preset.data);
		mm_buf_addc(out, ']');
	}
	mm_buf_addc(out, '\n');
	mm_buf_release(&arg);
	mm_buf_release(&preset);
}

static void roff_row(struct mm_buf *out, const struct mm_cmd *cmd)
{
	if (cmd->mode) {
		mm_buf_adds(out, ".SS mmtool ");
		roff(out, cmd->name);
		mm_buf_addc(out, ' ');
		roff(out, cmd->mode);
		mm_buf_addc(out, ' ');
		roff(out, cmd->synopsis);
		mm_buf_addc(out, '\n');
		roff(out, cmd->summary);
		mm_buf_adds(out, ".\n");
	}
	if (cmd->details && cmd->mode) {
		mm_buf_adds(out, ".PP\n");
		roff(out, cmd->details);
		mm_buf_addc(out, '\n');
	}
	for (const struct mm_opt *o = cmd->opts; o->kind; o++) {
		if (o->kind == MM_OPT_GROUP)
			mm_buf_printf(out, ".PP\n\\fI%s\\fR\n", o->help);
		else
			roff_option(out, cmd, o);
	}
}

static void roff_commands(struct mm_buf *out)
{
	for (int g = 0; mm_cmd_groups[g]; g++) {
		bool any = false;

		for (int i = 0; mm_cmds[i]; i++) {
			if ((int)mm_cmds[i]->group != g || mm_cmds[i]->mode)
				continue;
			if (!any)
				mm_buf_printf(out, ".SS %s\n",
					      mm_cmd_groups[g]);
			any = true;
			mm_buf_printf(out, ".TP\n.BR mmtool\\-%s (1)\n",
				      mm_cmds[i]->name);
			roff(out, mm_cmds[i]->summary);
			mm_buf_addc(out, '\n');
		}
	}
}

void mm_describe_man(struct mm_buf *out, const struct mm_cmd *cmd)
{
	if (!cmd) {
		mm_buf_adds(out, ".SH COMMANDS\n");
		roff_commands(out);
		return;
	}
	mm_buf_adds(out, ".SH OPTIONS\n");
	if (!cmd->family) {
		roff_row(out, cmd);
		return;
	}
	for (int i = 0; mm_cmds[i]; i++)
		if (mm_cmds[i]->mode && !strcmp(mm_cmds[i]->name, cmd->name))
			roff_row(out, mm_cmds[i]);
}

/* ---- bash ---- */

static void bash_case(struct mm_buf *out, const struct mm_cmd *cmd)
{
	mm_buf_printf(out, "\t'%s%s%s') opts='", cmd->name,
		      cmd->mode ? " " : "", cmd->mode ? cmd->mode : "");
	if (cmd->family) {
		for (int i = 0; mm_cmds[i]; i++)
			if (mm_cmds[i]->mode &&
			    !strcmp(mm_cmds[i]->name, cmd->name))
				mm_buf_printf(out, "%s ", mm_cmds[i]->mode);
		mm_buf_adds(out, "--help'\n\t\tmodes=1 ;;\n");
		return;
	}
	for (const struct mm_opt *o = cmd->opts; o->kind; o++)
		if (o->name)
			mm_buf_printf(out, "--%s%s ",
				      shown_negated(cmd, o) ? "no-" : "",
				      o->name);
	mm_buf_adds(out, "'\n\t\tcase $prev in\n");
	for (const struct mm_opt *o = cmd->opts; o->kind; o++) {
		if (!o->name || o->kind == MM_OPT_FLAG ||
		    o->kind == MM_OPT_HELP)
			continue;
		mm_buf_printf(out, "\t\t--%s", o->name);
		if (o->letter)
			mm_buf_printf(out, "|-%c", o->letter);
		mm_buf_adds(out, ") words='");
		for (int i = 0; o->choices && o->choices[i]; i++)
			mm_buf_printf(out, "%s ", o->choices[i]);
		mm_buf_printf(out, "' take=%s ;;\n",
			      o->kind == MM_OPT_PATH  ? "file"
			      : o->kind == MM_OPT_DIR ? "folder"
						      : "word");
	}
	mm_buf_adds(out, "\t\tesac ;;\n");
}

void mm_describe_completion(struct mm_buf *out)
{
	mm_buf_adds(out, "# bash completion for mmtool; made from its option "
			 "tables\n"
			 "_mmtool()\n{\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
			 "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]}\n"
			 "\tlocal opts words='' take='' modes='' "
			 "cmd=${COMP_WORDS[1]}\n"
			 "\tlocal all='");
	for (int i = 0; mm_cmds[i]; i++)
		if (!mm_cmds[i]->mode)
			mm_buf_printf(out, "%s ", mm_cmds[i]->name);
	mm_buf_adds(out, "help --help --version'\n"
			 "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
			 "\t\tCOMPREPLY=($(compgen -W \"$all\" -- \"$cur\"))\n"
			 "\t\treturn\n\tfi\n"
			 "\tcase $cmd in\n\t'-'|");
	for (int i = 0; mm_cmds[i]; i++)
		if (mm_cmds[i]->family)
			mm_buf_printf(out, "%s|", mm_cmds[i]->name);
	mm_buf_adds(out, "'--') [ \"$COMP_CWORD\" -gt 2 ] && "
			 "cmd=\"$cmd ${COMP_WORDS[2]}\" ;;\n"
			 "\tesac\n\tcase $cmd in\n");
	for (int i = 0; mm_cmds[i]; i++)
		bash_case(out, mm_cmds[i]);
	mm_buf_adds(out, "\t*) return ;;\n\tesac\n"
			 "\tcase $take in\n"
			 "\tfile) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
			 "\tfolder) COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
			 "\tword) COMPREPLY=($(compgen -W \"$words\" -- "
			 "\"$cur\")) ;;\n"
			 "\t*) case $modes$cur in\n"
			 "\t   1*|-*) COMPREPLY=($(compgen -W \"$opts\" -- "
			 "\"$cur\")) ;;\n"
			 "\t   *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
			 "\t   esac ;;\n"
			 "\tesac\n}\n"
			 "complete -o filenames -F _mmtool mmtool\n");
}
