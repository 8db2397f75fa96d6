/* Bodies of requests: forms, JSON, data URIs; and keys. */
#include "unit.h"

#include "base/mem.h"
#include "serve/call.h"
#include "serve/keys.h"

static const struct mm_call_limits limits = {
	.inputs = 4, .text_bytes = 64, .embed_dim = 40, .model = "clip"
};

/* ---- multipart ---- */

#define FORM	   "multipart/form-data; boundary=xyz"
#define FIELD	   "Content-Disposition: form-data; name="
#define PART(n, v) "--xyz\r\n" FIELD n "\r\n\r\n" v "\r\n"

struct parts {
	struct mm_part part[8];
	int n;
};

static int collect(void *ctx, const struct mm_part *part, struct mm_err *err)
{
	struct parts *p = ctx;

	if (p->n == 8)
		return mm_fail(err, MM_ERR_REFUSED, "enough");
	p->part[p->n++] = *part;
	return MM_OK;
}

static int parse(struct parts *p, const char *body, size_t n,
		 struct mm_err *err)
{
	const struct mm_span boundary = { "xyz", 3 };

	p->n = 0;
	return mm_multipart_parse(body, n, boundary, collect, p, err);
}

static bool span_is(struct mm_span s, const char *text)
{
	return s.at && s.len == strlen(text) && !memcmp(s.at, text, s.len);
}

START_TEST(parts_are_found_in_place)
{
	static const char body[] =
		"preamble\r\n--xyz \t\r\n"
		"content-disposition:form-data ; filename=\"a \\\"b\\\".png\" "
		"; name=image\r\n"
		"Content-Type:  image/png \r\nX-Other: y\r\n\r\n"
		"\r\n--xy\r\n\0--xyz--\r\n\r\n"
		"--xyz\r\n" FIELD "\"text\"\r\n\r\n\r\n"
		"--xyz--\r\nepilogue --xyz";
	struct parts p;

	ck_ok(parse(&p, body, sizeof(body) - 1, err));
	ck_assert_int_eq(p.n, 2);
	ck_assert(span_is(p.part[0].name, "image"));
	ck_assert(span_is(p.part[0].filename, "a \\\"b\\\".png"));
	ck_assert(span_is(p.part[0].type, "image/png"));
	ck_assert_uint_eq(p.part[0].data.len, 18);
	ck_assert(!memcmp(p.part[0].data.at, "\r\n--xy\r\n\0--xyz--\r\n", 18));
	ck_assert(span_is(p.part[1].name, "text"));
	ck_assert_ptr_null(p.part[1].filename.at);
	ck_assert(span_is(p.part[1].data, ""));
}
END_TEST

static const struct {
	const char *body, *says;
} broken[] = {
	{ "", "byte 0: no boundary" },
	{ "--xy\r\n", "byte 0: no boundary" },
	{ "--xyz", "byte 5: no line end" },
	{ "--xyzz\r\n", "byte 5: no line end" },
	{ "--xyz\r\n", "byte 7: a header line does not end" },
	{ "--xyz\r\nA: b\r\n", "byte 13: a header line does not end" },
	{ "--xyz\r\nA: b\r\n\r\n", "byte 13: a part without" },
	{ "--xyz\r\n: b\r\n\r\n", "without a name" },
	{ "--xyz\r\nnothing\r\n\r\n", "without a name" },
	{ "--xyz\r\n" FIELD "\"a\"\r\n\r\nx", "no boundary behind" },
	{ "--xyz\r\n" FIELD "\"a\"\r\n\r\nx--xyz--\r\n", "no boundary behind" },
	{ "--xyz\r\n" FIELD "\"a\r\n\r\nx\r\n--xyz--", "names no field" },
	{ "--xyz\r\n" FIELD "\r\n\r\nx\r\n--xyz--", "names no field" },
	{ "--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n"
	  "--xyz--",
	  "names no field" },
	{ "--xyz\r\n" FIELD "a\r\n" FIELD "b\r\n\r\nx\r\n--xyz--",
	  "names no field" },
	{ "--xyz\r\n" FIELD "a\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	  "x\r\n--xyz--",
	  "only Content-Transfer-Encoding binary" },
	{ PART("a", "x") "--xyz", "no line end behind" },
};

START_TEST(broken_forms_are_placed)
{
	struct parts p;

	ck_fails(parse(&p, broken[_i].body, strlen(broken[_i].body), err),
		 MM_ERR_FORMAT, broken[_i].says);
}
END_TEST

START_TEST(an_answer_ends_the_parsing)
{
	static const char body[] = PART("a", "1") PART("a", "2") PART("a", "3")
		PART("a", "4") PART("a", "5") PART("a", "6") PART("a", "7")
			PART("a", "8") PART("a", "9") "--xyz--";
	struct parts p;

	ck_fails(parse(&p, body, sizeof(body) - 1, err), MM_ERR_REFUSED,
		 "enough");
	ck_assert_int_eq(p.n, 8);
}
END_TEST

static const struct {
	const char *type, *boundary; /* NULL: refused */
} types[] = {
	{ "multipart/form-data; boundary=abc", "abc" },
	{ "multipart/form-data;boundary=\"a b\"", "a b" },
	{ "multipart/form-data ; charset=utf-8; BOUNDARY=abc ;", "abc" },
	{ "multipart/form-data", NULL },
	{ "multipart/form-data; boundary=", NULL },
	{ "multipart/form-data; boundary", NULL },
	{ "multipart/form-data; boundary=\"abc", NULL },
	{ "multipart/form-data; boundary=\"\"", NULL },
	{ "multipart/form-data; boundary="
	  "01234567890123456789012345678901234567890123456789012345678901234567"
	  "890",
	  NULL },
};

START_TEST(boundaries_are_read)
{
	struct mm_span b;

	if (!types[_i].boundary) {
		ck_fails(mm_multipart_boundary(&b, types[_i].type, err),
			 MM_ERR_FORMAT, "boundary");
		return;
	}
	ck_ok(mm_multipart_boundary(&b, types[_i].type, err));
	ck_assert(span_is(b, types[_i].boundary));
	ck_assert(mm_media_type_is(types[_i].type, "Multipart/Form-Data"));
	ck_assert(!mm_media_type_is(types[_i].type, "multipart/form"));
}
END_TEST

/* ---- calls ---- */

START_TEST(pictures_come_first_in_forms)
{
	static const char body[] =
		PART("text", "one") PART("image; filename=a", "PIXELS")
			PART("other", "?") PART("text", "two")
				PART("image", "data:image/png;base64,QUJD")
					PART("k", "7") "--xyz--\r\n";
	struct mm_problem p;
	struct mm_call c;

	ck_assert_int_eq(mm_call_inference(&c, FORM, body, sizeof(body) - 1,
					   &limits, &p),
			 0);
	ck_assert_uint_eq(c.n, 4);
	ck_assert_uint_eq(c.n_images, 2);
	ck_assert(c.input[0].image && !c.input[0].base64);
	ck_assert(span_is(c.input[0].data, "PIXELS"));
	ck_assert(c.input[1].image && c.input[1].base64);
	ck_assert(span_is(c.input[1].data, "QUJD"));
	ck_assert_str_eq(c.input[1].name, "image[1]");
	ck_assert(span_is(c.input[2].data, "one"));
	ck_assert(span_is(c.input[3].data, "two"));
	ck_assert_str_eq(c.input[3].name, "text[1]");
	ck_assert_int_eq(c.k, 7);
	mm_call_release(&c);
}
END_TEST

static int embeddings(struct mm_call *c, const char *body, struct mm_problem *p)
{
	return mm_call_embeddings(c, "application/json; charset=utf-8", body,
				  strlen(body), &limits, p);
}

START_TEST(inputs_keep_their_order)
{
	struct mm_problem p;
	struct mm_call c;

	ck_assert_int_eq(
		embeddings(
			&c,
			"{\"model\": \"clip\", \"encoding_format\": "
			"\"base64\", \"dimensions\": 40, \"user\": 1,"
			"\"input\": [\"a\", \"data:image/jpeg;base64,QQ==\", "
			"{\"text\": \"data:image/png;base64,QQ==\"}, "
			"{\"image\": \"QQ==\"}]}",
			&p),
		0);
	ck_assert(c.base64);
	ck_assert_uint_eq(c.n, 4);
	ck_assert_uint_eq(c.n_images, 2);
	ck_assert(!c.input[0].image && c.input[1].image && !c.input[2].image &&
		  c.input[3].image);
	ck_assert(span_is(c.input[1].data, "QQ=="));
	ck_assert(span_is(c.input[2].data, "data:image/png;base64,QQ=="));
	ck_assert_str_eq(c.input[3].name, "input[3]");
	mm_call_release(&c);
	ck_assert_int_eq(embeddings(&c,
				    "{\"modality\": \"image\", \"input\": "
				    "\"QQ==\"}",
				    &p),
			 0);
	ck_assert(c.input[0].image && c.input[0].base64 && !c.base64);
	mm_call_release(&c);
}
END_TEST

/* Whatever is refused is so without a leak: half of it was read. */
static const struct {
	const char *body;
	int status;
	const char *param;
} refused[] = {
	{ "", 400, "" },
	{ "nul", 400, "" },
	{ "null", 422, "" },
	{ "\"text\"", 422, "" },
	{ "{\"input\": [\"a\", 1]}", 422, "input[1]" },
	{ "{\"input\": [\"a\", [\"b\"]]}", 422, "input[1]" },
	{ "{\"input\": {\"image\": \"file:///etc/passwd\"}}", 422, "input" },
	{ "{\"input\": {\"image\": \"http://a/\"}}", 422, "input" },
	{ "{\"input\": {\"image\": null}}", 422, "input" },
	{ "{\"input\": {\"audio\": \"a\"}}", 422, "input" },
	{ "{\"input\": [\"a\",\"b\",\"c\",\"d\",\"e\"]}", 422, "input[4]" },
	{ "{\"input\": \"a\", \"model\": \"\"}", 404, "model" },
	{ "{\"input\": \"a\", \"dimensions\": 512}", 422, "dimensions" },
	{ "{\"input\": \"a\", \"dimensions\": 40.0}", 422, "dimensions" },
	{ "{\"input\": \"a\", \"encoding_format\": 1}", 422,
	  "encoding_format" },
	{ "{\"input\": \"a\", \"modality\": []}", 422, "modality" },
};

START_TEST(refusals_name_the_field)
{
	struct mm_problem p = { 0 };
	struct mm_call c;

	ck_assert_int_eq(embeddings(&c, refused[_i].body, &p),
			 refused[_i].status);
	ck_assert_int_eq(p.status, refused[_i].status);
	ck_assert_str_eq(p.param, refused[_i].param);
	ck_assert(p.message[0]);
	mm_call_release(&c);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
	static const char json[] = "{\"image\": [\"QQ==\", \"QQ==\"], "
				   "\"text\": \"b\"}";
	struct mm_problem p;
	struct mm_call c;
	int rc = 1;

	for (long n = 1; rc; n++) {
		mm_mem_fail_after(n);
		rc = mm_call_inference(&c, "application/json", json,
				       strlen(json), &limits, &p);
		mm_mem_fail_after(0);
		ck_assert(!rc || rc == 500);
		mm_call_release(&c);
	}
}
END_TEST

/* $ stands for 3,000 letters; lifted: how many such strings are taken out. */
static const struct {
	const char *body;
	size_t lifted;
	int status;
	const char
		*says; /* NULL: the first input begins with "data:" or is $ */
} large[] = {
	{ "{\"input\": {\"image\": \"data:image/png;base64,$\"}}", 1, 0, NULL },
	{ "{\"input\": [{\"image\": \"$\"}, \"a \\\"b\\\\\", "
	  "{\"image\":\"$\"}]}",
	  2, 0, NULL },
	/* with an escape, a letter beyond ASCII, as a name, or a short one */
	{ "{\"input\": {\"image\": \"$\\n$\"}}", 0, 0, NULL },
	{ "{\"input\": {\"image\": \"$\xc3\xa9$\"}}", 0, 0, NULL },
	{ "{\"$\" : 1, \"input\": {\"image\": \"$\"}}", 1, 0, NULL },
	{ "{\"input\": [{\"image\": \"$\"}, \"\\u00010\"]}", 0, 0, NULL },
	{ "{\"input\": \"$\"}", 1, 422, "a text of 3000 bytes" },
	{ "{\"input\": {\"image\": \"$\"}, \"model\": \"$\"}", 2, 404,
	  "no model" },
	/* told by the place in the body that came */
	{ "{\"input\": {\"image\": \"$\"}, nothing}", 1, 400, "column 30" },
	{ "{\"input\": {\"image\": \"$", 0, 400, "body" },
	{ "{\"input\": {\"image\": \"$\\", 0, 400, "body" },
};

START_TEST(long_strings_are_lifted)
{
	struct mm_problem p = { 0 };
	struct mm_buf body = { 0 };
	struct mm_call c;
	int status;

	for (const char *s = large[_i].body; *s; s++)
		for (int k = 0; k < (*s == '$' ? 3000 : 1); k++)
			mm_buf_addc(&body, *s == '$' ? 'A' : *s);
	status = mm_call_embeddings(&c, "application/json", body.data, body.len,
				    &limits, &p);
	ck_assert_int_eq(status, large[_i].status);
	if (status)
		ck_assert_msg(strstr(p.message, large[_i].says) != NULL, "'%s'",
			      p.message);
	if (status != 400)
		ck_assert_uint_eq(c.lift.n, large[_i].lifted);
	if (!status) {
		ck_assert(c.input[0].image && c.input[0].base64);
		ck_assert_uint_ge(c.input[0].data.len, 3000);
		ck_assert(c.input[0].data.at[2999] == 'A');
	}
	for (size_t i = 0; i < c.n; i++)
		if (!c.input[i].image && c.lift.n)
			ck_assert(span_is(c.input[i].data, "a \"b\\"));
	mm_call_release(&c);
	mm_buf_release(&body);
}
END_TEST

START_TEST(data_uris_are_told_apart)
{
	struct mm_span s;
	struct mm_err e;
	int rc = 0;

	ck_assert(!mm_data_uri(&s, "QUJD", 4, &rc, &e));
	ck_assert(!mm_data_uri(&s, "dat", 3, &rc, &e));
	ck_assert(mm_data_uri(&s, "DATA:Image/PNG;x=y;BASE64,QQ", 28, &rc, &e));
	ck_assert_int_eq(rc, MM_OK);
	ck_assert(span_is(s, "QQ"));
	ck_assert(mm_data_uri(&s, "data:,", 6, &rc, &e));
	ck_assert_int_eq(rc, MM_ERR_FORMAT);
	ck_assert(mm_data_uri(&s, "data:", 5, &rc, &e));
	ck_assert_int_eq(rc, MM_ERR_FORMAT);
	ck_assert(mm_data_uri(&s, "data:;base64,", 13, &rc, &e));
	ck_assert_int_eq(rc, MM_ERR_FORMAT);
	ck_assert(mm_data_uri(&s, "data:image/png,QQ", 17, &rc, &e));
	ck_assert_int_eq(rc, MM_ERR_FORMAT);
}
END_TEST

/* ---- the error's shape, keys ---- */

START_TEST(a_problem_is_json)
{
	struct mm_problem p;
	struct mm_buf b = { 0 };

	mm_problem_set(&p, 422, "image[2]", "not \"%s\"", "that\n");
	mm_problem_write(&b, &p, "id-1");
	ck_assert_str_eq(mm_buf_str(&b),
			 "{\"error\": {\"message\": \"not \\\"that\\n\\\"\", "
			 "\"type\": \"invalid_request_error\", \"code\": "
			 "\"unprocessable\", \"param\": \"image[2]\", "
			 "\"request_id\": \"id-1\"}}\n");
	mm_buf_clear(&b);
	mm_problem_set(&p, 599, NULL, "odd");
	mm_problem_write(&b, &p, "");
	ck_assert_ptr_nonnull(strstr(mm_buf_str(&b), "\"param\": null"));
	mm_buf_release(&b);
	ck_assert_str_eq(mm_status_phrase(429), "Too Many Requests");
}
END_TEST

START_TEST(keys_are_compared_whole)
{
	static const char file[] = "# ours\n\n \tkey-0123456789abc \r\n"
				   "key-0123456789abcd\n";
	struct mm_keys k;
	char longer[400];

	scratch_begin();
	file_put(scratch("keys"), file, strlen(file));
	ck_ok(mm_keys_load(&k, scratch("keys"), err));
	ck_assert_uint_eq(k.n, 2);
	ck_assert(mm_keys_have(&k, "key-0123456789abc"));
	ck_assert(mm_keys_have(&k, "key-0123456789abcd"));
	ck_assert(!mm_keys_have(&k, "key-0123456789ab"));
	ck_assert(!mm_keys_have(&k, "key-0123456789abcde"));
	ck_assert(!mm_keys_have(&k, ""));
	ck_assert(!mm_keys_have(&k, NULL));
	memset(longer, 'a', sizeof(longer));
	longer[399] = '\0';
	ck_assert(!mm_keys_have(&k, longer));
	memcpy(longer, "key-0123456789abc", 17);
	memset(longer + 17, '\0', 300);
	ck_assert(mm_keys_have(&k, longer));
	mm_keys_release(&k);
	scratch_end();
	ck_assert_str_eq(mm_keys_bearer("bearer   k"), "k");
	ck_assert_ptr_null(mm_keys_bearer("Basic k"));
	ck_assert_ptr_null(mm_keys_bearer(NULL));
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	TCase *tc = tcase_create("call");

	tcase_add_test(tc, parts_are_found_in_place);
	LOOP(tc, broken_forms_are_placed, broken);
	tcase_add_test(tc, an_answer_ends_the_parsing);
	LOOP(tc, boundaries_are_read, types);
	tcase_add_test(tc, pictures_come_first_in_forms);
	tcase_add_test(tc, inputs_keep_their_order);
	LOOP(tc, refusals_name_the_field, refused);
	tcase_add_test(tc, memory_may_run_out_anywhere);
	LOOP(tc, long_strings_are_lifted, large);
	tcase_add_test(tc, data_uris_are_told_apart);
	tcase_add_test(tc, a_problem_is_json);
	tcase_add_test(tc, keys_are_compared_whole);
	return unit_run("call", tc);
}
