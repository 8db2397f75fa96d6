/*
 * opt.c - walk argv and config files by an option table; see opt.h.
 *
 * getopt_long is not used because it takes any abbreviation of a long name and
 * cannot be told not to.
 */
#include "opt.h"

#include <ctype.h>
#include <string.h>

#include "base/io.h"
#include "cmd.h"

enum { MAX_OPTS = 128, MAX_CONFIG = 1 << 20 };

enum pass {
	FIND_CONFIG, /* check names only; take --config */
	CONFIG_FILE,
	COMMAND_LINE,
};

struct parser {
	const struct mm_cmd *cmd;
	struct mm_parsed *out;
	enum pass pass;
	enum pass taken[MAX_OPTS]; /* the pass that last set each option */
};

const struct mm_opt *mm_opt_find(const struct mm_cmd *cmd, const char *name,
				 size_t n)
{
	for (const struct mm_opt *o = cmd->opts; o->kind; o++)
		if (o->name && strlen(o->name) == n &&
		    !memcmp(o->name, name, n))
			return o;
	return NULL;
}

static const struct mm_opt *find_letter(const struct mm_cmd *cmd, char c)
{
	for (const struct mm_opt *o = cmd->opts; o->kind; o++)
		if (o->letter == c)
			return o;
	return NULL;
}

/* The option that `name` (n bytes) means; *off where it is a flag's --no-x. */
static const struct mm_opt *find(const struct mm_cmd *cmd, const char *name,
				 size_t n, bool *off)
{
	const struct mm_opt *o = mm_opt_find(cmd, name, n);

	*off = false;
	if (o || n < 4 || memcmp(name, "no-", 3))
		return o;
	o = mm_opt_find(cmd, name + 3, n - 3);
	*off = o && o->kind == MM_OPT_FLAG;
	return *off ? o : NULL;
}

size_t mm_edit_distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	size_t d[MAX + 1][MAX + 1], n = strlen(a), m = strlen(b), best;

	if (n > MAX || m > MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

void mm_suggest(const char **best, const char *typed, const char *name)
{
	const size_t far = 1 + strlen(typed) / 3;
	const size_t d = mm_edit_distance(typed, name);

	if (d <= far && (!*best || d < mm_edit_distance(typed, *best)))
		*best = name;
}

static int unknown(const struct mm_cmd *cmd, const char *typed,
		   struct mm_err *err)
{
	const char *best = NULL;

	for (const struct mm_opt *o = cmd->opts; o->kind; o++)
		if (o->name)
			mm_suggest(&best, typed, o->name);
	if (best)
		return mm_fail(err, MM_ERR_USAGE,
			       "unknown option '--%s'; did you mean '--%s'?",
			       typed, best);
	return mm_fail(err, MM_ERR_USAGE, "unknown option '--%s'", typed);
}

/*
 * One option with its value (NULL: a flag).  A list on the command line
 * replaces one from the config file, which replaces the default.
 */
static int take(struct parser *p, const struct mm_opt *o, bool off,
		const char *value, struct mm_err *err)
{
	const ptrdiff_t i = o - p->cmd->opts;
	char *field = (char *)p->out->args + o->offset;

	if (o->kind == MM_OPT_HELP) {
		p->out->help = true;
		return MM_OK;
	}
	if ((p->pass == FIND_CONFIG) != !strcmp(o->name, "config"))
		return MM_OK;
	if (o->kind == MM_OPT_FLAG) {
		*(bool *)(void *)field = !off;
		return MM_OK;
	}
	if (o->kind == MM_OPT_LIST && p->taken[i] != p->pass)
		((struct mm_list *)(void *)field)->n = 0;
	p->taken[i] = p->pass;
	return mm_opt_store(o, p->out->args, value, &p->out->arena, err);
}

static bool wants_value(const struct mm_opt *o)
{
	return o->kind != MM_OPT_FLAG && o->kind != MM_OPT_HELP;
}

/* argv[*i] is --name or --name=value; may take argv[*i + 1] too. */
static int take_long(struct parser *p, int *i, int argc, char **argv,
		     struct mm_err *err)
{
	char *name = argv[*i] + 2, *eq = strchr(name, '=');
	const size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const char *value = eq ? eq + 1 : NULL;
	const struct mm_opt *o;
	bool off;

	if (!(o = find(p->cmd, name, n, &off))) {
		name = mm_arena_strndup(&p->out->arena, name, n);
		return name ? unknown(p->cmd, name, err)
			    : mm_fail_nomem(err, "options");
	}
	if (!wants_value(o) && value)
		return mm_fail(err, MM_ERR_USAGE, "'--%.*s' takes no value",
			       (int)n, name);
	if (wants_value(o) && !value && *i + 1 == argc)
		return mm_fail(err, MM_ERR_USAGE, "no value given for '--%s'",
			       name);
	if (wants_value(o) && !value)
		value = argv[++*i];
	return take(p, o, off, value, err);
}

/* argv[*i] is -abc, -o3 or -o; may take argv[*i + 1] too. */
static int take_short(struct parser *p, int *i, int argc, char **argv,
		      struct mm_err *err)
{
	const struct mm_opt *o;
	int rc;

	for (const char *s = argv[*i] + 1; *s; s++) {
		if (!(o = find_letter(p->cmd, *s)))
			return mm_fail(err, MM_ERR_USAGE,
				       "unknown option '-%c'", *s);
		if (!wants_value(o)) {
			if ((rc = take(p, o, false, NULL, err)))
				return rc;
			continue;
		}
		if (s[1])
			return take(p, o, false, s + 1, err);
		if (*i + 1 == argc)
			return mm_fail(err, MM_ERR_USAGE,
				       "no value given for '-%c'", *s);
		return take(p, o, false, argv[++*i], err);
	}
	return MM_OK;
}

static int walk_argv(struct parser *p, int argc, char **argv,
		     struct mm_err *err)
{
	bool options = true;
	int rc = MM_OK;

	p->out->argc = 0;
	for (int i = 1; i < argc && !rc && !p->out->help; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && !strncmp(argv[i], "--", 2))
			rc = take_long(p, &i, argc, argv, err);
		else if (options && argv[i][0] == '-' && argv[i][1])
			rc = take_short(p, &i, argc, argv, err);
		else
			p->out->argv[p->out->argc++] = argv[i];
	}
	p->out->argv[p->out->argc] = NULL;
	return rc;
}

/* ---- config files ---- */

static bool truth(const char *value, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL };
	static const char *const no[] = { "no", "false", "off", "0", NULL };

	for (int i = 0; yes[i]; i++) {
		if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
			*out = !strcmp(value, yes[i]);
			return true;
		}
	}
	return false;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

int mm_opt_set(const struct mm_cmd *cmd, void *args, const char *name,
	       const char *value, bool fresh, struct mm_arena *arena,
	       struct mm_err *err)
{
	bool off, on = true;
	const struct mm_opt *o = find(cmd, name, strlen(name), &off);
	char *field;

	if (!o || o->kind == MM_OPT_HELP || !strcmp(o->name, "config"))
		return unknown(cmd, name, err);
	field = (char *)args + o->offset;
	if (o->kind == MM_OPT_FLAG && !truth(value, &on))
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' wants yes or no, not '%s'", name, value);
	if (o->kind == MM_OPT_FLAG) {
		*(bool *)(void *)field = on != off;
		return MM_OK;
	}
	if (o->kind == MM_OPT_LIST && fresh)
		((struct mm_list *)(void *)field)->n = 0;
	return mm_opt_store(o, args, value, arena, err);
}

static int config_line(struct parser *p, char *line, struct mm_err *err)
{
	const struct mm_opt *o;
	char *name, *value, *eq;
	bool off, on = true;

	line = trim(line);
	if (!*line || *line == '#')
		return MM_OK;
	if (!(eq = strchr(line, '=')))
		return mm_fail(err, MM_ERR_USAGE,
			       "no '=' in '%.60s'; write name = value", line);
	*eq = '\0';
	name = trim(line);
	value = trim(eq + 1);
	o = find(p->cmd, name, strlen(name), &off);
	if (!o || o->kind == MM_OPT_HELP || !strcmp(o->name, "config"))
		return unknown(p->cmd, name, err);
	if (o->kind == MM_OPT_FLAG && !truth(value, &on))
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' wants yes or no, not '%s'", name, value);
	return take(p, o, on == off, value, err);
}

static int config_file(struct parser *p, const char *path, struct mm_err *err)
{
	struct mm_reader r;
	size_t len, number = 0;
	char *line, *copy;
	int rc = mm_reader_open(&r, path, err);

	if (rc)
		return rc;
	while (!(rc = mm_reader_line(&r, &line, &len, MAX_CONFIG, err)) &&
	       line) {
		number++;
		if (!(copy = mm_arena_strndup(&p->out->arena, line, len)))
			rc = mm_fail_nomem(err, "a config file");
		else if (memchr(line, 0, len))
			rc = mm_fail(err, MM_ERR_USAGE, "a NUL byte");
		else
			rc = config_line(p, copy, err);
		if (rc) {
			mm_fail_ctx(err, "'%s', line %zu", path, number);
			break;
		}
	}
	mm_reader_release(&r);
	return rc;
}

int mm_opt_parse(const struct mm_cmd *cmd, struct mm_parsed *out, int argc,
		 char **argv, struct mm_err *err)
{
	struct parser p = { .cmd = cmd, .out = out };
	const struct mm_common *common;
	int rc;

	memset(out, 0, sizeof(*out));
	out->args = mm_arena_alloc(&out->arena, 1, cmd->args_size);
	out->argv = mm_arena_alloc(&out->arena, (size_t)argc + 1,
				   sizeof(*out->argv));
	if (!out->args || !out->argv)
		return mm_fail_nomem(err, "options");
	memcpy(out->args, cmd->defaults, cmd->args_size);
	common = out->args;
	p.pass = FIND_CONFIG;
	if ((rc = walk_argv(&p, argc, argv, err)) || out->help)
		return rc;
	p.pass = CONFIG_FILE;
	if (common->config && (rc = config_file(&p, common->config, err)))
		return rc;
	p.pass = COMMAND_LINE;
	return walk_argv(&p, argc, argv, err);
}

void mm_parsed_release(struct mm_parsed *p)
{
	mm_arena_release(&p->arena);
	memset(p, 0, sizeof(*p));
}
