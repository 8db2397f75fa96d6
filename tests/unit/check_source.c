/* Records, sets of ids, braces, and the list of sources as a library. */
#include "unit.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "data/braces.h"
#include "data/records.h"
#include "data/source.h"

/* ---- records ---- */

/* The records of the text, fields with '|' between, records with '/'; a bad
 * one is '!'. */
static const char *parse(const char *text, size_t n, char delimiter,
			 bool strict)
{
	static struct mm_buf out;
	struct mm_records t;
	struct mm_reader in;
	struct mm_err err;

	file_put(scratch("t"), text, n);
	mm_buf_clear(&out);
	ck_assert(!mm_reader_open(&in, scratch("t"), &err));
	ck_assert(!mm_records_open(&t, &in, "t", delimiter, strict, &err));
	for (;;) {
		const int rc = mm_records_next(&t, &err);

		ck_assert_msg(!rc || t.bad, "%s", err.msg);
		if (!rc && !t.n_fields)
			break;
		for (size_t i = 0; i < t.n_fields; i++) {
			size_t len;
			const char *s = mm_record_field(&t, i, &len);

			ck_assert_int_eq(s[len], '\0');
			if (i)
				mm_buf_addc(&out, '|');
			mm_buf_add(&out, s, len);
		}
		mm_buf_adds(&out, rc ? "!/" : "/");
	}
	mm_records_release(&t);
	mm_reader_release(&in);
	return mm_buf_str(&out);
}

static const struct {
	const char *text;
	char delimiter;
	bool strict;
	const char *want;
} records[] = {
	{ "", ',', true, "" },
	{ "\n\r\n\n", ',', true, "" },
	{ "a,b\nc,d\n", ',', true, "a|b/c|d/" },
	{ "a,b\r\nc,d", ',', true, "a|b/c|d/" },
	{ "\xef\xbb\xbf"
	  "a,b\n",
	  ',', true, "a|b/" },
	{ ",\n,,\n", ',', true, "|/||/" },
	{ "\"a\",\"b\"\n", ',', true, "a|b/" },
	{ "\"a,b\",\"c\nd\",\"e\"\"f\"\n", ',', true, "a,b|c\nd|e\"f/" },
	{ "\"\"\n\"\",x\n", ',', true, "/|x/" },
	{ "a\"b,c\n", ',', true, "a\"b|c/" },
	{ "\"a\"b,c\nd,e\n", ',', true, "!/d|e/" },
	{ "\"a,b\nc\n", ',', true, "!/c/" },
	{ "\"a\"\r\n\"b\"", ',', true, "a/b/" },
	{ "a\rb,c\n", ',', true, "a\rb|c/" },
	{ "a\tb\n\"c\"\td\n", '\t', false, "a|b/c|d/" },
	{ "\"a\tb\n", '\t', false, "\"a|b/" },
	{ "\"a\"b\tc\n", '\t', false, "\"a\"b|c/" },
	{ "\"a\nb\"\tc\n", '\t', false, "a\nb|c/" },
	{ "\"a\n\"b\n", '\t', false, "\"a/\"b/" },
	{ "\"a", '\t', false, "\"a/" },
	{ "a;b,c\nd;e\n", 0, true, "a;b|c/d;e/" },
	{ "a;b\nd;e\n", 0, true, "a|b/d|e/" },
	{ "a | b |c\n", 0, true, "a|b|c/" },
	{ "a\tb\n", 0, true, "a|b/" },
};

START_TEST(records_are_split)
{
	ck_assert_str_eq(parse(records[_i].text, strlen(records[_i].text),
			       records[_i].delimiter, records[_i].strict),
			 records[_i].want);
}
END_TEST

START_TEST(records_cross_the_reads)
{
	/* Records of growing size, each with a quoted field of line ends. */
	struct mm_buf text = { 0 }, want = { 0 };

	for (int i = 0; i < 400; i++) {
		mm_buf_printf(&text, "%d,\"", i);
		mm_buf_printf(&want, "%d|", i);
		for (int k = 0; k < i * 7; k++) {
			mm_buf_adds(&text, k % 11 ? "x" : "\n\"\"");
			mm_buf_adds(&want, k % 11 ? "x" : "\n\"");
		}
		mm_buf_adds(&text, "\"\r\n");
		mm_buf_addc(&want, '/');
	}
	ck_assert_str_eq(parse(text.data, text.len, ',', true), want.data);
	mm_buf_release(&text);
	mm_buf_release(&want);
}
END_TEST

START_TEST(lines_are_counted)
{
	static const char text[] = "a,b\n\n\"c\nd\",e\r\nf,g\n\"h\"x\ni,j\n";
	static const uint64_t lines[] = { 1, 3, 5, 6, 7 };
	struct mm_records t;
	struct mm_reader in;

	file_put(scratch("t"), text, sizeof(text) - 1);
	ck_ok(mm_reader_open(&in, scratch("t"), err));
	ck_ok(mm_records_open(&t, &in, "t", ',', true, err));
	for (int i = 0; i < 5; i++) {
		const int rc = mm_records_next(&t, NULL);

		ck_assert(!rc == (i != 3));
		ck_assert_uint_eq(t.line, lines[i]);
	}
	mm_records_release(&t);
	mm_reader_release(&in);
}
END_TEST

START_TEST(utf16_is_refused)
{
	struct mm_records t;
	struct mm_reader in;

	file_put(scratch("t"),
		 "\xff\xfe"
		 "a\0",
		 4);
	ck_ok(mm_reader_open(&in, scratch("t"), err));
	ck_fails(mm_records_open(&t, &in, "t.csv", ',', true, err),
		 MM_ERR_FORMAT, "UTF-16");
	mm_records_release(&t);
	mm_reader_release(&in);
}
END_TEST

/* ---- ids and braces ---- */

START_TEST(ids_are_counted)
{
	struct mm_idset s = { 0 };
	uint32_t before;
	char id[16];

	for (uint32_t round = 0; round < 3; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(id, sizeof(id), "%d", i);
			ck_ok(mm_idset_add(&s, id, strlen(id), &before, err));
			ck_assert_uint_eq(before, round);
		}
	}
	ck_assert_uint_eq(s.n, 20000);
	ck_ok(mm_idset_add(&s, "", 0, &before, err));
	ck_assert_uint_eq(before, 0);
	mm_idset_release(&s);
	mm_mem_fail_after(1);
	ck_fails(mm_idset_add(&s, "x", 1, &before, err), MM_ERR_NOMEM, "ids");
	mm_mem_fail_after(0);
	mm_idset_release(&s);
}
END_TEST

static const struct {
	const char *path, *want;
} braces[] = {
	{ "a", "a" },
	{ "-", "-" },
	{ "{0..2}", "0 1 2" },
	{ "a{08..11}b", "a08b a09b a10b a11b" },
	{ "{3..1}", "3 2 1" },
	{ "{000..2}", "000 001 002" },
	{ "{x,y}{1..2}", "x1 x2 y1 y2" },
	{ "{,a}", " a" },
	{ "{a}", "{a}" },
	{ "{a", "{a" },
	{ "{a..b}", "{a..b}" },
	{ "{1..}", "{1..}" },
	{ "{1..2..3}", "{1..2..3}" },
};

START_TEST(braces_expand)
{
	char path[64];
	char *in[] = { path };
	struct mm_buf got = { 0 };
	char **out;
	size_t n;

	strcpy(path, braces[_i].path);
	ck_ok(mm_braces_expand(&out, &n, in, 1, err));
	for (size_t i = 0; i < n; i++)
		mm_buf_printf(&got, "%s%s", i ? " " : "", out[i]);
	ck_assert_str_eq(mm_buf_str(&got), braces[_i].want);
	mm_buf_release(&got);
	mm_braces_free(out, n);
}
END_TEST

START_TEST(too_many_paths_are_refused)
{
	char path[] = "{0..9999}{0..9999}";
	char *in[] = { path };
	char **out;
	size_t n;

	ck_fails(mm_braces_expand(&out, &n, in, 1, err), MM_ERR_USAGE,
		 "1000000");
}
END_TEST

/* ---- sources ---- */

static void make_folder(void)
{
	ck_assert_int_eq(mkdir(scratch("f"), 0777), 0);
	file_put(scratch("f/a.png"), "A", 1);
	file_put(scratch("f/a.txt"), "one\ntwo\n", 8);
	file_put(scratch("f/b.png"), "B", 1);
	file_put(scratch("f/c.png"), "C", 1);
	file_put(scratch("f/c.txt"), "three", 5);
}

START_TEST(reading_goes_on_after_a_bad_sample)
{
	struct mm_source_options o = { .need_image = true, .need_text = true };
	const struct mm_sample *p;
	struct mm_sources s;
	struct mm_buf file = { 0 }, seen = { 0 };
	char path[192];
	char *in[] = { path };

	make_folder();
	strcpy(path, scratch("f"));
	ck_ok(mm_sources_open(&s, in, 1, &o, err));
	for (;;) {
		struct mm_err why = { 0 };
		const int rc = mm_sources_next(&s, &p, &why);
		const void *bytes;
		size_t size;

		if (rc) {
			ck_assert(s.bad_sample && !p);
			ck_assert_str_eq(mm_sources_bad_id(&s), "b");
			ck_assert_ptr_nonnull(strstr(why.msg, "no text"));
			mm_buf_printf(&seen, "!%u ", (unsigned)s.position);
			continue;
		}
		if (!p)
			break;
		ck_ok(mm_sample_image(p, &file, &bytes, &size, err));
		mm_buf_printf(&seen, "%s=%s:%.*s@%u ", p->id.str, p->text.str,
			      (int)size, (const char *)bytes,
			      (unsigned)s.position);
	}
	ck_assert_str_eq(mm_buf_str(&seen),
			 "a#0=one:A@0 a#1=two:A@1 !2 c=three:C@3 ");
	mm_sources_release(&s);
	mm_buf_release(&file);
	mm_buf_release(&seen);
}
END_TEST

START_TEST(a_source_that_cannot_be_read_ends_it)
{
	struct mm_source_options o = { 0 };
	const struct mm_sample *p;
	struct mm_sources s;
	char path[192], nowhere[] = "/nonexistent.tsv";
	char *in[] = { path, nowhere };

	strcpy(path, scratch("x.bin"));
	file_put(path, "\0\1\2", 3);
	ck_fails(mm_sources_open(&s, in, 2, &o, err), MM_ERR_IO, nowhere);
	ck_ok(mm_sources_open(&s, in, 1, &o, err));
	ck_fails(mm_sources_next(&s, &p, err), MM_ERR_FORMAT, "--kind");
	ck_assert(!s.bad_sample);
	mm_sources_release(&s);
	o.kind = "nonesuch";
	ck_ok(mm_sources_open(&s, in, 1, &o, err));
	ck_fails(mm_sources_next(&s, &p, err), MM_ERR_USAGE, "nonesuch");
	mm_sources_release(&s);
}
END_TEST

/* Everything from folder and table to stream and back, with memory failing at
 * every allocation in turn. */
START_TEST(lack_of_memory_is_an_error)
{
	struct mm_source_options o = { 0 };
	const struct mm_sample *p;
	char folder[192], table[192];
	char *in[] = { folder, table };
	struct mm_buf scratch_text = { 0 };
	bool done = false;
	long n;

	make_folder();
	strcpy(folder, scratch("f"));
	strcpy(table, scratch("t.csv"));
	file_put(table, "image,text,label\nf/a.png,x,cat\nf/a.png,y,2\n", 43);
	for (n = 1; !done && n < 2000; n++) {
		struct mm_stream_writer w = { 0 };
		struct mm_sources s = { 0 };
		int rc;

		mm_mem_fail_after(n);
		rc = mm_stream_writer_open(&w, scratch("o.mmt"), NULL);
		if (!rc)
			rc = mm_sources_open(&s, in, 2, &o, NULL);
		while (!rc && !(rc = mm_sources_next(&s, &p, NULL)) && p) {
			rc = mm_sample_put(&w, p, NULL, &scratch_text, NULL);
			if (!rc)
				rc = mm_stream_end_row(&w, NULL);
		}
		if (!rc)
			rc = mm_stream_commit(&w, NULL);
		else
			mm_stream_abort(&w);
		mm_mem_fail_after(0);
		mm_sources_release(&s);
		done = !rc;
	}
	ck_assert(done && n > 50);
	mm_buf_release(&scratch_text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("source");

	tcase_add_checked_fixture(tc, scratch_begin, scratch_end);
	tcase_add_loop_test(tc, records_are_split, 0,
			    sizeof(records) / sizeof(*records));
	tcase_add_test(tc, records_cross_the_reads);
	tcase_add_test(tc, lines_are_counted);
	tcase_add_test(tc, utf16_is_refused);
	tcase_add_test(tc, ids_are_counted);
	tcase_add_loop_test(tc, braces_expand, 0,
			    sizeof(braces) / sizeof(*braces));
	tcase_add_test(tc, too_many_paths_are_refused);
	tcase_add_test(tc, reading_goes_on_after_a_bad_sample);
	tcase_add_test(tc, a_source_that_cannot_be_read_ends_it);
	tcase_add_test(tc, lack_of_memory_is_an_error);
	return unit_run("source", tc);
}
