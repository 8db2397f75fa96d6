/* JSON in and out, and UTF-8. */
#include "unit.h"

#include <math.h>

#include "base/json.h"
#include "base/utf8.h"

static struct mm_json *parse(const char *text)
{
	struct mm_json *v = NULL;

	ck_ok(mm_json_parse(&v, text, strlen(text), "t.json", err));
	return v;
}

START_TEST(values_are_found)
{
	struct mm_json *v = parse("{\"a\": [1, 2.5, \"x\\u00e9\", null, true], "
				  "\"b\": {\"c\": -7}}");
	const struct mm_json *a = mm_json_get(v, "a");

	ck_assert_uint_eq(mm_json_size(v), 2);
	ck_assert_uint_eq(mm_json_size(a), 5);
	ck_assert_int_eq(mm_json_int(mm_json_at(a, 0), 0), 1);
	ck_assert_double_eq(mm_json_num(mm_json_at(a, 0), 0), 1);
	ck_assert_double_eq(mm_json_num(mm_json_at(a, 1), 0), 2.5);
	ck_assert_str_eq(mm_json_str(mm_json_at(a, 2), ""), "x\xc3\xa9");
	ck_assert_uint_eq(mm_json_str_len(mm_json_at(a, 2)), 3);
	ck_assert_int_eq(mm_json_type(mm_json_at(a, 3)), MM_JSON_NULL);
	ck_assert(mm_json_bool(mm_json_at(a, 4), false));
	ck_assert_int_eq(mm_json_int(mm_json_get(mm_json_get(v, "b"), "c"), 0),
			 -7);
	mm_json_free(v);
}
END_TEST

START_TEST(absence_falls_back_through_chains)
{
	struct mm_json *v = parse("{\"a\": 1}");
	const struct mm_json *none = mm_json_get(mm_json_get(v, "x"), "y");

	ck_assert_ptr_null(none);
	ck_assert_int_eq(mm_json_type(none), MM_JSON_ABSENT);
	ck_assert_int_eq(mm_json_int(none, 5), 5);
	ck_assert_int_eq(mm_json_int(mm_json_get(mm_json_get(v, "a"), "b"), 6),
			 6);
	ck_assert_ptr_null(mm_json_at(v, 0));
	ck_assert_ptr_null(mm_json_str(mm_json_get(v, "a"), NULL));
	ck_assert_uint_eq(mm_json_size(none), 0);
	mm_json_free(v);
	mm_json_free(NULL);
}
END_TEST

START_TEST(members_come_in_the_order_of_the_file)
{
	struct mm_json *v = parse("{\"z\":1,\"a\":2,\"m\":3}");
	const struct mm_json *value;
	char keys[8] = "";
	const char *key;
	void *it = NULL;
	int64_t sum = 0;

	while (mm_json_next(v, &it, &key, &value)) {
		strcat(keys, key);
		sum = sum * 10 + mm_json_int(value, 0);
	}
	ck_assert_str_eq(keys, "zam");
	ck_assert_int_eq(sum, 123);
	mm_json_free(v);
}
END_TEST

static const struct {
	const char *text, *says;
} broken[] = {
	{ "", "line 1" },
	{ "{", "t.json" },
	{ "{\"a\":}", "column" },
	{ "{\"a\":1,}", "column" },
	{ "{\"a\":1}x", "end of file expected" },
	{ "[1 2]", "column" },
	{ "{\"a\":1,\"a\":2}", "duplicate" },
	{ "\"\xff\"", "decode byte 0xff" },
	{ "\"\xed\xa0\x80\"", "decode byte 0xed" },
	{ "\"\\ud800\"", "column" },
	{ "1e999", "overflow" },
	{ "nul", "column" },
	{ "{'a':1}", "column" },
	{ "[\n1,\n2,,\n]", "line 3" },
	{ "\"a\nb\"", "unexpected newline" },
};

START_TEST(broken_text_is_refused_with_its_place)
{
	struct mm_json *v;

	ck_fails(mm_json_parse(&v, broken[_i].text, strlen(broken[_i].text),
			       "t.json", err),
		 MM_ERR_FORMAT, broken[_i].says);
	ck_assert_ptr_null(v);
}
END_TEST

START_TEST(numbers_beyond_64_bits_become_real)
{
	static const char text[] =
		"{\"limit\": 1000000000000000019884624838656, \"neg\": "
		"-99999999999999999999, \"s\": \"1000000000000000000000\\\"\", "
		"\"i\": 9223372036854775807, \"x\": "
		"0.12345678901234567890123}";
	struct mm_json *j;
	struct mm_err err;

	ck_assert_int_eq(mm_json_parse(&j, text, sizeof(text) - 1, "t", &err),
			 MM_OK);
	ck_assert_int_eq(mm_json_type(mm_json_get(j, "limit")), MM_JSON_REAL);
	ck_assert(mm_json_num(mm_json_get(j, "limit"), 0) == 1e30);
	ck_assert(mm_json_num(mm_json_get(j, "neg"), 0) == -1e20);
	ck_assert_str_eq(mm_json_str(mm_json_get(j, "s"), ""),
			 "1000000000000000000000\"");
	ck_assert(mm_json_num(mm_json_get(j, "i"), 0) == 0x1p63);
	mm_json_free(j);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	enum { N = 200000 };
	char *text = malloc(N);
	struct mm_json *v;

	memset(text, '[', N);
	ck_fails(mm_json_parse(&v, text, N, "t.json", err), MM_ERR_FORMAT,
		 "depth");
	free(text);
}
END_TEST

START_TEST(wanted_members_are_checked)
{
	struct mm_json *v = parse("{\"n\": 3, \"x\": 0.5, \"s\": \"t\", "
				  "\"b\": true, \"z\": null}");
	int64_t n = 9;
	double x = 9;
	const char *s = "d";
	bool b = false;

	ck_ok(mm_json_want_int(v, "n", 0, 5, &n, err));
	ck_ok(mm_json_want_num(v, "x", 0, 1, &x, err));
	ck_ok(mm_json_want_str(v, "s", &s, err));
	ck_ok(mm_json_want_bool(v, "b", &b, err));
	ck_assert(n == 3 && x > 0.4 && !strcmp(s, "t") && b);
	ck_ok(mm_json_want_int(v, "absent", 0, 5, &n, err));
	ck_ok(mm_json_want_int(v, "z", 0, 5, &n, err));
	ck_assert_int_eq(n, 3);
	ck_fails(mm_json_want_int(v, "n", 4, 5, &n, err), MM_ERR_FORMAT, "'n'");
	ck_fails(mm_json_want_int(v, "s", 0, 5, &n, err), MM_ERR_FORMAT,
		 "not a string");
	ck_fails(mm_json_want_num(v, "x", 1, 2, &x, err), MM_ERR_FORMAT, "0.5");
	ck_fails(mm_json_want_str(v, "n", &s, err), MM_ERR_FORMAT, "'n'");
	ck_fails(mm_json_want_bool(v, "n", &b, err), MM_ERR_FORMAT, "'n'");
	mm_json_free(v);
}
END_TEST

START_TEST(written_text_reads_back)
{
	static const double xs[] = { 0.1, 1.0 / 3,  1e300, -2.5e-310,
				     5,	  1e15 + 1, -0.0 };
	struct mm_buf b = { 0 };
	struct mm_json_writer w;
	struct mm_json *v;
	const struct mm_json *a;

	mm_json_writer_init(&w, &b, _i * 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "s", "q\"\\\n\t\x01\x7f\xc3\xa9");
	mm_json_put_strn(&w, "n", "a\0b", 3);
	mm_json_put_int(&w, "i", INT64_MIN);
	mm_json_put_bool(&w, "b", true);
	mm_json_put_null(&w, "z");
	mm_json_put_num(&w, "nan", NAN);
	mm_json_open(&w, "e", '{');
	mm_json_close(&w);
	mm_json_open(&w, "x", '[');
	for (size_t i = 0; i < sizeof(xs) / sizeof(*xs); i++)
		mm_json_put_num(&w, NULL, xs[i]);
	mm_json_close(&w);
	mm_json_close(&w);
	ck_assert(!b.failed);
	v = parse(mm_buf_str(&b));
	ck_assert_str_eq(mm_json_str(mm_json_get(v, "s"), ""),
			 "q\"\\\n\t\x01\x7f\xc3\xa9");
	ck_assert_uint_eq(mm_json_str_len(mm_json_get(v, "n")), 3);
	ck_assert(mm_json_int(mm_json_get(v, "i"), 0) == INT64_MIN);
	ck_assert_int_eq(mm_json_type(mm_json_get(v, "nan")), MM_JSON_NULL);
	a = mm_json_get(v, "x");
	for (size_t i = 0; i < sizeof(xs) / sizeof(*xs); i++)
		ck_assert(mm_json_num(mm_json_at(a, i), 7) == xs[i]);
	mm_buf_clear(&b);
	mm_json_dump(&b, mm_json_get(v, "e"));
	ck_assert_str_eq(mm_buf_str(&b), "{}");
	mm_json_free(v);
	mm_buf_release(&b);
}
END_TEST

START_TEST(a_deep_value_is_written_whole)
{
	enum { N = 2047 };
	struct mm_buf b = { 0 };
	char text[2 * N + 1];
	struct mm_json *v;

	memset(text, '[', N);
	memset(text + N, ']', N);
	text[2 * N] = '\0';
	v = parse(text);
	mm_json_dump(&b, v);
	ck_assert_str_eq(mm_buf_str(&b), text);
	mm_json_free(v);
	mm_buf_release(&b);
}
END_TEST

START_TEST(files_are_named)
{
	struct mm_json *v;

	ck_fails(mm_json_load(&v, "/nonexistent.json", err), MM_ERR_IO,
		 "/nonexistent.json");
	scratch_begin();
	file_put(scratch("c.json"), "{\"a\":\n", 6);
	ck_fails(mm_json_load(&v, scratch("c.json"), err), MM_ERR_FORMAT,
		 "c.json");
	scratch_end();
}
END_TEST

static const struct {
	const char *text;
	size_t n, good;
} utf8[] = {
	{ "", 0, 0 },
	{ "abc", 3, 3 },
	{ "a\0b", 3, 3 },
	{ "\xc3\xa9", 2, 2 },
	{ "\xe2\x82\xac", 3, 3 },
	{ "\xf0\x9f\x98\x80", 4, 4 },
	{ "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "x\xf4\x90\x80\x80", 5, 1 }, /* beyond U+10FFFF */
	{ "\xc0\xaf", 2, 0 },	       /* long form of '/' */
	{ "\xe0\x9f\xbf", 3, 0 },      /* long form */
	{ "\xf0\x8f\xbf\xbf", 4, 0 },  /* long form */
	{ "\xed\xa0\x80", 3, 0 },      /* surrogate */
	{ "\xed\x9f\xbf", 3, 3 },
	{ "\xee\x80\x80", 3, 3 },
	{ "ab\x80", 3, 2 },
	{ "ab\xe2\x82", 4, 2 }, /* cut short */
	{ "\xff\xfe", 2, 0 },
	{ "\xc3(", 2, 0 },
};

START_TEST(utf8_is_told_from_noise)
{
	ck_assert_uint_eq(mm_utf8_prefix(utf8[_i].text, utf8[_i].n),
			  utf8[_i].good);
}
END_TEST

static const struct {
	float x;
	const char *text;
} f32[] = {
	{ 0, "0.0" },
	{ -0.0f, "-0.0" },
	{ 1, "1.0" },
	{ -0.5f, "-0.5" },
	{ 100, "100.0" },
	{ 0.1f, "0.100000001" },
	{ 123456792, "123456792.0" },
	{ 3e-5f, "0.0000299999992" },
	{ 1e-7f, "1.00000001e-07" },
	{ 3e38f, "3.00000001e+38" },
	{ NAN, "null" },
	{ -INFINITY, "null" },
};

START_TEST(floats_are_written_short)
{
	struct mm_buf b = { 0 };
	struct mm_json_writer w;

	mm_json_writer_init(&w, &b, 0);
	mm_json_put_f32(&w, NULL, f32[_i].x);
	ck_assert_str_eq(mm_buf_str(&b), f32[_i].text);
	mm_buf_release(&b);
}
END_TEST

/* Patterns from all over the 2^32; read as a double first, as others do. */
START_TEST(every_float_reads_back)
{
	struct mm_buf b = { 0 };

	for (uint64_t i = 0; i < 300000; i++) {
		uint32_t bits = (uint32_t)(i * 2654435761u + (i >> 7));
		struct mm_json_writer w;
		float x;

		if (i & 1) /* as in vectors of unit length */
			bits = (bits & 0x83ffffff) | 0x3c000000;
		memcpy(&x, &bits, sizeof(x));
		if (!isfinite(x))
			continue;
		mm_buf_clear(&b);
		mm_json_writer_init(&w, &b, 0);
		mm_json_put_f32(&w, NULL, x);
		ck_assert_msg((float)strtod(mm_buf_str(&b), NULL) == x &&
				      strtof(mm_buf_str(&b), NULL) == x,
			      "%a became %s", (double)x, mm_buf_str(&b));
	}
	mm_buf_release(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("json");

	tcase_add_test(tc, values_are_found);
	tcase_add_test(tc, absence_falls_back_through_chains);
	tcase_add_test(tc, members_come_in_the_order_of_the_file);
	tcase_add_loop_test(tc, broken_text_is_refused_with_its_place, 0,
			    sizeof(broken) / sizeof(*broken));
	tcase_add_test(tc, numbers_beyond_64_bits_become_real);
	tcase_add_test(tc, deep_nesting_is_refused);
	tcase_add_test(tc, wanted_members_are_checked);
	tcase_add_loop_test(tc, written_text_reads_back, 0, 2);
	tcase_add_test(tc, a_deep_value_is_written_whole);
	tcase_add_loop_test(tc, floats_are_written_short, 0,
			    sizeof(f32) / sizeof(*f32));
	tcase_add_test(tc, every_float_reads_back);
	tcase_add_test(tc, files_are_named);
	tcase_add_loop_test(tc, utf8_is_told_from_noise, 0,
			    sizeof(utf8) / sizeof(*utf8));
	return unit_run("json", tc);
}
