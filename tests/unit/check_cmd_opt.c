/* The option parser: every kind of option, where values come from, messages. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../cmd/cmd.h"
#include "../tmp.h"

struct args {
	struct mm_common common;
	int64_t rows, size;
	struct mm_list names;
	struct mm_nums mean, ks;
	struct mm_amount warmup;
	struct mm_word temperature;
	struct mm_extent extent;
	bool shuffle, raw;
	double lr;
	int kind;
	const char *name;
};

static const struct args defaults = {
	.common.batch_size = 32,
	.rows = 10,
	.size = 1 << 20,
	.mean = { 3, { 0.5, 0.25, 1 } },
	.ks = { 1, { 1 } },
	.warmup = { MM_UNSET_REAL, false },
	.temperature = { 0, 0 },
	.shuffle = true,
	.lr = 1e-3,
	.kind = MM_UNSET_ENUM,
};

static const char *const words[] = { "learn", NULL };
static const char *const kinds[] = { "auto", "folder", "tsv", NULL };

static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(struct args),
	MM_OPT_BATCH(struct args),
	MM_OPT_SHARD(struct args),
	MM_OPT_ON_ERROR(struct args),
	MM_GROUP("Kinds"),
	MM_INT('n', "rows", struct args, rows, "N", -5, 1000, "rows"),
	MM_BYTES(0, "size", struct args, size, "BYTES", 1, 0x1p40, "bytes"),
	MM_LIST('l', "name", struct args, names, "X", "names"),
	MM_NUMS(0, "mean", struct args, mean, "A,B,C", 3, 3, 0, 1, "mean"),
	MM_INTS('k', "k", struct args, ks, "K,...", 1, 4, 1, 100, "ranks"),
	MM_AMOUNT(0, "warmup", struct args, warmup, "STEPS|FRACTION", 1e9,
		  "warm-up"),
	MM_WORD(0, "temperature", struct args, temperature, words, "VALUE",
		1e-4, 100, "temperature"),
	MM_EXTENT(0, "extent", struct args, extent, 65536, "size"),
	MM_FLAG(0, "shuffle", struct args, shuffle, "shuffle"),
	MM_FLAG('r', "raw", struct args, raw, "raw"),
	MM_REAL(0, "lr", struct args, lr, "X", 0, 10, "rate"),
	MM_ENUM(0, "kind", struct args, kind, kinds, "kind"),
	MM_STR(0, "text", struct args, name, "TEXT", "text"),
	MM_OPT_GENERAL(struct args),
	MM_OPTS_END,
};

static const struct mm_cmd cmd = {
	.name = "test",
	.summary = "a test",
	.synopsis = "[OPTION]... FILE...",
	.opts = opts,
	MM_ARGS(struct args, defaults),
};

/* What the printers loop over. */
const struct mm_cmd *const mm_cmds[] = { &cmd, NULL };

static struct mm_parsed parsed;
static struct mm_err err;

/* Parse words of `line`; the status. */
static int parse(const char *line)
{
	static char text[1024];
	char *argv[64] = { text };
	int argc = 1;

	snprintf(text, sizeof(text), "test %s", line);
	strtok(text, " ");
	while ((argv[argc] = strtok(NULL, " ")))
		argc++;
	memset(&err, 0, sizeof(err));
	mm_parsed_release(&parsed);
	return mm_opt_parse(&cmd, &parsed, argc, argv, &err);
}

static const struct args *ok(const char *line)
{
	ck_assert_msg(parse(line) == MM_OK, "%s: %s", line, err.msg);
	return parsed.args;
}

static void bad(const char *line, const char *message)
{
	ck_assert_int_eq(parse(line), MM_ERR_USAGE);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(defaults_stand)
{
	const struct args *a = ok("");

	ck_assert_int_eq(parsed.argc, 0);
	ck_assert_int_eq(a->rows, 10);
	ck_assert_int_eq(a->common.batch_size, 32);
	ck_assert(a->shuffle && !a->raw);
	ck_assert(isnan(a->warmup.value));
	ck_assert_int_eq(a->kind, MM_UNSET_ENUM);
	ck_assert_ptr_null(a->common.output);
}
END_TEST

START_TEST(options_and_operands_mix)
{
	const struct args *a = ok("a -rn3 b --rows=4 - --raw -- -x --rows");

	ck_assert_int_eq(a->rows, 4);
	ck_assert(a->raw);
	ck_assert_int_eq(parsed.argc, 5);
	ck_assert_str_eq(parsed.argv[2], "-");
	ck_assert_str_eq(parsed.argv[4], "--rows");
	ck_assert_ptr_null(parsed.argv[5]);
	ck_assert_int_eq(ok("-n -5")->rows, -5);
	ck_assert_int_eq(ok("-n7 -n 8")->rows, 8);
}
END_TEST

START_TEST(every_kind_takes_its_values)
{
	const struct args *a =
		ok("--size 10M --name a -lb --mean 0,1e-1,.5 -k 1,5,10 "
		   "--extent 10x20 --no-shuffle --lr 2.5e-1 --kind tsv "
		   "--text t=u --shard 3/4 --on-error skip -o out");

	ck_assert_int_eq(a->size, 10 << 20);
	ck_assert_uint_eq(a->names.n, 2);
	ck_assert_str_eq(a->names.item[1], "b");
	ck_assert_double_eq(a->mean.at[1], 0.1);
	ck_assert_uint_eq(a->ks.n, 3);
	ck_assert_double_eq(a->ks.at[2], 10);
	ck_assert_int_eq(a->extent.width, 10);
	ck_assert_int_eq(a->extent.height, 20);
	ck_assert(!a->shuffle);
	ck_assert_double_eq(a->lr, 0.25);
	ck_assert_int_eq(a->kind, 2);
	ck_assert_str_eq(a->name, "t=u");
	ck_assert_int_eq(a->common.shard.index, 3);
	ck_assert_int_eq(a->common.on_error, MM_ON_ERROR_SKIP);
	ck_assert_int_eq(ok("--extent 7")->extent.height, 0);
	ck_assert_int_eq(ok("--size 12")->size, 12);
}
END_TEST

START_TEST(amounts_are_counts_or_shares)
{
	static const struct {
		const char *line;
		double value;
		bool fraction;
	} t[] = {
		{ "--warmup 100", 100, false },	 { "--warmup 1", 1, false },
		{ "--warmup 0", 0, false },	 { "--warmup 0.1", 0.1, true },
		{ "--warmup 1.0", 1, true },	 { "--warmup 10%", 0.1, true },
		{ "--warmup 1e-2", 0.01, true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct args *a = ok(t[i].line);

		ck_assert_double_eq_tol(a->warmup.value, t[i].value, 1e-15);
		ck_assert_int_eq(a->warmup.fraction, t[i].fraction);
	}
	ck_assert_int_eq(ok("--temperature learn")->temperature.word, 0);
	ck_assert_int_eq(ok("--temperature 0.07")->temperature.word,
			 MM_WORD_NUMBER);
	ck_assert_double_eq(ok("--temperature 0.07")->temperature.value, 0.07);
}
END_TEST

START_TEST(wrong_values_are_told)
{
	static const char *const t[][2] = {
		{ "--rows 1001", "--rows must be in -5..1000, not '1001'" },
		{ "--rows 3x", "--rows wants a whole number, not '3x'" },
		{ "--rows 99999999999999999999",
		  "--rows must be in -5..1000, not '99999999999999999999'" },
		{ "--rows=", "--rows wants a whole number, not ''" },
		{ "--lr nan", "--lr wants a number, not 'nan'" },
		{ "--lr 1e999", "--lr wants a number, not '1e999'" },
		{ "--lr -1", "--lr must be in 0..10, not '-1'" },
		{ "--size 9T9", "--size wants a number of bytes (512, 64k, "
				"10M, 2G), not '9T9'" },
		{ "--size 9999999T",
		  "--size must be in 1..1099511627776, not '9999999T'" },
		{ "--mean 1,2", "--mean must be in 0..1, not '1,2'" },
		{ "--mean 1,1",
		  "--mean wants 3 numbers with commas between, not '1,1'" },
		{ "--mean 1,1,1,1",
		  "--mean wants 3 numbers with commas between, not "
		  "'1,1,1,1'" },
		{ "-k 1.5", "--k wants whole numbers, not '1.5'" },
		{ "-k 1,,2", "--k wants whole numbers, not '1,,2'" },
		{ "--warmup 1.5",
		  "--warmup as a fraction must be in 0..1, not '1.5'" },
		{ "--warmup 101%",
		  "--warmup as a fraction must be in 0..1, not '101%'" },
		{ "--warmup x", "--warmup wants a number, a fraction or a "
				"percentage, not 'x'" },
		{ "--temperature t",
		  "--temperature wants learn or a number, not 't'" },
		{ "--extent 0", "--extent must be in 1..65536, not '0'" },
		{ "--extent 5x0", "--extent must be in 1..65536, not '5x0'" },
		{ "--extent 5x", "--extent wants N or WxH in pixels, not "
				 "'5x'" },
		{ "--kind TSV", "--kind wants auto, folder or tsv, not "
				"'TSV'" },
		{ "--shard 2/2", "--shard counts from 0 to N-1, not '2/2'" },
		{ "--shard 1", "--shard wants I/N, as in 0/8, not '1'" },
		{ "-j 0", "--threads must be in 1..4096, not '0'" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		bad(t[i][0], t[i][1]);
	bad("--output=", "--output wants a name, not ''");
}
END_TEST

START_TEST(wrong_names_are_told)
{
	bad("--row 3", "unknown option '--row'; did you mean '--rows'?");
	bad("--shufle", "unknown option '--shufle'; did you mean "
			"'--shuffle'?");
	bad("--no-rows", "unknown option '--no-rows'; did you mean '--rows'?");
	bad("--frobnicate=3", "unknown option '--frobnicate'");
	bad("-rz", "unknown option '-z'");
	bad("--raw=yes", "'--raw' takes no value");
	bad("--rows", "no value given for '--rows'");
	bad("-rn", "no value given for '-n'");
}
END_TEST

START_TEST(help_wins_over_what_follows)
{
	ok("-h --nonesuch");
	ck_assert(parsed.help);
}
END_TEST

/* A config file with `text`, parsed with `more` on the command line. */
static int with_config(const char *text, const char *more)
{
	char path[128], line[384];
	int fd, rc;

	ck_assert(tmp_template(path, sizeof(path), "opt"));
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	snprintf(line, sizeof(line), "%s --config %s", more, path);
	rc = parse(line);
	unlink(path);
	return rc;
}

START_TEST(config_gives_way_to_the_command_line)
{
	const struct args *a;

	ck_assert_int_eq(with_config("# rates\nrows = 3\r\n\n name=a b \n"
				     "name = c\nno-shuffle = yes\nraw=on\n"
				     "lr = 2",
				     "--lr 1"),
			 MM_OK);
	a = parsed.args;
	ck_assert_int_eq(a->rows, 3);
	ck_assert_uint_eq(a->names.n, 2);
	ck_assert_str_eq(a->names.item[0], "a b");
	ck_assert(!a->shuffle && a->raw);
	ck_assert_double_eq(a->lr, 1);
	ck_assert_int_eq(with_config("name = a\nname = b\nraw = yes\n",
				     "--name c --no-raw"),
			 MM_OK);
	a = parsed.args;
	ck_assert_uint_eq(a->names.n, 1);
	ck_assert_str_eq(a->names.item[0], "c");
	ck_assert(!a->raw);
}
END_TEST

START_TEST(config_errors_name_the_line)
{
	ck_assert_int_eq(with_config("rows = 1\n\nrwos = 2\n", ""),
			 MM_ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, ", line 3: unknown option "
					      "'--rwos'; did you mean"));
	ck_assert_int_eq(with_config("rows\n", ""), MM_ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "no '=' in 'rows'"));
	ck_assert_int_eq(with_config("raw = perhaps\n", ""), MM_ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "'raw' wants yes or no"));
	ck_assert_int_eq(with_config("rows = x\n", ""), MM_ERR_USAGE);
	ck_assert_int_eq(with_config("config = y\n", ""), MM_ERR_USAGE);
	ck_assert_int_eq(with_config("help = yes\n", ""), MM_ERR_USAGE);
	ck_assert_int_eq(parse("--config /nonesuch"), MM_ERR_IO);
}
END_TEST

START_TEST(every_option_is_described)
{
	struct mm_buf help = { 0 }, man = { 0 };
	char name[64];

	mm_describe_help(&help, &cmd);
	mm_describe_man(&man, &cmd);
	for (const struct mm_opt *o = opts; o->kind; o++) {
		if (!o->name)
			continue;
		snprintf(name, sizeof(name), "%s%s",
			 strcmp(o->name, "shuffle") ? "--" : "--[no-]",
			 o->name);
		ck_assert_msg(strstr(help.data, name) != NULL, "%s", name);
	}
	ck_assert_ptr_nonnull(strstr(help.data, "[0.5,0.25,1]"));
	ck_assert_ptr_nonnull(strstr(help.data, "--size BYTES"));
	ck_assert_ptr_nonnull(strstr(help.data, "[1M]"));
	ck_assert_ptr_nonnull(strstr(man.data, "\\-\\-temperature\\fR "
					       "\\fIlearn|VALUE\\fR"));
	mm_buf_release(&help);
	mm_buf_release(&man);
}
END_TEST

START_TEST(distance_counts_edits)
{
	ck_assert_uint_eq(mm_edit_distance("rows", "rows"), 0);
	ck_assert_uint_eq(mm_edit_distance("rwos", "rows"), 1);
	ck_assert_uint_eq(mm_edit_distance("row", "rows"), 1);
	ck_assert_uint_eq(mm_edit_distance("", "rows"), 4);
	ck_assert_uint_eq(mm_edit_distance("kitten", "sitting"), 3);
}
END_TEST

START_TEST(shards_part_the_samples)
{
	const struct mm_shard all = { 0, 0 };
	size_t n = 0;

	for (uint64_t i = 0; i < 20; i++) {
		ck_assert(mm_shard_has(&all, i));
		for (int64_t k = 0; k < 3; k++)
			n += mm_shard_has(&(struct mm_shard){ k, 3 }, i);
	}
	ck_assert_uint_eq(n, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cmd_opt");
	TCase *tc = tcase_create("options");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, defaults_stand);
	tcase_add_test(tc, options_and_operands_mix);
	tcase_add_test(tc, every_kind_takes_its_values);
	tcase_add_test(tc, amounts_are_counts_or_shares);
	tcase_add_test(tc, wrong_values_are_told);
	tcase_add_test(tc, wrong_names_are_told);
	tcase_add_test(tc, help_wins_over_what_follows);
	tcase_add_test(tc, config_gives_way_to_the_command_line);
	tcase_add_test(tc, config_errors_name_the_line);
	tcase_add_test(tc, every_option_is_described);
	tcase_add_test(tc, distance_counts_edits);
	tcase_add_test(tc, shards_part_the_samples);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
